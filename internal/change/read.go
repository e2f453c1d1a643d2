package change

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"farley/internal/db"
	"farley/internal/id"
)

// After returns the rows behind a position, in order, at most limit of them, of the kinds given or of all. It returns
// fault.CursorExpired when rows behind the position have been pruned. A nil q reads the present state.
func (l *Log) After(ctx context.Context, q db.Querier, position int64, limit int, kinds ...id.Kind) ([]*Row, error) {
	return l.between(ctx, q, position, 0, limit, kinds)
}

// between is After up to and with the position upTo, unless that is 0.
func (l *Log) between(ctx context.Context, q db.Querier, position, upTo int64, limit int, kinds []id.Kind) (found []*Row, err error) {
	if q == nil {
		err := l.look(ctx, func(q db.Querier) error {
			found, err = l.between(ctx, q, position, upTo, limit, kinds)
			return err
		})
		return found, err
	}
	found, err = l.rows(ctx, q, position, upTo, limit, kinds)
	if err != nil {
		return nil, fmt.Errorf("read the change log: %w", err)
	}
	if len(found) > 0 && found[0].Position == position+1 {
		return found, nil // nothing between was pruned, nothing behind is before this is
	}
	// Looked up after the rows were read: pruning moves the oldest position before, or as, it deletes.
	oldest, err := l.Oldest(ctx, q)
	if err != nil {
		return nil, err
	}
	if position < oldest {
		return nil, expired()
	}
	return found, nil
}

func (l *Log) rows(ctx context.Context, q db.Querier, position, upTo int64, limit int, kinds []id.Kind) ([]*Row, error) {
	var query strings.Builder
	query.WriteString("SELECT " + columns + " FROM changes WHERE position > ?")
	args := []any{position}
	if upTo > 0 {
		query.WriteString(" AND position <= ?")
		args = append(args, upTo)
	}
	if len(kinds) > 0 {
		query.WriteString(" AND kind IN (")
		for i, k := range kinds {
			if i > 0 {
				query.WriteByte(',')
			}
			query.WriteString(strconv.Itoa(int(k)))
		}
		query.WriteByte(')')
	}
	query.WriteString(" ORDER BY position LIMIT ?")
	args = append(args, limit)

	rows, err := q.QueryContext(ctx, query.String(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []*Row
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// KindsAfter returns the kinds of the rows behind a position, at most limit rows of them, and the position of the last: what
// those need who only want to know what sort of records has changed. Rows behind the position that have been pruned are
// fault.CursorExpired, as in After.
func (l *Log) KindsAfter(ctx context.Context, position int64, limit int) (kinds []id.Kind, last int64, err error) {
	last = position
	err = l.look(ctx, func(q db.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT kind, MAX(position), MIN(position) FROM (SELECT kind, position FROM changes WHERE position > ? ORDER BY position LIMIT ?) AS k GROUP BY kind", position, limit)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		first := int64(0)
		for rows.Next() {
			var k id.Kind
			var most, least int64
			if err := rows.Scan(&k, &most, &least); err != nil {
				return err
			}
			kinds, last = append(kinds, k), max(last, most)
			if first == 0 || least < first {
				first = least
			}
		}
		if err := rows.Err(); err != nil || first == position+1 {
			return err
		}
		oldest, err := l.Oldest(ctx, q)
		if err == nil && position < oldest {
			err = expired()
		}
		return err
	})
	if err != nil {
		return nil, position, fmt.Errorf("read the change log: %w", err)
	}
	return kinds, last, nil
}

// Last returns the position of the last sequenced row, 0 before the first. A nil q reads the present state.
func (l *Log) Last(ctx context.Context, q db.Querier) (int64, error) {
	last, _, err := l.bounds(ctx, q)
	return last, err
}

// Oldest returns the smallest position behind which all rows are still there. A nil q reads the present state.
func (l *Log) Oldest(ctx context.Context, q db.Querier) (int64, error) {
	_, oldest, err := l.bounds(ctx, q)
	return oldest, err
}

func (l *Log) bounds(ctx context.Context, q db.Querier) (last, oldest int64, err error) {
	if q == nil {
		err := l.look(ctx, func(q db.Querier) error {
			last, oldest, err = l.bounds(ctx, q)
			return err
		})
		return last, oldest, err
	}
	rows, err := q.QueryContext(ctx, "SELECT position, oldest FROM change_counter WHERE id = 1")
	if err != nil {
		return 0, 0, fmt.Errorf("read the counter of the change log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return 0, 0, fmt.Errorf("read the counter of the change log: no row (%w)", rows.Err())
	}
	if err := rows.Scan(&last, &oldest); err != nil {
		return 0, 0, fmt.Errorf("read the counter of the change log: %w", err)
	}
	return last, oldest, rows.Err()
}

// reaches returns fault.Resync unless the log has reached a position that this database server does not know: it may lag
// behind the one at which the cursor was given.
func (l *Log) reaches(ctx context.Context, position int64) error {
	if !l.db.Lags() {
		return aheadOfLog()
	}
	tx, err := l.db.SnapshotSynced(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	last, err := l.Last(ctx, tx)
	if err != nil {
		return err
	}
	if position > last {
		return aheadOfLog()
	}
	return nil
}

// look is read for what mostly takes one statement, which then runs without a transaction. A second one sees a later state.
func (l *Log) look(ctx context.Context, fn func(q db.Querier) error) error {
	tx := l.db.SnapshotLazily(ctx, true)
	defer func() { _ = tx.Close() }()
	tx.Alone()
	return fn(tx)
}

// read runs fn on the present state.
func (l *Log) read(ctx context.Context, fn func(q db.Querier) error) error {
	tx, err := l.db.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	return fn(tx)
}

// of reports whether rows of the kind are asked for.
func of(kinds []id.Kind, k id.Kind) bool { return len(kinds) == 0 || slices.Contains(kinds, k) }
