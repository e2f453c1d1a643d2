package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"farley/internal/telemetry"
)

func TestNewLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, _, err := telemetry.NewLog(&out, "warn", telemetry.JSON)
	if err != nil {
		t.Fatal(err)
	}
	traces, err := telemetry.With(t.Context(), sdktrace.WithSyncer(tracetest.NewInMemoryExporter()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := traces.Tracer().Start(t.Context(), "s")
	log.InfoContext(ctx, "too low")
	log.With("a", 1).WithGroup("g").WarnContext(ctx, "told", "b", 2)
	var line struct {
		Msg string
		A   int
		G   struct {
			B       int
			TraceID string `json:"trace_id"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if line.Msg != "told" || line.A != 1 || line.G.B != 2 || line.G.TraceID != span.SpanContext().TraceID().String() {
		t.Errorf("the line is %s", out.String())
	}
	out.Reset()
	log.WarnContext(t.Context(), "no trace")
	if strings.Contains(out.String(), "trace_id") {
		t.Errorf("without a trace the line is %s", out.String())
	}
	out.Reset()
	log, flush, err := telemetry.NewLog(&out, "DEBUG", telemetry.Text)
	if err != nil {
		t.Fatal(err)
	}
	log.DebugContext(t.Context(), "said", "n", 1)
	flush()
	if !strings.Contains(out.String(), "level=DEBUG msg=said n=1") {
		t.Errorf("the line is %s", out.String())
	}
	for _, bad := range [][2]string{{"loud", telemetry.JSON}, {"info", "xml"}} {
		if _, _, err := telemetry.NewLog(io.Discard, bad[0], bad[1]); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

// lines is a log that is read while a timer may write to it.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// Lines of little weight wait for each other, a tenth of a second at most, and what is wrong is told at once, after them.
func TestNewLog_writesLinesTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out lines
		log, flush, err := telemetry.NewLog(&out, "info", telemetry.Text)
		if err != nil {
			t.Fatal(err)
		}
		said := func(want ...string) {
			t.Helper()
			var got []string
			for line := range strings.Lines(out.String()) {
				_, message, _ := strings.Cut(strings.TrimSpace(line), "msg=")
				got = append(got, message)
			}
			if !slices.Equal(got, want) {
				t.Errorf("the log has %q, want %q", got, want)
			}
		}
		ctx := t.Context()
		log.InfoContext(ctx, "a")
		log.InfoContext(ctx, "b")
		said()
		<-time.After(100 * time.Millisecond)
		synctest.Wait()
		said("a", "b")
		log.InfoContext(ctx, "c")
		log.WarnContext(ctx, "d")
		said("a", "b", "c", "d")
		log.InfoContext(ctx, "e")
		flush()
		said("a", "b", "c", "d", "e")
		for range 1000 {
			log.InfoContext(ctx, strings.Repeat("x", 100))
		}
		if n := len(out.String()); n < 64<<10 {
			t.Errorf("of 1,000 lines %d bytes are written before the time", n)
		}
	})
}

func TestTraces_nilMakesNone(t *testing.T) {
	t.Parallel()
	var none *telemetry.Traces
	if none.Tracer() != nil || none.Stop(t.Context()) != nil {
		t.Error("no traces make a tracer")
	}
}

// The standard variables switch traces on and say where they go.
func TestStart_sendsToTheEndpoint(t *testing.T) {
	got := make(chan *http.Request, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	defer collector.Close()
	if telemetry.Wanted() {
		t.Fatal("traces are wanted before the test begins")
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=ours")
	if !telemetry.Wanted() {
		t.Error("an endpoint does not switch traces on")
	}
	traces, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, span := traces.Tracer().Start(context.Background(), "s")
	span.End()
	if err := traces.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.URL.Path != "/v1/traces" || r.Header.Get("X-Tenant") != "ours" {
		t.Errorf("sent to %s with %v", r.URL, r.Header)
	}
	t.Setenv("OTEL_SDK_DISABLED", "true")
	if telemetry.Wanted() {
		t.Error("the SDK cannot be switched off")
	}
}
