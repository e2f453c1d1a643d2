package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/input"
	"farley/internal/privacy"
)

// exported reads all parts of an export.
func exported(t *testing.T, c *farleytest.Client, vars farleytest.Vars) (parts []string) {
	t.Helper()
	for {
		d := c.Query(t, exportDocument, vars).At("exportPersonalData")
		parts = append(parts, d.At("document").JSON())
		if d.At("format").Text() != privacy.Format || d.At("complete").V != (d.At("next").V == nil) {
			t.Fatalf("the answer: %.300s", d.JSON())
		}
		if d.At("complete").V == true {
			return parts
		}
		vars["n"] = d.At("next").Text()
	}
}

func TestExport_isComplete(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		p := somebody(t, e, admin)
		legal, rep, agent := shipped(t, e, "legal", nil), shipped(t, e, "sales_rep", nil), shipped(t, e, "service_agent", nil)
		vars := func() farleytest.Vars { return farleytest.Vars{"c": p.contact} }
		rep.Do(t, exportDocument, vars()).Want(t, "NOT_FOUND")
		agent.Do(t, exportDocument, vars()).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, exportDocument, vars()).Want(t, "UNAUTHENTICATED")

		parts := exported(t, legal, vars())
		if len(parts) != 1 {
			t.Fatalf("%d parts", len(parts))
		}
		all := strings.ToLower(parts[0])
		for form, where := range p.forms {
			switch {
			case strings.Contains(where, "digits"), strings.Contains(where, "sort key"), strings.HasSuffix(where, "folded"):
				continue // derived from what is there
			case where == "an idempotency key", where == "the data of a mail":
				continue // not kept in this form; the letter names the person by id
			}
			if !strings.Contains(all, form) {
				t.Errorf("%s (%q) is missing", where, form)
			}
		}
		var doc struct {
			Format, MadeAt string
			Complete       bool
			Subject        struct{ Kind, ID string }
			Records        []struct {
				Kind, ID string
				Fields   map[string]json.RawMessage
				Names    map[string]string
				History  []struct{ Op string }
			}
			Trail []struct{ Action, By string }
		}
		if err := json.Unmarshal([]byte(parts[0]), &doc); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, r := range doc.Records {
			kinds = append(kinds, r.Kind)
			if len(r.History) == 0 || r.History[0].Op != "CREATED" {
				t.Errorf("%s %s has the history %v", r.Kind, r.ID, r.History)
			}
			if r.Kind == "TAGGING" && r.Names["tag"] != "VIP" || r.Kind == "ACCOUNT_CONTACT" && r.Names["account"] != "Elm" {
				t.Errorf("%s names %v", r.Kind, r.Names)
			}
			// Levels of the reader do not narrow what the person is owed.
			if r.Kind == "CONTACT" && string(r.Fields["household"]) == "null" {
				t.Error("a sensitive field is missing")
			}
		}
		want := []string{"ACCOUNT_CONTACT", "CONSENT", "CONSENT", "CONTACT", "LEAD", "LOCATION_EVENT", "LOCATION_EVENT", "LOCATION_EVENT", "NEED", "NOTE", "NOTE", "NOTE", "NOTE", "PREFERENCE", "RELATIONSHIP", "SHARE", "TAGGING", "USER"}
		slices.Sort(kinds)
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Error(diff)
		}
		if doc.Subject.ID != p.contact.String() || !doc.Complete {
			t.Errorf("the subject is %v", doc.Subject)
		}
		// The export is in the trail, and in the next one.
		trail := admin.Query(t, `query($r: ID!) { auditTrail(record: $r, action: [EXPORTED]) { edges { node { user { id } recordCount detail object } } } }`, farleytest.Vars{"r": p.contact}).At("auditTrail.edges")
		if w := fmt.Sprintf(`[{"node":{"detail":"personal data","object":"CONTACT","recordCount":18,"user":{"id":%q}}}]`, legal.User); trail.JSON() != w {
			t.Errorf("the trail: %s, want %s", trail.JSON(), w)
		}
		if again := exported(t, legal, vars()); !strings.Contains(again[0], "EXPORTED") {
			t.Error("the next export does not tell of this one")
		}

		// A lead alone, and what has no person.
		if lead := exported(t, legal, farleytest.Vars{"l": p.lead}); !strings.Contains(lead[0], `"LEAD"`) || strings.Contains(lead[0], `"CONTACT"`) {
			t.Errorf("the lead: %.300s", lead[0])
		}
		legal.Do(t, exportDocument, farleytest.Vars{"a": p.account}).Want(t, "INVALID")
		e.Change(t, p.account, input.Object{"customerType": "PERSON"})
		if a := exported(t, legal, farleytest.Vars{"a": p.account}); !strings.Contains(a[0], `"Elm"`) {
			t.Errorf("the private person: %.300s", a[0])
		}
		for _, bad := range []farleytest.Vars{{}, {"c": p.contact, "l": p.lead}, {"c": p.lead}, {"c": p.contact, "n": "x"}} {
			legal.Do(t, exportDocument, bad).Want(t, "INVALID")
		}
	})
}

// A customer in the portal exports what is held about him, and about nobody else.
func TestExport_ofOneself(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		mine, other := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "birthday": "1980-02-03"}), e.Make(t, "Contact", input.Object{"familyName": "Haddad"})
		lina := shipped(t, e, "portal_customer", input.Object{"kind": "PORTAL", "contact": mine.String()})
		if parts := exported(t, lina, farleytest.Vars{"c": mine}); !strings.Contains(parts[0], "Farouk") || !strings.Contains(parts[0], "1980-02-03") {
			t.Errorf("exported %v", parts)
		}
		lina.Do(t, exportDocument, farleytest.Vars{"c": other}).Want(t, "NOT_FOUND")
		lina.Do(t, eraseDocument, farleytest.Vars{"in": input.Object{"contact": mine, "reason": "REQUEST"}}).Want(t, "FORBIDDEN")
	})
}

// What does not fit into one document comes in parts, which together have everything once.
func TestExport_comesInParts(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		legal := shipped(t, e, "legal", nil)
		x := e.Make(t, "Contact", input.Object{"familyName": "Farouk"})
		notes := map[string]int{}
		for i := range 30 {
			notes[e.Make(t, "Note", input.Object{"contact": x.String(), "body": strings.Repeat("b", 90_000+i)}).String()] = 0
		}
		for i := range 40 {
			e.Change(t, x, input.Object{"description": strings.Repeat("d", 80_000+i)})
		}
		parts := exported(t, legal, farleytest.Vars{"c": x})
		if len(parts) < 3 {
			t.Errorf("%d parts", len(parts))
		}
		versions := map[int]int{}
		for i, part := range parts {
			if len(part) > 6<<20 {
				t.Errorf("part %d has %d bytes", i, len(part))
			}
			var doc struct {
				Complete bool
				Records  []struct {
					ID      string
					Fields  map[string]any
					History []struct{ Version int }
				}
			}
			if err := json.Unmarshal([]byte(part), &doc); err != nil {
				t.Fatal(err)
			}
			if doc.Complete != (i == len(parts)-1) {
				t.Errorf("part %d of %d is complete: %v", i, len(parts), doc.Complete)
			}
			for _, r := range doc.Records {
				if _, ok := notes[r.ID]; ok && r.Fields != nil {
					notes[r.ID]++
				}
				for _, h := range r.History {
					if r.ID == x.String() {
						versions[h.Version]++
					}
				}
			}
		}
		for note, n := range notes {
			if n != 1 {
				t.Errorf("the note %s is there %d times", note, n)
			}
		}
		if len(versions) != 41 {
			t.Errorf("%d versions of the contact, want 41", len(versions))
		}
		for v, n := range versions {
			if n != 1 {
				t.Errorf("the version %d is there %d times", v, n)
			}
		}
		// The cursor is one person's, and one reader's.
		next := legal.Query(t, exportDocument, farleytest.Vars{"c": x}).At("exportPersonalData.next").Text()
		e.Admin(t).Do(t, exportDocument, farleytest.Vars{"c": x, "n": next}).Want(t, "INVALID")
	})
}
