package write

import (
	"context"
	"slices"
	"strings"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/text"
)

// foundPer is how many records are found for one value at most: more than one is not one.
const foundPer = 2

// FindKey returns the form in which Find compares a value of a field, "" for one that no record can have.
func FindKey(f *model.Field, value string) string {
	s, problem := Format(f.Scalar, value)
	if problem != "" {
		return ""
	}
	if f.Fold != "" {
		return cut(text.Fold(s), maxShadow)
	}
	return s
}

// Find returns the live records that have values in a field, by FindKey of the values; at most two for each. It finds records
// in the actor's sight, by what of them he may read.
func (tx *Tx) Find(ctx context.Context, k *model.Kind, f *model.Field, values []string) (map[string][]id.ID, error) {
	out := map[string][]id.ID{}
	var keys []any
	for _, v := range values {
		key := FindKey(f, v)
		if _, asked := out[key]; key != "" && !asked {
			out[key] = nil
			keys = append(keys, key)
		}
	}
	var cond access.Cond
	if !tx.system {
		cond = tx.Actor.Sight(tx.w.Set, k, "t", access.Read, tx.Now)
		if shows, whole := tx.Actor.FieldCond(tx.w.Set, k, f, "t", tx.Now); !whole {
			cond = access.And(cond, shows)
		}
		if cond.IsFalse() {
			return out, nil
		}
	}
	column := "t.`" + f.Compared() + "`"
	for part := range slices.Chunk(keys, maxForeseen) {
		where := access.And(access.Cond{SQL: column + " IN (?" + strings.Repeat(", ?", len(part)-1) + ") AND t.`deleted_at` IS NULL", Args: part}, cond)
		rows, err := tx.QueryContext(ctx, "SELECT `id`, `v` FROM (SELECT t.`id`, "+column+" AS `v`, ROW_NUMBER() OVER (PARTITION BY "+column+" ORDER BY t.`id`) AS n FROM `"+
			k.Table+"` t WHERE "+where.SQL+") s WHERE n <= ?", append(where.Args, foundPer)...)
		if err != nil {
			return nil, err
		}
		err = eachRow(rows, func() error {
			var x id.ID
			var v string
			err := rows.Scan(&x, &v)
			out[v] = append(out[v], x)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Externals returns the records with keys of an outside system, by key. It says nothing about who may see them.
func (tx *Tx) Externals(ctx context.Context, k *model.Kind, system string, keys []string) (map[string]id.ID, error) {
	out := map[string]id.ID{}
	for part := range slices.Chunk(keys, maxForeseen) {
		rows, err := tx.QueryContext(ctx, "SELECT external_id, record_id FROM external_refs WHERE kind = ? AND system_name = ? AND external_id IN (?"+strings.Repeat(", ?", len(part)-1)+")",
			append([]any{int64(k.Code), system}, anys(part)...)...)
		if err != nil {
			return nil, err
		}
		err = eachRow(rows, func() error {
			var key string
			var x id.ID
			err := rows.Scan(&key, &x)
			out[key] = x
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AddExternal gives a record a key of an outside system, which no other one of the kind has.
func (tx *Tx) AddExternal(ctx context.Context, k *model.Kind, system, key string, x id.ID) error {
	err := tx.Insert(ctx, "external_refs", []string{"kind", "system_name", "external_id", "record_id", "created_at"}, int64(k.Code), system, key, x, tx.Now)
	if db.Clash(err) {
		return fault.New(fault.Conflict, "This key of the outside system is taken.")
	}
	return err
}

// Changes counts the change rows of the transaction so far.
func (tx *Tx) Changes() int { return len(tx.changes) }

// MadeSince returns the records of a kind that the transaction has made after it had so many change rows.
func (tx *Tx) MadeSince(n int, k *model.Kind) (made []id.ID) {
	for _, r := range tx.changes[min(n, len(tx.changes)):] {
		if r.Kind == k.Code && r.Op == change.Created {
			made = append(made, r.Record)
		}
	}
	return made
}

// ChangedSince returns what the transaction has changed of a record after it had so many change rows.
func (tx *Tx) ChangedSince(n int, x id.ID) (fields []change.FieldChange, changed bool) {
	for _, r := range tx.changes[min(n, len(tx.changes)):] {
		if r.Record == x {
			fields, changed = append(fields, r.Fields...), true
		}
	}
	return fields, changed
}

// Delete moves a record to the bin: NOT_FOUND when it is not in sight, FORBIDDEN when the actor may not.
func (tx *Tx) Delete(ctx context.Context, k *model.Kind, x id.ID) error {
	old, err := tx.InSight(ctx, k, x)
	if err != nil {
		return err
	}
	if !tx.may(old, access.Delete) {
		return fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
	}
	_, err = tx.bin(ctx, k, x, change.Deleted)
	return err
}

// Linked returns the records that a many-to-many relation leads to.
func (tx *Tx) Linked(ctx context.Context, f *model.Field, x id.ID) ([]id.ID, error) {
	link := tx.w.Set.Kind(f.Through.Link)
	return tx.IDs(ctx, "SELECT `"+link.Field(f.Through.To).Column+"` FROM `"+link.Table+"` WHERE `"+link.Field(f.Through.From).Column+"` = ? AND `deleted_at` IS NULL ORDER BY `id`", x)
}

// Is reports whether a locked record has a value in a field, as change rows have it.
func (tx *Tx) Is(r *Record, f *model.Field, value []byte) bool {
	now := tx.json(f, func(column string) any { return r.Values[column] })
	return string(now) == string(value)
}

// Reading runs fn on the present state for what looks and does not write; dtx may be a snapshot. Nothing is locked.
func (w *Writer) Reading(ctx context.Context, dtx *db.Tx, fn func(tx *Tx) error) error {
	system, _ := ctx.Value(systemKey{}).(bool)
	return fn(&Tx{Tx: dtx, Actor: access.From(ctx), Now: w.Clock.Now(), w: w, system: system, locked: map[id.ID]*Record{}})
}

// Look reads a record without a lock and without regard to rights; nil when there is none.
func (tx *Tx) Look(ctx context.Context, k *model.Kind, x id.ID) (*Record, error) {
	values, err := tx.row(ctx, k, x, "")
	if err != nil || values == nil {
		return nil, err
	}
	return &Record{Kind: k, ID: x, Values: values}, nil
}
