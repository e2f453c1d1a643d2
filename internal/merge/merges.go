package merge

import (
	"context"
	"time"

	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/scalar"
	"farley/internal/write"
)

// Merges returns what was merged into a record, the latest first, at most 100. It takes the id of a merged record, too.
// NOT_FOUND for a record out of sight.
func Merges(ctx context.Context, tx *db.Tx, w *write.Writer, record id.ID) ([]Entry, error) {
	x, err := visible(ctx, tx, w, record)
	if err != nil {
		return nil, err
	}
	return entries(ctx, tx, "SELECT `from_id`, `into_id`, `merged_by`, `merged_at` FROM `record_redirects` WHERE `to_id` = ? ORDER BY `merged_at` DESC, `from_id` LIMIT ?", x, maxEntries)
}

// NotDuplicates returns the decisions that records are not the same as this one, the latest first, at most 100. Whether the
// other one is in sight is left to who shows it.
func NotDuplicates(ctx context.Context, tx *db.Tx, w *write.Writer, record id.ID) ([]Entry, error) {
	x, err := visible(ctx, tx, w, record)
	if err != nil {
		return nil, err
	}
	return entries(ctx, tx, "SELECT `a_id`, `b_id`, `decided_by`, `decided_at` FROM `not_duplicates` WHERE `a_id` = ? UNION ALL "+
		"SELECT `b_id`, `a_id`, `decided_by`, `decided_at` FROM `not_duplicates` WHERE `b_id` = ? ORDER BY `decided_at` DESC, `b_id` LIMIT ?", x, x, maxEntries)
}

func entries(ctx context.Context, tx *db.Tx, query string, args ...any) ([]Entry, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Entry
	for rows.Next() {
		var e Entry
		var at time.Time
		if err := rows.Scan(&e.Loser, &e.Survivor, &e.By, &at); err != nil {
			return nil, err
		}
		e.At = at.UTC().Format(scalar.Layout)
		out = append(out, e)
	}
	return out, rows.Err()
}
