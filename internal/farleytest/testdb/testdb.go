// Package testdb gives tests a fresh, migrated database of each kind.
//
// SQLite databases are copies of a file that is migrated once per test process. MariaDB databases are schemas of a private
// server, started when the first test asks for one and ended with the test process, however that ends.
//
//	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
//		err := d.Write(t.Context(), …)
//	})
package testdb

import (
	"net/url"
	"path/filepath"
	"testing"

	"farley/internal/db"
)

// DB is a fresh database of one test. It is closed, and its data dropped, when the test ends; the test has ended its
// transactions by then.
type DB struct {
	*db.DB
	// URL opens the same database.
	URL string
	// Counter is told of every statement of this handle's transactions.
	Counter *Counter
}

// Each runs fn on each kind of database, as the parallel subtests "sqlite" and "mariadb". The calling test should be
// parallel itself.
func Each(t *testing.T, fn func(t *testing.T, d *DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, SQLite(t))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		fn(t, MariaDB(t))
	})
}

// SQLite returns a fresh, migrated database in a file.
func SQLite(t testing.TB) *DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "farley.db")
	if err := copySQLiteTemplate(path); err != nil {
		t.Fatalf("testdb: SQLite template: %v", err)
	}
	return Open(t, sqliteURL(path))
}

// MariaDB returns a fresh, migrated schema of the private server. Where no server is installed it skips the test, or fails
// it if FARLEY_REQUIRE_MYSQL is 1.
func MariaDB(t testing.TB) *DB {
	t.Helper()
	return Open(t, migratedSchema(t))
}

// EmptySQLite returns a database in a file, without migrations.
func EmptySQLite(t testing.TB) *DB {
	t.Helper()
	return Open(t, sqliteURL(filepath.Join(t.TempDir(), "farley.db")))
}

// EmptyMariaDB returns a schema of the private server, without migrations. It skips as MariaDB does.
func EmptyMariaDB(t testing.TB) *DB {
	t.Helper()
	return Open(t, emptySchema(t))
}

// Reopen opens the same database once more, with pools and a counter of its own, to play another node. It is closed when
// t ends.
func (d *DB) Reopen(t testing.TB) *DB {
	t.Helper()
	return Open(t, d.URL)
}

// Open opens the database at a URL until the test ends.
func Open(t testing.TB, databaseURL string) *DB {
	t.Helper()
	opened, err := db.Open(t.Context(), databaseURL)
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Errorf("testdb: close: %v", err)
		}
	})
	d := &DB{DB: opened, URL: databaseURL, Counter: &Counter{}}
	opened.Observe = d.Counter.observe
	return d
}

func sqliteURL(path string) string {
	return (&url.URL{Scheme: "sqlite", Path: filepath.ToSlash(path)}).String()
}
