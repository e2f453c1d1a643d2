package live

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"

	"farley/internal/fault"
)

// subprotocol is the only one on offer.
const subprotocol = "graphql-transport-ws"

// Socket is the transport for GraphQL over WebSocket. It is safe for concurrent use.
type Socket struct {
	cfg SocketConfig

	mu      sync.Mutex
	closing bool
	open    map[*connection]struct{}
	running sync.WaitGroup // connections, and goroutines of theirs
	alarms  *alarms
}

var _ graphql.Transport = (*Socket)(nil)

// NewSocket returns the transport. It panics without cfg.Auth.
func NewSocket(cfg SocketConfig) *Socket {
	if cfg.Auth == nil {
		panic("live: SocketConfig.Auth is missing")
	}
	s := &Socket{cfg: cfg.withDefaults(), open: map[*connection]struct{}{}}
	s.alarms = newAlarms(s.cfg.Clock, &s.running)
	return s
}

// Supports reports whether r asks for a WebSocket.
func (s *Socket) Supports(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// Do performs the handshake. The connection then lives in goroutines of its own: staying here would keep the request,
// and what all handlers around it hold, in memory for as long as the socket is open.
func (s *Socket) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if s.isClosing() {
		s.cfg.refuse(w, r, errClosing(), http.StatusServiceUnavailable)
		return
	}
	ws, wire, err := s.accept(w, r)
	if err != nil {
		return // Accept has answered
	}
	if !strings.EqualFold(ws.Subprotocol(), subprotocol) {
		_ = ws.Close(codeSubprotocol, "Subprotocol not acceptable")
		return
	}
	c := newConnection(s, ws, wire, r, exec)
	if !s.add(c) {
		_ = ws.Close(websocket.StatusGoingAway, reasonClosing)
		return
	}
	go c.read()
	c.tick()
}

func (s *Socket) acceptOptions() *websocket.AcceptOptions {
	options := &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, OriginPatterns: s.cfg.AllowedOrigins}
	if len(s.cfg.AllowedOrigins) == 1 && s.cfg.AllowedOrigins[0] == "*" {
		options.InsecureSkipVerify = true // no cookies are read, so a foreign page gains nothing
	}
	return options
}

// Close ends all sockets: each operation gets an error UNAVAILABLE with its cursor, each socket code 1001. It returns
// when all their goroutines have ended, or cuts the connections and returns ctx's error when ctx ends before. New
// sockets are refused from then on.
func (s *Socket) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for c := range s.open {
		c.end(ending{code: websocket.StatusGoingAway, reason: reasonClosing, fault: errClosing()})
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.cut()
	}
	return ctx.Err()
}

// Len returns the number of open sockets.
func (s *Socket) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *Socket) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// add registers c and its reader, unless the transport is closing.
func (s *Socket) add(c *connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.open[c] = struct{}{}
	s.running.Add(2)
	return true
}

func (s *Socket) remove(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

const reasonClosing = "Server is shutting down"

func errClosing() *fault.Error {
	return fault.New(fault.Unavailable, "The server is shutting down. Connect again.")
}
