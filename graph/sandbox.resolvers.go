package graph

import (
	"context"
	"time"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/read"
)

// AdvanceClock answers Mutation.advanceClock.
func (r *mutationResolver) AdvanceClock(ctx context.Context, to time.Time) (*read.Result, error) {
	sandbox, ok := r.Clock.(*clock.Sandbox)
	if !ok {
		return nil, fault.New(fault.Conflict, "The clock is the machine's. Start the server with --test-clock to move it.")
	}
	sandbox.Advance(to)
	res, err := r.Read.Project(ctx, map[string]any{"now": sandbox.Now()})
	return &res, err
}
