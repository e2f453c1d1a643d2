package read_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"farley/internal/access"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
	"farley/internal/text"
	"farley/internal/viewer"
)

const (
	codeUser id.Kind = iota + 2100
	codeAccount
	codeContact
	codeLink
	codeTeam
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func field(name, c, column string, typ model.Type) *model.Field {
	return &model.Field{Name: name, Const: c, Column: column, Type: typ, Filter: true, Write: model.Always}
}

func ordered(f *model.Field) *model.Field { f.Order = true; return f }

func system(f *model.Field) *model.Field { f.System, f.Order = true, true; return f }

func nameField() *model.Field {
	return &model.Field{Name: "name", Const: "NAME", Column: "name", Type: model.String, Fold: "name_fold", Sort: "name_sort",
		Filter: true, Order: true, Required: true, Write: model.Always}
}

func ref(name, c, target string) *model.Field {
	f := field(name, c, name+"_id", model.Ref)
	f.Target = target
	return f
}

func many(name, c, target, back string, through *model.Through) *model.Field {
	return &model.Field{Name: name, Const: c, Type: model.Many, Target: target, Back: back, Through: through, Filter: true}
}

func fields(more ...*model.Field) []*model.Field {
	return append([]*model.Field{
		system(field("id", "ID", "id", model.ID)),
		system(field("createdAt", "CREATED_AT", "created_at", model.DateTime)),
		field("deletedAt", "DELETED_AT", "deleted_at", model.DateTime),
	}, more...)
}

func testSet() *model.Set {
	tax := field("taxNumber", "TAX_NUMBER", "tax_number", model.String)
	tax.Sensitive, tax.Order = true, true
	return model.NewSet(
		&model.Kind{Name: "User", Const: "USER", Plural: "users", Code: codeUser, Table: "users", Sight: model.ByUser, Self: "user",
			Fields: fields(nameField())},
		&model.Kind{Name: "Team", Const: "TEAM", Plural: "teams", Code: codeTeam, Table: "teams", Sight: model.Reference, Fields: fields(nameField())},
		&model.Kind{Name: "Account", Const: "ACCOUNT", Plural: "accounts", Code: codeAccount, Table: "accounts", Owned: true, Shareable: true,
			Fields: fields(
				ref("owner", "OWNER", "User"), ref("team", "TEAM", "Team"), ref("partner", "PARTNER", "Account"),
				nameField(), tax,
				ordered(field("employees", "EMPLOYEES", "employees", model.Int)),
				ordered(field("rating", "RATING", "rating", model.Enum)),
				ordered(field("founded", "FOUNDED", "founded", model.Date)),
				ordered(field("lastAt", "LAST_AT", "last_at", model.DateTime)),
				ordered(field("revenue", "REVENUE", "revenue", model.Money)),
				field("active", "ACTIVE", "active", model.Bool),
				field("kinds", "KINDS", "kinds", model.Choices),
				field("tags", "TAGS", "tags", model.List),
				field("addresses", "ADDRESSES", "addresses", model.Objects),
				many("people", "PEOPLE", "Contact", "account", nil),
				many("contacts", "CONTACTS", "Contact", "", &model.Through{Link: "AccountContact", From: "account", To: "contact"}),
			)},
		&model.Kind{Name: "Contact", Const: "CONTACT", Plural: "contactsAll", Code: codeContact, Table: "contacts", Sight: model.ByParents, Parents: []string{"account"},
			Fields: fields(nameField(), ref("account", "ACCOUNT", "Account"), ordered(field("rank", "RANK", "rank_no", model.Int)))},
		&model.Kind{Name: "AccountContact", Const: "ACCOUNT_CONTACT", Code: codeLink, Table: "account_contacts", Sight: model.ByParents,
			Parents: []string{"account", "contact"}, Fields: fields(ref("account", "ACCOUNT", "Account"), ref("contact", "CONTACT", "Contact"))},
	)
}

const testSDL = `
scalar Cursor scalar DateTime scalar Date scalar JSON
directive @optional on FIELD
interface Node { id: ID! }
enum Direction { ASC DESC }
enum Rating { COLD WARM HOT }
enum AccountKind { CUSTOMER PARTNER SUPPLIER }
type Money { amount: String! currency: String! }
input MoneyInput { amount: String! currency: String! }
type Address { kind: String city: String zip: Int }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: Cursor endCursor: Cursor }
enum Precision { EXACT AT_LEAST }
type Count { value: Int! precision: Precision! }
input IDOps { eq: ID ne: ID in: [ID!] notIn: [ID!] isNull: Boolean }
input StringOps { eq: String ne: String in: [String!] notIn: [String!] contains: String startsWith: String endsWith: String isNull: Boolean }
input IntOps { eq: Int ne: Int in: [Int!] notIn: [Int!] gt: Int gte: Int lt: Int lte: Int isNull: Boolean }
input DateTimeOps { eq: DateTime ne: DateTime in: [DateTime!] notIn: [DateTime!] gt: DateTime gte: DateTime lt: DateTime lte: DateTime isNull: Boolean }
input DateOps { eq: Date ne: Date in: [Date!] notIn: [Date!] gt: Date gte: Date lt: Date lte: Date isNull: Boolean }
input BoolOps { eq: Boolean ne: Boolean isNull: Boolean }
input RatingOps { eq: Rating ne: Rating in: [Rating!] notIn: [Rating!] isNull: Boolean }
input KindsOps { has: AccountKind hasAny: [AccountKind!] hasAll: [AccountKind!] isEmpty: Boolean }
input ListOps { has: String isEmpty: Boolean }
input MoneyOps { eq: MoneyInput ne: MoneyInput gt: MoneyInput gte: MoneyInput lt: MoneyInput lte: MoneyInput isNull: Boolean }
input UserWhere { and: [UserWhere!] or: [UserWhere!] not: UserWhere me: Boolean id: IDOps name: StringOps createdAt: DateTimeOps deletedAt: DateTimeOps }
input ContactsMany { some: ContactWhere none: ContactWhere }
input AccountWhere { and: [AccountWhere!] or: [AccountWhere!] not: AccountWhere id: IDOps name: StringOps createdAt: DateTimeOps deletedAt: DateTimeOps
  owner: UserWhere taxNumber: StringOps employees: IntOps rating: RatingOps founded: DateOps lastAt: DateTimeOps revenue: MoneyOps active: BoolOps kinds: KindsOps tags: ListOps
  people: ContactsMany contacts: ContactsMany }
input ContactWhere { and: [ContactWhere!] or: [ContactWhere!] not: ContactWhere id: IDOps name: StringOps rank: IntOps account: AccountWhere deletedAt: DateTimeOps }
enum AccountField { ID NAME CREATED_AT EMPLOYEES RATING FOUNDED LAST_AT REVENUE TAX_NUMBER }
input AccountOrder { field: AccountField! direction: Direction = ASC }
enum ContactField { ID NAME RANK }
input ContactOrder { field: ContactField! direction: Direction = ASC }
type User implements Node { id: ID! name: String createdAt: DateTime }
type Team implements Node { id: ID! name: String }
type Summary { open: Money items: [Item!] any: Node }
type Item { label: String at: DateTime n: Int }
type Account implements Node { id: ID! createdAt: DateTime deletedAt: DateTime name: String taxNumber: String employees: Int rating: Rating founded: Date lastAt: DateTime revenue: Money active: Boolean
  kinds: [AccountKind!] tags: [String!] addresses: [Address!] owner: User team: Team
  people(first: Int after: Cursor last: Int before: Cursor where: ContactWhere orderBy: [ContactOrder!]): ContactConnection
  contacts(first: Int after: Cursor last: Int before: Cursor where: ContactWhere orderBy: [ContactOrder!]): ContactConnection
  summary(n: Int): Summary missing: String }
type Contact implements Node { id: ID! name: String rank: Int account: Account }
type AccountConnection { edges: [AccountEdge!]! nodes: [Account!]! pageInfo: PageInfo! totalCount: Count! }
type AccountEdge { cursor: Cursor! node: Account! }
type ContactConnection { edges: [ContactEdge!]! nodes: [Contact!]! pageInfo: PageInfo! totalCount: Count! }
type ContactEdge { cursor: Cursor! node: Contact! }
type Duplicate { score: Int account: Account }
type SavePayload { account: Account accounts: [Account!] duplicates: [Duplicate!] }
type AccountEvent { cursor: String op: String at: DateTime actor: Node node: Account }
type Query {
  account(id: ID!): Account
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  accounts(first: Int after: Cursor last: Int before: Cursor where: AccountWhere orderBy: [AccountOrder!]): AccountConnection
  contactsAll(first: Int after: Cursor last: Int before: Cursor where: ContactWhere orderBy: [ContactOrder!]): ContactConnection
  save(ids: [ID!]!): SavePayload
  event: AccountEvent
}`

// cents is money in which one unit of any currency is worth one of the reporting currency.
type cents struct{}

func (cents) ToReporting(amount, _ string) (int64, error) {
	f, err := strconv.ParseFloat(amount, 64)
	return int64(f * 100), err
}

func (cents) Format(minor int64, _ string) string {
	return fmt.Sprintf("%d.%02d", minor/100, minor%100)
}

// env is a database with the tables of the test's kinds, and an engine.
type env struct {
	*testdb.DB
	set    *model.Set
	schema *ast.Schema
	engine *read.Engine
	clock  *clock.Test

	documents sync.Map // by text
	counting  bool     // ask once only
}

func each(t *testing.T, fn func(t *testing.T, e *env)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, newEnv(t, testdb.EmptySQLite(t)))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		fn(t, newEnv(t, testdb.EmptyMariaDB(t)))
	})
}

func newEnv(t testing.TB, d *testdb.DB) *env {
	t.Helper()
	e := &env{DB: d, set: testSet(), schema: gqlparser.MustLoadSchema(&ast.Source{Input: testSDL}), clock: clock.NewTest(now)}
	engine, err := read.New(read.Config{
		Set: e.set, Dialect: d.Dialect, Clock: e.clock, CursorKey: []byte(strings.Repeat("k", 32)), Money: cents{},
		Schema: e.schema, Computed: map[string]read.Computed{"Account.summary": summary},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.engine = engine
	for _, s := range ddl(e.set, d.Dialect) {
		if _, err := d.Pool().ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return e
}

func ddl(set *model.Set, d db.Dialect) []string {
	types := map[string]string{"id": "blob", "text": "text", "bytes": "blob", "time": "datetime", "int": "integer", "bool": "bool"}
	tail := ""
	if d == db.MySQL {
		types = map[string]string{"id": "binary(16)", "text": "varchar(255)", "bytes": "varbinary(255)", "time": "datetime(6)", "int": "bigint", "bool": "tinyint(1)"}
		tail = " ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
	}
	var out []string
	for _, k := range set.Kinds {
		var cols, indexes []string
		for _, f := range k.Fields {
			typ := types["text"]
			switch f.Type {
			case model.Many:
				continue
			case model.ID, model.Ref:
				typ = types["id"]
			case model.Int, model.Money:
				typ = types["int"]
			case model.Bool:
				typ = types["bool"]
			case model.DateTime:
				typ = types["time"]
			}
			if f.Column == "id" {
				typ += " NOT NULL PRIMARY KEY"
			}
			cols = append(cols, f.Column+" "+typ)
			if f.Type == model.Money {
				cols = append(cols, f.Column+"_currency "+types["text"], f.Column+"_reporting "+types["int"])
			}
			if f.Fold != "" {
				cols = append(cols, f.Fold+" "+types["text"])
			}
			if f.Sort != "" {
				cols = append(cols, f.Sort+" "+types["bytes"])
			}
			if f.Order && f.Column != "id" {
				indexes = append(indexes, fmt.Sprintf("CREATE INDEX %s_%s ON %s (deleted_at, %s, id)", k.Table, f.Column, k.Table, f.Ordered()))
			}
			if f.Type == model.Ref {
				indexes = append(indexes, fmt.Sprintf("CREATE INDEX %s_%s ON %s (%s, deleted_at, id)", k.Table, f.Column, k.Table, f.Column))
			}
		}
		if k.Owned {
			indexes = append(indexes, fmt.Sprintf("CREATE INDEX %s_owner_name ON %s (owner_id, deleted_at, name_sort, id)", k.Table, k.Table))
		}
		indexes = append(indexes, fmt.Sprintf("CREATE INDEX %s_live ON %s (deleted_at, id)", k.Table, k.Table))
		if k.Name == "User" {
			cols = append(cols, "partner_account_id "+types["id"])
		}
		out = append(out, "CREATE TABLE "+k.Table+" ("+strings.Join(cols, ", ")+")"+tail)
		out = append(out, indexes...)
	}
	return append(out, "CREATE TABLE shares (id "+types["id"]+", record_id "+types["id"]+", grantee_id "+types["id"]+", level "+types["text"]+
		", fields "+types["text"]+", expires_at "+types["time"]+", deleted_at "+types["time"]+")"+tail,
		"CREATE INDEX shares_record ON shares (record_id, grantee_id)", "CREATE INDEX shares_grantee ON shares (grantee_id, record_id)")
}

// row is what insert takes: columns by name; names get their fold and sort columns.
type row map[string]any

func (e *env) insert(t testing.TB, table string, rows ...row) {
	t.Helper()
	err := e.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, r := range rows {
			var cols []string
			var args []any
			if n, ok := r["name"].(string); ok {
				r["name_fold"], r["name_sort"] = text.Fold(n), text.SortKey(n)
			}
			for c, v := range r {
				cols, args = append(cols, c), append(args, v)
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO "+table+" ("+strings.Join(cols, ",")+") VALUES ("+strings.TrimSuffix(strings.Repeat("?,", len(args)), ",")+")", args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (e *env) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	err := e.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, sql, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ident is a readable, ordered id.
func ident(k id.Kind, n int) id.ID {
	x := id.New(k, time.UnixMilli(1_700_000_000_000+int64(n)))
	copy(x[8:], []byte{0x80, 0, 0, 0, 0, 0, byte(n >> 8), byte(n)})
	return x
}

// actor is somebody with the given roles.
func (e *env) actor(v viewer.Viewer, roles ...access.Role) *access.Actor {
	v.Epoch = fmt.Sprint(v) // as it is of signed-in users: what may be seen follows from it
	return &access.Actor{Viewer: v, Policy: access.Compile(e.set, roles)}
}

func role(scopes map[string]string, levels ...access.FieldLevel) access.Role {
	r := access.Role{ID: fmt.Sprint(scopes, levels), Name: fmt.Sprint(scopes), Fields: levels}
	for object, scope := range scopes {
		r.Permissions = append(r.Permissions, access.Permission{Object: object, Action: access.Read, Scope: scope})
	}
	return r
}

func taxLevel(l access.Level) access.FieldLevel {
	return access.FieldLevel{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: l}
}

func everything() access.Role {
	return role(map[string]string{"ACCOUNT": "ALL", "CONTACT": "ALL", "USER": "ALL", "TEAM": "ALL"}, taxLevel(access.LevelRead))
}

func (e *env) admin() *access.Actor {
	return e.actor(viewer.Viewer{User: ident(codeUser, 1)}, everything())
}

// run executes a query as gqlgen would, and returns the JSON of data.
func (e *env) run(t testing.TB, a *access.Actor, query string, vars map[string]any) (string, error) {
	t.Helper()
	tx, err := e.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	return e.runIn(t, tx, a, query, vars)
}

// in is must in a given transaction.
func (e *env) in(t testing.TB, tx *db.Tx, a *access.Actor, query string) string {
	t.Helper()
	got, err := e.runIn(t, tx, a, query, nil)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

func (e *env) runIn(t testing.TB, tx *db.Tx, a *access.Actor, query string, vars map[string]any) (string, error) {
	t.Helper()
	doc := e.document(t, query)
	op := doc.Operations[0]
	values, verr := validator.VariableValues(e.schema, op, vars)
	if verr != nil {
		t.Fatalf("%s: %v", query, verr)
	}
	oc := &graphql.OperationContext{RawQuery: query, Variables: values, Doc: doc, Operation: op}
	ctx := graphql.WithOperationContext(t.Context(), oc)
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range graphql.CollectFields(oc, op.SelectionSet, []string{"Query"}) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", f.Alias)
		if err := e.resolve(graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Query", Field: f}), tx, a, f, &b); err != nil {
			return "", err
		}
	}
	b.WriteByte('}')
	if !json.Valid([]byte(b.String())) {
		t.Fatalf("%s: not JSON: %s", query, b.String())
	}
	return b.String(), nil
}

// document returns the same document for the same text, as the server does.
func (e *env) document(t testing.TB, query string) *ast.QueryDocument {
	t.Helper()
	if doc, ok := e.documents.Load(query); ok {
		return doc.(*ast.QueryDocument)
	}
	doc, errs := gqlparser.LoadQuery(e.schema, query)
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	e.documents.Store(query, doc)
	return doc
}

// again asks three times: for an answer, for one whose plan is kept, and for one of a plan that was kept. They have to be alike.
func (e *env) again(ask func() (read.Result, error)) (read.Result, error) {
	first, err := ask()
	for i := 2; i <= 3 && !e.counting; i++ {
		res, fails := ask()
		if fmt.Sprint(fails) != fmt.Sprint(err) || !bytes.Equal(res.JSON(), first.JSON()) {
			return res, fmt.Errorf("answer %d is %s (%v), but the first was %s (%v)", i, res.JSON(), fails, first.JSON(), err) //nolint:errorlint // for people
		}
	}
	return first, err
}

func (e *env) resolve(ctx context.Context, tx *db.Tx, a *access.Actor, f graphql.CollectedField, b *strings.Builder) error {
	args := f.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	var res read.Result
	var err error
	switch f.Name {
	case "accounts":
		res, err = e.again(func() (read.Result, error) { return e.engine.List(ctx, tx, a, e.set.Kind("Account")) })
	case "contactsAll":
		res, err = e.again(func() (read.Result, error) { return e.engine.List(ctx, tx, a, e.set.Kind("Contact")) })
	case "account":
		res, err = e.again(func() (read.Result, error) {
			return e.engine.One(ctx, tx, a, e.set.Kind("Account"), id.MustParse(args["id"].(string)))
		})
	case "nodes":
		results, err := e.engine.Nodes(ctx, tx, a, idsOf(args["ids"]))
		if err != nil {
			return err
		}
		for i, r := range results {
			b.WriteString([]string{"[", ","}[min(i, 1)])
			if err := r.MarshalGQLContext(ctx, b); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case "save":
		return e.save(ctx, tx, a, f, idsOf(args["ids"]), b)
	default:
		return fmt.Errorf("no resolver for %s", f.Name)
	}
	if err != nil {
		return err
	}
	return res.MarshalGQLContext(ctx, b)
}

// save plays a mutation's payload, whose fields gqlgen marshals one by one.
func (e *env) save(ctx context.Context, tx *db.Tx, a *access.Actor, f graphql.CollectedField, ids []id.ID, b *strings.Builder) error {
	one, err := e.engine.Payload(ctx, tx, a, "account", ids[0])
	if err != nil {
		return err
	}
	all, err := e.engine.Payload(ctx, tx, a, "accounts", ids...)
	if err != nil {
		return err
	}
	dups, err := e.engine.PayloadEach(ctx, tx, a, "duplicates.account", ids...)
	if err != nil {
		return err
	}
	b.WriteByte('{')
	for i, sub := range graphql.CollectFields(graphql.GetOperationContext(ctx), f.Selections, []string{"SavePayload"}) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "%q:", sub.Alias)
		ctx := graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "SavePayload", Field: sub})
		res := map[string]read.Result{"account": one, "accounts": all}[sub.Name]
		if sub.Name == "duplicates" {
			inner := graphql.CollectFields(graphql.GetOperationContext(ctx), sub.Selections, []string{"Duplicate"})[0]
			zero := 0
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &zero})
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Duplicate", Field: inner})
			res = dups[ids[1]]
		}
		if err := res.MarshalGQLContext(ctx, b); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func idsOf(v any) []id.ID {
	var out []id.ID
	for _, s := range v.([]any) {
		out = append(out, id.MustParse(s.(string)))
	}
	return out
}

func (e *env) must(t testing.TB, a *access.Actor, query string, vars map[string]any) string {
	t.Helper()
	got, err := e.run(t, a, query, vars)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

func summary(_ context.Context, _ db.Querier, _ *access.Actor, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	out := map[id.ID]any{}
	for i, x := range ids {
		out[x] = map[string]any{
			"open":  map[string]any{"amount": "1.00", "currency": "SAR"},
			"items": []any{map[string]any{"label": "a\"b", "at": now, "n": len(f.Arguments) + i - i}},
			"any":   map[string]any{"__typename": "User", "name": "U", "id": x},
		}
	}
	return out, nil
}
