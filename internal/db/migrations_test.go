package db_test

import (
	"io/fs"
	"path"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
)

func sqlFiles(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := fs.ReadDir(db.Migrations(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestMigrations_areThereForBothDialects(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(sqlFiles(t, "sqlite"), sqlFiles(t, "mysql")); diff != "" {
		t.Errorf("files (-sqlite +mysql):\n%s", diff)
	}
}

// TestMigrations_leaveTheSessionAlone: the runner decides on transactions and foreign keys.
func TestMigrations_leaveTheSessionAlone(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`(?i)foreign_key_checks|(^|;)(\s|--[^\n]*\n)*(SET|PRAGMA|BEGIN|START|COMMIT|ROLLBACK|USE|LOCK|UNLOCK)\b`)
	for _, folder := range []string{"sqlite", "mysql"} {
		for _, name := range sqlFiles(t, folder) {
			text, err := fs.ReadFile(db.Migrations(), path.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if found := forbidden.Find(text); found != nil {
				t.Errorf("%s/%s: has %q", folder, name, found)
			}
		}
	}
}
