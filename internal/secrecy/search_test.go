package secrecy_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

const searched = `query($q: String!) { search(query: $q, first: 100) { edges { cursor score highlight node { id } } pageInfo { hasNextPage endCursor } } }`

// sought returns the ids that a search finds.
func sought(t *testing.T, c *farleytest.Client, q string) []string {
	t.Helper()
	return c.Query(t, searched, farleytest.Vars{"q": q}).At("search.edges").Texts("node.id")
}

func texts(ids ...id.ID) []string {
	out := []string{}
	for _, x := range ids {
		out = append(out, x.String())
	}
	return out
}

// Records out of sight change neither hits, order, scores, highlights nor cursors, also when there are so many that the
// search goes another way, and when they have the word that was mistyped.
func TestSearch_hiddenRowsChangeNothing(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, staff(e, "OWN")))
		own := func(name string) {
			tick(e)
			e.Make(t, "Account", input.Object{"name": name, "owner": c.User.String(), "industry": "oak"})
		}
		for _, name := range []string{"oak elm", "elm oak", "oak", "oaken elm", "elm ash oak", "ash"} {
			own(name)
		}
		ask := func() map[string]string {
			e.Index(t)
			out := map[string]string{}
			for _, q := range []string{"oak", "oak elm", "elm oak ", "oa", "ashen", "aash", "yews", "yew oak", "elmm", "beech", "oak oak"} {
				out[q] = c.Do(t, searched, farleytest.Vars{"q": q}).Want(t, "").Raw
			}
			return out
		}
		before := ask()
		for i := range 300 {
			x := e.Make(t, "Account", input.Object{"name": "elm oak yews ashen", "legalName": "beech " + strconv.Itoa(i)})
			if i%3 == 0 {
				e.Make(t, "Note", input.Object{"account": x.String(), "body": "oak elm ash yews beech"})
			}
		}
		if diff := cmp.Diff(before, ask()); diff != "" {
			t.Errorf("hidden records show (-before +after):\n%s", diff)
		}
	})
}

// Values of fields that a role does not have, or has masked, change nothing.
func TestSearch_hiddenValuesChangeNothing(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := levels(staff(e, "ALL"), "ACCOUNT LEGAL_NAME NONE", "ACCOUNT INDUSTRY MASKED", "ACCOUNT TAGS NONE", "NOTE BODY NONE")
		c := e.User(t, nil, e.Role(t, role))
		tag := e.Make(t, "Tag", input.Object{"name": "larch"})
		x := e.Make(t, "Account", input.Object{"name": "oak elm"})
		y := e.Make(t, "Account", input.Object{"name": "elm"})
		note := e.Make(t, "Note", input.Object{"account": x.String(), "title": "oak", "body": "plain"})
		ask := func() map[string]string {
			e.Index(t)
			out := map[string]string{}
			for _, q := range []string{"oak", "elm", "oak elm", "yew", "elm yew", "beech", "elm birch", "larch elm", "oak cedar", "yeww", "bee", "SA-77"} {
				out[q] = c.Do(t, searched, farleytest.Vars{"q": q}).Want(t, "").Raw
			}
			return out
		}
		before := ask()
		e.Change(t, y, input.Object{"legalName": "yew oak", "industry": "beech", "taxNumber": "SA-77", "tags": []any{tag.String()}})
		e.Change(t, x, input.Object{"legalName": "oak", "industry": "birch elm"})
		e.Change(t, note, input.Object{"body": "oak cedar"})
		if diff := cmp.Diff(before, ask()); diff != "" {
			t.Errorf("hidden values show (-before +after):\n%s", diff)
		}
		if all := sought(t, e.Admin(t), "yew"); len(all) != 1 {
			t.Errorf("the administrator finds %v", all)
		}
	})
}

// A field that shows on some rows finds those rows only, and so does a share of some fields.
func TestSearch_levelsDependOnTheRow(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		wide := e.Role(t, levels(grants(e, "ACCOUNT READ ALL"), "ACCOUNT INDUSTRY NONE", "ACCOUNT TAX_NUMBER NONE"))
		narrow := e.Role(t, levels(grants(e, "ACCOUNT READ OWN"), "ACCOUNT TAX_NUMBER READ"))
		c := e.User(t, nil, wide, narrow)
		mine := e.Make(t, "Account", input.Object{"name": "oak", "owner": c.User.String(), "industry": "elm", "taxNumber": "beech"})
		other := e.Make(t, "Account", input.Object{"name": "oaks", "industry": "elm", "taxNumber": "beech"})
		e.Index(t)
		for _, q := range []string{"elm", "beech", "oak elm", "elm beech oak", "oaks elm"} {
			if diff := cmp.Diff(texts(mine), sought(t, c, q)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", q, diff)
			}
		}
		if diff := cmp.Diff(texts(mine, other), sought(t, c, "oak")); diff != "" {
			t.Errorf("by name (-want +got):\n%s", diff)
		}

		guest := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT READ SHARED")))
		e.Make(t, "Share", input.Object{"record": other.String(), "grantee": guest.User.String(), "level": "READ", "fields": []any{"NAME"}})
		e.Identity.Invalidate()
		if diff := cmp.Diff(texts(other), sought(t, guest, "oaks")); diff != "" {
			t.Errorf("what is shared (-want +got):\n%s", diff)
		}
		for _, q := range []string{"elm", "oaks elm"} {
			if got := sought(t, guest, q); len(got) != 0 {
				t.Errorf("%q finds %v by a field that is not shared", q, got)
			}
		}
	})
}

// What stands in an index that is behind does not show: highlights are made of the values of now.
func TestSearch_highlightsWhatIs(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, staff(e, "ALL")))
		x := e.Make(t, "Account", input.Object{"name": "oak", "industry": "oak and elm"})
		e.Index(t)
		e.Change(t, x, input.Object{"name": "yew", "industry": "elm"})
		got := c.Query(t, searched, farleytest.Vars{"q": "oak"}).At("search.edges.0.highlight").V
		if got != nil {
			t.Errorf("an old value shows: %v", got)
		}
	})
}

// Outsiders find what is theirs.
func TestSearch_ofOutsiders(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		firm := e.Make(t, "Account", input.Object{"name": "oak partner", "kinds": []any{"PARTNER"}})
		theirs := e.Make(t, "Account", input.Object{"name": "oak theirs", "partner": firm.String()})
		e.Make(t, "Account", input.Object{"name": "oak ours"})
		customer := e.Make(t, "Contact", input.Object{"familyName": "oak customer"})
		e.Make(t, "Contact", input.Object{"familyName": "oak stranger"})
		note := e.Make(t, "Note", input.Object{"contact": customer.String(), "body": "oak"})
		e.Index(t)
		partner := e.User(t, input.Object{"kind": "PARTNER", "partnerAccount": firm.String()}, e.Role(t, grants(e, "ACCOUNT READ PARTNER")))
		portal := e.User(t, input.Object{"kind": "PORTAL", "contact": customer.String()}, e.Role(t, grants(e, "CONTACT READ SELF", "NOTE READ SELF")))
		set := func(ids []string) map[string]bool {
			out := map[string]bool{}
			for _, x := range ids {
				out[x] = true
			}
			return out
		}
		if diff := cmp.Diff(set(texts(firm, theirs)), set(sought(t, partner, "oak"))); diff != "" {
			t.Errorf("the partner (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(set(texts(customer, note)), set(sought(t, portal, "oak"))); diff != "" {
			t.Errorf("the customer (-want +got):\n%s", diff)
		}
		if got := sought(t, e.User(t, nil, e.Role(t, access.Role{})), "oak"); len(got) != 0 {
			t.Errorf("who may do nothing finds %v", got)
		}
	})
}
