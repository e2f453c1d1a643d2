package db_test

import (
	"context"
	"testing"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// eachEmpty is testdb.Each without migrations: these tests do not hang on what the model looks like.
func eachEmpty(t *testing.T, fn func(t *testing.T, d *testdb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, testdb.EmptySQLite(t))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		fn(t, testdb.EmptyMariaDB(t))
	})
}

// counters makes a table with rows 1 and 2, both at 0.
func counters(t *testing.T, d *testdb.DB) {
	t.Helper()
	exec(t, d, "CREATE TABLE counters (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL)")
	exec(t, d, "INSERT INTO counters (id, n) VALUES (1, 0), (2, 0)")
}

func exec(t *testing.T, d *testdb.DB, statement string, args ...any) {
	t.Helper()
	if err := write(t.Context(), d, statement, args...); err != nil {
		t.Fatal(err)
	}
}

// write runs one statement in a transaction.
func write(ctx context.Context, d *testdb.DB, statement string, args ...any) error {
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

// lock reads counter id and locks it until the transaction ends.
func lock(ctx context.Context, tx *db.Tx, id int) (n int, err error) {
	err = tx.QueryRow(ctx, "SELECT n FROM counters WHERE id = ?"+tx.Dialect.ForUpdate(), []any{id}, &n)
	return n, err
}

func set(ctx context.Context, tx *db.Tx, id, n int) error {
	_, err := tx.ExecContext(ctx, "UPDATE counters SET n = ? WHERE id = ?", n, id)
	return err
}

// number reads one number from the committed state.
func number(t *testing.T, d *testdb.DB, query string, args ...any) int {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var n int
	if err := tx.QueryRow(t.Context(), query, args, &n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func counter(t *testing.T, d *testdb.DB, id int) int {
	t.Helper()
	return number(t, d, "SELECT n FROM counters WHERE id = ?", id)
}
