package secrecy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// hiddenField is a field that a role does not have, by way of its level or because it is sensitive.
type hiddenField struct {
	name, constant string
	plural, single string
	object         string
	level          string // that hides it, "" when it is sensitive
	some           string // a relation filter of accounts that reaches it, %s for the condition
	condition      string // a filter on it
	values         [2]any // of the same record in two worlds
	order          bool
}

var hiddenFields = []hiddenField{
	{
		name: "taxNumber", constant: "TAX_NUMBER", plural: "accounts", single: "account", object: "ACCOUNT", some: `contacts: {some: {accounts: {some: {%s}}}}`,
		condition: `taxNumber: {eq: "SA-1"}`, values: [2]any{"SA-1", "SA-2"},
	},
	{
		name: "annualRevenue", constant: "ANNUAL_REVENUE", plural: "accounts", single: "account", object: "ACCOUNT", level: "ACCOUNT ANNUAL_REVENUE NONE",
		some: `children: {none: {%s}}`, condition: `annualRevenue: {gt: {amount: "5", currency: "USD"}}`, order: true,
		values: [2]any{map[string]any{"amount": "1.00", "currency": "USD"}, map[string]any{"amount": "9.00", "currency": "USD"}},
	},
	{
		name: "birthday", constant: "BIRTHDAY", plural: "contacts", single: "contact", object: "CONTACT", some: `contacts: {some: {%s}}`,
		condition: `birthday: {gt: "1990-01-01"}`, values: [2]any{"1980-01-01", "2000-01-01"}, order: true,
	},
}

func (f hiddenField) selection() string {
	if f.name == "annualRevenue" {
		return "annualRevenue { amount currency }"
	}
	return f.name
}

// role sees everything but the field.
func (f hiddenField) role(e *farleytest.Env) access.Role {
	r := staff(e, "ALL")
	if f.level != "" {
		r = levels(r, f.level)
	}
	return r
}

func (f hiddenField) kind() string { return strings.ToUpper(f.single[:1]) + f.single[1:] }

// Naming a hidden field refuses the operation with the field's place, whatever the value is and before anything runs.
func TestHiddenField_isRefusedWhereverItStands(t *testing.T) {
	t.Parallel()
	for _, f := range hiddenFields {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
				c := e.User(t, nil, e.Role(t, f.role(e)))
				in := e.Valid(t, f.kind())
				in[f.name] = f.values[0]
				x := e.Make(t, f.kind(), in)
				for _, place := range f.places() {
					t.Run(place.name, func(t *testing.T) {
						document := strings.NewReplacer("ID", x.String(), "SELECTED", f.selection(), "CONDITION", f.condition, "CONST", f.constant,
							"PLURAL", f.plural, "SINGLE", f.single, "KIND", f.kind(), "SOME", strings.ReplaceAll(f.some, "%s", f.condition)).Replace(place.document)
						one := c.Do(t, document, place.vars).Want(t, "FORBIDDEN")
						path := strings.NewReplacer("FIELD", f.name, "PLURAL", f.plural, "SINGLE", f.single, "KIND", f.kind()).Replace(place.path)
						if place.path != "" {
							if diff := cmp.Diff([]string{path + " FORBIDDEN"}, one.Violations()); diff != "" {
								t.Errorf("violations (-want +got):\n%s\n%s", diff, one.Raw)
							}
						}
						if one.Data != nil {
							t.Errorf("the answer has data: %s", one.Raw)
						}
						e.Change(t, x, input.Object{f.name: f.values[1]})
						same(t, "another value", one, c.Do(t, document, place.vars))
						e.Change(t, x, input.Object{f.name: f.values[0]})
					})
				}
			})
		})
	}
}

type place struct {
	name, document, path string
	vars                 farleytest.Vars
}

func (f hiddenField) places() []place {
	places := []place{
		{name: "selection", document: `{ PLURAL { edges { node { SELECTED } } } }`, path: "PLURAL.edges.node.FIELD"},
		{name: "alias", document: `{ a: PLURAL { edges { node { b: SELECTED } } } }`, path: "a.edges.node.b"},
		{name: "fragment", document: `{ PLURAL { edges { node { ...x } } } } fragment x on KIND { SELECTED }`, path: "PLURAL.edges.node.FIELD"},
		{name: "node", document: `{ node(id: "ID") { ... on KIND { SELECTED } } }`, path: "node.FIELD"},
		{name: "nodes", document: `{ nodes(ids: ["ID"]) { ... on KIND { SELECTED } } }`, path: "nodes.FIELD"},
		{name: "one", document: `{ SINGLE(id: "ID") { SELECTED } }`, path: "SINGLE.FIELD"},
		{name: "filter", document: `{ PLURAL(where: {CONDITION}) { edges { node { id } } } }`, path: "PLURAL.where.FIELD"},
		{name: "nested filter", document: `{ PLURAL(where: {and: [{not: {or: [{CONDITION}]}}]}) { edges { node { id } } } }`, path: "PLURAL.where.and.0.not.or.0.FIELD"},
		{name: "relation filter", document: `{ accounts(where: {SOME}) { edges { node { id } } } }`},
		{name: "count", document: `{ PLURAL(where: {CONDITION}) { totalCount { value } } }`, path: "PLURAL.where.FIELD"},
		{
			name: "filter by variable", document: `query($w: KINDWhere) { PLURAL(where: $w) { edges { node { id } } } }`, path: "PLURAL.where.FIELD",
			vars: farleytest.Vars{"w": map[string]any{f.name: map[string]any{"isNull": true}}},
		},
		{name: "create", document: `mutation { createKIND(input: {REQUIRED FIELDVALUE}) { SINGLE { id } } }`, path: "createKIND.input.FIELD"},
		{name: "update", document: `mutation { updateKIND(id: "ID", input: {FIELDVALUE}) { SINGLE { id } } }`, path: "updateKIND.input.FIELD"},
		{name: "upsert", document: `mutation { upsertKIND(external: {system: "s", id: "1"}, input: {FIELDVALUE}) { SINGLE { id } } }`, path: "upsertKIND.input.FIELD"},
		{name: "mutation payload", document: `mutation { updateKIND(id: "ID", input: {source: "x"}) { SINGLE { SELECTED } } }`, path: "updateKIND.SINGLE.FIELD"},
		{name: "duplicate", document: `mutation { upsertKIND(external: {system: "s", id: "1"}, input: {source: "x"}) { duplicates { SINGLE { SELECTED } } } }`, path: "upsertKIND.duplicates.SINGLE.FIELD"},
	}
	for i, p := range places {
		value := map[string]string{"taxNumber": `taxNumber: "1"`, "annualRevenue": `annualRevenue: {amount: "1", currency: "USD"}`, "birthday": `birthday: "1990-01-01"`}[f.name]
		required := map[string]string{"account": `name: "Elm"`}[f.single]
		places[i].document = strings.NewReplacer("FIELDVALUE", value, "REQUIRED", required).Replace(p.document)
	}
	if f.order {
		places = append(places,
			place{name: "order", document: `{ PLURAL(orderBy: [{field: CONST}]) { edges { node { id } } } }`, path: "PLURAL.orderBy.0.field"},
			place{
				name: "order by variable", document: `query($o: [KINDOrder!]) { PLURAL(orderBy: $o) { edges { cursor } } }`, path: "PLURAL.orderBy.0.field",
				vars: farleytest.Vars{"o": []any{map[string]any{"field": f.constant, "direction": "DESC"}}},
			})
	}
	return places
}

// A subscription that names a hidden field is refused as a query is.
func TestHiddenField_isRefusedInSubscriptions(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	for _, f := range hiddenFields {
		c := e.User(t, nil, e.Role(t, f.role(e)))
		for _, document := range []string{
			`subscription { SINGLEChanged { node { SELECTED } } }`,
			`subscription { SINGLEChanged(where: {CONDITION}) { op } }`,
			`subscription { changes { node { ... on KIND { SELECTED } } } }`,
		} {
			document = strings.NewReplacer("SELECTED", f.selection(), "CONDITION", f.condition, "SINGLE", f.single, "KIND", f.kind()).Replace(document)
			if err := c.Subscribe(t, document, nil).Refused(t); err.Extensions.Code != "FORBIDDEN" || len(err.Extensions.Violations) != 1 {
				t.Errorf("%s is answered by %s %v", document, err.Extensions.Code, err.Extensions.Violations)
			}
		}
	}
}

// A selection that is marked @optional is left out instead, and named.
func TestHiddenField_isLeftOutWhereOptional(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, staff(e, "ALL")))
		e.Make(t, "Account", input.Object{"name": "Oak", "taxNumber": "SA-1"})
		r := c.Do(t, `{ accounts { edges { node { name taxNumber @optional } } } }`, nil).Want(t, "")
		want := `{"data":{"accounts":{"edges":[{"node":{"name":"Oak"}}]}},"extensions":{"cost":{"requested":81,"limit":50000},"optional":[["accounts","edges","node","taxNumber"]]}}`
		if strings.TrimSpace(r.Raw) != want {
			t.Errorf("the answer is %s", r.Raw)
		}
	})
}

// What is not named tells nothing either: lists, orders, cursors, counts, feeds and the viewer's own rights are the same
// whatever the hidden value is. Only version and updatedAt move.
func TestHiddenField_changesNothingElse(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		for _, f := range hiddenFields {
			c := e.User(t, nil, e.Role(t, f.role(e)))
			in := e.Valid(t, f.kind())
			in[f.name] = f.values[0]
			x := e.Make(t, f.kind(), in)
			from := after(t, e, c)
			documents := []string{
				`{ PLURAL { edges { cursor node { id } } pageInfo { hasNextPage endCursor } totalCount { value precision } } }`,
				`{ PLURAL(first: 1, orderBy: [{field: CREATED_AT, direction: DESC}]) { edges { cursor } pageInfo { hasNextPage endCursor } } }`,
				`{ PLURAL(where: {not: {id: {isNull: true}}}) { edges { node { id } } } }`,
				`{ viewer { permissions { object fields { field level } } } }`,
			}
			ask := func() []string {
				var out []string
				for _, d := range documents {
					out = append(out, c.Do(t, strings.ReplaceAll(d, "PLURAL", f.plural), nil).Want(t, "").Raw)
				}
				return out
			}
			before := ask()
			e.Change(t, x, input.Object{f.name: f.values[1]})
			if diff := cmp.Diff(before, ask()); diff != "" {
				t.Errorf("%s shows (-before +after):\n%s", f.name, diff)
			}
			// An event whose only change is hidden is none.
			told(t, feed(t, e, c, from))
			// One that has another change does not name the hidden one.
			e.Change(t, x, input.Object{f.name: f.values[0], "source": "fair"})
			told(t, feed(t, e, c, from), "UPDATED "+x.String()+` 3 ["source"] "`+x.String()+`"`)
		}
	})
}

// The same over a live subscription.
func TestHiddenField_isNotInEvents(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, staff(e, "ALL")))
		x := e.Make(t, "Account", input.Object{"name": "Oak", "taxNumber": "SA-1"})
		s := c.Subscribe(t, `subscription($after: Cursor) { accountChanged(after: $after) { op version changedFields node { name } } }`, farleytest.Vars{"after": after(t, e, c)})
		e.Change(t, x, input.Object{"taxNumber": "SA-2"})
		e.Change(t, x, input.Object{"taxNumber": "SA-3", "name": "Elm"})
		want := `{"accountChanged":{"changedFields":["name"],"node":{"name":"Elm"},"op":"UPDATED","version":3}}`
		if got := s.Event(t).JSON(); got != want {
			t.Errorf("the first event is %s", got)
		}
	})
}

// A create that would have found a duplicate by a field that its maker may not read finds none.
func TestHiddenField_isNotComparedForDuplicates(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		// This role may write the tax number of its own accounts, and read it on no others.
		own := levels(grants(e, "ACCOUNT READ OWN", "ACCOUNT CREATE OWN"), "ACCOUNT TAX_NUMBER WRITE")
		c := e.User(t, nil, e.Role(t, own), e.Role(t, grants(e, "ACCOUNT READ ALL")))
		e.Make(t, "Account", input.Object{"name": "Oak", "taxNumber": "SA-1"})
		const document = `mutation($p: OnDuplicate) { createAccount(input: {name: "Elm", taxNumber: "SA-1"}, onDuplicate: $p, dryRun: true) { account { name } duplicates { score reason account { id } } } }`
		for _, policy := range []string{"WARN", "REJECT"} {
			d := c.Query(t, document, farleytest.Vars{"p": policy})
			if want := `{"account":{"name":"Elm"},"duplicates":[]}`; d.At("createAccount").JSON() != want {
				t.Errorf("%s: the answer is %s", policy, d.JSON())
			}
		}
		// By a field that shows it is found.
		d := c.Query(t, `mutation { createAccount(input: {name: "Oak", taxNumber: "SA-1"}, dryRun: true) { duplicates { reason account { name } } } }`, nil)
		if want := `[{"account":{"name":"Oak"},"reason":["NAME"]}]`; d.At("createAccount.duplicates").JSON() != want {
			t.Errorf("the duplicates are %s", d.JSON())
		}
	})
}

// A field that shows on own records only is null on others in selections, and counts as null in filters, orders, cursors,
// counts and relation filters; its changes are named on own records only.
func TestHiddenField_onOthersRecordsOnly(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		a := levels(grants(e, "ACCOUNT READ OWN"), "ACCOUNT TAX_NUMBER READ", "ACCOUNT ANNUAL_REVENUE READ")
		b := levels(grants(e, "ACCOUNT READ ALL", "USER READ ALL", "CONTACT READ ALL"), "ACCOUNT ANNUAL_REVENUE NONE")
		c, other := e.User(t, nil, e.Role(t, a), e.Role(t, b)), e.User(t, nil)
		account := func(name, tax, amount string, owner *farleytest.Client) id.ID {
			tick(e)
			return e.Make(t, "Account", input.Object{"name": name, "taxNumber": tax, "annualRevenue": map[string]any{"amount": amount, "currency": "USD"}, "owner": owner.User.String()})
		}
		mine := account("Mine", "SA-1", "5.00", c)
		account("Mine too", "SA-2", "7.00", c)
		theirs := account("Theirs", "SA-3", "6.00", other)
		from := after(t, e, c)

		documents := map[string]string{
			`{ accounts { edges { node { name taxNumber annualRevenue { amount } } } } }`:                                      `[{"node":{"annualRevenue":{"amount":"5.00"},"name":"Mine","taxNumber":"SA-1"}},{"node":{"annualRevenue":{"amount":"7.00"},"name":"Mine too","taxNumber":"SA-2"}},{"node":{"annualRevenue":null,"name":"Theirs","taxNumber":null}}]`,
			`{ accounts(where: {taxNumber: {startsWith: "SA-"}}) { edges { node { name } } } }`:                                `[{"node":{"name":"Mine"}},{"node":{"name":"Mine too"}}]`,
			`{ accounts(where: {taxNumber: {ne: "SA-3"}}) { edges { node { name } } } }`:                                       `[{"node":{"name":"Mine"}},{"node":{"name":"Mine too"}},{"node":{"name":"Theirs"}}]`,
			`{ accounts(where: {taxNumber: {isNull: true}}) { edges { node { name } } } }`:                                     `[{"node":{"name":"Theirs"}}]`,
			`{ accounts(where: {not: {annualRevenue: {lt: {amount: "6.50", currency: "USD"}}}}) { edges { node { name } } } }`: `[{"node":{"name":"Mine too"}},{"node":{"name":"Theirs"}}]`,
			`{ accounts(orderBy: [{field: ANNUAL_REVENUE}]) { edges { node { name } } } }`:                                     `[{"node":{"name":"Theirs"}},{"node":{"name":"Mine"}},{"node":{"name":"Mine too"}}]`,
			`{ accounts(orderBy: [{field: ANNUAL_REVENUE, direction: DESC}]) { edges { node { name } } } }`:                    `[{"node":{"name":"Mine too"}},{"node":{"name":"Mine"}},{"node":{"name":"Theirs"}}]`,
		}
		for document, want := range documents {
			if got := c.Query(t, document, nil).At("accounts.edges").JSON(); got != want {
				t.Errorf("%s\nhas   %s\nwants %s", document, got, want)
			}
		}
		const pages = `{ accounts(first: 1, orderBy: [{field: ANNUAL_REVENUE}], where: {annualRevenue: {isNull: true}}) { edges { cursor node { name } } pageInfo { hasNextPage } totalCount { value } } all: accounts(orderBy: [{field: ANNUAL_REVENUE}]) { edges { cursor } } }`
		before := c.Do(t, pages, nil).Want(t, "")
		e.Change(t, theirs, input.Object{"taxNumber": "SA-1", "annualRevenue": map[string]any{"amount": "1000000.00", "currency": "SAR"}})
		same(t, "cursors and counts", before, c.Do(t, pages, nil))
		told(t, feed(t, e, c, from))
		e.Change(t, mine, input.Object{"taxNumber": "SA-9"})
		told(t, feed(t, e, c, from), "UPDATED "+mine.String()+` 2 ["taxNumber"] "`+mine.String()+`"`)
		e.Change(t, theirs, input.Object{"taxNumber": "SA-8", "name": "Theirs still"})
		told(t, feed(t, e, c, from), "UPDATED "+mine.String()+` 2 ["taxNumber"] "`+mine.String()+`"`, "UPDATED "+theirs.String()+` 3 ["name"] "`+theirs.String()+`"`)
	})
}

// A masked field cannot be filtered or ordered by.
func TestHiddenField_maskedIsNotCompared(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	c := e.User(t, nil, e.Role(t, levels(grants(e, "CONTACT READ ALL", "ACCOUNT READ ALL"), "CONTACT BIRTHDAY MASKED", "ACCOUNT TAX_NUMBER MASKED")))
	for _, document := range []string{
		`{ contacts(where: {birthday: {gt: "1990-01-01"}}) { edges { node { id } } } }`,
		`{ contacts(orderBy: [{field: BIRTHDAY}]) { edges { node { id } } } }`,
		`{ accounts(where: {contacts: {some: {birthday: {isNull: false}}}}) { totalCount { value } } }`,
		`{ accounts(where: {taxNumber: {startsWith: "S"}}) { edges { node { id } } } }`,
	} {
		c.Do(t, document, nil).Want(t, "FORBIDDEN")
	}
	e.Make(t, "Account", input.Object{"name": "Oak", "taxNumber": "SA-123456"})
	got := c.Query(t, `{ accounts { edges { node { taxNumber } } } }`, nil).At("accounts.edges.0.node.taxNumber").Text()
	if got == "" || strings.Contains(got, "SA-123456") {
		t.Errorf("the tax number is masked as %q", got)
	}
}
