package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// deadlines notes when deadlines are set and taken back.
type deadlines struct {
	*httptest.ResponseRecorder
	events []string
}

func (d *deadlines) note(what string, at time.Time) error {
	if at.IsZero() {
		what += " none"
	}
	d.events = append(d.events, what)
	return nil
}

func (d *deadlines) SetReadDeadline(at time.Time) error  { return d.note("read", at) }
func (d *deadlines) SetWriteDeadline(at time.Time) error { return d.note("write", at) }

func TestDeadlines(t *testing.T) {
	t.Parallel()
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	b := setup(t, nil, func(context.Context) *graphql.Response {
		w.events = append(w.events, "run")
		return &graphql.Response{Data: []byte(`{}`)}
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(`{"query":"{name}"}`))
	r.Header.Set("Content-Type", "application/json")
	b.ServeHTTP(w, r)
	want := []string{"write none", "read", "read none", "run", "write"}
	if diff := cmp.Diff(want, w.events); diff != "" {
		t.Error(diff)
	}
}

// echo is a live transport: it runs the operations that come over a socket.
type echo struct{}

func (echo) Supports(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

func (echo) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	_, query, err := conn.Read(r.Context())
	if err != nil {
		return
	}
	opCtx, errs := exec.CreateOperationContext(r.Context(), &graphql.RawParams{Query: string(query)})
	if len(errs) > 0 {
		_ = conn.Write(r.Context(), websocket.MessageText, []byte(errs[0].Message))
		return
	}
	responses, ctx := exec.DispatchOperation(r.Context(), opCtx)
	_ = conn.Write(ctx, websocket.MessageText, responses(ctx).Data)
}

func TestLive_getsTheConnectionAndTheEngine(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Live = []graphql.Transport{echo{}} }, nil)
	server := httptest.NewServer(b)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	for query, want := range map[string]string{
		"query Live{name}":                      `{"name":"farley"}`,
		"{" + strings.Repeat("name ", 30) + "}": `The request exceeds the limit "equalNames": 30, at most 20.`,
	} {
		conn, _, err := websocket.Dial(ctx, server.URL+"/graphql", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Write(ctx, websocket.MessageText, []byte(query)); err != nil {
			t.Fatal(err)
		}
		_, got, err := conn.Read(ctx)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", query, got, err, want)
		}
		_ = conn.CloseNow()
	}
	if !strings.Contains(b.log.String(), `"msg":"operation","operation":"Live","kind":"query"`) {
		t.Errorf("the log lacks a line for the operation: %s", b.log)
	}
}

func TestDispatch_contextOutlivesTheOperation(t *testing.T) {
	t.Parallel()
	var during context.Context
	b := setup(t, nil, func(ctx context.Context) *graphql.Response {
		during = ctx
		return &graphql.Response{Data: []byte(`{}`)}
	})
	ctx := graphql.StartOperationTrace(t.Context())
	opCtx, errs := b.engine.CreateOperationContext(ctx, &graphql.RawParams{Query: "{name}"})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	responses, after := b.engine.DispatchOperation(ctx, opCtx)
	responses(after)
	if during.Err() == nil {
		t.Error("the operation's context goes on after its answer")
	}
	if _, ok := during.Deadline(); !ok {
		t.Error("the operation's context has no deadline")
	}
	if after.Err() != nil || graphql.GetOperationContext(after) != opCtx {
		t.Errorf("the transport's context: %v", after.Err())
	}
}

func TestHTTPServer_serves(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	server := httptest.NewUnstartedServer(nil)
	server.Config = HTTPServer(b, b.config.Log)
	server.Start()
	defer server.Close()
	resp, err := server.Client().Post(server.URL+"/graphql", "application/json", strings.NewReader(`{"query":"{name}"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || server.Config.ReadHeaderTimeout == 0 {
		t.Errorf("status %d, ReadHeaderTimeout %v", resp.StatusCode, server.Config.ReadHeaderTimeout)
	}
}
