package testdb

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"farley/internal/db"
)

// sqliteTemplate is the content of a migrated database file, made once per process.
var sqliteTemplate = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "farley-sqlite-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "farley.db")
	d, err := db.Open(context.Background(), sqliteURL(path))
	if err != nil {
		return nil, err
	}
	if err := d.Migrate(context.Background()); err != nil {
		_ = d.Close()
		return nil, err
	}
	if err := d.Close(); err != nil { // moves the write-ahead log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

func copySQLiteTemplate(path string) error {
	content, err := sqliteTemplate()
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}
