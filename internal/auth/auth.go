package auth

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

// Account is what signing in needs to know of a user.
type Account struct {
	ID           id.ID
	Email        string
	Name         string
	Locale       string // of messages; may be empty
	Service      bool   // a program, which has keys and is mailed nothing
	PasswordHash string // PHC string; "" for a user who cannot sign in with a password
	Active       bool
	SeenAt       time.Time // when the user last signed in, to the hour
}

// Users finds accounts. A user who does not exist is a fault.NotFound.
type Users interface {
	// ByEmail finds a user by NormalEmail of the address.
	ByEmail(ctx context.Context, email string) (Account, error)
	ByID(ctx context.Context, userID id.ID) (Account, error)
}

// Config is what a Service is made of. DB, Clock, Users and Keys are needed; for everything else zero means the default.
type Config struct {
	DB    *db.DB
	Clock clock.Clock
	Users Users
	Keys  *Keyring

	Issuer      string        // iss of access tokens, "farley"
	Audience    string        // aud of access tokens, "farley"
	TokenLife   time.Duration // of an access token, DefaultTokenLife
	RefreshLife time.Duration // of a refresh token and so of an unused session, DefaultRefreshLife

	PasswordCost Cost
	HashesAtOnce int // see NewPasswords

	Lockout  Lockout
	Recorder Recorder     // nil: nobody records
	Log      *slog.Logger // why API keys were refused; nil: nowhere

	// Rehash, when set, stores a hash of the present cost after a sign-in with an older one. It compares and sets: a user
	// whose stored hash is no longer old keeps it.
	Rehash func(ctx context.Context, userID id.ID, old, new string) error
	// Seen, when set, stores when a user was last here. It is asked once an hour and user.
	Seen func(ctx context.Context, userID id.ID, at time.Time) error
}

// Service signs users in and out. It is safe for concurrent use.
type Service struct {
	// Passwords hashes new passwords for those who store them.
	Passwords *Passwords
	// Tokens verifies access tokens alone, without their sessions.
	Tokens *Tokens

	db          *db.DB
	clock       clock.Clock
	users       Users
	refreshLife time.Duration
	lockout     Lockout
	counterKey  []byte
	recorder    Recorder
	log         *slog.Logger
	rehash      func(ctx context.Context, userID id.ID, old, new string) error
	noteSeen    func(ctx context.Context, userID id.ID, at time.Time) error
	uses        *uses

	mu       sync.Mutex
	onRevoke []func(sessionID, userID id.ID)
}

// New returns a Service.
func New(c Config) *Service {
	c.Issuer = or(c.Issuer, "farley")
	c.Audience = or(c.Audience, "farley")
	if c.Recorder == nil {
		c.Recorder = nobodyRecords{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{
		Passwords:   NewPasswords(c.PasswordCost, c.HashesAtOnce),
		Tokens:      NewTokens(c.Keys, c.Clock, c.Issuer, c.Audience, c.TokenLife),
		db:          c.DB,
		clock:       c.Clock,
		users:       c.Users,
		refreshLife: or(c.RefreshLife, DefaultRefreshLife),
		lockout:     c.Lockout.withDefaults(),
		counterKey:  c.Keys.Secret("sign-in counters"),
		recorder:    c.Recorder,
		log:         c.Log,
		rehash:      c.Rehash,
		noteSeen:    c.Seen,
		uses:        newUses(),
	}
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// Device says where a sign-in comes from.
type Device struct {
	Name    string     // shown to the user in the list of sessions; cut to 200 characters
	Address netip.Addr // of the client, for the limits on failed sign-ins
}

// Grant is what a signed-in client gets.
type Grant struct {
	UserID           id.ID
	SessionID        id.ID
	AccessToken      string
	ExpiresAt        time.Time // of the access token
	RefreshToken     string
	RefreshExpiresAt time.Time
}

// NormalEmail is the form in which e-mail addresses are compared: trimmed and in lower case.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Authenticate verifies an access token and that its session is active. It answers Unauthenticated for any token that
// does not count. That the user is still active is for the caller, who reads the user anyway.
func (s *Service) Authenticate(ctx context.Context, token string) (Claims, error) {
	c, err := s.Tokens.Verify(token)
	if err != nil {
		return Claims{}, err
	}
	session, err := s.Check(ctx, c.SessionID)
	if err != nil {
		return Claims{}, err
	}
	if session.UserID != c.UserID {
		return Claims{}, unauthenticated(errOtherUser)
	}
	return c, nil
}

// OnRevoke has fn called after a session has been revoked on this node, so that its sockets can be ended; other nodes
// learn of it by Check. fn must not block.
func (s *Service) OnRevoke(fn func(sessionID, userID id.ID)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRevoke = append(s.onRevoke, fn)
}

func (s *Service) tellRevoked(sessionID, userID id.ID) {
	s.mu.Lock()
	told := s.onRevoke[:len(s.onRevoke):len(s.onRevoke)]
	s.mu.Unlock()
	for _, fn := range told {
		fn(sessionID, userID)
	}
}

// notFound reports whether Users said that there is no such user.
func notFound(err error) bool { return fault.CodeOf(err) == fault.NotFound }
