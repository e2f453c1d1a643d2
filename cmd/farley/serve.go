package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"farley/internal/app"
	"farley/internal/broker"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/seed"
	"farley/internal/server"
	"farley/internal/telemetry"
)

// drainTime bounds how long open requests and streams may take to end after SIGTERM.
const drainTime = 15 * time.Second

// flushTime bounds how long the last spans may take to be sent.
const flushTime = 5 * time.Second

// demoRates let the demo firm's amounts be compared; they are of no day in particular.
const demoRates = "SAR=0.2667,AED=0.2723,EUR=1.08,GBP=1.27,EGP=0.02"

// serve runs the server.
type serve struct {
	database       `embed:""`
	outside        `embed:""`
	Addr           string            `default:"127.0.0.1:8080" help:"Address to listen on; port 0 chooses a free one."`
	Demo           bool              `help:"Fill an empty database with a believable firm, and print a token for each role."`
	TokensFile     string            `type:"path" help:"With --demo: write role name → access token as a JSON object to this file."`
	TestClock      bool              `help:"Let administrators move the clock forward (advanceClock). Never in production."`
	Limit          map[string]string `help:"Safety limits that differ from their defaults: cost=100000;operationTime=1m. A negative number switches one off."`
	AllowedOrigins []string          `help:"Origins whose pages may call the API."`
	Introspection  bool              `default:"true" negatable:"" help:"Answer introspection."`
	Playground     bool              `default:"true" negatable:"" help:"Serve the page for trying queries at /."`
	RetainChanges  time.Duration     `default:"2160h" help:"How far the change log reaches back; older cursors are answered by CURSOR_EXPIRED. 0 keeps all."`
	TrustedProxies []string          `placeholder:"CIDR" help:"Networks of the proxies in front, whose X-Forwarded-For is believed: 10.0.0.0/8,2001:db8::/48. Without any, everybody comes from where the connection comes from."`
	ResetURL       string            `name:"reset-url" help:"Your page for new passwords, which mails lead to: https://app.example/reset?token={token}. Without it the mails hold the token alone."`
	Lockout        map[string]string `help:"Limits on failed sign-ins that differ from their defaults: account=10;address=50;first=1m;longest=1h;quiet=24h;accountMails=5;addressMails=20."`
	KeepDeleted    time.Duration     `default:"720h" help:"How long deleted records stay in the bin before they are removed for good. 0 keeps all."`
	Mail           string            `help:"Where mail goes: folder:///path, smtp://user:password@host:587 (STARTTLS required unless ?tls=preferred or ?tls=none) or smtps://user:password@host:465. Default: files in the folder mail of the data folder."`
	MailFrom       string            `default:"Farley <farley@localhost>" help:"Who mails come from: Example <crm@example.com>."`
	PublicURL      string            `name:"public-url" help:"Where people reach this server, for links in mails: https://crm.example.com. Default: the address it listens on."`
	MetricsAddr    string            `help:"Serve /metrics at this address only, so that it need not be public. Default: beside the API."`
	Traces         bool              `help:"Send traces by OTLP over HTTP; also when OTEL_EXPORTER_OTLP_ENDPOINT is set. The standard OTEL_ variables say where to and how many."`
	Files          string            `help:"Where the content of files goes: folder:///path or s3://key:secret@host:port/bucket?region=eu-central-1 (&insecure=true for http). Default: the folder files of the data folder; nodes that share a database must share it."`
	LogLevel       string            `default:"info" enum:"debug,info,warn,error" help:"Least level of log lines: debug, info, warn, error."`
	LogFormat      string            `default:"json" enum:"json,text" help:"Format of log lines: json, text."`
	Slow           time.Duration     `default:"1s" help:"Operations that take so long are logged at WARN with who asked; 0: none."`
	RetainAudit    time.Duration     `default:"26280h" help:"How far the audit trail reaches back: three years. 0 keeps all."`
	AllowList      string            `type:"existingfile" help:"JSON manifest hash → document: run these operations only."`
	DrainDelay     time.Duration     `default:"0s" help:"After SIGTERM: how long to go on serving while /readyz fails, so that a load balancer notices."`
	nodes          `embed:""`
}

// Run implements the command.
func (s *serve) Run(ctx context.Context) error {
	log, flush, err := telemetry.NewLog(os.Stderr, s.LogLevel, s.LogFormat)
	if err != nil {
		return err
	}
	defer flush()
	var traces *telemetry.Traces
	if s.Traces || telemetry.Wanted() {
		if traces, err = telemetry.Start(ctx, log); err != nil {
			return err
		}
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		if err := traces.Stop(end); err != nil {
			log.WarnContext(ctx, "the last spans were not sent", "error", err)
		}
	}()
	store, err := s.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	between, end, err := s.broker(ctx, log)
	if err != nil {
		return err
	}
	defer end()
	a, err := s.application(store, between, log, traces)
	if err != nil {
		return err
	}
	if _, err := seed.Ensure(ctx, a.Write); err != nil {
		return err
	}
	if err := warnOfRoles(ctx, a); err != nil {
		return err
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

func (s *serve) application(store *db.DB, between broker.Broker, log *slog.Logger, traces *telemetry.Traces) (*app.App, error) {
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
	issuers, err := s.outside.read()
	if err != nil {
		return nil, err
	}
	lockout, err := lockout(s.Lockout)
	if err != nil {
		return nil, err
	}
	proxies, err := networks(s.TrustedProxies)
	if err != nil {
		return nil, err
	}
	c := app.Config{
		Issuers: issuers,
		Lockout: lockout, TrustedProxies: proxies, ResetURL: s.ResetURL,
		Limits: bounds,
		DB:     store, Clock: clock.System{}, Keys: keys, Money: book, Log: log, AllowedOrigins: s.AllowedOrigins,
		Introspection: s.Introspection, Suggestions: s.Introspection, Playground: s.Playground,
		Broker: between, Jobs: true, Indexing: true, RetainChanges: s.RetainChanges, KeepDeleted: s.KeepDeleted, RetainAudit: s.RetainAudit,
		Tracer: traces.Tracer(), Slow: s.Slow, PrivateMetrics: s.MetricsAddr != "",
	}
	if s.TestClock {
		c.Clock = clock.NewSandbox()
	}
	if err := s.mail(&c); err != nil {
		return nil, err
	}
	if c.Files, err = openFiles(s.Files, s.Data); err != nil {
		return nil, fmt.Errorf("--files: %w", err)
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
	if a.PublicURL == "" {
		a.PublicURL = "http://" + listener.Addr().String()
	}
	if err := a.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	go watchKeys(ctx, a.Keys, a.Clock, log)
	mux := http.NewServeMux()
	mux.Handle("/.well-known/jwks.json", a.Keys.Handler(a.Clock))
	mux.Handle("/", a.Server)
	srv := server.HTTPServer(mux, log)
	failed := make(chan error, 2)
	go func() { failed <- srv.Serve(listener) }()
	metrics, err := s.serveMetrics(ctx, a, log, failed)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	defer func() { _ = metrics.Close() }()
	say(os.Stdout, "Farley answers at http://%s/graphql\n", listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	a.Server.Leave()
	log.InfoContext(ctx, "shutting down", "delay", s.DrainDelay.String())
	select {
	case <-time.After(s.DrainDelay):
	case err := <-failed:
		return err
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return stop(drain, srv, a)
}

// stop ends streams, and beside them waits for the requests under way, which need the work in the background: it ends last.
func stop(ctx context.Context, srv *http.Server, a *app.App) error {
	answered := make(chan error, 1)
	go func() {
		err := srv.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close()
		}
		answered <- err
	}()
	streams := a.Server.Shutdown(ctx)
	err := <-answered
	return errors.Join(streams, err, a.Stop(ctx))
}

// serveMetrics serves /metrics apart from the API, when that is wished. What it returns is closed at the end.
func (s *serve) serveMetrics(ctx context.Context, a *app.App, log *slog.Logger, failed chan<- error) (io.Closer, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.Server.Metrics())
	srv := server.HTTPServer(mux, log)
	if s.MetricsAddr == "" {
		return srv, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	go func() { failed <- srv.Serve(listener) }()
	say(os.Stdout, "Metrics are at http://%s/metrics\n", listener.Addr())
	return srv, nil
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
