package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/audit"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

const trail = `query Trail($user: ID, $object: Object, $record: ID, $action: [AuditAction!], $from: DateTime, $to: DateTime, $first: Int, $after: Cursor) {
	auditTrail(user: $user, object: $object, record: $record, action: $action, from: $from, to: $to, first: $first, after: $after) {
		edges { cursor node { id at action user { id displayName } object record records recordCount fields operation path requestId address session detail count } }
		pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

// entries returns the entries of a page after everything that waits has been written.
func entries(t *testing.T, e *farleytest.Env, c *farleytest.Client, vars farleytest.Vars) farleytest.Data {
	t.Helper()
	if err := e.Audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.Query(t, trail, vars).At("auditTrail.edges")
}

// auditor reads the trail within a scope, and users.
func auditor(t *testing.T, e *farleytest.Env, scope string, extra input.Object) *farleytest.Client {
	t.Helper()
	return e.User(t, extra, e.Role(t, access.Role{Permissions: []access.Permission{
		{Object: "USER", Action: "READ", Scope: scope}, {Object: "USER", Action: "READ_AUDIT", Scope: scope},
	}}))
}

// one fails the test unless there is exactly one entry.
func one(t *testing.T, d farleytest.Data) farleytest.Data {
	t.Helper()
	if d.Len() != 1 {
		t.Fatalf("%d entries: %s", d.Len(), d.JSON())
	}
	return d.At("0.node")
}

func want(t *testing.T, d farleytest.Data, values map[string]any) {
	t.Helper()
	for path, v := range values {
		if got := d.At(path).V; fmt.Sprint(got) != fmt.Sprint(v) {
			t.Errorf("%s is %v, want %v in %s", path, got, v, d.JSON())
		}
	}
}

const named = `mutation Rename($id: ID!, $name: String!) { updateAccount(id: $id, input: {name: $name}) { account { id } } }`

// Writes are in the trail with who made them, from where and of which fields, and no value.
func TestAuditTrail_writes(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		who := auditor(t, e, "ALL", nil)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "owner": rep.User.String()})
		rep.Do(t, named, farleytest.Vars{"id": x.String(), "name": "hidden-value"}, "X-Request-Id", "req-7").Want(t, "")
		rep.Query(t, `mutation($id: ID!) { deleteAccount(id: $id) { id } }`, farleytest.Vars{"id": x.String()})
		rep.Query(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id } } }`, farleytest.Vars{"id": x.String()})

		got := entries(t, e, who, farleytest.Vars{"record": x.String()})
		if actions := got.Texts("node.action"); !slices.Equal(actions, []string{"RESTORED", "DELETED", "UPDATED", "CREATED"}) {
			t.Fatalf("the actions are %v", actions)
		}
		want(t, got.At("2.node"), map[string]any{
			"user.id": rep.User, "user.displayName": nameOf(t, e, rep), "object": "ACCOUNT", "record": x, "recordCount": 1, "fields": "[name]", "operation": "Rename",
			"requestId": "req-7", "address": "127.0.0.1", "session": rep.Grant.SessionID, "count": 1, "detail": nil, "path": nil, "records.0": x,
			"at": "2026-11-22T09:00:00Z",
		})
		want(t, got.At("3.node"), map[string]any{"user": nil, "session": nil, "operation": nil})
		if strings.Contains(got.JSON(), "hidden-value") {
			t.Error("the trail tells values")
		}
	})
}

func nameOf(t *testing.T, e *farleytest.Env, c *farleytest.Client) string {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var name string
	if err := tx.QueryRow(t.Context(), "SELECT name FROM users WHERE id = ?", []any{c.User}, &name); err != nil {
		t.Fatal(err)
	}
	return name
}

// What the services that sign users in record is read back as it was told, of every action there is.
func TestAuditTrail_recorded(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		who := auditor(t, e, "ALL", nil)
		user := e.User(t, nil).User
		recorded := 0
		for _, action := range audit.Actions() {
			if slices.Contains([]audit.Action{"CREATED", "UPDATED", "DELETED", "RESTORED", "MERGED", "ERASED"}, action) {
				continue
			}
			recorded++
			err := e.Audit.Record(t.Context(), audit.Entry{
				Action: action, User: user, Object: user.Kind(), Record: user, Session: who.Grant.SessionID, Address: "192.0.2.1", Request: "r1", Detail: "said",
			})
			if err != nil {
				t.Fatal(err)
			}
			got := one(t, entries(t, e, who, farleytest.Vars{"action": []string{string(action)}}))
			want(t, got, map[string]any{
				"action": action, "user.id": user, "object": "USER", "record": user, "session": who.Grant.SessionID, "address": "192.0.2.1", "requestId": "r1",
				"detail": "said", "count": 1, "recordCount": 1, "fields": "[]", "operation": nil, "path": nil,
			})
		}
		if got := entries(t, e, who, farleytest.Vars{"user": user.String()}); got.Len() != recorded {
			t.Errorf("%d entries of the user, want %d", got.Len(), recorded)
		}
	})
}

// A refusal names the user, the place, the field and the record, and a thousand of them are one entry with their number.
func TestAuditTrail_refusals(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}, {Object: "ACCOUNT", Action: "UPDATE", Scope: "OWN"}}}))
		who := auditor(t, e, "ALL", nil)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "taxNumber": "secret-tax"})
		refused := farleytest.Vars{"action": []string{"ACCESS_REFUSED"}, "user": rep.User.String()}

		for range 5 {
			rep.Do(t, `query Peek { list: accounts(where: {taxNumber: {eq: "secret-tax"}}) { edges { node { taxNumber } } } }`, nil).Want(t, "FORBIDDEN")
		}
		got := one(t, entries(t, e, who, refused))
		want(t, got, map[string]any{
			"object": "ACCOUNT", "fields": "[taxNumber]", "operation": "Peek", "path": "list.where.taxNumber", "detail": "FORBIDDEN", "count": 5,
			"session": rep.Grant.SessionID, "record": nil, "address": "127.0.0.1", "user.id": rep.User,
		})

		e.Clock.Advance(e.Clock.Now().Add(time.Second))
		rep.Do(t, named, farleytest.Vars{"id": x.String(), "name": "Elm"}).Want(t, "FORBIDDEN")
		got = entries(t, e, who, farleytest.Vars{"action": []string{"ACCESS_REFUSED"}, "record": x.String()})
		want(t, one(t, got), map[string]any{"object": "ACCOUNT", "operation": "Rename", "path": "updateAccount", "detail": "FORBIDDEN", "count": 1, "record": x})

		e.Clock.Advance(e.Clock.Now().Add(time.Second))
		rep.Do(t, `{ auditTrail { edges { cursor } } }`, nil).Want(t, "FORBIDDEN")
		e.Clock.Advance(e.Clock.Now().Add(time.Second))
		if err := e.Auth.Logout(t.Context(), rep.Grant.SessionID); err != nil {
			t.Fatal(err)
		}
		rep.Do(t, `{ changesCursor }`, nil).Want(t, "UNAUTHENTICATED")
		got = entries(t, e, who, refused)
		if details := got.Texts("node.detail"); !slices.Equal(details, []string{"UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN"}) {
			t.Errorf("the refusals are %v", details)
		}
		e.Anonymous().Do(t, `{ changesCursor }`, nil).Want(t, "UNAUTHENTICATED")
		e.WithToken("forged").Do(t, `{ changesCursor }`, nil).Want(t, "UNAUTHENTICATED")
		if all := entries(t, e, who, farleytest.Vars{"action": []string{"ACCESS_REFUSED"}}); all.Len() != 4 {
			t.Errorf("refusals of nobody are in the trail: %s", all.JSON())
		}
	})
}

// reader reads the sensitive fields of what is in its scopes.
func reader(t *testing.T, e *farleytest.Env) *farleytest.Client {
	t.Helper()
	own := e.Role(t, access.Role{
		Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}, {Object: "CONTACT", Action: "READ", Scope: "ALL"}, {Object: "ACCOUNT_CONTACT", Action: "READ", Scope: "ALL"}},
		Fields:      []access.FieldLevel{{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: access.LevelRead}, {Object: "CONTACT", Field: "BIRTHDAY", Level: access.LevelRead}},
	})
	all := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}})
	return e.User(t, nil, own, all)
}

// A read of a sensitive field is one entry an operation and kind: it names exactly the records whose value was told.
func TestAuditTrail_sensitiveReads(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		r := reader(t, e)
		who := auditor(t, e, "ALL", nil)
		mine := e.Make(t, "Account", input.Object{"name": "A", "taxNumber": "secret-1", "owner": r.User.String()})
		other := e.Make(t, "Account", input.Object{"name": "B", "taxNumber": "secret-2"})
		bare := e.Make(t, "Account", input.Object{"name": "C", "owner": r.User.String()})
		last := e.Make(t, "Account", input.Object{"name": "D", "taxNumber": "secret-4", "owner": r.User.String()})
		ann := e.Make(t, "Contact", input.Object{"givenName": "Ann", "birthday": "1990-01-01"})
		bob := e.Make(t, "Contact", input.Object{"givenName": "Bob", "birthday": "1991-01-01"})
		for _, c := range []id.ID{ann, bob} {
			e.Make(t, "AccountContact", input.Object{"account": mine.String(), "contact": c.String()})
		}
		cases := []struct {
			name, query string
			vars        farleytest.Vars
			want        []string // "object fields count record,record" by object
		}{
			{"nothing sensitive", `query Q { accounts { edges { node { id name } } } }`, nil, nil},
			{"one record", `query Q($id: ID) { account(id: $id) { taxNumber } }`, farleytest.Vars{"id": mine.String()}, []string{"ACCOUNT taxNumber 1 A"}},
			{"hidden on the row", `query Q($id: ID) { account(id: $id) { taxNumber } }`, farleytest.Vars{"id": other.String()}, nil},
			{"without a value", `query Q($id: ID) { account(id: $id) { taxNumber } }`, farleytest.Vars{"id": bare.String()}, nil},
			{"a page and not the record behind it", `query Q { accounts(first: 3, orderBy: [{field: NAME}]) { edges { node { taxNumber } } } }`, nil, []string{"ACCOUNT taxNumber 1 A"}},
			{"a page", `query Q { accounts(orderBy: [{field: NAME}]) { edges { node { taxNumber } } } }`, nil, []string{"ACCOUNT taxNumber 2 A,D"}},
			{"two kinds", `query Q { accounts(where: {name: {eq: "A"}}) { edges { node { t: taxNumber contacts { edges { node { birthday } } } } } } }`, nil,
				[]string{"ACCOUNT taxNumber 1 A", "CONTACT birthday 2 Ann,Bob"}},
			{"several root fields, one entry", `query Q($a: ID, $b: ID) { a: account(id: $a) { taxNumber } b: account(id: $b) { taxNumber } }`,
				farleytest.Vars{"a": mine.String(), "b": last.String()}, []string{"ACCOUNT taxNumber 2 A,D"}},
			{"a filter", `query Q { contacts(where: {birthday: {gt: "1990-06-01"}}) { edges { node { id } } } }`, nil, []string{"CONTACT birthday 1 Bob"}},
			{"a filter that finds nothing", `query Q { contacts(where: {birthday: {gt: "2001-01-01"}}) { edges { node { id } } } }`, nil, []string{"CONTACT birthday 0 "}},
			{"a count", `query Q { contacts(where: {birthday: {gt: "1990-06-01"}}) { totalCount { value } } }`, nil, []string{"CONTACT birthday 0 "}},
			{"a filter over a relation", `query Q { accounts(where: {contacts: {some: {birthday: {gt: "1990-06-01"}}}}) { edges { node { id } } } }`, nil, []string{"CONTACT birthday 0 "}},
			{"an order", `query Q { contacts(orderBy: [{field: BIRTHDAY}]) { edges { node { id } } } }`, nil, []string{"CONTACT birthday 2 Ann,Bob"}},
			{"by node", `query Q($id: ID!) { node(id: $id) { ... on Contact { birthday } } }`, farleytest.Vars{"id": ann.String()}, []string{"CONTACT birthday 1 Ann"}},
			{"left out", `query Q { accounts { edges { node { name } } } contacts(first: 1) { edges { node { gender @optional } } } }`, nil, nil},
		}
		names := map[id.ID]string{mine: "A", other: "B", bare: "C", last: "D", ann: "Ann", bob: "Bob"}
		for _, c := range cases {
			e.Clock.Advance(e.Clock.Now().Add(time.Second))
			from := e.Clock.Now().Format(time.RFC3339)
			r.Query(t, c.query, c.vars)
			got := entries(t, e, who, farleytest.Vars{"action": []string{"SENSITIVE_READ"}, "from": from})
			var told []string
			for i := range got.Len() {
				n := got.At(fmt.Sprintf("%d.node", i))
				var records []string
				for _, x := range n.At("records").V.([]any) {
					records = append(records, names[id.MustParse(x.(string))])
				}
				slices.Sort(records)
				told = append(told, fmt.Sprintf("%s %v %d %s", n.At("object").Text(), n.At("fields.0").Text(), n.At("recordCount").Int(), strings.Join(records, ",")))
				want(t, n, map[string]any{"user.id": r.User, "operation": "Q", "session": r.Grant.SessionID, "address": "127.0.0.1", "count": 1, "detail": nil})
			}
			slices.Sort(told)
			if !slices.Equal(told, c.want) {
				t.Errorf("%s: the trail tells %q, want %q", c.name, told, c.want)
			}
		}
		// A record is found together with others, and alone.
		if got := entries(t, e, who, farleytest.Vars{"record": last.String(), "action": []string{"SENSITIVE_READ"}}); got.Len() != 2 {
			t.Errorf("%d reads of the record: %s", got.Len(), got.JSON())
		}
		noSecrets(t, e, "secret-", "1990-0", "1991-0")
	})
}

// noSecrets looks through every column of the trail's tables.
func noSecrets(t *testing.T, e *farleytest.Env, secrets ...string) {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(t.Context(), "SELECT * FROM audit_entries")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; rows.Next(); n++ {
		row := make([]any, len(columns))
		dest := make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		for i, v := range row {
			text := fmt.Sprint(v)
			if b, ok := v.([]byte); ok {
				text = string(b)
			}
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("the column %s holds %q", columns[i], secret)
				}
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Error("the trail's table is empty: nothing was looked at")
	}
}

// A subscription is one entry when it begins and one for what its events showed, by subscriber.
func TestAuditTrail_subscriptions(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		who := auditor(t, e, "ALL", nil)
		role := e.Role(t, farleytest.Everything(e, access.All))
		ann, bob := e.User(t, nil, role), e.User(t, nil, role)
		const doc = `subscription Watch($after: Cursor) { accountChanged(after: $after) { op node { taxNumber } } }`
		from := map[*farleytest.Client]string{ann: after(t, e, ann), bob: after(t, e, bob)}
		a := ann.Subscribe(t, doc, farleytest.Vars{"after": from[ann]})
		b := bob.Subscribe(t, doc, farleytest.Vars{"after": from[bob]})
		x := e.Make(t, "Account", input.Object{"name": "Oak", "taxNumber": "secret-5"})
		y := e.Make(t, "Account", input.Object{"name": "Elm", "taxNumber": "secret-6"})
		for range 2 {
			a.Event(t)
			b.Event(t)
		}
		for _, c := range []*farleytest.Client{ann, bob} {
			got := entries(t, e, who, farleytest.Vars{"action": []string{"SENSITIVE_READ"}, "user": c.User.String()})
			byDetail := map[string]farleytest.Data{}
			for i := range got.Len() {
				n := got.At(fmt.Sprintf("%d.node", i))
				byDetail[n.At("detail").Text()] = n
			}
			if got.Len() != 2 {
				t.Errorf("%d entries: %s", got.Len(), got.JSON())
			}
			want(t, byDetail["a subscription begins"], map[string]any{"object": "ACCOUNT", "fields": "[taxNumber]", "recordCount": 0, "count": 1, "operation": "Watch"})
			events := byDetail["events of a subscription"]
			want(t, events, map[string]any{"object": "ACCOUNT", "fields": "[taxNumber]", "recordCount": 2, "count": 2, "operation": "Watch", "session": c.Grant.SessionID})
			if s := events.JSON(); !strings.Contains(s, x.String()) || !strings.Contains(s, y.String()) {
				t.Errorf("the records are not named: %s", s)
			}
		}
		noSecrets(t, e, "secret-")
	})
}

// Who may read the trail: nobody without the action; with a scope, what the users in it did, and nothing of nobody's.
func TestAuditTrail_whoMayRead(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		parent := e.Make(t, "Team", input.Object{"name": "North"})
		team := e.Make(t, "Team", input.Object{"name": "South", "parent": parent.String()})
		role := e.Role(t, farleytest.Everything(e, access.Own))
		inside := e.User(t, input.Object{"team": team.String()}, role)
		outside := e.User(t, nil, role)
		lead := auditor(t, e, "TEAM", input.Object{"team": parent.String()})
		self := auditor(t, e, "OWN", nil)
		all := auditor(t, e, "ALL", nil)
		tag := func(c *farleytest.Client, name string) {
			t.Helper()
			c.Query(t, `mutation($n: String!) { createAccount(input: {name: $n}) { account { id } } }`, farleytest.Vars{"n": name})
		}
		tag(inside, "in")
		tag(outside, "out")
		inside.Do(t, `{ auditTrail { edges { cursor } } }`, nil) // may it, within OWN
		self.Do(t, `mutation { createAccount(input: {name: "no"}) { account { id } } }`, nil).Want(t, "FORBIDDEN")
		if err := e.Audit.Record(t.Context(), audit.Entry{Action: audit.SignInRefused, Object: 32, Record: inside.User}); err != nil {
			t.Fatal(err)
		}
		by := func(c *farleytest.Client, vars farleytest.Vars) (users []string) {
			t.Helper()
			seen := map[string]bool{}
			for _, u := range entries(t, e, c, vars).Texts("node.user.id") {
				if !seen[u] {
					users = append(users, u)
				}
				seen[u] = true
			}
			slices.Sort(users)
			return users
		}
		sorted := func(xs ...string) []string { slices.Sort(xs); return xs }
		for _, c := range []struct {
			name   string
			reader *farleytest.Client
			vars   farleytest.Vars
			want   []string
		}{
			{"all", all, nil, sorted("", inside.User.String(), outside.User.String(), self.User.String())},
			{"all, one user", all, farleytest.Vars{"user": outside.User.String()}, []string{outside.User.String()}},
			{"a team", lead, nil, []string{inside.User.String()}},
			{"a team, by kind", lead, farleytest.Vars{"object": "ACCOUNT"}, []string{inside.User.String()}},
			{"a team, by action", lead, farleytest.Vars{"action": []string{"CREATED", "ACCESS_REFUSED"}}, []string{inside.User.String()}},
			{"a team, a record", lead, farleytest.Vars{"record": inside.User.String()}, nil},
			{"a team, somebody else", lead, farleytest.Vars{"user": outside.User.String()}, nil},
			{"oneself", self, nil, []string{self.User.String()}},
			{"nothing asked for", all, farleytest.Vars{"action": []string{}}, nil},
		} {
			if got := by(c.reader, c.vars); !slices.Equal(got, c.want) {
				t.Errorf("%s: entries of %v, want %v", c.name, got, c.want)
			}
		}
		nobody := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "READ", Scope: "ALL"}}}))
		nobody.Do(t, trail, nil).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, trail, nil).Want(t, "UNAUTHENTICATED")
	})
}

func TestAuditTrail_badArguments(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		who, other := auditor(t, e, "ALL", nil), auditor(t, e, "ALL", nil)
		cursor := entries(t, e, who, farleytest.Vars{"first": 1}).At("0.cursor").Text()
		for _, c := range []struct {
			name   string
			reader *farleytest.Client
			vars   farleytest.Vars
			want   string
		}{
			{"none", who, farleytest.Vars{"first": 0}, "first RANGE"},
			{"too many", who, farleytest.Vars{"first": 101}, "first RANGE"},
			{"no cursor", who, farleytest.Vars{"after": "abc"}, "after FORMAT"},
			{"both", who, farleytest.Vars{"first": -1, "after": "abc"}, "first RANGE after FORMAT"},
			{"of another filter", who, farleytest.Vars{"after": cursor, "object": "USER"}, "after FORMAT"},
			{"of another reader", other, farleytest.Vars{"after": cursor}, "after FORMAT"},
		} {
			got := c.reader.Do(t, trail, c.vars).Want(t, "INVALID").Violations()
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: the violations are %q, want %q", c.name, got, c.want)
			}
		}
		who.Query(t, trail, farleytest.Vars{"after": cursor})
	})
}

// When the change log is pruned, what the trail tells of its writes stays as it was, entry by entry; the trail's own
// retention ends it.
func TestAuditTrail_outlivesTheChangeLog(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		rep := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.All)))
		who := auditor(t, e, "ALL", nil)
		for i := range 4 {
			x := e.Make(t, "Account", input.Object{"name": fmt.Sprint("secret-", i)})
			rep.Query(t, named, farleytest.Vars{"id": x.String(), "name": fmt.Sprint("secret-new-", i)})
			rep.Query(t, `query($id: ID) { account(id: $id) { taxNumber } }`, farleytest.Vars{"id": x.String()})
			if i%2 == 0 {
				e.Clock.Advance(e.Clock.Now().Add(time.Minute))
			}
		}
		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		e.Settle(t)
		before := entries(t, e, who, farleytest.Vars{"first": 100}).JSON()
		pruned, err := e.Changes.Prune(t.Context(), e.Clock.Now())
		if err != nil || pruned < 8 {
			t.Fatalf("%d changes were pruned: %v", pruned, err)
		}
		if got := entries(t, e, who, farleytest.Vars{"first": 100}).JSON(); got != before {
			t.Errorf("before pruning\n%s\nafter\n%s", before, got)
		}
		noSecrets(t, e, "secret-")
		purged, err := e.Audit.Purge(t.Context(), e.Clock.Now().Add(time.Second))
		if err != nil || purged < pruned {
			t.Fatalf("%d entries were purged: %v", purged, err)
		}
		if got := entries(t, e, who, nil); got.Len() != 0 {
			t.Errorf("after purging there is %s", got.JSON())
		}
	})
}

// Housekeeping keeps the trail as long as it is told.
func TestHousekeeping_endsTheTrail(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		user := e.User(t, nil).User
		record := func() {
			t.Helper()
			if err := e.Audit.Record(t.Context(), audit.Entry{Action: audit.SignOut, User: user}); err != nil {
				t.Fatal(err)
			}
		}
		planned(t, e)
		record()
		e.Clock.Advance(e.Clock.Now().Add(47 * time.Hour))
		record()
		e.Clock.Advance(e.Clock.Now().Add(2 * time.Hour))
		who := auditor(t, e, "ALL", nil)
		for end := time.Now().Add(farleytest.Deadline); ; {
			if got := entries(t, e, who, farleytest.Vars{"action": []string{"SIGN_OUT"}}); got.Len() == 1 {
				break
			}
			if time.Now().After(end) {
				t.Fatal("the old entry is kept")
			}
		}
	}, func(c *app.Config) { c.Jobs, c.RetainAudit = true, 48*time.Hour })
}

// Taking more than a thousand records within an hour from the delta feed is an export, noted once.
func TestAuditTrail_deltaSynchronisationIsAnExport(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.All)))
		who := auditor(t, e, "ALL", nil)
		start := after(t, e, c)
		for i := range 60 {
			e.Make(t, "Tag", input.Object{"name": fmt.Sprint("Tag ", i)})
		}
		e.Settle(t)
		exported := farleytest.Vars{"action": []string{"EXPORTED"}}
		pull := func(times int) {
			t.Helper()
			for range times {
				if got := c.Query(t, `query Sync($a: Cursor!) { changes(after: $a) { edges { node { node { id } } } } }`, farleytest.Vars{"a": start}).At("changes.edges").Len(); got != 60 {
					t.Fatalf("%d changes", got)
				}
			}
		}
		pull(16) // 960
		if got := entries(t, e, who, exported); got.Len() != 0 {
			t.Errorf("too early: %s", got.JSON())
		}
		pull(4)
		want(t, one(t, entries(t, e, who, exported)), map[string]any{"user.id": c.User, "recordCount": 1020, "operation": "Sync", "object": nil})
		e.Clock.Advance(e.Clock.Now().Add(time.Hour))
		c, who = e.SignIn(t, c.User), e.SignIn(t, who.User)
		pull(16)
		if got := entries(t, e, who, exported); got.Len() != 1 {
			t.Errorf("the hours are counted together: %s", got.JSON())
		}
		pull(1)
		if got := entries(t, e, who, exported); got.Len() != 2 {
			t.Errorf("another hour is another export: %s", got.JSON())
		}
	})
}

// What cannot be noted is not shown.
func TestAuditTrail_showsNothingThatIsNotNoted(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		r := reader(t, e)
		x := e.Make(t, "Account", input.Object{"name": "A", "taxNumber": "secret-1", "owner": r.User.String()})
		if err := e.Audit.Close(t.Context()); err != nil { // from here on entries are written at once
			t.Fatal(err)
		}
		err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "DROP TABLE audit_entries")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got := r.Do(t, `query($id: ID) { account(id: $id) { taxNumber } }`, farleytest.Vars{"id": x.String()}).Want(t, "INTERNAL")
		if strings.Contains(got.Raw, "secret-1") {
			t.Errorf("the answer is %s", got.Raw)
		}
		r.Query(t, `query($id: ID) { account(id: $id) { name } }`, farleytest.Vars{"id": x.String()})
	})
}
