package write

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"farley/internal/id"
	"farley/internal/model"
)

// matchGeneration is the number of the way in which values become keys. It rises when that way or the fields that tell
// change: the keys of all records are made anew then.
const matchGeneration = 1

// fillBatch is how many records one transaction of FillMatches makes the keys of.
const fillBatch = 200

// FillMatches makes the keys of the records that were there before their keys were kept, or kept in this way. It does
// nothing when that has been done. Any number of nodes may call it, and it may be stopped at any moment: whoever calls it
// next goes on. progress, which may be nil, hears how many records each transaction dealt with.
func (w *Writer) FillMatches(ctx context.Context, progress func(ctx context.Context, records int) error) error {
	for {
		done, n := false, 0
		err := w.Do(AsSystem(ctx), func(ctx context.Context, tx *Tx) (err error) {
			done, n, err = tx.fillMatches(ctx)
			return err
		})
		if err != nil || done {
			return err
		}
		if progress != nil {
			if err := progress(ctx, n); err != nil {
				return err
			}
		}
	}
}

func (tx *Tx) fillMatches(ctx context.Context) (done bool, n int, err error) {
	var generation, code int64
	var after []byte
	query := "SELECT `generation`, `kind`, `after_id` FROM `match_state` WHERE `id` = 1"
	if err := tx.QueryRow(ctx, query, nil, &generation, &code, &after); err != nil {
		return false, 0, err
	}
	if generation > matchGeneration || generation == matchGeneration && code == 0 {
		return true, 0, nil
	}
	if err := tx.QueryRow(ctx, query+tx.Dialect.ForUpdate(), nil, &generation, &code, &after); err != nil {
		return false, 0, err
	}
	if generation < matchGeneration {
		code, after = tx.kindThatTells(0), nil
	}
	if k := tx.w.Set.Coded(id.Kind(code)); code != 0 && k != nil { //nolint:gosec // it was made of one
		if n, after, err = tx.fillPart(ctx, k, after); err != nil {
			return false, 0, err
		}
	}
	if n < fillBatch {
		code, after = tx.kindThatTells(code), nil
	}
	_, err = tx.ExecContext(ctx, "UPDATE `match_state` SET `generation` = ?, `kind` = ?, `after_id` = ? WHERE `id` = 1", matchGeneration, code, append([]byte{}, after...))
	return false, n, err
}

// kindThatTells returns the number of the next kind with fields that tell, 0 behind the last.
func (tx *Tx) kindThatTells(code int64) int64 {
	next := int64(0)
	for _, k := range tx.w.Set.Kinds {
		tells := slices.ContainsFunc(k.Fields, func(f *model.Field) bool { return f.Duplicate > 0 })
		if c := int64(k.Code); tells && c > code && (next == 0 || c < next) {
			next = c
		}
	}
	return next
}

func (tx *Tx) fillPart(ctx context.Context, k *model.Kind, after []byte) (n int, last []byte, err error) {
	rows, err := tx.rows(ctx, k, "`id` > ? AND `deleted_at` IS NULL ORDER BY `id` LIMIT ?"+tx.Dialect.ForUpdate(), append([]byte{}, after...), fillBatch)
	if err != nil || len(rows) == 0 {
		return 0, nil, err
	}
	ids := make([]any, len(rows))
	for i, values := range rows {
		ids[i] = idOf(values["id"])
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM `match_keys` WHERE `record_id` IN (?"+strings.Repeat(",?", len(ids)-1)+")", ids...); err != nil {
		return 0, nil, err
	}
	for _, values := range rows {
		keys := matchKeys(k, storedValues{k, func(column string) any { return values[column] }}, false)
		if err := tx.replaceKeys(ctx, k, idOf(values["id"]), nil, keys); err != nil {
			return 0, nil, err
		}
	}
	x := idOf(rows[len(rows)-1]["id"])
	return len(rows), bytes.Clone(x[:]), tx.flushKeys(ctx)
}
