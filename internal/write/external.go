package write

import (
	"context"
	"database/sql"
	"errors"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

const (
	maxSystem      = 60
	maxExternalKey = 190
)

func external(o input.Object) (system, key string, err error) {
	var p fault.Violations
	read := func(name string, limit int) string {
		s, _ := o[name].(string)
		switch {
		case s == "":
			p.Add([]any{"external", name}, "REQUIRED", "This field is required.")
		case len([]rune(s)) > limit:
			p.Add([]any{"external", name}, "TOO_LONG", "The text is longer than %d characters.", limit)
		}
		return s
	}
	system, key = read("system", maxSystem), read("id", maxExternalKey)
	return system, key, p.Err()
}

// Querier reads single rows.
type Querier interface {
	QueryRow(ctx context.Context, query string, args []any, dest ...any) error
}

// ParseExternal reads an ExternalRefInput.
func ParseExternal(o input.Object) (system, key string, err error) { return external(o) }

// External returns the record with a key of an outside system, the zero ID when there is none. It says nothing about who
// may see it.
func External(ctx context.Context, q Querier, k *model.Kind, system, key string) (id.ID, error) {
	var x id.ID
	err := q.QueryRow(ctx, "SELECT record_id FROM external_refs WHERE kind = ? AND system_name = ? AND external_id = ?",
		[]any{int64(k.Code), system, key}, &x)
	if errors.Is(err, sql.ErrNoRows) {
		return id.ID{}, nil
	}
	return x, err
}

func (tx *Tx) addExternal(ctx context.Context, k *model.Kind, system, key string, x id.ID) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO external_refs (kind, system_name, external_id, record_id, created_at) VALUES (?, ?, ?, ?, ?)",
		int64(k.Code), system, key, x, tx.Now)
	if db.Clash(err) {
		return errAgain
	}
	return err
}
