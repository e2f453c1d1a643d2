package app_test

import (
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/input"
)

// What a user has asked again and again follows his rights all the same: a share that ends, a field that is hidden, a record that
// goes to somebody else.
func TestKeptPlans_followRights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		role := e.Role(t, access.Role{
			Permissions: []access.Permission{{Object: "ACCOUNT", Action: access.Read, Scope: "SHARED"}},
			Fields:      []access.FieldLevel{{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: access.LevelRead}},
		})
		ann := e.User(t, nil, role)
		own := e.Make(t, "Account", input.Object{"name": "Elm", "taxNumber": "300012345600003", "owner": ann.User.String()})
		shared := e.Make(t, "Account", input.Object{"name": "Oak", "taxNumber": "300099999900003"})
		until := e.Clock.Now().Add(5 * time.Second) // while it is still remembered who she is
		e.Make(t, "Share", input.Object{"record": shared.String(), "grantee": ann.User.String(), "level": "READ", "expiresAt": until.Format(time.RFC3339)})
		const one = `query($id: ID!) { account(id: $id) { name taxNumber } }`
		const list = `{ accounts(orderBy: {field: NAME}) { nodes { name taxNumber } totalCount { value } } }`
		asks := func(when, wantList string) {
			t.Helper()
			for range 4 {
				if got := ann.Query(t, list, nil).At("accounts").JSON(); got != wantList {
					t.Errorf("%s: %s, want %s", when, got, wantList)
				}
			}
		}
		for range 4 {
			ann.Query(t, one, farleytest.Vars{"id": own.String()})
			ann.Query(t, one, farleytest.Vars{"id": shared.String()})
		}
		asks("at first", `{"nodes":[{"name":"Elm","taxNumber":"300012345600003"},{"name":"Oak","taxNumber":"300099999900003"}],"totalCount":{"value":2}}`)
		e.Clock.Advance(until.Add(time.Second))
		asks("the share has ended", `{"nodes":[{"name":"Elm","taxNumber":"300012345600003"}],"totalCount":{"value":1}}`)
		ann.Do(t, one, farleytest.Vars{"id": shared.String()}).Want(t, "NOT_FOUND")
		hits, _ := e.Read.Plans()
		e.Clock.Advance(e.Clock.Now().Add(time.Minute)) // who she is has been forgotten, and is looked up
		ann.Query(t, list, nil)
		if now, _ := e.Read.Plans(); now != hits+1 {
			t.Error("no plan outlives that it is looked up again who asks")
		}
		admin.Query(t, `mutation($id: ID!) { updateRole(id: $id, input: {fieldLevels: [{object: ACCOUNT, field: "TAX_NUMBER", level: MASKED}]}) { role { id } } }`, farleytest.Vars{"id": role.String()})
		asks("masked", `{"nodes":[{"name":"Elm","taxNumber":"••••03"}],"totalCount":{"value":1}}`)
		if got := ann.Query(t, one, farleytest.Vars{"id": own.String()}).At("account").JSON(); got != `{"name":"Elm","taxNumber":"••••03"}` {
			t.Errorf("one, masked: %s", got)
		}
		e.Change(t, own, input.Object{"owner": admin.User.String()})
		asks("given away", `{"nodes":[],"totalCount":{"value":0}}`)
		ann.Do(t, one, farleytest.Vars{"id": own.String()}).Want(t, "NOT_FOUND")
		if hits, _ := e.Read.Plans(); hits < 10 {
			t.Errorf("%d plans were kept", hits)
		}
	})
}
