package change

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"farley/internal/db"
)

// History names the history that the positions of the log belong to: 0 until the database is restored for the first time.
func (l *Log) History(ctx context.Context) (history uint32, err error) {
	err = l.read(ctx, func(q db.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT history FROM change_counter WHERE id = 1")
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			if err := rows.Scan(&history); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return 0, fmt.Errorf("read the history of the change log: %w", err)
	}
	return history, nil
}

// NewHistory begins a new history, in the transaction of what else a restored database needs: positions that were given
// after the backup will be given again, to other changes, so every cursor of before is void. Nodes learn of it when they
// start.
func NewHistory(ctx context.Context, tx *db.Tx) error {
	var random [4]byte
	for binary.BigEndian.Uint32(random[:]) == 0 {
		if _, err := rand.Read(random[:]); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "UPDATE change_counter SET history = ? WHERE id = 1", int64(binary.BigEndian.Uint32(random[:])))
	if err != nil {
		return fmt.Errorf("begin a new history of the change log: %w", err)
	}
	return nil
}
