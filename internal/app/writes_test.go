package app_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/input"
)

// What a write asks of the database is known, so that nobody adds to it unawares: BEGIN and COMMIT come on top.
func TestWrite_statements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := shipped(t, e, "sales_rep", input.Object{})
		asked := func(document string, vars farleytest.Vars) (got farleytest.Data, out []string) {
			t.Helper()
			for range 100 { // until no rights had to be looked up meanwhile
				e.DB.Counter.Reset()
				got = ann.Query(t, document, vars)
				if !strings.Contains(strings.Join(e.DB.Counter.Asked(), " "), "role_grants") {
					break
				}
			}
			for _, s := range e.DB.Counter.Asked() {
				words := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(s, "`", ""), "OR FAIL ", ""))
				for i, w := range words {
					if w == "FROM" || w == "INTO" || w == "UPDATE" {
						out = append(out, words[0]+" "+words[i+1])
						break
					}
				}
			}
			return got, out
		}
		const create = `mutation($f: String!) { createContact(input: {familyName: $f, title: "Buyer"}, onDuplicate: ALLOW) { contact { id version displayName } } }`
		log := "INSERT changes"
		if e.DB.Dialect == "sqlite3" {
			log = "UPDATE change_counter" // and the row with it
		}
		got, n := asked(create, farleytest.Vars{"f": "Person"})
		want := []string{"SELECT custom_fields", "INSERT contacts", "SELECT contacts", "INSERT match_keys", log}
		if diff := cmp.Diff(want, n); diff != "" {
			t.Errorf("a create (-want +got):\n%s", diff)
		}
		const update = `mutation($c: ID!, $t: String!) { updateContact(id: $c, input: {title: $t}) { contact { id version title } } }`
		x := got.At("createContact.contact.id").ID()
		got, n = asked(update, farleytest.Vars{"c": x, "t": "Buyer 2"}) // rights are known by now
		want = []string{"SELECT contacts", "SELECT shares", "UPDATE contacts", "SELECT contacts", log}
		if diff := cmp.Diff(want, n); diff != "" {
			t.Errorf("an update (-want +got):\n%s", diff)
		}
		if got.At("updateContact.contact.title").Text() != "Buyer 2" {
			t.Errorf("updated: %s", got.JSON())
		}
	})
}
