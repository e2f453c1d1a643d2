package app

import (
	"context"
	"time"

	"farley/internal/auth"
	"farley/internal/change"
	"farley/internal/db"
)

// Restored makes a database that was restored from a backup fit to be served: the cursors that clients hold are answered
// by CURSOR_EXPIRED from now on, and everybody has to sign in again, but for keepSessions. It returns how many sessions it
// ended. It is done before the nodes start.
func Restored(ctx context.Context, d *db.DB, now time.Time, keepSessions bool) (ended int64, err error) {
	err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		ended = 0
		if err := change.NewHistory(ctx, tx); err != nil || keepSessions {
			return err
		}
		ended, err = auth.Restored(ctx, tx, now)
		return err
	})
	return ended, err
}
