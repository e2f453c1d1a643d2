package tabular

import (
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Encodings are the encodings of text files that are understood, by their IANA names.
func Encodings() []string {
	return []string{"UTF-8", "UTF-16LE", "UTF-16BE", "windows-1252", "windows-1256"}
}

func known(name string) bool {
	for _, n := range Encodings() {
		if n == name {
			return true
		}
	}
	return false
}

// guess finds out the encoding of a text by its beginning. Marks of the byte order count first, then zero bytes, then
// whether it is UTF-8 at all; what remains is the Arabic code page where bytes beyond ASCII stand beside each other, as the
// letters of Arabic words do, else the Western one, whose accented letters stand among plain ones.
func guess(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return "UTF-8"
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return "UTF-16LE"
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return "UTF-16BE"
	}
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	if n := len(head); n >= 4 && zeros[0]+zeros[1] > n/8 {
		if zeros[0] > zeros[1] {
			return "UTF-16BE"
		}
		return "UTF-16LE"
	}
	if validPrefix(head) {
		return "UTF-8"
	}
	pairs, single := 0, 0
	for i := 1; i < len(head); i++ {
		switch a, b := head[i-1], head[i]; {
		case a >= 0xc0 && b >= 0xc0:
			pairs++
		case a >= 0xc0 && letter(b), letter(a) && b >= 0xc0:
			single++
		}
	}
	if pairs > single {
		return "windows-1256"
	}
	return "windows-1252"
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// validPrefix is utf8.Valid for the beginning of a text, which may end within a character.
func validPrefix(head []byte) bool {
	for cut := 0; cut < utf8.UTFMax && cut <= len(head); cut++ {
		if utf8.Valid(head[:len(head)-cut]) {
			return true
		}
		if len(head) < headSize {
			return false
		}
	}
	return false
}

// decoded returns the text of r in UTF-8, without a mark of the byte order. UTF-8 itself is passed on as it is.
func decoded(r io.Reader, name string) io.Reader {
	var e encoding.Encoding
	switch name {
	case "UTF-16LE":
		e = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "UTF-16BE":
		e = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "windows-1252":
		e = charmap.Windows1252
	case "windows-1256":
		e = charmap.Windows1256
	default:
		return r
	}
	return transform.NewReader(r, e.NewDecoder())
}
