package rule

import (
	"context"
	"slices"
	"strings"

	"farley/internal/custom"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/text"
	"farley/internal/write"
)

// customRow is a row of custom_values.
type customRow struct {
	field       id.ID
	item        int
	fold        any // string or nil
	sort        any // []byte or nil
	exact, uniq []byte
}

// rows returns what stands of a clean value in custom_values.
func (d *definition) rows(tx *write.Tx, v any) []customRow {
	s, _ := v.(string)
	one := customRow{field: d.id, exact: custom.Exact(write.Written(v))}
	switch d.kind {
	case custom.MultiChoice:
		list, _ := v.([]any)
		var out []customRow
		for i, chosen := range list {
			s, _ := chosen.(string)
			out = append(out, customRow{field: d.id, item: i, fold: s, exact: custom.Exact([]byte(s))})
		}
		return out
	case custom.Text, custom.URL:
		folded := text.Fold(s)
		one.fold, one.sort, one.exact = folded, tx.SortKey(s), custom.Exact([]byte(folded))
	case custom.Choice:
		one.fold, one.sort = s, tx.SortKey(s)
	case custom.Number:
		key, ok := custom.NumberKey(s)
		if !ok {
			return nil
		}
		one.sort, one.exact = key, custom.Exact(key)
	case custom.Date:
		one.sort = []byte(s)
	case custom.Boolean:
		b, _ := v.(bool)
		one.sort = custom.BoolKey(b)
	case custom.Reference:
		x, err := id.Parse(s)
		if err != nil {
			return nil
		}
		one.sort = x[:]
	case custom.Money:
		o, _ := v.(map[string]any)
		amount, _ := o["amount"].(string)
		currency, _ := o["currency"].(string)
		minor, err := tx.Money().Parse(amount, currency)
		if err != nil {
			return nil
		}
		if reporting, ok := tx.Money().Reporting(minor, currency); ok {
			one.sort = custom.MoneyKey(reporting)
		}
	}
	return []customRow{one}
}

// store has custom_values follow when the record is written: the rows of what changes, or all of them when the record goes
// to the bin or comes out of it, where values that no two live records may have are free again.
func (w *customs) store(ctx context.Context) error {
	if len(w.c.Problems) > 0 {
		return nil
	}
	now := map[string]entry{}
	for _, e := range w.now {
		now[e.key] = e
	}
	binned := w.c.Old != nil && w.c.Old.InBin() != w.c.InBin()
	var gone []id.ID
	var rows []customRow
	places := map[id.ID]int{}
	for _, key := range sortedKeys(w.defs) {
		d := w.defs[key]
		e, is := now[key]
		old, was := w.held[key]
		if !is && !was || is && was && same(old, e.value) && (!binned || !d.unique) {
			continue
		}
		if was {
			gone = append(gone, d.id)
		}
		if !is {
			continue
		}
		for _, r := range d.rows(w.c.Tx, e.value) {
			if d.unique && d.live && !w.c.InBin() {
				r.uniq, places[d.id] = r.exact, e.index
			}
			rows = append(rows, r)
		}
	}
	if err := w.taken(ctx, rows, places); err != nil {
		return err
	}
	if len(gone)+len(rows) == 0 {
		return nil
	}
	c := w.c
	c.Then(func(ctx context.Context) error {
		if err := deleteCustom(ctx, c.Tx, c.ID, gone); err != nil {
			return err
		}
		err := insertCustom(ctx, c.Tx, c.ID, rows)
		if !db.Clash(err) {
			return err
		}
		// Somebody else was faster: the place is found as it is for those who come later.
		if err := w.taken(ctx, rows, places); err != nil {
			return err
		}
		c.Refuse(model.CustomFields, "TAKEN", "This value is taken.")
		return c.Problems.Err()
	})
	return nil
}

// taken refuses values that another live record has, in sight or not: there is one wording.
func (w *customs) taken(ctx context.Context, rows []customRow, places map[id.ID]int) error {
	var some []string
	args := []any{w.c.ID}
	for _, r := range rows {
		if r.uniq != nil {
			some, args = append(some, "field_id = ? AND uniq = ?"), append(args, r.field, r.uniq)
		}
	}
	if len(some) == 0 {
		return nil
	}
	clashes, err := w.c.Tx.IDs(ctx, "SELECT field_id FROM custom_values WHERE record_id <> ? AND ("+strings.Join(some, " OR ")+") ORDER BY field_id", args...)
	if err != nil {
		return err
	}
	for _, field := range slices.Compact(clashes) {
		if i := places[field]; i >= 0 && !w.c.InBin() && len(w.c.Text(model.CustomFields)) > 0 && w.c.Given(model.CustomFields) {
			w.c.Problems.Add([]any{"input", model.CustomFields, i, "value"}, "TAKEN", "This value is taken.")
			continue
		}
		w.c.Refuse(model.CustomFields, "TAKEN", "This value is taken.")
	}
	return nil
}

func deleteCustom(ctx context.Context, tx *write.Tx, record id.ID, fields []id.ID) error {
	if len(fields) == 0 {
		return nil
	}
	args := []any{record}
	for _, f := range fields {
		args = append(args, f)
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM custom_values WHERE record_id = ? AND field_id IN (?"+strings.Repeat(", ?", len(fields)-1)+")", args...)
	return err
}

// customBatch is how many rows one INSERT has.
const customBatch = 200

func insertCustom(ctx context.Context, tx *write.Tx, record id.ID, rows []customRow) error {
	for chunk := range slices.Chunk(rows, customBatch) {
		var args []any
		for _, r := range chunk {
			var uniq any
			if r.uniq != nil {
				uniq = r.uniq
			}
			args = append(args, r.field, record, r.item, r.fold, r.sort, r.exact, uniq)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO custom_values (field_id, record_id, item, fold, sort, exact, uniq) VALUES (?, ?, ?, ?, ?, ?, ?)"+
			strings.Repeat(", (?, ?, ?, ?, ?, ?, ?)", len(chunk)-1), args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// ForgetCustom drops the values of a record that is purged, and those that led to it.
func ForgetCustom(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) error {
	if k.Customised() {
		if _, err := tx.ExecContext(ctx, "DELETE FROM custom_values WHERE record_id = ?", x); err != nil {
			return err
		}
	}
	fields, err := leadingTo(ctx, tx, k)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if _, err := tx.ExecContext(ctx, "DELETE FROM custom_values WHERE field_id = ? AND sort = ?", f, x[:]); err != nil {
			return err
		}
	}
	return nil
}

// leadingTo returns the custom fields whose values are ids of records of a kind.
func leadingTo(ctx context.Context, tx *write.Tx, k *model.Kind) ([]id.ID, error) {
	if k.Const != "USER" && !k.Customised() {
		return nil, nil
	}
	return write.Remember(tx, "custom fields that lead to "+k.Const, []string{"CustomField"}, func() ([]id.ID, error) {
		return tx.IDs(ctx, "SELECT `id` FROM `custom_fields` WHERE `type` = ? AND `target` = ?", custom.Reference, k.Const)
	})
}

// WipeCustom takes the values of a record away while the record stays.
func WipeCustom(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) error {
	if !k.Customised() {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM custom_values WHERE record_id = ?", x); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE `"+k.Table+"` SET `"+k.Field(model.CustomFields).Column+"` = NULL WHERE `id` = ?", x)
	return err
}

// MoveCustom has the custom fields that lead to a record lead to the one that it is merged into. The values of the record
// itself are a matter of the merge.
func MoveCustom(ctx context.Context, tx *write.Tx, k *model.Kind, from, to id.ID) (int, error) {
	fields, err := leadingTo(ctx, tx, k)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, f := range fields {
		holders, err := tx.IDs(ctx, "SELECT record_id FROM custom_values WHERE field_id = ? AND sort = ? ORDER BY record_id", f, from[:])
		if err != nil {
			return n, err
		}
		for _, x := range holders {
			if err := lead(ctx, tx, f, x, from, to); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// lead has one value of a record lead elsewhere.
func lead(ctx context.Context, tx *write.Tx, field, record, from, to id.ID) error {
	k := tx.Kinds().Of(record)
	r, err := tx.Lock(ctx, k, record)
	if err != nil || r == nil {
		return err
	}
	defs, err := definitions(ctx, tx, k)
	if err != nil {
		return err
	}
	column := k.Field(model.CustomFields).Column
	s, _ := r.Values[column].(string)
	list := entries(s)
	leads := func(e entry) bool {
		d := defs[e.key]
		return d != nil && d.id == field && e.value == from.String()
	}
	i := slices.IndexFunc(list, leads)
	if i < 0 {
		return nil
	}
	list[i].value = to.String()
	return tx.Set(ctx, k, record, map[string]any{column: stored(list)})
}
