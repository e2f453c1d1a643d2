package search

import (
	"context"
	"fmt"

	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// Forget drops the terms of a record whose texts are erased, in the transaction that does it. What a follower that is a step
// behind writes after it goes with the next step: the erasure is in the change log.
func (x *Index) Forget(ctx context.Context, tx *write.Tx, _ *model.Kind, record id.ID) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM search_terms WHERE record_id = ?", record); err != nil {
		return fmt.Errorf("delete terms: %w", err)
	}
	return nil
}
