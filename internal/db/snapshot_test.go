package db_test

import (
	"context"
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

func TestSnapshotLazily(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		read := func(tx *db.Tx) int {
			t.Helper()
			var n int
			if err := tx.QueryRow(t.Context(), "SELECT n FROM counters WHERE id = ?", []any{1}, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		bump := func() { exec(t, d, "UPDATE counters SET n = n + 1 WHERE id = ?", 1) }
		for _, test := range []struct {
			what        string
			sole, alone bool
			apart       bool
			want        [3]int // what is read after 1, 2 and 3 more
		}{
			{"it begins with its first statement", false, false, false, [3]int{1, 1, 1}},
			{"it is not meant for one statement alone", false, true, false, [3]int{1, 1, 1}},
			{"nobody says that there is one", true, false, false, [3]int{1, 1, 1}},
			{"the first statement is alone; what follows is a snapshot all the same", true, true, false, [3]int{1, 2, 2}},
			{"each statement sees its own state", true, false, true, [3]int{1, 2, 3}},
			{"it is not meant for statements apart", false, false, true, [3]int{1, 1, 1}},
		} {
			exec(t, d, "UPDATE counters SET n = ? WHERE id = ?", 0, 1)
			tx := d.SnapshotLazily(t.Context(), test.sole)
			if test.apart {
				tx.Apart()
			}
			var got [3]int
			for i := range got {
				bump()
				if i == 0 && test.alone {
					tx.Alone()
				}
				got[i] = read(tx)
				if i > 0 && test.alone {
					tx.Alone() // it has begun
				}
			}
			if got != test.want {
				t.Errorf("%s: read %v, want %v", test.what, got, test.want)
			}
			if err := tx.Close(); err != nil {
				t.Error(err)
			}
		}
		tx := d.SnapshotLazily(t.Context(), true)
		tx.Alone()
		if err := set(t.Context(), tx, 1, 5); err == nil {
			t.Error("a write in a snapshot succeeds")
		}
		if err := tx.Close(); err != nil {
			t.Error(err)
		}
		if err := d.SnapshotLazily(t.Context(), true).Close(); err != nil {
			t.Errorf("one that was not used: %v", err)
		}
	})
}

// Transactions that read and such that write take turns on one connection, each with its isolation.
func TestIsolation_ofEachTransaction(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyMariaDB(t)
	counters(t, d)
	d.Pool().SetMaxOpenConns(1)
	level := func(q db.Querier) string {
		t.Helper()
		rows, err := q.QueryContext(t.Context(), "SELECT @@SESSION.tx_isolation")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var got string
		if !rows.Next() || rows.Scan(&got) != nil || rows.Err() != nil {
			t.Fatal("no answer")
		}
		return got
	}
	for range 2 {
		if err := d.Write(t.Context(), func(_ context.Context, tx *db.Tx) error {
			if got := level(tx); got != "READ-COMMITTED" {
				t.Errorf("one that writes has %s", got)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		tx, err := d.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := level(tx); got != "REPEATABLE-READ" {
			t.Errorf("a snapshot has %s", got)
		}
		if err := tx.Close(); err != nil {
			t.Fatal(err)
		}
	}
	plain, err := d.Pool().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := level(plain); got != "REPEATABLE-READ" {
		t.Errorf("another one has %s", got)
	}
	if err := plain.Rollback(); err != nil {
		t.Fatal(err)
	}
}
