package id_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"farley/internal/id"
)

const account id.Kind = 16

func TestNew_carriesKindAndTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := id.Kind(rapid.IntRange(1, int(id.MaxKind)).Draw(t, "kind"))
		ms := rapid.Int64Range(0, 1<<47).Draw(t, "ms")
		x := id.New(k, time.UnixMilli(ms))
		if x.Kind() != k || x.Time().UnixMilli() != ms {
			t.Fatalf("%s is of kind %d at %v", x, x.Kind(), x.Time())
		}
		y, err := id.Parse(x.String())
		if err != nil || y != x {
			t.Fatalf("%s is read as %s, %v", x, y, err)
		}
		var z id.ID
		v, err := x.Value()
		if err != nil || z.Scan(v) != nil || z != x {
			t.Fatalf("%s is stored as %v and read as %s", x, v, z)
		}
	})
}

func TestNew_sortsByTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	a, b := id.New(account, at), id.New(account, at.Add(time.Millisecond))
	if a.Compare(b) >= 0 || a.String() >= b.String() {
		t.Errorf("%s is not before %s", a, b)
	}
}

func TestParse_refuses(t *testing.T) {
	t.Parallel()
	good := id.New(account, time.Now()).String()
	body := strings.TrimPrefix(good, "acct_")
	for _, s := range []string{
		"", "acct_", body, "cont_" + body, "acct_" + body[:25], good + "0", "ACCT_" + body, "acct_" + strings.ToUpper(body),
		"acct_" + strings.Repeat("z", 26), "acct_" + strings.Repeat("0", 26), " " + good, good + "\n", "acct_" + body[:25] + "i",
	} {
		if x, err := id.Parse(s); !errors.Is(err, id.ErrInvalid) {
			t.Errorf("%q is read as %s, %v", s, x, err)
		}
	}
}

func TestZero_isNull(t *testing.T) {
	t.Parallel()
	var x id.ID
	if v, err := x.Value(); v != nil || err != nil {
		t.Errorf("it is stored as %v, %v", v, err)
	}
	y := id.New(account, time.Now())
	if err := y.Scan(nil); err != nil || !y.IsZero() {
		t.Errorf("NULL is read as %s, %v", y, err)
	}
	if err := y.Scan([]byte("short")); !errors.Is(err, id.ErrInvalid) {
		t.Errorf("five bytes are read as %s, %v", y, err)
	}
	b, err := json.Marshal(struct{ X id.ID }{})
	if err != nil || string(b) != `{"X":""}` {
		t.Errorf("it is written %s, %v", b, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("acct_06h04yypg2011dxnrdkq3sfv5m")
	f.Add("acct_")
	f.Fuzz(func(t *testing.T, s string) {
		x, err := id.Parse(s)
		if err == nil && x.String() != s {
			t.Errorf("%q is read as %s", s, x)
		}
	})
}
