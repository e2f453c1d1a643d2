package opportunity

import (
	"context"
	"database/sql"
	"math/big"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/money"
	"farley/internal/read"
)

// TrendPoint are the figures of a forecast on a day.
type TrendPoint struct {
	Day string
	*Figures
}

// maxTrend is over how many days a trend goes.
const maxTrend = 366

// TrendRequest asks for a trend.
type TrendRequest struct {
	Period            map[string]any
	From, To          string // days
	Where             map[string]any
	Amounts, Weighted bool
}

// Trend reads how the forecast of a period stood day by day, for the deals in sight: three statements. It returns Invalid for
// arguments, and Forbidden where a wanted field never shows to the actor.
func (s *Forecasts) Trend(ctx context.Context, q db.Querier, a *access.Actor, req TrendRequest) (Period, []TrendPoint, error) {
	zone, err := Zone(ctx, q)
	if err != nil {
		return Period{}, nil, err
	}
	var p fault.Violations
	period := ReadPeriod(req.Period, zone, &p, "period")
	from, to := day(req.From, &p, []any{"from"}), day(req.To, &p, []any{"to"})
	if len(p) == 0 && (to.Before(from) || to.After(from.AddDate(0, 0, maxTrend))) {
		p.Add([]any{"to"}, "RANGE", "The last day is at most %d days after the first.", maxTrend)
	}
	if err := p.Err(); err != nil {
		return period, nil, err
	}
	f, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("Opportunity"), filterOf(req.Where))
	if err != nil || f.IsFalse() {
		return period, nil, err
	}
	var points []TrendPoint
	byDay := map[string]*Figures{}
	err = db.Each(ctx, q, "SELECT day FROM forecast_days WHERE day >= ? AND day <= ? ORDER BY day", []any{req.From, req.To}, func(rows *sql.Rows) error {
		var d string
		err := rows.Scan(&d)
		byDay[d] = newFigures()
		points = append(points, TrendPoint{d, byDay[d]})
		return err
	})
	if err != nil || len(points) == 0 {
		return period, points, err
	}
	shown := func(fields ...string) (access.Cond, error) { return s.shown(a, fields...) }
	where, err := shown("status", "closedAt", "closeDate", "forecastCategory")
	if err != nil {
		return period, nil, err
	}
	worth, expected := null, null
	for _, v := range []struct {
		wanted bool
		field  string
		column string
		to     *access.Cond
	}{{req.Amounts, "amount", "s.worth", &worth}, {req.Weighted, "expectedRevenue", "s.expected", &expected}} {
		if !v.wanted {
			continue
		}
		cond, err := shown(v.field)
		if err != nil {
			return period, nil, err
		}
		*v.to = access.Cond{SQL: v.column}
		if !cond.IsTrue() {
			*v.to = access.Cond{SQL: "CASE WHEN " + cond.SQL + " THEN " + v.column + " END", Args: cond.Args}
		}
	}
	where = access.And(f.Cond, where, access.Cond{
		SQL:  "d.day >= ? AND d.day <= ? AND (s.status = 'WON' AND s.closed_at >= ? AND s.closed_at < ? OR s.status = 'OPEN' AND s.close_date >= ? AND s.close_date <= ?)",
		Args: []any{req.From, req.To, period.Start, period.End, period.From, period.To},
	})
	query := "SELECT b.day, b.status, b.category, b.currency, COUNT(*), " + money.SumSQL("b.worth") + ", " + money.SumSQL("b.expected") + " FROM (" +
		"SELECT d.day AS day, s.status AS status, s.category AS category, s.currency AS currency, " + worth.SQL + " AS worth, " + expected.SQL + " AS expected" +
		" FROM forecast_days d JOIN forecast_stands s ON s.from_day <= d.day AND s.to_day > d.day JOIN `opportunities` " + read.Row + " ON " + read.Row + ".`id` = s.opportunity_id" +
		" WHERE " + where.SQL + ") b GROUP BY b.day, b.status, b.category, b.currency"
	args := append(append(append([]any{}, worth.Args...), expected.Args...), where.Args...)
	err = db.Each(ctx, q, query, args, func(rows *sql.Rows) error { return s.point(rows, byDay) })
	return period, points, err
}

// shown is the condition that fields of a deal show. It returns Forbidden where one of them never does.
func (s *Forecasts) shown(a *access.Actor, fields ...string) (access.Cond, error) {
	k := s.Read.Set.Kind("Opportunity")
	var all access.Cond
	for _, name := range fields {
		c, whole := a.FieldCond(s.Read.Set, k, k.Field(name), read.Row, s.Read.Clock.Now())
		switch {
		case whole:
		case c.IsFalse():
			return c, fault.New(fault.Forbidden, "You may not read this.").At(name)
		default:
			all = access.And(all, c)
		}
	}
	return all, nil
}

// point adds a row of sums to the figures of its day.
func (s *Forecasts) point(rows *sql.Rows, byDay map[string]*Figures) error {
	var d, status string
	var category, currency sql.NullString
	var n int64
	var sums [4]sql.NullString
	if err := rows.Scan(&d, &status, &category, &currency, &n, &sums[0], &sums[1], &sums[2], &sums[3]); err != nil {
		return err
	}
	f := byDay[d]
	if f == nil || status == open && category.String == "OMITTED" {
		return nil
	}
	rate := sql.NullString{}
	if at, ok := s.Book.Rate(currency.String, d); ok {
		rate = sql.NullString{String: at.RatString(), Valid: true}
	}
	worth, _, err := s.converted(sums[0], sums[1], currency, rate, 1)
	if err != nil {
		return err
	}
	expected, _, err := s.converted(sums[2], sums[3], currency, rate, 1)
	if err != nil {
		return err
	}
	if status != open {
		f.Won += n
		f.Closed.Add(f.Closed, worth)
		return nil
	}
	f.Open += n
	f.Weighted.Add(f.Weighted, expected)
	switch category.String {
	case "COMMIT", "CLOSED":
		f.Commit.Add(f.Commit, worth)
	case "BEST_CASE":
		f.BestCase.Add(f.BestCase, worth)
	case "PIPELINE":
		f.Pipeline.Add(f.Pipeline, worth)
	}
	return nil
}

// forEver is the end of what has not ended.
const forEver = "9999-12-31"

// Today returns the day in the time zone of the firm.
func Today(ctx context.Context, q db.Querier, now time.Time) (string, error) {
	zone, err := Zone(ctx, q)
	return now.In(zone).Format(time.DateOnly), err
}

// KeepDay keeps how every deal stands on a day, unless that was done, and reports whether it was not: what stands as on the day
// before is not written again.
func KeepDay(ctx context.Context, tx *db.Tx, dialect db.Dialect, day string, now time.Time) (bool, error) {
	var n int
	if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM forecast_days WHERE day >= ?", []any{day}, &n); err != nil || n > 0 {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO forecast_days (day, taken_at) VALUES (?, ?)", day, now); err != nil {
		return false, err
	}
	same := " IS "
	if dialect == db.MySQL {
		same = " <=> "
	}
	stands := []struct{ column, of string }{
		{"status", "o.`status`"}, {"category", "o.`forecast_category`"}, {"close_date", "o.`close_date`"}, {"closed_at", "o.`closed_at`"},
		{"worth", "CASE WHEN o.`status` = 'WON' THEN o.`closed_amount` ELSE o.`amount` END"},
		{"currency", "CASE WHEN o.`status` = 'WON' THEN o.`closed_amount_currency` ELSE o.`amount_currency` END"},
		{"expected", "CASE WHEN o.`status` = 'OPEN' THEN o.`expected_revenue` END"},
	}
	var conds, names, values []string
	for _, s := range stands {
		conds = append(conds, "forecast_stands."+s.column+same+"("+s.of+")")
		names, values = append(names, s.column), append(values, s.of)
	}
	const counts = "o.`deleted_at` IS NULL AND o.`status` <> 'LOST'"
	_, err := tx.ExecContext(ctx, "UPDATE forecast_stands SET to_day = ? WHERE to_day = ? AND NOT EXISTS (SELECT 1 FROM `opportunities` o WHERE o.`id` = forecast_stands.opportunity_id AND "+counts+" AND "+strings.Join(conds, " AND ")+")", day, forEver)
	if err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO forecast_stands (opportunity_id, from_day, to_day, "+strings.Join(names, ", ")+") SELECT o.`id`, ?, ?, "+strings.Join(values, ", ")+
		" FROM `opportunities` o WHERE "+counts+" AND NOT EXISTS (SELECT 1 FROM forecast_stands s WHERE s.opportunity_id = o.`id` AND s.to_day = ?)", day, forEver, forEver)
	return err == nil, err
}

// The kinds of changes, in their order.
var changeKinds = []string{"NEW", "WON", "LOST", "MOVED_IN", "MOVED_OUT", "GROWN", "SHRUNK"}

// ChangeSum is how many deals changed in one way, and what they are worth in minor units of the reporting currency.
type ChangeSum struct {
	Kind   string
	Deals  int64
	Amount *big.Int
}

// ChangedDeal is a deal that changed.
type ChangedDeal struct {
	Kind        string
	Opportunity id.ID
	Before, Now *big.Int // nil for nothing, or no rate
}

// ForecastChanges is what changed in a forecast.
type ForecastChanges struct {
	Period Period
	Sums   []*ChangeSum
	Deals  []ChangedDeal
	More   bool
}

// ChangesRequest asks what changed.
type ChangesRequest struct {
	Period  map[string]any
	Since   time.Time
	Where   map[string]any
	First   *int64
	Amounts bool
}

// stand is how a deal stands.
type stand struct {
	status, category, closeDate sql.NullString
	closed                      read.Instant
	amount                      sql.NullInt64
	currency                    sql.NullString
}

// in reports whether a deal that stands so is in the forecast of a period.
func (s stand) in(p Period) bool {
	switch s.status.String {
	case "WON":
		return !s.closed.Before(p.Start) && s.closed.Before(p.End)
	case open:
		return s.category.String != "OMITTED" && s.closeDate.Valid && s.closeDate.String >= p.From && s.closeDate.String <= p.To
	}
	return false
}

// Changes reads what changed in the forecast of a period since an instant: two statements. It returns Invalid for arguments, and
// Forbidden where a wanted field never shows to the actor.
func (s *Forecasts) Changes(ctx context.Context, q db.Querier, a *access.Actor, req ChangesRequest) (*ForecastChanges, error) {
	zone, err := Zone(ctx, q)
	if err != nil {
		return nil, err
	}
	var p fault.Violations
	out := &ForecastChanges{Period: ReadPeriod(req.Period, zone, &p, "period")}
	size := int64(defaultPage)
	if req.First != nil {
		if size = *req.First; size < 1 || size > maxPage {
			p.Add([]any{"first"}, "RANGE", "A page has 1 to %d records.", maxPage)
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	sums := map[string]*ChangeSum{}
	for _, kind := range changeKinds {
		sums[kind] = &ChangeSum{Kind: kind, Amount: new(big.Int)}
		out.Sums = append(out.Sums, sums[kind])
	}
	deals, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("Opportunity"), filterOf(req.Where))
	if err != nil || deals.IsFalse() {
		return out, err
	}
	steps, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("OpportunityStep"), nil)
	if err != nil || steps.IsFalse() {
		return out, err
	}
	query, args, err := changesSQL(deals, steps, req)
	if err != nil {
		return nil, err
	}
	err = db.Each(ctx, q, query, args, func(rows *sql.Rows) error {
		var x id.ID
		var now, before stand
		if err := rows.Scan(&x, &now.status, &now.category, &now.closeDate, &now.closed, &now.amount, &now.currency,
			&before.status, &before.category, &before.closeDate, &before.closed, &before.amount, &before.currency); err != nil {
			return err
		}
		c, by := s.changed(now, before, out.Period)
		if c.Kind == "" {
			return nil
		}
		c.Opportunity = x
		sums[c.Kind].Deals++
		sums[c.Kind].Amount.Add(sums[c.Kind].Amount, by)
		if int64(len(out.Deals)) == size {
			out.More = true
			return nil
		}
		out.Deals = append(out.Deals, c)
		return nil
	})
	return out, err
}

// changesSQL is the statement that reads how deals stand and stood.
func changesSQL(deals, steps *read.Filter, req ChangesRequest) (string, []any, error) {
	var was columns
	var err error
	value := func(f *read.Filter, field, column string, wanted bool) access.Cond {
		if !wanted || err != nil {
			return null
		}
		v, failed := f.Value(field, column)
		err = failed
		return v
	}
	was.add(value(steps, "opportunity", "", true), "deal")
	was.add(value(steps, "stage", "", true), "stage")
	was.add(value(steps, "forecastCategory", "", true), "category")
	was.add(value(steps, "closeDate", "", true), "close_date")
	was.add(value(steps, "at", "", true), "since")
	was.add(value(steps, "amount", "", req.Amounts), "amount")
	was.add(value(steps, "amount", "amount_currency", req.Amounts), "currency")
	var now columns
	now.add(value(deals, "status", "", true), "status")
	now.add(value(deals, "forecastCategory", "", true), "category")
	now.add(value(deals, "closeDate", "", true), "close_date")
	now.add(value(deals, "closedAt", "", true), "closed_at")
	amount, currency := value(deals, "amount", "", req.Amounts), value(deals, "amount", "amount_currency", req.Amounts)
	if req.Amounts {
		amount, currency = frozen(amount, "closed_amount"), frozen(currency, "closed_amount_currency")
	}
	now.add(amount, "amount")
	now.add(currency, "currency")
	if err != nil {
		return "", nil, err
	}
	query := "SELECT " + read.Row + ".`id`, " + strings.Join(now.sql, ", ") + ", g.`kind`, s.category, s.close_date, s.since, s.amount, s.currency FROM `opportunities` " + read.Row +
		" LEFT JOIN (SELECT x.* FROM (SELECT " + strings.Join(was.sql, ", ") + ", ROW_NUMBER() OVER (PARTITION BY " + read.Row + ".`opportunity_id` ORDER BY " + read.Row + ".`at` DESC, " + read.Row + ".`id` DESC) AS n" +
		" FROM `opportunity_steps` " + read.Row + " WHERE " + steps.SQL + " AND " + read.Row + ".`at` <= ?) x WHERE x.n = 1) s ON s.deal = " + read.Row + ".`id`" +
		" LEFT JOIN `stages` g ON g.`id` = s.stage WHERE " + deals.SQL + " ORDER BY " + read.Row + ".`id` DESC"
	args := append(append(append(append(now.args, was.args...), steps.Args...), req.Since), deals.Args...)
	return query, args, nil
}

// changed says how a deal changed, "" for not at all, and by how much.
func (s *Forecasts) changed(now, before stand, p Period) (ChangedDeal, *big.Int) {
	worth := func(x stand) *big.Int {
		if !x.amount.Valid {
			return nil
		}
		n, ok := s.Book.ReportingSum(big.NewInt(x.amount.Int64), x.currency.String)
		if !ok {
			return nil
		}
		return n
	}
	c := ChangedDeal{Before: worth(before), Now: worth(now)}
	worthNow, was := c.Now, c.Before
	if worthNow == nil {
		worthNow = new(big.Int)
	}
	if was == nil {
		was = new(big.Int)
	}
	known, isIn, wasIn := before.status.Valid, now.in(p), before.in(p)
	switch {
	case now.status.String == lost:
		if wasIn {
			c.Kind = "LOST"
		}
		return c, was
	case now.status.String == "WON" && before.status.String == "WON":
		return c, worthNow // as it was
	case isIn && now.status.String == "WON":
		c.Kind = "WON"
		return c, worthNow
	case isIn && !known:
		c.Kind = "NEW"
		return c, worthNow
	case isIn && !wasIn:
		c.Kind = "MOVED_IN"
		return c, worthNow
	case !isIn && wasIn:
		c.Kind = "MOVED_OUT"
		return c, was
	case !isIn:
		return c, worthNow
	case worthNow.Cmp(was) > 0:
		c.Kind = "GROWN"
	case worthNow.Cmp(was) < 0:
		c.Kind = "SHRUNK"
	}
	return c, new(big.Int).Abs(new(big.Int).Sub(worthNow, was))
}
