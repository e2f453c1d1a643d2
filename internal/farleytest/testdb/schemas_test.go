package testdb

import (
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// newServer starts a server of the test's own, with migrations of its own.
func newServer(t *testing.T, migration string) *server {
	t.Helper()
	s, err := startServer()
	if errors.Is(err, errNoServer) && os.Getenv("FARLEY_REQUIRE_MYSQL") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(s.admin.Close(), s.life.Close()) })
	s.migrations = fstest.MapFS{"mysql/20260101000000_first.sql": &fstest.MapFile{Data: []byte(migration)}}
	return s
}

const family = `CREATE TABLE parents (id INTEGER NOT NULL PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) NOT NULL);
CREATE TABLE children (id INTEGER NOT NULL PRIMARY KEY, parent INTEGER NOT NULL, FOREIGN KEY (parent) REFERENCES parents (id));
INSERT INTO parents (name) VALUES ('seed');
INSERT INTO children (id, parent) VALUES (1, 1);`

func (s *server) mustTake(t *testing.T) string {
	t.Helper()
	schema, err := s.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func (s *server) mustRun(t *testing.T, schema, script string) {
	t.Helper()
	if err := s.run(t.Context(), schema, script); err != nil {
		t.Fatal(err)
	}
}

func (s *server) mustGiveBack(t *testing.T, schema string) {
	t.Helper()
	if err := s.giveBack(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
}

// wantSeeds checks that a schema has the rows of family, its counter, its record of migrations, and nothing else.
func (s *server) wantSeeds(t *testing.T, schema string) {
	t.Helper()
	var got [4]int
	row := s.admin.QueryRowContext(t.Context(), "SELECT (SELECT SUM(id) FROM "+schema+".parents), (SELECT SUM(id) FROM "+schema+
		".children), (SELECT COUNT(*) FROM "+schema+".schema_migrations), (SELECT auto_increment FROM information_schema.tables WHERE table_schema = ? AND table_name = 'parents')", schema)
	if err := row.Scan(&got[0], &got[1], &got[2], &got[3]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([4]int{1, 1, 1, 2}, got); diff != "" {
		t.Errorf("parents, children, migrations, next parent (-want +got):\n%s", diff)
	}
}

func TestSchemas_areCopiedEmptiedAndUsedAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t, family)
	one := s.mustTake(t)
	two := s.mustTake(t)
	if one == two {
		t.Fatal("two tests have the same schema")
	}
	s.wantSeeds(t, one)
	s.wantSeeds(t, two)

	s.mustRun(t, one, "SET foreign_key_checks = 1; DELETE FROM children; UPDATE parents SET name = 'other'; INSERT INTO parents (name) VALUES ('more')")
	s.mustGiveBack(t, one)
	if again := s.mustTake(t); again != one {
		t.Errorf("got schema %s, want %s again", again, one)
	}
	s.wantSeeds(t, one)
	if err := s.run(t.Context(), one, "SET foreign_key_checks = 1; INSERT INTO children (id, parent) VALUES (2, 99)"); err == nil {
		t.Error("the copy has lost its foreign keys")
	}
}

func TestSchemas_areDroppedWhenTheTestChangedTables(t *testing.T) {
	t.Parallel()
	s := newServer(t, family)
	for _, change := range []string{
		"CREATE TABLE extra (n INTEGER)",
		"DROP TABLE children",
		"ALTER TABLE parents ADD COLUMN extra INTEGER",
		"DROP TABLE children; CREATE TABLE extra (n INTEGER)",
		"INSERT INTO parents (name) SELECT 'many' FROM seq_1_to_9000; ANALYZE TABLE parents",
	} {
		schema := s.mustTake(t)
		s.wantSeeds(t, schema)
		s.mustRun(t, schema, change)
		s.mustGiveBack(t, schema)
		var left int
		if err := s.admin.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", schema).Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left != 0 || len(s.free) != 0 {
			t.Errorf("%s: the schema is kept", change)
		}
	}
}

func TestRun_reportsLaterStatements(t *testing.T) {
	t.Parallel()
	s := newServer(t, family)
	if err := s.run(t.Context(), s.mustTake(t), "SELECT 1; SELECT 2; INSERT INTO nowhere VALUES (1)"); err == nil {
		t.Error("no error")
	}
}
