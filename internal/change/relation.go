package change

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"farley/internal/id"
	"farley/internal/model"
)

// hideRelations takes out of the verdicts the changed relations that led from nothing in sight to nothing in sight: they
// show as empty all the time. Sight is that of now, as for the node of an event.
func (a *audience) hideRelations(ctx context.Context, r Reader, rows []*Row, verdicts []verdict) error {
	if a.seen == nil {
		return nil
	}
	var ids []id.ID
	moved := make([]map[string][]id.ID, len(rows))
	for i, row := range rows {
		moved[i] = a.moved(row, verdicts[i].changed)
		for _, some := range moved[i] {
			ids = append(ids, some...)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	seen, err := a.seen(ctx, r, ids)
	if err != nil {
		return fmt.Errorf("relations of changed records: %w", err)
	}
	for i := range verdicts {
		v := &verdicts[i]
		before := len(v.changed)
		v.changed = slices.DeleteFunc(v.changed, func(name string) bool {
			led, relation := moved[i][name]
			return relation && !slices.ContainsFunc(led, func(x id.ID) bool { return seen[x] })
		})
		if before > 0 && len(v.changed) == 0 && v.op == Updated {
			*v = verdict{}
		}
	}
	return nil
}

// moved returns, for the changed relations of a row, the records that they led to or lead to, but not to both.
func (a *audience) moved(row *Row, changed []string) map[string][]id.ID {
	k := a.set.Of(row.Record)
	var out map[string][]id.ID
	for _, c := range row.Fields {
		f := k.Field(c.Field)
		if f == nil || f.Type != model.Ref && f.Type != model.Many && f.Type != model.ID || !slices.Contains(changed, c.Field) {
			continue
		}
		old, now := related(c.Old), related(c.New)
		if out == nil {
			out = map[string][]id.ID{}
		}
		only := func(these, those []id.ID) []id.ID {
			return slices.DeleteFunc(slices.Clone(these), func(x id.ID) bool { return slices.Contains(those, x) })
		}
		out[c.Field] = append(only(old, now), only(now, old)...)
	}
	return out
}

// related reads the id or ids of a relation's value.
func related(value json.RawMessage) []id.ID {
	var one *id.ID
	if json.Unmarshal(value, &one) == nil {
		if one == nil || one.IsZero() {
			return nil
		}
		return []id.ID{*one}
	}
	var many []id.ID
	_ = json.Unmarshal(value, &many) // it was written by a write: an id, a list of them, or null
	return many
}
