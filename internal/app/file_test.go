package app_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"farley/internal/blob"
	"farley/internal/farleytest"
	"farley/internal/fault"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/write"
)

// put makes a file as Farley itself, with content.
func put(t *testing.T, e *farleytest.Env, r file.Record, content string) id.ID {
	t.Helper()
	c, err := e.Files.Save(t.Context(), strings.NewReader(content), 0)
	if err != nil {
		t.Fatal(err)
	}
	var x id.ID
	err = e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) (err error) {
		x, err = e.Files.Make(ctx, tx, r, &c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// blobs counts what lies in the store.
func blobs(t *testing.T, e *farleytest.Env) int {
	t.Helper()
	n := 0
	err := e.Config.Files.Each(t.Context(), func(blob.Stored) error {
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// catchUp moves the clock and runs all jobs that are due then.
func catchUp(t *testing.T, e *farleytest.Env, by time.Duration) {
	t.Helper()
	if _, err := e.Jobs.CatchUp(t.Context(), 1000, func() { e.Clock.Advance(e.Clock.Now().Add(by)) }); err != nil {
		t.Fatal(err)
	}
}

func TestFile_contentGoesWithItsRecord(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		x := put(t, e, file.Record{Name: "../../etc/hello.txt", Purpose: file.Upload}, "hello")
		r, info, err := e.Files.Open(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != "hello" || r.Close() != nil {
			t.Errorf("read %q, %v", got, err)
		}
		want := file.Info{ID: x, Name: "hello.txt", Type: "text/plain; charset=utf-8", Status: file.Ready, Purpose: file.Upload, Size: 5, Checksum: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}
		if diff := cmp.Diff(want, info, cmpopts.IgnoreUnexported(file.Info{})); diff != "" {
			t.Error(diff)
		}

		err = e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error { return e.Files.Drop(ctx, tx, x) })
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.Files.Open(t.Context(), x); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("open after drop: %v", err)
		}
		catchUp(t, e, 0)
		if n := blobs(t, e); n != 0 {
			t.Errorf("%d blobs are left", n)
		}
	})
}

// What a record never came to name is removed after a day; what is named stays.
func TestFile_sweep(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		put(t, e, file.Record{Name: "kept.txt", Purpose: file.Upload}, "kept")
		if _, err := e.Files.Save(t.Context(), strings.NewReader("forgotten"), 0); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			later time.Duration
			want  int
		}{{23 * time.Hour, 2}, {7 * time.Hour, 1}} {
			catchUp(t, e, c.later)
			if n := blobs(t, e); n != c.want {
				t.Errorf("after %v: %d blobs, want %d", c.later, n, c.want)
			}
		}
	})
}

// A purged record takes its content along.
func TestFile_purge(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		x := put(t, e, file.Record{Name: "a.txt", Purpose: file.Upload}, "a")
		k := e.Set.Kind("File")
		err := e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
			if err := tx.Set(ctx, k, x, map[string]any{"deleted_at": tx.Now}); err != nil {
				return err
			}
			_, done, err := tx.Purge(ctx, k, x, tx.Now.Add(time.Second), 10)
			if !done {
				t.Error("not done")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		catchUp(t, e, 0)
		if n := blobs(t, e); n != 0 {
			t.Errorf("%d blobs are left", n)
		}
	})
}

func TestFile_limit(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	if _, err := e.Files.Save(t.Context(), strings.NewReader("hello!"), 5); fault.CodeOf(err) != fault.Limited {
		t.Errorf("too long: %v", err)
	}
	if n := blobs(t, e); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
}
