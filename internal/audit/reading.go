package audit

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/read"
	"farley/internal/stream"
)

// Extension is the gqlgen extension that puts reads of sensitive fields into the trail before their answer leaves: one
// entry an operation and kind of record. Subscriptions do it themselves, by Follow.
type Extension struct{ Log *Log }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
} = Extension{}

// ExtensionName names the extension to gqlgen.
func (Extension) ExtensionName() string { return "Audit" }

// Validate finds nothing wrong.
func (Extension) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation implements graphql.OperationInterceptor.
func (e Extension) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx).Operation
	ctx = stream.WithOperation(ctx, cut(operation.Name, maxOperation))
	if operation.Operation == ast.Subscription {
		return next(ctx)
	}
	ctx, w := read.WithWitness(ctx)
	respond := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		r := respond(ctx)
		if r == nil || w.Empty() {
			return r
		}
		if err := e.Log.Read(ctx, w, operation.Name); err != nil {
			return &graphql.Response{Errors: gqlerror.List{gqlerror.WrapIfUnwrapped(err)}}
		}
		return r
	}
}

// Read notes what a witness saw. When too much is waiting to be written it waits; an error means that what was read must
// not be shown.
func (l *Log) Read(ctx context.Context, w *read.Witness, operation string) error {
	return l.add(ctx, l.sensitive(ctx, w.Reader(), w, operation, "")...)
}

// sensitive makes the entries of a witness.
func (l *Log) sensitive(ctx context.Context, reader id.ID, w *read.Witness, operation, detail string) []Entry {
	now := l.clock.Now()
	var out []Entry
	for _, s := range w.Sightings() {
		e := Entry{
			Action: SensitiveRead, User: reader, Object: s.Kind.Code, Records: s.Records, Count: int64(len(s.Records)), Fields: s.Fields,
			Operation: operation, Detail: detail,
		}
		out = append(out, e.complete(ctx, now))
	}
	return out
}

// followEvents is how many events of a subscription one entry stands for at most.
const followEvents = 100

// The words by which entries tell subscriptions from queries.
const (
	detailBegins = "a subscription begins"
	detailEvents = "events of a subscription"
)

// Following notes what one subscription shows of sensitive fields: that it begins, and then once for every 100 events or
// every minute in which there were some. It is safe for concurrent use.
type Following struct {
	log       *Log
	ctx       context.Context //nolint:containedctx // names the subscriber in entries, until the subscription ends
	operation string

	// under log.mu
	open   bool
	events int
	seen   *read.Witness
	last   *read.Witness
}

// Follow begins to note a subscription that may show what foreseen names; nil when that is nothing. A nil Following may
// be used and does nothing.
func (l *Log) Follow(ctx context.Context, foreseen *read.Witness) (*Following, error) {
	if foreseen.Empty() {
		return nil, nil //nolint:nilnil // nothing to follow
	}
	operation := operationName(ctx)
	if err := l.add(ctx, l.sensitive(ctx, access.From(ctx).User, foreseen, operation, detailBegins)...); err != nil {
		return nil, err
	}
	return &Following{log: l, ctx: ctx, operation: operation, seen: &read.Witness{}}, nil
}

// Shown notes one event, whose batch was loaded under w. An error means that the event must not be shown.
func (f *Following) Shown(w *read.Witness) error {
	if f == nil || w.Empty() {
		return nil
	}
	f.log.mu.Lock()
	f.events++
	if w != f.last { // the events of one batch are loaded together
		f.seen.Merge(w)
		f.last = w
	}
	if !f.open {
		f.open = true
		f.log.open(f.log.clock.Now(), &window{close: f.minute})
	}
	if f.events < followEvents {
		f.log.mu.Unlock()
		return nil
	}
	entries := f.drain()
	f.log.mu.Unlock()
	return f.log.add(f.ctx, entries...)
}

// minute ends a window.
func (f *Following) minute(time.Time) bool {
	f.open = false
	f.log.append(f.drain()...)
	return false
}

// drain makes entries of what has been shown since the last ones. log.mu is held.
func (f *Following) drain() []Entry {
	if f.events == 0 {
		return nil
	}
	entries := f.log.sensitive(f.ctx, access.From(f.ctx).User, f.seen, f.operation, detailEvents)
	for i := range entries {
		entries[i].Times = int64(f.events)
	}
	f.seen, f.last, f.events = &read.Witness{}, nil, 0
	return entries
}

// exportAfter is how many records one user may synchronise within an hour before that counts as an export.
const exportAfter = 1000

// export counts what one user synchronises.
type export struct {
	since   time.Time
	records int64
	noted   bool
}

// Synchronised counts records that a user took from the delta feed. More than 1,000 within an hour, on this node, are an
// export: one entry an hour, made when the bound is passed.
func (l *Log) Synchronised(ctx context.Context, user id.ID, records int) error {
	if records == 0 {
		return nil
	}
	now := l.clock.Now()
	l.mu.Lock()
	x := l.exports[user]
	if x == nil || !now.Before(x.since.Add(time.Hour)) {
		l.forgetExports(now)
		x = &export{since: now}
		l.exports[user] = x
	}
	x.records += int64(records)
	total, note := x.records, x.records > exportAfter && !x.noted
	x.noted = x.noted || note
	l.mu.Unlock()
	if !note {
		return nil
	}
	return l.Exported(ctx, Entry{User: user, Count: total, Detail: "delta synchronisation: more than 1,000 records within an hour"})
}

// forgetExports drops the counts of hours that are over. l.mu is held.
func (l *Log) forgetExports(now time.Time) {
	for user, x := range l.exports {
		if !now.Before(x.since.Add(time.Hour)) {
			delete(l.exports, user)
		}
	}
}

// Exported writes, at once, that records left in bulk. The entry says who took which; its action is set here.
func (l *Log) Exported(ctx context.Context, e Entry) error {
	e.Action = Exported
	return l.Record(ctx, e)
}
