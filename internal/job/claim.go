package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"farley/internal/db"
	"farley/internal/id"
)

// pass claims and starts what is due, until there is no more or no room. It returns when the next job has to be looked at,
// zero if that is not known.
func (r *Runner) pass(ctx, work context.Context) (next time.Time, err error) {
	for {
		room := r.room()
		if len(room) == 0 {
			return time.Time{}, nil // a run that ends wakes us
		}
		first, err := r.look(ctx, slices.Sorted(maps.Keys(room)))
		if err != nil {
			return time.Time{}, fmt.Errorf("look for due jobs: %w", err)
		}
		now := r.clock.Now()
		next = time.Time{}
		due := map[string]int{}
		for name, at := range first {
			switch {
			case !at.After(now):
				due[name] = room[name]
			case next.IsZero() || at.Before(next):
				next = at
			}
		}
		if len(due) == 0 {
			return next, nil
		}
		n, _, err := r.claim(ctx, work, due)
		if err != nil {
			return time.Time{}, fmt.Errorf("claim jobs: %w", err)
		}
		if n == 0 {
			return next, nil // others were faster, or are at it
		}
	}
}

// room returns how many more jobs may run, by kind.
func (r *Runner) room() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := map[string]int{}
	for name, k := range r.kinds {
		if free := k.Concurrency - k.busy; free > 0 {
			room[name] = free
		}
	}
	return room
}

// look returns the earliest wake_at by kind, without any lock: one step into the index for each.
func (r *Runner) look(ctx context.Context, kinds []string) (map[string]time.Time, error) {
	tx, err := r.db.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	var query strings.Builder
	var args []any
	for i, name := range kinds {
		if i > 0 {
			query.WriteString(" UNION ALL ")
		}
		query.WriteString("SELECT * FROM (SELECT kind, wake_at FROM jobs WHERE kind = ? AND wake_at IS NOT NULL ORDER BY wake_at, id LIMIT 1) AS k")
		args = append(args, name)
	}
	rows, err := tx.QueryContext(ctx, query.String(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	first := map[string]time.Time{}
	for rows.Next() {
		var name string
		var at time.Time
		if err := rows.Scan(&name, &at); err != nil {
			return nil, err
		}
		first[name] = at
	}
	return first, rows.Err()
}

// claim takes at most so many due jobs of each kind, starts them in the order in which they were due, and returns how many
// rows it changed and which runs came of it.
func (r *Runner) claim(ctx, work context.Context, most map[string]int) (n int, claimed []*Run, err error) {
	err = r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		claimed, n = nil, 0
		now := r.clock.Now()
		for _, name := range slices.Sorted(maps.Keys(most)) {
			found, err := due(ctx, tx, name, now, most[name])
			if err != nil {
				return err
			}
			for _, c := range found {
				run, err := r.take(ctx, tx, c, now)
				if err != nil {
					return err
				}
				n++
				if run != nil {
					claimed = append(claimed, run)
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	slices.SortStableFunc(claimed, func(a, b *Run) int { return a.DueAt.Compare(b.DueAt) })
	for _, run := range claimed {
		r.start(work, run)
	}
	return n, claimed, nil
}

// candidate is a job whose wake_at has come.
type candidate struct {
	held
	id      id.ID
	kind    string
	key     sql.NullString
	payload string
	done    int64
	by      id.ID
}

// due locks and returns jobs of a kind whose wake_at has come, first things first, leaving out those that others have
// locked.
func due(ctx context.Context, tx *db.Tx, kind string, now time.Time, most int) ([]candidate, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, kind, job_key, payload, progress_done, created_by, `+heldColumns+`
		FROM jobs WHERE kind = ? AND wake_at <= ? ORDER BY wake_at, id LIMIT ?`+skipLocked(tx.Dialect), kind, now, most)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []candidate
	for rows.Next() {
		var c candidate
		if err := rows.Scan(append([]any{&c.id, &c.kind, &c.key, &c.payload, &c.done, &c.by}, c.dest()...)...); err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, rows.Err()
}

func skipLocked(d db.Dialect) string {
	if d == db.MySQL {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// take gives the job, which is locked, to this runner. A job that ran out of lease may have to end instead: then there is
// no run.
func (r *Runner) take(ctx context.Context, tx *db.Tx, c candidate, now time.Time) (*Run, error) {
	r.changed(tx, c.id)
	switch {
	case c.cancel:
		return nil, c.end(ctx, tx, c.id, Cancelled, nil, now)
	case c.attempts >= c.maxAttempts:
		return nil, c.end(ctx, tx, c.id, Failed, errLeaseLost, now)
	}
	k := r.kind(c.kind)
	run := &Run{
		ID: c.id, Kind: c.kind, Key: c.key.String, Payload: json.RawMessage(c.payload), Attempt: c.attempts + 1, MaxAttempts: c.maxAttempts,
		Fence: c.fence + 1, Done: c.done, DueAt: c.due.UTC(), CreatedBy: c.by,
		r: r, k: k, leaseUntil: now.Add(k.Lease), ended: make(chan struct{}),
	}
	_, err := tx.ExecContext(ctx, `UPDATE jobs SET state = ?, wake_at = ?, attempts = ?, lease_owner = ?, fence = ? WHERE id = ?`,
		string(Running), run.leaseUntil, run.Attempt, r.owner, run.Fence, c.id)
	if err != nil {
		return nil, fmt.Errorf("take job: %w", err)
	}
	return run, nil
}
