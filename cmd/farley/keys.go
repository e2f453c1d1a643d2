package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"farley/internal/auth"
	"farley/internal/clock"
)

// reloadKeys is how often a node reads the key file, and so how soon it knows a key that was made elsewhere.
const reloadKeys = time.Minute

// keyLead is how long a new key is published before it signs, so that every node knows it by then.
const keyLead = 5 * reloadKeys

// keys looks after the signing keys.
type keys struct {
	Rotate rotateKeys `cmd:"" help:"Make a new signing key. It signs after five minutes, when all nodes know it; the old one verifies until its last tokens have ended."`
}

type rotateKeys struct {
	database `embed:""`
}

// Run implements the command.
func (r *rotateKeys) Run() error {
	ring, err := r.keyring()
	if err != nil {
		return err
	}
	now := clock.System{}.Now()
	if err := ring.Rotate(now, keyLead, auth.DefaultTokenLife); err != nil {
		return err
	}
	say(os.Stdout, "A new key signs from %s on.\n", now.Add(keyLead).Format(time.RFC3339))
	return nil
}

// watchKeys reads the key file again and again, until ctx ends.
func watchKeys(ctx context.Context, ring *auth.Keyring, c clock.Clock, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.After(reloadKeys):
		}
		if err := ring.Reload(); err != nil {
			log.ErrorContext(ctx, "the key file cannot be read; the keys in memory stay in use", "error", err)
		}
	}
}
