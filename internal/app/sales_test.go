package app_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/clock"

	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/money"
	"farley/internal/seed"
)

const (
	createDeal = `mutation($in: CreateOpportunityInput!) { createOpportunity(input: $in) { opportunity { id version status probability forecastCategory stage { name } pipeline { name } expectedRevenue { amount currency } } } }`
	updateDeal = `mutation($id: ID!, $in: UpdateOpportunityInput!) { updateOpportunity(id: $id, input: $in) { opportunity { id version amount { amount currency } probability forecastCategory } } }`
	moveDeal   = `mutation($in: MoveOpportunityInput!, $v: Int, $dry: Boolean) { moveOpportunity(input: $in, expectedVersion: $v, dryRun: $dry) {
		opportunity { id version status probability forecastCategory stage { name } reason closedAt closedAmount { amount currency } expectedRevenue { amount currency } account { lifecycle { name } } }
		step { changed fromStage { name } stage { name } secondsInStage amount { amount currency } probability closeDate forecastCategory createdBy { id } } } }`
	reopenDeal = `mutation($in: ReopenOpportunityInput!, $v: Int) { reopenOpportunity(input: $in, expectedVersion: $v) {
		opportunity { version status stage { name } reason closedAt closedAmount { amount currency } probability } step { changed fromStage { name } stage { name } } } }`
	addLine = `mutation($in: CreateOpportunityLineInput!) { createOpportunityLine(input: $in) { opportunityLine { id name quantity discount unitPrice { amount currency } total { amount currency } opportunity { amount { amount currency } } } } }`
)

// selling is an application with the shipped stages and pipeline, and a team that sells.
type selling struct {
	*farleytest.Env
	team     id.ID
	ann, bob *farleytest.Client
}

func newSelling(t *testing.T, e *farleytest.Env) *selling {
	t.Helper()
	if err := seed.EnsureStages(t.Context(), e.Write); err != nil {
		t.Fatal(err)
	}
	if err := seed.EnsurePipeline(t.Context(), e.Write); err != nil {
		t.Fatal(err)
	}
	s := &selling{Env: e}
	s.team, s.ann, s.bob = salesTeam(t, e)
	return s
}

func (s *selling) stage(key string) string { return seed.PipelineStageID(s.Set, key).String() }

// account makes an account of the team.
func (s *selling) account(t *testing.T, name string, more input.Object) id.ID {
	t.Helper()
	in := input.Object{"name": name, "team": s.team.String()}
	for field, v := range more {
		in[field] = v
	}
	return s.Make(t, "Account", in)
}

// deal makes a deal of the team.
func (s *selling) deal(t *testing.T, account id.ID, more input.Object) id.ID {
	t.Helper()
	in := input.Object{"name": "Deal", "account": account.String(), "team": s.team.String(), "owner": s.ann.User.String()}
	for field, v := range more {
		in[field] = v
	}
	return s.Make(t, "Opportunity", in)
}

func amount(amount, currency string) map[string]any {
	return map[string]any{"amount": amount, "currency": currency}
}

func TestMoveOpportunity(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		stranger, agent := shipped(t, e, "sales_rep", nil), shipped(t, e, "service_agent", nil)
		firm := s.account(t, "Elm", input.Object{"kinds": []any{"PROSPECT", "SUPPLIER"}, "lifecycle": seed.StageID(e.Set, "prospect").String()})
		made := s.ann.Query(t, createDeal, farleytest.Vars{"in": input.Object{"name": "Cold rooms", "account": firm}}).At("createOpportunity.opportunity")
		want := `{"expectedRevenue":null,"forecastCategory":"PIPELINE","id":` + made.At("id").JSON() + `,"pipeline":{"name":"Sales"},"probability":10,"stage":{"name":"Qualification"},"status":"OPEN","version":1}`
		if made.JSON() != want {
			t.Fatalf("made: %s, want %s", made.JSON(), want)
		}
		x := made.At("id").Text()
		vars := func(stage string, more input.Object) farleytest.Vars {
			in := input.Object{"opportunity": x, "stage": s.stage(stage)}
			for name, v := range more {
				in[name] = v
			}
			return farleytest.Vars{"in": in}
		}
		changes := count(t, e, "SELECT COUNT(*) FROM changes")
		stranger.Do(t, moveDeal, vars("proposal", nil)).Want(t, "NOT_FOUND")
		agent.Do(t, moveDeal, vars("proposal", nil)).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, moveDeal, vars("proposal", nil)).Want(t, "UNAUTHENTICATED")
		r := s.ann.Do(t, updateDeal, farleytest.Vars{"id": x, "in": input.Object{"stage": s.stage("analysis")}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.stage IMMUTABLE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = s.ann.Do(t, moveDeal, vars("negotiation", input.Object{"changes": input.Object{"probability": 101}})).Want(t, "INVALID")
		got := r.Violations()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"input.changes.amount REQUIRED", "input.changes.closeDate REQUIRED", "input.changes.nextStep REQUIRED", "input.changes.probability RANGE"}, got); diff != "" {
			t.Error(diff)
		}
		r = s.ann.Do(t, moveDeal, vars("analysis", input.Object{"reason": "r", "competitor": firm, "changes": input.Object{"stage": s.stage("won")}})).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.changes.stage FORMAT"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = s.ann.Do(t, moveDeal, vars("analysis", input.Object{"reason": "r", "competitor": firm})).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.competitor FORMAT", "input.reason FORMAT"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		s.ann.Do(t, moveDeal, vars("qualification", nil)).Want(t, "CONFLICT")
		stale := vars("analysis", nil)
		stale["v"] = 5
		if r := s.ann.Do(t, moveDeal, stale).Want(t, "CONFLICT"); r.Errors[0].Extensions.Version != 1 || !strings.Contains(r.Raw, `"currentStage":"`+s.stage("qualification")) {
			t.Errorf("the conflict does not say how the deal stands: %s", r.Raw)
		}
		full := input.Object{"changes": input.Object{"amount": amount("1000.05", "SAR"), "closeDate": "2026-12-24", "nextStep": "Call"}}
		dry := vars("negotiation", full)
		dry["dry"] = true
		s.ann.Query(t, moveDeal, dry)
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != changes {
			t.Fatalf("what was refused left %d changes", n-changes)
		}

		e.Clock.Advance(e.Clock.Now().Add(10 * time.Minute))
		d := s.ann.Query(t, moveDeal, vars("negotiation", full)).At("moveOpportunity")
		want = `{"opportunity":{"account":{"lifecycle":{"name":"Prospect"}},"closedAmount":null,"closedAt":null,"expectedRevenue":{"amount":"750.04","currency":"SAR"},"forecastCategory":"COMMIT","id":"` + x +
			`","probability":75,"reason":null,"stage":{"name":"Negotiation"},"status":"OPEN","version":2},"step":{"amount":{"amount":"1000.05","currency":"SAR"},"changed":["STAGE","AMOUNT","PROBABILITY","CLOSE_DATE","CATEGORY"],` +
			`"closeDate":"2026-12-24","createdBy":{"id":"` + s.ann.User.String() + `"},"forecastCategory":"COMMIT","fromStage":{"name":"Qualification"},"probability":75,"secondsInStage":600,"stage":{"name":"Negotiation"}}}`
		if diff := cmp.Diff(want, d.JSON()); diff != "" {
			t.Fatal(diff)
		}

		// What changes without a move has its row too; what is none of the five has none.
		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		s.ann.Query(t, updateDeal, farleytest.Vars{"id": x, "in": input.Object{"probability": 80, "nextStep": "Visit"}})
		s.ann.Query(t, updateDeal, farleytest.Vars{"id": x, "in": input.Object{"nextStep": "Call again"}})
		steps := s.ann.Query(t, `query($x: ID!) { opportunity(id: $x) { steps(orderBy: [{field: AT, direction: ASC}]) { nodes { changed secondsInStage expectedRevenue { amount } } } } }`, farleytest.Vars{"x": x})
		want = `[{"changed":["STAGE","PROBABILITY","CATEGORY"],"expectedRevenue":null,"secondsInStage":0},{"changed":["STAGE","AMOUNT","PROBABILITY","CLOSE_DATE","CATEGORY"],"expectedRevenue":{"amount":"750.04"},"secondsInStage":600},` +
			`{"changed":["PROBABILITY"],"expectedRevenue":{"amount":"800.04"},"secondsInStage":60}]`
		if diff := cmp.Diff(want, steps.At("opportunity.steps.nodes").JSON()); diff != "" {
			t.Error(diff)
		}
		// An emptied probability is the stage's again.
		if got := s.ann.Query(t, updateDeal, farleytest.Vars{"id": x, "in": input.Object{"probability": nil, "forecastCategory": nil}}).At("updateOpportunity.opportunity"); got.At("probability").Int() != 75 || got.At("forecastCategory").Text() != "COMMIT" {
			t.Errorf("emptied: %s", got.JSON())
		}

		rival, other := s.account(t, "Rival", nil), s.account(t, "Other", nil)
		for _, c := range []id.ID{rival, other} {
			e.Clock.Advance(e.Clock.Now().Add(time.Second))
			s.ann.Query(t, `mutation($o: ID!, $c: ID!) { createOpportunityCompetitor(input: {opportunity: $o, competitor: $c}) { opportunityCompetitor { id } } }`, farleytest.Vars{"o": x, "c": c})
		}
		s.ann.Do(t, `mutation($o: ID!, $c: ID!) { createOpportunityCompetitor(input: {opportunity: $o, competitor: $c}) { opportunityCompetitor { id } } }`, farleytest.Vars{"o": x, "c": rival}).Want(t, "INVALID")
		results := func() string {
			return s.ann.Query(t, `query($x: ID!) { opportunity(id: $x) { competitors(orderBy: [{field: CREATED_AT, direction: ASC}]) { nodes { result competitor { name } } } } }`, farleytest.Vars{"x": x}).At("opportunity.competitors.nodes").JSON()
		}

		// Won, by the document of the integrators.
		const win = `mutation Win($id: ID!, $stage: ID!) { moveOpportunity(input: { opportunity: $id, stage: $stage, reason: "Price and delivery" }, expectedVersion: 5) { opportunity { id status closedAt account { lifecycle { name } } } } }`
		d = s.ann.Query(t, win, farleytest.Vars{"id": x, "stage": s.stage("won")}).At("moveOpportunity.opportunity")
		want = `{"account":{"lifecycle":{"name":"First purchase"}},"closedAt":"2026-11-22T09:11:02Z","id":"` + x + `","status":"WON"}`
		if d.JSON() != want {
			t.Fatalf("won: %s, want %s", d.JSON(), want)
		}
		customer := s.ann.Query(t, `query($x: ID!) { account(id: $x) { kinds customerSince stageHistory(where: {leftAt: {isNull: true}}) { nodes { reason stage { name } } } } }`, farleytest.Vars{"x": firm}).At("account").JSON()
		if want := `{"customerSince":"2026-11-22","kinds":["CUSTOMER","SUPPLIER"],"stageHistory":{"nodes":[{"reason":"A deal was won.","stage":{"name":"First purchase"}}]}}`; customer != want {
			t.Errorf("the account is %s, want %s", customer, want)
		}
		if got, want := results(), `[{"competitor":{"name":"Rival"},"result":"BEATEN"},{"competitor":{"name":"Other"},"result":"BEATEN"}]`; got != want {
			t.Errorf("competitors: %s", got)
		}
		closed := s.ann.Query(t, `query($x: ID!) { opportunity(id: $x) { reason probability forecastCategory closedAmount { amount currency } } }`, farleytest.Vars{"x": x}).At("opportunity").JSON()
		if want := `{"closedAmount":{"amount":"250.01","currency":"USD"},"forecastCategory":"CLOSED","probability":100,"reason":"Price and delivery"}`; closed != want {
			t.Errorf("the deal is %s, want %s", closed, want)
		}

		// It is closed now.
		changes = count(t, e, "SELECT COUNT(*) FROM changes")
		s.ann.Do(t, moveDeal, vars("analysis", nil)).Want(t, "CONFLICT")
		for _, in := range []input.Object{{"amount": amount("1.00", "SAR")}, {"closeDate": nil}, {"name": "x"}, {"reason": "x"}, {"closedAt": nil}, {"stage": s.stage("lost")}} {
			s.ann.Do(t, updateDeal, farleytest.Vars{"id": x, "in": in}).Want(t, "CONFLICT")
		}
		s.ann.Do(t, addLine, farleytest.Vars{"in": input.Object{"opportunity": x, "name": "n", "unitPrice": amount("1.00", "SAR")}}).Want(t, "CONFLICT")
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != changes {
			t.Errorf("what was refused left %d changes", n-changes)
		}
		s.ann.Query(t, updateDeal, farleytest.Vars{"id": x, "in": input.Object{"owner": s.bob.User}})

		d = s.ann.Query(t, reopenDeal, farleytest.Vars{"in": input.Object{"opportunity": x}}).At("reopenOpportunity")
		want = `{"opportunity":{"closedAmount":null,"closedAt":null,"probability":75,"reason":null,"stage":{"name":"Negotiation"},"status":"OPEN","version":8},"step":{"changed":["STAGE","PROBABILITY","CATEGORY"],"fromStage":{"name":"Won"},"stage":{"name":"Negotiation"}}}`
		if diff := cmp.Diff(want, d.JSON()); diff != "" {
			t.Error(diff)
		}
		if got, want := results(), `[{"competitor":{"name":"Rival"},"result":"PENDING"},{"competitor":{"name":"Other"},"result":"PENDING"}]`; got != want {
			t.Errorf("competitors: %s", got)
		}
		s.ann.Do(t, reopenDeal, farleytest.Vars{"in": input.Object{"opportunity": x}}).Want(t, "CONFLICT")
		r = s.ann.Do(t, moveDeal, vars("lost", input.Object{"competitor": e.Make(t, "Account", input.Object{"name": "Hidden"})})).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.competitor NOT_FOUND", "input.reason REQUIRED"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		d = s.ann.Query(t, moveDeal, vars("lost", input.Object{"reason": "Too dear", "competitor": rival})).At("moveOpportunity.opportunity")
		if d.At("status").Text() != "LOST" || d.At("reason").Text() != "Too dear" || d.At("probability").Int() != 0 || d.At("expectedRevenue.amount").Text() != "0.00" {
			t.Errorf("lost: %s", d.JSON())
		}
		if got, want := results(), `[{"competitor":{"name":"Rival"},"result":"LOST_TO"},{"competitor":{"name":"Other"},"result":"PENDING"}]`; got != want {
			t.Errorf("competitors: %s", got)
		}
		r = s.ann.Do(t, reopenDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": s.stage("won")}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.stage FORMAT"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
	})
}

// Of two moves of a version at once one is told that it came too late, with how the deal stands; so is one of two that lead to
// the same stage.
func TestMoveOpportunity_atOnce(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		for name, v := range map[string]any{"version": 1, "stage": nil} {
			x := s.deal(t, firm, nil)
			codes := make([]string, 2)
			var wg sync.WaitGroup
			for i, c := range []*farleytest.Client{s.ann, s.bob} {
				stage := s.stage("analysis")
				if i == 1 && v != nil {
					stage = s.stage("lost")
				}
				wg.Go(func() {
					r := c.Do(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": stage, "reason": map[bool]any{true: "r"}[stage == s.stage("lost")]}, "v": v})
					codes[i] = strings.Join(r.Codes(), " ")
					if codes[i] == "CONFLICT" && (r.Errors[0].Extensions.Version != 2 || !strings.Contains(r.Raw, "currentStage")) {
						t.Errorf("the conflict is %s", r.Raw)
					}
				})
			}
			wg.Wait()
			slices.Sort(codes)
			if diff := cmp.Diff([]string{"", "CONFLICT"}, codes); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if n := count(t, e, "SELECT COUNT(*) FROM opportunity_steps WHERE opportunity_id = ?", x); n != 2 {
				t.Errorf("%s: %d rows of history, want 2", name, n)
			}
		}
	})
}

func TestOpportunity_lines(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		admin := e.Admin(t)
		const product = `mutation($in: CreateProductInput!) { createProduct(input: $in) { product { id } } }`
		oven := admin.Query(t, product, farleytest.Vars{"in": input.Object{"name": "Oven", "sku": "KT-1", "listPrice": amount("10.01", "USD")}}).At("createProduct.product.id").Text()
		old := admin.Query(t, product, farleytest.Vars{"in": input.Object{"name": "Old", "sku": "KT-2", "active": false}}).At("createProduct.product.id").Text()
		r := admin.Do(t, product, farleytest.Vars{"in": input.Object{"name": "x", "sku": "kt-1"}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.sku TAKEN"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		s.ann.Do(t, product, farleytest.Vars{"in": input.Object{"name": "x", "sku": "y"}}).Want(t, "FORBIDDEN")

		x := s.deal(t, firm, nil)
		line := func(more input.Object) farleytest.Vars {
			in := input.Object{"opportunity": x}
			for name, v := range more {
				in[name] = v
			}
			return farleytest.Vars{"in": in}
		}
		d := s.ann.Query(t, addLine, line(input.Object{"product": oven, "quantity": "03.50", "discount": "12.5"})).At("createOpportunityLine.opportunityLine")
		first := d.At("id").Text()
		want := `{"discount":"12.5","id":"` + first + `","name":"Oven","opportunity":{"amount":{"amount":"30.66","currency":"USD"}},"quantity":"3.5","total":{"amount":"30.66","currency":"USD"},"unitPrice":{"amount":"10.01","currency":"USD"}}`
		if d.JSON() != want {
			t.Errorf("a line: %s, want %s", d.JSON(), want)
		}
		r = s.ann.Do(t, addLine, line(input.Object{"product": old, "quantity": "0", "discount": "100.1", "name": strings.Repeat("n", 201)})).Want(t, "INVALID")
		got := r.Violations()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"input.discount RANGE", "input.name TOO_LONG", "input.product FORMAT", "input.quantity RANGE", "input.unitPrice REQUIRED"}, got); diff != "" {
			t.Error(diff)
		}
		r = s.ann.Do(t, addLine, line(input.Object{"quantity": "1e3", "unitPrice": amount("-1.00", "USD")})).Want(t, "INVALID")
		got = r.Violations()
		slices.Sort(got)
		if diff := cmp.Diff([]string{"input.name REQUIRED", "input.quantity FORMAT", "input.unitPrice RANGE"}, got); diff != "" {
			t.Error(diff)
		}
		r = s.ann.Do(t, addLine, line(input.Object{"name": "n", "unitPrice": amount("1.00", "EUR")})).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.unitPrice CURRENCY"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = s.ann.Do(t, addLine, line(input.Object{"name": "n", "quantity": "1000000000", "unitPrice": amount("999999999.00", "USD")})).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.quantity RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = s.ann.Do(t, updateDeal, farleytest.Vars{"id": x, "in": input.Object{"amount": amount("1.00", "USD")}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.amount IMMUTABLE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		second := s.ann.Query(t, addLine, line(input.Object{"name": "Work", "unitPrice": amount("0.05", "USD"), "quantity": "0.5"})).At("createOpportunityLine.opportunityLine")
		if got := second.At("total.amount").Text() + " " + second.At("opportunity.amount.amount").Text(); got != "0.03 30.69" {
			t.Errorf("half a cent is %s", got)
		}
		const change = `mutation($id: ID!, $in: UpdateOpportunityLineInput!) { updateOpportunityLine(id: $id, input: $in) { opportunityLine { total { amount } opportunity { amount { amount } version } } } }`
		if got := s.ann.Query(t, change, farleytest.Vars{"id": first, "in": input.Object{"quantity": "2", "discount": nil}}).At("updateOpportunityLine.opportunityLine").JSON(); got != `{"opportunity":{"amount":{"amount":"20.05"},"version":4},"total":{"amount":"20.02"}}` {
			t.Errorf("changed: %s", got)
		}
		for i, want := range []string{"20.02", "20.02"} { // the last line leaves the amount as it is, to be entered from then on
			bin(t, s.ann, "OpportunityLine", []id.ID{second.At("id").ID(), (farleytest.Data{V: first}).ID()}[i])
			if got := s.ann.Query(t, `query($x: ID!) { opportunity(id: $x) { amount { amount } } }`, farleytest.Vars{"x": x}).At("opportunity.amount.amount").Text(); got != want {
				t.Errorf("after %d lines went the amount is %s, want %s", i+1, got, want)
			}
		}
		s.ann.Query(t, updateDeal, farleytest.Vars{"id": x, "in": input.Object{"amount": amount("5.00", "SAR")}})

		// An amount that was entered says the currency too.
		y := s.deal(t, firm, input.Object{"amount": amount("7", "JPY")})
		r = s.ann.Do(t, addLine, farleytest.Vars{"in": input.Object{"opportunity": y, "name": "n", "unitPrice": amount("1.00", "EUR")}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.unitPrice CURRENCY"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		for currency, want := range map[string]string{"JPY": "8", "KWD": "7.500"} { // no decimals, and three
			z := s.deal(t, firm, nil)
			d := s.ann.Query(t, addLine, farleytest.Vars{"in": input.Object{"opportunity": z, "name": "n", "quantity": "1.5", "unitPrice": amount("5", currency)}})
			if got := d.At("createOpportunityLine.opportunityLine.total.amount").Text(); got != want {
				t.Errorf("1.5 × 5 %s is %s, want %s", currency, got, want)
			}
		}
		stranger := shipped(t, e, "sales_rep", nil)
		stranger.Do(t, addLine, line(input.Object{"name": "n", "unitPrice": amount("1.00", "SAR")})).Want(t, "INVALID")
	})
}

const board = `query($p: ID!, $w: OpportunityWhere, $n: Int, $s: ID, $after: Cursor) { pipelineBoard(pipeline: $p, where: $w, first: $n, stage: $s, after: $after) {
	pipeline { name } stages { stage { name } count amount { amount currency } weightedAmount { amount currency } unconverted cards { name } hasMoreCards endCursor } } }`

// lines writes a board, one stage a line.
func boardLines(d farleytest.Data) []string {
	var out []string
	for i := range d.At("pipelineBoard.stages").Len() {
		s := d.At(fmt.Sprintf("pipelineBoard.stages.%d", i))
		out = append(out, fmt.Sprintf("%s %d %s %s %d %s %v", s.At("stage.name").Text(), s.At("count").Int(), s.At("amount.amount").Text(), s.At("weightedAmount.amount").Text(), s.At("unconverted").Int(), strings.Join(s.At("cards").Texts("name"), ","), s.At("hasMoreCards").V))
	}
	return out
}

func TestPipelineBoard(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		put := func(name, stage, worth, currency string, more input.Object) id.ID {
			e.Clock.Advance(e.Clock.Now().Add(time.Second)) // ids follow the clock
			in := input.Object{"name": name, "stage": s.stage(stage)}
			if worth != "" {
				in["amount"] = amount(worth, currency)
			}
			for field, v := range more {
				in[field] = v
			}
			return s.deal(t, firm, in)
		}
		put("a", "qualification", "100.05", "USD", nil)
		put("b", "qualification", "0.35", "USD", nil)
		put("c", "qualification", "10.01", "SAR", nil)
		put("d", "qualification", "", "", nil)
		put("e", "qualification", "5", "JPY", nil) // of which there is no rate
		put("f", "won", "1000.00", "EUR", nil)
		put("g", "lost", "40.00", "USD", input.Object{"reason": "r"})
		e.Make(t, "Opportunity", input.Object{"name": "hidden", "account": firm.String(), "amount": amount("77.00", "USD"), "stage": s.stage("qualification")})
		bin(t, e.Admin(t), "Opportunity", put("binned", "qualification", "3.00", "USD", nil))
		vars := farleytest.Vars{"p": seed.PipelineID(e.Set), "n": 2}

		got := boardLines(s.ann.Query(t, board, vars))
		want := []string{
			"Qualification 5 102.90 10.30 1 e,d true", // 100.40 USD and 2.5025 → 2.50 of SAR; 10.01 + 0.04, and 1.00 SAR → 0.25
			"Needs analysis 0 0.00 0.00 0  false", "Proposal 0 0.00 0.00 0  false", "Negotiation 0 0.00 0.00 0  false",
			"Won 1 1100.00 1100.00 0 f false", "Lost 1 40.00 0.00 0 g false",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		// A filter holds for counts, sums and cards.
		narrow := farleytest.Vars{"p": seed.PipelineID(e.Set), "w": map[string]any{"name": map[string]any{"in": []any{"a", "g"}}}}
		got = boardLines(s.ann.Query(t, board, narrow))
		if diff := cmp.Diff([]string{"Qualification 1 100.05 10.01 0 a false", "Lost 1 40.00 0.00 0 g false"}, slices.DeleteFunc(got, func(l string) bool { return strings.Contains(l, " 0 0.00 0.00") })); diff != "" {
			t.Error(diff)
		}
		// Cards go on behind a cursor, with the figures of all.
		first := s.ann.Query(t, board, vars).At("pipelineBoard.stages.0")
		next := farleytest.Vars{"p": seed.PipelineID(e.Set), "n": 2, "s": s.stage("qualification"), "after": first.At("endCursor").Text()}
		if got := boardLines(s.ann.Query(t, board, next)); len(got) != 1 || got[0] != "Qualification 5 102.90 10.30 1 c,b true" {
			t.Errorf("the next cards: %v", got)
		}
		s.bob.Do(t, board, next).Want(t, "INVALID") // a cursor is its reader's
		next["s"] = nil
		s.ann.Do(t, board, next).Want(t, "INVALID")
		s.ann.Do(t, board, farleytest.Vars{"p": seed.PipelineID(e.Set), "n": 101}).Want(t, "INVALID")
		s.ann.Do(t, board, farleytest.Vars{"p": seed.PipelineID(e.Set), "s": e.Make(t, "Stage", e.Valid(t, "Stage"))}).Want(t, "INVALID")
		s.ann.Do(t, board, farleytest.Vars{"p": firm}).Want(t, "NOT_FOUND")
		e.Anonymous().Do(t, board, vars).Want(t, "UNAUTHENTICATED")

		// Who may not know what deals are worth gets no sums, and the rest.
		agent := shipped(t, e, "service_agent", nil)
		agent.Do(t, board, vars).Want(t, "FORBIDDEN")
		d := agent.Query(t, `query($p: ID!) { pipelineBoard(pipeline: $p) { stages { count amount @optional { amount } weightedAmount @optional { amount } cards { name } } } }`, farleytest.Vars{"p": seed.PipelineID(e.Set)})
		if got := d.At("pipelineBoard.stages.0").JSON(); got != `{"cards":[{"name":"hidden"},{"name":"e"},{"name":"d"},{"name":"c"},{"name":"b"},{"name":"a"}],"count":6}` {
			t.Errorf("without amounts: %s", got)
		}
		// Where a field shows on some records only, the sum is of those.
		own, all := levelled(t, e), levelled(t, e, "OPPORTUNITY AMOUNT NONE")
		for i := range own.Permissions {
			if p := &own.Permissions[i]; p.Object == "OPPORTUNITY" {
				p.Scope = "OWN"
			}
		}
		mixed := e.User(t, nil, e.Role(t, own), e.Role(t, all))
		e.Make(t, "Opportunity", input.Object{"name": "mine", "account": firm.String(), "owner": mixed.User.String(), "amount": amount("8.00", "USD"), "stage": s.stage("qualification")})
		d = mixed.Query(t, `query($p: ID!) { pipelineBoard(pipeline: $p) { stages { count amount { amount } unconverted } } }`, farleytest.Vars{"p": seed.PipelineID(e.Set)})
		if got := d.At("pipelineBoard.stages.0").JSON(); got != `{"amount":{"amount":"8.00"},"count":7,"unconverted":0}` {
			t.Errorf("with the own amounts: %s", got)
		}
		// Who may not know in which stage deals are has no board.
		e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY STAGE NONE"))).Do(t, board, vars).Want(t, "FORBIDDEN")

		statements := func() int {
			e.DB.Counter.Reset()
			s.ann.Query(t, board, vars)
			return len(slices.DeleteFunc(e.DB.Counter.Asked(), func(s string) bool {
				return !strings.Contains(s, "`opportunities`") && !strings.Contains(s, "`stages`") && !strings.Contains(s, "`pipelines`")
			}))
		}
		few := statements()
		for i := range 30 {
			put(fmt.Sprintf("more %d", i), []string{"analysis", "qualification"}[i%2], "9999999999999.99", "USD", nil)
		}
		if n := statements(); n != few || n != 6 {
			t.Errorf("%d statements for few records and %d for many, want 6", few, n)
		}
		// Sums are larger than what one amount may be.
		for range 3 {
			for range 40 {
				put("huge", "negotiation", "999999999999999.99", "USD", input.Object{"closeDate": "2027-01-01", "nextStep": "n"})
			}
		}
		if got := boardLines(s.ann.Query(t, board, vars))[3]; got != "Negotiation 120 119999999999999998.80 89999999999999998.80 0 huge,huge true" {
			t.Errorf("huge: %s", got)
		}
	})
}

// What is closed keeps the rate of when it was closed; what is open follows the rates.
func TestPipelineBoard_ratesOfTheDay(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		for _, stage := range []string{"qualification", "won"} {
			s.deal(t, firm, input.Object{"stage": s.stage(stage), "amount": amount("100.00", "SAR")})
		}
		vars := farleytest.Vars{"p": seed.PipelineID(e.Set)}
		line := func(c *farleytest.Client) string {
			l := boardLines(c.Query(t, board, vars))
			return l[0] + " | " + l[4]
		}
		if got := line(s.ann); got != "Qualification 1 25.00 2.50 0 Deal false | Won 1 25.00 25.00 0 Deal false" {
			t.Errorf("on the day: %s", got)
		}
		book, err := money.NewBook("USD", map[string]string{"SAR": "0.5"})
		if err != nil {
			t.Fatal(err)
		}
		later := farleytest.On(t, e.DB, func(c *app.Config) { c.Money, c.Keys = book, e.Keys })
		if got := line(s.ann.On(later)); got != "Qualification 1 50.00 5.00 0 Deal false | Won 1 25.00 25.00 0 Deal false" {
			t.Errorf("later: %s", got)
		}
	})
}

// The board's subscription tells of the deals of its pipeline in the reader's sight, as they come and go.
func TestPipelineBoard_live(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		other := e.Make(t, "Stage", e.Valid(t, "Stage"))
		x := s.deal(t, firm, nil)
		stranger := shipped(t, e, "sales_rep", nil)
		const live = `subscription($p: ID!, $after: Cursor) { pipelineBoard(pipeline: $p, where: {type: {ne: RENEWAL}}, after: $after) { op recordId changedFields node { name stage { name } } } }`
		hears := func(c *farleytest.Client) *farleytest.Stream {
			return c.Subscribe(t, live, farleytest.Vars{"p": seed.PipelineID(e.Set), "after": after(t, e, c)})
		}
		ours, theirs := hears(s.bob), hears(stranger)
		s.deal(t, firm, input.Object{"name": "elsewhere", "stage": other.String()})
		s.deal(t, firm, input.Object{"name": "renewal", "type": "RENEWAL"})
		s.ann.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": s.stage("analysis")}})
		want := `{"changedFields":["stage","probability","forecastCategory","stageEnteredAt"],"node":{"name":"Deal","stage":{"name":"Needs analysis"}},"op":"UPDATED","recordId":"` + x.String() + `"}`
		if got := ours.Event(t).At("pipelineBoard"); !strings.Contains(got.JSON(), `"node":{"name":"Deal","stage":{"name":"Needs analysis"}},"op":"UPDATED"`) {
			t.Errorf("heard %s, want %s", got.JSON(), want)
		}
		s.ann.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": other}})
		if got := ours.Event(t).At("pipelineBoard"); got.At("op").Text() != "LEFT" || got.At("recordId").Text() != x.String() {
			t.Errorf("a deal that left the pipeline: %s", got.JSON())
		}
		e.Make(t, "Opportunity", input.Object{"name": "theirs", "account": firm.String(), "owner": stranger.User.String()})
		if got := theirs.Event(t).At("pipelineBoard.node.name").Text(); got != "theirs" {
			t.Errorf("the stranger heard of %q first", got)
		}
	})
}

func TestStaleOpportunities(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		planned := func(x id.ID, more input.Object) id.ID {
			in := input.Object{"kind": "TASK", "subject": "s", "opportunity": x.String(), "owner": s.ann.User.String(), "team": s.team.String(), "dueAt": "2027-06-01T00:00:00Z"}
			for field, v := range more {
				in[field] = v
			}
			return e.Make(t, "Activity", in)
		}
		resting := s.deal(t, firm, input.Object{"name": "resting"})                                                          // 14 days
		planned(s.deal(t, firm, input.Object{"name": "late", "closeDate": "2026-11-23", "stage": s.stage("analysis")}), nil) // 21 days
		call := planned(resting, nil)
		s.deal(t, firm, input.Object{"name": "won", "closeDate": "2026-11-01", "stage": s.stage("won"), "amount": amount("1.00", "USD")})
		hidden := e.Make(t, "Opportunity", input.Object{"name": "hidden", "account": firm.String(), "closeDate": "2026-11-01"})
		const stale = `query($n: Int, $after: Cursor, $w: OpportunityWhere) { staleOpportunities(first: $n, after: $after, where: $w) { edges { cursor reasons opportunity { name } } pageInfo { hasNextPage endCursor } } }`
		list := func(c *farleytest.Client) string {
			d := c.Query(t, stale, nil).At("staleOpportunities.edges")
			var out []string
			for i := range d.Len() {
				one := d.At(fmt.Sprint(i))
				out = append(out, one.At("opportunity.name").Text()+" "+one.At("reasons").JSON())
			}
			slices.Sort(out)
			return strings.Join(out, ", ")
		}
		to := func(at string) {
			instant, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			e.Clock.Advance(instant)
			s.ann = e.SignIn(t, s.ann.User)
		}
		if got := list(s.ann); got != "" {
			t.Errorf("at first: %s", got)
		}
		to("2026-11-23T23:59:59Z")
		if got := list(s.ann); got != "" {
			t.Errorf("on the day itself: %s", got)
		}
		to("2026-11-24T00:00:00Z")
		if got := list(s.ann); got != `late ["CLOSE_DATE"]` {
			t.Errorf("the day after: %s", got)
		}
		to("2026-12-06T09:00:00Z")
		if got := list(s.ann); got != `late ["CLOSE_DATE"]` {
			t.Errorf("after 14 days to the second: %s", got)
		}
		to("2026-12-06T09:00:01Z")
		if got := list(s.ann); got != `late ["CLOSE_DATE"], resting ["STAGE"]` {
			t.Errorf("after 14 days: %s", got)
		}
		to("2026-12-20T00:00:00Z")
		if got := list(s.ann); got != `late ["STAGE","CLOSE_DATE"], resting ["STAGE"]` {
			t.Errorf("after 28 days: %s", got)
		}
		one := s.ann.Query(t, stale, farleytest.Vars{"n": 1}).At("staleOpportunities")
		two := s.ann.Query(t, stale, farleytest.Vars{"n": 1, "after": one.At("pageInfo.endCursor").Text()}).At("staleOpportunities")
		names := []string{one.At("edges.0.opportunity.name").Text(), two.At("edges.0.opportunity.name").Text()}
		slices.Sort(names)
		if fmt.Sprint(names, one.At("pageInfo.hasNextPage").V, two.At("pageInfo.hasNextPage").V) != "[late resting] true false" {
			t.Errorf("pages: %s %s", one.JSON(), two.JSON())
		}
		s.ann.Do(t, stale, farleytest.Vars{"n": 0}).Want(t, "INVALID")
		e.Anonymous().Do(t, stale, nil).Want(t, "UNAUTHENTICATED")
		// What is done, past or out of sight plans nothing; what is under way, or has no time, does.
		const idle = `late ["STAGE","CLOSE_DATE"], resting ["STAGE","NEXT_ACTIVITY"]`
		e.Change(t, call, input.Object{"dueAt": "2026-12-19T23:59:59Z"})
		if got := list(s.ann); got != idle {
			t.Errorf("nothing to come: %s", got)
		}
		e.Change(t, call, input.Object{"dueAt": nil})
		if got := list(s.ann); got == idle {
			t.Errorf("without a time: %s", got)
		}
		e.Change(t, call, input.Object{"dueAt": "2026-12-19T23:59:59Z", "status": "IN_PROGRESS"})
		if got := list(s.ann); got == idle {
			t.Errorf("under way: %s", got)
		}
		e.Change(t, call, input.Object{"dueAt": "2027-06-01T00:00:00Z", "status": "DONE"})
		if got := list(s.ann); got != idle {
			t.Errorf("when it is done: %s", got)
		}
		elsewhere := planned(resting, input.Object{"owner": nil, "team": nil})
		if got := list(s.ann); got != idle {
			t.Errorf("an activity out of sight: %s", got)
		}
		bin(t, e.Admin(t), "Activity", elsewhere)
		if got := list(e.User(t, nil, e.Role(t, levelled(t, e, "ACTIVITY STATUS NONE")))); strings.Contains(got, "NEXT") {
			t.Errorf("who may not know how activities stand is told: %s", got)
		}
		// What somebody may not read makes no deal stale to him.
		planned(resting, nil)
		e.Make(t, "Activity", input.Object{"kind": "TASK", "subject": "s", "opportunity": hidden.String()})
		blind := e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY CLOSE_DATE NONE")))
		if got := list(blind); got != `hidden ["STAGE"], late ["STAGE"], resting ["STAGE"]` {
			t.Errorf("without closing days: %s", got)
		}
	})
}

// An integrator sees deals grow stale by the clock of the sandbox.
func TestStaleOpportunities_sandbox(t *testing.T) {
	t.Parallel()
	sandbox := clock.NewSandbox()
	e := farleytest.New(t, func(c *app.Config) { c.Clock = sandbox })
	s := newSelling(t, e)
	admin := e.Admin(t)
	s.deal(t, s.account(t, "Elm", nil), nil)
	const stale = `{ staleOpportunities { edges { reasons } } }`
	if got := s.ann.Query(t, stale, nil).At("staleOpportunities.edges").JSON(); got != "[]" {
		t.Errorf("at first: %s", got)
	}
	admin.Query(t, `mutation($to: DateTime!) { advanceClock(to: $to) { now } }`, farleytest.Vars{"to": sandbox.Now().AddDate(0, 0, 15).Format(time.RFC3339)})
	if got := e.SignIn(t, s.ann.User).Query(t, stale, nil).At("staleOpportunities.edges").JSON(); got != `[{"reasons":["STAGE","NEXT_ACTIVITY"]}]` {
		t.Errorf("after 15 days: %s", got)
	}
}

func TestStage_order(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		admin := e.Admin(t)
		const (
			create = `mutation($in: CreateStageInput!) { createStage(input: $in) { stage { id probability forecastCategory } } }`
			update = `mutation($id: ID!, $in: UpdateStageInput!) { updateStage(id: $id, input: $in) { stage { id } } }`
			remove = `mutation($s: ID!, $r: ID, $dry: Boolean) { removeStage(input: {stage: $s, replacement: $r}, dryRun: $dry) { id moved } }`
		)
		pipeline := seed.PipelineID(e.Set)
		want := func(r *farleytest.Response, violations ...string) {
			t.Helper()
			got := r.Want(t, "INVALID").Violations()
			slices.Sort(got)
			if diff := cmp.Diff(violations, got); diff != "" {
				t.Error(diff)
			}
		}
		stage := func(in input.Object) farleytest.Vars {
			in["pipeline"], in["name"] = pipeline, "S"
			return farleytest.Vars{"in": in}
		}
		want(admin.Do(t, create, stage(input.Object{"position": 50})), "input.position RANGE")
		want(admin.Do(t, create, stage(input.Object{"position": 40, "kind": "LOST"})), "input.position RANGE")
		want(admin.Do(t, update, farleytest.Vars{"id": s.stage("won"), "in": input.Object{"position": 15}}), "input.position RANGE")
		want(admin.Do(t, create, stage(input.Object{"position": 70, "kind": "WON", "probability": 90, "forecastCategory": "COMMIT", "staleAfterDays": 0, "requiredFields": []any{"AMOUNT", "STATUS", "nope"}})),
			"input.forecastCategory RANGE", "input.probability RANGE", "input.requiredFields.1 UNKNOWN", "input.requiredFields.2 UNKNOWN", "input.staleAfterDays RANGE")
		want(admin.Do(t, create, stage(input.Object{"position": 5, "probability": 101, "forecastCategory": "CLOSED"})), "input.forecastCategory RANGE", "input.probability RANGE")
		if got := admin.Query(t, create, stage(input.Object{"position": 70, "kind": "WON"})).At("createStage.stage"); got.At("probability").Int() != 100 || got.At("forecastCategory").Text() != "CLOSED" {
			t.Errorf("a stage for what is won: %s", got.JSON())
		}
		s.ann.Do(t, create, stage(input.Object{"position": 6})).Want(t, "FORBIDDEN")
		admin.Do(t, update, farleytest.Vars{"id": s.stage("won"), "in": input.Object{"kind": "LOST"}}).Want(t, "BAD_REQUEST") // not in the schema

		// A stage with deals, be they in the bin or out of sight, is removed only with one that stands in for it.
		firm := s.account(t, "Elm", nil)
		x, y := s.deal(t, firm, input.Object{"probability": 33}), s.deal(t, firm, nil)
		bin(t, admin, "Opportunity", y)
		from := s.stage("qualification")
		s.ann.Do(t, remove, farleytest.Vars{"s": from, "r": s.stage("proposal")}).Want(t, "FORBIDDEN")
		admin.Do(t, `mutation($id: ID!) { deleteStage(id: $id) { id } }`, farleytest.Vars{"id": from}).Want(t, "CONFLICT")
		admin.Do(t, `mutation($id: ID!) { deletePipeline(id: $id) { id } }`, farleytest.Vars{"id": pipeline}).Want(t, "CONFLICT")
		want(admin.Do(t, remove, farleytest.Vars{"s": from}), "input.replacement REQUIRED")
		want(admin.Do(t, remove, farleytest.Vars{"s": from, "r": s.stage("won")}), "input.replacement FORMAT")
		want(admin.Do(t, remove, farleytest.Vars{"s": from, "r": from}), "input.replacement FORMAT")
		want(admin.Do(t, remove, farleytest.Vars{"s": from, "r": e.Make(t, "Stage", e.Valid(t, "Stage"))}), "input.replacement FORMAT")
		want(admin.Do(t, remove, farleytest.Vars{"s": from, "r": firm}), "input.replacement FORMAT")
		if d := admin.Query(t, remove, farleytest.Vars{"s": from, "r": s.stage("proposal"), "dry": true}).At("removeStage"); d.At("moved").Int() != 2 {
			t.Errorf("tried: %s", d.JSON())
		}
		if d := admin.Query(t, remove, farleytest.Vars{"s": from, "r": s.stage("proposal")}).At("removeStage"); d.At("moved").Int() != 2 || d.At("id").Text() != from {
			t.Errorf("removed: %s", d.JSON())
		}
		got := s.ann.Query(t, `query($x: ID!) { opportunity(id: $x) { status probability stage { name } steps { totalCount { value } } } }`, farleytest.Vars{"x": x}).At("opportunity").JSON()
		if got != `{"probability":50,"stage":{"name":"Proposal"},"status":"OPEN","steps":{"totalCount":{"value":2}}}` {
			t.Errorf("its deal is %s", got)
		}
		admin.Query(t, `mutation($id: ID!) { restoreOpportunity(id: $id) { opportunity { id } } }`, farleytest.Vars{"id": y})
		want(s.ann.Do(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": from}}), "input.stage NOT_FOUND")
		// What was won stays as it was, though another stage says so now.
		z := s.deal(t, firm, input.Object{"stage": s.stage("won"), "amount": amount("4.00", "EUR")})
		at := e.Stored(t, z, "closedAt")
		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		second := admin.Query(t, create, stage(input.Object{"position": 80, "kind": "WON"})).At("createStage.stage.id").Text()
		admin.Query(t, remove, farleytest.Vars{"s": s.stage("won"), "r": second})
		if now := e.Stored(t, z, "closedAt"); now != at {
			t.Errorf("closed at %v, was %v", now, at)
		}
	})
}

// What an account's open deals are worth: of those in sight, whose amounts show, at the rates of now, in as many statements for
// 20 accounts as for one.
func TestSummary_openDeals(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		s.account(t, "Oak", nil)
		for _, d := range []input.Object{
			{"amount": amount("9000000000000.05", "USD")}, {"amount": amount("9000000000000.05", "USD")}, {"amount": amount("10.01", "SAR")}, {"amount": amount("5", "JPY")}, {},
			{"amount": amount("70.00", "USD"), "stage": s.stage("won")}, {"amount": amount("70.00", "USD"), "stage": s.stage("lost"), "reason": "r"},
		} {
			s.deal(t, firm, d)
		}
		e.Make(t, "Opportunity", input.Object{"name": "hidden", "account": firm.String(), "amount": amount("77.00", "USD")})
		bin(t, e.Admin(t), "Opportunity", s.deal(t, firm, input.Object{"amount": amount("3.00", "USD")}))
		const q = `{ accounts(orderBy: {field: NAME, direction: ASC}) { nodes { summary { openDeals openAmount { amount currency } } } } }`
		want := `[{"summary":{"openAmount":{"amount":"18000000000002.60","currency":"USD"},"openDeals":5}},{"summary":{"openAmount":{"amount":"0.00","currency":"USD"},"openDeals":0}}]`
		if got := s.ann.Query(t, q, nil).At("accounts.nodes").JSON(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		want = `[{"summary":{"openAmount":null,"openDeals":6}},{"summary":{"openAmount":null,"openDeals":0}}]`
		if got := e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY AMOUNT NONE"))).Query(t, q, nil).At("accounts.nodes").JSON(); got != want {
			t.Errorf("without amounts: %s, want %s", got, want)
		}
		want = `[{"summary":{"openAmount":null,"openDeals":null}},{"summary":{"openAmount":null,"openDeals":null}}]`
		if got := e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY STATUS NONE"))).Query(t, q, nil).At("accounts.nodes").JSON(); got != want {
			t.Errorf("without statuses: %s, want %s", got, want)
		}
		one := statementsOf(t, e, s.ann, q, nil)
		for range 18 {
			s.deal(t, s.account(t, "Pine", nil), input.Object{"amount": amount("1.00", "EUR")})
		}
		// The list, the counts, the sums.
		if many := statementsOf(t, e, s.ann, q, nil); one != 3 || many != 3 {
			t.Errorf("%d statements for two accounts and %d for 20, want 3", one, many)
		}
	})
}
