package secrecy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

// Random operations give the same bytes before and after records and values that their reader's roles hide are changed,
// deleted and added. Only version, updatedAt and updatedBy of records in sight move, and cursors of the change log.
func TestDifference(t *testing.T) {
	t.Parallel()
	var counting sync.Mutex
	compared := map[string]int{}
	t.Run("cases", func(t *testing.T) {
		forCases(t, func(t *testing.T, m *maker, c *farleytest.Client) {
			d := &difference{m: m, c: c, r: stored(t, m.e).as(c.User)}
			if !d.begin(t) {
				return
			}
			before := d.ask(t)
			var steps []string
			for range 3 {
				step := d.step(t)
				now := stored(t, m.e).as(c.User)
				if now.projection() != d.r.projection() {
					return // it was not hidden after all
				}
				d.r = now
				steps = append(steps, step)
			}
			if diff := cmp.Diff(before, d.ask(t)); diff != "" {
				t.Errorf("after %s\n(-before +after):\n%s", strings.Join(steps, ", "), diff)
			}
			counting.Lock()
			defer counting.Unlock()
			compared[t.Name()]++
		})
	})
	t.Logf("compared: %v", compared)
	for _, name := range slices.Sorted(maps.Keys(compared)) {
		if n := compared[name]; n < *cases/3 {
			t.Errorf("%s: only %d cases of %d compared anything", name, n, *cases)
		}
	}
	if len(compared) == 0 && *cases > 0 {
		t.Error("no case compared anything")
	}
}

// difference is one reader's set of operations.
type difference struct {
	m          *maker
	c          *farleytest.Client
	r          *reader
	operations []operation
	from       string // cursor of the change log
}

// begin writes the operations; it is false when the reader may read nothing.
func (d *difference) begin(t *testing.T) bool {
	t.Helper()
	a := &author{d.r, d.m.rnd}
	for range 4 {
		op, ok := a.operation()
		if !ok {
			return false
		}
		d.operations = append(d.operations, op)
	}
	d.from = after(t, d.m.e, d.c)
	// The log has something to tell, or not.
	for range 3 {
		x := d.any("Account", "Contact", "Note")
		_ = change(t.Context(), d.m.e, x, d.fields(x)) // what is in the bin stays as it is
	}
	x := d.any("Account", "Contact")
	_ = change(t.Context(), d.m.e, x, input.Object{"owner": d.m.some(d.m.users)})
	d.r = stored(t, d.m.e).as(d.c.User)
	return true
}

// any returns some record of one of the kinds.
func (d *difference) any(kinds ...string) id.ID {
	var ids []id.ID
	for _, name := range kinds {
		for _, x := range d.r.w.byKind[d.m.e.Set.Kind(name)] {
			ids = append(ids, x.id)
		}
	}
	return ids[d.m.rnd.IntN(len(ids))]
}

// fields are new values of a record, from which nothing else follows.
func (d *difference) fields(x id.ID) input.Object { return d.m.values(d.m.e.Set.Of(x).Name) }

// ask asks everything there is to ask.
func (d *difference) ask(t *testing.T) map[string]string {
	t.Helper()
	d.m.e.Index(t)
	out := map[string]string{}
	for _, q := range []string{"ash", "oak tax", "yew elm", "el", "fri", "ta", "fir tag", "user"} {
		document := `query($q: String!, $after: Cursor) { search(query: $q, first: 3, after: $after) { edges { cursor score highlight node { id } } pageInfo { hasNextPage endCursor } } }`
		vars := farleytest.Vars{"q": q}
		for page := range 3 {
			r := d.c.Do(t, document, vars).Want(t, "")
			out[fmt.Sprintf("search %s, page %d", q, page)] = r.Raw
			vars["after"] = (farleytest.Data{V: r.Data}).At("search.pageInfo.endCursor").V
		}
	}
	for i, op := range d.operations {
		document := op.document("")
		r := d.c.Do(t, document, nil).Want(t, "")
		out[fmt.Sprintf("%d %s", i, document)] = r.Raw
		if cursor := (farleytest.Data{V: r.Data}).At("it.pageInfo.endCursor").Text(); cursor != "" && !op.list.backward {
			out[fmt.Sprintf("%d behind %s", i, document)] = d.c.Do(t, op.document(cursor), nil).Want(t, "").Raw
		}
	}
	var ids []any
	for _, x := range slices.SortedFunc(maps.Keys(d.r.w.records), id.ID.Compare) {
		if d.m.known(x) && len(ids) < 100 {
			ids = append(ids, x.String())
		}
	}
	out["nodes"] = d.c.Do(t, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, farleytest.Vars{"ids": ids}).Want(t, "").Raw
	out["feed"] = canonical(d.c.Query(t, `query($after: Cursor!) { changes(after: $after, first: 1000) { edges { cursor node { cursor op object recordId version at changedFields actor { id } node { id } } } pageInfo { hasNextPage endCursor } } }`,
		farleytest.Vars{"after": d.from}).V)
	out["viewer"] = d.c.Do(t, `{ viewer { roles { name } permissions { object actions { action scope } fields { field level } } } }`, nil).Want(t, "").Raw
	return out
}

// known reports whether the world began with a record, so that it is asked for before and after.
func (m *maker) known(x id.ID) bool {
	return slices.Contains(m.accounts[:12], x) || slices.Contains(m.contacts[:7], x) || slices.Contains(m.notes[:12], x) || slices.Contains(m.links[:12], x)
}

// step changes something that the reader does not see, as far as can be told beforehand, and says what.
func (d *difference) step(t *testing.T) string {
	t.Helper()
	switch d.m.rnd.IntN(5) {
	case 0:
		return d.deletes(t)
	case 1, 2:
		return d.changesField(t)
	case 3:
		return d.changesRecord(t)
	}
	return d.adds(t)
}

// hidden lists records out of sight on which no rights hang.
func (d *difference) hidden(kinds ...string) []*record {
	var out []*record
	for _, name := range kinds {
		for _, x := range d.r.w.byKind[d.m.e.Set.Kind(name)] {
			if x.live() && !d.r.sees(x) && !slices.Contains(d.m.partners, x.id) && x.id != d.m.contacts[0] && x.ref("contact_id") != d.m.contacts[0] {
				out = append(out, x)
			}
		}
	}
	return out
}

func (d *difference) deletes(t *testing.T) string {
	t.Helper()
	hidden := d.hidden("Account", "Contact", "Note", "AccountContact")
	if len(hidden) == 0 || d.m.rnd.IntN(3) > 0 { // so that some are left
		return d.changesField(t)
	}
	x := hidden[d.m.rnd.IntN(len(hidden))]
	bin(t, d.m.e, x.id)
	return "deleting " + x.id.String()
}

func (d *difference) changesRecord(t *testing.T) string {
	t.Helper()
	hidden := d.hidden("Account", "Contact", "Note", "AccountContact")
	if len(hidden) == 0 {
		return d.adds(t)
	}
	x := hidden[d.m.rnd.IntN(len(hidden))]
	in := d.fields(x.id)
	switch x.kind.Name {
	case "Account":
		in["name"], in["parent"] = d.m.word(), nil
	case "Contact":
		in["familyName"] = d.m.word()
	}
	if err := change(t.Context(), d.m.e, x.id, in); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("setting %v of %s", in, x.id)
}

// changesField gives a visible record other values where they do not show.
func (d *difference) changesField(t *testing.T) string {
	t.Helper()
	type place struct {
		x *record
		f *model.Field
	}
	var places []place
	for _, name := range []string{"Account", "Contact", "Note", "AccountContact"} {
		for _, x := range d.r.w.byKind[d.m.e.Set.Kind(name)] {
			if !d.r.visible(x) {
				continue
			}
			for _, field := range slices.Sorted(maps.Keys(d.m.values(name))) {
				if f := x.kind.Field(field); !d.r.shows(x, f) {
					places = append(places, place{x, f})
				}
			}
		}
	}
	if len(places) == 0 {
		return d.adds(t)
	}
	p := places[d.m.rnd.IntN(len(places))]
	in := input.Object{p.f.Name: d.fields(p.x.id)[p.f.Name]}
	if err := change(t.Context(), d.m.e, p.x.id, in); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("setting %v of %s", in, p.x.id)
}

// adds adds records, hoping that they are hidden.
func (d *difference) adds(t *testing.T) string {
	t.Helper()
	owner := []id.ID{}
	for _, u := range d.m.users {
		if u != d.c.User && !d.r.reports[u] {
			owner = append(owner, u)
		}
	}
	tick(d.m.e)
	in := input.Object{"name": d.m.word(), "taxNumber": "tax " + d.m.word(), "owner": d.m.some(owner), "parent": d.m.some(d.m.accounts)}
	for name, v := range in {
		if v == nil {
			delete(in, name)
		}
	}
	if in["owner"] == nil { // Farley's own: nobody's
		x := d.m.e.Make(t, "Account", in)
		return "adding " + x.String()
	}
	x := d.m.e.Make(t, "Account", in)
	d.m.e.Make(t, "Note", input.Object{"account": x.String(), "body": "x"})
	d.m.e.Make(t, "AccountContact", input.Object{"account": x.String(), "contact": d.m.one(d.m.contacts[1:]), "fromDate": "2020-01-01"})
	return "adding " + x.String()
}

// projection writes everything that the reader sees, but what every write moves.
func (r *reader) projection() string {
	var b strings.Builder
	for _, k := range r.w.set.Kinds {
		for _, x := range r.w.byKind[k] {
			if k.Link || !r.sees(x) {
				continue
			}
			fmt.Fprintf(&b, "%s %t", x.id, x.live())
			for _, f := range k.Fields {
				switch {
				case f.Internal || f.Name == "version" || f.Name == "updatedAt" || f.Name == "updatedBy" || !r.shows(x, f):
				case f.Target != "" && f.Type != model.ID:
					fmt.Fprintf(&b, " %s:", f.Name)
					for _, y := range r.related(x, f) {
						b.WriteString(y.id.String() + ",")
					}
				default:
					fmt.Fprintf(&b, " %s=%v", f.Name, x.values[f.Column])
				}
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
