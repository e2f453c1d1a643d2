package job

import (
	"context"
	"maps"
	"slices"
	"time"

	"farley/internal/fault"
)

// CatchUp moves the clock by move and then runs what has become due, one job after the other in the order of their due
// times, until nothing is due any more; it returns how many runs that were. Meanwhile Run, if it runs, begins nothing; jobs
// that run already are waited for before the clock moves, so that no lease ends behind their backs.
//
// It returns Limited when there is still something to do after most runs, or when ctx ends; calling it again goes on. A job
// that others hold is left to them.
func (r *Runner) CatchUp(ctx context.Context, most int, move func()) (ran int, err error) {
	select {
	case <-r.passing:
	case <-ctx.Done():
		return 0, unfinished()
	}
	defer func() {
		r.passing <- struct{}{}
		r.Wake() // for what became due and is not ours to wait for
	}()
	err = r.plan(ctx) // a periodic job that was never stored would miss its time
	if err != nil && ctx.Err() == nil {
		return 0, err
	}
	if err != nil || !r.idle(ctx) {
		return 0, unfinished()
	}
	move()

	// A run outlives the caller who gave up waiting, as any other run does; and it is nobody's but Farley's, so it takes
	// over nothing of who called.
	work := context.Background()
	for ; ran < most; ran++ {
		run, err := r.next(ctx, work)
		switch {
		case ctx.Err() != nil:
			return ran, unfinished()
		case err != nil || run == nil:
			return ran, err
		}
		select {
		case <-run.ended:
		case <-ctx.Done():
			return ran, unfinished()
		}
	}
	first, err := r.earliest(ctx)
	if err == nil && first != "" {
		err = unfinished()
	}
	return ran, err
}

func unfinished() *fault.Error {
	return fault.New(fault.Limited, "Not all jobs that are due have run. Call again to go on.").With("limit", "jobs")
}

// idle waits for the runs of this runner, and reports false when ctx ends before they do.
func (r *Runner) idle(ctx context.Context) bool {
	r.mu.Lock()
	running := slices.Collect(maps.Values(r.running))
	r.mu.Unlock()
	for _, run := range running {
		select {
		case <-run.ended:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// lockPause is how long next waits, in real time, for a transaction that has the due job locked: that of an Enqueue, say.
const lockPause = 10 * time.Millisecond

// next starts the job that has been due the longest. It returns nil when none is due, and when ctx ends.
func (r *Runner) next(ctx, work context.Context) (*Run, error) {
	for {
		kind, err := r.earliest(ctx)
		if err != nil || kind == "" {
			return nil, err
		}
		n, runs, err := r.claim(ctx, work, map[string]int{kind: 1})
		switch {
		case err != nil:
			return nil, err
		case len(runs) > 0:
			return runs[0], nil
		case n > 0: // it ended instead of running
			continue
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// earliest returns the kind of the job that has been due the longest, "" when none is due.
func (r *Runner) earliest(ctx context.Context) (kind string, err error) {
	r.mu.Lock()
	kinds := slices.Sorted(maps.Keys(r.kinds))
	r.mu.Unlock()
	if len(kinds) == 0 {
		return "", nil
	}
	first, err := r.look(ctx, kinds)
	if err != nil {
		return "", err
	}
	at := r.clock.Now()
	for _, name := range kinds {
		if wake, ok := first[name]; ok && !wake.After(at) && (kind == "" || wake.Before(first[kind])) {
			kind = name
		}
	}
	return kind, nil
}
