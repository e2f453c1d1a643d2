// Package money keeps amounts exact: integers in minor units of their currency, and beside them the same in the
// reporting currency, by which they are filtered, ordered and summed.
package money

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/bojanz/currency"
)

// Book knows the reporting currency and the rates into it: those it was made with, and those it learns. It is safe for concurrent
// use.
type Book struct {
	reporting string
	rates     map[string]*big.Rat // reporting units for one unit
	dated     atomic.Pointer[learnt]
}

// amounts of up to 15 digits before the point fit into 64 bits of minor units in every currency.
var pattern = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,6})?$`)

var (
	errAmount   = errors.New("not an amount")
	errCurrency = errors.New("not an ISO 4217 currency")
	errDecimals = errors.New("more decimals than the currency has")
	errRate     = errors.New("no exchange rate for the currency")
)

// NewBook returns a book for a reporting currency with rates as decimal numbers: units of the reporting currency for one
// unit of the other.
func NewBook(reporting string, rates map[string]string) (*Book, error) {
	if !currency.IsValid(reporting) {
		return nil, fmt.Errorf("reporting currency %q: %w", reporting, errCurrency)
	}
	b := &Book{reporting: reporting, rates: map[string]*big.Rat{}}
	for code, text := range rates {
		rate, ok := new(big.Rat).SetString(text)
		if !ok || !currency.IsValid(code) || rate.Sign() <= 0 {
			return nil, fmt.Errorf("exchange rate %s=%s is not a currency and a positive number", code, text)
		}
		b.rates[code] = rate
	}
	b.rates[reporting] = big.NewRat(1, 1)
	return b, nil
}

// ParseRates reads "SAR=0.2667,EUR=1.08".
func ParseRates(s string) (map[string]string, error) {
	rates := map[string]string{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		code, rate, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("exchange rate %q is not CODE=NUMBER", part)
		}
		rates[strings.TrimSpace(code)] = strings.TrimSpace(rate)
	}
	return rates, nil
}

func digits(code string) (int, error) {
	d, ok := currency.GetDigits(code)
	if !ok {
		return 0, errCurrency
	}
	return int(d), nil
}

// ReportingCurrency returns the code of the currency into which amounts are converted.
func (b *Book) ReportingCurrency() string { return b.reporting }

// Parse reads an exact amount into minor units: "12.50" USD is 1250.
func (b *Book) Parse(amount, code string) (int64, error) { return Minor(amount, code) }

// Minor is Book.Parse.
func Minor(amount, code string) (int64, error) {
	d, err := digits(code)
	if err != nil {
		return 0, err
	}
	if !pattern.MatchString(amount) {
		return 0, errAmount
	}
	whole, fraction, _ := strings.Cut(amount, ".")
	if rest := strings.TrimRight(fraction, "0"); len(rest) > d {
		return 0, errDecimals
	}
	fraction = (fraction + "000000")[:d]
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok || !n.IsInt64() {
		return 0, errAmount
	}
	return n.Int64(), nil
}

// Format writes minor units with the currency's number of decimals: 1250 USD is "12.50".
func (b *Book) Format(minor int64, code string) string { return b.FormatSum(big.NewInt(minor), code) }

// FormatSum is Format for sums that may be larger than an amount.
func (b *Book) FormatSum(minor *big.Int, code string) string {
	d, err := digits(code)
	if err != nil {
		d = 2 // stored codes are valid; were one withdrawn, its amounts stay readable
	}
	sign, n := "", new(big.Int).Set(minor)
	if n.Sign() < 0 {
		sign = "-"
		n.Neg(n)
	}
	s := n.String()
	if d == 0 {
		return sign + s
	}
	for len(s) <= d {
		s = "0" + s
	}
	return sign + s[:len(s)-d] + "." + s[len(s)-d:]
}

// Reporting converts minor units of a currency into minor units of the reporting currency at the rate of today, rounded half to even; false
// when there is no rate or the result does not fit.
func (b *Book) Reporting(minor int64, code string) (int64, bool) {
	n, ok := b.ReportingSum(big.NewInt(minor), code)
	if !ok || !n.IsInt64() {
		return 0, false
	}
	return n.Int64(), true
}

// ReportingSum is Reporting for sums that may be larger than an amount; false when there is no rate.
func (b *Book) ReportingSum(minor *big.Int, code string) (*big.Int, bool) {
	return b.SumOn(minor, code, "")
}

// Times returns an amount times a number, rounded half away from zero at the minor unit; false when the result does not fit.
func Times(minor int64, by *big.Rat) (int64, bool) {
	r := new(big.Rat).Mul(new(big.Rat).SetInt64(minor), by)
	num, den := new(big.Int).Abs(r.Num()), r.Denom()
	num.Lsh(num, 1).Add(num, den)
	q := num.Quo(num, new(big.Int).Lsh(den, 1))
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return q.Int64(), q.IsInt64()
}

// ToReporting is Parse and Reporting.
func (b *Book) ToReporting(amount, code string) (int64, error) {
	minor, err := b.Parse(amount, code)
	if err != nil {
		return 0, err
	}
	n, ok := b.Reporting(minor, code)
	if !ok {
		return 0, errRate
	}
	return n, nil
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// round rounds half to even.
func round(r *big.Rat) *big.Int {
	twice := new(big.Int).Lsh(r.Denom(), 1)
	num := new(big.Int).Lsh(r.Num(), 1)
	num.Add(num, r.Denom())
	q, m := new(big.Int).DivMod(num, twice, new(big.Int))
	if m.Sign() == 0 && q.Bit(0) == 1 {
		q.Sub(q, big.NewInt(1))
	}
	return q
}
