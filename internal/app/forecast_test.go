package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// quarterTour is the operation Quarter as integrators write it.
const quarterTour = `query Quarter { forecast(period: { quarter: { year: 2026, number: 4 } }, by: USER) { rows { user { name } closed { amount currency } commit { amount currency } weighted { amount currency } target { amount currency } attainment } } }`

const forecast = `query($p: PeriodInput!, $by: ForecastBy!, $w: OpportunityWhere, $n: Int) { forecast(period: $p, by: $by, where: $w, first: $n) { period { from to } currency hasMoreRows unconverted
	total { ...F } rows { user { name } team { name } product { name } account { name } ofPipeline { name } above adjustments { figure amount { amount } reason }
		closed { amount } wonDeals commit { amount } bestCase { amount } pipeline { amount } weighted { amount } openDeals target { amount } attainment gap { amount } dealTarget activities activityTarget rolledUp { ...F } } } }
	fragment F on ForecastFigures { closed { amount } wonDeals commit { amount } bestCase { amount } pipeline { amount } weighted { amount } openDeals target { amount } attainment gap { amount } dealTarget activities activityTarget }`

// figureLine writes the figures of a forecast.
func figureLine(d farleytest.Data) string {
	var out []string
	for _, name := range []string{"closed", "commit", "bestCase", "pipeline", "weighted", "target"} {
		if v := d.At(name); v.V == nil {
			out = append(out, "-")
		} else {
			out = append(out, v.At("amount").Text())
		}
	}
	return fmt.Sprintf("%s won %d open %d", strings.Join(out, " "), d.At("wonDeals").Int(), d.At("openDeals").Int())
}

// forecastLines writes a forecast: the rows by what they are of, and the total.
func forecastLines(d farleytest.Data, of string) []string {
	var out []string
	d = d.At("forecast")
	for i := range d.At("rows").Len() {
		row := d.At(fmt.Sprintf("rows.%d", i))
		name := "-"
		if row.At(of).V != nil {
			name = row.At(of + ".name").Text()
		}
		line := name + ": " + figureLine(row)
		if row.At("rolledUp").V != nil {
			line += " | " + figureLine(row.At("rolledUp"))
		}
		out = append(out, line)
	}
	return append(out, "total: "+figureLine(d.At("total")))
}

var quarter4 = map[string]any{"quarter": map[string]any{"year": 2026, "number": 4}}

// forecasting is a team with a manager and deals in the last quarter of 2026.
type forecasting struct {
	*selling
	boss, sue *farleytest.Client // sue manages boss
	ann, bob  *farleytest.Client // report to boss, and see what is their own
	firm      id.ID
}

func newForecasting(t *testing.T, e *farleytest.Env) *forecasting {
	t.Helper()
	f := &forecasting{selling: newSelling(t, e)}
	own := e.Role(t, farleytest.Everything(e, access.Own))
	f.sue = shipped(t, e, "sales_manager", input.Object{"name": "Sue"})
	f.boss = shipped(t, e, "sales_manager", input.Object{"name": "Boss", "manager": f.sue.User.String(), "team": f.team.String()})
	under := input.Object{"manager": f.boss.User.String(), "team": f.team.String()}
	f.ann = e.User(t, input.Object{"name": "Ann", "manager": under["manager"], "team": under["team"]}, own)
	f.bob = e.User(t, input.Object{"name": "Bob", "manager": under["manager"], "team": under["team"]}, own)
	f.firm = f.account(t, "Elm", nil)
	f.put(t, f.ann, "won", "1000.00", "EUR", nil)
	f.put(t, f.ann, "qualification", "200.00", "USD", input.Object{"forecastCategory": "COMMIT", "closeDate": "2026-12-31", "probability": 50})
	f.put(t, f.ann, "qualification", "100.05", "USD", input.Object{"forecastCategory": "BEST_CASE", "closeDate": "2026-10-01"})
	f.put(t, f.ann, "qualification", "50.00", "USD", input.Object{"closeDate": "2026-11-30"})
	f.put(t, f.ann, "qualification", "70.00", "USD", input.Object{"forecastCategory": "OMITTED", "closeDate": "2026-11-30"})
	f.put(t, f.ann, "qualification", "999.00", "USD", input.Object{"closeDate": "2027-01-01"})
	f.put(t, f.ann, "qualification", "998.00", "USD", input.Object{"closeDate": "2026-09-30"})
	f.put(t, f.ann, "qualification", "997.00", "USD", nil)
	f.put(t, f.ann, "lost", "40.00", "USD", input.Object{"reason": "r", "closeDate": "2026-11-30"})
	f.put(t, f.ann, "won", "996.00", "USD", input.Object{"closedAt": "2026-09-30T23:59:59Z"})
	f.put(t, f.bob, "won", "500.00", "USD", input.Object{"closedAt": "2026-10-01T00:00:00Z"})
	f.put(t, f.bob, "qualification", "300.00", "SAR", input.Object{"closeDate": "2026-12-01"})
	f.put(t, f.bob, "qualification", "5", "JPY", input.Object{"closeDate": "2026-12-01"}) // of which there is no rate
	e.Make(t, "Opportunity", input.Object{"name": "Hidden", "account": f.firm.String(), "stage": f.stage("won"), "amount": amount("77.00", "USD"), "owner": e.User(t, input.Object{"name": "Zoe"}).User.String()})
	return f
}

func (f *forecasting) put(t *testing.T, owner *farleytest.Client, stage, worth, currency string, more input.Object) id.ID {
	t.Helper()
	in := input.Object{"owner": owner.User.String(), "stage": f.stage(stage), "amount": amount(worth, currency)}
	for name, v := range more {
		in[name] = v
	}
	return f.deal(t, f.firm, in)
}

const setTarget = `mutation($in: CreateSalesTargetInput!) { createSalesTarget(input: $in) { salesTarget { id owner { id } } } }`

// target is an input of a target of revenue.
func target(user id.ID, startsOn, length, worth string) farleytest.Vars {
	return farleytest.Vars{"in": input.Object{"user": user, "startsOn": startsOn, "length": length, "amount": amount(worth, "USD")}}
}

func TestForecast(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		for _, v := range []farleytest.Vars{
			target(f.ann.User, "2026-10-01", "QUARTER", "2000.00"), target(f.ann.User, "2026-11-01", "MONTH", "5.00"), // the quarter counts
			target(f.bob.User, "2026-10-01", "MONTH", "100.00"), target(f.bob.User, "2026-11-01", "MONTH", "200.00"), target(f.bob.User, "2026-09-01", "MONTH", "7.00"), target(f.bob.User, "2026-01-01", "YEAR", "9.00"),
			{"in": input.Object{"user": f.ann.User, "startsOn": "2026-10-01", "length": "QUARTER", "measure": "DEALS", "count": 4}},
			{"in": input.Object{"user": f.bob.User, "startsOn": "2026-10-01", "length": "QUARTER", "measure": "ACTIVITIES", "count": 3}},
		} {
			f.boss.Query(t, setTarget, v)
		}
		e.Make(t, "Activity", input.Object{"kind": "TASK", "subject": "s", "status": "DONE", "owner": f.bob.User.String(), "dueAt": "2026-11-22T09:00:00Z"})
		const adjust = `mutation($in: CreateForecastAdjustmentInput!) { createForecastAdjustment(input: $in) { forecastAdjustment { id } } }`
		f.boss.Query(t, adjust, farleytest.Vars{"in": input.Object{"user": f.ann.User, "startsOn": "2026-10-01", "length": "QUARTER", "figure": "COMMIT", "amount": amount("250.00", "USD"), "reason": "She is careful."}})

		vars := farleytest.Vars{"p": quarter4, "by": "USER"}
		d := f.boss.Query(t, forecast, vars)
		want := []string{
			"Ann: 1100.00 200.00 100.05 50.00 115.01 2000.00 won 1 open 3 | 1100.00 200.00 100.05 50.00 115.01 2000.00 won 1 open 3",
			"Bob: 500.00 0.00 0.00 75.00 7.50 300.00 won 1 open 2 | 500.00 0.00 0.00 75.00 7.50 300.00 won 1 open 2",
			"Boss: 0.00 0.00 0.00 0.00 0.00 - won 0 open 0 | 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5",
			"total: 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5",
		}
		if diff := cmp.Diff(want, forecastLines(d, "user")); diff != "" {
			t.Error(diff)
		}
		got := d.At("forecast.rows.0").JSON()
		for _, part := range []string{`"attainment":"55.00"`, `"gap":{"amount":"900.00"}`, `"dealTarget":4`, `"adjustments":[{"amount":{"amount":"250.00"},"figure":"COMMIT","reason":"She is careful."}]`, `"above":"` + f.boss.User.String() + `"`} {
			if !strings.Contains(got, part) {
				t.Errorf("the row lacks %s: %s", part, got)
			}
		}
		if got := d.At("forecast.rows.1"); got.At("activities").Int() != 1 || got.At("activityTarget").Int() != 3 || got.At("gap.amount").Text() != "-200.00" || got.At("attainment").Text() != "166.67" {
			t.Errorf("Bob: %s", got.JSON())
		}
		if got := d.At("forecast"); got.At("unconverted").Int() != 1 || got.At("period").JSON() != `{"from":"2026-10-01","to":"2026-12-31"}` || got.At("currency").Text() != "USD" {
			t.Errorf("the forecast: %s", got.JSON())
		}
		// Whoever manages the manager sees both levels; who sees what is his own has a row of his own.
		if got := forecastLines(f.sue.Query(t, forecast, vars), "user"); len(got) != 5 || !slices.Contains(got, "Sue: 0.00 0.00 0.00 0.00 0.00 - won 0 open 0 | 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5") {
			t.Errorf("two levels up: %v", got)
		}
		if got := forecastLines(f.bob.Query(t, forecast, vars), "user"); len(got) != 2 || got[0] != want[1] || got[1] != "total: 500.00 0.00 0.00 75.00 7.50 300.00 won 1 open 2" {
			t.Errorf("the own row: %v", got)
		}
		tour := f.boss.Query(t, quarterTour, nil).At("forecast.rows").JSON()
		if want := `[{"attainment":"55.00","closed":{"amount":"1100.00","currency":"USD"},"commit":{"amount":"200.00","currency":"USD"},"target":{"amount":"2000.00","currency":"USD"},"user":{"name":"Ann"},"weighted":{"amount":"115.01","currency":"USD"}},` +
			`{"attainment":"166.67","closed":{"amount":"500.00","currency":"USD"},"commit":{"amount":"0.00","currency":"USD"},"target":{"amount":"300.00","currency":"USD"},"user":{"name":"Bob"},"weighted":{"amount":"7.50","currency":"USD"}}]`; tour != want {
			t.Errorf("the tour: %s", tour)
		}

		// By other things; a filter holds for all figures of deals.
		zoe := "Zoe"
		admin := e.Admin(t)
		if got := forecastLines(admin.Query(t, forecast, vars), "user"); len(got) != 6 || !strings.HasPrefix(got[2], zoe+": 77.00") || !slices.Contains(got, "total: 1677.00 200.00 100.05 125.00 122.51 2300.00 won 3 open 5") {
			t.Errorf("of everybody: %v", got)
		}
		for by, want := range map[string][]string{
			"TEAM":     {"Sales: 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5 | 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5", "total: 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5"},
			"ACCOUNT":  {"Elm: 1600.00 200.00 100.05 125.00 122.51 - won 2 open 5", "total: 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5"},
			"PIPELINE": {"Sales: 1600.00 200.00 100.05 125.00 122.51 - won 2 open 5", "total: 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5"},
			"PRODUCT":  {"-: 1600.00 200.00 100.05 125.00 122.51 - won 2 open 5", "total: 1600.00 200.00 100.05 125.00 122.51 2300.00 won 2 open 5"},
		} {
			of := map[string]string{"TEAM": "team", "ACCOUNT": "account", "PIPELINE": "ofPipeline", "PRODUCT": "product"}[by]
			if diff := cmp.Diff(want, forecastLines(f.boss.Query(t, forecast, farleytest.Vars{"p": quarter4, "by": by}), of)); diff != "" {
				t.Errorf("by %s: %s", by, diff)
			}
		}
		d = f.boss.Query(t, forecast, farleytest.Vars{"p": quarter4, "by": "USER", "n": 1, "w": map[string]any{"amount": map[string]any{"gte": amount("100.00", "USD")}}})
		if got := forecastLines(d, "user"); got[0] != "Ann: 1100.00 200.00 100.05 0.00 110.01 2000.00 won 1 open 2 | 1100.00 200.00 100.05 0.00 110.01 2000.00 won 1 open 2" || len(got) != 2 || d.At("forecast.hasMoreRows").V != true {
			t.Errorf("narrowed: %v", got)
		}
		for name, p := range map[string]map[string]any{"2027-01-01 2027-12-31": {"year": 2027}, "2026-09-01 2026-09-30": {"month": map[string]any{"year": 2026, "number": 9}}, "2026-09-30 2026-10-01": {"from": "2026-09-30", "to": "2026-10-01"}} {
			d := f.boss.Query(t, forecast, farleytest.Vars{"p": p, "by": "PIPELINE"}).At("forecast")
			if got := d.At("period.from").Text() + " " + d.At("period.to").Text(); got != name {
				t.Errorf("the period %v is %s", p, got)
			}
		}
		r := f.boss.Do(t, forecast, farleytest.Vars{"p": map[string]any{"year": 2026, "from": "2026-01-01"}, "by": "USER", "n": 0}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"first RANGE", "period FORMAT"}, sorted(r.Violations())); diff != "" {
			t.Error(diff)
		}
		for _, p := range []map[string]any{{}, {"quarter": map[string]any{"year": 2026, "number": 5}}, {"month": map[string]any{"year": 1, "number": 1}}, {"from": "2026-01-02", "to": "2026-01-01"}, {"from": "x", "to": "2026-01-01"}, {"from": "2026-01-01"}} {
			f.boss.Do(t, forecast, farleytest.Vars{"p": p, "by": "USER"}).Want(t, "INVALID")
		}
		e.Anonymous().Do(t, forecast, vars).Want(t, "UNAUTHENTICATED")
	})
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}

// What may not be read is in no sum, and who may read none gets none.
func TestForecast_rights(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		vars := farleytest.Vars{"p": quarter4, "by": "USER"}
		shipped(t, e, "service_agent", nil).Do(t, forecast, vars).Want(t, "FORBIDDEN")
		shipped(t, e, "service_agent", nil).Query(t, `query($p: PeriodInput!, $by: ForecastBy!) { forecast(period: $p, by: $by) { rows { user { name } wonDeals openDeals } } }`, vars)
		e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY OWNER NONE"))).Do(t, forecast, vars).Want(t, "FORBIDDEN")
		for _, field := range []string{"STATUS", "CLOSE_DATE", "CLOSED_AT", "AMOUNT", "EXPECTED_REVENUE", "FORECAST_CATEGORY"} {
			c := e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY "+field+" NONE")))
			c.Do(t, forecast, farleytest.Vars{"p": quarter4, "by": "TEAM"}).Want(t, "FORBIDDEN")
		}
		// A partner sees what is shared with him, and what is his.
		partner := e.Make(t, "Account", input.Object{"name": "Partner"})
		pat := shipped(t, e, "partner", input.Object{"kind": "PARTNER", "partnerAccount": partner.String()})
		shared := f.put(t, f.ann, "won", "11.00", "USD", nil)
		f.put(t, f.ann, "won", "22.00", "USD", input.Object{"partner": partner.String()})
		e.Make(t, "Share", input.Object{"record": shared.String(), "grantee": partner.String(), "level": "READ"})
		d := pat.Query(t, `query($p: PeriodInput!) { forecast(period: $p, by: USER) { rows { wonDeals openDeals } total { wonDeals openDeals } } }`, farleytest.Vars{"p": quarter4})
		if got := d.At("forecast").JSON(); got != `{"rows":[{"openDeals":0,"wonDeals":2}],"total":{"openDeals":0,"wonDeals":2}}` {
			t.Errorf("the partner: %s", got)
		}
		// Amounts that show on the own deals only are in the sums of those.
		own, all := levelled(t, e), levelled(t, e, "OPPORTUNITY AMOUNT NONE")
		for i, p := range own.Permissions {
			if p.Object == "OPPORTUNITY" {
				own.Permissions[i].Scope = "OWN"
			}
		}
		mixed := e.User(t, nil, e.Role(t, own), e.Role(t, all))
		f.put(t, mixed, "won", "8.00", "USD", nil)
		d = mixed.Query(t, `query($p: PeriodInput!) { forecast(period: $p, by: USER) { total { closed { amount } wonDeals } } }`, farleytest.Vars{"p": quarter4})
		if got := d.At("forecast.total").JSON(); got != `{"closed":{"amount":"8.00"},"wonDeals":6}` {
			t.Errorf("with the own amounts: %s", got)
		}
	})
}

// As many statements for many deals, people and targets as for few.
func TestForecast_statements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		statements := func(by string) int {
			e.DB.Counter.Reset()
			f.boss.Query(t, forecast, farleytest.Vars{"p": quarter4, "by": by})
			return len(slices.DeleteFunc(e.DB.Counter.Asked(), func(s string) bool {
				return !slices.ContainsFunc([]string{"opportunities", "working_calendars", "sales_targets", "activities", "users", "teams", "forecast_adjustments", "accounts", "pipelines", "products"}, func(table string) bool { return strings.Contains(s, "`"+table+"`") })
			}))
		}
		few := map[string]int{}
		bys := []string{"USER", "TEAM", "PRODUCT", "ACCOUNT", "PIPELINE"}
		for _, by := range bys {
			few[by] = statements(by)
		}
		own := e.Role(t, access.Role{})
		for i := range 20 {
			c := e.User(t, input.Object{"manager": f.boss.User.String(), "team": f.team.String()}, own)
			f.put(t, c, "qualification", fmt.Sprintf("%d.01", i+1), "USD", input.Object{"closeDate": "2026-12-01"})
			e.Make(t, "SalesTarget", input.Object{"user": c.User.String(), "startsOn": "2026-10-01", "length": "QUARTER", "amount": amount("1.00", "USD")})
		}
		for _, by := range bys {
			if n := statements(by); n != few[by] || n > 9 {
				t.Errorf("by %s: %d statements for few records and %d for many, want 9 at most", by, few[by], n)
			}
		}
	})
}

// Lines are counted by their products: of closed deals at the rate of the day on which they were closed.
func TestForecast_products(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		oven := e.Make(t, "Product", input.Object{"name": "Oven", "sku": "o"})
		deal := f.put(t, f.ann, "qualification", "0.00", "SAR", input.Object{"closeDate": "2026-12-01"})
		for _, price := range []string{"10.00", "20.00"} {
			e.Make(t, "OpportunityLine", input.Object{"opportunity": deal.String(), "product": oven.String(), "unitPrice": amount(price, "SAR")})
		}
		e.Make(t, "OpportunityLine", input.Object{"opportunity": deal.String(), "name": "Work", "unitPrice": amount("4.00", "SAR")})
		by := farleytest.Vars{"p": quarter4, "by": "PRODUCT"}
		want := []string{"-: 1600.00 200.00 100.05 126.00 122.61 - won 2 open 6", "Oven: 0.00 0.00 0.00 7.50 0.75 - won 0 open 1", "total: 1600.00 200.00 100.05 133.50 123.36 - won 2 open 6"}
		if diff := cmp.Diff(want, forecastLines(f.boss.Query(t, forecast, by), "product")); diff != "" {
			t.Error(diff)
		}
		f.boss.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": deal, "stage": f.stage("won")}})
		e.Make(t, "ExchangeRate", input.Object{"currency": "SAR", "validFrom": "2026-11-23", "rate": "0.5"})
		e.Clock.Advance(e.Clock.Now().Add(24 * time.Hour))
		boss := e.SignIn(t, f.boss.User)
		want = []string{"-: 1601.00 200.00 100.05 200.00 130.01 - won 3 open 5", "Oven: 7.50 0.00 0.00 0.00 0.00 - won 1 open 0", "total: 1608.50 200.00 100.05 200.00 130.01 - won 3 open 5"}
		if diff := cmp.Diff(want, forecastLines(boss.Query(t, forecast, by), "product")); diff != "" {
			t.Error(diff)
		}
	})
}
