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
func (c *Config) run(p prepared, emit func(result *graphql.Response, cursor string) bool) (errs gqlerror.List) {
	cursor := ""
	defer func() {
		if thrown := recover(); thrown != nil {
			errs = c.failure(p.ctx, c.recovered(p.ctx, thrown), cursor)
		}
	}()
	results, ctx := p.exec.DispatchOperation(p.ctx, p.op)
	subscription := p.op.Operation.Operation == ast.Subscription
	for result := results(ctx); result != nil; result = results(ctx) {
		if len(result.Data) == 0 && len(result.Errors) > 0 {
			return withCursor(result.Errors, cursor) // a request error: nothing was executed, nothing follows
		}
		at := p.sub.TakeCursor()
		if at != "" {
			cursor = at
		}
		if !emit(result, at) {
			return nil
		}
		// A handler that answers a query need not know how to end.
		if more := result.HasNext != nil && *result.HasNext; !subscription && !more {
			return nil
		}
	}
	if err := p.sub.Err(); err != nil {
		return c.failure(ctx, err, cursor)
	}
	if !subscription && ctx.Err() != nil {
		return c.failure(ctx, fault.Wrap(fault.Unavailable, ctx.Err(), "The operation took too long."), "")
	}
	return nil
}
