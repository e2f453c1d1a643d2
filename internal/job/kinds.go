package job

import (
	"context"
	"fmt"
)

// KindState is a kind of jobs and a state.
type KindState struct {
	Kind  string
	State State
}

// CountKinds counts the jobs of all nodes by kind and state. Every state of the kinds registered here is in it.
func (r *Runner) CountKinds(ctx context.Context) (map[KindState]int64, error) {
	counts := map[KindState]int64{}
	r.mu.Lock()
	for kind := range r.kinds {
		for _, state := range States() {
			counts[KindState{kind, state}] = 0
		}
	}
	r.mu.Unlock()
	tx, err := r.db.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(ctx, "SELECT kind, state, COUNT(*) FROM jobs GROUP BY kind, state")
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k KindState
		var n int64
		if err := rows.Scan(&k.Kind, &k.State, &n); err != nil {
			return nil, fmt.Errorf("count jobs: %w", err)
		}
		counts[k] = n
	}
	return counts, rows.Err()
}
