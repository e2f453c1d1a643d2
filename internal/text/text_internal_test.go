package text

import (
	"bytes"
	"testing"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// What keys leave out has to be the least of its level, whatever the characters.
func TestLevels_plainWeightsAreTheLeast(t *testing.T) {
	t.Parallel()
	c := collate.New(language.Und)
	var b collate.Buffer
	for r := rune(1); r <= 0x1FFFF; r++ {
		b.Reset()
		k := c.KeyFromString(&b, string(r))
		first, second, third := levels(k)
		if whole := bytes.Join([][]byte{first, second, third}, []byte{0, 0}); len(k) > 0 && !bytes.Equal(whole, k) {
			t.Fatalf("%q: the levels of %x are %x, %x, %x", r, k, first, second, third)
		}
		for i := 0; i+1 < len(second); i += 2 {
			if w := int(second[i])<<8 | int(second[i+1]); w < plainSecondary {
				t.Errorf("%q has the secondary weight %#x", r, w)
			}
		}
		for _, w := range third {
			if w < plainTertiary {
				t.Errorf("%q has the tertiary weight %#x", r, w)
			}
		}
	}
}
