package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"farley/internal/db"
	"farley/internal/id"
)

// heldColumns are the columns of held.
const heldColumns = "state, lease_owner, fence, attempts, max_attempts, due_at, cancel_requested, interval_us"

// held is the part of a locked job that decides what becomes of it.
type held struct {
	state       State
	owner       id.ID
	fence       int64
	attempts    int
	maxAttempts int
	due         time.Time
	cancel      bool
	intervalUS  int64
}

func (h *held) dest() []any {
	return []any{&h.state, &h.owner, &h.fence, &h.attempts, &h.maxAttempts, &h.due, &h.cancel, &h.intervalUS}
}

func (h *held) interval() time.Duration { return time.Duration(h.intervalUS) * time.Microsecond }

// errBusy says that a job is locked by another transaction, if there is such a job.
var errBusy = errors.New("the job is locked")

// lock locks a job and reads it. It returns sql.ErrNoRows when there is none.
func lock(ctx context.Context, tx *db.Tx, x id.ID) (h held, err error) {
	err = tx.QueryRow(ctx, "SELECT "+heldColumns+" FROM jobs WHERE id = ?"+tx.Dialect.ForUpdate(), []any{x}, h.dest()...)
	return h, err
}

// tryLock is lock, but does not wait: it returns errBusy when there is no such job or another transaction has it locked.
func tryLock(ctx context.Context, tx *db.Tx, x id.ID) (h held, err error) {
	err = tx.QueryRow(ctx, "SELECT "+heldColumns+" FROM jobs WHERE id = ?"+skipLocked(tx.Dialect), []any{x}, h.dest()...)
	if errors.Is(err, sql.ErrNoRows) {
		return h, errBusy
	}
	return h, err
}

// end ends a locked job; a periodic one that was not cancelled waits for its next time instead.
func (h held) end(ctx context.Context, tx *db.Tx, x id.ID, state State, cause error, now time.Time) error {
	if h.intervalUS > 0 && state != Cancelled {
		return h.nextTime(ctx, tx, x, cause, now)
	}
	_, err := tx.ExecContext(ctx, `UPDATE jobs SET state = ?, wake_at = NULL, lease_owner = NULL, cancel_requested = FALSE,
		last_error = COALESCE(?, last_error), finished_at = ?, held_key = CASE WHEN once_only THEN held_key END WHERE id = ?`,
		string(state), text(reason(cause)), now, x)
	if err != nil {
		return fmt.Errorf("end job: %w", err)
	}
	return nil
}

func (h held) nextTime(ctx context.Context, tx *db.Tx, x id.ID, cause error, now time.Time) error {
	from := now
	if from.Before(h.due) { // a clock that went back shall not give the same time twice
		from = h.due
	}
	due := slot(from, h.interval())
	_, err := tx.ExecContext(ctx, `UPDATE jobs SET state = ?, due_at = ?, wake_at = ?, attempts = 0, lease_owner = NULL,
		cancel_requested = FALSE, last_error = ?, finished_at = ? WHERE id = ?`,
		string(Waiting), due, due, text(reason(cause)), now, x)
	if err != nil {
		return fmt.Errorf("end periodic job: %w", err)
	}
	return nil
}

// again has a locked job wait until due.
func (h held) again(ctx context.Context, tx *db.Tx, x id.ID, attempts int, cause error, due time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE jobs SET state = ?, due_at = ?, wake_at = ?, attempts = ?, lease_owner = NULL,
		last_error = COALESCE(?, last_error) WHERE id = ?`, string(Waiting), due, due, attempts, text(reason(cause)), x)
	if err != nil {
		return fmt.Errorf("put job back: %w", err)
	}
	return nil
}

// text is NULL for the empty string.
func text(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
