package read

import (
	"context"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
)

// Row is the alias of the table in the conditions of a Filter.
const Row = base

// Filter is the choice of records of a kind on its way into statements that areas write themselves: a condition on Row.
type Filter struct {
	access.Cond
	r *run
	k *model.Kind
}

// Filter compiles a decoded `where`, which may be nil, into the condition that a live record (one of the bin where the filter
// asks for that) is in the actor's sight and let through. It returns Invalid and Forbidden as lists do.
func (e *Engine) Filter(ctx context.Context, q db.Querier, a *access.Actor, k *model.Kind, where any) (*Filter, error) {
	f := &Filter{r: e.run(ctx, q, a), k: k}
	if where != nil {
		var err error
		if f.Cond, err = f.r.where(k, base, where, []any{"where"}); err != nil {
			return nil, err
		}
	}
	if !binned(where) {
		f.Cond = access.And(live(base), f.Cond)
	}
	f.Cond = access.And(f.Cond, a.Sight(e.Set, k, base, access.Read, f.r.now))
	return f, nil
}

// Value returns the expression for a column of a field where the field shows to the actor, NULL elsewhere. It returns
// Forbidden to whom it never shows. column is "" for the field's own one.
func (f *Filter) Value(field, column string) (access.Cond, error) {
	m := f.k.Field(field)
	if column == "" {
		column = m.Column
	}
	return f.r.comparable(f.k, m, base, column, []any{field})
}

// Told notes for the audit trail that sensitive fields, by the filter or by values, chose these records.
func (f *Filter) Told(ids []id.ID) {
	if w := f.r.witness(); w != nil {
		tellCompared(w, f.r.a, f.k, f.r.compared, ids)
	}
}
