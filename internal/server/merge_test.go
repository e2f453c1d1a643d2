package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"farley/internal/fault"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	cases := []struct {
		query string
		ok    bool
	}{
		{"{name name}", true},
		{"{a:name a:name}", true},
		{"{name:__typename name}", false},
		{"{accounts(first:1){pageInfo{hasNextPage}} accounts(first:1){edges{cursor}}}", true},
		{"{accounts(first:1){pageInfo{hasNextPage}} accounts(first:2){pageInfo{hasNextPage}}}", false},
		{"{accounts{pageInfo{hasNextPage}} accounts(first:2){pageInfo{hasNextPage}}}", false},
		{`{accounts(where:{name:"a" ids:[1]}){pageInfo{hasNextPage}} accounts(where:{ids:[1] name:"a"}){pageInfo{hasNextPage}}}`, true},
		{"{find(id:1){...on Account{x:name} ...on Contact{x:id}}}", false}, // String! and ID!
		{"{find(id:1){...on Account{x:id} ...on Contact{x:id}}}", true},
		{"{find(id:1){...on Account{name} ...on Contact{name}}}", false}, // String! and String
		{"{find(id:1){id ...on Account{id}}}", true},
		{"{find(id:1){x:id ...on Account{x:name}}}", false},
		{"{find(id:1){...on Account{x:contacts(first:1){edges{node{id}}}} ...on Contact{x:account{id}}}}", true},
		{"{find(id:1){...on Account{x:contacts(first:1){y:edges{node{id}}}} ...on Contact{x:account{y:id}}}}", false},
		{"{self{...A} self{...B}} fragment A on Query{x:name} fragment B on Query{x:name}", true},
		{"{self{...A} self{...B}} fragment A on Query{x:name} fragment B on Query{x:__typename}", false},
		{"{self{self{...A}} ...C} fragment A on Query{x:name} fragment C on Query{self{self{x:__typename}}}", false},
	}
	schema := parseTestSchema()
	for _, c := range cases {
		doc := parseValid(t, schema, c.query)
		err := checkMerge(doc, schema, 1_000)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.query, err, c.ok)
		}
	}
}

func TestMerge_boundsItsWork(t *testing.T) {
	t.Parallel()
	schema := parseTestSchema()
	doc := parseValid(t, schema, "{"+strings.Repeat("name ", 50)+"}")
	if err := checkMerge(doc, schema, 100); err != nil { // 50 fields for shapes, 50 for values
		t.Errorf("at the limit: %v", err)
	}
	if err := checkMerge(doc, schema, 99); fault.CodeOf(err) != fault.Limited {
		t.Errorf("beyond the limit: %v, want LIMITED", err)
	}
}

// TestMerge_agreesWithTheLibrary compares with the pairwise algorithm over random documents.
func TestMerge_agreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	schema := parseTestSchema()
	rapid.Check(t, func(t *rapid.T) {
		query := randomDocument(t)
		doc, err := parser.ParseQuery(&ast.Source{Input: query})
		if err != nil {
			t.Fatal(err)
		}
		only := rules.NewRules(rules.OverlappingFieldsCanBeMergedRule)
		want := validator.ValidateWithRules(schema, doc, only)
		got := checkMerge(doc, schema, -1)
		if (got == nil) != (len(want) == 0) {
			t.Fatalf("%s\nours: %v\nlibrary: %v", query, got, want)
		}
	})
}

func randomDocument(t *rapid.T) string {
	fragments := rapid.IntRange(0, 3).Draw(t, "fragments")
	var doc strings.Builder
	doc.WriteString("{" + randomSelection(t, "Query", 3, fragments, 0))
	for i := range fragments { // a fragment that is not used makes the document invalid in another way
		fmt.Fprintf(&doc, " u%d:self{...F%d}", i, i)
	}
	doc.WriteString("}")
	for i := range fragments {
		fmt.Fprintf(&doc, " fragment F%d on Query{%s}", i, randomSelection(t, "Query", 2, fragments, i+1))
	}
	return doc.String()
}

// randomSelection writes a selection on a type. Fragments spread only later ones, so there are no cycles.
func randomSelection(t *rapid.T, on string, depth, fragments, from int) string {
	alias := func() string { return rapid.SampledFrom([]string{"", "", "a:", "b:"}).Draw(t, "alias") }
	leaves := map[string][]string{
		"Query": {"name", "__typename"}, "Node": {"id", "__typename"},
		"Account": {"id", "name", "size", "name(format:SHORT)"}, "Contact": {"id", "name"},
	}
	nested := map[string][][2]string{
		"Query":   {{"self", "Query"}, {"find(id:1)", "Node"}, {"find(id:2)", "Node"}},
		"Node":    {{"...on Account", "Account"}, {"...on Contact", "Contact"}, {"...", "Node"}},
		"Account": {{"...on Node", "Node"}}, "Contact": {{"account", "Account"}},
	}
	var out []string
	for range rapid.IntRange(1, 3).Draw(t, "selections") {
		kind := rapid.IntRange(0, 3).Draw(t, "kind")
		if on == "Query" && kind == 3 && from < fragments {
			out = append(out, fmt.Sprintf("...F%d", rapid.IntRange(from, fragments-1).Draw(t, "fragment")))
			continue
		}
		if kind > 0 && depth > 0 {
			child := rapid.SampledFrom(nested[on]).Draw(t, "nested")
			inner := randomSelection(t, child[1], depth-1, fragments, from)
			name := child[0]
			if !strings.HasPrefix(name, "...") {
				name = alias() + name
			}
			out = append(out, name+"{"+inner+"}")
			continue
		}
		out = append(out, alias()+rapid.SampledFrom(leaves[on]).Draw(t, "leaf"))
	}
	return strings.Join(out, " ")
}

// parseValid parses a document and lets the validator fill in its definitions.
func parseValid(t testing.TB, schema *ast.Schema, query string) *ast.QueryDocument {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defaults := rules.NewDefaultRules()
	defaults.RemoveRule(rules.OverlappingFieldsCanBeMergedRule.Name)
	if errs := validator.ValidateWithRules(schema, doc, defaults); len(errs) > 0 {
		t.Fatalf("%s: %v", query, errs)
	}
	return doc
}
