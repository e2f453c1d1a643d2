package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"farley/internal/db"
	"farley/internal/id"
)

const infoColumns = `id, kind, job_key, interval_us, payload, state, due_at, wake_at, attempts, max_attempts, cancel_requested,
	last_error, progress_done, progress_total, created_at, created_by, finished_at`

// Get reads a job. It returns NotFound.
func (r *Runner) Get(ctx context.Context, q db.Querier, x id.ID) (Info, error) {
	return one(read(ctx, q, "WHERE id = ?", x))
}

// Find reads the job that has the key: it waits or runs, or was enqueued with Once. It returns NotFound.
func (r *Runner) Find(ctx context.Context, q db.Querier, kind, key string) (Info, error) {
	return one(read(ctx, q, "WHERE kind = ? AND held_key = ?", kind, key))
}

// Filter selects jobs. Zero fields select all.
type Filter struct {
	None      bool  // nothing at all
	ID        id.ID // this one
	States    []State
	Kinds     []string
	Key       string
	CreatedBy id.ID
	Seen      Condition // which jobs the reader may see
	After     id.ID     // go on after this one
	Limit     int       // 1 to 101; 20
}

// Condition is a piece of SQL on a row of jobs, with its arguments. The zero Condition is true.
type Condition struct {
	SQL  string
	Args []any
}

// List reads jobs, newest first.
func (r *Runner) List(ctx context.Context, q db.Querier, f Filter) ([]Info, error) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if f.None {
		return nil, nil
	}
	if !f.ID.IsZero() {
		add("id = ?", f.ID)
	}
	if len(f.States) > 0 {
		add("state IN ("+marks(len(f.States))+")", texts(f.States)...)
	}
	if len(f.Kinds) > 0 {
		add("kind IN ("+marks(len(f.Kinds))+")", texts(f.Kinds)...)
	}
	if f.Key != "" {
		add("job_key = ?", f.Key)
	}
	if !f.CreatedBy.IsZero() {
		add("created_by = ?", f.CreatedBy)
	}
	if f.Seen.SQL != "" {
		add("("+f.Seen.SQL+")", f.Seen.Args...)
	}
	if !f.After.IsZero() {
		add("id < ?", f.After)
	}
	rest := "ORDER BY id DESC LIMIT ?"
	if len(where) > 0 {
		rest = "WHERE " + strings.Join(where, " AND ") + " " + rest
	}
	limit := 20
	if f.Limit > 0 {
		limit = min(f.Limit, 101) // one more than a page tells whether there are more
	}
	return read(ctx, q, rest, append(args, limit)...)
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func texts[T ~string](all []T) []any {
	values := make([]any, len(all))
	for i, s := range all {
		values[i] = string(s)
	}
	return values
}

func one(all []Info, err error) (Info, error) {
	if err != nil {
		return Info{}, err
	}
	if len(all) == 0 {
		return Info{}, notFound()
	}
	return all[0], nil
}

func read(ctx context.Context, q db.Querier, rest string, args ...any) ([]Info, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+infoColumns+" FROM jobs "+rest, args...)
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Info
	for rows.Next() {
		i, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read jobs: %w", err)
		}
		all = append(all, i)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	return all, nil
}

func scan(rows *sql.Rows) (Info, error) {
	var i Info
	var key, lastError sql.NullString
	var wake, finished sql.NullTime
	var interval int64
	var payload string
	err := rows.Scan(&i.ID, &i.Kind, &key, &interval, &payload, &i.State, &i.DueAt, &wake, &i.Attempts, &i.MaxAttempts,
		&i.CancelRequested, &lastError, &i.ProgressDone, &i.ProgressTotal, &i.CreatedAt, &i.CreatedBy, &finished)
	i.Key, i.LastError = key.String, lastError.String
	i.Interval = time.Duration(interval) * time.Microsecond
	i.Payload = json.RawMessage(payload)
	i.FinishedAt = finished.Time.UTC()
	if i.State == Running {
		i.LeaseUntil = wake.Time.UTC()
	}
	i.DueAt, i.CreatedAt = i.DueAt.UTC(), i.CreatedAt.UTC()
	return i, err
}
