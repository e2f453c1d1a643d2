package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
)

func TestLogin_beginsASession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		g, err := b.Login(t.Context(), "  Rep@Example.COM\t", password, Device{Name: " phone "})
		if err != nil {
			t.Fatal(err)
		}
		now := b.clock.Now()
		want := Grant{
			UserID: b.rep, SessionID: g.SessionID, AccessToken: g.AccessToken, RefreshToken: g.RefreshToken,
			ExpiresAt: now.Truncate(time.Second).Add(15 * time.Minute), RefreshExpiresAt: now.Add(30 * 24 * time.Hour),
		}
		if d := cmp.Diff(want, g); d != "" {
			t.Error(d)
		}
		if g.SessionID.Kind() != KindSession {
			t.Errorf("session id of kind %d", g.SessionID.Kind())
		}
		if _, ok := parseRefreshToken(g.RefreshToken); !ok {
			t.Error("the refresh token is not of our form")
		}
		session, err := b.Check(t.Context(), g.SessionID)
		if err != nil {
			t.Fatal(err)
		}
		wantSession := Session{
			ID: g.SessionID, UserID: b.rep, Device: "phone", CreatedAt: now, LastUsedAt: now, ExpiresAt: g.RefreshExpiresAt,
		}
		if d := cmp.Diff(wantSession, session); d != "" {
			t.Error(d)
		}
		claims, err := b.Authenticate(t.Context(), g.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		if claims.UserID != b.rep || claims.SessionID != g.SessionID {
			t.Errorf("claims %+v", claims)
		}
	})
}

func TestLogin_refusesAlikeWithTheSameWork(t *testing.T) {
	t.Parallel()
	d := testdb.SQLite(t)
	for name, c := range map[string]struct{ email, password string }{
		"unknown e-mail":                {"nobody@example.com", password},
		"wrong password":                {"rep@example.com", "wrong"},
		"empty password":                {"rep@example.com", ""},
		"huge password":                 {"rep@example.com", strings.Repeat("x", 1<<20)},
		"inactive user":                 {"gone@example.com", password},
		"inactive user, wrong password": {"gone@example.com", "wrong"},
		"user without a password":       {"api@example.com", ""},
		"damaged hash":                  {"damaged@example.com", password},
		"empty e-mail":                  {"", password},
		"not text":                      {"rep@example.com\xff", password},
		"zero byte":                     {"rep\x00@example.com", password},
		"endless e-mail":                {strings.Repeat("x", 1<<16) + "@example.com", password},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, d.DB)
			b.people.byEmail["damaged@example.com"] = Account{ID: b.rep, PasswordHash: "$argon2id$", Active: true}
			var work int
			b.Passwords.derive = counting(&work)
			g, err := b.Login(t.Context(), c.email, c.password, Device{})
			if d := cmp.Diff(Grant{}, g); d != "" {
				t.Error(d)
			}
			var refusal *fault.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v", err)
			}
			want := fault.New(fault.Unauthenticated, "The e-mail or the password is wrong.")
			got := fault.New(refusal.Code, refusal.Message, refusal.Args...)
			if d := cmp.Diff(want.Error(), got.Error()); d != "" || refusal.Extensions != nil {
				t.Error(d, refusal.Extensions)
			}
			if work != 1 {
				t.Errorf("%d hashes computed, want 1", work)
			}
		})
	}
}

func TestLogin_togetherCannotPassTheLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, testdb.SQLite(t).DB)
	const tries = 40
	codes := make(chan fault.Code, tries)
	for range tries {
		go func() {
			_, err := b.Login(context.WithoutCancel(t.Context()), "rep@example.com", "wrong", Device{})
			codes <- fault.CodeOf(err)
		}()
	}
	got := map[fault.Code]int{}
	for range tries {
		got[<-codes]++
	}
	want := map[fault.Code]int{fault.Unauthenticated: accountFailures, fault.Limited: tries - accountFailures}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLogin_togetherWithTheRightPasswordIsNotLimited(t *testing.T) {
	t.Parallel()
	b := newBench(t, testdb.SQLite(t).DB)
	const tries = 40
	errs := make(chan error, tries)
	for range tries {
		go func() {
			_, err := b.Login(context.WithoutCancel(t.Context()), "rep@example.com", password, Device{})
			errs <- err
		}()
	}
	for range tries {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestLogin_rehashesOldHashes(t *testing.T) {
	t.Parallel()
	b := newBench(t, testdb.SQLite(t).DB)
	old := b.people.byEmail["rep@example.com"].PasswordHash
	b.config.PasswordCost = Cost{Memory: 16, Time: 1, Threads: 1}
	b.config.Rehash = func(_ context.Context, userID id.ID, was, is string) error {
		if userID != b.rep || was != old {
			t.Errorf("rehash of %s, old hash right: %v", userID, was == old)
		}
		b.people.change("rep@example.com", func(a *Account) { a.PasswordHash = is })
		return nil
	}
	b.start()
	b.mustLogin(t)
	stored := b.people.byEmail["rep@example.com"].PasswordHash
	if stored == old || b.Passwords.NeedsRehash(stored) {
		t.Fatal("the old hash stays")
	}
	b.mustLogin(t)
	if b.people.byEmail["rep@example.com"].PasswordHash != stored {
		t.Error("a present hash is replaced")
	}
	_, err := b.Login(t.Context(), "rep@example.com", "wrong", Device{})
	wantCode(t, err, fault.Unauthenticated)
}

func TestLogin_deviceNameFitsTheColumn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		for device, want := range map[string]string{
			strings.Repeat("ع", 300):  strings.Repeat("ع", 200),
			"phone\xff of \x00 Ali 📱": "phone of  Ali 📱",
			"":                        "",
		} {
			g, err := b.Login(t.Context(), "rep@example.com", password, Device{Name: device})
			if err != nil {
				t.Fatal(err)
			}
			session, err := b.Check(t.Context(), g.SessionID)
			if err != nil {
				t.Fatal(err)
			}
			if session.Device != want {
				t.Errorf("device %q, want %q", session.Device, want)
			}
		}
	})
}

func TestLogin_failureOfTheDatabaseIsNotTheUsers(t *testing.T) {
	t.Parallel()
	b := unmigrated(t)
	for range accountFailures + 1 {
		_, err := b.Login(t.Context(), "rep@example.com", password, Device{})
		wantCode(t, err, fault.Internal)
	}
	_, err := b.Check(t.Context(), id.New(KindSession, noon))
	wantCode(t, err, fault.Internal)
	if _, err := b.Active(t.Context(), id.New(KindSession, noon)); err == nil {
		t.Error("Active hides that the database failed")
	}
	_, err = b.Refresh(t.Context(), newRefreshToken().String())
	wantCode(t, err, fault.Internal)
}
