package read

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

// Plan is a selection that is kept beyond its request: what the subscribers of one group have selected of an event and of
// the record in it. It is safe for concurrent use.
type Plan struct {
	e      *Engine
	oc     *graphql.OperationContext
	field  graphql.CollectedField
	places []place // of the record
	depth  int
}

// Prepare keeps the selection of the current field, an event or a connection of events; path are the names that lead from
// it to the record: "node", or "edges", "node", "node".
func (e *Engine) Prepare(ctx context.Context, path ...string) *Plan {
	r := e.run(ctx, nil, nil)
	p := &Plan{e: e, oc: r.oc, field: graphql.GetFieldContext(ctx).Field, depth: len(path)}
	p.places = r.places(p.field, strings.Join(path, "."), "")
	return p
}

// Selected reports whether anything of the record is selected; if not, Load has nothing to read.
func (p *Plan) Selected() bool { return len(p.places) > 0 }

// Load reads the records of ids as the plan selects them, for the actor of this moment. Only those in sight that the
// decoded filter where, which may be nil, lets through are in the answer. The kinds follow from the ids; a filter needs
// all to be of one kind. When nothing of the record is selected the answer is empty; use Matches to decide then.
func (p *Plan) Load(ctx context.Context, q db.Querier, a *access.Actor, ids []id.ID, where any) (map[id.ID]Result, error) {
	return p.run(ctx, q, a).each(p.places, p.depth, ids, where, false)
}

// Render writes an event, or whatever the field of the plan is, by its selection. Values are maps of field names to nil,
// string, bool, int, int64, time.Time, id.ID, lists, maps and Results; a map names its type under "__typename" where the
// SDL leaves it open. Fields without a value are null.
func (p *Plan) Render(ctx context.Context, value any) (Result, error) {
	return p.run(ctx, nil, nil).render(p.field, value)
}

func (p *Plan) run(ctx context.Context, q db.Querier, a *access.Actor) *run {
	return p.e.run(graphql.WithOperationContext(ctx, p.oc), q, a)
}

// Project writes a value for the current field by its selection, as Plan.Render does.
func (e *Engine) Project(ctx context.Context, value any) (Result, error) {
	return e.run(ctx, nil, nil).render(graphql.GetFieldContext(ctx).Field, value)
}

func (r *run) render(f graphql.CollectedField, value any) (Result, error) {
	var failed error
	json := r.buffers.build(func(dst []byte) []byte {
		dst, failed = r.shape(f).append(dst, value, f.Alias)
		return dst
	})
	if failed != nil {
		return Result{}, fault.Wrap(fault.Internal, failed, "internal error")
	}
	return Raw(json), nil
}
