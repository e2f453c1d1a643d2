// Package text folds and orders names the same way on every database: what filters compare and what orders use is
// computed here and stored beside the text.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// MaxSortKey is the longest stored sort key in bytes; texts that differ only beyond it are ordered by id.
const MaxSortKey = 255

// arabic maps letter variants that people do not tell apart when they search: alef with hamza or madda, ta marbuta, alef
// maqsura, hamza on its seats, and the digits of Arabic and Persian.
var arabic = strings.NewReplacer(
	"أ", "ا", "إ", "ا", "آ", "ا", "ٱ", "ا", "ى", "ي", "ئ", "ي", "ؤ", "و", "ة", "ه", "ـ", "",
	"٠", "0", "١", "1", "٢", "2", "٣", "3", "٤", "4", "٥", "5", "٦", "6", "٧", "7", "٨", "8", "٩", "9",
	"۰", "0", "۱", "1", "۲", "2", "۳", "3", "۴", "4", "۵", "5", "۶", "6", "۷", "7", "۸", "8", "۹", "9",
)

// Fold returns the form of s in which texts are compared: letter case, accents, tashkeel, Arabic letter variants, full
// width forms and the kind and amount of white space make no difference. Folding twice changes nothing.
func Fold(s string) string {
	if folded, ok := foldASCII(s); ok {
		return folded
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFKD.String(arabic.Replace(norm.NFC.String(s))) {
		switch {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
			continue
		case unicode.IsSpace(r), unicode.IsControl(r):
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		for _, l := range strings.ToLower(strings.ToUpper(string(r))) {
			if l != 'ß' {
				b.WriteRune(l)
				continue
			}
			b.WriteString("ss")
		}
	}
	return arabic.Replace(b.String())
}

// foldASCII is Fold for the common case.
func foldASCII(s string) (string, bool) {
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' || c == 0x7f {
			return "", false
		}
	}
	s = strings.ToLower(s)
	if strings.Contains(s, "  ") || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") {
		return strings.Join(strings.Fields(s), " "), true
	}
	return s, true
}

// Sorter makes sort keys. It is not safe for concurrent use.
type Sorter struct {
	c *collate.Collator
	b collate.Buffer
}

// NewSorter returns a sorter for the root collation (CLDR), which orders all scripts.
func NewSorter() *Sorter { return &Sorter{c: collate.New(language.Und)} }

// Key returns the bytes whose order is the order of names (UTS 10), at most MaxSortKey.
func (s *Sorter) Key(name string) []byte {
	s.b.Reset()
	k := s.c.KeyFromString(&s.b, name)
	if len(k) > MaxSortKey {
		k = k[:MaxSortKey]
	}
	return append([]byte{}, k...)
}

// SortKey is Key of a fresh sorter.
func SortKey(name string) []byte { return NewSorter().Key(name) }
