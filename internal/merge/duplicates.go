package merge

import (
	"bytes"
	"context"
	"strconv"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/text/match"
	"farley/internal/write"
)

// Cursors seals the places of a list.
type Cursors interface {
	SealCursor(bound []string, values ...any) string
	OpenCursor(cursor string, bound []string, path ...any) ([]any, error)
}

// Query asks for pairs of duplicates.
type Query struct {
	Kind     *model.Kind
	First    int
	After    string
	MinScore int
}

const (
	// DefaultPage is the page size unless it is given.
	DefaultPage = 20
	maxPage     = 100
)

// Hit is a pair with its place in the list.
type Hit struct {
	write.Pair
	Cursor string
}

// Find returns a page of pairs of records in sight that seem to be the same, the likeliest first.
func Find(ctx context.Context, tx *db.Tx, w *write.Writer, cursors Cursors, q Query) (hits []Hit, more bool, err error) {
	var p fault.Violations
	if q.First < 1 || q.First > maxPage {
		p.Add([]any{"first"}, "RANGE", "A page has 1 to %d records.", maxPage)
	}
	if q.MinScore < match.Least || q.MinScore > 100 {
		p.Add([]any{"minScore"}, "RANGE", "The number must be from %v to %v.", match.Least, 100)
	}
	if err := p.Err(); err != nil {
		return nil, false, err
	}
	a := access.From(ctx)
	bound := []string{"duplicates", a.User.String(), q.Kind.Name, strconv.Itoa(q.MinScore)}
	var from []any
	if q.After != "" {
		if from, err = cursors.OpenCursor(q.After, bound, "after"); err != nil {
			return nil, false, err
		}
	}
	pairs, err := w.Pairs(ctx, tx, a, q.Kind, q.MinScore)
	if err != nil {
		return nil, false, err
	}
	for _, pair := range pairs {
		if from != nil && !behind(pair, from) {
			continue
		}
		if len(hits) == q.First {
			return hits, true, nil
		}
		x, y := pair.A, pair.B
		hits = append(hits, Hit{pair, cursors.SealCursor(bound, int64(pair.Score), x[:], y[:])})
	}
	return hits, false, nil
}

// behind reports whether a pair comes after the place of a cursor.
func behind(p write.Pair, from []any) bool {
	score, _ := from[0].(int64)
	a, _ := from[1].([]byte)
	b, _ := from[2].([]byte)
	if int64(p.Score) != score {
		return int64(p.Score) < score
	}
	if c := bytes.Compare(p.A[:], a); c != 0 {
		return c > 0
	}
	return bytes.Compare(p.B[:], b) > 0
}

// Decided is the outcome of a decision about two records.
type Decided struct {
	A id.ID `json:"a"`
	B id.ID `json:"b"`
}

// Mark keeps the decision that two records are not the same, or gives it up. Who may change both decides. NOT_FOUND for a
// record out of sight.
func Mark(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Decided) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Decided, error) {
		var p fault.Violations
		ids := list(c.Input["records"])
		if len(ids) != 2 {
			p.Add([]any{"input", "records"}, "RANGE", "Name two records.")
			return Decided{}, p.Err()
		}
		a, b := oneID(&p, ids[0], "input", "records", 0), oneID(&p, ids[1], "input", "records", 1)
		k := tx.Kinds().Of(a)
		switch {
		case len(p) > 0:
		case k == nil || !k.Mergeable():
			p.Add([]any{"input", "records", 0}, "FORMAT", "This is not an id of the right kind.")
		case b.Kind() != a.Kind():
			p.Add([]any{"input", "records", 1}, "FORMAT", "This is not an id of the right kind.")
		case a == b:
			p.Add([]any{"input", "records", 1}, "TAKEN", "This record is named twice.")
		}
		if err := p.Err(); err != nil {
			return Decided{}, err
		}
		if bytes.Compare(a[:], b[:]) > 0 {
			a, b = b, a
		}
		for _, x := range []id.ID{a, b} {
			r, err := tx.InSight(ctx, k, x)
			if err == nil && r.InBin() {
				err = write.NotFound(k)
			}
			if err != nil {
				return Decided{}, err
			}
			if !tx.May(r, access.Update) {
				return Decided{}, fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
			}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM `not_duplicates` WHERE `a_id` = ? AND `b_id` = ?", a, b); err != nil || c.Name == Unmark {
			return Decided{a, b}, err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO `not_duplicates` (`a_id`, `b_id`, `decided_by`, `decided_at`) VALUES (?, ?, ?, ?)", a, b, tx.Actor.User, tx.Now)
		return Decided{a, b}, err
	}, answer)
}

// Unmark is the name of the command that gives a decision up.
const Unmark = "unmarkNotDuplicate"
