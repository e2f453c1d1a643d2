package testdb

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
)

var autoIncrement = regexp.MustCompile(` AUTO_INCREMENT=[0-9]+`)

// tables reads the tables of a schema by name.
func (s *server) tables(ctx context.Context, schema string) (map[string]table, error) {
	found, err := s.counts(ctx, schema)
	if err != nil {
		return nil, fmt.Errorf("read tables: %w", err)
	}
	for name, t := range found {
		var ddl string
		row := s.admin.QueryRowContext(ctx, fmt.Sprintf("SHOW CREATE TABLE `%s`.`%s`", schema, name))
		if err := row.Scan(new(string), &ddl); err != nil {
			return nil, fmt.Errorf("read table %s: %w", name, err)
		}
		t.ddl = autoIncrement.ReplaceAllString(ddl, "")
		found[name] = t
	}
	return found, nil
}

// counts reads the names of a schema's tables, and how many rows they have and had.
func (s *server) counts(ctx context.Context, schema string) (map[string]table, error) {
	const query = "SELECT table_name, COALESCE(table_rows, 0), auto_increment FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE'"
	rows, err := s.admin.QueryContext(ctx, query, schema)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := map[string]table{}
	for rows.Next() {
		var name string
		var t table
		var next sql.NullInt64
		if err := rows.Scan(&name, &t.rows, &next); err != nil {
			return nil, err
		}
		t.next = next.Int64
		found[name] = t
	}
	return found, rows.Err()
}
