package testdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"farley/internal/db"
)

// Running all migrations, or only making all tables, takes longer than most tests. So the migrations run once, in a schema
// that is the template; further schemas get its tables and rows; and a schema whose test has ended is emptied and used
// again, unless the test changed its tables or left many rows.

// manyRows in a table make a schema not worth emptying: it would be slow, and the optimiser would remember them.
const manyRows = 2000

// template is what a migrated schema holds.
type template struct {
	schema string
	tables map[string]table
	seeded []string // names of the tables in which migrations put rows
}

// table is a table's state.
type table struct {
	ddl  string // without the counter of AUTO_INCREMENT
	next int64  // the counter of AUTO_INCREMENT, 0 where there is none
	rows int64  // roughly
}

// take returns a schema with the tables and rows of the template.
func (s *server) take(ctx context.Context) (string, error) {
	t, err := s.template()
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	if n := len(s.free); n > 0 {
		defer s.mu.Unlock()
		schema := s.free[n-1]
		s.free = s.free[:n-1]
		return schema, nil
	}
	s.mu.Unlock()

	schema, err := s.create(ctx)
	if err != nil {
		return "", err
	}
	var script strings.Builder
	for _, name := range slices.Sorted(maps.Keys(t.tables)) {
		script.WriteString(t.tables[name].ddl + ";\n")
	}
	return schema, s.run(ctx, schema, script.String()+t.seeds())
}

// giveBack empties a schema for the next test, or drops it.
func (s *server) giveBack(ctx context.Context, schema string) error {
	t, err := s.template()
	if err != nil {
		return err
	}
	tables, err := s.tables(ctx, schema)
	if err != nil {
		return err
	}
	if len(tables) != len(t.tables) {
		return s.drop(ctx, schema)
	}
	var script strings.Builder
	for name, now := range tables {
		if now.ddl != t.tables[name].ddl || now.rows > manyRows {
			return s.drop(ctx, schema)
		}
		fmt.Fprintf(&script, "DELETE FROM `%s`;\n", name)
		if now.next != t.tables[name].next {
			fmt.Fprintf(&script, "ALTER TABLE `%s` AUTO_INCREMENT = %d;\n", name, t.tables[name].next)
		}
	}
	if err := s.run(ctx, schema, script.String()+t.seeds()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, schema)
	return nil
}

// seeds returns the statements that copy the rows of the template.
func (t *template) seeds() string {
	var script strings.Builder
	for _, name := range t.seeded {
		fmt.Fprintf(&script, "INSERT INTO `%s` SELECT * FROM `%s`.`%s`;\n", name, t.schema, name)
	}
	return script.String()
}

// makeTemplate runs the migrations in a new schema.
func (s *server) makeTemplate() (*template, error) {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	schema, err := s.create(ctx)
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, s.url(schema))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.MigrateFrom(ctx, s.migrations), d.Close()); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var others int
	const uncopied = `SELECT (SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = ?) +
		(SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ? AND table_type <> 'BASE TABLE')`
	if err := s.admin.QueryRowContext(ctx, uncopied, schema, schema).Scan(&others); err != nil {
		return nil, err
	}
	if others > 0 {
		return nil, errors.New("the migrations make triggers, views or sequences; testdb copies tables only")
	}
	t := &template{schema: schema}
	if t.tables, err = s.tables(ctx, schema); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(t.tables)) {
		var seeded bool
		if err := s.admin.QueryRowContext(ctx, fmt.Sprintf("SELECT EXISTS (SELECT 1 FROM `%s`.`%s`)", schema, name)).Scan(&seeded); err != nil {
			return nil, err
		}
		if seeded {
			t.seeded = append(t.seeded, name)
		}
	}
	return t, nil
}

// run runs the statements of a script in a schema, whose tables may come and go in any order.
func (s *server) run(ctx context.Context, schema, script string) error {
	if _, err := s.admin.ExecContext(ctx, "USE "+schema+"; SET foreign_key_checks = 0;\n"+script); err != nil {
		return fmt.Errorf("schema %s: %w", schema, err)
	}
	return nil
}
