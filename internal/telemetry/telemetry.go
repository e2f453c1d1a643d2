// Package telemetry sets up traces (OpenTelemetry) and the log. Other packages know neither exporter nor settings: they get
// a tracer, or make spans under one that is being recorded.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Name names the tracer.
const Name = "farley"

// Traces makes spans and sends them away.
type Traces struct {
	provider *sdktrace.TracerProvider
}

// Wanted reports whether the environment asks for traces, by the standard variables: an endpoint is given, and the SDK is not
// switched off.
func Wanted() bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Start returns traces that are sent by OTLP over HTTP. Endpoint, headers, time-outs, sampler, batches, name and attributes of
// the service follow the standard variables (OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER*, OTEL_BSP_*, OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES). A collector that does not answer is no error: spans are dropped, and log is told.
func Start(ctx context.Context, log *slog.Logger) (*Traces, error) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.WarnContext(ctx, "traces", "error", err) }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	return With(ctx, sdktrace.WithBatcher(exporter))
}

// With returns traces with other options, for tests with an exporter of their own.
func With(ctx context.Context, options ...sdktrace.TracerProviderOption) (*Traces, error) {
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", Name)),
		resource.WithTelemetrySDK(), resource.WithFromEnv()) // later ones win
	if err != nil {
		return nil, fmt.Errorf("traces: describe the process: %w", err)
	}
	return &Traces{sdktrace.NewTracerProvider(append([]sdktrace.TracerProviderOption{sdktrace.WithResource(about)}, options...)...)}, nil
}

// Tracer returns the tracer; nil, which means none, when t is nil.
func (t *Traces) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer(Name)
}

// Stop sends what has not been sent, within ctx. It does nothing when t is nil.
func (t *Traces) Stop(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// The formats of the log.
const (
	JSON = "json"
	Text = "text"
)

// NewLog returns a logger of lines from a level on ("debug", "info", "warn", "error") in a format. Lines of a traced request
// name its trace. Lines below "warn" are written a tenth of a second later, together; flush writes those that wait, and is called at the end.
func NewLog(w io.Writer, level, format string) (log *slog.Logger, flush func(), err error) {
	var from slog.Level
	if err := from.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: from}
	out := &gathered{to: w}
	switch format {
	case JSON:
		return slog.New(traced{slog.NewJSONHandler(out, options), out}), out.flush, nil
	case Text:
		return slog.New(traced{slog.NewTextHandler(out, options), out}), out.flush, nil
	}
	return nil, nil, fmt.Errorf("log format %q: want json or text", format)
}

const (
	gatherFor  = 100 * time.Millisecond
	gatherMost = 64 << 10 // bytes
)

// gathered writes lines together: a write for each is a twentieth of what a small request costs.
type gathered struct {
	to io.Writer

	mu      sync.Mutex
	lines   []byte
	waiting bool // somebody will flush
}

// Write takes a line. What cannot be written is lost, as slog has it.
func (g *gathered) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, line...)
	if len(g.lines) >= gatherMost {
		g.write()
	} else if !g.waiting {
		g.waiting = true
		time.AfterFunc(gatherFor, g.flush)
	}
	return len(line), nil
}

func (g *gathered) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = false
	g.write()
}

func (g *gathered) write() {
	if len(g.lines) > 0 {
		_, _ = g.to.Write(g.lines)
		g.lines = g.lines[:0]
	}
}

// traced adds the trace to log lines.
type traced struct {
	slog.Handler
	out *gathered
}

// Handle implements slog.Handler.
func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.out.flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traced{h.Handler.WithAttrs(attrs), h.out}
}

// WithGroup implements slog.Handler.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name), h.out} }
