package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
	"farley/internal/stream"
)

// ChangesCursor answers Query.changesCursor.
func (r *queryResolver) ChangesCursor(ctx context.Context) (*string, error) {
	var last int64
	err := r.reading(ctx, func(tx *db.Tx) (err error) {
		last, err = r.Log.Last(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	cursor := r.Cursors.Seal(last, access.From(ctx).Epoch)
	return &cursor, nil
}

// defaultFeed is the size of a page of changes when none is given.
const defaultFeed = 100

// Changes answers Query.changes.
func (r *queryResolver) Changes(ctx context.Context, objects []string, after string, first *int64) (*read.Result, error) {
	a := access.From(ctx)
	position, err := r.Cursors.Open(after, a.Epoch)
	if err != nil {
		return nil, err
	}
	kinds, err := r.readable(a, objects)
	if err != nil {
		return nil, err
	}
	n := defaultFeed
	if first != nil {
		n = int(*first)
	}
	f := r.follow(ctx, nil, nil, "edges", "node", "node")
	var res read.Result
	var shown int
	err = r.reading(ctx, func(tx *db.Tx) error {
		page, err := r.Log.Feed(ctx, tx, change.As(r.Set, a), change.Query{
			Set: r.Set, After: position, Kinds: kinds, First: n,
			Load: func(ctx context.Context, reader change.Reader, ids []id.ID) (map[id.ID]any, error) {
				return f.load(ctx, tx, reader, ids)
			},
			Seen: func(ctx context.Context, reader change.Reader, ids []id.ID) (map[id.ID]bool, error) {
				return f.seen(ctx, tx, reader, ids)
			},
		})
		if err != nil {
			return err
		}
		if res, err = r.page(ctx, tx, f, a, page); err != nil {
			return err
		}
		shown = showing(page)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &res, r.Audit.Synchronised(ctx, a.User, shown)
}

// showing counts the events of a page that show their record.
func showing(page change.Page) (n int) {
	for _, e := range page.Events {
		if one, ok := e.Node.(loaded); ok && !one.node.IsNull() {
			n++
		}
	}
	return n
}

// page writes a page of the delta feed.
func (r *queryResolver) page(ctx context.Context, tx *db.Tx, f *feed, a *access.Actor, page change.Page) (read.Result, error) {
	edges := []any{}
	for _, e := range page.Events {
		cursor := r.Cursors.Seal(e.Position, a.Epoch)
		node := f.value(ctx, tx, a, e)
		node["cursor"] = cursor
		edges = append(edges, map[string]any{"cursor": cursor, "node": node})
	}
	info := map[string]any{"hasNextPage": page.More, "hasPreviousPage": false, "endCursor": r.Cursors.Seal(page.End, a.Epoch)}
	if len(page.Events) > 0 {
		info["startCursor"] = r.Cursors.Seal(page.Events[0].Position, a.Epoch)
	}
	return r.Read.Project(ctx, map[string]any{"edges": edges, "pageInfo": info})
}

// readable returns the kinds that were asked for, or all that the actor may read.
func (r *Resolver) readable(a *access.Actor, objects []string) ([]id.Kind, error) {
	var out []id.Kind
	if objects == nil {
		for _, k := range r.Set.Kinds {
			if !k.Link && a.Policy.Readable(k) {
				out = append(out, k.Code)
			}
		}
		return out, nil
	}
	for _, name := range objects {
		k := r.Set.Kind(name)
		if k == nil || !a.Policy.Readable(k) {
			return nil, fault.New(fault.Forbidden, "You may not read %s.", name)
		}
		out = append(out, k.Code)
	}
	return out, nil
}

// Changes answers Subscription.changes.
func (r *subscriptionResolver) Changes(ctx context.Context, objects []string, after *string) (<-chan *read.Result, error) {
	kinds, err := r.readable(access.From(ctx), objects)
	if err != nil {
		return nil, err
	}
	return r.subscribe(ctx, r.follow(ctx, nil, nil, "node"), kinds, after)
}

// changed answers xChanged.
func (r *subscriptionResolver) changed(ctx context.Context, kind string, after *string) (<-chan *read.Result, error) {
	k := r.Set.Kind(kind)
	return r.subscribe(ctx, r.follow(ctx, k, where(ctx), "node"), []id.Kind{k.Code}, after)
}

// subscribe opens a subscription and turns its events into results until it ends.
func (r *subscriptionResolver) subscribe(ctx context.Context, f *feed, kinds []id.Kind, after *string) (<-chan *read.Result, error) {
	a := access.From(ctx)
	position := change.FromNow
	if from := stream.ResumeFrom(ctx); from != "" {
		after = &from
	}
	if after != nil {
		var err error
		if position, err = r.Cursors.Open(*after, a.Epoch); err != nil {
			return nil, err
		}
	}
	foreseen, err := f.foresee(ctx, a)
	if err != nil {
		return nil, err
	}
	user := a.User
	sub, err := r.Hub.Open(ctx, change.Spec{
		Key: f.key(ctx, a), Epoch: a.Epoch, Kinds: kinds, After: position, Load: f.loadFresh, Seen: f.seenFresh, Render: f.render, FilterFields: f.filters(),
		Actor: func() (change.Reader, error) {
			now, err := r.Identity.Recent(user)
			if err != nil {
				return nil, err
			}
			return change.As(r.Set, now), nil
		},
	})
	if err != nil {
		return nil, err
	}
	notes, err := r.Audit.Follow(ctx, foreseen)
	if err != nil {
		sub.Close()
		return nil, err
	}
	out := make(chan *read.Result)
	l := &listener{sub: sub, notes: notes}
	if stream.Offer(ctx, l.under(graphql.GetFieldContext(ctx).Field.Alias)) {
		return out, nil // nobody takes from it
	}
	sub.CloseWith(ctx)
	go l.listen(ctx, out)
	return out, nil
}
