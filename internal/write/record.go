package write

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// Record is a stored record as it was read in the transaction: all columns, without regard to rights. A column's value
// is nil or, by the type of its field, id.ID, string, int64, bool or time.Time.
type Record struct {
	Kind   *model.Kind
	ID     id.ID
	Values map[string]any
	Keys   *access.Keys
}

// Version returns the record's version.
func (r *Record) Version() int64 { v, _ := r.Values["version"].(int64); return v }

// InBin reports whether the record is in the bin.
func (r *Record) InBin() bool { return r.Values["deleted_at"] != nil }

// Lock locks the record and reads it, with what decides who sees it. It returns nil when there is none.
func (tx *Tx) Lock(ctx context.Context, k *model.Kind, x id.ID) (*Record, error) {
	if r := tx.locked[x]; r != nil {
		return r, nil
	}
	values, err := tx.row(ctx, k, x, tx.Dialect.ForUpdate())
	if err != nil || values == nil {
		return nil, err
	}
	r := &Record{Kind: k, ID: x, Values: values}
	if r.Keys, err = tx.keys(ctx, k, x, values, true); err != nil {
		return nil, err
	}
	tx.locked[x] = r
	return r, nil
}

// InSight locks the record and returns it when the actor may read it, NOT_FOUND else.
func (tx *Tx) InSight(ctx context.Context, k *model.Kind, x id.ID) (*Record, error) {
	r, err := tx.Lock(ctx, k, x)
	if err != nil {
		return nil, err
	}
	if r == nil || !tx.may(r, access.Read) {
		return nil, NotFound(k)
	}
	return r, nil
}

// NotFound is the answer for a record that is absent or out of sight.
func NotFound(k *model.Kind) error {
	return fault.New(fault.NotFound, "There is no %s with this id.", k.Name)
}

// may reports whether the actor may do the action to the record as it is.
func (tx *Tx) may(r *Record, action string) bool {
	return tx.system || tx.Actor.May(tx.w.Set, r.Kind, r.Keys, action, tx.Now)
}

// row reads all columns of a record, nil when there is none.
func (tx *Tx) row(ctx context.Context, k *model.Kind, x id.ID, lock string) (map[string]any, error) {
	columns, dest := allColumns(k)
	query := "SELECT `" + strings.Join(columns, "`, `") + "` FROM `" + k.Table + "` WHERE `id` = ?" + lock
	err := tx.QueryRow(ctx, query, []any{x}, dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // the callers treat absence as one case among several
	}
	if err != nil {
		return nil, err
	}
	return valuesOf(columns, dest), nil
}

// rows reads all columns of the records that where, which may end with order, limit and lock, selects.
func (tx *Tx) rows(ctx context.Context, k *model.Kind, where string, args ...any) ([]map[string]any, error) {
	columns, dest := allColumns(k)
	rows, err := tx.QueryContext(ctx, "SELECT `"+strings.Join(columns, "`, `")+"` FROM `"+k.Table+"` WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	err = eachRow(rows, func() error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		out = append(out, valuesOf(columns, dest))
		return nil
	})
	return out, err
}

func allColumns(k *model.Kind) (columns []string, dest []any) {
	for _, f := range k.Fields {
		for i, c := range f.Columns() {
			columns, dest = append(columns, c), append(dest, destination(f, i))
		}
	}
	return columns, dest
}

func valuesOf(columns []string, dest []any) map[string]any {
	values := make(map[string]any, len(dest))
	for i, name := range columns {
		values[name] = plain(dest[i])
	}
	return values
}

// destination returns what the i-th column of a field is scanned into.
func destination(f *model.Field, i int) any {
	switch {
	case f.Type == model.ID || f.Type == model.Ref:
		return new(id.ID)
	case f.Type == model.Int, f.Type == model.Degrees, f.Type == model.Money && i != 1:
		return new(sql.NullInt64)
	case f.Type == model.Bool:
		return new(sql.NullBool)
	case f.Type == model.DateTime:
		return new(sql.NullTime)
	}
	return new(sql.NullString)
}

func plain(dest any) any {
	switch v := dest.(type) {
	case *id.ID:
		if !v.IsZero() {
			return *v
		}
	case *sql.NullInt64:
		if v.Valid {
			return v.Int64
		}
	case *sql.NullBool:
		if v.Valid {
			return v.Bool
		}
	case *sql.NullTime:
		if v.Valid {
			return v.Time.UTC()
		}
	case *sql.NullString:
		if v.Valid {
			return v.String
		}
	}
	return nil
}

func idOf(v any) id.ID { x, _ := v.(id.ID); return x }

// keys returns what decides who sees a record with these values. A new record has no shares yet.
func (tx *Tx) keys(ctx context.Context, k *model.Kind, x id.ID, values map[string]any, stored bool) (*access.Keys, error) {
	keys := &access.Keys{ID: x, Deleted: values["deleted_at"] != nil}
	if k.Owned {
		keys.Owner, keys.Team, keys.Partner = idOf(values["owner_id"]), idOf(values["team_id"]), idOf(values["partner_id"])
	}
	if k.Placed {
		keys.Branch, keys.Territory = idOf(values["branch_id"]), idOf(values["territory_id"])
	}
	if k.Sight == model.ByUser {
		keys.UserPartner, keys.Branch = idOf(values["partner_account_id"]), idOf(values["branch_id"])
	}
	if k.Shareable && stored {
		shares, err := tx.shares(ctx, x)
		if err != nil {
			return nil, err
		}
		keys.Shares = shares
	}
	if k.Participants != nil && stored {
		var err error
		if keys.Participants, err = tx.participants(ctx, k, x); err != nil {
			return nil, err
		}
	}
	for _, name := range k.Parents {
		f := k.Field(name)
		parent := idOf(values[f.Column])
		if parent.IsZero() {
			continue
		}
		pk := tx.w.Set.Kind(f.Target)
		pv, err := tx.row(ctx, pk, parent, "")
		if err != nil {
			return nil, err
		}
		if pv == nil {
			pv = map[string]any{"deleted_at": time.Time{}}
		}
		pkeys, err := tx.keys(ctx, pk, parent, pv, true)
		if err != nil {
			return nil, err
		}
		keys.Parents = append(keys.Parents, access.ParentKeys{Kind: pk.Name, Keys: *pkeys})
	}
	return keys, nil
}

func (tx *Tx) shares(ctx context.Context, record id.ID) ([]access.ShareKey, error) {
	all, err := tx.sharesOf(ctx, []id.ID{record})
	return all[record], err
}

// sharesOf returns the shares of many records.
func (tx *Tx) sharesOf(ctx context.Context, records []id.ID) (map[id.ID][]access.ShareKey, error) {
	marks, args := marksFor(records)
	rows, err := tx.QueryContext(ctx, "SELECT record_id, grantee_id, level, fields, expires_at FROM shares WHERE record_id IN ("+marks+") AND deleted_at IS NULL ORDER BY id", args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[id.ID][]access.ShareKey{}
	for rows.Next() {
		var record id.ID
		var s access.ShareKey
		var fields sql.NullString
		var until sql.NullTime
		if err := rows.Scan(&record, &s.Grantee, &s.Level, &fields, &until); err != nil {
			return nil, err
		}
		if fields.Valid {
			s.Fields = access.ShareFields(&fields.String)
		}
		if until.Valid {
			s.Until = until.Time.UTC()
		}
		out[record] = append(out[record], s)
	}
	return out, rows.Err()
}

// participants returns who takes part in a record, now or on other days.
func (tx *Tx) participants(ctx context.Context, k *model.Kind, record id.ID) ([]access.ParticipantKey, error) {
	all, err := tx.participantsOf(ctx, k, []id.ID{record})
	return all[record], err
}

// participantsOf returns who takes part in many records.
func (tx *Tx) participantsOf(ctx context.Context, k *model.Kind, records []id.ID) (map[id.ID][]access.ParticipantKey, error) {
	p := k.Participants
	link := tx.w.Set.Kind(p.Kind)
	column := func(name string) string {
		if name == "" {
			return "NULL"
		}
		return "`" + link.Field(name).Column + "`"
	}
	marks, args := marksFor(records)
	rows, err := tx.QueryContext(ctx, "SELECT "+column(p.Record)+", "+column(p.User)+", "+column(p.From)+", "+column(p.To)+" FROM `"+link.Table+"` WHERE "+
		column(p.Record)+" IN ("+marks+") AND `deleted_at` IS NULL ORDER BY `id`", args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[id.ID][]access.ParticipantKey{}
	for rows.Next() {
		var record id.ID
		var one access.ParticipantKey
		var from, to sql.NullString
		if err := rows.Scan(&record, &one.User, &from, &to); err != nil {
			return nil, err
		}
		one.From, one.To = from.String, to.String
		out[record] = append(out[record], one)
	}
	return out, rows.Err()
}

// Visible returns which of the ids are records of the kind that the actor may read and that are not in the bin.
func (tx *Tx) Visible(ctx context.Context, k *model.Kind, ids []id.ID) (map[id.ID]bool, error) {
	seen := map[id.ID]bool{}
	if len(ids) == 0 {
		return seen, nil
	}
	args := make([]any, 0, len(ids))
	for _, x := range ids {
		args = append(args, x)
	}
	query := "SELECT t.`id` FROM `" + k.Table + "` t WHERE t.`id` IN (?" + strings.Repeat(", ?", len(ids)-1) + ") AND t.`deleted_at` IS NULL"
	if !tx.system {
		sight := tx.Actor.Sight(tx.w.Set, k, "t", access.Read, tx.Now)
		if !sight.IsTrue() {
			query, args = query+" AND ("+sight.SQL+")", append(args, sight.Args...)
		}
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, err
		}
		seen[x] = true
	}
	return seen, rows.Err()
}
