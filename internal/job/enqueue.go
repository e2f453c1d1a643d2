package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

const (
	maxKind = 60  // bytes, of ASCII
	maxKey  = 190 // characters
)

// Enqueue adds a job in the caller's transaction: the job exists if, and only if, what caused it does. While a job with
// the same kind and key waits or runs (with Once: exists), nothing is added and its id is returned. Jobs that are due
// start as soon as the transaction is committed.
//
// It returns Invalid for a key or payload that is too large, Internal for a kind that is not registered.
func (r *Runner) Enqueue(ctx context.Context, tx *db.Tx, j Job) (id.ID, error) {
	k := r.kind(j.Kind)
	if k == nil {
		return id.ID{}, fault.New(fault.Internal, "There is no job of the kind %s.", j.Kind)
	}
	payload, err := encode(j)
	if err != nil {
		return id.ID{}, err
	}
	now := r.clock.Now()
	due := j.DueAt.UTC().Truncate(time.Microsecond)
	if j.DueAt.IsZero() {
		due = now
	}
	tx.OnCommit(r.Wake)
	n := newRow{job: j, payload: payload, due: due, now: now, maxAttempts: k.MaxAttempts}
	x, err := n.insertOrFind(ctx, tx)
	if err == nil {
		r.changed(tx, x)
		r.origins.remember(ctx, x)
	}
	return x, err
}

func encode(j Job) ([]byte, error) {
	if utf8.RuneCountInString(j.Key) > maxKey || !utf8.ValidString(j.Key) {
		return nil, fault.New(fault.Invalid, "The key of a job has at most %d characters.", maxKey)
	}
	payload, err := json.Marshal(j.Payload)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The payload of a job is not JSON.")
	}
	if len(payload) > MaxPayload {
		return nil, fault.New(fault.Invalid, "The payload of a job has at most %d bytes.", MaxPayload)
	}
	return payload, nil
}

// newRow is a job about to be inserted.
type newRow struct {
	job         Job
	payload     []byte
	interval    time.Duration
	due, now    time.Time
	maxAttempts int
}

// insertOrFind inserts the job unless another one has its key. The other one is locked, so that it does not start before
// the caller's transaction has ended.
func (n newRow) insertOrFind(ctx context.Context, tx *db.Tx) (id.ID, error) {
	const tries = 4 // the other job may end between clash and look-up
	for range tries {
		if n.job.Key != "" {
			found, err := holder(ctx, tx, n.job.Kind, n.job.Key)
			if err != nil || !found.IsZero() {
				return found, err
			}
		}
		added, err := n.insert(ctx, tx)
		if err == nil {
			return added, nil
		}
		if !db.Clash(err) {
			return id.ID{}, fmt.Errorf("enqueue job: %w", err)
		}
	}
	return id.ID{}, fault.New(fault.Conflict, "Others are using the key of the job. Try again.")
}

// holder returns and locks the job that has the key, zero if there is none.
func holder(ctx context.Context, tx *db.Tx, kind, key string) (found id.ID, err error) {
	query := "SELECT id FROM jobs WHERE kind = ? AND held_key = ?" + tx.Dialect.ForUpdate()
	err = tx.QueryRow(ctx, query, []any{kind, key}, &found)
	if errors.Is(err, sql.ErrNoRows) {
		return id.ID{}, nil
	}
	if err != nil {
		return id.ID{}, fmt.Errorf("look for the key of a job: %w", err)
	}
	return found, nil
}

func (n newRow) insert(ctx context.Context, tx *db.Tx) (id.ID, error) {
	x := id.New(Kind, n.now)
	key := sql.NullString{String: n.job.Key, Valid: n.job.Key != ""}
	_, err := tx.ExecContext(ctx, `INSERT INTO jobs (id, kind, job_key, held_key, once_only, interval_us, payload, state, due_at,
		wake_at, attempts, max_attempts, fence, cancel_requested, progress_done, progress_total, created_at, created_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, FALSE, 0, 0, ?, ?)`,
		x, n.job.Kind, key, key, n.job.Once, n.interval.Microseconds(), string(n.payload), string(Waiting), n.due,
		n.due, n.maxAttempts, n.now, n.job.CreatedBy)
	return x, err
}
