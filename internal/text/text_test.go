package text_test

import (
	"bytes"
	"testing"

	"farley/internal/text"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"pgregory.net/rapid"
)

func TestFold_ignoresWhatPeopleIgnore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b string }{
		{"Al Noor", "  al   NOOR "}, {"Café", "cafe"}, {"أحمد", "احمد"}, {"إيمان", "ايمان"}, {"مكتبة", "مكتبه"}, {"على", "علي"},
		{"مُحَمَّد", "محمد"}, {"محـــمد", "محمد"}, {"٢٠٢٦", "2026"}, {"STRASSE", "straße"}, {"ＡＢＣ", "abc"},
	} {
		if got, want := text.Fold(c.a), text.Fold(c.b); got != want {
			t.Errorf("Fold(%q) = %q, Fold(%q) = %q", c.a, got, c.b, want)
		}
	}
	if text.Fold("محمد") == text.Fold("احمد") {
		t.Error("different names fold alike")
	}
}

func TestFold_isIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		once := text.Fold(rapid.String().Draw(t, "s"))
		if twice := text.Fold(once); twice != once {
			t.Fatalf("%q then %q", once, twice)
		}
	})
}

func TestSortKey_ordersNames(t *testing.T) {
	t.Parallel()
	names := []string{"", "1 Stop", "abel", "Abel", "Äbel", "Zoo", "أحمد", "باسم"}
	for i := 1; i < len(names); i++ {
		if bytes.Compare(text.SortKey(names[i-1]), text.SortKey(names[i])) >= 0 {
			t.Errorf("%q is not before %q", names[i-1], names[i])
		}
	}
}

// Keys leave out what says nothing; the order is that of the whole keys.
func TestSortKey_isInTheOrderOfWholeKeys(t *testing.T) {
	t.Parallel()
	c := collate.New(language.Und)
	letter := rapid.OneOf(rapid.SampledFrom([]rune("aAbBzÄäéÉ êßø 1２-.،أاآةهىيـ\u0301\u0308\u064e\u0651日本ｱア")), rapid.Rune())
	word := rapid.StringOfN(letter, 0, 12, 60)
	whole := func(s string) []byte { return bytes.Clone(c.KeyFromString(&collate.Buffer{}, s)) }
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		got, want := bytes.Compare(text.SortKey(a), text.SortKey(b)), bytes.Compare(whole(a), whole(b))
		if len(whole(a)) <= text.MaxSortKey && len(whole(b)) <= text.MaxSortKey && got != want {
			t.Fatalf("%q and %q are in the order %d, want %d", a, b, got, want)
		}
	})
	if n := len(text.SortKey("Cold rooms for the new branch")); n > 66 {
		t.Errorf("the key of 29 letters has %d bytes", n)
	}
}
