package job_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/job"
)

// BenchmarkJobs measures a job from Enqueue, a hundred in a transaction, to its end, beside 100,000 others: half of them
// wait for a later day, half have ended.
func BenchmarkJobs(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *testdb.DB{"sqlite": testdb.SQLite, "mariadb": testdb.MariaDB} {
		b.Run(name, func(b *testing.B) {
			d := open(b)
			r := job.New(d.DB, clock.System{}, slog.New(slog.DiscardHandler), job.Settings{})
			r.Register("note", job.Options{Concurrency: 8}, func(ctx context.Context, run *job.Run) error {
				return run.Finish(ctx, func(context.Context, *db.Tx) error { return nil })
			})
			for i := range 20 {
				r.Register(fmt.Sprintf("other%d", i), job.Options{}, func(context.Context, *job.Run) error { return nil })
			}
			add := func(n int, due time.Time) {
				err := d.Write(b.Context(), func(ctx context.Context, tx *db.Tx) error {
					for range n {
						if _, err := r.Enqueue(ctx, tx, job.Job{Kind: "note", DueAt: due}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			add(100_000, time.Now().Add(24*time.Hour))
			ended := "UPDATE jobs SET state = 'DONE', wake_at = NULL, finished_at = created_at WHERE attempts = 0"
			if d.Dialect == db.MySQL {
				ended += " ORDER BY id LIMIT 50000"
			} else {
				ended += " AND rowid % 2 = 0"
			}
			if _, err := d.Pool().ExecContext(b.Context(), ended); err != nil {
				b.Fatal(err)
			}
			settled := make(chan id.ID, 1000)
			r.OnSettled(func(x id.ID) { settled <- x })
			ctx, cancel := context.WithCancel(b.Context())
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				_ = r.Run(ctx)
			}()
			b.ResetTimer()
			for done := 0; done < b.N; done += 100 {
				add(100, time.Time{})
				for range 100 {
					<-settled
				}
			}
			b.StopTimer()
			cancel()
			<-stopped
		})
	}
}
