// Package merge has what is done about records that are the same: lists of them, decisions that they are not, making one
// record of several, and who did.
package merge

import (
	"context"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

// Merged is the outcome of Merge.
type Merged struct {
	Survivor id.ID         `json:"survivor"`
	Moved    []write.Moved `json:"moved,omitempty"`
}

// Merge makes one record of several of a kind: see write.Tx.Merge.
func Merge(ctx context.Context, w *write.Writer, k *model.Kind, c write.Command, key string, answer func(context.Context, *write.Tx, Merged) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Merged, error) {
		r, err := request(k, c)
		if err != nil {
			return Merged{}, err
		}
		moved, err := tx.Merge(ctx, r)
		return Merged{r.Survivor, moved}, err
	}, answer)
}

// request reads the input of a merge.
func request(k *model.Kind, c write.Command) (write.MergeRequest, error) {
	r := write.MergeRequest{Kind: k, ExpectedVersion: c.ExpectedVersion}
	var p fault.Violations
	r.Survivor = oneID(&p, c.Input["survivor"], "input", "survivor")
	losers := list(c.Input["losers"])
	if len(losers) > write.MaxLosers {
		p.Add([]any{"input", "losers"}, "TOO_LONG", "The list is longer than %d.", write.MaxLosers)
		return r, p.Err()
	}
	for i, v := range losers {
		r.Losers = append(r.Losers, oneID(&p, v, "input", "losers", i))
	}
	takes := list(c.Input["take"])
	if len(takes) > len(k.Fields) {
		p.Add([]any{"input", "take"}, "TOO_LONG", "The list is longer than %d.", len(k.Fields))
		return r, p.Err()
	}
	for i, v := range takes {
		o := object(v)
		field, _ := o["field"].(string)
		r.Take = append(r.Take, write.Take{Field: field, From: oneID(&p, o["from"], "input", "take", i, "from")})
	}
	return r, p.Err()
}

func object(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case input.Object:
		return v
	}
	return nil
}

// list reads a list; a single value is a list of one, as GraphQL has it.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func oneID(p *fault.Violations, v any, path ...any) id.ID {
	var x id.ID
	if err := x.UnmarshalGQL(v); err != nil {
		p.Add(path, "FORMAT", "This is not an id.")
	}
	return x
}

// Entry is one record that was merged into another one.
type Entry struct {
	Loser, Survivor, By id.ID
	At                  string
}

// maxEntries bounds lists of what was done to a record.
const maxEntries = 100

// visible returns the record itself, or the one that its id stands for, when the actor sees it.
func visible(ctx context.Context, tx *db.Tx, w *write.Writer, x id.ID) (id.ID, error) {
	k := w.Set.Of(x)
	if k == nil || !k.Mergeable() {
		var p fault.Violations
		p.Add([]any{"record"}, "FORMAT", "This is not an id of the right kind.")
		return x, p.Err()
	}
	to, err := write.Redirect(ctx, tx, x)
	if err != nil {
		return x, err
	}
	if !to.IsZero() {
		x = to
	}
	keys, err := w.KeysIn(ctx, tx, k, x)
	if err != nil {
		return x, err
	}
	if keys.Deleted || !access.From(ctx).Sees(w.Set, k, keys, w.Clock.Now()) {
		return x, write.NotFound(k)
	}
	return x, nil
}
