package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
)

func TestLogout_endsOneSessionAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		here, there := b.mustLogin(t), b.mustLogin(t)
		for range 2 { // the second time is no error and no news
			if err := b.Logout(t.Context(), here.SessionID); err != nil {
				t.Fatal(err)
			}
		}
		_, err := b.Authenticate(t.Context(), here.AccessToken)
		wantSameRefusal(t, err)
		_, err = b.Check(t.Context(), here.SessionID)
		wantSameRefusal(t, err)
		if _, err := b.Tokens.Verify(here.AccessToken); err != nil {
			t.Errorf("the signature alone: %v", err)
		}
		b.wantActive(t, here.SessionID, false)
		b.wantActive(t, there.SessionID, true)
		if d := cmp.Diff([]id.ID{here.SessionID}, b.told()); d != "" {
			t.Errorf("told of: %s", d)
		}
		session, err := b.session(t.Context(), here.SessionID)
		if err != nil {
			t.Fatal(err)
		}
		if session.RevokedWhy != SignedOut || !session.RevokedAt.Equal(b.clock.Now()) {
			t.Errorf("revoked at %s for %q", session.RevokedAt, session.RevokedWhy)
		}
		if err := b.Logout(t.Context(), id.New(KindSession, noon)); err != nil {
			t.Errorf("a session that does not exist: %v", err)
		}
	})
}

func TestLogoutUser_endsAllSessionsOfOneUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		stranger, err := b.Begin(t.Context(), id.New(7, noon), "")
		if err != nil {
			t.Fatal(err)
		}
		first, second := b.mustLogin(t), b.mustLogin(t)
		if err := b.LogoutUser(t.Context(), b.rep); err != nil {
			t.Fatal(err)
		}
		b.wantActive(t, first.SessionID, false)
		b.wantActive(t, second.SessionID, false)
		b.wantActive(t, stranger.SessionID, true)
		told := map[id.ID]int{}
		for _, s := range b.told() {
			told[s]++
		}
		if d := cmp.Diff(map[id.ID]int{first.SessionID: 1, second.SessionID: 1}, told); d != "" {
			t.Errorf("told of: %s", d)
		}
	})
}

func TestRevokeUserIn_holdsWithTheCallersTransaction(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := newBench(t, d.DB)
		g := b.mustLogin(t)
		broken := errors.New("broken")
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if err := b.RevokeUserIn(ctx, tx, b.rep, Inactive); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		b.wantActive(t, g.SessionID, true)
		if b.told() != nil {
			t.Error("told of what was rolled back")
		}
		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return b.RevokeUserIn(ctx, tx, b.rep, Inactive) })
		if err != nil {
			t.Fatal(err)
		}
		b.wantActive(t, g.SessionID, false)
		if d := cmp.Diff([]id.ID{g.SessionID}, b.told()); d != "" {
			t.Error(d)
		}
	})
}

func TestAuthenticate_refusesASessionOfAnotherUser(t *testing.T) {
	t.Parallel()
	b := newBench(t, testdb.SQLite(t).DB)
	g := b.mustLogin(t)
	token, _, err := b.Tokens.Issue(id.New(7, noon), g.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Authenticate(t.Context(), token)
	wantSameRefusal(t, err)
	token, _, err = b.Tokens.Issue(b.rep, id.New(KindSession, noon))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Authenticate(t.Context(), token)
	wantSameRefusal(t, err)
}

func TestAuthenticate_readsOneRow(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := newBench(t, d.DB)
		g := b.mustLogin(t)
		d.Counter.Reset()
		if _, err := b.Authenticate(t.Context(), g.AccessToken); err != nil {
			t.Fatal(err)
		}
		if n := d.Counter.N(); n != 1 {
			t.Errorf("%d statements, want 1: %q", n, d.Counter.Statements())
		}
		d.Counter.Reset()
		if _, err := b.Authenticate(t.Context(), g.AccessToken+"x"); fault.CodeOf(err) != fault.Unauthenticated {
			t.Error(err)
		}
		if n := d.Counter.N(); n != 0 {
			t.Errorf("a forged token costs %d statements", n)
		}
	})
}

func TestList_showsActiveSessionsTheYoungestFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		b.mustLogin(t) // expires
		b.wait(DefaultRefreshLife)
		older := b.mustLogin(t)
		b.wait(time.Second)
		ended := b.mustLogin(t)
		b.wait(time.Second)
		younger := b.mustLogin(t)
		if _, err := b.Begin(t.Context(), id.New(7, noon), "stranger"); err != nil {
			t.Fatal(err)
		}
		if err := b.Revoke(t.Context(), ended.SessionID, Ended); err != nil {
			t.Fatal(err)
		}
		list, err := b.List(t.Context(), b.rep)
		if err != nil {
			t.Fatal(err)
		}
		var got []id.ID
		for _, s := range list {
			got = append(got, s.ID)
		}
		if d := cmp.Diff([]id.ID{younger.SessionID, older.SessionID}, got); d != "" {
			t.Error(d)
		}
	})
}

func TestPurge_deletesWhatNobodyNeeds(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := newBench(t, d.DB)
		rows := func() [2]int {
			return [2]int{count(t, d, `SELECT count(*) FROM sessions`), count(t, d, `SELECT count(*) FROM refresh_tokens`)}
		}
		purge := func(want [2]int) {
			t.Helper()
			if err := b.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, rows()); d != "" {
				t.Errorf("sessions, refresh tokens: %s", d)
			}
		}
		first := b.mustLogin(t)
		b.wait(500 * time.Millisecond) // so that instants have fractions of different lengths
		b.mustRefresh(t, first.RefreshToken)
		purge([2]int{1, 2})
		b.wait(DefaultRefreshLife - 500*time.Millisecond)
		purge([2]int{1, 1})
		b.wait(500 * time.Millisecond)
		purge([2]int{1, 0})
		b.wait(keepEnded - time.Microsecond)
		purge([2]int{1, 0})
		b.wait(time.Microsecond)
		purge([2]int{0, 0})
	})
}
