package read_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/fault"
	"farley/internal/text"
)

// condition is a filter as it is sent, with its meaning.
type condition struct {
	where map[string]any
	holds func(w who, a *account) bool
}

func op[T any](rt *rapid.T, field string, ops map[string]func(w who, a *account, v T) bool, value *rapid.Generator[T], send func(T) any) condition {
	name := rapid.SampledFrom(slices.Sorted(keysOf(ops))).Draw(rt, field)
	v := value.Draw(rt, field+" value")
	return condition{map[string]any{field: map[string]any{name: send(v)}}, func(w who, a *account) bool { return ops[name](w, a, v) }}
}

func keysOf[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func comparisons[T cmp.Ordered](get func(w who, a *account) *T) map[string]func(who, *account, T) bool {
	test := func(fn func(c int) bool) func(who, *account, T) bool {
		return func(w who, a *account, v T) bool { x := get(w, a); return x != nil && fn(cmp.Compare(*x, v)) }
	}
	return map[string]func(who, *account, T) bool{
		"eq": test(func(c int) bool { return c == 0 }), "gt": test(func(c int) bool { return c > 0 }), "gte": test(func(c int) bool { return c >= 0 }),
		"lt": test(func(c int) bool { return c < 0 }), "lte": test(func(c int) bool { return c <= 0 }),
		"ne": func(w who, a *account, v T) bool { x := get(w, a); return x == nil || *x != v },
	}
}

func texts(get func(w who, a *account) *string, fold func(string) string) map[string]func(who, *account, string) bool {
	test := func(fn func(x, v string) bool) func(who, *account, string) bool {
		return func(w who, a *account, v string) bool {
			x := get(w, a)
			return x != nil && fn(fold(*x), fold(v))
		}
	}
	eq := test(func(x, v string) bool { return x == v })
	return map[string]func(who, *account, string) bool{
		"eq": eq, "ne": func(w who, a *account, v string) bool { return !eq(w, a, v) },
		"contains": test(strings.Contains), "startsWith": test(strings.HasPrefix), "endsWith": test(strings.HasSuffix),
	}
}

func lists[T comparable](get func(w who, a *account) *T) map[string]func(who, *account, []T) bool {
	in := func(w who, a *account, v []T) bool { x := get(w, a); return x != nil && slices.Contains(v, *x) }
	return map[string]func(who, *account, []T) bool{"in": in, "notIn": func(w who, a *account, v []T) bool { return !in(w, a, v) }}
}

func same[T any](v T) any { return v }

func anyList[T any](v []T) any {
	out := make([]any, len(v))
	for i := range v {
		out[i] = v[i]
	}
	return out
}

func nullness(rt *rapid.T, field string, null func(w who, a *account) bool) condition {
	v := rapid.Bool().Draw(rt, field+" null")
	return condition{map[string]any{field: map[string]any{"isNull": v}}, func(w who, a *account) bool { return null(w, a) == v }}
}

func drawCondition(rt *rapid.T, depth int) condition {
	name := func(_ who, a *account) *string { return &a.name }
	tax := func(w who, a *account) *string {
		if w.tax(a) {
			return a.tax
		}
		return nil
	}
	employees := func(_ who, a *account) *int { return a.employees }
	rating := func(_ who, a *account) *string { return a.rating }
	revenue := func(_ who, a *account) *int { return a.revenue }
	parts := rapid.SampledFrom(append([]string{"", "al", "%", "_", "noor", "É", "e", "🦉", "!", "ر", " ", "TAX", "x"}, append(names, taxes...)...))
	choose := rapid.IntRange(0, 19)
	if depth == 0 {
		choose = rapid.IntRange(0, 14)
	}
	switch choose.Draw(rt, "which") {
	case 0:
		return op(rt, "name", texts(name, text.Fold), parts, same[string])
	case 1:
		return op(rt, "taxNumber", texts(tax, func(s string) string { return s }), parts, same[string])
	case 2:
		return op(rt, "employees", comparisons(employees), rapid.IntRange(-1, 31), same[int])
	case 3:
		return op(rt, "employees", lists(employees), rapid.SliceOfN(rapid.IntRange(0, 30), 0, 3), anyList[int])
	case 4:
		return op(rt, "rating", lists(rating), rapid.SliceOfN(rapid.SampledFrom(ratings), 0, 2), anyList[string])
	case 5:
		return op(rt, "revenue", comparisons(revenue), rapid.IntRange(0, 3), func(v int) any { return map[string]any{"amount": fmt.Sprint(v), "currency": "SAR"} }).scaled(100, revenue)
	case 6:
		return nullness(rt, "employees", func(_ who, a *account) bool { return a.employees == nil })
	case 7:
		return nullness(rt, "taxNumber", func(w who, a *account) bool { return tax(w, a) == nil })
	case 8:
		last := func(_ who, a *account) *int64 {
			if a.lastAt == nil {
				return nil
			}
			v := a.lastAt.UnixMicro()
			return &v
		}
		return op(rt, "lastAt", comparisons(last), rapid.Map(rapid.IntRange(0, 4), func(n int) int64 { return now.UnixMicro() + int64(n)*250_000 }),
			func(v int64) any { return time.UnixMicro(v).In(time.FixedZone("", 3600)).Format(time.RFC3339Nano) })
	case 9:
		founded := func(_ who, a *account) *string { return a.founded }
		return op(rt, "founded", comparisons(founded), rapid.SampledFrom([]string{"1999-12-31", "2000-01-01", "2010-01-01"}), same[string])
	case 10:
		v := rapid.Bool().Draw(rt, "active")
		return condition{map[string]any{"active": map[string]any{"eq": v}}, func(_ who, a *account) bool { return a.active == v }}
	case 11:
		contained := func(v []string, a *account) int {
			n := 0
			for _, k := range v {
				if slices.Contains(a.kinds, k) {
					n++
				}
			}
			return n
		}
		return op(rt, "kinds", map[string]func(who, *account, []string) bool{
			"hasAny": func(_ who, a *account, v []string) bool { return contained(v, a) > 0 },
			"hasAll": func(_ who, a *account, v []string) bool { return contained(v, a) == len(v) },
		}, rapid.SliceOfNDistinct(rapid.SampledFrom(kinds), 0, 2, rapid.ID[string]), anyList[string])
	case 12:
		return op(rt, "tags", map[string]func(who, *account, string) bool{
			"has": func(_ who, a *account, v string) bool { return slices.Contains(a.tags, v) },
		}, rapid.SampledFrom(tags), same[string])
	case 13:
		v := rapid.Bool().Draw(rt, "empty")
		field := rapid.SampledFrom([]string{"tags", "kinds"}).Draw(rt, "list")
		return condition{map[string]any{field: map[string]any{"isEmpty": v}}, func(_ who, a *account) bool {
			return (len(map[string][]string{"tags": a.tags, "kinds": a.kinds}[field]) == 0) == v
		}}
	case 14:
		return drawOwner(rt)
	case 15, 16:
		return drawMany(rt)
	case 17:
		inner := drawCondition(rt, depth-1)
		return condition{map[string]any{"not": inner.where}, func(w who, a *account) bool { return !inner.holds(w, a) }}
	}
	word := rapid.SampledFrom([]string{"and", "or"}).Draw(rt, "word")
	var inner []condition
	items := []any{}
	for range rapid.IntRange(0, 3).Draw(rt, "terms") {
		c := drawCondition(rt, depth-1)
		inner, items = append(inner, c), append(items, c.where)
	}
	return condition{map[string]any{word: items}, func(w who, a *account) bool {
		for _, c := range inner {
			if c.holds(w, a) == (word == "or") {
				return word == "or"
			}
		}
		return word == "and"
	}}
}

// scaled compares minor units with what was drawn as whole units.
func (c condition) scaled(by int, get func(w who, a *account) *int) condition {
	holds := c.holds
	c.holds = func(w who, a *account) bool {
		b := *a
		if v := get(w, a); v != nil {
			n := *v / by
			b.revenue = &n
		}
		return holds(w, &b)
	}
	return c
}

func drawOwner(rt *rapid.T) condition {
	n := rapid.IntRange(1, 4).Draw(rt, "owner")
	uid := ident(codeUser, n).String()
	in := func(w who, a *account) bool { return w.users(a.owner) }
	switch rapid.IntRange(0, 5).Draw(rt, "owner filter") {
	case 0:
		return condition{map[string]any{"owner": map[string]any{"me": true}}, func(w who, a *account) bool { return in(w, a) && a.owner == 1 }}
	case 1:
		return condition{map[string]any{"owner": map[string]any{"id": map[string]any{"isNull": true}}}, func(w who, a *account) bool { return !in(w, a) }}
	case 2:
		return condition{map[string]any{"owner": map[string]any{"id": map[string]any{"in": []any{uid, ident(codeUser, 1).String()}}}},
			func(w who, a *account) bool { return in(w, a) && (a.owner == n || a.owner == 1) }}
	case 3:
		return condition{map[string]any{"owner": map[string]any{"id": map[string]any{"ne": uid}}}, func(w who, a *account) bool { return in(w, a) && a.owner != n }}
	case 4:
		return condition{map[string]any{"owner": map[string]any{}}, func(who, *account) bool { return true }}
	}
	return condition{map[string]any{"owner": map[string]any{"name": map[string]any{"startsWith": "AL"}}},
		func(w who, a *account) bool { return in(w, a) && strings.HasPrefix(text.Fold(names[a.owner-1]), "al") }}
}

func drawMany(rt *rapid.T) condition {
	field := rapid.SampledFrom([]string{"people", "contacts"}).Draw(rt, "relation")
	word := rapid.SampledFrom([]string{"some", "none"}).Draw(rt, "quantifier")
	rank := rapid.IntRange(-1, ranks-1).Draw(rt, "rank")
	where := map[string]any{}
	if rank >= 0 {
		where["rank"] = map[string]any{"eq": rank}
	}
	return condition{map[string]any{field: map[string]any{word: where}}, func(w who, a *account) bool {
		people := a.people
		if field == "contacts" {
			people = a.links
		}
		found := slices.ContainsFunc(people, func(p *person) bool {
			// a contact is in sight with its account
			return !p.account.binned && w.sees(p.account) && (rank < 0 || p.rank != nil && *p.rank == rank)
		})
		return found == (word == "some")
	}}
}

func TestList_filtersLikeTheModel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		all := e.world(t, 60)
		actors := e.actors()
		rapid.Check(t, func(rt *rapid.T) {
			w := rapid.SampledFrom(actors).Draw(rt, "actor")
			c := drawCondition(rt, 3)
			want := []string{}
			for _, a := range all {
				if !a.binned && w.sees(a) && c.holds(w, a) {
					want = append(want, a.id.String())
				}
			}
			var got connection
			answer := e.must(t, w.actor, `query($w: AccountWhere) { accounts(first: 100, where: $w) { edges { node { id } } totalCount { value } } }`, map[string]any{"w": c.where})
			if err := json.Unmarshal([]byte(answer), &struct{ *connection }{&got}); err != nil {
				rt.Fatal(err)
			}
			if diff := gocmp.Diff(want, got.ids()); diff != "" {
				rt.Fatalf("%v as %s: %s", c.where, w.name, diff)
			}
			if got.Accounts.TotalCount.Value != len(want) {
				rt.Fatalf("%v as %s: total %d, want %d", c.where, w.name, got.Accounts.TotalCount.Value, len(want))
			}
		})
	})
}

func TestList_refusesArguments(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		deep := strings.Repeat("{not:", 14) + "{}" + strings.Repeat("}", 14)
		for _, tt := range []struct {
			args string
			code fault.Code
			path []any
		}{
			{"first: 0", fault.Invalid, []any{"accounts", "first"}},
			{"first: 101", fault.Invalid, []any{"accounts", "first"}},
			{"last: -1", fault.Invalid, []any{"accounts", "last"}},
			{"first: 1, last: 1", fault.Invalid, []any{"accounts", "last"}},
			{`after: "nonsense"`, fault.Invalid, []any{"accounts", "after"}},
			{`before: ""`, fault.Invalid, []any{"accounts", "before"}},
			{"where: {name: {eq: null}}", fault.Invalid, []any{"accounts", "where", "name", "eq"}},
			{"where: {name: null}", fault.Invalid, []any{"accounts", "where", "name"}},
			{"where: {and: [{owner: null}]}", fault.Invalid, []any{"accounts", "where", "and", 0, "owner"}},
			{`where: {owner: {id: {in: ["x"]}}}`, fault.Invalid, []any{"accounts", "where", "owner", "id", "in", 0}},
			{`where: {lastAt: {gt: "yesterday"}}`, fault.Invalid, []any{"accounts", "where", "lastAt", "gt"}},
			{`where: {revenue: {gt: {amount: "x", currency: "SAR"}}}`, fault.Invalid, []any{"accounts", "where", "revenue", "gt"}},
			{"orderBy: [{field: NAME},{field: NAME},{field: NAME},{field: NAME},{field: NAME},{field: NAME}]", fault.Invalid, []any{"accounts", "orderBy"}},
			{"where: " + deep, fault.Limited, nil},
		} {
			_, err := e.run(t, e.admin(), "{ accounts("+tt.args+") { nodes { id } } }", nil)
			f, ok := err.(*fault.Error)
			if !ok || f.Code != tt.code {
				t.Errorf("%s: %v, want %s", tt.args, err, tt.code)
				continue
			}
			if tt.code != fault.Invalid {
				continue
			}
			if diff := gocmp.Diff(tt.path, f.Violations[0].Path); diff != "" {
				t.Errorf("%s: %s", tt.args, diff)
			}
		}
	})
}

func TestList_comparesTextsAlikeEverywhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		texts := []string{"300%", "3000", "Tax_A", "TaxBA", "tax_a", "!x", "ع1"}
		for i, s := range texts {
			e.insert(t, "accounts", row{"id": ident(codeAccount, i), "name": s, "created_at": now, "tax_number": s})
		}
		for _, tt := range []struct {
			filter string
			want   []string
		}{
			{`taxNumber: {startsWith: "Tax_"}`, []string{"Tax_A"}},
			{`taxNumber: {startsWith: "tax"}`, []string{"tax_a"}},
			{`taxNumber: {endsWith: "_a"}`, []string{"tax_a"}},
			{`taxNumber: {endsWith: "%"}`, []string{"300%"}},
			{`taxNumber: {contains: "0%"}`, []string{"300%"}},
			{`taxNumber: {contains: "!"}`, []string{"!x"}},
			{`taxNumber: {eq: "TAX_A"}`, nil},
			{`taxNumber: {startsWith: ""}`, texts},
			{`taxNumber: {in: []}`, nil},
			{`taxNumber: {notIn: []}`, texts},
			{`name: {startsWith: "TAX_"}`, []string{"Tax_A", "tax_a"}},
			{`name: {eq: "tax_A", ne: "x"}`, []string{"Tax_A", "tax_a"}},
			{`name: {contains: "ع١"}`, []string{"ع1"}},
		} {
			var got struct {
				Accounts struct{ Nodes []struct{ Name string } }
			}
			if err := json.Unmarshal([]byte(e.must(t, e.admin(), "{ accounts(where: {"+tt.filter+"}) { nodes { name } } }", nil)), &got); err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, n := range got.Accounts.Nodes {
				found = append(found, n.Name)
			}
			if diff := gocmp.Diff(tt.want, found); diff != "" {
				t.Errorf("%s: %s", tt.filter, diff)
			}
		}
	})
}
