package live

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/fault"
	"farley/internal/stream"
)

// SSE is the transport for GraphQL over server-sent events, distinct connections mode: one request, one operation. It
// is safe for concurrent use.
type SSE struct {
	cfg SSEConfig

	mu      sync.Mutex
	closing chan struct{} // closed by Close
	running sync.WaitGroup
	open    atomic.Int64
}

// Len returns the number of open streams.
func (s *SSE) Len() int { return int(s.open.Load()) }

var _ graphql.Transport = (*SSE)(nil)

// NewSSE returns the transport. It panics without cfg.Auth.
func NewSSE(cfg SSEConfig) *SSE {
	if cfg.Auth == nil {
		panic("live: SSEConfig.Auth is missing")
	}
	return &SSE{cfg: cfg.withDefaults(), closing: make(chan struct{})}
}

// Supports reports whether r asks for an event stream: a GET, or a POST of JSON.
func (s *SSE) Supports(r *http.Request) bool {
	if r.Header.Get("Upgrade") != "" || !acceptsEvents(r.Header) {
		return false
	}
	if r.Method == http.MethodGet {
		return true
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && err == nil && kind == "application/json"
}

// acceptsEvents reports whether a stream is what the client likes best. Some clients name it behind JSON for the case
// that a server answers queries so; they do not want that. The first of several with the same weight counts (RFC 9110
// §12.5.1 leaves it to the server).
func acceptsEvents(h http.Header) bool {
	best, events := 0.0, false
	for kind := range strings.SplitSeq(strings.Join(h.Values("Accept"), ","), ",") {
		kind, params, err := mime.ParseMediaType(kind)
		if err != nil {
			continue
		}
		q := 1.0
		if given, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(given, 64); err != nil {
				continue
			}
		}
		switch kind {
		case "text/event-stream", "application/json", "application/graphql-response+json":
			if q > best {
				best, events = q, kind == "text/event-stream"
			}
		}
	}
	return events
}

// Do answers one request. What is wrong with the request itself, or with who sends it, is an HTTP error with a JSON
// body; what is wrong with the operation is told in the stream, because a browser's EventSource shows no HTTP errors.
func (s *SSE) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if !s.add() {
		s.cfg.refuse(w, r, errClosing(), http.StatusServiceUnavailable)
		return
	}
	s.open.Add(1)
	defer s.open.Add(-1)
	defer s.running.Done()

	params, err := s.params(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, session, err := s.authenticate(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, errs := s.cfg.prepare(ctx, exec, params, r.Header.Get("Last-Event-ID"))
	if len(errs) == 0 && r.Method == http.MethodGet && p.op.Operation.Operation == ast.Mutation {
		w.Header().Set("Allow", http.MethodPost)
		s.cfg.refuse(w, r, fault.New(fault.BadRequest, "A mutation needs POST."), http.StatusMethodNotAllowed)
		return
	}
	e, err := openEvents(w, &s.cfg)
	if err != nil {
		return // the client is gone
	}
	if len(errs) > 0 {
		_ = e.finish(errs)
		return
	}
	s.stream(e, p, session, r.Context().Done())
}

// authenticate finds out who acts: by the Authorization header, else by a ticket, else nobody.
func (s *SSE) authenticate(r *http.Request) (context.Context, stream.Session, error) {
	token := headerToken(r.Header)
	ticket := r.URL.Query().Get("ticket")
	if token == "" && ticket != "" {
		if s.cfg.Ticket == nil {
			return nil, stream.Session{}, fault.New(fault.Unauthenticated, "The ticket is not valid.")
		}
		var err error
		if token, err = s.cfg.Ticket(r.Context(), ticket); err != nil {
			return nil, stream.Session{}, err
		}
	}
	return s.cfg.Auth.Authenticate(r.Context(), token)
}

// Close ends all streams: each gets an error UNAVAILABLE with its cursor and completes. It returns when all have
// ended, or ctx's error when ctx ends before. New streams are refused from then on.
func (s *SSE) Close(ctx context.Context) error {
	s.mu.Lock()
	if !isClosed(s.closing) {
		close(s.closing)
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
		return ctx.Err()
	}
}

func (s *SSE) add() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(s.closing) {
		return false
	}
	s.running.Add(1)
	return true
}
