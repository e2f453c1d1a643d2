package main

import (
	"context"
	"os"
	"time"

	"farley/internal/app"
)

// restored makes a restored database fit to be served.
type restored struct {
	database     `embed:""`
	KeepSessions bool `help:"Leave the sessions as they were in the backup, those that have been ended since included."`
}

// Run implements the command.
func (r *restored) Run(ctx context.Context) error {
	store, err := r.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	ended, err := app.Restored(ctx, store, time.Now().UTC().Truncate(time.Microsecond), r.KeepSessions)
	if err != nil {
		return err
	}
	say(os.Stdout, "The change log has a new history: clients are told to read their lists anew. %d sessions were ended.\n", ended)
	return nil
}
