package auth

import (
	"bytes"
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
)

func TestRefresh_rotates(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		first := b.mustLogin(t)
		b.wait(time.Hour)
		second := b.mustRefresh(t, first.RefreshToken)
		now := b.clock.Now()
		want := Grant{
			UserID: b.rep, SessionID: first.SessionID, AccessToken: second.AccessToken, RefreshToken: second.RefreshToken,
			ExpiresAt: now.Truncate(time.Second).Add(DefaultTokenLife), RefreshExpiresAt: now.Add(DefaultRefreshLife),
		}
		if d := cmp.Diff(want, second); d != "" {
			t.Error(d)
		}
		if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
			t.Error("a token stays the same")
		}
		if _, err := b.Authenticate(t.Context(), second.AccessToken); err != nil {
			t.Error(err)
		}
		session, err := b.Check(t.Context(), first.SessionID)
		if err != nil {
			t.Fatal(err)
		}
		wantSession := Session{
			ID: first.SessionID, UserID: b.rep, Device: "phone", CreatedAt: now.Add(-time.Hour), LastUsedAt: now,
			ExpiresAt: second.RefreshExpiresAt,
		}
		if d := cmp.Diff(wantSession, session); d != "" {
			t.Error(d)
		}
		b.mustRefresh(t, second.RefreshToken)
	})
}

func TestRefresh_reuseAfterTheGraceRevokesTheSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		other := b.mustLogin(t)
		first := b.mustLogin(t)
		second := b.mustRefresh(t, first.RefreshToken)
		b.wait(Grace + time.Microsecond)
		_, err := b.Refresh(t.Context(), first.RefreshToken)
		wantCode(t, err, fault.Unauthenticated)
		b.wantActive(t, first.SessionID, false)
		if d := cmp.Diff([]id.ID{first.SessionID}, b.told()); d != "" {
			t.Errorf("told of: %s", d)
		}
		_, err = b.Refresh(t.Context(), second.RefreshToken)
		wantCode(t, err, fault.Unauthenticated)
		_, err = b.Authenticate(t.Context(), second.AccessToken)
		wantSameRefusal(t, err)
		b.wantActive(t, other.SessionID, true)

		session, err := b.session(t.Context(), first.SessionID)
		if err != nil {
			t.Fatal(err)
		}
		if session.RevokedWhy != Reused || !session.RevokedAt.Equal(b.clock.Now()) {
			t.Errorf("revoked at %s for %q", session.RevokedAt, session.RevokedWhy)
		}
	})
}

func TestRefresh_insideTheGraceGivesTheSameSuccessor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		first := b.mustLogin(t)
		second := b.mustRefresh(t, first.RefreshToken)
		b.wait(Grace)
		again := b.mustRefresh(t, first.RefreshToken)
		if again.RefreshToken != second.RefreshToken || !again.RefreshExpiresAt.Equal(second.RefreshExpiresAt) {
			t.Error("another successor")
		}
		if again.AccessToken == second.AccessToken || !again.ExpiresAt.After(second.ExpiresAt) {
			t.Error("the access token is not fresh")
		}
		if _, err := b.Authenticate(t.Context(), again.AccessToken); err != nil {
			t.Error(err)
		}
		b.mustRefresh(t, second.RefreshToken)
	})
}

func TestRefresh_atOnceOnTwoNodesGivesOneSuccessor(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := newBench(t, d.DB)
		elsewhere := b.config
		elsewhere.DB = d.Reopen(t).DB
		nodes := []*Service{b.Service, New(elsewhere)}
		first := b.mustLogin(t)
		const tries = 16
		type answer struct {
			grant Grant
			err   error
		}
		answers := make(chan answer, tries)
		start := make(chan struct{})
		for i := range tries {
			go func() {
				<-start
				g, err := nodes[i%2].Refresh(context.WithoutCancel(t.Context()), first.RefreshToken)
				answers <- answer{g, err}
			}()
		}
		close(start)
		successors := map[string]int{}
		for range tries {
			a := <-answers
			if a.err != nil {
				t.Error(a.err)
			}
			successors[a.grant.RefreshToken]++
		}
		if len(successors) != 1 {
			t.Errorf("%d successors, want 1", len(successors))
		}
		if n := count(t, d, `SELECT count(*) FROM refresh_tokens`); n != 2 {
			t.Errorf("%d refresh tokens stored, want 2", n)
		}
		b.wantActive(t, first.SessionID, true)
	})
}

func TestRefresh_refusesWhatDoesNotCount(t *testing.T) {
	t.Parallel()
	b := newBench(t, testdb.SQLite(t).DB)
	g := b.mustLogin(t)
	secret := strings.TrimPrefix(g.RefreshToken, refreshPrefix)
	for name, token := range map[string]string{
		"empty":         "",
		"prefix":        refreshPrefix,
		"no prefix":     secret,
		"other prefix":  "at_" + secret,
		"truncated":     g.RefreshToken[:len(g.RefreshToken)-1],
		"longer":        g.RefreshToken + "A",
		"padded":        g.RefreshToken + "=",
		"line break":    g.RefreshToken[:len(g.RefreshToken)-1] + "\n",
		"residue":       g.RefreshToken[:len(g.RefreshToken)-1] + string(residue(secret[len(secret)-1])),
		"unknown":       newRefreshToken().String(),
		"access token":  g.AccessToken,
		"its own hash":  refreshPrefix + mustParseRefresh(t, g.RefreshToken).hash(),
		"spaces around": " " + g.RefreshToken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.Refresh(t.Context(), token)
			wantCode(t, err, fault.Unauthenticated)
		})
	}
}

func TestRefresh_endsWithItsTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		first, second := b.mustLogin(t), b.mustLogin(t)
		b.wait(DefaultRefreshLife - time.Microsecond)
		b.mustRefresh(t, first.RefreshToken)
		b.wait(time.Microsecond)
		_, err := b.Refresh(t.Context(), second.RefreshToken)
		wantCode(t, err, fault.Unauthenticated)
		b.wantActive(t, first.SessionID, true)
		b.wantActive(t, second.SessionID, false)
	})
}

func TestRefresh_ofAnInactiveUserEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*people){
		"inactive": func(p *people) { p.change("rep@example.com", func(a *Account) { a.Active = false }) },
		"deleted":  func(p *people) { p.remove("rep@example.com") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, testdb.SQLite(t).DB)
			g := b.mustLogin(t)
			change(b.people)
			_, err := b.Refresh(t.Context(), g.RefreshToken)
			wantCode(t, err, fault.Unauthenticated)
			b.wantActive(t, g.SessionID, false)
			if d := cmp.Diff([]id.ID{g.SessionID}, b.told()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRefresh_ofARevokedSessionIsRefusedEvenInsideTheGrace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		first := b.mustLogin(t)
		second := b.mustRefresh(t, first.RefreshToken)
		if err := b.Logout(t.Context(), first.SessionID); err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{first.RefreshToken, second.RefreshToken} {
			_, err := b.Refresh(t.Context(), token)
			wantCode(t, err, fault.Unauthenticated)
		}
	})
}

// Whoever reads the database can neither refresh nor learn the successor.
func TestRefresh_databaseDoesNotRevealTokens(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := newBench(t, d.DB)
		first := b.mustLogin(t)
		second := b.mustRefresh(t, first.RefreshToken)
		old, next := mustParseRefresh(t, first.RefreshToken), mustParseRefresh(t, second.RefreshToken)
		var hash string
		var sealed []byte
		query(t, d, `SELECT hash, successor FROM refresh_tokens WHERE successor IS NOT NULL`, &hash, &sealed)
		if hash != old.hash() {
			t.Error("the row is not the spent token's")
		}
		if bytes.Contains(sealed, next[:]) || bytes.Contains(sealed, old[:]) {
			t.Error("the row holds a secret")
		}
		if got, err := unseal(sealed, old, first.SessionID); err != nil || got != next {
			t.Errorf("the old token does not open its successor: %v", err)
		}
		if _, err := unseal(sealed, next, first.SessionID); err == nil {
			t.Error("another token opens it")
		}
		if _, err := unseal(sealed, old, b.rep); err == nil {
			t.Error("it opens for another session")
		}
	})
}

func TestJudge(t *testing.T) {
	t.Parallel()
	later, earlier := noon.Add(time.Hour), noon.Add(-time.Hour)
	live := Session{ExpiresAt: later}
	for name, c := range map[string]struct {
		row  refreshRow
		want verdict
	}{
		"fresh":                     {refreshRow{session: live, expiresAt: later}, tokenFresh},
		"expires now":               {refreshRow{session: live, expiresAt: noon}, tokenExpired},
		"spent by a faster clock":   {refreshRow{session: live, expiresAt: later, spentAt: noon.Add(time.Second)}, tokenRepeated},
		"spent at the grace":        {refreshRow{session: live, expiresAt: later, spentAt: noon.Add(-Grace)}, tokenRepeated},
		"spent before the grace":    {refreshRow{session: live, expiresAt: later, spentAt: noon.Add(-Grace - 1)}, tokenReused},
		"spent and expired":         {refreshRow{session: live, expiresAt: earlier, spentAt: earlier}, tokenReused},
		"session expires now":       {refreshRow{session: Session{ExpiresAt: noon}, expiresAt: later}, tokenOver},
		"session revoked":           {refreshRow{session: Session{ExpiresAt: later, RevokedAt: earlier}, expiresAt: later}, tokenOver},
		"session revoked and spent": {refreshRow{session: Session{ExpiresAt: later, RevokedAt: earlier}, expiresAt: later, spentAt: noon}, tokenOver},
	} {
		if got := c.row.judge(noon); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestRefreshToken_isOpaque(t *testing.T) {
	t.Parallel()
	a, b := newRefreshToken(), newRefreshToken()
	if a == b {
		t.Error("the same secret twice")
	}
	if got := len(a.String()); got != len("rt_")+43 {
		t.Errorf("%d characters", got)
	}
	if got, ok := parseRefreshToken(a.String()); !ok || got != a {
		t.Error("the text does not lead back")
	}
}

func mustParseRefresh(t *testing.T, s string) refreshToken {
	t.Helper()
	r, ok := parseRefreshToken(s)
	if !ok {
		t.Fatalf("%q is no refresh token", s)
	}
	return r
}

func query(t *testing.T, d *testdb.DB, statement string, dest ...any) {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	if err := tx.QueryRow(t.Context(), statement, nil, dest...); err != nil && err != sql.ErrNoRows {
		t.Fatal(err)
	}
}

func count(t *testing.T, d *testdb.DB, statement string) int {
	t.Helper()
	var n int
	query(t, d, statement, &n)
	return n
}
