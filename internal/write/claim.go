package write

import (
	"context"
	"crypto/sha256"
	"fmt"

	"farley/internal/id"
	"farley/internal/model"
)

// Hold is Lock for a record that a rule decides on without changing it: two writes that hold the same one come one after
// the other, on whatever database servers.
//
// A locked row is locked on one server of a Galera cluster only. What the servers do agree on, at the commit, is rows that
// are written. So there a row that stands for the record is written as well, by everybody who holds it.
func (tx *Tx) Hold(ctx context.Context, k *model.Kind, x id.ID) (*Record, error) {
	if err := tx.claim(ctx, x); err != nil {
		return nil, err
	}
	return tx.Lock(ctx, k, x)
}

// HoldName is Hold for something that is not a record, or not yet: a name within a kind that may be given once.
func (tx *Tx) HoldName(ctx context.Context, k *model.Kind, name ...string) error {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q", k.Name, name))
	return tx.claim(ctx, id.ID(sum[:16]))
}

// claim writes the row that stands for x, where that is needed. Housekeeping removes the rows at any time: whoever writes
// the same row meets, whether it was there or not.
func (tx *Tx) claim(ctx context.Context, x id.ID) error {
	if !tx.w.DB.Lags() {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO write_claims (id, n) VALUES (?, 1) ON DUPLICATE KEY UPDATE n = n + 1", x)
	return err
}
