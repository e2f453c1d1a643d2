package farleytest

import (
	"context"
	"slices"
	"sync"

	"farley/internal/mail"
)

// Outbox is where the mails of a test go: mail.Sink. It is safe for concurrent use.
type Outbox struct {
	mu   sync.Mutex
	sent []mail.Message
}

var _ mail.Sink = (*Outbox)(nil)

// Send implements mail.Sink.
func (o *Outbox) Send(_ context.Context, _ string, m mail.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	return nil
}

// Sent returns the mails that have left, in order. Jobs.CatchUp sends those that are due.
func (o *Outbox) Sent() []mail.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.sent)
}
