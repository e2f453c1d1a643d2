package write

import (
	"context"
	"time"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/model"
)

// Expire moves a live record to the bin whose field, an instant, has passed, as Farley itself. It reports whether it did:
// not when somebody prolonged or deleted the record meanwhile.
func (tx *Tx) Expire(ctx context.Context, k *model.Kind, field string, x id.ID) (bool, error) {
	r, err := tx.Lock(ctx, k, x)
	if err != nil || r == nil || r.InBin() {
		return false, err
	}
	ends, ok := r.Values[k.Field(field).Column].(time.Time)
	if !ok || ends.After(tx.Now) {
		return false, nil
	}
	made, _ := r.Values["created_at"].(time.Time)
	tx.ranOut = made.Before(ends) // what had ended before it was made never showed anything to anybody
	defer func() { tx.ranOut = false }()
	return true, tx.Set(ctx, k, x, map[string]any{"deleted_at": tx.Now})
}

// seenUntilNow returns the keys of a record as those had it who saw it by a share that has just run out: they are told of
// the end now, so to them the share held until now.
func seenUntilNow(before *access.Keys, still []access.ShareKey) *access.Keys {
	left := func(s access.ShareKey) bool {
		for _, other := range still {
			if other.Grantee == s.Grantee && other.Level == s.Level && other.Until.Equal(s.Until) {
				return false
			}
		}
		return true
	}
	keys := *before
	keys.Shares = make([]access.ShareKey, len(before.Shares))
	for i, s := range before.Shares {
		if left(s) {
			s.Until = time.Time{}
		}
		keys.Shares[i] = s
	}
	return &keys
}
