package customer

import (
	"context"
	"database/sql"
	"math/big"
	"strings"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/money"
)

// openAmounts adds up what the open deals of accounts are worth in reporting currency, at the rates of now, with one statement.
// Nothing is said where the reader may not know it; deals whose amount does not show to him, and those without a rate, are in no
// sum.
func (s *Summaries) openAmounts(ctx context.Context, q db.Querier, sum *Summing, into map[id.ID]map[string]any) error {
	_, rows, open := sum.related("opportunities", []access.Cond{
		{SQL: "t.`status` = 'OPEN' AND t.`amount` IS NOT NULL"}, sum.shown("Opportunity", "status"), sum.shown("Opportunity", "amount"),
	})
	if rows.IsFalse() || open.IsFalse() {
		return nil
	}
	args := append([]any{}, rows.Args...)
	from := sum.from(into, &args)
	stmt := "SELECT p.`id`, t.`amount_currency`, " + money.SumSQL("t.`amount`") + strings.Replace(from, " p WHERE ", " p LEFT JOIN `opportunities` t ON "+rows.SQL+" WHERE ", 1)
	if !open.IsTrue() {
		stmt, args = stmt+" AND "+open.SQL, append(args, open.Args...)
	}
	worth := map[id.ID]*big.Int{}
	err := db.Each(ctx, q, stmt+" GROUP BY p.`id`, t.`amount_currency`", args, func(rows *sql.Rows) error {
		var x id.ID
		var currency, high, low sql.NullString
		if err := rows.Scan(&x, &currency, &high, &low); err != nil {
			return err
		}
		if worth[x] == nil {
			worth[x] = new(big.Int)
		}
		if !currency.Valid {
			return nil
		}
		n, err := money.ReadSum(high.String, low.String)
		if err != nil {
			return err
		}
		if n, ok := s.Book.ReportingSum(n, currency.String); ok {
			worth[x].Add(worth[x], n)
		}
		return nil
	})
	for x, n := range worth {
		code := s.Book.ReportingCurrency()
		into[x][openAmount] = map[string]any{"amount": s.Book.FormatSum(n, code), "currency": code}
	}
	return err
}
