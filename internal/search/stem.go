package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/ar"
	"github.com/blevesearch/bleve/v2/analysis/token/porter"
)

// Both keep nothing between calls.
var (
	arabicStemmer  = ar.NewArabicStemmerFilter()
	englishStemmer = porter.NewPorterStemmer()
)

// article is the Arabic article in Latin letters, as in "Alnoor"; what is left of it must have as many letters.
const (
	articleSize = 2
	articleRest = 4
)

// stem returns what a folded word has in common with its other forms: without article, plural and the like. It is the
// word itself where nothing is known.
func stem(w string) string {
	switch scriptOf(w) {
	case arabic:
		return filter(arabicStemmer, w)
	case latin:
		if utf8.RuneCountInString(w) < 4 {
			return w
		}
		return filter(englishStemmer, withoutArticle(w))
	}
	return w
}

func withoutArticle(w string) string {
	if len(w) >= articleSize+articleRest && (strings.HasPrefix(w, "al") || strings.HasPrefix(w, "el")) {
		return w[articleSize:]
	}
	return w
}

// proclitic returns the stem of an Arabic word without a one-letter preposition or conjunction at its beginning (bi-, li-,
// fa-, ka-), "" where there is none. In names those letters are more often part of the word.
func proclitic(w string) string {
	if scriptOf(w) != arabic {
		return ""
	}
	first, size := utf8.DecodeRuneInString(w)
	rest := w[size:]
	if !strings.ContainsRune("بلفك", first) || utf8.RuneCountInString(rest) < 3 {
		return ""
	}
	return stem(rest)
}

func filter(f analysis.TokenFilter, w string) string {
	out := f.Filter(analysis.TokenStream{{Term: []byte(w)}})
	if len(out) != 1 || len(out[0].Term) == 0 {
		return w
	}
	return string(out[0].Term)
}

// script is what a word is written in.
type script int

const (
	otherScript script = iota
	latin
	arabic
	digits
)

// scriptOf returns the script of a word of letters only, digits for one of digits only, otherScript for mixtures.
func scriptOf(w string) script {
	found := otherScript
	for i, r := range w {
		s := otherScript
		switch {
		case r >= 'a' && r <= 'z':
			s = latin
		case unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r):
			s = arabic
		case r >= '0' && r <= '9':
			s = digits
		}
		if s == otherScript || i > 0 && s != found {
			return otherScript
		}
		found = s
	}
	return found
}
