package opportunity

import (
	"cmp"
	"context"
	"database/sql"
	"math/big"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/money"
	"farley/internal/read"
)

// Forecasts reads what will be sold and what was.
type Forecasts struct {
	Read *read.Engine
	Book *money.Book
}

// How many rows of a report there are.
const (
	defaultRows = 200
	maxRows     = 1000
	// maxAdjustments is how many adjustments of a user are shown.
	maxAdjustments = 20
)

// Parts says what of a forecast is read.
type Parts struct {
	Amounts, Weighted, Targets, Activities, Tree, Adjustments bool
}

// ForecastRequest asks for a forecast.
type ForecastRequest struct {
	Period map[string]any
	By     string         // of ForecastBy
	Where  map[string]any // a decoded filter, may be nil
	First  *int64
	Wanted Parts
}

// Figures are the figures of a forecast: sums in minor units of the reporting currency.
type Figures struct {
	Closed, Commit, BestCase, Pipeline, Weighted *big.Int
	Won, Open                                    int64
	Target                                       *big.Int // nil: none
	Deals, Done                                  *int64   // targets, nil: none
	Activities                                   int64
}

func newFigures() *Figures {
	return &Figures{Closed: new(big.Int), Commit: new(big.Int), BestCase: new(big.Int), Pipeline: new(big.Int), Weighted: new(big.Int)}
}

func (f *Figures) add(g *Figures) {
	f.addDeals(g)
	f.addTargets(g)
}

func (f *Figures) addDeals(g *Figures) {
	for _, pair := range [][2]*big.Int{{f.Closed, g.Closed}, {f.Commit, g.Commit}, {f.BestCase, g.BestCase}, {f.Pipeline, g.Pipeline}, {f.Weighted, g.Weighted}} {
		pair[0].Add(pair[0], pair[1])
	}
	f.Won, f.Open, f.Activities = f.Won+g.Won, f.Open+g.Open, f.Activities+g.Activities
}

func (f *Figures) addTargets(g *Figures) {
	if g.Target != nil {
		if f.Target == nil {
			f.Target = new(big.Int)
		}
		f.Target.Add(f.Target, g.Target)
	}
	f.Deals, f.Done = sumOf(f.Deals, g.Deals), sumOf(f.Done, g.Done)
}

func sumOf(a, b *int64) *int64 {
	switch {
	case b == nil:
		return a
	case a == nil:
		n := *b
		return &n
	}
	n := *a + *b
	return &n
}

// Attainment is what is closed in percent of the target, with two decimals; "" without a target above 0.
func (f *Figures) Attainment() string {
	if f.Target == nil || f.Target.Sign() <= 0 {
		return ""
	}
	return percent(f.Closed, f.Target)
}

// percent is part of whole in percent with two decimals, rounded half to even.
func percent(part, whole *big.Int) string {
	r := new(big.Rat).SetFrac(new(big.Int).Mul(part, big.NewInt(100)), whole)
	return hundredths(r)
}

// hundredths writes a fraction with two decimals, rounded half to even.
func hundredths(r *big.Rat) string {
	n := money.Round(new(big.Rat).Mul(r, big.NewRat(100, 1))).String()
	sign := ""
	if strings.HasPrefix(n, "-") {
		sign, n = "-", n[1:]
	}
	for len(n) < 3 {
		n = "0" + n
	}
	return sign + n[:len(n)-2] + "." + n[len(n)-2:]
}

// ForecastRow is a row of a forecast.
type ForecastRow struct {
	Of          id.ID // the record by which the row is; zero for none
	Above       id.ID // whom it rolls up to
	Own, Rolled *Figures
	Adjustments []id.ID
}

// Forecast is the forecast of a period.
type Forecast struct {
	Period      Period
	Currency    string
	Rows        []*ForecastRow
	More        bool
	Total       *Figures
	Unconverted int64
}

// Forecast reads a forecast with at most seven statements, whatever there is. It returns Invalid for arguments, and Forbidden
// where a wanted field never shows to the actor.
func (s *Forecasts) Forecast(ctx context.Context, q db.Querier, a *access.Actor, req ForecastRequest) (*Forecast, error) {
	zone, err := Zone(ctx, q)
	if err != nil {
		return nil, err
	}
	var p fault.Violations
	period := ReadPeriod(req.Period, zone, &p, "period")
	size := rowsOf(&p, req.First)
	if err := p.Err(); err != nil {
		return nil, err
	}
	filter, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("Opportunity"), filterOf(req.Where))
	if err != nil {
		return nil, err
	}
	r := &forecasting{Forecasts: s, ForecastRequest: req, ctx: ctx, q: q, a: a, period: period, filter: filter, rows: map[id.ID]*ForecastRow{}}
	r.out = &Forecast{Period: period, Currency: s.Book.ReportingCurrency(), Total: newFigures()}
	for _, step := range []func() error{r.deals, r.targets, r.activities, r.tree, r.adjustments} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	r.order(size)
	return r.out, nil
}

// rowsOf checks how many rows are asked for.
func rowsOf(p *fault.Violations, first *int64) int {
	if first == nil {
		return defaultRows
	}
	if *first < 1 || *first > maxRows {
		p.Add([]any{"first"}, "RANGE", "A report has 1 to %d rows.", maxRows)
	}
	return int(*first)
}

// forecasting is the reading of one forecast.
type forecasting struct {
	*Forecasts
	ForecastRequest
	ctx    context.Context
	q      db.Querier
	a      *access.Actor
	period Period
	filter *read.Filter
	rows   map[id.ID]*ForecastRow
	out    *Forecast

	chosen   []target          // the targets that count
	explicit map[measured]bool // which teams have targets of their own
}

func (r *forecasting) row(of id.ID) *ForecastRow {
	row := r.rows[of]
	if row == nil {
		row = &ForecastRow{Of: of, Own: newFigures()}
		r.rows[of] = row
	}
	return row
}

// columns are the columns of a statement with their arguments.
type columns struct {
	sql  []string
	args []any
}

func (c *columns) add(v access.Cond, as string) {
	c.sql = append(c.sql, v.SQL+" AS "+as)
	c.args = append(c.args, v.Args...)
}

// null is the value of what is not asked for.
var null = access.Cond{SQL: "NULL"}

// keyOf returns the expression by which rows are told apart.
func keyOf(f *read.Filter, by string) (access.Cond, error) {
	switch by {
	case "USER":
		return f.Value("owner", "")
	case "TEAM":
		return f.Value("team", "")
	case "ACCOUNT":
		return f.Value("account", "")
	case "PIPELINE":
		return f.Value("pipeline", "")
	}
	return null, nil
}

// within are the conditions that a deal was won in the period, and that it is open and expected in it. They are read one after the
// other, each by an index: as one condition they read all deals.
func within(f *read.Filter, period Period) ([2]access.Cond, error) {
	var v [3]access.Cond
	for i, name := range []string{"status", "closedAt", "closeDate"} {
		var err error
		if v[i], err = f.Value(name, ""); err != nil {
			return [2]access.Cond{}, err
		}
	}
	status, closed, due := v[0], v[1], v[2]
	return [2]access.Cond{
		compare(is(status, " = 'WON'"), is(closed, " >= ?", period.Start), is(closed, " < ?", period.End)),
		compare(is(status, " = 'OPEN'"), is(due, " >= ?", period.From), is(due, " <= ?", period.To)),
	}, nil
}

// either is the statement that reads the columns of the deals for which one of the conditions holds, which exclude each other.
func (r *forecasting) either(c columns, joined access.Cond, conds [2]access.Cond) (string, []any) {
	var parts []string
	var args []any
	for _, cond := range conds {
		where := access.And(cond, r.filter.Cond)
		parts = append(parts, "SELECT "+strings.Join(c.sql, ", ")+" FROM `opportunities` "+read.Row+joined.SQL+" WHERE "+where.SQL)
		args = append(append(append(args, c.args...), joined.Args...), where.Args...)
	}
	return strings.Join(parts, " UNION ALL "), args
}

// comparison is a value, the rest of its comparison, and the arguments in that.
type comparison struct {
	value access.Cond
	rest  string
	args  []any
}

func is(value access.Cond, rest string, args ...any) comparison { return comparison{value, rest, args} }

// compare is the condition that all comparisons hold.
func compare(all ...comparison) access.Cond {
	out := make([]access.Cond, len(all))
	for i, c := range all {
		out[i] = access.Cond{SQL: c.value.SQL + c.rest, Args: append(append([]any{}, c.value.Args...), c.args...)}
	}
	return access.And(out...)
}

// worths are the values of deals that are summed: NULL where they do not show or are not asked for.
type worths struct {
	amount, currency           access.Cond // of closed deals what they were worth when they were closed
	expected, expectedCurrency access.Cond // of open deals
	held                       access.Cond // the amount, in whatever currency
	category                   access.Cond
}

// worths returns the values that are wanted. It returns Forbidden where one of them never shows to the actor.
func (r *forecasting) worths() (w worths, err error) {
	w = worths{null, null, null, null, null, access.Cond{SQL: "'NONE'"}}
	if !r.Wanted.Amounts && !r.Wanted.Weighted {
		return w, nil
	}
	if w.category, err = r.filter.Value("forecastCategory", ""); err != nil {
		return w, err
	}
	if r.Wanted.Amounts {
		amount, err := r.filter.Value("amount", "")
		if err != nil {
			return w, err
		}
		if w.held, err = r.filter.Value("amount", "amount_currency"); err != nil {
			return w, err
		}
		w.amount, w.currency = frozen(amount, "closed_amount"), frozen(w.held, "closed_amount_currency")
	}
	if r.Wanted.Weighted {
		if w.expected, err = r.filter.Value("expectedRevenue", ""); err != nil {
			return w, err
		}
		if w.expectedCurrency, err = r.filter.Value("expectedRevenue", "expected_revenue_currency"); err != nil {
			return w, err
		}
		w.expected, w.expectedCurrency = ofOpen(w.expected), ofOpen(w.expectedCurrency)
	}
	return w, nil
}

// ofOpen is a value of open deals.
func ofOpen(v access.Cond) access.Cond {
	return access.Cond{SQL: "CASE WHEN " + read.Row + ".`status` = 'OPEN' THEN " + v.SQL + " END", Args: v.Args}
}

// deals reads the sums of deals: one statement, which adds up minor units by row, category, currency and rate.
func (r *forecasting) deals() error {
	if r.filter.IsFalse() {
		return nil
	}
	cond, err := within(r.filter, r.period)
	if err != nil {
		return err
	}
	w, err := r.worths()
	if err != nil {
		return err
	}
	if r.By == "PRODUCT" {
		if err := r.byProduct(w, cond); err != nil {
			return err
		}
		return r.count(cond)
	}
	key, err := keyOf(r.filter, r.By)
	if err != nil {
		return err
	}
	var c columns
	c.add(key, "k")
	c.add(access.Cond{SQL: read.Row + ".`status`"}, "status")
	c.add(w.category, "category")
	c.add(w.amount, "amount")
	c.add(w.currency, "currency")
	c.add(w.expected, "expected")
	c.add(w.expectedCurrency, "expected_currency")
	c.add(w.held, "held")
	inner, args := r.either(c, access.Cond{}, cond)
	query := "SELECT b.k, b.status, b.category, b.currency, b.expected_currency, NULL, COUNT(*), COUNT(b.held), " + money.SumSQL("b.amount") + ", " + money.SumTimesSQL("b.expected", "100") +
		" FROM (" + inner + ") b GROUP BY b.k, b.status, b.category, b.currency, b.expected_currency"
	return db.Each(r.ctx, r.q, query, args, func(rows *sql.Rows) error { return r.sum(rows, true) })
}

// byProduct reads the sums of the lines of deals by product, and of deals without lines in sight as a whole.
func (r *forecasting) byProduct(w worths, cond [2]access.Cond) error {
	lines, err := r.Read.Filter(r.ctx, r.q, r.a, r.Read.Set.Kind("OpportunityLine"), nil)
	if err != nil {
		return err
	}
	var l columns
	for _, col := range []struct{ field, column, as string }{{"opportunity", "", "deal"}, {"product", "", "product"}, {"total", "", "total"}, {"total", "total_currency", "currency"}} {
		v, err := lines.Value(col.field, col.column)
		if err != nil {
			return err
		}
		l.add(v, col.as)
	}
	chance := access.Cond{SQL: "100"}
	if r.Wanted.Weighted {
		if chance, err = r.filter.Value("probability", ""); err != nil {
			return err
		}
	}
	// what a deal is worth as a whole where it has no lines, and what a line is where it has
	lineOr := func(deal access.Cond, line string) access.Cond {
		return access.Cond{SQL: "CASE WHEN l.deal IS NULL THEN " + deal.SQL + " WHEN " + deal.SQL + " IS NOT NULL THEN " + line + " END", Args: append(append([]any{}, deal.Args...), deal.Args...)}
	}
	var c columns
	c.add(access.Cond{SQL: "l.product"}, "k")
	c.add(access.Cond{SQL: read.Row + ".`id`"}, "deal")
	c.add(access.Cond{SQL: read.Row + ".`status`"}, "status")
	c.add(w.category, "category")
	c.add(lineOr(w.amount, "l.total"), "amount")
	c.add(lineOr(w.currency, "l.currency"), "currency")
	c.add(lineOr(w.expected, "l.total"), "expected")
	c.add(lineOr(w.expectedCurrency, "l.currency"), "expected_currency")
	c.add(access.Cond{SQL: "CASE WHEN l.deal IS NOT NULL AND " + read.Row + ".`status` = 'WON' THEN " + read.Row + ".`closing_rate` END"}, "rate")
	c.add(access.Cond{SQL: "CASE WHEN l.deal IS NULL THEN 100 ELSE " + chance.SQL + " END", Args: chance.Args}, "chance")
	c.add(w.held, "held")
	join := access.Cond{
		SQL:  " LEFT JOIN (SELECT " + strings.Join(l.sql, ", ") + " FROM `opportunity_lines` " + read.Row + " WHERE " + lines.SQL + ") l ON l.deal = " + read.Row + ".`id`",
		Args: append(l.args, lines.Args...),
	}
	inner, args := r.either(c, join, cond)
	query := "SELECT b.k, b.status, b.category, b.currency, b.expected_currency, b.rate, COUNT(DISTINCT b.deal), COUNT(DISTINCT CASE WHEN b.held IS NOT NULL THEN b.deal END), " + money.SumSQL("b.amount") + ", " + money.SumTimesSQL("b.expected", "b.chance") +
		" FROM (" + inner + ") b GROUP BY b.k, b.status, b.category, b.currency, b.expected_currency, b.rate"
	return db.Each(r.ctx, r.q, query, args, func(rows *sql.Rows) error { return r.sum(rows, false) })
}

// count counts deals, each once.
func (r *forecasting) count(cond [2]access.Cond) error {
	omitted := ""
	if r.Wanted.Amounts || r.Wanted.Weighted {
		omitted = "(" + read.Row + ".`forecast_category` <> 'OMITTED' OR " + read.Row + ".`forecast_category` IS NULL)"
	}
	inner, args := r.either(columns{sql: []string{read.Row + ".`status` AS status"}}, access.Cond{}, [2]access.Cond{cond[0], access.And(cond[1], access.Cond{SQL: omitted})})
	return db.Each(r.ctx, r.q, "SELECT b.status, COUNT(*) FROM ("+inner+") b GROUP BY b.status", args, func(rows *sql.Rows) error {
		var status string
		var n int64
		if err := rows.Scan(&status, &n); err != nil {
			return err
		}
		if status == open {
			r.out.Total.Open = n
		} else {
			r.out.Total.Won = n
		}
		return nil
	})
}

// sum adds a row of sums to the figures; counted says whether its deals are counted in the total as well.
func (r *forecasting) sum(rows *sql.Rows, counted bool) error {
	var key id.ID
	var status string
	var category, currency, expectedCurrency, rate sql.NullString
	var n, held int64
	var sums [4]sql.NullString
	if err := rows.Scan(&key, &status, &category, &currency, &expectedCurrency, &rate, &n, &held, &sums[0], &sums[1], &sums[2], &sums[3]); err != nil {
		return err
	}
	if status == open && category.String == "OMITTED" {
		return nil
	}
	add := newFigures()
	if status == open {
		add.Open = n
	} else {
		add.Won = n
	}
	worth, ok, err := r.converted(sums[0], sums[1], currency, rate, 1)
	if err != nil {
		return err
	}
	if !ok {
		r.out.Unconverted += held
	}
	switch {
	case status != open:
		add.Closed = worth
	case category.String == "COMMIT" || category.String == "CLOSED":
		add.Commit = worth
	case category.String == "BEST_CASE":
		add.BestCase = worth
	case category.String == "PIPELINE":
		add.Pipeline = worth
	}
	if add.Weighted, _, err = r.converted(sums[2], sums[3], expectedCurrency, sql.NullString{}, 100); err != nil {
		return err
	}
	r.row(key).Own.addDeals(add)
	if !counted {
		add.Won, add.Open = 0, 0
	}
	r.out.Total.addDeals(add)
	return nil
}

// converted returns a sum of minor units in a currency, divided by a number, in those of the reporting currency: at the rate, or
// else at that of today. It is false without a rate.
func (s *Forecasts) converted(high, low, currency, rate sql.NullString, by int64) (*big.Int, bool, error) {
	if !currency.Valid || !high.Valid {
		return new(big.Int), false, nil
	}
	sum, err := money.ReadSum(high.String, low.String)
	if err != nil {
		return nil, false, err
	}
	at, ok := s.Book.Rate(currency.String, "")
	if rate.Valid {
		if fixed, valid := new(big.Rat).SetString(rate.String); valid {
			at, ok = fixed, true
		}
	}
	if !ok {
		return new(big.Int), false, nil
	}
	out, ok := s.Book.SumAt(sum, currency.String, new(big.Rat).Mul(at, big.NewRat(1, by)))
	if !ok {
		out = new(big.Int)
	}
	return out, ok, nil
}

// target is a target in sight.
type target struct {
	user, team id.ID
	from, to   string
	months     int
	measure    string
	amount     *big.Int
	count      int64
}

var monthsOf = map[string]int{"MONTH": 1, "QUARTER": 3, "YEAR": 12}

// targets reads the targets within the period: one statement. Of those of one user or team for one thing the longest count, and
// shorter ones where there are no longer ones.
func (r *forecasting) targets() error {
	if !r.Wanted.Targets {
		return nil
	}
	f, err := r.Read.Filter(r.ctx, r.q, r.a, r.Read.Set.Kind("SalesTarget"), nil)
	if err != nil || f.IsFalse() {
		return err
	}
	var c columns
	for _, col := range []struct{ field, column string }{{"user", ""}, {"forTeam", ""}, {"startsOn", ""}, {"length", ""}, {"measure", ""}, {"amount", ""}, {"amount", "amount_currency"}, {"count", ""}} {
		v, err := f.Value(col.field, col.column)
		if err != nil {
			return err
		}
		c.add(v, "c"+string(rune('a'+len(c.sql))))
	}
	var all []target
	query := "SELECT * FROM (SELECT " + strings.Join(c.sql, ", ") + " FROM `sales_targets` " + read.Row + " WHERE " + f.SQL + ") s WHERE s.cc >= ? AND s.cc <= ?"
	err = db.Each(r.ctx, r.q, query, append(append(c.args, f.Args...), r.period.From, r.period.To), func(rows *sql.Rows) error {
		var x target
		var length, currency sql.NullString
		var measure sql.NullString
		var amount, count sql.NullInt64
		if err := rows.Scan(&x.user, &x.team, &x.from, &length, &measure, &amount, &currency, &count); err != nil {
			return err
		}
		from, err := time.Parse(time.DateOnly, x.from)
		if err != nil {
			return nil //nolint:nilerr // nothing that rules would let in
		}
		x.months, x.measure, x.count = monthsOf[length.String], measure.String, count.Int64
		x.to = from.AddDate(0, x.months, -1).Format(time.DateOnly)
		if x.measure == "REVENUE" {
			var ok bool
			if x.amount, ok = r.Book.ReportingSum(big.NewInt(amount.Int64), currency.String); !ok || !amount.Valid {
				return nil
			}
		} else if !count.Valid {
			return nil
		}
		if x.to <= r.period.To {
			all = append(all, x)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.choose(all)
	if r.By == "USER" {
		for _, x := range r.chosen {
			if !x.user.IsZero() {
				x.counts(r.row(x.user).Own)
			}
		}
	}
	for _, x := range r.chosen {
		if !x.user.IsZero() && r.By != "TEAM" {
			x.counts(r.out.Total)
		}
	}
	return nil
}

// choose keeps the longest targets that do not overlap.
func (r *forecasting) choose(all []target) {
	slices.SortStableFunc(all, func(x, y target) int { return cmp.Compare(y.months, x.months) })
	type whose struct {
		user, team id.ID
		measure    string
	}
	taken := map[whose][]target{}
	for _, x := range all {
		k := whose{x.user, x.team, x.measure}
		if !slices.ContainsFunc(taken[k], func(y target) bool { return x.from <= y.to && y.from <= x.to }) {
			taken[k] = append(taken[k], x)
			r.chosen = append(r.chosen, x)
		}
	}
}

// counts adds a target to figures.
func (x target) counts(f *Figures) {
	switch x.measure {
	case "REVENUE":
		f.addTargets(&Figures{Target: x.amount})
	case "DEALS":
		f.addTargets(&Figures{Deals: &x.count})
	case "ACTIVITIES":
		f.addTargets(&Figures{Done: &x.count})
	}
}

// activities counts the activities that were done in the period, by owner or team: one statement.
func (r *forecasting) activities() error {
	column := map[string]string{"USER": "owner", "TEAM": "team"}[r.By]
	if !r.Wanted.Activities || column == "" {
		return nil
	}
	f, err := r.Read.Filter(r.ctx, r.q, r.a, r.Read.Set.Kind("Activity"), nil)
	if err != nil || f.IsFalse() {
		return err
	}
	var v [3]access.Cond
	for i, name := range []string{column, "status", "completedAt"} {
		if v[i], err = f.Value(name, ""); err != nil {
			return err
		}
	}
	where := access.And(f.Cond, compare(is(v[1], " = 'DONE'"), is(v[2], " >= ?", r.period.Start), is(v[2], " < ?", r.period.End)))
	query := "SELECT b.k, COUNT(*) FROM (SELECT " + v[0].SQL + " AS k FROM `activities` " + read.Row + " WHERE " + where.SQL + ") b GROUP BY b.k"
	return db.Each(r.ctx, r.q, query, append(append([]any{}, v[0].Args...), where.Args...), func(rows *sql.Rows) error {
		var key id.ID
		var n int64
		if err := rows.Scan(&key, &n); err != nil {
			return err
		}
		r.row(key).Own.Activities += n
		r.out.Total.Activities += n
		return nil
	})
}

// person is a user or a team in a tree.
type person struct {
	above, team id.ID
}

// tree rolls figures up: one statement, or two by TEAM, where targets of users count for their teams.
func (r *forecasting) tree() error {
	if r.By != "USER" && r.By != "TEAM" || !r.Wanted.Tree && (r.By == "USER" || !r.Wanted.Targets) {
		return nil
	}
	var users map[id.ID]person
	var err error
	if r.By == "USER" || r.Wanted.Targets {
		if users, err = r.persons("User", "manager", "team", r.By == "USER"); err != nil {
			return err
		}
	}
	above := users
	if r.By == "TEAM" {
		if above, err = r.persons("Team", "parent", "", r.Wanted.Tree); err != nil {
			return err
		}
		r.teamTargets(users)
	}
	r.climb(above)
	return nil
}

// persons reads a tree, as far as it is in sight. Where its edges are not needed they may be hidden.
func (r *forecasting) persons(kind, up, team string, needed bool) (map[id.ID]person, error) {
	k := r.Read.Set.Kind(kind)
	f, err := r.Read.Filter(r.ctx, r.q, r.a, k, nil)
	if err != nil || f.IsFalse() {
		return nil, err
	}
	var c columns
	c.add(access.Cond{SQL: read.Row + ".`id`"}, "a")
	for i, field := range []string{up, team} {
		v := null
		if field != "" {
			if v, err = f.Value(field, ""); fault.CodeOf(err) == fault.Forbidden && (field != up || !needed) {
				v, err = null, nil
			}
			if err != nil {
				return nil, err
			}
		}
		c.add(v, []string{"b", "c"}[i])
	}
	out := map[id.ID]person{}
	err = db.Each(r.ctx, r.q, "SELECT "+strings.Join(c.sql, ", ")+" FROM `"+k.Table+"` "+read.Row+" WHERE "+f.SQL, append(c.args, f.Args...), func(rows *sql.Rows) error {
		var x id.ID
		var p person
		if err := rows.Scan(&x, &p.above, &p.team); err != nil {
			return err
		}
		out[x] = p
		return nil
	})
	return out, err
}

// measured is one measure of one team.
type measured struct {
	team    id.ID
	measure string
}

// teamTargets gives each team its target: its own, or else the sum of those of its members.
func (r *forecasting) teamTargets(users map[id.ID]person) {
	r.explicit = map[measured]bool{}
	for _, x := range r.chosen {
		if !x.team.IsZero() {
			r.explicit[measured{x.team, x.measure}] = true
			x.counts(r.row(x.team).Own)
		}
	}
	for _, x := range r.chosen {
		if team := users[x.user].team; !x.user.IsZero() && !team.IsZero() && !r.explicit[measured{team, x.measure}] {
			x.counts(r.row(team).Own)
		}
	}
}

// maxLevels bounds the height of trees.
const maxLevels = 50

// climb adds the figures of every row to those of all above it. Rows are made for those above who have none, where they are in the
// reach of the reader. The target of a team that has one of its own is no sum of those below it.
func (r *forecasting) climb(above map[id.ID]person) {
	reach := r.a.Teams
	if r.By == "USER" {
		reach = append([]id.ID{r.a.User}, r.a.Reports...)
	}
	all := r.a.Policy.Scopes(r.Read.Set.Kind("Opportunity"), access.Read)&access.All != 0
	var own []*ForecastRow
	for _, row := range r.rows {
		own = append(own, row)
	}
	for _, row := range own {
		part := *row.Own
		for of, level := row.Of, 0; level < maxLevels; level++ {
			if r.Wanted.Tree && !of.IsZero() {
				to := r.rows[of]
				if to == nil && (all || slices.Contains(reach, of)) {
					to = r.row(of)
				}
				if to != nil {
					if to.Rolled == nil {
						to.Rolled = newFigures()
					}
					to.Rolled.add(&part)
				}
			}
			of = above[of].above
			if of.IsZero() {
				break
			}
			if _, seen := above[of]; !seen {
				break
			}
			if r.explicit[measured{of, "REVENUE"}] {
				part.Target = nil
			}
			if r.explicit[measured{of, "DEALS"}] {
				part.Deals = nil
			}
			if r.explicit[measured{of, "ACTIVITIES"}] {
				part.Done = nil
			}
		}
		if r.By == "TEAM" {
			r.out.Total.addTargets(&part)
		}
	}
	if r.Wanted.Tree {
		for of, row := range r.rows {
			if _, seen := above[above[of].above]; seen {
				row.Above = above[of].above
			}
			if row.Rolled == nil {
				row.Rolled = row.Own
			}
		}
	}
}

// adjustments reads what is expected of users' forecasts for the period: one statement.
func (r *forecasting) adjustments() error {
	if !r.Wanted.Adjustments || r.By != "USER" || r.period.Length == "" {
		return nil
	}
	f, err := r.Read.Filter(r.ctx, r.q, r.a, r.Read.Set.Kind("ForecastAdjustment"), nil)
	if err != nil || f.IsFalse() {
		return err
	}
	var v [3]access.Cond
	for i, name := range []string{"user", "startsOn", "length"} {
		if v[i], err = f.Value(name, ""); err != nil {
			return err
		}
	}
	where := access.And(f.Cond, compare(is(v[1], " = ?", r.period.From), is(v[2], " = ?", r.period.Length)))
	query := "SELECT " + v[0].SQL + ", " + read.Row + ".`id` FROM `forecast_adjustments` " + read.Row + " WHERE " + where.SQL + " ORDER BY " + read.Row + ".`id` DESC"
	return db.Each(r.ctx, r.q, query, append(append([]any{}, v[0].Args...), where.Args...), func(rows *sql.Rows) error {
		var user, x id.ID
		if err := rows.Scan(&user, &x); err != nil {
			return err
		}
		if row := r.rows[user]; row != nil && len(row.Adjustments) < maxAdjustments {
			row.Adjustments = append(row.Adjustments, x)
		}
		return nil
	})
}

// order puts the rows in order, the largest first, and keeps as many as are wanted.
func (r *forecasting) order(size int) {
	worth := map[id.ID]*big.Int{}
	for of, row := range r.rows {
		sum := new(big.Int)
		for _, n := range []*big.Int{row.Own.Closed, row.Own.Commit, row.Own.BestCase, row.Own.Pipeline} {
			sum.Add(sum, n)
		}
		worth[of] = sum
		r.out.Rows = append(r.out.Rows, row)
	}
	slices.SortFunc(r.out.Rows, func(x, y *ForecastRow) int {
		return cmp.Or(worth[y.Of].Cmp(worth[x.Of]), cmp.Compare(y.Own.Won+y.Own.Open, x.Own.Won+x.Own.Open), x.Of.Compare(y.Of))
	})
	if len(r.out.Rows) > size {
		r.out.Rows, r.out.More = r.out.Rows[:size], true
	}
}
