package graph

import (
	"context"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/geo"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/read"
)

// AccountsNear answers Query.accountsNear.
func (r *queryResolver) AccountsNear(ctx context.Context, latitude, longitude, radiusKm float64, first *int64, after *string, where input.Object) (*read.Result, error) {
	return r.near(ctx, "Account", geo.Near{Latitude: latitude, Longitude: longitude, RadiusKm: radiusKm, First: first, After: after, Where: where})
}

// ContactsNear answers Query.contactsNear.
func (r *queryResolver) ContactsNear(ctx context.Context, latitude, longitude, radiusKm float64, first *int64, after *string, where input.Object) (*read.Result, error) {
	return r.near(ctx, "Contact", geo.Near{Latitude: latitude, Longitude: longitude, RadiusKm: radiusKm, First: first, After: after, Where: where})
}

// near writes a page of records around a place.
func (r *queryResolver) near(ctx context.Context, kind string, n geo.Near) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		a := access.From(ctx)
		page, err := geo.Find(ctx, tx, r.Read, a, r.Set.Kind(kind), n)
		if err != nil {
			return err
		}
		ids := make([]id.ID, len(page.Hits))
		for i, h := range page.Hits {
			ids[i] = h.ID
		}
		nodes, err := r.Read.PayloadEach(ctx, tx, a, "edges.node", ids...)
		if err != nil {
			return err
		}
		edges := []any{}
		for _, h := range page.Hits {
			edges = append(edges, map[string]any{"cursor": h.Cursor, "distance": h.Distance, "node": nodes[h.ID]})
		}
		info := map[string]any{"hasNextPage": page.More, "hasPreviousPage": n.After != nil}
		if last := len(page.Hits) - 1; last >= 0 {
			info["startCursor"], info["endCursor"] = page.Hits[0].Cursor, page.Hits[last].Cursor
		}
		res, err = r.Read.Project(ctx, map[string]any{"edges": edges, "pageInfo": info})
		return err
	})
	return &res, err
}
