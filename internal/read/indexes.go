package read

import (
	"context"
	"database/sql"
	"strings"

	"farley/internal/db"
)

// indexes are the names of the indexes of a MySQL-family database by table and columns: "accounts(deleted_at,name_sort,id)".
type indexes map[string]string

// LearnIndexes reads which indexes the database has, once at start, before the engine is used. Without it lists are
// answered alike, but MariaDB walks from the first record to the cursor as long as that lies in the first half of a
// table: its estimate for any range is at most half of the rows, so a range seems to be no gain. SQLite needs no help.
func (e *Engine) LearnIndexes(ctx context.Context, q db.Querier) error {
	if e.Dialect != db.MySQL {
		return nil
	}
	learned := indexes{}
	s := &statement{}
	s.WriteString("SELECT table_name, index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics " +
		"WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY' GROUP BY table_name, index_name")
	r := &run{Engine: e, ctx: ctx, q: q}
	err := r.once(s, nil, func(rows *sql.Rows) error {
		var table, index, columns string
		if err := rows.Scan(&table, &index, &columns); err != nil {
			return err
		}
		learned[table+"("+columns+")"] = index
		return nil
	})
	e.indexes = learned
	return err
}

// hint names the index that has the order of an unfiltered list, "" when there is none. A filter may have a better one, so
// then the choice is left to the database.
func (l *list) hint(columns ...string) string {
	if len(l.order) > 2 || !l.unfiltered {
		return ""
	}
	key := "id"
	if len(l.order) == 2 {
		if l.order[0].desc != l.order[1].desc {
			return ""
		}
		key = strings.Trim(strings.TrimPrefix(l.order[0].expr.SQL, base+"."), "`") + ",id"
	}
	index, ok := l.r.indexes[l.kind.Table+"("+strings.Join(append(columns, "deleted_at", key), ",")+")"]
	if !ok {
		return ""
	}
	return " FORCE INDEX (`" + index + "`)"
}
