package search

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"farley/internal/text"
)

// maxWord is the most characters of a word that count.
const maxWord = 40

// maxTerm is the most characters of a term: of a whole e-mail address, at most.
const maxTerm = 100

// token is a word of a text, folded, with its place in the text.
type token struct {
	text       string
	start, end int // bytes
	email      bool
}

var emails = regexp.MustCompile(`[\p{L}\p{N}][\p{L}\p{N}._%+\-]*@[\p{L}\p{N}][\p{L}\p{N}.\-]*`)

// tokens splits a text into words: letters and digits with the marks on them. E-mail addresses are words as a whole, and
// so is what is in them.
func tokens(s string) []token {
	var out []token
	for _, at := range emails.FindAllStringIndex(s, -1) {
		whole := strings.TrimRight(s[at[0]:at[1]], ".-")
		out = append(out, token{text: cut(text.Fold(whole), maxTerm), start: at[0], end: at[0] + len(whole), email: true})
	}
	start := -1
	end := func(to int) {
		if start < 0 {
			return
		}
		if w := foldWord(s[start:to]); w != "" {
			out = append(out, token{text: w, start: start, end: to})
		}
		start = -1
	}
	for at := 0; at < len(s); {
		r, size := utf8.DecodeRuneInString(s[at:])
		next, _ := utf8.DecodeRuneInString(s[at+size:])
		inWord := unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) ||
			start >= 0 && (unicode.Is(unicode.Cf, r) || isApostrophe(r) && unicode.IsLetter(next))
		switch {
		case inWord && start < 0:
			start = at
		case !inWord:
			end(at)
		}
		at += size
	}
	end(len(s))
	return out
}

func isApostrophe(r rune) bool { return r == '\'' || r == '’' || r == 'ʼ' || r == '‘' || r == '`' }

// foldWord returns the form of a word in which it is compared: folded, without apostrophes, without the English genitive.
func foldWord(s string) string {
	if i := strings.LastIndexFunc(s, isApostrophe); i > 0 && strings.EqualFold(strings.TrimLeftFunc(s[i:], isApostrophe), "s") {
		s = s[:i]
	}
	folded := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, text.Fold(s))
	return cut(folded, maxWord)
}

func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// joins are words that belong to the one behind them, and are as often written together with it.
var joins = map[string]bool{
	"al": true, "el": true, "abd": true, "abdul": true, "abdel": true, "abdal": true, "abdol": true, "abu": true, "abou": true,
	"ال": true, "عبد": true, "ابو": true, "ابا": true, "ابي": true,
}

// group is one or several words that count as one: "Al Noor", "عبد الرحمن".
type group struct {
	tokens []token
	joined string // all of them written together, "" when there is but one
}

// groups joins words.
func groups(list []token) []group {
	var out []group
	for i := 0; i < len(list); i++ {
		g := group{tokens: list[i : i+1]}
		for !list[i].email && joins[list[i].text] && i+1 < len(list) && !list[i+1].email {
			i++
			g.tokens = g.tokens[:len(g.tokens)+1]
		}
		if len(g.tokens) > 1 {
			var b strings.Builder
			for _, t := range g.tokens {
				b.WriteString(t.text)
			}
			g.joined = cut(b.String(), maxWord)
		}
		out = append(out, g)
	}
	return out
}
