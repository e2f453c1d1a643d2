package stream

import (
	"context"
	"sync"
)

type subscriptionKey struct{}

// Subscription is what a transport and the resolver of one operation tell each other beside the events themselves: the
// position of each event, the position to resume from, and why the events ended. It is safe for concurrent use.
type Subscription struct {
	resumeFrom string

	mu     sync.Mutex
	cursor string
	err    error
	asks   bool // the transport asks a source
	source Source
}

// Event is one event as its reader gets it.
type Event struct {
	Data   []byte // of the response, as JSON
	Cursor string // its position
}

// Source yields the events of one operation. Nobody has to wait for them in a goroutine, and nothing else of the operation has to
// be kept.
type Source interface {
	// Next returns the next event. When there is none yet, e is nil and more true, and wake is called, once, when that has
	// changed: from any goroutine, which it does not keep. When the events have ended, more is false, and err says why: nil
	// for a regular completion.
	Next(wake func()) (e *Event, more bool, err error)
	// Close ends the events. It may be called more than once, and meanwhile.
	Close()
}

// Offer has the transport ask source for events, not the operation's handler, and close it with the operation. It reports false
// when the transport does not do that, and outside a subscription: then the handler has to wait for events itself.
func Offer(ctx context.Context, source Source) bool {
	s := from(ctx)
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asks {
		s.source = source
	}
	return s.asks
}

// Ask says that the transport asks a source, if one is offered. It is called before the operation begins.
func (s *Subscription) Ask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks = true
}

// Source returns what the resolver has offered, nil when the handler is to be asked straight away.
func (s *Subscription) Source() Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source
}

// WithSubscription returns a context that carries a new Subscription. Transports make one per operation.
func WithSubscription(ctx context.Context) (context.Context, *Subscription) {
	return WithResumedSubscription(ctx, "")
}

// WithResumedSubscription is WithSubscription for a client that has seen everything up to cursor.
func WithResumedSubscription(ctx context.Context, cursor string) (context.Context, *Subscription) {
	s := &Subscription{resumeFrom: cursor}
	return context.WithValue(ctx, subscriptionKey{}, s), s
}

// Fail says why the events end; a resolver calls it before it closes its channel. The first reason stays. Without one,
// the end is a regular completion. Outside a subscription it does nothing.
func Fail(ctx context.Context, err error) {
	s := from(ctx)
	if s == nil || err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// SetCursor tells the transport the position of the event that is being marshalled. Outside a subscription it does
// nothing.
func SetCursor(ctx context.Context, cursor string) {
	s := from(ctx)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = cursor
}

// ResumeFrom returns the cursor after which the client wants to go on, "" if it began anew. It comes from the
// Last-Event-ID of a reconnecting event source and wins over the `after` argument, which is older.
func ResumeFrom(ctx context.Context) string {
	if s := from(ctx); s != nil {
		return s.resumeFrom
	}
	return ""
}

// Err returns the reason given to Fail, nil for none.
func (s *Subscription) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// TakeCursor returns the position of the event just marshalled and forgets it; "" if the event has none.
func (s *Subscription) TakeCursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	cursor := s.cursor
	s.cursor = ""
	return cursor
}

func from(ctx context.Context) *Subscription {
	s, _ := ctx.Value(subscriptionKey{}).(*Subscription)
	return s
}
