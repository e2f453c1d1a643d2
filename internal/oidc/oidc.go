package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"farley/internal/auth"
	"farley/internal/clock"
	"farley/internal/id"
	"farley/internal/text"
	"farley/internal/write"
)

const (
	// rememberFor is how long a token that was found good is taken from memory, at most: then its key and its roles are
	// looked at again.
	rememberFor = 5 * time.Minute
	// checkEvery is how long a user is believed to be active, as with our own sessions.
	checkEvery = 2 * time.Second
	// maxRemembered bounds the memory of tokens.
	maxRemembered = 20_000
)

// Config is what a Service is made of. All but Changed is needed.
type Config struct {
	Issuers []Issuer // completed by Read or Complete
	Write   *write.Writer
	Clock   clock.Clock
	Log     *slog.Logger
	// Shipped are the ids of the shipped roles by key.
	Shipped map[string]id.ID
	// Changed is called after a token has changed who somebody is or what roles he has.
	Changed func()
}

// Service accepts the tokens of outside issuers. It is safe for concurrent use.
type Service struct {
	write   *write.Writer
	clock   clock.Clock
	changed func()
	issuers map[string]*trusted
	names   []string // of the issuers, in the order of the configuration

	known *lru.Cache[[sha256.Size]byte, *known] // by the hash of the token
}

// trusted is an issuer at work.
type trusted struct {
	*Issuer
	keys    *keySet
	parser  *jwt.Parser
	targets map[string]target
}

// target is a role that a value of the role claim stands for.
type target struct {
	id      id.ID  // when the role is named by its id or by the key of a shipped one
	name    string // else its folded name
	shipped bool
}

// known is a token that was found good.
type known struct {
	claims auth.Claims
	until  time.Time

	mu      sync.Mutex
	checked time.Time // when the user was last found active
}

// New returns a Service.
func New(c Config) (*Service, error) {
	memory, err := lru.New[[sha256.Size]byte, *known](maxRemembered)
	if err != nil {
		return nil, err
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	s := &Service{write: c.Write, clock: c.Clock, changed: c.Changed, issuers: map[string]*trusted{}, known: memory}
	roles := c.Write.Set.Kind("Role").Code
	for n := range c.Issuers {
		i := &c.Issuers[n]
		if err := errors.Join(i.complete()...); err != nil {
			return nil, fmt.Errorf("issuer %s: %w", i.Issuer, err)
		}
		t := &trusted{Issuer: i, parser: newParser(i, c.Clock.Now), targets: map[string]target{}}
		t.keys = &keySet{issuer: i.Issuer, uri: i.JWKSURI, client: newClient(i.inside()), clock: c.Clock, log: c.Log}
		for value, role := range i.Roles {
			shipped, ok := c.Shipped[role]
			parsed, err := id.Parse(role)
			switch {
			case ok:
				t.targets[value] = target{id: shipped, shipped: true}
			case err == nil && parsed.Kind() == roles:
				t.targets[value] = target{id: parsed}
			default:
				t.targets[value] = target{name: text.Fold(role)}
			}
		}
		s.issuers[i.Issuer] = t
		s.names = append(s.names, i.Issuer)
	}
	return s, nil
}

// Issued reports whether a token says that it is of one of the issuers. It verifies nothing.
func (s *Service) Issued(token string) bool { return s.issuers[said(token)] != nil }

// Authenticate verifies a token of one of the issuers, finds or makes the user that it speaks for, and brings the roles
// that the issuer brought in step with it. It answers Unauthenticated, always in the same words, for any token that does
// not count. The session in the answer is the same for all tokens of one sign-in.
func (s *Service) Authenticate(ctx context.Context, token string) (auth.Claims, error) {
	hash := sha256.Sum256([]byte(token))
	now := s.clock.Now()
	if k, ok := s.known.Get(hash); ok && now.Before(k.until) {
		return k.claims, s.recheck(ctx, k, now)
	}
	i := s.issuers[said(token)]
	if i == nil {
		return auth.Claims{}, refused("no such issuer")
	}
	st, err := i.verify(ctx, token)
	if err != nil {
		return auth.Claims{}, err
	}
	user, err := s.admit(ctx, i, st)
	if err != nil {
		return auth.Claims{}, err
	}
	k := &known{checked: now, until: now.Add(rememberFor), claims: auth.Claims{
		UserID: user, SessionID: sessionID(i.Issuer.Issuer, st), IssuedAt: st.issuedAt, ExpiresAt: st.expiresAt,
	}}
	if st.expiresAt.Before(k.until) {
		k.until = st.expiresAt
	}
	s.known.Add(hash, k)
	return k.claims, nil
}

// recheck looks every two seconds whether a remembered token still counts.
func (s *Service) recheck(ctx context.Context, k *known, now time.Time) error {
	k.mu.Lock()
	fresh := now.Before(k.checked.Add(checkEvery))
	k.mu.Unlock()
	if fresh {
		return nil
	}
	alive, err := s.Alive(ctx, k.claims.UserID, k.claims.IssuedAt)
	if err != nil {
		return err
	}
	if !alive {
		return refused("the user is not active, or has signed out everywhere")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.checked = now
	return nil
}

// Alive reports whether a user is active and tokens issued to him at the instant still count.
func (s *Service) Alive(ctx context.Context, user id.ID, issuedAt time.Time) (bool, error) {
	tx, err := s.write.DB.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Close() }()
	p, err := readPerson(ctx, tx, user, "")
	return err == nil && p.admits(issuedAt), err
}

// sessionID is the id under which the streams of one sign-in at the issuer hang together. It is the same on all nodes.
// Issuers that tell no sessions have one for each user.
func sessionID(issuer string, st statement) id.ID {
	h := sha256.New()
	for _, part := range []string{"farley outside session", issuer, st.subject, st.session} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	var x id.ID
	copy(x[:], h.Sum(nil))
	binary.BigEndian.PutUint16(x[6:8], 0x8000|uint16(auth.KindSession))
	x[8] = x[8]&0x3f | 0x80
	return x
}

// Report says how an issuer fares.
type Report struct {
	Issuer string
	Keys   int   // that can be used
	Err    error // why the keys cannot be read
}

// Check fetches the keys of all issuers.
func (s *Service) Check(ctx context.Context) []Report {
	var out []Report
	for _, name := range s.names {
		keys := s.issuers[name].keys
		err := keys.refresh(ctx)
		out = append(out, Report{Issuer: name, Keys: keys.count(), Err: err})
	}
	return out
}

// Missing returns what is mapped to roles that do not exist (yet), shipped ones excepted, which are there once the server
// has started. Such values bring nothing.
func (s *Service) Missing(ctx context.Context) ([]error, error) {
	var all []error
	for _, name := range s.names {
		found, err := s.missing(ctx, s.issuers[name])
		if err != nil {
			return nil, err
		}
		for _, problem := range found {
			all = append(all, fmt.Errorf("issuer %s: %w", name, problem))
		}
	}
	return all, nil
}
