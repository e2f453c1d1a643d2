package job

import (
	"context"
	"fmt"
	"time"

	"farley/internal/db"
)

// Outcome is how a run ended.
type Outcome string

// The outcomes of runs.
const (
	Succeeded    Outcome = "succeeded"
	WillRetry    Outcome = "retry"       // failed, and will be tried again
	GaveUp       Outcome = "failed"      // failed for good, or for the last time
	WasCancelled Outcome = "cancelled"   // on request
	Interrupted  Outcome = "interrupted" // by the end of the runner; it does not count
	Lost         Outcome = "lost"        // another run has the job, or the end could not be recorded
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{Succeeded, WillRetry, GaveUp, WasCancelled, Interrupted, Lost}
}

// Stats is the state of all jobs at an instant.
type Stats struct {
	Count map[State]int64 // of every state
	// OldestDue is for how long the job has been due that has waited longest; 0 when none is due.
	OldestDue time.Duration
}

// Stats counts the jobs of all nodes. It reads an index as long as the table.
func (r *Runner) Stats(ctx context.Context) (Stats, error) {
	s, err := r.stats(ctx)
	if err != nil {
		return Stats{}, fmt.Errorf("count jobs: %w", err)
	}
	return s, nil
}

func (r *Runner) stats(ctx context.Context) (Stats, error) {
	tx, err := r.db.Snapshot(ctx)
	if err != nil {
		return Stats{}, err
	}
	defer func() { _ = tx.Close() }()
	s := Stats{Count: map[State]int64{}}
	for _, state := range States() {
		s.Count[state] = 0
	}
	if err := s.count(ctx, tx); err != nil {
		return Stats{}, err
	}
	now := r.clock.Now()
	rows, err := tx.QueryContext(ctx, "SELECT due_at FROM jobs WHERE state = ? AND due_at <= ? ORDER BY due_at LIMIT 1", string(Waiting), now)
	if err != nil {
		return Stats{}, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var due time.Time
		if err := rows.Scan(&due); err != nil {
			return Stats{}, err
		}
		s.OldestDue = now.Sub(due)
	}
	return s, rows.Err()
}

func (s *Stats) count(ctx context.Context, q db.Querier) error {
	rows, err := q.QueryContext(ctx, "SELECT state, COUNT(*) FROM jobs GROUP BY state")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var state State
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return err
		}
		s.Count[state] = n
	}
	return rows.Err()
}
