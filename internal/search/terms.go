package search

import (
	"strings"

	"farley/internal/text/sound"
)

// maxWords bounds the words of one field that are found: of a long text the first ones.
const maxWords = 1000

// Terms that are no words begin with what no word begins with.
const (
	stemMark  = "~" // before a stem
	soundMark = "^" // before the consonants, which a soundEnd and the word follow
	soundEnd  = "|"
)

// posting says that a term is in a field of a record.
type posting struct {
	field    int64
	term     string
	place    int // of the first occurrence, in words from the beginning of its text, 0 for the first
	words    int // how many there are in that text
	strength int // orders postings of one term: the better are the larger
}

// postings takes the texts of a field apart.
func postings(x *indexed, texts []piece) []posting {
	c := collector{x: x, seen: map[string]int{}}
	for _, p := range texts {
		c.piece(p)
		if c.words >= maxWords {
			break
		}
	}
	return c.out
}

type collector struct {
	x     *indexed
	out   []posting
	seen  map[string]int // term → its index in out
	words int
}

func (c *collector) piece(p piece) {
	if p.how == phone {
		for _, t := range phoneTerms(p.text) {
			c.add(t, 0, 1)
		}
		return
	}
	all := tokens(p.text)
	if p.how == site {
		all = withoutScheme(all)
	}
	var whole, words []token
	for _, t := range all {
		if t.email {
			whole = append(whole, t)
			continue
		}
		words = append(words, t)
	}
	list := groups(words)
	if rest := maxWords - c.words; len(list) > rest {
		list = list[:rest]
	}
	c.words += len(list)
	count := len(list)
	if p.how == email {
		count = 1
	}
	for _, t := range whole {
		c.add(t.text, 0, count)
	}
	if p.how == code || p.how == outer {
		c.add(joinedCode(words), 0, 1)
	}
	for place, g := range list {
		for _, t := range g.tokens {
			c.word(t.text, place, count, p.how)
		}
		if g.joined != "" {
			c.word(g.joined, place, count, p.how)
		}
	}
}

func (c *collector) word(w string, place, count int, how manner) {
	c.add(w, place, count)
	if !stemmed(how) {
		return
	}
	if s := stem(w); s != w {
		c.add(stemMark+s, place, count)
	}
	switch how {
	case prose:
		if s := proclitic(w); s != "" {
			c.add(stemMark+s, place, count)
		}
	case name, tagged:
		for _, key := range sound.Keys(sound.Of(w)) {
			c.add(soundMark+key+soundEnd+w, place, count)
		}
	}
}

// stemmed reports whether the words of such texts have stems.
func stemmed(how manner) bool { return how != code && how != outer && how != email && how != phone }

func (c *collector) add(term string, place, count int) {
	if term == "" {
		return
	}
	strength := c.x.weight * 4
	if place == 0 {
		strength += 2
	}
	if count == 1 {
		strength++
	}
	if i, ok := c.seen[term]; ok {
		if c.out[i].strength < strength { // the same word again, in a better place
			c.out[i].place, c.out[i].words, c.out[i].strength = place, count, strength
		}
		return
	}
	c.seen[term] = len(c.out)
	c.out = append(c.out, posting{field: c.x.code, term: term, place: place, words: count, strength: strength})
}

// joinedCode writes the words of a code together: "SA-300/12" is found as "sa30012" too.
func joinedCode(words []token) string {
	var b strings.Builder
	for _, t := range words {
		b.WriteString(t.text)
	}
	return cut(b.String(), maxTerm)
}

func withoutScheme(list []token) []token {
	for len(list) > 0 && (list[0].text == "http" || list[0].text == "https" || list[0].text == "www") {
		list = list[1:]
	}
	return list
}
