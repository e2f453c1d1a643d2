package mail

import (
	"context"
	"fmt"

	"farley/internal/db"
	"farley/internal/id"
)

// Wipe drops what is kept of the mails to somebody, and cancels those that have not left: whose data are erased gets no more
// mails. One that is being sent at this moment leaves.
func (q *Queue) Wipe(ctx context.Context, tx *db.Tx, to id.ID) error {
	named := `%"to":"` + to.String() + `"%`
	ids, err := q.jobs.Holding(ctx, tx, Kind, named)
	if err != nil {
		return fmt.Errorf("wipe mails: %w", err)
	}
	for _, x := range ids {
		if err := q.jobs.Cancel(ctx, tx, x); err != nil {
			return fmt.Errorf("wipe mails: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE jobs SET payload = ? WHERE kind = ? AND payload LIKE ?", `{"purpose":"erased","to":null}`, Kind, named); err != nil {
		return fmt.Errorf("wipe mails: %w", err)
	}
	return nil
}
