package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"farley/internal/db"
)

// changeColumns are those of the change log that the trail tells of. Of the fields only the names leave changeEntry.
const changeColumns = "c.seq, c.at, c.op, c.actor_id, c.kind, c.record_id, c.fields, c.request_id, c.operation, c.session_id, c.address"

// Archive copies the change rows of the positions behind after, up to and with upTo, into the table of entries. The
// change log calls it in the transaction that deletes these rows.
func Archive(ctx context.Context, tx *db.Tx, after, upTo int64) error {
	rows, err := tx.QueryContext(ctx, "SELECT "+changeColumns+" FROM changes c WHERE c.position > ? AND c.position <= ? ORDER BY c.position", after, upTo)
	if err != nil {
		return fmt.Errorf("archive changes: %w", err)
	}
	entries, err := scanAll(rows, changeEntry)
	if err != nil {
		return fmt.Errorf("archive changes: %w", err)
	}
	return insert(ctx, tx, entries)
}

// changeEntry reads one row of changeColumns.
func changeEntry(rows *sql.Rows) (Entry, error) {
	var e Entry
	var seq int64
	var fields []byte
	var operation, address sql.NullString
	err := rows.Scan(&seq, &e.At, &e.Action, &e.User, &e.Object, &e.Record, &fields, &e.Request, &operation, &e.Session, &address)
	if err != nil {
		return e, err
	}
	e.At = e.At.UTC()
	e.ID, e.Count, e.Times = writeID(e.At, seq), 1, 1
	e.Operation, e.Address = operation.String, address.String
	var changed []struct {
		Name string `json:"f"`
	}
	if err := json.Unmarshal(fields, &changed); err != nil {
		return e, fmt.Errorf("fields of change %d: %w", seq, err)
	}
	for _, c := range changed {
		if !slices.Contains(e.Fields, c.Name) {
			e.Fields = append(e.Fields, c.Name)
		}
	}
	return e, nil
}

// scanAll reads all rows and closes them.
func scanAll[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, rows.Err()
}
