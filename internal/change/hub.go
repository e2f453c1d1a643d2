package change

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/model"
)

const (
	tailBatch       = 500
	checkEvery      = time.Second
	checkpointAfter = 30 * time.Second
	loadsAtOnce     = 16
)

// Hub follows the log, once per process, and tells groups of subscribers of it.
//
// Groups read rows, as fast as they can, from what the hub remembers or from the database, so that no group waits for
// another one and nothing is queued for any. A group whose reader lags loses that reader only.
type Hub struct {
	log    *Log
	set    *model.Set
	codec  *Codec
	clock  clock.Clock
	logger *slog.Logger

	wake    chan struct{} // the log has grown, perhaps
	recheck chan struct{}
	ready   chan struct{} // closed when tail is known
	loads   chan struct{} // semaphore
	tail    atomic.Int64  // position up to which the log has been followed
	recent  recent

	loners loners

	mu      sync.Mutex      // taken before a group's, that before a subscription's
	ctx     context.Context //nolint:containedctx // of Run: work that it started ends with it
	stopped bool
	groups  map[string]*group
}

// NewHub returns a hub for the log. It does nothing until Run is called.
func NewHub(l *Log, set *model.Set, codec *Codec) *Hub {
	return &Hub{
		log: l, set: set, codec: codec, clock: l.clock, logger: l.logger,
		wake: make(chan struct{}, 1), recheck: make(chan struct{}, 1), ready: make(chan struct{}), loads: make(chan struct{}, loadsAtOnce),
		groups: map[string]*group{}, loners: loners{set: map[*Subscription]struct{}{}},
	}
}

// Recheck has all subscribers checked at once rather than within a second. It is called when roles, users or sessions
// have changed; it does not wait.
func (h *Hub) Recheck() { signal(h.recheck) }

// Run follows the log until ctx ends, which it returns the cause of; then all subscriptions have ended with
// fault.Unavailable. It is called once.
func (h *Hub) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer h.log.broker.Subscribe(func() { signal(h.wake) })()
	defer h.endAll(stopping)

	poll, tick := h.clock.After(pollEvery), h.clock.After(checkEvery)
	if err := h.start(ctx); err != nil {
		return err
	}
	var backoff time.Duration
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-h.wake:
		case <-poll:
			poll = h.clock.After(max(pollEvery, backoff))
		case <-h.recheck:
			h.checkAll()
			continue
		case <-tick:
			tick = h.clock.After(checkEvery)
			h.checkAll()
			continue
		}
		if err := h.follow(ctx); err != nil && ctx.Err() == nil {
			backoff = min(max(2*backoff, pollEvery), maxBackoff)
			h.logger.ErrorContext(ctx, "following the change log failed; will try again", "error", err, "in", backoff)
			continue
		}
		backoff = 0
	}
}

// start finds out where the log ends.
func (h *Hub) start(ctx context.Context) error {
	backoff := pollEvery
	for {
		last, err := h.log.Last(ctx, nil)
		if err == nil {
			h.mu.Lock()
			h.ctx = ctx
			h.mu.Unlock()
			h.tail.Store(last)
			close(h.ready)
			return nil
		}
		h.logger.ErrorContext(ctx, "following the change log failed; will try again", "error", err, "in", backoff)
		select {
		case <-h.clock.After(backoff):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// follow reads what is new and wakes the groups that care.
func (h *Hub) follow(ctx context.Context) error {
	for {
		if skipped, err := h.hurry(ctx); skipped || err != nil {
			return err
		}
		from := h.tail.Load()
		rows, err := h.log.After(ctx, nil, from, tailBatch)
		if fault.CodeOf(err) == fault.CursorExpired {
			return errors.Join(err, h.skip(ctx))
		}
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		h.recent.add(rows)
		h.tail.Store(rows[len(rows)-1].Position)
		h.dispatch(rows)
		if len(rows) < tailBatch {
			return nil
		}
	}
}

// hurry goes to the end of the log at once when nobody would be told of what comes before it. Who looks for that later reads it
// from the database. It reports whether it did.
func (h *Hub) hurry(ctx context.Context) (bool, error) {
	if !h.unheard() {
		return false, nil
	}
	last, err := h.log.Last(ctx, nil)
	if err != nil {
		return false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.groups) > 0 { // somebody has come meanwhile, who is told of everything from here
		return false, nil
	}
	if last > h.tail.Load() {
		h.recent.forget()
		h.tail.Store(last)
	}
	return true, nil
}

// unheard reports whether nobody is told of new rows.
func (h *Hub) unheard() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.groups) == 0
}

// skip begins anew at the end of a log that was pruned faster than it was followed.
func (h *Hub) skip(ctx context.Context) error {
	last, err := h.log.Last(ctx, nil)
	if err != nil {
		return err
	}
	h.recent.forget()
	h.tail.Store(last) // first, so that whoever begins once these have ended begins there
	h.endSubscriptions(expired)
	return nil
}

func (h *Hub) dispatch(rows []*Row) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.groups {
		g.advance(h.ctx, rows)
	}
}

// checkAll ends subscriptions whose subscribers have other rights now, and gives the silent ones a checkpoint.
func (h *Hub) checkAll() {
	now := h.clock.Now()
	h.mu.Lock()
	groups := make([]*group, 0, len(h.groups))
	for _, g := range h.groups {
		groups = append(groups, g)
	}
	h.mu.Unlock()

	for _, g := range groups {
		for _, s := range g.list() {
			s.check()
		}
		g.checkpoint(h.ctx, now)
		h.sweep(g)
	}
	for _, s := range h.loners.list() {
		s.check()
	}
}

// admit puts a new subscription where it belongs. It reports false when the hub has stopped.
func (h *Hub) admit(s *Subscription) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return false
	}
	if s.spec.After == FromNow {
		s.position = h.tail.Load()
		h.join(s)
		return true
	}
	s.position, s.catchingUp = s.spec.After, true
	h.loners.add(s)
	go h.catchUp(h.ctx, s)
	return true
}

// join adds a subscription to its group, which is made if need be, and returns the position behind which the group tells
// of everything. h.mu is held, and no other goroutine looks at what the subscription shares with its group.
func (h *Hub) join(s *Subscription) int64 {
	g := h.groups[s.spec.Key]
	if g == nil {
		g = newGroup(h, s.spec)
		h.groups[s.spec.Key] = g
	}
	s.spec.share(&g.spec)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members[s] = struct{}{}
	return g.position
}

// forget drops a subscription that has ended.
func (h *Hub) forget(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loners.remove(s)
	g := h.groups[s.spec.Key]
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, s)
	if len(g.members) == 0 {
		delete(h.groups, g.key)
	}
}

// sweep drops members of a group that have ended, and the group when it is empty.
func (h *Hub) sweep(g *group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.members {
		if !s.running() {
			delete(g.members, s)
		}
	}
	if len(g.members) == 0 && h.groups[g.key] == g {
		delete(h.groups, g.key)
	}
}

// endAll stops the hub.
func (h *Hub) endAll(reason func() *fault.Error) {
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	h.endSubscriptions(reason)
}

func (h *Hub) endSubscriptions(reason func() *fault.Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.groups {
		for _, s := range g.list() {
			s.end(reason())
		}
	}
	for _, s := range h.loners.list() { // after the groups: their members may have become loners meanwhile
		s.end(reason())
	}
	clear(h.groups)
}

func stopping() *fault.Error {
	return fault.New(fault.Unavailable, "The server is shutting down: resume from the last cursor.")
}
