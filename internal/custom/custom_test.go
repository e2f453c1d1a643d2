package custom_test

import (
	"bytes"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"farley/internal/custom"
)

// Keys are ordered as the numbers are, and equal for equal numbers.
func TestNumberKey_ordersAsTheNumbers(t *testing.T) {
	t.Parallel()
	number := rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,10})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = a + "0"
			if !bytes.ContainsRune([]byte(a), '.') {
				b = a + ".0"
			}
		}
		x, okX := custom.NumberKey(a)
		y, okY := custom.NumberKey(b)
		if !okX || !okY { // one digit too many behind the point
			return
		}
		p, _ := new(big.Rat).SetString(a)
		q, _ := new(big.Rat).SetString(b)
		if got, want := bytes.Compare(x, y), p.Cmp(q); got != want {
			t.Fatalf("%s and %s compare as %d, want %d", a, b, got, want)
		}
	})
}

func TestNumberKey_refusesWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "1.", ".5", "1e3", "+1", "--1", "1,5", "123456789012345678901", "1.12345678901", "NaN", "١"} {
		if key, ok := custom.NumberKey(s); ok {
			t.Errorf("%q has the key %s", s, key)
		}
	}
}

func TestMoneyKey_ordersAsTheAmounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		want := 0
		if a < b {
			want = -1
		} else if a > b {
			want = 1
		}
		if got := bytes.Compare(custom.MoneyKey(a), custom.MoneyKey(b)); got != want {
			t.Fatalf("%d and %d compare as %d", a, b, got)
		}
	})
}
