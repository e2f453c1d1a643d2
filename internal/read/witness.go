package read

import (
	"context"
	"slices"
	"sync"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/model"
)

// Witness collects which sensitive fields have been read under a context, and of which records: what the audit trail
// asks. It never sees a value. It is safe for concurrent use, as the root fields of an operation run at once.
//
// A field is read where its value left the engine: on rows where it is null, hidden or masked it was not. It is also read
// where a filter or an order compared it, on the records of the list that came out, if they are of the field's kind.
type Witness struct {
	mu     sync.Mutex
	reader id.ID
	kinds  map[*model.Kind]*sighted
}

type sighted struct {
	fields  map[string]bool
	records map[id.ID]struct{}
}

// Sighting is what was read of one kind.
type Sighting struct {
	Kind    *model.Kind
	Fields  []string // names, sorted
	Records []id.ID  // sorted
}

type witnessKey struct{}

// WithWitness returns a context in which the engine's reads of sensitive fields are noted.
func WithWitness(ctx context.Context) (context.Context, *Witness) {
	w := &Witness{}
	return context.WithValue(ctx, witnessKey{}, w), w
}

// Empty reports whether nothing sensitive was read. A nil witness is empty.
func (w *Witness) Empty() bool {
	if w == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.kinds) == 0
}

// Reader returns with whose rights was read, zero while nothing was.
func (w *Witness) Reader() id.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reader
}

// Sightings lists what was read, by the code of the kind.
func (w *Witness) Sightings() []Sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]Sighting, 0, len(w.kinds))
	for k, s := range w.kinds {
		one := Sighting{Kind: k}
		for f := range s.fields {
			one.Fields = append(one.Fields, f)
		}
		for x := range s.records {
			one.Records = append(one.Records, x)
		}
		slices.Sort(one.Fields)
		slices.SortFunc(one.Records, id.ID.Compare)
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Sighting) int { return int(a.Kind.Code) - int(b.Kind.Code) })
	return out
}

// Merge adds what another witness saw.
func (w *Witness) Merge(other *Witness) {
	reader := other.Reader()
	for _, s := range other.Sightings() {
		for _, name := range s.Fields {
			w.note(reader, s.Kind, name, s.Records...)
		}
	}
}

// note adds a field and records.
func (w *Witness) note(reader id.ID, k *model.Kind, field string, ids ...id.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reader = reader
	if w.kinds == nil {
		w.kinds = map[*model.Kind]*sighted{}
	}
	s := w.kinds[k]
	if s == nil {
		s = &sighted{fields: map[string]bool{}, records: map[id.ID]struct{}{}}
		w.kinds[k] = s
	}
	s.fields[field] = true
	for _, x := range ids {
		s.records[x] = struct{}{}
	}
}

// shown is a sensitive field that a level reads: of the records in ids, on the rows where value has one.
type shown struct {
	kind  *model.Kind
	field *model.Field
	ids   *idColumn
	value writer[int]
}

// compared is a sensitive field in a filter or an order.
type compared struct {
	kind  *model.Kind
	field *model.Field
}

// shows remembers that the level reads a field, if it is sensitive and shows unmasked on some row.
func (lv *level) shows(k *model.Kind, f *model.Field, ids *idColumn, rd reading, value writer[int]) {
	if !f.Sensitive || !rd.whole && rd.plain.IsFalse() {
		return
	}
	lv.shown = append(lv.shown, shown{k, f, ids, value})
	lv.r.sensitive = true
}

// compares remembers that a filter or an order uses a field, if it is sensitive.
func (r *run) compares(k *model.Kind, f *model.Field) {
	if !f.Sensitive {
		return
	}
	r.compared = append(r.compared, compared{k, f})
	r.sensitive = true
}

// witness returns the context's witness if there is something to tell it.
func (r *run) witness() *Witness {
	if !r.sensitive {
		return nil
	}
	w, _ := r.ctx.Value(witnessKey{}).(*Witness)
	return w
}

// on reports whether the value of a row was told.
func (s shown) on(row int) bool {
	switch v := s.value.(type) {
	case stored:
		return len(v.column.at(row)) > 0
	case eitherMasked:
		return len(v.plain.at(row)) > 0
	case money:
		return len(v.minor.at(row)) > 0
	case related:
		return !v.id.ids[row].IsZero()
	case customShown:
		return v.on(row)
	case *computed:
		return len(v.values[v.ids.ids[row]]) > 0
	case *list:
		return !v.parent.ids[row].IsZero()
	}
	return true
}

// tell walks the rows that are part of the answer as the writers do, and tells the witness.
func (lv *level) tell(w *Witness, rows []int) {
	for _, s := range lv.shown {
		for _, row := range rows {
			if x := s.ids.ids[row]; !x.IsZero() && s.on(row) {
				w.note(lv.r.a.User, s.kind, s.field.Name, x)
			}
		}
	}
	for _, l := range lv.lists {
		var parents []id.ID
		for _, row := range rows {
			if x := l.parent.ids[row]; !x.IsZero() {
				parents = append(parents, x)
			}
		}
		l.tell(w, parents)
	}
}

// tell does so for the pages of parents.
func (l *list) tell(w *Witness, parents []id.ID) {
	var rows []int
	told := map[id.ID]bool{}
	for _, p := range parents {
		g := l.groups[p]
		if g == nil || told[p] {
			continue
		}
		told[p] = true
		for i := range g.size() {
			rows = append(rows, g.row(i))
		}
	}
	if len(told) == 0 {
		return
	}
	var ids []id.ID
	if l.level != nil {
		l.level.tell(w, rows)
		for _, row := range rows {
			ids = append(ids, l.level.id.ids[row])
		}
	}
	tellCompared(w, l.r.a, l.kind, l.compared, ids)
}

// tellCompared notes the fields that chose or ordered records of k.
func tellCompared(w *Witness, a *access.Actor, k *model.Kind, cs []compared, ids []id.ID) {
	for _, c := range cs {
		if c.kind == k {
			w.note(a.User, c.kind, c.field.Name, ids...)
		} else {
			w.note(a.User, c.kind, c.field.Name)
		}
	}
}

// declared notes the fields that the level would read, without records.
func (lv *level) declared(w *Witness) {
	for _, s := range lv.shown {
		w.note(lv.r.a.User, s.kind, s.field.Name)
	}
	for _, l := range lv.lists {
		tellCompared(w, lv.r.a, l.kind, l.compared, nil)
		if l.level != nil {
			l.level.declared(w)
		}
	}
}

// Foresee notes which sensitive fields of the record the plan would read for an actor: what a subscription is about
// before anything has happened. What cannot be planned is left to Load, which refuses it.
func (p *Plan) Foresee(ctx context.Context, a *access.Actor) *Witness {
	w := &Witness{}
	r := p.run(ctx, nil, a)
	for _, pl := range p.places {
		for _, k := range r.Set.Kinds {
			if !a.Policy.Readable(k) || !slices.Contains(r.satisfies(k.Name), pl.field.Definition.Type.Name()) {
				continue
			}
			if lv, _, err := r.records(k, pl.field.Selections, []any{pl.field.Alias}); err == nil {
				lv.declared(w)
			}
		}
	}
	return w
}
