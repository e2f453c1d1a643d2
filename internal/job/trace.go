package job

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"farley/internal/fault"
	"farley/internal/id"
)

// origins remembers which spans enqueued jobs, for the links of their runs. A nil one remembers nothing.
type origins struct {
	tracer trace.Tracer
	spans  *lru.Cache[id.ID, trace.SpanContext]
}

// maxOrigins bounds the jobs whose spans are remembered: most run within seconds.
const maxOrigins = 10_000

func newOrigins(tracer trace.Tracer) *origins {
	if tracer == nil {
		return nil
	}
	spans, err := lru.New[id.ID, trace.SpanContext](maxOrigins)
	if err != nil {
		panic("job: " + err.Error()) // the size is positive
	}
	return &origins{tracer: tracer, spans: spans}
}

func (o *origins) remember(ctx context.Context, job id.ID) {
	if o == nil || job.IsZero() {
		return
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		o.spans.Add(job, span)
	}
}

// runSpan begins the span of a run; nil without traces.
func (r *Runner) runSpan(ctx context.Context, run *Run) (context.Context, trace.Span) {
	if r.origins == nil {
		return ctx, nil
	}
	options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithAttributes(
		attribute.String("farley.job.kind", run.Kind), attribute.String("farley.job.id", run.ID.String()), attribute.Int("farley.job.attempt", run.Attempt))}
	if from, ok := r.origins.spans.Get(run.ID); ok {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: from}))
	}
	return r.origins.tracer.Start(ctx, "job "+run.Kind, options...)
}

func endRunSpan(span trace.Span, err error) {
	if span == nil {
		return
	}
	if err != nil {
		span.SetStatus(codes.Error, string(fault.CodeOf(err))) // the code only: causes may repeat values
	}
	span.End()
}
