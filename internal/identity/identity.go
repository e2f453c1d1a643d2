// Package identity knows who acts: it turns access tokens into actors, and keeps what rights depend on (roles, teams, the
// reporting tree, branches, territories) in memory until something of it changes.
package identity

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"farley/internal/access"
	"farley/internal/auth"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/stream"
	"farley/internal/text"
	"farley/internal/write"
)

// keepFor bounds how long an actor is taken from memory, and so how late the end of a role grant is noticed.
const keepFor = 10 * time.Second

// Service finds out who acts. It is safe for concurrent use.
type Service struct {
	db    *db.DB
	set   *model.Set
	clock clock.Clock
	auth  *auth.Service // set by Bind

	mu         sync.Mutex
	generation int64
	directory  *directory
	actors     map[id.ID]*remembered
	streams    map[id.ID]*open // by session
	checked    map[id.ID]time.Time
	usedAt     map[id.ID]time.Time // by user: the step of time in which he was last noted to act
	uses       chan use
}

type remembered struct {
	actor      *access.Actor
	generation int64
	until      time.Time
}

// open is a session that streams hang on.
type open struct {
	revoked chan struct{}
	closed  bool
	until   time.Time
}

// New returns a Service. Bind must be called before tokens can be read.
func New(d *db.DB, set *model.Set, c clock.Clock) *Service {
	return &Service{db: d, set: set, clock: c, actors: map[id.ID]*remembered{}, streams: map[id.ID]*open{}, checked: map[id.ID]time.Time{},
		usedAt: map[id.ID]time.Time{}, uses: make(chan use, maxUses)}
}

// Bind connects the service that signs users in, which in turn finds users here.
func (s *Service) Bind(a *auth.Service) {
	s.auth = a
	a.OnRevoke(func(session, _ id.ID) { s.revoke(session) })
}

var errInactive = fault.New(fault.Unauthenticated, "The access token is not valid. Sign in again.")

// Authenticate implements stream.Authenticator.
func (s *Service) Authenticate(ctx context.Context, token string) (context.Context, stream.Session, error) {
	if token == "" {
		return ctx, stream.Session{}, nil
	}
	claims, err := s.claims(ctx, token)
	if err != nil {
		return ctx, stream.Session{}, err
	}
	actor, err := s.Actor(ctx, claims.UserID)
	if err != nil {
		return ctx, stream.Session{}, err
	}
	s.used(claims.UserID, s.clock.Now())
	mine := *actor
	mine.Session = claims.SessionID
	return access.With(ctx, &mine), stream.Session{ExpiresAt: claims.ExpiresAt, Revoked: s.revoked(claims)}, nil
}

// checkEvery is how long a session that was found alive is believed, which bounds how long a sign-out on another node
// goes unnoticed here. Sign-outs on this node are noticed at once.
const checkEvery = 2 * time.Second

// claims verifies a token. Its session is looked up at most every two seconds.
func (s *Service) claims(ctx context.Context, token string) (auth.Claims, error) {
	claims, err := s.auth.Tokens.Verify(token)
	if err != nil {
		return claims, err
	}
	now := s.clock.Now()
	s.mu.Lock()
	fresh := now.Before(s.checked[claims.SessionID].Add(checkEvery))
	s.mu.Unlock()
	if fresh {
		return claims, nil
	}
	claims, err = s.auth.Authenticate(ctx, token)
	if err != nil {
		return claims, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.checked) > 10_000 {
		clear(s.checked)
	}
	s.checked[claims.SessionID] = now
	return claims, nil
}

// revoked returns the channel that is closed when the session ends.
func (s *Service) revoked(c auth.Claims) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.streams[c.SessionID]
	if o == nil {
		o = &open{revoked: make(chan struct{})}
		s.streams[c.SessionID] = o
	}
	if c.ExpiresAt.After(o.until) {
		o.until = c.ExpiresAt
	}
	return o.revoked
}

func (s *Service) revoke(session id.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.checked, session)
	if o := s.streams[session]; o != nil && !o.closed {
		close(o.revoked)
		o.closed = true
		delete(s.streams, session)
	}
}

// Watch ends the streams of sessions that were ended on other nodes, until ctx ends.
func (s *Service) Watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(checkEvery):
		}
		now := s.clock.Now()
		for _, session := range s.sweep(now) {
			if active, err := s.auth.Active(ctx, session); err == nil && !active {
				s.revoke(session)
			}
		}
	}
}

// sweep drops sessions whose tokens have all ended and returns the others.
func (s *Service) sweep(now time.Time) []id.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var live []id.ID
	for session, o := range s.streams {
		if now.After(o.until) {
			delete(s.streams, session)
			continue
		}
		live = append(live, session)
	}
	return live
}

// Invalidate forgets everybody: roles, users, teams or shares have changed.
func (s *Service) Invalidate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	clear(s.actors)
	s.directory = nil
}

// Concerns reports whether rights may depend on records of the kind.
func (s *Service) Concerns(code id.Kind) bool {
	k := s.set.Coded(code)
	if k == nil {
		return false
	}
	switch k.Name {
	case "User", "Team", "Role", "RoleGrant", "Share", "AccountContact", "Branch", "Territory", "TerritoryMember":
		return true
	}
	return false
}

// Actor returns the user as an actor. An unknown or inactive user is UNAUTHENTICATED.
func (s *Service) Actor(ctx context.Context, user id.ID) (*access.Actor, error) {
	now := s.clock.Now()
	s.mu.Lock()
	r, generation := s.actors[user], s.generation
	s.mu.Unlock()
	if r != nil && r.generation == generation && now.Before(r.until) {
		return r.actor, nil
	}
	actor, until, err := s.load(ctx, user, now)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation == generation {
		s.actors[user] = &remembered{actor, generation, until}
	}
	return actor, nil
}

// Recent returns the user as an actor from memory when the memory is good, else as Actor does.
func (s *Service) Recent(user id.ID) (*access.Actor, error) {
	return s.Actor(context.Background(), user) //nolint:contextcheck // called by the hub, whose work has no request
}

// ByEmail implements auth.Users.
func (s *Service) ByEmail(ctx context.Context, email string) (auth.Account, error) {
	return s.account(ctx, "email_key = ?", text.Fold(email))
}

// ByID implements auth.Users.
func (s *Service) ByID(ctx context.Context, user id.ID) (auth.Account, error) {
	return s.account(ctx, "id = ?", user)
}

func (s *Service) account(ctx context.Context, condition string, arg any) (auth.Account, error) {
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return auth.Account{}, err
	}
	defer func() { _ = tx.Close() }()
	var a auth.Account
	var hash sql.NullString
	err = tx.QueryRow(ctx, "SELECT id, password_hash, active FROM users WHERE deleted_at IS NULL AND "+condition, []any{arg}, &a.ID, &hash, &a.Active)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.New(fault.NotFound, "There is no %s with this id.", "User")
	}
	a.PasswordHash = hash.String
	return a, err
}

// EndSessions implements rule.Sessions.
func (s *Service) EndSessions(ctx context.Context, tx *write.Tx, user id.ID) error {
	return s.auth.RevokeUserIn(ctx, tx.Tx, user, auth.Inactive)
}
