package change

import (
	"context"
	"sync"
	"time"

	"farley/internal/fault"
	"farley/internal/id"
)

// FromNow as Spec.After begins a subscription at the present.
const FromNow int64 = -1

// Spec says what one subscriber wants to hear.
type Spec struct {
	// Key is the same for subscribers who are told the same: it is made of the document, the variables, the policy's
	// fingerprint, and the viewer's own bindings wherever a predicate uses them. Kinds, Load, Render and FilterFields
	// have to follow from it, as those of one member serve the whole group.
	Key string
	// Actor returns who the subscriber is at this moment, from a cache: it is called before every delivery and once a
	// second. An error (fault.Unauthenticated for a session that has ended) ends the subscription with it. It must not
	// call the hub.
	Actor func() (Reader, error)
	// Epoch is that of the reader for whom Key, Load and After were made. When Actor has another one by now, the
	// subscription does not begin. "" is not compared.
	Epoch string
	// Kinds are those of the records; none: all.
	Kinds []id.Kind
	// After is the position from which the subscriber knows everything, or FromNow.
	After int64
	// Load may be nil: then every record in sight is told, without a node.
	Load Load
	// Seen may be nil: then every changed relation is told.
	Seen Seen
	// Render makes Event.Payload, once for all members; nil leaves it nil. It must neither use nor set the cursor, which
	// is each member's own.
	Render func(*Event) any
	// FilterFields names the fields that the filter of the subscription reads.
	FilterFields []string
}

// share takes what follows from the key from another spec of the same key, so that a group keeps it once. It leaves Actor alone,
// which others read meanwhile.
func (s *Spec) share(o *Spec) {
	s.Key, s.Kinds, s.Load, s.Seen, s.Render, s.FilterFields = o.Key, o.Kinds, o.Load, o.Seen, o.Render, o.FilterFields
}

const (
	// buffer is how many events a subscriber may lag behind his group. One who lags more leaves it and reads the log by
	// himself, at his own pace, until he has caught up: a burst of changes is no fault of his.
	buffer = 256
	// stalledAfter is how long one whose buffer is full may take nothing at all.
	stalledAfter = 5 * time.Second
)

// Subscription is one open stream of events. Its reader takes events until they end, then asks Err.
type Subscription struct {
	hub   *Hub
	spec  Spec
	epoch string
	stop  func() bool // of the context's AfterFunc

	mu         sync.Mutex
	events     []*Event      // not taken yet, behind those of taken; 256 at most
	taken      int           // events at the front of events that have been taken
	wake       func()        // to be called when there is something to take; nil when the reader knows, or does not wait
	room       chan struct{} // closed when one is taken, or the subscription ends; nil when nobody waits for that
	catchingUp bool          // a goroutine of its own adds events; what the group tells meanwhile goes to pending
	pending    []*Event      // bounded as events is
	behind     bool          // pending has overflowed
	ended      bool
	err        error
	position   int64     // up to which all events have been added to events
	saidAt     time.Time // when the last one was
}

// Take returns the next event, without waiting. When there is none yet it returns nil, and wake is called, once, when there is one
// or the subscription has ended: under a lock, so it must return at once. more is false when the subscription has ended and all
// its events were taken.
func (s *Subscription) Take(wake func()) (e *Event, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == len(s.events) {
		if !s.ended {
			s.wake = wake
		}
		return nil, !s.ended
	}
	e = s.events[s.taken]
	s.events[s.taken] = nil
	s.taken++
	if s.taken == len(s.events) {
		if s.taken = 0; cap(s.events) > keptRoom {
			s.events = nil
		} else {
			s.events = s.events[:0]
		}
	}
	s.makeRoom()
	return e, true
}

// Next waits for the next event. It reports false when the subscription has ended and all its events were taken.
func (s *Subscription) Next() (*Event, bool) {
	for {
		woken := make(chan struct{})
		e, more := s.Take(func() { close(woken) })
		if e != nil || !more {
			return e, more
		}
		<-woken
	}
}

// keptRoom is for how many events one who has taken all keeps room.
const keptRoom = 8

// add puts an event behind the others, unless there are too many. s.mu is held.
func (s *Subscription) add(e *Event) bool {
	if len(s.events)-s.taken == buffer {
		return false
	}
	if len(s.events) == cap(s.events) && s.taken > 0 {
		n := copy(s.events, s.events[s.taken:])
		clear(s.events[n:])
		s.events, s.taken = s.events[:n], 0
	}
	s.events = append(s.events, e)
	s.rouse()
	return true
}

func (s *Subscription) rouse() {
	if s.wake != nil {
		s.wake()
		s.wake = nil
	}
}

func (s *Subscription) makeRoom() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// Err says why the subscription has ended: nil while it runs and when its reader ended it, else a fault with the
// extension "cursor", behind the last event that may be taken. Codes: the one of Spec.Actor's error, Resync, SlowConsumer,
// CursorExpired, Unavailable (resume from the cursor).
func (s *Subscription) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Cursor returns the cursor behind an event, for this subscriber.
func (s *Subscription) Cursor(e *Event) string { return s.hub.codec.Seal(e.Position, s.epoch) }

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	s.end(nil)
	s.hub.forget(s)
}

// end ends the subscription for a reason, once.
func (s *Subscription) end(reason *fault.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(reason)
}

func (s *Subscription) endLocked(reason *fault.Error) {
	if s.ended {
		return
	}
	s.ended = true
	if reason != nil {
		s.hub.log.meter.Ended(reason.Code)
		s.err = reason.With("cursor", s.hub.codec.Seal(s.position, s.epoch))
	}
	s.pending = nil
	s.makeRoom()
	s.rouse()
	if s.stop != nil {
		s.stop()
	}
}

// standing is how a subscription stands in its group after events were pushed.
type standing int

const (
	keepsUp     standing = iota
	fellBehind           // has to catch up by itself, in a new goroutine
	staysBehind          // has to go on catching up, in the goroutine that does so already
	hasEnded
)

// push hands events to the reader without waiting for him; those he knows already are skipped.
func (s *Subscription) push(now time.Time, events ...*Event) standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		if s.ended {
			break
		}
		if at := s.pushLocked(now, e); at != keepsUp {
			return at
		}
	}
	if s.ended {
		return hasEnded
	}
	return keepsUp
}

func (s *Subscription) pushLocked(now time.Time, e *Event) standing {
	if s.catchingUp {
		if len(s.pending) == buffer {
			s.pending, s.behind = nil, true // the log has them
			return staysBehind
		}
		s.pending = append(s.pending, e)
		return keepsUp
	}
	if s.knows(e) {
		return keepsUp
	}
	if !s.add(e) {
		s.catchingUp = true
		return fellBehind
	}
	s.position, s.saidAt = e.Position, now
	return keepsUp
}

// silent reports whether a live reader has not heard anything for so long that he is due a checkpoint.
func (s *Subscription) silent(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended && !s.catchingUp && now.Sub(s.saidAt) >= checkpointAfter
}

// told returns the position up to which the reader has been told of everything.
func (s *Subscription) told() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}

// reached notes that the reader has been told of everything up to a position.
func (s *Subscription) reached(position int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position = max(s.position, position)
}

// knows reports whether the reader has been told of e already.
func (s *Subscription) knows(e *Event) bool {
	return e.Position < s.position || e.Position == s.position && e.Op != Checkpoint
}

// send waits until there is room for an event; a reader who takes nothing for too long is ended. Only the goroutine that
// catches up calls it.
func (s *Subscription) send(e *Event) bool {
	var patience <-chan time.Time
	for {
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			return false
		}
		if s.add(e) {
			s.position, s.saidAt = e.Position, s.hub.clock.Now()
			s.mu.Unlock()
			return true
		}
		if s.room == nil {
			s.room = make(chan struct{})
		}
		room := s.room
		s.mu.Unlock()
		if patience == nil {
			patience = s.hub.clock.After(stalledAfter)
		}
		select {
		case <-room:
		case <-patience:
			s.end(fault.New(fault.SlowConsumer, "Events came faster than they were read: resume from the last cursor."))
		}
	}
}

// flush sends what the group told while the subscription caught up, until there is nothing left and it is live. It
// reports false when it has to catch up again, or has ended.
func (s *Subscription) flush() (live bool) {
	for {
		s.mu.Lock()
		pending := s.pending
		s.pending = nil
		switch {
		case s.ended || s.behind:
			s.behind = false
			s.mu.Unlock()
			return false
		case len(pending) == 0:
			s.catchingUp = false
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
		for _, e := range pending {
			if s.knows(e) { // only this goroutine moves the position now
				continue
			}
			if !s.send(e) {
				return false
			}
		}
	}
}

// check asks who the subscriber is now, and ends the subscription of one who is nobody, or has other rights, now.
func (s *Subscription) check() (Reader, bool) {
	r, err := s.spec.Actor()
	if err != nil {
		code := fault.CodeOf(err)
		if code == fault.Internal {
			code = fault.Unavailable
		}
		s.end(fault.Wrap(code, err, "The subscription has ended."))
		return nil, false
	}
	if r == nil {
		s.end(fault.New(fault.Unauthenticated, "The session has ended."))
		return nil, false
	}
	if r.Epoch() != s.epoch {
		s.end(otherRights())
		return nil, false
	}
	return r, true
}

// running reports whether the subscription has not ended.
func (s *Subscription) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended
}

// Subscribe opens a subscription that ends with ctx too.
func (h *Hub) Subscribe(ctx context.Context, spec Spec) (*Subscription, error) {
	s, err := h.Open(ctx, spec)
	if err == nil {
		s.CloseWith(ctx)
	}
	return s, err
}

// CloseWith has the subscription closed when ctx ends.
func (s *Subscription) CloseWith(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.stop = context.AfterFunc(ctx, s.Close)
	}
}

// Open opens a subscription, which ends with Close, or for one of the reasons that Subscription.Err tells. It waits until the
// hub runs. Errors: that of Spec.Actor, fault.CursorExpired, also for a position that the log has never reached, and
// fault.Resync for another epoch.
func (h *Hub) Open(ctx context.Context, spec Spec) (*Subscription, error) {
	select {
	case <-h.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := spec.Actor()
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fault.New(fault.Unauthenticated, "Nobody is signed in.")
	}
	if spec.Epoch != "" && spec.Epoch != r.Epoch() {
		return nil, otherRights()
	}
	if err := h.reachable(ctx, spec.After); err != nil {
		return nil, err
	}
	s := &Subscription{hub: h, spec: spec, epoch: r.Epoch(), saidAt: h.clock.Now()}
	if !h.admit(s) {
		return nil, stopping()
	}
	return s, nil
}

// reachable checks the position at which a subscriber wants to begin.
func (h *Hub) reachable(ctx context.Context, after int64) error {
	if after == FromNow {
		return nil
	}
	last, oldest, err := h.log.bounds(ctx, nil)
	switch {
	case err != nil:
		return err
	case after < oldest:
		return expired()
	case after > last && after > h.tail.Load():
		return h.log.reaches(ctx, after)
	}
	return nil
}

func otherRights() *fault.Error {
	return fault.New(fault.Resync, "Rights have changed: read the lists anew and begin at a new cursor.")
}
