package search

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"farley/internal/text/sound"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
	}{
		{"Al-Noor  Trading & Co.", []string{"al", "noor", "trading", "co"}},
		{"شركة النُّور", []string{"شركه", "النور"}},
		{"O'Brien’s", []string{"obrien"}},
		{"Müller-Straße ٢٠٢٦", []string{"muller", "strasse", "2026"}},
		{"محـــمد", []string{"محمد"}},
		{"write to Ahmed.Ali@Example.com.", []string{"ahmed.ali@example.com", "write", "to", "ahmed", "ali", "example", "com"}},
		{"'", nil},
		{"\xff a\xffb", []string{"a", "b"}},
	} {
		var got []string
		for _, token := range tokens(c.text) {
			got = append(got, token.text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

// Words lie where they say they do, whatever the text.
func TestTokens_lieInTheText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		for _, token := range tokens(s) {
			if token.start < 0 || token.end > len(s) || token.start >= token.end || !utf8.ValidString(token.text) {
				t.Fatalf("%q has the word %+v", s, token)
			}
		}
	})
}

func TestStem_joinsForms(t *testing.T) {
	t.Parallel()
	for _, c := range [][]string{
		{"company", "companies"}, {"meeting", "meetings"}, {"شركه", "شركات", "الشركه", "والشركات", "بالشركه", "للشركه"}, {"noor", "alnoor"},
		{"مهندس", "مهندسون", "المهندسين"},
	} {
		for _, w := range c[1:] {
			if stem(w) != stem(c[0]) {
				t.Errorf("%s is stemmed to %s, %s to %s", c[0], stem(c[0]), w, stem(w))
			}
		}
	}
	if got, want := proclitic("بجده"), stem("جده"); got != want {
		t.Errorf("without its preposition بجده is %q, want %q", got, want)
	}
}

// alike reports whether two names are found by each other, and how many vowels disagree.
func alike(a, b string) (int, bool) {
	x, y := sound.Of(a), sound.Of(b)
	best, found := 0, false
	for _, k := range sound.Keys(x) {
		if n, ok := sound.Like(x, y, k); ok && (!found || n < best) {
			best, found = n, true
		}
	}
	return best, found
}

func TestSounds_ofNames(t *testing.T) {
	t.Parallel()
	for _, names := range []string{
		"mohammed muhammad mohamed mohamad محمد", "ahmed ahmad احمد", "hussein hussain husain حسين", "youssef yusuf yousef yousuf يوسف",
		"abdulrahman abdelrahman abdurrahman عبدالرحمن", "noor nour nur نور", "alnoor النور", "khalid khaled خالد", "fatima fatimah fatma فاطمه",
		"omar umar عمر", "ibrahim ebrahim ابراهيم", "qassim kassim قاسم", "ghassan غسان", "sharif shareef شريف", "aisha aysha عايشه",
		"mahmoud mahmud محمود", "jamal gamal جمال", "dhafer ظافر", "zafer ظافر", "abdullah abdallah عبدالله", "saeed said سعيد", "layla laila ليلي",
		"thamer tamer ثامر", "riyadh riyad الرياض", "almarai elmarai المراعي", "jeddah jidda جده", "othman uthman عثمان", "pepsi بيبسي",
	} {
		list := strings.Fields(names)
		for _, a := range list {
			for _, b := range list {
				if sound.ScriptOf(a) == sound.Arabic && sound.ScriptOf(b) == sound.Arabic {
					continue
				}
				if _, ok := alike(a, b); !ok {
					t.Errorf("%s and %s do not sound alike: %v, %v", a, b, sound.Of(a), sound.Of(b))
				}
			}
		}
	}
	for _, apart := range []string{"noor near", "mohammed mahmoud", "hussein khalid", "نور near", "salem سلمان"} {
		w := strings.Fields(apart)
		if _, ok := alike(w[0], w[1]); ok {
			t.Errorf("%s and %s sound alike", w[0], w[1])
		}
	}
	// Who is written with long vowels sounds more like it.
	for _, c := range [][3]string{{"حسين", "hussein", "hassan"}, {"محمد", "mohammed", "mahmoud"}, {"محمود", "mahmoud", "mohammed"}, {"سالم", "salem", "salim"}} {
		near, _ := alike(c[0], c[1])
		far, ok := alike(c[0], c[2])
		if ok && c[2] != "salim" && far <= near {
			t.Errorf("%s is %d from %s and %d from %s", c[0], near, c[1], far, c[2])
		}
	}
}

func TestNeighbours_areOneApart(t *testing.T) {
	t.Parallel()
	for _, w := range []string{"almarai", "المراعي", "noor"} {
		list := neighbours(w)
		for _, n := range list {
			if n != w && !oneApart(w, n) {
				t.Errorf("%s is a neighbour of %s, and not one apart", n, w)
			}
		}
	}
	list := neighbours("noor")
	for _, n := range []string{"nor", "noors", "nxor", "nor", "onor", "noro", "anoor", "nooro"} {
		if !slices.Contains(list, n) {
			t.Errorf("%s is no neighbour of noor", n)
		}
	}
	for _, w := range []string{"al", "noo", "a1b2c3", strings.Repeat("a", maxTypo+1)} {
		if got := neighbours(w); got != nil {
			t.Errorf("%s has neighbours", w)
		}
	}
	for _, c := range [][2]string{{"abcd", "abcd"}, {"abcd", "abdce"}, {"abcd", "dcba"}, {"abcd", "ab"}, {"abcd", "abxy"}} {
		if oneApart(c[0], c[1]) {
			t.Errorf("%s and %s are one apart", c[0], c[1])
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query string
		want  string // words, the last with * when it may be a beginning
	}{
		{"Al Noor", "alnoor*"},
		{"Al Noor ", "alnoor"},
		{"عبد الرحمن محمد", "عبدالرحمن محمد*"},
		{"call 050 123 4567", "call 0501234567*"},
		{"+966 (50) 123-4567", "966501234567*"},
		{"٠٥٠١٢٣٤٥٦٧", "0501234567*"},
		{"2026-11-22", "2026 11 22*"},
		{"4567", "4567*"},
		{"ahmed@almarai", "ahmed@almarai*"},
		{"@almarai.com", "almarai com*"},
		{"the bank of riyadh", "bank riyadh*"},
		{"the", "the*"},
		{"a", "a"},
		{"noor a", "noor a*"},
		{`"noor" AND -(x:y*) OR ~z^2 %_\`, "noor x y z 2*"},
		{"  ...  ", ""},
		{"", ""},
		{"b c d e f g h i j k l m", "b c d e f g h i j k*"},
	} {
		var got []string
		for _, w := range parse(c.query, false) {
			if w.prefix {
				w.text += "*"
			}
			got = append(got, w.text)
		}
		if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.query, diff)
		}
	}
}

// Whatever is typed is read: quotes, operators, half characters.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`"a" OR b`, "محمد*", "a AND (b", "%_\\", "\x00", "\xff", "+966", "00 00 00 00 00", "@", "a@", "x'; DROP TABLE--", "ʼ’'s", "٠٠٠٠٠٠٠٠٠"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, typos bool) {
		list := parse(s, typos)
		if len(list) > maxSought {
			t.Fatalf("%d words", len(list))
		}
		for _, w := range list {
			if w.text == "" || !utf8.ValidString(w.text) {
				t.Fatalf("%q has the word %q", s, w.text)
			}
			if fit := w.fit(w.text); fit != fitsExactly {
				t.Fatalf("%q fits itself by %d", w.text, fit)
			}
			for _, term := range w.terms {
				if w.fit(term) == 0 && term != "" {
					t.Fatalf("%q is looked up for %q, and does not fit", term, w.text)
				}
			}
		}
	})
}
