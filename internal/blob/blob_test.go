package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"pgregory.net/rapid"

	"farley/internal/blob"
)

const (
	key   = "file_0123456789abcdefghjkmnpqrs"
	other = "file_0123456789abcdefghjkmnpqrt"
	// sha256 of "hello"
	hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
)

// stores runs a test on each kind of store.
func stores(t *testing.T, run func(t *testing.T, s blob.Store)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		run(t, open(t, "folder://"+filepath.ToSlash(t.TempDir())+"/blobs"))
	})
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		run(t, open(t, bucket(t)))
	})
}

func open(t *testing.T, address string) blob.Store {
	t.Helper()
	s, err := blob.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bucket starts a server that speaks S3, and returns the address of a bucket with a prefix.
func bucket(t *testing.T) string {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("crm"); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http://", "s3://key:secret@", 1) + "/crm/files?region=eu-central-1&insecure=true"
}

func read(t *testing.T, s blob.Store, key string) string {
	t.Helper()
	r, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil || r.Size() != int64(len(b)) {
		t.Fatalf("read %d of %d bytes: %v", len(b), r.Size(), err)
	}
	return string(b)
}

func keys(t *testing.T, s blob.Store) []string {
	t.Helper()
	var out []string
	err := s.Each(t.Context(), func(b blob.Stored) error {
		out = append(out, b.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestStore(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, s blob.Store) {
		got, err := s.Put(t.Context(), key, strings.NewReader("hello"), 5)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(blob.Info{Key: key, Size: 5, SHA256: hello}, got); diff != "" {
			t.Error(diff)
		}
		if got := read(t, s, key); got != "hello" {
			t.Errorf("read %q", got)
		}
		stat, err := s.Stat(t.Context(), key)
		if err != nil || stat.Size != 5 || stat.Key != key || stat.At.IsZero() {
			t.Errorf("stat: %+v, %v", stat, err)
		}
		if diff := cmp.Diff([]string{key}, keys(t, s)); diff != "" {
			t.Error(diff)
		}
		for range 2 {
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Open(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("open after delete: %v", err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("stat after delete: %v", err)
		}
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("check: %v", err)
		}
		if got := keys(t, s); got != nil {
			t.Errorf("check left %v", got)
		}
	})
}

// More than the smallest part of an upload in parts, read from the middle as XLSX readers do.
func TestStore_largeAndInPlaces(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789"), 1_200_000)
	stores(t, func(t *testing.T, s blob.Store) {
		info, err := s.Put(t.Context(), key, bytes.NewReader(content), 0)
		if err != nil || info.Size != int64(len(content)) {
			t.Fatalf("%+v, %v", info, err)
		}
		r, err := s.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		part := make([]byte, 4)
		if _, err := r.ReadAt(part, 7_000_003); err != nil || string(part) != "3456" {
			t.Errorf("at 7,000,003: %q, %v", part, err)
		}
		if _, err := r.Seek(-5, io.SeekEnd); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(r); err != nil || string(rest) != "56789" {
			t.Errorf("from the fifth last: %q, %v", rest, err)
		}
	})
}

func TestStore_nothingOfWhatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line is dead")
	ended, end := context.WithCancel(context.Background())
	end()
	stores(t, func(t *testing.T, s blob.Store) {
		for name, c := range map[string]struct {
			ctx   context.Context
			r     io.Reader
			limit int64
			want  func(error) bool
		}{
			"too long":  {t.Context(), strings.NewReader("hello!"), 5, func(err error) bool { var e *blob.TooLargeError; return errors.As(err, &e) && e.Limit == 5 }},
			"broken":    {t.Context(), io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(broken)), 0, func(err error) bool { return errors.Is(err, broken) }},
			"cancelled": {ended, strings.NewReader("hello"), 0, func(err error) bool { return errors.Is(err, context.Canceled) }},
		} {
			if _, err := s.Put(c.ctx, other, c.r, c.limit); !c.want(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := keys(t, s); got != nil {
			t.Errorf("left %v", got)
		}
	})
}

func TestStore_keysAreNoPaths(t *testing.T) {
	t.Parallel()
	stores(t, func(t *testing.T, s blob.Store) {
		for _, bad := range []string{"", "../../etc/passwd", "/etc/passwd", "a/b/c/d/e/f", "..%2f..%2fx", ".hidden-file", "file_ABCDEFGH", "file_1\x00234567", "file_012345678.part", strings.Repeat("a", 81)} {
			if _, err := s.Put(t.Context(), bad, strings.NewReader("x"), 0); err == nil {
				t.Errorf("put %q", bad)
			}
			if _, err := s.Open(t.Context(), bad); err == nil || errors.Is(err, blob.ErrNotFound) {
				t.Errorf("open %q: %v", bad, err)
			}
			if _, err := s.Stat(t.Context(), bad); err == nil || errors.Is(err, blob.ErrNotFound) {
				t.Errorf("stat %q: %v", bad, err)
			}
		}
		if got := keys(t, s); got != nil {
			t.Errorf("left %v", got)
		}
	})
}

func TestValidKey_neverLeavesItsFolder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "key")
		if blob.ValidKey(s) && (filepath.Base(s) != s || !filepath.IsLocal(s) || strings.HasPrefix(s, ".")) {
			t.Errorf("%q is a key", s)
		}
	})
}

// A link that somebody put into the folder leads nowhere.
func TestFolder_staysInside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, "folder://"+filepath.ToSlash(dir)+"/blobs")
	place := filepath.Join(dir, "blobs", key[len(key)-2:])
	if err := os.MkdirAll(place, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(place, key)); err != nil {
		t.Skip(err)
	}
	if r, err := s.Open(t.Context(), key); err == nil {
		_ = r.Close()
		t.Error("the link was followed")
	}
}

// What a crash leaves of a blob is told, so that it can be removed, and is no blob.
func TestFolder_afterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, "folder://"+filepath.ToSlash(dir))
	place := filepath.Join(dir, key[len(key)-2:])
	if err := os.MkdirAll(place, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(place, key+".part"), filepath.Join(dir, "README.txt"), filepath.Join(dir, key)} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{key + ".part"}, keys(t, s)); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stat: %v", err)
	}
	if err := s.Delete(t.Context(), key+".part"); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, s); got != nil {
		t.Errorf("left %v", got)
	}
}

func TestOpen_refuses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"folder://relative/path":       "folder:///path",
		"folder:///":                   "folder:///path",
		"ftp://host/x":                 `"ftp"`,
		"s3://key:geheim@host":         "host and bucket",
		"s3://key:geheim@host/b?x=1":   "parameter x",
		"s3://key:geheim@ho st/bucket": "cannot be read",
	} {
		_, err := blob.Open(address)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v; want %s", address, err, want)
		}
	}
}

// Where the files are is said without the secret; a store that refuses or is away says so.
func TestS3_saysWhatIsWrong(t *testing.T) {
	t.Parallel()
	address := bucket(t)
	s := open(t, strings.Replace(address, "/crm/", "/nothing/", 1))
	if err := s.Check(t.Context()); err == nil || err.Error() != "there is no bucket nothing" {
		t.Errorf("check: %v", err)
	}
	if got := s.String(); strings.Contains(got, "secret") || !strings.HasPrefix(got, "bucket nothing at 127.0.0.1:") {
		t.Errorf("told as %q", got)
	}
}
