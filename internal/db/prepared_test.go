package db_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// One connection writes, so all these statements meet in it.
func TestPrepared(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	counters(t, d)
	value := func(ctx context.Context, tx *db.Tx, id int) int {
		t.Helper()
		n, err := lock(ctx, tx, id)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		// A statement whose rows are being read is run again inside them.
		const all = "SELECT id FROM counters WHERE id > ? ORDER BY id"
		outer, err := tx.QueryContext(ctx, all, 0)
		if err != nil {
			return err
		}
		defer func() { _ = outer.Close() }()
		var pairs [][2]int
		for outer.Next() {
			var a, b int
			if err := outer.Scan(&a); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, all, []any{0}, &b); err != nil {
				return err
			}
			pairs = append(pairs, [2]int{a, b})
		}
		if fmt.Sprint(pairs) != "[[1 1] [2 1]]" {
			t.Errorf("read %v", pairs)
		}
		return outer.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	// Several statements in one call; the arguments are those of the last.
	exec(t, d, "UPDATE counters SET n = n + 1 WHERE id = 1;\nUPDATE counters SET n = ? WHERE id = ?", 5, 2)
	// More than are kept, and the schema changes meanwhile.
	err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for i := range 450 {
			if i == 225 {
				if _, err := tx.ExecContext(ctx, "ALTER TABLE counters ADD COLUMN more INTEGER NOT NULL DEFAULT 0"); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE counters SET n = n + %d WHERE id = ?", i%225), 2); err != nil {
				return err
			}
		}
		if got := [2]int{value(ctx, tx, 1), value(ctx, tx, 2)}; got != [2]int{1, 5 + 224*225} {
			t.Errorf("counters are %v", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// A statement that fails does so each time, and leaves the connection as it was.
	for range 2 {
		if err := write(t.Context(), d, "INSERT INTO counters (id, n) VALUES (?, ?)", 1, 0); !db.Clash(err) {
			t.Errorf("%v, want a clash", err)
		}
		if err := write(t.Context(), d, "SELECT nothing FROM counters WHERE id = ?", 1); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%v, want that there is no such column", err)
		}
	}
	if got := counter(t, d, 1); got != 1 {
		t.Errorf("counter 1 is %d", got)
	}
}
