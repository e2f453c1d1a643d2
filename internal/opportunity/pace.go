package opportunity

import (
	"cmp"
	"context"
	"database/sql"
	"math/big"
	"slices"
	"strings"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/money"
	"farley/internal/read"
)

// secondsOfDay is how many seconds a day has.
const secondsOfDay = 86400

// Pace is how fast deals were closed in a period. Sums are minor units of the reporting currency.
type Pace struct {
	Period    Period
	Won, Lost int64
	Worth     int64 // how many of those won have an amount
	Revenue   *big.Int
	Timed     int64 // how many of those won were made before they were won
	Seconds   *big.Int
}

// Rate is won in percent of won and lost, "" for neither.
func (p *Pace) Rate() string { return rate(p.Won, p.Lost) }

func rate(won, lost int64) string {
	if won+lost == 0 {
		return ""
	}
	return percent(big.NewInt(won), big.NewInt(won+lost))
}

// AverageDeal is what a deal that was won is worth, nil without any.
func (p *Pace) AverageDeal() *big.Int {
	if p.Worth == 0 {
		return nil
	}
	return money.Round(new(big.Rat).SetFrac(p.Revenue, big.NewInt(p.Worth)))
}

// days is how many days it took, nil without any.
func (p *Pace) days() *big.Rat {
	if p.Timed == 0 {
		return nil
	}
	return new(big.Rat).SetFrac(p.Seconds, big.NewInt(secondsOfDay*p.Timed))
}

// AverageDays is how many days it took from when a deal was made until it was won, "" without any.
func (p *Pace) AverageDays() string {
	if d := p.days(); d != nil {
		return hundredths(d)
	}
	return ""
}

// PerDay is how much is won a day, nil when that cannot be said.
func (p *Pace) PerDay() *big.Int {
	d := p.days()
	if d == nil || d.Sign() == 0 || p.Worth == 0 {
		return nil
	}
	r := new(big.Rat).SetFrac(new(big.Int).Mul(p.Revenue, big.NewInt(p.Won)), big.NewInt(p.Worth))
	return money.Round(r.Quo(r, d))
}

// PaceRequest asks how deals were closed.
type PaceRequest struct {
	Period, Compare map[string]any // Compare may be nil
	Where           map[string]any
	By              string // of WinRateBy
	First           *int64
	Amounts         bool
}

// periods reads the periods of a request: one, or two.
func periods(ctx context.Context, q db.Querier, p *fault.Violations, period, compare map[string]any) ([]Period, error) {
	zone, err := Zone(ctx, q)
	if err != nil {
		return nil, err
	}
	out := []Period{ReadPeriod(period, zone, p, "period")}
	if compare != nil {
		out = append(out, ReadPeriod(compare, zone, p, "compareWith"))
	}
	return out, nil
}

// Velocity reads how fast deals were closed in one period or two: one statement for each, and one more. It returns Invalid for
// arguments, and Forbidden where a wanted field never shows to the actor.
func (s *Forecasts) Velocity(ctx context.Context, q db.Querier, a *access.Actor, req PaceRequest) ([]*Pace, error) {
	var p fault.Violations
	ps, err := periods(ctx, q, &p, req.Period, req.Compare)
	if err == nil {
		err = p.Err()
	}
	if err != nil {
		return nil, err
	}
	f, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("Opportunity"), filterOf(req.Where))
	if err != nil {
		return nil, err
	}
	var out []*Pace
	for _, period := range ps {
		pace, err := s.pace(ctx, q, f, period, req.Amounts, true)
		if err != nil {
			return nil, err
		}
		out = append(out, pace)
	}
	return out, nil
}

// closedIn is the condition that a deal was closed in the period.
func closedIn(f *read.Filter, period Period) (access.Cond, error) {
	status, err := f.Value("status", "")
	if err != nil {
		return access.Cond{}, err
	}
	closed, err := f.Value("closedAt", "")
	return access.And(f.Cond, compare(is(status, " IN ('WON', 'LOST')"), is(closed, " >= ?", period.Start), is(closed, " < ?", period.End))), err
}

// wonWorth is what deals that were won are worth, as far as that shows.
func wonWorth(f *read.Filter, wanted bool) (access.Cond, error) {
	if !wanted {
		return null, nil
	}
	amount, err := f.Value("amount", "")
	return access.Cond{SQL: "CASE WHEN " + read.Row + ".`status` = 'WON' AND " + amount.SQL + " IS NOT NULL THEN " + read.Row + ".`closed_amount` END", Args: amount.Args}, err
}

// pace reads the sums of the deals that were closed in a period.
func (s *Forecasts) pace(ctx context.Context, q db.Querier, f *read.Filter, period Period, amounts, timed bool) (*Pace, error) {
	out := &Pace{Period: period, Revenue: new(big.Int), Seconds: new(big.Int)}
	if f.IsFalse() {
		return out, nil
	}
	where, err := closedIn(f, period)
	if err != nil {
		return nil, err
	}
	worth, err := wonWorth(f, amounts)
	if err != nil {
		return nil, err
	}
	made, closed := null, null
	if timed {
		if made, err = f.Value("openedAt", ""); err != nil {
			return nil, err
		}
		closed = access.Cond{SQL: read.Row + ".`closed_at`"}
	}
	var c columns
	c.add(access.Cond{SQL: read.Row + ".`status`"}, "status")
	c.add(worth, "worth")
	c.add(s.seconds(made), "made")
	c.add(s.seconds(closed), "closed")
	query := "SELECT b.status, COUNT(*), COUNT(b.worth), " + money.SumSQL("b.worth") + ", SUM(CASE WHEN b.closed > b.made THEN 1 ELSE 0 END), SUM(CASE WHEN b.closed > b.made THEN b.closed - b.made ELSE 0 END)" +
		" FROM (SELECT " + strings.Join(c.sql, ", ") + " FROM `opportunities` " + read.Row + " WHERE " + where.SQL + ") b GROUP BY b.status"
	err = db.Each(ctx, q, query, append(c.args, where.Args...), func(rows *sql.Rows) error {
		var status string
		var n, worth int64
		var high, low, timed, seconds sql.NullString
		if err := rows.Scan(&status, &n, &worth, &high, &low, &timed, &seconds); err != nil {
			return err
		}
		if status == lost {
			out.Lost += n
			return nil
		}
		out.Won, out.Worth = out.Won+n, out.Worth+worth
		if count, ok := new(big.Int).SetString(timed.String, 10); ok {
			out.Timed += count.Int64()
		}
		if sum, ok := new(big.Int).SetString(seconds.String, 10); ok {
			out.Seconds.Add(out.Seconds, sum)
		}
		return addSum(out.Revenue, high, low)
	})
	return out, err
}

// addSum adds the halves of a sum in reporting currency.
func addSum(to *big.Int, high, low sql.NullString) error {
	if !high.Valid {
		return nil
	}
	sum, err := money.ReadSum(high.String, low.String)
	if err == nil {
		to.Add(to, sum)
	}
	return err
}

// seconds is an instant in whole seconds, which both databases count alike.
func (s *Forecasts) seconds(at access.Cond) access.Cond {
	if s.Read.Dialect == db.MySQL {
		return access.Cond{SQL: "TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', " + at.SQL + ")", Args: at.Args}
	}
	return access.Cond{SQL: "CAST(strftime('%s', " + at.SQL + ") AS INTEGER)", Args: at.Args}
}

// WinRate is how many deals were won.
type WinRate struct {
	Won, Lost int64
	Revenue   *big.Int
}

// Rate is won in percent of won and lost, "" for neither.
func (w *WinRate) Rate() string { return rate(w.Won, w.Lost) }

// WinRateRow is a row of win rates.
type WinRateRow struct {
	Of    id.ID  // the record by which the row is; zero for none
	Text  string // or the text
	Rates []*WinRate
}

// WinRates are the win rates of one period or two.
type WinRates struct {
	Periods []Period
	Rows    []*WinRateRow
	More    bool
	Totals  []*WinRate
}

// WinRates reads how many deals were won that were closed in one period or two: two statements for each, and one more. It returns
// Invalid for arguments, and Forbidden where a wanted field never shows to the actor.
func (s *Forecasts) WinRates(ctx context.Context, q db.Querier, a *access.Actor, req PaceRequest) (*WinRates, error) {
	var p fault.Violations
	ps, err := periods(ctx, q, &p, req.Period, req.Compare)
	if err != nil {
		return nil, err
	}
	size := rowsOf(&p, req.First)
	if err := p.Err(); err != nil {
		return nil, err
	}
	f, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("Opportunity"), filterOf(req.Where))
	if err != nil {
		return nil, err
	}
	out := &WinRates{Periods: ps}
	rows := map[any]*WinRateRow{}
	for i, period := range ps {
		total, err := s.pace(ctx, q, f, period, req.Amounts, false)
		if err != nil {
			return nil, err
		}
		out.Totals = append(out.Totals, &WinRate{total.Won, total.Lost, total.Revenue})
		if f.IsFalse() {
			continue
		}
		if err := s.winRates(ctx, q, a, f, req, period, i, len(ps), rows); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		out.Rows = append(out.Rows, row)
	}
	slices.SortFunc(out.Rows, func(x, y *WinRateRow) int {
		for i := range ps {
			if c := cmp.Compare(y.Rates[i].Won+y.Rates[i].Lost, x.Rates[i].Won+x.Rates[i].Lost); c != 0 {
				return c
			}
		}
		return cmp.Or(strings.Compare(x.Text, y.Text), x.Of.Compare(y.Of))
	})
	if len(out.Rows) > size {
		out.Rows, out.More = out.Rows[:size], true
	}
	return out, nil
}

// winRates reads the rows of one period.
func (s *Forecasts) winRates(ctx context.Context, q db.Querier, a *access.Actor, f *read.Filter, req PaceRequest, period Period, i, of int, out map[any]*WinRateRow) error {
	where, err := closedIn(f, period)
	if err != nil {
		return err
	}
	worth, err := wonWorth(f, req.Amounts)
	if err != nil {
		return err
	}
	text := req.By == "SOURCE" || req.By == "REASON"
	var key, join access.Cond
	currency, rate := access.Cond{SQL: "NULL"}, access.Cond{SQL: "NULL"}
	switch req.By {
	case "SOURCE":
		key, err = f.Value("source", "")
	case "REASON":
		key, err = f.Value("reason", "")
	case "COMPETITOR":
		key = access.Cond{SQL: "l.competitor"}
		join, err = s.joined(ctx, q, a, "OpportunityCompetitor", "competitor", "result")
		join.SQL += " AND (" + read.Row + ".`status` = 'WON' AND l.result <> 'WITHDREW' OR " + read.Row + ".`status` = 'LOST' AND l.result = 'LOST_TO')"
	case "PRODUCT":
		key = access.Cond{SQL: "l.product"}
		fields := []string{"product"}
		if req.Amounts {
			fields = append(fields, "total")
			worth = access.Cond{SQL: "CASE WHEN " + worth.SQL + " IS NOT NULL THEN l.total END", Args: worth.Args}
			currency, rate = access.Cond{SQL: "l.total_currency"}, access.Cond{SQL: read.Row + ".`closing_rate`"}
		}
		join, err = s.joined(ctx, q, a, "OpportunityLine", fields...)
		where = access.And(where, access.Cond{SQL: "l.product IS NOT NULL"})
	default:
		key, err = keyOf(f, req.By)
	}
	if err != nil {
		return err
	}
	var c columns
	c.add(key, "k")
	c.add(access.Cond{SQL: read.Row + ".`id`"}, "deal")
	c.add(access.Cond{SQL: read.Row + ".`status`"}, "status")
	c.add(worth, "worth")
	c.add(currency, "currency")
	c.add(rate, "rate")
	count := "COUNT(*)"
	if !join.IsTrue() {
		count = "COUNT(DISTINCT b.deal)"
	}
	query := "SELECT b.k, b.status, b.currency, b.rate, " + count + ", " + money.SumSQL("b.worth") + " FROM (SELECT " + strings.Join(c.sql, ", ") + " FROM `opportunities` " + read.Row + join.SQL +
		" WHERE " + where.SQL + ") b GROUP BY b.k, b.status, b.currency, b.rate"
	args := append(append(c.args, join.Args...), where.Args...)
	return db.Each(ctx, q, query, args, func(rows *sql.Rows) error {
		var record id.ID
		var said, currency, rate sql.NullString
		var status string
		var n int64
		var high, low sql.NullString
		var k any = &record
		if text {
			k = &said
		}
		if err := rows.Scan(k, &status, &currency, &rate, &n, &high, &low); err != nil {
			return err
		}
		row := winRateRow(out, record, said.String, of)
		w := row.Rates[i]
		if status == lost {
			w.Lost += n
			return nil
		}
		w.Won += n
		if req.By != "PRODUCT" {
			return addSum(w.Revenue, high, low)
		}
		sum, _, err := s.converted(high, low, currency, rate, 1)
		if err == nil {
			w.Revenue.Add(w.Revenue, sum)
		}
		return err
	})
}

// winRateRow returns the row of a record or a text; texts are told apart without regard to capital letters.
func winRateRow(rows map[any]*WinRateRow, record id.ID, text string, periods int) *WinRateRow {
	var key any = record
	if text != "" {
		key = strings.ToLower(text)
	}
	row := rows[key]
	if row == nil {
		row = &WinRateRow{Of: record, Text: text}
		for range periods {
			row.Rates = append(row.Rates, &WinRate{Revenue: new(big.Int)})
		}
		rows[key] = row
	}
	if text < row.Text {
		row.Text = text
	}
	return row
}

// joined is a join of deals with their records of another kind that are in sight, as l, with fields of it by their columns without
// _id.
func (s *Forecasts) joined(ctx context.Context, q db.Querier, a *access.Actor, kind string, fields ...string) (access.Cond, error) {
	k := s.Read.Set.Kind(kind)
	f, err := s.Read.Filter(ctx, q, a, k, nil)
	if err != nil {
		return access.Cond{}, err
	}
	var c columns
	for _, name := range append([]string{"opportunity"}, fields...) {
		for _, column := range k.Field(name).Columns() {
			if strings.HasSuffix(column, "_reporting") {
				continue
			}
			v, err := f.Value(name, column)
			if err != nil {
				return access.Cond{}, err
			}
			c.add(v, strings.TrimSuffix(column, "_id"))
		}
	}
	where := f.Cond
	return access.Cond{
		SQL:  " JOIN (SELECT " + strings.Join(c.sql, ", ") + " FROM `" + k.Table + "` " + read.Row + " WHERE " + where.SQL + ") l ON l.opportunity = " + read.Row + ".`id`",
		Args: append(c.args, where.Args...),
	}, nil
}

// Conversion is how deals went through a stage in a period.
type Conversion struct {
	Entered, Advanced, Lost, Back int64
	Seconds                       *big.Int
}

// Rate is advanced in percent of all that left, "" when none did.
func (c *Conversion) Rate() string { return rate(c.Advanced, c.Lost+c.Back) }

// AverageDays is how many days those that left had been there, "" when none did.
func (c *Conversion) AverageDays() string {
	left := c.Advanced + c.Lost + c.Back
	if left == 0 {
		return ""
	}
	return hundredths(new(big.Rat).SetFrac(c.Seconds, big.NewInt(secondsOfDay*left)))
}

// StageConversion is a stage in one period or two.
type StageConversion struct {
	Stage       id.ID
	Conversions []*Conversion
}

type stagePlace struct {
	pipeline id.ID
	kind     string
	n        int // in the order of its pipeline
}

// Conversions reads how deals went through the open stages of a pipeline: three statements, and two for each period. It returns
// NOT_FOUND for a pipeline out of sight, Invalid for arguments, and Forbidden where a field that is needed never shows to the actor.
func (s *Forecasts) Conversions(ctx context.Context, q db.Querier, a *access.Actor, pipeline id.ID, req PaceRequest) ([]Period, []*StageConversion, error) {
	var p fault.Violations
	ps, err := periods(ctx, q, &p, req.Period, req.Compare)
	if err == nil {
		err = p.Err()
	}
	if err != nil {
		return nil, nil, err
	}
	pipelines := s.Read.Set.Kind("Pipeline")
	seen, err := s.Read.Visible(ctx, q, a, pipelines, access.Read, []id.ID{pipeline})
	if err == nil && len(seen) == 0 {
		err = fault.New(fault.NotFound, "There is no %s with this id.", pipelines.Name)
	}
	if err != nil {
		return nil, nil, err
	}
	places, out, err := s.places(ctx, q, a, pipeline, len(ps))
	if err != nil || len(out) == 0 {
		return ps, out, err
	}
	byStage := map[id.ID]*StageConversion{}
	marks, ids := "", []any{}
	for _, c := range out {
		byStage[c.Stage] = c
		marks, ids = marks+", ?", append(ids, c.Stage)
	}
	marks = "(" + marks[2:] + ")"
	deals, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("Opportunity"), filterOf(req.Where))
	if err != nil || deals.IsFalse() {
		return ps, out, err
	}
	steps, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("OpportunityStep"), nil)
	if err != nil || steps.IsFalse() {
		return ps, out, err
	}
	var v [6]access.Cond
	for i, name := range []string{"opportunity", "changed", "at", "fromStage", "stage", "secondsInStage"} {
		if v[i], err = steps.Value(name, ""); err != nil {
			return nil, nil, err
		}
	}
	in := " IN (SELECT " + read.Row + ".`id` FROM `opportunities` " + read.Row + " WHERE " + deals.SQL + ")"
	for i, period := range ps {
		var c columns
		for j, as := range []string{"deal", "changed", "since", "from_stage", "stage", "seconds"} {
			c.add(v[j], as)
		}
		from := " FROM (SELECT " + strings.Join(c.sql, ", ") + " FROM `opportunity_steps` " + read.Row + " WHERE " + steps.SQL + ") b WHERE b.since >= ? AND b.since < ? AND b.changed LIKE '%|STAGE|%' AND b.deal" + in
		args := append(append(append(append(c.args, steps.Args...), period.Start, period.End), deals.Args...), ids...)
		err := db.Each(ctx, q, "SELECT b.stage, COUNT(*)"+from+" AND b.stage IN "+marks+" GROUP BY b.stage", args, func(rows *sql.Rows) error {
			var stage id.ID
			var n int64
			if err := rows.Scan(&stage, &n); err != nil {
				return err
			}
			byStage[stage].Conversions[i].Entered += n
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		err = db.Each(ctx, q, "SELECT b.from_stage, b.stage, COUNT(*), SUM(b.seconds)"+from+" AND b.from_stage IN "+marks+" GROUP BY b.from_stage, b.stage", args, func(rows *sql.Rows) error {
			return left(rows, byStage, places, i)
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return ps, out, nil
}

// left adds a row of those that left a stage for another one.
func left(rows *sql.Rows, byStage map[id.ID]*StageConversion, places map[id.ID]stagePlace, i int) error {
	var from, to id.ID
	var n int64
	var seconds sql.NullString
	if err := rows.Scan(&from, &to, &n, &seconds); err != nil {
		return err
	}
	c := byStage[from].Conversions[i]
	was, is := places[from], places[to]
	switch {
	case is.kind == "WON", is.kind == open && is.pipeline == was.pipeline && is.n > was.n:
		c.Advanced += n
	case is.kind == lost:
		c.Lost += n
	default:
		c.Back += n
	}
	if sum, ok := new(big.Int).SetString(seconds.String, 10); ok {
		c.Seconds.Add(c.Seconds, sum)
	}
	return nil
}

// places reads the stages in sight of all pipelines, and the open ones of one pipeline in their order.
func (s *Forecasts) places(ctx context.Context, q db.Querier, a *access.Actor, pipeline id.ID, periods int) (map[id.ID]stagePlace, []*StageConversion, error) {
	f, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("Stage"), nil)
	if err != nil || f.IsFalse() {
		return nil, nil, err
	}
	all := map[id.ID]stagePlace{}
	var out []*StageConversion
	query := "SELECT " + read.Row + ".`id`, " + read.Row + ".`pipeline_id`, " + read.Row + ".`kind` FROM `stages` " + read.Row + " WHERE " + f.SQL + " ORDER BY " + read.Row + ".`position`, " + read.Row + ".`id`"
	err = db.Each(ctx, q, query, f.Args, func(rows *sql.Rows) error {
		var x id.ID
		var at stagePlace
		if err := rows.Scan(&x, &at.pipeline, &at.kind); err != nil {
			return err
		}
		at.n = len(all)
		all[x] = at
		if at.pipeline == pipeline && at.kind == open {
			c := &StageConversion{Stage: x}
			for range periods {
				c.Conversions = append(c.Conversions, &Conversion{Seconds: new(big.Int)})
			}
			out = append(out, c)
		}
		return nil
	})
	return all, out, err
}
