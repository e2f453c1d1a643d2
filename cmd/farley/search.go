package main

import (
	"context"
	"log/slog"
	"os"

	"farley/internal/app"
	"farley/internal/clock"
)

// searchIndex looks after the search index.
type searchIndex struct {
	Rebuild rebuildSearch `cmd:"" help:"Make the search index anew from the records, and wait until that is done. Servers may run meanwhile; stopped, they or the next call go on."`
}

type rebuildSearch struct {
	database `embed:""`
}

// Run implements the command.
func (r *rebuildSearch) Run(ctx context.Context) error {
	store, err := r.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	keys, err := r.keyring()
	if err != nil {
		return err
	}
	book, err := r.book()
	if err != nil {
		return err
	}
	a, err := app.New(app.Config{DB: store, Clock: clock.System{}, Keys: keys, Money: book, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	if err := a.Index.Rebuild(ctx, nil); err != nil {
		return err
	}
	say(os.Stdout, "The search index is new.\n")
	return nil
}
