package app_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/seed"
)

// levelled is the role of an administrator but for levels of fields, written "NOTE BODY NONE".
func levelled(t *testing.T, e *farleytest.Env, lines ...string) access.Role {
	t.Helper()
	r := farleytest.Everything(e, access.All)
	for _, line := range lines {
		part := strings.Fields(line)
		r.Fields = slices.DeleteFunc(r.Fields, func(f access.FieldLevel) bool { return f.Object == part[0] && f.Field == part[1] })
		r.Fields = append(r.Fields, access.FieldLevel{Object: part[0], Field: part[1], Level: access.Level(part[2])})
	}
	return r
}

const (
	accountSummary = `query($id: ID!) { account(id: $id) { summary { lastContactAt notes convertedLeads openLeads links teamMembers stageSince openNeeds marketing { channel } } } }`
	contactSummary = `query($id: ID!) { contact(id: $id) { summary { lastContactAt notes convertedLeads openLeads links teamMembers stageSince openNeeds marketing { channel allowed because } } } }`
)

func TestSummary(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		if err := seed.EnsureStages(t.Context(), e.Write); err != nil {
			t.Fatal(err)
		}
		team, ann, bob := salesTeam(t, e)
		ours := func(kind string, in input.Object) id.ID { in["team"] = team.String(); return e.Make(t, kind, in) }
		x := ours("Account", input.Object{"name": "Elm", "website": "https://elm.example", "lifecycle": seed.StageID(e.Set, "prospect").String()})
		person := ours("Contact", input.Object{"familyName": "Farouk", "emails": []any{map[string]any{"address": "f@elm.example", "kind": "WORK", "primary": true}}})
		former, other := ours("Contact", input.Object{"familyName": "Former"}), e.Make(t, "Contact", input.Object{"familyName": "Hidden"})
		link := func(contact id.ID, more input.Object) {
			more["account"], more["contact"] = x.String(), contact.String()
			e.Make(t, "AccountContact", more)
		}
		link(person, input.Object{})
		link(person, input.Object{"fromDate": "2026-11-01", "role": "billing"})
		link(former, input.Object{"toDate": "2026-11-21"})
		link(other, input.Object{})
		e.Make(t, "AccountTeamMember", input.Object{"account": x.String(), "user": bob.User.String(), "role": "helper"})
		e.Make(t, "AccountTeamMember", input.Object{"account": x.String(), "user": ann.User.String(), "role": "helper", "fromDate": "2027-01-01"})
		ours("Lead", input.Object{"company": "Elm", "website": "https://www.elm.example/x", "emails": []any{"f@elm.example"}})
		ours("Lead", input.Object{"company": "Elm", "website": "https://elm.example", "status": "DISQUALIFIED", "statusReason": "r"})
		e.Make(t, "Lead", input.Object{"company": "Elm", "website": "https://elm.example"})
		lead := ours("Lead", input.Object{"company": "Elm", "familyName": "Haddad"})
		ann.Query(t, `mutation($l: ID!, $a: ID!, $c: ID!) { convertLead(input: {lead: $l, account: {link: $a}, contact: {link: $c}}) { lead { id } } }`, farleytest.Vars{"l": lead, "a": x, "c": person})
		advanceBy(e, time.Minute)
		e.Make(t, "Note", input.Object{"account": x.String(), "body": "b"})
		e.Make(t, "Note", input.Object{"contact": person.String(), "body": "b"})
		for i, c := range []string{"EMAIL GRANTED", "EMAIL WITHDRAWN", "SMS GRANTED", "PHONE WITHDRAWN", "PHONE GRANTED"} {
			channel, status, _ := strings.Cut(c, " ")
			e.Make(t, "Consent", input.Object{"contact": person.String(), "channel": channel, "purpose": "MARKETING", "status": status, "givenAt": fmt.Sprintf("2026-11-2%dT00:00:00Z", min(i, 1))})
		}
		e.Make(t, "Need", input.Object{"contact": person.String(), "topic": "tea"})
		e.Make(t, "Need", input.Object{"contact": person.String(), "topic": "milk", "metOn": "2026-11-01"})

		ask := func(c *farleytest.Client, document string, x id.ID) string {
			t.Helper()
			d := c.Query(t, document, farleytest.Vars{"id": x})
			if s := d.At("account.summary"); s.V != nil {
				return s.JSON()
			}
			return d.At("contact.summary").JSON()
		}
		want := `{"lastContactAt":"2026-11-22T09:01:00Z","links":1,"marketing":null,"notes":1,"openLeads":1,"openNeeds":null,"convertedLeads":1,"stageSince":"2026-11-22T09:00:00Z","teamMembers":1}`
		if diff := cmp.Diff(sortedJSON(t, want), ask(ann, accountSummary, x)); diff != "" {
			t.Error(diff)
		}
		allowed := func(never bool) string {
			var out []string
			for _, channel := range e.Set.Kind("Consent").Field("channel").Values {
				because, ok := "NO_CONSENT", false
				switch channel {
				case "SMS":
					because, ok = "GRANTED", true
				case "EMAIL", "PHONE": // of two of one instant, the withdrawal counts
					because = "WITHDRAWN"
				}
				if never {
					because, ok = "DO_NOT_CONTACT", false
				}
				out = append(out, fmt.Sprintf(`{"allowed":%v,"because":%q,"channel":%q}`, ok, because, channel))
			}
			return "[" + strings.Join(out, ",") + "]"
		}
		want = `{"lastContactAt":"2026-11-22T09:01:00Z","links":1,"marketing":` + allowed(false) + `,"notes":1,"openLeads":1,"openNeeds":1,"convertedLeads":1,"stageSince":null,"teamMembers":null}`
		if diff := cmp.Diff(sortedJSON(t, want), ask(ann, contactSummary, person)); diff != "" {
			t.Error(diff)
		}
		e.Change(t, person, input.Object{"doNotContact": true})
		if diff := cmp.Diff(sortedJSON(t, `{"a":`+allowed(true)+`}`), `{"a":`+ann.Query(t, contactSummary, farleytest.Vars{"id": person}).At("contact.summary.marketing").JSON()+`}`); diff != "" {
			t.Error(diff)
		}
		if got := ask(ann, contactSummary, former); !strings.Contains(got, `"notes":0`) || !strings.Contains(got, `"links":0`) {
			t.Errorf("of somebody new: %s", got)
		}
		// mayContact says the same.
		for i, channel := range e.Set.Kind("Consent").Field("channel").Values {
			one := ann.Query(t, mayContact, farleytest.Vars{"c": person, "ch": channel, "p": "MARKETING"}).At("mayContact")
			all := ann.Query(t, contactSummary, farleytest.Vars{"id": person}).At(fmt.Sprintf("contact.summary.marketing.%d", i))
			if one.At("allowed").V != all.At("allowed").V || one.At("because").V != all.At("because").V {
				t.Errorf("%s: %s, but %s", channel, one.JSON(), all.JSON())
			}
		}

		// Each figure is as open as what it counts.
		none := `{"convertedLeads":null,"lastContactAt":null,"links":null,"marketing":null,"notes":null,"openLeads":null,"openNeeds":null,"stageSince":null,"teamMembers":null}`
		bare := e.User(t, nil, e.Role(t, access.Role{
			Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}, {Object: "CONTACT", Action: "READ", Scope: "ALL"}},
			Fields:      []access.FieldLevel{{Object: "ACCOUNT", Field: "LAST_ACTIVITY_AT", Level: access.LevelNone}, {Object: "CONTACT", Field: "LAST_ACTIVITY_AT", Level: access.LevelNone}},
		}))
		for document, x := range map[string]id.ID{accountSummary: x, contactSummary: person} {
			if got := ask(bare, document, x); got != none {
				t.Errorf("who may read nothing learns %s", got)
			}
		}
		// By row: who reads all accounts, but the notes and links of the own ones.
		all := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}},
			Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "NOTES", Level: access.LevelNone}, {Object: "ACCOUNT", Field: "LAST_ACTIVITY_AT", Level: access.LevelNone}}})
		own := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}, {Object: "NOTE", Action: "READ", Scope: "ALL"}}})
		both := e.User(t, nil, all, own)
		y := e.Make(t, "Account", input.Object{"name": "Mine", "owner": both.User.String()})
		e.Make(t, "Note", input.Object{"account": y.String(), "body": "b"})
		const some = `query($id: ID!) { account(id: $id) { summary { notes lastContactAt } } }`
		if got := ask(both, some, x); got != `{"lastContactAt":null,"notes":null}` {
			t.Errorf("of others: %s", got)
		}
		if got := ask(both, some, y); got != `{"lastContactAt":"2026-11-22T09:01:00Z","notes":1}` {
			t.Errorf("of the own: %s", got)
		}
		shipped(t, e, "sales_rep", nil).Do(t, accountSummary, farleytest.Vars{"id": x}).Want(t, "NOT_FOUND")
		e.Anonymous().Do(t, accountSummary, farleytest.Vars{"id": x}).Want(t, "UNAUTHENTICATED")
		e.User(t, nil, e.Role(t, access.Role{})).Do(t, accountSummary, farleytest.Vars{"id": x}).Want(t, "FORBIDDEN")
	})
}

// sortedJSON writes JSON with its keys in order.
func sortedJSON(t *testing.T, s string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return farleytest.Data{V: v}.JSON()
}

// As many statements for a list of 20 as for one.
func TestSummary_statements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.Admin(t)
		const q = `{ contacts(first: 20) { nodes { familyName summary { lastContactAt notes convertedLeads openLeads links openNeeds marketing { allowed } } } } }`
		make1 := func(i int) {
			x := e.Make(t, "Contact", input.Object{"familyName": fmt.Sprint("Elm ", i)})
			for range i % 3 {
				e.Make(t, "Note", input.Object{"contact": x.String(), "body": "b"})
			}
		}
		statements := func() int { return statementsOf(t, e, ann, q, nil) }
		make1(0)
		one := statements()
		for i := range 19 {
			make1(i + 1)
		}
		// The list, the figures, the consents.
		if many := statements(); one != 3 || many != 3 {
			t.Errorf("%d statements for one and %d for 20, want 3:\n%s", one, many, strings.Join(e.DB.Counter.Asked(), "\n"))
		}
		d := ann.Query(t, q, nil).At("contacts.nodes")
		for n := range 20 {
			var i int
			name := d.At(fmt.Sprintf("%d.familyName", n)).Text()
			if _, err := fmt.Sscanf(name, "Elm %d", &i); err != nil {
				t.Fatal(err)
			}
			if got := d.At(fmt.Sprintf("%d.summary.notes", n)).Int(); got != i%3 {
				t.Errorf("%s: %d notes, want %d", name, got, i%3)
			}
		}
	})
}

// Who calls is shown with what happened last and what is open, in the one answer.
func TestCallerLookup_views(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		person := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "owner": ann.User.String(), "phones": []any{map[string]any{"number": "+966112003000", "kind": "WORK", "primary": true}}})
		advanceBy(e, time.Minute)
		e.Make(t, "Note", input.Object{"contact": person.String(), "title": "asked for tea", "body": "b"})
		e.Make(t, "Need", input.Object{"contact": person.String(), "topic": "tea"})
		got := ann.Query(t, `{ callerLookup(phone: "+966112003000") { matches { contact { displayName timeline(first: 2) { edges { node { kind title } } } summary { notes openNeeds lastContactAt } } account { summary { notes } } } } }`, nil).At("callerLookup.matches").JSON()
		want := `[{"account":null,"contact":{"displayName":"Farouk","summary":{"lastContactAt":"2026-11-22T09:01:00Z","notes":1,"openNeeds":1},"timeline":{"edges":[{"node":{"kind":"NOTE","title":"asked for tea"}},{"node":{"kind":"RECORD","title":null}}]}}}]`
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// statementsOf counts the statements of a query whose plan is known: the least of three counts, because what was changed before may
// have the rights of the caller read again.
func statementsOf(t *testing.T, e *farleytest.Env, c *farleytest.Client, query string, vars farleytest.Vars) int {
	t.Helper()
	e.Settle(t)
	c.Query(t, query, vars)
	least := math.MaxInt
	for range 3 {
		e.DB.Counter.Reset()
		c.Query(t, query, vars)
		least = min(least, len(e.DB.Counter.Asked()))
	}
	return least
}
