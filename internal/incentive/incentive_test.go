package incentive_test

import (
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/incentive"
)

func percent(n, of int64) incentive.Tier { return incentive.Tier{Percent: big.NewRat(n, of)} }

func perDeal(n int64) incentive.Tier { return incentive.Tier{PerDeal: big.NewInt(n)} }

func from(above int64, t incentive.Tier) incentive.Tier { t.Above = above; return t }

func amounts(steps []incentive.Step) (out []int64) {
	for _, s := range steps {
		out = append(out, s.Amount)
	}
	return out
}

func TestReckon(t *testing.T) {
	t.Parallel()
	part := incentive.Part{Value: 10_000, Share: incentive.Whole}
	for name, c := range map[string]struct {
		basis incentive.Basis
		tiers []incentive.Tier
		spans []incentive.Span
		want  []int64
	}{
		"a percentage of what is above":            {incentive.Revenue, []incentive.Tier{percent(5, 1), from(4_000, percent(10, 1))}, []incentive.Span{{From: 0, To: 10_000}}, []int64{200, 600}},
		"from where it stands":                     {incentive.Revenue, []incentive.Tier{percent(5, 1), from(4_000, percent(10, 1))}, []incentive.Span{{From: 4_000, To: 14_000}}, []int64{1_000}},
		"half away from zero":                      {incentive.Revenue, []incentive.Tier{percent(5, 1)}, []incentive.Span{{From: 0, To: 10}}, []int64{1}},
		"the second half of a cent is paid before": {incentive.Revenue, []incentive.Tier{percent(5, 1)}, []incentive.Span{{From: 10, To: 20}}, []int64{0}},
		"so much a deal":                           {incentive.Deals, []incentive.Tier{perDeal(300), from(2*incentive.Whole, perDeal(500))}, []incentive.Span{{From: 1_500_000, To: 2_500_000}}, []int64{150, 250}},
		"a percentage by the number of deals":      {incentive.Deals, []incentive.Tier{percent(1, 1), from(500_000, percent(3, 1))}, []incentive.Span{{From: 0, To: 1_000_000}}, []int64{50, 150}},
		"so much a deal by revenue":                {incentive.Revenue, []incentive.Tier{perDeal(300), from(4_000, perDeal(500))}, []incentive.Span{{From: 0, To: 10_000}}, []int64{120, 300}},
	} {
		got, ok := incentive.Reckon(c.basis, c.tiers, c.spans, part)
		if diff := cmp.Diff(c.want, amounts(got)); diff != "" || !ok {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, ok := incentive.Reckon(incentive.Deals, []incentive.Tier{{PerDeal: new(big.Int).Lsh(big.NewInt(1), 70)}}, []incentive.Span{{From: 0, To: incentive.Whole}}, part); ok {
		t.Error("an amount of more than 64 bits fits")
	}
}

func TestFree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		taken []incentive.Span
		size  int64
		want  []incentive.Span
	}{
		"nothing is taken":   {nil, 5, []incentive.Span{{From: 0, To: 5}}},
		"behind what is":     {[]incentive.Span{{From: 3, To: 7}, {From: 0, To: 3}}, 5, []incentive.Span{{From: 7, To: 12}}},
		"the gaps first":     {[]incentive.Span{{From: 8, To: 9}, {From: 2, To: 4}}, 7, []incentive.Span{{From: 0, To: 2}, {From: 4, To: 8}, {From: 9, To: 10}}},
		"nothing is nowhere": {[]incentive.Span{{From: 2, To: 4}}, 0, nil},
	} {
		if diff := cmp.Diff(c.want, incentive.Free(c.taken, c.size)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSplit_isTheWhole(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]int64{34, 33, 33}, incentive.Split(100, []int64{1, 1, 1})); diff != "" {
		t.Error(diff)
	}
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, 99_999_999_999_999_999).Draw(t, "amount")
		shares := rapid.SliceOfN(rapid.Int64Range(0, incentive.Whole), 1, 12).Draw(t, "shares")
		shares[0]++
		whole := int64(0)
		for _, s := range shares {
			whole += s
		}
		sum := int64(0)
		for i, n := range incentive.Split(amount, shares) {
			sum += n
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(amount), big.NewInt(shares[i])), big.NewInt(whole))
			if d := exact.Sub(exact, new(big.Rat).SetInt64(n)); d.Abs(d).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %d is %d, which is %s off", i, n, d.FloatString(3))
			}
		}
		if sum != amount {
			t.Fatalf("the parts of %d are %d", amount, sum)
		}
	})
}

// plan draws tiers that sum: a percentage of revenue, or an amount for each of a number of deals.
func plan(t *rapid.T) (incentive.Basis, []incentive.Tier) {
	basis := rapid.SampledFrom([]incentive.Basis{incentive.Revenue, incentive.Deals}).Draw(t, "basis")
	var tiers []incentive.Tier
	above := int64(0)
	for range rapid.IntRange(1, 5).Draw(t, "tiers") {
		tier := perDeal(rapid.Int64Range(0, 100_000).Draw(t, "per deal"))
		if basis == incentive.Revenue {
			tier = percent(rapid.Int64Range(0, 100_000_000).Draw(t, "percent"), 1_000_000)
		}
		tiers = append(tiers, from(above, tier))
		above += rapid.Int64Range(1, 3_000_000).Draw(t, "width")
	}
	return basis, tiers
}

// naive adds up what every single unit earns.
func naive(basis incentive.Basis, tiers []incentive.Tier, reached int64) *big.Rat {
	sum := new(big.Rat)
	for i, tier := range tiers {
		end := reached
		if i+1 < len(tiers) && tiers[i+1].Above < end {
			end = tiers[i+1].Above
		}
		if end <= tier.Above {
			break
		}
		width := new(big.Rat).SetInt64(end - tier.Above)
		if basis == incentive.Revenue {
			sum.Add(sum, width.Mul(width, tier.Percent).Quo(width, big.NewRat(100, 1)))
		} else {
			sum.Add(sum, width.Mul(width, new(big.Rat).SetInt(tier.PerDeal)).Quo(width, big.NewRat(incentive.Whole, 1)))
		}
	}
	return sum
}

// Whatever is won, taken back and won again in whatever order, what is left pays exactly what the tiers say of the sum, as soon as
// no gap is left; and taking everything back leaves nothing.
func TestReckon_orderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		basis, tiers := plan(t)
		type won struct {
			spans []incentive.Span
			steps []incentive.Step
			size  int64
		}
		var deals []won
		taken := func() (out []incentive.Span) {
			for _, d := range deals {
				out = append(out, d.spans...)
			}
			return out
		}
		win := func(size int64) {
			spans := incentive.Free(taken(), size)
			steps, ok := incentive.Reckon(basis, tiers, spans, incentive.Part{Value: size, Share: size})
			if !ok {
				t.Fatal("an amount does not fit")
			}
			deals = append(deals, won{spans, steps, size})
		}
		gaps := int64(0)
		for range rapid.IntRange(1, 12).Draw(t, "writes") {
			if len(deals) > 0 && rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				i := rapid.IntRange(0, len(deals)-1).Draw(t, "which")
				deals = slices.Delete(deals, i, i+1)
				continue
			}
			win(rapid.Int64Range(1, 2_000_000).Draw(t, "size"))
		}
		all := taken()
		slices.SortFunc(all, func(a, b incentive.Span) int { return int(a.From - b.From) })
		at := int64(0)
		for _, s := range all {
			if s.From < at {
				t.Fatalf("%v lies where something else does", s)
			}
			gaps, at = gaps+s.From-at, s.To
		}
		if gaps > 0 {
			win(gaps)
		}
		paid, reached := int64(0), int64(0)
		for _, d := range deals {
			reached += d.size
			for _, s := range d.steps {
				paid += s.Amount
			}
		}
		want := naive(basis, tiers, reached)
		want.Mul(want, big.NewRat(2, 1)).Add(want, big.NewRat(1, 1)).Quo(want, big.NewRat(2, 1))
		if n := new(big.Int).Quo(want.Num(), want.Denom()); n.Int64() != paid {
			t.Fatalf("%d is reached and pays %d, want %s", reached, paid, n)
		}
	})
}
