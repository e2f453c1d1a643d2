package graph

import (
	"context"
	"math/big"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/opportunity"
	"farley/internal/read"
)

// selectedAny reports whether one of the names is selected below one of the prefixes.
func (r *queryResolver) selectedAny(ctx context.Context, prefixes []string, names ...string) bool {
	for _, prefix := range prefixes {
		for _, name := range names {
			if r.Read.Selected(ctx, prefix+name) {
				return true
			}
		}
	}
	return false
}

// figureNames are the sums of amounts among the figures of a forecast, and those that are made of them.
var figureNames = []string{"closed", "commit", "bestCase", "pipeline"}

// Forecast answers Query.forecast.
func (r *queryResolver) Forecast(ctx context.Context, period input.Object, by string, where input.Object, first *int64) (*read.Result, error) {
	var res read.Result
	at := []string{"rows.", "total.", "rows.rolledUp."}
	req := opportunity.ForecastRequest{Period: period, By: by, Where: where, First: first, Wanted: opportunity.Parts{
		Amounts:     r.selectedAny(ctx, at, append([]string{"attainment", "gap"}, figureNames...)...) || r.Read.Selected(ctx, "unconverted"),
		Weighted:    r.selectedAny(ctx, at, "weighted"),
		Targets:     r.selectedAny(ctx, at, "target", "attainment", "gap", "dealTarget", "activityTarget"),
		Activities:  r.selectedAny(ctx, at, "activities"),
		Tree:        r.selectedAny(ctx, []string{"rows."}, "rolledUp", "above"),
		Adjustments: r.Read.Selected(ctx, "rows.adjustments"),
	}}
	err := r.reading(ctx, func(tx *db.Tx) error {
		f, err := r.Forecasts.Forecast(ctx, tx, access.From(ctx), req)
		if err == nil {
			res, err = r.forecast(ctx, tx, by, f)
		}
		return err
	})
	return &res, err
}

// rowFields are the fields of the records by which a report has rows.
var rowFields = map[string]string{"USER": "user", "TEAM": "team", "PRODUCT": "product", "ACCOUNT": "account", "PIPELINE": "ofPipeline", "COMPETITOR": "account"}

// forecast writes a forecast, each kind of record read once.
func (r *queryResolver) forecast(ctx context.Context, tx *db.Tx, by string, f *opportunity.Forecast) (read.Result, error) {
	a := access.From(ctx)
	ids, groups := make([]id.ID, len(f.Rows)), make([][]id.ID, len(f.Rows))
	for i, row := range f.Rows {
		ids[i], groups[i] = row.Of, row.Adjustments
	}
	of := rowFields[by]
	records, err := r.Read.PayloadEach(ctx, tx, a, "rows."+of, known(ids)...)
	if err != nil {
		return read.Result{}, err
	}
	adjustments, err := r.Read.PayloadGroups(ctx, tx, a, "rows.adjustments", groups)
	if err != nil {
		return read.Result{}, err
	}
	rows := []any{}
	for i, row := range f.Rows {
		one := r.figures(row.Own)
		if record, ok := records[row.Of]; ok {
			one[of] = record
		}
		if row.Rolled != nil {
			one["rolledUp"] = r.figures(row.Rolled)
		}
		if !row.Above.IsZero() {
			one["above"] = row.Above
		}
		one["adjustments"] = adjustments[i]
		rows = append(rows, one)
	}
	return r.Read.Project(ctx, map[string]any{
		"period": periodValue(f.Period), "currency": f.Currency, "rows": rows, "hasMoreRows": f.More, "total": r.figures(f.Total), "unconverted": f.Unconverted,
	})
}

// known leaves out what is none.
func known(ids []id.ID) []id.ID {
	var out []id.ID
	for _, x := range ids {
		if !x.IsZero() {
			out = append(out, x)
		}
	}
	return out
}

func periodValue(p opportunity.Period) any { return map[string]any{"from": p.From, "to": p.To} }

// reporting writes minor units of the reporting currency; nil is null.
func (r *queryResolver) reporting(minor *big.Int) any {
	if minor == nil {
		return nil
	}
	book := r.Forecasts.Book
	return map[string]any{"amount": book.FormatSum(minor, book.ReportingCurrency()), "currency": book.ReportingCurrency()}
}

func numberOrNull(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

// figures writes the figures of a forecast.
func (r *queryResolver) figures(f *opportunity.Figures) map[string]any {
	out := map[string]any{
		"closed": r.reporting(f.Closed), "commit": r.reporting(f.Commit), "bestCase": r.reporting(f.BestCase), "pipeline": r.reporting(f.Pipeline), "weighted": r.reporting(f.Weighted),
		"wonDeals": f.Won, "openDeals": f.Open, "target": r.reporting(f.Target), "attainment": orNull(f.Attainment()),
		"dealTarget": numberOrNull(f.Deals), "activities": f.Activities, "activityTarget": numberOrNull(f.Done),
	}
	if f.Target != nil {
		out["gap"] = r.reporting(new(big.Int).Sub(f.Target, f.Closed))
	}
	return out
}

// ForecastTrend answers Query.forecastTrend.
func (r *queryResolver) ForecastTrend(ctx context.Context, period input.Object, from, to string, where input.Object) (*read.Result, error) {
	var res read.Result
	at := []string{"points."}
	req := opportunity.TrendRequest{Period: period, From: from, To: to, Where: where, Amounts: r.selectedAny(ctx, at, figureNames...), Weighted: r.selectedAny(ctx, at, "weighted")}
	err := r.reading(ctx, func(tx *db.Tx) error {
		p, points, err := r.Forecasts.Trend(ctx, tx, access.From(ctx), req)
		if err != nil {
			return err
		}
		out := []any{}
		for _, point := range points {
			one := r.figures(point.Figures)
			one["day"] = point.Day
			out = append(out, one)
		}
		res, err = r.Read.Project(ctx, map[string]any{"period": periodValue(p), "currency": r.Forecasts.Book.ReportingCurrency(), "points": out})
		return err
	})
	return &res, err
}

// ForecastChanges answers Query.forecastChanges.
func (r *queryResolver) ForecastChanges(ctx context.Context, period input.Object, since time.Time, where input.Object, first *int64) (*read.Result, error) {
	var res read.Result
	req := opportunity.ChangesRequest{Period: period, Since: since, Where: where, First: first, Amounts: r.selectedAny(ctx, []string{"sums.amount", "deals.before", "deals.now"}, "")}
	err := r.reading(ctx, func(tx *db.Tx) error {
		a := access.From(ctx)
		c, err := r.Forecasts.Changes(ctx, tx, a, req)
		if err != nil {
			return err
		}
		ids := make([]id.ID, len(c.Deals))
		for i, d := range c.Deals {
			ids[i] = d.Opportunity
		}
		records, err := r.Read.PayloadEach(ctx, tx, a, "deals.opportunity", ids...)
		if err != nil {
			return err
		}
		sums, deals := []any{}, []any{}
		for _, s := range c.Sums {
			sums = append(sums, map[string]any{"kind": s.Kind, "deals": s.Deals, "amount": r.reporting(s.Amount)})
		}
		for _, d := range c.Deals {
			deals = append(deals, map[string]any{"kind": d.Kind, "opportunity": records[d.Opportunity], "before": r.reporting(d.Before), "now": r.reporting(d.Now)})
		}
		res, err = r.Read.Project(ctx, map[string]any{"period": periodValue(c.Period), "sums": sums, "deals": deals, "hasMoreDeals": c.More})
		return err
	})
	return &res, err
}

// SalesVelocity answers Query.salesVelocity.
func (r *queryResolver) SalesVelocity(ctx context.Context, period, compareWith, where input.Object) (*read.Result, error) {
	var res read.Result
	req := opportunity.PaceRequest{Period: period, Compare: compareWith, Where: where, Amounts: r.selectedAny(ctx, []string{"current.", "compared."}, "revenue", "averageDeal", "perDay")}
	err := r.reading(ctx, func(tx *db.Tx) error {
		paces, err := r.Forecasts.Velocity(ctx, tx, access.From(ctx), req)
		if err != nil {
			return err
		}
		out := map[string]any{}
		for i, p := range paces {
			out[compared[i]] = map[string]any{
				"period": periodValue(p.Period), "won": p.Won, "lost": p.Lost, "winRate": orNull(p.Rate()), "revenue": r.reporting(p.Revenue),
				"averageDeal": r.reporting(p.AverageDeal()), "averageDays": orNull(p.AverageDays()), "perDay": r.reporting(p.PerDay()),
			}
		}
		res, err = r.Read.Project(ctx, out)
		return err
	})
	return &res, err
}

// compared are the fields of the periods of a report.
var compared = [2]string{"current", "compared"}

// StageConversion answers Query.stageConversion.
func (r *queryResolver) StageConversion(ctx context.Context, pipeline id.ID, period, compareWith, where input.Object) (*read.Result, error) {
	var res read.Result
	req := opportunity.PaceRequest{Period: period, Compare: compareWith, Where: where}
	err := r.reading(ctx, func(tx *db.Tx) error {
		a := access.From(ctx)
		periods, rows, err := r.Forecasts.Conversions(ctx, tx, a, pipeline, req)
		if err != nil {
			return err
		}
		ids := make([]id.ID, len(rows))
		for i, row := range rows {
			ids[i] = row.Stage
		}
		records, err := r.Read.PayloadEach(ctx, tx, a, "stages.stage", ids...)
		if err != nil {
			return err
		}
		stages := []any{}
		for _, row := range rows {
			one := map[string]any{"stage": records[row.Stage]}
			for i, c := range row.Conversions {
				one[compared[i]] = map[string]any{
					"entered": c.Entered, "advanced": c.Advanced, "lost": c.Lost, "back": c.Back, "conversion": orNull(c.Rate()), "averageDays": orNull(c.AverageDays()),
				}
			}
			stages = append(stages, one)
		}
		res, err = r.Read.Project(ctx, map[string]any{"period": periodValue(periods[0]), "stages": stages})
		return err
	})
	return &res, err
}

// WinRates answers Query.winRates.
func (r *queryResolver) WinRates(ctx context.Context, period input.Object, by string, compareWith, where input.Object, first *int64) (*read.Result, error) {
	var res read.Result
	req := opportunity.PaceRequest{
		Period: period, Compare: compareWith, Where: where, By: by, First: first,
		Amounts: r.selectedAny(ctx, []string{"rows.current.", "rows.compared.", "total.", "comparedTotal."}, "revenue"),
	}
	err := r.reading(ctx, func(tx *db.Tx) error {
		a := access.From(ctx)
		w, err := r.Forecasts.WinRates(ctx, tx, a, req)
		if err != nil {
			return err
		}
		ids := make([]id.ID, len(w.Rows))
		for i, row := range w.Rows {
			ids[i] = row.Of
		}
		records := map[id.ID]read.Result{}
		of := rowFields[by]
		if of != "" {
			if records, err = r.Read.PayloadEach(ctx, tx, a, "rows."+of, known(ids)...); err != nil {
				return err
			}
		}
		value := func(w *opportunity.WinRate) any {
			return map[string]any{"won": w.Won, "lost": w.Lost, "rate": orNull(w.Rate()), "revenue": r.reporting(w.Revenue)}
		}
		rows := []any{}
		for _, row := range w.Rows {
			one := map[string]any{"text": orNull(row.Text)}
			for i, rate := range row.Rates {
				one[compared[i]] = value(rate)
			}
			if record, ok := records[row.Of]; ok {
				one[of] = record
			}
			rows = append(rows, one)
		}
		out := map[string]any{"period": periodValue(w.Periods[0]), "rows": rows, "hasMoreRows": w.More, "total": value(w.Totals[0])}
		if len(w.Totals) > 1 {
			out["comparedTotal"] = value(w.Totals[1])
		}
		res, err = r.Read.Project(ctx, out)
		return err
	})
	return &res, err
}
