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
	cfg    *Config
	emit   func(result *graphql.Response, cursor string) bool
	cursor string // of the last event that has one

	// One without a source:
	p       prepared
	results graphql.ResponseHandler // nil before it has begun

	// One with a source, which keeps nothing else of what it took to begin:
	source    stream.Source
	ctx       context.Context //nolint:containedctx // of who acts
	operation *ast.OperationDefinition
}

// advance does run until that ends, or the source has nothing yet: then wake is called when it has, and advance again goes on.
func (f *flow) advance(wake func()) (waits bool, errs gqlerror.List) {
	ctx := f.context()
	defer func() {
		if thrown := recover(); thrown != nil {
			waits, errs = false, f.cfg.failure(ctx, f.cfg.recovered(ctx, thrown), f.cursor)
		}
	}()
	if f.source == nil && f.results == nil {
		f.results, f.p.ctx = f.p.exec.DispatchOperation(f.p.ctx, f.p.op)
		ctx = f.p.ctx
		if f.source = f.p.sub.Source(); f.source != nil {
			f.operation = f.p.op.Operation
			f.p, f.results = prepared{}, nil
			context.AfterFunc(f.ctx, f.source.Close)
		}
	}
	if f.source != nil {
		return f.relay(wake)
	}
	return false, f.pull()
}

// context is what errors are presented with.
func (f *flow) context() context.Context {
	if f.source == nil {
		return f.p.ctx
	}
	return graphql.WithOperationContext(f.ctx, &graphql.OperationContext{Operation: f.operation})
}

// relay hands on the events of the source.
func (f *flow) relay(wake func()) (waits bool, errs gqlerror.List) {
	for f.ctx.Err() == nil {
		e, more, err := f.source.Next(wake)
		switch {
		case e == nil && more:
			return true, nil
		case e == nil && err != nil:
			return false, f.cfg.failure(f.context(), err, f.cursor)
		case e == nil:
			return false, nil
		}
		if e.Cursor != "" {
			f.cursor = e.Cursor
		}
		if !f.emit(&graphql.Response{Data: e.Data}, e.Cursor) {
			return false, nil
		}
	}
	return false, nil
}

// pull hands on the results of the handler.
func (f *flow) pull() gqlerror.List {
	p := f.p
	subscription := p.op.Operation.Operation == ast.Subscription
	for result := f.results(p.ctx); result != nil; result = f.results(p.ctx) {
		if len(result.Data) == 0 && len(result.Errors) > 0 {
			return withCursor(result.Errors, f.cursor) // a request error: nothing was executed, nothing follows
		}
		at := p.sub.TakeCursor()
		if at != "" {
			f.cursor = at
		}
		if !f.emit(result, at) {
			return nil
		}
		// A handler that answers a query need not know how to end.
		if more := result.HasNext != nil && *result.HasNext; !subscription && !more {
			return nil
		}
	}
	if err := p.sub.Err(); err != nil {
		return f.cfg.failure(p.ctx, err, f.cursor)
	}
	if !subscription && p.ctx.Err() != nil {
		return f.cfg.failure(p.ctx, fault.Wrap(fault.Unavailable, p.ctx.Err(), "The operation took too long."), "")
	}
	return nil
}
