package server

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"farley/internal/fault"
	"farley/internal/stream"
)

// around is what every request goes through.
func (s *Server) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		id := requestID(r.Header)
		rec := &record{}
		ctx := stream.WithOrigin(r.Context(), stream.Origin{
			RequestID: id, Address: client(r, s.config.TrustedProxies), Locale: stream.MatchLocale(r.Header.Get("Accept-Language")),
		})
		ctx = context.WithValue(ctx, recordKey{}, rec)
		ctx, span := s.requestSpan(ctx, r)
		r = r.WithContext(ctx)

		// the deadline of the answer before on this connection must not end this one
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		out := &writer{ResponseWriter: w}
		secure(out.Header())
		out.Header().Set("X-Request-Id", id)
		s.metrics.inFlight.Inc()
		defer func() {
			s.metrics.inFlight.Dec()
			if value := recover(); value != nil {
				if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(value) // net/http's own way to cut a connection
				}
				s.recovered(out, r, value)
			}
			endRequestSpan(span, out.status())
			s.metrics.request(r, out.status())
			s.logRequest(r, out, rec, time.Since(begin))
		}()
		next.ServeHTTP(out, r)
	})
}

func (s *Server) recovered(w *writer, r *http.Request, value any) {
	err := s.Presenter.Recover(r.Context(), value)
	if w.code != 0 || w.hijacked {
		s.Presenter.Present(r.Context(), err) // too late to answer; the log has it
		return
	}
	s.refuse(w, r, http.StatusInternalServerError, err)
}

// The values of headers that all answers have. Nobody changes a value in place.
var (
	noSniff    = []string{"nosniff"}
	denied     = []string{"DENY"}
	noReferrer = []string{"no-referrer"}
	sameOrigin = []string{"same-origin"}
)

func secure(header http.Header) {
	header["X-Content-Type-Options"] = noSniff
	header["X-Frame-Options"] = denied
	header["Referrer-Policy"] = noReferrer
	header["Cross-Origin-Resource-Policy"] = sameOrigin
}

const maxRequestID = 64

// requestID takes the id that a proxy or client gave, if it is a plain word, or makes one.
func requestID(header http.Header) string {
	id := header.Get("X-Request-Id")
	if id == "" || len(id) > maxRequestID {
		return rand.Text()
	}
	for i := range len(id) {
		c := id[i]
		plain := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.'
		if !plain {
			return rand.Text()
		}
	}
	return id
}

// record collects what the log says about a request.
type record struct {
	mu sync.Mutex
	op operation
}

type recordKey struct{}

func recordFrom(ctx context.Context) *record {
	rec, _ := ctx.Value(recordKey{}).(*record)
	return rec
}

// withoutRecord makes each operation get a log line of its own: a socket carries many.
func withoutRecord(ctx context.Context) context.Context {
	return context.WithValue(ctx, recordKey{}, (*record)(nil))
}

func (r *record) set(op operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.op = op
}

func (r *record) get() operation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.op
}

// noteRefusal records the code of a request that was refused outside of the engine.
func noteRefusal(ctx context.Context, code fault.Code) {
	rec := recordFrom(ctx)
	if rec == nil {
		return
	}
	op := rec.get()
	op.Code = code
	rec.set(op)
}

// observe counts an operation and puts it into the log: into the line of its request, else into a line of its own.
func (s *Server) observe(ctx context.Context, op operation) {
	s.metrics.operation(op)
	s.logSlow(ctx, op)
	if rec := recordFrom(ctx); rec != nil {
		rec.set(op)
		return
	}
	s.config.Log.LogAttrs(ctx, slog.LevelInfo, "operation",
		append(op.attrs(), slog.Duration("took", op.Took), slog.String("requestId", stream.RequestID(ctx)))...)
}

// logSlow names who asks for what takes long, so that he can be talked to.
func (s *Server) logSlow(ctx context.Context, op operation) {
	if s.config.Slow <= 0 || op.Took < s.config.Slow || op.Kind == "subscription" {
		return
	}
	s.config.Log.LogAttrs(ctx, slog.LevelWarn, "slow operation",
		append(op.attrs(), slog.Duration("took", op.Took), slog.String("viewer", op.Viewer), slog.String("requestId", stream.RequestID(ctx)))...)
}

// attrs never hold variables or arguments: only what the document's author named.
func (op operation) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("operation", shortName(op.Name)), slog.String("kind", op.Kind), slog.String("code", string(op.Code)),
		slog.Int("cost", op.Cost),
	}
}

func shortName(name string) string { return name[:min(len(name), 64)] }

func (s *Server) logRequest(r *http.Request, w *writer, rec *record, took time.Duration) {
	level := slog.LevelInfo
	if r.URL.Path != "/graphql" {
		level = slog.LevelDebug // probes and scrapes come every few seconds
	}
	attrs := []slog.Attr{
		slog.String("method", method(r)), slog.String("route", route(r)), slog.Int("status", w.status()),
		slog.Int64("bytes", w.bytes), slog.Duration("took", took), slog.String("requestId", stream.RequestID(r.Context())),
	}
	s.config.Log.LogAttrs(r.Context(), level, "request", append(attrs, rec.get().attrs()...)...)
}

// writer notes what was answered.
type writer struct {
	http.ResponseWriter
	code     int
	bytes    int64
	hijacked bool
}

// Unwrap lets http.ResponseController reach the writer inside.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the status.
func (w *writer) WriteHeader(status int) {
	if w.code == 0 && status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.code = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (w *writer) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Flush sends what is buffered, where the connection can.
func (w *writer) Flush() {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack hands out the connection, for sockets.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = err == nil
	return conn, buffer, err
}

func (w *writer) status() int {
	switch {
	case w.code != 0:
		return w.code
	case w.hijacked:
		return http.StatusSwitchingProtocols
	}
	return http.StatusOK
}
