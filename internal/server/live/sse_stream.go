package live

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/stream"
)

// events writes one event stream. It belongs to one goroutine.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	cfg     *SSEConfig
	written time.Time // when the last flush began
	cursor  string    // of the last event written
}

// openEvents sends the headers and a first comment, so that the client knows at once that the stream is open.
func openEvents(w http.ResponseWriter, cfg *SSEConfig) (*events, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // proxies that buffer would hold events back
	e := &events{w: w, control: http.NewResponseController(w), cfg: cfg}
	w.WriteHeader(http.StatusOK)
	return e, e.send([]byte(":\n\n"))
}

// send writes and flushes, within the write deadline.
func (e *events) send(frames ...[]byte) error {
	e.written = e.cfg.Clock.Now()
	// The network knows only the machine's time.
	err := e.control.SetWriteDeadline(clock.System{}.Now().Add(e.cfg.WriteTimeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, frame := range frames {
		if _, err := e.w.Write(frame); err != nil {
			return err
		}
	}
	if err := e.control.Flush(); err != nil {
		return err
	}
	// HTTP/2 ends a stream whose deadline passes even when nothing is being written.
	err = e.control.SetWriteDeadline(time.Time{})
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// finish ends the stream: with errors if there are any, then complete.
func (e *events) finish(errs gqlerror.List) error {
	if len(errs) == 0 {
		return e.send([]byte(completeFrame))
	}
	frame := append([]byte("event: next\ndata: {\"errors\":"), oneLine(marshalErrors(errs))...)
	return e.send(append(frame, "}\n\n"...), []byte(completeFrame))
}

// completeFrame has a data line because a browser dispatches no event without.
const completeFrame = "event: complete\ndata: \n\n"

// frame is one event on its way to the stream.
type frame struct {
	data   []byte
	cursor string
	final  bool
	errs   gqlerror.List // with final
}

func nextFrame(result *graphql.Response, cursor string) (frame, error) {
	data := make([]byte, 0, len(result.Data)+len(cursor)+64)
	data = append(data, "event: next\n"...)
	if cursor != "" && !strings.ContainsAny(cursor, "\x00\r\n") {
		data = append(data, "id: "...)
		data = append(data, cursor...)
		data = append(data, '\n')
	}
	data = append(data, "data: "...)
	start := len(data)
	data, err := appendResponse(data, result)
	if err != nil {
		return frame{}, err
	}
	oneLine(data[start:])
	return frame{data: append(data, "\n\n"...), cursor: cursor}, nil
}

// oneLine blanks line breaks out of JSON, where they can only stand between tokens.
func oneLine(text []byte) []byte {
	for i, b := range text {
		if b == '\n' || b == '\r' {
			text[i] = ' '
		}
	}
	return text
}

// batch bounds the events that are written before a flush.
const batch = 16

// stream runs p and writes its results until they end, the session ends, the server shuts down or the client is gone.
func (s *SSE) stream(e *events, p prepared, session stream.Session, gone <-chan struct{}) {
	frames := make(chan frame, batch)
	s.running.Add(1)
	go s.produce(p, frames)
	alarm := e.alarm(session.ExpiresAt)
	for {
		var err error
		select {
		case <-gone:
			return
		case <-s.closing:
			_ = e.finish(s.cfg.failure(p.ctx, errClosing(), e.cursor))
			return
		case <-session.Done():
			_ = e.finish(s.cfg.failure(p.ctx, sessionEnded().fault, e.cursor))
			return
		case <-alarm:
			if e.isExpired(session.ExpiresAt) {
				_ = e.finish(s.cfg.failure(p.ctx, sessionEnded().fault, e.cursor))
				return
			}
			if e.isSilent() {
				err = e.send([]byte(":\n\n"))
			}
			alarm = e.alarm(session.ExpiresAt)
		case f := <-frames:
			if session.IsRevoked() {
				continue // what waits may no longer be theirs to read
			}
			var last *frame
			if last, err = e.drain(f, frames); last != nil && err == nil {
				_ = e.finish(last.errs)
				return
			}
		}
		if err != nil {
			return // the client is gone, or does not read
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// produce runs p and hands over its results, then a final frame. The stream's end cancels p's context.
func (s *SSE) produce(p prepared, frames chan<- frame) {
	defer s.running.Done()
	done := p.ctx.Done()
	hand := func(f frame) bool {
		select {
		case frames <- f:
			return true
		case <-done:
			return false
		}
	}
	var unwritable error
	errs := s.cfg.run(p, func(result *graphql.Response, cursor string) bool {
		f, err := nextFrame(result, cursor)
		if err != nil {
			unwritable = err
			return false
		}
		return hand(f)
	})
	if unwritable != nil {
		errs = s.cfg.failure(p.ctx, fault.Wrap(fault.Internal, unwritable, "internal error"), "")
	}
	hand(frame{final: true, errs: errs})
}

// drain writes f and what else is ready, with one flush; it returns the final frame if that was among them.
func (e *events) drain(f frame, frames <-chan frame) (last *frame, err error) {
	var ready [][]byte
	for n := 0; ; n++ {
		if f.final {
			last = &f
			break
		}
		ready = append(ready, f.data)
		if f.cursor != "" {
			e.cursor = f.cursor
		}
		if len(frames) == 0 || n == batch {
			break
		}
		f = <-frames
	}
	if len(ready) > 0 {
		err = e.send(ready...)
	}
	return last, err
}

// alarm returns a channel that wakes when a keep-alive is due or the session expires.
func (e *events) alarm(expiry time.Time) <-chan time.Time {
	next := e.written.Add(e.cfg.KeepAlive)
	if !expiry.IsZero() && expiry.Before(next) {
		next = expiry
	}
	now := e.cfg.Clock.Now()
	bell := e.cfg.Clock.After(next.Sub(now))
	if e.cfg.Clock.Now().Equal(now) || e.cfg.Clock.Now().Before(next) {
		return bell
	}
	return e.cfg.Clock.After(0) // the clock moved between reading it and setting the bell
}

func (e *events) isExpired(expiry time.Time) bool {
	return !expiry.IsZero() && !e.cfg.Clock.Now().Before(expiry)
}

func (e *events) isSilent() bool {
	return !e.cfg.Clock.Now().Before(e.written.Add(e.cfg.KeepAlive))
}
