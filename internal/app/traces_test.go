package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/job"
	"farley/internal/telemetry"
)

// tracing starts an application whose spans are kept in memory.
func tracing(t *testing.T, d *testdb.DB) (*farleytest.Env, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	traces, err := telemetry.With(t.Context(), sdktrace.WithSyncer(spans))
	if err != nil {
		t.Fatal(err)
	}
	return farleytest.On(t, d, func(c *app.Config) { c.Tracer = traces.Tracer() }), spans
}

// tree draws the spans of a trace below a parent, in the order in which they began, without the statements of BEGIN.
func tree(spans tracetest.SpanStubs, traceID trace.TraceID, parent trace.SpanID, indent string) []string {
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var lines []string
	for _, s := range spans {
		if s.SpanContext.TraceID() != traceID || s.Parent.SpanID() != parent {
			continue
		}
		lines = append(lines, indent+s.Name)
		lines = append(lines, tree(spans, traceID, s.SpanContext.SpanID(), indent+"  ")...)
	}
	return lines
}

func attributes(s tracetest.SpanStub) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes {
		out[string(a.Key)] = a.Value.Emit()
	}
	return out
}

// named returns the spans of a trace by name.
func spansNamed(spans tracetest.SpanStubs, traceID trace.TraceID, name string) []tracetest.SpanStub {
	var found []tracetest.SpanStub
	for _, s := range spans {
		if s.Name == name && (!traceID.IsValid() || s.SpanContext.TraceID() == traceID) {
			found = append(found, s)
		}
	}
	return found
}

const parentTrace, parentSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

func TestTraces_ofRequests(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e, spans := tracing(t, d)
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		const list = `query Names($s: String!) { accounts(first: 2, where: {name: {startsWith: $s}, city: {eq: "hush-literal"}}) { nodes { name contacts(first: 1) { nodes { displayName } } } } }`
		ask := func(document string, vars farleytest.Vars) (map[string]string, []string, tracetest.SpanStubs) {
			t.Helper()
			ann.Do(t, document, vars) // so that who she is, and the document, are known
			spans.Reset()
			res := ann.Do(t, document, vars, "traceparent", "00-"+parentTrace+"-"+parentSpan+"-01").Want(t, "")
			id, err := trace.TraceIDFromHex(parentTrace)
			if err != nil {
				t.Fatal(err)
			}
			parent, err := trace.SpanIDFromHex(parentSpan)
			if err != nil {
				t.Fatal(err)
			}
			requestEnded(t, spans, id)
			all := spans.GetSpans()
			cost, _ := res.Extensions["cost"].(map[string]any)
			kind, _, _ := strings.Cut(strings.TrimSpace(document), " ")
			op := attributes(spansNamed(all, id, kind)[0])
			if got := fmt.Sprint(cost["requested"]); op["farley.cost"] != got {
				t.Errorf("the span's cost is %s, the answer's %s", op["farley.cost"], got)
			}
			drawn := slices.DeleteFunc(tree(all, id, parent, ""), func(line string) bool {
				return strings.HasPrefix(line, "  SQL") // who she is may have to be looked up again, as roles have just changed
			})
			return op, drawn, all
		}

		op, got, all := ask(list, farleytest.Vars{"s": "hush-variable"})
		want := []string{
			"POST /graphql",
			"  plan",
			"  query",
			"    SQL BEGIN",
			"    SQL SELECT",
		}
		// An empty page needs no contacts.
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the tree of a list: %s", diff)
		}
		delete(op, "farley.cost")
		if diff := cmp.Diff(map[string]string{"graphql.operation.name": "Names", "graphql.operation.type": "query", "farley.code": "OK"}, op); diff != "" {
			t.Errorf("the span of the operation: %s", diff)
		}
		kept := all
		if !slices.ContainsFunc(spansNamed(all, trace.TraceID{}, "SQL SELECT"), func(s tracetest.SpanStub) bool {
			a := attributes(s)
			return a["db.system.name"] != "" && strings.Contains(a["db.query.text"], "?") && strings.Contains(a["db.query.text"], "accounts")
		}) {
			t.Error("no statement tells of the accounts that it reads")
		}

		const create = `mutation Make($n: String!) { createAccount(onDuplicate: ALLOW, input: {name: $n, description: "hush-literal", emails: ["hush@variable.example"]}) { account { version } } }`
		_, got, all = ask(create, farleytest.Vars{"n": "hush-variable"})
		if len(got) < 8 || got[0] != "POST /graphql" || got[1] != "  plan" || got[2] != "  mutation" || got[3] != "    transaction" || got[4] != "      SQL BEGIN" ||
			got[len(got)-1] != "      SQL COMMIT" || !slices.Contains(got, "      SQL INSERT") {
			t.Errorf("the tree of a mutation: %s", strings.Join(got, "\n"))
		}
		if tx := attributes(spansNamed(all, trace.TraceID{}, "transaction")[0]); tx["farley.attempts"] != "1" {
			t.Errorf("the transaction is told as %v", tx)
		}
		for _, s := range append(kept, all...) {
			for key, value := range attributes(s) {
				if strings.Contains(value, "hush") || strings.Contains(value, ann.Token) || strings.Contains(value, "example") {
					t.Errorf("span %s has %s = %s", s.Name, key, value)
				}
			}
			if strings.Contains(s.Status.Description, "hush") || len(s.Events) > 0 {
				t.Errorf("span %s has status %v and events %v", s.Name, s.Status, s.Events)
			}
		}
	})
}

// requestEnded waits until the server has ended the request's span, which is after the client has the answer.
func requestEnded(t *testing.T, spans *tracetest.InMemoryExporter, id trace.TraceID) {
	t.Helper()
	eventually(t, func() bool { return len(spansNamed(spans.GetSpans(), id, "POST /graphql")) == 1 })
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.After(farleytest.Deadline)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatal("it does not come in time")
		}
	}
}

// What happens behind a request has spans too, and operations on a socket are no part of the request that opened it.
func TestTraces_behindRequests(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		spans := tracetest.NewInMemoryExporter()
		traces, err := telemetry.With(t.Context(), sdktrace.WithSyncer(spans))
		if err != nil {
			t.Fatal(err)
		}
		e := farleytest.On(t, d, func(c *app.Config) { c.Tracer = traces.Tracer() })
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		s := ann.Subscribe(t, follow, farleytest.Vars{"after": after(t, e, ann)})
		spans.Reset()
		for range 2 {
			ann.Query(t, `mutation { createAccount(input: {name: "Oak"}, onDuplicate: ALLOW) { account { id } } }`, nil)
			s.Event(t)
		}
		eventually(t, func() bool {
			all := spans.GetSpans()
			sequenced := d.Dialect == db.SQLite || len(spansNamed(all, trace.TraceID{}, "sequence changes")) > 0 // SQLite needs none
			return sequenced && len(spansNamed(all, trace.TraceID{}, "deliver changes")) > 0
		})
		sequenced := 0
		for _, b := range spansNamed(spans.GetSpans(), trace.TraceID{}, "sequence changes") {
			if attributes(b)["farley.changes"] != "0" {
				sequenced++
			}
		}
		if (sequenced == 0) != (d.Dialect == db.SQLite) { // which needs none
			t.Errorf("%d batches of the sequencer tell of changes", sequenced)
		}

		spans.Reset()
		ran := make(chan struct{})
		runner := job.New(d.DB, e.Clock, e.Log, job.Settings{Tracer: traces.Tracer()})
		runner.Register("traced", job.Options{}, func(context.Context, *job.Run) error { close(ran); return nil })
		ctx, cause := traces.Tracer().Start(context.Background(), "cause")
		err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := runner.Enqueue(ctx, tx, job.Job{Kind: "traced"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		cause.End()
		running, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- runner.Run(running) }()
		<-ran
		stop()
		<-ended
		run := spansNamed(spans.GetSpans(), trace.TraceID{}, "job traced")
		if len(run) != 1 || len(run[0].Links) != 1 || run[0].Links[0].SpanContext.TraceID() != cause.SpanContext().TraceID() || run[0].SpanContext.TraceID() == cause.SpanContext().TraceID() {
			t.Fatalf("the run is told as %+v", run)
		}
	})
}

func TestTraces_operationsOnSockets(t *testing.T) {
	t.Parallel()
	e, spans := tracing(t, testdb.SQLite(t))
	ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
	s := ann.Subscribe(t, `query OnSocket { viewer { user { id } } }`, nil)
	s.Next(t)
	var opened, op tracetest.SpanStub
	eventually(t, func() bool {
		all := spans.GetSpans()
		requests, operations := spansNamed(all, trace.TraceID{}, "GET /graphql"), spansNamed(all, trace.TraceID{}, "query")
		if len(requests) == 0 || len(operations) == 0 {
			return false
		}
		opened, op = requests[0], operations[0]
		return true
	})
	if op.Parent.IsValid() || len(op.Links) != 1 || op.Links[0].SpanContext.SpanID() != opened.SpanContext.SpanID() {
		t.Errorf("the operation has the parent %v and the links %v", op.Parent, op.Links)
	}
}
