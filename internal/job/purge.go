package job

import (
	"context"
	"fmt"
	"time"

	"farley/internal/db"
)

const purgeBatch = 500

// Purge deletes jobs that ended before an instant, with the keys that Once left taken, and returns how many. Periodic jobs
// stay.
func (r *Runner) Purge(ctx context.Context, before time.Time) (total int, err error) {
	for {
		n := 0
		err := r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			ids, err := purgeable(ctx, tx, before.UTC())
			n = len(ids)
			if err != nil || n == 0 {
				return err
			}
			_, err = tx.ExecContext(ctx, "DELETE FROM jobs WHERE id IN ("+marks(n)+")", ids...)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("purge jobs: %w", err)
		}
		total += n
		if n < purgeBatch {
			return total, nil
		}
	}
}

// purgeable locks and returns the ids of ended jobs, which nobody may retry meanwhile.
func purgeable(ctx context.Context, tx *db.Tx, before time.Time) ([]any, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM jobs WHERE finished_at < ? AND wake_at IS NULL AND interval_us = 0
		ORDER BY finished_at LIMIT ?`+skipLocked(tx.Dialect), before, purgeBatch)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var ids []any
	for rows.Next() {
		var x []byte
		if err := rows.Scan(&x); err != nil {
			return nil, err
		}
		ids = append(ids, x)
	}
	return ids, rows.Err()
}
