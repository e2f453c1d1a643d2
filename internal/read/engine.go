package read

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// Money knows currencies.
type Money interface {
	// ToReporting returns a decimal amount of a currency in minor units of the reporting currency.
	ToReporting(amount, currency string) (int64, error)
	// Format returns minor units as a decimal amount: "12500000.00".
	Format(minor int64, currency string) string
}

// Config is what an engine works from.
type Config struct {
	Set     *model.Set
	Dialect db.Dialect
	Clock   clock.Clock
	// CursorKey seals list cursors: 32 bytes, the same on all nodes.
	CursorKey []byte
	Money     Money
	// Computed are the fields that are no columns, by type and name: "Account.summary".
	Computed map[string]Computed
	// Schema tells which interfaces the types implement; without it every kind is a Node and nothing else.
	Schema *ast.Schema
	// Redirects returns the records for which ids of merged ones stand; nil when there are none. It is asked when a record is
	// read by its id and not there.
	Redirects func(ctx context.Context, q db.Querier, ids []id.ID) (map[id.ID]id.ID, error)
}

// Engine reads. It is safe for concurrent use. Its methods take the transaction to read in as an argument; those that
// answer a field find the field's selection and arguments in gqlgen's context. Errors are fault.Errors: Invalid for
// arguments, Forbidden for what the policy does not allow at all, Limited for too much work, Internal for a database that
// fails, with its cause.
type Engine struct {
	Config
	seal    *sealer
	indexes indexes
	buffers buffers
	plans   *plans
}

// New returns an engine. It fails for a cursor key of another length than 32 bytes.
func New(c Config) (*Engine, error) {
	seal, err := newSealer(c.CursorKey)
	if err != nil {
		return nil, err
	}
	return &Engine{Config: c, seal: seal, plans: newPlans()}, nil
}

// run is the work on one field.
type run struct {
	*Engine
	ctx     context.Context
	q       db.Querier
	a       *access.Actor
	oc      *graphql.OperationContext
	now     time.Time
	aliases int

	alone     bool       // the field is answered by one statement, unless there are lists in it
	compared  []compared // sensitive fields in filters and orders that no list has taken yet
	sensitive bool       // a sensitive field is read or compared
}

func (e *Engine) run(ctx context.Context, q db.Querier, a *access.Actor) *run {
	r := &run{Engine: e, ctx: ctx, q: q, a: a, now: e.Clock.Now()}
	if graphql.HasOperationContext(ctx) {
		r.oc = graphql.GetOperationContext(ctx)
	}
	return r
}

func (e *Engine) kind(name string) *model.Kind { return e.Set.Kind(name) }

// List answers the current field, a connection of the records of k.
func (e *Engine) List(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind) (Result, error) {
	p, err := e.planList(e.run(ctx, q, a), graphql.GetFieldContext(ctx).Field, k)
	if err != nil {
		return Result{}, err
	}
	if err := p.list.readFor(atRoot); err != nil {
		return Result{}, err
	}
	if w := p.witness(); w != nil {
		p.list.tell(w, atRoot)
	}
	out := Raw(e.buffers.build(p.list.writeRoot))
	e.plans.back(p)
	return out, nil
}

// atRoot is the parent of a list that has none.
var atRoot = []id.ID{{}}

// One answers the current field, the record of k with the given id. It returns NotFound when there is none in sight.
func (e *Engine) One(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind, x id.ID) (Result, error) {
	f := graphql.GetFieldContext(ctx).Field
	one, ok, err := e.oneByID(e.run(ctx, q, a), f, k, x)
	if err != nil || ok {
		return one, err
	}
	found, err := e.redirected(ctx, q, []id.ID{x}, nil, func(to []id.ID) (map[id.ID]Result, error) {
		return e.Select(ctx, q, a, f, k, to)
	})
	if err != nil {
		return Result{}, err
	}
	if one, ok = found[x]; !ok {
		return Result{}, fault.New(fault.NotFound, "There is no such record.").At(f.Alias)
	}
	return one, nil
}

// oneByID reads one record, if it is in sight.
func (e *Engine) oneByID(r *run, f graphql.CollectedField, k *model.Kind, x id.ID) (Result, bool, error) {
	p, err := e.planOne(r, f, k)
	if err != nil || p.cond.IsFalse() {
		return Result{}, false, err
	}
	if err := p.level.byID([]id.ID{x}, p.cond); err != nil {
		return Result{}, false, err
	}
	var out Result
	found := p.level.rows > 0
	if found {
		if w := p.witness(); w != nil {
			p.level.tell(w, []int{0})
		}
		out = Raw(e.buffers.build(func(dst []byte) []byte { return p.record.write(dst, 0) }))
	}
	e.plans.back(p)
	return out, found, nil
}

// Nodes answers the current field, a list of records of any kinds in the order of ids: null for those that are not in
// sight or of kinds that may not be read. It runs one statement for each kind, and those of the lists inside.
func (e *Engine) Nodes(ctx context.Context, q db.Querier, a *access.Actor, ids []id.ID) ([]Result, error) {
	r, f := e.run(ctx, q, a), graphql.GetFieldContext(ctx).Field
	found, err := r.anyByID(f, ids, nil, false)
	if err != nil {
		return nil, err
	}
	if found, err = e.redirected(ctx, q, ids, found, func(to []id.ID) (map[id.ID]Result, error) { return r.anyByID(f, to, nil, false) }); err != nil {
		return nil, err
	}
	out := make([]Result, len(ids))
	for i, x := range ids {
		out[i] = found[x]
	}
	return out, nil
}

// redirected adds to what was found by ids what is found by those for which missing ids stand. It costs nothing when
// everything was found.
func (e *Engine) redirected(ctx context.Context, q db.Querier, ids []id.ID, found map[id.ID]Result, read func([]id.ID) (map[id.ID]Result, error)) (map[id.ID]Result, error) {
	if e.Redirects == nil {
		return found, nil
	}
	var missing []id.ID
	for _, x := range ids {
		if _, ok := found[x]; !ok {
			if k := e.Set.Of(x); k != nil && k.Mergeable() && !slices.Contains(missing, x) {
				missing = append(missing, x)
			}
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	redirects, err := e.Redirects(ctx, q, missing)
	if err != nil || len(redirects) == 0 {
		return found, err
	}
	var to []id.ID
	for _, x := range missing {
		if y, ok := redirects[x]; ok && !slices.Contains(to, y) {
			to = append(to, y)
		}
	}
	survivors, err := read(to)
	if err != nil {
		return nil, err
	}
	if found == nil {
		found = map[id.ID]Result{}
	}
	for x, y := range redirects {
		if res, ok := survivors[y]; ok {
			found[x] = res
		}
	}
	return found, nil
}

// Select reads records of k by their ids, with what a field selects of each. Those that are not in sight or in the bin
// are missing in the answer.
func (e *Engine) Select(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, k *model.Kind, ids []id.ID) (map[id.ID]Result, error) {
	return e.run(ctx, q, a).byID(f, k, ids, nil, false)
}

// byID is Select; where narrows it, bin includes records in the bin.
func (r *run) byID(f graphql.CollectedField, k *model.Kind, ids []id.ID, where any, bin bool) (map[id.ID]Result, error) {
	lv, rec, err := r.records(k, f.Selections, []any{f.Alias})
	if err != nil {
		return nil, err
	}
	cond := lv.inSight(bin)
	if where != nil {
		c, err := r.where(k, base, where, []any{"where"})
		if err != nil {
			return nil, err
		}
		cond = access.And(cond, c)
	}
	if cond.IsFalse() {
		return nil, nil
	}
	if err := lv.byID(ids, cond); err != nil {
		return nil, err
	}
	if w := r.witness(); w != nil {
		rows := make([]int, lv.rows)
		for i := range rows {
			rows[i] = i
		}
		lv.tell(w, rows)
		tellCompared(w, r.a, k, r.compared, lv.id.ids)
	}
	out := make(map[id.ID]Result, lv.rows)
	for row, x := range lv.id.ids {
		out[x] = Raw(r.buffers.build(func(dst []byte) []byte { return rec.write(dst, row) }))
	}
	return out, nil
}

// Count counts the records of k in sight that a filter lets through, exactly up to 10,000; beyond, exact is false and n is
// 10,000. The filter, which may be nil, is a decoded `where`.
func (e *Engine) Count(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind, where any) (n int, exact bool, err error) {
	r := e.run(ctx, q, a)
	l := &list{r: r, kind: k, counted: true}
	if where != nil {
		if l.where, err = r.where(k, base, where, []any{"where"}); err != nil {
			return 0, false, err
		}
	}
	if !binned(where) {
		l.where = access.And(live(base), l.where)
	}
	if err := l.readFor(atRoot); err != nil {
		return 0, false, err
	}
	if w := r.witness(); w != nil {
		tellCompared(w, a, k, r.compared, nil)
	}
	total := l.groups[id.ID{}].total
	return min(total, maxCount), total <= maxCount, nil
}

// Visible returns those of ids, records of k, on which action may be done, in the given order, records in the bin left
// out. Ids in inputs are checked with it.
func (e *Engine) Visible(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind, action string, ids []id.ID) ([]id.ID, error) {
	r := e.run(ctx, q, a)
	return r.filtered(k, ids, access.And(live(base), a.Sight(e.Set, k, base, action, r.now)))
}

// Matches returns those of ids, records of k in sight, that a decoded `where` lets through, in the given order.
func (e *Engine) Matches(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind, ids []id.ID, where any) ([]id.ID, error) {
	r := e.run(ctx, q, a)
	c := access.Cond{}
	if where != nil {
		var err error
		if c, err = r.where(k, base, where, []any{"where"}); err != nil {
			return nil, err
		}
	}
	if !binned(where) {
		c = access.And(live(base), c)
	}
	found, err := r.filtered(k, ids, access.And(a.Sight(e.Set, k, base, access.Read, r.now), c))
	if w := r.witness(); w != nil && err == nil {
		tellCompared(w, a, k, r.compared, found)
	}
	return found, err
}

func (r *run) filtered(k *model.Kind, ids []id.ID, cond access.Cond) ([]id.ID, error) {
	if len(ids) == 0 || cond.IsFalse() {
		return nil, nil
	}
	in, err := among(access.Cond{SQL: name(base, "id")}, len(ids))
	if err != nil {
		return nil, err
	}
	var s statement
	s.WriteString("SELECT " + name(base, "id") + " FROM " + table(k) + " " + base)
	s.where(access.And(in, cond))
	found := make(map[id.ID]bool, len(ids))
	err = r.once(&s, ids, func(rows *sql.Rows) error {
		var x id.ID
		err := rows.Scan(&x)
		found[x] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]id.ID, 0, len(found))
	for _, x := range ids {
		if found[x] {
			out = append(out, x)
			found[x] = false // an id given twice is answered once
		}
	}
	return out, nil
}
