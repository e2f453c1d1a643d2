package change

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// handOver is how many positions may lie between a subscriber who catches up and his group when he joins it.
const handOver = 1024

// loners are subscriptions that read the log by themselves.
type loners struct {
	mu  sync.Mutex
	set map[*Subscription]struct{}
}

func (p *loners) add(s *Subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set[s] = struct{}{}
}

func (p *loners) remove(s *Subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.set, s)
}

func (p *loners) list() []*Subscription {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*Subscription, 0, len(p.set))
	for s := range p.set {
		list = append(list, s)
	}
	return list
}

// catchUp tells one subscriber what he has missed, at his own pace, and then has him join his group without gap or
// repeat: he joins first, while what the group tells is kept aside for him, then reads up to where he joined, then takes
// what was kept aside. When that becomes too much he leaves the group and goes on alone.
func (h *Hub) catchUp(ctx context.Context, s *Subscription) {
	h.log.meter.Replay()
	if h.readAlone(ctx, s) {
		return // from here on the group, or another goroutine, may add events
	}
	h.forget(s)
}

// readAlone reports true when the subscription is live in its group, false when it has ended.
func (h *Hub) readAlone(ctx context.Context, s *Subscription) (live bool) {
	a := h.audience(s.spec)
	from := s.told()
	for {
		joined, upTo := h.handOver(s, from)
		if !h.replay(ctx, s, &a, from, upTo) {
			return false
		}
		if joined && s.flush() {
			return true
		}
		if !s.running() {
			return false
		}
		from = s.told()
	}
}

// handOver has the subscriber join his group if that is near, and returns up to where he has to read by himself.
func (h *Hub) handOver(s *Subscription, from int64) (joined bool, upTo int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	tail := h.tail.Load()
	if tail-from > handOver || h.stopped {
		return false, tail
	}
	h.loners.remove(s)
	return true, h.join(s)
}

// replay sends the events of the positions behind from, at least up to and with upTo. What the group has told of these
// too, flush leaves out.
func (h *Hub) replay(ctx context.Context, s *Subscription, a *audience, from, upTo int64) bool {
	for from < upTo {
		r, ok := s.check()
		if !ok {
			return false
		}
		rows, end, err := h.rowsAfter(ctx, from, groupBatch, s.spec)
		if err != nil {
			s.end(unavailable(err))
			return false
		}
		events, err := h.tell(ctx, a, r, rows)
		if err != nil {
			s.end(unavailable(err))
			return false
		}
		for _, e := range events {
			if !s.send(e) {
				return false
			}
		}
		from = end
		s.reached(from)
	}
	return true
}

// rowsAfter returns at most limit rows that a subscription is about, behind a position, and the position up to which
// these are all.
func (h *Hub) rowsAfter(ctx context.Context, position int64, limit int, spec Spec) ([]*Row, int64, error) {
	if rows, upTo, ok := h.recent.after(position, limit, spec.Kinds); ok {
		return rows, upTo, nil
	}
	// The window bounds what one statement reads for a subscriber to rare kinds.
	upTo := min(h.tail.Load(), position+maxScan)
	rows, err := h.log.between(ctx, nil, position, upTo, limit, spec.Kinds)
	if err != nil {
		return nil, 0, err
	}
	if len(rows) == limit {
		upTo = rows[limit-1].Position
	}
	return rows, upTo, nil
}

// tell is audience.tell, a few at a time. A panic in it is an error of these subscribers, not of the process.
func (h *Hub) tell(ctx context.Context, a *audience, r Reader, rows []*Row) (events []*Event, err error) {
	select {
	case h.loads <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() {
		<-h.loads
		if p := recover(); p != nil {
			err = fmt.Errorf("telling of changes: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return a.tell(ctx, r, rows, h.clock.Now())
}
