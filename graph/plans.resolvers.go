package graph

import (
	"context"
	"math/big"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/opportunity"
	"farley/internal/read"
)

// IncentiveStatement answers Query.incentiveStatement.
func (r *queryResolver) IncentiveStatement(ctx context.Context, user *id.ID, period input.Object, first *int64) (*read.Result, error) {
	var res read.Result
	req := opportunity.StatementRequest{Period: period, First: first, Amounts: r.selectedAny(ctx, []string{"", "plans."}, "booked", "reversed", "total")}
	if user != nil {
		req.User = *user
	}
	err := r.reading(ctx, func(tx *db.Tx) error {
		a := access.From(ctx)
		s, err := r.Forecasts.Statement(ctx, tx, a, req)
		if err != nil {
			return err
		}
		ids, groups := make([]id.ID, len(s.Plans)), make([][]id.ID, len(s.Plans))
		for i, p := range s.Plans {
			ids[i], groups[i] = p.Plan, p.Entries
		}
		users, err := r.Read.PayloadEach(ctx, tx, a, "user", s.User)
		if err != nil {
			return err
		}
		records, err := r.Read.PayloadEach(ctx, tx, a, "plans.plan", known(ids)...)
		if err != nil {
			return err
		}
		entries, err := r.Read.PayloadGroups(ctx, tx, a, "plans.entries", groups)
		if err != nil {
			return err
		}
		plans := []any{}
		for i, p := range s.Plans {
			one := map[string]any{"count": p.Count, "entries": entries[i]}
			if record, ok := records[p.Plan]; ok {
				one["plan"] = record
			}
			for name, sum := range map[string]*big.Int{"booked": p.Booked, "reversed": p.Reversed, "total": p.Total()} {
				if sum != nil {
					one[name] = map[string]any{"amount": r.Forecasts.Book.FormatSum(sum, p.Currency), "currency": p.Currency}
				}
			}
			plans = append(plans, one)
		}
		out := map[string]any{"period": periodValue(s.Period), "plans": plans, "total": r.reporting(s.Total), "hasMoreEntries": s.More}
		if record, ok := users[s.User]; ok {
			out["user"] = record
		}
		res, err = r.Read.Project(ctx, out)
		return err
	})
	return &res, err
}
