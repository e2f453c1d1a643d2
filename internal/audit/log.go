package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

const (
	// flushEvery is how long an entry waits for others before they are written together.
	flushEvery = 250 * time.Millisecond
	// flushAt is how many entries are written without waiting for more, and the most that one transaction writes.
	flushAt = 500
	// maxWaiting is how many entries wait at most; requests that would add more wait themselves.
	maxWaiting = 5000
	// countFor is how long repetitions are counted into one entry.
	countFor = time.Minute
	// maxBackoff bounds the pause after a failure of the database.
	maxBackoff = 5 * time.Second
)

// Log writes the audit trail of one database. It is safe for concurrent use.
type Log struct {
	db     *db.DB
	set    *model.Set
	clock  clock.Clock
	logger *slog.Logger
	wake   chan struct{} // there is something to look at

	writing sync.Mutex // held while a batch is written

	mu        sync.Mutex
	running   bool
	closed    bool
	waiting   []Entry         // in the order in which they came
	times     map[id.ID]int64 // corrected counts of entries that are written
	room      chan struct{}   // closed when there is room among those waiting; nil: nobody waits for it
	windows   []*window       // open ones, by their ends
	refusals  map[refusal]*window
	unwritten map[id.ID]bool // entries of open refusals that wait
	distinct  map[id.ID]int  // open windows of refusals, by user
	exports   map[id.ID]*export
}

// window is a minute during which something is counted.
type window struct {
	until time.Time
	close func(now time.Time) (again bool) // called with l.mu held; again: for another minute

	counted counted // of a refusal
}

// New returns the trail of d, whose migrations have been applied. Until Run runs, every entry is written at once.
func New(d *db.DB, set *model.Set, c clock.Clock, logger *slog.Logger) *Log {
	return &Log{
		db: d, set: set, clock: c, logger: logger, wake: make(chan struct{}, 1), times: map[id.ID]int64{},
		refusals: map[refusal]*window{}, unwritten: map[id.ID]bool{}, distinct: map[id.ID]int{}, exports: map[id.ID]*export{},
	}
}

// Record writes an entry in a transaction of its own; it is there when Record returns. What is in a transaction already
// must use RecordIn: SQLite has one writer at a time.
func (l *Log) Record(ctx context.Context, e Entry) error {
	return l.write(ctx, e.complete(ctx, l.clock.Now()))
}

// RecordIn writes an entry in the caller's transaction: it is there if and only if that is committed.
func (l *Log) RecordIn(ctx context.Context, tx *db.Tx, e Entry) error {
	return insert(ctx, tx, []Entry{e.complete(ctx, l.clock.Now())})
}

func (l *Log) write(ctx context.Context, entries ...Entry) error {
	return l.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return insert(ctx, tx, entries) })
}

// add hands complete entries to the writer. It waits while too many are waiting, and fails with fault.Unavailable when ctx
// ends before there is room: then whoever wanted to show something must not show it.
func (l *Log) add(ctx context.Context, entries ...Entry) error {
	for {
		room, took := l.take(entries)
		if took {
			return nil
		}
		if room == nil {
			return l.write(ctx, entries...)
		}
		select {
		case <-room:
		case <-ctx.Done():
			return fault.Wrap(fault.Unavailable, ctx.Err(), "The audit trail cannot be written at the moment.")
		}
	}
}

// take lets entries wait for the writer. Without a writer there is nothing to wait for: then room is nil.
func (l *Log) take(entries []Entry) (room <-chan struct{}, took bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.running || l.closed:
		return nil, false
	case len(l.waiting) >= maxWaiting:
		if l.room == nil {
			l.room = make(chan struct{})
		}
		return l.room, false
	}
	l.append(entries...)
	return nil, true
}

// append lets entries wait and tells the writer when that changes what it has to do. l.mu is held.
func (l *Log) append(entries ...Entry) {
	before := len(l.waiting)
	l.waiting = append(l.waiting, entries...)
	if before == 0 || before < flushAt && len(l.waiting) >= flushAt {
		l.signal()
	}
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// open adds a window that ends in a minute. l.mu is held.
func (l *Log) open(now time.Time, w *window) {
	w.until = now.Add(countFor)
	l.windows = append(l.windows, w) // all last equally long, so they end in this order
	if len(l.windows) == 1 {
		l.signal()
	}
}

// Run is the writer. It runs until ctx ends; Close then writes what is left.
func (l *Log) Run(ctx context.Context) {
	l.setState(func() { l.running = true })
	var flush, closing <-chan time.Time
	var backoff time.Duration
	for ctx.Err() == nil {
		waiting, until := l.due()
		if waiting >= flushAt && backoff == 0 {
			backoff = l.flushOrLog(ctx, backoff)
			continue
		}
		if waiting > 0 && flush == nil {
			flush = l.clock.After(max(flushEvery, backoff))
		}
		if !until.IsZero() && closing == nil {
			closing = l.clock.After(until.Sub(l.clock.Now()))
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-flush:
			flush = nil
			backoff = l.flushOrLog(ctx, backoff)
		case <-closing:
			closing = nil
			l.closeWindows(false)
		}
	}
}

// due returns how much there is to write, and when the first window ends; zero when none is open.
func (l *Log) due() (waiting int, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.windows) > 0 {
		until = l.windows[0].until
	}
	return len(l.waiting) + len(l.times), until
}

// flushOrLog writes one batch and returns how long to wait after a failure.
func (l *Log) flushOrLog(ctx context.Context, backoff time.Duration) time.Duration {
	err := l.flush(ctx)
	if err == nil || ctx.Err() != nil {
		return 0
	}
	backoff = min(max(2*backoff, flushEvery), maxBackoff)
	l.logger.ErrorContext(ctx, "writing the audit trail failed; will try again", "error", err, "in", backoff)
	return backoff
}

// flush writes one batch of what is waiting. What cannot be written goes on waiting.
func (l *Log) flush(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	batch := append([]Entry{}, l.waiting[:min(len(l.waiting), flushAt)]...)
	times := l.times
	l.times = map[id.ID]int64{}
	l.mu.Unlock()
	if len(batch)+len(times) == 0 {
		return nil
	}

	err := l.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := insert(ctx, tx, batch); err != nil {
			return err
		}
		for x, n := range times {
			if _, err := tx.ExecContext(ctx, "UPDATE audit_entries SET times = ? WHERE id = ?", n, x); err != nil {
				return fmt.Errorf("count in the audit trail: %w", err)
			}
		}
		return nil
	})

	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		for x, n := range times {
			l.times[x] = max(n, l.times[x])
		}
		return err
	}
	l.waiting = append([]Entry{}, l.waiting[len(batch):]...)
	for i := range batch {
		delete(l.unwritten, batch[i].ID)
	}
	if l.room != nil && len(l.waiting) < maxWaiting {
		close(l.room)
		l.room = nil
	}
	return nil
}

// closeWindows ends the windows whose minute is over, or all.
func (l *Log) closeWindows(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	var again []*window
	n := 0
	for ; n < len(l.windows) && (all || !l.windows[n].until.After(now)); n++ {
		if w := l.windows[n]; w.close(now) {
			again = append(again, w)
		}
	}
	l.windows = append([]*window{}, l.windows[n:]...)
	for _, w := range again {
		l.open(now, w)
	}
	if len(l.times) > 0 {
		l.signal()
	}
}

// Flush writes everything that is waiting, the counts of open minutes included.
func (l *Log) Flush(ctx context.Context) error {
	if err := l.flushAll(ctx); err != nil {
		return err
	}
	l.closeWindows(true) // of what is written: its counts are told now
	return l.flushAll(ctx)
}

func (l *Log) flushAll(ctx context.Context) error {
	for {
		if err := l.flush(ctx); err != nil {
			return err
		}
		if waiting, _ := l.due(); waiting == 0 {
			return nil
		}
	}
}

// Close writes what is waiting, once Run has ended. Entries that come later are written at once.
func (l *Log) Close(ctx context.Context) error {
	l.setState(func() { l.closed = true })
	return l.Flush(ctx)
}

func (l *Log) setState(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	if l.room != nil {
		close(l.room) // who waits looks again
		l.room = nil
	}
}
