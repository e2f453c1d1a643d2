package read

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// base is the alias of a level's own records.
const base = "r0"

// maxParents bounds the ids in one statement: SQLite takes 32,766 arguments.
const maxParents = 30_000

// level is what one statement reads: records of a kind, with the to-one relations that are selected joined to them.
type level struct {
	r        *run
	kind     *model.Kind
	exprs    []access.Cond
	dests    []any
	known    map[string]any // by expression: what is selected already
	joins    []access.Cond
	joined   map[string]joinedRef
	id       *idColumn
	lists    []*list
	computed []loader // what is read once the rows are there
	shown    []shown  // the sensitive ones of what is read
	rows     int
	text     template // by ids
}

type joinedRef struct {
	alias string
	id    *idColumn
}

func (r *run) level(k *model.Kind) *level {
	lv := &level{r: r, kind: k, known: map[string]any{}, joined: map[string]joinedRef{}}
	lv.id = lv.ids(access.Cond{SQL: name(base, "id")})
	return lv
}

// loader reads something for the rows of a level.
type loader interface {
	load() error
	reset()
}

// dest takes a selected column, row by row.
type dest interface {
	sql.Scanner
	reset()
}

// add selects an expression for d.
func (lv *level) add(expr access.Cond, d dest) {
	lv.exprs = append(lv.exprs, expr)
	lv.dests = append(lv.dests, d)
}

// ids selects an expression that is an id.
func (lv *level) ids(expr access.Cond) *idColumn {
	return selected(lv, "id", expr, func() *idColumn { return &idColumn{} })
}

// column selects an expression to be encoded; as names the encoding.
func (lv *level) column(expr access.Cond, as string, e encoder) *column {
	return selected(lv, as, expr, func() *column { return &column{encode: e} })
}

// selected selects an expression, or finds it selected already. Guarded expressions differ in their arguments and are not
// looked for.
func selected[C dest](lv *level, as string, expr access.Cond, fresh func() C) C {
	if len(expr.Args) > 0 {
		c := fresh()
		lv.add(expr, c)
		return c
	}
	if c, ok := lv.known[as+" "+expr.SQL].(C); ok {
		return c
	}
	c := fresh()
	lv.known[as+" "+expr.SQL] = c
	lv.add(expr, c)
	return c
}

// join joins the record that a to-one relation leads to, if it is in sight, and returns its alias.
func (lv *level) join(k *model.Kind, f *model.Field, alias string, rd reading) joinedRef {
	key := alias + "." + f.Name
	if j, ok := lv.joined[key]; ok {
		return j
	}
	target := lv.r.kind(f.Target)
	j := joinedRef{alias: lv.r.alias("r")}
	on := access.And(
		access.Cond{SQL: name(j.alias, "id") + " = " + name(alias, f.Column)},
		rd.plain,
		lv.r.sight(target, j.alias),
	)
	lv.joins = append(lv.joins, access.Cond{SQL: " LEFT JOIN " + table(target) + " " + j.alias + " ON " + on.SQL, Args: on.Args})
	j.id = lv.ids(access.Cond{SQL: name(j.alias, "id")})
	lv.joined[key] = j
	return j
}

// statement is SQL under construction.
type statement struct {
	strings.Builder
	args []any
}

// template is a finished statement. The ids that it is about, and the moment, are put in when it runs.
type template struct {
	sql  string
	args []any // a given stands for the id of that number, access.Moment and access.Today for the moment
	ids  int   // how many ids there are
}

// given is the argument that is the id of this number.
type given int

// finished ends the statement about so many ids.
func (s *statement) finished(ids int) template {
	for i, arg := range s.args {
		if x, ok := arg.(id.ID); ok && !x.IsZero() {
			s.args[i] = x[:] // as a driver takes it, so that it is not converted each time
		}
	}
	return template{sql: s.String(), args: s.args, ids: ids}
}

// filled returns the arguments for ids at a moment.
func (t *template) filled(ids []id.ID, now time.Time) []any {
	args := make([]any, len(t.args))
	for i, arg := range t.args {
		switch arg := arg.(type) {
		case given:
			args[i] = ids[arg][:]
		case access.Moment:
			args[i] = now
		case access.Today:
			args[i] = access.Day(now)
		default:
			args[i] = arg
		}
	}
	return args
}

func (s *statement) add(c access.Cond) {
	s.WriteString(c.SQL)
	s.args = append(s.args, c.Args...)
}

// where adds WHERE and the condition, if there is one.
func (s *statement) where(c access.Cond) {
	if c.IsTrue() {
		return
	}
	s.WriteString(" WHERE ")
	s.add(c)
}

// selects adds SELECT with all expressions, after those given.
func (lv *level) selects(s *statement, first ...access.Cond) {
	s.WriteString("SELECT ")
	for i, e := range append(first[:len(first):len(first)], lv.exprs...) {
		if i > 0 {
			s.WriteString(", ")
		}
		s.add(e)
	}
}

func (lv *level) addJoins(s *statement) {
	for _, j := range lv.joins {
		s.add(j)
	}
}

// byID reads the records of the level by their ids, in no particular order, and what hangs on them.
func (lv *level) byID(ids []id.ID, cond access.Cond) error {
	if len(ids) == 0 {
		return nil
	}
	if lv.text.ids != len(ids) {
		var s statement
		lv.selects(&s)
		s.WriteString(" FROM " + table(lv.kind) + " " + base)
		lv.addJoins(&s)
		in, err := among(access.Cond{SQL: name(base, "id")}, len(ids))
		if err != nil {
			return err
		}
		s.where(access.And(in, cond))
		lv.text = s.finished(len(ids))
	}
	return lv.read(&lv.text, ids, nil)
}

// read runs the statement of the level and then those of the lists inside it. row, when set, is told of each row; the
// destinations in extra stand before the level's own.
func (lv *level) read(t *template, ids []id.ID, row func(n int), extra ...any) error {
	if len(lv.lists)+len(lv.computed) == 0 {
		lv.r.only()
	}
	dests := append(extra[:len(extra):len(extra)], lv.dests...)
	err := lv.r.query(t, ids, func(rows *sql.Rows) error {
		if err := rows.Scan(dests...); err != nil {
			return err
		}
		if row != nil {
			row(lv.rows)
		}
		lv.rows++
		return nil
	})
	if err != nil || lv.rows == 0 {
		return err
	}
	for _, l := range lv.lists {
		if err := l.readFor(l.parent.distinct()); err != nil {
			return err
		}
	}
	for _, c := range lv.computed {
		if err := c.load(); err != nil {
			return err
		}
	}
	return nil
}

// only says that the next statement is the only one, if it is.
func (r *run) only() {
	if q, ok := r.q.(interface{ Alone() }); ok && r.alone {
		q.Alone()
	}
}

// query runs a statement about ids and calls each for every row.
func (r *run) query(t *template, ids []id.ID, each func(rows *sql.Rows) error) (err error) {
	rows, err := r.q.QueryContext(r.ctx, t.sql, t.filled(ids, r.now)...)
	if err != nil {
		return r.failed(err)
	}
	defer func() {
		if e := rows.Close(); err == nil && e != nil {
			err = r.failed(e)
		}
	}()
	for rows.Next() {
		if err := each(rows); err != nil {
			return r.failed(err)
		}
	}
	if err := rows.Err(); err != nil {
		return r.failed(err)
	}
	return nil
}

// once runs a statement that is not kept.
func (r *run) once(s *statement, ids []id.ID, each func(rows *sql.Rows) error) error {
	t := s.finished(len(ids))
	return r.query(&t, ids, each)
}

// failed tells a statement that ran out of time from one that is wrong. The cause stays in the chain, so that the
// transaction's helper still recognises what is worth another try.
func (r *run) failed(err error) error {
	if r.ctx.Err() == context.DeadlineExceeded {
		return fault.Wrap(fault.Limited, err, "The query takes too long.")
	}
	return fault.Wrap(fault.Internal, err, "internal error")
}

// among is the condition that an expression is one of n ids, which are given when the statement runs.
func among(expr access.Cond, n int) (access.Cond, error) {
	if n > maxParents {
		return access.Cond{}, fault.New(fault.Limited, "The lists inside this list have too many parents.")
	}
	args := make([]any, n)
	for i := range args {
		args[i] = given(i)
	}
	return oneOf(expr, args), nil
}
