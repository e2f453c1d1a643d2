package money_test

import (
	"testing"

	"farley/internal/money"

	"pgregory.net/rapid"
)

func book(t testing.TB) *money.Book {
	t.Helper()
	b, err := money.NewBook("USD", map[string]string{"SAR": "0.2667", "JPY": "0.0065", "KWD": "3.25", "EUR": "1.5"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	t.Parallel()
	b := book(t)
	for _, c := range []struct {
		amount, code string
		want         int64
		ok           bool
	}{
		{"12.50", "USD", 1250, true}, {"12.5", "USD", 1250, true}, {"12.500", "USD", 1250, true}, {"-0.01", "USD", -1, true},
		{"12500000.00", "SAR", 1250000000, true}, {"5", "JPY", 5, true}, {"1.234", "KWD", 1234, true},
		{"12.505", "USD", 0, false}, {"1.5", "JPY", 0, false}, {"1e3", "USD", 0, false}, {"", "USD", 0, false}, {"1", "XXQ", 0, false},
		{"9999999999999999", "USD", 0, false}, {" 1", "USD", 0, false},
	} {
		got, err := b.Parse(c.amount, c.code)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("Parse(%q, %s) = %d, %v", c.amount, c.code, got, err)
		}
	}
}

func TestParseAndFormat_areInverse(t *testing.T) {
	t.Parallel()
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(-999_999_999_999_999, 999_999_999_999_999).Draw(t, "minor")
		code := rapid.SampledFrom([]string{"USD", "JPY", "KWD", "SAR"}).Draw(t, "code")
		back, err := b.Parse(b.Format(minor, code), code)
		if err != nil || back != minor {
			t.Fatalf("%d %s is written %q and read %d, %v", minor, code, b.Format(minor, code), back, err)
		}
	})
}

func TestReporting_roundsHalfToEven(t *testing.T) {
	t.Parallel()
	b := book(t)
	for _, c := range []struct {
		minor int64
		code  string
		want  int64
	}{
		{1, "EUR", 2}, {3, "EUR", 4}, {-1, "EUR", -2}, {-3, "EUR", -4}, {2, "EUR", 3}, {100, "JPY", 65}, {1000, "KWD", 325}, {10000, "SAR", 2667},
	} {
		if got, ok := b.Reporting(c.minor, c.code); !ok || got != c.want {
			t.Errorf("Reporting(%d %s) = %d, %v; want %d", c.minor, c.code, got, ok, c.want)
		}
	}
	if _, ok := b.Reporting(1, "GBP"); ok {
		t.Error("a currency without a rate is converted")
	}
}
