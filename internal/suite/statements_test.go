package suite_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"farley/internal/farleytest"
	"farley/internal/input"
	"farley/internal/model"
)

// statements returns the statements that an operation takes. Who acts is looked up again for a while after users, roles or
// shares have changed, which is no part of the operation; so when there are more than wanted, it is run once more.
func statements(t *testing.T, e *farleytest.Env, c *farleytest.Client, document string, vars farleytest.Vars, want int) []string {
	t.Helper()
	var got []string
	for range 6 {
		settle(t, e)
		e.DB.Counter.Reset()
		c.Query(t, document, vars)
		got = slices.DeleteFunc(e.DB.Counter.Asked(), func(s string) bool {
			// The sequencer and the fan-out of changes look at their own tables only.
			return strings.Contains(s, "change_counter") || strings.Contains(s, "FROM changes")
		})
		if len(got) <= want {
			break
		}
	}
	return got
}

// The number of statements follows the selection: one a list and alias, which brings its total; one more for each total of lists
// inside a list. Relations to one are joined, and the number of records does not matter.
func TestStatements_followTheSelection(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for _, k := range open(t, e) {
			t.Run(k.Name, func(t *testing.T) {
				s := newShelf(t, e, k, admin, 6)
				x := s.rows[5].id
				for _, q := range readsOf(k) {
					got := statements(t, e, admin, q.document, farleytest.Vars{"id": x}, q.want)
					if len(got) != q.want {
						t.Errorf("%s takes %d statements, want %d:\n%s", q.document, len(got), q.want, strings.Join(got, "\n"))
					}
					if all := strings.Join(got, "\n"); strings.Contains(all, "LIMIT ?") {
						t.Errorf("%s has a limit that is an argument, with each new value of which SQLite prepares it again:\n%s", q.document, all)
					}
				}
				for range 6 {
					s.add(t)
				}
				for _, q := range readsOf(k) {
					if got := statements(t, e, admin, q.document, farleytest.Vars{"id": x}, q.want); len(got) != q.want {
						t.Errorf("with more records, %s takes %d statements, want %d", q.document, len(got), q.want)
					}
				}
			})
		}
	})
}

// reads is a document with the number of statements that it has to take.
type reads struct {
	document string
	want     int
}

// readsOf returns documents over a kind: with all its plain fields, all its relations to one, and each to many.
func readsOf(k *model.Kind) []reads {
	var plain, one, many []string
	for _, f := range public(k) {
		switch f.Type {
		case model.Ref:
			one = append(one, f.Name+" { id createdBy { id updatedBy { id version } } }")
		case model.Many:
			many = append(many, f.Name)
		default:
			plain = append(plain, selection(f))
		}
	}
	single := func(sel string) string { return fmt.Sprintf(`query($id: ID!) { %s(id: $id) { %s } }`, k.Single, sel) }
	list := func(sel string) string { return fmt.Sprintf(`{ %s(first: 5) { %s } }`, k.Plural, sel) }
	out := []reads{
		{single(strings.Join(plain, " ")), 1},
		{list("nodes { " + strings.Join(append(plain, one...), " ") + " } pageInfo { hasNextPage endCursor }"), 1},
		{list("edges { cursor node { id } } totalCount { value precision }"), 1},
		{list("totalCount { value }"), 1},
		{fmt.Sprintf(`{ a: %[1]s(first: 2) { nodes { id } } b: %[1]s(last: 3) { nodes { id } totalCount { value } } }`, k.Plural), 2},
		{fmt.Sprintf(`query($id: ID!) { node(id: $id) { id ... on %s { version } } }`, k.Name), 1},
		{fmt.Sprintf(`query($id: ID!) { nodes(ids: [$id, $id]) { id ... on %s { version } } }`, k.Name), 1},
	}
	for _, m := range many {
		out = append(out,
			reads{list("nodes { " + m + "(first: 2) { nodes { id } pageInfo { hasNextPage } } }"), 2},
			reads{list("nodes { a: " + m + "(first: 2) { nodes { id createdBy { id } } } b: " + m + "(last: 1) { edges { cursor } totalCount { value } } }"), 4})
	}
	return out
}

// A list as integrators write it: a filter over a relation, two levels of lists, a total.
func TestStatements_accountList(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		for i := range 6 {
			a := e.Make(t, "Account", input.Object{"name": fmt.Sprint("Firm ", i), "kinds": []any{"CUSTOMER"}, "annualRevenue": map[string]any{"amount": "2000000", "currency": "SAR"}})
			for j := range 3 {
				c := e.Make(t, "Contact", input.Object{"familyName": fmt.Sprint("Person ", j), "title": "Managing Director"})
				e.Make(t, "AccountContact", input.Object{"account": a.String(), "contact": c.String()})
			}
		}
		const document = `{ accounts(first: 20, orderBy: [{ field: NAME, direction: ASC }], where: { and: [{ kinds: { has: CUSTOMER } },
			{ annualRevenue: { gt: { amount: "1000000", currency: "SAR" } } }, { contacts: { some: { title: { contains: "director" } } } }] }) {
			edges { cursor node { id name annualRevenue { amount currency } taxNumber @optional owner { id name }
				contacts(first: 5, orderBy: [{ field: FAMILY_NAME, direction: ASC }]) { edges { node { id displayName primaryEmail } } pageInfo { hasNextPage } } } }
			pageInfo { hasNextPage endCursor } totalCount { value precision } } }`
		d := admin.Query(t, document, nil).At("accounts")
		if n := d.At("edges").Len(); n != 6 || d.At("totalCount.value").Int() != 6 || d.At("edges.5.node.contacts.edges").Len() != 3 {
			t.Errorf("the list is %s", d.JSON())
		}
		if got := statements(t, e, admin, document, nil, 2); len(got) != 2 {
			t.Errorf("it takes %d statements, want 2:\n%s", len(got), strings.Join(got, "\n"))
		}
	})
}
