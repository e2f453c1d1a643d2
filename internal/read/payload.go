package read

import (
	"cmp"
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
)

// place is a field that is selected somewhere below the current one.
type place struct {
	field graphql.CollectedField
	path  string // of aliases, below the current field
}

// places finds the fields called by a path of names below f, under all their aliases: "account", "duplicates.account". A
// name may say of which type the object is: "node:NoteEntry.note".
func (r *run) places(f graphql.CollectedField, names string, path string) []place {
	return r.placesOf(f, f.Definition.Type.Name(), names, path)
}

func (r *run) placesOf(f graphql.CollectedField, typ, names, path string) []place {
	first, rest, deeper := strings.Cut(names, ".")
	first, as, _ := strings.Cut(first, ":")
	var out []place
	for _, sub := range r.collect(f.Selections, typ) {
		if sub.Name != first {
			continue
		}
		at := strings.TrimPrefix(path+"."+sub.Alias, ".")
		if deeper {
			out = append(out, r.placesOf(sub, cmp.Or(as, sub.Definition.Type.Name()), rest, at)...)
			continue
		}
		out = append(out, place{sub, at})
	}
	return out
}

// Payload answers the field called name (or "outer.inner") of the payload object that is the current field, wherever its
// selection has it: with the record, or, where the field is a list, with the records in the order of ids. Their kinds
// follow from the ids. Records that the write has moved to the bin are read too; those out of sight are null, or left out
// of a list. Nothing is read when the field is not selected.
func (e *Engine) Payload(ctx context.Context, q db.Querier, a *access.Actor, name string, ids ...id.ID) (Result, error) {
	r := e.run(ctx, q, a)
	out := Result{aliases: map[string][]byte{}, depth: strings.Count(name, ".") + 1}
	for _, p := range r.places(graphql.GetFieldContext(ctx).Field, name, "") {
		found, err := r.anyByID(p.field, ids, nil, true)
		if err != nil {
			return Result{}, err
		}
		out.aliases[p.path] = gather(p.field, ids, found)
	}
	return out, nil
}

// PayloadEach is Payload for a field of a list of objects ("duplicates.account"): one result for each id, all read at once.
func (e *Engine) PayloadEach(ctx context.Context, q db.Querier, a *access.Actor, name string, ids ...id.ID) (map[id.ID]Result, error) {
	r := e.run(ctx, q, a)
	depth := strings.Count(name, ".") + 1
	return r.each(r.places(graphql.GetFieldContext(ctx).Field, name, ""), depth, ids, nil, true)
}

// each reads records for several places.
func (r *run) each(places []place, depth int, ids []id.ID, where any, bin bool) (map[id.ID]Result, error) {
	out := make(map[id.ID]Result, len(ids))
	for _, p := range places {
		found, err := r.anyByID(p.field, ids, where, bin)
		if err != nil {
			return nil, err
		}
		for x, res := range found {
			if _, ok := out[x]; !ok {
				out[x] = Result{aliases: map[string][]byte{}, depth: depth}
			}
			out[x].aliases[p.path] = res.JSON()
		}
	}
	return out, nil
}

// anyByID reads records of several kinds, one statement a kind.
func (r *run) anyByID(f graphql.CollectedField, ids []id.ID, where any, bin bool) (map[id.ID]Result, error) {
	var kinds []*model.Kind
	byKind := map[*model.Kind][]id.ID{}
	for _, x := range ids {
		k := r.Set.Of(x)
		if k == nil || !r.a.Policy.Readable(k) {
			continue
		}
		if byKind[k] == nil {
			kinds = append(kinds, k)
		}
		byKind[k] = append(byKind[k], x)
	}
	all := make(map[id.ID]Result, len(ids))
	for _, k := range kinds {
		found, err := r.byID(f, k, byKind[k], where, bin)
		if err != nil {
			return nil, err
		}
		for x, res := range found {
			all[x] = res
		}
	}
	return all, nil
}

// gather makes the JSON of a field from its records.
func gather(f graphql.CollectedField, ids []id.ID, found map[id.ID]Result) []byte {
	if f.Definition.Type.Elem == nil {
		if len(ids) == 0 {
			return []byte("null")
		}
		return found[ids[0]].JSON()
	}
	out := []byte{'['}
	for _, x := range ids {
		res, ok := found[x]
		if !ok {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, res.JSON()...)
	}
	return append(out, ']')
}

// PayloadGroups is PayloadEach for a field that is a list of records in each object of a list: one result for each group,
// those out of sight left out, all read at once.
func (e *Engine) PayloadGroups(ctx context.Context, q db.Querier, a *access.Actor, name string, groups [][]id.ID) ([]Result, error) {
	r := e.run(ctx, q, a)
	out := make([]Result, len(groups))
	for i := range out {
		out[i] = Result{aliases: map[string][]byte{}, depth: strings.Count(name, ".") + 1}
	}
	var all []id.ID
	for _, g := range groups {
		all = append(all, g...)
	}
	for _, p := range r.places(graphql.GetFieldContext(ctx).Field, name, "") {
		found, err := r.anyByID(p.field, all, nil, true)
		if err != nil {
			return nil, err
		}
		for i, g := range groups {
			out[i].aliases[p.path] = gather(p.field, g, found)
		}
	}
	return out, nil
}
