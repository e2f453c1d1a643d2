package live_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"farley/internal/fault"
	"farley/internal/stream"
)

// reader is one open event stream of a test.
type reader struct {
	t    *testing.T
	body *bufio.Reader
	stop context.CancelFunc
}

// request makes a request for an event stream; a GET has its parameters in the path.
func (e *env) request(method, path, body string, headers ...string) (*http.Response, context.CancelFunc) {
	e.t.Helper()
	ctx, cancel := context.WithCancel(e.t.Context())
	r, err := http.NewRequestWithContext(ctx, method, e.url+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer rep")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := e.http.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		cancel()
		_ = res.Body.Close()
	})
	return res, cancel
}

// open opens an event stream for a document by POST.
func (e *env) open(document string, headers ...string) *reader {
	e.t.Helper()
	res, cancel := e.request(http.MethodPost, "/", fmt.Sprintf(`{"query":%q}`, document), headers...)
	return e.reader(res, cancel)
}

func (e *env) reader(res *http.Response, cancel context.CancelFunc) *reader {
	e.t.Helper()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		body, _ := io.ReadAll(res.Body)
		e.t.Fatalf("%d %s: %s", res.StatusCode, res.Header.Get("Content-Type"), body)
	}
	s := &reader{t: e.t, body: bufio.NewReader(res.Body), stop: cancel}
	s.want(":")
	return s
}

// watchStream subscribes to the feed of that name.
func (e *env) watchStream(name string, headers ...string) *reader {
	e.t.Helper()
	s := e.open("subscription "+name+" { ticks }", headers...)
	if got := wait(e.t, e.backend.started, "start of "+name); got != name {
		e.t.Fatalf("started %s, want %s", got, name)
	}
	return s
}

// want receives exactly these events, each without its blank line.
func (s *reader) want(events ...string) {
	s.t.Helper()
	for _, event := range events {
		if got := s.next(); got != event {
			s.t.Fatalf("got  %q\nwant %q", got, event)
		}
	}
}

func (s *reader) next() string {
	s.t.Helper()
	watchdog := time.AfterFunc(patience, s.stop)
	defer watchdog.Stop()
	var event strings.Builder
	for {
		line, err := s.body.ReadString('\n')
		if err != nil {
			s.t.Fatalf("after %q: %v", event.String(), err)
		}
		if line == "\n" {
			return strings.TrimSuffix(event.String(), "\n")
		}
		event.WriteString(line)
	}
}

// wantEnd receives the complete event and the end of the response.
func (s *reader) wantEnd() {
	s.t.Helper()
	s.want("event: complete\ndata: ")
	if rest, err := io.ReadAll(s.body); err != nil || len(rest) > 0 {
		s.t.Fatalf("after complete: %q, %v", rest, err)
	}
}

func TestSSE_subscription(t *testing.T) {
	t.Parallel()
	e := setup(t)
	s := e.watchStream("A")
	e.emit("A", event{data: `{"ticks":1}`, cursor: "c1"})
	s.want("event: next\nid: c1\ndata: {\"data\":{\"ticks\":1}}")
	e.emit("A", event{data: "{\n\"ticks\":\r\n2}"}) // no position, and line breaks that would end the data
	s.want("event: next\ndata: {\"data\":{ \"ticks\":  2}}")
	e.emit("A", event{data: `{"ticks":3}`, cursor: "c3\nevent: forged"})
	s.want("event: next\ndata: {\"data\":{\"ticks\":3}}")
	e.emit("A", event{done: true})
	s.wantEnd()
}

func TestSSE_operations(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for document, data := range map[string]string{`{ whoAmI }`: `{"whoAmI":"rep"}`, `mutation { touch }`: `{"touch":"done"}`} {
		s := e.open(document)
		s.want(`event: next` + "\n" + `data: {"data":` + data + `}`)
		s.wantEnd()
	}
}

func TestSSE_get(t *testing.T) {
	t.Parallel()
	e := setup(t)
	query := url.Values{"query": {"query A { whoAmI } query B { whoAmI }"}, "operationName": {"B"}, "variables": {"{}"}, "extensions": {"{}"}}
	s := e.reader(e.request(http.MethodGet, "/?"+query.Encode(), ""))
	s.want("event: next\ndata: {\"data\":{\"whoAmI\":\"rep\"}}")
	s.wantEnd()
}

func TestSSE_resume(t *testing.T) {
	t.Parallel()
	e := setup(t)
	s := e.open(`subscription { resume }`, "Last-Event-ID", "c7")
	s.want("event: next\ndata: {\"data\":{\"resume\":\"c7\"}}")
}

func TestSSE_errorsInTheStream(t *testing.T) {
	t.Parallel()
	e := setup(t)
	s := e.open(`{ nothing }`)
	s.want(`event: next` + "\n" + `data: {"errors":[{"message":"Cannot query field \"nothing\" on type \"Query\".",` +
		`"locations":[{"line":1,"column":3}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`)
	s.wantEnd()

	for name, c := range map[string]struct {
		event event
		want  string
	}{
		"Failed":   {event{fail: fault.New(fault.SlowConsumer, "Too slow.")}, `{"message":"Too slow.","extensions":{"code":"SLOW_CONSUMER","cursor":"c1"}}`},
		"Panicked": {event{panics: "secret"}, `{"message":"internal error","extensions":{"code":"INTERNAL","cursor":"c1"}}`},
		"Refused":  {event{errs: errors.New("refused")}, `{"message":"refused","extensions":{"cursor":"c1"}}`},
	} {
		s := e.watchStream(name)
		e.emit(name, event{data: `{"ticks":1}`, cursor: "c1"})
		s.want("event: next\nid: c1\ndata: {\"data\":{\"ticks\":1}}")
		e.emit(name, c.event)
		s.want("event: next\ndata: {\"errors\":[" + c.want + "]}")
		s.wantEnd()
	}
}

func TestSSE_refusedRequests(t *testing.T) {
	t.Parallel()
	e := setup(t, func(s *settings) { s.sse.MaxMessageBytes = 1000 })
	const malformed = `{"errors":[{"message":"The request is not a well-formed GraphQL request.","extensions":{"code":"BAD_REQUEST"}}]}`
	const invalid = `{"errors":[{"message":"The token is not valid.","extensions":{"code":"UNAUTHENTICATED"}}]}`
	for _, c := range []struct {
		method, path, body, token string
		status                    int
		answer                    string
	}{
		{"POST", "/", `nonsense`, "rep", 400, malformed},
		{"POST", "/", `[]`, "rep", 400, malformed},
		{"POST", "/", `{}`, "rep", 400, malformed},
		{"POST", "/", `{"query":"{ whoAmI }"}{}`, "rep", 400, malformed},
		{"POST", "/", `{"query":"{ whoAmI }","variables":"x"}`, "rep", 400, malformed},
		{"POST", "/", `{"query":"` + strings.Repeat(" ", 1000) + `"}`, "rep", 413,
			`{"errors":[{"message":"A request may have 1000 bytes.","extensions":{"code":"LIMITED"}}]}`},
		{"GET", "/", ``, "rep", 400, malformed},
		{"GET", "/?query={whoAmI}&variables=x", ``, "rep", 400, malformed},
		{"GET", "/?query={whoAmI}&variables={}},{", ``, "rep", 400, malformed},
		{"GET", "/?query=mutation{touch}", ``, "rep", 405,
			`{"errors":[{"message":"A mutation needs POST.","extensions":{"code":"BAD_REQUEST"}}]}`},
		{"POST", "/", `{"query":"{ whoAmI }"}`, "stolen", 401, invalid},
	} {
		res, _ := e.request(c.method, c.path, c.body, "Authorization", "Bearer "+c.token)
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != c.status || string(body) != c.answer {
			t.Errorf("%s %s %.50s: %d %s, want %d %s", c.method, c.path, c.body, res.StatusCode, body, c.status, c.answer)
		}
		if got := res.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("%s %s: content type %s", c.method, c.path, got)
		}
		if got := res.Header.Get("Allow"); c.status == 405 && got != "POST" {
			t.Errorf("Allow: %q", got)
		}
	}
	e.auth.fail(errors.New("database away"))
	res, _ := e.request("POST", "/", `{"query":"{ whoAmI }"}`)
	if res.StatusCode != http.StatusInternalServerError {
		t.Errorf("without the authenticator: %d", res.StatusCode)
	}
}

func TestSSE_ticket(t *testing.T) {
	t.Parallel()
	spent := false
	e := setup(t, func(s *settings) {
		s.sse.Ticket = func(_ context.Context, ticket string) (string, error) {
			if ticket != "t1" || spent {
				return "", fault.New(fault.Unauthenticated, "The ticket is not valid.")
			}
			spent = true
			return "rep", nil
		}
	})
	const path = "/?query={whoAmI}&ticket=t1"
	s := e.reader(e.request(http.MethodGet, path, "", "Authorization", ""))
	s.want("event: next\ndata: {\"data\":{\"whoAmI\":\"rep\"}}")
	s.wantEnd()
	for _, e := range []*env{e, setup(t)} { // spent; and where there are no tickets
		if res, _ := e.request(http.MethodGet, path, "", "Authorization", ""); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("second use: %d, want 401", res.StatusCode)
		}
	}
}

func TestSSE_supports(t *testing.T) {
	t.Parallel()
	sse := setup(t).sse
	for _, c := range []struct {
		method, accept, kind, upgrade string
		want                          bool
	}{
		{"GET", "text/event-stream", "", "", true},
		{"GET", "application/json, Text/Event-Stream;q=0.5", "", "", false},
		{"GET", "application/json;q=0.4, Text/Event-Stream;q=0.5", "", "", true},
		{"GET", "application/graphql-response+json, application/json, text/event-stream, multipart/mixed", "", "", false},
		{"GET", "text/event-stream, application/json", "", "", true},
		{"GET", "*/*", "", "", false},
		{"GET", "", "", "", false},
		{"GET", "text/event-stream", "", "websocket", false},
		{"POST", "text/event-stream", "application/json; charset=utf-8", "", true},
		{"POST", "text/event-stream", "text/plain", "", false},
		{"POST", "text/event-stream", "", "", false},
		{"PUT", "text/event-stream", "application/json", "", false},
	} {
		r := &http.Request{Method: c.method, Header: http.Header{"Accept": {c.accept}, "Content-Type": {c.kind}, "Upgrade": {c.upgrade}}}
		if got := sse.Supports(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestSSE_keepAlive(t *testing.T) {
	t.Parallel()
	e := setup(t)
	s := e.watchStream("A")
	e.advance(11 * time.Second)
	e.emit("A", event{data: `{"ticks":1}`})
	s.want("event: next\ndata: {\"data\":{\"ticks\":1}}")
	e.advance(11 * time.Second) // the event broke the silence
	e.emit("A", event{data: `{"ticks":2}`})
	s.want("event: next\ndata: {\"data\":{\"ticks\":2}}")
	e.advance(12 * time.Second)
	s.want(":")
	e.advance(12 * time.Second)
	s.want(":")
}

func TestSSE_endOfSession(t *testing.T) {
	t.Parallel()
	e := setup(t)
	revoked, revoke := context.WithCancel(t.Context())
	e.auth.set("short", identity{session: stream.Session{ExpiresAt: start.Add(10 * time.Second)}})
	e.auth.set("old", identity{session: stream.Session{Revoked: revoked}})
	expiring, old := e.watchStream("A", "Authorization", "Bearer short"), e.watchStream("B", "Authorization", "Bearer old")
	e.emit("A", event{data: `{"ticks":1}`, cursor: "c1"})
	expiring.want("event: next\nid: c1\ndata: {\"data\":{\"ticks\":1}}")
	e.advance(10 * time.Second)
	expiring.want("event: next\ndata: {\"errors\":[{\"message\":\"The session has ended. Sign in again.\",\"extensions\":{\"code\":\"UNAUTHENTICATED\",\"cursor\":\"c1\"}}]}")
	expiring.wantEnd()
	e.wantStopped("A")
	revoke()
	old.want("event: next\ndata: {\"errors\":[{\"message\":\"The session has ended. Sign in again.\",\"extensions\":{\"code\":\"UNAUTHENTICATED\"}}]}")
	old.wantEnd()
	e.wantStopped("B")
}

func TestSSE_drain(t *testing.T) {
	t.Parallel()
	e := setup(t)
	s := e.watchStream("A")
	closed := make(chan error, 1)
	go func() { closed <- e.sse.Close(context.Background()) }()
	s.want("event: next\ndata: {\"errors\":[{\"message\":\"The server is shutting down. Connect again.\",\"extensions\":{\"code\":\"UNAVAILABLE\"}}]}")
	s.wantEnd()
	if err := wait(t, closed, "end of Close"); err != nil {
		t.Errorf("Close: %v", err)
	}
	if res, _ := e.request("POST", "/", `{"query":"{ whoAmI }"}`); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a new stream: %d, want 503", res.StatusCode)
	}
}

func TestSSE_clientGone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	s := e.watchStream("A")
	s.stop()
	e.wantStopped("A")
}

func TestSSE_blockedReader(t *testing.T) {
	t.Parallel()
	e := setup(t, func(s *settings) { s.sse.WriteTimeout = 100 * time.Millisecond })
	e.watchStream("A")
	big := `{"ticks":` + strings.Repeat(" ", 1<<20) + `1}`
	deadline := time.After(patience)
	for {
		select {
		case e.backend.feed("A") <- event{data: big}:
			continue
		case <-e.backend.stopped:
		case <-deadline:
			t.Fatal("the operation of a blocked stream goes on")
		}
		return
	}
}

// TestSSE_silenceOverHTTP2: the write deadline is about writing, and must not end a stream on which nothing is written.
func TestSSE_silenceOverHTTP2(t *testing.T) {
	t.Parallel()
	e := setup(t, func(s *settings) { s.sse.WriteTimeout, s.http2 = 50*time.Millisecond, true })
	s := e.watchStream("A")
	select {
	case <-e.backend.stopped:
		t.Fatal("the stream ended")
	case <-time.After(150 * time.Millisecond): // the deadline runs in real time
	}
	e.emit("A", event{data: `{"ticks":1}`})
	s.want("event: next\ndata: {\"data\":{\"ticks\":1}}")
	s.stop()
	e.wantStopped("A")
}
