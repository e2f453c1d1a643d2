package suite_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"farley/internal/farleytest"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/text"
)

// Each operator of each field finds exactly the records that a look at every one of them finds.
func TestFilters_againstRecordsInMemory(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			s := newShelf(t, e, k, admin, 16)
			for _, f := range public(k) {
				if f.Filter {
					t.Run(k.Name+"/"+f.Name, func(t *testing.T) { s.find(t, s.leaves(f)) })
				}
			}
			t.Run(k.Name+"/and or not", func(t *testing.T) {
				var trees []condition
				for range 16 {
					trees = append(trees, s.tree(3))
				}
				s.find(t, trees)
			})
		}
	})
}

// condition is a filter and what it means.
type condition struct {
	where map[string]any
	holds func(b *book) bool
	bin   bool // it names deletedAt, and so looks into the bin as well
}

// find asks for the records of conditions, several at once, and compares.
func (s *shelf) find(t *testing.T, conditions []condition) {
	t.Helper()
	for some := range slices.Chunk(conditions, 8) {
		var vars, lists []string
		values := farleytest.Vars{}
		for i, c := range some {
			vars = append(vars, fmt.Sprintf("$w%d: %sWhere", i, s.k.Name))
			lists = append(lists, fmt.Sprintf("a%d: %s(first: 100, where: $w%d) { nodes { id } totalCount { value } }", i, s.k.Plural, i))
			values[fmt.Sprintf("w%d", i)] = map[string]any{"and": []any{map[string]any{"id": map[string]any{"in": s.ids()}}, c.where}}
		}
		d := s.c.Query(t, fmt.Sprintf("query(%s) { %s }", strings.Join(vars, ", "), strings.Join(lists, " ")), values)
		for i, c := range some {
			want := []string{}
			for _, b := range s.rows {
				if (c.bin || !b.inBin()) && c.holds(b) {
					want = append(want, b.id.String())
				}
			}
			slices.Sort(want)
			got := d.At(fmt.Sprintf("a%d.nodes", i)).Texts("id")
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%v finds %v, want %v", c.where, got, want)
			}
			if n := d.At(fmt.Sprintf("a%d.totalCount.value", i)).Int(); n != len(want) {
				t.Errorf("%v counts %d, want %d", c.where, n, len(want))
			}
		}
	}
}

func (s *shelf) ids() []string {
	out := make([]string, len(s.rows))
	for i, b := range s.rows {
		out[i] = b.id.String()
	}
	return out
}

// tree is a random condition over several fields.
func (s *shelf) tree(depth int) condition {
	if depth == 0 || s.rng.IntN(4) == 0 {
		var fields []*model.Field
		for _, f := range public(s.k) {
			if f.Filter && f.Name != "deletedAt" {
				fields = append(fields, f)
			}
		}
		leaves := s.leaves(fields[s.rng.IntN(len(fields))])
		return leaves[s.rng.IntN(len(leaves))]
	}
	if s.rng.IntN(3) == 0 {
		c := s.tree(depth - 1)
		return condition{where: map[string]any{"not": c.where}, holds: func(b *book) bool { return !c.holds(b) }}
	}
	var parts []condition
	wheres := []any{}
	for range s.rng.IntN(4) {
		c := s.tree(depth - 1)
		parts, wheres = append(parts, c), append(wheres, c.where)
	}
	holds := func(c condition, b *book) bool { return c.holds(b) }
	if s.rng.IntN(2) == 0 {
		return condition{where: map[string]any{"and": wheres}, holds: func(b *book) bool {
			return !slices.ContainsFunc(parts, func(c condition) bool { return !holds(c, b) })
		}}
	}
	return condition{where: map[string]any{"or": wheres}, holds: func(b *book) bool {
		return slices.ContainsFunc(parts, func(c condition) bool { return holds(c, b) })
	}}
}

// leaves are conditions on one field, of each operator, with values that records have and others.
func (s *shelf) leaves(f *model.Field) []condition {
	leaf := func(ops map[string]any, holds func(v any) bool) condition {
		return condition{where: map[string]any{f.Name: ops}, bin: f.Name == "deletedAt", holds: func(b *book) bool { return holds(b.values[f.Name]) }}
	}
	switch f.Type {
	case model.Ref:
		return s.toOne(f, leaf)
	case model.Many:
		return s.toMany(f, leaf)
	}
	var out []condition
	operands := s.operands(f)
	for _, op := range sdl().Types[operatorType(s.e, f)].Fields {
		switch {
		case op.Name == "isNull" || op.Name == "isEmpty":
			for _, yes := range []bool{true, false} {
				out = append(out, leaf(map[string]any{op.Name: yes}, func(v any) bool { return empty(v) == yes }))
			}
		case op.Type.Elem != nil:
			for n := range 3 {
				some := operands[:min(n, len(operands))]
				out = append(out, leaf(map[string]any{op.Name: some}, func(v any) bool { return s.matches(f, op.Name, v, some) }))
			}
		default:
			for _, x := range operands {
				out = append(out, leaf(map[string]any{op.Name: x}, func(v any) bool { return s.matches(f, op.Name, v, []any{x}) }))
			}
		}
	}
	// Operators side by side must all hold.
	if a, b := out[s.rng.IntN(len(out))], out[s.rng.IntN(len(out))]; s.rng.IntN(2) == 0 {
		both, clash := map[string]any{}, false
		for _, c := range []condition{a, b} {
			for name, v := range c.where[f.Name].(map[string]any) {
				_, twice := both[name]
				both[name], clash = v, clash || twice
			}
		}
		if !clash {
			out = append(out, condition{where: map[string]any{f.Name: both}, bin: a.bin, holds: func(x *book) bool { return a.holds(x) && b.holds(x) }})
		}
	}
	return append(out, leaf(map[string]any{}, func(any) bool { return true }))
}

func empty(v any) bool {
	list, ok := v.([]any)
	return v == nil || ok && len(list) == 0
}

// matches is what an operator means. ne and notIn are the opposites of eq and in.
func (s *shelf) matches(f *model.Field, op string, v any, operands []any) bool {
	one := func(fn func(x any) bool) bool { return v != nil && slices.ContainsFunc(operands, fn) }
	equal := func(x any) bool { return order(s.plain(f, v), s.plain(f, x)) == 0 }
	sign := func(ok func(c int) bool) bool {
		return one(func(x any) bool { return ok(order(s.plain(f, v), s.plain(f, x))) })
	}
	part := func(fn func(s, part string) bool) bool {
		return one(func(x any) bool { return fn(s.plain(f, v).(string), s.plain(f, x).(string)) })
	}
	switch op {
	case "eq", "in":
		return one(equal)
	case "ne", "notIn":
		return !one(equal)
	case "gt":
		return sign(func(c int) bool { return c > 0 })
	case "gte":
		return sign(func(c int) bool { return c >= 0 })
	case "lt":
		return sign(func(c int) bool { return c < 0 })
	case "lte":
		return sign(func(c int) bool { return c <= 0 })
	case "contains":
		return part(strings.Contains)
	case "startsWith":
		return part(strings.HasPrefix)
	case "endsWith":
		return part(strings.HasSuffix)
	case "has", "hasAny":
		list, _ := v.([]any)
		return slices.ContainsFunc(operands, func(x any) bool { return slices.Contains(list, x) })
	case "hasAll":
		list, _ := v.([]any)
		return !slices.ContainsFunc(operands, func(x any) bool { return !slices.Contains(list, x) })
	}
	panic("no such operator: " + op)
}

// plain is a value as filters compare it.
func (s *shelf) plain(f *model.Field, v any) any {
	switch {
	case f.Fold != "":
		return text.Fold(v.(string))
	case f.Type == model.Int:
		return v // numbers of JSON
	case f.Sort != "":
		return v
	}
	return s.key(f, &book{values: map[string]any{f.Name: v}})
}

// operands are values of records, the same in other writing, parts of them, and one that no record has.
func (s *shelf) operands(f *model.Field) []any {
	var out []any
	add := func(v any) {
		if v != nil && !slices.ContainsFunc(out, func(x any) bool { return fmt.Sprint(x) == fmt.Sprint(v) }) {
			out = append(out, v)
		}
	}
	for _, i := range s.rng.Perm(len(s.rows)) {
		v := s.rows[i].values[f.Name]
		if list, ok := v.([]any); ok {
			v = nil
			if len(list) > 0 {
				v = list[s.rng.IntN(len(list))]
			}
		}
		if add(v); len(out) == 2 {
			break
		}
	}
	if f.Type == model.String && len(out) > 0 {
		whole := out[0].(string)
		add(part(s.rng, whole))
		if operatorType(s.e, f) == "StringFilter" {
			add(strings.ToUpper(whole))
		}
	}
	probe := s.e.Probe(f)
	if f.Type == model.Int {
		probe = float64(probe.(int))
	}
	add(probe)
	return out
}

func part(rng *rand.Rand, s string) string {
	runes := []rune(s)
	from := rng.IntN(len(runes))
	return string(runes[from : from+1+rng.IntN(len(runes)-from)])
}

func (s *shelf) toOne(f *model.Field, leaf func(map[string]any, func(any) bool) condition) []condition {
	is := func(x string) func(any) bool {
		return func(v any) bool { m, _ := v.(map[string]any); return m != nil && m["id"] == x }
	}
	out := []condition{
		leaf(map[string]any{}, func(any) bool { return true }),
		leaf(map[string]any{"id": map[string]any{"isNull": true}}, func(v any) bool { return v == nil }),
		leaf(map[string]any{"id": map[string]any{"isNull": false}}, func(v any) bool { return v != nil }),
	}
	for _, b := range s.rows {
		if m, ok := b.values[f.Name].(map[string]any); ok {
			x := m["id"].(string)
			return append(out,
				leaf(map[string]any{"id": map[string]any{"eq": x}}, is(x)),
				leaf(map[string]any{"id": map[string]any{"ne": x}}, func(v any) bool { return v != nil && !is(x)(v) }))
		}
	}
	return out
}

func (s *shelf) toMany(f *model.Field, leaf func(map[string]any, func(any) bool) condition) []condition {
	ids := func(v any) []string { return farleytest.Data{V: v}.At("nodes").Texts("id") }
	has := func(v any) bool { return len(ids(v)) > 0 }
	out := []condition{
		leaf(map[string]any{"some": map[string]any{}}, has),
		leaf(map[string]any{"none": map[string]any{}}, func(v any) bool { return !has(v) }),
	}
	for _, b := range s.rows {
		if found := ids(b.values[f.Name]); len(found) > 0 {
			x := map[string]any{"id": map[string]any{"eq": found[0]}}
			holds := func(v any) bool { return slices.Contains(ids(v), found[0]) }
			return append(out, leaf(map[string]any{"some": x}, holds), leaf(map[string]any{"none": x}, func(v any) bool { return !holds(v) }))
		}
	}
	return out
}

// Texts that people know records by are found whatever the letter case, the accents and the variants of Arabic letters.
func TestFilters_writing(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			for _, f := range public(k) {
				if f.Fold == "" || f.Write != model.Always || f.Max < 60 || k.Name+"."+f.Name == "CustomField.defaultValue" || together[k.Name+"."+f.Name] {
					continue // the former is JSON that fits a type
				}
				t.Run(k.Name+"/"+f.Name, func(t *testing.T) {
					for _, c := range []struct{ stored, op, asked string }{
						{"Émile Dùpont", "eq", "emile dupont"},
						{"EMILE dupont the 2nd", "startsWith", "émile"},
						{"شركة أحمد", "contains", "احمد"},
						{"مكتبة الاسكندرية", "eq", "مكتبه الإسكندرية"},
						{"50% off_er", "contains", "0% off_"},
					} {
						in := input.Object{f.Name: c.stored}
						valid := e.Valid(t, k.Name)
						for name, v := range in {
							valid[name] = v
						}
						x := e.Make(t, k.Name, valid)
						for asked, want := range map[string]int{c.asked: 1, c.asked + "y": 0, strings.Replace(c.asked, "_", "x", 1) + "%": 0} {
							d := admin.Query(t, fmt.Sprintf(`query($w: %sWhere) { it: %s(where: $w) { nodes { id } } }`, k.Name, k.Plural),
								farleytest.Vars{"w": map[string]any{"id": map[string]any{"eq": x}, f.Name: map[string]any{c.op: asked}}})
							if n := d.At("it.nodes").Len(); n != want {
								t.Errorf("%q %s %q finds %d, want %d", c.stored, c.op, asked, n, want)
							}
						}
					}
				})
			}
		}
	})
}
