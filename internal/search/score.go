package search

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"farley/internal/text/sound"
)

// How well a term fits a word of the query, out of 100.
const (
	fitsExactly = 100
	fitsStem    = 70
	fitsSound   = 58 // less soundStep for each vowel that differs
	soundStep   = 8
	fitsHead    = 60 // plus up to headExtra, the more of the word is typed
	headExtra   = 25
	fitsTypo    = 45
	fitsBegun   = 30 // a beginning that sounds so
)

// fit returns how well a term fits the word, 0 when it does not.
func (s *sought) fit(term string) int {
	if term == "" {
		return 0
	}
	switch term[:1] {
	case stemMark:
		for _, st := range append(s.stems, s.text) {
			if term[1:] == st {
				return fitsStem
			}
		}
		return 0
	case soundMark:
		return s.fitSound(term[1:])
	case phoneEnd:
		return fitNumber(term[1:], s.end)
	case phoneStart:
		if !s.prefix {
			return 0
		}
		return fitNumber(term[1:], s.start)
	}
	return s.fitWord(term)
}

func (s *sought) fitWord(term string) int {
	if term == s.text || s.start != "" && term == s.start {
		return fitsExactly
	}
	for _, st := range s.stems {
		if term == st {
			return fitsStem
		}
	}
	if s.prefix {
		for _, head := range []string{s.text, s.start} {
			if head != "" && strings.HasPrefix(term, head) {
				return fitsHead + headExtra*utf8.RuneCountInString(head)/utf8.RuneCountInString(term)
			}
		}
	}
	if s.typos && utf8.RuneCountInString(s.text) >= minTypo && utf8.RuneCountInString(s.text) <= maxTypo && oneApart(s.text, term) {
		return fitsTypo
	}
	return 0
}

func (s *sought) fitSound(rest string) int {
	key, w, _ := strings.Cut(rest, soundEnd)
	for _, k := range s.keys {
		if k != key {
			continue
		}
		if n, ok := sound.Like(s.sounds, sound.Of(w), key); ok {
			return fitsSound - soundStep*n
		}
		return 0
	}
	if !s.prefix {
		return 0
	}
	for _, k := range s.keys {
		if len(k) > sound.Min && strings.HasPrefix(key, k) {
			return fitsBegun
		}
	}
	return 0
}

func fitNumber(all, begun string) int {
	switch {
	case begun == "" || !strings.HasPrefix(all, begun):
		return 0
	case all == begun:
		return fitsExactly
	}
	return fitsHead + (fitsExactly-fitsHead)*len(begun)/len(all)
}

// oneApart reports whether one letter more, less or other, or two swapped letters, make one word of the other.
func oneApart(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	switch {
	case len(y)-len(x) > 1:
		return false
	case len(x) != len(y):
		return string(x[i:]) == string(y[i+1:])
	case i == len(x):
		return false
	case string(x[i+1:]) == string(y[i+1:]):
		return true
	}
	return i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && string(x[i+2:]) == string(y[i+2:])
}

// found is what the index says of one term of a record.
type found struct {
	field        int64
	term         string
	place, words int
}

// How much more, in hundredths, a text counts all words of which are in the query, and one that has the words of the query
// in their order.
const (
	wholeBonus = 40
	orderBonus = 10
)

// scored is the outcome of score.
type scored struct {
	score int64   // in hundredths
	field []int64 // the fields that matched, the best first
}

// score ranks a record by the terms of it that match: the weight of the field, how well the term fits, and its place.
// ok is false when a word of the query is not there after all.
func score(query []*sought, weight map[int64]int, terms []found) (out scored, ok bool) {
	best := make([]int64, len(query))
	byField := map[int64]*inField{}
	for _, t := range terms {
		for i, s := range query {
			fit := s.fit(t.term)
			if fit == 0 {
				continue
			}
			n := int64(weight[t.field]) * int64(fit) * int64(10-min(t.place, 3))
			best[i] = max(best[i], n)
			if byField[t.field] == nil {
				byField[t.field] = &inField{places: make([]place, len(query))}
			}
			byField[t.field].add(i, fit, n, t)
		}
	}
	var sum int64
	for _, n := range best {
		if n == 0 {
			return out, false
		}
		sum += n
	}
	sum /= int64(len(query)) * 10
	bonus := int64(0)
	for field, f := range byField {
		bonus = max(bonus, int64(weight[field])*f.bonus())
	}
	out.score = sum + bonus
	for field := range byField {
		out.field = append(out.field, field)
	}
	slices.SortFunc(out.field, func(a, b int64) int {
		if c := cmp.Compare(byField[b].best, byField[a].best); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	return out, true
}

// inField is what of the query is in one field.
type inField struct {
	best   int64
	places []place // of each word of the query
	words  int     // in the text
}

// place is where a word fits best.
type place struct{ fit, at int }

func (f *inField) add(word, fit int, points int64, t found) {
	f.best = max(f.best, points)
	p := &f.places[word]
	if fit > p.fit || fit == p.fit && t.place < p.at {
		*p = place{fit, t.place}
	}
	f.words = t.words
}

func (f *inField) bonus() int64 {
	seen := map[int]bool{}
	ordered := int64(0)
	if len(f.places) > 1 {
		ordered = orderBonus
	}
	for i, p := range f.places {
		if p.fit < fitsStem {
			ordered = 0
			continue
		}
		seen[p.at] = true
		if i > 0 && p.at < f.places[i-1].at {
			ordered = 0
		}
	}
	if len(seen) < f.words || len(seen) == 0 {
		return ordered
	}
	return ordered + wholeBonus
}
