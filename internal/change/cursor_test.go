package change_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/change"
	"farley/internal/fault"
)

func newCodec(t testing.TB, fill byte) *change.Codec {
	t.Helper()
	c, err := change.NewCodec(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCodec_opensWhatItSealed(t *testing.T) {
	t.Parallel()
	c, sameKey := newCodec(t, 7), newCodec(t, 7)
	rapid.Check(t, func(t *rapid.T) {
		position := rapid.Int64Range(0, math.MaxInt64).Draw(t, "position")
		epoch := rapid.String().Draw(t, "epoch")
		cursor := c.Seal(position, epoch)
		if len(cursor) != 60 {
			t.Errorf("cursor has %d characters; want 60", len(cursor))
		}
		if cursor != sameKey.Seal(position, epoch) {
			t.Error("two nodes seal differently")
		}
		got, err := sameKey.Open(cursor, epoch)
		if err != nil || got != position {
			t.Errorf("opened as %d, %v; want %d", got, err, position)
		}
		_, err = c.Open(cursor, epoch+"x")
		if fault.CodeOf(err) != fault.Resync {
			t.Errorf("another epoch: %v; want RESYNC", err)
		}
	})
}

func TestCodec_refusesWhatItDidNotSeal(t *testing.T) {
	t.Parallel()
	c := newCodec(t, 7)
	genuine := c.Seal(12, "e")
	for name, cursor := range map[string]string{
		"empty":       "",
		"text":        "cursor from last time",
		"other key":   newCodec(t, 8).Seal(12, "e"),
		"cut":         genuine[:59],
		"longer":      genuine + "A",
		"version":     "B" + genuine[1:],
		"end of line": genuine + "\n",
	} {
		_, err := c.Open(cursor, "e")
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Invalid {
			t.Errorf("%s: %v; want INVALID", name, err)
			continue
		}
		want := []fault.Violation{{Path: []any{"after"}, Code: "FORMAT", Message: "This is not a change cursor."}}
		if diff := cmp.Diff(want, f.Violations); diff != "" {
			t.Errorf("%s: violations (-want +got):\n%s", name, diff)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(genuine)
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("ABCabc012-_!")).Draw(t, "char")
		if position, err := c.Open(string(b), "e"); string(b) != genuine && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("changed cursor opened as %d, %v", position, err)
		}
	})
}

func FuzzCodec_open(f *testing.F) {
	c := newCodec(f, 7)
	f.Add(c.Seal(1, "e"))
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, cursor string) {
		position, err := c.Open(cursor, "e")
		if err == nil && c.Seal(position, "e") != cursor {
			t.Errorf("%q opens as %d", cursor, position)
		}
	})
}

func TestNewCodec_wants32Bytes(t *testing.T) {
	t.Parallel()
	if _, err := change.NewCodec(make([]byte, 16)); err == nil {
		t.Error("a key of 16 bytes was taken")
	}
}

// A restored database gives the positions behind its backup once more, to other changes: cursors of before are void.
func TestCodec_historiesExpire(t *testing.T) {
	t.Parallel()
	first, second, third := newCodec(t, 7), newCodec(t, 7), newCodec(t, 7)
	second.SetHistory(0xdeadbeef)
	third.SetHistory(1)
	rapid.Check(t, func(t *rapid.T) {
		position := rapid.Int64Range(0, 1<<48-1).Draw(t, "position")
		epoch := rapid.String().Draw(t, "epoch")
		for i, c := range []*change.Codec{first, second, third} {
			cursor := c.Seal(position, epoch)
			if len(cursor) != 60 {
				t.Errorf("cursor has %d characters; want 60", len(cursor))
			}
			if got, err := c.Open(cursor, epoch); err != nil || got != position {
				t.Errorf("history %d: opened as %d, %v; want %d", i, got, err, position)
			}
			if _, err := c.Open(cursor, epoch+"x"); fault.CodeOf(err) != fault.Resync {
				t.Errorf("history %d, another epoch: %v; want RESYNC", i, err)
			}
			for j, other := range []*change.Codec{first, second, third} {
				if _, err := other.Open(cursor, epoch); i != j && fault.CodeOf(err) != fault.CursorExpired {
					t.Errorf("a cursor of history %d in history %d: %v; want CURSOR_EXPIRED", i, j, err)
				}
			}
		}
	})
}
