package write

import (
	"context"
	"errors"
	"strings"
	"time"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/text"
)

// History wipes values that go when x is erased from the change rows of a record, which it locks: see change.Wipe for the rest.
func (tx *Tx) History(ctx context.Context, k *model.Kind, x id.ID, after int64, limit int) (next int64, err error) {
	if _, err := tx.Lock(ctx, k, x); err != nil {
		return 0, err
	}
	return change.Wipe(ctx, tx.Tx, x, func(name string) bool { return wiped(k, k.Field(name)) }, after, limit)
}

// wiped reports whether the values of a field leave the history of a record that is erased: what is personal, what is not a
// field of the model, and of a record that goes everything but what leads to others.
func wiped(k *model.Kind, f *model.Field) bool {
	return f == nil || f.Personal || f.Type == model.Many || k.GoesAlong && !leads(f)
}

// leads reports whether the values of a field are ids of single records.
func leads(f *model.Field) bool { return f != nil && (f.Type == model.Ref || f.Type == model.ID) }

// Erase takes what is personal from a record, wherever it is kept beside the history (see History): the record itself stays,
// a person with a name that is nobody's. Its keys in outside systems and what Writer.Wipe clears go too. It gets one change
// row ERASED, without values. Nothing happens to a record that has nothing personal.
func (tx *Tx) Erase(ctx context.Context, k *model.Kind, x id.ID) error {
	old, err := tx.Lock(ctx, k, x)
	if err != nil || old == nil {
		return err
	}
	values := make(map[string]any, len(old.Values))
	for column, v := range old.Values {
		values[column] = v
	}
	sets, args, fields := tx.blank(k, x, values)
	if _, err := tx.ExecContext(ctx, "DELETE FROM external_refs WHERE record_id = ?", x); err != nil {
		return err
	}
	if len(fields) > 0 {
		version := old.Version() + 1
		values["version"], values["updated_at"] = version, tx.Now
		sets, args = append(sets, "`version` = ?", "`updated_at` = ?"), append(args, version, tx.Now)
		if !tx.Actor.User.IsZero() {
			values["updated_by_id"] = tx.Actor.User
			sets, args = append(sets, "`updated_by_id` = ?"), append(args, tx.Actor.User)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE `"+k.Table+"` SET "+strings.Join(sets, ", ")+" WHERE `id` = ?", append(args, x)...); err != nil {
			return err
		}
		after, err := tx.keys(ctx, k, x, values, true)
		if err != nil {
			return err
		}
		tx.append(ctx, change.Row{Kind: k.Code, Record: x, Op: change.Erased, Version: version, Before: old.Keys, After: after, Fields: fields})
		tx.locked[x] = &Record{Kind: k, ID: x, Values: values, Keys: after}
	}
	for _, wipe := range tx.w.Wipe {
		if err := wipe(ctx, tx, k, x); err != nil {
			return err
		}
	}
	return nil
}

// blank empties what is personal in values, and returns how to store that, and the fields whose values go.
func (tx *Tx) blank(k *model.Kind, x id.ID, values map[string]any) (sets []string, args []any, fields []change.FieldChange) {
	set := func(column string, v any) {
		if column != "" {
			sets, args = append(sets, "`"+column+"` = ?"), append(args, v)
		}
	}
	for _, f := range k.Fields {
		if !f.Personal {
			continue
		}
		word := ErasedValue(k, f, x)
		var value, fold, sort, key any
		if word != "" {
			value, fold, sort = word, cut(text.Fold(word), maxShadow), tx.sorter.Key(word)
			if values["deleted_at"] == nil {
				key = fold
			}
		}
		set(f.Column, value)
		set(f.Fold, fold)
		set(f.Sort, sort)
		set(f.Key, key)
		was := values[f.Column]
		values[f.Column] = value
		if !equal(was, value) {
			fields = append(fields, change.FieldChange{Field: f.Name, Old: mustJSON(nil), New: mustJSON(nil)})
		}
	}
	if f := k.Field("erasedAt"); f != nil && values[f.Column] == nil {
		set(f.Column, tx.Now)
		values[f.Column] = tx.Now
		fields = append(fields, change.FieldChange{Field: f.Name, Old: mustJSON(nil), New: mustJSON(tx.Now.UTC().Format(scalar.Layout))})
	}
	return sets, args, fields
}

// ErasedValue returns what stands in a personal field of an erased record; "" for nothing.
func ErasedValue(k *model.Kind, f *model.Field, x id.ID) string {
	switch {
	case f.Unique && f.Required:
		return ErasedPrefix + strings.ToLower(x.String()) + "@erased.invalid"
	case f.Name == k.Title && (k.Person || k.Sight == model.ByUser):
		return model.ErasedPerson
	case f.Required:
		return model.ErasedText
	}
	return ""
}

// ErasedPrefix begins the address by which an erased user can no longer sign in.
const ErasedPrefix = "erased-"

// Remove removes a record for good, live or in the bin, with everything that cannot be without it: see Purge, by whose rules
// it goes. Its history is wiped in the same transaction.
func (tx *Tx) Remove(ctx context.Context, k *model.Kind, x id.ID, budget int) (removed int, done bool, err error) {
	was := tx.system
	tx.system = true
	defer func() { tx.system = was }()
	r, err := tx.Lock(ctx, k, x)
	if err != nil || r == nil {
		return 0, err == nil, err
	}
	p := purge{tx: tx, budget: budget}
	if err := p.bin(ctx, k, x); err != nil {
		return 0, false, err
	}
	done, err = p.record(ctx, k, x)
	return p.removed, done, err
}

// Clear empties fields of a live record by the rules of its kind, and takes their values out of its history, with those of
// the fields that Farley keeps beside them. It reports false when the rules do not let the values go.
func (tx *Tx) Clear(ctx context.Context, k *model.Kind, x id.ID, fields []*model.Field) (bool, error) {
	names := map[string]bool{}
	columns := map[string]any{}
	for _, f := range fields {
		names[f.Name] = true
		for _, column := range f.Columns() {
			columns[column] = nil
		}
	}
	before := len(tx.changes)
	err := tx.Set(ctx, k, x, columns)
	if code := fault.CodeOf(err); code == fault.Invalid || code == fault.Conflict {
		return false, nil
	}
	if err != nil && !errors.Is(err, errUnchanged) {
		return false, err
	}
	goes := func(name string) bool {
		f := k.Field(name)
		return names[name] || f != nil && f.Personal && f.Write == model.Never
	}
	for i := range tx.changes[before:] {
		if r := &tx.changes[before+i]; r.Record == x {
			change.Strip(r.Fields, goes)
		}
	}
	var next int64
	for {
		if next, err = change.Wipe(ctx, tx.Tx, x, goes, next, historyBatch); err != nil || next == 0 {
			return true, err
		}
	}
}

// historyBatch is how many change rows are looked at between two looks at whether there are more.
const historyBatch = 1000

// Bin moves a live record to the bin as Farley itself, and reports whether it did.
func (tx *Tx) Bin(ctx context.Context, k *model.Kind, x id.ID) (bool, error) {
	r, err := tx.Lock(ctx, k, x)
	if err != nil || r == nil || r.InBin() {
		return false, err
	}
	return true, tx.Set(ctx, k, x, map[string]any{"deleted_at": tx.Now})
}

// At is the instant that a locked record holds in a column, the zero time for none.
func (r *Record) At(column string) time.Time { at, _ := r.Values[column].(time.Time); return at }
