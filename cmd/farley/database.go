package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"farley/internal/auth"
	"farley/internal/db"
	"farley/internal/money"
)

// database are the flags of every command that opens the database.
type database struct {
	Data     string `default:"farley-data" type:"path" help:"Folder for the embedded database and the keys."`
	Database string `help:"Database URL: sqlite:///path or mysql://user:password@host:port,host:port/name, the first host that is ready being used. Default: a SQLite file in the data folder."`
	Keys     string `type:"path" help:"File with the signing keys and the cursor secret, the same on all nodes. Default: keys.json in the data folder."`

	ReportingCurrency string `default:"USD" help:"Currency in which amounts are compared and summed."`
	Rates             string `help:"Exchange rates into it: SAR=0.2667,EUR=1.08"`
}

// url returns the database URL, and makes the data folder where it is needed.
func (d *database) url() (string, error) {
	if d.Database != "" {
		return d.Database, nil
	}
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return "sqlite://" + filepath.ToSlash(filepath.Join(d.Data, "farley.db")), nil
}

// open opens the database, and brings it up to date when migrate is set.
func (d *database) open(ctx context.Context, migrate bool) (*db.DB, error) {
	url, err := d.url()
	if err != nil {
		return nil, err
	}
	store, err := db.Open(ctx, url)
	if err != nil || !migrate {
		return store, err
	}
	if err := store.Migrate(ctx); err != nil {
		_ = store.Close()
		return nil, err
	}
	return store, nil
}

func (d *database) keyring() (*auth.Keyring, error) {
	file := d.Keys
	if file == "" {
		if err := os.MkdirAll(d.Data, 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		file = filepath.Join(d.Data, "keys.json")
	}
	return auth.OpenKeyring(file, time.Now())
}

func (d *database) book() (*money.Book, error) {
	rates, err := money.ParseRates(d.Rates)
	if err != nil {
		return nil, err
	}
	return money.NewBook(d.ReportingCurrency, rates)
}

// migrate brings the database up to date.
type migrate struct {
	database `embed:""`
	DryRun   bool `help:"Only list what would be applied."`
}

// Run implements the command.
func (m *migrate) Run(ctx context.Context) error {
	store, err := m.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	pending, err := store.Pending(ctx)
	if err != nil {
		return err
	}
	for _, name := range pending {
		say(os.Stdout, "%s\n", name)
	}
	if m.DryRun {
		return nil
	}
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	say(os.Stdout, "The database is up to date.\n")
	return nil
}

// say writes to the terminal, where failure has nobody to tell.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
