package access

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/validator"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/viewer"
)

func testSchema(t testing.TB) *ast.Schema {
	t.Helper()
	sdl, err := os.ReadFile("testdata/guard.graphql")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "guard.graphql", Input: string(sdl)})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// rep reads what is shared, writes what is his, and knows no sensitive field but one, masked.
func rep() Role {
	return Role{
		ID: "rep", Name: "rep",
		Permissions: []Permission{
			allow("ACCOUNT", Read, "SHARED"), allow("ACCOUNT", Create, "ALL"), allow("ACCOUNT", Update, "OWN"),
			allow("CONTACT", Read, "SHARED"), allow("USER", Read, "ALL"),
		},
		Fields: []FieldLevel{level("ACCOUNT", "TAX_NUMBER", LevelMasked), level("ACCOUNT", "PHONE", LevelRead)},
	}
}

func someone(roles ...Role) *Actor {
	return &Actor{
		Viewer: viewer.Viewer{User: id.New(codeUser, testNow)},
		Policy: Compile(fixture(), roles),
	}
}

// decide parses, validates and decides.
func decide(t testing.TB, g *Guard, a *Actor, query string, vars map[string]any) (Verdict, error) {
	t.Helper()
	doc, errs := gqlparser.LoadQuery(g.tables.schema, query)
	if errs != nil {
		t.Fatal(errs)
	}
	op := doc.Operations[0]
	coerced, err := validator.VariableValues(g.tables.schema, op, vars)
	if err != nil {
		t.Fatal(err)
	}
	before := printed(doc)
	v, err := g.Decide(a, doc, op, coerced)
	if after := printed(doc); after != before {
		t.Errorf("the document was changed:\n%s\n%s", before, after)
	}
	return v, err
}

func printed(doc *ast.QueryDocument) string {
	var b bytes.Buffer
	formatter.NewFormatter(&b, formatter.WithIndent("")).FormatQueryDocument(doc)
	return strings.Join(strings.Fields(b.String()), " ")
}

// refusals lists the code of err and what it refuses where.
func refusals(err error) []string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return nil
	}
	out := []string{string(f.Code)}
	for _, v := range f.Violations {
		out = append(out, strings.Trim(fmt.Sprint(v.Path), "[]")+": "+fmt.Sprint(v.Args...))
	}
	return out
}

func TestDecide(t *testing.T) {
	t.Parallel()
	ok := []string(nil)
	forbidden := func(lines ...string) []string { return append([]string{"FORBIDDEN"}, lines...) }
	tests := []struct {
		name  string
		query string
		vars  map[string]any
		want  []string
	}{
		{"plain fields", `{ accounts { edges { node { id name phone owner { name } } } } }`, nil, ok},
		{"a masked field may be selected", `{ accounts { edges { node { taxNumber } } } }`, nil, ok},
		{
			"a field without a level", `{ accounts { edges { node { contacts { edges { node { b: birthday } } } } } } }`, nil,
			forbidden("accounts edges node contacts edges node b: Contact.birthday"),
		},
		{
			"through fragments", `{ a: accounts { edges { ... on AccountEdge { node { ...F } } } } }
			fragment F on Account { contacts { edges { node { ...G } } } } fragment G on Contact { birthday }`, nil,
			forbidden("a edges node contacts edges node birthday: Contact.birthday"),
		},
		{"a relation to a kind that may not be read", `{ accounts { edges { node { notes { id } } } } }`, nil, forbidden("accounts edges node notes: Account.notes")},
		{"a field with two demands", `{ account(id: 1) { summary { open } } }`, nil, forbidden("account summary: Account.summary")},
		{"on a union", `{ search(query: "x") { ... on Contact { birthday } ... on Account { name } } }`, nil, forbidden("search birthday: Contact.birthday")},
		{"on an interface", `{ node(id: 1) { id __typename ... on Note { name } } }`, nil, forbidden("node name: Note.name")},
		{"introspection", `{ __schema { types { name } } __type(name: "Account") { name } }`, nil, ok},
		{
			"a filter, literal", `{ accounts(where: {and: [{name: {eq: "x"}}, {contacts: {some: {birthday: {eq: "x"}}}}]}) { pageInfo { endCursor } } }`, nil,
			forbidden("accounts where and 1 contacts some birthday: Contact.birthday"),
		},
		{
			"a filter, variable", `query($w: AccountFilter) { x: accounts(where: $w) { pageInfo { endCursor } } }`,
			map[string]any{"w": map[string]any{"not": map[string]any{"contacts": map[string]any{"some": map[string]any{"birthday": map[string]any{"eq": "x"}}}}}},
			forbidden("x where not contacts some birthday: Contact.birthday"),
		},
		{
			"a filter, several in a variable, in a fixed order", `query($w: AccountFilter) { accounts(where: $w) { pageInfo { endCursor } } }`,
			map[string]any{"w": map[string]any{
				"taxNumber": nil, "contacts": map[string]any{"some": map[string]any{"birthday": nil}}, "owner": map[string]any{"birthday": nil},
			}},
			forbidden("accounts where contacts some birthday: Contact.birthday", "accounts where owner birthday: User.birthday", "accounts where taxNumber: Account.taxNumber"),
		},
		{
			"a filter, variable inside a literal", `query($w: ContactFilter) { accounts(where: {contacts: {some: $w}}) { pageInfo { endCursor } } }`,
			map[string]any{"w": map[string]any{"birthday": nil}},
			forbidden("accounts where contacts some birthday: Contact.birthday"),
		},
		{
			"a filter, default of a variable", `query($w: ContactFilter = {birthday: {eq: "x"}}) { contacts(where: $w) { pageInfo { endCursor } } }`, nil,
			forbidden("contacts where birthday: Contact.birthday"),
		},
		{
			"a filter, one value for a list", `query($w: [AccountFilter!]) { accounts(where: {or: $w}) { pageInfo { endCursor } } }`,
			map[string]any{"w": map[string]any{"taxNumber": map[string]any{"eq": "x"}}},
			forbidden("accounts where or 0 taxNumber: Account.taxNumber"),
		},
		{"a masked field is no filter", `{ accounts(where: {taxNumber: {eq: "x"}}) { pageInfo { endCursor } } }`, nil, forbidden("accounts where taxNumber: Account.taxNumber")},
		{"me is free", `{ accounts(where: {owner: {me: true}}) { pageInfo { endCursor } } }`, nil, ok},
		{"an order", `{ accounts(orderBy: [{field: NAME}, {field: TAX_NUMBER, direction: DESC}]) { pageInfo { endCursor } } }`, nil, forbidden("accounts orderBy 1 field: Account.taxNumber")},
		{
			"an order, variable", `query($f: ContactOrderField!, $o: [ContactOrder!]) { a: contacts(orderBy: {field: $f}) { pageInfo { endCursor } } b: contacts(orderBy: $o) { pageInfo { endCursor } } }`,
			map[string]any{"f": "BIRTHDAY", "o": []any{map[string]any{"field": "BIRTHDAY"}}},
			forbidden("a orderBy field: Contact.birthday", "b orderBy 0 field: Contact.birthday"),
		},
		{"an enum argument", `{ sumOf(field: TAX_NUMBER) }`, nil, forbidden("sumOf field: Account.taxNumber")},
		{"a mapped argument", `{ sumOf(field: NAME, taxed: true) }`, nil, forbidden("sumOf taxed: Account.taxNumber")},
		{"a create", `mutation { createAccount(input: {name: "x", origin: "y"}) { account { id } } }`, nil, ok},
		{
			"a create with fields to read only", `mutation($i: CreateAccountInput!) { createAccount(input: $i) { account { id } } }`,
			map[string]any{"i": map[string]any{"name": "x", "phone": nil}},
			forbidden("createAccount input phone: Account.phone"),
		},
		{"an update", `mutation { updateAccount(id: 1, input: {name: "x", taxNumber: "1"}) { account { id } } }`, nil, forbidden("updateAccount input taxNumber: Account.taxNumber")},
		{"a nested create of a kind that may not be created", `mutation { convert(input: {account: {create: {name: "x"}}, contact: {}}) { account { id } } }`, nil, forbidden("convert input contact: CREATE CONTACT")},
		{
			"the same in a variable", `mutation($i: ConvertInput!) { convert(input: $i) { account { id } } }`,
			map[string]any{"i": map[string]any{"contact": map[string]any{}}},
			forbidden("convert input contact: CREATE CONTACT"),
		},
		{"a subscription", `subscription { accountChanged(where: {taxNumber: {eq: "x"}}) { account { id } } }`, nil, forbidden("accountChanged where taxNumber: Account.taxNumber")},
		{
			"all at once", `{ sumOf(field: TAX_NUMBER) accounts { edges { node { notes { id } } } } contacts { edges { node { birthday } } } }`, nil,
			forbidden("sumOf field: Account.taxNumber", "accounts edges node notes: Account.notes", "contacts edges node birthday: Contact.birthday"),
		},
	}
	g := NewGuard(testSchema(t), fixture())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := someone(rep())
			for range 2 { // the second time from the cache
				_, err := decide(t, g, a, test.query, test.vars)
				if d := cmp.Diff(test.want, refusals(err)); d != "" {
					t.Error(d)
				}
			}
			everything := someone(allRights())
			if _, err := decide(t, g, everything, test.query, test.vars); err != nil {
				t.Error("with all rights:", err)
			}
		})
	}
}

// allRights grants everything in the fixture.
func allRights() Role {
	r := Role{ID: "all", Name: "all"}
	for _, k := range fixture().Kinds {
		for _, action := range []string{Create, Read, Update, Delete} {
			r.Permissions = append(r.Permissions, allow(k.Const, action, "ALL"))
		}
		for _, f := range k.Fields {
			r.Fields = append(r.Fields, level(k.Const, f.Const, LevelWrite))
		}
	}
	return r
}

func TestDecide_nobody(t *testing.T) {
	t.Parallel()
	g := NewGuard(testSchema(t), fixture())
	tests := []struct {
		query string
		want  []string
	}{
		{`{ health __typename }`, nil},
		{`{ viewer { id } }`, []string{"UNAUTHENTICATED"}},
		{`{ accounts { edges { node { id } } } }`, []string{"UNAUTHENTICATED"}},
		{`mutation { createAccount(input: {name: "x"}) { account { id } } }`, []string{"UNAUTHENTICATED"}},
	}
	for _, test := range tests {
		_, err := decide(t, g, From(t.Context()), test.query, nil)
		if d := cmp.Diff(test.want, refusals(err)); d != "" {
			t.Error(test.query, d)
		}
	}
	_, err := decide(t, g, someone(), `{ accounts { edges { node { id } } } }`, nil)
	if d := cmp.Diff([]string{"FORBIDDEN", "accounts: Query.accounts"}, refusals(err)); d != "" {
		t.Error(d)
	}
}

func TestDecide_optional(t *testing.T) {
	t.Parallel()
	g := NewGuard(testSchema(t), fixture())
	tests := []struct {
		name    string
		query   string
		vars    map[string]any
		want    string
		dropped []string
	}{
		{
			"nothing to drop", `{ accounts @optional { edges { node { name @optional } } } }`, nil,
			`query { accounts @optional { edges { node { name @optional } } } }`, nil,
		},
		{
			"a field", `{ contacts { edges { node { name birthday @optional } } } }`, nil,
			`query { contacts { edges { node { name } } } }`, []string{"contacts.edges.node.birthday"},
		},
		{
			"the only field", `{ contacts { edges { node { birthday @optional } } } }`, nil,
			`query { contacts { edges { node { __typename } } } }`, []string{"contacts.edges.node.birthday"},
		},
		{
			"what has something forbidden in it", `{ health a: accounts @optional { edges { node { notes { id } } } } }`, nil,
			`query { health }`, []string{"a"},
		},
		{
			"inside a fragment and the spread", `{ contacts { edges { node { ...F ...G @optional ... @optional { birthday } } } } }
			fragment F on Contact { name birthday @optional } fragment G on Contact { birthday }`, nil,
			`query { contacts { edges { node { ... F } } } } fragment F on Contact { name } fragment G on Contact { birthday }`,
			[]string{"contacts.edges.node.birthday", "contacts.edges.node....G", "contacts.edges.node...."},
		},
		{
			"by the value of a variable", `query($w: ContactFilter) { health contacts(where: $w) @optional { edges { node { name } } } }`,
			map[string]any{"w": map[string]any{"birthday": map[string]any{"eq": "x"}}},
			`query ($w: ContactFilter) { health }`, []string{"contacts"},
		},
		{
			"by a variable in a fragment that is spread twice", `query($w: ContactFilter) { a: accounts { edges { node { ...F @optional } } } }
			fragment F on Account { contacts(where: $w) { pageInfo { endCursor } } }`,
			map[string]any{"w": map[string]any{"birthday": nil}},
			`query ($w: ContactFilter) { a: accounts { edges { node { __typename } } } } fragment F on Account { contacts(where: $w) { pageInfo { endCursor } } }`,
			[]string{"a.edges.node....F"},
		},
		{
			"not by another value", `query($w: ContactFilter) { health contacts(where: $w) @optional { edges { node { name } } } }`,
			map[string]any{"w": map[string]any{"name": map[string]any{"eq": "x"}}},
			`query ($w: ContactFilter) { health contacts(where: $w) @optional { edges { node { name } } } }`, nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v, err := decide(t, g, someone(rep()), test.query, test.vars)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, printed(v.Doc)); d != "" {
				t.Error(d)
			}
			if v.Doc.Operations[0] != v.Operation {
				t.Error("the operation is not the document's")
			}
			var dropped []string
			for _, p := range v.Dropped {
				dropped = append(dropped, p.String())
			}
			if d := cmp.Diff(test.dropped, dropped); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDecide_aFragmentIsOptionalWhereItIsMarkedOnly(t *testing.T) {
	t.Parallel()
	g := NewGuard(testSchema(t), fixture())
	_, err := decide(t, g, someone(rep()), `query($w: ContactFilter) { a: accounts { edges { node { ...F @optional } } } b: accounts { edges { node { ...F } } } }
		fragment F on Account { contacts(where: $w) { pageInfo { endCursor } } }`, map[string]any{"w": map[string]any{"birthday": nil}})
	if d := cmp.Diff([]string{"FORBIDDEN", "b edges node contacts where birthday: Contact.birthday"}, refusals(err)); d != "" {
		t.Error(d)
	}
}

func TestDecide_aFilterOverAHiddenKindIsRefused(t *testing.T) {
	t.Parallel()
	g := NewGuard(testSchema(t), fixture())
	a := someone(role(allow("ACCOUNT", Read, "ALL")))
	_, err := decide(t, g, a, `{ accounts(where: {contacts: {none: {}}}) { pageInfo { endCursor } } }`, nil)
	if d := cmp.Diff([]string{"FORBIDDEN", "accounts where contacts: Account.contacts"}, refusals(err)); d != "" {
		t.Error(d)
	}
}

func TestDecide_keepsWhoIsSignedInApart(t *testing.T) {
	t.Parallel()
	g := NewGuard(testSchema(t), fixture())
	doc, errs := gqlparser.LoadQuery(g.tables.schema, `{ viewer { __typename } }`)
	if errs != nil {
		t.Fatal(errs)
	}
	signedIn := someone() // with the rights of nobody
	for range 2 {
		if _, err := g.Decide(signedIn, doc, doc.Operations[0], nil); err != nil {
			t.Error(err)
		}
		if _, err := g.Decide(From(t.Context()), doc, doc.Operations[0], nil); fault.CodeOf(err) != fault.Unauthenticated {
			t.Error(err)
		}
	}
}

func TestDecide_manySpreadsAreWalkedOnce(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("query($w: ContactFilter) { accounts { edges { node { ...F0 } } } }\n")
	for i := range 40 {
		fmt.Fprintf(&b, "fragment F%d on Account { a: owner { name } ...F%d ...F%d }\n", i, i+1, i+1)
	}
	b.WriteString("fragment F40 on Account { notes { id } contacts(where: $w) { pageInfo { endCursor } } }")
	g := NewGuard(testSchema(t), fixture())
	// Not validated: gqlparser's own walk is exponential here, which is why limits come first.
	doc, err := parseOnly(b.String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Decide(someone(rep()), doc, doc.Operations[0], map[string]any{"w": map[string]any{"birthday": nil}})
	if got := refusals(err); len(got) != 1+maxProblems {
		t.Errorf("%d lines, want %d", len(got), 1+maxProblems)
	}
}

func readTestdata(t testing.TB) string {
	t.Helper()
	sdl, err := os.ReadFile("testdata/guard.graphql")
	if err != nil {
		t.Fatal(err)
	}
	return string(sdl)
}

func BenchmarkDecide(b *testing.B) {
	g := NewGuard(testSchema(b), fixture())
	a := someone(rep())
	doc, errs := gqlparser.LoadQuery(g.tables.schema, `query($w: AccountFilter) { accounts(where: $w, orderBy: [{field: NAME}]) {
		edges { node { id name owner { name } contacts { edges { node { id name } } } } } pageInfo { endCursor } } }`)
	if errs != nil {
		b.Fatal(errs)
	}
	vars := map[string]any{"w": map[string]any{"and": []any{
		map[string]any{"name": map[string]any{"contains": "x"}}, map[string]any{"contacts": map[string]any{"some": map[string]any{"name": map[string]any{"eq": "x"}}}},
	}}}
	for name, vars := range map[string]map[string]any{"hot": nil, "hot with a filter": vars} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.Decide(a, doc, doc.Operations[0], vars); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.plan(a, doc, doc.Operations[0], nil)
		}
	})
}
