package read

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func testSealer(t testing.TB) *sealer {
	t.Helper()
	s, err := newSealer([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCursor_opensOnlyWhereItWasMade(t *testing.T) {
	t.Parallel()
	s := testSealer(t)
	value := rapid.OneOf(
		rapid.Just(any(nil)),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) any { return b }),
		rapid.Map(rapid.Int64Range(-1e15, 1e15), func(n int64) any { return time.UnixMicro(n).UTC() }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(value, 1, 6).Draw(rt, "values")
		bound := rapid.SliceOf(rapid.Byte()).Draw(rt, "bound")
		sealed := string(s.seal(nil, bound, values))
		if again := string(s.seal(nil, bound, values)); again != sealed {
			rt.Fatalf("one position, two cursors: %s, %s", sealed, again)
		}
		got, err := s.open(sealed, bound)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(values, got); diff != "" {
			rt.Fatal(diff)
		}
		if _, err := s.open(sealed, append([]byte{1}, bound...)); err == nil {
			rt.Fatal("opened for another list")
		}
		b, _ := base64.RawURLEncoding.DecodeString(sealed)
		b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if _, err := s.open(base64.RawURLEncoding.EncodeToString(b), bound); err == nil {
			rt.Fatal("opened after a bit was changed")
		}
	})
}

func TestCursor_hidesLength(t *testing.T) {
	t.Parallel()
	s := testSealer(t)
	short, long := s.seal(nil, nil, []any{"x"}), s.seal(nil, nil, []any{strings.Repeat("x", 25)})
	if len(short) != len(long) {
		t.Errorf("lengths %d and %d tell the length of the value", len(short), len(long))
	}
}

func TestNewSealer_wants32Bytes(t *testing.T) {
	t.Parallel()
	if _, err := newSealer(make([]byte, 31)); err == nil {
		t.Error("31 bytes were taken")
	}
}

func FuzzCursor(f *testing.F) {
	s := testSealer(f)
	f.Add(string(s.seal(nil, []byte("b"), []any{"x", int64(1)})), []byte("b"), []byte{tagText, 200})
	f.Add("", []byte{}, []byte{tagInt})
	f.Fuzz(func(t *testing.T, cursor string, bound, plain []byte) {
		if values, err := s.open(cursor, bound); err == nil && string(s.seal(nil, bound, values)) != cursor {
			t.Errorf("%q is another cursor than that of its position", cursor)
		}
		_, _ = decodeKeys(plain) // must not panic, whatever it is
	})
}
