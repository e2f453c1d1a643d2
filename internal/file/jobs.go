package file

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"farley/internal/blob"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/write"
)

// The kinds of the jobs.
const (
	removal = "files.remove" // removes content that a record has given up
	expiry  = "files.expire" // takes the content of files whose time is over
	sweep   = "files.sweep"  // removes content that no record names
)

const (
	// keepUnnamed is how long content may lie in the store before a record names it: longer than any upload or export takes.
	keepUnnamed = 24 * time.Hour
	// batch is how many are looked up at once.
	batch = 100
)

// SweepEvery is how often content that no record names is looked for.
const SweepEvery = 6 * time.Hour

// ExpireEvery is how often files are looked for whose time is over.
const ExpireEvery = 15 * time.Minute

func (f *Files) register() {
	f.Jobs.Register(removal, job.Options{}, f.remove)
	f.Jobs.Register(expiry, job.Options{Concurrency: 1}, f.expire)
	f.Jobs.Register(sweep, job.Options{Concurrency: 1}, f.sweep)
	f.Jobs.Every(expiry, "expiry", ExpireEvery)
	f.Jobs.Every(sweep, "sweep", SweepEvery)
}

// remove removes content. Whoever has opened it reads on where the store lets him.
func (f *Files) remove(ctx context.Context, run *job.Run) error {
	var key string
	if err := run.Decode(&key); err != nil {
		return err
	}
	return f.Blobs.Delete(ctx, key)
}

// expire takes the content of files whose time is over. Uploads that never came go to the bin.
func (f *Files) expire(ctx context.Context, run *job.Run) error {
	var done int64
	for {
		due, err := f.due(ctx)
		if err != nil {
			return err
		}
		for _, x := range due {
			err := f.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error { return f.end(ctx, tx, x) })
			if err != nil {
				return err
			}
			done++
			if err := run.Progress(ctx, done, 0); err != nil {
				return err
			}
		}
		if len(due) < batch {
			return run.Progress(ctx, done, done)
		}
	}
}

func (f *Files) due(ctx context.Context) ([]id.ID, error) {
	tx, err := f.Writer.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	return ids(ctx, tx, "SELECT `id` FROM `files` WHERE `deleted_at` IS NULL AND `expires_at` <= ? AND `status` <> 'EXPIRED' ORDER BY `expires_at`, `id` LIMIT ?", f.Clock.Now(), batch)
}

func (f *Files) end(ctx context.Context, tx *write.Tx, x id.ID) error {
	r, err := tx.Lock(ctx, f.kind, x)
	if err != nil || r == nil || r.InBin() {
		return err
	}
	if at, ok := r.Values["expires_at"].(time.Time); !ok || at.After(tx.Now) {
		return nil
	}
	pending := r.Values["status"] == Pending
	if err := f.Drop(ctx, tx, x); err != nil || !pending {
		return err
	}
	return tx.Set(ctx, f.kind, x, map[string]any{"deleted_at": tx.Now})
}

// sweep removes what no record names and has lain there for a day: a crash came between the content and its record.
func (f *Files) sweep(ctx context.Context, run *job.Run) error {
	before := f.Clock.Now().Add(-keepUnnamed)
	var page []string
	var looked, removed int64
	flush := func() error {
		named, err := f.named(ctx, page)
		if err != nil {
			return err
		}
		for _, key := range page {
			if named[key] {
				continue
			}
			if err := f.Blobs.Delete(ctx, key); err != nil {
				return err
			}
			removed++
		}
		looked += int64(len(page))
		page = page[:0]
		return run.Progress(ctx, looked, 0)
	}
	err := f.Blobs.Each(ctx, func(b blob.Stored) error {
		if madeAt(b).After(before) {
			return nil
		}
		if page = append(page, b.Key); len(page) < batch {
			return nil
		}
		return flush()
	})
	if err == nil && len(page) > 0 {
		err = flush()
	}
	if err != nil {
		return err
	}
	if removed > 0 {
		f.Log.InfoContext(ctx, "content that belonged to no file was removed", "blobs", removed)
	}
	return run.Progress(ctx, looked, looked)
}

// madeAt is when content was put, by the clock of Farley if its key tells, which may be ahead of the store's.
func madeAt(b blob.Stored) time.Time {
	key, _, _ := strings.Cut(b.Key, ".")
	if x, err := id.Parse(key); err == nil {
		return x.Time()
	}
	return b.At
}

// named returns those of keys that records name.
func (f *Files) named(ctx context.Context, keys []string) (map[string]bool, error) {
	tx, err := f.Writer.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	args := make([]any, len(keys))
	for i, key := range keys {
		args[i] = key
	}
	rows, err := tx.QueryContext(ctx, "SELECT `blob` FROM `files` WHERE `blob` IN (?"+strings.Repeat(",?", len(keys)-1)+")", args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	named := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		named[key] = true
	}
	return named, errors.Join(rows.Err(), rows.Close())
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

// nullTime scans an instant, the zero one for null.
type nullTime struct{ at time.Time }

// Scan implements sql.Scanner.
func (n *nullTime) Scan(src any) error {
	var t sql.NullTime
	err := t.Scan(src)
	if t.Valid {
		n.at = t.Time.UTC()
	}
	return err
}
