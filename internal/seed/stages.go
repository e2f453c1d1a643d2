package seed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

// stages are the shipped stages in the life of a customer, in their order. The keys never change: ids follow from them.
var stages = []struct {
	key, name, phase, description string
	next                          []string
	won                           bool // accounts enter it when a deal is won
}{
	{"prospect", "Prospect", "START", "Might buy from us, and has not yet.", []string{"first_purchase", "lost"}, false},
	{"first_purchase", "First purchase", "START", "Has bought for the first time.", []string{"active", "at_risk", "lost"}, true},
	{"active", "Active", "KEEP", "Buys from us.", []string{"at_risk", "lost"}, true},
	{"at_risk", "At risk", "WIN_BACK", "Buys less, or complains more, than before.", []string{"active", "lost"}, false},
	{"lost", "Lost", "END", "Buys from us no more.", []string{"won_back"}, false},
	{"won_back", "Won back", "WIN_BACK", "Was lost and has come back.", []string{"active", "at_risk", "lost"}, true},
}

// StageID returns the id of the shipped lifecycle stage with a key. It is the same in every database.
func StageID(set *model.Set, key string) id.ID {
	return shippedID("stage "+key, set.Kind("LifecycleStage").Code)
}

// shippedID returns the id of a record that comes with Farley.
func shippedID(name string, code id.Kind) id.ID {
	sum := sha256.Sum256([]byte("farley " + name))
	var x id.ID
	binary.BigEndian.PutUint64(x[:8], uint64(born.UnixMilli())<<16|0x8000|uint64(code)) //nolint:gosec // after 1970
	copy(x[8:], sum[:8])
	x[8] = x[8]&0x3f | 0x80
	return x
}

// EnsureStages makes the shipped lifecycle stages where there are none at all, not even in the bin. It is for every start;
// what a firm makes of them is left alone.
func EnsureStages(ctx context.Context, w *write.Writer) error {
	err := w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM lifecycle_stages", nil, &n); err != nil || n > 0 {
			return err
		}
		k := w.Set.Kind("LifecycleStage")
		for i, s := range stages {
			in := input.Object{"id": StageID(w.Set, s.key).String(), "name": s.name, "phase": s.phase, "position": int64(10 * (i + 1)), "description": s.description, "afterWon": s.won}
			if _, err := tx.Create(ctx, k, in, "ALLOW"); err != nil {
				return err
			}
		}
		for _, s := range stages {
			next := []any{}
			for _, key := range s.next {
				next = append(next, StageID(w.Set, key).String())
			}
			if _, err := tx.Update(ctx, k, StageID(w.Set, s.key), input.Object{"next": next}); err != nil {
				return err
			}
		}
		return nil
	})
	// Another node that starts now may have made the same stages: then an id or a name is taken, and they are there.
	if code := fault.CodeOf(err); code == fault.Conflict || code == fault.Invalid {
		return nil
	}
	if err != nil {
		return fmt.Errorf("seed: lifecycle stages: %w", err)
	}
	return nil
}
