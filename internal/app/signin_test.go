package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/graph"
	"farley/graph/generated"
	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/identity"
	"farley/internal/input"
)

// heard keeps what the recorder hears.
type heard struct {
	mu     sync.Mutex
	events []auth.Event
}

// Record implements auth.Recorder.
func (l *heard) Record(_ context.Context, e auth.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// take returns the kinds of the events since the last call.
func (l *heard) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []string{}
	for _, e := range l.events {
		out = append(out, string(e.Kind))
	}
	l.events = nil
	return out
}

// mailbox keeps the mails that would be sent.
type mailbox struct {
	mu   sync.Mutex
	sent []mailed
}

type mailed struct {
	purpose string
	to      id.ID
}

// Send implements identity.Mailer.
func (m *mailbox) Send(_ context.Context, tx *db.Tx, purpose string, to id.ID, data map[string]string) error {
	tx.OnCommit(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.sent = append(m.sent, mailed{purpose, to})
	})
	return nil
}

func recorded(c *app.Config) { c.Recorder = &heard{} }

func mails(c *app.Config) {
	c.Mailer = &mailbox{}
	c.ResetURL = "https://app.example/reset?token={token}&from=mail"
}

// deliver composes the last mail as the queue does when it is sent.
func deliver(t *testing.T, e *farleytest.Env) (identity.Letter, mailed, error) {
	t.Helper()
	box := e.Mailer.(*mailbox)
	box.mu.Lock()
	last := box.sent[len(box.sent)-1]
	box.mu.Unlock()
	var letter identity.Letter
	err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		letter, err = e.Identity.Compose(ctx, tx, last.purpose, last.to)
		return err
	})
	return letter, last, err
}

// tokenIn finds the token in the link of a mail.
func tokenIn(t *testing.T, l identity.Letter) string {
	t.Helper()
	_, rest, ok := strings.Cut(l.Text, "https://app.example/reset?token=")
	token, _, ok2 := strings.Cut(rest, "&from=mail")
	if !ok || !ok2 || !strings.Contains(l.HTML, `<a href="https://app.example/reset?token=`+token+`&amp;from=mail">`) {
		t.Fatalf("no link in the mail: %+v", l)
	}
	return token
}

func exec(t *testing.T, e *farleytest.Env, statement string, args ...any) {
	t.Helper()
	err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// manager is a role that manages the users of its team and sees them all.
func manager(e *farleytest.Env, t *testing.T) id.ID {
	t.Helper()
	return e.Role(t, access.Role{Permissions: []access.Permission{
		{Object: "USER", Action: "READ", Scope: "ALL"}, {Object: "USER", Action: "MANAGE_USERS", Scope: "TEAM"},
	}})
}

func wait(e *farleytest.Env, d time.Duration) { e.Clock.Advance(e.Clock.Now().Add(d)) }

const wrongLogin = `mutation($e: String!) { login(input: {email: $e, password: "not the password"}) { accessToken } }`

// Ten failures lock an account out for a minute, the eleventh for two; an unknown account alike.
func TestLogin_locksOut(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin, user, email := withPassword(t, e)
		a := e.Anonymous()
		var answers []string
		for _, address := range []string{email, "nobody@example.com"} {
			for range 10 {
				a.Do(t, wrongLogin, farleytest.Vars{"e": address}).Want(t, "UNAUTHENTICATED")
			}
			r := a.Do(t, login, farleytest.Vars{"e": address, "p": password}).Want(t, "LIMITED")
			if got := r.Errors[0].Extensions.RetryAfter; got != 60 {
				t.Errorf("come back after %d s", got)
			}
			answers = append(answers, r.Raw)
		}
		if answers[0] != answers[1] {
			t.Errorf("an unknown account is locked out in other words:\n%s\n%s", answers[0], answers[1])
		}
		wait(e, time.Minute)
		a.Do(t, wrongLogin, farleytest.Vars{"e": email}).Want(t, "UNAUTHENTICATED")
		if got := a.Do(t, login, farleytest.Vars{"e": email, "p": password}).Want(t, "LIMITED").Errors[0].Extensions.RetryAfter; got != 120 {
			t.Errorf("come back after %d s", got)
		}
		admin.Query(t, `mutation($id: ID!) { setPassword(input: {user: $id, password: "another long password"}) { user { id } } }`, farleytest.Vars{"id": user.User.String()})
		a.Query(t, login, farleytest.Vars{"e": email, "p": "another long password"}) // a new password unlocks
	})
}

// Behind trusted proxies every client has a count of its own, which he cannot pass on to others.
func TestLogin_locksOutAddressesBehindProxies(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, _, email := withPassword(t, e)
		a := e.Anonymous()
		for i := range 3 {
			vars := farleytest.Vars{"e": "nobody" + strings.Repeat("x", i) + "@example.com"}
			a.Do(t, wrongLogin, vars, "X-Forwarded-For", "203.0.113."+string(rune('1'+i))+", 198.51.100.7").Want(t, "UNAUTHENTICATED")
		}
		a.Do(t, login, farleytest.Vars{"e": email, "p": password}, "X-Forwarded-For", "203.0.113.9, 198.51.100.7").Want(t, "LIMITED")
		a.Do(t, login, farleytest.Vars{"e": email, "p": password}, "X-Forwarded-For", "198.51.100.7, 198.51.100.8").Want(t, "")
	}, func(c *app.Config) {
		c.Lockout = auth.Lockout{AddressFailures: 3}
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
}

const listSessions = `query($u: ID) { sessions(user: $u) { id device createdAt lastUsedAt expiresAt current } }`

func TestSessions_areListedAndEnded(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team := e.Make(t, "Team", input.Object{"name": "One"})
		boss := e.User(t, input.Object{"team": team.String()}, manager(e, t))
		ann := e.User(t, input.Object{"team": team.String()}, e.Role(t, farleytest.Everything(e, access.Own)))
		bob := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "READ", Scope: "ALL"}}}))
		wait(e, time.Minute)
		second := e.SignIn(t, ann.User)

		got := second.Query(t, listSessions, nil).At("sessions")
		want := `[{"createdAt":"2026-11-22T09:01:00Z","current":true,"device":"test","expiresAt":"2026-12-22T09:01:00Z","id":"` + second.Grant.SessionID.String() +
			`","lastUsedAt":"2026-11-22T09:01:00Z"},{"createdAt":"2026-11-22T09:00:00Z","current":false,"device":"test","expiresAt":"2026-12-22T09:00:00Z","id":"` +
			ann.Grant.SessionID.String() + `","lastUsedAt":"2026-11-22T09:00:00Z"}]`
		if got.JSON() != want {
			t.Errorf("the sessions are %s", got.JSON())
		}
		vars := farleytest.Vars{"u": ann.User.String()}
		if n := boss.Query(t, listSessions, vars).At("sessions").Len(); n != 2 {
			t.Errorf("the manager sees %d sessions", n)
		}
		ann.Query(t, listSessions, vars) // oneself by name
		bob.Do(t, listSessions, vars).Want(t, "FORBIDDEN")
		e.User(t, nil).Do(t, listSessions, vars).Want(t, "NOT_FOUND")
		boss.Do(t, listSessions, farleytest.Vars{"u": bob.User.String()}).Want(t, "FORBIDDEN") // of another team
		e.Anonymous().Do(t, listSessions, nil).Want(t, "UNAUTHENTICATED")

		const end = `mutation($s: ID!) { endSession(input: {session: $s}) { done } }`
		first := farleytest.Vars{"s": ann.Grant.SessionID.String()}
		stranger := bob.Do(t, end, first).Want(t, "NOT_FOUND")
		absent := bob.Do(t, end, farleytest.Vars{"s": id.New(auth.KindSession, farleytest.Start).String()}).Want(t, "NOT_FOUND")
		if stranger.Raw != absent.Raw {
			t.Errorf("a session of another is told from none:\n%s\n%s", stranger.Raw, absent.Raw)
		}
		ann.Query(t, `{ viewer { user { id } } }`, nil)
		e.Recorder.(*heard).take()
		second.Query(t, end, first)
		ann.Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		second.Query(t, end, first) // twice is no error
		if n := second.Query(t, listSessions, nil).At("sessions").Len(); n != 1 {
			t.Errorf("%d sessions are left", n)
		}
		boss.Query(t, end, farleytest.Vars{"s": second.Grant.SessionID.String()})
		second.Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		if d := cmp.Diff([]string{"SIGN_OUT", "SIGN_OUT", "SESSION_ENDED"}, e.Recorder.(*heard).take()); d != "" {
			t.Error(d)
		}
	}, recorded)
}

func TestSessions_areAtMostAHundred(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	ann := e.User(t, nil)
	for range 105 {
		e.SignIn(t, ann.User)
	}
	newest := e.SignIn(t, ann.User)
	got := newest.Query(t, listSessions, nil).At("sessions")
	if got.Len() != 100 {
		t.Errorf("%d sessions are listed", got.Len())
	}
}

func TestLogoutEverywhere_endsSessionsStreamsAndOutsideTokens(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team := e.Make(t, "Team", input.Object{"name": "One"})
		boss := e.User(t, input.Object{"team": team.String()}, manager(e, t))
		ann := e.User(t, input.Object{"team": team.String()}, e.Role(t, farleytest.Everything(e, access.Own)))
		bob := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "READ", Scope: "ALL"}}}))
		const out = `mutation($u: ID) { logoutEverywhere(input: {user: $u}) { done } }`
		vars := farleytest.Vars{"u": ann.User.String()}

		bob.Do(t, out, vars).Want(t, "FORBIDDEN")
		e.User(t, nil).Do(t, out, vars).Want(t, "NOT_FOUND")
		e.Anonymous().Do(t, out, nil).Want(t, "UNAUTHENTICATED")
		if since(t, e, ann.User) != "" {
			t.Error("a refused call has an effect")
		}
		for _, c := range []struct {
			by   *farleytest.Client
			vars farleytest.Vars
		}{{ann, nil}, {boss, vars}} {
			one, two := e.SignIn(t, ann.User), e.SignIn(t, ann.User)
			s := one.Subscribe(t, follow, farleytest.Vars{"after": after(t, e, one)})
			e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
			s.Event(t)
			by := c.by
			if by == ann {
				by = two
			}
			wait(e, time.Second)
			by.Query(t, out, c.vars)
			if err := s.Refused(t); err.Extensions.Code != "UNAUTHENTICATED" {
				t.Errorf("the stream ends with %s", err.Extensions.Code)
			}
			one.Do(t, `{ changesCursor }`, nil).Want(t, "UNAUTHENTICATED")
			two.Do(t, `{ changesCursor }`, nil).Want(t, "UNAUTHENTICATED")
			if got, want := since(t, e, ann.User), e.Clock.Now().Format(time.RFC3339); got != want {
				t.Errorf("tokens count since %q, want %q", got, want)
			}
		}
		bob.Query(t, `{ viewer { user { id } } }`, nil) // others stay
	})
}

// since returns from when on outside tokens of a user count.
func since(t *testing.T, e *farleytest.Env, user id.ID) string {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var at *time.Time
	if err := tx.QueryRow(t.Context(), "SELECT tokens_since FROM users WHERE id = ?", []any{user}, &at); err != nil {
		t.Fatal(err)
	}
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// lastSeenAt is kept to the hour, without a version of its own.
func TestLogin_notesWhenTheUserWasSeen(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin, user, email := withPassword(t, e)
		seen := func() (string, int) {
			u := admin.Query(t, `query($id: ID!) { user(id: $id) { lastSeenAt version } }`, farleytest.Vars{"id": user.User.String()}).At("user")
			return u.At("lastSeenAt").Text(), u.At("version").Int()
		}
		before, version := seen()
		if before != "" {
			t.Errorf("seen at %s before the first sign-in", before)
		}
		signIn := func() string {
			return e.Anonymous().Query(t, login, farleytest.Vars{"e": email, "p": password}).At("login.refreshToken").Text()
		}
		token := signIn()
		for _, c := range []struct {
			after time.Duration
			want  string
		}{{0, "2026-11-22T09:00:00Z"}, {59 * time.Minute, "2026-11-22T09:00:00Z"}, {time.Minute, "2026-11-22T10:00:00Z"}} {
			wait(e, c.after)
			token = e.Anonymous().Query(t, `mutation($t: String!) { refresh(input: {refreshToken: $t}) { refreshToken } }`, farleytest.Vars{"t": token}).At("refresh.refreshToken").Text()
			admin = e.SignIn(t, admin.User)
			if got, v := seen(); got != c.want || v != version {
				t.Errorf("seen at %s with version %d, want %s and %d", got, v, c.want, version)
			}
		}
	})
}

const change = `mutation($c: String!, $n: String!) { changePassword(input: {current: $c, new: $n}) { done } }`

func TestChangePassword_keepsOnlyThisSession(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, user, email := withPassword(t, e)
		here, there := e.SignIn(t, user.User), e.SignIn(t, user.User)
		r := here.Do(t, change, farleytest.Vars{"c": "not this one at all", "n": "short"}).Want(t, "INVALID")
		if d := cmp.Diff([]string{"input.current WRONG", "input.new RANGE"}, r.Violations()); d != "" {
			t.Error(d)
		}
		e.Recorder.(*heard).take()
		here.Query(t, change, farleytest.Vars{"c": password, "n": "battery staple horse"})
		if d := cmp.Diff([]string{"PASSWORD_CHANGED"}, e.Recorder.(*heard).take()); d != "" {
			t.Error(d)
		}
		here.Query(t, `{ viewer { user { id } } }`, nil)
		there.Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		e.Anonymous().Do(t, login, farleytest.Vars{"e": email, "p": password}).Want(t, "UNAUTHENTICATED")
		e.Anonymous().Query(t, login, farleytest.Vars{"e": email, "p": "battery staple horse"})
		e.Anonymous().Do(t, change, farleytest.Vars{"c": password, "n": password}).Want(t, "UNAUTHENTICATED")
		for range 10 { // guesses at the current password count
			here.Do(t, change, farleytest.Vars{"c": "a guess", "n": "battery staple horse"}).Want(t, "INVALID")
		}
		here.Do(t, change, farleytest.Vars{"c": "battery staple horse", "n": password}).Want(t, "LIMITED")
		e.Anonymous().Do(t, login, farleytest.Vars{"e": email, "p": "battery staple horse"}).Want(t, "LIMITED")
	}, recorded)
}

// Who has proved the old password loses against one who gives the user a new one meanwhile: that may be to lock him out.
func TestChangePassword_losesAgainstAnother(t *testing.T) {
	t.Parallel()
	e := farleytest.On(t, testdb.MariaDB(t)) // where a row can be held while others write
	_, user, _ := withPassword(t, e)
	me := e.SignIn(t, user.User)
	answer := make(chan *farleytest.Response, 1)
	err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE users SET password_hash = 'another' WHERE id = ?", user.User); err != nil {
			return err
		}
		e.DB.Counter.Reset()
		go func() { answer <- me.Do(t, change, farleytest.Vars{"c": password, "n": "battery staple horse"}) }()
		for end := time.Now().Add(farleytest.Deadline); ; {
			if slices.ContainsFunc(e.DB.Counter.Asked(), func(s string) bool { return strings.Contains(s, "DELETE FROM sign_in_counters") }) {
				return nil // the old password has been proved
			}
			if time.Now().After(end) {
				return errors.New("the old password is not proved")
			}
			runtime.Gosched()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	(<-answer).Want(t, "CONFLICT")
}

// What is easy to guess is refused wherever a password is set.
func TestPasswords_thatAreEasyToGuess(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	admin, user, _ := withPassword(t, e)
	e.Change(t, user.User, input.Object{"name": "Annabel Lee-Smith", "email": "annabel.lee.smith@example.com"})
	me := e.SignIn(t, user.User)
	for p, want := range map[string]string{
		"short":                          "RANGE",
		strings.Repeat("ab1 ", 51):       "RANGE",
		strings.Repeat("e\u0301", 11):    "RANGE", // 11 characters
		"password1234":                   "WEAK",
		"QwertyUiop123":                  "WEAK",
		"ｐａｓｓｗｏｒｄ１２３４":                   "WEAK", // the same in full width
		"aaaaaaaaaaaaa":                  "WEAK",
		"abcabcabcabcabc":                "WEAK",
		"annabel lee-smith":              "WEAK",
		"Annabel.Lee.Smith@example.com":  "WEAK",
		"ANNABEL.LEE.SMITH":              "WEAK",
		"annabel.lee.smith@example.com!": "",
		"twelve chars":                   "",
	} {
		set := admin.Do(t, `mutation($id: ID!, $p: String!) { setPassword(input: {user: $id, password: $p}) { user { id } } }`, farleytest.Vars{"id": user.User.String(), "p": p})
		me = e.SignIn(t, me.User)
		changed := me.Do(t, change, farleytest.Vars{"c": map[bool]string{true: p, false: password}[want == ""], "n": p})
		for name, r := range map[string]*farleytest.Response{"password": set, "new": changed} {
			if want == "" {
				r.Want(t, "")
				continue
			}
			if d := cmp.Diff([]string{"input." + name + " " + want}, r.Want(t, "INVALID").Violations()); d != "" {
				t.Errorf("%q: %s", p, d)
			}
		}
		if want == "" { // for the next one
			admin.Query(t, `mutation($id: ID!, $p: String!) { setPassword(input: {user: $id, password: $p}) { user { id } } }`, farleytest.Vars{"id": user.User.String(), "p": password})
		}
	}
}

const (
	forgot = `mutation($e: String!) { requestPasswordReset(input: {email: $e}) { done } }`
	reset  = `mutation($t: String!, $p: String!) { resetPassword(input: {token: $t, password: $p}) { done } }`
)

// The answer and the statements are the same for everybody; a mail reaches only those who have a password.
func TestRequestPasswordReset_tellsNothing(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, _, email := withPassword(t, e)
		e.Make(t, "User", input.Object{"email": "gone@example.com", "name": "Gone", "active": false})
		e.Make(t, "User", input.Object{"email": "robot@example.com", "name": "Robot", "kind": "SERVICE"})
		deleted := e.Make(t, "User", input.Object{"email": "deleted@example.com", "name": "Deleted"})
		e.Admin(t).Query(t, `mutation($id: ID!) { deleteUser(id: $id) { id } }`, farleytest.Vars{"id": deleted.String()})
		var first *farleytest.Response
		var statements []string
		for _, address := range []string{email, "nobody@example.com", "gone@example.com", "robot@example.com", "deleted@example.com", "no address", ""} {
			e.DB.Counter.Reset()
			r := e.Anonymous().Do(t, forgot, farleytest.Vars{"e": address}).Want(t, "")
			ran := ours(e.DB.Counter.Asked())
			letter, sent, err := deliver(t, e)
			if first == nil {
				first, statements = r, ran
				if sent.purpose != identity.ResetPurpose || err != nil || letter.To != "ann@example.com" || letter.Name != "Ann" {
					t.Errorf("the mail is %+v, %v", letter, err)
				}
				continue
			}
			if err == nil {
				t.Errorf("%q gets a mail: %+v", address, letter)
			}
			if r.Raw != first.Raw {
				t.Errorf("%q is answered by %s", address, r.Raw)
			}
			if d := cmp.Diff(statements, ran); d != "" {
				t.Errorf("%q costs other statements: %s", address, d)
			}
		}
	}, mails)
}

// ours leaves out the statements of the work in the background.
func ours(statements []string) []string {
	var out []string
	for _, s := range statements {
		if strings.Contains(s, "sign_in_counters") || strings.Contains(s, "users") || strings.Contains(s, "sessions") || strings.Contains(s, "tokens") {
			out = append(out, s)
		}
	}
	return out
}

func TestRequestPasswordReset_isLimited(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, _, email := withPassword(t, e)
		var answers []string
		for _, address := range []string{email, "nobody@example.com"} {
			for range 5 {
				e.Anonymous().Do(t, forgot, farleytest.Vars{"e": address}).Want(t, "")
			}
			r := e.Anonymous().Do(t, forgot, farleytest.Vars{"e": address}).Want(t, "LIMITED")
			if r.Errors[0].Extensions.RetryAfter != 3600 {
				t.Errorf("come back after %d s", r.Errors[0].Extensions.RetryAfter)
			}
			answers = append(answers, r.Raw)
		}
		if answers[0] != answers[1] {
			t.Errorf("the answers differ: %s", answers)
		}
		for i := range 10 { // 20 from one address
			e.Anonymous().Do(t, forgot, farleytest.Vars{"e": strings.Repeat("x", i) + "@example.com"}).Want(t, "")
		}
		e.Anonymous().Do(t, forgot, farleytest.Vars{"e": "other@example.com"}).Want(t, "LIMITED")
		wait(e, time.Hour)
		e.Anonymous().Do(t, forgot, farleytest.Vars{"e": email}).Want(t, "")
		e.Anonymous().Query(t, login, farleytest.Vars{"e": email, "p": password}) // signing in counts apart
	}, mails)
}

func TestResetPassword_worksOnce(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, user, email := withPassword(t, e)
		a := e.Anonymous()
		request := func() string {
			a.Query(t, forgot, farleytest.Vars{"e": email})
			letter, _, err := deliver(t, e)
			if err != nil {
				t.Fatal(err)
			}
			return tokenIn(t, letter)
		}
		older, token := request(), request()
		signedIn := e.SignIn(t, user.User)
		for range 10 {
			a.Do(t, wrongLogin, farleytest.Vars{"e": email}).Want(t, "UNAUTHENTICATED")
		}
		r := a.Do(t, reset, farleytest.Vars{"t": "pw_nonsense", "p": "short"}).Want(t, "INVALID")
		if d := cmp.Diff([]string{"input.token NOT_FOUND", "input.password RANGE"}, r.Violations()); d != "" {
			t.Error(d)
		}
		a.Do(t, reset, farleytest.Vars{"t": token, "p": "ann@example.com"}).Want(t, "INVALID") // and the token stays
		e.Recorder.(*heard).take()
		a.Query(t, reset, farleytest.Vars{"t": token, "p": "battery staple horse"})
		if d := cmp.Diff([]string{"PASSWORD_RESET"}, e.Recorder.(*heard).take()); d != "" {
			t.Error(d)
		}
		signedIn.Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		a.Query(t, login, farleytest.Vars{"e": email, "p": "battery staple horse"}) // unlocked
		if since(t, e, user.User) == "" {
			t.Error("outside tokens still count")
		}
		late := request()
		void := request()
		me := e.SignIn(t, user.User)
		wait(e, time.Hour-time.Microsecond)
		fresh := request()
		wait(e, time.Microsecond)
		var refused []string
		for _, dead := range []string{token, older, late, void, signedIn.Token, ""} {
			refused = append(refused, a.Do(t, reset, farleytest.Vars{"t": dead, "p": "some other password"}).Want(t, "INVALID").Raw)
		}
		if n := len(slices.Compact(refused)); n != 1 {
			t.Errorf("%d different refusals: %s", n, refused)
		}
		_ = me
		e.Change(t, user.User, input.Object{"active": false})
		a.Do(t, reset, farleytest.Vars{"t": fresh, "p": "some other password"}).Want(t, "INVALID")
		e.Change(t, user.User, input.Object{"active": true})
		e.SignIn(t, user.User).Query(t, change, farleytest.Vars{"c": "battery staple horse", "n": "yet another password"})
		a.Do(t, reset, farleytest.Vars{"t": fresh, "p": "some other password"}).Want(t, "INVALID") // void by the change
	}, recorded, mails)
}

func TestResetPassword_leavesNoTokenInTheDatabase(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, _, email := withPassword(t, e)
		e.Anonymous().Query(t, forgot, farleytest.Vars{"e": email})
		letter, _, err := deliver(t, e)
		if err != nil {
			t.Fatal(err)
		}
		token := tokenIn(t, letter)
		tx, err := e.DB.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Close() }()
		var hash string
		if err := tx.QueryRow(t.Context(), "SELECT hash FROM password_tokens", nil, &hash); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(token, hash) || len(strings.TrimPrefix(token, "pw_")) != 43 {
			t.Errorf("token %q is stored as %q", token, hash)
		}
	}, mails)
}

func TestInviteUser_mailsAFirstPassword(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team := e.Make(t, "Team", input.Object{"name": "One"})
		boss := e.User(t, input.Object{"team": team.String()}, manager(e, t))
		noor := e.Make(t, "User", input.Object{"email": "noor@example.com", "name": "Noor <b>", "locale": "ar-SA", "team": team.String()})
		const invite = `mutation($u: ID!) { inviteUser(input: {user: $u}) { user { name } } }`
		vars := farleytest.Vars{"u": noor.String()}
		bob := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "USER", Action: "READ", Scope: "ALL"}}}))
		bob.Do(t, invite, vars).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, invite, vars).Want(t, "UNAUTHENTICATED")
		boss.Do(t, invite, farleytest.Vars{"u": bob.User.String()}).Want(t, "FORBIDDEN")
		boss.Do(t, invite, farleytest.Vars{"u": id.New(noor.Kind(), farleytest.Start).String()}).Want(t, "NOT_FOUND")
		for _, extra := range []input.Object{{"kind": "SERVICE"}, {"active": false}} {
			extra["team"] = team.String()
			x := e.User(t, extra)
			boss.Do(t, invite, farleytest.Vars{"u": x.User.String()}).Want(t, "CONFLICT")
		}
		if got := boss.Query(t, invite, vars).At("inviteUser.user.name").Text(); got != "Noor <b>" {
			t.Errorf("invited is %q", got)
		}
		letter, sent, err := deliver(t, e)
		if err != nil || sent.purpose != identity.InvitePurpose || sent.to != noor {
			t.Fatalf("%+v %v", sent, err)
		}
		if letter.Locale != "ar" || !strings.Contains(letter.HTML, `dir="rtl"`) || !strings.Contains(letter.Text, "Noor <b>") || strings.Contains(letter.HTML, "<b>") {
			t.Errorf("the mail is %+v", letter)
		}
		wait(e, 7*24*time.Hour-time.Second)
		e.Anonymous().Query(t, reset, farleytest.Vars{"t": tokenIn(t, letter), "p": "battery staple horse"})
		e.Anonymous().Query(t, login, farleytest.Vars{"e": "noor@example.com", "p": "battery staple horse"})
	}, mails)
}

// A forgotten password is set anew by the mail that a durable job sends; nobody else gets one.
func TestPasswordReset_byQueuedMail(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		noor := e.Make(t, "User", input.Object{"email": "noor@example.com", "name": "Noor"})
		for _, address := range []string{"noor@example.com", "nobody@example.com"} {
			e.Anonymous().Query(t, forgot, farleytest.Vars{"e": address})
		}
		if _, err := e.Jobs.CatchUp(t.Context(), 100, func() {}); err != nil {
			t.Fatal(err)
		}
		sent := e.Sent.Sent()
		if len(sent) != 1 || sent[0].To != "noor@example.com" {
			t.Fatalf("sent are %+v", sent)
		}
		e.Anonymous().Query(t, reset, farleytest.Vars{"t": tokenIn(t, identity.Letter{To: sent[0].To, Name: sent[0].Name, Subject: sent[0].Subject, Text: sent[0].Text, HTML: sent[0].HTML, Locale: sent[0].Locale}), "p": "battery staple horse"})
		got := e.Anonymous().Query(t, login, farleytest.Vars{"e": "noor@example.com", "p": "battery staple horse"})
		if x := got.At("login.user.id"); x.V != nil && x.ID() != noor {
			t.Errorf("%s signed in", x.JSON())
		}
	}, func(c *app.Config) { c.ResetURL = "https://app.example/reset?token={token}&from=mail" })
}

// Without mail the two operations say so, to everybody alike.
func TestPasswordMails_needAMailer(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t, func(c *app.Config) { c.Mail = nil })
	admin := e.Admin(t)
	e.Anonymous().Do(t, forgot, farleytest.Vars{"e": "nobody@example.com"}).Want(t, "UNAVAILABLE")
	admin.Do(t, `mutation($u: ID!) { inviteUser(input: {user: $u}) { user { id } } }`, farleytest.Vars{"u": admin.User.String()}).Want(t, "UNAVAILABLE")
	for _, bad := range []string{"https://app.example/reset", "app.example/{token}", "javascript:{token}", "https://{token}"} {
		if err := e.Identity.Mails(nil, bad); (err == nil) != (bad == "https://{token}") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Signing in and what makes secrets take no idempotency key and no dry run.
func TestSecrets_areNotReplayed(t *testing.T) {
	t.Parallel()
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &graph.Resolver{}}).Schema()
	for _, name := range []string{
		"login", "refresh", "logout", "createStreamTicket", "endSession", "logoutEverywhere", "setPassword", "changePassword",
		"requestPasswordReset", "resetPassword", "inviteUser", "createApiKey", "updateApiKey", "revokeApiKey",
	} {
		f := schema.Mutation.Fields.ForName(name)
		if f == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		for _, a := range f.Arguments {
			if a.Name != "input" {
				t.Errorf("%s takes %s", name, a.Name)
				continue
			}
			for _, in := range schema.Types[a.Type.Name()].Fields {
				if in.Name == "dryRun" || in.Name == "idempotencyKey" {
					t.Errorf("%s takes %s", name, in.Name)
				}
			}
		}
	}
	e := farleytest.New(t)
	admin, robot := e.Admin(t), e.User(t, input.Object{"kind": "SERVICE"})
	vars := farleytest.Vars{"u": robot.User.String(), "n": "one"}
	var secrets []string
	for range 2 {
		r := admin.Do(t, createKey, vars, "Idempotency-Key", "same").Want(t, "")
		secrets = append(secrets, farleytest.Data{V: r.Data}.At("createApiKey.secret").Text())
	}
	if secrets[0] == secrets[1] || secrets[0] == "" {
		t.Error("a secret is shown twice")
	}
}

// watched tells when somebody waits for a duration.
type watched struct {
	clock.Clock
	of    time.Duration
	waits chan struct{}
}

// After implements clock.Clock.
func (w *watched) After(d time.Duration) <-chan time.Time {
	c := w.Clock.After(d)
	if d == w.of {
		select {
		case w.waits <- struct{}{}:
		default:
		}
	}
	return c
}

// watching has the clock tell when the watch over sessions and keys waits for its next look.
func watching(c *app.Config) {
	c.Clock = &watched{Clock: c.Clock, of: 2 * time.Second, waits: make(chan struct{}, 1)}
}

// look has the watch look once more.
func look(t *testing.T, e *farleytest.Env) {
	t.Helper()
	w := e.App.Config.Clock.(*watched)
	for range 2 { // the first may have been there before; the second is after the look
		select {
		case <-w.waits:
			wait(e, 2*time.Second)
		case <-time.After(farleytest.Deadline):
			t.Fatal("nobody watches over sessions")
		}
	}
}

func get(t *testing.T, e *farleytest.Env, token string, headers map[string]string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"?query=%7Bviewer%7Buser%7Bid%7D%7D%7D", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
