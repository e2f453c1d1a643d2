package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"farley/internal/fault"
	"farley/internal/stream"
)

func TestSocket_subprotocolIsRequired(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, offered := range [][]string{nil, {"graphql-ws"}} {
		ws, _, err := websocket.Dial(t.Context(), e.url, &websocket.DialOptions{Subprotocols: offered})
		if err != nil {
			t.Fatal(err)
		}
		(&client{t: t, ws: ws}).wantClose(4406, "Subprotocol not acceptable")
	}
}

func TestSocket_origins(t *testing.T) {
	t.Parallel()
	some := setup(t, func(s *settings) { s.socket.AllowedOrigins = []string{"https://app.example.com", "*.example.org"} })
	all := setup(t, func(s *settings) { s.socket.AllowedOrigins = []string{"*"} })
	for _, c := range []struct {
		env    *env
		origin string
		status int
	}{
		{some, "", http.StatusSwitchingProtocols},
		{some, some.url, http.StatusSwitchingProtocols},
		{some, "https://app.example.com", http.StatusSwitchingProtocols},
		{some, "http://app.example.com", http.StatusForbidden},
		{some, "https://crm.example.org", http.StatusSwitchingProtocols},
		{some, "https://evil.example.net", http.StatusForbidden},
		{some, "null", http.StatusForbidden},
		{all, "https://evil.example.net", http.StatusSwitchingProtocols},
	} {
		h := http.Header{}
		if c.origin != "" {
			h.Set("Origin", c.origin)
		}
		ws, res, _ := websocket.Dial(t.Context(), c.env.url, &websocket.DialOptions{HTTPHeader: h, Subprotocols: []string{"graphql-transport-ws"}})
		if ws != nil {
			_ = ws.CloseNow()
		}
		if res.StatusCode != c.status {
			t.Errorf("origin %q: %d, want %d", c.origin, res.StatusCode, c.status)
		}
	}
}

func TestSocket_initTimeout(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.dial()
	e.advance(5 * time.Second)
	c.wantClose(4408, "Connection initialisation timeout")
}

func TestSocket_initInTimeHasNoTimeout(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.advance(6 * time.Second)
	c.quiet()
}

func TestSocket_initTwice(t *testing.T) {
	t.Parallel()
	c := setup(t).connect()
	c.send(`{"type":"connection_init"}`)
	c.wantClose(4429, "Too many initialisation requests")
}

func TestSocket_subscribeBeforeAck(t *testing.T) {
	t.Parallel()
	c := setup(t).dial()
	c.subscribe("1", `{ whoAmI }`)
	c.wantClose(4401, "Unauthorized")
}

func TestSocket_pingBeforeAck(t *testing.T) {
	t.Parallel()
	c := setup(t).dial()
	c.quiet()
}

func TestSocket_invalidMessages(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, text := range []string{
		``, `nonsense`, `null`, `[]`, `"ping"`, `{}`, `{"type":7}`, `{"type":"start","id":"1","payload":{}}`,
		`{"type":"connection_ack"}`, `{"type":"next","id":"1","payload":{}}`,
		`{"type":"ping","payload":"x"}`, `{"type":"pong","payload":[]}`, "{\"type\":\"ping\xff\"}",
		`{"type":"subscribe","payload":{"query":"{ whoAmI }"}}`, `{"type":"subscribe","id":"","payload":{"query":"{ whoAmI }"}}`,
		`{"type":"subscribe","id":1,"payload":{"query":"{ whoAmI }"}}`, `{"type":"subscribe","id":"1"}`,
		`{"type":"subscribe","id":"1","payload":{}}`, `{"type":"subscribe","id":"1","payload":{"query":7}}`,
		`{"type":"subscribe","id":"1","payload":{"query":"{ whoAmI }","variables":[]}}`,
		`{"type":"subscribe","id":"1","payload":{"query":"{ whoAmI }","operationName":{}}}`,
		`{"type":"complete"}`, `{"type":"complete","id":""}`,
	} {
		c := e.connect()
		c.send(text)
		c.wantClose(4400, "Invalid message")
	}
	c := e.connect()
	if err := c.ws.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	c.wantClose(4400, "Invalid message")
}

func TestSocket_messageTooBig(t *testing.T) {
	t.Parallel()
	e := setup(t, func(s *settings) { s.socket.MaxMessageBytes = 100 })
	c := e.connect()
	c.send(`{"type":"ping","payload":{"x":"` + strings.Repeat("x", 66) + `"}}`) // 100 bytes
	if got, err := c.receive(); err != nil || !strings.HasPrefix(got, `{"type":"pong"`) {
		t.Fatalf("a message of the limit: %s, %v", got, err)
	}
	c.send(`{"type":"ping","payload":{"x":"` + strings.Repeat("x", 5000) + `"}}`)
	c.wantClose(websocket.StatusMessageTooBig, "Message too big")
}

func TestSocket_token(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.auth.set("boss", identity{subject: "boss"})
	for _, c := range []struct{ name, header, payload, subject string }{
		{"anonymous", "", "", ""},
		{"anonymous, null payload", "", `,"payload":null`, ""},
		{"header", "Bearer boss", "", "boss"},
		{"header beside other payload", "bearer boss", `,"payload":{"x":1}`, "boss"},
		{"payload wins", "Bearer boss", `,"payload":{"Authorization":"Bearer rep"}`, "rep"},
		{"lower case", "", `,"payload":{"authorization":"bearer rep"}`, "rep"},
		{"token", "", `,"payload":{"Token":"rep"}`, "rep"},
	} {
		ws := e.dial("Authorization", c.header)
		ws.send(`{"type":"connection_init"` + c.payload + `}`)
		ws.want(`{"type":"connection_ack"}`)
		ws.subscribe("1", `{ whoAmI }`)
		ws.want(`{"id":"1","type":"next","payload":{"data":{"whoAmI":"`+c.subject+`"}}}`, `{"id":"1","type":"complete"}`)
	}
}

func TestSocket_badToken(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, payload := range []string{`{"token":"stolen"}`, `{"authorization":"Basic cmVwOg=="}`} {
		c := e.dial()
		c.send(`{"type":"connection_init","payload":` + payload + `}`)
		c.wantClose(4403, "Forbidden")
	}
	c := e.dial("Authorization", "Bearer stolen")
	c.send(`{"type":"connection_init"}`)
	c.wantClose(4403, "Forbidden")
}

func TestSocket_authenticatorAway(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.auth.fail(errors.New("database away"))
	c := e.dial()
	c.send(`{"type":"connection_init"}`)
	c.wantClose(1013, "Try again later")

	e.auth.fail(nil)
	c = e.connect()
	e.auth.fail(fault.New(fault.Unavailable, "Try again."))
	c.subscribe("1", `{ whoAmI }`)
	c.want(`{"id":"1","type":"error","payload":[{"message":"Try again.","extensions":{"code":"UNAVAILABLE"}}]}`)
	c.quiet()
}

func TestSocket_duplicateID(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.watch(c, "A")
	c.subscribe("A", `{ whoAmI }`)
	c.wantClose(4409, "Subscriber for A already exists")
	e.wantStopped("A")

	long := strings.Repeat("é", 200)
	c = e.connect()
	c.subscribe(long, `subscription A { ticks }`)
	wait(t, e.backend.started, "start")
	c.subscribe(long, `{ whoAmI }`)
	c.wantClose(4409, "Subscriber for "+strings.Repeat("é", 54)) // 123 bytes
}

func TestSocket_operations(t *testing.T) {
	t.Parallel()
	c := setup(t).connect()
	c.subscribe("q", `{ whoAmI }`)
	c.want(`{"id":"q","type":"next","payload":{"data":{"whoAmI":"rep"}}}`, `{"id":"q","type":"complete"}`)
	c.subscribe("q", `mutation { touch }`) // the id is free again
	c.want(`{"id":"q","type":"next","payload":{"data":{"touch":"done"}}}`, `{"id":"q","type":"complete"}`)
}

func TestSocket_idsAreQuoted(t *testing.T) {
	t.Parallel()
	c := setup(t).connect()
	c.send(`{"id":"a\"\n\u2028","type":"subscribe","payload":{"query":"{ whoAmI }"}}`)
	c.want(`{"id":"a\"\n\u2028","type":"next","payload":{"data":{"whoAmI":"rep"}}}`, `{"id":"a\"\n\u2028","type":"complete"}`)
}

func TestSocket_requestErrorIsNotFollowedByComplete(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	c.subscribe("1", `{ nothing }`)
	c.want(`{"id":"1","type":"error","payload":[{"message":"Cannot query field \"nothing\" on type \"Query\".",` +
		`"locations":[{"line":1,"column":3}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`)
	c.quiet()
	e.watch(c, "WaitsA")
	e.emit("WaitsA", event{data: `{"ticks":1}`, cursor: "c1"})
	e.emit("WaitsA", event{errs: errors.New("refused")})
	c.want(`{"id":"WaitsA","type":"next","payload":{"data":{"ticks":1}}}`,
		`{"id":"WaitsA","type":"error","payload":[{"message":"refused","extensions":{"cursor":"c1"}}]}`)
	c.quiet()
}

func TestSocket_subscription(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.watch(c, "A")
	e.watch(c, "B")
	e.emit("A", event{data: `{"ticks":1}`})
	e.emit("A", event{data: `{"ticks":2}`})
	c.want(`{"id":"A","type":"next","payload":{"data":{"ticks":1}}}`, `{"id":"A","type":"next","payload":{"data":{"ticks":2}}}`)
	e.emit("B", event{data: `{"ticks":3}`})
	c.want(`{"id":"B","type":"next","payload":{"data":{"ticks":3}}}`)
	e.emit("A", event{done: true})
	c.want(`{"id":"A","type":"complete"}`)
	c.quiet()
}

func TestSocket_failedSubscription(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.watch(c, "A")
	e.emit("A", event{data: `{"ticks":1}`, cursor: "c1"})
	e.emit("A", event{data: `{"ticks":2}`}) // has no position: c1 stays
	e.emit("A", event{fail: fault.New(fault.Resync, "Rights changed.")})
	c.want(`{"id":"A","type":"next","payload":{"data":{"ticks":1}}}`, `{"id":"A","type":"next","payload":{"data":{"ticks":2}}}`,
		`{"id":"A","type":"error","payload":[{"message":"Rights changed.","extensions":{"code":"RESYNC","cursor":"c1"}}]}`)
	e.watch(c, "B")
	e.emit("B", event{fail: errors.New("secret cause")})
	c.want(`{"id":"B","type":"error","payload":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}`)
	c.quiet()
}

// TestSocket_handlerThatWaits: a resolver need not know of sources.
func TestSocket_handlerThatWaits(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.watch(c, "WaitsA")
	e.emit("WaitsA", event{data: `{"ticks":1}`, cursor: "c1"})
	c.want(`{"id":"WaitsA","type":"next","payload":{"data":{"ticks":1}}}`)
	e.emit("WaitsA", event{fail: fault.New(fault.Resync, "Rights changed.")})
	c.want(`{"id":"WaitsA","type":"error","payload":[{"message":"Rights changed.","extensions":{"code":"RESYNC","cursor":"c1"}}]}`)
	e.wantStopped("WaitsA")
	e.watch(c, "WaitsB")
	c.send(`{"id":"WaitsB","type":"complete"}`)
	e.wantStopped("WaitsB")
	c.quiet()
}

func TestSocket_panicEndsOnlyTheOperation(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.watch(c, "A")
	e.emit("A", event{panics: "secret"})
	c.want(`{"id":"A","type":"error","payload":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}`)
	c.quiet()
}

func TestSocket_clientCompletes(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.watch(c, "A")
	c.send(`{"id":"A","type":"complete"}`)
	e.wantStopped("A")
	c.send(`{"id":"A","type":"complete"}`) // crossed the server's end: ignored
	c.send(`{"id":"never","type":"complete"}`)
	e.watch(c, "A") // the id is free
	e.emit("A", event{data: `{"ticks":1}`})
	c.want(`{"id":"A","type":"next","payload":{"data":{"ticks":1}}}`)
}

func TestSocket_clientGone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.watch(c, "A")
	_ = c.ws.CloseNow()
	e.wantStopped("A")
}

func TestSocket_limitOfOperations(t *testing.T) {
	t.Parallel()
	e := setup(t, func(s *settings) { s.socket.MaxOperations = 2 })
	c := e.connect()
	e.watch(c, "A")
	e.watch(c, "B")
	c.subscribe("C", `{ whoAmI }`)
	c.want(`{"id":"C","type":"error","payload":[{"message":"At most 2 operations may run on one socket.","extensions":{"code":"LIMITED"}}]}`)
	e.emit("B", event{done: true})
	c.want(`{"id":"B","type":"complete"}`)
}

func TestSocket_rightsAreReadAtEachOperation(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	e.auth.set("rep", identity{subject: "promoted"})
	c.subscribe("1", `{ whoAmI }`)
	c.want(`{"id":"1","type":"next","payload":{"data":{"whoAmI":"promoted"}}}`, `{"id":"1","type":"complete"}`)
	e.watch(c, "A")
	e.auth.forget("rep")
	c.subscribe("2", `{ whoAmI }`)
	c.want(`{"id":"A","type":"error","payload":[{"message":"The session has ended. Sign in again.","extensions":{"code":"UNAUTHENTICATED"}}]}`,
		`{"id":"2","type":"error","payload":[{"message":"The session has ended. Sign in again.","extensions":{"code":"UNAUTHENTICATED"}}]}`)
	c.wantClose(4401, "Unauthorized")
}

func TestSocket_pingAndPong(t *testing.T) {
	t.Parallel()
	e := setup(t)
	c := e.connect()
	c.send(`{"type":"ping","payload":{"n":1}}`)
	c.want(`{"type":"pong","payload":{"n":1}}`)
	c.send(`{"type":"pong"}`)
	c.quiet()
	e.advance(25 * time.Second)
	c.want(`{"type":"ping"}`)
	c.send(`{"type":"pong"}`)
	c.quiet() // the server has read the pong
	e.advance(25 * time.Second)
	c.want(`{"type":"ping"}`)
	e.advance(25 * time.Second) // 50 s after the last word
	c.want(`{"type":"ping"}`)
	e.advance(10 * time.Second)
	c.wantClose(4499, "No sign of life")
}

func TestSocket_expiry(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.auth.set("short", identity{subject: "rep", session: stream.Session{ExpiresAt: start.Add(20 * time.Second)}})
	c := e.dial()
	c.init("short")
	e.watch(c, "A")
	e.watch(c, "B")
	e.emit("B", event{data: `{"ticks":1}`, cursor: "c1"})
	c.want(`{"id":"B","type":"next","payload":{"data":{"ticks":1}}}`)
	e.advance(20*time.Second - time.Microsecond)
	c.quiet()
	e.advance(time.Microsecond)
	c.want(`{"id":"A","type":"error","payload":[{"message":"The session has ended. Sign in again.","extensions":{"code":"UNAUTHENTICATED"}}]}`,
		`{"id":"B","type":"error","payload":[{"message":"The session has ended. Sign in again.","extensions":{"code":"UNAUTHENTICATED","cursor":"c1"}}]}`)
	c.wantClose(4401, "Unauthorized")
}

func TestSocket_revocation(t *testing.T) {
	t.Parallel()
	e := setup(t)
	revoked, revoke := context.WithCancel(t.Context())
	e.auth.set("old", identity{subject: "rep", session: stream.Session{Revoked: revoked}})
	c := e.dial()
	c.init("old")
	e.watch(c, "A")
	revoke()
	c.want(`{"id":"A","type":"error","payload":[{"message":"The session has ended. Sign in again.","extensions":{"code":"UNAUTHENTICATED"}}]}`)
	c.wantClose(4401, "Unauthorized")
	e.wantStopped("A")
}

func TestSocket_freshTokenInPing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	revoked, revoke := context.WithCancel(t.Context())
	e.auth.set("short", identity{subject: "rep", session: stream.Session{ExpiresAt: start.Add(10 * time.Second), Revoked: revoked}})
	e.auth.set("fresh", identity{subject: "rep", session: stream.Session{ExpiresAt: start.Add(20 * time.Second)}})
	c := e.dial()
	c.init("short")
	e.watch(c, "A")
	c.send(`{"type":"ping","payload":{"authorization":"Bearer fresh"}}`)
	c.want(`{"type":"pong"}`)
	e.auth.forget("short")
	revoke()
	e.advance(19 * time.Second)
	c.subscribe("1", `{ whoAmI }`)
	c.want(`{"id":"1","type":"next","payload":{"data":{"whoAmI":"rep"}}}`, `{"id":"1","type":"complete"}`)
	e.advance(time.Second)
	c.want(`{"id":"A","type":"error","payload":[{"message":"The session has ended. Sign in again.","extensions":{"code":"UNAUTHENTICATED"}}]}`)
	c.wantClose(4401, "Unauthorized")
}

func TestSocket_badTokenInPing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.auth.set("boss", identity{subject: "boss"})
	for _, token := range []string{"stolen", "boss"} {
		c := e.connect()
		e.watch(c, "A")
		c.send(`{"type":"ping","payload":{"token":"` + token + `"}}`)
		c.want(`{"id":"A","type":"error","payload":[{"message":"The token is not valid.","extensions":{"code":"UNAUTHENTICATED"}}]}`)
		c.wantClose(4403, "Forbidden")
	}
}

func TestSocket_drain(t *testing.T) {
	t.Parallel()
	e := setup(t)
	idle, busy := e.connect(), e.connect()
	e.watch(busy, "A")
	e.emit("A", event{data: `{"ticks":1}`, cursor: "c1"})
	busy.want(`{"id":"A","type":"next","payload":{"data":{"ticks":1}}}`)
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		closed <- e.socket.Close(ctx)
	}()
	busy.want(`{"id":"A","type":"error","payload":[{"message":"The server is shutting down. Connect again.","extensions":{"code":"UNAVAILABLE","cursor":"c1"}}]}`)
	busy.wantClose(1001, "Server is shutting down")
	idle.wantClose(1001, "Server is shutting down")
	if err := wait(t, closed, "end of Close"); err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := e.socket.Len(); n != 0 {
		t.Errorf("%d sockets are open", n)
	}
	_, res, err := websocket.Dial(t.Context(), e.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a new socket: %v, want 503", err)
	}
}

// TestSocket_slowReader: the queue of a socket that is not read fills, its operations wait, then it is ended; a socket
// beside it notices nothing.
func TestSocket_slowReader(t *testing.T) {
	t.Parallel()
	e := setup(t, func(s *settings) {
		s.socket.QueueMessages = 4
		s.socket.WriteTimeout = patience
		s.socket.SlowAfter = slowAfter
		s.socket.PingInterval, s.socket.IdleTimeout = 24*time.Hour, 24*time.Hour
	})
	slow, other := e.connect(), e.connect()
	e.watch(slow, "A")
	e.watch(other, "B")
	e.emit("A", event{data: `{"ticks":0}`, cursor: "c0"})
	slow.want(`{"id":"A","type":"next","payload":{"data":{"ticks":0}}}`)
	n := e.flood("A")
	e.emit("B", event{data: `{"ticks":1}`})
	other.want(`{"id":"B","type":"next","payload":{"data":{"ticks":1}}}`)

	last := 0
	for {
		text, err := slow.receive()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(text, `{"id":"A","type":"next"`) {
			last++
			continue
		}
		want := fmt.Sprintf(`{"id":"A","type":"error","payload":[{"message":"The reader did not keep up. Resume from the cursor.",`+
			`"extensions":{"code":"SLOW_CONSUMER","cursor":"c%d"}}]}`, last)
		if text != want {
			t.Fatalf("got  %.200s\nwant %s", text, want)
		}
		break
	}
	if last >= n {
		t.Errorf("all of %d events were delivered", n)
	}
	slow.wantClose(1013, "Slow consumer")
	other.quiet()
}

// TestSocket_blockedReader: a socket that takes nothing at all is cut by the write deadline.
func TestSocket_blockedReader(t *testing.T) {
	t.Parallel()
	e := setup(t, func(s *settings) { s.socket.WriteTimeout = 100 * time.Millisecond })
	c := e.connect()
	e.watch(c, "A")
	feed := e.backend.feed("A")
	big := `{"ticks":` + strings.Repeat(" ", 1<<20) + `1}`
	deadline := time.After(patience)
	for {
		select {
		case feed <- event{data: big}:
			continue
		case name := <-e.backend.stopped:
			if name != "A" {
				t.Fatalf("stopped %s", name)
			}
		case <-deadline:
			t.Fatal("the operation of a blocked socket goes on")
		}
		return
	}
}

// flood emits events, letting SlowAfter pass whenever the operation waits for a place, until the operation ends. It
// returns how many events were taken.
func (e *env) flood(name string) (taken int) {
	e.t.Helper()
	blank := strings.Repeat(" ", 1<<18)
	deadline := time.After(patience)
	for {
		next := event{data: fmt.Sprintf(`{"ticks":%d%s}`, taken+1, blank), cursor: fmt.Sprintf("c%d", taken+1)}
		select {
		case e.backend.feed(name) <- next:
			taken++
		case <-e.clock.slow:
			e.advance(slowAfter)
		case <-e.backend.stopped:
			return taken
		case <-deadline:
			e.t.Fatal("a socket that is not read takes everything")
		}
	}
}
