// Package app puts the parts together: from a database and a configuration to a server that answers. The command line
// and the tests start the same application.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"go.opentelemetry.io/otel/trace"

	"farley/graph"
	"farley/graph/generated"
	"farley/internal/access"
	"farley/internal/activity"
	"farley/internal/audit"
	"farley/internal/auth"
	"farley/internal/blob"
	"farley/internal/broker"
	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/export"
	"farley/internal/fault"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/identity"
	"farley/internal/importer"
	"farley/internal/job"
	"farley/internal/mail"
	"farley/internal/model"
	"farley/internal/money"
	"farley/internal/oidc"
	"farley/internal/opportunity"
	"farley/internal/read"
	"farley/internal/rule"
	"farley/internal/search"
	"farley/internal/server"
	"farley/internal/server/live"
	"farley/internal/stream"
	"farley/internal/write"
)

// Config is what an application is made of. DB (migrated), Clock, Keys, Money and Log are needed.
type Config struct {
	DB    *db.DB
	Clock clock.Clock
	Keys  *auth.Keyring
	Money *money.Book
	Log   *slog.Logger

	Broker         broker.Broker // nil: in process
	Limits         server.Limits
	Socket         live.SocketConfig // Config inside is filled in
	AllowedOrigins []string
	Introspection  bool
	Suggestions    bool
	Playground     bool
	TrustedProxies []netip.Prefix    // whose X-Forwarded-For is believed
	PasswordCost   auth.Cost         // zero: the default
	Lockout        auth.Lockout      // zero fields: the defaults
	Recorder       auth.Recorder     // of what happens to people's access; nil: the audit trail
	Mailer         identity.Mailer   // nil: mails are jobs of this application
	ResetURL       string            // of the application's page for new passwords, with {token} in it
	Allowed        map[string]string // allow-list of operations by hash; nil: any
	Jobs           bool              // run durable jobs, housekeeping among them
	Indexing       bool              // keep the search index up to date
	RetainChanges  time.Duration     // how far the change log reaches back at least; 0: for ever
	KeepDeleted    time.Duration     // how long records stay in the bin; 0: for ever
	Mail           mail.Sink         // nil: mails wait until a server with one runs
	MailDomain     string            // of Message-IDs; "": one that nobody has
	PublicURL      string            // where people reach the server, without a slash at the end: links in mails begin with it
	Tracer         trace.Tracer      // makes spans; nil: none
	Slow           time.Duration     // operations that take so long are logged at WARN; 0: none
	PrivateMetrics bool              // leave /metrics out of Server: Server.Metrics is served elsewhere
	Issuers        []oidc.Issuer     // outside issuers whose tokens are accepted
	Files          blob.Store        // holds the content of files; nil: there is none, and nothing can be put
	RetainAudit    time.Duration     // how far the audit trail reaches back at least, beside the change log; 0: for ever
}

// App is a running application.
type App struct {
	Config
	Set      *model.Set
	Server   *server.Server
	Write    *write.Writer
	Read     *read.Engine
	Auth     *auth.Service
	Identity *identity.Service
	Outside  *oidc.Service // nil without issuers
	Changes  *change.Log
	Audit    *audit.Log
	Hub      *change.Hub
	Jobs     *job.Runner
	Mail     *mail.Queue
	Index    *search.Index
	Files    *file.Files
	Exports  *export.Service
	Imports  *importer.Service

	rates    *rates
	metrics  *metrics
	cursors  *change.Codec
	resolver *graph.Resolver
	socket   *live.Socket
	sse      *live.SSE
	cancel   context.CancelFunc
	running  sync.WaitGroup

	unsubscribe func()
}

// New puts an application together. Start makes it run.
func New(c Config) (*App, error) {
	if c.Broker == nil {
		c.Broker = broker.NewLocal()
	}
	m := newMetrics()
	c.DB.SetWatch(m.watch)
	c.Broker = m.counted(c.Broker)
	a := &App{Config: c, Set: model.Kinds(), metrics: m}
	a.Audit = audit.New(c.DB, a.Set, c.Clock, c.Log)
	a.Changes = change.NewLog(c.DB, change.Options{
		Clock: c.Clock, Broker: broker.Hints{Broker: c.Broker, Topic: broker.Changes}, Logger: c.Log, Archive: audit.Archive, Meter: m.meter(), Tracer: c.Tracer,
	})
	cursors, err := change.NewCodec(c.Keys.Secret("change cursor"))
	if err != nil {
		return nil, err
	}
	a.cursors = cursors
	a.Hub = change.NewHub(a.Changes, a.Set, cursors)
	a.Identity = identity.New(c.DB, a.Set, c.Clock)
	if a.Recorder == nil {
		a.Recorder = recorder{a.Audit, a.Set.Kind("User").Code, c.Log}
	}
	a.Auth = auth.New(auth.Config{
		DB: c.DB, Clock: c.Clock, Users: a.Identity, Keys: c.Keys, PasswordCost: c.PasswordCost, Lockout: c.Lockout,
		Recorder: a.Recorder, Log: c.Log, Seen: a.Identity.Seen,
	})
	a.Identity.Bind(a.Auth)
	a.Auth.OnRevoke(func(session, _ id.ID) { c.Broker.Publish(broker.Sessions, session[:]) })
	a.Jobs = job.New(c.DB, c.Clock, c.Log, job.Settings{Tracer: c.Tracer})
	a.Write = &write.Writer{DB: c.DB, Set: a.Set, Log: a.Changes, Clock: c.Clock, Money: c.Money, Rules: rule.Rules(a.Identity, a.Jobs), Merged: rule.Merged()}
	rule.RegisterPlacement(a.Jobs, a.Write)
	rule.RegisterTeams(a.Jobs, a.Write)
	rule.RegisterReminders(a.Jobs, a.Write, func() rule.Mailing { return a.Mail }, a.Identity.Actor)
	a.followRates()
	a.keepFiles()
	a.Imports = importer.New(importer.Config{Writer: a.Write, Files: a.Files, Jobs: a.Jobs, Clock: c.Clock, Log: c.Log, Actor: a.Identity.Actor})

	if err := a.acceptIssuers(); err != nil {
		return nil, err
	}

	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &graph.Resolver{}}).Schema()
	if problems := access.Check(schema, a.Set); len(problems) > 0 {
		return nil, fmt.Errorf("the schema has positions without a mapping: %v", problems)
	}
	v := a.newViews(c.Money)
	a.Read, err = read.New(read.Config{
		Set: a.Set, Dialect: c.DB.Dialect, Clock: c.Clock, CursorKey: c.Keys.Secret("list cursor"), Money: c.Money, Schema: schema, Redirects: write.Redirects, Computed: v.computed(),
	})
	if err != nil {
		return nil, err
	}
	v.bind(a.Read)
	hints := broker.Hints{Broker: c.Broker, Topic: broker.Changes}
	a.Index, err = search.New(search.Config{DB: c.DB, Set: a.Set, Log: a.Changes, Read: a.Read, Clock: c.Clock, Hints: hints, Logger: c.Log})
	if err != nil {
		return nil, err
	}
	a.Index.Register(a.Jobs)
	a.resolver = &graph.Resolver{
		DB: c.DB, Set: a.Set, Clock: c.Clock, Read: a.Read, Write: a.Write, Log: a.Changes, Hub: a.Hub, Cursors: cursors,
		Identity: a.Identity, Auth: a.Auth, Jobs: a.Jobs, Broker: c.Broker, Index: a.Index,
		Files: a.Files, PublicURL: func() string { return a.PublicURL }, Imports: a.Imports, Boards: &opportunity.Boards{Read: a.Read, Book: c.Money}, Forecasts: &opportunity.Forecasts{Read: a.Read, Book: c.Money},
		Agendas: v.activities, Talk: v.talk, Calendars: &activity.Imports{Service: v.activities, Files: a.Files},
		Invitations: &activity.Invitations{
			Service: v.activities, Writer: a.Write, Mails: func() activity.Mailing { return a.Mail }, Secret: c.Keys.Secret("invitation answers"), PublicURL: func() string { return a.PublicURL },
		},
		Feeds: &activity.Feeds{Service: v.activities, DB: c.DB, Actor: a.Identity.Actor},
		Audit: a.Audit, Trail: &audit.Trail{Set: a.Set, Clock: c.Clock, Read: a.Read},
	}
	a.resolver.Invitations.Register(a.Jobs)
	(&activity.Plans{Service: v.activities, Writer: a.Write, Actor: a.Identity.Actor}).Register(a.Jobs)
	if err := a.scheduleJobs(); err != nil {
		return nil, err
	}
	a.resolver.Privacy = a.keepPrivacy()
	guard, shapes := access.NewGuard(schema, a.Set), newShaped(a.resolver, a.Set)
	a.writeExports(shapes, guard)
	return a, a.serve(shapes, guard)
}

// serve builds the transports and the server around them.
func (a *App) serve(shapes *shaped, guard *access.Guard) error {
	presenter, err := server.NewPresenter(a.Log, arabic)
	if err != nil {
		return err
	}
	presenter.Refused = a.Audit.Refused
	a.resolver.Say, a.resolver.Agendas.Say = presenter.Say, presenter.Say
	users := a.metrics.authenticator(recognising{a.Identity, a.Auth.Tokens, a.Audit})
	common := live.Config{Auth: users, Present: presenter.Present, Clock: a.Clock, Log: a.Log}
	socket := a.Socket
	socket.Config = common
	socket.AllowedOrigins = a.AllowedOrigins
	socket.Subject = func(ctx context.Context) string { return access.From(ctx).User.String() }
	a.socket = live.NewSocket(socket)
	a.sse = live.NewSSE(live.SSEConfig{Config: common, Ticket: a.Identity.RedeemTicket})
	registry := server.NewRegistry()
	if err := a.metrics.register(registry, a); err != nil {
		return err
	}
	a.Server, err = server.New(server.Config{
		Schema: shapes, Files: a.Files.Serve, Calendar: a.resolver.Feeds.Serve, Answers: a.resolver.Invitations.Serve, Auth: users, Log: a.Log, Clock: a.Clock, Limits: a.Limits, Presenter: presenter,
		Live:       []graphql.Transport{a.socket, a.sse},
		Extensions: []graphql.HandlerExtension{&access.Extension{Guard: guard}, audit.Extension{Log: a.Audit}, graph.Operations{DB: a.DB}},
		Caller:     caller, Ready: a.ready, Drain: a.drain, AllowedOrigins: a.AllowedOrigins, TrustedProxies: a.TrustedProxies,
		Introspection: a.Introspection, Suggestions: a.Suggestions, Playground: a.Playground, Allowed: a.Allowed,
		Registry: registry, PrivateMetrics: a.PrivateMetrics, Tracer: a.Tracer, Slow: a.Slow,
	})
	return err
}

// caller names who pays for an operation.
func caller(ctx context.Context) string {
	if v := access.From(ctx); v.SignedIn() {
		return v.User.String()
	}
	return "anonymous"
}

func (a *App) ready(ctx context.Context) error {
	if err := a.DB.Ping(ctx); err != nil {
		return fault.Wrap(fault.Unavailable, err, "The database does not answer.")
	}
	return nil
}

func (a *App) drain(ctx context.Context) error {
	return errors.Join(a.socket.Close(ctx), a.sse.Close(ctx))
}

// Start begins the work in the background: the sequencer, the fan-out, and the watch over rights and sessions.
func (a *App) Start(ctx context.Context) error {
	if err := a.learnIndexes(ctx); err != nil {
		return err
	}
	if err := a.rates.learn(ctx); err != nil {
		return err
	}
	history, err := a.Changes.History(ctx)
	if err != nil {
		return err
	}
	a.cursors.SetHistory(history)
	ctx, a.cancel = context.WithCancel(ctx)
	a.unsubscribe = a.Broker.Subscribe(broker.Sessions, a.sessionEnded)
	if a.Config.Jobs {
		a.running.Go(func() { _ = a.Jobs.Run(ctx) }) // ends with ctx
	}
	if a.Indexing {
		a.running.Go(func() { a.Index.Run(ctx) })
	}
	for _, work := range []func(context.Context){
		func(ctx context.Context) { _ = a.Changes.Run(ctx) }, // ends with ctx
		func(ctx context.Context) { _ = a.Hub.Run(ctx) },     // ends with ctx
		a.Identity.Watch,
		a.Identity.KeepUse,
		a.watchRights,
		a.Audit.Run,
	} {
		a.running.Go(func() { work(ctx) })
	}
	return nil
}

func (a *App) learnIndexes(ctx context.Context) error {
	tx, err := a.DB.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	return a.Read.LearnIndexes(ctx, tx)
}

// Stop ends everything: streams are told to resume elsewhere, then the work in the background ends.
func (a *App) Stop(ctx context.Context) error {
	err := a.Server.Shutdown(ctx)
	if a.cancel != nil {
		a.unsubscribe()
		a.cancel()
		a.running.Wait()
	}
	return errors.Join(err, a.Audit.Close(ctx))
}

// sessionEnded is told by whichever node has ended a session.
func (a *App) sessionEnded(message []byte) {
	var session id.ID
	if copy(session[:], message) < len(session) {
		a.Identity.Recheck()
		return
	}
	a.Identity.Revoked(session)
}

// watchRights forgets actors when roles, users or teams change, and learns exchange rates, here or on another node.
func (a *App) watchRights(ctx context.Context) {
	wake := make(chan struct{}, 1)
	defer a.Broker.Subscribe(broker.Changes, func([]byte) {
		select {
		case wake <- struct{}{}:
		default:
		}
	})()
	// What is read after the position is known holds all that was written up to it.
	begin := func() (int64, error) {
		position, err := a.Changes.Last(ctx, nil)
		if err == nil {
			err = a.rates.learn(ctx)
		}
		return position, err
	}
	position, err := begin()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-a.Clock.After(rightsEvery):
		}
		if err == nil {
			position, err = a.followRights(ctx, position)
		}
		if err != nil && ctx.Err() == nil {
			// What was missed is unknown, so everybody is looked up anew.
			a.Identity.Invalidate()
			a.Hub.Recheck()
			position, err = begin()
		}
	}
}

// rightsEvery is how often the log is looked at for changes of rights without a hint.
const rightsEvery = 250 * time.Millisecond

func (a *App) followRights(ctx context.Context, position int64) (int64, error) {
	for {
		kinds, last, err := a.Changes.KindsAfter(ctx, position, 5000)
		if err != nil || last == position {
			return position, err
		}
		if slices.ContainsFunc(kinds, a.Identity.Concerns) {
			a.Identity.Invalidate()
			a.Hub.Recheck()
		}
		if slices.Contains(kinds, a.Set.Kind("ExchangeRate").Code) {
			if err := a.rates.learn(ctx); err != nil {
				return position, err
			}
		}
		position = last
	}
}

var _ stream.Authenticator = (*identity.Service)(nil)
