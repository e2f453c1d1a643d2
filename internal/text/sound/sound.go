// Package sound says how names sound, whatever script and spelling, so that the search finds them and duplicates meet.
package sound

import (
	"slices"
	"strings"
)

// How a name sounds, whatever script and spelling: its consonants. Arabic writes no short vowels, and Latin spellings of
// Arabic names agree about vowels least of all, so محمد, Mohammed and Muhammad are all "mhmd". The vowels between tell
// afterwards how close two names are (حسين is Hussein rather than Hassan).

// Min is the fewest consonants by which names are compared.
const Min = 2

// maxReadings bounds the readings of a word with ambiguous letters.
const maxReadings = 4

// vowels is a set of vowels between two consonants.
type vowels uint8

const (
	vowelA vowels = 1 << iota
	vowelU
	vowelI
	long     // written with two letters
	anything // Arabic: ain, which Latin spellings write in any way
)

// Sound is one way to read a word.
type Sound struct {
	readings []string // the consonants
	gaps     []vowels // between them
	arabic   bool
}

// Of returns the ways to read a folded word: as it is, and without the article. None for words of other scripts.
func Of(w string) []Sound {
	var out []Sound
	add := func(w string, read func([]rune) Sound) {
		if s := read([]rune(w)); len(s.readings) > 0 && len(s.readings[0]) >= Min {
			out = append(out, s)
		}
	}
	switch ScriptOf(w) {
	case Latin:
		if rest := WithoutArticle(w); rest != w {
			add(rest, readLatin)
		}
		add(w, readLatin)
	case Arabic:
		if rest := strings.TrimPrefix(w, "ال"); rest != w && len([]rune(rest)) >= 3 {
			add(rest, readArabic)
		}
		add(w, readArabic)
	}
	return out
}

// Keys returns the consonants of all readings.
func Keys(all []Sound) []string {
	var out []string
	for _, s := range all {
		for _, r := range s.readings {
			if len(r) >= Min && !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// reader collects consonants and the vowels between them.
type reader struct {
	letters []string // each the possible consonants of one letter
	gaps    []vowels // before each letter
	pending vowels
	count   int // vowels pending
}

func (r *reader) consonant(options string) {
	if n := len(r.letters); n > 0 && r.pending == 0 && r.count == 0 && r.letters[n-1] == options {
		return // doubled
	}
	r.letters = append(r.letters, options)
	if r.count > 1 {
		r.pending |= long
	}
	r.gaps = append(r.gaps, r.pending)
	r.pending, r.count = 0, 0
}

func (r *reader) vowel(v vowels) {
	if len(r.letters) == 0 {
		r.letters, r.gaps = []string{"a"}, []vowels{0} // a vowel at the beginning, whichever
		return
	}
	r.pending |= v
	r.count++
}

// sound ends the word. mayEnd is a consonant that is heard or not at its end.
func (r *reader) sound(isArabic bool, mayEnd string) Sound {
	s := Sound{arabic: isArabic}
	if len(r.letters) == 0 {
		return s
	}
	// Abdul Rahman is Abdurrahman as well.
	if len(r.letters) > 4 && strings.Join(r.letters[:4], "") == "abdl" {
		r.gaps[4] |= r.gaps[3]
		r.letters, r.gaps = slices.Delete(r.letters, 3, 4), slices.Delete(r.gaps, 3, 4)
	}
	readings := []string{""}
	for _, options := range r.letters {
		var longer []string
		for _, o := range options {
			for _, head := range readings {
				if len(longer) < maxReadings {
					longer = append(longer, head+string(o))
				}
			}
		}
		readings = longer
	}
	if mayEnd != "" && len(readings) < maxReadings {
		readings = append(readings, readings[0]+mayEnd)
	}
	s.readings, s.gaps = readings, r.gaps[1:]
	return s
}

var digraphs = map[string]string{"kh": "x", "gh": "q", "sh": "$", "ch": "$", "th": "t", "dh": "d", "ph": "f"}

var latinConsonants = map[rune]string{
	'b': "b", 'c': "k", 'd': "d", 'f': "f", 'g': "j", 'h': "h", 'j': "j", 'k': "k", 'l': "l", 'm': "m", 'n': "n", 'p': "b", 'q': "k",
	'r': "r", 's': "s", 't': "t", 'v': "f", 'w': "w", 'x': "x", 'y': "y", 'z': "z",
}

var latinVowels = map[rune]vowels{'a': vowelA, 'e': vowelA | vowelI, 'i': vowelI, 'o': vowelU, 'u': vowelU, 'w': vowelU, 'y': vowelI}

func readLatin(w []rune) Sound {
	var r reader
	for i := 0; i < len(w); i++ {
		c := w[i]
		if i+1 < len(w) {
			if d := digraphs[string(w[i:i+2])]; d != "" {
				r.consonant(d)
				i++
				continue
			}
		}
		v, isVowel := latinVowels[c]
		switch {
		case isVowel && (i > 0 || c != 'w' && c != 'y'):
			r.vowel(v)
		case c == 'h' && i == len(w)-1 && i > 0 && latinVowels[w[i-1]] != 0:
			// as in Sarah: not heard
		case c == 'c' && i+1 < len(w) && strings.ContainsRune("eiy", w[i+1]):
			r.consonant("s")
		default:
			r.consonant(latinConsonants[c])
		}
	}
	return r.sound(false, "")
}

// arabicConsonants are the Latin consonants that a letter may become; folded texts have no other forms of alef, ya and ta.
var arabicConsonants = map[rune]string{
	'ب': "b", 'پ': "b", 'ت': "t", 'ث': "ts", 'ج': "j", 'چ': "$", 'ح': "h", 'خ': "x", 'د': "d", 'ذ': "dz", 'ر': "r", 'ز': "z", 'ژ': "j",
	'س': "s", 'ش': "$", 'ص': "s", 'ض': "d", 'ط': "t", 'ظ': "zd", 'غ': "q", 'ف': "f", 'ڤ': "f", 'ق': "k", 'ك': "k", 'ک': "k", 'گ': "j",
	'ل': "l", 'م': "m", 'ن': "n", 'ه': "h",
}

func readArabic(w []rune) Sound {
	var r reader
	mayEnd := ""
	for i, c := range w {
		switch c {
		case 'ا':
			r.vowel(vowelA)
		case 'و':
			if i == 0 {
				r.consonant("w")
				continue
			}
			r.vowel(vowelU)
		case 'ي', 'ی':
			if i == 0 {
				r.consonant("y")
				continue
			}
			r.vowel(vowelI)
		case 'ع':
			r.vowel(anything)
		case 'ه':
			if i == len(w)-1 && i > 0 {
				mayEnd = "h" // a ta marbuta, as a rule
				continue
			}
			r.consonant("h")
		default:
			if options := arabicConsonants[c]; options != "" {
				r.consonant(options)
			}
		}
	}
	return r.sound(true, mayEnd)
}

// Like reports how many of the vowels of two words disagree that have the consonants key, and whether they sound alike at
// all.
func Like(a, b []Sound, key string) (differing int, ok bool) {
	best := -1
	for _, s := range a {
		if !slices.Contains(s.readings, key) {
			continue
		}
		for _, t := range b {
			if !slices.Contains(t.readings, key) {
				continue
			}
			n := disagree(s, t)
			if n <= len(s.gaps)/2 && (best < 0 || n < best) {
				best = n
			}
		}
	}
	return best, best >= 0
}

func disagree(s, t Sound) int {
	n := 0
	for i := range min(len(s.gaps), len(t.gaps)) {
		a, b := s.gaps[i], t.gaps[i]
		if s.arabic == t.arabic {
			a, b = a&^long, b&^long
			if (a == 0) != (b == 0) || a != 0 && a&b == 0 {
				n++
			}
			continue
		}
		if i == 0 && strings.HasPrefix(s.readings[0], "a") {
			continue // behind a vowel at the beginning, which is written in any way
		}
		if t.arabic {
			a, b = b, a
		}
		// a is the Arabic word's: only long vowels are written, and two of them are two syllables.
		switch {
		case a&anything != 0:
		case a == 0 && b&long != 0, a != 0 && a&b&^long == 0, a&long != 0 && b&long == 0:
			n++
		}
	}
	return n
}

// Plainly returns the consonants of the likeliest reading.
func (s Sound) Plainly() string { return s.readings[0] }
