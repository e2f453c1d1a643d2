package change

import (
	"context"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// MaxPage is the largest page of the delta feed.
const MaxPage = 1000

// maxScan bounds the positions that one page looks at, so that a reader who sees little does not walk the whole log.
const maxScan = 10_000

// Query asks for one page of the delta feed.
type Query struct {
	Set   *model.Set
	After int64     // position
	Kinds []id.Kind // none: all
	First int       // 1 to 1,000
	Load  Load      // may be nil
	Seen  Seen      // may be nil
}

// Page is one page of the delta feed.
type Page struct {
	Events []*Event
	// End is the position to continue from. It lies behind the last event when what follows was not for this reader.
	End int64
	// More is true when the log goes on behind End. The next page may still be empty: go on until More is false.
	More bool
}

// Feed returns the next page of changes that the reader may see, by the same rules as a subscription. It looks at 10,000
// positions at most, so a page may be short, or empty, with More true. It returns fault.Invalid for First out of bounds,
// fault.CursorExpired when the log no longer reaches back to After, and when it never reached After (the database was
// restored from a backup, and nobody said so by NewHistory).
func (l *Log) Feed(ctx context.Context, q db.Querier, r Reader, f Query) (Page, error) {
	if f.First < 1 || f.First > MaxPage {
		var v fault.Violations
		v.Add([]any{"first"}, "RANGE", "Must be between 1 and %d.", MaxPage)
		return Page{}, v.Err()
	}
	if q == nil {
		var page Page
		err := l.read(ctx, func(q db.Querier) (err error) {
			page, err = l.Feed(ctx, q, r, f)
			return err
		})
		return page, err
	}
	last, oldest, err := l.bounds(ctx, q)
	if err != nil {
		return Page{}, err
	}
	if f.After > last {
		if err := l.reaches(ctx, f.After); err != nil {
			return Page{}, err
		}
		return Page{End: f.After}, nil // what this database server has not applied yet is not there yet
	}
	if f.After < oldest {
		return Page{}, expired()
	}
	rows, end, err := l.visible(ctx, q, r, f, last)
	if err != nil {
		return Page{}, err
	}
	events, err := (&audience{set: f.Set, load: f.Load, seen: f.Seen}).tell(ctx, r, rows, l.clock.Now())
	if err != nil {
		return Page{}, err
	}
	return Page{Events: events, End: end, More: end < last}, nil
}

// visible returns the rows of a page, as far as rights decide, and the position up to which the log has been looked at.
func (l *Log) visible(ctx context.Context, q db.Querier, r Reader, f Query, last int64) (found []*Row, end int64, err error) {
	stop := min(last, f.After+maxScan)
	now := l.clock.Now()
	end = f.After
	for end < stop {
		const batch = MaxPage
		rows, err := l.between(ctx, q, end, stop, batch, f.Kinds)
		if err != nil {
			return nil, 0, err
		}
		for _, row := range rows {
			if decide(f.Set, r, row, nil, now).op != "" {
				found = append(found, row)
			}
			if len(found) == f.First {
				return found, row.Position, nil
			}
		}
		if len(rows) < batch {
			return found, stop, nil
		}
		end = rows[len(rows)-1].Position
	}
	return found, end, nil
}

func aheadOfLog() *fault.Error {
	return fault.New(fault.CursorExpired, "The change log does not reach this cursor: read the lists anew and begin at a new cursor.")
}

func expired() *fault.Error {
	return fault.New(fault.CursorExpired, "The change log no longer reaches back to this cursor.")
}
