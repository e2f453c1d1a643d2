package suite_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
)

var levels = []access.Level{access.LevelNone, access.LevelMasked, access.LevelRead, access.LevelWrite}

// A field's level decides in every position where the field can stand. Each kind is met by four roles; in role r the i-th
// field has the level r+i, so each field has each level once, and never its neighbour's.
func TestLevels_everyPosition(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		for _, k := range open(t, e) {
			for r := range levels {
				t.Run(fmt.Sprintf("%s/%d", k.Name, r), func(t *testing.T) { newLeveled(t, e, k, r).positions(t) })
			}
		}
	})
}

// leveled is one kind met by one role.
type leveled struct {
	e     *farleytest.Env
	k     *model.Kind
	c     *farleytest.Client
	x     id.ID        // a record of the kind
	in    input.Object // it was made from
	level map[*model.Field]access.Level
}

func newLeveled(t *testing.T, e *farleytest.Env, k *model.Kind, shift int) *leveled {
	t.Helper()
	l := &leveled{e: e, k: k, level: map[*model.Field]access.Level{}}
	role := farleytest.Everything(e, access.All)
	role.Fields = slices.DeleteFunc(role.Fields, func(f access.FieldLevel) bool { return f.Object == k.Const })
	for i, f := range public(k) {
		if f.System {
			l.level[f] = access.LevelRead
			continue
		}
		l.level[f] = levels[(i+shift)%len(levels)]
		role.Fields = append(role.Fields, access.FieldLevel{Object: k.Const, Field: f.Const, Level: l.level[f]})
	}
	l.c = e.User(t, nil, e.Role(t, role))
	l.in = full(t, e, k)
	l.x = e.Make(t, k.Name, l.in)
	e.Consents(t, l.x)
	return l
}

// full is the input of a record with a value in every field that can be given together with the others.
func full(t *testing.T, e *farleytest.Env, k *model.Kind) input.Object {
	t.Helper()
	in := e.Valid(t, k.Name)
	for _, f := range k.Fields {
		if _, given := in[f.Name]; given || f.Write == model.Never || f.Internal || f.Acyclic {
			continue
		}
		if len(e.ValidWith(t, k.Name, f.Name, 3)) <= len(e.Valid(t, k.Name)) {
			continue // it takes the place of another one
		}
		if v := e.Value(t, k, f, 3); v != nil {
			in[f.Name] = v
		}
	}
	return in
}

func public(k *model.Kind) []*model.Field {
	return slices.DeleteFunc(slices.Clone(k.Fields), func(f *model.Field) bool { return f.Internal })
}

func (l *leveled) reads(f *model.Field) bool {
	return l.level[f] == access.LevelRead || l.level[f] == access.LevelWrite
}

func (l *leveled) positions(t *testing.T) {
	for _, f := range public(l.k) {
		l.selected(t, f)
		if f.Filter {
			l.filtered(t, f)
		}
		if f.Order {
			l.want(t, l.reads(f), "orderBy.0.field", fmt.Sprintf(`query($by: [%sOrder!]) { %s(orderBy: $by) { nodes { id } } }`, l.k.Name, l.k.Plural),
				farleytest.Vars{"by": []any{map[string]any{"field": f.Const}}})
		}
	}
	l.related(t)
	l.created(t)
	l.updated(t)
}

// want sends an operation that is allowed, or refused at exactly the path, below the root field.
func (l *leveled) want(t *testing.T, allowed bool, path, document string, vars farleytest.Vars) farleytest.Data {
	t.Helper()
	r := l.c.Do(t, document, vars)
	if allowed {
		r.Want(t, "")
		return farleytest.Data{V: r.Data}
	}
	r.Want(t, "FORBIDDEN")
	got := []string{}
	for _, v := range r.Violations() {
		_, below, _ := strings.Cut(v, ".")
		got = append(got, below)
	}
	if want := []string{path + " FORBIDDEN"}; !slices.Equal(got, want) {
		t.Errorf("%s\nis refused at %v, want %v", document, got, want)
	}
	if r.Data != nil {
		t.Errorf("a refused operation answers %s", r.Raw)
	}
	return farleytest.Data{}
}

func (l *leveled) selected(t *testing.T, f *model.Field) {
	t.Helper()
	d := l.want(t, l.level[f] != access.LevelNone, f.Name, fmt.Sprintf(`query($id: ID!) { it: %s(id: $id) { %s } }`, l.k.Single, selection(f)), farleytest.Vars{"id": l.x})
	if l.level[f] == access.LevelNone {
		return
	}
	got := d.At("it." + f.Name)
	given, ok := l.in[f.Name]
	if l.level[f] != access.LevelMasked {
		if ok && f.Type != model.Ref && f.Type != model.Many && got.JSON() != inWords(given, f) {
			t.Errorf("%s is %s, want %s", f.Name, got.JSON(), inWords(given, f))
		}
		return
	}
	// A text shows at most its last two characters, anything else does not show at all.
	want := "null"
	if f.Name == model.CustomFields { // they are many: those that are texts show so
		one := given.([]any)[0].(map[string]any)
		text := []rune(one["value"].(string))
		want = "••••"
		if len(text) >= 8 {
			want += string(text[len(text)-2:])
		}
		want = fmt.Sprintf(`[{"key":%q,"value":%q}]`, one["key"], want)
	} else if s, isText := given.(string); isText && (f.Type == model.String || f.Type == model.Text) {
		text := []rune(s)
		want = "••••"
		if len(text) >= 8 {
			want += string(text[len(text)-2:])
		}
		want = inWords(want, f)
	}
	if derived := !ok && got.V != nil; derived {
		if !strings.HasPrefix(got.Text(), "••••") || len([]rune(got.Text())) > 6 {
			t.Errorf("%s shows as %s", f.Name, got.JSON())
		}
	} else if got.JSON() != want {
		t.Errorf("masked, %s is %s, want %s", f.Name, got.JSON(), want)
	}
}

// inWords is the JSON of an input in the order of the answer.
func inWords(v any, f *model.Field) string {
	if list, ok := v.([]any); ok && f.Type == model.Objects {
		for i, o := range list {
			out := map[string]any{}
			for _, name := range embedded(f.Scalar) {
				out[name] = o.(map[string]any)[name]
			}
			list[i] = out
		}
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// filtered tries each operator of the field.
func (l *leveled) filtered(t *testing.T, f *model.Field) {
	t.Helper()
	document := fmt.Sprintf(`query($where: %sWhere) { %s(where: $where) { nodes { id } } }`, l.k.Name, l.k.Plural)
	for _, ops := range operators(l.e, f, l.in[f.Name]) {
		l.want(t, l.reads(f), "where."+f.Name, document, farleytest.Vars{"where": map[string]any{f.Name: ops}})
	}
	l.want(t, l.reads(f), "where.and.0.not."+f.Name, document, farleytest.Vars{"where": map[string]any{"and": []any{map[string]any{"not": map[string]any{f.Name: map[string]any{}}}}}})
}

// operators returns one operator object for each operator that the schema has for the field.
func operators(e *farleytest.Env, f *model.Field, value any) []map[string]any {
	switch f.Type {
	case model.Ref:
		return []map[string]any{{"id": map[string]any{"isNull": false}}, {}}
	case model.Many:
		return []map[string]any{{"some": map[string]any{}}, {"none": map[string]any{}}}
	}
	if list, ok := value.([]any); ok && len(list) > 0 {
		value = list[0]
	}
	if value == nil {
		value = e.Probe(f)
	}
	owner := sdl().Types[operatorType(e, f)]
	var out []map[string]any
	for _, op := range owner.Fields {
		switch {
		case op.Name == "isNull" || op.Name == "isEmpty":
			out = append(out, map[string]any{op.Name: true})
		case op.Type.Elem != nil:
			out = append(out, map[string]any{op.Name: []any{value}})
		default:
			out = append(out, map[string]any{op.Name: value})
		}
	}
	return out
}

// operatorType names the input type of a field's conditions.
func operatorType(e *farleytest.Env, f *model.Field) string {
	for _, k := range e.Set.Kinds {
		if k.Field(f.Name) == f && !k.Link {
			return sdl().Types[k.Name+"Where"].Fields.ForName(f.Name).Type.Name()
		}
	}
	return ""
}

// related reaches the kind's fields from the records that point to it, in filters and selections.
func (l *leveled) related(t *testing.T) {
	t.Helper()
	for _, from := range kinds(l.e) {
		for _, rel := range from.Fields {
			if rel.Target != l.k.Name || rel.Internal || from == l.k || !rel.Filter {
				continue
			}
			for _, f := range public(l.k) {
				if !f.Filter || f.Type == model.Many || !*all && random(from.Name+rel.Name+f.Name).IntN(4) > 0 {
					continue
				}
				inner := map[string]any{f.Name: map[string]any{}}
				document := fmt.Sprintf(`query($where: %sWhere) { %s(where: $where) { nodes { id } } }`, from.Name, from.Plural)
				if rel.Type == model.Ref {
					l.want(t, l.reads(f), "where."+rel.Name+"."+f.Name, document, farleytest.Vars{"where": map[string]any{rel.Name: inner}})
				} else {
					for _, quantor := range []string{"some", "none"} {
						l.want(t, l.reads(f), "where."+rel.Name+"."+quantor+"."+f.Name, document, farleytest.Vars{"where": map[string]any{rel.Name: map[string]any{quantor: inner}}})
					}
				}
				path, sel := rel.Name+"."+f.Name, rel.Name+" { "+selection(f)+" }"
				if rel.Type == model.Many {
					path, sel = rel.Name+".nodes."+f.Name, rel.Name+"(first: 1) { nodes { "+selection(f)+" } }"
				}
				l.want(t, l.level[f] != access.LevelNone, "nodes."+path, fmt.Sprintf(`{ %s(first: 1) { nodes { %s } } }`, from.Plural, sel), nil)
			}
		}
	}
}

// created makes records with one more field each: refused are exactly the fields given that may not be written.
func (l *leveled) created(t *testing.T) {
	t.Helper()
	document := fmt.Sprintf(`mutation($in: Create%[1]sInput!) { it: create%[1]s(input: $in, dryRun: true) { it: %[2]s { id } } }`, l.k.Name, l.k.Single)
	for _, f := range public(l.k) {
		if f.Write != model.Never {
			l.written(t, document, l.e.ValidWith(t, l.k.Name, f.Name, 2), nil)
		}
	}
}

func (l *leveled) updated(t *testing.T) {
	t.Helper()
	document := fmt.Sprintf(`mutation($id: ID!, $in: Update%[1]sInput!) { it: update%[1]s(id: $id, input: $in, dryRun: true) { it: %[2]s { id } } }`, l.k.Name, l.k.Single)
	for _, f := range public(l.k) {
		if f.Write == model.Always && l.k.Name+"."+f.Name != "Opportunity.stage" { // that is for moveOpportunity
			i := 2
			if f.Type == model.Date {
				i = 3 // as it is, since days come in pairs of a first and a last one
			}
			l.written(t, document, input.Object{f.Name: l.e.Value(t, l.k, f, i)}, farleytest.Vars{"id": l.x})
			if !f.Required {
				l.written(t, document, input.Object{f.Name: nil}, farleytest.Vars{"id": l.x})
			}
		}
	}
}

func (l *leveled) written(t *testing.T, document string, in input.Object, vars farleytest.Vars) {
	t.Helper()
	want := []string{}
	for name := range in {
		if l.level[l.k.Field(name)] != access.LevelWrite {
			want = append(want, "it.input."+name+" FORBIDDEN")
		}
	}
	sort.Strings(want)
	v := farleytest.Vars{"in": in}
	for name, x := range vars {
		v[name] = x
	}
	before := stateOf(t, l.e, l.k, l.x)
	r := l.c.Do(t, document, v)
	if after := stateOf(t, l.e, l.k, l.x); after != before {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if len(want) == 0 {
		if codes := r.Codes(); len(codes) > 0 && !l.empties(in, r) {
			t.Errorf("%v is refused: %s", in, r.Raw)
		}
		return
	}
	r.Want(t, "FORBIDDEN")
	got := r.Violations()
	sort.Strings(got)
	if !slices.Equal(got, want) {
		t.Errorf("%v is refused at %v, want %v", in, got, want)
	}
}

// empties reports whether the answer says that a field which is needed cannot be emptied.
func (l *leveled) empties(in input.Object, r *farleytest.Response) bool {
	for _, v := range in {
		if v != nil {
			return false
		}
	}
	return len(r.Errors) == 1 && r.Errors[0].Extensions.Code == "INVALID"
}
