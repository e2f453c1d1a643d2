package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

// Run is one attempt at a job. Its methods are safe for concurrent use.
type Run struct {
	ID          id.ID
	Kind        string
	Key         string
	Payload     json.RawMessage
	Attempt     int // 1 for the first
	MaxAttempts int
	// Fence rises with every run of the job, whichever node runs it. Other systems may refuse a lower one than they saw.
	Fence int64
	// Done is the progress that earlier runs stored.
	Done      int64
	DueAt     time.Time // when it was due
	CreatedBy id.ID

	r          *Runner
	k          *kind
	leaseUntil time.Time // the supervisor's
	cancel     context.CancelCauseFunc
	finished   atomic.Bool
	ended      chan struct{} // closed when the end of the run has been recorded, or cannot be

	mu       sync.Mutex
	progress time.Time // when it was last stored
}

// progressEvery is how often Progress writes.
const progressEvery = time.Second

// Decode reads the payload. Its error is Permanent.
func (run *Run) Decode(v any) error {
	if err := json.Unmarshal(run.Payload, v); err != nil {
		return Permanent(fault.Wrap(fault.Internal, err, "The payload of the job cannot be read."))
	}
	return nil
}

// Progress stores how much is done, of how much (0: not known), at most once a second except when all is done. It returns
// ErrLost or ErrCancelled, wrapped, when the handler should stop.
func (run *Run) Progress(ctx context.Context, done, total int64) error {
	now := run.r.clock.Now()
	run.mu.Lock()
	skip := done != total && now.Before(run.progress.Add(progressEvery))
	if !skip {
		run.progress = now
	}
	run.mu.Unlock()
	if skip {
		return nil
	}
	return run.Step(ctx, done, total, func(context.Context, *db.Tx) error { return nil })
}

// Step commits a part of the job's effect with its progress, in one transaction that takes place only while this run holds
// the job. A later run finds the progress in Done and goes on from there. It returns ErrLost or ErrCancelled, wrapped, and
// commits nothing, when the handler should stop. As with db.Write, fn may run several times.
func (run *Run) Step(ctx context.Context, done, total int64, fn func(ctx context.Context, tx *db.Tx) error) error {
	return run.StepTo(ctx, func(ctx context.Context, tx *db.Tx) (int64, int64, error) { return done, total, fn(ctx, tx) })
}

// StepTo is Step for effects that say themselves how much is done after them.
func (run *Run) StepTo(ctx context.Context, fn func(ctx context.Context, tx *db.Tx) (done, total int64, err error)) error {
	return run.guarded(ctx, func(ctx context.Context, tx *db.Tx, _ held) error {
		done, total, err := fn(ctx, tx)
		if err != nil {
			return err
		}
		run.r.changed(tx, run.ID)
		_, err = tx.ExecContext(ctx, "UPDATE jobs SET progress_done = ?, progress_total = ? WHERE id = ?", done, total, run.ID)
		if err != nil {
			return fmt.Errorf("store progress of job: %w", err)
		}
		return nil
	})
}

// Finish commits the job's effect and its end in one transaction that takes place only while this run holds the job: the
// effect happens exactly once. It returns ErrLost or ErrCancelled, wrapped, and commits nothing, otherwise. As with
// db.Write, fn may run several times. After it the handler returns; its error no longer counts.
func (run *Run) Finish(ctx context.Context, fn func(ctx context.Context, tx *db.Tx) error) error {
	return run.guarded(ctx, func(ctx context.Context, tx *db.Tx, h held) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		tx.OnCommit(func() { run.finished.Store(true) })
		run.r.changed(tx, run.ID)
		return h.end(ctx, tx, run.ID, Done, nil, run.r.clock.Now())
	})
}

// guarded runs fn in a transaction that has the job locked for this run.
func (run *Run) guarded(ctx context.Context, fn func(ctx context.Context, tx *db.Tx, h held) error) error {
	return run.r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		h, err := run.lock(ctx, tx, lock)
		if err != nil {
			return err
		}
		if h.cancel {
			return fmt.Errorf("job %s: %w", run.ID, ErrCancelled)
		}
		return fn(ctx, tx, h)
	})
}

// lock locks the job by one of the two ways to, and returns ErrLost, wrapped, when this run does not hold it.
func (run *Run) lock(ctx context.Context, tx *db.Tx, how func(context.Context, *db.Tx, id.ID) (held, error)) (held, error) {
	h, err := how(ctx, tx, run.ID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return h, err
	}
	if err != nil || h.state != Running || h.owner != run.r.owner || h.fence != run.Fence {
		return h, fmt.Errorf("job %s: %w", run.ID, ErrLost)
	}
	return h, nil
}
