package auth

import (
	"context"
	"fmt"
	"time"

	"farley/internal/db"
)

// RestoredBackup ends sessions whose end may have been lost: the database was restored from a backup.
const RestoredBackup Why = "RESTORED"

// Restored ends all sessions of a database that was restored from a backup, and returns how many those were. Some had been
// signed out, or had their tokens stolen and ended, after the backup was made.
func Restored(ctx context.Context, tx *db.Tx, now time.Time) (int64, error) {
	result, err := tx.ExecContext(ctx, `UPDATE sessions SET revoked_at = ?, revoked_why = ? WHERE revoked_at IS NULL`, now, string(RestoredBackup))
	if err != nil {
		return 0, fmt.Errorf("end the sessions: %w", err)
	}
	return result.RowsAffected()
}
