package read_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/validator"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
	"farley/internal/text"
	"farley/internal/viewer"
)

var cases = flag.Int("cases", 1000, "how many random operations TestDifferential compares; with FARLEY_LONG ten times as many on SQLite")

// The bytes of random operations by random readers over changing data are those of an execution that goes from field to field
// over values in memory, as GraphQL (Oct. 2021, 6) describes it.
func TestDifferential(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		n := *cases
		if os.Getenv("FARLEY_LONG") != "" && e.Dialect == "sqlite" {
			n *= 10
		}
		all := e.world(t, 40)
		readers := e.readers()
		refused := 0
		for i := range n {
			g := &generator{Rand: rand.New(rand.NewPCG(42, uint64(i))), all: all} //nolint:gosec // it has to be the same each time
			r := readers[g.IntN(len(readers))]
			query, vars := g.document()
			for range 1 + g.IntN(5)/4 {
				want, found := naive{r, all, vars}.execute(t, e, query)
				got, err := e.run(t, r.actor, query, vars)
				if !found {
					refused++
					if fault.CodeOf(err) != fault.NotFound {
						t.Fatalf("case %d: %s as %q: %s (%v), want NOT_FOUND", i, query, r.name, got, err)
					}
				} else if err != nil || got != want {
					t.Fatalf("case %d: %s with %v as %q: %v\n%s", i, query, vars, r.name, err, gocmp.Diff(want, got))
				}
				if i%5 == 0 {
					e.shake(t, g, all) // the next one, or the same again, reads other data
				}
			}
		}
		if hits, _ := e.engine.Plans(); refused < n/100 || refused > n/3 || hits < int64(n)/2 {
			t.Errorf("%d of %d were for records out of sight, %d by plans that were kept", refused, n, hits)
		}
	})
}

// reader is who asks, and how he sees tax numbers that he may not read.
type reader struct {
	who
	masked bool
}

func (e *env) readers() []reader {
	var out []reader
	for _, w := range e.actors() {
		out = append(out, reader{w, false})
	}
	me := viewer.Viewer{User: ident(codeUser, 1), Teams: []id.ID{ident(codeTeam, 1)}, Reports: []id.ID{ident(codeUser, 2)}}
	scopes := func(account string) map[string]string {
		return map[string]string{"ACCOUNT": account, "CONTACT": "ALL", "USER": "ALL"}
	}
	live := func(n int) bool { return n >= 1 && n <= 3 }
	all, none, own := func(*account) bool { return true }, func(*account) bool { return false }, func(a *account) bool { return a.owner == 1 }
	masked := role(scopes("ALL"), taxLevel(access.LevelMasked))
	return append(out,
		reader{who{"all, tax number masked", e.actor(me, masked), all, none, live}, true},
		reader{who{"all, tax number masked but of own", e.actor(me, masked, role(scopes("OWN"), taxLevel(access.LevelRead))), all, own, live}, true},
	)
}

// shake changes some accounts, in the tables and in memory.
func (e *env) shake(t *testing.T, g *generator, all []*account) {
	t.Helper()
	for range 4 {
		a := all[g.IntN(len(all))]
		n, tax := g.IntN(100), taxes[g.IntN(len(taxes))]
		a.owner, a.employees, a.tax, a.binned = g.IntN(5), &n, &tax, g.IntN(6) == 0
		var deleted any
		if a.binned {
			deleted = now
		}
		e.exec(t, "UPDATE accounts SET owner_id = ?, employees = ?, tax_number = ?, deleted_at = ? WHERE id = ?", userID(a.owner), n, tax, deleted, a.id)
	}
}

// generator makes documents.
type generator struct {
	*rand.Rand
	all       []*account
	fragments []string
	aliases   int
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) document() (string, map[string]any) {
	vars := map[string]any{
		"yes": g.IntN(2) == 0, "no": g.IntN(2) == 0, "size": 1 + g.IntN(5), "active": g.IntN(2) == 0, "id": g.anyID(), "ids": []any{g.anyID(), g.anyID(), g.anyID()},
	}
	var roots []string
	for range 1 + g.IntN(2) {
		roots = append(roots, g.fresh()+g.root())
	}
	// Each variable has to be used.
	return "query($yes: Boolean!, $no: Boolean!, $size: Int, $active: Boolean, $id: ID!, $ids: [ID!]!) { " + strings.Join(roots, " ") +
		" u1: accounts(first: $size, where: {active: {eq: $active}}) @skip(if: true) { __typename @include(if: $yes) @skip(if: $no) }" +
		" u2: account(id: $id) @skip(if: true) { id } u3: nodes(ids: $ids) @skip(if: true) { id } }" + strings.Join(g.fragments, ""), vars
}

func (g *generator) anyID() string {
	if g.IntN(3) == 0 {
		return ident(codeContact, g.IntN(len(g.all)*2)).String()
	}
	return g.all[g.IntN(len(g.all))].id.String()
}

func (g *generator) root() string {
	switch g.IntN(6) {
	case 0:
		return `account(id: "` + g.all[g.IntN(len(g.all))].id.String() + `") ` + g.object("Account", 3)
	case 1:
		return "contactsAll" + g.arguments("Contact") + g.connection("Contact", 3)
	case 2:
		return "nodes(ids: $ids) { __typename ... on Account " + g.object("Account", 1) + " ... on Node { id } ... on Contact " + g.object("Contact", 1) + " }"
	}
	return "accounts" + g.arguments("Account") + g.connection("Account", 3)
}

func (g *generator) alias() string {
	if g.IntN(3) > 0 {
		return ""
	}
	g.aliases++
	return fmt.Sprintf("x%d: ", g.aliases)
}

// fresh is an alias always.
func (g *generator) fresh() string {
	g.aliases++
	return fmt.Sprintf("y%d: ", g.aliases)
}

func (g *generator) directive() string {
	return g.one("", "", "", "", " @include(if: $yes)", " @skip(if: $no)")
}

func (g *generator) arguments(kind string) string {
	size := g.one("$size", "1", "3", "50")
	args := g.one("first: ", "last: ") + size
	if size == "$size" && kind == "Account" && g.IntN(2) == 0 {
		args += ", where: {active: {eq: $active}}"
	}
	if g.IntN(2) == 0 {
		field := map[string]string{"Account": g.one("NAME", "EMPLOYEES", "RATING", "FOUNDED", "LAST_AT", "REVENUE", "CREATED_AT", "ID"), "Contact": g.one("NAME", "RANK", "ID")}[kind]
		args += ", orderBy: [{field: " + field + g.one("", ", direction: DESC", ", direction: ASC") + "}]"
	}
	return "(" + args + ")"
}

func (g *generator) connection(kind string, depth int) string {
	var b strings.Builder
	b.WriteString(" {")
	for range 1 + g.IntN(3) {
		switch g.IntN(6) {
		case 0:
			b.WriteString(" " + g.alias() + "totalCount { value " + g.one("", "precision", "__typename p: precision") + " }")
		case 1:
			b.WriteString(" pageInfo { hasNextPage " + g.one("", "hasPreviousPage", "prev: hasPreviousPage __typename") + " }")
		case 2:
			b.WriteString(" " + g.alias() + "edges { " + g.one("", "__typename ") + g.alias() + "node " + g.object(kind, depth-1) + " }")
		case 3:
			b.WriteString(" __typename")
		default:
			b.WriteString(" " + g.alias() + "nodes" + g.directive() + " " + g.object(kind, depth-1))
		}
	}
	b.WriteString(" __typename }")
	return b.String()
}

// object selects fields of a type, and none twice with other arguments: those with arguments get aliases of their own.
func (g *generator) object(kind string, depth int) string {
	b := &strings.Builder{}
	b.WriteString("{")
	for range 1 + g.IntN(6) {
		b.WriteString(" " + g.field(kind, depth) + " ")
	}
	switch g.IntN(5) {
	case 0:
		b.WriteString(" ... on " + kind + g.directive() + " " + g.object(kind, depth-1))
	case 1:
		b.WriteString(" ... on Node { id }")
	case 2:
		name := fmt.Sprintf("F%d", len(g.fragments))
		at := len(g.fragments)
		g.fragments = append(g.fragments, "") // its number is taken
		g.fragments[at] = " fragment " + name + " on " + kind + " " + g.object(kind, depth-1)
		b.WriteString(" ..." + name + g.directive())
	}
	b.WriteString(" __typename }")
	return b.String()
}

func (g *generator) field(kind string, depth int) string {
	if kind == "Contact" {
		if depth > 0 && g.IntN(4) == 0 {
			return g.fresh() + "account" + g.directive() + " " + g.object("Account", depth-1)
		}
		return g.alias() + g.one("id", "name", "rank", "__typename") + g.directive()
	}
	switch {
	case depth > 0 && g.IntN(4) == 0:
		return g.fresh() + g.one("people", "contacts") + g.arguments("Contact") + g.connection("Contact", depth-1)
	case g.IntN(6) == 0:
		return "owner { id " + g.one("", "name") + " }"
	case g.IntN(8) == 0:
		return "revenue { " + g.one("amount", "currency amount", "__typename amount currency") + " }"
	case g.IntN(10) == 0:
		return "addresses" + g.directive() + " { city }"
	case g.IntN(10) == 0:
		return "summary(n: 1) { open { amount } items { label n at } any { id ... on User { name } } }"
	}
	return g.alias() + g.one("id", "createdAt", "deletedAt", "name", "taxNumber", "taxNumber", "employees", "rating", "founded", "lastAt", "active", "kinds", "tags", "__typename") + g.directive()
}

// naive executes documents over what is in memory.
type naive struct {
	reader
	all  []*account
	vars map[string]any
}

// pair is a key of an object with its value; objects keep the order of their keys.
type pair struct {
	key   string
	value any
}

// execute returns the JSON of data; false when a record by its id is out of sight.
func (x naive) execute(t *testing.T, e *env, query string) (string, bool) {
	t.Helper()
	doc := e.document(t, query)
	values, err := validator.VariableValues(e.schema, doc.Operations[0], x.vars)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	oc := &graphql.OperationContext{Variables: values, Doc: doc, Operation: doc.Operations[0]}
	found := true
	var root []pair
	for _, f := range graphql.CollectFields(oc, doc.Operations[0].SelectionSet, []string{"Query"}) {
		args := f.ArgumentMap(values)
		var value any
		switch f.Name {
		case "accounts":
			value = x.accounts(oc, f, args)
		case "contactsAll":
			var people []*person
			for _, a := range x.all {
				people = append(people, a.people...)
			}
			value = x.people(oc, f, people)
		case "account":
			a := x.account(id.MustParse(fmt.Sprint(args["id"])))
			found = found && a != nil
			if a != nil {
				value = x.record(oc, f, a, nil)
			}
		case "nodes":
			var list []any
			for _, text := range args["ids"].([]any) {
				list = append(list, x.node(oc, f, id.MustParse(fmt.Sprint(text))))
			}
			value = list
		}
		root = append(root, pair{f.Alias, value})
	}
	var b bytes.Buffer
	write(&b, root)
	return b.String(), found
}

func (x naive) account(of id.ID) *account {
	for _, a := range x.all {
		if a.id == of && x.visible(a) {
			return a
		}
	}
	return nil
}

func (x naive) visible(a *account) bool { return !a.binned && x.sees(a) }

func (x naive) node(oc *graphql.OperationContext, f graphql.CollectedField, of id.ID) any {
	if a := x.account(of); a != nil {
		return x.record(oc, f, a, nil)
	}
	for _, a := range x.all {
		for _, p := range a.people {
			if p.id == of && x.visible(p.account) {
				return x.record(oc, f, nil, p)
			}
		}
	}
	return nil
}

func (x naive) accounts(oc *graphql.OperationContext, f graphql.CollectedField, args map[string]any) any {
	var in []*account
	where, _ := args["where"].(map[string]any)
	for _, a := range x.all {
		if where != nil && a.active != where["active"].(map[string]any)["eq"] {
			continue
		}
		if x.visible(a) {
			in = append(in, a)
		}
	}
	field, desc := orderOf(args)
	slices.SortFunc(in, compareBy(x.who, []orderTerm{{field, desc}}))
	return page(oc, f, "Account", in, func(sub graphql.CollectedField, a *account) any { return x.record(oc, sub, a, nil) })
}

func (x naive) people(oc *graphql.OperationContext, f graphql.CollectedField, of []*person) any {
	var in []*person
	for _, p := range of {
		if x.visible(p.account) {
			in = append(in, p)
		}
	}
	field, desc := orderOf(f.ArgumentMap(oc.Variables))
	slices.SortFunc(in, func(a, b *person) int {
		by := map[string]int{"RANK": nullable(a.rank, b.rank), "NAME": bytes.Compare(text.SortKey(a.name), text.SortKey(b.name))}[field]
		return signed(cmp.Or(by, a.id.Compare(b.id)), desc)
	})
	return page(oc, f, "Contact", in, func(sub graphql.CollectedField, p *person) any { return x.record(oc, sub, nil, p) })
}

func orderOf(args map[string]any) (field string, desc bool) {
	items, _ := args["orderBy"].([]any)
	if len(items) == 0 {
		return "ID", false
	}
	m := items[0].(map[string]any)
	return m["field"].(string), m["direction"] == "DESC"
}

// page writes a connection.
func page[T any](oc *graphql.OperationContext, f graphql.CollectedField, kind string, in []T, object func(graphql.CollectedField, T) any) any {
	args, total := f.ArgumentMap(oc.Variables), len(in)
	more, backward := false, args["last"] != nil
	size := asInt(args["first"])
	if backward {
		size = asInt(args["last"])
	}
	if total > size {
		more = true
		if backward {
			in = in[total-size:]
		} else {
			in = in[:size]
		}
	}
	each := func(fn func(T) any) []any {
		out := []any{}
		for _, x := range in {
			out = append(out, fn(x))
		}
		return out
	}
	return selected(oc, f, kind+"Connection", func(sub graphql.CollectedField) any {
		switch sub.Name {
		case "totalCount":
			return selected(oc, sub, "Count", func(s graphql.CollectedField) any {
				return map[string]any{"value": total, "precision": "EXACT"}[s.Name]
			})
		case "pageInfo":
			return selected(oc, sub, "PageInfo", func(s graphql.CollectedField) any {
				return map[string]any{"hasNextPage": more && !backward, "hasPreviousPage": more && backward}[s.Name]
			})
		case "edges":
			return each(func(x T) any {
				return selected(oc, sub, kind+"Edge", func(s graphql.CollectedField) any { return object(s, x) })
			})
		}
		return each(func(x T) any { return object(sub, x) })
	})
}

func asInt(v any) int {
	var n int
	_, _ = fmt.Sscan(fmt.Sprint(v), &n)
	return n
}

// selected makes an object of what is selected of a type.
func selected(oc *graphql.OperationContext, f graphql.CollectedField, typ string, value func(graphql.CollectedField) any) []pair {
	out := []pair{}
	for _, sub := range graphql.CollectFields(oc, f.Selections, []string{typ, "Node"}) {
		if sub.Name == "__typename" {
			out = append(out, pair{sub.Alias, typ})
			continue
		}
		out = append(out, pair{sub.Alias, value(sub)})
	}
	return out
}

// record makes an object of an account or a person.
func (x naive) record(oc *graphql.OperationContext, f graphql.CollectedField, a *account, p *person) any {
	if p != nil {
		return selected(oc, f, "Contact", func(s graphql.CollectedField) any {
			if s.Name == "account" {
				return x.record(oc, s, p.account, nil)
			}
			return map[string]any{"id": p.id.String(), "name": p.name, "rank": p.rank}[s.Name]
		})
	}
	return selected(oc, f, "Account", func(s graphql.CollectedField) any {
		switch s.Name {
		case "people":
			return x.people(oc, s, a.people)
		case "contacts":
			return x.people(oc, s, a.links)
		case "owner":
			if !x.users(a.owner) {
				return nil
			}
			return selected(oc, s, "User", func(s graphql.CollectedField) any {
				return map[string]any{"id": ident(codeUser, a.owner).String(), "name": names[a.owner-1]}[s.Name]
			})
		case "revenue":
			if a.revenue == nil {
				return nil
			}
			return selected(oc, s, "Money", func(s graphql.CollectedField) any {
				return map[string]any{"amount": cents{}.Format(int64(*a.revenue), ""), "currency": "SAR"}[s.Name]
			})
		case "taxNumber":
			return x.taxNumber(a)
		case "summary":
			made, _ := summary(context.Background(), nil, nil, s, []id.ID{a.id})
			return computedValue(oc, s, "Summary", made[a.id])
		case "addresses":
			return []any{}
		}
		return map[string]any{
			"id": a.id.String(), "createdAt": now.Add(time.Duration(number(a)/3) * time.Second), "deletedAt": nil, "name": a.name, "employees": a.employees,
			"rating": a.rating, "founded": a.founded, "lastAt": a.lastAt, "active": a.active, "kinds": a.kinds, "tags": a.tags,
		}[s.Name]
	})
}

func (x naive) taxNumber(a *account) any {
	switch {
	case a.tax == nil || x.tax(a):
		return a.tax
	case x.masked:
		stored, _ := json.Marshal(*a.tax)
		return read.Masked(stored)
	}
	return nil
}

func computedValue(oc *graphql.OperationContext, f graphql.CollectedField, typ string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if t, ok := v["__typename"].(string); ok {
			typ = t
		}
		return selected(oc, f, typ, func(s graphql.CollectedField) any {
			return computedValue(oc, s, s.Definition.Type.Name(), v[s.Name])
		})
	case []any:
		out := []any{}
		for _, item := range v {
			out = append(out, computedValue(oc, f, typ, item))
		}
		return out
	case id.ID:
		return v.String()
	}
	return v
}

// write writes a value with the marshalers of gqlgen.
func write(b *bytes.Buffer, v any) {
	list := func(n int, item func(i int)) {
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			item(i)
		}
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case []pair:
		b.WriteByte('{')
		list(len(v), func(i int) {
			graphql.MarshalString(v[i].key).MarshalGQL(b)
			b.WriteByte(':')
			write(b, v[i].value)
		})
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		list(len(v), func(i int) { write(b, v[i]) })
		b.WriteByte(']')
	case []string:
		b.WriteByte('[')
		list(len(v), func(i int) { write(b, v[i]) })
		b.WriteByte(']')
	case string:
		graphql.MarshalString(v).MarshalGQL(b)
	case bool:
		graphql.MarshalBoolean(v).MarshalGQL(b)
	case int:
		graphql.MarshalInt(v).MarshalGQL(b)
	case time.Time:
		graphql.MarshalString(v.UTC().Format(time.RFC3339Nano)).MarshalGQL(b)
	case json.RawMessage:
		b.Write(v)
	case *int:
		writePointer(b, v)
	case *string:
		writePointer(b, v)
	case *time.Time:
		writePointer(b, v)
	default:
		panic(fmt.Sprintf("no value for %T", v))
	}
}

func writePointer[T any](b *bytes.Buffer, v *T) {
	if v == nil {
		write(b, nil)
		return
	}
	write(b, *v)
}
