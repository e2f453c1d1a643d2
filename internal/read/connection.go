package read

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
)

// maxCount is how far totalCount counts.
const maxCount = 10_000

// list is a connection: the records of a kind that a filter lets through, page by page; at the root, or for each parent.
type list struct {
	r          *run
	kind       *model.Kind
	field      *model.Field // the to-many relation, nil at the root
	parent     *idColumn    // whose records they are, nil at the root
	page       page
	order      order
	where      access.Cond // with live and without sight
	unfiltered bool        // no filter was given
	bound      []byte      // what cursors are bound to
	members    []member[*group]
	compared   []compared   // sensitive fields in its filter and order
	level      *level       // nil when nothing of the records is selected
	keys       []*keyColumn // nil when no cursor is selected
	counted    bool
	totalled   bool             // the total has come with the page
	groups     map[id.ID]*group // by parent; the zero id at the root

	// made once
	sight         *access.Cond
	pages, totals template
}

// group is the page of one parent.
type group struct {
	l        *list
	from     int // its first row in the level
	rows     int // as read, so at most one more than the page holds
	total    int // at most maxCount+1
	backward bool
}

// size returns the number of records on the page.
func (g *group) size() int { return min(g.rows, g.l.page.size) }

// row returns the row in the level of a position on the page.
func (g *group) row(i int) int {
	if g.backward {
		return g.from + g.size() - 1 - i
	}
	return g.from + i
}

func (g *group) more() bool { return g.rows > g.l.page.size }

// prepare reads the arguments of the list.
func (l *list) prepare(f graphql.CollectedField, path []any, name string) error {
	others := len(l.r.compared)
	defer func() {
		l.compared = append(l.compared, l.r.compared[others:]...)
		l.r.compared = l.r.compared[:others]
	}()
	args, err := l.r.arguments(f, path)
	if err != nil {
		return err
	}
	if l.page, err = size(args, path); err != nil {
		return err
	}
	if l.order, err = l.r.orderBy(l.kind, base, args["orderBy"], join(path, "orderBy")); err != nil {
		return err
	}
	if where := args["where"]; where != nil {
		if l.where, err = l.r.where(l.kind, base, where, join(path, "where")); err != nil {
			return err
		}
	}
	l.unfiltered = l.where.IsTrue()
	if !binned(args["where"]) {
		l.where = access.And(live(base), l.where)
	}
	l.bound = l.r.bound(name, l.order, args["where"])
	if l.page.after, err = l.position(args["after"], join(path, "after")); err != nil {
		return err
	}
	l.page.before, err = l.position(args["before"], join(path, "before"))
	return err
}

// bound identifies list, order, filter and viewer.
func (r *run) bound(name string, o order, where any) []byte {
	filter, err := json.Marshal(where)
	if err != nil {
		filter = nil // what the filter compiler accepts is JSON, so this cannot happen
	}
	h := sha256.New()
	for _, part := range []string{name, o.names(), string(filter), string(r.a.User[:])} {
		n := sha256.Sum256([]byte(part))
		h.Write(n[:])
	}
	return h.Sum(nil)
}

// position opens a cursor.
func (l *list) position(cursor any, path []any) ([]any, error) {
	if cursor == nil {
		return nil, nil
	}
	s, _ := cursor.(string)
	values, err := l.r.seal.open(s, l.bound)
	if err != nil || len(values) != len(l.order) {
		return nil, invalid(path, "FORMAT", "This is not a cursor of this list with this order and filter.")
	}
	return values, nil
}

// wantKeys makes the level read what cursors are made of.
func (l *list) wantKeys() {
	if l.keys != nil {
		return
	}
	for _, t := range l.order {
		k := &keyColumn{kind: t.key}
		l.level.add(t.expr, k)
		l.keys = append(l.keys, k)
	}
}

func (l *list) appendCursor(dst []byte, row int) []byte {
	values := make([]any, len(l.keys))
	for i, k := range l.keys {
		values[i] = k.values[row]
	}
	return append(l.r.seal.seal(append(dst, '"'), l.bound, values), '"')
}

// readFor reads the pages of all parents, and their totals.
func (l *list) readFor(parents []id.ID) error {
	l.groups = make(map[id.ID]*group, len(parents))
	for _, p := range parents {
		l.groups[p] = &group{l: l, backward: l.page.backward}
	}
	if len(parents) == 0 {
		return nil
	}
	if l.sight == nil {
		sight := l.r.a.Sight(l.r.Set, l.kind, base, access.Read, l.r.now)
		l.sight = &sight
	}
	if l.sight.IsFalse() || l.where.IsFalse() {
		return nil
	}
	if l.level != nil {
		if err := l.readPages(parents); err != nil {
			return err
		}
	}
	if !l.counted || l.totalled {
		return nil
	}
	if l.level == nil {
		l.r.only()
	}
	return l.readTotals(parents)
}

// source returns FROM and the condition for so many parents, and the expression of the parent's id, "" at the root.
func (l *list) source(parents int) (from [2]access.Cond, pid string, err error) {
	from[0].SQL = " FROM " + table(l.kind) + " " + base
	if l.field == nil {
		return from, "", nil
	}
	if l.field.Through == nil {
		pid = name(base, l.kind.Field(l.field.Back).Column)
		from[1], err = among(access.Cond{SQL: pid}, parents)
		return from, pid, err
	}
	t := l.field.Through
	link := l.r.kind(t.Link)
	near, far := name("k", link.Field(t.From).Column), name("k", link.Field(t.To).Column)
	in, err := among(access.Cond{SQL: near}, parents)
	// DISTINCT: two links between the same two records are one member of the list
	from[0] = access.Cond{
		SQL: " FROM (SELECT DISTINCT " + near + " AS pid, " + far + " AS far FROM " + table(link) + " k WHERE " + in.SQL +
			" AND " + live("k").SQL + ") link JOIN " + table(l.kind) + " " + base + " ON " + name(base, "id") + " = link.far",
		Args: in.Args,
	}
	return from, "link.pid", err
}

// readOrder is the order in which rows are read: backward pages are read from their end.
func (l *list) readOrder() order {
	if l.page.backward {
		return l.order.reversed()
	}
	return l.order
}

// sorted is what stands behind ORDER BY where rows are read by an index: the order; for MariaDB without a leading term that a
// cursor holds at NULL, the lowest value, because it does not see that it is the same in all rows, and sorts them when they are
// read backwards. SQLite sees it, and does not see that the rest is an order of the index.
func (l *list) sorted() access.Cond {
	after, before, desc := l.page.after, l.page.before, l.order[0].desc
	if l.r.Dialect == db.MySQL && (after != nil && after[0] == nil && desc || before != nil && before[0] == nil && !desc) {
		return l.readOrder()[1:].sql()
	}
	return l.readOrder().sql()
}

// within is the condition that a record lies between the cursors.
func (l *list) within() access.Cond {
	var after, before access.Cond
	if l.page.after != nil {
		after = l.order.after(l.page.after, l.r.Dialect)
	}
	if l.page.before != nil {
		before = l.order.reversed().after(l.page.before, l.r.Dialect)
	}
	return access.And(after, before)
}

// parts is the same as several conditions where one would keep SQLite from seeing a range of an index: it is one where a part of
// the records has no value and the other has one.
func (l *list) parts() []access.Cond {
	if l.r.Dialect != db.SQLite {
		return []access.Cond{l.within()}
	}
	out := []access.Cond{{}}
	if l.page.after != nil {
		out = l.order.parts(l.page.after)
	}
	if l.page.before == nil {
		return out
	}
	var both []access.Cond
	for _, before := range l.order.reversed().parts(l.page.before) {
		for _, after := range out {
			both = append(both, access.And(after, before))
		}
	}
	return both
}

// readPages reads the pages of parents.
func (l *list) readPages(parents []id.ID) error {
	if l.field == nil {
		return l.readPage(parents)
	}
	if l.pages.ids != len(parents) {
		from, pid, err := l.source(len(parents))
		if err != nil {
			return err
		}
		s := &statement{}
		l.windowed(s, from[0], pid, access.And(*l.sight, from[1], l.where, l.within()))
		l.pages = s.finished(len(parents))
	}
	var owner id.ID
	return l.level.read(&l.pages, parents, func(n int) {
		g, ok := l.groups[owner]
		if !ok {
			return
		}
		if g.rows == 0 {
			g.from = n
		}
		g.rows++
	}, &owner)
}

// readPage reads the page of a list at the root. Its total comes with it, in every row: as a statement of its own it would need a
// transaction, which is four round trips on the MySQL family, so that both see the same state.
func (l *list) readPage(root []id.ID) error {
	g := l.groups[root[0]]
	l.totalled = false
	if l.pages.sql == "" {
		if c := l.customOrder(*l.sight); c != nil {
			return c.read()
		}
		from, _, err := l.source(len(root))
		if err != nil {
			return err
		}
		var total []access.Cond
		if l.counted {
			c := countedTo(maxCount+1, from[0], access.And(*l.sight, l.where))
			total = []access.Cond{{SQL: "(" + c.SQL + ")", Args: c.Args}}
		}
		s, branches, parts := &statement{}, l.branches(), l.parts()
		if len(branches) > 1 || len(parts) > 1 {
			l.united(s, from[0], branches, parts, total)
		} else {
			from[0].SQL += l.orderIndex(*l.sight)
			l.plain(s, from[0], access.And(*l.sight, l.where, parts[0]), total)
		}
		l.pages = s.finished(len(root))
	}
	if !l.counted {
		return l.level.read(&l.pages, root, func(int) { g.rows++ })
	}
	err := l.level.read(&l.pages, root, func(int) { g.rows++ }, &g.total)
	l.totalled = g.rows > 0 || l.page.after == nil && l.page.before == nil // without a row, and from the beginning, there are none
	return err
}

// branches are the terms of the row rule that an index orders each; the whole rule where it is one of them itself. Of several owners or
// teams SQLite takes the rows in order one after the other, and leaves each when what it has is less, so a term is enough.
func (l *list) branches() []access.Cond {
	var out []access.Cond
	for _, b := range l.r.a.Branches(l.r.Set, l.kind, base, access.Read, l.r.now) {
		if b.Each != nil && l.r.Dialect != db.SQLite {
			out = append(out, b.Each...)
		} else {
			out = append(out, b.Cond)
		}
	}
	if len(out) == 0 {
		return []access.Cond{*l.sight}
	}
	return out
}

// orderIndex is the hint for a list of all records, of one owner's or of one team's.
func (l *list) orderIndex(sight access.Cond) string {
	switch sight.SQL {
	case "":
		return l.hint()
	case name(base, "owner_id") + " = ?":
		return l.hint("owner_id")
	case name(base, "team_id") + " = ?":
		return l.hint("team_id")
	}
	return ""
}

// plain reads one list in the order of an index.
func (l *list) plain(s *statement, from, cond access.Cond, first []access.Cond) {
	l.level.selects(s, first...)
	s.add(from)
	l.level.addJoins(s)
	s.where(cond)
	s.WriteString(" ORDER BY ")
	s.add(l.sorted())
	s.WriteString(l.limit())
}

// united reads one list whose row rule, or place between cursors, is an OR: each branch in the order of an index, and of these
// the first again. As one condition the database would read everything that is in sight.
func (l *list) united(s *statement, from access.Cond, branches, parts, first []access.Cond) {
	l.level.selects(s, first...)
	s.WriteString(" FROM (")
	n := 0
	for _, b := range branches {
		hinted := from
		hinted.SQL += l.orderIndex(b)
		for _, part := range parts {
			if n > 0 {
				s.WriteString(" UNION ")
			}
			s.WriteString("SELECT * FROM (")
			l.keyed(s, hinted, access.And(b, l.where, part))
			s.WriteString(") b" + strconv.Itoa(n))
			n++
		}
	}
	s.WriteString(" ORDER BY ")
	l.keyOrder(s, "")
	s.WriteString(l.limit() + ") w ")
	l.late(s)
	s.WriteString(" ORDER BY ")
	l.keyOrder(s, "w.")
}

// keyed selects the ids and keys of one branch.
func (l *list) keyed(s *statement, from, cond access.Cond) {
	s.WriteString("SELECT " + name(base, "id") + " AS id")
	for i, t := range l.order {
		s.WriteString(", ")
		s.add(t.expr)
		s.WriteString(" AS " + keyName(i))
	}
	s.add(from)
	s.where(cond)
	s.WriteString(" ORDER BY ")
	s.add(l.sorted())
	s.WriteString(l.limit())
}

// limit is part of the text, not an argument: SQLite plans by it, so with each new value of an argument it would prepare the
// statement again.
func (l *list) limit() string { return " LIMIT " + strconv.Itoa(l.page.size+1) }

func (l *list) keyOrder(s *statement, prefix string) {
	for i, t := range l.readOrder() {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(prefix + keyName(i) + direction(t.desc))
	}
}

func keyName(i int) string { return "k" + string(rune('0'+i)) }

// late joins the records whose ids have been picked, in this order of tables: the optimisers do not know how few they are.
func (l *list) late(s *statement) {
	word := "STRAIGHT_JOIN "
	if l.r.Dialect == db.SQLite {
		word = "CROSS JOIN "
	}
	s.WriteString(word + table(l.kind) + " " + base + " ON " + name(base, "id") + " = w.id")
	l.level.addJoins(s)
}

// windowed reads the pages of many parents: numbers the ids of each parent's records, then reads the records of the first.
func (l *list) windowed(s *statement, from access.Cond, pid string, cond access.Cond) {
	l.level.selects(s, access.Cond{SQL: "w.pid"})
	s.WriteString(" FROM (SELECT " + pid + " AS pid, " + name(base, "id") + " AS id, ROW_NUMBER() OVER (PARTITION BY " + pid + " ORDER BY ")
	s.add(l.readOrder().sql())
	s.WriteString(") AS rn")
	s.add(from)
	s.where(cond)
	s.WriteString(") w ")
	l.late(s)
	s.WriteString(" WHERE w.rn <= ? ORDER BY w.pid, w.rn")
	s.args = append(s.args, l.page.size+1)
}

// readTotals counts: at the root no further than needed, of many parents in one statement.
func (l *list) readTotals(parents []id.ID) error {
	if l.totals.ids != len(parents) {
		from, pid, err := l.source(len(parents))
		if err != nil {
			return err
		}
		s, cond := &statement{}, access.And(*l.sight, from[1], l.where)
		if pid == "" {
			s.WriteString("SELECT NULL, total FROM (")
			s.add(countedTo(maxCount+1, from[0], cond))
			s.WriteString(") counted")
		} else {
			s.WriteString("SELECT " + pid + ", COUNT(*)")
			s.add(from[0])
			s.where(cond)
			s.WriteString(" GROUP BY " + pid)
		}
		l.totals = s.finished(len(parents))
	}
	return l.r.query(&l.totals, parents, func(rows *sql.Rows) error {
		var owner id.ID
		var n int
		if err := rows.Scan(&owner, &n); err != nil {
			return err
		}
		if g, ok := l.groups[owner]; ok {
			g.total = n
		}
		return nil
	})
}

// countedTo is the statement that counts records, no further than to most.
func countedTo(most int, from, cond access.Cond) access.Cond {
	s := &statement{}
	s.WriteString("SELECT COUNT(*) AS total FROM (SELECT 1 AS one")
	s.add(from)
	s.where(cond)
	s.WriteString(" LIMIT " + strconv.Itoa(most) + ") c")
	return access.Cond{SQL: s.String(), Args: s.args}
}
