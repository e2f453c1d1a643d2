package app_test

import (
	"testing"

	"farley/internal/farleytest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		d := admin.Query(t, `mutation { createAccount(input: {name: "شركة النور للتجارة", kinds: [CUSTOMER], website: "alnoor.example", phones: ["+966 11 200 3000"],
			annualRevenue: {amount: "12500000.00", currency: "SAR"}, addresses: [{kind: BILLING, city: "Riyadh", country: "SA"}]}, onDuplicate: WARN) {
			account { id name version kinds phones city addresses { city country } annualRevenue { amount currency } owner { id name } domain } duplicates { score reason account { id name } } } }`, nil)
		t.Log(d.JSON())
		x := d.At("createAccount.account.id").Text()
		d = admin.Query(t, `query($id: ID!) { viewer { user { id name } roles { name } } account(id: $id) { id name version createdBy { name } }
			accounts(first: 2, where: {and: [{kinds: {has: CUSTOMER}}, {annualRevenue: {gt: {amount: "1000000", currency: "SAR"}}}]}, orderBy: [{field: NAME}]) { edges { cursor node { id name contacts(first: 5) { edges { node { displayName } } } } } pageInfo { hasNextPage endCursor } totalCount { value precision } } }`, farleytest.Vars{"id": x})
		t.Log(d.JSON())
		d = admin.Query(t, `mutation($id: ID!) { updateAccount(id: $id, input: {name: "Al Noor Group", legalName: null}, expectedVersion: 1) { account { id version name } } }`, farleytest.Vars{"id": x})
		t.Log(d.JSON())
		admin.Do(t, `mutation($id: ID!) { updateAccount(id: $id, input: {name: "x"}, expectedVersion: 1) { account { id version name } } }`, farleytest.Vars{"id": x}).Want(t, "CONFLICT")
		d = admin.Query(t, `mutation { upsertAccount(external: {system: "sap", id: "1"}, input: {name: "Ext"}) { account { id version } created } }`, nil)
		t.Log(d.JSON())
		d = admin.Query(t, `mutation { upsertAccount(external: {system: "sap", id: "1"}, input: {name: "Ext 2"}) { account { id version name} created } }`, nil)
		t.Log(d.JSON())
		d = admin.Query(t, `mutation($id: ID!) { deleteAccount(id: $id) { id version } }`, farleytest.Vars{"id": x})
		t.Log(d.JSON())
		admin.Do(t, `query($id: ID!) { account(id: $id) { id } }`, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
		d = admin.Query(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id version } } }`, farleytest.Vars{"id": x})
		t.Log(d.JSON())
	})
}
