package change

import "context"

// Follow reads what is new, as Run does, and returns the position up to which the log has been followed then.
func (h *Hub) Follow(ctx context.Context) (int64, error) {
	err := h.follow(ctx)
	return h.tail.Load(), err
}

// Groups returns how many groups and subscriptions without one the hub holds.
func (h *Hub) Groups() (groups, private int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.groups), len(h.loners.list())
}

// Waiting returns how many events wait for the reader.
func (s *Subscription) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events) - s.taken
}

// NextWithin is Next for one who does not wait longer than until done; taken is false then.
func (s *Subscription) NextWithin(done <-chan struct{}) (e *Event, more, taken bool) {
	for {
		woken := make(chan struct{})
		e, more := s.Take(func() { close(woken) })
		if e != nil || !more {
			return e, more, true
		}
		select {
		case <-woken:
		case <-done:
			return nil, true, false
		}
	}
}
