package job

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/id"
)

// Runner enqueues jobs and runs them. It is safe for concurrent use.
type Runner struct {
	// Observe, when set, is told of every run that this runner has ended: the kind, how it ended, and how long the handler
	// took by the runner's clock. Metrics hang on it. It is set before Run and never after, and returns at once.
	Observe func(kind string, outcome Outcome, took time.Duration)
	// Changed, when set, is told on commit of every change that this runner makes to a job. It is set before the first
	// use and never after, and returns at once.
	Changed func(id.ID)

	db       *db.DB
	clock    clock.Clock
	logger   *slog.Logger
	settings Settings
	owner    id.ID // names this runner in leases

	origins   *origins
	wake      chan struct{}
	abandoned chan struct{} // closed when Run no longer waits for handlers
	started   atomic.Bool

	passing chan struct{} // holds a token while nobody claims: what CatchUp takes to have the jobs to itself

	mu       sync.Mutex
	stopped  bool // nothing starts any more
	kinds    map[string]*kind
	periodic []periodic
	running  map[id.ID]*Run
	wg       sync.WaitGroup // of runs

	settled func(id.ID) // for tests: told when a run has been recorded; else nil
}

// kind is a registered kind of jobs.
type kind struct {
	Options
	handler Handler
	busy    int // runs; guarded by Runner.mu
}

// New returns a runner without kinds.
func New(d *db.DB, c clock.Clock, logger *slog.Logger, settings Settings) *Runner {
	return &Runner{
		db: d, clock: c, logger: logger, settings: settings.withDefaults(), owner: id.New(Kind, c.Now()),
		wake: make(chan struct{}, 1), abandoned: make(chan struct{}), passing: free(), origins: newOrigins(settings.Tracer),
		kinds: map[string]*kind{}, running: map[id.ID]*Run{},
	}
}

func free() chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	return c
}

// changed has Changed told of a job once the transaction is committed.
func (r *Runner) changed(tx *db.Tx, x id.ID) {
	if r.Changed != nil {
		tx.OnCommit(func() { r.Changed(x) })
	}
}

// Register names the handler of a kind: 1 to 60 of a-z, 0-9, ".", "_" and "-". It is called before Run, on every node that
// enqueues such jobs. It panics for a malformed name and for one that is registered already.
func (r *Runner) Register(name string, options Options, handler Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started.Load() {
		panic("job: Register after Run")
	}
	if !validKind(name) {
		panic("job: malformed kind " + name)
	}
	if r.kinds[name] != nil {
		panic("job: kind registered twice: " + name)
	}
	r.kinds[name] = &kind{Options: options.withDefaults(), handler: handler}
}

func validKind(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return name != "" && len(name) <= maxKind
}

// kind returns a registered kind, else nil.
func (r *Runner) kind(name string) *kind {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kinds[name]
}

// Wake has Run look for jobs now. Enqueue does so by itself on this node; a broker may for the others.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Run runs jobs until ctx ends, and returns the cause of that. It then claims no more, lets running handlers go on for the
// grace time, ends their contexts, and gives back what was not finished, to be run at once by another node. It may be
// called once.
//
// A failure of the database is logged and tried again, with a growing pause.
func (r *Runner) Run(ctx context.Context) error {
	if r.started.Swap(true) {
		panic("job: Run called twice")
	}
	work, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	r.loop(ctx, work)
	r.stop(end)
	return context.Cause(ctx)
}

const (
	minPause = 50 * time.Millisecond
	maxPause = 5 * time.Second
)

// loop claims jobs, and starts them in context work, until ctx ends.
func (r *Runner) loop(ctx, work context.Context) {
	var pause time.Duration
	planned := false
	for ctx.Err() == nil {
		poll := r.clock.After(r.settings.Poll) // before looking: time that passes while we look is not lost
		next, err := r.passAlone(ctx, work, &planned)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			pause = min(max(2*pause, minPause), maxPause)
			r.logger.ErrorContext(ctx, "looking for jobs failed; will try again", "error", err, "in", pause)
			select {
			case <-r.clock.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		pause = 0
		select {
		case <-r.wake:
		case <-poll:
		case <-r.at(next):
		case <-ctx.Done():
		}
	}
}

// passAlone is pass, after plan if that has not been done, while nobody else of this runner claims.
func (r *Runner) passAlone(ctx, work context.Context, planned *bool) (time.Time, error) {
	select {
	case <-r.passing:
	case <-ctx.Done():
		return time.Time{}, context.Cause(ctx)
	}
	defer func() { r.passing <- struct{}{} }()
	if !*planned {
		if err := r.plan(ctx); err != nil {
			return time.Time{}, err
		}
		*planned = true
	}
	return r.pass(ctx, work)
}

// at returns a channel that gets a value at the instant, which never comes if it is zero.
func (r *Runner) at(instant time.Time) <-chan time.Time {
	if instant.IsZero() {
		return nil
	}
	c := r.clock.After(instant.Sub(r.clock.Now()))
	if r.clock.Now().Before(instant) {
		return c
	}
	return r.clock.After(0) // it came while we asked
}

// stop waits for the runs, first patiently, then less so.
func (r *Runner) stop(end context.CancelCauseFunc) {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-r.clock.After(r.settings.Grace):
	}
	end(ErrStopping)
	select {
	case <-ended:
		return
	case <-r.clock.After(r.settings.Abandon):
	}
	close(r.abandoned)
	<-ended // supervisors give back what their handlers still hold
}
