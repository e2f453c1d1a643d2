package access

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"pgregory.net/rapid"
)

func schemaText(s *ast.Schema) string {
	var b bytes.Buffer
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(s)
	return b.String()
}

// members lists what a schema's own types have.
func members(s *ast.Schema) []string {
	var out []string
	for name, def := range s.Types {
		if def.BuiltIn || strings.HasPrefix(name, "__") {
			continue
		}
		var in []string
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			var args []string
			for _, a := range f.Arguments {
				args = append(args, a.Name)
			}
			in = append(in, strings.TrimSuffix(f.Name+"("+strings.Join(args, " ")+")", "()"))
		}
		for _, v := range def.EnumValues {
			in = append(in, v.Name)
		}
		out = append(out, name+": "+strings.Join(append(in, def.Types...), " "))
	}
	slices.Sort(out)
	return out
}

func TestPrune_showsWhatTheRoleMayUse(t *testing.T) {
	t.Parallel()
	schema := testSchema(t)
	before := schemaText(schema)
	got := Prune(schema, fixture(), someone(rep()).Policy, true)
	want := []string{
		"Account: id version name phone taxNumber owner contacts(first where orderBy)",
		"AccountConnection: edges pageInfo",
		"AccountEdge: cursor node",
		"AccountFilter: and or not name phone owner contacts",
		"AccountOrder: field direction",
		"AccountOrderField: NAME",
		"AccountPayload: account",
		"Contact: id name account",
		"ContactConnection: edges pageInfo",
		"ContactEdge: cursor node",
		"ContactFilter: name account",
		"ContactOrder: field direction",
		"ContactOrderField: NAME",
		"ContactsFilter: some none",
		"ConvertAccount: create link",
		"ConvertInput: account",
		"CreateAccountInput: name origin owner",
		"Direction: ASC DESC",
		"Hit: Account Contact",
		"Mutation: createAccount(input) updateAccount(id input) convert(input)",
		"Node: id",
		"PageInfo: hasNextPage endCursor",
		"Query: account(id) accounts(first where orderBy) contacts(where orderBy) node(id) search(query) sumOf(field) viewer health",
		"StringFilter: eq in contains",
		"Subscription: accountChanged(where)",
		"UpdateAccountInput: name owner",
		"User: id name",
		"UserFilter: me and name",
	}
	if d := cmp.Diff(want, members(got)); d != "" {
		t.Error(d)
	}
	if text := schemaText(got); strings.Contains(text, "@can") || strings.Contains(text, "enum Use") || !strings.Contains(text, "A company.") {
		t.Error("mapping in it, or descriptions lost:\n", text)
	}
	if text := schemaText(got); strings.Contains(text, "BIRTHDAY") {
		t.Error("a default names what is hidden:\n", text)
	}
	if after := schemaText(schema); after != before {
		t.Error("the schema was changed", cmp.Diff(before, after))
	}
}

func TestPrune_nobody(t *testing.T) {
	t.Parallel()
	got := Prune(testSchema(t), fixture(), nobody, false)
	if d := cmp.Diff([]string{"Query: health"}, members(got)); d != "" {
		t.Error(d)
	}
}

func TestPrune_isAlwaysAValidSchema(t *testing.T) {
	t.Parallel()
	schema := testSchema(t)
	set := fixture()
	rapid.Check(t, func(t *rapid.T) {
		p := Compile(set, drawRoles(t, "roles"))
		pruned := Prune(schema, set, p, rapid.Bool().Draw(t, "signed in"))
		text := schemaText(pruned)
		again, err := gqlparser.LoadSchema(&ast.Source{Input: text})
		if err != nil {
			t.Fatal(err, text)
		}
		if d := cmp.Diff(members(again), members(pruned)); d != "" {
			t.Fatal(d)
		}
	})
}
