package search

import (
	"context"

	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/job"
)

// RebuildJob is the kind of the job that makes the index anew.
const RebuildJob = "search-rebuild"

// Register registers the job with a runner.
func (x *Index) Register(r *job.Runner) {
	r.Register(RebuildJob, job.Options{Concurrency: 1}, func(ctx context.Context, run *job.Run) error {
		var done int64
		return x.rebuild(ctx, run.Attempt == 1, func(ctx context.Context) error {
			done++
			return run.Progress(ctx, done, 0)
		})
	})
}

// EnqueueRebuild has the index made anew by a job, unless that is waiting or under way.
func EnqueueRebuild(ctx context.Context, tx *db.Tx, r *job.Runner, by id.ID) (id.ID, error) {
	return r.Enqueue(ctx, tx, job.Job{Kind: RebuildJob, Key: RebuildJob, CreatedBy: by})
}
