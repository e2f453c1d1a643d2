package rule

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/write"
)

// CustomJob is the kind of the job that brings the values of records from before the table custom_values into it. There
// is nothing left to do once it has ended, so it is asked every minute at no cost.
const CustomJob = "custom-values"

const (
	fillBatch = 200
	fillEvery = time.Minute
)

// RegisterCustom has the runner fill the table of values.
func RegisterCustom(runner *job.Runner, w *write.Writer) {
	runner.Register(CustomJob, job.Options{Concurrency: 1}, func(ctx context.Context, run *job.Run) error {
		n, err := FillCustom(ctx, w)
		if err != nil {
			return err
		}
		return run.Progress(ctx, n, n)
	})
	runner.Every(CustomJob, "fill", fillEvery)
}

// FillCustom brings the values of all records from before the table into it, and returns of how many it did. It may be
// broken off at any time, and goes on where it stood.
func FillCustom(ctx context.Context, w *write.Writer) (total int64, err error) {
	for {
		n, done := 0, false
		err := w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) (err error) {
			n, done, err = fillCustom(ctx, tx)
			return err
		})
		total += int64(n)
		if err != nil || done {
			return total, err
		}
	}
}

// fillCustom does one batch. The records are locked, so that what is written of them is what they hold.
func fillCustom(ctx context.Context, tx *write.Tx) (n int, done bool, err error) {
	var code int64
	var after []byte
	err = tx.QueryRow(ctx, "SELECT kind, after FROM custom_fill ORDER BY kind LIMIT 1"+tx.Dialect.ForUpdate(), nil, &code, &after)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	if len(after) == 0 {
		after = make([]byte, len(id.ID{})) // before the first
	}
	k := tx.Kinds().Coded(id.Kind(code))
	defs, err := definitions(ctx, tx, k)
	if err != nil {
		return 0, false, err
	}
	records, err := heldValues(ctx, tx, k, after)
	if err != nil {
		return 0, false, err
	}
	for _, r := range records {
		var gone []id.ID
		var rows []customRow
		for _, e := range entries(r.values) {
			if d := defs[e.key]; d != nil { // before the table no value was kept unique, and later ones must not suffer
				gone, rows = append(gone, d.id), append(rows, d.rows(tx, e.value)...)
			}
		}
		if err := deleteCustom(ctx, tx, r.id, gone); err != nil {
			return 0, false, err
		}
		if err := insertCustom(ctx, tx, r.id, rows); err != nil {
			return 0, false, err
		}
	}
	if len(records) < fillBatch {
		_, err = tx.ExecContext(ctx, "DELETE FROM custom_fill WHERE kind = ?", code)
		return len(records), false, err
	}
	last := records[len(records)-1].id
	_, err = tx.ExecContext(ctx, "UPDATE custom_fill SET after = ? WHERE kind = ?", last[:], code)
	return len(records), false, err
}

// heldRecord is a record with values as it stores them.
type heldRecord struct {
	id     id.ID
	values string
	binned bool
}

func heldValues(ctx context.Context, tx *write.Tx, k *model.Kind, after []byte) ([]heldRecord, error) {
	column := "`" + k.Field(model.CustomFields).Column + "`"
	rows, err := tx.QueryContext(ctx, "SELECT `id`, "+column+", `deleted_at` IS NOT NULL FROM `"+k.Table+"` WHERE `id` > ? AND "+column+" IS NOT NULL ORDER BY `id` LIMIT ?"+
		tx.Dialect.ForUpdate(), after, fillBatch)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []heldRecord
	for rows.Next() {
		var r heldRecord
		if err := rows.Scan(&r.id, &r.values, &r.binned); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
