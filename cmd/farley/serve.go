package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"farley/internal/app"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/seed"
	"farley/internal/server"
)

// drainTime bounds how long open requests and streams may take to end after SIGTERM.
const drainTime = 15 * time.Second

// demoRates let the demo firm's amounts be compared; they are of no day in particular.
const demoRates = "SAR=0.2667,AED=0.2723,EUR=1.08,GBP=1.27,EGP=0.02"

// serve runs the server.
type serve struct {
	database       `embed:""`
	Addr           string            `default:"127.0.0.1:8080" help:"Address to listen on; port 0 chooses a free one."`
	Demo           bool              `help:"Fill an empty database with a believable firm, and print a token for each role."`
	TokensFile     string            `type:"path" help:"With --demo: write role name → access token as a JSON object to this file."`
	TestClock      bool              `help:"Let administrators move the clock forward (advanceClock). Never in production."`
	Limit          map[string]string `help:"Safety limits that differ from their defaults: cost=100000;operationTime=1m. A negative number switches one off."`
	AllowedOrigins []string          `help:"Origins whose pages may call the API."`
	Introspection  bool              `default:"true" negatable:"" help:"Answer introspection."`
	Playground     bool              `default:"true" negatable:"" help:"Serve the page for trying queries at /."`
	RetainChanges  time.Duration     `default:"2160h" help:"How far the change log reaches back; older cursors are answered by CURSOR_EXPIRED. 0 keeps all."`
	AllowList      string            `type:"existingfile" help:"JSON manifest hash → document: run these operations only."`
}

// Run implements the command.
func (s *serve) Run(ctx context.Context) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	store, err := s.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	a, err := s.application(store, log)
	if err != nil {
		return err
	}
	if _, err := seed.EnsureRoles(ctx, a.Write); err != nil {
		return fmt.Errorf("shipped roles: %w", err)
	}
	if s.Demo {
		if err := s.demo(ctx, a); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	} else if err := s.greet(ctx, store); err != nil {
		return err
	}
	return s.listen(ctx, a, log)
}

func (s *serve) application(store *db.DB, log *slog.Logger) (*app.App, error) {
	keys, err := s.keyring()
	if err != nil {
		return nil, err
	}
	if s.Demo && s.Rates == "" {
		s.Rates = demoRates
	}
	book, err := s.book()
	if err != nil {
		return nil, err
	}
	bounds, err := limits(s.Limit)
	if err != nil {
		return nil, err
	}
	c := app.Config{
		Limits: bounds,
		DB:     store, Clock: clock.System{}, Keys: keys, Money: book, Log: log, AllowedOrigins: s.AllowedOrigins,
		Introspection: s.Introspection, Suggestions: s.Introspection, Playground: s.Playground,
		Jobs: true, Indexing: true, RetainChanges: s.RetainChanges,
	}
	if s.TestClock {
		c.Clock = clock.NewSandbox()
	}
	if s.AllowList != "" {
		f, err := os.Open(s.AllowList)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		if c.Allowed, err = server.ReadManifest(f); err != nil {
			return nil, err
		}
	}
	return app.New(c)
}

// greet says how to begin with an empty database.
func (s *serve) greet(ctx context.Context, store *db.DB) error {
	empty, err := seed.EmptyDatabase(ctx, store)
	if err == nil && empty {
		say(os.Stderr, "There are no users yet. Make the first administrator with:\n  farley token --first-administrator you@example.com --name \"Your Name\"\n")
	}
	return err
}

// demo fills the database once, and gives out tokens at every start.
func (s *serve) demo(ctx context.Context, a *app.App) error {
	people, err := seed.Demo(ctx, a.Write, func(password string) (string, error) { return a.Auth.Passwords.Hash(ctx, password) }, a.Clock.Now())
	if err != nil {
		return err
	}
	tokens := map[string]string{}
	roles := seed.Roles(a.Set)
	for key, user := range people.ByRole {
		grant, err := a.Auth.Begin(ctx, user, "demo")
		if err != nil {
			return err
		}
		tokens[roles[key].Name] = grant.AccessToken
	}
	b, err := json.MarshalIndent(tokens, "", "  ")
	if err != nil {
		return err
	}
	if s.TokensFile != "" {
		return os.WriteFile(s.TokensFile, append(b, '\n'), 0o600)
	}
	say(os.Stdout, "Demo users sign in as <role>@demo.example with the password %q. Access tokens, good for 15 minutes:\n%s\n", seed.DemoPassword, b)
	return nil
}

// listen serves until ctx ends, then drains.
func (s *serve) listen(ctx context.Context, a *app.App, log *slog.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return err
	}
	if err := a.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	go watchKeys(ctx, a.Keys, a.Clock, log)
	mux := http.NewServeMux()
	mux.Handle("/.well-known/jwks.json", a.Keys.Handler(a.Clock))
	mux.Handle("/", a.Server)
	srv := server.HTTPServer(mux, log)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(listener) }()
	say(os.Stdout, "Farley answers at http://%s/graphql\n", listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	stopped := a.Stop(drain)
	err = srv.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	return errors.Join(stopped, err)
}

// decodeID says what is in an id.
type decodeID struct {
	ID string `arg:"" help:"The id."`
}

// Run implements the command.
func (d *decodeID) Run() error {
	x, err := id.Parse(d.ID)
	if err != nil {
		return err
	}
	say(os.Stdout, "kind     %s (%d)\ncreated  %s\nbytes    %x\n", kindName(x), x.Kind(), x.Time().Format(time.RFC3339Nano), x[:])
	return nil
}
