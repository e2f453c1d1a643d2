package db_test

import (
	"context"
	"testing"
	"time"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// A transaction that the database rolls back is over even when the error was not looked at: what its function does next is
// not committed bit by bit, and the function runs again. Here the transaction is the victim of a deadlock; on Galera a
// write of another node does the same at any moment.
func TestWrite_doesNotGoOnAfterRollback(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// wait locks both counters, the second of which makes the deadlock, and looks at no error that comes of it.
		wait func(ctx context.Context, tx *db.Tx)
	}{
		{"error of a statement", func(ctx context.Context, tx *db.Tx) {
			_ = set(ctx, tx, 2, 10)
		}},
		{"error behind a row", func(ctx context.Context, tx *db.Tx) {
			rows, err := tx.QueryContext(ctx, "SELECT n FROM counters ORDER BY id FOR UPDATE") //nolint:rowserrcheck // as some do
			if err != nil {
				t.Error("the error comes before the row: ", err)
				return
			}
			rows.Next()
			_ = rows.Close()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := testdb.EmptyMariaDB(t)
			counters(t, d)
			exec(t, d, "CREATE TABLE filler (n INTEGER NOT NULL PRIMARY KEY)")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()

			locked, waits := make(chan struct{}), make(chan struct{})
			other := make(chan error, 1)
			go func() {
				first := true
				other <- d.Reopen(t).Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					// The database spares the transaction that has written more.
					if _, err := tx.ExecContext(ctx, "INSERT INTO filler (n) SELECT seq FROM seq_1_to_1000"); err != nil {
						return err
					}
					if _, err := lock(ctx, tx, 2); err != nil {
						return err
					}
					if first {
						first = false
						close(locked)
						<-waits
					}
					return set(ctx, tx, 1, 7)
				})
			}()
			<-locked
			runs := 0
			err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				runs++
				if _, err := lock(ctx, tx, 1); err != nil {
					return err
				}
				if runs == 1 {
					close(waits)
					c.wait(ctx, tx)
				}
				_, err := tx.ExecContext(ctx, "UPDATE counters SET n = n + 1 WHERE id = 2")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := <-other; err != nil {
				t.Fatal("the other transaction: ", err)
			}
			if runs != 2 {
				t.Errorf("%d runs, want 2", runs)
			}
			if one, two := counter(t, d, 1), counter(t, d, 2); one != 7 || two != 1 {
				t.Errorf("the counters are %d and %d, want 7 and 1", one, two)
			}
		})
	}
}
