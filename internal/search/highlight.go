package search

import (
	"database/sql"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/model"
)

const (
	markStart = "<mark>"
	markEnd   = "</mark>"
	// around is how many characters of a long text stand before the first match; snippet how many there are altogether.
	around  = 40
	snippet = 160
)

// highlight fills in the highlights of a page, from the values that the actor may read now: one statement a kind, one
// more where a tag matched.
func (f *finder) highlight(hits []Hit) error {
	byKind := map[*model.Kind][]int{}
	for i := range hits {
		byKind[hits[i].kind] = append(byKind[hits[i].kind], i)
	}
	for _, k := range f.Set.Kinds {
		if len(byKind[k]) == 0 {
			continue
		}
		texts, err := f.shown(k, hits, byKind[k])
		if err != nil {
			return err
		}
		for _, i := range byKind[k] {
			for _, code := range hits[i].fields {
				if hits[i].Highlight = f.marked(texts[hits[i].ID][code]); hits[i].Highlight != "" {
					break
				}
			}
		}
	}
	return nil
}

// shown returns the texts of the matching fields as far as they show, by record and field.
func (f *finder) shown(k *model.Kind, hits []Hit, at []int) (map[id.ID]map[int64][]piece, error) {
	var ids []id.ID
	matched := map[int64]bool{}
	for _, i := range at {
		ids = append(ids, hits[i].ID)
		for _, code := range hits[i].fields {
			matched[code] = true
		}
	}
	out := map[id.ID]map[int64][]piece{}
	for _, x := range ids {
		out[x] = map[int64][]piece{}
	}

	r := f.readable(k)
	var s statement
	s.WriteString("SELECT " + base + ".`id`")
	var columns []indexed
	var tags *indexed
	column := func(x indexed, cond access.Cond) {
		switch {
		case !matched[x.code] || x.field == nil:
			return
		case x.field.Type == model.Many:
			tags = &x
			s.WriteString(", CASE WHEN ")
			if cond.IsTrue() {
				cond.SQL = "1=1"
			}
			s.add(cond)
			s.WriteString(" THEN '1' END")
		case cond.IsTrue():
			s.WriteString(", " + base + ".`" + x.field.Column + "`")
		default:
			s.WriteString(", CASE WHEN ")
			s.add(cond)
			s.WriteString(" THEN " + base + ".`" + x.field.Column + "` END")
		}
		columns = append(columns, x)
	}
	for _, x := range r.whole {
		column(x, access.Cond{})
	}
	for i, x := range r.some {
		column(x, r.conds[i])
	}
	if len(columns) == 0 {
		return out, nil
	}
	s.WriteString(" FROM `" + k.Table + "` " + base + " WHERE " + base + ".`id` IN " + marks(len(ids)))
	s.args = append(s.args, anys(ids)...)
	var withTags []id.ID
	err := each(f.ctx, f.q, s.String(), s.args, func(rows *sql.Rows) error {
		var x id.ID
		values := make([]sql.NullString, len(columns))
		dests := []any{&x}
		for i := range values {
			dests = append(dests, &values[i])
		}
		if err := rows.Scan(dests...); err != nil {
			return err
		}
		for i := range columns {
			if columns[i].field.Type == model.Many {
				if values[i].Valid {
					withTags = append(withTags, x)
				}
				continue
			}
			texts, err := columns[i].pieces(values[i].String)
			if err != nil {
				return err
			}
			out[x][columns[i].code] = texts
		}
		return nil
	})
	if err != nil || tags == nil || len(withTags) == 0 {
		return out, err
	}
	names, err := f.tagNames(f.ctx, f.q, k, withTags)
	if err != nil {
		return nil, fmt.Errorf("names of tags: %w", err)
	}
	for x, list := range names {
		for _, n := range list {
			out[x][tags.code] = append(out[x][tags.code], piece{n, tagged})
		}
	}
	return out, nil
}

// span is a part of a text, in bytes.
type span struct{ start, end int }

// marked returns the first of texts in which words of the query are, as HTML with those marked; "" when there is none.
func (f *finder) marked(texts []piece) string {
	for _, p := range texts {
		if spans := f.spans(p); len(spans) > 0 {
			return render(p.text, spans)
		}
	}
	return ""
}

// spans finds the words of a text that fit the query.
func (f *finder) spans(p piece) []span {
	if p.how == phone {
		for _, t := range phoneTerms(p.text) {
			if f.fits(t) {
				return []span{{0, len(p.text)}}
			}
		}
		return nil
	}
	var out []span
	var words []token
	for _, t := range tokens(p.text) {
		if !t.email {
			words = append(words, t)
			continue
		}
		if f.fits(t.text) {
			out = append(out, span{t.start, t.end})
		}
	}
	if p.how == code || p.how == outer {
		if joined := joinedCode(words); joined != "" && len(words) > 1 && f.fits(joined) {
			return []span{{words[0].start, words[len(words)-1].end}}
		}
	}
	for _, g := range groups(words) {
		if g.joined != "" && f.fitsWord(g.joined, p.how) {
			out = append(out, span{g.tokens[0].start, g.tokens[len(g.tokens)-1].end})
			continue
		}
		for _, t := range g.tokens {
			if f.fitsWord(t.text, p.how) {
				out = append(out, span{t.start, t.end})
			}
		}
	}
	slices.SortFunc(out, func(a, b span) int { return a.start - b.start })
	merged := out[:0]
	for _, s := range out {
		if n := len(merged); n > 0 && s.start < merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// fitsWord reports whether some word of the query fits one of the terms that a word gives.
func (f *finder) fitsWord(w string, how manner) bool {
	c := collector{x: &indexed{}, seen: map[string]int{}}
	c.word(w, 0, 1, how)
	return slices.ContainsFunc(c.out, func(p posting) bool { return f.fits(p.term) })
}

func (f *finder) fits(term string) bool {
	return slices.ContainsFunc(f.words, func(s *sought) bool { return s.fit(term) > 0 })
}

// render writes a text as HTML, spans marked; of a long one the part around the first.
func render(text string, spans []span) string {
	from := backward(text, spans[0].start, around)
	to := forward(text, from, snippet)
	to = max(to, min(spans[0].end, len(text)))
	var b strings.Builder
	if from > 0 {
		b.WriteString("…")
	}
	at := from
	for _, s := range spans {
		if s.end > to {
			break
		}
		b.WriteString(html.EscapeString(text[at:s.start]))
		b.WriteString(markStart + html.EscapeString(text[s.start:s.end]) + markEnd)
		at = s.end
	}
	b.WriteString(html.EscapeString(text[at:to]))
	if to < len(text) {
		b.WriteString("…")
	}
	return b.String()
}

// backward returns the place n characters before another.
func backward(s string, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
	}
	return at
}

// forward returns the place n characters behind another.
func forward(s string, at, n int) int {
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}
