package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/clock"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/scalar"
	"farley/internal/seed"
)

// sandboxed starts an application whose clock can be moved through the API.
func sandboxed(t *testing.T, d *testdb.DB) (*farleytest.Env, *clock.Sandbox) {
	t.Helper()
	c := clock.NewSandbox()
	return farleytest.On(t, d, func(config *app.Config) { config.Clock = c }), c
}

const (
	advance = `mutation($to: DateTime!) { advanceClock(to: $to) { now ran } }`
	preview = `query($r: ID!) { retentionPreview(rule: $r) { count before } }`
	newRule = `mutation($in: CreateRetentionRuleInput!) { createRetentionRule(input: $in) { retentionRule { id } } }`
)

// days moves the clock through the API, as an integrator does, and lets the jobs run.
func days(t *testing.T, e *farleytest.Env, c *clock.Sandbox, n int) {
	t.Helper()
	to := c.Now().Add(time.Duration(n) * 24 * time.Hour)
	boss := shipped(t, e, "administrator", nil)
	boss.Query(t, advance, farleytest.Vars{"to": to.Format(scalar.Layout)})
}

// Places are noted with consent only, and kept for as long as the shipped rule says.
func TestLocationEvents_consentAndRetention(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e, c := sandboxed(t, d)
		for range 2 {
			if err := seed.EnsureRetention(t.Context(), e.Write); err != nil {
				t.Fatal(err)
			}
		}
		rule := seed.RetentionID(e.Set, "locations")
		if n := count(t, e, "SELECT COUNT(*) FROM retention_rules"); n != 1 {
			t.Fatalf("%d rules", n)
		}
		x := e.Make(t, "Contact", input.Object{"familyName": "Farouk"})
		phone := e.Role(t, access.Role{
			Permissions: []access.Permission{{Object: "CONTACT", Action: "READ", Scope: "ALL"}, {Object: "CONSENT", Action: "CREATE", Scope: "ALL"}, {Object: "CONSENT", Action: "READ", Scope: "ALL"}, {Object: "LOCATION_EVENT", Action: "CREATE", Scope: "ALL"}, {Object: "LOCATION_EVENT", Action: "READ", Scope: "ALL"}},
			Fields:      []access.FieldLevel{{Object: "LOCATION_EVENT", Field: "LATITUDE", Level: access.LevelWrite}, {Object: "LOCATION_EVENT", Field: "LONGITUDE", Level: access.LevelWrite}},
		})
		program := func() *farleytest.Client { return e.User(t, nil, phone) }
		consent := func(status, purpose string) {
			t.Helper()
			program().Query(t, `mutation($in: CreateConsentInput!) { createConsent(input: $in) { consent { id } } }`,
				farleytest.Vars{"in": input.Object{"contact": x, "channel": "LOCATION", "purpose": purpose, "status": status}})
		}
		seen := func() *farleytest.Response {
			t.Helper()
			return program().Do(t, `mutation($in: CreateLocationEventInput!) { createLocationEvent(input: $in) { locationEvent { id } } }`,
				farleytest.Vars{"in": input.Object{"contact": x, "latitude": 24.5, "longitude": 46.5, "seenAt": c.Now().Format(scalar.Layout), "source": "zq777xv"}})
		}
		refused := func() {
			t.Helper()
			if diff := cmp.Diff([]string{"input.contact NO_CONSENT"}, seen().Want(t, "INVALID").Violations()); diff != "" {
				t.Error(diff)
			}
		}
		refused()
		consent("GRANTED", "SERVICE")
		seen().Want(t, "")
		days(t, e, c, 1)
		consent("WITHDRAWN", "SERVICE")
		refused()
		consent("GRANTED", "MARKETING") // another purpose
		seen().Want(t, "")

		events := func() int { return count(t, e, "SELECT COUNT(*) FROM location_events") }
		legal := func() *farleytest.Client { return shipped(t, e, "legal", nil) }
		waiting := func(want int) {
			t.Helper()
			if n := legal().Query(t, preview, farleytest.Vars{"r": rule}).At("retentionPreview.count").Int(); n != want {
				t.Errorf("the preview counts %d, want %d", n, want)
			}
		}
		days(t, e, c, 28)
		waiting(0)
		if n := events(); n != 2 {
			t.Errorf("%d places are left", n)
		}
		c.Advance(c.Now().Add(25 * time.Hour)) // without the jobs
		waiting(1)
		days(t, e, c, 1)
		waiting(0)
		if n := events(); n != 0 {
			t.Errorf("%d places are left, want none: both are over 30 days old", n)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes WHERE fields LIKE '%zq777xv%'"); n != 0 {
			t.Errorf("%d rows of history tell of the places", n)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes WHERE op = 'ERASED'"); n != 2 {
			t.Errorf("%d changes ERASED, want one a record", n)
		}
		r := legal().Query(t, `query($r: ID!) { retentionRule(id: $r) { lastRunAt lastCount } }`, farleytest.Vars{"r": rule}).At("retentionRule")
		if r.At("lastCount").Int() != 1 && r.At("lastCount").Int() != 2 || r.At("lastRunAt").Text() == "" {
			t.Errorf("the rule tells %s", r.JSON())
		}
		shipped(t, e, "sales_rep", nil).Do(t, preview, farleytest.Vars{"r": rule}).Want(t, "FORBIDDEN")
		legal().Do(t, preview, farleytest.Vars{"r": x}).Want(t, "NOT_FOUND")
		e.Anonymous().Do(t, preview, farleytest.Vars{"r": rule}).Want(t, "UNAUTHENTICATED")
	})
}

// Rules do what they say, to the records that they mean and to no others, one change a record.
func TestRetention_rules(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e, c := sandboxed(t, d)
		legal := shipped(t, e, "legal", nil)
		rule := func(in input.Object) id.ID {
			t.Helper()
			in["title"], in["enabled"] = "r", true
			return legal.Query(t, newRule, farleytest.Vars{"in": in}).At("createRetentionRule.retentionRule.id").ID()
		}
		lead := func(status, name string) id.ID {
			in := input.Object{"familyName": name}
			if status == "DISQUALIFIED" {
				in["status"], in["statusReason"] = status, "no"
			}
			return e.Make(t, "Lead", in)
		}
		old, open := lead("DISQUALIFIED", "Zqold"), lead("NEW", "Zqopen")
		firm := e.Make(t, "Account", input.Object{"name": "Elm", "kinds": []any{"CUSTOMER"}})
		customer, granted, never := e.Make(t, "Contact", input.Object{"familyName": "Customer", "birthday": "1980-02-03"}), e.Make(t, "Contact", input.Object{"familyName": "Granted", "birthday": "1980-02-03"}), e.Make(t, "Contact", input.Object{"familyName": "Never", "birthday": "1980-02-03"})
		e.Make(t, "AccountContact", input.Object{"account": firm.String(), "contact": customer.String()})
		e.Make(t, "Consent", input.Object{"contact": granted.String(), "channel": "EMAIL", "purpose": "PROFILING", "status": "GRANTED"})
		note := e.Make(t, "Note", input.Object{"account": firm.String(), "body": "b"})
		leads := rule(input.Object{"object": "LEAD", "basis": "CREATED_AT", "days": 10, "action": "ERASE", "leadStatus": "DISQUALIFIED"})
		birthdays := rule(input.Object{"object": "CONTACT", "basis": "LAST_ACTIVITY_AT", "days": 10, "action": "CLEAR_FIELDS", "fields": []any{"BIRTHDAY"}, "withoutConsentFor": "PROFILING", "exceptCustomers": true})
		notes := rule(input.Object{"object": "NOTE", "basis": "CREATED_AT", "days": 20, "action": "DELETE"})
		rule(input.Object{"object": "NOTE", "basis": "CREATED_AT", "days": 1, "action": "ERASE", "leadStatus": "NEW"}) // means none: notes have no status

		days(t, e, c, 9)
		if n := count(t, e, "SELECT COUNT(*) FROM leads WHERE erased_at IS NOT NULL"); n != 0 {
			t.Errorf("%d leads are erased too early", n)
		}
		c.Advance(c.Now().Add(25 * time.Hour))
		legal = e.SignIn(t, legal.User)
		for x, want := range map[id.ID]int{leads: 1, birthdays: 1, notes: 0} {
			if n := legal.Query(t, preview, farleytest.Vars{"r": x}).At("retentionPreview.count").Int(); n != want {
				t.Errorf("the preview of %s counts %d, want %d", x, n, want)
			}
		}
		days(t, e, c, 1)
		erased := func(x id.ID) bool {
			return count(t, e, "SELECT COUNT(*) FROM leads WHERE id = ? AND erased_at IS NOT NULL AND display_name = 'Erased person'", x) == 1
		}
		if !erased(old) || erased(open) {
			t.Errorf("erased: the disqualified lead %v, the open one %v", erased(old), erased(open))
		}
		for x, want := range map[id.ID]int{customer: 1, granted: 1, never: 0} {
			if n := count(t, e, "SELECT COUNT(*) FROM contacts WHERE id = ? AND birthday IS NOT NULL", x); n != want {
				t.Errorf("%s has %d birthdays, want %d", x, n, want)
			}
			if n := count(t, e, "SELECT COUNT(*) FROM changes WHERE record_id = ? AND fields LIKE '%1980-02-03%'", x); n != want {
				t.Errorf("the history of %s has %d birthdays, want %d", x, n, want)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes WHERE record_id = ?", never); n != 2 {
			t.Errorf("%d changes of one contact, want its making and the one", n)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM notes WHERE id = ? AND deleted_at IS NULL", note); n != 1 {
			t.Error("the note went too early")
		}
		days(t, e, c, 12)
		if n := count(t, e, "SELECT COUNT(*) FROM notes WHERE id = ? AND deleted_at IS NOT NULL", note); n != 1 {
			t.Error("the note is not in the bin")
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes WHERE fields LIKE '%Zqold%'"); n != 0 {
			t.Errorf("%d rows of history name the erased lead", n)
		}
	})
}

func TestRetentionRule_fits(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		legal, rep := shipped(t, e, "legal", nil), shipped(t, e, "sales_rep", nil)
		in := func(more ...any) farleytest.Vars {
			o := input.Object{"title": "r", "object": "CONTACT", "basis": "CREATED_AT", "days": 10, "action": "ERASE"}
			for i := 0; i < len(more); i += 2 {
				o[more[i].(string)] = more[i+1]
			}
			return farleytest.Vars{"in": o}
		}
		rep.Do(t, newRule, in()).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, newRule, in()).Want(t, "UNAUTHENTICATED")
		for _, c := range []struct {
			vars farleytest.Vars
			want string
		}{
			{in("days", 0), "input.days RANGE"},
			{in("days", 36_501), "input.days RANGE"},
			{in("basis", "SEEN_AT"), "input.basis FORMAT"},
			{in("action", "DELETE", "basis", "DELETED_AT"), "input.action FORMAT"},
			{in("object", "STAGE_HISTORY", "basis", "LEFT_AT", "action", "DELETE"), "input.action FORMAT"},
			{in("action", "CLEAR_FIELDS"), "input.fields REQUIRED"},
			{in("action", "CLEAR_FIELDS", "fields", []any{"BIRTHDAY", "DISPLAY_NAME", "NOTHING"}), "input.fields.1 UNKNOWN input.fields.2 UNKNOWN"},
		} {
			if got := strings.Join(legal.Do(t, newRule, c.vars).Want(t, "INVALID").Violations(), " "); got != c.want {
				t.Errorf("%v: %s, want %s", c.vars, got, c.want)
			}
		}
		for _, vars := range []farleytest.Vars{in(), in("object", "STAGE_HISTORY", "basis", "LEFT_AT"), in("action", "CLEAR_FIELDS", "fields", []any{"BIRTHDAY"})} {
			legal.Query(t, newRule, vars)
		}
	})
}

// People are given to partners with their consent only, and taken from them when it is withdrawn.
func TestSharing_needsConsent(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		delta := e.Make(t, "Account", input.Object{"name": "Delta", "kinds": []any{"PARTNER"}})
		dina := shipped(t, e, "partner", input.Object{"kind": "PARTNER", "partnerAccount": delta.String()})
		team := e.Make(t, "Team", input.Object{"name": "Mixed"})
		for kind, field := range map[string]string{"Contact": "contact", "Lead": "lead"} {
			k := e.Set.Kind(kind)
			x := e.Make(t, kind, input.Object{"familyName": "Farouk"})
			share := func(grantee id.ID) *farleytest.Response {
				return admin.Do(t, `mutation($r: ID!, $g: ID!) { createShare(input: {record: $r, grantee: $g, level: READ}) { share { id } } }`, farleytest.Vars{"r": x, "g": grantee})
			}
			consent := func(c *farleytest.Client, status string) {
				t.Helper()
				e.Clock.Advance(e.Clock.Now().Add(time.Second))
				c.Query(t, `mutation($in: CreateConsentInput!) { createConsent(input: $in) { consent { id } } }`,
					farleytest.Vars{"in": input.Object{field: x, "channel": "EMAIL", "purpose": "SHARING", "status": status}})
			}
			give := func() *farleytest.Response {
				return admin.Do(t, fmt.Sprintf(`mutation($x: ID!, $p: ID!) { update%s(id: $x, input: {partner: $p}) { %s { id } } }`, kind, k.Single), farleytest.Vars{"x": x, "p": delta})
			}
			refused := func(r *farleytest.Response, field string) {
				t.Helper()
				if diff := cmp.Diff([]string{"input." + field + " NO_CONSENT"}, r.Want(t, "INVALID").Violations()); diff != "" {
					t.Error(diff)
				}
			}
			refused(share(delta), "record")
			refused(share(dina.User), "record")
			refused(give(), "partner")
			share(team).Want(t, "") // ours
			e.Change(t, dina.User, input.Object{"team": team.String()})
			refused(share(team), "record") // people of a partner are in it
			e.Change(t, dina.User, input.Object{"team": nil})
			share(admin.User).Want(t, "")

			consent(admin, "GRANTED")
			cursor := after(t, e, dina)
			share(delta).Want(t, "")
			give().Want(t, "")
			one := fmt.Sprintf(`query($x: ID!) { %s(id: $x) { displayName } }`, k.Single)
			dina.Do(t, one, farleytest.Vars{"x": x}).Want(t, "")
			e.Settle(t)
			s := dina.Subscribe(t, fmt.Sprintf(`subscription($c: Cursor) { %sChanged(after: $c) { op recordId } }`, k.Single), farleytest.Vars{"c": cursor})
			ops := []string{s.Event(t).At(k.Single + "Changed.op").Text()}
			consent(admin, "WITHDRAWN")
			e.Settle(t)
			for ops[len(ops)-1] != "LEFT" {
				ops = append(ops, s.Event(t).At(k.Single+"Changed.op").Text())
			}
			s.Close()
			if ops[0] != "ENTERED" {
				t.Errorf("the partner is told %v", ops)
			}
			dina.Do(t, one, farleytest.Vars{"x": x}).Want(t, "NOT_FOUND")
			if n := count(t, e, "SELECT COUNT(*) FROM shares WHERE record_id = ? AND deleted_at IS NULL", x); n != 2 {
				t.Errorf("%d shares are left, want those with our own people", n)
			}
			refused(share(delta), "record")
		}

		// Whom a partner brings is the partner's, and stays it.
		lead := dina.Query(t, `mutation { createLead(input: {familyName: "Brought"}) { lead { id } } }`, nil).At("createLead.lead.id").ID()
		admin.Query(t, `mutation($x: ID!) { createConsent(input: {lead: $x, channel: EMAIL, purpose: SHARING, status: WITHDRAWN}) { consent { id } } }`, farleytest.Vars{"x": lead})
		dina.Do(t, `query($x: ID!) { lead(id: $x) { displayName } }`, farleytest.Vars{"x": lead}).Want(t, "")
		// Firms need no consent, and a consent is somebody's.
		firm := e.Make(t, "Lead", input.Object{"company": "Oak"})
		admin.Query(t, `mutation($r: ID!, $g: ID!) { createShare(input: {record: $r, grantee: $g, level: READ}) { share { id } } }`, farleytest.Vars{"r": firm, "g": delta})
		admin.Do(t, `mutation { createConsent(input: {channel: EMAIL, purpose: SHARING, status: GRANTED}) { consent { id } } }`, nil).Want(t, "FORBIDDEN") // whose, nobody can tell
		contact := e.Make(t, "Contact", input.Object{"familyName": "Haddad"})
		both := admin.Do(t, `mutation($l: ID!, $c: ID!) { createConsent(input: {lead: $l, contact: $c, channel: EMAIL, purpose: SHARING, status: GRANTED}) { consent { id } } }`, farleytest.Vars{"l": firm, "c": contact}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.contact REQUIRED"}, both.Violations()); diff != "" {
			t.Error(diff)
		}
	})
}
