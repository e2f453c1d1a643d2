package job

import (
	"context"
	"fmt"
	"time"

	"farley/internal/db"
	"farley/internal/fault"
)

// periodic is work to be done again and again.
type periodic struct {
	kind, key string
	interval  time.Duration
}

// Every has a job of a registered kind run once in every interval, on one of the nodes: at the whole multiples of the
// interval since midnight UTC of 1 January of the year 1 (so "24h" is midnight UTC). It is one row that waits for its next
// time whenever it has ended, so restarts and further nodes do not double it; times that passed while no node ran, or
// while it ran itself, are made up for by one run. When its attempts are used up it waits for its next time, too. Cancelled
// it stays until it is retried.
//
// It is called before Run, which creates the row or changes its interval. It panics for an unregistered kind and for an
// interval below a second.
func (r *Runner) Every(kind, key string, interval time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started.Load() {
		panic("job: Every after Run")
	}
	if r.kinds[kind] == nil || key == "" || interval < time.Second {
		panic(fmt.Sprintf("job: periodic job %s %q every %s", kind, key, interval))
	}
	r.periodic = append(r.periodic, periodic{kind, key, interval})
}

// slot returns the first time after an instant.
func slot(after time.Time, interval time.Duration) time.Time {
	return after.Truncate(interval).Add(interval)
}

// plan stores the periodic jobs.
func (r *Runner) plan(ctx context.Context) error {
	for _, p := range r.periodic {
		k := r.kind(p.kind)
		err := r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			now := r.clock.Now()
			n := newRow{
				job:     Job{Kind: p.kind, Key: p.key, Once: true},
				payload: []byte("null"), interval: p.interval, due: slot(now, p.interval), now: now, maxAttempts: k.MaxAttempts,
			}
			x, err := n.insertOrFind(ctx, tx)
			if err != nil {
				return err
			}
			h, err := lock(ctx, tx, x)
			if err != nil || h.interval() == p.interval {
				return err
			}
			if h.intervalUS == 0 {
				return fault.New(fault.Conflict, "The key of a periodic job is that of another one.")
			}
			if h.state != Waiting || h.attempts > 0 {
				_, err = tx.ExecContext(ctx, "UPDATE jobs SET interval_us = ? WHERE id = ?", p.interval.Microseconds(), x)
				return err
			}
			_, err = tx.ExecContext(ctx, "UPDATE jobs SET interval_us = ?, due_at = ?, wake_at = ? WHERE id = ?",
				p.interval.Microseconds(), n.due, n.due, x)
			return err
		})
		if err != nil {
			return fmt.Errorf("plan periodic job %s: %w", p.kind, err)
		}
	}
	return nil
}
