// Package purge empties the bin: records that have been there for long enough are removed for good.
package purge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/write"
)

// Kind is the kind of the periodic job.
const Kind = "purge"

// Every is how often the bin is looked through.
const Every = time.Hour

// Config is what the job works with.
type Config struct {
	Writer *write.Writer
	Log    *slog.Logger
	Keep   time.Duration // how long records stay in the bin
}

// budget is how many records one transaction writes at most, so that it holds up nobody for long.
const budget = 500

// pageSize is how many records of the bin are looked up at once.
const pageSize = 200

// Register registers the job and has it run once in every hour. It is called before the jobs run.
func Register(jobs *job.Runner, c Config) {
	p := &purger{c}
	jobs.Register(Kind, job.Options{Concurrency: 1}, p.run)
	jobs.Every(Kind, "bin", Every)
}

type purger struct{ Config }

// run goes through the bin, oldest first. Every record is a transaction of its own, so a run that is interrupted has done
// what it has done, and the next one finds the rest.
func (p *purger) run(ctx context.Context, run *job.Run) error {
	before := p.Writer.Clock.Now().Add(-p.Keep)
	total, err := p.count(ctx, before)
	if err != nil {
		return err
	}
	var done, held int64
	for _, k := range p.Writer.Set.Kinds {
		if k.Kept {
			continue
		}
		err := p.each(ctx, k, before, func(x id.ID) error {
			err := p.record(ctx, k, x, before)
			if errors.Is(err, write.ErrHeld) {
				held++
				err = nil
			}
			if err != nil {
				return fmt.Errorf("purge %s: %w", x, err)
			}
			done++
			return run.Progress(ctx, min(done, total), total)
		})
		if err != nil {
			return err
		}
	}
	if held > 0 {
		p.Log.InfoContext(ctx, "records stay in the bin because others need them", "records", held)
	}
	return run.Progress(ctx, total, total)
}

// record removes one record, in as many transactions as it takes.
func (p *purger) record(ctx context.Context, k *model.Kind, x id.ID, before time.Time) error {
	for done := false; !done; {
		err := p.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) (err error) {
			_, done, err = tx.Purge(ctx, k, x, before, budget)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count returns how many records have been in the bin for long enough.
func (p *purger) count(ctx context.Context, before time.Time) (total int64, err error) {
	tx, err := p.Writer.DB.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Close() }()
	for _, k := range p.Writer.Set.Kinds {
		if k.Kept {
			continue
		}
		var n int64
		query := "SELECT COUNT(*) FROM `" + k.Table + "` WHERE `deleted_at` IS NOT NULL AND `deleted_at` < ?"
		if err := tx.QueryRow(ctx, query, []any{before}, &n); err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// each calls fn for every record of a kind that has been in the bin for long enough, those included that fn leaves there.
func (p *purger) each(ctx context.Context, k *model.Kind, before time.Time, fn func(id.ID) error) error {
	var last entry
	for {
		page, err := p.page(ctx, k, before, last)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := fn(e.id); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		last = page[len(page)-1]
	}
}

// entry is a record in the bin.
type entry struct {
	id id.ID
	at time.Time
}

// page returns the next records behind an entry, the longest in the bin first.
func (p *purger) page(ctx context.Context, k *model.Kind, before time.Time, after entry) ([]entry, error) {
	tx, err := p.Writer.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	query, args := "SELECT `id`, `deleted_at` FROM `"+k.Table+"` WHERE `deleted_at` IS NOT NULL AND `deleted_at` < ?", []any{before}
	if !after.id.IsZero() {
		query += " AND `deleted_at` >= ? AND (`deleted_at` > ? OR `id` > ?)"
		args = append(args, after.at, after.at, after.id)
	}
	return entries(ctx, tx, query+" ORDER BY `deleted_at`, `id` LIMIT ?", append(args, pageSize)...)
}

func entries(ctx context.Context, q db.Querier, query string, args ...any) ([]entry, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []entry
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.id, &e.at); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
