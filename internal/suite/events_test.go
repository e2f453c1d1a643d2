package suite_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"farley/internal/change"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

// Each write is told once, with what changed; a write that changes nothing is not told.
func TestEvents_oneChangeRowAWrite(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			w := &writes{e: e, k: k, c: admin}
			t.Run(k.Name+"/create", w.create)
			if !k.Lasting {
				t.Run(k.Name+"/bin", w.binned)
			}
			for _, f := range public(k) {
				if f.Write == model.Always && !together[k.Name+"."+f.Name] {
					t.Run(k.Name+"/"+f.Name, func(t *testing.T) { w.update(t, f) })
				}
			}
		}
	})
}

// together are fields that change others with them, which tests of their own look at.
var together = map[string]bool{"Lead.queued": true, "Opportunity.stage": true, "Opportunity.reason": true, "Opportunity.closedAt": true, "Activity.allDay": true, "SalesTarget.count": true}

// writes writes records of one kind through the API.
type writes struct {
	e *farleytest.Env
	k *model.Kind
	c *farleytest.Client
}

func (w *writes) create(t *testing.T) {
	in := full(t, w.e, w.k)
	if w.k.Person && w.k.Name != "Account" {
		delete(in, "partner") // takes a consent, which nobody gives before he is known
	}
	from := mark(t, w.e)
	d := w.c.Query(t, fmt.Sprintf(`mutation($in: Create%[1]sInput!) { it: create%[1]s(input: $in) { it: %[2]s { id version } } }`, w.k.Name, w.k.Single), farleytest.Vars{"in": in}).At("it.it")
	row := w.one(t, since(t, w.e, from), d.At("id").ID(), change.Created, 1)
	if v := d.At("version").Int(); v != 1 {
		t.Errorf("a new record has version %d", v)
	}
	for name, v := range in {
		w.has(t, row, w.k.Field(name), nil, v)
	}
}

func (w *writes) update(t *testing.T, f *model.Field) {
	old := full(t, w.e, w.k)
	if _, ok := old[f.Name]; !ok {
		old = w.e.ValidWith(t, w.k.Name, f.Name, 3)
	}
	if f.Acyclic {
		old[f.Name] = w.e.Value(t, w.k, f, 3)
	}
	x := w.e.Make(t, w.k.Name, old)
	w.e.Consents(t, x)
	next := w.e.Value(t, w.k, f, 4)
	if f.Type == model.Date && !f.Required {
		next = nil // days come in pairs; one of them may be unknown
	}
	document := fmt.Sprintf(`mutation($id: ID!, $in: Update%[1]sInput!) { it: update%[1]s(id: $id, input: $in) { it: %[2]s { id version updatedAt } } }`, w.k.Name, w.k.Single)
	in := input.Object{f.Name: next}

	from := mark(t, w.e)
	d := w.c.Query(t, document, farleytest.Vars{"id": x, "in": in}).At("it.it")
	told := since(t, w.e, from)
	version := 2
	row := w.one(t, told, x, change.Updated, int64(version))
	w.has(t, row, f, old[f.Name], next)
	for _, c := range row.Fields {
		if other := w.k.Field(ofRecord(c.Field)); other != f && other.Write != model.Never {
			t.Errorf("%s is said to have changed: %s → %s", c.Field, c.Old, c.New)
		}
	}
	if v := d.At("version").Int(); v != version {
		t.Errorf("the record has version %d, want %d", v, version)
	}

	from = mark(t, w.e)
	w.e.Clock.Advance(w.e.Clock.Now().Add(1000))
	again := w.c.Query(t, document, farleytest.Vars{"id": x, "in": in}).At("it.it")
	if again.JSON() != d.JSON() {
		t.Errorf("written once more as it is, the record is %s, was %s", again.JSON(), d.JSON())
	}
	if told := since(t, w.e, from); len(told) > 0 {
		t.Errorf("a write that changes nothing is told: %s", summary(told, nil))
	}
}

func (w *writes) binned(t *testing.T) {
	x := w.e.Make(t, w.k.Name, full(t, w.e, w.k))
	for i, step := range []struct {
		verb string
		op   change.Op
	}{{"delete", change.Deleted}, {"restore", change.Restored}} {
		v := int64(2 + i)
		sel := fmt.Sprintf("it: %s { id version }", w.k.Single)
		if step.op == change.Deleted {
			sel = "id version"
		}
		from := mark(t, w.e)
		d := w.c.Query(t, fmt.Sprintf(`mutation($id: ID!) { it: %s%s(id: $id) { %s } }`, step.verb, w.k.Name, sel), farleytest.Vars{"id": x}).At("it")
		if step.op == change.Restored {
			d = d.At("it")
		}
		if want := fmt.Sprintf(`{"id":%q,"version":%d}`, x, v); d.JSON() != want {
			t.Errorf("%s gives %s, want %s", step.verb, d.JSON(), want)
		}
		row := w.one(t, since(t, w.e, from), x, step.op, v)
		var names []string
		for _, c := range row.Fields {
			names = append(names, c.Field)
		}
		if !slices.Equal(names, []string{"deletedAt"}) {
			t.Errorf("%s changes %v", step.verb, names)
		}
	}
}

// one returns the one row that tells of the record. Besides it there are only rows of links that go with it, and of the
// records that it touches or that Farley alone keeps.
func (w *writes) one(t *testing.T, rows []told, x id.ID, op change.Op, version int64) told {
	t.Helper()
	var found []told
	others := append(touched(t, w.e, w.k, x), pointed(t, w.e, w.k, x, farleytest.MayTouch(w.k.Name))...)
	for _, r := range rows {
		switch {
		case r.Record == x:
			found = append(found, r)
		case w.e.Set.Of(r.Record).Link || !w.e.Set.Of(r.Record).Makable() || slices.Contains(others, r.Record):
		case w.linked(r.Record):
		default:
			t.Errorf("another record is said to have changed: %s", summary([]told{r}, nil))
		}
	}
	if len(found) != 1 || found[0].Op != op || found[0].Version != version {
		t.Fatalf("the change log has %s, want one %s v%d", summary(found, nil), op, version)
	}
	return found[0]
}

// linked reports whether the record joins others to the kind.
func (w *writes) linked(x id.ID) bool {
	return slices.ContainsFunc(w.k.Fields, func(f *model.Field) bool {
		return f.Through != nil && f.Write != model.Never && w.e.Set.Of(x).Name == f.Through.Link
	})
}

// has checks what a row says of a field.
func (w *writes) has(t *testing.T, row told, f *model.Field, before, after any) {
	t.Helper()
	var found []change.FieldChange
	for _, c := range row.Fields {
		if ofRecord(c.Field) == f.Name {
			found = append(found, c)
		}
	}
	if f.Name == model.CustomFields {
		before, after = onlyValue(before), onlyValue(after)
	}
	if len(found) != 1 {
		t.Fatalf("%d entries for %s: %v", len(found), f.Name, row.Fields)
	}
	if !says(found[0].Old, before, f) || !says(found[0].New, after, f) {
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(after)
		t.Errorf("%s changed %s → %s, want %s → %s", f.Name, found[0].Old, found[0].New, a, b)
	}
}

// ofRecord is the field of a record that holds the one that is named: custom fields change one by one.
func ofRecord(name string) string {
	if model.CustomKey(name) != "" {
		return model.CustomFields
	}
	return name
}

// onlyValue is the value in a list of custom fields that has one.
func onlyValue(v any) any {
	list, _ := v.([]any)
	if len(list) == 0 {
		return nil
	}
	return list[0].(map[string]any)["value"]
}

// says compares a value of the log with one of an input.
func says(logged json.RawMessage, v any, f *model.Field) bool {
	if v == nil && f.Type == model.Many {
		v = []any{}
	}
	b, err := json.Marshal(v)
	var x, y any
	if err != nil || json.Unmarshal(logged, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
