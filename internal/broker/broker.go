// Package broker carries small messages between the nodes of one firm: that the change log has grown, that a session has
// ended. A message may be lost or doubled; the database is the truth, and whoever listens also looks by himself.
package broker

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Topic is what a message is about.
type Topic string

// The topics.
const (
	Changes  Topic = "changes"  // the change log has grown; empty
	Jobs     Topic = "jobs"     // a job has changed: its id, 16 bytes; nil: some may have
	Sessions Topic = "sessions" // a session has been ended: its id, 16 bytes; nil: some may have been
)

// Broker carries messages to all nodes, the sender's included.
type Broker interface {
	// Publish sends a message and does not wait for who receives it.
	Publish(topic Topic, message []byte)
	// Subscribe has receive called for every message, until cancel is called. receive returns at once and keeps nothing
	// of the message. A nil message of a topic whose messages say something means that some may have been lost: the
	// receiver looks by himself.
	Subscribe(topic Topic, receive func(message []byte)) (cancel func())
}

// Local is the broker of a single process. It is safe for concurrent use.
type Local struct {
	mu        sync.Mutex
	next      int
	receivers map[Topic]map[int]func([]byte)
}

var _ Broker = (*Local)(nil)

// NewLocal returns a broker for one process.
func NewLocal() *Local { return &Local{receivers: map[Topic]map[int]func([]byte){}} }

// Publish implements Broker.
func (b *Local) Publish(topic Topic, message []byte) {
	b.mu.Lock()
	receivers := slices.Collect(maps.Values(b.receivers[topic]))
	b.mu.Unlock()
	for _, receive := range receivers {
		receive(message)
	}
}

// Subscribe implements Broker.
func (b *Local) Subscribe(topic Topic, receive func([]byte)) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.next
	b.next++
	if b.receivers[topic] == nil {
		b.receivers[topic] = map[int]func([]byte){}
	}
	b.receivers[topic][n] = receive
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.receivers[topic], n)
	}
}

// wakeAll calls every receiver with nil.
func (b *Local) wakeAll() {
	b.mu.Lock()
	topics := slices.Collect(maps.Keys(b.receivers))
	b.mu.Unlock()
	for _, topic := range topics {
		b.Publish(topic, nil)
	}
}

// Hints is a topic whose messages say nothing but that there is something to look at: what the change log needs.
type Hints struct {
	Broker Broker
	Topic  Topic
}

// Publish sends the hint to all nodes.
func (h Hints) Publish(context.Context) { h.Broker.Publish(h.Topic, nil) }

// Subscribe has wake called for every hint, until cancel is called.
func (h Hints) Subscribe(wake func()) (cancel func()) {
	return h.Broker.Subscribe(h.Topic, func([]byte) { wake() })
}
