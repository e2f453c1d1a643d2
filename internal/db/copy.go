package db

import (
	"context"
	"errors"
	"fmt"
)

// CopyTo writes a copy of an SQLite database to a new file: one state of it, whole, while others go on reading and writing.
func (d *DB) CopyTo(ctx context.Context, file string) error {
	if d.Dialect != SQLite {
		return errors.New("db: only SQLite is copied to a file")
	}
	if _, err := d.writes.ExecContext(ctx, "VACUUM INTO ?", file); err != nil {
		return fmt.Errorf("db: copy: %w", err)
	}
	return nil
}
