package testdb_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

func exec(t *testing.T, d *testdb.DB, statement string, args ...any) {
	t.Helper()
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, d *testdb.DB, query string) int {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var n int
	if err := tx.QueryRow(t.Context(), query, nil, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEach_isMigrated(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		pending, err := d.Pending(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string(nil), pending); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDatabases_areApart(t *testing.T) {
	t.Parallel()
	for _, open := range []func(testing.TB) *testdb.DB{testdb.SQLite, testdb.MariaDB} {
		one := open(t)
		two := open(t)
		exec(t, one, "CREATE TABLE mark (n INTEGER NOT NULL)")
		exec(t, two, "CREATE TABLE mark (n INTEGER NOT NULL)")
		exec(t, one, "INSERT INTO mark (n) VALUES (1)")
		if got := number(t, two, "SELECT COUNT(*) FROM mark"); got != 0 {
			t.Errorf("%s: the second database has %d rows of the first", one.Dialect, got)
		}
	}
}

func TestReopen_isTheSameDatabaseWithACounterOfItsOwn(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		exec(t, d, "CREATE TABLE mark (n INTEGER NOT NULL)")
		exec(t, d, "INSERT INTO mark (n) VALUES (?)", 7)

		second := d.Reopen(t)
		if got := number(t, second, "SELECT n FROM mark"); got != 7 {
			t.Errorf("the second node reads %d, want 7", got)
		}
		if diff := cmp.Diff([]string{"SELECT n FROM mark"}, second.Counter.Statements()); diff != "" {
			t.Error(diff)
		}
		if got := d.Counter.N(); got != 2 {
			t.Errorf("the first node counts %d statements, want 2", got)
		}
	})
}

func TestCounter_resets(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		exec(t, d, "CREATE TABLE mark (n INTEGER NOT NULL)")
		d.Counter.Reset()
		if got := d.Counter.N(); got != 0 {
			t.Errorf("after Reset: %d statements", got)
		}
		number(t, d, "SELECT COUNT(*) FROM mark")
		if diff := cmp.Diff([]string{"SELECT COUNT(*) FROM mark"}, d.Counter.Statements()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEmpty_hasNothingApplied(t *testing.T) {
	t.Parallel()
	count := map[db.Dialect]string{
		db.SQLite: "SELECT COUNT(*) FROM sqlite_master",
		db.MySQL:  "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()",
	}
	for _, open := range []func(testing.TB) *testdb.DB{testdb.EmptySQLite, testdb.EmptyMariaDB} {
		d := open(t)
		if got := number(t, d, count[d.Dialect]); got != 0 {
			t.Errorf("%s: %d tables", d.Dialect, got)
		}
	}
}
