// Package identity knows who acts: it turns access tokens into actors, and keeps what rights depend on (roles, teams, the
// reporting tree, branches, territories) in memory until something of it changes.
package identity

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"farley/internal/access"
	"farley/internal/auth"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/stream"
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

	outside Outside // set by Accept; nil: our own tokens only

	mu         sync.Mutex
	generation int64
	directory  *directory
	actors     map[id.ID]*remembered
	streams    map[id.ID]*open // by session or key
	checked    map[id.ID]checked
	policies   *lru.Cache[[sha256.Size]byte, compiled] // by the hash of the roles
	keys       map[[sha256.Size]byte]rememberedKey     // by the hash of the token
	passes     map[string]auth.Claims                  // of outside sessions, see pass
	usedAt     map[id.ID]time.Time                     // by user: the step of time in which he was last noted to act
	uses       chan use
	ended      int64 // sessions that this node has been told the end of

	recheck chan struct{} // has Watch look at all sessions now

	mailer   Mailer // set by Mails
	resetURL string

	hits, misses atomic.Int64 // of actors
}

// Remembered returns how often an actor was found in memory, and how often he had to be loaded.
func (s *Service) Remembered() (hits, misses int64) { return s.hits.Load(), s.misses.Load() }

type remembered struct {
	actor      *access.Actor
	generation int64
	until      time.Time
}

// checked is when a session was last found alive, and whose it was.
type checked struct {
	at   time.Time
	user id.ID
}

// open is a session or a key that streams hang on.
type open struct {
	revoked context.Context //nolint:containedctx // ends with the session
	end     context.CancelFunc
	user    id.ID
	closed  bool
	until   time.Time // zero for a key without an end
	changed time.Time // of a key: when what it is good for last changed

	outside  bool
	issuedAt time.Time // of the oldest token, for outside sessions
}

// New returns a Service. Bind must be called before tokens can be read.
func New(d *db.DB, set *model.Set, c clock.Clock) *Service {
	policies, err := lru.New[[sha256.Size]byte, compiled](maxPolicies)
	if err != nil {
		panic("identity: " + err.Error()) // only for a size below one
	}
	return &Service{db: d, set: set, clock: c, policies: policies, actors: map[id.ID]*remembered{}, streams: map[id.ID]*open{}, checked: map[id.ID]checked{}, passes: map[string]auth.Claims{},
		keys: map[[sha256.Size]byte]rememberedKey{}, usedAt: map[id.ID]time.Time{}, uses: make(chan use, maxUses), recheck: make(chan struct{}, 1)}
}

// Bind connects the service that signs users in, which in turn finds users here.
func (s *Service) Bind(a *auth.Service) {
	s.auth = a
	a.OnRevoke(func(session, _ id.ID) { s.Revoked(session) })
}

var errInactive = fault.New(fault.Unauthenticated, "The access token is not valid. Sign in again.")

// Authenticate implements stream.Authenticator.
func (s *Service) Authenticate(ctx context.Context, token string) (context.Context, stream.Session, error) {
	if token == "" {
		return ctx, stream.Session{}, nil
	}
	if auth.IsAPIKey(token) {
		return s.authenticateKey(ctx, token)
	}
	if claims, outside, err := s.outsider(ctx, token); outside || err != nil {
		return s.admit(ctx, claims, err)
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
	return access.With(ctx, &mine), stream.Session{ExpiresAt: claims.ExpiresAt, Revoked: s.revoked(claims.SessionID, claims.UserID, claims.ExpiresAt, time.Time{})}, nil
}

// checkEvery is how long a session that was found alive is believed, which bounds how long a sign-out on another node
// goes unnoticed here when the broker's message is lost. Sign-outs on this node are noticed at once.
const checkEvery = 2 * time.Second

// claims verifies a token. Its session is looked up at most every two seconds.
func (s *Service) claims(ctx context.Context, token string) (auth.Claims, error) {
	claims, err := s.auth.Tokens.Verify(token)
	if err != nil {
		return claims, err
	}
	now := s.clock.Now()
	s.mu.Lock()
	c := s.checked[claims.SessionID]
	ended := s.ended
	fresh := c.user == claims.UserID && now.Before(c.at.Add(checkEvery))
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
	if s.ended != ended {
		return claims, nil // perhaps this one, after it was looked up: not to be remembered as alive
	}
	if len(s.checked) > 10_000 {
		clear(s.checked)
	}
	s.checked[claims.SessionID] = checked{now, claims.UserID}
	return claims, nil
}

// revoked returns the context that ends when the session or key does.
func (s *Service) revoked(session, user id.ID, until, changed time.Time) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.streams[session]
	if o == nil {
		o = &open{user: user, until: until, changed: changed}
		o.revoked, o.end = context.WithCancel(context.Background())
		s.streams[session] = o
	}
	if until.After(o.until) {
		o.until = until
	}
	return o.revoked
}

// Revoked ends the streams of a session that has been ended, here or on another node, and forgets that it was alive.
func (s *Service) Revoked(session id.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended++
	s.revokeLocked(session)
}

func (s *Service) revokeLocked(session id.ID) {
	delete(s.checked, session)
	for hash, k := range s.keys {
		if k.key.ID == session {
			delete(s.keys, hash)
		}
	}
	if o := s.streams[session]; o != nil && !o.closed {
		o.end()
		o.closed = true
		delete(s.streams, session)
	}
}

// revokeAll ends all streams of a user on this node, whatever they came by.
func (s *Service) revokeAll(user id.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session, o := range s.streams {
		if o.user == user {
			s.revokeLocked(session)
		}
	}
}

// Recheck forgets which sessions were alive and has Watch look at those with streams at once: messages about ends may have
// been lost. It does not wait.
func (s *Service) Recheck() {
	s.mu.Lock()
	s.ended++
	clear(s.checked)
	clear(s.keys)
	s.mu.Unlock()
	select {
	case s.recheck <- struct{}{}:
	default:
	}
}

// lastWords bounds how long Watch may take to store what it knows when the process ends.
const lastWords = 5 * time.Second

// Watch ends the streams of sessions and keys that were ended on other nodes, and stores when keys were used, until ctx
// ends.
func (s *Service) Watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
			defer cancel()
			_ = s.auth.StoreUses(last, true) // nobody is left to try again
			return
		case <-s.clock.After(checkEvery):
		case <-s.recheck:
		}
		s.watchOnce(ctx)
	}
}

func (s *Service) watchOnce(ctx context.Context) {
	var keys []id.ID
	for _, session := range s.sweep(s.clock.Now()) {
		if session.Kind() == auth.KindAPIKey {
			keys = append(keys, session)
			continue
		}
		if active, err := s.active(ctx, session); err == nil && !active {
			s.Revoked(session)
		}
	}
	s.watchKeys(ctx, keys)
	_ = s.auth.StoreUses(ctx, false) // the next use of a key tries again
}

// sweep drops sessions whose tokens have all ended and returns the others.
func (s *Service) sweep(now time.Time) []id.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var live []id.ID
	for session, o := range s.streams {
		if !o.until.IsZero() && now.After(o.until) {
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
	case "User", "Team", "Role", "RoleGrant", "Share", "AccountContact", "Branch", "Territory", "TerritoryMember", "CustomField":
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
		s.hits.Add(1)
		return r.actor, nil
	}
	s.misses.Add(1)
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

// EndSessions implements rule.Sessions. Streams opened with keys end, too.
func (s *Service) EndSessions(ctx context.Context, tx *write.Tx, user id.ID) error {
	tx.OnCommit(func() { s.revokeAll(user) })
	return s.auth.RevokeUserIn(ctx, tx.Tx, user, auth.Inactive)
}
