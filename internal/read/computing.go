package read

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// What computed fields are made with: their arguments, what is selected inside them, and records and texts as the actor
// sees them. Paths of names lead from the computed field to a field inside it: "edges.node.actor". Where the SDL leaves the
// type open, a name says which one is meant: "edges.node:NoteEntry.note".

// Arguments returns the arguments of a selected field, with variables and defaults in place; absent ones are absent.
func (e *Engine) Arguments(ctx context.Context, f graphql.CollectedField) (map[string]any, error) {
	return e.run(ctx, nil, nil).arguments(f, nil)
}

// PageSize reads the argument first of a computed connection.
func PageSize(args map[string]any) (int, error) {
	p, err := size(map[string]any{"first": args["first"]}, nil)
	return p.size, err
}

// Selects reports whether a path is selected inside a field, under any alias.
func (e *Engine) Selects(ctx context.Context, f graphql.CollectedField, path string) bool {
	return len(e.run(ctx, nil, nil).places(f, path, "")) > 0
}

// Inside reads the records of ids for the field that a path leads to: one result for each id in sight, for whichever alias
// it stands under. It runs one statement a kind and alias, and none when the path is not selected.
func (e *Engine) Inside(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, path string, ids []id.ID) (map[id.ID]Result, error) {
	r := e.run(ctx, q, a)
	return r.each(r.places(f, path, ""), strings.Count(path, ".")+1, ids, nil, false)
}

// Shown reads a field of live records of k in sight as the actor sees it, as JSON: hidden values are missing, masked ones
// masked. The path is the name of a field, or of one that a to-one relation leads to: "stage.name". What the actor may not
// read at all is missing everywhere. It runs one statement.
func (e *Engine) Shown(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind, path string, ids []id.ID) (map[id.ID]json.RawMessage, error) {
	if len(ids) == 0 || !a.Policy.Readable(k) {
		return nil, nil
	}
	r := e.run(ctx, q, a)
	lv := r.level(k)
	of, alias, name, record := k, base, path, lv.id
	if ref, far, nested := strings.Cut(path, "."); nested {
		rd, err := r.reading(k, k.Field(ref), base, nil)
		if fault.CodeOf(err) == fault.Forbidden {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		j := lv.join(k, k.Field(ref), base, rd)
		of, alias, name, record = r.kind(k.Field(ref).Target), j.alias, far, j.id
	}
	rd, err := r.reading(of, of.Field(name), alias, nil)
	if fault.CodeOf(err) == fault.Forbidden {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w := lv.value(of.Field(name), alias, rd, graphql.CollectedField{})
	lv.shows(of, of.Field(name), record, rd, w)
	if err := lv.byID(ids, lv.inSight(false)); err != nil {
		return nil, err
	}
	out := make(map[id.ID]json.RawMessage, lv.rows)
	for row, x := range lv.id.ids {
		if b := w.write(nil, row); string(b) != "null" {
			out[x] = b
		}
	}
	if w := r.witness(); w != nil {
		rows := make([]int, lv.rows)
		for i := range rows {
			rows[i] = i
		}
		lv.tell(w, rows)
	}
	return out, nil
}

// Actors returns those of ids that are users whom the actor sees and may read the names of, as objects of the SDL type
// Actor. It runs one statement.
func (e *Engine) Actors(ctx context.Context, q db.Querier, a *access.Actor, ids []id.ID) (map[id.ID]any, error) {
	names, err := e.Shown(ctx, q, a, e.kind("User"), "name", distinct(ids))
	out := make(map[id.ID]any, len(names))
	for x, name := range names {
		out[x] = map[string]any{"id": x, "displayName": name}
	}
	return out, err
}

func distinct(ids []id.ID) []id.ID { return (&idColumn{ids}).distinct() }

// Masked is the value of a text, as JSON, as it shows to whom it is masked.
func Masked(value json.RawMessage) json.RawMessage {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return json.RawMessage("null")
	}
	b, err := encodeMasked(nil, s)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}

// Told notes that a value of a field that is not read from its column (an old value) was shown to a reader, if the field is
// sensitive.
func Told(ctx context.Context, a *access.Actor, k *model.Kind, f *model.Field, ids ...id.ID) {
	if w, ok := ctx.Value(witnessKey{}).(*Witness); ok && f.Sensitive {
		w.note(a.User, k, f.Name, ids...)
	}
}

// Instant scans an instant, also where the database has lost its type (SQLite does in compound queries). NULL is the zero
// time.
type Instant struct{ time.Time }

// Scan implements sql.Scanner.
func (i *Instant) Scan(src any) (err error) {
	i.Time = time.Time{}
	if src != nil {
		i.Time, err = asTime(src)
	}
	return err
}

// placed says at which field of the answer a computation failed.
func placed(err error, path []any) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return fault.Wrap(fault.Internal, err, "internal error").At(path...)
	}
	out := *f
	out.Path = path
	out.Violations = nil
	for _, v := range f.Violations {
		v.Path = join(path, v.Path...)
		out.Violations = append(out.Violations, v)
	}
	return &out
}

// Selected reports whether a path is selected inside the current field, under any alias.
func (e *Engine) Selected(ctx context.Context, path string) bool {
	return e.Selects(ctx, graphql.GetFieldContext(ctx).Field, path)
}
