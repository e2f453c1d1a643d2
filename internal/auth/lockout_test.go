package auth

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
)

// The defaults.
const (
	accountFailures = 10
	addressFailures = 50
)

var (
	home = Device{Address: netip.MustParseAddr("192.0.2.1")}
	away = Device{Address: netip.MustParseAddr("198.51.100.1")}
)

// wait returns after how many seconds a limited sign-in may come again; -1 for any other error, 0 for none.
func wait(err error) int {
	var f *fault.Error
	if err == nil {
		return 0
	}
	if !errors.As(err, &f) || f.Code != fault.Limited {
		return -1
	}
	n, _ := f.Extensions["retryAfter"].(int)
	return n
}

func (b *bench) fail(t *testing.T, email string, from Device) {
	t.Helper()
	_, err := b.Login(t.Context(), email, "wrong", from)
	wantCode(t, err, fault.Unauthenticated)
}

// An account is refused for longer and longer, wherever the attempts come from and whether it exists or not, by all nodes,
// without a hash or a look at the user; a success forgets it all.
func TestLockout_ofAnAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		for _, email := range []string{"rep@example.com", "nobody@example.com"} {
			for i := range accountFailures {
				from := home
				if i%2 == 1 {
					from = away
				}
				b.fail(t, email, from)
			}
			other := New(b.config) // another node
			var work int
			other.Passwords.derive = counting(&work)
			b.people.asked = nil
			for i, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
				_, err := other.Login(t.Context(), " "+strings.ToUpper(email), password, Device{Address: netip.MustParseAddr("203.0.113.5")})
				if got := wait(err); got != 60*minutes {
					t.Errorf("%s: after %d more failures: %v, want %d minutes", email, i, err, minutes)
				}
				if work != 0 || b.people.asked != nil {
					t.Errorf("%s: a limited sign-in costs %d hashes and %d look-ups", email, work, len(b.people.asked))
				}
				b.wait(time.Duration(minutes) * time.Minute)
				b.fail(t, email, away)
				b.people.asked = nil
			}
			b.wait(time.Hour)
		}
		b.mustLogin(t)
		for range accountFailures - 1 { // it begins anew
			b.fail(t, "rep@example.com", home)
		}
		b.mustLogin(t)
	})
}

// An address is refused whatever account it tries; addresses of one IPv6 network count as one, and the right password to
// one account does not clear it.
func TestLockout_ofAnAddress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		at := func(text string) Device { return Device{Address: netip.MustParseAddr(text)} }
		for i := range addressFailures {
			b.fail(t, "nobody"+strings.Repeat("x", i)+"@example.com", at([]string{"2001:db8::1", "2001:db8::ffff:2"}[i%2]))
			if i == addressFailures/2 {
				if _, err := b.Login(t.Context(), "rep@example.com", password, at("2001:db8::3")); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err := b.Login(t.Context(), "rep@example.com", password, at("2001:db8::4"))
		if wait(err) != 60 {
			t.Errorf("from the network: %v", err)
		}
		if _, err := b.Login(t.Context(), "rep@example.com", password, at("2001:db8:0:1::1")); err != nil {
			t.Errorf("from another network: %v", err)
		}
		b.wait(time.Minute)
		for range 3 { // a success leaves the count where it was
			if _, err := b.Login(t.Context(), "rep@example.com", password, at("2001:db8::5")); err != nil {
				t.Errorf("after a minute: %v", err)
			}
		}
		b.fail(t, "rep@example.com", at("2001:db8::6"))
		if _, err := b.Login(t.Context(), "rep@example.com", password, at("2001:db8::6")); wait(err) != 120 {
			t.Errorf("after one more failure: %v", err)
		}
	})
}

func TestLockout_isForgottenAfterAQuietDay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		for range accountFailures {
			b.fail(t, "rep@example.com", home)
		}
		b.wait(24 * time.Hour)
		for range accountFailures {
			b.fail(t, "rep@example.com", home)
		}
		if _, err := b.Login(t.Context(), "rep@example.com", password, home); wait(err) != 60 {
			t.Errorf("the failures of yesterday count: %v", err)
		}
		b.wait(24 * time.Hour)
		if err := b.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.rows(t, "sign_in_counters"); n != 0 {
			t.Errorf("%d counters are kept", n)
		}
	})
}

// Mailed tokens are forgotten when they no longer count.
func TestPurge_forgetsMailedTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		for _, life := range []time.Duration{ResetLife, InviteLife} {
			err := b.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, until, err := b.NewPasswordToken(ctx, tx, b.rep, life)
				if !until.Equal(b.clock.Now().Add(life)) {
					t.Errorf("good until %s", until)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{ResetLife - 1, 2}, {time.Second, 1}, {InviteLife, 0}} {
			b.wait(c.after)
			if err := b.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := b.rows(t, "password_tokens"); n != c.want {
				t.Errorf("%d tokens are kept, want %d", n, c.want)
			}
		}
	})
}

func (b *bench) rows(t *testing.T, table string) (n int) {
	t.Helper()
	tx, err := b.db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	if err := tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM "+table, nil, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The table does not tell who tried to sign in, not even to who can guess the e-mail.
func TestLockout_keepsNobodysName(t *testing.T) {
	t.Parallel()
	b := newBench(t, testdb.SQLite(t).DB)
	b.fail(t, "rep@example.com", home)
	stranger := newBench(t, testdb.SQLite(t).DB) // with other keys
	of := b.signInCounters("rep@example.com", home.Address)
	if d := cmp.Diff(of, stranger.signInCounters("rep@example.com", home.Address), cmp.AllowUnexported(counted{})); d == "" {
		t.Error("the hashes are the same under another key")
	}
	if b.rows(t, "sign_in_counters") != len(of) {
		t.Error("not one counter each")
	}
	same := func(a, z string) bool {
		return cmp.Equal(b.signInCounters(a, home.Address), b.signInCounters(z, home.Address), cmp.AllowUnexported(counted{}))
	}
	if !same("rep@example.com", "ＲＥＰ@example.com") {
		t.Error("another spelling of the same account has a count of its own")
	}
}

func TestUnlock_forgetsTheAccountAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		for range accountFailures {
			b.fail(t, "rep@example.com", home)
			b.fail(t, "nobody@example.com", home)
		}
		err := b.db.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.UnlockIn(ctx, tx, "Rep@example.com") })
		if err != nil {
			t.Fatal(err)
		}
		b.mustLogin(t)
		if _, err := b.Login(t.Context(), "nobody@example.com", password, home); wait(err) != 60 {
			t.Errorf("the other account: %v", err)
		}
	})
}

func TestNetwork_takesNetworksOfVersion6Together(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"fe80::1%eth0", "fe80::1", true},
	} {
		if got := network(netip.MustParseAddr(c.a)) == network(netip.MustParseAddr(c.b)); got != c.same {
			t.Errorf("%s and %s: same %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

func TestLimited_saysWhenToComeBack(t *testing.T) {
	t.Parallel()
	if got := wait(limited(1500 * time.Millisecond)); got != 2 {
		t.Errorf("come back in %d s", got)
	}
}

// The trail hears of sign-ins, refusals and lock-outs, with the user where there is one, and never of what was typed.
func TestRecorder_hearsOfSignIns(t *testing.T) {
	t.Parallel()
	b := newBench(t, testdb.SQLite(t).DB)
	b.config.Lockout = Lockout{AccountFailures: 2}
	b.start()
	g := b.mustLogin(t)
	for _, email := range []string{"nobody@example.com", "gone@example.com", "rep@example.com", "rep@example.com", "rep@example.com"} {
		_, _ = b.Login(t.Context(), email, map[bool]string{true: password, false: "typed in secret"}[email == "gone@example.com"], home)
	}
	for _, e := range b.events {
		if strings.Contains(e.Reason, "typed") || strings.Contains(e.Reason, "@") || !e.At.Equal(b.clock.Now()) {
			t.Errorf("event %+v", e)
		}
	}
	if e := b.events[0]; e.User != b.rep || e.Session != g.SessionID {
		t.Errorf("event %+v", e)
	}
	if e := b.events[2]; e.User != b.people.byEmail["gone@example.com"].ID || e.Address != home.Address {
		t.Errorf("event %+v", e)
	}
	unknown := "SIGN_IN_REFUSED unknown user, or one without a password"
	want := []string{"SIGN_IN", unknown, "SIGN_IN_REFUSED inactive user", "SIGN_IN_REFUSED wrong password", "SIGN_IN_REFUSED wrong password", "LOCKED_OUT"}
	if d := cmp.Diff(want, b.kinds()); d != "" {
		t.Error(d)
	}
	g = b.mustRefreshAll(t, g)
	b.wait(Grace + time.Second)
	_, err := b.Refresh(t.Context(), g.RefreshToken)
	wantCode(t, err, fault.Unauthenticated)
	if d := cmp.Diff([]string{"TOKEN_REUSED"}, b.kinds()); d != "" {
		t.Error(d)
	}
}

// mustRefreshAll spends the refresh token of g and returns g.
func (b *bench) mustRefreshAll(t *testing.T, g Grant) Grant {
	t.Helper()
	b.mustRefresh(t, g.RefreshToken)
	return g
}
