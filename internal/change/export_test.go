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
