package db_test

import (
	"context"
	"net/url"
	"os"
	"testing"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// What is written comes into the file beside those who write, once it is much.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	exec(t, d, "CREATE TABLE texts (id INTEGER PRIMARY KEY, text BLOB)")
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	const pages = 100
	size := func() int64 {
		t.Helper()
		d.Copied()
		s, err := os.Stat(u.Path)
		if err != nil {
			t.Fatal(err)
		}
		return s.Size() / 4096
	}
	write := func() {
		t.Helper()
		exec(t, d, "INSERT INTO texts (text) VALUES (zeroblob(?))", pages*4096)
	}
	write()
	if n := size(); n >= pages {
		t.Errorf("the file has %d pages, though little was written", n)
	}
	d.SetCheckpoint(pages)
	err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO texts (text) VALUES (zeroblob(?))", pages*4096)
		if n := size(); n >= pages {
			t.Errorf("the file has %d pages, though nothing was committed", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := size(); n < 2*pages {
		t.Errorf("the file has %d pages, want %d at least", n, 2*pages)
	}
	d.SetCheckpoint(1 << 30)
	before := size()
	write()
	if n := size(); n != before {
		t.Errorf("the file has %d pages, had %d: little was written since", n, before)
	}
}
