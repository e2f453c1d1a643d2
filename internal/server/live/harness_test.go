package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/server/live"
	"farley/internal/stream"
)

// patience bounds every wait of a test.
const patience = 20 * time.Second

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// TestMain fails when a goroutine of the package outlives its server.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.After(patience)
	for tick := time.NewTicker(10 * time.Millisecond); code == 0; <-tick.C {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if !strings.Contains(string(stacks), "live.(*") {
			break
		}
		select {
		case <-deadline:
			fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", stacks)
			code = 1
		default:
		}
	}
	os.Exit(code)
}

// env is one server with both transports.
type env struct {
	t       *testing.T
	clock   *bells
	auth    *auth
	backend *backend
	socket  *live.Socket
	sse     *live.SSE
	url     string
	http    *http.Client
}

type settings struct {
	socket live.SocketConfig
	sse    live.SSEConfig
	http2  bool
}

func setup(t *testing.T, options ...func(*settings)) *env {
	t.Helper()
	e := &env{t: t, clock: newBells(), auth: newAuth(), backend: newBackend()}
	var s settings
	common := live.Config{Auth: e.auth, Clock: e.clock}
	s.socket.Config, s.sse.Config = common, common
	s.socket.Subject = subject
	for _, o := range options {
		o(&s)
	}
	e.socket, e.sse = live.NewSocket(s.socket), live.NewSSE(s.sse)

	srv := handler.New(e.backend)
	srv.AddTransport(e.socket)
	srv.AddTransport(e.sse)
	server := httptest.NewUnstartedServer(srv)
	if s.http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	e.url, e.http = server.URL, server.Client()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.socket.Close(ctx); err != nil {
			t.Errorf("sockets are left: %v", err)
		}
		if err := e.sse.Close(ctx); err != nil {
			t.Errorf("event streams are left: %v", err)
		}
		server.Close()
	})
	return e
}

func (e *env) advance(d time.Duration) { e.clock.Advance(e.clock.Now().Add(d)) }

// wait receives from c, or fails the test.
func wait[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// bells is a test clock that tells of one duration when somebody begins to wait for it.
type bells struct {
	*clock.Test
	slow chan struct{} // somebody waits for slowAfter
}

const slowAfter = 7 * time.Second

func newBells() *bells { return &bells{clock.NewTest(start), make(chan struct{}, 1)} }

func (b *bells) After(d time.Duration) <-chan time.Time {
	bell := b.Test.After(d)
	if d == slowAfter {
		select {
		case b.slow <- struct{}{}:
		default:
		}
	}
	return bell
}

// auth knows some tokens.
type auth struct {
	mu     sync.Mutex
	tokens map[string]identity
	err    error // answered to everybody
}

type identity struct {
	subject string
	session stream.Session
}

type subjectKey struct{}

func subject(ctx context.Context) string {
	s, _ := ctx.Value(subjectKey{}).(string)
	return s
}

func newAuth() *auth {
	return &auth{tokens: map[string]identity{"": {}, "rep": {subject: "rep"}}}
}

func (a *auth) set(token string, i identity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[token] = i
}

func (a *auth) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tokens, token)
}

func (a *auth) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func (a *auth) Authenticate(ctx context.Context, token string) (context.Context, stream.Session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return nil, stream.Session{}, a.err
	}
	i, ok := a.tokens[token]
	if !ok {
		return nil, stream.Session{}, fault.New(fault.Unauthenticated, "The token is not valid.")
	}
	return context.WithValue(ctx, subjectKey{}, i.subject), i.session, nil
}

// backend is a schema whose subscriptions do what the test tells them. A feed is named by the operation.
type backend struct {
	schema  *ast.Schema
	started chan string
	stopped chan string // the operation's context ended

	mu    sync.Mutex
	feeds map[string]chan event
}

// event is what a feed yields.
type event struct {
	data   string
	cursor string
	errs   error // answered without data
	fail   error // ends the feed
	panics any
	done   bool
}

func newBackend() *backend {
	return &backend{
		schema: gqlparser.MustLoadSchema(&ast.Source{Input: `
			type Query { whoAmI: String hold: Int }
			type Mutation { touch: String }
			type Subscription { ticks: Int resume: String }
		`}),
		started: make(chan string, 1000), stopped: make(chan string, 1000),
		feeds: map[string]chan event{},
	}
}

func (b *backend) feed(name string) chan event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.feeds[name] == nil {
		b.feeds[name] = make(chan event)
	}
	return b.feeds[name]
}

func (b *backend) Schema() *ast.Schema { return b.schema }

func (b *backend) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (b *backend) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	field := op.Operation.SelectionSet[0].(*ast.Field).Name
	switch field {
	case "__typename":
		return graphql.OneShot(&graphql.Response{Data: []byte(`{"__typename":"Query"}`)})
	case "whoAmI":
		return graphql.OneShot(&graphql.Response{Data: fmt.Appendf(nil, `{"whoAmI":%q}`, subject(ctx))})
	case "touch":
		return graphql.OneShot(&graphql.Response{Data: []byte(`{"touch":"done"}`)})
	case "resume":
		return graphql.OneShot(&graphql.Response{Data: fmt.Appendf(nil, `{"resume":%q}`, stream.ResumeFrom(ctx))})
	}
	name := op.Operation.Name
	feed := b.feed(name)
	b.started <- name
	context.AfterFunc(ctx, func() { b.stopped <- name })
	if !strings.HasPrefix(name, "Waits") && stream.Offer(ctx, &source{feed: feed, ready: make(chan event, 1), closed: make(chan struct{})}) {
		return func(context.Context) *graphql.Response { panic("asked although there is a source") }
	}
	return func(ctx context.Context) *graphql.Response {
		select {
		case <-ctx.Done():
			return nil
		case e := <-feed:
			return e.respond(ctx)
		}
	}
}

// source is a feed that the transport asks. It holds back one event, as long as the transport waits for it.
type source struct {
	feed   chan event
	ready  chan event
	close  sync.Once
	closed chan struct{}
}

func (s *source) Next(wake func()) (*stream.Event, bool, error) {
	select {
	case <-s.closed:
		return nil, false, nil
	case e := <-s.ready:
		switch {
		case e.panics != nil:
			panic(e.panics)
		case e.fail != nil || e.done:
			return nil, false, e.fail
		}
		return &stream.Event{Data: []byte(e.data), Cursor: e.cursor}, true, nil
	default:
	}
	go func() {
		select {
		case e := <-s.feed:
			s.ready <- e
		case <-s.closed:
		}
		wake()
	}()
	return nil, true, nil
}

func (s *source) Close() { s.close.Do(func() { close(s.closed) }) }

func (e event) respond(ctx context.Context) *graphql.Response {
	switch {
	case e.panics != nil:
		panic(e.panics)
	case e.fail != nil:
		stream.Fail(ctx, e.fail)
		return nil
	case e.done:
		return nil
	case e.errs != nil:
		graphql.AddError(ctx, e.errs)
		return &graphql.Response{}
	}
	if e.cursor != "" {
		stream.SetCursor(ctx, e.cursor)
	}
	return &graphql.Response{Data: []byte(e.data)}
}

// emit hands an event to a feed.
func (e *env) emit(name string, v event) {
	e.t.Helper()
	select {
	case e.backend.feed(name) <- v:
	case <-time.After(patience):
		e.t.Fatalf("nobody takes the event of %s", name)
	}
}

// client is one socket of the test.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

// dial opens a socket without initialising it.
func (e *env) dial(headers ...string) *client {
	e.t.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, e.url, &websocket.DialOptions{HTTPHeader: h, Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		e.t.Fatalf("dial: %v", err)
	}
	ws.SetReadLimit(-1)
	e.t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{t: e.t, ws: ws}
}

// connect opens a socket and initialises it with the token "rep".
func (e *env) connect() *client {
	e.t.Helper()
	c := e.dial()
	c.init("rep")
	return c
}

func (c *client) init(token string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"type":"connection_init","payload":{"Authorization":"Bearer %s"}}`, token))
	c.want(`{"type":"connection_ack"}`)
}

func (c *client) send(text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *client) subscribe(id, document string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"id":%q,"type":"subscribe","payload":{"query":%q}}`, id, document))
}

// watch subscribes to the feed of that name, under that id, and waits until it runs.
func (e *env) watch(c *client, name string) {
	e.t.Helper()
	c.subscribe(name, "subscription "+name+" { ticks }")
	if got := wait(e.t, e.backend.started, "start of "+name); got != name {
		e.t.Fatalf("started %s, want %s", got, name)
	}
}

func (c *client) receive() (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	_, text, err := c.ws.Read(ctx)
	return string(text), err
}

// want receives exactly these messages.
func (c *client) want(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		got, err := c.receive()
		if err != nil {
			c.t.Fatalf("want %s, got %v", text, err)
		}
		if got != text {
			c.t.Fatalf("got  %s\nwant %s", got, text)
		}
	}
}

// wantClose receives nothing but a close frame.
func (c *client) wantClose(code websocket.StatusCode, reason string) {
	c.t.Helper()
	got, err := c.receive()
	if err == nil {
		c.t.Fatalf("got %s, want the close", got)
	}
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		c.t.Fatalf("got %v, want a close frame", err)
	}
	if closed.Code != code || closed.Reason != reason {
		c.t.Fatalf("closed with %d %q, want %d %q", closed.Code, closed.Reason, code, reason)
	}
}

// quiet proves that nothing came before the answer to a ping.
func (c *client) quiet() {
	c.t.Helper()
	c.send(`{"type":"ping"}`)
	c.want(`{"type":"pong"}`)
}

func (e *env) wantStopped(name string) {
	e.t.Helper()
	if got := wait(e.t, e.backend.stopped, "end of "+name); got != name {
		e.t.Fatalf("stopped %s, want %s", got, name)
	}
}
