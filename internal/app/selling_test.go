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
	"farley/internal/seed"
)

const makeRate = `mutation($in: CreateExchangeRateInput!) { createExchangeRate(input: $in) { exchangeRate { id reportingCurrency rate } } }`

// A rate counts from its day on, at once: for what is open, what is closed, and what is compared; deals that were closed in the past
// keep the rate of then.
func TestExchangeRate(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		money := shipped(t, e, "finance", nil)
		rate := func(currency, from, rate string) farleytest.Vars {
			return farleytest.Vars{"in": input.Object{"currency": currency, "validFrom": from, "rate": rate}}
		}
		f.boss.Do(t, makeRate, rate("SAR", "2026-11-22", "0.5")).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, makeRate, rate("SAR", "2026-11-22", "0.5")).Want(t, "UNAUTHENTICATED")
		for _, c := range []struct {
			in   farleytest.Vars
			want []string
		}{
			{rate("USD", "2026-11-22", "1"), []string{"input.currency FORMAT"}},
			{rate("XXQ", "2026-11-22", "0"), []string{"input.currency FORMAT", "input.rate RANGE"}},
			{rate("SAR", "2026-11-22", "1e3"), []string{"input.rate RANGE"}},
			{rate("SAR", "2026-11-22", "0.0000000000001"), []string{"input.rate RANGE"}},
			{rate("SAR", "2026-11-22", "1000000001"), []string{"input.rate RANGE"}},
			{farleytest.Vars{"in": input.Object{"currency": "SAR", "validFrom": "2026-11-22", "rate": "1", "reportingCurrency": "EUR"}}, []string{"input.reportingCurrency FORMAT"}},
		} {
			if diff := cmp.Diff(c.want, sorted(money.Do(t, makeRate, c.in).Want(t, "INVALID").Violations())); diff != "" {
				t.Errorf("%v: %s", c.in, diff)
			}
		}
		bobs := func() string {
			return forecastLines(e.SignIn(t, f.boss.User).Query(t, forecast, farleytest.Vars{"p": quarter4, "by": "USER"}), "user")[1]
		}
		if got := bobs(); !strings.HasPrefix(got, "Bob: 500.00 0.00 0.00 75.00") {
			t.Errorf("at the rates of the start: %s", got)
		}
		money.Query(t, makeRate, rate("SAR", "2026-11-22", "0.5"))
		money.Query(t, makeRate, rate("SAR", "2026-11-24", "2"))
		money.Query(t, makeRate, rate("SAR", "2026-10-01", "0.1"))
		jpy := money.Query(t, makeRate, rate("JPY", "2026-11-22", "0.01")).At("createExchangeRate.exchangeRate")
		if jpy.At("reportingCurrency").Text() != "USD" {
			t.Errorf("the rate is %s", jpy.JSON())
		}
		if diff := cmp.Diff([]string{"input.validFrom TAKEN"}, money.Do(t, makeRate, rate("SAR", "2026-11-22", "3")).Want(t, "INVALID").Violations()); diff != "" {
			t.Error(diff)
		}
		if got := bobs(); !strings.HasPrefix(got, "Bob: 500.00 0.00 0.00 150.05 15.01") { // 150.00, and 0.05 of the yen; 15.00, and 1 yen
			t.Errorf("at the rates of today: %s", got)
		}
		money.Query(t, `mutation($id: ID!) { updateExchangeRate(id: $id, input: {rate: "0.02"}) { exchangeRate { rate } } }`, farleytest.Vars{"id": jpy.At("id").Text()})
		if got := bobs(); !strings.HasPrefix(got, "Bob: 500.00 0.00 0.00 150.10") {
			t.Errorf("at a corrected rate: %s", got)
		}
		money.Query(t, `mutation($id: ID!) { deleteExchangeRate(id: $id) { id } }`, farleytest.Vars{"id": jpy.At("id").Text()})
		// Closed now, and in the past.
		now, then := f.put(t, f.ann, "won", "100.00", "SAR", nil), f.put(t, f.ann, "won", "100.00", "SAR", input.Object{"closedAt": "2026-11-21T23:00:00Z"})
		e.Clock.Advance(e.Clock.Now().Add(72 * time.Hour))
		worth := func(x id.ID) string {
			return e.SignIn(t, f.ann.User).Query(t, `query($x: ID!) { opportunity(id: $x) { closedAmount { amount } } }`, farleytest.Vars{"x": x}).At("opportunity.closedAmount.amount").Text()
		}
		if got := worth(now) + " " + worth(then); got != "50.00 10.00" {
			t.Errorf("closed amounts: %s", got)
		}
		if got := bobs(); !strings.HasPrefix(got, "Bob: 500.00 0.00 0.00 600.00") {
			t.Errorf("at the rates two days later: %s", got)
		}
	})
}

// Another node hears of a rate by the change log.
func TestExchangeRate_nodes(t *testing.T) {
	t.Parallel()
	d := testdb.SQLite(t)
	c := farleytest.Nodes(t, d, 2)
	c.Nodes[0].Make(t, "ExchangeRate", input.Object{"currency": "JPY", "validFrom": "2026-11-22", "rate": "0.01"})
	deadline := time.After(20 * time.Second)
	for {
		if _, ok := c.Nodes[1].Money.Rate("JPY", ""); ok {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the other node does not know the rate")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestSalesTarget(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		rep, stranger := shipped(t, e, "sales_rep", input.Object{"manager": f.boss.User.String()}), shipped(t, e, "sales_manager", nil)
		in := func(more input.Object) farleytest.Vars {
			o := input.Object{"user": rep.User, "startsOn": "2026-10-01", "length": "QUARTER", "amount": amount("10.00", "EUR")}
			for name, v := range more {
				if o[name] = v; v == nil {
					delete(o, name)
				}
			}
			return farleytest.Vars{"in": o}
		}
		rep.Do(t, setTarget, in(nil)).Want(t, "FORBIDDEN")
		stranger.Do(t, setTarget, in(nil)).Want(t, "FORBIDDEN")
		stranger.Do(t, setTarget, in(input.Object{"user": nil, "forTeam": f.team})).Want(t, "FORBIDDEN")
		for _, c := range []struct {
			more input.Object
			want []string
		}{
			{input.Object{"user": nil}, []string{"input.user REQUIRED"}},
			{input.Object{"forTeam": f.team}, []string{"input.forTeam FORMAT"}},
			{input.Object{"startsOn": "2026-11-01", "amount": amount("-1.00", "USD")}, []string{"input.amount RANGE", "input.startsOn FORMAT"}},
			{input.Object{"startsOn": "2026-10-02", "length": "MONTH", "count": 1}, []string{"input.count FORMAT", "input.startsOn FORMAT"}},
			{input.Object{"startsOn": "2026-04-01", "length": "YEAR"}, []string{"input.startsOn FORMAT"}},
			{input.Object{"measure": "DEALS"}, []string{"input.amount FORMAT", "input.count REQUIRED"}},
			{input.Object{"measure": "ACTIVITIES", "amount": nil, "count": 1000001}, []string{"input.count RANGE"}},
			{input.Object{"amount": nil}, []string{"input.amount REQUIRED"}},
			{input.Object{"amount": amount("1", "JPY")}, []string{"input.amount CURRENCY"}},
		} {
			if diff := cmp.Diff(c.want, sorted(f.boss.Do(t, setTarget, in(c.more)).Want(t, "INVALID").Violations())); diff != "" {
				t.Errorf("%v: %s", c.more, diff)
			}
		}
		made := f.boss.Query(t, setTarget, in(nil)).At("createSalesTarget.salesTarget")
		if made.At("owner.id").Text() != rep.User.String() {
			t.Errorf("the target is %s", made.JSON())
		}
		if diff := cmp.Diff([]string{"input.startsOn TAKEN"}, f.boss.Do(t, setTarget, in(nil)).Want(t, "INVALID").Violations()); diff != "" {
			t.Error(diff)
		}
		f.boss.Query(t, setTarget, in(input.Object{"user": nil, "forTeam": f.team, "amount": amount("5000.00", "USD")}))
		if got := rep.Query(t, `{ salesTargets { nodes { id } } }`, nil).At("salesTargets.nodes").Len(); got != 1 {
			t.Errorf("the own targets are %d", got)
		}
		if got := stranger.Query(t, `{ salesTargets { nodes { id } } }`, nil).At("salesTargets.nodes").Len(); got != 0 {
			t.Errorf("a stranger sees %d", got)
		}
		// The target of the team counts for the team, instead of the sum of its members'.
		f.boss.Query(t, setTarget, target(f.ann.User, "2026-10-01", "QUARTER", "2000.00"))
		d := f.boss.Query(t, forecast, farleytest.Vars{"p": quarter4, "by": "TEAM"}).At("forecast")
		if got := d.At("rows.0.target.amount").Text() + " " + d.At("rows.0.rolledUp.target.amount").Text() + " " + d.At("total.target.amount").Text(); got != "5000.00 5000.00 5000.00" {
			t.Errorf("the targets of the team: %s", got)
		}
		// Of a person without deals there is a row with the target.
		if got := forecastLines(f.boss.Query(t, forecast, farleytest.Vars{"p": quarter4, "by": "USER"}), "user"); !strings.HasPrefix(strings.Join(got, "\n"), "Ann: 1100.00") || !strings.Contains(strings.Join(got, "\n"), ": 0.00 0.00 0.00 0.00 0.00 11.00 won 0 open 0") {
			t.Errorf("with targets: %v", got)
		}
	})
}

func TestForecastAdjustment(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		const adjust = `mutation($in: CreateForecastAdjustmentInput!) { createForecastAdjustment(input: $in) { forecastAdjustment { id owner { id } } } }`
		in := func(user id.ID, more input.Object) farleytest.Vars {
			o := input.Object{"user": user, "startsOn": "2026-10-01", "length": "QUARTER", "amount": amount("10.00", "USD")}
			for name, v := range more {
				o[name] = v
			}
			return farleytest.Vars{"in": o}
		}
		rep := shipped(t, e, "sales_rep", input.Object{"team": f.team.String()})
		rep.Do(t, adjust, in(f.ann.User, nil)).Want(t, "FORBIDDEN")
		f.ann.Do(t, adjust, in(f.boss.User, nil)).Want(t, "INVALID") // whom she does not see
		rep.Query(t, adjust, in(rep.User, nil))                      // one's own
		f.sue.Query(t, adjust, in(f.ann.User, input.Object{"rolledUp": true}))
		f.boss.Query(t, adjust, in(f.ann.User, nil))
		if diff := cmp.Diff([]string{"input.startsOn TAKEN"}, f.boss.Do(t, adjust, in(f.ann.User, nil)).Want(t, "INVALID").Violations()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"input.amount RANGE", "input.startsOn FORMAT"}, sorted(f.boss.Do(t, adjust, in(f.ann.User, input.Object{"length": "YEAR", "amount": amount("-1.00", "USD")})).Want(t, "INVALID").Violations())); diff != "" {
			t.Error(diff)
		}
		// Who is above sees both, the manager what is his, and the other one nothing; a month is another period.
		const rows = `query($p: PeriodInput!) { forecast(period: $p, by: USER) { rows { user { name } adjustments { rolledUp } } } }`
		for _, c := range []struct {
			c    *farleytest.Client
			p    map[string]any
			want int
		}{{f.sue, quarter4, 2}, {f.boss, quarter4, 1}, {f.ann, quarter4, 0}, {f.sue, map[string]any{"year": 2026}, 0}, {f.sue, map[string]any{"from": "2026-10-01", "to": "2026-12-31"}, 2}} {
			if got := c.c.Query(t, rows, farleytest.Vars{"p": c.p}).At("forecast.rows.0.adjustments").Len(); got != c.want {
				t.Errorf("%v: %d adjustments, want %d", c.p, got, c.want)
			}
		}
	})
}

func TestCompetitorProfile(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		const write = `mutation($in: CreateCompetitorProfileInput!) { createCompetitorProfile(input: $in) { competitorProfile { id battleCard account { name } } } }`
		in := func(account id.ID, day string) farleytest.Vars {
			return farleytest.Vars{"in": input.Object{"account": account, "asOf": day, "source": "Fair", "battleCard": "Ask for the running costs."}}
		}
		rival, friend := s.account(t, "Rival", input.Object{"kinds": []any{"COMPETITOR"}}), s.account(t, "Friend", nil)
		x := s.ann.Query(t, write, in(rival, "2026-11-22")).At("createCompetitorProfile.competitorProfile.id").Text()
		if diff := cmp.Diff([]string{"input.account FORMAT", "input.asOf RANGE"}, sorted(s.ann.Do(t, write, in(friend, "2026-11-23")).Want(t, "INVALID").Violations())); diff != "" {
			t.Error(diff)
		}
		stranger := shipped(t, e, "sales_rep", nil)
		if r := stranger.Do(t, `query($x: ID!) { competitorProfile(id: $x) { id } }`, farleytest.Vars{"x": x}); strings.Contains(r.Raw, x) {
			t.Errorf("a stranger sees it: %s", r.Raw)
		}
		shipped(t, e, "service_agent", nil).Do(t, `query($x: ID!) { competitorProfile(id: $x) { id } }`, farleytest.Vars{"x": x}).Want(t, "FORBIDDEN")
	})
}

// until moves the clock, and has what becomes due run.
func until(t *testing.T, e *farleytest.Env, to time.Time) {
	t.Helper()
	if _, err := e.Jobs.CatchUp(t.Context(), 1000, func() { e.Clock.Advance(to) }); err != nil {
		t.Fatal(err)
	}
}

// An integrator sees the days of a forecast, and is told of stale deals, by the clock of the sandbox.
func TestSelling_sandbox(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e, c := sandboxed(t, d)
		s := newSelling(t, e)
		x := s.deal(t, s.account(t, "Elm", nil), input.Object{"amount": amount("10.00", "USD"), "closeDate": c.Now().AddDate(0, 0, 30).Format(time.DateOnly)})
		from := c.Now()
		for range 3 {
			days(t, e, c, 1)
		}
		vars := farleytest.Vars{"p": map[string]any{"from": from.Format(time.DateOnly), "to": from.AddDate(0, 0, 60).Format(time.DateOnly)}, "from": from.Format(time.DateOnly), "to": from.AddDate(0, 0, 60).Format(time.DateOnly)}
		want := []string{}
		for i := range 3 {
			want = append(want, from.AddDate(0, 0, i+1).UTC().Format(time.DateOnly)+" 0.00 0.00 0.00 10.00 1.00 won 0 open 1")
		}
		if diff := cmp.Diff(want, trendLines(e.SignIn(t, s.ann.User).Query(t, trend, vars))); diff != "" {
			t.Error(diff)
		}
		days(t, e, c, 28)
		days(t, e, c, 1)
		got := e.SignIn(t, s.ann.User).Query(t, `{ notifications { edges { node { kind record } } } }`, nil).At("notifications.edges").JSON()
		if want := `[{"node":{"kind":"OPPORTUNITY_STALE","record":"` + x.String() + `"}}]`; got != want {
			t.Errorf("the inbox is %s, want %s", got, want)
		}
	})
}

const trend = `query($p: PeriodInput!, $from: Date!, $to: Date!, $w: OpportunityWhere) { forecastTrend(period: $p, from: $from, to: $to, where: $w) { period { from to } currency points { day closed { amount } commit { amount } bestCase { amount } pipeline { amount } weighted { amount } openDeals wonDeals } } }`

// trendLines writes a trend, one day a line.
func trendLines(d farleytest.Data) []string {
	var out []string
	for i := range d.At("forecastTrend.points").Len() {
		p := d.At(fmt.Sprintf("forecastTrend.points.%d", i))
		line := p.At("day").Text()
		for _, name := range []string{"closed", "commit", "bestCase", "pipeline", "weighted"} {
			line += " " + p.At(name+".amount").Text()
		}
		out = append(out, fmt.Sprintf("%s won %d open %d", line, p.At("wonDeals").Int(), p.At("openDeals").Int()))
	}
	return out
}

// Every day of the firm is kept once, as the deals stood then: over restart, whichever node does it.
func TestForecastTrend(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e := farleytest.On(t, d)
		f := newForecasting(t, e)
		e.Make(t, "WorkingCalendar", input.Object{"name": "Firm", "timeZone": "Pacific/Auckland"}) // 13 hours ahead
		move := func(to time.Time) { until(t, e, to) }
		move(farleytest.Start.Add(time.Hour)) // 23:00 on the 22nd there
		as := func(c *farleytest.Client) *farleytest.Client { return e.SignIn(t, c.User) }
		x := f.put(t, f.ann, "qualification", "10.00", "SAR", input.Object{"closeDate": "2026-12-01", "forecastCategory": "COMMIT"})
		move(farleytest.Start.Add(3 * time.Hour)) // 01:00 on the 23rd there
		e.Make(t, "ExchangeRate", input.Object{"currency": "SAR", "validFrom": "2026-11-24", "rate": "1"})
		as(f.ann).Query(t, updateDeal, farleytest.Vars{"id": x, "in": input.Object{"amount": amount("20.00", "SAR")}})
		move(farleytest.Start.Add(8 * time.Hour)) // the 23rd still: kept already
		as(f.ann).Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": f.stage("won")}})
		move(farleytest.Start.Add(27 * time.Hour))
		bin(t, as(f.boss), "Opportunity", f.put(t, f.ann, "won", "3.00", "USD", nil))
		move(farleytest.Start.Add(51 * time.Hour))
		vars := farleytest.Vars{"p": quarter4, "from": "2026-11-01", "to": "2026-12-31"}
		got := trendLines(as(f.boss).Query(t, trend, vars))
		want := []string{
			"2026-11-22 2596.00 200.00 100.05 125.00 122.51 won 3 open 5", // what was won just before midnight by UTC was won in October there
			"2026-11-23 2596.00 202.50 100.05 125.00 122.76 won 3 open 6", // before the amount grew
			"2026-11-24 2601.00 200.00 100.05 350.00 145.01 won 4 open 5", // frozen at the rate of the 22nd; the others at that of the 24th
			"2026-11-25 2601.00 200.00 100.05 350.00 145.01 won 4 open 5",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got := trendLines(as(f.bob).Query(t, trend, vars)); len(got) != 4 || got[0] != "2026-11-22 500.00 0.00 0.00 75.00 7.50 won 1 open 2" {
			t.Errorf("of what is one's own: %v", got)
		}
		e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY AMOUNT NONE"))).Do(t, trend, vars).Want(t, "FORBIDDEN")
		vars["to"] = "2028-01-01"
		as(f.bob).Do(t, trend, vars).Want(t, "INVALID")
		// What stands as before is not written again, and another node finds the day kept.
		rows := count(t, e, "SELECT COUNT(*) FROM forecast_stands")
		other := farleytest.On(t, d.Reopen(t), func(c *app.Config) { c.Clock = clock.NewTest(farleytest.Start.Add(60 * time.Hour)) })
		if _, err := other.Jobs.CatchUp(t.Context(), 1000, func() {}); err != nil {
			t.Fatal(err)
		}
		if n, days := count(t, e, "SELECT COUNT(*) FROM forecast_stands"), count(t, e, "SELECT COUNT(*) FROM forecast_days"); n != rows || days != 4 {
			t.Errorf("%d rows and %d days, want %d and 4", n, days, rows)
		}
	})
}

const changedSince = `query($p: PeriodInput!, $since: DateTime!, $n: Int) { forecastChanges(period: $p, since: $since, first: $n) { sums { kind deals amount { amount } } deals { kind opportunity { name } before { amount } now { amount } } hasMoreDeals } }`

func TestForecastChanges(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		put := func(name, stage, worth, day string) id.ID {
			in := input.Object{"name": name}
			if day != "" {
				in["closeDate"] = day
			}
			return f.put(t, f.ann, stage, worth, "USD", in)
		}
		ids := map[string]id.ID{}
		for _, name := range []string{"grown", "shrunk", "out", "lost", "won", "elsewhere", "same"} {
			ids[name] = put(name, "qualification", "10.00", "2026-12-01")
		}
		ids["in"] = put("in", "qualification", "10.00", "2027-01-01")
		ids["reopened"] = put("reopened", "won", "10.00", "2026-12-01")
		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		since := e.Clock.Now()
		e.Clock.Advance(since.Add(time.Minute))
		ann := e.SignIn(t, f.ann.User)
		change := func(name string, in input.Object) {
			ann.Query(t, updateDeal, farleytest.Vars{"id": ids[name], "in": in})
		}
		move := func(name, stage string, in input.Object) {
			o := input.Object{"opportunity": ids[name], "stage": f.stage(stage)}
			for field, v := range in {
				o[field] = v
			}
			ann.Query(t, moveDeal, farleytest.Vars{"in": o})
		}
		change("grown", input.Object{"amount": amount("12.50", "USD")})
		change("shrunk", input.Object{"amount": amount("1.00", "USD")})
		change("out", input.Object{"closeDate": "2027-02-01"})
		change("in", input.Object{"closeDate": "2026-12-31", "amount": amount("11.00", "USD")})
		move("lost", "lost", input.Object{"reason": "r"})
		move("won", "won", nil)
		// It was won before, so that is no change since, though it is told only now.
		move("elsewhere", "won", input.Object{"changes": input.Object{"closedAt": "2026-09-01T00:00:00Z"}})
		ann.Query(t, reopenDeal, farleytest.Vars{"in": input.Object{"opportunity": ids["reopened"]}})
		put("new", "qualification", "4.00", "2026-11-30")
		put("sold", "won", "5.00", "2026-11-30")
		put("later", "qualification", "6.00", "2027-11-30")
		vars := farleytest.Vars{"p": quarter4, "since": since.Format(time.RFC3339), "n": 100}
		d := ann.Query(t, changedSince, vars).At("forecastChanges")
		want := `[{"amount":{"amount":"4.00"},"deals":1,"kind":"NEW"},{"amount":{"amount":"15.00"},"deals":2,"kind":"WON"},{"amount":{"amount":"10.00"},"deals":1,"kind":"LOST"},{"amount":{"amount":"11.00"},"deals":1,"kind":"MOVED_IN"},` +
			`{"amount":{"amount":"10.00"},"deals":1,"kind":"MOVED_OUT"},{"amount":{"amount":"2.50"},"deals":1,"kind":"GROWN"},{"amount":{"amount":"9.00"},"deals":1,"kind":"SHRUNK"}]`
		if diff := cmp.Diff(want, d.At("sums").JSON()); diff != "" {
			t.Error(diff)
		}
		var names []string
		for i := range d.At("deals").Len() {
			one := d.At(fmt.Sprintf("deals.%d", i))
			names = append(names, one.At("opportunity.name").Text()+" "+one.At("kind").Text())
		}
		if diff := cmp.Diff([]string{"grown GROWN", "in MOVED_IN", "lost LOST", "new NEW", "out MOVED_OUT", "shrunk SHRUNK", "sold WON", "won WON"}, sorted(names)); diff != "" {
			t.Error(diff)
		}
		vars["n"] = 3
		if d := ann.Query(t, changedSince, vars).At("forecastChanges"); d.At("deals").Len() != 3 || d.At("hasMoreDeals").V != true {
			t.Errorf("a page: %s", d.JSON())
		}
		if got := e.SignIn(t, f.bob.User).Query(t, changedSince, vars).At("forecastChanges.deals").Len(); got != 0 {
			t.Errorf("another one sees %d", got)
		}
		vars["n"] = 101
		ann.Do(t, changedSince, vars).Want(t, "INVALID")
		vars["n"] = 1
		e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY_STEP AMOUNT NONE"))).Do(t, changedSince, vars).Want(t, "FORBIDDEN")
		shipped(t, e, "service_agent", nil).Do(t, changedSince, vars).Want(t, "FORBIDDEN")
	})
}

// The owner of a stale deal is told once for each stay in a stage, over restart.
func TestStaleDeals_areTold(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e := farleytest.On(t, d)
		f := newForecasting(t, e)
		rep := shipped(t, e, "sales_rep", input.Object{"team": f.team.String()})
		e.Change(t, f.put(t, rep, "qualification", "1.00", "USD", nil), input.Object{"name": "Fresh"})
		stage, err := id.Parse(f.stage("qualification"))
		if err != nil {
			t.Fatal(err)
		}
		e.Change(t, stage, input.Object{"staleAfterDays": 2})
		late := f.put(t, rep, "proposal", "1.00", "USD", input.Object{"name": "Late", "closeDate": "2026-11-21"})
		f.put(t, rep, "won", "1.00", "USD", input.Object{"name": "Won", "closeDate": "2026-11-21"})
		until(t, e, farleytest.Start.Add(2*time.Hour))
		tell := func() int {
			return count(t, e, "SELECT COUNT(*) FROM notifications WHERE kind = 'OPPORTUNITY_STALE' AND owner_id = ?", rep.User)
		}
		if n := tell(); n != 1 {
			t.Errorf("%d notifications, want 1 of the late one", n)
		}
		until(t, e, farleytest.Start.Add(40*time.Hour))
		if n := tell(); n != 1 {
			t.Errorf("%d notifications, want none for the second time", n)
		}
		until(t, e, farleytest.Start.Add(50*time.Hour)) // two days in the stage
		if n := tell(); n != 2 {
			t.Errorf("%d notifications, want 2", n)
		}
		e.SignIn(t, rep.User).Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": late, "stage": f.stage("analysis")}})
		until(t, e, farleytest.Start.Add(52*time.Hour))
		if n := tell(); n != 3 {
			t.Errorf("%d notifications, want another one in the next stage", n)
		}
		other := farleytest.On(t, d.Reopen(t), func(c *app.Config) { c.Clock = clock.NewTest(farleytest.Start.Add(60 * time.Hour)) })
		if _, err := other.Jobs.CatchUp(t.Context(), 1000, func() {}); err != nil {
			t.Fatal(err)
		}
		if n := tell(); n != 3 {
			t.Errorf("%d notifications after a restart, want 3", n)
		}
		// A deal for which nothing is planned is stale a week after it entered its stage.
		quiet, busy := f.put(t, rep, "analysis", "1.00", "USD", input.Object{"name": "Quiet"}), f.put(t, rep, "analysis", "1.00", "USD", input.Object{"name": "Busy"})
		e.Make(t, "Activity", input.Object{"kind": "CALL", "subject": "s", "opportunity": busy.String(), "dueAt": "2027-01-01T00:00:00Z", "owner": rep.User.String()})
		until(t, e, e.Clock.Now().Add(7*24*time.Hour-time.Minute))
		about := func(x id.ID) int {
			return count(t, e, "SELECT COUNT(*) FROM notifications WHERE kind = 'OPPORTUNITY_STALE' AND record_id = ?", x)
		}
		if about(quiet) != 0 {
			t.Error("a deal is idle within the week")
		}
		until(t, e, e.Clock.Now().Add(2*time.Hour))
		if about(quiet) != 1 || about(busy) != 0 {
			t.Errorf("%d notifications of the quiet deal and %d of the busy one, want 1 and 0", about(quiet), about(busy))
		}
		seen := e.SignIn(t, rep.User).Query(t, `{ notifications { nodes { kind record } } }`, nil)
		if seen.At("notifications.nodes").Len() != 4 {
			t.Errorf("the inbox is %s", seen.JSON())
		}
	})
}

const (
	velocity   = `query($p: PeriodInput!, $c: PeriodInput) { salesVelocity(period: $p, compareWith: $c) { current { won lost winRate revenue { amount } averageDeal { amount } averageDays perDay { amount } } compared { period { from } won lost winRate revenue { amount } averageDeal { amount } averageDays perDay { amount } } } }`
	winRates   = `query($p: PeriodInput!, $by: WinRateBy!, $c: PeriodInput) { winRates(period: $p, by: $by, compareWith: $c) { hasMoreRows total { won lost rate revenue { amount } } comparedTotal { won lost } rows { text user { name } team { name } product { name } account { name } current { won lost rate revenue { amount } } compared { won lost rate } } } }`
	conversion = `query($x: ID!, $p: PeriodInput!, $c: PeriodInput) { stageConversion(pipeline: $x, period: $p, compareWith: $c) { period { to } stages { stage { name } current { entered advanced lost back conversion averageDays } compared { entered } } } }`
)

func TestSalesVelocity(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		deals := []id.ID{f.put(t, f.ann, "qualification", "100.00", "USD", nil), f.put(t, f.ann, "qualification", "50.01", "USD", nil)}
		e.Clock.Advance(e.Clock.Now().Add(36 * time.Hour))
		for _, x := range deals {
			e.SignIn(t, f.ann.User).Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": f.stage("won")}})
		}
		e.Clock.Advance(time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC))
		vars := farleytest.Vars{"p": quarter4, "c": map[string]any{"quarter": map[string]any{"year": 2026, "number": 3}}}
		got := e.SignIn(t, f.boss.User).Query(t, velocity, vars).At("salesVelocity").JSON()
		// Won: 1100.00 and 500.00 at once or earlier, 100.00 and 50.01 after a day and a half; lost: one. One of the four was won before it was made.
		want := `{"compared":{"averageDays":null,"averageDeal":{"amount":"996.00"},"lost":0,"perDay":null,"period":{"from":"2026-07-01"},"revenue":{"amount":"996.00"},"winRate":"100.00","won":1},` +
			`"current":{"averageDays":"1.50","averageDeal":{"amount":"437.50"},"lost":1,"perDay":{"amount":"1166.67"},"revenue":{"amount":"1750.01"},"winRate":"80.00","won":4}}`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got := e.SignIn(t, f.bob.User).Query(t, velocity, vars).At("salesVelocity.current"); got.At("won").Int() != 1 || got.At("lost").Int() != 0 {
			t.Errorf("of what is one's own: %s", got.JSON())
		}
		shipped(t, e, "service_agent", nil).Do(t, velocity, vars).Want(t, "FORBIDDEN")
		e.SignIn(t, f.bob.User).Do(t, velocity, farleytest.Vars{"p": quarter4, "c": map[string]any{}}).Want(t, "INVALID")
	})
}

func TestWinRates(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		rival, other := f.account(t, "Rival", nil), f.account(t, "Other", nil)
		oven := e.Make(t, "Product", input.Object{"name": "Oven", "sku": "o"})
		deal := func(owner *farleytest.Client, source, won string, line string, competitors ...id.ID) id.ID {
			x := f.put(t, owner, "qualification", "8.00", "EUR", input.Object{"source": source})
			if line != "" {
				e.Make(t, "OpportunityLine", input.Object{"opportunity": x.String(), "product": oven.String(), "unitPrice": amount(line, "EUR")})
			}
			for _, c := range competitors {
				e.Make(t, "OpportunityCompetitor", input.Object{"opportunity": x.String(), "competitor": c.String()})
			}
			in := input.Object{"opportunity": x, "stage": f.stage(won), "reason": "Price"}
			if won == "lost" && len(competitors) > 0 {
				in["competitor"] = competitors[0]
			}
			f.boss.Query(t, moveDeal, farleytest.Vars{"in": in})
			return x
		}
		deal(f.ann, "Fair", "won", "10.00", rival)
		deal(f.ann, "fair", "lost", "20.00", rival, other)
		deal(f.bob, "Web", "lost", "")
		rows := func(c *farleytest.Client, by string) []string {
			d := c.Query(t, winRates, farleytest.Vars{"p": quarter4, "by": by, "c": map[string]any{"quarter": map[string]any{"year": 2026, "number": 3}}}).At("winRates")
			var out []string
			for i := range d.At("rows").Len() {
				row := d.At(fmt.Sprintf("rows.%d", i))
				name := "-"
				if row.At("text").V != nil {
					name = row.At("text").Text()
				}
				for _, of := range []string{"user", "team", "product", "account"} {
					if row.At(of).V != nil {
						name = row.At(of + ".name").Text()
					}
				}
				out = append(out, fmt.Sprintf("%s %d:%d %s %s, %d", name, row.At("current.won").Int(), row.At("current.lost").Int(), row.At("current.rate").JSON(), row.At("current.revenue.amount").Text(), row.At("compared.won").Int()))
			}
			return append(out, fmt.Sprintf("%d:%d %s %d", d.At("total.won").Int(), d.At("total.lost").Int(), d.At("total.revenue.amount").Text(), d.At("comparedTotal.won").Int()))
		}
		total := "3:3 1611.00 1" // 1100.00, 500.00 and 11.00 of the lines
		for by, want := range map[string][]string{
			"USER":       {`Ann 2:2 "50.00" 1111.00, 1`, `Bob 1:1 "50.00" 500.00, 0`, total},
			"TEAM":       {`Sales 3:3 "50.00" 1611.00, 1`, total},
			"ACCOUNT":    {`Elm 3:3 "50.00" 1611.00, 1`, total},
			"SOURCE":     {`- 2:1 "66.67" 1600.00, 1`, `Fair 1:1 "50.00" 11.00, 0`, `Web 0:1 "0.00" 0.00, 0`, total},
			"REASON":     {`Price 1:2 "33.33" 11.00, 0`, `- 2:0 "100.00" 1600.00, 1`, total},
			"PRODUCT":    {`Oven 1:1 "50.00" 11.00, 0`, total},
			"COMPETITOR": {`Rival 1:1 "50.00" 11.00, 0`, total},
		} {
			got := rows(f.boss, by)
			if by == "REASON" { // the lost one of the beginning has a reason of its own
				got = append(got[:len(got)-2], got[len(got)-1])
				want = []string{want[0], want[1], total}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("by %s: %s", by, diff)
			}
		}
		if got := rows(f.bob, "USER"); len(got) != 2 || got[0] != `Bob 1:1 "50.00" 500.00, 0` {
			t.Errorf("of what is one's own: %v", got)
		}
		shipped(t, e, "service_agent", nil).Do(t, winRates, farleytest.Vars{"p": quarter4, "by": "PRODUCT"}).Want(t, "FORBIDDEN")
		e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY SOURCE NONE"))).Do(t, winRates, farleytest.Vars{"p": quarter4, "by": "SOURCE"}).Want(t, "FORBIDDEN")
	})
}

func TestStageConversion(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		firm := s.account(t, "Elm", nil)
		move := func(x id.ID, stage string) {
			e.SignIn(t, s.ann.User).Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": x, "stage": s.stage(stage), "reason": map[bool]any{true: "r"}[stage == "lost"], "changes": input.Object{"amount": amount("1.00", "USD")}}})
		}
		a, b, c := s.deal(t, firm, nil), s.deal(t, firm, nil), s.deal(t, firm, nil)
		e.Clock.Advance(e.Clock.Now().Add(24 * time.Hour))
		move(a, "analysis")
		move(b, "lost")
		e.Clock.Advance(e.Clock.Now().Add(12 * time.Hour))
		move(a, "qualification")
		move(c, "won")
		vars := farleytest.Vars{"x": seed.PipelineID(e.Set), "p": quarter4, "c": map[string]any{"quarter": map[string]any{"year": 2026, "number": 3}}}
		got := e.SignIn(t, s.ann.User).Query(t, conversion, vars).At("stageConversion.stages")
		want := `{"compared":{"entered":0},"current":{"advanced":2,"averageDays":"1.17","back":0,"conversion":"66.67","entered":4,"lost":1},"stage":{"name":"Qualification"}}`
		if got.At("0").JSON() != want {
			t.Errorf("the first stage is %s, want %s", got.At("0").JSON(), want)
		}
		want = `{"compared":{"entered":0},"current":{"advanced":0,"averageDays":"0.50","back":1,"conversion":"0.00","entered":1,"lost":0},"stage":{"name":"Needs analysis"}}`
		if got.Len() != 4 || got.At("1").JSON() != want {
			t.Errorf("of %d the second stage is %s, want %s", got.Len(), got.At("1").JSON(), want)
		}
		stranger := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		if got := stranger.Query(t, conversion, vars).At("stageConversion.stages.0.current.entered").Int(); got != 0 {
			t.Errorf("a stranger sees %d", got)
		}
		stranger.Do(t, conversion, farleytest.Vars{"x": firm, "p": quarter4}).Want(t, "NOT_FOUND")
		shipped(t, e, "service_agent", nil).Do(t, conversion, vars).Want(t, "FORBIDDEN")
	})
}
