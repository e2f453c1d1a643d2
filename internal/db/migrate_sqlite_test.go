package db_test

import (
	"strings"
	"testing"

	"farley/internal/farleytest/testdb"
)

const family = `CREATE TABLE parents (id INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE children (id INTEGER NOT NULL PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE);
INSERT INTO parents (id) VALUES (1);
INSERT INTO children (id, parent) VALUES (7, 1);`

// SQLite alters a table by making it anew, and a drop with foreign keys on deletes the rows that refer to it.
func TestMigrate_rebuildsReferredTable(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	migrate(t, d, files(first, family, second, `CREATE TABLE new_parents (id INTEGER NOT NULL PRIMARY KEY, name TEXT);
INSERT INTO new_parents (id) SELECT id FROM parents;
DROP TABLE parents;
ALTER TABLE new_parents RENAME TO parents;`))
	if got := number(t, d, "SELECT COUNT(*) FROM children"); got != 1 {
		t.Errorf("%d children, want 1", got)
	}
	// Afterwards foreign keys hold again.
	if err := write(t.Context(), d, "INSERT INTO children (id, parent) VALUES (8, 2)"); err == nil {
		t.Error("a child without a parent is accepted")
	}
}

func TestMigrate_refusesBrokenReferences(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	migrate(t, d, files(first, family))
	err := d.MigrateFrom(t.Context(), files(first, family, second, "DELETE FROM parents;"))
	if err == nil || !strings.Contains(err.Error(), "row 7 of children refers to a row of parents that is not there") {
		t.Errorf("error is %v", err)
	}
	if got := number(t, d, "SELECT COUNT(*) FROM parents"); got != 1 {
		t.Errorf("%d parents, want 1", got)
	}
	if err := write(t.Context(), d, "INSERT INTO children (id, parent) VALUES (8, 2)"); err == nil {
		t.Error("after a failed migration a child without a parent is accepted")
	}
}
