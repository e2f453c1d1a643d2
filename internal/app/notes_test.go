package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

func TestMentions(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		for c, name := range map[*farleytest.Client]string{ann: "Ann", bob: "Bob"} {
			e.Change(t, c.User, input.Object{"name": name})
		}
		firm := e.Make(t, "Account", input.Object{"name": "Partner", "kinds": []any{"PARTNER"}})
		x := e.Make(t, "Account", input.Object{"name": "Elm", "owner": ann.User.String(), "partner": firm.String()})
		hidden := e.Make(t, "Account", input.Object{"name": "Hidden"})
		pam := shipped(t, e, "partner", input.Object{"kind": "PARTNER", "partnerAccount": firm.String(), "name": "Pam"})
		at := func(users ...id.ID) string {
			parts := []string{}
			for _, u := range users {
				parts = append(parts, fmt.Sprintf("[@somebody](%s)", u))
			}
			return strings.Join(parts, " and ")
		}
		const create = `mutation($a: ID!, $b: String!) { createNote(input: {account: $a, body: $b}) { note { id bodyHtml mentions { nodes { name } } } } }`
		d := ann.Query(t, create, farleytest.Vars{"a": x, "b": "Ask " + at(bob.User, ann.User, bob.User) + " <b>now</b>"}).At("createNote.note")
		note := d.At("id").ID()
		if got := strings.Join(d.At("mentions.nodes").Texts("name"), " "); got != "Ann Bob" && got != "Bob Ann" {
			t.Errorf("mentioned are %q", got)
		}
		want := fmt.Sprintf("<p>Ask <a href=\"#%s\" rel=\"nofollow\">@somebody</a> and <a href=\"#%s\" rel=\"nofollow\">@somebody</a> and <a href=\"#%s\" rel=\"nofollow\">@somebody</a> now</p>\n", bob.User, ann.User, bob.User)
		if got := d.At("bodyHtml").Text(); got != want {
			t.Errorf("as HTML: %q, want %q", got, want)
		}

		// Whoever is mentioned finds the notes that he sees.
		const mine = `{ notes(where: {mentions: {some: {me: true}}}) { nodes { id } } }`
		e.Make(t, "Note", input.Object{"account": hidden.String(), "body": at(bob.User)})
		if diff := cmp.Diff([]string{note.String()}, bob.Query(t, mine, nil).At("notes.nodes").Texts("id")); diff != "" {
			t.Errorf("what mentions Bob: %s", diff)
		}
		if n := shipped(t, e, "sales_rep", nil).Query(t, mine, nil).At("notes.nodes").Len(); n != 0 {
			t.Errorf("a stranger finds %d notes that mention him", n)
		}

		// Who is not there, or out of sight, cannot be mentioned, in the same words.
		gone := e.Make(t, "User", input.Object{"email": "gone@example.com", "name": "Gone"})
		refused := func(c *farleytest.Client, body string) string {
			t.Helper()
			r := c.Do(t, create, farleytest.Vars{"a": x, "b": body}).Want(t, "INVALID")
			if diff := cmp.Diff([]string{"input.body NOT_FOUND"}, r.Violations()); diff != "" {
				t.Error(diff)
			}
			return r.Errors[0].Extensions.Violations[0].Message
		}
		if one, other := refused(pam, at(gone)), refused(pam, at(absentUser(e))); one != other {
			t.Errorf("who is hidden is told from who is absent: %q, %q", one, other)
		}
		notes := count(t, e, "SELECT COUNT(*) FROM notes")
		many := []id.ID{}
		for i := range 51 {
			many = append(many, e.Make(t, "User", input.Object{"email": fmt.Sprintf("m%d@example.com", i), "name": "M"}))
		}
		r := ann.Do(t, create, farleytest.Vars{"a": x, "b": at(many...)}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.body TOO_LONG"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM notes"); n != notes {
			t.Errorf("%d notes came of what was refused", n-notes)
		}
		ann.Query(t, create, farleytest.Vars{"a": x, "b": at(many[:50]...)})

		// Mentions follow the body. Who edits keeps a mention that he does not see, and his answer does not tell of it.
		const update = `mutation($n: ID!, $b: String!) { updateNote(id: $n, input: {body: $b}) { note { mentions { nodes { name } } } } }`
		admin := e.Admin(t)
		names := func(c *farleytest.Client, body string) string {
			return strings.Join(c.Query(t, update, farleytest.Vars{"n": note, "b": body}).At("updateNote.note.mentions.nodes").Texts("name"), " ")
		}
		if got := names(admin, "Only "+at(bob.User)); got != "Bob" {
			t.Errorf("mentioned are %q", got)
		}
		e.Settle(t)
		from := admin.Cursor(t)
		if got := names(admin, "Only "+at(bob.User)+" again"); got != "Bob" {
			t.Errorf("mentioned are %q", got)
		}
		if got := names(admin, "Nobody"); got != "" {
			t.Errorf("mentioned are %q", got)
		}
		e.Settle(t)
		changed := []string{}
		edges := admin.Query(t, `query($c: Cursor!) { changes(objects: [NOTE], after: $c) { edges { node { changedFields } } } }`, farleytest.Vars{"c": from}).At("changes.edges")
		for i := range edges.Len() {
			changed = append(changed, edges.At(fmt.Sprintf("%d.node.changedFields", i)).JSON())
		}
		if diff := cmp.Diff([]string{`["body"]`, `["body","mentions"]`}, changed); diff != "" {
			t.Errorf("events tell of %s", diff)
		}
		if n := bob.Query(t, mine, nil).At("notes.nodes").Len(); n != 0 {
			t.Errorf("%d notes mention Bob still", n)
		}

		// The body's rights hold for what is made of it.
		blind := e.Role(t, levelled(t, e, "NOTE BODY NONE"))
		e.User(t, nil, blind).Do(t, `query($n: ID!) { note(id: $n) { bodyHtml } }`, farleytest.Vars{"n": note}).Want(t, "FORBIDDEN")

		// A dry run keeps nothing.
		before := count(t, e, "SELECT COUNT(*) FROM mentions WHERE deleted_at IS NULL")
		ann.Query(t, `mutation($a: ID!, $b: String!) { createNote(input: {account: $a, body: $b}, dryRun: true) { note { mentions { nodes { name } } } } }`, farleytest.Vars{"a": x, "b": at(bob.User)})
		if n := count(t, e, "SELECT COUNT(*) FROM mentions WHERE deleted_at IS NULL"); n != before {
			t.Errorf("%d mentions came of a dry run", n-before)
		}
	})
}

func absentUser(e *farleytest.Env) id.ID { return id.New(e.Set.Kind("User").Code, e.Clock.Now()) }

// Notes move when somebody last dealt with what they are about, without a version, an event or a conflict; nothing else does.
func TestLastActivity(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		x := e.Make(t, "Account", input.Object{"name": "Elm", "owner": ann.User.String()})
		person := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "owner": ann.User.String()})
		const q = `query($id: ID!, $c: ID!) { account(id: $id) { version lastActivityAt summary { lastContactAt } } contact(id: $c) { version lastActivityAt } }`
		check := func(account, contact string) {
			t.Helper()
			if account != "null" {
				account = `"` + account + `"`
			}
			if contact != "null" {
				contact = `"` + contact + `"`
			}
			want := fmt.Sprintf(`{"account":{"lastActivityAt":%s,"summary":{"lastContactAt":%s},"version":1},"contact":{"lastActivityAt":%s,"version":1}}`, account, account, contact)
			if got := ann.Query(t, q, farleytest.Vars{"id": x, "c": person}).JSON(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		check("null", "null")
		advanceBy(e, time.Minute)
		e.Make(t, "Consent", input.Object{"contact": person.String(), "channel": "LOCATION", "purpose": "SERVICE", "status": "GRANTED"})
		e.Make(t, "LocationEvent", input.Object{"contact": person.String(), "latitude": 1.0, "longitude": 1.0, "seenAt": "2026-11-22T09:00:30Z"})
		check("null", "null")
		rows := count(t, e, "SELECT COUNT(*) FROM changes WHERE record_id = ?", x)
		note := ann.Query(t, `mutation($a: ID!) { createNote(input: {account: $a, body: "b"}) { note { id } } }`, farleytest.Vars{"a": x}).At("createNote.note.id").ID()
		check("2026-11-22T09:01:00Z", "null")
		if n := count(t, e, "SELECT COUNT(*) FROM changes WHERE record_id = ?", x); n != rows {
			t.Errorf("the account has %d changes of its own", n-rows)
		}
		advanceBy(e, time.Minute)
		ann.Query(t, `mutation($n: ID!) { updateNote(id: $n, input: {body: "c"}) { note { id } } }`, farleytest.Vars{"n": note})
		check("2026-11-22T09:01:00Z", "null")
		ann.Query(t, `mutation($c: ID!) { createNote(input: {contact: $c, body: "b"}) { note { id } } }`, farleytest.Vars{"c": person})
		check("2026-11-22T09:01:00Z", "2026-11-22T09:02:00Z")

		// What was said of a lead goes with its notes.
		lead := e.Make(t, "Lead", input.Object{"familyName": "Haddad", "owner": ann.User.String()})
		advanceBy(e, time.Minute)
		e.Make(t, "Note", input.Object{"lead": lead.String(), "body": "b"})
		advanceBy(e, time.Minute)
		became := ann.Query(t, `mutation($l: ID!) { convertLead(input: {lead: $l, contact: {create: {}}}) { lead { lastActivityAt } contact { lastActivityAt } } }`, farleytest.Vars{"l": lead}).At("convertLead").JSON()
		if want := `{"contact":{"lastActivityAt":"2026-11-22T09:03:00Z"},"lead":{"lastActivityAt":"2026-11-22T09:03:00Z"}}`; became != want {
			t.Errorf("%s, want %s", became, want)
		}
	})
}

func TestRelationships(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		make1 := func(kind string, in input.Object) id.ID {
			in["owner"] = ann.User.String()
			return e.Make(t, kind, in)
		}
		elm, oak, person, spouse := make1("Account", input.Object{"name": "Elm"}), make1("Account", input.Object{"name": "Oak"}), make1("Contact", input.Object{"familyName": "A"}), make1("Contact", input.Object{"familyName": "B"})
		const create = `mutation($in: CreateRelationshipInput!) { createRelationship(input: $in) { relationship { id inverse } } }`
		relate := func(want string, pairs ...any) farleytest.Data {
			t.Helper()
			in := input.Object{}
			for i := 0; i < len(pairs); i += 2 {
				in[pairs[i].(string)] = pairs[i+1]
			}
			r := ann.Do(t, create, farleytest.Vars{"in": in})
			if diff := cmp.Diff(want, strings.Join(r.Violations(), ", ")); diff != "" {
				t.Error(r.Raw, diff)
			}
			return farleytest.Data{V: r.Data}.At("createRelationship.relationship")
		}
		first := relate("", "fromAccount", elm, "toAccount", oak, "type", "SUBSIDIARY", "toDate", "2026-06-30")
		if got := first.At("inverse").Text(); got != "PARENT" {
			t.Errorf("the inverse is %s", got)
		}
		relate("input.type TAKEN", "fromAccount", elm, "toAccount", oak, "type", "SUBSIDIARY")
		relate("input.type TAKEN", "fromAccount", elm, "toAccount", oak, "type", "SUBSIDIARY", "fromDate", "2026-06-30")
		relate("", "fromAccount", elm, "toAccount", oak, "type", "SUBSIDIARY", "fromDate", "2026-07-01") // after the first one
		relate("", "fromAccount", oak, "toAccount", elm, "type", "SUBSIDIARY")                           // the other way it means something else
		relate("", "fromContact", person, "toContact", spouse, "type", "SPOUSE")
		relate("input.type TAKEN", "fromContact", spouse, "toContact", person, "type", "SPOUSE") // mutual
		relate("", "fromContact", person, "toContact", spouse, "type", "OTHER", "label", "godfather")
		relate("", "fromContact", person, "toContact", spouse, "type", "OTHER", "label", "neighbour")
		relate("input.type TAKEN", "fromContact", person, "toContact", spouse, "type", "OTHER", "label", "Neighbour")
		relate("input.toAccount CYCLE", "fromAccount", elm, "toAccount", elm, "type", "PARTNER")
		relate("input.toDate RANGE", "fromAccount", elm, "toContact", person, "type", "PARTNER", "fromDate", "2026-07-01", "toDate", "2026-06-01")
		bin(t, ann, "Relationship", first.At("id").ID())
		again := relate("", "fromAccount", elm, "toAccount", oak, "type", "SUBSIDIARY", "toDate", "2026-06-01")
		ann.Do(t, `mutation($id: ID!) { restoreRelationship(id: $id) { relationship { id } } }`, farleytest.Vars{"id": first.At("id").ID()}).Want(t, "INVALID")
		ann.Do(t, `mutation($id: ID!) { updateRelationship(id: $id, input: {toDate: null}) { relationship { id } } }`, farleytest.Vars{"id": again.At("id").ID()}).Want(t, "INVALID")
		blind := e.Role(t, levelled(t, e, "RELATIONSHIP TYPE NONE"))
		e.User(t, nil, blind).Do(t, `{ relationships { nodes { inverse } } }`, nil).Want(t, "FORBIDDEN")

		// Every type has an inverse, and each that is its own is mutual.
		for _, typ := range e.Set.Kind("Relationship").Field("type").Values {
			a, b := make1("Account", input.Object{"name": "A"}), make1("Account", input.Object{"name": "B"})
			if got := relate("", "fromAccount", a, "toAccount", b, "type", typ).At("inverse").Text(); got == "" {
				t.Errorf("%s has no inverse", typ)
			} else if got == typ && typ != "OTHER" {
				relate("input.type TAKEN", "fromAccount", b, "toAccount", a, "type", typ)
			}
		}
	})
}
