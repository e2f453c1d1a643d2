package search

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// The sizes of pages: when none is given, and the largest.
const (
	DefaultPage = 20
	MaxPage     = 100
)

const (
	// maxRanked is the most records of one kind that are ranked: of more, those with the best terms, the latest first.
	maxRanked = 1000
	// maxPostings bounds what is read of one alternative of a word, in sight.
	maxPostings = 4000
	// fewPostings is up to how many postings a word leads the search by itself. No more records than that match then, so
	// neither bound above cuts anything off, whichever word leads: a record has at most 16 postings of a term.
	fewPostings = maxPostings / 16
	// fewHits is below how many hits typing errors count.
	fewHits = 10
)

// Query is what is searched.
type Query struct {
	Text  string
	Kinds []*model.Kind // those that the actor may read
	First int           // page size
	After string        // cursor of the hit before, "" for the first page
	// Highlights asks for them.
	Highlights bool
}

// Hit is a record that was found.
type Hit struct {
	ID        id.ID
	Score     float64 // larger is better
	Highlight string  // "" when nothing of what shows matched
	Cursor    string

	points int64
	fields []int64
	kind   *model.Kind
}

// Page is a page of hits, the best first.
type Page struct {
	Hits []Hit
	More bool
}

// Find searches for what an actor may read, in the transaction of q. It returns Invalid for a query that is too long, a
// page size out of range, and a cursor of something else.
//
// It runs a statement that looks at how frequent the words are, and one for each kind with records that may match; both
// once more for typing errors; and one or two for the highlights of each kind on the page.
func (x *Index) Find(ctx context.Context, q db.Querier, a *access.Actor, in Query) (Page, error) {
	from, err := x.check(a, &in)
	if err != nil {
		return Page{}, err
	}
	f := &finder{Index: x, ctx: ctx, q: q, a: a, in: in, now: x.Clock.Now(), typos: from != nil && from.typos}
	hits, err := f.all()
	if err != nil {
		return Page{}, err
	}
	if from == nil && len(hits) < fewHits {
		f.typos = true
		if hits, err = f.all(); err != nil {
			return Page{}, err
		}
	}
	page := Page{Hits: hits}
	if from != nil {
		page.Hits = hits[from.behind(hits):]
	}
	if page.More = len(page.Hits) > in.First; page.More {
		page.Hits = page.Hits[:in.First]
	}
	for i := range page.Hits {
		page.Hits[i].Cursor = x.cursor(a, &in, position{f.typos, page.Hits[i].points, page.Hits[i].ID})
	}
	if in.Highlights {
		err = f.highlight(page.Hits)
	}
	return page, err
}

// position is a place in the order of the hits.
type position struct {
	typos  bool
	points int64
	id     id.ID
}

// behind returns how many hits are not behind the position.
func (p *position) behind(hits []Hit) int {
	n, _ := slices.BinarySearchFunc(hits, Hit{points: p.points, ID: p.id}, order)
	if n < len(hits) && hits[n].ID == p.id {
		n++
	}
	return n
}

// order puts the best first, and of equal ones the latest.
func order(a, b Hit) int {
	if c := cmp.Compare(b.points, a.points); c != 0 {
		return c
	}
	return b.ID.Compare(a.ID)
}

func (in *Query) bound() []string {
	names := make([]string, len(in.Kinds))
	for i, k := range in.Kinds {
		names[i] = k.Name
	}
	return []string{"search", in.Text, strings.Join(names, " ")}
}

func (x *Index) cursor(a *access.Actor, in *Query, p position) string {
	typos := int64(0)
	if p.typos {
		typos = 1
	}
	return x.Read.SealCursor(a, []any{typos, p.points, p.id[:]}, in.bound()...)
}

// check reads the arguments; the position is nil without a cursor.
func (x *Index) check(a *access.Actor, in *Query) (*position, error) {
	var v fault.Violations
	if utf8.RuneCountInString(in.Text) > maxQuery {
		v.Add([]any{"query"}, "TOO_LONG", "The text is longer than %d characters.", maxQuery)
	}
	if in.First < 1 || in.First > MaxPage {
		v.Add([]any{"first"}, "RANGE", "The page size is 1 to %d.", MaxPage)
	}
	if err := v.Err(); err != nil || in.After == "" {
		return nil, err
	}
	values, err := x.Read.OpenCursor(a, in.After, in.bound()...)
	if err != nil {
		return nil, err
	}
	p := &position{}
	typos, _ := values[0].(int64)
	p.typos = typos == 1
	p.points, _ = values[1].(int64)
	b, _ := values[2].([]byte)
	copy(p.id[:], b)
	return p, nil
}

// finder is one search.
type finder struct {
	*Index
	ctx   context.Context
	q     db.Querier
	a     *access.Actor
	in    Query
	now   time.Time
	typos bool
	words []*sought
}

// base is the alias of the records.
const base = "r0"

// readable are the fields of a kind whose terms an actor may use.
type readable struct {
	whole []indexed
	some  []indexed     // on the rows where the condition beside it holds
	conds []access.Cond // on base
}

func (r *readable) all() []indexed { return append(slices.Clone(r.whole), r.some...) }

// readable asks the policy. What shows masked is not searched.
func (f *finder) readable(k *model.Kind) readable {
	var r readable
	for _, x := range f.fields[k] {
		if x.field == nil {
			r.whole = append(r.whole, x) // whoever sees the record may look it up by that key
			continue
		}
		if x.field.Type == model.Many && !f.namesShow(x.field) {
			continue
		}
		cond, whole := f.a.FieldCond(f.Set, k, x.field, base, f.now)
		switch {
		case whole:
			r.whole = append(r.whole, x)
		case !cond.IsFalse():
			r.some = append(r.some, x)
			r.conds = append(r.conds, cond)
		}
	}
	return r
}

// namesShow reports whether the actor may read what the records of a relation are called. Such kinds are the same to all
// who may read them, so there is no condition on rows.
func (f *finder) namesShow(field *model.Field) bool {
	target := f.Set.Kind(field.Target)
	if target == nil || target.Sight != model.Reference || !f.a.Policy.Readable(target) {
		return false
	}
	_, whole := f.a.FieldCond(f.Set, target, target.Field(target.Title), "t", f.now)
	return whole
}

// field is the condition that the term under an alias is of a readable field.
func (r *readable) field(alias string) access.Cond {
	var some []access.Cond
	if len(r.whole) > 0 {
		codes := make([]string, len(r.whole))
		for i, x := range r.whole {
			codes[i] = strconv.FormatInt(x.code, 10)
		}
		some = append(some, access.Cond{SQL: alias + ".field IN (" + strings.Join(codes, ",") + ")"})
	}
	for i, x := range r.some {
		some = append(some, access.And(access.Cond{SQL: alias + ".field = " + strconv.FormatInt(x.code, 10)}, r.conds[i]))
	}
	return access.Or(some...)
}

// all finds and ranks the records of all kinds.
func (f *finder) all() ([]Hit, error) {
	f.words = parse(f.in.Text, f.typos)
	if len(f.words) == 0 {
		return nil, nil
	}
	counts, err := f.counts()
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for _, k := range f.in.Kinds {
		n := counts[k.Code]
		if len(n) == 0 || slices.Contains(n, 0) {
			continue
		}
		found, err := f.kind(k, n)
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
	}
	slices.SortFunc(hits, order)
	return hits, nil
}

// statement is SQL under construction.
type statement struct {
	strings.Builder
	args []any
}

func (s *statement) add(c access.Cond) {
	s.WriteString(c.SQL)
	s.args = append(s.args, c.Args...)
}

// counts returns how many postings each word has in each kind, up to a few more than decide. They stand for costs, and
// decide on nothing that shows: see fewPostings.
func (f *finder) counts() (map[id.Kind][]int, error) {
	var s statement
	for _, k := range f.in.Kinds {
		if len(f.fields[k]) == 0 {
			continue
		}
		for i, w := range f.words {
			if s.Len() > 0 {
				s.WriteString(" UNION ALL ")
			}
			fmt.Fprintf(&s, "SELECT %d AS k, %d AS w, COUNT(*) AS n FROM (", k.Code, i)
			for j, c := range w.branches("t") {
				if j > 0 {
					s.WriteString(" UNION ALL ")
				}
				fmt.Fprintf(&s, "SELECT * FROM (SELECT 1 AS one FROM search_terms t%s WHERE t.kind = %d AND ", f.useIndex(), k.Code)
				s.add(c)
				fmt.Fprintf(&s, " LIMIT %d) b%d", fewPostings+1, j)
			}
			s.WriteString(") q" + strconv.Itoa(i))
		}
	}
	out := map[id.Kind][]int{}
	if s.Len() == 0 {
		return out, nil
	}
	err := each(f.ctx, f.q, s.String(), s.args, func(rows *sql.Rows) error {
		var k id.Kind
		var w, n int
		if err := rows.Scan(&k, &w, &n); err != nil {
			return err
		}
		if out[k] == nil {
			out[k] = make([]int, len(f.words))
		}
		out[k][w] = n
		return nil
	})
	return out, err
}

// useIndex keeps the databases to the index of terms: what they know of its distribution misleads them.
func (f *finder) useIndex() string {
	if f.DB.Dialect == db.SQLite {
		return " INDEXED BY search_terms_find"
	}
	return " FORCE INDEX (search_terms_find)"
}

// branches are the conditions on a term of alias that together say that it fits the word, each a range of the index.
func (s *sought) branches(alias string) []access.Cond {
	var out []access.Cond
	if len(s.terms) > maxEqual {
		out = append(out, access.Cond{SQL: alias + ".term IN " + marks(len(s.terms)), Args: anys(s.terms)})
	} else {
		for _, t := range s.terms {
			out = append(out, access.Cond{SQL: alias + ".term = ?", Args: []any{t}})
		}
	}
	for _, h := range s.heads {
		out = append(out, access.Cond{SQL: alias + ".term >= ? AND " + alias + ".term < ?", Args: []any{h, h + last}})
	}
	return out
}

// maxEqual is up to how many terms are looked up one by one, each in the order of the index.
const maxEqual = 8

// fits is the condition that a term of alias fits the word, for one record's terms.
func (s *sought) fits(alias string, d db.Dialect) access.Cond {
	term := alias + ".term"
	if d == db.SQLite && len(s.terms) > maxEqual {
		term = "+" + term // not each of them in the index, as the record has fewer terms than that
	}
	some := []access.Cond{{SQL: term + " IN " + marks(len(s.terms)), Args: anys(s.terms)}}
	for _, h := range s.heads {
		some = append(some, access.Cond{SQL: "(" + alias + ".term >= ? AND " + alias + ".term < ?)", Args: []any{h, h + last}})
	}
	return access.Or(some...)
}

// leader returns the word by which the index is entered: the rarest, when it is rare; else the longest that is whole,
// which follows from the query alone.
func (f *finder) leader(counts []int) int {
	rarest := 0
	for i, n := range counts {
		if n < counts[rarest] {
			rarest = i
		}
	}
	if counts[rarest] <= fewPostings {
		return rarest
	}
	longest := 0
	for i, w := range f.words {
		if !w.prefix && (f.words[longest].prefix || len(w.text) > len(f.words[longest].text)) {
			longest = i
		}
	}
	return longest
}

// kind finds and scores the records of a kind.
func (f *finder) kind(k *model.Kind, counts []int) ([]Hit, error) {
	r := f.readable(k)
	sight := f.a.Sight(f.Set, k, base, access.Read, f.now)
	if sight.IsFalse() || len(r.whole)+len(r.some) == 0 {
		return nil, nil
	}
	var s statement
	s.WriteString("SELECT c.record_id, x.field, x.term, x.place, x.words FROM (")
	f.candidates(&s, k, &r, sight, f.leader(counts))
	s.WriteString(") c ")
	s.WriteString(f.join("search_terms", "x"))
	s.WriteString(" ON x.record_id = c.record_id ")
	if len(r.some) > 0 {
		s.WriteString(f.join(k.Table, base) + " ON " + base + ".`id` = c.record_id ")
	}
	some := make([]access.Cond, len(f.words))
	for i, w := range f.words {
		some[i] = w.fits("x", f.DB.Dialect)
	}
	s.WriteString("WHERE ")
	s.add(access.And(access.Or(some...), r.field("x")))

	weight := map[int64]int{}
	for _, x := range r.all() {
		weight[x.code] = x.weight
	}
	terms := map[id.ID][]found{}
	err := each(f.ctx, f.q, s.String(), s.args, func(rows *sql.Rows) error {
		var record id.ID
		var t found
		err := rows.Scan(&record, &t.field, &t.term, &t.place, &t.words)
		terms[record] = append(terms[record], t)
		return err
	})
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, 0, len(terms))
	for record, list := range terms {
		if sc, ok := score(f.words, weight, list); ok {
			hits = append(hits, Hit{ID: record, Score: float64(sc.score) / 100, points: sc.score, fields: sc.field, kind: k})
		}
	}
	return hits, nil
}

// join joins a table behind what stands there: the optimisers do not know how few that is.
func (f *finder) join(table, alias string) string {
	word := "STRAIGHT_JOIN"
	if f.DB.Dialect == db.SQLite {
		word = "CROSS JOIN"
	}
	return word + " `" + table + "` " + alias
}

// candidates selects the records in sight that have all words: those with the best terms of the leading one, then the
// latest, of each alternative at most maxPostings, altogether at most maxRanked.
func (f *finder) candidates(s *statement, k *model.Kind, r *readable, sight access.Cond, leader int) {
	rest := access.And(access.Cond{SQL: base + ".`deleted_at` IS NULL"}, r.field("t"), sight)
	for i, w := range f.words {
		if i == leader {
			continue
		}
		// A scalar subquery, because of an EXISTS the optimiser would make a join, and enter by any of the words.
		c := access.And(access.Cond{SQL: "y.record_id = t.record_id"}, w.fits("y", f.DB.Dialect), r.field("y"))
		rest = access.And(rest, access.Cond{SQL: "(SELECT 1 FROM search_terms y WHERE " + c.SQL + " LIMIT 1) IS NOT NULL", Args: c.Args})
	}
	s.WriteString("SELECT record_id, MAX(strength) AS best FROM (")
	for i, c := range f.words[leader].branches("t") {
		if i > 0 {
			s.WriteString(" UNION ALL ")
		}
		s.WriteString("SELECT * FROM (SELECT t.record_id, t.strength FROM search_terms t" + f.useIndex() + " ")
		s.WriteString(f.join(k.Table, base) + " ON " + base + ".`id` = t.record_id")
		fmt.Fprintf(s, " WHERE t.kind = %d AND ", k.Code)
		s.add(c)
		s.WriteString(" AND ")
		s.add(rest)
		if strings.Contains(c.SQL, ".term = ?") || strings.Contains(c.SQL, ".term IN") {
			s.WriteString(" ORDER BY t.strength DESC, t.record_id DESC")
		} else {
			s.WriteString(" ORDER BY t.term, t.strength, t.record_id")
		}
		fmt.Fprintf(s, " LIMIT %d) b%d", maxPostings, i)
	}
	fmt.Fprintf(s, ") u GROUP BY record_id ORDER BY best DESC, record_id DESC LIMIT %d", maxRanked)
}
