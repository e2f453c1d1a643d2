package seed

import (
	"context"
	"fmt"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

// keepLocations is how long the shipped rule keeps where telephones were, in days.
const keepLocations = 30

// RetentionID returns the id of the shipped retention rule with a key. It is the same in every database.
func RetentionID(set *model.Set, key string) id.ID {
	return shippedID("retention "+key, set.Kind("RetentionRule").Code)
}

// EnsureRetention makes the shipped retention rule where there are none at all, not even in the bin. It is for every start;
// what a firm makes of it is left alone.
func EnsureRetention(ctx context.Context, w *write.Writer) error {
	err := w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM retention_rules", nil, &n); err != nil || n > 0 {
			return err
		}
		_, err := tx.Create(ctx, w.Set.Kind("RetentionRule"), input.Object{
			"id": RetentionID(w.Set, "locations").String(), "title": "Where telephones were", "object": "LOCATION_EVENT", "basis": "SEEN_AT",
			"days": int64(keepLocations), "action": "ERASE", "enabled": true,
			"purpose": "Places are needed to plan visits, and tell too much of a person to be kept for longer.",
		}, "ALLOW")
		return err
	})
	// Another node that starts now may have made the same rule: then the id is taken, and it is there.
	if code := fault.CodeOf(err); code == fault.Conflict || code == fault.Invalid {
		return nil
	}
	if err != nil {
		return fmt.Errorf("seed: retention rules: %w", err)
	}
	return nil
}
