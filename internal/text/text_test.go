package text_test

import (
	"bytes"
	"testing"

	"farley/internal/text"

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
