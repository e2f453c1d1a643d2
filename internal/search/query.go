package search

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"farley/internal/text"
	"farley/internal/text/sound"
)

const (
	maxQuery  = 200 // characters of a query
	maxSought = 10  // words of a query that count
	minPrefix = 2   // characters from which a single word may be the beginning of one
	minTypo   = 4   // characters from which a word may have a typing error
	maxTypo   = 16  // characters up to which
)

// last is behind every character of a term.
const last = "\U0010FFFF"

// sought is a word of a query: a record has it when it has a term that is one of terms, or begins with one of heads.
type sought struct {
	text   string // as typed, folded
	prefix bool   // it may be the beginning of a word
	typos  bool   // it may have a typing error
	stems  []string
	sounds []sound.Sound
	keys   []string // what sounds
	end    string   // of a telephone number: its digits from the last to the first
	start  string   // of a telephone number: its digits without leading zeros

	terms []string
	heads []string
	wrong []string // those of terms that are typing errors: the last ones
}

// stopWords say nothing, and are left out where there are other words. Ali (علي) looks like one and is not.
var stopWords = map[string]bool{
	"the": true, "of": true, "and": true, "a": true, "an": true, "in": true, "for": true, "to": true, "at": true, "on": true, "by": true,
	"or": true, "with": true, "من": true, "في": true, "و": true, "عن": true, "مع": true, "او": true, "الي": true,
}

// number finds telephone numbers as people write them: with spaces, hyphens and brackets, or a plus before them.
var number = regexp.MustCompile(`(?:\+|\b00|\b0)\(?\d[\d\s().\-/]{4,}\d|\b\d[\d\s().\-]{7,}\d`)

// parse reads a query. Everything is text: there are no operators. A query that ends in white space ends in a whole word.
func parse(q string, typos bool) []*sought {
	ended := q != strings.TrimRightFunc(q, unicode.IsSpace)
	var out []*sought
	q = latinDigits(q)
	for at := number.FindStringIndex(q); at != nil; at = number.FindStringIndex(q) {
		found := q[at[0]:at[1]]
		out = append(out, words(q[:at[0]])...)
		if isNumber(found) {
			out = append(out, &sought{text: onlyDigits(found)})
		} else {
			out = append(out, words(found)...)
		}
		q = q[at[1]:]
	}
	out = withoutStops(append(out, words(q)...), ended)
	out = out[:min(len(out), maxSought)]
	for i, s := range out {
		s.prefix = i == len(out)-1 && !ended && (i > 0 || utf8.RuneCountInString(s.text) >= minPrefix)
		s.typos = typos
		s.prepare()
	}
	return out
}

// yearly is how numbers of documents begin: "2026-00417".
var yearly = regexp.MustCompile(`^(19|20)\d\d[^\d]`)

// isNumber tells telephone numbers from dates and numbers of documents.
func isNumber(s string) bool {
	n := len(onlyDigits(s))
	return n >= 9 && !yearly.MatchString(s) || n >= 7 && (s[0] == '+' || s[0] == '0')
}

// withoutStops leaves out words that say nothing, unless there are no others, or the word may be the beginning of one.
func withoutStops(all []*sought, ended bool) []*sought {
	var out []*sought
	for i, s := range all {
		if !stopWords[s.text] || i == len(all)-1 && !ended {
			out = append(out, s)
		}
	}
	if out == nil {
		return all
	}
	return out
}

// latinDigits writes all decimal digits as 0 to 9, and nothing else differently.
func latinDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Nd, r) && r > unicode.MaxASCII {
			if d := text.Fold(string(r)); len(d) == 1 {
				return rune(d[0])
			}
		}
		return r
	}, s)
}

// words reads what is no number.
func words(q string) []*sought {
	var out []*sought
	at := 0
	for _, m := range emails.FindAllStringIndex(q, -1) {
		out = append(out, groupsSought(q[at:m[0]])...)
		out = append(out, &sought{text: cut(text.Fold(strings.TrimRight(q[m[0]:m[1]], ".-")), maxTerm)})
		at = m[1]
	}
	return append(out, groupsSought(q[at:])...)
}

func groupsSought(q string) []*sought {
	var out []*sought
	for _, g := range groups(tokens(q)) {
		if g.joined != "" {
			out = append(out, &sought{text: g.joined})
			continue
		}
		out = append(out, &sought{text: g.tokens[0].text})
	}
	return out
}

// prepare lists the alternatives.
func (s *sought) prepare() {
	s.terms = []string{s.text}
	isEmail := strings.Contains(s.text, "@")
	if !isEmail {
		st := stem(s.text)
		s.stems = []string{st}
		s.terms = append(s.terms, stemMark+st, stemMark+s.text, st)
		s.sounds = sound.Of(s.text)
		s.keys = sound.Keys(s.sounds)
		for _, k := range s.keys {
			s.heads = append(s.heads, soundMark+k+soundEnd)
		}
	}
	if sound.ScriptOf(s.text) == sound.Digits {
		s.number()
	}
	if s.prefix {
		s.heads = append(s.heads, s.text)
		for _, k := range s.keys {
			if len(k) > sound.Min {
				s.heads = append(s.heads, soundMark+k)
			}
		}
	}
	slices.Sort(s.terms)
	s.terms = slices.Compact(s.terms)
	if s.typos && !isEmail {
		for _, n := range neighbours(s.text) {
			if !slices.Contains(s.terms, n) {
				s.wrong = append(s.wrong, n)
			}
		}
		slices.Sort(s.wrong)
		s.wrong = slices.Compact(s.wrong)
		s.terms = append(s.terms, s.wrong...)
	}
	slices.Sort(s.heads)
	var heads []string
	for _, h := range s.heads { // a head that begins with another one finds nothing more
		if len(heads) == 0 || !strings.HasPrefix(h, heads[len(heads)-1]) {
			heads = append(heads, h)
		}
	}
	s.heads = heads
}

func (s *sought) number() {
	d := dialled(s.text)
	if len(d) < minEnd {
		return
	}
	s.end, s.start = reverse(d), d
	s.heads = append(s.heads, phoneEnd+s.end)
	if s.prefix {
		s.heads = append(s.heads, phoneStart+d)
		if d != s.text {
			s.heads = append(s.heads, d) // as typed at home, where a number begins with a zero
		}
	}
	if d != s.text {
		s.terms = append(s.terms, d)
	}
}

var alphabets = map[sound.Script]string{
	sound.Latin:  "abcdefghijklmnopqrstuvwxyz",
	sound.Arabic: "ءابتثجحخدذرزسشصضطظعغفقكلمنهوي",
}

// neighbours lists all words that one letter more, less or other, or two swapped letters, make of a word. Words with
// digits have none, words of other scripts only those with the letters that are there.
func neighbours(w string) []string {
	r := []rune(w)
	if len(r) < minTypo || len(r) > maxTypo || strings.ContainsFunc(w, unicode.IsNumber) {
		return nil
	}
	letters := []rune(alphabets[sound.ScriptOf(w)])
	var out []string
	for i := range r {
		out = append(out, string(r[:i])+string(r[i+1:]))
		if i+1 < len(r) && r[i] != r[i+1] {
			out = append(out, string(r[:i])+string([]rune{r[i+1], r[i]})+string(r[i+2:]))
		}
		for _, l := range letters {
			if l != r[i] {
				out = append(out, string(r[:i])+string(l)+string(r[i+1:]))
			}
		}
	}
	for i := range len(r) + 1 {
		for _, l := range letters {
			out = append(out, string(r[:i])+string(l)+string(r[i:]))
		}
	}
	return out
}
