package change_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// each runs fn on both databases, which have the tables of the change log, those of the audit trail that
// follows from it, and no others.
func each(t *testing.T, fn func(t *testing.T, d *testdb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, onSQLite(t))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		fn(t, onMariaDB(t))
	})
}

func onSQLite(t testing.TB) *testdb.DB { return migrated(t, testdb.EmptySQLite(t)) }

func onMariaDB(t testing.TB) *testdb.DB { return migrated(t, testdb.EmptyMariaDB(t)) }

func migrated(t testing.TB, d *testdb.DB) *testdb.DB {
	t.Helper()
	ours := fstest.MapFS{}
	for _, name := range []string{
		"sqlite/20261122000010_change.sql", "mysql/20261122000010_change.sql",
		"sqlite/20261122000080_audit.sql", "mysql/20261122000080_audit.sql",
	} {
		text, err := fs.ReadFile(db.Migrations(), name)
		if err != nil {
			t.Fatal(err)
		}
		ours[name] = &fstest.MapFile{Data: text}
	}
	if err := d.MigrateFrom(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	return d
}
