package opportunity

import (
	"context"
	"database/sql"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/money"
	"farley/internal/read"
)

// Of how many plans, and for how many different months, progress is added up at once.
const (
	maxPlans      = 100
	maxPlanMonths = 240
)

// Fields returns the computed fields.
func (s *Forecasts) Fields() map[string]read.Computed {
	return map[string]read.Computed{"SalesPlan.progress": s.progress}
}

// planFigures are the figures of a month of a plan, or of all: minor units of the reporting currency.
type planFigures struct {
	planned         *big.Int // nil: nothing
	revenue         *big.Int
	plannedDeals    *int64 // nil: none
	deals           int64
	plannedQuantity *big.Rat // nil: nothing
	quantity        *big.Rat // nil of what is not sold by the piece
}

func (f *planFigures) add(g *planFigures) {
	if g.planned != nil {
		if f.planned == nil {
			f.planned = new(big.Int)
		}
		f.planned.Add(f.planned, g.planned)
	}
	if g.plannedQuantity != nil {
		if f.plannedQuantity == nil {
			f.plannedQuantity = new(big.Rat)
		}
		f.plannedQuantity.Add(f.plannedQuantity, g.plannedQuantity)
	}
	f.plannedDeals = sumOf(f.plannedDeals, g.plannedDeals)
	f.revenue.Add(f.revenue, g.revenue)
	f.deals += g.deals
	if g.quantity != nil {
		f.quantity.Add(f.quantity, g.quantity)
	}
}

// salesPlan is a plan with its figures by month.
type salesPlan struct {
	id          id.ID
	pieces      bool // whether it is of a product
	months      []string
	figures     map[string]*planFigures
	unconverted int64
}

// planning is the reading of the progress of plans.
type planning struct {
	*Forecasts
	ctx   context.Context
	q     db.Querier
	a     *access.Actor
	zone  *time.Location
	plans []*salesPlan

	amounts, quantities bool
	deals               *read.Filter
	starts              []time.Time // the first days of all months, in order, as midnights of UTC
	of                  map[id.ID][]*salesPlan
}

// progress answers SalesPlan.progress: for many plans by as many statements as for one of each sort.
func (s *Forecasts) progress(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	if len(ids) > maxPlans {
		return nil, fault.New(fault.Limited, "Progress is added up of at most %d plans at once.", maxPlans)
	}
	out := map[id.ID]any{}
	if len(ids) == 0 {
		return out, nil
	}
	selects := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			return s.Read.Selects(ctx, f, name) || s.Read.Selects(ctx, f, "total."+name) || s.Read.Selects(ctx, f, "months.figures."+name)
		})
	}
	p := &planning{Forecasts: s, ctx: ctx, q: q, a: a, amounts: selects("revenue", "gap", "attainment", "unconverted"), quantities: selects("quantity"), of: map[id.ID][]*salesPlan{}}
	var err error
	if p.zone, err = Zone(ctx, q); err != nil {
		return nil, err
	}
	if err := p.read(ids, selects("plannedRevenue", "gap", "attainment", "plannedDeals", "plannedQuantity")); err != nil {
		return nil, err
	}
	if err := p.actual(); err != nil {
		return nil, err
	}
	for _, plan := range p.plans {
		out[plan.id] = p.shown(plan)
	}
	return out, nil
}

// read reads the plans themselves: one statement.
func (p *planning) read(ids []id.ID, planned bool) error {
	f, err := p.Read.Filter(p.ctx, p.q, p.a, p.Read.Set.Kind("SalesPlan"), nil)
	if err != nil || f.IsFalse() {
		return err
	}
	var c columns
	c.add(access.Cond{SQL: read.Row + ".`id`"}, "a")
	for i, field := range []string{"account", "product", "territory", "firstMonth", "lastMonth", "currency", "months"} {
		v := null
		if field != "months" && field != "currency" || planned {
			if v, err = f.Value(field, ""); err != nil {
				return err
			}
		}
		c.add(v, string(rune('b'+i)))
	}
	marks, list := placeholders(ids)
	query := "SELECT " + strings.Join(c.sql, ", ") + " FROM `sales_plans` " + read.Row + " WHERE " + access.And(f.Cond, access.Cond{SQL: read.Row + ".`id` IN " + marks}).SQL
	months := map[string]bool{}
	err = db.Each(p.ctx, p.q, query, append(append(c.args, f.Args...), list...), func(rows *sql.Rows) error {
		plan := &salesPlan{figures: map[string]*planFigures{}}
		var subjects [3]id.ID
		var first, last, currency, stored sql.NullString
		if err := rows.Scan(&plan.id, &subjects[0], &subjects[1], &subjects[2], &first, &last, &currency, &stored); err != nil {
			return err
		}
		for i, x := range subjects {
			if !x.IsZero() {
				p.of[x] = append(p.of[x], plan)
				plan.pieces = i == 1
			}
		}
		plan.between(first.String, last.String)
		for _, m := range plan.months {
			months[m] = true
		}
		p.plans = append(p.plans, plan)
		return plan.plan(p.Book, currency.String, stored.String)
	})
	if err != nil {
		return err
	}
	for m := range months {
		if day, err := time.Parse(time.DateOnly, m); err == nil {
			p.starts = append(p.starts, day)
		}
	}
	slices.SortFunc(p.starts, time.Time.Compare)
	if len(p.starts) > maxPlanMonths {
		return fault.New(fault.Limited, "Progress is added up for at most %d different months at once.", maxPlanMonths)
	}
	return nil
}

func placeholders(ids []id.ID) (string, []any) {
	args := make([]any, len(ids))
	for i, x := range ids {
		args[i] = x
	}
	return "(?" + strings.Repeat(", ?", len(ids)-1) + ")", args
}

// between gives a plan its months, with figures of nothing.
func (s *salesPlan) between(first, last string) {
	month, err := time.Parse(time.DateOnly, first)
	for ; err == nil && month.Format(time.DateOnly) <= last; month = month.AddDate(0, 1, 0) {
		m := month.Format(time.DateOnly)
		f := &planFigures{revenue: new(big.Int)}
		if s.pieces {
			f.quantity = new(big.Rat)
		}
		s.months, s.figures[m] = append(s.months, m), f
	}
}

// plan takes what is planned, at the rate of today.
func (s *salesPlan) plan(book *money.Book, currency, stored string) error {
	if stored == "" {
		return nil
	}
	var months []struct {
		Month    string `json:"month"`
		Revenue  string `json:"revenue"`
		Deals    *int64 `json:"deals"`
		Quantity string `json:"quantity"`
	}
	if err := json.Unmarshal([]byte(stored), &months); err != nil {
		return err
	}
	for _, m := range months {
		f := s.figures[m.Month]
		if f == nil {
			continue
		}
		f.plannedDeals = m.Deals
		if minor, err := book.Parse(m.Revenue, currency); err == nil && m.Revenue != "" {
			f.planned, _ = book.ReportingSum(big.NewInt(minor), currency)
		}
		if m.Quantity != "" {
			f.plannedQuantity, _ = new(big.Rat).SetString(m.Quantity)
		}
	}
	return nil
}

// actual reads what was won: at most five statements.
func (p *planning) actual() (err error) {
	if len(p.starts) == 0 {
		return nil
	}
	if p.deals, err = p.Read.Filter(p.ctx, p.q, p.a, p.Read.Set.Kind("Opportunity"), nil); err != nil || p.deals.IsFalse() {
		return err
	}
	parts := map[string][]id.ID{}
	for x := range p.of {
		name := p.Read.Set.Of(x).Name
		parts[name] = append(parts[name], x)
	}
	for _, ids := range parts {
		slices.SortFunc(ids, id.ID.Compare)
	}
	for _, of := range []struct {
		name string
		sum  func(ids []id.ID) error
	}{{"Account", p.byAccount}, {"Product", p.byProduct}, {"Territory", p.byTerritory}} {
		if ids := parts[of.name]; len(ids) > 0 {
			if err := of.sum(ids); err != nil {
				return err
			}
		}
	}
	return nil
}

// byAccount sums by accounts and what is below them, as far as that is in sight: one statement for the tree, one for the deals.
func (p *planning) byAccount(ids []id.ID) error {
	f, err := p.Read.Filter(p.ctx, p.q, p.a, p.Read.Set.Kind("Account"), nil)
	if err != nil || f.IsFalse() {
		return err
	}
	parent, err := f.Value("parent", "")
	if fault.CodeOf(err) == fault.Forbidden {
		parent, err = null, nil
	}
	if err != nil {
		return err
	}
	marks, args := placeholders(ids)
	root := access.And(access.Cond{SQL: read.Row + ".`id` IN " + marks, Args: args}, f.Cond)
	child := access.And(compare(is(parent, " = below.id")), f.Cond)
	query := "WITH RECURSIVE below (root, id, depth) AS (SELECT " + read.Row + ".`id`, " + read.Row + ".`id`, 0 FROM `accounts` " + read.Row + " WHERE " + root.SQL +
		" UNION ALL SELECT below.root, " + read.Row + ".`id`, below.depth + 1 FROM below JOIN `accounts` " + read.Row + " ON " + child.SQL + " WHERE below.depth < ?) SELECT DISTINCT below.root, below.id FROM below"
	above := map[id.ID][]id.ID{}
	err = db.Each(p.ctx, p.q, query, append(append(append([]any{}, root.Args...), child.Args...), maxLevels), func(rows *sql.Rows) error {
		var of, x id.ID
		if err := rows.Scan(&of, &x); err != nil {
			return err
		}
		above[x] = append(above[x], of)
		return nil
	})
	if err != nil {
		return err
	}
	return p.byKey("account", above)
}

// byTerritory sums by territories and what is below them: one statement for the tree, one for the deals.
func (p *planning) byTerritory(ids []id.ID) error {
	r := &forecasting{Forecasts: p.Forecasts, ctx: p.ctx, q: p.q, a: p.a}
	all, err := r.persons("Territory", "parent", "", false)
	if err != nil {
		return err
	}
	above := map[id.ID][]id.ID{}
	for x := range all {
		for at, level := x, 0; !at.IsZero() && level < maxLevels; at, level = all[at].above, level+1 {
			if slices.Contains(ids, at) {
				above[x] = append(above[x], at)
			}
		}
	}
	return p.byKey("territory", above)
}

// month is the column that says in which of all months an instant lies, over rows b with the column at.
func (p *planning) month() (string, []any) {
	var b strings.Builder
	var args []any
	b.WriteString("CASE")
	for i, day := range p.starts {
		b.WriteString(" WHEN b.at >= ? AND b.at < ? THEN ")
		b.WriteString(big.NewInt(int64(i)).String())
		args = append(args, midnight(day, p.zone), midnight(day.AddDate(0, 1, 0), p.zone))
	}
	return b.String() + " END", args
}

// won are the values of deals that are summed, and the condition that one was won in the months of the plans.
func (p *planning) won() (cond, at, amount, currency, held access.Cond, err error) {
	status, err := p.deals.Value("status", "")
	if err != nil {
		return
	}
	if at, err = p.deals.Value("closedAt", ""); err != nil {
		return
	}
	from, to := midnight(p.starts[0], p.zone), midnight(p.starts[len(p.starts)-1].AddDate(0, 1, 0), p.zone)
	cond = access.And(compare(is(status, " = 'WON'"), is(at, " >= ?", from), is(at, " < ?", to)), p.deals.Cond)
	amount, currency, held = null, null, null
	if p.amounts {
		if amount, err = p.deals.Value("amount", ""); err != nil {
			return
		}
		if held, err = p.deals.Value("amount", "amount_currency"); err != nil {
			return
		}
		amount, currency = frozen(amount, "closed_amount"), frozen(held, "closed_amount_currency")
	}
	return
}

// byKey sums deals by a relation of theirs; above says for what a record counts.
func (p *planning) byKey(field string, above map[id.ID][]id.ID) error {
	if len(above) == 0 {
		return nil
	}
	key, err := p.deals.Value(field, "")
	if err != nil {
		return err
	}
	cond, at, amount, currency, held, err := p.won()
	if err != nil {
		return err
	}
	var ids []id.ID
	for x := range above {
		ids = append(ids, x)
	}
	slices.SortFunc(ids, id.ID.Compare)
	for part := range slices.Chunk(ids, maxKeys) {
		var c columns
		c.add(key, "k")
		c.add(at, "at")
		c.add(amount, "amount")
		c.add(currency, "currency")
		c.add(held, "held")
		marks, list := placeholders(part)
		where := access.And(compare(is(key, " IN "+marks, list...)), cond)
		month, months := p.month()
		query := "SELECT b.k, b.m, b.currency, NULL, COUNT(*), COUNT(b.held), " + money.SumSQL("b.amount") + " FROM (SELECT b.*, " + month + " AS m FROM (SELECT " + strings.Join(c.sql, ", ") +
			" FROM `opportunities` " + read.Row + " WHERE " + where.SQL + ") b) b WHERE b.m IS NOT NULL GROUP BY b.k, b.m, b.currency"
		err := db.Each(p.ctx, p.q, query, slices.Concat(months, c.args, where.Args), func(rows *sql.Rows) error { return p.sum(rows, above) })
		if err != nil {
			return err
		}
	}
	return nil
}

// maxKeys is how many accounts are looked at with one statement.
const maxKeys = 5000

// byProduct sums the lines of deals: one statement for amounts and deals, one for quantities.
func (p *planning) byProduct(ids []id.ID) error {
	lines, err := p.Read.Filter(p.ctx, p.q, p.a, p.Read.Set.Kind("OpportunityLine"), nil)
	if err != nil || lines.IsFalse() {
		return err
	}
	var l columns
	product, err := lines.Value("product", "")
	if err != nil {
		return err
	}
	l.add(product, "product")
	for _, col := range []struct {
		field, column, as string
		wanted            bool
	}{{"opportunity", "", "deal", true}, {"total", "", "total", p.amounts}, {"total", "total_currency", "currency", p.amounts}, {"quantity", "", "quantity", p.quantities}} {
		v := null
		if col.wanted {
			if v, err = lines.Value(col.field, col.column); err != nil {
				return err
			}
		}
		l.add(v, col.as)
	}
	cond, at, amount, _, held, err := p.won()
	if err != nil {
		return err
	}
	marks, list := placeholders(ids)
	of := access.And(compare(is(product, " IN "+marks, list...)), lines.Cond)
	shown := func(column string) access.Cond {
		return access.Cond{SQL: "CASE WHEN " + amount.SQL + " IS NOT NULL THEN " + column + " END", Args: amount.Args}
	}
	var c columns
	c.add(access.Cond{SQL: "l.product"}, "k")
	c.add(access.Cond{SQL: read.Row + ".`id`"}, "deal")
	c.add(at, "at")
	c.add(shown("l.total"), "amount")
	c.add(shown("l.currency"), "currency")
	c.add(access.Cond{SQL: read.Row + ".`closing_rate`"}, "rate")
	c.add(held, "held")
	c.add(access.Cond{SQL: "l.quantity"}, "quantity")
	month, months := p.month()
	inner := " FROM (SELECT b.*, " + month + " AS m FROM (SELECT " + strings.Join(c.sql, ", ") + " FROM `opportunities` " + read.Row +
		" JOIN (SELECT " + strings.Join(l.sql, ", ") + " FROM `opportunity_lines` " + read.Row + " WHERE " + of.SQL + ") l ON l.deal = " + read.Row + ".`id` WHERE " + cond.SQL + ") b) b WHERE b.m IS NOT NULL GROUP BY b.k, b.m, "
	args := slices.Concat(months, c.args, l.args, of.Args, cond.Args)
	above := map[id.ID][]id.ID{}
	for _, x := range ids {
		above[x] = []id.ID{x}
	}
	err = db.Each(p.ctx, p.q, "SELECT b.k, b.m, b.currency, b.rate, COUNT(DISTINCT b.deal), COUNT(DISTINCT CASE WHEN b.held IS NOT NULL THEN b.deal END), "+money.SumSQL("b.amount")+inner+"b.currency, b.rate", args,
		func(rows *sql.Rows) error { return p.sum(rows, above) })
	if err != nil || !p.quantities {
		return err
	}
	return db.Each(p.ctx, p.q, "SELECT b.k, b.m, b.quantity, COUNT(*)"+inner+"b.quantity", args, func(rows *sql.Rows) error {
		var of id.ID
		var m int
		var quantity sql.NullString
		var n int64
		if err := rows.Scan(&of, &m, &quantity, &n); err != nil {
			return err
		}
		one, ok := new(big.Rat).SetString(quantity.String)
		if !ok {
			return nil
		}
		one.Mul(one, new(big.Rat).SetInt64(n))
		for _, plan := range p.of[of] {
			if f := plan.figures[p.starts[m].Format(time.DateOnly)]; f != nil {
				f.quantity.Add(f.quantity, one)
			}
		}
		return nil
	})
}

// sum adds a row of sums to the plans that it counts for.
func (p *planning) sum(rows *sql.Rows, above map[id.ID][]id.ID) error {
	var key id.ID
	var m int
	var currency, rate sql.NullString
	var n, held int64
	var sums [2]sql.NullString
	if err := rows.Scan(&key, &m, &currency, &rate, &n, &held, &sums[0], &sums[1]); err != nil {
		return err
	}
	worth, ok, err := p.converted(sums[0], sums[1], currency, rate, 1)
	if err != nil {
		return err
	}
	for _, of := range above[key] {
		for _, plan := range p.of[of] {
			f := plan.figures[p.starts[m].Format(time.DateOnly)]
			if f == nil {
				continue
			}
			f.deals += n
			f.revenue.Add(f.revenue, worth)
			if !ok {
				plan.unconverted += held
			}
		}
	}
	return nil
}

// shown writes the progress of a plan.
func (p *planning) shown(plan *salesPlan) any {
	total := &planFigures{revenue: new(big.Int)}
	months := []any{}
	for _, m := range plan.months {
		f := plan.figures[m]
		if f.quantity != nil && total.quantity == nil {
			total.quantity = new(big.Rat)
		}
		total.add(f)
		months = append(months, map[string]any{"month": m, "figures": p.figures(f)})
	}
	return map[string]any{"currency": p.Book.ReportingCurrency(), "months": months, "total": p.figures(total), "unconverted": plan.unconverted}
}

func (p *planning) figures(f *planFigures) map[string]any {
	amount := func(minor *big.Int) any {
		return map[string]any{"amount": p.Book.FormatSum(minor, p.Book.ReportingCurrency()), "currency": p.Book.ReportingCurrency()}
	}
	out := map[string]any{"revenue": amount(f.revenue), "deals": f.deals}
	if f.planned != nil {
		out["plannedRevenue"], out["gap"] = amount(f.planned), amount(new(big.Int).Sub(f.planned, f.revenue))
		if f.planned.Sign() > 0 {
			out["attainment"] = percent(f.revenue, f.planned)
		}
	}
	if f.plannedDeals != nil {
		out["plannedDeals"] = *f.plannedDeals
	}
	for name, n := range map[string]*big.Rat{"plannedQuantity": f.plannedQuantity, "quantity": f.quantity} {
		if n != nil {
			out[name] = short(n)
		}
	}
	return out
}

// short writes a number with at most six decimals in its shortest form.
func short(n *big.Rat) string {
	return strings.TrimSuffix(strings.TrimRight(n.FloatString(6), "0"), ".")
}
