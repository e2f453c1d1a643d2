package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/seed"
)

// A lead becomes a deal with its account and contact, and ends with a trace to it.
func TestConvertLead_opportunity(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		lead := func(more input.Object) id.ID {
			in := input.Object{"familyName": "Farouk", "company": "Elm", "source": "Fair", "campaign": "Spring", "team": s.team.String(), "owner": s.ann.User.String()}
			for name, v := range more {
				in[name] = v
			}
			return e.Make(t, "Lead", in)
		}
		const convert = `mutation($in: ConvertLeadInput!, $dry: Boolean) { convertLead(input: $in, dryRun: $dry) { lead { status convertedOpportunity { name } } account { id name }
			opportunity { id name source campaign owner { id } account { name } stage { name } contacts { nodes { displayName } } tags { nodes { name } } steps { totalCount { value } } } } }`
		x := lead(input.Object{"tags": []any{e.Make(t, "Tag", input.Object{"name": "hot"}).String()}})
		all := input.Object{"lead": x, "account": input.Object{"create": input.Object{}}, "contact": input.Object{"create": input.Object{}}, "opportunity": input.Object{"create": input.Object{"amount": amount("5.00", "USD")}}}
		s.ann.Query(t, convert, farleytest.Vars{"in": all, "dry": true})
		if n := count(t, e, "SELECT COUNT(*) FROM opportunities"); n != 0 {
			t.Errorf("a dry run leaves %d deals", n)
		}
		d := s.ann.Query(t, convert, farleytest.Vars{"in": all}).At("convertLead")
		want := `{"account":{"name":"Elm"},"campaign":"Spring","contacts":{"nodes":[{"displayName":"Farouk"}]},"id":` + d.At("opportunity.id").JSON() + `,"name":"Elm","owner":{"id":"` + s.ann.User.String() +
			`"},"source":"Fair","stage":{"name":"Qualification"},"steps":{"totalCount":{"value":1}},"tags":{"nodes":[{"name":"hot"}]}}`
		if diff := cmp.Diff(want, d.At("opportunity").JSON()); diff != "" {
			t.Error(diff)
		}
		if got := d.At("lead").JSON(); got != `{"convertedOpportunity":{"name":"Elm"},"status":"CONVERTED"}` {
			t.Errorf("the lead is %s", got)
		}

		// What is wrong with the targets comes together, and nothing is kept.
		y := lead(input.Object{"company": nil})
		r := s.ann.Do(t, convert, farleytest.Vars{"in": input.Object{"lead": y, "opportunity": input.Object{"create": input.Object{"probability": 101}}}}).Want(t, "INVALID")
		got := r.Violations()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"input.opportunity.create.account REQUIRED", "input.opportunity.create.probability RANGE"}, got); diff != "" {
			t.Error(diff)
		}
		s.ann.Do(t, convert, farleytest.Vars{"in": input.Object{"lead": y}}).Want(t, "INVALID")
		hidden := e.Make(t, "Opportunity", input.Object{"name": "Hidden", "account": d.At("account.id").Text()})
		r = s.ann.Do(t, convert, farleytest.Vars{"in": input.Object{"lead": y, "opportunity": input.Object{"link": hidden}}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.opportunity.link NOT_FOUND"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		// With a deal alone the notes of the lead move to the deal, which is called after the person.
		note := e.Make(t, "Note", input.Object{"lead": y.String(), "body": "b"})
		d = s.ann.Query(t, convert, farleytest.Vars{"in": input.Object{"lead": y, "opportunity": input.Object{"create": input.Object{"account": d.At("account.id").Text()}}}}).At("convertLead.opportunity")
		if d.At("name").Text() != "Farouk" || e.Stored(t, note, "opportunity") != d.At("id").ID() {
			t.Errorf("the deal is %s, the note is on %v", d.JSON(), e.Stored(t, note, "opportunity"))
		}
	})
}

// Products and deals come from another system again and again: by its keys they are made once and changed from then on, stages
// by the same rules as ever.
func TestImport_deals(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		admin := e.Admin(t)
		s.account(t, "Elm", nil)
		mapping := func(object, rows string, columns ...any) farleytest.Vars {
			return farleytest.Vars{
				"file": putRows(t, e, admin.User, "rows.csv", rows), "object": object, "mode": "UPSERT", "columns": columns,
				"key": farleytest.Vars{"external": farleytest.Vars{"system": "erp", "column": "key"}},
			}
		}
		to := func(column, field string, more farleytest.Vars) farleytest.Vars {
			v := farleytest.Vars{"column": column, "to": field}
			for name, x := range more {
				v[name] = x
			}
			return v
		}
		run := func(in farleytest.Vars, want map[string]int) farleytest.Data {
			t.Helper()
			x := begin(t, admin, in)
			runJobs(t, e)
			d := importOf(t, admin, x)
			wantFigures(t, d, "DONE", want)
			return admin.Query(t, `query($id: ID!) { importProblems(import: $id, first: 10) { nodes { row issues { path code } } } }`, farleytest.Vars{"id": x}).At("importProblems.nodes")
		}
		products := []any{to("sku", "sku", nil), to("name", "name", nil), to("price", "listPrice", farleytest.Vars{"currency": "USD"})}
		run(mapping("PRODUCT", "key,sku,name,price\n1,A-1,Oven,10.50\n2,A-2,Sink,3\n", products...), map[string]int{"total": 2, "done": 2, "created": 2})
		run(mapping("PRODUCT", "key,sku,name,price\n1,A-1,Oven,11.50\n2,A-2,Sink,3\n", products...), map[string]int{"total": 2, "done": 2, "updated": 1, "unchanged": 1})

		deals := []any{
			to("name", "name", nil), to("firm", "account", farleytest.Vars{"match": farleytest.Vars{"by": "name"}}), to("stage", "stage", farleytest.Vars{"match": farleytest.Vars{"by": "name"}}),
			to("worth", "amount", farleytest.Vars{"currency": "SAR"}), to("close", "closeDate", nil), to("why", "reason", nil),
		}
		const header = "key,name,firm,stage,worth,close,why\n"
		run(mapping("OPPORTUNITY", header+"7,Ovens,Elm,Needs analysis,100,2026-12-01,\n8,Sinks,Elm,Won,50.25,2026-11-01,Price\n", deals...), map[string]int{"total": 2, "done": 2, "created": 2})
		list := func() string {
			return s.ann.Query(t, `{ opportunities(orderBy: [{field: NAME, direction: ASC}]) { nodes { name status probability amount { amount currency } reason steps { totalCount { value } } } } }`, nil).At("opportunities.nodes").JSON()
		}
		e.Change(t, admin.Query(t, `{ opportunities(where: {name: {eq: "Ovens"}}) { nodes { id } } }`, nil).At("opportunities.nodes.0.id").ID(), input.Object{"team": s.team.String()})
		e.Change(t, admin.Query(t, `{ opportunities(where: {name: {eq: "Sinks"}}) { nodes { id } } }`, nil).At("opportunities.nodes.0.id").ID(), input.Object{"team": s.team.String()})
		want := `[{"amount":{"amount":"100.00","currency":"SAR"},"name":"Ovens","probability":25,"reason":null,"status":"OPEN","steps":{"totalCount":{"value":1}}},` +
			`{"amount":{"amount":"50.25","currency":"SAR"},"name":"Sinks","probability":100,"reason":"Price","status":"WON","steps":{"totalCount":{"value":1}}}]`
		if diff := cmp.Diff(want, list()); diff != "" {
			t.Error(diff)
		}
		run(mapping("OPPORTUNITY", header+"7,Ovens,Elm,Proposal,120,2026-12-01,\n8,Sinks,Elm,Won,50.25,2026-11-01,Price\n", deals...), map[string]int{"total": 2, "done": 2, "updated": 1, "unchanged": 1})
		problems := run(mapping("OPPORTUNITY", header+"7,Ovens,Elm,Negotiation,120,2026-12-01,\n8,Sinks,Elm,Won,51.00,2026-11-01,Price\n", deals...), map[string]int{"total": 2, "done": 2, "failed": 2})
		if got, want := problems.JSON(), `[{"issues":[{"code":"REQUIRED","path":["nextStep"]}],"row":1},{"issues":[{"code":"CONFLICT","path":["amount"]}],"row":2}]`; got != want {
			t.Errorf("problems: %s, want %s", got, want)
		}
		run(mapping("OPPORTUNITY", header+"7,Ovens,Elm,Lost,120,2026-12-01,Too dear\n", deals...), map[string]int{"total": 1, "done": 1, "updated": 1})
		want = `[{"amount":{"amount":"120.00","currency":"SAR"},"name":"Ovens","probability":0,"reason":"Too dear","status":"LOST","steps":{"totalCount":{"value":3}}},` +
			`{"amount":{"amount":"50.25","currency":"SAR"},"name":"Sinks","probability":100,"reason":"Price","status":"WON","steps":{"totalCount":{"value":1}}}]`
		if diff := cmp.Diff(want, list()); diff != "" {
			t.Error(diff)
		}
		// And by the API, with the same keys.
		const upsert = `mutation($k: String!, $in: UpdateOpportunityInput!) { upsertOpportunity(external: {system: "erp", id: $k}, input: $in) { opportunity { name stage { name } } created } }`
		firm := s.account(t, "Oak", nil)
		for i, stage := range []string{"qualification", "analysis"} {
			d := admin.Query(t, upsert, farleytest.Vars{"k": "9", "in": input.Object{"name": "Pans", "account": firm, "stage": s.stage(stage)}}).At("upsertOpportunity")
			if got, want := d.JSON(), fmt.Sprintf(`{"created":%v,"opportunity":{"name":"Pans","stage":{"name":"%s"}}}`, i == 0, []string{"Qualification", "Needs analysis"}[i]); got != want {
				t.Errorf("upserted: %s, want %s", got, want)
			}
		}
	})
}

// Deals that are the same become one, whose amount follows the lines of all.
func TestMergeOpportunities(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		manager := shipped(t, e, "sales_manager", input.Object{"team": s.team.String()})
		firm := s.account(t, "Elm", nil)
		contact := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "team": s.team.String()})
		put := func(worth, currency string) id.ID {
			x := s.deal(t, firm, nil)
			e.Make(t, "OpportunityLine", input.Object{"opportunity": x.String(), "name": "n", "unitPrice": amount(worth, currency)})
			e.Make(t, "OpportunityContact", input.Object{"opportunity": x.String(), "contact": contact.String()})
			return x
		}
		a, b, euro := put("10.00", "USD"), put("2.50", "USD"), put("1.00", "EUR")
		won := s.deal(t, firm, input.Object{"stage": s.stage("won"), "amount": amount("1.00", "USD")})
		const merge = `mutation($s: ID!, $l: [ID!]!) { mergeOpportunities(input: {survivor: $s, losers: $l}) { opportunity { id amount { amount currency } expectedRevenue { amount } lines { totalCount { value } } opportunityContacts { totalCount { value } } } moved { relation count } } }`
		s.ann.Do(t, merge, farleytest.Vars{"s": a, "l": []any{b}}).Want(t, "FORBIDDEN")
		manager.Do(t, merge, farleytest.Vars{"s": a, "l": []any{won}}).Want(t, "CONFLICT")
		manager.Do(t, merge, farleytest.Vars{"s": a, "l": []any{euro}}).Want(t, "CONFLICT")
		d := manager.Query(t, merge, farleytest.Vars{"s": a, "l": []any{b}}).At("mergeOpportunities.opportunity")
		want := `{"amount":{"amount":"12.50","currency":"USD"},"expectedRevenue":{"amount":"1.25"},"id":"` + a.String() + `","lines":{"totalCount":{"value":2}},"opportunityContacts":{"totalCount":{"value":1}}}`
		if d.JSON() != want {
			t.Errorf("merged: %s, want %s", d.JSON(), want)
		}
		if got := manager.Query(t, `query($x: ID!) { opportunity(id: $x) { id } }`, farleytest.Vars{"x": b}).At("opportunity.id").Text(); got != a.String() {
			t.Errorf("the id of the loser stands for %s", got)
		}
	})
}

// Deals are in the lists, views and feeds of what is around them, as integrators write them.
func TestOpportunity_views(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", input.Object{"kinds": []any{"CUSTOMER"}})
		x := s.deal(t, firm, input.Object{"name": "Cold rooms", "amount": amount("5.00", "USD"), "closeDate": "2026-12-01"})
		s.deal(t, firm, input.Object{"name": "Old", "stage": s.stage("won"), "amount": amount("5.00", "USD")})
		got := s.ann.Query(t, `query AccountList {
			accounts(first: 20, orderBy: [{ field: NAME, direction: ASC }], where: { kinds: { has: CUSTOMER } }) { edges { node { name
				opportunities(first: 3, where: { stage: { kind: { eq: OPEN } } }) { edges { node { id name amount { amount currency } closeDate } } } } } } }`, nil).At("accounts.edges.0.node").JSON()
		want := `{"name":"Elm","opportunities":{"edges":[{"node":{"amount":{"amount":"5.00","currency":"USD"},"closeDate":"2026-12-01","id":"` + x.String() + `","name":"Cold rooms"}}]}}`
		if got != want {
			t.Errorf("the list has %s, want %s", got, want)
		}
		from := after(t, e, s.bob)
		stream := s.bob.Subscribe(t, `subscription Live($after: Cursor) { opportunityChanged(where: { owner: { me: true } }, after: $after) {
			cursor op object recordId version at actor { displayName } changedFields node { id name stage { name } amount { amount currency } } } }`, farleytest.Vars{"after": from})
		s.ann.Query(t, `mutation($in: TransferInput!) { transfer(input: $in) { records { id } } }`, farleytest.Vars{"in": input.Object{"records": []any{x}, "to": s.bob.User}})
		if d := stream.Event(t).At("opportunityChanged"); d.At("op").Text() != "UPDATED" || d.At("node.stage.name").Text() != "Qualification" {
			t.Errorf("the new owner hears %s", d.JSON())
		}

		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		s.ann.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": s.stage("analysis")}})
		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		s.ann.Query(t, `mutation($x: ID!) { createNote(input: {opportunity: $x, title: "Call", body: "b"}) { note { id } } }`, farleytest.Vars{"x": x})
		const timeline = `query($x: ID!) { opportunity(id: $x) { lastActivityAt timeline(kinds: [NOTE, OPPORTUNITY_STEP]) { edges { node { kind title ... on OpportunityStepEntry { step { changed } } } } } } }`
		got = s.ann.Query(t, timeline, farleytest.Vars{"x": x}).At("opportunity").JSON()
		want = `{"lastActivityAt":"2026-11-22T09:02:00Z","timeline":{"edges":[{"node":{"kind":"NOTE","title":"Call"}},{"node":{"kind":"OPPORTUNITY_STEP","step":{"changed":["STAGE","PROBABILITY"]},"title":"Needs analysis"}},` +
			`{"node":{"kind":"OPPORTUNITY_STEP","step":{"changed":["STAGE","AMOUNT","PROBABILITY","CLOSE_DATE","CATEGORY"]},"title":"Qualification"}}]}}`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		s.ann.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": s.stage("lost"), "reason": "r"}})
		d := s.ann.Query(t, `query($x: ID!) { account(id: $x) { timeline(kinds: [OPPORTUNITY]) { edges { node { title ... on OpportunityEntry { change opportunity { name } } } } } } }`, farleytest.Vars{"x": firm}).At("account.timeline.edges")
		var entries []string
		for i := range d.Len() {
			entries = append(entries, d.At(fmt.Sprintf("%d.node.change", i)).Text()+" "+d.At(fmt.Sprintf("%d.node.opportunity.name", i)).Text())
		}
		slices.Sort(entries)
		if diff := cmp.Diff([]string{"CLOSED Cold rooms", "CLOSED Old", "OPENED Cold rooms", "OPENED Old"}, entries); diff != "" {
			t.Error(diff)
		}
	})
}

// A deal that leaves the bin for good takes along what cannot be without it, its history included; so does its account.
func TestOpportunity_purge(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		admin := e.Admin(t)
		firm := s.account(t, "Elm", input.Object{"lifecycle": seed.StageID(e.Set, "prospect").String()})
		x, y := s.deal(t, firm, nil), s.deal(t, s.account(t, "Oak", nil), nil)
		e.Make(t, "OpportunityLine", input.Object{"opportunity": y.String(), "name": "n", "unitPrice": amount("1.00", "USD")})
		e.Make(t, "Note", input.Object{"opportunity": x.String(), "body": "b"})
		bin(t, admin, "Account", firm)
		bin(t, admin, "Opportunity", y)
		purge := e.Clock.Now().AddDate(0, 0, 31)
		e.Clock.Advance(purge)
		for _, one := range []id.ID{firm, y} {
			e.Purge(t, one)
		}
		for _, table := range []string{"opportunities", "opportunity_steps", "opportunity_lines", "notes", "stage_histories"} {
			if n := count(t, e, "SELECT COUNT(*) FROM "+table); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
	})
}

func TestEnsurePipeline(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		for range 2 {
			if err := seed.EnsurePipeline(t.Context(), e.Write); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM stages"); n != 6 {
			t.Errorf("%d stages, want 6", n)
		}
		admin := e.Admin(t)
		bin(t, admin, "Pipeline", seed.PipelineID(e.Set))
		rows := count(t, e, "SELECT COUNT(*) FROM changes")
		if err := seed.EnsurePipeline(t.Context(), e.Write); err != nil {
			t.Fatal(err)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != rows {
			t.Error("what the firm has made of the pipeline is changed at the next start")
		}
		// Without a pipeline there is nowhere to begin.
		r := admin.Do(t, createDeal, farleytest.Vars{"in": input.Object{"name": "x", "account": e.Make(t, "Account", input.Object{"name": "Elm"})}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.stage REQUIRED"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
	})
}
