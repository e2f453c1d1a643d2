package auth

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
)

const password = "correct horse battery"

// people are the users of one test.
type people struct {
	mu      sync.Mutex
	byEmail map[string]Account
	asked   []string // e-mails looked for
}

func (p *people) ByEmail(_ context.Context, email string) (Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, email)
	a, ok := p.byEmail[email]
	if !ok {
		return Account{}, fault.New(fault.NotFound, "not found")
	}
	return a, nil
}

func (p *people) ByID(_ context.Context, userID id.ID) (Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.byEmail {
		if a.ID == userID {
			return a, nil
		}
	}
	return Account{}, fault.New(fault.NotFound, "not found")
}

func (p *people) change(email string, change func(*Account)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.byEmail[email]
	change(&a)
	p.byEmail[email] = a
}

func (p *people) remove(email string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byEmail, email)
}

// bench is a Service on a database with its users, clock and keys.
type bench struct {
	*Service
	clock  *clock.Test
	people *people
	config Config
	rep    id.ID // of rep@example.com

	mu      sync.Mutex
	revoked []id.ID // sessions told of by OnRevoke
	events  []Event
}

// Record implements Recorder.
func (b *bench) Record(_ context.Context, e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

// kinds returns the events since the last call, each by its kind and, where there is one, its reason.
func (b *bench) kinds() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []string{}
	for _, e := range b.events {
		out = append(out, strings.TrimSpace(string(e.Kind)+" "+e.Reason))
	}
	b.events = nil
	return out
}

// users: rep@example.com is active, gone@example.com is not, api@example.com has no password. All passwords are password.
func newBench(t *testing.T, d *db.DB) *bench {
	t.Helper()
	c := clock.NewTest(noon.Add(123456 * time.Microsecond))
	stored, err := NewPasswords(cheap, 0).Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	user := func(active bool, hash string) Account {
		return Account{ID: id.New(7, noon), PasswordHash: hash, Active: active}
	}
	b := &bench{clock: c, people: &people{byEmail: map[string]Account{
		"rep@example.com":  user(true, stored),
		"gone@example.com": user(false, stored),
		"api@example.com":  user(true, ""),
	}}}
	b.rep = b.people.byEmail["rep@example.com"].ID
	b.config = Config{DB: d, Clock: c, Users: b.people, Keys: NewKeyring(c.Now()), PasswordCost: cheap, Recorder: b}
	b.start()
	return b
}

// start makes the Service anew.
func (b *bench) start() {
	b.Service = New(b.config)
	b.OnRevoke(func(sessionID, _ id.ID) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.revoked = append(b.revoked, sessionID)
	})
}

func (b *bench) told() []id.ID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.revoked
}

func (b *bench) wait(d time.Duration) { b.clock.Advance(b.clock.Now().Add(d)) }

func (b *bench) mustLogin(t *testing.T) Grant {
	t.Helper()
	g, err := b.Login(t.Context(), "rep@example.com", password, Device{Name: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (b *bench) mustRefresh(t *testing.T, token string) Grant {
	t.Helper()
	g, err := b.Refresh(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (b *bench) wantActive(t *testing.T, sessionID id.ID, want bool) {
	t.Helper()
	got, err := b.Active(t.Context(), sessionID)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("session active: %v, want %v", got, want)
	}
}

func wantCode(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// unmigrated returns a Service whose database lacks the tables, so that every statement fails.
func unmigrated(t *testing.T) *bench {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "empty.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return newBench(t, d)
}

// each runs fn with a fresh bench on each kind of database.
func each(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) { fn(t, newBench(t, d.DB)) })
}
