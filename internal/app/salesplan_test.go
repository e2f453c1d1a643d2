package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

const (
	makeSalesPlan = `mutation($in: CreateSalesPlanInput!) { createSalesPlan(input: $in) { salesPlan { id version currency owner { id } months { month revenue deals quantity } } } }`
	planProgress  = `query($x: ID!) { salesPlan(id: $x) { progress { currency unconverted total { ...F } months { month figures { ...F } } } } }
		fragment F on SalesPlanFigures { plannedRevenue { amount } revenue { amount } gap { amount } attainment plannedDeals deals plannedQuantity quantity }`
)

// progressLines writes the progress of a plan: planned and actual revenue, gap, attainment, deals, and quantities where there are any.
func progressLines(d farleytest.Data) []string {
	line := func(d farleytest.Data) string {
		var out []string
		for _, name := range []string{"plannedRevenue.amount", "revenue.amount", "gap.amount", "attainment", "plannedDeals", "deals", "plannedQuantity", "quantity"} {
			v := d
			for part := range strings.SplitSeq(name, ".") {
				if v.V != nil {
					v = v.At(part)
				}
			}
			if v.V == nil {
				out = append(out, "-")
			} else {
				out = append(out, strings.Trim(v.JSON(), `"`))
			}
		}
		return strings.Join(out, " ")
	}
	d = d.At("salesPlan.progress")
	out := []string{"total " + line(d.At("total"))}
	for i := range d.At("months").Len() {
		m := d.At(fmt.Sprintf("months.%d", i))
		out = append(out, m.At("month").Text()[:7]+" "+line(m.At("figures")))
	}
	return out
}

func plannedMonth(month, revenue string, deals int) map[string]any {
	return map[string]any{"month": month, "revenue": revenue, "deals": deals}
}

func TestSalesPlan(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		e.Make(t, "WorkingCalendar", input.Object{"name": "Firm", "timeZone": "Pacific/Auckland"}) // 13 hours ahead
		rep := shipped(t, e, "sales_rep", input.Object{"manager": f.boss.User.String()})           // of no team: what is his own
		own := input.Object{"owner": rep.User.String(), "team": nil}
		e.Change(t, f.firm, input.Object{"owner": rep.User.String()})
		north := e.Make(t, "Territory", input.Object{"name": "North"})
		far := e.Make(t, "Territory", input.Object{"name": "Far north", "parent": north.String()})
		below := f.account(t, "Elm branch", input.Object{"parent": f.firm.String(), "owner": rep.User.String()})
		oven := e.Make(t, "Product", input.Object{"name": "Oven", "sku": "o"})
		// In New Zealand this is the first of November already.
		late := input.Object{"stage": f.stage("won"), "amount": amount("100.00", "SAR"), "closedAt": "2026-10-31T11:00:00Z", "territory": far.String()}
		with := func(more input.Object) input.Object {
			for field, v := range own {
				more[field] = v
			}
			return more
		}
		f.deal(t, below, with(late))
		lines := f.deal(t, f.firm, with(input.Object{"amount": amount("0.00", "EUR"), "territory": north.String()}))
		for _, quantity := range []string{"2.5", "0.75"} {
			e.Make(t, "OpportunityLine", input.Object{"opportunity": lines.String(), "product": oven.String(), "quantity": quantity, "unitPrice": amount("10.00", "EUR")})
		}
		e.Make(t, "OpportunityLine", input.Object{"opportunity": lines.String(), "name": "Work", "unitPrice": amount("4.00", "EUR")})
		rep.Query(t, moveDeal, farleytest.Vars{"in": input.Object{"opportunity": lines, "stage": f.stage("won")}})
		e.Make(t, "ExchangeRate", input.Object{"currency": "EUR", "validFrom": "2026-11-23", "rate": "9"}) // changes nothing of what was closed

		make := func(c *farleytest.Client, in input.Object) id.ID {
			in["name"], in["firstMonth"], in["lastMonth"] = "Plan", "2026-10-01", "2026-11-01"
			return c.Query(t, makeSalesPlan, farleytest.Vars{"in": in}).At("createSalesPlan.salesPlan.id").ID()
		}
		account := make(rep, input.Object{"account": f.firm, "currency": "SAR", "months": []any{plannedMonth("2026-11-01", "200.00", 2)}})
		product := make(rep, input.Object{"product": oven, "months": []any{map[string]any{"month": "2026-10-01", "quantity": "4"}, map[string]any{"month": "2026-11-01", "revenue": "40.00", "quantity": "2.5"}}})
		territory := make(f.boss, input.Object{"territory": north, "months": []any{plannedMonth("2026-10-01", "0", 0), plannedMonth("2026-11-01", "50.00", 1)}})
		for _, c := range []struct {
			of   id.ID
			by   *farleytest.Client
			want []string
		}{
			// 100.00 SAR are 25.00 USD, 36.50 EUR were 40.15 USD when they were won; Ann's and Bob's deals are out of his sight.
			{account, rep, []string{"total 50.00 65.15 -15.15 130.30 2 2 - -", "2026-10 - 0.00 - - - 0 - -", "2026-11 50.00 65.15 -15.15 130.30 2 2 - -"}},
			{account, f.boss, []string{"total 50.00 2661.15 -2611.15 5322.30 2 5 - -", "2026-10 - 1496.00 - - - 2 - -", "2026-11 50.00 1165.15 -1115.15 2330.30 2 3 - -"}},
			{product, rep, []string{"total 40.00 35.75 4.25 89.38 - 1 6.5 3.25", "2026-10 - 0.00 - - - 0 4 0", "2026-11 40.00 35.75 4.25 89.38 - 1 2.5 3.25"}},
			{territory, f.boss, []string{"total 50.00 65.15 -15.15 130.30 1 2 - -", "2026-10 0.00 0.00 0.00 - 0 0 - -", "2026-11 50.00 65.15 -15.15 130.30 1 2 - -"}},
		} {
			if diff := cmp.Diff(c.want, progressLines(c.by.Query(t, planProgress, farleytest.Vars{"x": c.of}))); diff != "" {
				t.Errorf("the plan of %s: %s", e.Set.Of(c.of).Name, diff)
			}
		}
		// Its actions are tasks.
		rep.Query(t, `mutation($in: CreateActivityInput!) { createActivity(input: $in) { activity { id } } }`, farleytest.Vars{"in": input.Object{"kind": "TASK", "subject": "Call the branch", "dueAt": hours(50), "salesPlan": account}})
		if got := rep.Query(t, `query($x: ID!) { salesPlan(id: $x) { actions { nodes { subject status owner { id } } } } }`, farleytest.Vars{"x": account}).At("salesPlan.actions.nodes").JSON(); got != `[{"owner":{"id":"`+rep.User.String()+`"},"status":"PLANNED","subject":"Call the branch"}]` {
			t.Errorf("the actions: %s", got)
		}
		// Who may not read amounts gets none; deals are counted all the same.
		none := e.User(t, nil, e.Role(t, levelled(t, e, "OPPORTUNITY AMOUNT NONE")))
		none.Do(t, planProgress, farleytest.Vars{"x": account}).Want(t, "FORBIDDEN")
		if n := none.Query(t, `query($x: ID!) { salesPlan(id: $x) { progress { total { deals plannedDeals } } } }`, farleytest.Vars{"x": account}).At("salesPlan.progress.total.deals").Int(); n != 6 {
			t.Errorf("%d deals of the account, want 6", n)
		}
		// Amounts that show on the own deals only are in the sums of those.
		mine, all := levelled(t, e), levelled(t, e, "OPPORTUNITY AMOUNT NONE")
		for i, p := range mine.Permissions {
			if p.Object == "OPPORTUNITY" {
				mine.Permissions[i].Scope = "OWN"
			}
		}
		mixed := e.User(t, nil, e.Role(t, mine), e.Role(t, all))
		f.put(t, mixed, "won", "8.00", "USD", nil)
		if got := progressLines(mixed.Query(t, planProgress, farleytest.Vars{"x": account})); got[0] != "total 50.00 8.00 42.00 16.00 2 7 - -" {
			t.Errorf("with the own amounts: %v", got)
		}
		e.User(t, nil, e.Role(t, levelled(t, e, "SALES_PLAN MONTHS NONE"))).Do(t, planProgress, farleytest.Vars{"x": account}).Want(t, "FORBIDDEN")
		partner := e.Make(t, "Account", input.Object{"name": "Partner"})
		pat := shipped(t, e, "partner", input.Object{"kind": "PARTNER", "partnerAccount": partner.String()})
		pat.Do(t, planProgress, farleytest.Vars{"x": account}).Want(t, "FORBIDDEN")
		shipped(t, e, "sales_rep", nil).Do(t, planProgress, farleytest.Vars{"x": account}).Want(t, "NOT_FOUND")
		e.Anonymous().Do(t, planProgress, farleytest.Vars{"x": account}).Want(t, "UNAUTHENTICATED")
	})
}

func TestSalesPlan_refusals(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		s := newSelling(t, e)
		x := s.account(t, "Elm", nil)
		oven := e.Make(t, "Product", input.Object{"name": "Oven", "sku": "o"})
		for name, c := range map[string]struct {
			in   input.Object
			want []string
		}{
			"for nothing":      {input.Object{}, []string{"input.account REQUIRED"}},
			"for two things":   {input.Object{"account": x, "product": oven}, []string{"input.product FORMAT"}},
			"not whole months": {input.Object{"account": x, "firstMonth": "2026-10-02", "lastMonth": "2026-10-31"}, []string{"input.firstMonth FORMAT", "input.lastMonth FORMAT"}},
			"backwards":        {input.Object{"account": x, "lastMonth": "2026-09-01"}, []string{"input.lastMonth RANGE"}},
			"too long":         {input.Object{"account": x, "lastMonth": "2029-10-01"}, []string{"input.lastMonth RANGE"}},
			"without a rate":   {input.Object{"account": x, "currency": "JPY"}, []string{"input.currency CURRENCY"}},
			"of what is not planned": {
				input.Object{"account": x, "months": []any{plannedMonth("2026-09-01", "1.001", 1_000_001), plannedMonth("2026-10-02", "-1", 0), map[string]any{"month": "2026-10-01", "quantity": "1"}, map[string]any{"month": "2026-10-01"}}},
				[]string{"input.months.0.deals RANGE", "input.months.0.month RANGE", "input.months.0.revenue RANGE", "input.months.1.month FORMAT", "input.months.1.revenue RANGE", "input.months.2.quantity FORMAT", "input.months.3.month TAKEN"},
			},
			"of no quantity": {input.Object{"product": oven, "months": []any{map[string]any{"month": "2026-10-01", "quantity": "0.1234567"}}}, []string{"input.months.0.quantity RANGE"}},
		} {
			in := input.Object{"name": "Plan", "firstMonth": "2026-10-01", "lastMonth": "2026-11-01"}
			for field, v := range c.in {
				in[field] = v
			}
			r := s.ann.Do(t, makeSalesPlan, farleytest.Vars{"in": in}).Want(t, "INVALID")
			if diff := cmp.Diff(c.want, sorted(r.Violations())); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		// A plan of 36 months may be, and is shortened only together with what is planned.
		d := s.ann.Query(t, makeSalesPlan, farleytest.Vars{"in": input.Object{"name": "Plan", "account": x, "firstMonth": "2026-10-01", "lastMonth": "2029-09-01", "months": []any{plannedMonth("2029-09-01", "1", 0)}}}).At("createSalesPlan.salesPlan")
		if got := d.At("currency").Text() + " " + d.At("owner.id").Text(); got != "USD "+s.ann.User.String() {
			t.Errorf("made: %s", got)
		}
		const change = `mutation($x: ID!, $in: UpdateSalesPlanInput!) { updateSalesPlan(id: $x, input: $in) { salesPlan { id } } }`
		r := s.ann.Do(t, change, farleytest.Vars{"x": d.At("id").ID(), "in": input.Object{"lastMonth": "2027-09-01"}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.months.0.month RANGE"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		s.ann.Query(t, change, farleytest.Vars{"x": d.At("id").ID(), "in": input.Object{"lastMonth": "2027-09-01", "months": []any{}, "status": "ACTIVE"}})
	})
}

// As many statements for many plans as for few.
func TestSalesPlan_statements(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		f := newForecasting(t, e)
		oven := e.Make(t, "Product", input.Object{"name": "Oven", "sku": "o"})
		north := e.Make(t, "Territory", input.Object{"name": "North"})
		three := func() {
			for field, x := range map[string]id.ID{"account": f.firm, "product": oven, "territory": north} {
				e.Make(t, "SalesPlan", input.Object{"name": "Plan", field: x.String(), "owner": f.boss.User.String(), "firstMonth": "2026-01-01", "lastMonth": "2026-12-01"})
			}
		}
		three()
		const query = `{ salesPlans(first: 100) { nodes { progress { total { revenue { amount } deals quantity } } } } }`
		count := func() int {
			f.boss.Query(t, query, nil)
			e.DB.Counter.Reset()
			if n := f.boss.Query(t, query, nil).At("salesPlans.nodes").Len(); n%3 != 0 || n == 0 {
				t.Errorf("%d plans", n)
			}
			return len(slices.DeleteFunc(e.DB.Counter.Asked(), func(s string) bool {
				return !slices.ContainsFunc([]string{"opportunities", "working_calendars", "sales_plans", "accounts", "territories"}, func(table string) bool { return strings.Contains(s, "`"+table+"`") })
			}))
		}
		few := count()
		for range 10 {
			three()
		}
		if many := count(); many != few || many > 9 {
			t.Errorf("%d statements for three plans and %d for many, want 9 at most", few, many)
		}
		admin := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.All)))
		for i := range 7 {
			e.Make(t, "SalesPlan", input.Object{"name": "Plan", "account": f.firm.String(), "firstMonth": fmt.Sprintf("%d-01-01", 2000+3*i), "lastMonth": fmt.Sprintf("%d-12-01", 2002+3*i)})
		}
		admin.Do(t, query, nil).Want(t, "LIMITED")
	})
}
