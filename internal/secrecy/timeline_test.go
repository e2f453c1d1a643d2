package secrecy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// lived is a timeline with a summary, as much of it as there is to select.
const lived = `query($id: ID!, $first: Int, $after: Cursor) { account(id: $id) {
	timeline(first: $first, after: $after) { edges { cursor node { __typename id at title actor { id displayName } ... on FieldChangeEntry { field old new kept } ... on RecordEntry { op } } } pageInfo { hasNextPage endCursor } }
	summary { lastContactAt notes convertedLeads openLeads links teamMembers stageSince } } }`

// pagesOf reads the timeline of an account page by page, as bytes.
func pagesOf(t *testing.T, c *farleytest.Client, x id.ID) []string {
	t.Helper()
	out := []string{}
	vars := farleytest.Vars{"id": x, "first": 2}
	for {
		r := c.Do(t, lived, vars).Want(t, "")
		out = append(out, r.Raw)
		d := farleytest.Data{V: r.Data}.At("account.timeline.pageInfo")
		if d.At("hasNextPage").V != true {
			return out
		}
		vars["after"] = d.At("endCursor").Text()
	}
}

// What is hidden changes neither entries nor pages nor cursors: fields without level, fields that show the same masked, notes
// and links out of sight, and what Farley keeps. Nor does pruning tell of it.
func TestTimeline_hiddenChangesChangeNothing(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := levels(grants(e, "ACCOUNT READ OWN", "CONTACT READ OWN", "ACCOUNT_CONTACT READ ALL", "NOTE READ OWN", "USER READ OWN", "LEAD READ OWN", "RELATIONSHIP READ ALL"),
			"ACCOUNT EMPLOYEES NONE", "ACCOUNT LEGAL_NAME MASKED", "ACCOUNT LAST_ACTIVITY_AT NONE", "NOTE TITLE NONE")
		c := e.User(t, nil, e.Role(t, role))
		firm := e.Make(t, "User", input.Object{"email": "h@example.com", "name": "Hidden"})
		x := e.Make(t, "Account", input.Object{"name": "elm", "owner": c.User.String(), "legalName": "elm and sons ltd"})
		other := e.Make(t, "Account", input.Object{"name": "hidden"})
		stranger := e.Make(t, "Contact", input.Object{"familyName": "stranger"})
		note := e.Make(t, "Note", input.Object{"account": x.String(), "body": "b", "title": "one"})
		tick(e)
		e.Change(t, x, input.Object{"name": "oak", "employees": float64(3)})
		tick(e)
		e.Change(t, x, input.Object{"legalName": "oak and sons gmbh"})
		before := pagesOf(t, c, x)
		if len(before) < 2 {
			t.Fatalf("%d pages", len(before))
		}
		same := func(what string) {
			t.Helper()
			if diff := cmp.Diff(before, pagesOf(t, c, x)); diff != "" {
				t.Errorf("%s shows (-before +after):\n%s", what, diff)
			}
		}
		for i := range 7 {
			tick(e)
			e.Change(t, x, input.Object{"employees": float64(10 + i), "taxNumber": fmt.Sprint("tax ", i)})
		}
		same("a field without level")
		for i := range 7 {
			tick(e)
			e.Change(t, x, input.Object{"legalName": fmt.Sprint("elm ", i, " and sons gmbh")})
		}
		same("what shows the same masked")
		e.Change(t, note, input.Object{"title": "two"})
		same("a hidden title")
		for range 5 {
			tick(e)
			e.Make(t, "Note", input.Object{"account": other.String(), "body": "b"})
			e.Make(t, "AccountTeamMember", input.Object{"account": x.String(), "user": firm.String(), "role": fmt.Sprint(e.Clock.Now().Unix())})
		}
		e.Make(t, "AccountContact", input.Object{"account": x.String(), "contact": stranger.String(), "toDate": "2026-11-01"})
		e.Make(t, "Relationship", input.Object{"fromAccount": x.String(), "toAccount": other.String(), "type": "PARTNER"})
		e.Make(t, "Lead", input.Object{"company": "elm"})
		same("what is out of sight")
	})
}

// Actors, and the records to which values lead, show only as far as they are in sight.
func TestTimeline_ofHiddenPeople(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT READ ALL", "USER READ OWN")))
		boss := e.User(t, input.Object{"name": "Boss"}, e.Role(t, staff(e, "ALL")))
		x := e.Make(t, "Account", input.Object{"name": "elm", "owner": c.User.String()})
		tick(e)
		boss.Query(t, `mutation($id: ID!, $o: ID!) { updateAccount(id: $id, input: {owner: $o}) { account { id } } }`, farleytest.Vars{"id": x, "o": boss.User})
		got := c.Query(t, `query($id: ID!) { account(id: $id) { timeline(kinds: [FIELD_CHANGE]) { edges { node { actor { id } ... on FieldChangeEntry { field old new } } } } } }`, farleytest.Vars{"id": x}).At("account.timeline.edges").JSON()
		if want := fmt.Sprintf(`[{"node":{"actor":null,"field":"owner","new":null,"old":%q}}]`, c.User); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		none := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT READ ALL")))
		got = none.Query(t, `query($id: ID!) { account(id: $id) { timeline(kinds: [FIELD_CHANGE]) { edges { node { actor { id } title } } } } }`, farleytest.Vars{"id": x}).At("account.timeline.edges").JSON()
		if got != "[]" {
			t.Errorf("who reads no users learns of owners: %s", got)
		}
	})
}

// A level that depends on the row opens the history of that row only, for the levels of now.
func TestTimeline_levelsDependOnTheRow(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		wide := e.Role(t, levels(grants(e, "ACCOUNT READ ALL"), "ACCOUNT INDUSTRY NONE", "ACCOUNT NOTES NONE"))
		narrow := e.Role(t, grants(e, "ACCOUNT READ OWN", "NOTE READ ALL"))
		c := e.User(t, nil, wide, narrow)
		mine := e.Make(t, "Account", input.Object{"name": "mine", "owner": c.User.String()})
		other := e.Make(t, "Account", input.Object{"name": "other"})
		tick(e)
		for _, x := range []id.ID{mine, other} {
			e.Change(t, x, input.Object{"industry": "ash", "name": "yew"})
			e.Make(t, "Note", input.Object{"account": x.String(), "body": "b"})
		}
		const q = `query($id: ID!) { account(id: $id) { timeline { edges { node { kind title } } } } }`
		entries := func(x id.ID) string {
			return c.Query(t, q, farleytest.Vars{"id": x}).At("account.timeline.edges").JSON()
		}
		all := `[{"node":{"kind":"NOTE","title":null}},{"node":{"kind":"FIELD_CHANGE","title":"name"}},{"node":{"kind":"FIELD_CHANGE","title":"industry"}},{"node":{"kind":"RECORD","title":null}}]`
		few := `[{"node":{"kind":"FIELD_CHANGE","title":"name"}},{"node":{"kind":"RECORD","title":null}}]`
		if got := entries(mine); got != all {
			t.Errorf("of the own: %s", got)
		}
		if got := entries(other); got != few {
			t.Errorf("of others: %s", got)
		}
		// In one list each by its own rights.
		got := c.Query(t, `{ accounts { nodes { id timeline { edges { node { kind title } } } } } }`, nil).At("accounts.nodes")
		for i := range got.Len() {
			n := got.At(fmt.Sprint(i))
			want := few
			if n.At("id").Text() == mine.String() {
				want = all
			}
			if s := n.At("timeline.edges").JSON(); s != want {
				t.Errorf("in the list: %s, want %s", s, want)
			}
		}
		e.Change(t, mine, input.Object{"owner": nil})
		if got := entries(mine); got != few {
			t.Errorf("once it was given away: %s", got)
		}
	})
}

// A share opens the history of the fields it opens, while it lasts.
func TestTimeline_ofShares(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		firm := e.Make(t, "Account", input.Object{"name": "partner", "kinds": []any{"PARTNER"}})
		c := e.User(t, input.Object{"kind": "PARTNER", "partnerAccount": firm.String()}, e.Role(t, grants(e, "ACCOUNT READ PARTNER")))
		x := e.Make(t, "Account", input.Object{"name": "elm"})
		tick(e)
		e.Change(t, x, input.Object{"name": "oak", "industry": "timber", "employees": float64(3)})
		const q = `query($id: ID!) { account(id: $id) { timeline(kinds: [FIELD_CHANGE]) { edges { node { title } } } } }`
		c.Do(t, q, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
		e.Make(t, "Share", input.Object{"record": x.String(), "grantee": firm.String(), "fields": []any{"NAME", "EMPLOYEES"},
			"expiresAt": e.Clock.Now().Add(minute / 2).Format(time.RFC3339)})
		e.Identity.Invalidate()
		if diff := cmp.Diff([]string{"name", "employees"}, c.Query(t, q, farleytest.Vars{"id": x}).At("account.timeline.edges").Texts("node.title")); diff != "" {
			t.Error(diff)
		}
		e.Clock.Advance(e.Clock.Now().Add(minute))
		c.Do(t, q, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
	})
}

// What is in the bin has no timeline, and a role without a kind learns nothing of it.
func TestTimeline_ofKindsWithoutRights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT READ ALL")))
		x := e.Make(t, "Account", input.Object{"name": "elm"})
		e.Make(t, "Note", input.Object{"account": x.String(), "body": "b"})
		got := c.Query(t, `query($id: ID!) { account(id: $id) { timeline { edges { node { kind } } } } }`, farleytest.Vars{"id": x}).At("account.timeline.edges").Texts("node.kind")
		if diff := cmp.Diff([]string{"RECORD"}, got); diff != "" {
			t.Error(diff)
		}
		c.Do(t, `query($id: ID!) { account(id: $id) { timeline { edges { node { ... on NoteEntry { note { body } } } } } } }`, farleytest.Vars{"id": x}).Want(t, "FORBIDDEN")
		admin := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.All)))
		bin(t, e, x)
		admin.Do(t, `query($id: ID!) { account(id: $id) { timeline { edges { node { kind } } } } }`, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
	})
}
