package secrecy_test

import (
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// setRole replaces what a role allows.
func setRole(t *testing.T, e *farleytest.Env, role id.ID, r access.Role) {
	t.Helper()
	permissions, fields := []any{}, []any{}
	for _, p := range r.Permissions {
		permissions = append(permissions, map[string]any{"object": p.Object, "action": p.Action, "scope": p.Scope})
	}
	for _, f := range r.Fields {
		fields = append(fields, map[string]any{"object": f.Object, "field": f.Field, "level": string(f.Level)})
	}
	e.Change(t, role, input.Object{"permissions": permissions, "fieldLevels": fields})
}

// A repeated request is answered under the rights of the moment: the record out of sight is null, a field that the role
// has lost refuses the operation, and duplicates are shown as far as they are still in sight.
func TestReplay_readsUnderPresentRights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		full := levels(grants(e, "ACCOUNT CREATE ALL", "ACCOUNT READ ALL", "USER READ ALL"), "ACCOUNT TAX_NUMBER WRITE")
		role := e.Role(t, full)
		c, other := e.User(t, nil, role), e.User(t, nil)
		twin := e.Make(t, "Account", input.Object{"name": "Twin", "taxNumber": "SA-1", "owner": other.User.String()})
		const document = `mutation($to: ID!) { createAccount(input: {name: "Oak", taxNumber: "SA-1", owner: $to}, idempotencyKey: "k") { account { name } duplicates { score reason account { id } } } }`
		vars := farleytest.Vars{"to": other.User.String()}
		first := c.Do(t, document, vars).Want(t, "")
		if got, want := (farleytest.Data{V: first.Data}).At("createAccount").JSON(), `{"account":{"name":"Oak"},"duplicates":[{"account":{"id":"`+twin.String()+`"},"reason":["TAX_NUMBER"],"score":95}]}`; got != want {
			t.Fatalf("the first answer is %s", got)
		}
		same(t, "the repeated request", first, c.Do(t, document, vars))

		setRole(t, e, role, levels(grants(e, "ACCOUNT CREATE ALL", "ACCOUNT READ OWN", "USER READ ALL"), "ACCOUNT TAX_NUMBER WRITE"))
		if got := c.Query(t, document, vars).At("createAccount").JSON(); got != `{"account":null,"duplicates":[]}` {
			t.Errorf("out of sight the answer is %s", got)
		}

		// Reading the tax number of own accounts only, the reader is not told that it is what the twin has in common.
		setRole(t, e, role, levels(grants(e, "ACCOUNT CREATE ALL", "ACCOUNT READ OWN", "USER READ ALL"), "ACCOUNT TAX_NUMBER WRITE"))
		e.Change(t, c.User, input.Object{"roles": []any{role.String(), e.Role(t, grants(e, "ACCOUNT READ ALL")).String()}})
		if got, want := c.Query(t, document, vars).At("createAccount").JSON(), `{"account":{"name":"Oak"},"duplicates":[]}`; got != want {
			t.Errorf("without the field the answer is %s", got)
		}

		setRole(t, e, role, grants(e, "ACCOUNT CREATE ALL", "ACCOUNT READ ALL", "USER READ ALL"))
		c.Do(t, document, vars).Want(t, "FORBIDDEN")
	})
}

// A key belongs to one user: another's request under the same key is a request of its own.
func TestReplay_keysOfOthersAreFree(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := e.Role(t, staff(e, "OWN"))
		ann, bob := e.User(t, nil, role), e.User(t, nil, role)
		const document = `mutation($n: String!) { createAccount(input: {name: $n}, idempotencyKey: "k") { account { name } } }`
		for c, name := range map[*farleytest.Client]string{ann: "Ann's", bob: "Bob's"} {
			if got := c.Query(t, document, farleytest.Vars{"n": name}).At("createAccount.account.name").Text(); got != name {
				t.Errorf("the answer is about %s, want %s", got, name)
			}
		}
		ann.Do(t, document, farleytest.Vars{"n": "Other"}).Want(t, "IDEMPOTENCY_MISMATCH")
		ann.Do(t, `mutation { createAccount(input: {name: "Ann's"}, idempotencyKey: "k", onDuplicate: ALLOW) { account { name } } }`, nil).Want(t, "IDEMPOTENCY_MISMATCH")
		if got := ann.Query(t, `{ accounts { totalCount { value } } }`, nil).At("accounts.totalCount.value").Int(); got != 1 {
			t.Errorf("there are %d accounts", got)
		}
	})
}

// An upsert of a record in sight by a key, repeated after the record went out of sight, shows nothing of it.
func TestReplay_ofAnUpsert(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c, other := e.User(t, nil, e.Role(t, staff(e, "OWN"))), e.User(t, nil)
		const document = `mutation { upsertAccount(external: {system: "sap", id: "1"}, input: {name: "Oak"}, idempotencyKey: "k") { account { id name source } created } }`
		x := c.Query(t, document, nil).At("upsertAccount.account.id").ID()
		e.Change(t, x, input.Object{"owner": other.User.String(), "source": "secret"})
		if got := c.Query(t, document, nil).At("upsertAccount").JSON(); got != `{"account":null,"created":true}` {
			t.Errorf("the repeated answer is %s", got)
		}
	})
}

// A list cursor made under other rights opens no page that the present rights do not.
func TestReplay_ofACursor(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := e.Role(t, grants(e, "ACCOUNT READ ALL"))
		c, other := e.User(t, nil, role), e.User(t, nil)
		for i, owner := range []*farleytest.Client{c, other, other, c} {
			tick(e)
			e.Make(t, "Account", input.Object{"name": string(rune('A' + i)), "owner": owner.User.String()})
		}
		const document = `query($a: Cursor) { accounts(first: 1, after: $a) { edges { cursor node { name } } } }`
		cursor := c.Query(t, document, nil).At("accounts.edges.0.cursor").Text()
		setRole(t, e, role, grants(e, "ACCOUNT READ OWN"))
		if got := c.Query(t, document, farleytest.Vars{"a": cursor}).At("accounts.edges.0.node.name").Text(); got != "D" {
			t.Errorf("the page behind the cursor begins with %q", got)
		}
	})
}
