package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

// Cancel ends a job that waits, and asks a running one to end: its context ends on commit on this node, at the next
// heartbeat (a third of the lease) on others, and from the commit on it can commit nothing. Cancelling a cancelled job
// does nothing. It returns NotFound, or Conflict for a job that has ended otherwise.
func (r *Runner) Cancel(ctx context.Context, tx *db.Tx, x id.ID) error {
	h, err := existing(ctx, tx, x)
	if err != nil {
		return err
	}
	r.changed(tx, x)
	switch h.state {
	case Waiting:
		return h.end(ctx, tx, x, Cancelled, nil, r.clock.Now())
	case Running:
		tx.OnCommit(func() { r.interrupt(x) })
		if _, err := tx.ExecContext(ctx, "UPDATE jobs SET cancel_requested = TRUE WHERE id = ?", x); err != nil {
			return fmt.Errorf("cancel job: %w", err)
		}
		return nil
	case Cancelled:
		return nil
	case Done, Failed:
	}
	return fault.New(fault.Conflict, "The job has ended already.")
}

// interrupt ends the context of a job that runs here.
func (r *Runner) interrupt(x id.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run := r.running[x]; run != nil {
		run.cancel(ErrCancelled)
	}
}

// Retry has a failed or cancelled job run again, with all its attempts, and one that waits run now. It returns NotFound, or
// Conflict for a job that runs, is done, or whose key another job has taken.
func (r *Runner) Retry(ctx context.Context, tx *db.Tx, x id.ID) error {
	h, err := existing(ctx, tx, x)
	if err != nil {
		return err
	}
	if h.state == Running || h.state == Done {
		return fault.New(fault.Conflict, "The job runs or has ended well.")
	}
	now := r.clock.Now()
	tx.OnCommit(r.Wake)
	r.changed(tx, x)
	_, err = tx.ExecContext(ctx, `UPDATE jobs SET state = ?, due_at = ?, wake_at = ?, attempts = 0, finished_at = NULL,
		held_key = job_key WHERE id = ?`, string(Waiting), now, now, x)
	if db.Clash(err) {
		return fault.Wrap(fault.Conflict, err, "Another job with the same key waits or runs.")
	}
	if err != nil {
		return fmt.Errorf("retry job: %w", err)
	}
	return nil
}

// Reschedule moves the due time of a job that waits. It returns NotFound, or Conflict for a job that does not wait.
func (r *Runner) Reschedule(ctx context.Context, tx *db.Tx, x id.ID, due time.Time) error {
	h, err := existing(ctx, tx, x)
	if err != nil {
		return err
	}
	if h.state != Waiting {
		return fault.New(fault.Conflict, "The job does not wait.")
	}
	due = due.UTC().Truncate(time.Microsecond)
	tx.OnCommit(r.Wake)
	r.changed(tx, x)
	if _, err := tx.ExecContext(ctx, "UPDATE jobs SET due_at = ?, wake_at = ? WHERE id = ?", due, due, x); err != nil {
		return fmt.Errorf("reschedule job: %w", err)
	}
	return nil
}

func existing(ctx context.Context, tx *db.Tx, x id.ID) (held, error) {
	h, err := lock(ctx, tx, x)
	if errors.Is(err, sql.ErrNoRows) {
		return h, notFound()
	}
	if err != nil {
		return h, fmt.Errorf("lock job: %w", err)
	}
	return h, nil
}

func notFound() error { return fault.New(fault.NotFound, "There is no such job.") }
