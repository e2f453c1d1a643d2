package rule

import (
	"context"
	"math/big"
	"time"

	"farley/internal/money"
	"farley/internal/write"
)

// The bounds of what is planned.
const (
	maxPlanMonths = 36
	maxPlanDeals  = 1_000_000
)

// firstOfMonth reads the first day of a month; the zero time for what is none, which is refused.
func firstOfMonth(c *write.Change, field string) time.Time {
	day, err := time.Parse(time.DateOnly, c.Text(field))
	if err != nil || c.Faulty(field) {
		return time.Time{}
	}
	if day.Day() != 1 {
		c.Refuse(field, "FORMAT", "This is not the first day of a month.")
		return time.Time{}
	}
	return day
}

// salesPlanFits refuses a sales plan that is for nothing or for several things, and what is planned outside its months.
func salesPlanFits(_ context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	if c.Created() {
		salesPlanSubject(c)
	}
	if c.Text("currency") == "" {
		c.SetText("currency", c.Tx.ReportingCurrency())
	}
	currency := c.Text("currency")
	if _, _, ok := c.Tx.Reporting(1, currency); !ok && c.Changes("currency") && !c.Faulty("currency") {
		c.Refuse("currency", "CURRENCY", "There is no exchange rate for %s.", currency)
	}
	first, last := firstOfMonth(c, "firstMonth"), firstOfMonth(c, "lastMonth")
	switch {
	case first.IsZero() || last.IsZero():
		return nil
	case last.Before(first):
		c.Refuse("lastMonth", "RANGE", "The last month is before the first.")
		return nil
	case !last.Before(first.AddDate(0, maxPlanMonths, 0)):
		c.Refuse("lastMonth", "RANGE", "A plan has at most %d months.", maxPlanMonths)
		return nil
	}
	if c.Faulty("months") || c.Faulty("currency") {
		return nil
	}
	seen := map[string]bool{}
	for i, m := range write.Embedded(c.Text("months")) {
		planned{c, i, m}.check(first, last, currency, seen)
	}
	return nil
}

// salesPlanSubject refuses a plan that is not for exactly one thing.
func salesPlanSubject(c *write.Change) {
	n := 0
	for _, field := range []string{"account", "product", "territory"} {
		if c.Faulty(field) {
			return
		}
		if c.Ref(field).IsZero() {
			continue
		}
		if n++; n > 1 {
			c.Refuse(field, "FORMAT", "A plan is for one account, one product or one territory.")
		}
	}
	if n == 0 {
		c.Refuse("account", "REQUIRED", "A plan is for one account, one product or one territory.")
	}
}

// planned is what is planned for a month.
type planned struct {
	*write.Change
	i  int
	in map[string]any
}

func (p planned) refuse(field, code, message string, args ...any) {
	p.Problems.Add([]any{"input", "months", p.i, field}, code, message, args...)
}

func (p planned) check(first, last time.Time, currency string, seen map[string]bool) {
	text := member(p.in, "month")
	month, err := time.Parse(time.DateOnly, text)
	switch {
	case err != nil:
	case month.Day() != 1:
		p.refuse("month", "FORMAT", "This is not the first day of a month.")
	case month.Before(first) || month.After(last):
		p.refuse("month", "RANGE", "The month is not one of the plan.")
	case seen[text]:
		p.refuse("month", "TAKEN", "The month is there twice.")
	}
	seen[text] = true
	if revenue := member(p.in, "revenue"); revenue != "" {
		if minor, err := money.Minor(revenue, currency); err != nil || minor < 0 || minor > maxMinor {
			p.refuse("revenue", "RANGE", "This is no amount of 0 or more in %s.", currency)
		}
	}
	if deals, ok := wholeOf(p.in["deals"]); ok && deals > maxPlanDeals {
		p.refuse("deals", "RANGE", "The number must be from %d to %d.", 0, maxPlanDeals)
	}
	quantity := member(p.in, "quantity")
	switch {
	case quantity == "":
	case p.Ref("product").IsZero():
		p.refuse("quantity", "FORMAT", "Only of a product it is planned how much is sold.")
	case number(quantity, 1_000_000_000, 6) == nil:
		p.refuse("quantity", "RANGE", "This is no number from %d to %d with at most %d decimals.", 0, 1_000_000_000, 6)
	}
}

// wholeOf reads a whole number of an embedded object.
func wholeOf(v any) (int64, bool) {
	f, ok := v.(float64)
	return int64(f), ok
}

// number reads a decimal number of 0 to most with at most so many decimals, six of them at most; nil when it is none.
func number(text string, most int64, decimals int) *big.Rat {
	n, ok := new(big.Rat).SetString(text)
	if !ok || !decimalForm.MatchString(text) || n.Cmp(big.NewRat(most, 1)) > 0 {
		return nil
	}
	scaled := new(big.Rat).Mul(n, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)))
	if !scaled.IsInt() {
		return nil
	}
	return n
}
