package live

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"

	"farley/internal/fault"
	"farley/internal/stream"
)

// connection is one socket. The reader goroutine handles the client's messages; a writer goroutine writes what the outbox holds,
// is there only while there is something, and ends the socket; operations feed the outbox. Nobody else writes, so an operation's
// last message is its last. An operation that waits for events has no goroutine. The clock is watched for all sockets together,
// and the end of a session calls.
type connection struct {
	socket *Socket
	cfg    *SocketConfig
	ws     *websocket.Conn
	wire   *wire
	exec   graphql.GraphExecutor
	header http.Header
	out    *outbox

	ctx       context.Context // of the socket, from the upgrade request
	cancel    context.CancelFunc
	opened    time.Time
	lastHeard atomic.Int64  // Unix time in microseconds
	ended     chan struct{} // closed when ending is set

	due   time.Time // under alarms.mu
	place int       // as above

	ticking sync.Mutex // taken before mu: looks at the clock come one after another
	left    bool

	mu         sync.Mutex
	ending     *ending
	nextPing   time.Time
	acked      bool
	token      string
	session    stream.Session
	unwatch    func() bool // stops waiting for the session's end
	subject    string
	operations map[string]*operation // whose last message is not written yet, by id
	running    int                   // goroutines of operations, those included that wind up after the client's complete
	started    uint64                // operations ever started
}

// operation is one operation of a socket.
type operation struct {
	id       string
	order    uint64 // of its start
	cancel   context.CancelFunc
	canceled atomic.Bool // by the client: nothing more may be sent
	sent     string      // position of the last event written; the writer's own

	unwritable error // a result could not be written; of who advances the operation
}

func newConnection(s *Socket, ws *websocket.Conn, w *wire, r *http.Request, exec graphql.GraphExecutor) *connection {
	// The size is checked while reading, so that too long a message ends in an orderly close.
	ws.SetReadLimit(-1)
	c := &connection{
		socket: s, cfg: &s.cfg, ws: ws, wire: w, exec: exec, header: r.Header,
		opened: s.cfg.Clock.Now(),
		ended:  make(chan struct{}),
	}
	c.nextPing = c.opened.Add(c.cfg.PingInterval)
	c.out = newOutbox(s.cfg.QueueMessages, s.cfg.QueueBytes, func() { go c.write() })
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(r.Context()))
	c.heard()
	return c
}

func (c *connection) heard() {
	c.lastHeard.Store(c.cfg.Clock.Now().UnixMicro())
}

// end begins the end of the socket. The first reason stays; the writer does the rest.
func (c *connection) end(e ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return
	}
	c.ending = &e
	close(c.ended)
	if c.out.claim() {
		go c.write()
	}
}

func (c *connection) isEnded() bool { return isClosed(c.ended) }

// cut ends the socket without a word.
func (c *connection) cut() {
	c.end(ending{})
	go func() { _ = c.ws.CloseNow() }()
}

// read handles messages until the connection is gone. A message that asks for something may make the stack grow, and there is
// one stack for every socket that waits; so another goroutine reads on after it, with a fresh one.
func (c *connection) read() {
	goesOn := false
	defer func() {
		if thrown := recover(); thrown != nil {
			_ = c.cfg.recovered(c.ctx, thrown)
			c.end(internalError())
		}
		if !goesOn {
			c.socket.running.Done()
		}
	}()
	for {
		text, e := c.next()
		if e != nil {
			c.end(*e)
			return
		}
		c.heard()
		if string(text) == plainPong || c.isEnded() {
			continue // once it has ended, only the client's close frame matters
		}
		c.answer(text)
		goesOn = true
		go c.read()
		return
	}
}

// plainPong is what most clients answer to a ping, and most of all that sockets hear.
const plainPong = `{"type":"pong"}`

func (c *connection) answer(text []byte) {
	m, err := parseMessage(text)
	if err != nil {
		c.end(*protocolError(codeBadRequest, "Invalid message"))
		return
	}
	if e := c.handle(m); e != nil {
		c.end(*e)
	}
}

// next reads one message.
func (c *connection) next() ([]byte, *ending) {
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, &ending{}
	}
	text, err := io.ReadAll(io.LimitReader(r, c.cfg.MaxMessageBytes+1))
	switch {
	case err != nil:
		return nil, &ending{}
	case int64(len(text)) > c.cfg.MaxMessageBytes:
		return nil, protocolError(websocket.StatusMessageTooBig, "Message too big")
	case kind != websocket.MessageText:
		return nil, protocolError(codeBadRequest, "Invalid message")
	}
	return text, nil
}

// handle does what m asks for; it returns how the socket must end, nil if it need not.
func (c *connection) handle(m message) *ending {
	switch m.Type {
	case "connection_init":
		return c.init(m)
	case "ping":
		return c.pong(m)
	case "subscribe":
		return c.subscribe(m)
	case "complete":
		c.complete(m.ID)
	}
	return nil // a pong has done its work by being heard
}

func (c *connection) init(m message) *ending {
	if c.isAcked() {
		return protocolError(codeInitTwice, "Too many initialisation requests")
	}
	token, ok := payloadToken(m.Payload)
	if !ok {
		token = headerToken(c.header)
	}
	ctx, session, err := c.cfg.Auth.Authenticate(c.ctx, token)
	if err != nil {
		return c.refused(err)
	}
	c.mu.Lock()
	c.acked, c.token, c.subject = true, token, c.subjectOf(ctx)
	c.watch(session)
	c.mu.Unlock()
	c.tick()
	return c.say([]byte(`{"type":"connection_ack"}`))
}

// pong answers a ping. A token in the ping takes the place of the present one.
func (c *connection) pong(m message) *ending {
	token, ok := payloadToken(m.Payload)
	if !ok {
		return c.say(pongMessage(m.Payload))
	}
	if c.isAcked() {
		if e := c.renew(token); e != nil {
			return e
		}
	}
	return c.say([]byte(`{"type":"pong"}`)) // the token is not sent back
}

func (c *connection) renew(token string) *ending {
	ctx, session, err := c.cfg.Auth.Authenticate(c.ctx, token)
	if err != nil {
		return c.refused(err)
	}
	subject := c.subjectOf(ctx)
	c.mu.Lock()
	same := subject == c.subject
	if same {
		c.token = token
		c.watch(session)
	}
	c.mu.Unlock()
	if !same {
		return tokenRefused(fault.New(fault.Forbidden, "The token belongs to somebody else."))
	}
	c.tick()
	return nil
}

// watch makes a session the present one and waits for its end. c.mu is held.
func (c *connection) watch(session stream.Session) {
	if c.unwatch != nil {
		c.unwatch()
	}
	c.session = session
	c.unwatch = session.OnRevoked(func() {
		c.mu.Lock()
		present := c.session.IsRevoked() // it may be the session before the present one
		c.mu.Unlock()
		if present {
			c.end(sessionEnded())
		}
	})
}

func (c *connection) refused(err error) *ending {
	if !isRefusal(err) {
		c.cfg.Log.ErrorContext(c.ctx, "authentication on a socket failed", "error", err)
	}
	return tokenRefused(err)
}

func (c *connection) subjectOf(ctx context.Context) string {
	if c.cfg.Subject == nil {
		return ""
	}
	return c.cfg.Subject(ctx)
}

func (c *connection) isAcked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acked
}

// say queues a message of the socket itself.
func (c *connection) say(data []byte) *ending {
	if !c.out.force(outgoing{data: data}) {
		e := slowConsumer()
		return &e
	}
	return nil
}

func pongMessage(payload []byte) []byte {
	if len(payload) == 0 || isNull(payload) {
		return []byte(`{"type":"pong"}`)
	}
	b := append([]byte(nil), `{"type":"pong","payload":`...)
	b = append(b, payload...)
	return append(b, '}')
}

func quoted(text string) []byte {
	b, _ := json.Marshal(text) // a string can always be written
	return b
}
