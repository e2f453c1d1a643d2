package match_test

import (
	"testing"

	"farley/internal/text/match"

	"pgregory.net/rapid"
)

// best returns the type by which two lists of keys meet that tells most, 0 for none.
func best(a, b []match.Key) match.Type {
	var found match.Type
	for _, x := range a {
		for _, y := range b {
			if x.Value != y.Value || x.Type.Sort() != y.Type.Sort() {
				continue
			}
			t := x.Type
			if y.Type.Weight(100) < t.Weight(100) {
				t = y.Type
			}
			if found == 0 || t.Weight(100) > found.Weight(100) {
				found = t
			}
		}
	}
	return found
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want match.Type
	}{
		{"Al Noor Trading", "AL  NOOR trading", match.Name},
		{"Al Noor Trading Ltd.", "Al Noor Trading", match.Core},
		{"Al Noor Trading L.L.C.", "Trading Company Al-Noor", match.Core},
		{"Müller GmbH", "Muller", match.Core},
		{"Müller GmbH & Co. KG", "Muller AG", match.Core},
		{"شركة النور للتجارة", "Al Noor Trading", match.Sound},
		{"شركة النور للتجارة", "Alnoor Trading Co.", match.Sound},
		{"مؤسسة النور للتجارة", "شركة النور التجارية", match.Core},
		{"شركة النور للتجارة", "Al Noor Contracting", 0},
		{"مجموعة الراجحي", "Al Rajhi Group", match.Sound},
		{"محمد علي", "Mohammed Ali", match.Sound},
		{"Muhammad Ali", "Mohammed Ali", match.Sound},
		{"Smith, John", "John Smith", match.Core},
		{"أحمد", "احمد", match.Name},
		{"Trading Company", "Trading Ltd", 0},
		{"Oak", "Ash", 0},
		{"Elm", "Alma", 0},
		{"Company 1", "Company 2", 0},
		{"", "", 0},
		{"Ltd", "GmbH", 0},
	} {
		if got := best(match.Names(c.a), match.Names(c.b)); got != c.want {
			t.Errorf("%q and %q meet by %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestEmails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want match.Type
	}{
		{"ann@alnoor.example", "ann@alnoor.example", match.Email},
		{"ann@alnoor.example", "bob@alnoor.example", match.MailDomain},
		{"ann@gmail.com", "bob@gmail.com", 0},
		{"ann@yahoo.co.uk", "bob@yahoo.co.uk", 0},
		{"ann@yahoo.alnoor.example", "bob@yahoo.alnoor.example", match.MailDomain},
		{"ann@mail.gmail.com", "bob@mail.gmail.com", 0},
	} {
		if got := best(match.Emails(c.a, true), match.Emails(c.b, true)); got != c.want {
			t.Errorf("%q and %q meet by %d, want %d", c.a, c.b, got, c.want)
		}
	}
	if got := best(match.Domains("alnoor.example"), match.Emails("ann@alnoor.example", true)); got != match.MailDomain {
		t.Errorf("a web site and an address of the same domain meet by %d", got)
	}
	if got := best(match.Taxes("SA 300-123"), match.Taxes("sa300123")); got != match.Tax {
		t.Errorf("tax numbers meet by %d", got)
	}
	if got := best(match.Texts("1"), match.Taxes("1")); got != 0 {
		t.Errorf("values of different sorts meet by %d", got)
	}
}

// Keys are few and distinct, whatever the text, and do not depend on letter case or blanks.
func TestNames_keys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"Al Noor Co", "النور", "A B", "Ltd & و"})).Draw(t, "s")
		keys := match.Names(s)
		if len(keys) > 3 {
			t.Fatalf("%d keys", len(keys))
		}
		seen := map[int64]bool{}
		for _, k := range keys {
			if seen[k.Value] {
				t.Fatalf("the key %v twice", k)
			}
			seen[k.Value] = true
		}
		if again := match.Names("  " + s + " "); len(again) != len(keys) || len(keys) > 0 && best(keys, again) != match.Name {
			t.Fatalf("blanks make a difference: %v, %v", keys, again)
		}
	})
}

func BenchmarkNames(b *testing.B) {
	for b.Loop() {
		match.Names("Al Noor General Trading Company L.L.C.")
	}
}
