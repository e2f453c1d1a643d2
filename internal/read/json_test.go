package read_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/fault"
)

func (e *env) small(t testing.TB) {
	at := func(day int) time.Time { return time.Date(2026, 1, day, 10, 0, 0, 123456000, time.UTC) }
	e.insert(t, "users", row{"id": ident(codeUser, 1), "name": "Uma", "created_at": at(1)}, row{"id": ident(codeUser, 2), "name": "Vic", "created_at": at(1)})
	e.insert(t, "accounts",
		row{"id": ident(codeAccount, 1), "name": "Al \"Noor\"\n", "created_at": at(2), "owner_id": ident(codeUser, 1), "employees": 12, "rating": "HOT",
			"founded": "1999-12-31", "last_at": time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), "revenue": 1250000, "revenue_currency": "SAR",
			"revenue_reporting": 333333, "active": true, "kinds": "|CUSTOMER|PARTNER|", "tags": `["x", "y"]`, "tax_number": "300012345600003",
			"addresses": `[{"kind":"BILLING","city":"Riyadh","zip":12}]`},
		row{"id": ident(codeAccount, 2), "name": "Beta", "created_at": at(3), "owner_id": ident(codeUser, 2), "active": false, "kinds": "", "tax_number": "short"},
		row{"id": ident(codeAccount, 3), "name": "Gone", "created_at": at(3), "deleted_at": at(4)},
	)
	for i := range 5 {
		e.insert(t, "contacts", row{"id": ident(codeContact, i), "name": string(rune('A' + i)), "created_at": at(5), "account_id": ident(codeAccount, 1+i/3), "rank_no": i % 2})
		e.insert(t, "account_contacts", row{"id": ident(codeLink, i), "account_id": ident(codeAccount, 1), "contact_id": ident(codeContact, i)})
	}
	e.insert(t, "account_contacts", row{"id": ident(codeLink, 8), "account_id": ident(codeAccount, 1), "contact_id": ident(codeContact, 0)},
		row{"id": ident(codeLink, 9), "account_id": ident(codeAccount, 2), "contact_id": ident(codeContact, 4), "deleted_at": at(6)})
}

func a(n int) string { return ident(codeAccount, n).String() }
func c(n int) string { return ident(codeContact, n).String() }

func TestList_writesWhatWasSelected(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.small(t)
		for _, tt := range []struct {
			name, query, want string
			statements        int
		}{
			{
				"every type of field",
				`{ accounts(first: 1) { nodes { __typename ident: id name employees rating founded lastAt createdAt revenue { currency amount __typename } active kinds tags addresses { city t: __typename zip } deletedAt taxNumber } } }`,
				`{"accounts":{"nodes":[{"__typename":"Account","ident":"` + a(1) + `","name":"Al \"Noor\"\n","employees":12,"rating":"HOT","founded":"1999-12-31","lastAt":"2026-02-03T04:05:06Z","createdAt":"2026-01-02T10:00:00.123456Z","revenue":{"currency":"SAR","amount":"12500.00","__typename":"Money"},"active":true,"kinds":["CUSTOMER","PARTNER"],"tags":["x","y"],"addresses":[{"city":"Riyadh","t":"Address","zip":12}],"deletedAt":null,"taxNumber":"300012345600003"}]}}`, 1,
			},
			{
				"empty values",
				`{ accounts(orderBy: {field: NAME, direction: DESC}, first: 1) { nodes { name employees rating founded lastAt revenue { amount } active kinds tags addresses { city } } } }`,
				`{"accounts":{"nodes":[{"name":"Beta","employees":null,"rating":null,"founded":null,"lastAt":null,"revenue":null,"active":false,"kinds":[],"tags":[],"addresses":[]}]}}`, 1,
			},
			{
				"merged selections, fragments and directives, in the order of first appearance",
				`query($no: Boolean = false) { accounts(first: 1) { nodes { ...f owner { name } id ... on Node { id } ... on Node { ... on User { name } } name @include(if: $no) } nodes { owner { id } employees } } } fragment f on Account { owner { __typename } }`,
				`{"accounts":{"nodes":[{"owner":{"__typename":"User","name":"Uma","id":"` + ident(codeUser, 1).String() + `"},"id":"` + a(1) + `","employees":12}]}}`, 1,
			},
			{
				"nested lists, aliases, totals, edges",
				`{ accounts { totalCount { value precision } edges { node { name two: people(first: 2, orderBy: {field: RANK, direction: DESC}) { nodes { name account { id owner { name } } } pageInfo { hasNextPage } totalCount { value } __typename } contacts(last: 2) { edges { __typename node { name } } pageInfo { hasPreviousPage hasNextPage } } } } } }`,
				`{"accounts":{"totalCount":{"value":2,"precision":"EXACT"},"edges":[{"node":{"name":"Al \"Noor\"\n","two":{"nodes":[{"name":"B","account":{"id":"` + a(1) + `","owner":{"name":"Uma"}}},{"name":"C","account":{"id":"` + a(1) + `","owner":{"name":"Uma"}}}],"pageInfo":{"hasNextPage":true},"totalCount":{"value":3},"__typename":"ContactConnection"},"contacts":{"edges":[{"__typename":"ContactEdge","node":{"name":"D"}},{"__typename":"ContactEdge","node":{"name":"E"}}],"pageInfo":{"hasPreviousPage":true,"hasNextPage":false}}}},{"node":{"name":"Beta","two":{"nodes":[{"name":"D","account":{"id":"` + a(2) + `","owner":{"name":"Vic"}}},{"name":"E","account":{"id":"` + a(2) + `","owner":{"name":"Vic"}}}],"pageInfo":{"hasNextPage":false},"totalCount":{"value":2},"__typename":"ContactConnection"},"contacts":{"edges":[],"pageInfo":{"hasPreviousPage":false,"hasNextPage":false}}}}]}}`, 4,
			},
			{
				"only the total",
				`{ accounts { totalCount { value } } }`, `{"accounts":{"totalCount":{"value":2}}}`, 1,
			},
			{
				"the bin",
				`{ accounts(where: {deletedAt: {isNull: false}}) { nodes { name } } }`, `{"accounts":{"nodes":[{"name":"Gone"}]}}`, 1,
			},
			{
				"computed fields",
				`{ accounts { nodes { summary(n: 1) { open { amount } items { n label at } any { __typename ... on User { name } ... on Account { employees } } } } } }`,
				`{"accounts":{"nodes":[{"summary":{"open":{"amount":"1.00"},"items":[{"n":1,"label":"a\"b","at":"2026-11-22T09:00:00Z"}],"any":{"__typename":"User","name":"U"}}},{"summary":{"open":{"amount":"1.00"},"items":[{"n":1,"label":"a\"b","at":"2026-11-22T09:00:00Z"}],"any":{"__typename":"User","name":"U"}}}]}}`, 1,
			},
			{
				"one, and lists below to-one relations",
				`{ account(id: "` + a(2) + `") { name people(first: 1) { nodes { account { contacts { totalCount { value } } } } } } }`,
				`{"account":{"name":"Beta","people":{"nodes":[{"account":{"contacts":{"totalCount":{"value":0}}}}]}}}`, 3,
			},
			{
				"nodes of several kinds",
				`{ nodes(ids: ["` + c(1) + `", "` + a(3) + `", "` + a(1) + `", "` + c(2) + `"]) { id __typename ... on Contact { rank } ... on Account { kinds } } }`,
				`{"nodes":[{"id":"` + c(1) + `","__typename":"Contact","rank":1},null,{"id":"` + a(1) + `","__typename":"Account","kinds":["CUSTOMER","PARTNER"]},{"id":"` + c(2) + `","__typename":"Contact","rank":0}]}`, 2,
			},
			{
				"payloads, by alias, the bin included",
				`{ save(ids: ["` + a(3) + `", "` + a(1) + `"]) { one: account { name } two: account { id deletedAt } accounts { name } duplicates { x: account { employees } } } }`,
				`{"save":{"one":{"name":"Gone"},"two":{"id":"` + a(3) + `","deletedAt":"2026-01-04T10:00:00.123456Z"},"accounts":[{"name":"Gone"},{"name":"Al \"Noor\"\n"}],"duplicates":{"employees":12}}}`, 4,
			},
		} {
			e.Counter.Reset()
			e.counting = true
			got := e.must(t, e.admin(), tt.query, nil)
			e.counting = false
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
			if n := e.Counter.N(); n != tt.statements {
				t.Errorf("%s: %d statements, want %d: %q", tt.name, n, tt.statements, e.Counter.Statements())
			}
			if again := e.must(t, e.admin(), tt.query, nil); again != got {
				t.Errorf("%s, by a plan that was kept: %s", tt.name, again)
			}
		}
		_, err := e.run(t, e.admin(), `{ account(id: "`+a(3)+`") { id } }`, nil)
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("record in the bin: %v, want NOT_FOUND", err)
		}
	})
}
