package change

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"farley/internal/db"
	"farley/internal/id"
)

// wipeBatch is how many rows Wipe rewrites by one statement.
const wipeBatch = 100

// Wipe takes from the rows of a record, committed ones without a position included, the values of the fields that wiped
// names; that they changed stays. It goes on behind the row after (0: from the first one), and looks at limit rows at most:
// next is the last one it has looked at, and 0 when there are no more. The rows keep their places, so cursors go on working.
//
// The caller has the record locked, so that no other transaction adds rows meanwhile.
func Wipe(ctx context.Context, tx *db.Tx, record id.ID, wiped func(field string) bool, after int64, limit int) (next int64, err error) {
	for limit > 0 {
		n := min(limit, wipeBatch)
		found, last, err := wipeable(ctx, tx, record, wiped, after, n)
		if err != nil {
			return 0, fmt.Errorf("wipe the history of a record: %w", err)
		}
		if err := found.store(ctx, tx); err != nil {
			return 0, fmt.Errorf("wipe the history of a record: %w", err)
		}
		if found.looked < n {
			return 0, nil
		}
		after, limit = last, limit-n
	}
	return after, nil
}

// wipes are rows to be rewritten.
type wipes struct {
	looked int
	seqs   []any
	fields []any
}

func wipeable(ctx context.Context, tx *db.Tx, record id.ID, wiped func(string) bool, after int64, limit int) (w wipes, last int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT seq, fields FROM changes WHERE record_id = ? AND seq > ? ORDER BY seq LIMIT ?", record, after, limit)
	if err != nil {
		return w, 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var fields []byte
		if err := rows.Scan(&last, &fields); err != nil {
			return w, 0, err
		}
		w.looked++
		stripped, err := strip(fields, wiped)
		if err != nil {
			return w, 0, err
		}
		if stripped != nil {
			w.seqs, w.fields = append(w.seqs, last), append(w.fields, string(stripped))
		}
	}
	return w, last, rows.Err()
}

// strip returns stored fields without values, nil when there are none to take.
func strip(stored []byte, wiped func(string) bool) ([]byte, error) {
	var fields []FieldChange
	if err := json.Unmarshal(stored, &fields); err != nil {
		return nil, err
	}
	if !Strip(fields, wiped) {
		return nil, nil
	}
	return json.Marshal(fields)
}

// Strip takes the values of fields that wiped names, and reports whether there were any.
func Strip(fields []FieldChange, wiped func(field string) bool) bool {
	null := json.RawMessage("null")
	any := false
	for i := range fields {
		f := &fields[i]
		if !wiped(f.Field) || string(f.Old) == "null" && string(f.New) == "null" {
			continue
		}
		f.Old, f.New, any = null, null, true
	}
	return any
}

func (w *wipes) store(ctx context.Context, tx *db.Tx) error {
	if len(w.seqs) == 0 {
		return nil
	}
	args := make([]any, 0, 3*len(w.seqs))
	for i := range w.seqs {
		args = append(args, w.seqs[i], w.fields[i])
	}
	_, err := tx.ExecContext(ctx, "UPDATE changes SET fields = CASE seq"+strings.Repeat(" WHEN ? THEN ?", len(w.seqs))+" ELSE fields END WHERE seq IN (?"+
		strings.Repeat(", ?", len(w.seqs)-1)+")", append(args, w.seqs...)...)
	return err
}

// WipeAddresses takes from what a user changed the addresses from which that was done.
func WipeAddresses(ctx context.Context, tx *db.Tx, user id.ID) error {
	if _, err := tx.ExecContext(ctx, "UPDATE changes SET address = NULL WHERE actor_id = ? AND address IS NOT NULL", user); err != nil {
		return fmt.Errorf("wipe addresses: %w", err)
	}
	return nil
}
