package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SQLite plans by what ANALYZE last counted, and guesses without: that few records have the same deleted_at, when nearly all
// have, so that it reads whole tables through an index of their bin. Counting would have plans change from one day to the
// next, and be wrong while a table grows. So it is told once what tables look like when they are large, and plans are the same
// always, which its documentation recommends for that (The Next-Generation Query Planner, §4).

const (
	manyRows = 1_000_000
	fewRows  = 1_000
)

// smallTables do not grow with the firm's customers.
var smallTables = []string{
	"users", "teams", "roles", "role_grants", "branches", "territories", "pipelines", "stages", "lifecycle_stages", "custom_fields",
	"products", "product_categories", "tags", "working_calendars", "retention_rules", "exchange_rates",
}

// values says how many values columns have that do not have a value of its own for nearly every row.
var values = map[string]int64{
	"deleted_at": 1, "kind": 20, "op": 5, "status": 4, "type": 6, "object": 20, "state": 5, "position": manyRows,
	"owner_id": 200, "team_id": 20, "partner_id": 50, "branch_id": 10, "territory_id": 20,
	"pipeline_id": 4, "stage_id": 20, "lifecycle_id": 6, "parent_id": 10_000,
	"to_date": 2, "from_date": 2,
}

// valuesOf says how many values a column has among rows.
func valuesOf(column string, rows int64) int64 {
	n, ok := values[column]
	switch {
	case ok:
	case column == "id":
		n = rows
	case strings.HasSuffix(column, "_id"):
		n = rows / 10
	default:
		n = 1000
	}
	return min(n, rows)
}

// assume tells SQLite what tables look like. It is called after migrations, which make indexes.
func assume(ctx context.Context, tx *sql.Tx) error {
	indexes, err := readIndexes(ctx, tx)
	if err != nil {
		return err
	}
	statements := []string{"ANALYZE schema_migrations", "DELETE FROM sqlite_stat1"} // the first makes the table
	for _, x := range indexes {
		statements = append(statements, "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ("+literal(x.table)+", "+literal(x.name)+", "+literal(x.statistics())+")")
	}
	statements = append(statements, "ANALYZE sqlite_schema") // reads them
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("db: write statistics: %w", err)
		}
	}
	return nil
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// index is an index of SQLite.
type index struct {
	table, name string
	unique      bool
	columns     []string
}

func readIndexes(ctx context.Context, tx *sql.Tx) ([]index, error) {
	rows, err := tx.QueryContext(ctx, "SELECT t.name, l.name, l.\"unique\", i.name FROM sqlite_schema t, pragma_index_list(t.name) l, pragma_index_info(l.name) i "+
		"WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND i.name IS NOT NULL ORDER BY t.name, l.name, i.seqno")
	if err != nil {
		return nil, fmt.Errorf("db: read indexes: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []index
	for rows.Next() {
		var x index
		var column string
		if err := rows.Scan(&x.table, &x.name, &x.unique, &column); err != nil {
			return nil, fmt.Errorf("db: read indexes: %w", err)
		}
		if n := len(out); n == 0 || out[n-1].name != x.name {
			out = append(out, x)
		}
		last := &out[len(out)-1]
		last.columns = append(last.columns, column)
	}
	return out, rows.Err()
}

// statistics are those of sqlite_stat1: the rows of the table, and how many of them are equal in the first column, the first
// two, and so on.
func (x index) statistics() string {
	n := int64(manyRows)
	if slices.Contains(smallTables, x.table) {
		n = fewRows
	}
	out := strconv.FormatInt(n, 10)
	equal := n
	for i, column := range x.columns {
		equal = max(1, equal/valuesOf(column, n))
		if x.unique && i == len(x.columns)-1 {
			equal = 1
		}
		out += " " + strconv.FormatInt(equal, 10)
	}
	return out
}
