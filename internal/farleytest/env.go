// Package farleytest runs the whole application in a test: both databases, a server on a free port of the loopback
// interface, actors with roles, builders of records, a clock that stands still, and a count of SQL statements.
package farleytest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/blob"
	"farley/internal/clock"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/money"
	"farley/internal/server"
	"farley/internal/write"
)

// Start is the instant at which the clock of a test stands.
var Start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// Env is a running application.
type Env struct {
	*app.App
	DB    *testdb.DB
	Clock *clock.Test
	URL   string // of the GraphQL endpoint
	Host  string // of the server
	Sent  *Outbox

	n atomic.Int64
}

// Option changes the configuration of an application before it starts.
type Option func(*app.Config)

// Each runs fn on SQLite and on MariaDB, each with an application of its own.
func Each(t *testing.T, fn func(t *testing.T, e *Env), options ...Option) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) { fn(t, On(t, d, options...)) })
}

// New starts an application on SQLite, for what does not depend on the database.
func New(t testing.TB, options ...Option) *Env {
	t.Helper()
	return On(t, testdb.SQLite(t), options...)
}

// On starts an application on a database and stops it when the test ends.
func On(t testing.TB, d *testdb.DB, options ...Option) *Env {
	t.Helper()
	return start(t, d, clock.NewTest(Start), auth.NewKeyring(Start), options...)
}

func start(t testing.TB, d *testdb.DB, c *clock.Test, keys *auth.Keyring, options ...Option) *Env {
	t.Helper()
	sent := &Outbox{}
	book, err := money.NewBook("USD", map[string]string{"SAR": "0.25", "EUR": "1.1"})
	if err != nil {
		t.Fatal(err)
	}
	files, err := blob.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config := app.Config{
		Files: files,
		DB: d.DB, Clock: c, Keys: keys, Money: book, Log: slog.New(slog.DiscardHandler), Introspection: true,
		Mail: sent, PublicURL: "https://crm.example.com",
		PasswordCost: auth.Cost{Memory: 64, Time: 1, Threads: 1}, Limits: server.Limits{BudgetPerSecond: -1},
	}
	fresh := config.Keys
	for _, o := range options {
		o(&config)
	}
	if config.Clock != clock.Clock(c) && config.Keys == fresh {
		config.Keys = auth.NewKeyring(config.Clock.Now())
	}
	a, err := app.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a.Server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Error("stop:", err)
		}
		srv.Close()
	})
	return &Env{App: a, DB: d, Clock: c, URL: srv.URL + "/graphql", Host: srv.URL, Sent: sent}
}

// Make makes a record as Farley itself, past all rights but not past the rules, and returns its id.
func (e *Env) Make(t testing.TB, kind string, in input.Object) id.ID {
	t.Helper()
	var out write.Outcome
	err := e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) (err error) {
		out, err = tx.Create(ctx, e.Set.Kind(kind), in, "ALLOW")
		return err
	})
	if err != nil {
		t.Fatalf("make %s: %v", kind, err)
	}
	return out.ID
}

// Change changes a record as Farley itself.
func (e *Env) Change(t testing.TB, x id.ID, in input.Object) {
	t.Helper()
	err := e.Write.Do(write.AsSystem(context.Background()), func(ctx context.Context, tx *write.Tx) error {
		_, err := tx.Update(ctx, e.Set.Of(x), x, in)
		return err
	})
	if err != nil {
		t.Fatalf("change %s: %v", x, err)
	}
	e.Identity.Invalidate()
}

// Role makes a role. Permissions are written "ACCOUNT READ TEAM", levels "ACCOUNT TAX_NUMBER MASKED".
func (e *Env) Role(t testing.TB, r access.Role) id.ID {
	t.Helper()
	if r.Name == "" {
		r.Name = "Role " + strconv.FormatInt(e.n.Add(1), 10)
	}
	return e.Make(t, "Role", input.Object{"name": r.Name, "permissions": objects(t, r.Permissions), "fieldLevels": objects(t, r.Fields), "screens": texts(r.Screens)})
}

func texts(list []string) []any {
	out := []any{}
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

func objects(t testing.TB, v any) []any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out []any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// User makes a user with roles, and signs the user in. Extra fields of the user may be given.
func (e *Env) User(t testing.TB, extra input.Object, roles ...id.ID) *Client {
	t.Helper()
	n := strconv.FormatInt(e.n.Add(1), 10)
	in := input.Object{"email": "user" + n + "@example.com", "name": "User " + n}
	for name, v := range extra {
		in[name] = v
	}
	ids := []any{}
	for _, r := range roles {
		ids = append(ids, r.String())
	}
	in["roles"] = ids
	user := e.Make(t, "User", in)
	e.Identity.Invalidate()
	return e.SignIn(t, user)
}

// SignIn returns a client with a fresh session of the user.
func (e *Env) SignIn(t testing.TB, user id.ID) *Client {
	t.Helper()
	grant, err := e.Auth.Begin(context.Background(), user, "test")
	if err != nil {
		t.Fatal(err)
	}
	return &Client{env: e, User: user, Token: grant.AccessToken, Grant: grant}
}

// Anonymous returns a client that is not signed in.
func (e *Env) Anonymous() *Client { return &Client{env: e} }

// Admin makes an administrator: ALL on everything, and every field.
func (e *Env) Admin(t testing.TB) *Client {
	t.Helper()
	return e.User(t, nil, e.Role(t, Everything(e, access.All)))
}

// Everything is a role that may do everything within a scope, sensitive fields included.
func Everything(e *Env, scope access.Scopes) access.Role {
	var r access.Role
	for _, k := range e.Set.Kinds {
		if k.Link {
			continue
		}
		fitting := scope
		if !access.Fits(e.Set, k, scope) {
			fitting = access.Own // records of the kind have no such place
		}
		for _, action := range append([]string{access.Create, access.Read, access.Update, access.Delete}, k.Actions...) {
			r.Permissions = append(r.Permissions, access.Permission{Object: k.Const, Action: action, Scope: fitting.String()})
		}
		for _, f := range k.Fields {
			if f.Sensitive {
				r.Fields = append(r.Fields, access.FieldLevel{Object: k.Const, Field: f.Const, Level: access.LevelWrite})
			}
		}
	}
	return r
}
