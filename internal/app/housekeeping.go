package app

import (
	"context"
	"time"

	"farley/internal/db"
	"farley/internal/job"
	"farley/internal/write"
)

// housekeeping is the periodic job that forgets what nobody needs any more, on one of the nodes.
const housekeeping = "housekeeping"

// keepJobs is how long a job that has ended can be looked at.
const keepJobs = 30 * 24 * time.Hour

// scheduleHousekeeping registers the job: once an hour.
func (a *App) scheduleHousekeeping() {
	a.Jobs.Register(housekeeping, job.Options{Concurrency: 1}, func(ctx context.Context, _ *job.Run) error {
		now := a.Clock.Now()
		err := a.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.ExecContext(ctx, "DELETE FROM idempotency_keys WHERE created_at < ?", now.Add(-write.KeepKeys)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM write_claims"); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "DELETE FROM stream_tickets WHERE expires_at < ?", now)
			return err
		})
		if err != nil {
			return err
		}
		if err := a.Imports.Clean(ctx, now); err != nil {
			return err
		}
		if err := a.Auth.Purge(ctx); err != nil {
			return err
		}
		if _, err := a.Jobs.Purge(ctx, now.Add(-keepJobs)); err != nil {
			return err
		}
		if a.RetainAudit > 0 {
			_, err = a.Audit.Purge(ctx, now.Add(-a.RetainAudit))
		}
		return err
	})
	a.Jobs.Every(housekeeping, "hourly", time.Hour)
}
