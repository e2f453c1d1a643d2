// Package text folds and orders names the same way on every database: what filters compare and what orders use is
// computed here and stored beside the text.
package text

import (
	"bytes"
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
	k := shortened(s.c.KeyFromString(&s.b, name))
	if len(k) > MaxSortKey {
		k = k[:MaxSortKey]
	}
	return k
}

// The weights of what has neither accent nor capital, which are the least ones of their levels.
const (
	plainSecondary = 0x20
	plainTertiary  = 0x02
)

// shortened returns a copy of a key without the plain weights at the end of its second and third level (UTS 10, 9.3): a key
// that ends where another one goes on is less, as the plain weight is, so the order stays, and names take half the room in
// every index.
func shortened(k []byte) []byte {
	first, second, third := levels(k)
	for bytes.HasSuffix(second, []byte{0, plainSecondary}) {
		second = second[:len(second)-2]
	}
	third = bytes.TrimRight(third, string(rune(plainTertiary)))
	out := make([]byte, 0, len(first)+len(second)+len(third)+4)
	out = append(append(out, first...), 0, 0)
	out = append(append(out, second...), 0, 0)
	return append(out, third...)
}

// levels divides a key as package collate writes it: primary weights in two bytes, or in three of which the first has its high
// bit; secondary ones in two, tertiary ones in one; two zero bytes between the levels.
func levels(k []byte) (first, second, third []byte) {
	n := 0
	for n+1 < len(k) && (k[n] != 0 || k[n+1] != 0) {
		if k[n]&0x80 != 0 {
			n++
		}
		n += 2
	}
	first, k = k[:min(n, len(k))], k[min(n+2, len(k)):]
	for n = 0; n+1 < len(k) && (k[n] != 0 || k[n+1] != 0); {
		n += 2
	}
	return first, k[:n], k[min(n+2, len(k)):]
}

// SortKey is Key of a fresh sorter.
func SortKey(name string) []byte { return NewSorter().Key(name) }
