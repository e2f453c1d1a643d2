package graph

import (
	"context"
	"slices"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/read"
	"farley/internal/search"
)

// Search answers Query.search.
func (r *queryResolver) Search(ctx context.Context, query string, objects []string, first *int64, after *string) (*read.Result, error) {
	in, err := r.sought(ctx, query, objects, first, after)
	if err != nil {
		return nil, err
	}
	var res read.Result
	err = r.reading(ctx, func(tx *db.Tx) (err error) {
		res, err = r.hits(ctx, tx, in)
		return err
	})
	return &res, err
}

// sought reads the arguments of a search.
func (r *queryResolver) sought(ctx context.Context, query string, objects []string, first *int64, after *string) (search.Query, error) {
	codes, err := r.readable(access.From(ctx), objects)
	if err != nil {
		return search.Query{}, err
	}
	in := search.Query{Text: query, First: search.DefaultPage, Highlights: r.Read.Prepare(ctx, "edges", "highlight").Selected()}
	for _, code := range codes {
		if k := r.Set.Coded(code); !slices.Contains(in.Kinds, k) {
			in.Kinds = append(in.Kinds, k)
		}
	}
	if first != nil {
		in.First = int(*first)
	}
	if after != nil {
		in.After = *after
	}
	return in, nil
}

// hits writes a page of hits.
func (r *queryResolver) hits(ctx context.Context, tx *db.Tx, in search.Query) (read.Result, error) {
	a := access.From(ctx)
	page, err := r.Index.Find(ctx, tx, a, in)
	if err != nil {
		return read.Result{}, err
	}
	ids := make([]id.ID, len(page.Hits))
	for i, h := range page.Hits {
		ids[i] = h.ID
	}
	nodes, err := r.Read.PayloadEach(ctx, tx, a, "edges.node", ids...)
	if err != nil {
		return read.Result{}, err
	}
	edges := []any{}
	for _, h := range page.Hits {
		edges = append(edges, map[string]any{"cursor": h.Cursor, "score": h.Score, "highlight": textOrNull(h.Highlight), "node": nodes[h.ID]})
	}
	info := map[string]any{"hasNextPage": page.More, "hasPreviousPage": in.After != ""}
	if n := len(page.Hits); n > 0 {
		info["startCursor"], info["endCursor"] = page.Hits[0].Cursor, page.Hits[n-1].Cursor
	}
	return r.Read.Project(ctx, map[string]any{"edges": edges, "pageInfo": info})
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
