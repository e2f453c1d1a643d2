package search

import (
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/ar"
	"github.com/blevesearch/bleve/v2/analysis/token/porter"

	"farley/internal/text/sound"
)

// Both keep nothing between calls.
var (
	arabicStemmer  = ar.NewArabicStemmerFilter()
	englishStemmer = porter.NewPorterStemmer()
)

// stem returns what a folded word has in common with its other forms: without article, plural and the like. It is the
// word itself where nothing is known.
func stem(w string) string {
	switch sound.ScriptOf(w) {
	case sound.Arabic:
		return filter(arabicStemmer, w)
	case sound.Latin:
		if utf8.RuneCountInString(w) < 4 {
			return w
		}
		return filter(englishStemmer, sound.WithoutArticle(w))
	}
	return w
}

// proclitic returns the stem of an Arabic word without a one-letter preposition or conjunction at its beginning (bi-, li-,
// fa-, ka-), "" where there is none. In names those letters are more often part of the word.
func proclitic(w string) string {
	if sound.ScriptOf(w) != sound.Arabic {
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
