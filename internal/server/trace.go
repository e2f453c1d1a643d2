package server

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"farley/internal/fault"
)

// Spans hold what the log holds: names that the document's author chose, codes and counts; no variables, no arguments, no
// addresses, nobody's data.

// requestSpan begins the span of an HTTP request, below the one that its traceparent names.
func (s *Server) requestSpan(ctx context.Context, r *http.Request) (context.Context, trace.Span) {
	if s.config.Tracer == nil {
		return ctx, nil
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	if r.URL.Path != "/graphql" {
		return ctx, nil // probes and scrapes come every few seconds
	}
	return s.config.Tracer.Start(ctx, method(r)+" /graphql", trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method(r)), attribute.String("http.route", route(r))))
}

// method is one that we answer, else _OTHER: the word is the client's to choose.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodOptions, http.MethodHead, http.MethodPut:
		return r.Method
	}
	return "_OTHER"
}

func endRequestSpan(span trace.Span, status int) {
	if span == nil {
		return
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}

// outlivingKey holds the span of a request that opened something that outlives it.
type outlivingKey struct{}

// outliving makes operations begin traces of their own, linked with the present span: a socket carries thousands of them for
// days.
func outliving(ctx context.Context) context.Context {
	opened := trace.SpanContextFromContext(ctx)
	if !opened.IsValid() {
		return ctx
	}
	return context.WithValue(trace.ContextWithSpan(ctx, nil), outlivingKey{}, opened)
}

// start begins a span; nil without traces.
func (e *engine) start(ctx context.Context, name string) (context.Context, trace.Span) {
	if e.tracer == nil {
		return ctx, nil
	}
	var options []trace.SpanStartOption
	if opened, ok := ctx.Value(outlivingKey{}).(trace.SpanContext); ok && !trace.SpanContextFromContext(ctx).IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: opened}))
	}
	return e.tracer.Start(ctx, name, options...)
}

// planSpan begins the span of all that is done before an operation runs.
func (e *engine) planSpan(ctx context.Context) (context.Context, trace.Span) {
	return e.start(ctx, "plan")
}

func endPlanSpan(span trace.Span, opCtx *graphql.OperationContext, code fault.Code) {
	if span == nil {
		return
	}
	if opCtx != nil && opCtx.Operation != nil {
		cost, _ := opCtx.Stats.GetExtension(costExtension).(int)
		setOperation(span, operation{Name: opCtx.Operation.Name, Kind: string(opCtx.Operation.Operation), Code: code, Cost: cost})
	} else {
		setOperation(span, operation{Kind: "invalid", Code: code})
	}
	span.End()
}

func (e *engine) operationSpan(ctx context.Context, opCtx *graphql.OperationContext) (context.Context, trace.Span) {
	return e.start(ctx, string(opCtx.Operation.Operation))
}

func endOperationSpan(span trace.Span, op operation) {
	if span == nil {
		return
	}
	setOperation(span, op)
	span.End()
}

func setOperation(span trace.Span, op operation) {
	code := string(op.Code)
	if code == "" {
		code = "OK"
	}
	span.SetAttributes(attribute.String("graphql.operation.name", shortName(op.Name)), attribute.String("graphql.operation.type", op.Kind),
		attribute.Int("farley.cost", op.Cost), attribute.String("farley.code", code))
	if op.Code == fault.Internal || op.Code == fault.Unavailable {
		span.SetStatus(codes.Error, code)
	}
}
