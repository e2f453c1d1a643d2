package farleytest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"farley/internal/broker"
)

// Deadline bounds how long a test waits for something that has to come.
const Deadline = 20 * time.Second

// Stream is one subscription over a socket of its own, by the protocol graphql-transport-ws.
type Stream struct {
	conn   *websocket.Conn
	cancel context.CancelFunc
	ctx    context.Context //nolint:containedctx // of the stream's life
}

// Message is one message of the protocol.
type Message struct {
	ID      string
	Type    string
	Payload json.RawMessage
}

// Subscribe opens a subscription and returns when the server has taken it.
func (c *Client) Subscribe(t testing.TB, document string, vars Vars) *Stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	dial, stop := context.WithTimeout(ctx, Deadline)
	defer stop()
	conn, _, err := websocket.Dial(dial, "ws"+strings.TrimPrefix(c.env.URL, "http"), &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	s := &Stream{conn: conn, cancel: cancel, ctx: ctx}
	t.Cleanup(s.Close)
	s.send(t, map[string]any{"type": "connection_init", "payload": map[string]any{"token": c.Token}})
	if m := s.Next(t); m.Type != "connection_ack" {
		t.Fatalf("the server answered connection_init by %s %s", m.Type, m.Payload)
	}
	s.send(t, map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": document, "variables": vars}})
	// A ping is answered in order, so the subscription has been taken, or refused, when the pong is here. That it is
	// set up is known by the first event only; callers that need it use changesCursor and after.
	return s
}

func (s *Stream) send(t testing.TB, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.ctx, Deadline)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, b); err != nil {
		t.Fatal(err)
	}
}

// Next returns the next message; pings are answered by the way. A socket that closes gives a message of type "closed"
// with the close code as payload.
func (s *Stream) Next(t testing.TB) Message {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(s.ctx, Deadline)
		_, b, err := s.conn.Read(ctx)
		cancel()
		if err != nil {
			if code := websocket.CloseStatus(err); code != -1 {
				b, _ := json.Marshal(int(code))
				return Message{Type: "closed", Payload: b}
			}
			t.Fatal("no message in time: ", err)
		}
		var m Message
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		if m.Type == "ping" {
			s.send(t, map[string]any{"type": "pong"})
			continue
		}
		return m
	}
}

// Event returns the data of the next event; anything else fails the test.
func (s *Stream) Event(t testing.TB) Data {
	t.Helper()
	m := s.Next(t)
	var payload struct {
		Data   map[string]any
		Errors []Error
	}
	if m.Type != "next" || json.Unmarshal(m.Payload, &payload) != nil || len(payload.Errors) > 0 {
		t.Fatalf("want an event, got %s %s", m.Type, m.Payload)
	}
	return Data{payload.Data}
}

// Refused returns the code of the error that ends the stream.
func (s *Stream) Refused(t testing.TB) Error {
	t.Helper()
	m := s.Next(t)
	var errs []Error
	if m.Type != "error" || json.Unmarshal(m.Payload, &errs) != nil || len(errs) == 0 {
		t.Fatalf("want an error, got %s %s", m.Type, m.Payload)
	}
	return errs[0]
}

// Close ends the stream.
func (s *Stream) Close() {
	_ = s.conn.CloseNow() // the other side may have closed it already
	s.cancel()
}

// Cursor returns the present end of the change log.
func (c *Client) Cursor(t testing.TB) string {
	t.Helper()
	return c.Query(t, `{ changesCursor }`, nil).At("changesCursor").Text()
}

// Settle gives every committed change its position and tells those who follow the log.
func (e *Env) Settle(t testing.TB) {
	t.Helper()
	for {
		n, err := e.Changes.Sequence(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	e.Broker.Publish(broker.Changes, nil)
}

// Index settles, and brings the search index up to date.
func (e *Env) Index(t testing.TB) {
	t.Helper()
	e.Settle(t)
	if err := e.App.Index.CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
}
