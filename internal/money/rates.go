package money

import (
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bojanz/currency"
)

// Dated is the rate of a currency from a day on: units of the reporting currency for one unit of it.
type Dated struct {
	Currency string
	From     string // a day, "2026-11-22"
	Rate     string // a decimal number above 0
}

type datedRate struct {
	from string
	rate *big.Rat
}

var ratePattern = regexp.MustCompile(`^[0-9]{1,10}(\.[0-9]{1,12})?$`)

// maxRate is the largest rate.
var maxRate = big.NewRat(1_000_000_000, 1)

var errRateNumber = errors.New("a rate is a number above 0, at most 1,000,000,000, with at most 12 decimals")

// ParseRate reads a rate.
func ParseRate(text string) (*big.Rat, error) {
	if !ratePattern.MatchString(text) {
		return nil, errRateNumber
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok || r.Sign() <= 0 || r.Cmp(maxRate) > 0 {
		return nil, errRateNumber
	}
	return r, nil
}

// Known reports whether a code is that of a currency.
func Known(code string) bool { return currency.IsValid(code) }

// Learn has the book know these rates from now on, and by which clock it is today. Of a currency the latest rate counts that
// has begun; before the first one, that with which the book was made. What is no rate is left out.
func (b *Book) Learn(now func() time.Time, rates []Dated) {
	all := map[string][]datedRate{}
	for _, d := range rates {
		if rate, err := ParseRate(d.Rate); err == nil && d.Currency != b.reporting {
			all[d.Currency] = append(all[d.Currency], datedRate{d.From, rate})
		}
	}
	for _, of := range all {
		slices.SortStableFunc(of, func(x, y datedRate) int { return strings.Compare(x.from, y.from) })
	}
	b.dated.Store(&learnt{now, all})
}

// learnt is what a book learnt of rates.
type learnt struct {
	now   func() time.Time
	rates map[string][]datedRate
}

// Rate returns what a currency is worth in the reporting currency on a day, by UTC ("2026-11-22"; "" for today); false when
// that is not known.
func (b *Book) Rate(code, day string) (*big.Rat, bool) {
	l := b.dated.Load()
	if l != nil {
		if day == "" {
			day = l.now().UTC().Format(time.DateOnly)
		}
		of := l.rates[code]
		for i := len(of) - 1; i >= 0; i-- {
			if of[i].from <= day {
				return of[i].rate, true
			}
		}
	}
	rate := b.rates[code]
	return rate, rate != nil
}

// SumAt converts minor units of a currency into minor units of the reporting currency at a rate, rounded half to even; false
// for an unknown currency.
func (b *Book) SumAt(minor *big.Int, code string, rate *big.Rat) (*big.Int, bool) {
	from, err := digits(code)
	to, err2 := digits(b.reporting)
	if err != nil || err2 != nil {
		return nil, false
	}
	r := new(big.Rat).Mul(new(big.Rat).SetInt(minor), rate)
	r.Mul(r, new(big.Rat).SetFrac(power(to), power(from)))
	return round(r), true
}

// SumOn is ReportingSum at the rate of a day.
func (b *Book) SumOn(minor *big.Int, code, day string) (*big.Int, bool) {
	rate, ok := b.Rate(code, day)
	if !ok {
		return nil, false
	}
	return b.SumAt(minor, code, rate)
}

// ReportingOn is Reporting at the rate of a day, and says the rate as an exact fraction.
func (b *Book) ReportingOn(minor int64, code, day string) (reporting int64, rate string, ok bool) {
	r, ok := b.Rate(code, day)
	if !ok {
		return 0, "", false
	}
	n, ok := b.SumAt(big.NewInt(minor), code, r)
	if !ok || !n.IsInt64() {
		return 0, "", false
	}
	return n.Int64(), r.RatString(), true
}

// Round rounds a fraction half to even.
func Round(r *big.Rat) *big.Int { return round(r) }
