package live

import "sync"

// outgoing is one message on its way to the network.
type outgoing struct {
	data   []byte
	op     *operation // nil for messages of the socket itself
	cursor string     // position of the event in data
	final  bool       // the last message of op
}

// outbox is the bounded queue between the operations of a socket and its writer. An idle one holds no buffer and no goroutine:
// the writer is there while there is something to write.
type outbox struct {
	maxMessages, maxBytes int
	write                 func() // has a writer begin, which takes until there is nothing left

	mu      sync.Mutex
	queue   []outgoing
	bytes   int
	roomed  chan struct{} // closed when there is room again; nil when nobody waits
	writing bool          // there is a writer
	retired bool          // there will be none again
}

func newOutbox(maxMessages, maxBytes int, write func()) *outbox {
	return &outbox{maxMessages: maxMessages, maxBytes: maxBytes, write: write}
}

// put adds m if there is room. If not, it returns a channel that is closed when trying again makes sense.
func (b *outbox) put(m outgoing) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.hasRoom(len(m.data)) {
		if b.roomed == nil {
			b.roomed = make(chan struct{})
		}
		return b.roomed
	}
	b.add(m)
	return nil
}

// force adds m although the queue may be full: for answers of the protocol itself, which cannot wait because the one
// who would wait is the reader. It returns false when there are twice as many messages as allowed.
func (b *outbox) force(m outgoing) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) >= 2*b.maxMessages || b.bytes >= 2*b.maxBytes {
		return false
	}
	b.add(m)
	return true
}

// take returns the oldest message, false when there is none: then the writer has to end.
func (b *outbox) take() (outgoing, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.writing = false
		return outgoing{}, false
	}
	m := b.queue[0]
	b.queue[0] = outgoing{}
	b.queue = b.queue[1:]
	b.bytes -= len(m.data)
	if len(b.queue) == 0 {
		b.queue = nil
	}
	if b.roomed != nil && b.hasRoom(0) {
		close(b.roomed)
		b.roomed = nil
	}
	return m, true
}

func (b *outbox) hasRoom(size int) bool {
	return len(b.queue) == 0 || len(b.queue) < b.maxMessages && b.bytes+size <= b.maxBytes
}

func (b *outbox) add(m outgoing) {
	b.queue = append(b.queue, m)
	b.bytes += len(m.data)
	if b.claimLocked() {
		b.write()
	}
}

// claim reports whether the caller is the writer from now on.
func (b *outbox) claim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.claimLocked()
}

func (b *outbox) claimLocked() bool {
	if b.writing || b.retired {
		return false
	}
	b.writing = true
	return true
}

// retire makes the present writer the last one.
func (b *outbox) retire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retired = true
}
