package change

// Groups returns how many groups and subscriptions without one the hub holds.
func (h *Hub) Groups() (groups, private int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.groups), len(h.loners.list())
}
