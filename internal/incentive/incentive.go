// Package incentive reckons what people get for what they sell: pure functions over whole numbers. Money is in minor units,
// deals are in millionths, and nothing is rounded but where a function says so.
package incentive

import (
	"math/big"
	"slices"
)

// Whole is one deal, and the sum of all shares in it.
const Whole = 1_000_000

// Basis is what is reached, and so what tiers begin at.
type Basis string

// The bases.
const (
	Revenue Basis = "REVENUE" // minor units of the currency of the plan
	Deals   Basis = "DEALS"   // millionths of deals
)

// Tier is what is paid from a point on, up to the next tier. Exactly one of Percent and PerDeal is set.
type Tier struct {
	Above   int64    // in the measure of the basis; 0 for the first tier, then rising
	Percent *big.Rat // of 100
	PerDeal *big.Int // minor units for one deal
}

// Span is a part of what is reached: from From up to To.
type Span struct{ From, To int64 }

// Step is the part of a deal that lies in one tier.
type Step struct {
	Span
	Tier   int   // which
	Amount int64 // minor units
}

// Part is the share of somebody in a deal.
type Part struct {
	Value int64 // what it is worth, minor units
	Share int64 // millionths of the deal
}

// Split divides an amount, 0 or more, by shares, none negative and not all 0. What rounding down leaves goes to those who lose the
// most by it, of equals to the first ones, so that the parts are the amount exactly.
func Split(amount int64, shares []int64) []int64 {
	whole := new(big.Int)
	for _, s := range shares {
		whole.Add(whole, big.NewInt(s))
	}
	out := make([]int64, len(shares))
	if whole.Sign() <= 0 {
		return out
	}
	rests := make([]*big.Int, len(shares))
	order := make([]int, len(shares))
	left := amount
	for i, s := range shares {
		n := new(big.Int).Mul(big.NewInt(amount), big.NewInt(s))
		q, rest := n.QuoRem(n, whole, new(big.Int))
		out[i], rests[i], order[i] = q.Int64(), rest, i
		left -= out[i]
	}
	slices.SortStableFunc(order, func(i, j int) int { return rests[j].Cmp(rests[i]) })
	for _, i := range order[:left] {
		out[i]++
	}
	return out
}

// Free returns where something of a size lies beside what is taken: in the gaps from 0 on, the lowest first. What was taken back
// leaves a gap, which the next deal fills: nobody gets a high tier twice by giving a deal back and winning it again.
func Free(taken []Span, size int64) []Span {
	taken = slices.Clone(taken)
	slices.SortFunc(taken, func(a, b Span) int {
		switch {
		case a.From < b.From:
			return -1
		case a.From > b.From:
			return 1
		}
		return 0
	})
	var out []Span
	at := int64(0)
	for _, t := range taken {
		if size > 0 && t.From > at {
			n := min(size, t.From-at)
			out, size = append(out, Span{at, at + n}), size-n
		}
		at = max(at, t.To)
	}
	if size > 0 {
		out = append(out, Span{at, at + size})
	}
	return out
}

// Reckon returns what comes of a part of a deal that lies in these spans, tier by tier; false when an amount does not fit. A
// percentage of revenue and an amount for each of a number of deals follow from what is reached alone: they are rounded half away
// from zero as sums from 0 on, so that the parts of a whole are the whole, in whatever order deals are won. A percentage of
// revenue over a number of deals, and an amount for a deal over revenue, is of the deal: it is rounded step by step.
func Reckon(basis Basis, tiers []Tier, spans []Span, part Part) ([]Step, bool) {
	size := int64(0)
	for _, s := range spans {
		size += s.To - s.From
	}
	var out []Step
	for _, s := range spans {
		for i, t := range tiers {
			from, to := max(s.From, t.Above), s.To
			if i+1 < len(tiers) {
				to = min(to, tiers[i+1].Above)
			}
			if from >= to {
				continue
			}
			step := Step{Span: Span{from, to}, Tier: i}
			var amount *big.Int
			if t.sums(basis) {
				amount = new(big.Int).Sub(round(upTo(basis, tiers, to)), round(upTo(basis, tiers, from)))
			} else {
				amount = round(t.ofDeal(part, big.NewRat(to-from, size)))
			}
			if !amount.IsInt64() {
				return nil, false
			}
			step.Amount = amount.Int64()
			out = append(out, step)
		}
	}
	return out, true
}

// sums reports whether what comes of a tier follows from what is reached alone.
func (t Tier) sums(basis Basis) bool { return (t.Percent != nil) == (basis == Revenue) }

// upTo is what comes of everything from 0 to x, by the tiers of which that follows.
func upTo(basis Basis, tiers []Tier, x int64) *big.Rat {
	sum := new(big.Rat)
	for i, t := range tiers {
		to := x
		if i+1 < len(tiers) {
			to = min(to, tiers[i+1].Above)
		}
		if to <= t.Above || !t.sums(basis) {
			continue
		}
		n := new(big.Rat).SetInt64(to - t.Above)
		if t.Percent != nil {
			n.Mul(n, t.Percent).Mul(n, big.NewRat(1, 100))
		} else {
			n.Mul(n, new(big.Rat).SetFrac(t.PerDeal, big.NewInt(Whole)))
		}
		sum.Add(sum, n)
	}
	return sum
}

// ofDeal is what comes of a fraction of somebody's part of a deal.
func (t Tier) ofDeal(part Part, fraction *big.Rat) *big.Rat {
	n := new(big.Rat).Set(fraction)
	if t.Percent != nil {
		return n.Mul(n, new(big.Rat).SetInt64(part.Value)).Mul(n, t.Percent).Mul(n, big.NewRat(1, 100))
	}
	return n.Mul(n, new(big.Rat).SetFrac(t.PerDeal, big.NewInt(Whole))).Mul(n, new(big.Rat).SetInt64(part.Share))
}

// round rounds half away from zero.
func round(r *big.Rat) *big.Int {
	num, den := new(big.Int).Abs(r.Num()), r.Denom()
	num = new(big.Int).Add(new(big.Int).Lsh(num, 1), den)
	q := num.Quo(num, new(big.Int).Lsh(den, 1))
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return q
}
