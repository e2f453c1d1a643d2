package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/fault"
	"farley/internal/stream"
)

func TestNew_needsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("New of nothing gave no error")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var ready error
	drained := false
	b := setup(t, func(c *Config) {
		c.Ready = func(context.Context) error { return ready }
		c.Drain = func(context.Context) error { drained = true; return nil }
	}, nil)
	want := func(path string, status int, text string) {
		t.Helper()
		resp, body := b.do(t, http.MethodGet, path, "")
		if resp.StatusCode != status || body != text {
			t.Errorf("%s: %d %q, want %d %q", path, resp.StatusCode, body, status, text)
		}
	}
	want("/healthz", 200, "ok\n")
	want("/readyz", 200, "ready\n")
	ready = errors.New("secret database address")
	want("/readyz", 503, "not ready\n")
	ready = nil
	if resp, _ := b.query(t, "{name}"); resp.Header.Get("Connection") != "" {
		t.Error("a connection is closed while the server is not leaving")
	}
	b.Leave()
	want("/readyz", 503, "shutting down\n")
	if resp, body := b.query(t, "{name}"); resp.StatusCode != 200 || resp.Header.Get("Connection") != "close" || drained {
		t.Errorf("a request while leaving: %d %s, %v, drained %v", resp.StatusCode, body, resp.Header, drained)
	}
	if err := b.Shutdown(t.Context()); err != nil || !drained {
		t.Errorf("Shutdown: %v, drained %v", err, drained)
	}
	want("/readyz", 503, "shutting down\n")
	want("/healthz", 200, "ok\n")
	if resp, body := b.query(t, "{name}"); resp.StatusCode != 200 {
		t.Errorf("a request while draining: %d %s", resp.StatusCode, body)
	}
}

func TestNothingElse(t *testing.T) {
	t.Parallel()
	resp, body := setup(t, nil, nil).do(t, http.MethodGet, "/other", "")
	if resp.StatusCode != 404 || code(t, body) != "NOT_FOUND" {
		t.Errorf("answer %d %s, want 404 NOT_FOUND", resp.StatusCode, body)
	}
	off := setup(t, func(c *Config) { c.Playground = false }, nil)
	if resp, _ := off.do(t, http.MethodGet, "/", ""); resp.StatusCode != 404 {
		t.Errorf("page that is switched off: %d, want 404", resp.StatusCode)
	}
}

func TestPlayground_needsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	for path, contentType := range map[string]string{
		"/": "text/html; charset=utf-8", "/playground/app.js": "text/javascript; charset=utf-8", "/playground/style.css": "text/css; charset=utf-8",
	} {
		resp, body := b.do(t, http.MethodGet, path, "")
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != contentType {
			t.Errorf("%s: %d %q", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if strings.Contains(body, "http://") || strings.Contains(body, "https://") || strings.Contains(body, "innerHTML") {
			t.Errorf("%s loads from elsewhere or writes markup", path)
		}
		if got := resp.Header.Get("Content-Security-Policy"); got != playgroundPolicy {
			t.Errorf("%s: policy %q", path, got)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	b.query(t, "query Named{name}")
	b.query(t, "{nam}")
	_, body := b.do(t, http.MethodGet, "/metrics", "")
	for _, want := range []string{
		`farley_operations_total{code="OK",kind="query"} 1`,
		`farley_operations_total{code="BAD_REQUEST",kind="invalid"} 1`,
		`farley_http_requests_total{route="/graphql",status="200"} 2`,
		`farley_operation_seconds_count{kind="query"} 1`,
		"farley_http_in_flight 1",
		"go_goroutines",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
	if strings.Contains(body, "Named") {
		t.Error("metrics hold a name that a client made up")
	}
}

func TestLog_oneLineWithoutVariables(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	b.do(t, http.MethodPost, "/graphql",
		`{"query":"query Find($i:ID!){find(id:$i){id}}","variables":{"i":"secret-variable"}}`, "Authorization", "Bearer good", "X-Request-Id", "r1")
	var line map[string]any
	if err := json.Unmarshal([]byte(b.log.String()), &line); err != nil {
		t.Fatalf("not one line: %v: %s", err, b.log)
	}
	for _, timed := range []string{"time", "took"} {
		if _, ok := line[timed]; !ok {
			t.Errorf("no %s", timed)
		}
		delete(line, timed)
	}
	want := map[string]any{"level": "INFO", "msg": "request", "method": "POST", "route": "/graphql", "status": 200.0,
		"bytes": 78.0, "requestId": "r1", "operation": "Find", "kind": "query", "code": "", "cost": 3.0}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(b.log.String(), "secret") || strings.Contains(b.log.String(), "good") {
		t.Errorf("the log tells: %s", b.log)
	}
}

func TestLog_namesTheCodeOfARefusal(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	b.query(t, "{name}", "Authorization", "Bearer bad")
	if !strings.Contains(b.log.String(), `"code":"UNAUTHENTICATED"`) {
		t.Errorf("log lacks the code: %s", b.log)
	}
}

func TestPanic_inExecution(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, func(context.Context) *graphql.Response { panic("secret cause") })
	resp, body := b.query(t, "{name}")
	wantInternal(t, b, resp, body, 200)
	resp, body = b.query(t, "{name}", "Accept", typeResponse)
	wantInternal(t, b, resp, body, 500)
}

// panicOnce is an extension that panics at the first operation.
type panicOnce struct{ done *bool }

func (panicOnce) ExtensionName() string                   { return "PanicOnce" }
func (panicOnce) Validate(graphql.ExecutableSchema) error { return nil }
func (p panicOnce) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if !*p.done {
		*p.done = true
		panic("secret cause")
	}
	return next(ctx)
}

func TestPanic_inAnExtension(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Limits.Concurrent = 1
		c.Extensions = []graphql.HandlerExtension{panicOnce{new(bool)}}
	}, nil)
	resp, body := b.query(t, "{name}")
	wantInternal(t, b, resp, body, 200)
	if _, body := b.query(t, "{name}"); code(t, body) != "" {
		t.Errorf("after a panic: %s", body)
	}
}

func TestPanic_elsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Auth = panicking{} }, nil)
	resp, body := b.query(t, "{name}")
	wantInternal(t, b, resp, body, 500)
}

type panicking struct{}

func (panicking) Authenticate(context.Context, string) (context.Context, stream.Session, error) {
	panic("secret cause")
}

func TestPanic_inASubscriptionEndsIt(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, func(context.Context) *graphql.Response { panic("secret cause") })
	ctx := graphql.StartOperationTrace(t.Context())
	opCtx, errs := b.engine.CreateOperationContext(ctx, &graphql.RawParams{Query: "subscription{ticks}"})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	responses, ctx := b.engine.DispatchOperation(ctx, opCtx)
	if resp := responses(ctx); resp == nil || codeOf(resp.Errors) != fault.Internal {
		t.Errorf("response %+v, want INTERNAL", resp)
	}
	if resp := responses(ctx); resp != nil {
		t.Errorf("response after the end: %+v", resp)
	}
}

func wantInternal(t *testing.T, b *bundle, resp *http.Response, body string, status int) {
	t.Helper()
	a := decode(t, body)
	if resp.StatusCode != status || len(a.Errors) != 1 {
		t.Fatalf("answer %d %s, want %d with one error", resp.StatusCode, body, status)
	}
	errorID, _ := a.Errors[0].Extensions["errorId"].(string)
	want := map[string]any{"code": "INTERNAL", "errorId": errorID}
	if diff := cmp.Diff(want, a.Errors[0].Extensions); diff != "" || a.Errors[0].Message != "internal error" {
		t.Errorf("message %q, %s", a.Errors[0].Message, diff)
	}
	if strings.Contains(body, "secret") {
		t.Errorf("the answer tells the cause: %s", body)
	}
	if len(errorID) != 26 || !strings.Contains(b.log.String(), errorID) || !strings.Contains(b.log.String(), "secret cause") {
		t.Errorf("the log lacks errorId %q or the cause: %s", errorID, b.log)
	}
}

func TestPanic_releasesTheCallersPlace(t *testing.T) {
	t.Parallel()
	panics := true
	b := setup(t, func(c *Config) { c.Limits.Concurrent = 1 }, func(context.Context) *graphql.Response {
		if panics {
			panic("once")
		}
		return &graphql.Response{Data: []byte(`{}`)}
	})
	b.query(t, "{name}")
	panics = false
	if _, body := b.query(t, "{name}"); code(t, body) != "" {
		t.Errorf("after a panic: %s", body)
	}
}

func TestErrorsOutsideThePresenter(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, func(context.Context) *graphql.Response {
		return &graphql.Response{Errors: gqlerror.List{gqlerror.Errorf("secret cause")}, Data: []byte("null")}
	})
	resp, body := b.query(t, "{name}")
	wantInternal(t, b, resp, body, 200)
}

func TestOperationTime(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Limits.OperationTime = 5 * time.Millisecond }, func(ctx context.Context) *graphql.Response {
		<-ctx.Done()
		graphql.AddError(ctx, ctx.Err())
		return &graphql.Response{Data: []byte("null")}
	})
	if _, body := b.query(t, "{name}"); code(t, body) != "UNAVAILABLE" {
		t.Errorf("answer %s, want UNAVAILABLE", body)
	}
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	b := setup(t, func(c *Config) {
		c.Limits.Concurrent = 1
		c.Caller = func(ctx context.Context) string { user, _ := ctx.Value(userKey{}).(string); return user }
	}, func(ctx context.Context) *graphql.Response {
		if graphql.GetOperationContext(ctx).OperationName == "Slow" {
			close(started)
			<-release
		}
		return &graphql.Response{Data: []byte(`{}`)}
	})
	done := make(chan string)
	go func() {
		_, body := b.do(t, http.MethodPost, "/graphql", `{"query":"query Slow{name}","operationName":"Slow"}`)
		done <- body
	}()
	<-started

	resp, body := b.query(t, "{name}", "Accept", typeResponse)
	if resp.StatusCode != 429 || code(t, body) != "LIMITED" || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("second operation of a caller: %d %s, want 429 LIMITED", resp.StatusCode, body)
	}
	if _, body := b.query(t, "{name}", "Authorization", "Bearer good"); code(t, body) != "" {
		t.Errorf("operation of another caller: %s", body)
	}
	close(release)
	if body := <-done; code(t, body) != "" {
		t.Errorf("first operation: %s", body)
	}
	if _, body := b.query(t, "{name}"); code(t, body) != "" {
		t.Errorf("after the first ended: %s", body)
	}
}

func TestIntrospectionSwitch(t *testing.T) {
	t.Parallel()
	off := setup(t, func(c *Config) { c.Introspection = false }, nil)
	for _, query := range []string{"{__schema{types{name}}}", `{...F} fragment F on Query{a:__type(name:"Query"){name}}`, "{name ... on Query{__schema{types{name}}}}"} {
		if _, body := off.query(t, query); code(t, body) != "BAD_REQUEST" {
			t.Errorf("%s: %s, want BAD_REQUEST", query, body)
		}
	}
	if _, body := off.query(t, "{__typename name}"); code(t, body) != "" {
		t.Errorf("__typename: %s", body)
	}
	if _, body := setup(t, nil, nil).query(t, "{__schema{types{name}}}"); code(t, body) != "" {
		t.Errorf("switched on: %s", body)
	}
}

func TestSuggestionsSwitch(t *testing.T) {
	t.Parallel()
	queries := []string{"{nam}", "{accounts(frist:1){edges{cursor}}}", `{accounts(where:{nam:"x"}){edges{cursor}}}`,
		"{accounts{edges{node{name(format:SHOR)}}}}", "{...F} fragment F on Quer{name}", "{find(id:1)}"}
	on, off := setup(t, nil, nil), setup(t, func(c *Config) { c.Suggestions = false }, nil)
	for _, query := range queries {
		if _, body := on.query(t, query); code(t, body) != "BAD_REQUEST" || !strings.Contains(body, "Did you mean") {
			t.Errorf("on, %s: %s", query, body)
		}
		if _, body := off.query(t, query); code(t, body) != "BAD_REQUEST" || strings.Contains(body, "Did you mean") {
			t.Errorf("off, %s: %s", query, body)
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	cases := []struct {
		resp graphql.Response
		want string
	}{
		{graphql.Response{}, `{}`},
		{graphql.Response{Data: []byte("null"), Errors: gqlerror.List{{Message: "m"}}}, `{"errors":[{"message":"m"}],"data":null}`},
		{graphql.Response{Data: []byte(`{"a":1}`), Extensions: map[string]any{"x": 1}}, `{"data":{"a":1},"extensions":{"x":1}}`},
		{graphql.Response{Extensions: map[string]any{"x": 1}}, `{"extensions":{"x":1}}`},
	}
	for _, c := range cases {
		var b bytes.Buffer
		if err := encode(&b, &c.resp); err != nil || b.String() != c.want {
			t.Errorf("encode = %s, %v, want %s", b.String(), err, c.want)
		}
	}
}
