package server

import (
	"context"
	"errors"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.opentelemetry.io/otel/trace"

	"farley/internal/clock"
	"farley/internal/fault"
)

// engine is the executor that every transport gets. It puts the limits before gqlgen's executor: persisted document,
// tokens, shape, validation, variables, cost, budget; and around it: the time-out, the operations of a caller, metrics
// and log. All errors that leave it are presented.
type engine struct {
	inner         *executor.Executor
	clock         clock.Clock
	limits        Limits
	presenter     *Presenter
	documents     *documents
	persisted     *persisted
	budgets       *budgets
	running       *running
	caller        func(context.Context) string
	introspection bool
	observe       func(context.Context, operation)
	tracer        trace.Tracer // may be nil
}

var _ graphql.GraphExecutor = (*engine)(nil)

// operation is what metrics and the log are told about one operation.
type operation struct {
	Name string // as written in the document, "" when it has none or is not known
	Kind string // query, mutation, subscription; "invalid" when it is not known
	Code fault.Code
	Cost int
	Took time.Duration

	Viewer string // as engine.caller names him
}

// Cost is the response extension that tells what an operation cost.
type Cost struct {
	Requested int `json:"requested"`
	Limit     int `json:"limit"`
}

const costExtension = "farley.cost"

// CreateOperationContext checks a request in every way that needs no data. Its errors are presented already.
func (e *engine) CreateOperationContext(ctx context.Context, params *graphql.RawParams) (opCtx *graphql.OperationContext, errs gqlerror.List) {
	ctx, span := e.planSpan(ctx)
	defer func() {
		endPlanSpan(span, opCtx, codeOf(errs))
	}()
	defer func() {
		if value := recover(); value != nil {
			errs = gqlerror.List{gqlerror.WrapIfUnwrapped(e.presenter.Recover(ctx, value))}
		}
		if opCtx == nil {
			opCtx = &graphql.OperationContext{RecoverFunc: e.presenter.Recover}
		}
		if len(errs) == 0 {
			return
		}
		if opCtx.Operation != nil {
			ctx = graphql.WithOperationContext(ctx, opCtx) // for who wants to know what was refused
		}
		for i, err := range errs {
			errs[i] = e.presenter.Present(ctx, err)
		}
		e.observe(ctx, refused(opCtx, codeOf(errs)))
	}()
	return e.create(ctx, params)
}

func (e *engine) create(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	hash, err := e.persisted.resolve(ctx, params)
	if err != nil {
		return nil, gqlerror.List{gqlerror.WrapIfUnwrapped(err)}
	}
	doc, errs := e.documents.get(params.Query)
	if len(errs) > 0 {
		return nil, errs
	}
	if err := e.checkRequest(doc, params); err != nil {
		return nil, gqlerror.List{gqlerror.WrapIfUnwrapped(err)}
	}
	opCtx, errs := e.inner.CreateOperationContext(context.WithValue(ctx, documentKey{}, doc), params)
	if len(errs) > 0 {
		return opCtx, refineExecutorErrors(errs)
	}
	if hash == "" {
		return opCtx, nil
	}
	if err := e.persisted.store.Put(ctx, hash, params.Query); err != nil {
		return opCtx, gqlerror.List{gqlerror.WrapIfUnwrapped(
			fault.Wrap(fault.Unavailable, err, "The store of persisted operations does not answer."))}
	}
	return opCtx, nil
}

func (e *engine) checkRequest(doc *ast.QueryDocument, params *graphql.RawParams) error {
	op := doc.Operations.ForName(params.OperationName)
	if op == nil && params.OperationName == "" {
		return fault.New(fault.BadRequest, "The document has several operations: operationName must name one.")
	}
	if op == nil {
		return fault.New(fault.BadRequest, "The document has no operation with this name.")
	}
	if !e.introspection && introspects(op.SelectionSet) {
		return fault.New(fault.BadRequest, "Introspection is switched off.")
	}
	return checkVariables(params.Variables, e.limits)
}

// introspects looks for __schema and __type among the root fields. The document is valid, so fragments have no cycles,
// and the fragments of the root were counted against the limits.
func introspects(set ast.SelectionSet) bool {
	seen := map[string]bool{}
	var look func(ast.SelectionSet) bool
	look = func(set ast.SelectionSet) bool {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				if sel.Name == "__schema" || sel.Name == "__type" {
					return true
				}
			case *ast.InlineFragment:
				if look(sel.SelectionSet) {
					return true
				}
			case *ast.FragmentSpread:
				if sel.Definition == nil || seen[sel.Name] {
					continue
				}
				seen[sel.Name] = true
				if look(sel.Definition.SelectionSet) {
					return true
				}
			}
		}
		return false
	}
	return look(set)
}

// refineExecutorErrors finds the errors about variables among those of gqlgen's executor: it gives them a code of its
// own and a path that begins with "variable".
func refineExecutorErrors(errs gqlerror.List) gqlerror.List {
	for i, err := range errs {
		if _, own := err.Extensions["code"].(string); !own || err.Err != nil && isFault(err) {
			continue
		}
		f := fault.New(fault.BadRequest, "A variable is not valid: %s", shorten(err.Message))
		if path := plainPath(err.Path); len(path) > 1 {
			f.Violations = []fault.Violation{{Path: path[1:], Code: "FORMAT", Message: "The value does not fit its type."}}
		}
		errs[i] = &gqlerror.Error{Err: f, Message: f.Message, Locations: err.Locations}
	}
	return errs
}

func isFault(err error) bool {
	var f *fault.Error
	return errors.As(err, &f)
}

// DispatchOperation runs an operation. A query or mutation holds one of the caller's places until its answer is taken: transports
// must take it.
func (e *engine) DispatchOperation(ctx context.Context, opCtx *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	begin := time.Now()
	ctx, span := e.operationSpan(ctx, opCtx)
	if opCtx.Operation.Operation == ast.Subscription {
		responses, inner := e.dispatch(ctx, opCtx)
		op := describe(opCtx, "", begin)
		endOperationSpan(span, op) // what is told later has spans of its own
		e.observe(ctx, op)
		return e.presented(responses), inner
	}

	who := e.caller(ctx)
	end, err := e.running.begin(who)
	if err != nil {
		refusal := &graphql.Response{Errors: gqlerror.List{e.presenter.Present(ctx, err)}}
		op := describe(opCtx, fault.Limited, begin)
		endOperationSpan(span, op)
		e.observe(ctx, op)
		return graphql.OneShot(refusal), ctx
	}
	responses, inner := e.dispatch(ctx, opCtx)
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		defer end()
		ctx, cancel := e.withTime(ctx)
		defer cancel()
		resp := e.presented(responses)(ctx)
		if resp == nil { // gqlgen's way to say that the context has ended
			resp = &graphql.Response{Errors: gqlerror.List{e.presenter.Present(ctx, context.Cause(ctx))}}
		}
		e.addCost(opCtx, resp)
		op := describe(opCtx, codeOf(resp.Errors), begin)
		op.Viewer = who
		endOperationSpan(span, op)
		e.observe(ctx, op)
		return resp
	}, inner
}

// withTime bounds the time in which an operation runs: gqlgen's executor only prepares before its answer is taken.
func (e *engine) withTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.limits.OperationTime < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, e.limits.OperationTime)
}

// dispatch lets a panic of an extension become the answer, so that the caller's place is given back.
func (e *engine) dispatch(ctx context.Context, opCtx *graphql.OperationContext) (responses graphql.ResponseHandler, inner context.Context) {
	defer func() {
		if value := recover(); value != nil {
			err := e.presenter.Present(ctx, e.presenter.Recover(ctx, value))
			responses, inner = graphql.OneShot(&graphql.Response{Errors: gqlerror.List{err}}), ctx
		}
	}()
	return e.inner.DispatchOperation(ctx, opCtx)
}

// presented makes sure that no error leaves unpresented (some are put into responses without the presenter), and that
// a panic ends the operation with an error and nothing else.
func (e *engine) presented(next graphql.ResponseHandler) graphql.ResponseHandler {
	ended := false
	return func(ctx context.Context) (resp *graphql.Response) {
		if ended {
			return nil
		}
		defer func() {
			if value := recover(); value != nil {
				ended = true
				err := e.presenter.Present(ctx, e.presenter.Recover(ctx, value))
				resp = &graphql.Response{Errors: gqlerror.List{err}}
			}
		}()
		resp = next(ctx)
		if resp == nil {
			return nil
		}
		for i, err := range resp.Errors {
			resp.Errors[i] = e.presenter.Present(ctx, err)
		}
		return resp
	}
}

// DispatchError makes a response of errors that came before execution.
func (e *engine) DispatchError(ctx context.Context, list gqlerror.List) *graphql.Response {
	return e.inner.DispatchError(ctx, list)
}

func (e *engine) addCost(opCtx *graphql.OperationContext, resp *graphql.Response) {
	cost, ok := opCtx.Stats.GetExtension(costExtension).(int)
	if !ok || e.limits.Cost < 0 {
		return
	}
	if resp.Extensions == nil {
		resp.Extensions = map[string]any{}
	}
	resp.Extensions["cost"] = Cost{Requested: cost, Limit: e.limits.Cost}
}

// gate is the first of the executor's extensions: it sees the coerced variables, and refuses before others plan.
type gate struct{ *engine }

var _ graphql.OperationContextMutator = gate{}

// ExtensionName names the extension.
func (gate) ExtensionName() string { return "Limits" }

// Validate accepts every schema.
func (gate) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext checks cost and budget.
func (g gate) MutateOperationContext(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	opCtx.DisableIntrospection = !g.introspection
	cost := costOf(opCtx.Operation, opCtx.Variables)
	opCtx.Stats.SetExtension(costExtension, cost)
	if exceeds(cost, g.limits.Cost) {
		return gqlerror.Wrap(fault.New(fault.Limited, "The operation costs %d, and at most %d is allowed.", cost, g.limits.Cost).
			With("limit", "cost").With("value", cost).With("max", g.limits.Cost))
	}
	if err := g.budgets.spend(g.caller(ctx), cost); err != nil {
		return gqlerror.Wrap(err)
	}
	return nil
}

func describe(opCtx *graphql.OperationContext, code fault.Code, begin time.Time) operation {
	cost, _ := opCtx.Stats.GetExtension(costExtension).(int)
	return operation{
		Name: opCtx.Operation.Name, Kind: string(opCtx.Operation.Operation), Code: code, Cost: cost, Took: time.Since(begin),
	}
}

func refused(opCtx *graphql.OperationContext, code fault.Code) operation {
	if opCtx.Operation == nil {
		return operation{Kind: "invalid", Code: code}
	}
	return describe(opCtx, code, time.Now())
}

// codeOf returns the code of the first error, "" when there is none.
func codeOf(errs gqlerror.List) fault.Code {
	if len(errs) == 0 {
		return ""
	}
	if code, ok := errs[0].Extensions["code"].(fault.Code); ok {
		return code
	}
	return fault.Internal
}
