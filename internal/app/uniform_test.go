package app_test

import (
	"fmt"
	"testing"

	"farley/internal/access"
	"farley/internal/farleytest"
)

// The tour of the API as integrators write it, as a user who may do everything to his own records.
func TestTour(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		made := ann.Query(t, `mutation { createAccount(input: {
			name: "شركة النور للتجارة", kinds: [CUSTOMER], website: "https://alnoor.example", phones: ["+966 11 200 3000"],
			annualRevenue: {amount: "12500000.00", currency: "SAR"}, addresses: [{kind: BILLING, city: "Riyadh", country: "SA"}]
		}, onDuplicate: WARN) { account { id name version kinds phones city domain addresses { city country } annualRevenue { amount currency } owner { name } } duplicates { score reason account { id name } } } }`, nil).At("createAccount")
		x := made.At("account.id").ID()
		want := fmt.Sprintf(`{"account":{"addresses":[{"city":"Riyadh","country":"SA"}],"annualRevenue":{"amount":"12500000.00","currency":"SAR"},"city":"Riyadh","domain":"alnoor.example","id":%q,"kinds":["CUSTOMER"],"name":"شركة النور للتجارة","owner":{"name":"User 2"},"phones":["+966112003000"],"version":1},"duplicates":[]}`, x)
		if got := made.JSON(); got != want {
			t.Errorf("createAccount gives %s", got)
		}
		list := ann.Query(t, `{ accounts(first: 20, orderBy: [{field: NAME, direction: ASC}], where: {and: [{kinds: {has: CUSTOMER}}, {annualRevenue: {gt: {amount: "1000000", currency: "SAR"}}}]}) {
			edges { node { id name contacts(first: 5, orderBy: [{field: FAMILY_NAME, direction: ASC}]) { edges { node { displayName } } pageInfo { hasNextPage } } } }
			pageInfo { hasNextPage } totalCount { value precision } } }`, nil).At("accounts")
		want = fmt.Sprintf(`{"edges":[{"node":{"contacts":{"edges":[],"pageInfo":{"hasNextPage":false}},"id":%q,"name":"شركة النور للتجارة"}}],"pageInfo":{"hasNextPage":false},"totalCount":{"precision":"EXACT","value":1}}`, x)
		if got := list.JSON(); got != want {
			t.Errorf("accounts gives %s", got)
		}
		const rename = `mutation($id: ID!) { updateAccount(id: $id, input: {name: "Al Noor Group"}, expectedVersion: 1) { account { version name } } }`
		if got := ann.Query(t, rename, farleytest.Vars{"id": x.String()}).At("updateAccount").JSON(); got != `{"account":{"name":"Al Noor Group","version":2}}` {
			t.Errorf("updateAccount gives %s", got)
		}
		stale := ann.Do(t, rename, farleytest.Vars{"id": x.String()}).Want(t, "CONFLICT")
		if got := stale.Errors[0].Extensions.Version; got != 2 {
			t.Errorf("the conflict names version %d", got)
		}
		const erp = `mutation($n: String!) { upsertAccount(external: {system: "sap", id: "0000100234"}, input: {name: $n, employees: 240}) { account { id version name } created } }`
		first := ann.Query(t, erp, farleytest.Vars{"n": "Al Noor Trading"}).At("upsertAccount")
		second := ann.Query(t, erp, farleytest.Vars{"n": "Al Noor Trading LLC"}).At("upsertAccount")
		if first.At("created").V != true || second.At("created").V != false || first.At("account.id").ID() != second.At("account.id").ID() || second.At("account.version").Int() != 2 {
			t.Errorf("upsertAccount gives %s, then %s", first.JSON(), second.JSON())
		}
		byKey := ann.Query(t, `{ account(external: {system: "sap", id: "0000100234"}) { name } }`, nil).At("account.name").Text()
		if byKey != "Al Noor Trading LLC" {
			t.Errorf("by the ERP's key there is %q", byKey)
		}
		twin := ann.Query(t, `mutation { createAccount(input: {name: "AL NOOR group", website: "www.alnoor.example/about"}) { duplicates { score reason account { name } } } }`, nil).At("createAccount.duplicates")
		if got := twin.JSON(); got != `[{"account":{"name":"Al Noor Group"},"reason":["NAME","DOMAIN"],"score":92}]` {
			t.Errorf("the twin is told as %s", got)
		}
		ann.Do(t, `mutation { createAccount(input: {name: "Al Noor Group"}, onDuplicate: REJECT) { account { id } } }`, nil).Want(t, "DUPLICATE")
	})
}
