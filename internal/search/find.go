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
	maxPostings = 2000
	// fewRecords is up to how many records in sight a search enters by them instead of by words.
	fewRecords = 2000
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
// It runs a statement that looks at how frequent the words are, and one for each kind with records that may match; for
// typing errors both once more and one that looks which of them occur; and one or two for the highlights of each kind on
// the page.
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

// boundTo names the list that a cursor is good for, and its viewer.
func (in *Query) boundTo(a *access.Actor) []string {
	names := make([]string, len(in.Kinds))
	for i, k := range in.Kinds {
		names[i] = k.Name
	}
	return []string{"search", string(a.User[:]), in.Text, strings.Join(names, " ")}
}

func (x *Index) cursor(a *access.Actor, in *Query, p position) string {
	typos := int64(0)
	if p.typos {
		typos = 1
	}
	return x.Read.SealCursor(in.boundTo(a), typos, p.points, p.id[:])
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
	values, err := x.Read.OpenCursor(in.After, in.boundTo(a), "after")
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
	if len(f.words) == 0 || len(f.in.Kinds) == 0 {
		return nil, nil
	}
	if f.typos {
		if err := f.dropUnknown(); err != nil {
			return nil, err
		}
	}
	counts, err := f.counts()
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for _, k := range f.in.Kinds {
		n := counts[k.Code]
		if n == nil || slices.Contains(n.words, 0) || n.records == 0 {
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

// costs say what entering a kind by each word, or by the records in sight, costs. Of words they say nothing that shows:
// see fewPostings.
type costs struct {
	words   []int // postings, fewPostings+1 for more
	records int   // in sight, fewRecords+1 for more or unknown
}

// inSight splits the row rule of a kind into terms that each have an index, nil where records are better entered by words.
func (f *finder) inSight(k *model.Kind) []access.Cond {
	sight := f.a.Sight(f.Set, k, base, access.Read, f.now)
	if sight.IsTrue() || sight.IsFalse() || k.Sight == model.ByParents {
		return nil
	}
	branches := f.a.Branches(f.Set, k, base, access.Read, f.now)
	if branches == nil {
		return []access.Cond{sight}
	}
	out := make([]access.Cond, len(branches))
	for i, b := range branches {
		out[i] = b.Cond
	}
	return out
}

// counts returns the costs of all kinds.
func (f *finder) counts() (map[id.Kind]*costs, error) {
	const records = -1
	var s statement
	one := func(k *model.Kind, what int) {
		if s.Len() > 0 {
			s.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&s, "SELECT %d AS k, %d AS w, COUNT(*) AS n FROM (", k.Code, what)
	}
	out := map[id.Kind]*costs{}
	for _, k := range f.in.Kinds {
		if len(f.fields[k]) == 0 {
			continue
		}
		out[k.Code] = &costs{words: make([]int, len(f.words)), records: fewRecords + 1}
		for i, w := range f.words {
			one(k, i)
			w.branches(&s, func(j int, c access.Cond) {
				fmt.Fprintf(&s, "SELECT * FROM (SELECT 1 AS one FROM search_terms t%s WHERE t.kind = %d AND ", f.useIndex(), k.Code)
				s.add(c)
				fmt.Fprintf(&s, " LIMIT %d) b%d", fewPostings+1, j)
			})
			s.WriteString(") q")
		}
		sight := f.inSight(k)
		if sight == nil {
			continue
		}
		one(k, records)
		for j, c := range sight {
			if j > 0 {
				s.WriteString(" UNION ")
			}
			fmt.Fprintf(&s, "SELECT * FROM (SELECT %s.`id` FROM `%s` %s WHERE %s.`deleted_at` IS NULL AND ", base, k.Table, base, base)
			s.add(c)
			fmt.Fprintf(&s, " LIMIT %d) b%d", fewRecords+1, j)
		}
		s.WriteString(") q")
	}
	if s.Len() == 0 {
		return out, nil
	}
	err := each(f.ctx, f.q, s.String(), s.args, func(rows *sql.Rows) error {
		var k id.Kind
		var what, n int
		if err := rows.Scan(&k, &what, &n); err != nil {
			return err
		}
		if what == records {
			out[k].records = n
			return nil
		}
		out[k].words[what] = n
		return nil
	})
	return out, err
}

// dropUnknown leaves out the typing errors that do not occur: of hundreds, a few are left, each of which is read in the
// order of the index. What does not occur finds nothing, so nothing of what is out of sight shows by it.
func (f *finder) dropUnknown() error {
	var s statement
	s.WriteString("SELECT DISTINCT t.term FROM search_terms t" + f.useIndex() + " WHERE t.kind IN (")
	for i, k := range f.in.Kinds {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteString(strconv.Itoa(int(k.Code)))
	}
	var all []string
	for _, w := range f.words {
		all = append(all, w.wrong...)
	}
	if all == nil {
		return nil
	}
	s.WriteString(") AND t.term IN " + marks(len(all)))
	known := map[string]bool{}
	err := each(f.ctx, f.q, s.String(), anys(all), func(rows *sql.Rows) error {
		var term string
		err := rows.Scan(&term)
		known[term] = true
		return err
	})
	for _, w := range f.words {
		wrong := w.wrong
		w.wrong = slices.DeleteFunc(slices.Clone(wrong), func(t string) bool { return !known[t] })
		w.terms = append(w.terms[:len(w.terms)-len(wrong)], w.wrong...)
	}
	return err
}

// useIndex keeps the databases to the index of terms: what they know of its distribution misleads them.
func (f *finder) useIndex() string {
	if f.DB.Dialect == db.SQLite {
		return " INDEXED BY search_terms_find"
	}
	return " FORCE INDEX (search_terms_find)"
}

// maxUnion is the most SELECTs joined in a row; SQLite takes 500.
const maxUnion = 100

// branches writes the union of a SELECT for each alternative of the word, which write makes for the condition on the terms
// of t: one term, or a range of them.
func (s *sought) branches(out *statement, write func(i int, c access.Cond)) {
	var all []access.Cond
	for _, t := range s.terms {
		all = append(all, access.Cond{SQL: "t.term = ?", Args: []any{t}})
	}
	for _, h := range s.heads {
		from := h
		if strings.HasSuffix(h, soundEnd) {
			// What sounds like it, but for the word itself: that has a term of its own.
			all = append(all, access.Cond{SQL: "t.term >= ? AND t.term < ?", Args: []any{h, h + s.text}})
			from = h + s.text + "\x00"
		}
		all = append(all, access.Cond{SQL: "t.term >= ? AND t.term < ?", Args: []any{from, h + last}})
	}
	chunks := len(all) > maxUnion
	for i, c := range all {
		switch {
		case chunks && i%maxUnion == 0 && i > 0:
			fmt.Fprintf(out, ") c%d UNION ALL SELECT * FROM (", i)
		case chunks && i == 0:
			out.WriteString("SELECT * FROM (")
		case i > 0:
			out.WriteString(" UNION ALL ")
		}
		write(i, c)
	}
	if chunks {
		out.WriteString(") c")
	}
}

// maxProbes is up to how many terms of a record are looked up one by one.
const maxProbes = 8

// fits is the condition that a term of alias fits the word, for one record's terms.
func (s *sought) fits(alias string, d db.Dialect) access.Cond {
	term := alias + ".term"
	if d == db.SQLite && len(s.terms) > maxProbes {
		term = "+" + term // not each of them in the index, as the record has fewer terms than that
	}
	some := []access.Cond{{SQL: term + " IN " + marks(len(s.terms)), Args: anys(s.terms)}}
	for _, h := range s.heads {
		some = append(some, access.Cond{SQL: "(" + alias + ".term >= ? AND " + alias + ".term < ?)", Args: []any{h, h + last}})
	}
	return access.Or(some...)
}

// leader returns the word by which the index is entered: the rarest, when it is rare; else the longest that is whole,
// which follows from the query alone. common: all are.
func (f *finder) leader(counts []int) (word int, common bool) {
	rarest := 0
	for i, n := range counts {
		if n < counts[rarest] {
			rarest = i
		}
	}
	if counts[rarest] <= fewPostings {
		return rarest, false
	}
	longest := 0
	for i, w := range f.words {
		if !w.prefix && (f.words[longest].prefix || len(w.text) > len(f.words[longest].text)) {
			longest = i
		}
	}
	return longest, true
}

// kind finds and scores the records of a kind.
func (f *finder) kind(k *model.Kind, cost *costs) ([]Hit, error) {
	r := f.readable(k)
	sight := f.a.Sight(f.Set, k, base, access.Read, f.now)
	if sight.IsFalse() || len(r.whole)+len(r.some) == 0 {
		return nil, nil
	}
	var s statement
	s.WriteString("SELECT c.record_id, x.field, x.term, x.place, x.words FROM (")
	if leader, common := f.leader(cost.words); cost.records <= fewRecords {
		f.byRecords(&s, k, &r, leader)
	} else {
		f.byWords(&s, k, &r, sight, leader, common)
	}
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

// others is the condition that the record of t has all words but the leading one.
func (f *finder) others(r *readable, leader int) access.Cond {
	var all []access.Cond
	for i, w := range f.words {
		if i == leader {
			continue
		}
		// A scalar subquery, because of an EXISTS the optimiser would make a join, and enter by any of the words.
		c := access.And(access.Cond{SQL: "y.record_id = t.record_id"}, w.fits("y", f.DB.Dialect), r.field("y"))
		all = append(all, access.Cond{SQL: "(SELECT 1 FROM search_terms y WHERE " + c.SQL + " LIMIT 1) IS NOT NULL", Args: c.Args})
	}
	return access.And(all...)
}

// othersAtOnce is the same for common words: the records of each are collected once, instead of looking through the terms
// of one record after another. It needs fields that show on all rows.
func (f *finder) othersAtOnce(k *model.Kind, r *readable, leader int) access.Cond {
	var all []access.Cond
	for i, w := range f.words {
		if i == leader {
			continue
		}
		var s statement
		s.WriteString("t.record_id IN (SELECT o.record_id FROM (")
		w.branches(&s, func(_ int, c access.Cond) {
			fmt.Fprintf(&s, "SELECT t.record_id FROM search_terms t%s WHERE t.kind = %d AND ", f.useIndex(), k.Code)
			s.add(access.And(c, w.once(c, r), r.field("t")))
		})
		s.WriteString(") o)")
		all = append(all, access.Cond{SQL: s.String(), Args: s.args})
	}
	return access.And(all...)
}

// once leaves the postings of the word itself out where those of its stem stand for them: in all fields but codes and
// addresses, which have no stems.
func (s *sought) once(branch access.Cond, r *readable) access.Cond {
	if len(branch.Args) != 1 || branch.Args[0] != s.text || len(s.stems) == 0 || s.stems[0] == s.text {
		return access.Cond{}
	}
	codes := []string{"0"} // of no field
	for _, x := range r.all() {
		if slices.ContainsFunc(x.elements, func(e element) bool { return !stemmed(e.how) }) {
			codes = append(codes, strconv.FormatInt(x.code, 10))
		}
	}
	return access.Cond{SQL: "t.field IN (" + strings.Join(codes, ",") + ")"}
}

// byWords selects the records in sight that have all words: those with the best terms of the leading one, then the
// latest, of each alternative at most maxPostings, altogether at most maxRanked.
func (f *finder) byWords(s *statement, k *model.Kind, r *readable, sight access.Cond, leader int, common bool) {
	var others access.Cond
	if common && len(r.some) == 0 {
		others = f.othersAtOnce(k, r, leader)
	} else {
		others = f.others(r, leader)
	}
	rest := access.And(r.field("t"), access.Cond{SQL: base + ".`deleted_at` IS NULL"}, sight, others)
	s.WriteString("SELECT record_id, MAX(strength) AS best FROM (")
	w := f.words[leader]
	w.branches(s, func(i int, c access.Cond) {
		ordered := len(c.Args) == 1
		s.WriteString("SELECT * FROM (SELECT t.record_id, t.strength FROM search_terms t" + f.useIndex() + " ")
		s.WriteString(f.join(k.Table, base) + " ON " + base + ".`id` = t.record_id")
		fmt.Fprintf(s, " WHERE t.kind = %d AND ", k.Code)
		if len(f.words) > 1 { // of a single word the first will do
			c = access.And(c, w.once(c, r))
		}
		s.add(access.And(c, rest))
		if ordered {
			s.WriteString(" ORDER BY t.strength DESC, t.record_id DESC")
		} else {
			s.WriteString(" ORDER BY t.term, t.strength, t.record_id")
		}
		fmt.Fprintf(s, " LIMIT %d) b%d", maxPostings, i)
	})
	f.best(s)
}

// byRecords selects the same, by way of the few records in sight.
func (f *finder) byRecords(s *statement, k *model.Kind, r *readable, leader int) {
	rest := access.And(r.field("t"), f.words[leader].fits("t", f.DB.Dialect), f.others(r, leader))
	s.WriteString("SELECT record_id, MAX(strength) AS best FROM (")
	for i, c := range f.inSight(k) {
		if i > 0 {
			s.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(s, "SELECT t.record_id, t.strength FROM `%s` %s %s ON t.record_id = %s.`id` WHERE %s.`deleted_at` IS NULL AND ", k.Table, base, f.join("search_terms", "t"), base, base)
		s.add(access.And(c, rest))
	}
	f.best(s)
}

// best ends a selection of candidates.
func (f *finder) best(s *statement) {
	fmt.Fprintf(s, ") u GROUP BY record_id ORDER BY best DESC, record_id DESC LIMIT %d", maxRanked)
}
