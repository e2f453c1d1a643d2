package change

import (
	"context"
	"fmt"
	"time"

	"farley/internal/db"
)

const pruneBatch = 1000

// Prune deletes the leading rows of the log that are older than before and returns how many those were. Whoever reads
// from a position among them then gets fault.CursorExpired. It works in short transactions, so it disturbs nobody, and
// may be stopped at any moment. Rows without a position stay.
func (l *Log) Prune(ctx context.Context, before time.Time) (int64, error) {
	var deleted int64
	err := l.PruneEach(ctx, before, func(n int64) error {
		deleted = n
		return nil
	})
	return deleted, err
}

// PruneEach is Prune that tells, after each transaction, how many rows it has deleted so far. An error of told ends it.
func (l *Log) PruneEach(ctx context.Context, before time.Time, told func(deleted int64) error) error {
	var deleted int64
	for {
		n, err := l.pruneOnce(ctx, before)
		if err != nil {
			return err
		}
		deleted += n
		if err := told(deleted); err != nil || n < pruneBatch {
			return err
		}
	}
}

func (l *Log) pruneOnce(ctx context.Context, before time.Time) (deleted int64, err error) {
	err = l.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		deleted = 0
		var oldest int64
		lock := "SELECT oldest FROM change_counter WHERE id = 1" + tx.Dialect.ForUpdate()
		if err := tx.QueryRow(ctx, lock, nil, &oldest); err != nil {
			return fmt.Errorf("lock the counter: %w", err)
		}
		upTo, err := olderRun(ctx, tx, oldest, before)
		if err != nil || upTo == oldest {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE change_counter SET oldest = ? WHERE id = 1", upTo); err != nil {
			return fmt.Errorf("move the oldest position: %w", err)
		}
		if l.archive != nil {
			if err := l.archive(ctx, tx, oldest, upTo); err != nil {
				return err
			}
		}
		result, err := tx.ExecContext(ctx, "DELETE FROM changes WHERE position > ? AND position <= ?", oldest, upTo)
		if err != nil {
			return fmt.Errorf("delete old changes: %w", err)
		}
		deleted, err = result.RowsAffected()
		return err
	})
	return deleted, err
}

// olderRun returns the last position of the leading rows that are all older than before.
func olderRun(ctx context.Context, tx *db.Tx, oldest int64, before time.Time) (int64, error) {
	rows, err := tx.QueryContext(ctx, "SELECT position, at FROM changes WHERE position > ? ORDER BY position LIMIT ?", oldest, pruneBatch)
	if err != nil {
		return 0, fmt.Errorf("read old changes: %w", err)
	}
	defer func() { _ = rows.Close() }()
	upTo := oldest
	for rows.Next() {
		var position int64
		var at time.Time
		if err := rows.Scan(&position, &at); err != nil {
			return 0, fmt.Errorf("read old changes: %w", err)
		}
		if !at.Before(before) {
			break
		}
		upTo = position
	}
	return upTo, rows.Err()
}
