package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"farley/internal/audit"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
	"farley/internal/write"
)

// SDL types of the entries of the record's own history.
const (
	typeField  = "FieldChangeEntry"
	typeRecord = "RecordEntry"
)

// recordActions are the writes that are told as a whole.
var recordActions = []audit.Action{audit.Created, audit.Deleted, audit.Restored, audit.Merged}

// maxValue is the longest text of an old or new value, in characters.
const maxValue = 1000

// historyOf returns the records whose history belongs to a record: itself, and those that were merged into it.
func (r *reading) historyOf(x id.ID) []id.ID { return append([]id.ID{x}, r.merged[x]...) }

// readMerged looks up which records were merged into the subjects.
func (r *reading) readMerged() (err error) {
	if !r.kind.Mergeable() || !r.in.wants(kindRecord) && !r.in.wants(kindField) {
		return nil
	}
	ids := make([]id.ID, len(r.subjects))
	for i := range r.subjects {
		ids[i] = r.subjects[i].id
	}
	r.merged, err = write.MergedInto(r.ctx, r.q, ids)
	return err
}

// readHistory reads the entries of the records' own history. A write of several fields is several entries, and one of
// fields that show no difference to the reader is none; so there is another round for those records of which too few
// entries have come, until there is nothing more to read.
func (r *reading) readHistory() error {
	if err := r.readMerged(); err != nil {
		return err
	}
	var open []int
	wanted := map[int]audit.Writes{}
	for i := range r.subjects {
		if w := r.wanted(&r.subjects[i]); len(w.Actions)+len(w.Fields) > 0 {
			open, wanted[i] = append(open, i), w
		}
	}
	got := map[int]int{}
	for len(open) > 0 {
		ask := make([]audit.Writes, len(open))
		for i, n := range open {
			ask[i] = wanted[n]
		}
		found, err := audit.History(r.ctx, r.q, r.Read.Dialect, ask)
		if err != nil {
			return err
		}
		var still []int
		for i, n := range open {
			s := &r.subjects[n]
			for _, w := range found[i] {
				entries, err := r.entries(s, w)
				if err != nil {
					return err
				}
				got[n] += len(entries)
				s.entries = append(s.entries, entries...)
			}
			if len(found[i]) == ask[i].Limit && got[n] <= r.in.size {
				next := ask[i]
				last := found[i][len(found[i])-1]
				next.Until, next.Last, next.Before = last.At, last.ID, false
				// The last write comes again, and is left out by the place behind which the next round begins.
				s.read = &place{last.At, historyRank, last.ID, 1 << 20}
				wanted[n], still = next, append(still, n)
			}
		}
		open = still
	}
	return nil
}

// wanted says which writes of a record to look for.
func (r *reading) wanted(s *subject) audit.Writes {
	w := audit.Writes{Records: r.historyOf(s.id), From: r.in.from, Limit: r.in.size + 2}
	if r.in.wants(kindRecord) {
		w.Actions = recordActions
	}
	if r.in.wants(kindField) {
		for _, f := range r.kind.Fields {
			if told(f) && (s.rights.plain[f.Name] || s.rights.masked[f.Name]) {
				w.Fields = append(w.Fields, f.Name)
			}
		}
	}
	if !r.in.to.IsZero() {
		w.Until, w.Before = r.in.to, true
	}
	if p := s.behind; p != nil && (w.Until.IsZero() || p.at.Before(w.Until)) {
		// Of the instant of the cursor, the history comes behind all sources; of a write in the middle of which the last page
		// ended, the rest.
		w.Until, w.Before = p.at, false
		if p.rank == historyRank {
			w.Last = p.id
		}
	}
	return w
}

// entries are those of one write that the reader sees, behind the cursor.
func (r *reading) entries(s *subject, w audit.Write) ([]entry, error) {
	var out []entry
	add := func(sub int, typ, kind string, value map[string]any) {
		e := entry{place: place{w.At, historyRank, w.ID, sub}, actor: w.User, value: value}
		value["__typename"], value["kind"] = typ, kind
		for _, p := range []*place{s.behind, s.read} {
			if p != nil && e.compare(*p) <= 0 {
				return
			}
		}
		out = append(out, e)
	}
	if w.Action != audit.Updated {
		add(0, typeRecord, kindRecord, map[string]any{"op": string(w.Action)})
		return out, nil
	}
	for i, v := range w.Fields {
		f := r.kind.Field(v.Field)
		if f == nil || !told(f) || !s.rights.plain[f.Name] && !s.rights.masked[f.Name] {
			continue
		}
		old, now := v.Old, v.New
		if !s.rights.plain[f.Name] {
			// What is masked is told as far as the mask shows it, and so is that it changed.
			if old, now = read.Masked(old), read.Masked(now); !w.Kept || bytes.Equal(old, now) {
				continue
			}
		}
		value := map[string]any{"field": f.Name, "title": f.Name, "kept": w.Kept}
		if w.Kept {
			value["old"], value["new"] = old, now
		}
		add(i, typeField, kindField, value)
	}
	return out, nil
}

// resolve turns old and new values into what the reader may see of them: of relations those records that are in sight, of
// long texts the beginning. It runs one statement for each kind that relations lead to, and tells the witness what is shown.
func (r *reading) resolve() error {
	old, now := r.Read.Selects(r.ctx, r.field, "edges.node:"+typeField+".old"), r.Read.Selects(r.ctx, r.field, "edges.node:"+typeField+".new")
	if !old && !now {
		return nil
	}
	type related struct {
		e    *entry
		name string
		ids  []id.ID
		list bool
	}
	var relations []related
	byKind := map[*model.Kind][]id.ID{}
	for i := range r.subjects {
		s := &r.subjects[i]
		for j := range s.entries {
			e := &s.entries[j]
			name, isField := e.value["field"].(string)
			if !isField || e.source != nil {
				continue
			}
			f := r.kind.Field(name)
			if f.Sensitive && s.rights.plain[name] && e.value["kept"] == true {
				read.Told(r.ctx, r.a, r.kind, f, s.id)
			}
			for _, side := range []string{"old", "new"} {
				raw, _ := e.value[side].(json.RawMessage)
				if len(raw) == 0 {
					continue
				}
				if f.Target == "" {
					shown, err := cut(raw)
					if err != nil {
						return fmt.Errorf("a value of %s: %w", name, err)
					}
					e.value[side] = shown
					continue
				}
				ids, list := idsOf(raw)
				relations = append(relations, related{e, side, ids, list})
				byKind[r.Set.Kind(f.Target)] = append(byKind[r.Set.Kind(f.Target)], ids...)
			}
		}
	}
	seen := map[id.ID]bool{}
	for _, k := range r.Set.Kinds {
		ids := byKind[k]
		if len(ids) == 0 {
			continue
		}
		visible, err := r.Read.Visible(r.ctx, r.q, r.a, k, "READ", unique(ids))
		if err != nil {
			return err
		}
		for _, x := range visible {
			seen[x] = true
		}
	}
	for _, rel := range relations {
		shown := slices.DeleteFunc(rel.ids, func(x id.ID) bool { return !seen[x] })
		switch {
		case rel.list:
			texts := make([]string, len(shown))
			for i, x := range shown {
				texts[i] = x.String()
			}
			rel.e.value[rel.name] = texts
		case len(shown) == 1:
			rel.e.value[rel.name] = shown[0]
		default:
			rel.e.value[rel.name] = nil
		}
	}
	return nil
}

// idsOf reads an id, or a list of ids.
func idsOf(raw json.RawMessage) (ids []id.ID, list bool) {
	var texts []string
	if raw[0] == '[' {
		list = true
		_ = json.Unmarshal(raw, &texts) // what is no id any more is not shown
	} else {
		var one string
		_ = json.Unmarshal(raw, &one)
		texts = []string{one}
	}
	for _, s := range texts {
		if x, err := id.Parse(s); err == nil {
			ids = append(ids, x)
		}
	}
	return ids, list
}

// cut shortens a long text.
func cut(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) <= maxValue || raw[0] != '"' {
		return raw, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	runes := []rune(s)
	if len(runes) <= maxValue {
		return raw, nil
	}
	return json.Marshal(string(runes[:maxValue]) + "…")
}
