package app_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

const (
	makeIncentivePlan = `mutation($in: CreateIncentivePlanInput!) { createIncentivePlan(input: $in) { incentivePlan { id currency owner { id } } } }`
	takePart          = `mutation($in: CreateIncentiveParticipantInput!) { createIncentiveParticipant(input: $in) { incentiveParticipant { id } } }`
	makeSplit         = `mutation($in: CreateOpportunitySplitInput!) { createOpportunitySplit(input: $in) { opportunitySplit { id } } }`
	statement         = `query($u: ID, $p: PeriodInput!, $n: Int) { incentiveStatement(user: $u, period: $p, first: $n) { period { from to } user { id } total { amount currency } hasMoreEntries plans { plan { name } booked { amount currency } reversed { amount } total { amount } count
		entries { user { id } opportunity { name } occurredAt periodStartsOn share basisAmount { amount } amount { amount } reversalOf { amount { amount } } steps { from to percent perDeal amount } } } } }`
)

func tier(above, percent string) map[string]any {
	return map[string]any{"above": above, "percent": percent}
}

func tierPerDeal(above, amount string) map[string]any {
	return map[string]any{"above": above, "perDeal": amount}
}

// paying is a team with a manager and two people who sell, each of whom sees what is his own.
type paying struct {
	*selling
	boss, ann, bob *farleytest.Client
	firm           id.ID
}

func newPaying(t *testing.T, e *farleytest.Env) *paying {
	t.Helper()
	p := &paying{selling: newSelling(t, e)}
	p.boss = shipped(t, e, "sales_manager", input.Object{"name": "Boss", "team": p.team.String()})
	in := input.Object{"manager": p.boss.User.String(), "team": e.Make(t, "Team", input.Object{"name": "North", "parent": p.team.String()}).String()}
	p.ann, p.bob = shipped(t, e, "sales_rep", in), shipped(t, e, "sales_rep", in)
	p.firm = p.account(t, "Elm", nil)
	return p
}

// plan makes a plan of the manager in which both take part, with these tiers.
func (p *paying) plan(t *testing.T, more input.Object, tiers ...any) id.ID {
	t.Helper()
	p.tick()
	in := input.Object{"name": "Plan", "startsOn": "2026-01-01", "tiers": tiers}
	for field, v := range more {
		in[field] = v
	}
	x := p.boss.Query(t, makeIncentivePlan, farleytest.Vars{"in": in}).At("createIncentivePlan.incentivePlan.id").ID()
	for _, c := range []*farleytest.Client{p.ann, p.bob} {
		p.boss.Query(t, takePart, farleytest.Vars{"in": input.Object{"plan": x, "user": c.User}})
	}
	return x
}

// open makes an open deal of somebody.
func (p *paying) open(t *testing.T, owner *farleytest.Client, name, worth, currency string) id.ID {
	t.Helper()
	return p.deal(t, p.firm, input.Object{"name": name, "owner": owner.User.String(), "amount": amount(worth, currency)})
}

// tick lets a second pass, so that what is told later comes later.
func (p *paying) tick() { p.Clock.Advance(p.Clock.Now().Add(time.Second)) }

func (p *paying) win(t *testing.T, c *farleytest.Client, deal id.ID) {
	t.Helper()
	p.tick()
	c.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": deal, "stage": p.stage("won")}})
}

func (p *paying) reopen(t *testing.T, c *farleytest.Client, deal id.ID) {
	t.Helper()
	p.tick()
	c.Query(t, reopenDeal, farleytest.Vars{"in": input.Object{"opportunity": deal}})
}

// entryLines writes the entries of a statement: the deal, the share, its worth, the amount, and the steps.
func entryLines(d farleytest.Data) []string {
	var out []string
	d = d.At("incentiveStatement")
	for i := range d.At("plans").Len() {
		plan := d.At(fmt.Sprintf("plans.%d", i))
		for j := range plan.At("entries").Len() {
			entry := plan.At(fmt.Sprintf("entries.%d", j))
			worth := "-"
			if entry.At("basisAmount").V != nil {
				worth = entry.At("basisAmount.amount").Text()
			}
			line := fmt.Sprintf("%s %s%% of %s: %s", entry.At("opportunity.name").Text(), entry.At("share").Text(), worth, entry.At("amount.amount").Text())
			for k := range entry.At("steps").Len() {
				s := entry.At(fmt.Sprintf("steps.%d", k))
				rate := s.At("percent").JSON() + "%"
				if s.At("percent").V == nil {
					rate = s.At("perDeal").JSON()
				}
				line += fmt.Sprintf(" | %s-%s %s %s", s.At("from").Text(), s.At("to").Text(), strings.ReplaceAll(rate, `"`, ""), s.At("amount").Text())
			}
			out = append(out, line)
		}
	}
	if d.At("total").V != nil {
		out = append(out, "total "+d.At("total.amount").Text())
	}
	return out
}

func TestIncentives(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newPaying(t, e)
		plan := p.plan(t, nil, tier("0", "5"), tier("1000.00", "10"))
		first, second := p.open(t, p.ann, "First", "800.00", "USD"), p.open(t, p.ann, "Second", "400.01", "USD")
		p.win(t, p.ann, first)
		p.win(t, p.ann, second)
		period := farleytest.Vars{"p": quarter4}
		booked := []string{"First 100% of 800.00: 40.00 | 0.00-800.00 5% 40.00", "Second 100% of 400.01: 30.00 | 800.00-1000.00 5% 10.00 | 1000.00-1200.01 10% 20.00"}
		if diff := cmp.Diff(append(slices.Clone(booked), "total 70.00"), entryLines(p.ann.Query(t, statement, period))); diff != "" {
			t.Fatal(diff)
		}
		// What was booked stays, whatever becomes of the plan.
		const change = `mutation($x: ID!, $in: UpdateIncentivePlanInput!) { updateIncentivePlan(id: $x, input: $in) { incentivePlan { id } } }`
		p.boss.Query(t, change, farleytest.Vars{"x": plan, "in": input.Object{"tiers": []any{tier("0", "50"), tier("1000.00", "60")}}})
		p.reopen(t, p.ann, first)
		taken := "First 100% of -800.00: -40.00 | 0.00-800.00 5% 40.00"
		if diff := cmp.Diff(append(slices.Clone(booked), taken, "total 30.00"), entryLines(p.ann.Query(t, statement, period))); diff != "" {
			t.Error(diff)
		}
		// It is won again, from where it was taken back, by the tiers of now.
		p.win(t, p.ann, first)
		again := "First 100% of 800.00: 400.00 | 0.00-800.00 50% 400.00"
		d := p.boss.Query(t, statement, farleytest.Vars{"p": quarter4, "u": p.ann.User})
		if diff := cmp.Diff(append(slices.Clone(booked), taken, again, "total 430.00"), entryLines(d)); diff != "" {
			t.Error(diff)
		}
		one := d.At("incentiveStatement.plans.0")
		if got := one.At("booked").JSON() + one.At("reversed.amount").Text() + one.At("total.amount").Text() + one.At("count").JSON() + one.At("entries.2.reversalOf").JSON() + one.At("entries.0.periodStartsOn").Text(); got != `{"amount":"470.00","currency":"USD"}40.00430.004{"amount":{"amount":"40.00"}}2026-10-01` {
			t.Errorf("the plan: %s", got)
		}
		if d := p.ann.Query(t, statement, farleytest.Vars{"p": quarter4, "n": 1}).At("incentiveStatement"); d.At("plans.0.entries").Len() != 1 || d.At("hasMoreEntries").V != true || d.At("total.amount").Text() != "430.00" {
			t.Errorf("narrowed: %s", d.JSON())
		}
		// In the bin it counts no more; out of it again it does. What has entries stays in the bin for good.
		p.boss.Query(t, `mutation($x: ID!) { deleteOpportunity(id: $x) { id } }`, farleytest.Vars{"x": second})
		if diff := cmp.Diff("total 400.00", last(entryLines(p.ann.Query(t, statement, period)))); diff != "" {
			t.Error(diff)
		}
		p.tick()
		p.boss.Query(t, `mutation($x: ID!) { restoreOpportunity(id: $x) { opportunity { id } } }`, farleytest.Vars{"x": second})
		if diff := cmp.Diff("total 620.01", last(entryLines(p.ann.Query(t, statement, period)))); diff != "" { // 200 of it lie below 1000 still
			t.Error(diff)
		}
		p.boss.Query(t, `mutation($x: ID!) { deleteOpportunity(id: $x) { id } }`, farleytest.Vars{"x": second})
		runJobs(t, e)
		e.Clock.Advance(e.Clock.Now().Add(40 * 24 * time.Hour))
		runJobs(t, e)
		if n := count(t, e, "SELECT COUNT(*) FROM incentive_entries WHERE opportunity_id = ?", second); n != 4 {
			t.Errorf("%d entries for the deal that was deleted, want 4", n)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM opportunities WHERE id = ?", second); n != 1 {
			t.Error("a deal that the ledger names was purged")
		}
		if e.Set.Kind("IncentiveEntry").Makable() {
			t.Error("entries are written by callers")
		}
	})
}

func last(lines []string) string { return lines[len(lines)-1] }

// Each sees the own entries, a manager those of all who report to him, partners none; plans are made by managers for their people,
// and by administrators for everybody.
func TestIncentives_rights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newPaying(t, e)
		plan := p.plan(t, nil, tier("0", "5"))
		p.win(t, p.ann, p.open(t, p.ann, "Ann's", "100.00", "USD"))
		p.win(t, p.bob, p.open(t, p.bob, "Bob's", "200.00", "USD"))
		of := func(c *farleytest.Client, user any) string {
			return strings.Join(entryLines(c.Query(t, statement, farleytest.Vars{"p": quarter4, "u": user})), ", ")
		}
		outside := shipped(t, e, "sales_manager", nil)
		for _, c := range []struct {
			name string
			by   *farleytest.Client
			user any
			want string
		}{
			{"the own", p.bob, nil, "Bob's 100% of 200.00: 10.00 | 0.00-200.00 5% 10.00, total 10.00"},
			{"of a colleague", p.bob, p.ann.User, "total 0.00"},
			{"of who reports", p.boss, p.ann.User, "Ann's 100% of 100.00: 5.00 | 0.00-100.00 5% 5.00, total 5.00"},
			{"of others' people", outside, p.ann.User, "total 0.00"},
			{"by finance", shipped(t, e, "finance", nil), p.bob.User, "Bob's 100% of 200.00: 10.00 | 0.00-200.00 5% 10.00, total 10.00"},
		} {
			if diff := cmp.Diff(c.want, of(c.by, c.user)); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
		vars := farleytest.Vars{"p": quarter4}
		partner := e.Make(t, "Account", input.Object{"name": "Partner"})
		pat := shipped(t, e, "partner", input.Object{"kind": "PARTNER", "partnerAccount": partner.String()})
		pat.Do(t, statement, vars).Want(t, "FORBIDDEN")
		pat.Do(t, `{ incentiveEntries { nodes { id } } }`, nil).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, statement, vars).Want(t, "UNAUTHENTICATED")
		e.User(t, nil, e.Role(t, levelled(t, e, "INCENTIVE_ENTRY AMOUNT NONE"))).Do(t, statement, vars).Want(t, "FORBIDDEN")
		p.ann.Do(t, statement, farleytest.Vars{"p": quarter4, "u": id.New(e.Set.Kind("User").Code, farleytest.Start)}).Want(t, "NOT_FOUND")
		p.ann.Do(t, statement, farleytest.Vars{"p": map[string]any{}, "n": 0}).Want(t, "INVALID")

		in := input.Object{"name": "Mine", "startsOn": "2026-01-01", "tiers": []any{tier("0", "90")}}
		p.ann.Do(t, makeIncentivePlan, farleytest.Vars{"in": in}).Want(t, "FORBIDDEN")
		p.ann.Do(t, takePart, farleytest.Vars{"in": input.Object{"plan": plan, "user": p.ann.User}}).Want(t, "FORBIDDEN")
		outside.Do(t, takePart, farleytest.Vars{"in": input.Object{"plan": outside.Query(t, makeIncentivePlan, farleytest.Vars{"in": in}).At("createIncentivePlan.incentivePlan.id").ID(), "user": p.ann.User}}).Want(t, "FORBIDDEN")
		in["everybody"] = true
		p.tick()
		p.boss.Do(t, makeIncentivePlan, farleytest.Vars{"in": in}).Want(t, "FORBIDDEN")
		e.Admin(t).Query(t, makeIncentivePlan, farleytest.Vars{"in": in})
		// By a plan for everybody, and one for the team above.
		p.tick()
		north := p.boss.Query(t, makeIncentivePlan, farleytest.Vars{"in": input.Object{"name": "Team", "startsOn": "2026-01-01", "tiers": []any{tier("0", "1")}}}).At("createIncentivePlan.incentivePlan.id").ID()
		p.boss.Query(t, takePart, farleytest.Vars{"in": input.Object{"plan": north, "forTeam": p.team}})
		p.win(t, p.ann, p.open(t, p.ann, "More", "10.00", "USD"))
		if got, want := of(p.ann, nil), "Ann's 100% of 100.00: 5.00 | 0.00-100.00 5% 5.00, More 100% of 10.00: 0.50 | 100.00-110.00 5% 0.50, More 100% of 10.00: 9.00 | 0.00-10.00 90% 9.00, More 100% of 10.00: 0.10 | 0.00-10.00 1% 0.10, total 14.60"; got != want {
			t.Errorf("by three plans: %s, want %s", got, want)
		}
	})
}

// Which deals count for a plan, by which day, at which rate, and for whom.
func TestIncentives_ofWhat(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newPaying(t, e)
		e.Make(t, "WorkingCalendar", input.Object{"name": "Firm", "timeZone": "Pacific/Auckland"}) // 13 hours ahead
		oven := e.Make(t, "Product", input.Object{"name": "Oven", "sku": "o"})
		other := e.Make(t, "Pipeline", input.Object{"name": "Other"})
		p.plan(t, input.Object{"name": "Ovens", "product": oven, "length": "MONTH"}, tier("0", "10"))
		p.plan(t, input.Object{"name": "Other", "pipeline": other}, tier("0", "10"))
		p.plan(t, input.Object{"name": "Past", "endsOn": "2026-10-31"}, tier("0", "10"))
		p.plan(t, input.Object{"name": "At rest", "active": false}, tier("0", "10"))
		ofDeals := p.plan(t, input.Object{"name": "Deals", "basis": "DEALS", "length": "YEAR"}, tierPerDeal("0", "30.00"), tier("1.5", "1"))
		deal := p.open(t, p.ann, "Ovens", "0.00", "EUR")
		for product, price := range map[string]string{oven.String(): "10.05", "": "3.00"} {
			in := input.Object{"opportunity": deal.String(), "unitPrice": amount(price, "EUR"), "name": "Line"}
			if product != "" {
				in["product"] = product
			}
			e.Make(t, "OpportunityLine", in)
		}
		// A third of it is Bob's; who asks for more than there is is told.
		p.boss.Query(t, makeSplit, farleytest.Vars{"in": input.Object{"opportunity": deal, "user": p.bob.User, "share": "33.3333"}})
		r := p.ann.Do(t, makeSplit, farleytest.Vars{"in": input.Object{"opportunity": deal, "user": p.boss.User, "share": "66.6668"}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.share RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = p.ann.Do(t, makeSplit, farleytest.Vars{"in": input.Object{"opportunity": deal, "user": p.bob.User, "share": "1"}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.user TAKEN"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		for _, share := range []string{"0", "-1", "100.5", "0.00001", "x"} {
			p.ann.Do(t, makeSplit, farleytest.Vars{"in": input.Object{"opportunity": deal, "user": p.boss.User, "share": share}}).Want(t, "INVALID")
		}
		// It was won when it was November in New Zealand already.
		p.ann.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": deal, "stage": p.stage("won"), "changes": input.Object{"closedAt": "2026-10-31T11:00:00Z"}}})
		e.Make(t, "ExchangeRate", input.Object{"currency": "EUR", "validFrom": "2026-11-01", "rate": "9"}) // changes nothing of what was closed
		november := farleytest.Vars{"p": map[string]any{"month": map[string]any{"year": 2026, "number": 11}}}
		// 10.05 EUR are 11.06 USD, 13.05 EUR are 14.36 USD.
		for c, want := range map[*farleytest.Client][]string{
			p.ann: {"Ovens 66.6667% of 7.37: 0.74 | 0.00-7.37 10% 0.74", "Ovens 66.6667% of 9.57: 20.00 | 0-0.666667 30.00 20.00", "total 20.74"},
			p.bob: {"Ovens 33.3333% of 3.69: 0.37 | 0.00-3.69 10% 0.37", "Ovens 33.3333% of 4.79: 10.00 | 0-0.333333 30.00 10.00", "total 10.37"},
		} {
			if diff := cmp.Diff(want, entryLines(c.Query(t, statement, november))); diff != "" {
				t.Error(diff)
			}
		}
		p.ann.Do(t, makeSplit, farleytest.Vars{"in": input.Object{"opportunity": deal, "user": p.boss.User, "share": "1"}}).Want(t, "CONFLICT")
		// A dry run books nothing; what was booked by a plan that is in the bin is taken back all the same.
		dry := p.open(t, p.bob, "Dry", "10.00", "USD")
		p.bob.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": dry, "stage": p.stage("won")}, "dry": true})
		if n := count(t, e, "SELECT COUNT(*) FROM incentive_entries WHERE opportunity_id = ?", dry); n != 0 {
			t.Errorf("%d entries of a dry run", n)
		}
		p.win(t, p.bob, dry)
		p.boss.Query(t, `mutation($x: ID!) { deleteIncentivePlan(id: $x) { id } }`, farleytest.Vars{"x": ofDeals})
		p.reopen(t, p.bob, dry)
		if n := count(t, e, "SELECT COALESCE(SUM(amount), 0) + 100 * COUNT(*) FROM incentive_entries WHERE opportunity_id = ?", dry); n != 200 {
			t.Errorf("the entries of the plan in the bin come to %d", n)
		}
		p.boss.Query(t, `mutation($x: ID!) { restoreIncentivePlan(id: $x) { incentivePlan { id } } }`, farleytest.Vars{"x": ofDeals})
		// The second deal of the year lies in two tiers; of one in a currency without a rate it is not known what it is worth.
		p.win(t, p.ann, p.open(t, p.ann, "Second", "90.00", "USD"))
		p.win(t, p.ann, p.open(t, p.ann, "Third", "5", "JPY"))
		got := entryLines(p.ann.Query(t, statement, november))
		want := []string{"Second 100% of 90.00: 25.15 | 0.666667-1.5 30.00 25.00 | 1.5-1.666667 1% 0.15", "Third 100% of -: 0.00 | 1.666667-2.666667 1% 0.00", "total 45.89"}
		if diff := cmp.Diff(want, got[len(got)-3:]); diff != "" {
			t.Errorf("the second and the third: %s", diff)
		}
	})
}

func TestIncentivePlan_refusals(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newPaying(t, e)
		for name, c := range map[string]struct {
			in   input.Object
			want []string
		}{
			"of nothing":  {input.Object{"tiers": []any{}}, []string{"input.tiers REQUIRED"}},
			"backwards":   {input.Object{"endsOn": "2025-12-31"}, []string{"input.endsOn RANGE"}},
			"of no tiers": {input.Object{"tiers": []any{tier("1", "101"), map[string]any{"above": "1"}, map[string]any{"above": "0.001", "percent": "1", "perDeal": "1"}, tierPerDeal("9", "0.001")}}, []string{"input.tiers.0.above RANGE", "input.tiers.0.percent RANGE", "input.tiers.1.above RANGE", "input.tiers.1.percent REQUIRED", "input.tiers.2.above RANGE", "input.tiers.2.perDeal FORMAT", "input.tiers.3.perDeal RANGE"}},
			"of no deals": {input.Object{"basis": "DEALS", "tiers": []any{tier("0", "1"), tier("1.0000001", "1")}}, []string{"input.tiers.1.above RANGE"}},
		} {
			in := input.Object{"name": "Plan", "startsOn": "2026-01-01", "tiers": []any{tier("0", "1")}}
			for field, v := range c.in {
				in[field] = v
			}
			r := p.boss.Do(t, makeIncentivePlan, farleytest.Vars{"in": in}).Want(t, "INVALID")
			if diff := cmp.Diff(c.want, sorted(r.Violations())); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		plan := p.plan(t, nil, tier("0", "1"))
		for want, in := range map[string]input.Object{"input.user REQUIRED": {}, "input.forTeam FORMAT": {"user": p.ann.User, "forTeam": p.team}, "input.user TAKEN": {"user": p.ann.User}} {
			in["plan"] = plan
			r := p.boss.Do(t, takePart, farleytest.Vars{"in": in}).Want(t, "INVALID")
			if diff := cmp.Diff([]string{want}, r.Violations()); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// When deals become one, what was booked and taken back goes with them, and their shares are not more than the whole.
func TestIncentives_merged(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newPaying(t, e)
		p.plan(t, nil, tier("0", "5"))
		one, other := p.open(t, p.ann, "One", "100.00", "USD"), p.open(t, p.ann, "Other", "200.00", "USD")
		p.win(t, p.ann, other)
		p.reopen(t, p.ann, other)
		split := func(deal id.ID, c *farleytest.Client, share string) id.ID {
			return e.Make(t, "OpportunitySplit", input.Object{"opportunity": deal.String(), "user": c.User.String(), "share": share})
		}
		split(one, p.bob, "60")
		split(other, p.bob, "30") // of two of one person, that of the survivor stays
		much := split(other, p.boss, "50")
		const merge = `mutation($s: ID!, $l: [ID!]!) { mergeOpportunities(input: {survivor: $s, losers: $l}) { opportunity { splits(orderBy: [{field: ID, direction: ASC}]) { nodes { share } } } } }`
		vars := farleytest.Vars{"s": one, "l": []any{other}}
		p.boss.Do(t, merge, vars).Want(t, "CONFLICT")
		e.Change(t, much, input.Object{"share": "30"})
		p.boss.Query(t, merge, vars)
		p.win(t, p.ann, one)
		for c, want := range map[*farleytest.Client]string{p.ann: "One 10% of 10.00: 0.50 | 0.00-10.00 5% 0.50", p.bob: "One 60% of 60.00: 3.00 | 0.00-60.00 5% 3.00"} {
			got := entryLines(c.Query(t, statement, farleytest.Vars{"p": quarter4}))
			if diff := cmp.Diff(want, got[len(got)-2]); diff != "" {
				t.Error(diff)
			}
		}
		if n := count(t, e, "SELECT COALESCE(SUM(amount), 0) FROM incentive_entries"); n != 350 {
			t.Errorf("%d cents in all, want 350", n)
		}
	})
}

// As many statements for a long statement as for a short one.
func TestIncentiveStatement_statements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		p := newPaying(t, e)
		statements := func() int {
			p.plan(t, nil, tier("0", "5"))
			p.win(t, p.ann, p.open(t, p.ann, "Deal", "10.00", "USD"))
			p.ann.Query(t, statement, farleytest.Vars{"p": quarter4})
			e.DB.Counter.Reset()
			p.ann.Query(t, statement, farleytest.Vars{"p": quarter4})
			return len(e.DB.Counter.Asked())
		}
		few := statements()
		for range 3 {
			statements()
		}
		if many := statements(); many != few || many > 8 {
			t.Errorf("%d statements for one entry and %d for many, want 8 at most", few, many)
		}
	})
}

// What an import tells is booked by the day on which it was won, and taken back with the import.
func TestIncentives_import(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		newPaying(t, e)
		admin := e.Admin(t)
		admin.Query(t, makeIncentivePlan, farleytest.Vars{"in": input.Object{"name": "All", "startsOn": "2025-01-01", "length": "MONTH", "everybody": true, "tiers": []any{tier("0", "5"), tier("100", "10")}}})
		rows := "name,firm,stage,worth,closed\nA,Elm,Won,80,2026-03-01T10:00:00Z\nB,Elm,Won,40,2026-03-31T10:00:00Z\nC,Elm,Won,40,2026-04-01T10:00:00Z\nD,Elm,Qualification,1,\n"
		to := func(column, field string, more farleytest.Vars) any {
			v := farleytest.Vars{"column": column, "to": field}
			for name, x := range more {
				v[name] = x
			}
			return v
		}
		byName := farleytest.Vars{"match": farleytest.Vars{"by": "name"}}
		x := begin(t, admin, farleytest.Vars{"file": putRows(t, e, admin.User, "deals.csv", rows), "object": "OPPORTUNITY", "mode": "CREATE", "columns": []any{
			to("name", "name", nil), to("firm", "account", byName), to("stage", "stage", byName), to("worth", "amount", farleytest.Vars{"currency": "USD"}), to("closed", "closedAt", nil),
		}})
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, x), "DONE", map[string]int{"total": 4, "done": 4, "created": 4})
		march := farleytest.Vars{"p": map[string]any{"month": map[string]any{"year": 2026, "number": 3}}}
		want := []string{"A 100% of 80.00: 4.00 | 0.00-80.00 5% 4.00", "B 100% of 40.00: 3.00 | 80.00-100.00 5% 1.00 | 100.00-120.00 10% 2.00", "total 7.00"}
		if diff := cmp.Diff(want, entryLines(admin.Query(t, statement, march))); diff != "" {
			t.Error(diff)
		}
		admin.Query(t, `mutation($id: ID!) { undoImport(input: { import: $id }) { import { status } } }`, farleytest.Vars{"id": x})
		runJobs(t, e)
		wantFigures(t, importOf(t, admin, x), "UNDONE", map[string]int{"total": 4, "done": 4, "created": 4, "undone": 4})
		if n := count(t, e, "SELECT COALESCE(SUM(amount), 0) FROM incentive_entries"); n != 0 {
			t.Errorf("%d cents are left", n)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM incentive_entries"); n != 6 {
			t.Errorf("%d entries, want 6", n)
		}
	})
}

// Of deals of one person that are won at once on two nodes, each is reckoned from where another one ends.
func TestIncentives_atOnce(t *testing.T) {
	t.Parallel()
	eachCluster(t, func(t *testing.T, c *farleytest.Cluster, a, b *farleytest.Env) {
		p := newPaying(t, a)
		p.plan(t, nil, tier("0", "1"), tier("20", "2"), tier("40", "3"), tier("60", "4"))
		const deals = 8
		boss := []*farleytest.Client{p.boss, b.SignIn(t, p.boss.User)}
		ids := make([]id.ID, deals)
		for i := range ids {
			firm := p.account(t, "Firm", nil) // each deal with another one, so that nothing else makes them take turns
			ids[i] = p.deal(t, firm, input.Object{"owner": p.ann.User.String(), "amount": amount("10.00", "USD")})
		}
		var wg sync.WaitGroup
		for i, x := range ids {
			wg.Go(func() {
				r := boss[i%2].Do(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": p.stage("won")}})
				if len(r.Errors) > 0 {
					t.Errorf("not won: %s", r.Raw)
				}
			})
		}
		wg.Wait()
		d := p.boss.Query(t, statement, farleytest.Vars{"p": quarter4, "u": p.ann.User})
		var from []string
		for i := range d.At("incentiveStatement.plans.0.entries").Len() {
			from = append(from, d.At(fmt.Sprintf("incentiveStatement.plans.0.entries.%d.steps.0.from", i)).Text())
		}
		if diff := cmp.Diff([]string{"0.00", "10.00", "20.00", "30.00", "40.00", "50.00", "60.00", "70.00"}, sorted(from)); diff != "" {
			t.Error(diff)
		}
		if got := d.At("incentiveStatement.total.amount").Text(); got != "2.00" {
			t.Errorf("together %s, want 2.00", got)
		}
	})
}

// Whatever is won, split and reopened, the ledger has for each deal what a naive reckoning says, and nothing for one that is open.
func TestIncentives_ledger(t *testing.T) {
	t.Parallel()
	each := farleytest.Each
	if testing.Short() {
		each = func(t *testing.T, fn func(t *testing.T, e *farleytest.Env), _ ...farleytest.Option) {
			fn(t, farleytest.New(t))
		}
	}
	each(t, func(t *testing.T, e *farleytest.Env) {
		p := newPaying(t, e)
		users := []id.ID{p.ann.User, p.bob.User}
		slices.SortFunc(users, id.ID.Compare)
		const year = 2020
		rapid.Check(t, func(rt *rapid.T) {
			rates := []int64{rapid.Int64Range(0, 100).Draw(rt, "rate"), rapid.Int64Range(0, 100).Draw(rt, "rate")}
			edge := rapid.Int64Range(1, 80).Draw(rt, "edge")
			plan := p.plan(t, input.Object{"startsOn": fmt.Sprintf("%d-01-01", year), "endsOn": fmt.Sprintf("%d-12-31", year), "length": "YEAR"}, tier("0", fmt.Sprint(rates[0])), tier(fmt.Sprintf("%d.%02d", edge/100, edge%100), fmt.Sprint(rates[1])))
			defer e.Change(t, plan, input.Object{"active": false})
			// sum is what comes of the first n cents, half a cent up.
			sum := func(n int64) int64 { return (rates[0]*min(n, edge) + rates[1]*max(0, n-edge) + 50) / 100 }
			type naive struct {
				id    id.ID
				worth int64
				share int64 // of the second user in percent, the rest is the first one's
				won   bool
				paid  int64
			}
			var deals []*naive
			var cells [2][400]*naive // whose cent each cent of what a user has reached is
			for range rapid.IntRange(1, 8).Draw(rt, "writes") {
				if len(deals) == 0 || rapid.IntRange(0, 2).Draw(rt, "what") == 0 {
					d := &naive{worth: rapid.Int64Range(0, 40).Draw(rt, "worth"), share: rapid.Int64Range(0, 100).Draw(rt, "share")}
					d.id = p.deal(t, p.firm, input.Object{"owner": users[0].String(), "amount": amount(fmt.Sprintf("0.%02d", d.worth), "USD"), "openedAt": fmt.Sprintf("%d-01-01T00:00:00Z", year)})
					if d.share > 0 {
						e.Make(t, "OpportunitySplit", input.Object{"opportunity": d.id.String(), "user": users[1].String(), "share": fmt.Sprint(d.share)})
					}
					deals = append(deals, d)
					continue
				}
				d := rapid.SampledFrom(deals).Draw(rt, "which")
				if d.won {
					p.reopen(t, p.boss, d.id)
					d.paid = 0
					for u := range cells {
						for i, of := range cells[u] {
							if of == d {
								cells[u][i] = nil
							}
						}
					}
				} else {
					p.boss.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": d.id, "stage": p.stage("won"), "changes": input.Object{"closedAt": fmt.Sprintf("%d-06-01T00:00:00Z", year)}}})
					parts := [2]int64{d.worth * (100 - d.share) / 100, d.worth * d.share / 100}
					if parts[0]+parts[1] < d.worth { // the cent that is left
						if d.worth*(100-d.share)%100 >= d.worth*d.share%100 {
							parts[0]++
						} else {
							parts[1]++
						}
					}
					for u, left := range parts {
						for i := range cells[u] {
							if left > 0 && cells[u][i] == nil {
								cells[u][i] = d
								d.paid += sum(int64(i)+1) - sum(int64(i))
								left--
							}
						}
					}
				}
				d.won = !d.won
			}
			for _, d := range deals {
				if n := count(t, e, "SELECT COALESCE(SUM(amount), 0) FROM incentive_entries WHERE opportunity_id = ?", d.id); int64(n) != d.paid {
					rt.Fatalf("the ledger has %d for a deal of %d (won: %v), want %d", n, d.worth, d.won, d.paid)
				}
			}
		})
	})
}
