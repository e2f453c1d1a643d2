package graph

import (
	"context"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
)

// maxNodes is the most ids that nodes takes.
const maxNodes = 100

// Node answers Query.node.
func (r *queryResolver) Node(ctx context.Context, x id.ID) (*read.Result, error) {
	found, err := r.Nodes(ctx, []id.ID{x})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Nodes answers Query.nodes.
func (r *queryResolver) Nodes(ctx context.Context, ids []id.ID) ([]*read.Result, error) {
	if len(ids) > maxNodes {
		var p fault.Violations
		p.Add([]any{"ids"}, "TOO_LONG", "The list is longer than %d.", maxNodes)
		return nil, p.Err()
	}
	out := make([]*read.Result, len(ids))
	err := r.reading(ctx, func(tx *db.Tx) error {
		found, err := r.Read.Nodes(ctx, tx, access.From(ctx), ids)
		for i := range found {
			out[i] = &found[i]
		}
		return err
	})
	return out, err
}
