package access

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func parseOnly(query string) (*ast.QueryDocument, error) {
	return parser.ParseQuery(&ast.Source{Input: query})
}

func TestCheck_theFixtureIsInOrder(t *testing.T) {
	t.Parallel()
	if d := cmp.Diff([]string(nil), Check(testSchema(t), fixture())); d != "" {
		t.Error(d)
	}
}

const holes = `
type Bare { x: Int }
type Odd @kind(name: "Nothing") { x: Int }
type User @kind(name: "User") { id: ID! secret: String shoeSize: Int }
enum Free { A B }
input NoUse { x: Int }
input Filter @input(kind: "Account", use: FILTER) { shoeSize: Int and: [Other!] owner: Other contacts: Int }
input Other @input(kind: "Contact", use: FILTER) { name: String }
input Create @input(kind: "Account", use: CREATE) { score: String name: NoUse }
input Update @input(kind: "Account", use: UPDATE) { origin: String phone: Free }
enum Fields @input(kind: "Account", use: ORDER) { NAME SHOE_SIZE }
enum Lost @input(kind: "Nothing", use: ORDER) { NAME }
input Order @input(kind: "Account", use: ORDER) { field: Free direction: Free }
type Query {
  open: Int
  a(x: NoUse, y: Free, z: String @field(of: "Account.shoeSize", use: FILTER), ok: Free @field(of: "Account", use: FREE)): Int @signedIn
  b(f: Filter, c: Create, u: Update, o: Order): Bare @signedIn
}`

func TestCheck_listsEveryHole(t *testing.T) {
	t.Parallel()
	sdl, _, _ := strings.Cut(readTestdata(t), "interface Node")
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: sdl + holes})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`type Lost: there is no kind "Nothing"`,
		`type Odd: there is no kind "Nothing"`,
		`Create.score: the field is not to be written`,
		`Create.name: the type NoUse has no @input`,
		`Fields.SHOE_SIZE: Account has no such field`,
		`Filter.shoeSize: Account has no such field`,
		`Filter.and: Account has no such field`,
		`Filter.owner: filters Contact, not User`,
		`Order.field: the enum Free has no @input`,
		`Update.origin: the field is not to be written`,
		`type Bare: neither @kind nor @plain`,
		`Query.open: neither @can nor @signedIn nor @public`,
		`Query.a(x): the type NoUse has no @input`,
		`Query.a(y): the type Free has no @input`,
		`Query.a(z): there is no field "Account.shoeSize"`,
		`User.secret: the field is internal`,
		`User.shoeSize: User has no such field`,
	}
	if d := cmp.Diff(want, Check(schema, fixture())); d != "" {
		t.Error(d)
	}

	g := NewGuard(schema, fixture())
	for _, query := range []string{`{ open }`, `{ a(x: {}) }`, `{ a(y: A) }`, `{ a(z: "") }`, `{ b(f: {shoeSize: 1}) { __typename } }`, `{ b { x } }`, `{ b(o: {field: A}) { __typename } }`} {
		doc, errs := gqlparser.LoadQuery(schema, query)
		if errs != nil {
			t.Fatal(errs)
		}
		if _, err := g.Decide(someone(allRights()), doc, doc.Operations[0], nil); len(refusals(err)) != 2 {
			t.Errorf("%s: %v, want one refusal", query, err)
		}
	}
}
