// Package expiry ends what was given until a day: grants of roles and shares of records move to the bin when their time has
// come, as a write like any other, so that it is in the change log and open subscriptions hear of it on every node.
//
// Rights do not wait for it: who asks is answered by the instants themselves.
package expiry

import (
	"context"
	"time"

	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/write"
)

// Kind is the kind of the jobs: one due at each instant at which something ends, and one every hour for what was missed.
const Kind = "expiry"

// ends names the field that says when a record of the kind ends.
var ends = map[string]string{"RoleGrant": "validUntil", "Share": "expiresAt"}

// batch is how many records are looked up at once.
const batch = 100

// Register registers the job, and adds to the writer's rules the one that enqueues it. It is called before the jobs run and
// before the first write.
func Register(jobs *job.Runner, w *write.Writer) {
	s := &sweeper{w}
	jobs.Register(Kind, job.Options{Concurrency: 1}, s.run)
	jobs.Every(Kind, "sweep", time.Hour)
	for kind, field := range ends {
		w.Rules[kind] = append(w.Rules[kind], enqueue(jobs, field))
	}
}

// enqueue returns the rule that has the job run when a record ends, in the transaction that says when that is. All that
// ends at one instant is one job, which looks at everything that has ended.
func enqueue(jobs *job.Runner, field string) write.Rule {
	return func(_ context.Context, c *write.Change) error {
		end, ok := c.Get(field).(time.Time)
		if !ok || c.InBin() || c.Faulty(field) {
			return nil
		}
		restored := c.Old != nil && c.Old.InBin()
		if !c.Created() && !restored && !c.Changes(field) {
			return nil
		}
		c.Then(func(ctx context.Context) error {
			_, err := jobs.Enqueue(ctx, c.Tx.Tx, job.Job{Kind: Kind, Key: end.UTC().Format(scalar.Layout), DueAt: end})
			return err
		})
		return nil
	}
}

type sweeper struct{ w *write.Writer }

// run ends everything whose time has come, record by record.
func (s *sweeper) run(ctx context.Context, run *job.Run) error {
	var done int64
	for _, k := range s.w.Set.Kinds {
		field, ok := ends[k.Name]
		if !ok {
			continue
		}
		for {
			due, err := s.due(ctx, k, field)
			if err != nil {
				return err
			}
			ended := 0
			for _, x := range due {
				one, err := s.end(ctx, k, field, x)
				if err != nil {
					return err
				}
				if one {
					ended++
				}
			}
			done += int64(ended)
			if err := run.Progress(ctx, done, 0); err != nil {
				return err
			}
			if len(due) < batch || ended == 0 {
				break
			}
		}
	}
	return run.Progress(ctx, done, done)
}

// end ends one record, if it is still to be ended.
func (s *sweeper) end(ctx context.Context, k *model.Kind, field string, x id.ID) (ended bool, err error) {
	err = s.w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		ended, err = tx.Expire(ctx, k, field, x)
		return err
	})
	return ended, err
}

// due returns live records whose time has come.
func (s *sweeper) due(ctx context.Context, k *model.Kind, field string) ([]id.ID, error) {
	tx, err := s.w.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	column := "`" + k.Field(field).Column + "`"
	return ids(ctx, tx, "SELECT `id` FROM `"+k.Table+"` WHERE `deleted_at` IS NULL AND "+column+" <= ? ORDER BY "+column+", `id` LIMIT ?", s.w.Clock.Now(), batch)
}

func ids(ctx context.Context, q db.Querier, query string, args ...any) ([]id.ID, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, rows.Err()
}
