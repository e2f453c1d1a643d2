package file

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"farley/internal/fault"
	"farley/internal/id"
)

func TestCleanName_isOneAlways(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got := CleanName(rapid.String().Draw(t, "name"))
		if got == "" || got != filepath.Base(got) || strings.ContainsAny(got, `/\`) || utf8.RuneCountInString(got) > maxName || got == "." || got == ".." {
			t.Errorf("%q", got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) || CleanName(got) != got {
			t.Errorf("%q is not clean", got)
		}
	})
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"": "file", "..": "file", `C:\a\b.txt`: "b.txt", "../../etc/passwd": "passwd", "a\u202egpj.exe": "agpj.exe", " x \x00": "x", "a/": "file"} {
		if got := CleanName(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

// An address says again what it was made of, until its time is over, and no changed bit of it is taken.
func TestAddress(t *testing.T) {
	t.Parallel()
	f := &Files{Config: Config{Secret: []byte("0123456789abcdef0123456789abcdef")}}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		want := address{use(rapid.IntRange(1, 2).Draw(t, "use")), id.New(41, now), id.New(16, now), now.Add(time.Minute)}
		token := strings.TrimPrefix(f.seal(want), Path)
		if got, err := f.unseal(token, now); err != nil || got != want {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
		if _, err := f.unseal(token, want.expires); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("good at its end: %v", err)
		}
		b, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		b[rapid.IntRange(0, len(b)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := f.unseal(base64.RawURLEncoding.EncodeToString(b), now); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("a changed one is taken: %v", err)
		}
	})
}

// What a browser would run is told as text.
func TestSniff(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"<!DOCTYPE html><script>alert(1)</script>": "text/plain; charset=utf-8", "<?xml version=\"1.0\"?><svg/>": "text/plain; charset=utf-8",
		"%PDF-1.7": "application/pdf", "name,age\r\n": "text/plain; charset=utf-8", "\x00\x01": "application/octet-stream",
	} {
		if got := sniff([]byte(s)); got != want {
			t.Errorf("%q is %s, want %s", s, got, want)
		}
	}
}
