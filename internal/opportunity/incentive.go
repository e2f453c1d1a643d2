package opportunity

import (
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

// StatementRequest asks what somebody gets by incentive plans.
type StatementRequest struct {
	User    id.ID // zero for the actor
	Period  map[string]any
	First   *int64
	Amounts bool // whether sums are wanted
}

// StatementPlan is what somebody gets by one plan: sums in minor units of its currency.
type StatementPlan struct {
	Plan             id.ID
	Currency         string
	Booked, Reversed *big.Int // nil where sums are not wanted
	Count            int64
	Entries          []id.ID
}

// Total is what was booked less what was taken back; nil where sums are not wanted.
func (p *StatementPlan) Total() *big.Int {
	if p.Booked == nil {
		return nil
	}
	return new(big.Int).Sub(p.Booked, p.Reversed)
}

// Statement is what somebody gets by incentive plans for a period.
type Statement struct {
	Period Period
	User   id.ID
	Plans  []*StatementPlan
	Total  *big.Int // minor units of the reporting currency; nil where sums are not wanted
	More   bool     // whether there are more entries than were asked for
}

// Statement reads what a user gets for what was won and taken back in a period, as far as the entries are in the actor's sight: four
// statements, whatever there is. It returns Invalid for arguments, and NOT_FOUND for a user out of sight.
func (s *Forecasts) Statement(ctx context.Context, q db.Querier, a *access.Actor, req StatementRequest) (*Statement, error) {
	zone, err := Zone(ctx, q)
	if err != nil {
		return nil, err
	}
	var p fault.Violations
	out := &Statement{Period: ReadPeriod(req.Period, zone, &p, "period"), User: req.User}
	size := rowsOf(&p, req.First)
	if req.User.IsZero() {
		out.User = a.User
	} else {
		users := s.Read.Set.Kind("User")
		if seen, err := s.Read.Visible(ctx, q, a, users, access.Read, []id.ID{req.User}); err != nil {
			return nil, err
		} else if len(seen) == 0 && req.User != a.User {
			return nil, fault.New(fault.NotFound, "There is no %s with this id.", users.Name).At("user")
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	f, err := s.Read.Filter(ctx, q, a, s.Read.Set.Kind("IncentiveEntry"), nil)
	if err != nil || f.IsFalse() {
		return out, err
	}
	var v [3]access.Cond
	for i, name := range []string{"user", "occurredAt", "plan"} {
		if v[i], err = f.Value(name, ""); err != nil {
			return nil, err
		}
	}
	where := access.And(f.Cond, compare(is(v[0], " = ?", out.User), is(v[1], " >= ?", out.Period.Start), is(v[1], " < ?", out.Period.End)))
	if err := s.statementSums(ctx, q, f, v[2], where, req.Amounts, out); err != nil || len(out.Plans) == 0 {
		return out, err
	}
	query := "SELECT " + v[2].SQL + ", " + read.Row + ".`id` FROM `incentive_entries` " + read.Row + " WHERE " + where.SQL + " ORDER BY " + v[1].SQL + ", " + read.Row + ".`id` LIMIT ?"
	args := append(append(append(append([]any{}, v[2].Args...), where.Args...), v[1].Args...), size+1)
	n := 0
	return out, db.Each(ctx, q, query, args, func(rows *sql.Rows) error {
		var plan, x id.ID
		if err := rows.Scan(&plan, &x); err != nil {
			return err
		}
		if n++; n > size {
			out.More = true
			return nil
		}
		i := slices.IndexFunc(out.Plans, func(p *StatementPlan) bool { return p.Plan == plan })
		out.Plans[i].Entries = append(out.Plans[i].Entries, x)
		return nil
	})
}

// statementSums adds up the entries by plan, what was booked apart from what was taken back.
func (s *Forecasts) statementSums(ctx context.Context, q db.Querier, f *read.Filter, plan, where access.Cond, amounts bool, out *Statement) error {
	amount, currency := null, null
	if amounts {
		var err error
		if amount, err = f.Value("amount", ""); err != nil {
			return err
		}
		if currency, err = f.Value("amount", "amount_currency"); err != nil {
			return err
		}
		out.Total = new(big.Int)
	}
	var c columns
	c.add(plan, "k")
	c.add(amount, "amount")
	c.add(currency, "currency")
	query := "SELECT b.k, MAX(b.currency), COUNT(*), " + strings.Join([]string{money.SumSQL("CASE WHEN b.amount >= 0 THEN b.amount END"), money.SumSQL("CASE WHEN b.amount < 0 THEN -b.amount END")}, ", ") +
		" FROM (SELECT " + strings.Join(c.sql, ", ") + " FROM `incentive_entries` " + read.Row + " WHERE " + where.SQL + ") b GROUP BY b.k ORDER BY b.k"
	return db.Each(ctx, q, query, append(c.args, where.Args...), func(rows *sql.Rows) error {
		p := &StatementPlan{}
		var code sql.NullString
		var sums [4]sql.NullString
		if err := rows.Scan(&p.Plan, &code, &p.Count, &sums[0], &sums[1], &sums[2], &sums[3]); err != nil {
			return err
		}
		p.Currency = code.String
		if amounts {
			p.Booked, p.Reversed = new(big.Int), new(big.Int)
			for i, sum := range []*big.Int{p.Booked, p.Reversed} {
				if !sums[2*i].Valid {
					continue
				}
				n, err := money.ReadSum(sums[2*i].String, sums[2*i+1].String)
				if err != nil {
					return err
				}
				sum.Set(n)
			}
			if worth, ok := s.Book.ReportingSum(p.Total(), p.Currency); ok {
				out.Total.Add(out.Total, worth)
			}
		}
		out.Plans = append(out.Plans, p)
		return nil
	})
}
