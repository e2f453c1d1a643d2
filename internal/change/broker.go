package change

import (
	"context"
	"sync"
)

// Broker tells all nodes that the log has grown. A hint may be lost or doubled: the database is the truth, and who waits
// for a hint also looks by himself four times a second.
type Broker interface {
	// Publish sends the hint to all nodes, this one included. It does not wait for them.
	Publish(ctx context.Context)
	// Subscribe has wake called for every hint, until cancel is called. wake returns at once.
	Subscribe(wake func()) (cancel func())
}

// Local is the broker of a single process. It is safe for concurrent use.
type Local struct {
	mu   sync.Mutex
	next int
	fns  map[int]func()
}

var _ Broker = (*Local)(nil)

// NewLocal returns a broker for one process.
func NewLocal() *Local { return &Local{fns: map[int]func(){}} }

// Publish calls all subscribers.
func (b *Local) Publish(context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, wake := range b.fns {
		wake()
	}
}

// Subscribe adds a subscriber.
func (b *Local) Subscribe(wake func()) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.next
	b.next++
	b.fns[n] = wake
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.fns, n)
	}
}
