package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/customer"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/scalar"
	"farley/internal/seed"
)

const moveLifecycle = `mutation($a: ID!, $s: ID!, $r: String, $v: Int, $dry: Boolean) { moveAccountLifecycle(input: {account: $a, stage: $s, reason: $r}, expectedVersion: $v, dryRun: $dry) {
	account { lifecycle { name } version } entry { stage { name } enteredAt leftAt reason } } }`

const stageHistory = `query($a: ID!) { account(id: $a) { lifecycle { name } stageHistory(orderBy: [{field: ENTERED_AT, direction: ASC}]) { nodes { stage { name } enteredAt leftAt reason } } } }`

func TestLifecycle(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		if err := seed.EnsureStages(t.Context(), e.Write); err != nil {
			t.Fatal(err)
		}
		stage := func(key string) id.ID { return seed.StageID(e.Set, key) }
		team, ann, _ := salesTeam(t, e)
		stranger, agent := shipped(t, e, "sales_rep", nil), shipped(t, e, "service_agent", nil)
		const create = `mutation($in: CreateAccountInput!) { createAccount(input: $in) { account { id } } }`
		x := ann.Query(t, create, farleytest.Vars{"in": input.Object{"name": "Elm", "lifecycle": stage("prospect")}}).At("createAccount.account.id").ID()
		old := e.Make(t, "LifecycleStage", input.Object{"name": "Old", "phase": "END", "archived": true})
		free := e.Make(t, "LifecycleStage", input.Object{"name": "Free", "phase": "START"})

		vars := func(s id.ID) farleytest.Vars { return farleytest.Vars{"a": x, "s": s, "r": "because"} }
		changes := count(t, e, "SELECT COUNT(*) FROM changes")
		stranger.Do(t, moveLifecycle, vars(stage("lost"))).Want(t, "NOT_FOUND")
		agent.Do(t, moveLifecycle, vars(stage("lost"))).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, moveLifecycle, vars(stage("lost"))).Want(t, "UNAUTHENTICATED")
		ann.Do(t, moveLifecycle, vars(stage("won_back"))).Want(t, "CONFLICT") // not a step
		ann.Do(t, moveLifecycle, vars(old)).Want(t, "CONFLICT")
		r := ann.Do(t, moveLifecycle, vars(team)).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.stage FORMAT"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = ann.Do(t, moveLifecycle, farleytest.Vars{"a": team, "s": stage("lost"), "r": strings.Repeat("x", 201)}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.account FORMAT", "input.reason TOO_LONG"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		ann.Do(t, moveLifecycle, farleytest.Vars{"a": x, "s": stage("lost"), "v": 5}).Want(t, "CONFLICT")
		ann.Query(t, moveLifecycle, farleytest.Vars{"a": x, "s": stage("lost"), "dry": true})
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != changes {
			t.Errorf("what was refused left %d changes", n-changes)
		}

		e.Clock.Advance(e.Clock.Now().Add(10 * time.Minute))
		d := ann.Query(t, moveLifecycle, vars(stage("first_purchase"))).At("moveAccountLifecycle")
		want := `{"account":{"lifecycle":{"name":"First purchase"},"version":2},"entry":{"enteredAt":"2026-11-22T09:10:00Z","leftAt":null,"reason":"because","stage":{"name":"First purchase"}}}`
		if d.JSON() != want {
			t.Errorf("moved: %s, want %s", d.JSON(), want)
		}
		again := ann.Query(t, moveLifecycle, vars(stage("first_purchase"))).At("moveAccountLifecycle")
		if again.JSON() != want {
			t.Errorf("moved to where it is: %s", again.JSON())
		}
		// A plain update obeys the same table, and is recorded as well.
		const update = `mutation($id: ID!, $in: UpdateAccountInput!) { updateAccount(id: $id, input: $in) { account { id } } }`
		ann.Do(t, update, farleytest.Vars{"id": x, "in": input.Object{"lifecycle": stage("prospect")}}).Want(t, "CONFLICT")
		ann.Do(t, update, farleytest.Vars{"id": x, "in": input.Object{"lifecycle": nil}}).Want(t, "CONFLICT")
		e.Clock.Advance(e.Clock.Now().Add(time.Second))
		ann.Query(t, update, farleytest.Vars{"id": x, "in": input.Object{"lifecycle": stage("lost")}})
		got := ann.Query(t, stageHistory, farleytest.Vars{"a": x}).At("account").JSON()
		want = `{"lifecycle":{"name":"Lost"},"stageHistory":{"nodes":[{"enteredAt":"2026-11-22T09:00:00Z","leftAt":"2026-11-22T09:10:00Z","reason":null,"stage":{"name":"Prospect"}},` +
			`{"enteredAt":"2026-11-22T09:10:00Z","leftAt":"2026-11-22T09:10:01Z","reason":"because","stage":{"name":"First purchase"}},` +
			`{"enteredAt":"2026-11-22T09:10:01Z","leftAt":null,"reason":null,"stage":{"name":"Lost"}}]}}`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}

		// From a stage that names no other one may go anywhere, and nowhere.
		y := ann.Query(t, create, farleytest.Vars{"in": input.Object{"name": "Oak", "lifecycle": free}}).At("createAccount.account.id").ID()
		ann.Query(t, update, farleytest.Vars{"id": y, "in": input.Object{"lifecycle": nil}})
		if n := count(t, e, "SELECT COUNT(*) FROM stage_histories WHERE account_id = ? AND left_at IS NULL", y); n != 0 {
			t.Errorf("%d times in stages are under way", n)
		}

		// With the account in the bin its history is out of sight, and comes back with it.
		const mine = `{ stageHistories { totalCount { value } } }`
		admin := e.Admin(t)
		bin(t, admin, "Account", x)
		if n := ann.Query(t, mine, nil).At("stageHistories.totalCount.value").Int(); n != 1 {
			t.Errorf("%d times in stages show, want that of the other account", n)
		}
		admin.Query(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id } } }`, farleytest.Vars{"id": x})
		if n := ann.Query(t, mine, nil).At("stageHistories.totalCount.value").Int(); n != 4 {
			t.Errorf("%d times in stages show, want 4", n)
		}
	})
}

func TestEnsureStages(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		for range 2 {
			if err := seed.EnsureStages(t.Context(), e.Write); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM lifecycle_stages"); n != 6 {
			t.Errorf("%d stages, want 6", n)
		}
		bin(t, e.Admin(t), "LifecycleStage", seed.StageID(e.Set, "lost"))
		rows := count(t, e, "SELECT COUNT(*) FROM changes")
		if err := seed.EnsureStages(t.Context(), e.Write); err != nil {
			t.Fatal(err)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != rows {
			t.Error("what the firm has made of the stages is changed at the next start")
		}
	})
}

const mayContact = `query($c: ID!, $ch: ConsentChannel!, $p: ConsentPurpose!) { mayContact(contact: $c, channel: $ch, purpose: $p) { allowed because consent { id } } }`

func TestConsent(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		agent, stranger, partner := shipped(t, e, "service_agent", nil), shipped(t, e, "sales_rep", nil), shipped(t, e, "partner", nil)
		x := e.Make(t, "Contact", input.Object{"familyName": "Farouk"})
		const create = `mutation($in: CreateConsentInput!) { createConsent(input: $in) { consent { id givenAt } } }`
		give := func(c *farleytest.Client, status string, hours int) id.ID {
			t.Helper()
			in := input.Object{"contact": x, "channel": "EMAIL", "purpose": "MARKETING", "status": status}
			want := e.Clock.Now()
			if hours != 0 {
				want = want.Add(time.Duration(hours) * time.Hour)
				in["givenAt"] = want.Format(scalar.Layout)
			}
			d := c.Query(t, create, farleytest.Vars{"in": in}).At("createConsent.consent")
			if got := d.At("givenAt").Text(); got != want.Format(time.RFC3339) {
				t.Errorf("given at %s, want %s", got, want)
			}
			return d.At("id").ID()
		}
		ask := func(channel, purpose, want string) {
			t.Helper()
			if got := agent.Query(t, mayContact, farleytest.Vars{"c": x, "ch": channel, "p": purpose}).At("mayContact").JSON(); got != want {
				t.Errorf("%s for %s: %s, want %s", channel, purpose, got, want)
			}
		}
		answer := func(allowed bool, because string, consent id.ID) string {
			if consent.IsZero() {
				return fmt.Sprintf(`{"allowed":%v,"because":%q,"consent":null}`, allowed, because)
			}
			return fmt.Sprintf(`{"allowed":%v,"because":%q,"consent":{"id":%q}}`, allowed, because, consent)
		}
		ask("EMAIL", "MARKETING", answer(false, "NO_CONSENT", id.ID{}))
		ask("EMAIL", "SERVICE", answer(true, "NOT_NEEDED", id.ID{}))
		ask("LOCATION", "SERVICE", answer(false, "NO_CONSENT", id.ID{}))
		ask("POST", "SHARING", answer(false, "NO_CONSENT", id.ID{}))

		withdrawn := give(agent, "WITHDRAWN", -3)
		ask("EMAIL", "MARKETING", answer(false, "WITHDRAWN", withdrawn))
		granted := give(agent, "GRANTED", -2)
		ask("EMAIL", "MARKETING", answer(true, "GRANTED", granted))
		give(agent, "WITHDRAWN", -5) // told late, but said before
		ask("EMAIL", "MARKETING", answer(true, "GRANTED", granted))
		now := give(agent, "WITHDRAWN", 0)
		ask("EMAIL", "MARKETING", answer(false, "WITHDRAWN", now))
		give(agent, "GRANTED", 0) // of the same instant
		ask("EMAIL", "MARKETING", answer(false, "WITHDRAWN", now))
		ask("SMS", "MARKETING", answer(false, "NO_CONSENT", id.ID{}))
		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		last := give(agent, "GRANTED", 0)
		ask("EMAIL", "MARKETING", answer(true, "GRANTED", last))
		e.Change(t, x, input.Object{"doNotContact": true})
		ask("EMAIL", "MARKETING", answer(false, "DO_NOT_CONTACT", last))
		ask("EMAIL", "SERVICE", answer(true, "NOT_NEEDED", id.ID{}))

		vars := farleytest.Vars{"c": x, "ch": "EMAIL", "p": "MARKETING"}
		stranger.Do(t, mayContact, vars).Want(t, "NOT_FOUND")
		partner.Do(t, mayContact, vars).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, mayContact, vars).Want(t, "UNAUTHENTICATED")
		agent.Do(t, mayContact, farleytest.Vars{"c": agent.User, "ch": "EMAIL", "p": "MARKETING"}).Want(t, "NOT_FOUND")

		r := agent.Do(t, create, farleytest.Vars{"in": input.Object{"contact": x, "channel": "EMAIL", "purpose": "MARKETING", "status": "GRANTED", "givenAt": "2027-01-01T00:00:00Z"}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.givenAt RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		// Consents stay as they are: there is no mutation that deletes or changes one, whoever asks.
		e.Admin(t).Do(t, `mutation($id: ID!) { deleteConsent(id: $id) { id } }`, farleytest.Vars{"id": last}).Want(t, "BAD_REQUEST")
		agent.Do(t, `mutation($id: ID!) { updateConsent(id: $id, input: {status: WITHDRAWN}) { consent { id } } }`, farleytest.Vars{"id": last}).Want(t, "BAD_REQUEST")
		agent.Query(t, `mutation($id: ID!) { updateConsent(id: $id, input: {remarks: "by telephone"}) { consent { id } } }`, farleytest.Vars{"id": last})

		// What senders ask, in their transaction.
		err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			v, err := customer.MayContact(ctx, tx, x, "EMAIL", "MARKETING")
			if diff := cmp.Diff(customer.Verdict{Because: customer.DoNotContact, Consent: last}, v); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A customer keeps his own consents, preferences and needs, and those of nobody else.
func TestPortal_wishes(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		mine, other := e.Make(t, "Contact", input.Object{"familyName": "Farouk"}), e.Make(t, "Contact", input.Object{"familyName": "Haddad"})
		lina := shipped(t, e, "portal_customer", input.Object{"kind": "PORTAL", "contact": mine.String()})
		agent := shipped(t, e, "service_agent", nil)
		const create = `mutation($in: CreatePreferenceInput!) { createPreference(input: $in) { preference { id } } }`
		in := func(contact id.ID, topic string, more ...any) farleytest.Vars {
			o := input.Object{"contact": contact, "topic": topic}
			for i := 0; i < len(more); i += 2 {
				o[more[i].(string)] = more[i+1]
			}
			return farleytest.Vars{"in": o}
		}
		x := lina.Query(t, create, in(mine, "Offers", "channel", "EMAIL")).At("createPreference.preference.id").ID()
		taken := func(c *farleytest.Client, vars farleytest.Vars, want ...string) {
			t.Helper()
			r := c.Do(t, create, vars)
			if diff := cmp.Diff(want, r.Violations()); diff != "" {
				t.Error(r.Raw, diff)
			}
		}
		taken(lina, in(mine, "OFFERS", "channel", "EMAIL"), "input.topic TAKEN")
		taken(agent, in(mine, "öffers", "channel", "EMAIL"), "input.topic TAKEN") // folded alike
		taken(lina, in(other, "Offers"), "input.contact NOT_FOUND")
		lina.Query(t, create, in(mine, "Offers"))
		taken(lina, in(mine, "Offers"), "input.topic TAKEN") // no channel is one of its own
		lina.Query(t, create, in(mine, "Offers", "channel", "SMS"))
		agent.Query(t, create, in(mine, "Offers", "product", "Tea"))
		lina.Do(t, create, in(mine, "News", "source", "guess")).Want(t, "FORBIDDEN")

		bin(t, lina, "Preference", x)
		y := lina.Query(t, create, in(mine, "Offers", "channel", "EMAIL")).At("createPreference.preference.id").ID()
		lina.Do(t, `mutation($id: ID!) { restorePreference(id: $id) { preference { id } } }`, farleytest.Vars{"id": x}).Want(t, "INVALID")
		r := lina.Do(t, `mutation($id: ID!) { updatePreference(id: $id, input: {channel: SMS}) { preference { id } } }`, farleytest.Vars{"id": y}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.topic TAKEN"}, r.Violations()); diff != "" {
			t.Error(diff)
		}

		lina.Query(t, `mutation($c: ID!) { createNeed(input: {contact: $c, topic: "Delivery before eight"}) { need { id } } }`, farleytest.Vars{"c": mine})
		lina.Do(t, `mutation($c: ID!) { createNeed(input: {contact: $c, topic: "Delivery before eight"}) { need { id } } }`, farleytest.Vars{"c": other}).Want(t, "INVALID")
		lina.Query(t, `mutation($c: ID!) { createConsent(input: {contact: $c, channel: EMAIL, purpose: MARKETING, status: WITHDRAWN}) { consent { id } } }`, farleytest.Vars{"c": mine})
		// Backdating is not for customers.
		lina.Do(t, `mutation($c: ID!) { createConsent(input: {contact: $c, channel: EMAIL, purpose: MARKETING, status: GRANTED, givenAt: "2020-01-01T00:00:00Z"}) { consent { id } } }`, farleytest.Vars{"c": mine}).Want(t, "FORBIDDEN")
		d := lina.Query(t, `query($c: ID!) { contact(id: $c) { preferences { totalCount { value } } needs { nodes { topic } } consents { nodes { status } } } }`, farleytest.Vars{"c": mine}).At("contact")
		if want := `{"consents":{"nodes":[{"status":"WITHDRAWN"}]},"needs":{"nodes":[{"topic":"Delivery before eight"}]},"preferences":{"totalCount":{"value":4}}}`; d.JSON() != want {
			t.Errorf("%s, want %s", d.JSON(), want)
		}
	})
}

const callerLookup = `query($p: String!, $c: CountryCode) { callerLookup(phone: $p, country: $c) { phone
	matches { main lastContactAt contact { displayName } account { name } lead { displayName } } openLeads { displayName } notes { title } } }`

func TestCallerLookup(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		const number = "+966112003000"
		team, ann, bob := salesTeam(t, e)
		_ = bob
		phone := func(numbers ...string) []any {
			out := []any{}
			for i, n := range numbers {
				out = append(out, map[string]any{"number": n, "kind": "WORK", "primary": i == 0})
			}
			return out
		}
		ours := func(in input.Object) input.Object { in["team"] = team.String(); return in }
		person := e.Make(t, "Contact", ours(input.Object{"familyName": "Farouk", "phones": phone("+966501234567", number)}))
		e.Make(t, "Contact", ours(input.Object{"familyName": "Haddad", "phones": phone(number)}))
		e.Make(t, "Contact", input.Object{"familyName": "Hidden", "phones": phone(number)})
		firm := e.Make(t, "Account", ours(input.Object{"name": "Cancity", "phones": []any{number}}))
		e.Make(t, "Lead", ours(input.Object{"company": "Elm", "phones": []any{number}}))
		e.Make(t, "Lead", ours(input.Object{"company": "Oak", "phones": []any{number}, "status": "DISQUALIFIED", "statusReason": "r"}))
		gone := e.Make(t, "Account", ours(input.Object{"name": "Gone", "phones": []any{number}}))
		bin(t, e.Admin(t), "Account", gone)
		e.Clock.Advance(e.Clock.Now().Add(10 * time.Minute))
		e.Make(t, "Note", input.Object{"contact": person.String(), "title": "asked for tea", "body": "b"})
		e.Clock.Advance(e.Clock.Now().Add(time.Second))
		e.Make(t, "Note", input.Object{"account": firm.String(), "title": "pays late", "body": "b"})

		d := ann.Query(t, callerLookup, farleytest.Vars{"p": "+966 11 200 3000"}).At("callerLookup")
		match := func(what string, main bool, last string) string {
			at := "null"
			if last != "" {
				at = `"` + last + `"`
			}
			parts := map[string]string{"account": "null", "contact": "null", "lead": "null"}
			kind, name, _ := strings.Cut(what, " ")
			field := map[string]string{"account": "name", "contact": "displayName", "lead": "displayName"}[kind]
			parts[kind] = fmt.Sprintf(`{%q:%q}`, field, name)
			return fmt.Sprintf(`{"account":%s,"contact":%s,"lastContactAt":%s,"lead":%s,"main":%v}`, parts["account"], parts["contact"], at, parts["lead"], main)
		}
		later := "2026-11-22T09:10:00Z"
		want := `{"matches":[` + strings.Join([]string{
			match("contact Haddad", true, ""), match("contact Farouk", false, later), match("account Cancity", true, "2026-11-22T09:10:01Z"), match("lead Elm", true, ""), match("lead Oak", true, ""),
		}, ",") + `],"notes":[{"title":"pays late"},{"title":"asked for tea"}],"openLeads":[{"displayName":"Elm"}],"phone":"+966112003000"}`
		if diff := cmp.Diff(want, d.JSON()); diff != "" {
			t.Error(diff)
		}

		// One to find each kind of record and one for the notes; one to read what is shown of each kind, of the open leads and
		// of the notes. Who acts, and the change log, are looked at beside it.
		statements := func() int {
			e.DB.Counter.Reset()
			ann.Query(t, callerLookup, farleytest.Vars{"p": number})
			return len(slices.DeleteFunc(e.DB.Counter.Asked(), func(s string) bool {
				return !strings.Contains(s, "record_phones") && !strings.Contains(s, "`notes`") && !strings.Contains(s, "`contacts` ") && !strings.Contains(s, "`accounts` ") && !strings.Contains(s, "`leads` ")
			}))
		}
		if n := statements(); n != 9 {
			t.Errorf("%d statements for few records, want 9:\n%s", n, strings.Join(e.DB.Counter.Asked(), "\n"))
		}

		// National numbers are read as those of the country, or of the caller's locale.
		if got := ann.Query(t, callerLookup, farleytest.Vars{"p": "011 200 3000", "c": "SA"}).At("callerLookup").JSON(); got != want {
			t.Errorf("by country: %s", got)
		}
		local := shipped(t, e, "sales_rep", input.Object{"team": team.String(), "locale": "ar-SA"})
		if got := local.Query(t, callerLookup, farleytest.Vars{"p": "011 200 3000"}).At("callerLookup").JSON(); got != want {
			t.Errorf("by locale: %s", got)
		}
		for _, bad := range []string{"011 200 3000", "", "+1", "hello", strings.Repeat("9", 500)} {
			r := ann.Do(t, callerLookup, farleytest.Vars{"p": bad}).Want(t, "INVALID")
			if diff := cmp.Diff([]string{"phone FORMAT"}, r.Violations()); diff != "" {
				t.Error(diff)
			}
		}
		e.Anonymous().Do(t, callerLookup, farleytest.Vars{"p": number}).Want(t, "UNAUTHENTICATED")

		// A stranger learns nothing, and the index follows the records.
		none := `{"matches":[],"notes":[],"openLeads":[],"phone":"+966112003000"}`
		stranger := shipped(t, e, "sales_rep", nil)
		if got := stranger.Query(t, callerLookup, farleytest.Vars{"p": number}).At("callerLookup").JSON(); got != none {
			t.Errorf("a stranger sees %s", got)
		}
		e.Change(t, person, input.Object{"phones": phone("+966501234567")})
		e.Change(t, firm, input.Object{"phones": nil})
		names := func() int {
			return ann.Query(t, callerLookup, farleytest.Vars{"p": number}).At("callerLookup.matches").Len()
		}
		if n := names(); n != 3 {
			t.Errorf("%d matches after numbers were taken away, want 3", n)
		}

		// As many statements for many records as for few.
		for i := range 12 {
			e.Make(t, "Contact", ours(input.Object{"familyName": fmt.Sprint("New ", i), "phones": phone(number)}))
			e.Make(t, "Lead", ours(input.Object{"company": fmt.Sprint("New ", i), "phones": []any{number}}))
		}
		if n := names(); n != 10 {
			t.Errorf("%d matches, want 10", n)
		}
		if n := statements(); n > 9 {
			t.Errorf("%d statements for many records, want at most 9", n)
		}
	})
}
