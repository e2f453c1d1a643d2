package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"farley/internal/db"
)

// backup copies the embedded database and the keys while the server runs.
type backup struct {
	database `embed:""`
	To       string `type:"path" required:"" help:"Folder that is made for the copy."`
}

// Run implements the command.
func (b *backup) Run(ctx context.Context) error {
	store, err := b.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	if store.Dialect != db.SQLite {
		return errors.New("this is for the embedded database: use mariadb-dump or mariabackup (docs/operations/backup.md)")
	}
	if err := os.Mkdir(b.To, 0o700); err != nil { // fails when it exists: a backup never replaces another
		return fmt.Errorf("backup: %w", err)
	}
	if err := store.CopyTo(ctx, filepath.Join(b.To, "farley.db")); err != nil {
		return err
	}
	file := b.Keys
	if file == "" {
		file = filepath.Join(b.Data, "keys.json")
	}
	keys, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("backup: the database is copied, the keys are not: %w", err)
	}
	if err := os.WriteFile(filepath.Join(b.To, "keys.json"), keys, 0o600); err != nil {
		return fmt.Errorf("backup: the database is copied, the keys are not: %w", err)
	}
	say(os.Stdout, "The database and the keys are in %s.\n", b.To)
	return nil
}
