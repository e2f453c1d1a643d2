package live

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/fault"
	"farley/internal/stream"
)

// prepared is an operation that is parsed, valid and permitted, ready to run.
type prepared struct {
	ctx  context.Context
	op   *graphql.OperationContext
	sub  *stream.Subscription
	exec graphql.GraphExecutor
}

// prepare readies an operation for the caller in ctx. The errors are for the client and mean that nothing has run.
func (c *Config) prepare(ctx context.Context, exec graphql.GraphExecutor, params *graphql.RawParams, resumeFrom string) (_ prepared, errs gqlerror.List) {
	ctx, sub := stream.WithResumedSubscription(graphql.StartOperationTrace(ctx), resumeFrom)
	defer func() {
		if thrown := recover(); thrown != nil {
			errs = c.failure(ctx, c.recovered(ctx, thrown), "")
		}
	}()
	params.ReadTime = graphql.TraceTiming{Start: graphql.GetStartTime(ctx), End: graphql.GetStartTime(ctx)}
	op, refused := exec.CreateOperationContext(ctx, params)
	if len(refused) == 0 {
		return prepared{ctx: ctx, op: op, sub: sub, exec: exec}, nil
	}
	if shown := exec.DispatchError(graphql.WithOperationContext(ctx, op), refused); len(shown.Errors) > 0 {
		refused = shown.Errors
	}
	return prepared{}, refused
}

// run executes p and hands each result with its position ("" for none) to emit, until the results end, the context
// ends or emit returns false. It returns the errors that ended the operation, none for a regular completion. A panic
// in a resolver is one of them.
func (c *Config) run(p prepared, emit func(result *graphql.Response, cursor string) bool) gqlerror.List {
	f := &flow{cfg: c, p: p, emit: emit}
	_, errs := f.advance(nil)
	return errs
}

// flow is an operation that runs.
type flow struct {
	cfg  *Config
	p    prepared
	emit func(result *graphql.Response, cursor string) bool

	results graphql.ResponseHandler // nil before it has begun
	ctx     context.Context         //nolint:containedctx // of the operation, for results
	cursor  string                  // of the last event that has one
}

// advance does run until that ends, or a source has nothing: then wake is called when it has, and advance again goes on.
func (f *flow) advance(wake func()) (waits bool, errs gqlerror.List) {
	p := f.p
	defer func() {
		if thrown := recover(); thrown != nil {
			waits, errs = false, f.cfg.failure(p.ctx, f.cfg.recovered(p.ctx, thrown), f.cursor)
		}
	}()
	if f.results == nil {
		f.results, f.ctx = p.exec.DispatchOperation(p.ctx, p.op)
	}
	subscription := p.op.Operation.Operation == ast.Subscription
	for {
		if source := p.sub.Source(); source != nil && !source.Fill(wake) {
			return true, nil
		}
		result := f.results(f.ctx)
		if result == nil {
			break
		}
		if len(result.Data) == 0 && len(result.Errors) > 0 {
			return false, withCursor(result.Errors, f.cursor) // a request error: nothing was executed, nothing follows
		}
		at := p.sub.TakeCursor()
		if at != "" {
			f.cursor = at
		}
		if !f.emit(result, at) {
			return false, nil
		}
		// A handler that answers a query need not know how to end.
		if more := result.HasNext != nil && *result.HasNext; !subscription && !more {
			return false, nil
		}
	}
	if err := p.sub.Err(); err != nil {
		return false, f.cfg.failure(f.ctx, err, f.cursor)
	}
	if !subscription && f.ctx.Err() != nil {
		return false, f.cfg.failure(f.ctx, fault.Wrap(fault.Unavailable, f.ctx.Err(), "The operation took too long."), "")
	}
	return false, nil
}
