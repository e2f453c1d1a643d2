package upgrade

import (
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing/fstest"

	"farley/internal/db"
)

// Open reads a fixture from a compressed file.
func Open(name string) (*Fixture, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("read a fixture: %w", err)
	}
	return Read(unzipped)
}

// Load makes an empty database what it was when the fixture was recorded: its migrations, and its rows.
func (f *Fixture) Load(ctx context.Context, d *db.DB) error {
	old, err := upTo(db.Migrations(), f.Migration)
	if err != nil {
		return err
	}
	if err := d.MigrateFrom(ctx, old); err != nil {
		return err
	}
	conn, err := d.Pool().Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// Tables come by their names, not parents first.
	off, on := "PRAGMA foreign_keys = 0", "PRAGMA foreign_keys = 1"
	if d.Dialect == db.MySQL {
		off, on = "SET foreign_key_checks = 0", "SET foreign_key_checks = 1"
	}
	if _, err := conn.ExecContext(ctx, off); err != nil {
		return err
	}
	err = f.insert(ctx, conn)
	_, again := conn.ExecContext(ctx, on)
	return errors.Join(err, again)
}

// upTo returns the migrations up to a version.
func upTo(all fs.FS, version string) (fs.FS, error) {
	old := fstest.MapFS{}
	for _, dialect := range []string{"sqlite", "mysql"} {
		entries, err := fs.ReadDir(all, dialect)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if number, _, _ := strings.Cut(e.Name(), "_"); number > version {
				continue
			}
			name := path.Join(dialect, e.Name())
			text, err := fs.ReadFile(all, name)
			if err != nil {
				return nil, err
			}
			old[name] = &fstest.MapFile{Data: text}
		}
	}
	return old, nil
}

func (f *Fixture) insert(ctx context.Context, conn *sql.Conn) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	for _, t := range f.Tables {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+quote(t.Name)); err != nil { // what migrations put there
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		columns := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			columns[i] = quote(c)
		}
		one := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
		for start := 0; start < len(t.Rows); start += rowsAtOnce {
			rows := t.Rows[start:min(start+rowsAtOnce, len(t.Rows))]
			var args []any
			for _, row := range rows {
				for _, v := range row {
					args = append(args, v.V)
				}
			}
			query := "INSERT INTO " + quote(t.Name) + " (" + strings.Join(columns, ", ") + ") VALUES " + one + strings.Repeat(", "+one, len(rows)-1)
			if _, err := tx.ExecContext(ctx, query, args...); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
	}
	return tx.Commit()
}

const rowsAtOnce = 50

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
