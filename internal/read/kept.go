package read

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/model"
)

// A plan is kept when it was asked for twice, and is taken out while it works, because its columns hold what it reads. What is
// kept is known by everything that it was made from: the field in its document, the values of the variables in it, the policy
// (which is compiled anew when a role or a custom field changes), the user, and the epoch of what he may see. The moment and
// the ids of the records are put in when it runs. So a hit pays for the statement, the rows and the bytes, and for nothing else.
const (
	keptPlans  = 1024
	keptAtOnce = 16      // of one plan: so many requests may be at it
	keptValues = 2 << 10 // bytes of variables, as JSON
	keptUsages = 4096
)

// planKey is what a plan was made from.
type planKey struct {
	field   *ast.Field // documents are kept parsed, so their address is their identity; the key keeps them alive
	policy  *access.Policy
	user    id.ID
	epoch   string
	limited bool
	values  string
}

// planned is a field that has been planned: one record by its id, or a list at the root.
type planned struct {
	*run
	key  planKey
	kept bool // it may be

	level  *level // of one record
	record record
	cond   access.Cond

	list *list
}

// plans are the plans that nobody works with at the moment.
type plans struct {
	mu     sync.Mutex
	free   *lru.Cache[planKey, []*planned]
	usages *lru.Cache[*ast.Field, []string]

	hits, misses atomic.Int64
}

func newPlans() *plans {
	free, err := lru.New[planKey, []*planned](keptPlans)
	if err != nil {
		panic("read: " + err.Error()) // only for a size below one
	}
	usages, err := lru.New[*ast.Field, []string](keptUsages)
	if err != nil {
		panic("read: " + err.Error())
	}
	return &plans{free: free, usages: usages}
}

// Plans returns how often a kept plan was used for a field, and how often one had to be made.
func (e *Engine) Plans() (hits, misses int64) { return e.plans.hits.Load(), e.plans.misses.Load() }

// take returns a plan for the field of r, ready to run, or one that is empty and has to be made. ids are the names of arguments
// whose values are no part of it.
func (p *plans) take(r *run, f graphql.CollectedField, ids ...string) *planned {
	out := &planned{run: r}
	if out.key, out.kept = p.keyOf(r, f, ids); !out.kept {
		p.misses.Add(1)
		return out
	}
	p.mu.Lock()
	free, asked := p.free.Get(out.key)
	if n := len(free); n > 0 {
		found := free[n-1]
		p.free.Add(out.key, free[:n-1])
		p.mu.Unlock()
		p.hits.Add(1)
		*found.run = run{
			Engine: r.Engine, ctx: r.ctx, q: r.q, a: r.a, oc: r.oc, now: r.now,
			aliases: found.aliases, alone: found.alone, compared: found.compared, sensitive: found.sensitive,
		}
		return found
	}
	if !asked {
		p.free.Add(out.key, nil)
		out.kept = false
	}
	p.mu.Unlock()
	p.misses.Add(1)
	return out
}

// back keeps a plan that has run without an error.
func (p *plans) back(x *planned) {
	if !x.kept {
		return
	}
	x.ctx, x.q, x.a, x.oc = nil, nil, nil, nil // they belong to the request
	if x.level != nil {
		x.level.reset()
	}
	if x.list != nil {
		x.list.reset()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if free, _ := p.free.Get(x.key); len(free) < keptAtOnce {
		p.free.Add(x.key, append(free, x))
	}
}

func (lv *level) reset() {
	lv.rows = 0
	for _, d := range lv.dests {
		if d, ok := d.(dest); ok {
			d.reset()
		}
	}
	for _, c := range lv.computed {
		c.reset()
	}
	for _, l := range lv.lists {
		l.reset()
	}
}

func (l *list) reset() {
	l.groups = nil
	if l.level != nil {
		l.level.reset()
	}
}

// keyOf is the key of a plan; false when it cannot be kept.
func (p *plans) keyOf(r *run, f graphql.CollectedField, ids []string) (planKey, bool) {
	// Of actors without an epoch nobody knows what they may see. A field that stands twice under one name has the selections of
	// both.
	if r.a.Epoch == "" || len(f.Selections) != len(f.SelectionSet) {
		return planKey{}, false
	}
	names, ok := p.usages.Get(f.Field)
	if !ok {
		u := usage{}
		u.directives(f.Directives)
		for _, a := range f.Arguments {
			if !slices.Contains(ids, a.Name) {
				u.value(a.Value)
			}
		}
		u.selections(f.SelectionSet)
		names = u.names
		p.usages.Add(f.Field, names)
	}
	key := planKey{field: f.Field, policy: r.a.Policy, user: r.a.User, epoch: r.a.Epoch, limited: r.a.LimitedShares}
	if len(names) == 0 {
		return key, true
	}
	var values []byte
	for _, name := range names {
		v, given := r.oc.Variables[name]
		if !given {
			values = append(values, ';')
			continue
		}
		b, err := json.Marshal(v)
		if err != nil {
			return planKey{}, false
		}
		values = append(append(values, b...), ';')
	}
	key.values = string(values)
	return key, len(values) <= keptValues
}

// usage collects the variables in a part of a document, which is valid: its fragments do not contain themselves.
type usage struct{ names []string }

func (u *usage) value(v *ast.Value) {
	if v == nil {
		return
	}
	if v.Kind == ast.Variable && !slices.Contains(u.names, v.Raw) {
		u.names = append(u.names, v.Raw)
	}
	for _, c := range v.Children {
		u.value(c.Value)
	}
}

func (u *usage) directives(ds ast.DirectiveList) {
	for _, d := range ds {
		for _, a := range d.Arguments {
			u.value(a.Value)
		}
	}
}

func (u *usage) selections(set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			u.directives(s.Directives)
			for _, a := range s.Arguments {
				u.value(a.Value)
			}
			u.selections(s.SelectionSet)
		case *ast.InlineFragment:
			u.directives(s.Directives)
			u.selections(s.SelectionSet)
		case *ast.FragmentSpread:
			u.directives(s.Directives)
			if s.Definition != nil {
				u.selections(s.Definition.SelectionSet)
			}
		}
	}
}

// planOne returns the plan by which f shows one record of k.
func (e *Engine) planOne(r *run, f graphql.CollectedField, k *model.Kind) (*planned, error) {
	p := e.plans.take(r, f, "id", "external")
	if p.level != nil {
		return p, nil
	}
	var err error
	if p.level, p.record, err = p.records(k, f.Selections, []any{f.Alias}); err != nil {
		return nil, err
	}
	p.alone, p.cond = true, p.level.inSight(false)
	return p, nil
}

// planList returns the plan by which f shows a page of the records of k.
func (e *Engine) planList(r *run, f graphql.CollectedField, k *model.Kind) (*planned, error) {
	p := e.plans.take(r, f)
	if p.list != nil {
		return p, nil
	}
	var err error
	if p.list, err = p.root(k, f, []any{f.Alias}); err != nil {
		return nil, err
	}
	p.alone = true
	return p, nil
}
