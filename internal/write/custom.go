package write

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/model"
)

// customDiff returns the changes of custom fields, each as a field of its own, so that whoever is told of a change is told
// by the rights to that field.
func customDiff(before, after any) []change.FieldChange {
	old, now := customValues(before), customValues(after)
	keys := map[string]bool{}
	for key := range old {
		keys[key] = true
	}
	for key := range now {
		keys[key] = true
	}
	var out []change.FieldChange
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		was, is := old[key], now[key]
		if was == nil {
			was = json.RawMessage("null")
		}
		if is == nil {
			is = json.RawMessage("null")
		}
		if string(was) != string(is) {
			out = append(out, change.FieldChange{Field: model.CustomFields + "." + key, Old: was, New: is})
		}
	}
	return out
}

func customValues(stored any) map[string]json.RawMessage {
	s, _ := stored.(string)
	out := map[string]json.RawMessage{}
	for _, o := range Embedded(s) {
		key, _ := o["key"].(string)
		out[key] = mustJSON(o["value"])
	}
	return out
}

// showsCustom reports whether the actor may read a value in the customFields of a locked record.
func (tx *Tx) showsCustom(r *Record, entry any) bool {
	o, _ := entry.(map[string]any)
	key, _ := o["key"].(string)
	f := tx.Actor.Policy.CustomField(r.Kind, key)
	return f != nil && tx.Actor.ReadsField(tx.w.Set, r.Kind, f, r.Keys, tx.Now)
}

// Writes reports whether the actor may give a field its value by this change.
func (c *Change) Writes(ctx context.Context, f *model.Field) (bool, error) {
	tx := c.Tx
	if tx.system {
		return true, nil
	}
	if !c.Created() {
		return tx.Actor.WritesField(tx.w.Set, c.Kind, f, c.Old.Keys, tx.Now), nil
	}
	keys, err := tx.keys(ctx, c.Kind, c.ID, c.values(), false)
	if err != nil {
		return false, err
	}
	return tx.Actor.Covers(tx.w.Set, c.Kind, keys, tx.Actor.Policy.Field(c.Kind, f).Create, access.NoShare, tx.Now), nil
}

// Reads reports whether the actor may read a field of the record as it was.
func (c *Change) Reads(f *model.Field) bool {
	return c.Tx.system || c.Old != nil && c.Tx.Actor.ReadsField(c.Tx.w.Set, c.Kind, f, c.Old.Keys, c.Tx.Now)
}

// Money knows currencies.
func (tx *Tx) Money() Money { return tx.w.Money }

// SortKey returns the key by which orders over names place a text.
func (tx *Tx) SortKey(s string) []byte { return tx.sorter.Key(s) }

// Written returns the JSON of a value as it is stored.
func Written(v any) json.RawMessage { return mustJSON(v) }
