package graph

import (
	"context"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/read"
	"farley/internal/write"
)

// Job answers Query.job.
func (r *queryResolver) Job(ctx context.Context, x id.ID) (*read.Result, error) {
	a := access.From(ctx)
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		i, err := r.jobInSight(ctx, tx, a, x)
		if err != nil {
			return err
		}
		maker, err := r.Read.PayloadEach(ctx, tx, a, "createdBy", i.CreatedBy)
		if err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, jobValue(i, maker[i.CreatedBy]))
		return err
	})
	return &res, err
}

// Jobs answers Query.jobs.
func (r *queryResolver) Jobs(ctx context.Context, where input.Object, first *int64, after *string) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) (err error) {
		res, err = r.jobPage(ctx, tx, access.From(ctx), where, first, after)
		return err
	})
	return &res, err
}

// CancelJob answers Mutation.cancelJob.
func (r *mutationResolver) CancelJob(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	return r.controlJob(ctx, write.Command{Name: "cancelJob", Input: in, DryRun: dryRun}, key, r.Resolver.Jobs.Cancel)
}

// RetryJob answers Mutation.retryJob.
func (r *mutationResolver) RetryJob(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	return r.controlJob(ctx, write.Command{Name: "retryJob", Input: in, DryRun: dryRun}, key, r.Resolver.Jobs.Retry)
}

// RescheduleJob answers Mutation.rescheduleJob.
func (r *mutationResolver) RescheduleJob(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	due, err := r.dueAt(in)
	if err != nil {
		return nil, err
	}
	return r.controlJob(ctx, write.Command{Name: "rescheduleJob", Input: in, DryRun: dryRun}, key, func(ctx context.Context, tx *db.Tx, x id.ID) error {
		return r.Resolver.Jobs.Reschedule(ctx, tx, x, due)
	})
}

// JobChanged answers Subscription.jobChanged.
func (r *subscriptionResolver) JobChanged(ctx context.Context, x id.ID) (<-chan *read.Result, error) {
	return r.watchJob(ctx, x)
}
