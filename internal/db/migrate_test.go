package db_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// Files that create a table with one row, and add rows to it.
const (
	first  = "20260101000000_first.sql"
	second = "20260102000000_second.sql"
	third  = "20260103000000_third.sql"

	createLog = "CREATE TABLE log (n INTEGER NOT NULL);\nINSERT INTO log (n) VALUES (1);\n"
	addTwo    = "INSERT INTO log (n) VALUES (2);\n"
	addThree  = "INSERT INTO log (n) VALUES (3);\n"
)

// files makes migrations of names and texts, the same for both dialects.
func files(namesAndTexts ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(namesAndTexts); i += 2 {
		for _, folder := range []string{"sqlite", "mysql"} {
			m[folder+"/"+namesAndTexts[i]] = &fstest.MapFile{Data: []byte(namesAndTexts[i+1])}
		}
	}
	return m
}

func migrate(t *testing.T, d *testdb.DB, fsys fs.FS) {
	t.Helper()
	if err := d.MigrateFrom(t.Context(), fsys); err != nil {
		t.Fatal(err)
	}
}

func wantPending(t *testing.T, d *testdb.DB, fsys fs.FS, want ...string) {
	t.Helper()
	got, err := d.PendingFrom(t.Context(), fsys)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
}

// wantLog compares the rows of table log, in the order of their insertion.
func wantLog(t *testing.T, d *testdb.DB, want ...int) {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(t.Context(), "SELECT n FROM log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var got []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// tables counts the tables of the database.
func tables(t *testing.T, d *testdb.DB) int {
	t.Helper()
	if d.Dialect == db.MySQL {
		return number(t, d, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()")
	}
	return number(t, d, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'")
}

func TestMigrate_appliesInOrderAndOnce(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		all := files(third, addThree, second, addTwo, first, createLog)
		migrate(t, d, all)
		wantLog(t, d, 1, 2, 3)
		migrate(t, d, all)
		wantLog(t, d, 1, 2, 3)
	})
}

func TestMigrate_appliesOnlyWhatIsPending(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		migrate(t, d, files(first, createLog, third, addThree))
		// Second was merged late: it has the lower version, and is applied all the same.
		all := files(first, createLog, second, addTwo, third, addThree)
		wantPending(t, d, all, second)
		migrate(t, d, all)
		wantPending(t, d, all)
		wantLog(t, d, 1, 3, 2)
	})
}

func TestPending_changesNothing(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		wantPending(t, d, files(second, addTwo, first, createLog), first, second)
		if got := tables(t, d); got != 0 {
			t.Errorf("%d tables, want 0", got)
		}
	})
}

func TestMigrate_recordsWhatItApplied(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		migrate(t, d, files(first, createLog))
		const sum = "a0b08781de816e0cb9c260cec46a60aa95adc12c3bccae406cfed94fec2e9db5"
		got := number(t, d, "SELECT COUNT(*) FROM schema_migrations WHERE version = '20260101000000' AND checksum = ?", sum)
		if got != 1 {
			t.Error("the version is not recorded with the SHA-256 of its text")
		}
		if got := number(t, d, "SELECT COUNT(*) FROM schema_migrations WHERE applied_at > '2026-01-01'"); got != 1 {
			t.Error("the instant is not recorded")
		}
	})
}

func TestMigrate_refusesChangedFile(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		migrate(t, d, files(first, createLog))
		changed := files(first, createLog+addTwo, second, addTwo)
		if err := d.MigrateFrom(t.Context(), changed); !errors.Is(err, db.ErrChanged) || !strings.Contains(err.Error(), first) {
			t.Errorf("Migrate: %v, want ErrChanged with the file", err)
		}
		if _, err := d.PendingFrom(t.Context(), changed); !errors.Is(err, db.ErrChanged) {
			t.Errorf("Pending: %v, want ErrChanged", err)
		}
		wantLog(t, d, 1)
	})
}

func TestMigrate_takesOtherLineEndsForTheSame(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		migrate(t, d, files(first, createLog))
		wantPending(t, d, files(first, strings.ReplaceAll(createLog, "\n", "\r\n")))
	})
}

func TestMigrate_refusesNewerDatabase(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		migrate(t, d, files(first, createLog, third, addThree))
		older := files(first, createLog, second, addTwo)
		if err := d.MigrateFrom(t.Context(), older); !errors.Is(err, db.ErrNewer) || !strings.Contains(err.Error(), "20260103000000") {
			t.Errorf("Migrate: %v, want ErrNewer with the version", err)
		}
		if _, err := d.PendingFrom(t.Context(), older); !errors.Is(err, db.ErrNewer) {
			t.Errorf("Pending: %v, want ErrNewer", err)
		}
		wantLog(t, d, 1, 3)
	})
}

func TestMigrate_severalNodesAtOnce(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		all := files(first, createLog, second, addTwo, third, addThree)
		var g errgroup.Group
		for _, node := range []*testdb.DB{d, d.Reopen(t), d.Reopen(t), d.Reopen(t)} {
			g.Go(func() error { return node.MigrateFrom(t.Context(), all) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		wantLog(t, d, 1, 2, 3)
		if got := number(t, d, "SELECT COUNT(*) FROM schema_migrations"); got != 3 {
			t.Errorf("%d records, want 3", got)
		}
	})
}

func TestMigrate_failureNamesFileAndStatement(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		broken := files(first, createLog, second, "INSERT INTO log (n) VALUES (2);\nINSERT INTO nowhere (n) VALUES (3);", third, addThree)
		err := d.MigrateFrom(t.Context(), broken)
		if err == nil || !strings.Contains(err.Error(), second+": statement 2 of 2: ") {
			t.Fatalf("error is %v", err)
		}
		if d.Dialect == db.SQLite { // one transaction
			if got := tables(t, d); got != 0 {
				t.Errorf("%d tables, want 0", got)
			}
			migrate(t, d, files(first, createLog, second, addTwo))
			wantLog(t, d, 1, 2)
			return
		}
		wantPending(t, d, broken, second, third)
		wantLog(t, d, 1, 2)
		migrate(t, d, files(first, createLog, third, addThree)) // the lock is free
		wantLog(t, d, 1, 2, 3)
	})
}

func TestMigrate_splitsStatements(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		migrate(t, d, files(first, `-- A note; with a semicolon.
CREATE TABLE texts (t VARCHAR(100) NOT NULL); -- and another; one
/* A block; too. */
INSERT INTO texts (t) VALUES ('a;b'), ('it''s; so');
CREATE TABLE log (n INTEGER NOT NULL);
CREATE TRIGGER texts_log AFTER INSERT ON texts FOR EACH ROW BEGIN
	INSERT INTO log (n) VALUES (1);
	INSERT INTO log (n) VALUES (2);
END;
INSERT INTO texts (t) VALUES ('c')
;
;
-- the end;
`))
		wantLog(t, d, 1, 2)
		if got := number(t, d, "SELECT COUNT(*) FROM texts WHERE t IN ('a;b', 'it''s; so', 'c')"); got != 3 {
			t.Errorf("%d texts, want 3", got)
		}
	})
}

func TestMigrate_refusesMisnamedFiles(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	for _, c := range []struct {
		name string
		want string
		fsys fstest.MapFS
	}{
		{"no version", "change.sql", files("change.sql", createLog)},
		{"short version", "20260101_change.sql", files("20260101_change.sql", createLog)},
		{"same version", "same version", files(first, createLog, "20260101000000_other.sql", addTwo)},
		{"unclosed quote", first, files(first, "INSERT INTO log (n) VALUES ('")},
	} {
		if err := d.MigrateFrom(t.Context(), c.fsys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	wantPending(t, d, files("README.md", "not a migration")) // other files may lie beside
	if got := tables(t, d); got != 0 {
		t.Errorf("%d tables, want 0", got)
	}
}
