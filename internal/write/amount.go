package write

import (
	"context"
	"math/big"
)

// Currency returns the currency code of a Money field after the change, "" for null.
func (c *Change) Currency(field string) string {
	code, _ := c.column(c.Kind.Field(field).Column + "_currency").(string)
	return code
}

// SetMoney gives a Money field an amount in minor units of a currency; without a currency it is emptied.
func (c *Change) SetMoney(field string, minor int64, currency string) {
	f := c.Kind.Field(field)
	if currency == "" {
		c.set(f.Column, nil)
	} else {
		c.set(f.Column, minor)
		c.set(f.Column+"_currency", currency)
	}
	c.normaliseMoney(f)
}

// Reporting returns minor units of a currency in minor units of the reporting currency, at the rate of now; false when there
// is none.
func (tx *Tx) Reporting(minor int64, currency string) (reporting int64, code string, ok bool) {
	reporting, ok = tx.w.Money.Reporting(minor, currency)
	return reporting, tx.w.Money.ReportingCurrency(), ok
}

// ReportingOn is Reporting at the rate of a day by UTC, and says the rate as an exact fraction.
func (tx *Tx) ReportingOn(minor int64, currency, day string) (reporting int64, rate, code string, ok bool) {
	reporting, rate, ok = tx.w.Money.ReportingOn(minor, currency, day)
	return reporting, rate, tx.w.Money.ReportingCurrency(), ok
}

// ReportingAt converts a sum of minor units of a currency at a rate that was kept; false when the rate is none, or the result does not
// fit.
func (tx *Tx) ReportingAt(minor *big.Int, currency, rate string) (int64, bool) {
	at, ok := new(big.Rat).SetString(rate)
	if !ok {
		return 0, false
	}
	n, ok := tx.w.Money.SumAt(minor, currency, at)
	if !ok || !n.IsInt64() {
		return 0, false
	}
	return n.Int64(), true
}

// ReportingCurrency returns the code of the reporting currency.
func (tx *Tx) ReportingCurrency() string { return tx.w.Money.ReportingCurrency() }

type outsideKey struct{}

// Outside returns a context in which writes repeat what an outside system says: upserts by its keys, and imports.
func Outside(ctx context.Context) context.Context {
	return context.WithValue(ctx, outsideKey{}, true)
}

// IsOutside reports whether a write repeats what an outside system says.
func IsOutside(ctx context.Context) bool {
	outside, _ := ctx.Value(outsideKey{}).(bool)
	return outside
}

// Amount writes minor units of a currency as the API does: "12.50".
func (tx *Tx) Amount(minor int64, currency string) string { return tx.w.Money.Format(minor, currency) }
