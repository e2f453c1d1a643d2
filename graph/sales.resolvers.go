package graph

import (
	"context"
	"math/big"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/opportunity"
	"farley/internal/read"
	"farley/internal/write"
)

// MoveOpportunity answers Mutation.moveOpportunity.
func (r *mutationResolver) MoveOpportunity(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "moveOpportunity", Input: in, ExpectedVersion: version, DryRun: dryRun}
	err := opportunity.Move(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o opportunity.Moved) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"opportunity": o.Opportunity, "step": o.Step}, nil)
		return err
	})
	return &res, err
}

// ReopenOpportunity answers Mutation.reopenOpportunity.
func (r *mutationResolver) ReopenOpportunity(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "reopenOpportunity", Input: in, ExpectedVersion: version, DryRun: dryRun}
	err := opportunity.Reopen(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o opportunity.Moved) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"opportunity": o.Opportunity, "step": o.Step}, nil)
		return err
	})
	return &res, err
}

// RemoveStage answers Mutation.removeStage.
func (r *mutationResolver) RemoveStage(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "removeStage", Input: in, ExpectedVersion: version, DryRun: dryRun}
	err := opportunity.RemoveStage(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, _ *write.Tx, o opportunity.Removed) (err error) {
		res, err = r.Read.Project(ctx, map[string]any{"id": o.Stage, "moved": o.Moved})
		return err
	})
	return &res, err
}

// MergeOpportunities answers Mutation.mergeOpportunities.
func (r *mutationResolver) MergeOpportunities(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.merge(ctx, "Opportunity", write.Command{Name: "mergeOpportunities", Input: in, ExpectedVersion: version, DryRun: dryRun}, key)
}

// PipelineBoard answers Query.pipelineBoard.
func (r *queryResolver) PipelineBoard(ctx context.Context, pipeline id.ID, where input.Object, cards *int64, stage *id.ID, after *string) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		req := opportunity.BoardRequest{Pipeline: pipeline, Where: where, Cards: cards, Stage: stage, After: after, Wanted: r.boardWanted(ctx)}
		if !req.Wanted.Cards {
			tx.Apart() // one statement has all that is of deals; a stage that somebody makes meanwhile shows without any
		}
		b, err := r.Boards.Board(ctx, tx, access.From(ctx), req)
		if err == nil {
			res, err = r.board(ctx, tx, b)
		}
		return err
	})
	return &res, err
}

// boardWanted says what of the board is selected.
func (r *queryResolver) boardWanted(ctx context.Context) opportunity.Wanted {
	selected := func(names ...string) bool {
		for _, name := range names {
			if r.Read.Selected(ctx, "stages."+name) {
				return true
			}
		}
		return false
	}
	return opportunity.Wanted{
		Counts: selected("count"), Amount: selected("amount", "unconverted"), Weighted: selected("weightedAmount"),
		Cards: selected("cards", "hasMoreCards", "endCursor"),
	}
}

// board writes a board, each kind of record read once.
func (r *queryResolver) board(ctx context.Context, tx *db.Tx, b *opportunity.Board) (read.Result, error) {
	a := access.From(ctx)
	ids, cards := make([]id.ID, len(b.Stages)), make([][]id.ID, len(b.Stages))
	for i, s := range b.Stages {
		ids[i], cards[i] = s.ID, s.Cards
	}
	pipeline, err := r.Read.Payload(ctx, tx, a, "pipeline", b.Pipeline)
	if err != nil {
		return read.Result{}, err
	}
	records, err := r.Read.PayloadEach(ctx, tx, a, "stages.stage", ids...)
	if err != nil {
		return read.Result{}, err
	}
	deals, err := r.Read.PayloadGroups(ctx, tx, a, "stages.cards", cards)
	if err != nil {
		return read.Result{}, err
	}
	sum := func(minor *big.Int) any {
		return map[string]any{"amount": r.Boards.Book.FormatSum(minor, b.Currency), "currency": b.Currency}
	}
	stages := []any{}
	for i, s := range b.Stages {
		one := map[string]any{
			"stage": records[s.ID], "count": s.Count, "amount": sum(s.Amount), "weightedAmount": sum(s.Weighted), "unconverted": s.Unconverted,
			"cards": deals[i], "hasMoreCards": s.More,
		}
		if s.End != "" {
			one["endCursor"] = s.End
		}
		stages = append(stages, one)
	}
	return r.Read.Project(ctx, map[string]any{"pipeline": pipeline, "stages": stages})
}

// StaleOpportunities answers Query.staleOpportunities.
func (r *queryResolver) StaleOpportunities(ctx context.Context, first *int64, after *string, where input.Object) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		a := access.From(ctx)
		page, more, err := opportunity.StaleOpportunities(ctx, tx, r.Read, a, where, first, after)
		if err != nil {
			return err
		}
		ids := make([]id.ID, len(page))
		for i, s := range page {
			ids[i] = s.ID
		}
		deals, err := r.Read.PayloadEach(ctx, tx, a, "edges.opportunity", ids...)
		if err != nil {
			return err
		}
		edges := []any{}
		for _, s := range page {
			reasons := make([]any, len(s.Reasons))
			for i, reason := range s.Reasons {
				reasons[i] = reason
			}
			edges = append(edges, map[string]any{"cursor": s.Cursor, "opportunity": deals[s.ID], "reasons": reasons})
		}
		info := map[string]any{"hasNextPage": more, "hasPreviousPage": after != nil}
		if last := len(page) - 1; last >= 0 {
			info["startCursor"], info["endCursor"] = page[0].Cursor, page[last].Cursor
		}
		res, err = r.Read.Project(ctx, map[string]any{"edges": edges, "pageInfo": info})
		return err
	})
	return &res, err
}

// PipelineBoard answers Subscription.pipelineBoard: the changes of deals that the board shows.
func (r *subscriptionResolver) PipelineBoard(ctx context.Context, pipeline id.ID, where input.Object, after *string) (<-chan *read.Result, error) {
	k := r.Set.Kind("Opportunity")
	of := map[string]any{"pipeline": map[string]any{"id": map[string]any{"eq": pipeline.String()}}}
	if where != nil {
		of = map[string]any{"and": []any{of, map[string]any(where)}}
	}
	return r.subscribe(ctx, r.follow(ctx, k, of, "node"), []id.Kind{k.Code}, after)
}
