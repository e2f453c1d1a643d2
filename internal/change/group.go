package change

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"farley/internal/fault"
)

// groupBatch is the most rows that a group handles, and loads, at once. No batch overflows half a buffer.
const groupBatch = buffer / 2

// group are subscribers who are told the same. It works, in a goroutine of its own, only while there is something to do.
type group struct {
	hub *Hub
	key string
	audience
	spec Spec

	mu       sync.Mutex
	members  map[*Subscription]struct{}
	position int64 // up to which the members have been told
	working  bool
}

func newGroup(h *Hub, spec Spec) *group {
	return &group{hub: h, key: spec.Key, audience: h.audience(spec), spec: spec, members: map[*Subscription]struct{}{}, position: h.tail.Load()}
}

func (h *Hub) audience(spec Spec) audience {
	return audience{set: h.set, filter: names(spec.FilterFields), load: spec.Load, seen: spec.Seen, render: spec.Render}
}

// advance takes notice of new rows up to the hub's tail.
func (g *group) advance(ctx context.Context, rows []*Row) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.working {
		return // it looks for the tail before it stops
	}
	if !slices.ContainsFunc(rows, func(r *Row) bool { return of(g.spec.Kinds, r.Kind) }) {
		g.position = rows[len(rows)-1].Position
		return
	}
	g.working = true
	go g.work(ctx)
}

// work tells the members of everything up to the tail.
func (g *group) work(ctx context.Context) {
	for {
		g.mu.Lock()
		from := g.position
		tail := g.hub.tail.Load()
		if len(g.members) == 0 {
			from = max(from, tail)
			g.position = from
		}
		if from >= tail || ctx.Err() != nil {
			g.working = false
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()

		if err := g.advanceOnce(ctx, from); err != nil {
			g.fail(ctx, err)
			return
		}
	}
}

// advanceOnce tells the members of one batch behind a position.
func (g *group) advanceOnce(ctx context.Context, from int64) (err error) {
	ctx, span := g.hub.log.span(ctx, "deliver changes")
	var events []*Event
	var upTo int64
	defer func() { endSpan(span, err, attribute.Int("farley.events", len(events))) }()
	if events, upTo, err = g.next(ctx, from); err != nil {
		return err
	}
	g.deliver(ctx, events, upTo)
	return nil
}

// next returns the events of one batch behind a position, and the position up to which these are all: the same one when
// no member is left who may be told, as one may join meanwhile.
func (g *group) next(ctx context.Context, from int64) ([]*Event, int64, error) {
	rows, upTo, err := g.hub.rowsAfter(ctx, from, groupBatch, g.spec)
	if err != nil || len(rows) == 0 {
		return nil, upTo, err
	}
	r, ok := g.reader()
	if !ok {
		return nil, from, nil
	}
	events, err := g.hub.tell(ctx, &g.audience, r, rows)
	return events, upTo, err
}

// reader returns the rights of any member who still has them.
func (g *group) reader() (Reader, bool) {
	for _, s := range g.list() {
		if r, ok := s.check(); ok {
			return r, true
		}
	}
	return nil, false
}

// deliver hands events to all members who may still have them.
func (g *group) deliver(ctx context.Context, events []*Event, upTo int64) {
	if len(events) > 0 {
		for _, s := range g.list() {
			s.check()
		}
	}
	now := g.hub.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range events {
		g.hub.log.meter.Delivered(len(g.members), now.Sub(e.At))
	}
	for s := range g.members {
		g.push(ctx, s, now, events...)
	}
	g.position = upTo
}

// checkpoint tells the members who have not heard anything for a while how far the log has come.
func (g *group) checkpoint(ctx context.Context, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.working {
		return
	}
	var e *Event
	for s := range g.members {
		if !s.silent(now) {
			continue
		}
		if e == nil {
			e = &Event{Position: g.position, Op: Checkpoint, At: now}
			if g.spec.Render != nil {
				e.Payload = g.spec.Render(e)
			}
		}
		g.push(ctx, s, now, e)
	}
}

// push hands events to a member, who leaves the group when he cannot take them. g.mu is held.
func (g *group) push(ctx context.Context, s *Subscription, now time.Time, events ...*Event) {
	at := s.push(now, events...)
	if at == keepsUp {
		return
	}
	delete(g.members, s) // the hub sweeps up the group itself
	if at != hasEnded {
		g.hub.loners.add(s)
	}
	if at == fellBehind {
		go g.hub.catchUp(ctx, s)
	}
}

// fail ends all members, who may resume from their cursors.
func (g *group) fail(ctx context.Context, err error) {
	if ctx.Err() == nil {
		g.hub.logger.ErrorContext(ctx, "telling subscribers of changes failed", "error", err)
	}
	g.mu.Lock()
	g.working = false
	g.position = g.hub.tail.Load()
	for s := range g.members {
		s.end(unavailable(err))
		delete(g.members, s)
	}
	g.mu.Unlock()
}

func (g *group) list() []*Subscription {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]*Subscription, 0, len(g.members))
	for s := range g.members {
		list = append(list, s)
	}
	return list
}

// unavailable is the end of a stream that could not be served, by the code of the cause where it has one.
func unavailable(err error) *fault.Error {
	code := fault.CodeOf(err)
	if code != fault.CursorExpired {
		code = fault.Unavailable
	}
	return fault.Wrap(code, err, "Changes could not be read: resume from the last cursor.")
}
