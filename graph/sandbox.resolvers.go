package graph

import (
	"context"
	"time"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/read"
)

// What one call of advanceClock does at most, in runs of jobs and in real time.
const (
	maxCatchUp     = 10_000
	maxCatchUpTime = 20 * time.Second
)

// AdvanceClock answers Mutation.advanceClock.
func (r *mutationResolver) AdvanceClock(ctx context.Context, to time.Time) (*read.Result, error) {
	sandbox, ok := r.Clock.(*clock.Sandbox)
	if !ok {
		return nil, fault.New(fault.Conflict, "The clock is the machine's. Start the server with --test-clock to move it.")
	}
	bounded, cancel := context.WithTimeout(ctx, maxCatchUpTime)
	defer cancel()
	ran, err := r.Jobs.CatchUp(bounded, maxCatchUp, func() { sandbox.Advance(to) })
	if err != nil {
		return nil, err
	}
	res, err := r.Read.Project(ctx, map[string]any{"now": sandbox.Now(), "ran": ran})
	return &res, err
}
