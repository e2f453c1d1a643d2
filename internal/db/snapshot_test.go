package db_test

import (
	"testing"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

func TestSnapshot_seesOneState(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		snapshot, err := d.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = snapshot.Close() }()
		read := func(tx *db.Tx, id int) (n int) {
			t.Helper()
			if err := tx.QueryRow(t.Context(), "SELECT n FROM counters WHERE id = ?", []any{id}, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if got := read(snapshot, 1); got != 0 {
			t.Fatalf("at first %d, want 0", got)
		}
		exec(t, d, "UPDATE counters SET n = 9") // does not wait for the snapshot

		if got := [2]int{read(snapshot, 1), read(snapshot, 2)}; got != [2]int{0, 0} {
			t.Errorf("the snapshot now sees %v, want [0 0]", got)
		}
		if got := [2]int{counter(t, d, 1), counter(t, d, 2)}; got != [2]int{9, 9} {
			t.Errorf("a new snapshot sees %v, want [9 9]", got)
		}
	})
}

func TestSnapshot_doesNotWrite(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		snapshot, err := d.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := set(t.Context(), snapshot, 1, 5); err == nil {
			t.Error("a write in a snapshot succeeds")
		}
		if err := snapshot.Close(); err != nil {
			t.Fatal(err)
		}
		if err := snapshot.Close(); err != nil {
			t.Errorf("the second Close: %v", err)
		}
		if got := counter(t, d, 1); got != 0 {
			t.Errorf("counter %d, want 0", got)
		}
	})
}
