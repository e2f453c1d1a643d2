package auth

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/fault"
)

func TestLimiter_refusesAfterTheFailuresOfOneWindow(t *testing.T) {
	t.Parallel()
	l := newLimiter(3, time.Minute, 10)
	key := keyOf("a@example.com", netip.Addr{})
	for i := range 3 {
		if wait := l.begin(key, noon.Add(time.Duration(i)*time.Second)); wait != 0 {
			t.Fatalf("attempt %d has to wait %s", i, wait)
		}
		l.end(key, noon.Add(time.Duration(i)*time.Second), failed)
	}
	at := noon.Add(3 * time.Second)
	if got, want := l.begin(key, at), 57*time.Second; got != want {
		t.Errorf("begin: wait %s, want %s", got, want)
	}
	if got, want := l.blocked(key, at), 57*time.Second; got != want {
		t.Errorf("blocked: wait %s, want %s", got, want)
	}
	if wait := l.begin(keyOf("b@example.com", netip.Addr{}), at); wait != 0 {
		t.Errorf("another account has to wait %s", wait)
	}
	if wait := l.begin(keyOf("a@example.com", netip.MustParseAddr("192.0.2.1")), at); wait != 0 {
		t.Errorf("another address has to wait %s", wait)
	}
	if wait := l.blocked(key, noon.Add(time.Minute)); wait != 0 {
		t.Errorf("after the window: wait %s", wait)
	}
	if wait := l.begin(key, noon.Add(time.Minute)); wait != 0 {
		t.Errorf("after the window: wait %s", wait)
	}
}

func TestLimiter_countsAttemptsUnderWay(t *testing.T) {
	t.Parallel()
	l := newLimiter(2, time.Minute, 10)
	key := keyOf("a@example.com", netip.Addr{})
	for range 2 {
		if l.begin(key, noon) != 0 {
			t.Fatal("the first two have to wait")
		}
	}
	if l.begin(key, noon) == 0 {
		t.Error("a third attempt at the same time is let through")
	}
	l.end(key, noon, undecided)
	if wait := l.begin(key, noon); wait != 0 {
		t.Errorf("an attempt that came to nothing counts: wait %s", wait)
	}
}

func TestLimiter_successForgetsFailures(t *testing.T) {
	t.Parallel()
	l := newLimiter(2, time.Minute, 10)
	key := keyOf("a@example.com", netip.Addr{})
	for range 5 {
		for _, how := range []outcome{failed, succeeded} {
			if wait := l.begin(key, noon); wait != 0 {
				t.Fatalf("wait %s", wait)
			}
			l.end(key, noon, how)
		}
	}
	if len(l.entries) != 0 || l.byAge.Len() != 0 {
		t.Errorf("%d entries, %d by age kept", len(l.entries), l.byAge.Len())
	}
}

func TestLimiter_isBoundedAndForgetsTheOldest(t *testing.T) {
	t.Parallel()
	l := newLimiter(1, time.Hour, 3)
	keys := make([]limiterKey, 5)
	for i := range keys {
		keys[i] = keyOf(string(rune('a'+i)), netip.Addr{})
		l.begin(keys[i], noon.Add(time.Duration(i)*time.Second))
		l.end(keys[i], noon.Add(time.Duration(i)*time.Second), failed)
	}
	if len(l.entries) != 3 || l.byAge.Len() != 3 {
		t.Fatalf("%d entries, %d by age, want 3", len(l.entries), l.byAge.Len())
	}
	var blocked []bool
	for _, key := range keys {
		blocked = append(blocked, l.blocked(key, noon.Add(5*time.Second)) > 0)
	}
	if d := cmp.Diff([]bool{false, false, true, true, true}, blocked); d != "" {
		t.Error(d)
	}
	// An attempt whose entry was forgotten meanwhile still counts when it fails.
	l.end(keys[0], noon.Add(5*time.Second), failed)
	if l.blocked(keys[0], noon.Add(5*time.Second)) == 0 {
		t.Error("a failure is lost")
	}
}

func TestKeyOf_takesNetworksOfVersion6Together(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
	} {
		if got := keyOf("x", netip.MustParseAddr(c.a)) == keyOf("x", netip.MustParseAddr(c.b)); got != c.same {
			t.Errorf("%s and %s: same %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

func TestLimited_saysWhenToComeBack(t *testing.T) {
	t.Parallel()
	got := limited(1500 * time.Millisecond).(*fault.Error)
	if got.Code != fault.Limited {
		t.Errorf("code %s", got.Code)
	}
	if d := cmp.Diff(map[string]any{"retryAfter": 2}, got.Extensions); d != "" {
		t.Error(d)
	}
}
