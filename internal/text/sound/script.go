package sound

import (
	"strings"
	"unicode"
)

// article is the Arabic article in Latin letters, as in "Alnoor"; what is left of it must have as many letters.
const (
	articleSize = 2
	articleRest = 4
)

// WithoutArticle returns a folded Latin word without the Arabic article.
func WithoutArticle(w string) string {
	if len(w) >= articleSize+articleRest && (strings.HasPrefix(w, "al") || strings.HasPrefix(w, "el")) {
		return w[articleSize:]
	}
	return w
}

// Script is what a word is written in.
type Script int

// The scripts that are told apart.
const (
	Other Script = iota
	Latin
	Arabic
	Digits
)

// ScriptOf returns the script of a word of letters only, Digits for one of digits only, Other for mixtures.
func ScriptOf(w string) Script {
	found := Other
	for i, r := range w {
		s := Other
		switch {
		case r >= 'a' && r <= 'z':
			s = Latin
		case unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r):
			s = Arabic
		case r >= '0' && r <= '9':
			s = Digits
		}
		if s == Other || i > 0 && s != found {
			return Other
		}
		found = s
	}
	return found
}
