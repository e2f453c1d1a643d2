package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"farley/internal/db"
	"farley/internal/id"
)

// insertBatch is the most rows of one INSERT; SQLite takes 32,766 arguments.
const insertBatch = 500

const entryColumns = "id, at, action, user_id, kind, record_id, record_count, fields, operation, path, request_id, session_id, address, detail, times"

// insert writes complete entries with the records that they name.
func insert(ctx context.Context, tx *db.Tx, entries []Entry) error {
	for start := 0; start < len(entries); start += insertBatch {
		part := entries[start:min(start+insertBatch, len(entries))]
		args := make([]any, 0, 15*len(part))
		for i := range part {
			args = append(args, part[i].values()...)
		}
		if err := insertRows(ctx, tx, "audit_entries ("+entryColumns+")", 15, args); err != nil {
			return err
		}
	}
	var args []any
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		err := insertRows(ctx, tx, "audit_records (entry_id, record_id, at)", 3, args)
		args = args[:0]
		return err
	}
	for _, e := range entries {
		for _, x := range e.Records {
			args = append(args, e.ID, x, e.At)
		}
		if len(args) >= 3*insertBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func insertRows(ctx context.Context, tx *db.Tx, into string, width int, args []any) error {
	row := "(?" + strings.Repeat(", ?", width-1) + ")"
	query := "INSERT INTO " + into + " VALUES " + row + strings.Repeat(", "+row, len(args)/width-1)
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("write the audit trail: %w", err)
	}
	return nil
}

// values are the arguments of an INSERT.
func (e *Entry) values() []any {
	var kind any
	if e.Object != 0 {
		kind = int64(e.Object)
	}
	return []any{e.ID, e.At, string(e.Action), e.User, kind, e.Record, e.Count, strings.Join(e.Fields, ","),
		orNull(e.Operation), orNull(e.Path), orNull(e.Request), e.Session, orNull(e.Address), orNull(e.Detail), e.Times}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// purgeBatch is how many entries one transaction of Purge deletes.
const purgeBatch = 500

// Purge deletes entries older than before and returns how many those were. It works in short transactions and may be
// stopped at any moment. Writes that are still in the change log stay until that is pruned.
func (l *Log) Purge(ctx context.Context, before time.Time) (int64, error) {
	var deleted int64
	for {
		n, err := l.purgeOnce(ctx, before)
		deleted += n
		if err != nil || n < purgeBatch {
			return deleted, err
		}
	}
}

func (l *Log) purgeOnce(ctx context.Context, before time.Time) (deleted int64, err error) {
	err = l.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		old, err := oldest(ctx, tx, before)
		deleted = int64(len(old))
		if err != nil || len(old) == 0 {
			return err
		}
		in := " IN (?" + strings.Repeat(", ?", len(old)-1) + ")"
		if _, err := tx.ExecContext(ctx, "DELETE FROM audit_records WHERE entry_id"+in, old...); err != nil {
			return fmt.Errorf("purge the audit trail: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM audit_entries WHERE id"+in, old...); err != nil {
			return fmt.Errorf("purge the audit trail: %w", err)
		}
		return nil
	})
	return deleted, err
}

func oldest(ctx context.Context, tx *db.Tx, before time.Time) ([]any, error) {
	rows, err := tx.QueryContext(ctx, "SELECT id FROM audit_entries WHERE at < ? ORDER BY at LIMIT ?", before, purgeBatch)
	if err != nil {
		return nil, fmt.Errorf("purge the audit trail: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []any
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, fmt.Errorf("purge the audit trail: %w", err)
		}
		found = append(found, x)
	}
	return found, rows.Err()
}
