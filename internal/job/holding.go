package job

import (
	"context"
	"fmt"

	"farley/internal/db"
	"farley/internal/id"
)

// Holding returns the jobs of a kind that have not ended and whose payload, as it is stored, is LIKE a pattern.
func (r *Runner) Holding(ctx context.Context, tx *db.Tx, kind, pattern string) ([]id.ID, error) {
	rows, err := tx.QueryContext(ctx, "SELECT id FROM jobs WHERE kind = ? AND wake_at IS NOT NULL AND payload LIKE ?"+tx.Dialect.ForUpdate(), kind, pattern)
	if err != nil {
		return nil, fmt.Errorf("look for jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, fmt.Errorf("look for jobs: %w", err)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}
