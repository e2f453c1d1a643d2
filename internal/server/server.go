// Package server is GraphQL over HTTP: transports, limits, errors as clients see them, and what surrounds them (request
// ids, origins, log, metrics, health, the page for trying queries).
//
// A request goes through: request id → log and metrics → recovery → origin → transport → authentication → limits →
// gqlgen's executor. Sockets and event streams are transports of package live and get the same executor.
package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/stream"
)

// Config is what a Server is made of. Schema, Auth, Log and Clock are needed.
type Config struct {
	// Schema is the executable schema.
	Schema graphql.ExecutableSchema
	// Auth finds out who sends a request. The transports in Live authenticate by themselves.
	Auth stream.Authenticator
	// Log gets a line for each request, and the causes of internal errors.
	Log *slog.Logger
	// Clock drives the budgets.
	Clock clock.Clock
	// Limits bounds requests; zero fields take their defaults.
	Limits Limits
	// Presenter makes errors for clients; nil makes one without further translations.
	Presenter *Presenter
	// Live are transports asked before those of this package: sockets and event streams.
	Live []graphql.Transport
	// Extensions are gqlgen's: plans, batching. They come after the limits.
	Extensions []graphql.HandlerExtension
	// Caller names who pays for an operation and is counted: a user, a key, an address. nil: all callers are one.
	Caller func(context.Context) string
	// Ready reports whether requests can be answered, for /readyz; nil: always.
	Ready func(context.Context) error
	// Drain ends what lives long (sockets, streams) at Shutdown; may be nil.
	Drain func(context.Context) error
	// Files answers the addresses of files; nil: there are none.
	Files Files
	// Calendar answers the addresses of calendars, /calendar/<token>.ics, in the same way; nil: there are none.
	Calendar Files
	// Answers shows invitations at /invitation/<token> and takes the answers to them, as pages; nil: there are none.
	Answers Files
	// AllowedOrigins are the origins ("https://app.example.com") whose pages may call; "*" allows every one. Pages
	// of the server's own host always may. Requests without Origin do not come from a page.
	AllowedOrigins []string
	// TrustedProxies are the networks of the proxies in front, whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Introspection allows __schema and __type.
	Introspection bool
	// Suggestions allows "Did you mean" in errors, which tells names of the schema.
	Suggestions bool
	// Playground serves the page for trying queries at /.
	Playground bool
	// Documents is the number of parsed documents kept; 0: 1,000.
	Documents int
	// Persisted keeps documents under their hash; nil: 1,000 of them in memory.
	Persisted PersistedStore
	// Allowed, when not nil, is the list of the only documents that may run, by hash (see ReadManifest).
	Allowed map[string]string
	// Registry holds the metrics; nil makes one with NewRegistry.
	Registry *prometheus.Registry
	// Tracer makes spans of requests and operations; nil: none. Who sends a traceparent (W3C) sees his own trace go on.
	Tracer trace.Tracer
	// Slow is the time from which on an operation is logged at WARN; 0: never.
	Slow time.Duration
	// PrivateMetrics leaves /metrics out: they are served elsewhere, by Metrics.
	PrivateMetrics bool
}

// Server answers HTTP requests.
type Server struct {
	// Presenter is the one in use.
	Presenter *Presenter

	config     Config
	limits     Limits
	origins    origins
	engine     *engine
	transports []graphql.Transport
	metrics    *metrics
	handler    http.Handler
	draining   atomic.Bool
}

const defaultDocuments = 1_000

// New returns a server. It fails when the configuration is incomplete or an extension refuses the schema.
func New(c Config) (*Server, error) {
	if c.Schema == nil || c.Auth == nil || c.Log == nil || c.Clock == nil {
		return nil, errors.New("server: Schema, Auth, Log and Clock are needed")
	}
	if c.Caller == nil {
		c.Caller = func(context.Context) string { return "" }
	}
	if c.Documents < 1 {
		c.Documents = defaultDocuments
	}
	if c.Persisted == nil {
		c.Persisted = NewMemoryStore(defaultDocuments)
	}
	if c.Presenter == nil {
		presenter, err := NewPresenter(c.Log, nil)
		if err != nil {
			return nil, err
		}
		c.Presenter = presenter
	}

	s := &Server{Presenter: c.Presenter, config: c, limits: c.Limits.withDefaults(), origins: newOrigins(c.AllowedOrigins)}
	s.metrics = newMetrics(c.Registry)
	if err := s.buildEngine(); err != nil {
		return nil, err
	}
	s.transports = append(s.transports, upload{s}, post{s}, get{s})
	s.handler = s.routes()
	return s, nil
}

func (s *Server) buildEngine() error {
	c := s.config
	inner := executor.New(c.Schema)
	inner.SetErrorPresenter(c.Presenter.Present)
	inner.SetRecoverFunc(c.Presenter.Recover)
	inner.SetQueryCache(parsed{})
	s.engine = &engine{
		inner: inner, clock: c.Clock, limits: s.limits, presenter: c.Presenter,
		documents: newDocuments(c.Schema.Schema(), s.limits, c.Suggestions, c.Documents),
		persisted: &persisted{store: c.Persisted, allowed: c.Allowed},
		budgets:   newBudgets(c.Clock, s.limits),
		running:   &running{max: s.limits.Concurrent, n: map[string]int{}},
		caller:    c.Caller, introspection: c.Introspection, observe: s.observe, tracer: c.Tracer,
	}
	s.engine.documents.looked = func(result string) { s.metrics.documents.WithLabelValues(result).Inc() }
	inner.Use(gate{s.engine})
	for _, extension := range c.Extensions {
		if err := extension.Validate(c.Schema); err != nil {
			return err
		}
		inner.Use(extension)
	}
	return nil
}

// ServeHTTP answers r. While the server is leaving, clients are asked to take another connection for what comes next.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	s.handler.ServeHTTP(w, r)
}

// Leave makes /readyz fail, so that no new requests are sent here. Everything else goes on.
func (s *Server) Leave() { s.draining.Store(true) }

// Metrics returns the handler that serves the metrics.
func (s *Server) Metrics() http.Handler { return s.metrics.handler() }

// Shutdown makes /readyz fail, so that no new requests are sent here, and ends what lives long. Requests that still
// come are answered; the http.Server waits for them.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Leave()
	if s.config.Drain == nil {
		return nil
	}
	return s.config.Drain(ctx)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/graphql", s.serveGraphQL)
	mux.HandleFunc("GET /healthz", s.serveHealth)
	mux.HandleFunc("GET /readyz", s.serveReady)
	if s.config.Files != nil {
		mux.HandleFunc("/files/", func(w http.ResponseWriter, r *http.Request) { s.serveFiles(w, r, s.config.Files) })
	}
	if s.config.Calendar != nil {
		mux.HandleFunc("/calendar/", func(w http.ResponseWriter, r *http.Request) { s.serveFiles(w, r, s.config.Calendar) })
	}
	if s.config.Answers != nil {
		mux.HandleFunc("/invitation/", s.serveAnswers)
	}
	if !s.config.PrivateMetrics {
		mux.Handle("GET /metrics", s.Metrics())
	}
	if s.config.Playground {
		addPlayground(mux)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusNotFound, fault.New(fault.NotFound, "There is nothing at this address."))
	})
	return s.around(mux)
}

// The values of headers that all answers to operations have.
var (
	notStored = []string{"private, no-store"}
	varying   = []string{"Accept, Accept-Encoding, Accept-Language, Authorization, Origin"}
)

func (s *Server) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Cache-Control"] = notStored
	header["Vary"] = varying
	if !s.origins.allow(w, r) {
		s.refuse(w, r, http.StatusForbidden, fault.New(fault.Forbidden, "Requests from this origin are not allowed."))
		return
	}
	if r.Method == http.MethodOptions {
		header.Set("Allow", "GET, POST, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return
	}

	r = r.WithContext(graphql.StartOperationTrace(r.Context()))
	for _, t := range s.config.Live {
		if t.Supports(r) {
			t.Do(w, r.WithContext(outliving(withoutRecord(r.Context()))), s.engine)
			return
		}
	}
	for _, t := range s.transports {
		if t.Supports(r) {
			t.Do(w, r, s.engine)
			return
		}
	}
	header.Set("Allow", "GET, POST, OPTIONS")
	s.refuse(w, r, http.StatusMethodNotAllowed, fault.New(fault.BadRequest, "This method is not allowed here."))
}

func (s *Server) bounded(w http.ResponseWriter, r *http.Request) io.Reader {
	if s.limits.BodyBytes < 0 {
		return r.Body
	}
	return http.MaxBytesReader(w, r.Body, s.limits.BodyBytes)
}

// HTTPServer returns an http.Server for a handler with time-outs that no client can stretch, and without one on whole
// requests, which streams need.
func HTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
