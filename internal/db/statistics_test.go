package db_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"farley/internal/farleytest/testdb"
)

// SQLite knows of each index what is assumed, on every connection, so that it reads by the column that narrows, and by an
// index of the bin only where nothing else does.
func TestAssumed(t *testing.T) {
	t.Parallel()
	d := testdb.SQLite(t)
	var told int
	var missing sql.NullString
	if err := d.Pool().QueryRowContext(t.Context(), `SELECT COUNT(s.stat), GROUP_CONCAT(CASE WHEN s.stat IS NULL THEN i.name END) FROM sqlite_schema i
			LEFT JOIN sqlite_stat1 s ON s.idx = i.name WHERE i.type = 'index' AND i.tbl_name NOT LIKE 'sqlite%'`).Scan(&told, &missing); err != nil {
		t.Fatal(err)
	}
	if missing.Valid || told < 500 {
		t.Errorf("statistics of %d indexes, and of these there are none: %s", told, missing.String)
	}
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	for query, want := range map[string]string{
		"SELECT * FROM accounts WHERE deleted_at IS NULL AND owner_id = ? ORDER BY name_sort, id LIMIT 20":                                                 "account_owner_id_deleted_at_name_sort_id",
		"SELECT * FROM accounts WHERE deleted_at IS NULL ORDER BY name_sort, id LIMIT 20":                                                                  "account_deleted_at_name_sort_id",
		"SELECT * FROM account_contacts k JOIN contacts c ON c.id = k.contact_id WHERE k.account_id = ? AND k.deleted_at IS NULL AND c.deleted_at IS NULL": "accountcontact_account_id_",
		"SELECT * FROM opportunities WHERE deleted_at IS NULL AND stage_id = ? AND amount_reporting >= ? ORDER BY close_date, id LIMIT 20":                 "opportunity_stage_id_",
		"SELECT * FROM changes WHERE position > ? AND position <= ? ORDER BY position":                                                                     "changes_position",
		"SELECT id FROM match_keys m JOIN accounts a ON a.id = m.record_id WHERE m.kind = ? AND m.value = ?":                                               "SEARCH m USING PRIMARY KEY",
	} {
		rows, err := tx.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if len(steps) == 0 || !strings.Contains(steps[0], want) {
			t.Errorf("%s\nbegins with %q, want %s", query, steps, want)
		}
	}
}
