package write

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// stays are fields that the survivor keeps as they are, unless they are taken: who answers for it, and where it stands.
var stays = []string{"owner", "team", "partner", "branch", "territory", "lifecycle", "status", "statusReason", "queued", "rating", "score"}

// values returns the columns of the survivor that change: what is taken, then what it lacks. Of lists it gets what the
// losers have beside its own; of truth values, yes wins.
func (m *merge) values(ctx context.Context) (map[string]any, error) {
	out := map[string]any{}
	var problems, denied fault.Violations
	taken, err := m.taken(out, &problems, &denied)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Kind.Fields {
		if taken[f] || f.Column == "" || f.System || f.Internal || slices.Contains(stays, f.Name) {
			continue
		}
		switch {
		case f.Name == "lastActivityAt":
			m.latest(out, f)
		case f.Write == model.Never:
		case f.Type == model.List, f.Type == model.Objects, f.Type == model.Choices:
			m.union(out, f, &problems)
		case f.Type == model.Bool:
			for _, r := range m.losers {
				if r.Values[f.Column] == true && m.shows(f, r) {
					out[f.Column] = true
				}
			}
		case m.survivor.Values[f.Column] == nil:
			for _, r := range m.losers {
				if r.Values[f.Column] != nil && m.shows(f, r) {
					m.copy(out, f, r)
					break
				}
			}
		}
	}
	if len(denied) > 0 {
		return nil, &fault.Error{Code: fault.Forbidden, Message: "The input is not allowed.", Violations: denied}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	for _, f := range m.Kind.Fields {
		if f.Type == model.Ref && f.Target == m.Kind.Name {
			if err := m.ownRef(ctx, out, f, taken[f]); err != nil {
				return nil, err
			}
		}
	}
	for column, v := range out {
		if equal(m.survivor.Values[column], v) {
			delete(out, column)
		}
	}
	return out, nil
}

// shows reports whether the value of a loser may become the survivor's: not when the actor would come to read by it what he
// may not read now.
func (m *merge) shows(f *model.Field, r *Record) bool {
	tx := m.tx
	return tx.system || tx.Actor.ReadsField(tx.w.Set, m.Kind, f, r.Keys, tx.Now) || m.hidden(f)
}

// hidden reports whether the survivor does not show the field to anybody who sees no more than the actor.
func (m *merge) hidden(f *model.Field) bool {
	tx := m.tx
	return !tx.Actor.ReadsField(tx.w.Set, m.Kind, f, m.survivor.Keys, tx.Now) && !tx.Actor.MasksField(tx.w.Set, m.Kind, f, m.survivor.Keys, tx.Now)
}

func (m *merge) copy(out map[string]any, f *model.Field, r *Record) {
	for _, column := range f.Columns() {
		out[column] = r.Values[column]
	}
}

// taken sets what is taken.
func (m *merge) taken(out map[string]any, problems, denied *fault.Violations) (map[*model.Field]bool, error) {
	tx := m.tx
	taken := map[*model.Field]bool{}
	for i, t := range m.Take {
		f := m.Kind.ByConst(t.Field)
		path := []any{"input", "take", i, "field"}
		from := m.survivor
		if j := slices.Index(m.Losers, t.From); j >= 0 {
			from = m.losers[j]
		} else if t.From != m.Survivor {
			problems.Add([]any{"input", "take", i, "from"}, "UNKNOWN", "This is none of the records to be merged.")
			continue
		}
		switch {
		case f == nil || f.Internal || f.Column == "" || f.Write != model.Always:
			problems.Add(path, "IMMUTABLE", "This field cannot be set.")
		case taken[f]:
			problems.Add(path, "TAKEN", "This field is named twice.")
		case !tx.system && (!tx.Actor.ReadsField(tx.w.Set, m.Kind, f, from.Keys, tx.Now) || !tx.Actor.WritesField(tx.w.Set, m.Kind, f, m.survivor.Keys, tx.Now)):
			denied.Add(path, "FORBIDDEN", "You may not write this field.")
		case f.Required && from.Values[f.Column] == nil:
			problems.Add(path, "REQUIRED", "This field is required.")
		default:
			taken[f] = true
			m.copy(out, f, from)
		}
	}
	return taken, nil
}

func (m *merge) latest(out map[string]any, f *model.Field) {
	last, _ := m.survivor.Values[f.Column].(time.Time)
	for _, r := range m.losers {
		if at, ok := r.Values[f.Column].(time.Time); ok && at.After(last) && m.shows(f, r) {
			last = at
			out[f.Column] = at
		}
	}
}

// sameMember are the members by which embedded objects are the same; others are when they are equal as a whole.
var sameMember = map[string]string{"ContactEmail": "address", "ContactPhone": "number", "CustomFieldValue": "key"}

// union gives the survivor what the losers' lists have beside its own.
func (m *merge) union(out map[string]any, f *model.Field, problems *fault.Violations) {
	all := append([]*Record{m.survivor}, m.losers...)
	seen := map[string]bool{}
	var items []any
	primary := false
	for _, r := range all {
		stored, _ := r.Values[f.Column].(string)
		if stored == "" || r != m.survivor && !m.shows(f, r) {
			continue
		}
		for _, item := range elements(f, stored) {
			key := string(mustJSON(item))
			if o, ok := item.(map[string]any); ok {
				if by := sameMember[f.Scalar]; by != "" {
					key = string(mustJSON(o[by]))
				}
				if o["primary"] == true {
					if primary && !seen[key] {
						o["primary"] = false
					}
					primary = true
				}
			}
			if !seen[key] {
				seen[key] = true
				items = append(items, item)
			}
		}
	}
	if f.Max > 0 && len(items) > f.Max {
		problems.Add([]any{"input", "take"}, "TOO_LONG", "Together the records have more than %d %s. Say by take whose they are.", f.Max, f.Name)
		return
	}
	if len(items) == 0 {
		return
	}
	if f.Type == model.Choices {
		texts := make([]string, len(items))
		for i, item := range items {
			texts[i], _ = item.(string)
		}
		if len(f.Values) > 0 {
			texts = slices.DeleteFunc(slices.Clone(f.Values), func(v string) bool { return !slices.Contains(texts, v) })
		}
		out[f.Column] = joinChoices(texts)
		return
	}
	own, _ := m.survivor.Values[f.Column].(string)
	if len(items) > len(elements(f, own)) {
		out[f.Column] = string(mustJSON(items))
	}
}

func elements(f *model.Field, stored string) []any {
	var items []any
	if f.Type == model.Choices {
		for _, v := range choices(stored) {
			items = append(items, v)
		}
		return items
	}
	_ = json.Unmarshal([]byte(stored), &items) // it was written by decode, or is empty
	return items
}

// ownRef keeps the survivor from leading to itself, directly or, where that must not be, by way of others: what it led to
// among the merged records gives way to what that led to, and in a circle to nothing.
func (m *merge) ownRef(ctx context.Context, out map[string]any, f *model.Field, taken bool) error {
	value, changed := out[f.Column]
	if !changed {
		value = m.survivor.Values[f.Column]
	}
	x := idOf(value)
	byID := map[id.ID]*Record{m.Survivor: m.survivor}
	for _, r := range m.losers {
		byID[r.ID] = r
	}
	merged := func(x id.ID) bool { return x == m.Survivor || m.loser[x] }
	if !f.Acyclic {
		if m.loser[x] || changed && merged(x) {
			out[f.Column] = nil
		}
		return nil
	}
	for range len(byID) {
		if !merged(x) {
			break
		}
		x = idOf(byID[x].Values[f.Column])
	}
	if merged(x) {
		x = id.ID{}
	}
	for above, n := x, 0; !above.IsZero(); n++ {
		if merged(above) || n > maxAbove {
			if taken {
				var p fault.Violations
				p.Add([]any{"input", "take"}, "CYCLE", "This would lead back to the record itself.")
				return p.Err()
			}
			x = id.ID{}
			break
		}
		r, err := m.tx.Hold(ctx, m.Kind, above)
		if err != nil {
			return err
		}
		if r == nil {
			break
		}
		above = idOf(r.Values[f.Column])
	}
	if x.IsZero() {
		out[f.Column] = nil
		return nil
	}
	out[f.Column] = x
	return nil
}

// maxAbove bounds the way up a hierarchy.
const maxAbove = 100
