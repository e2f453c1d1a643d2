package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/id"
)

const (
	// DefaultTokenLife is how long an access token counts.
	DefaultTokenLife = 15 * time.Minute
	// Leeway is how far the clocks of two nodes may differ.
	Leeway = 5 * time.Second

	tokenType   = "at+jwt" // RFC 9068
	maxTokenLen = 4096
	// tokenAlphabet is base64url and the dot. Go's decoder passes over line breaks, strict or not, and a token has one
	// spelling only.
	tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
)

// unauthenticated answers every token that does not count, whatever is wrong with it; the cause is for the log.
func unauthenticated(cause error) error {
	return fault.Wrap(fault.Unauthenticated, cause, "The access token is not valid. Sign in again.")
}

// Claims is what a verified access token says.
type Claims struct {
	UserID    id.ID
	SessionID id.ID
	TokenID   string // jti
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// Tokens issues and verifies access tokens: JWT signed with EdDSA (RFC 9068, RFC 8037). It is safe for concurrent use.
type Tokens struct {
	keys     *Keyring
	clock    clock.Clock
	issuer   string
	audience string
	life     time.Duration
	parser   *jwt.Parser

	mu   sync.Mutex
	seen map[[sha256.Size]byte]seenToken // by the hash of the token
}

// seenToken is a token whose form and signature have been found right: that it was signed by a key does not change. What does,
// its times and whether the key still counts, is looked at each time.
type seenToken struct {
	kid       string
	key       ed25519.PublicKey
	claims    Claims
	notBefore time.Time
}

// maxSeen bounds the tokens that are remembered.
const maxSeen = 10_000

// NewTokens returns a Tokens for one issuer and one audience. life is that of a token; 0 means DefaultTokenLife.
func NewTokens(keys *Keyring, c clock.Clock, issuer, audience string, life time.Duration) *Tokens {
	if life <= 0 {
		life = DefaultTokenLife
	}
	return &Tokens{
		keys: keys, clock: c, issuer: issuer, audience: audience, life: life, seen: map[[sha256.Size]byte]seenToken{},
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithStrictDecoding(), jwt.WithTimeFunc(c.Now), jwt.WithLeeway(Leeway),
			jwt.WithIssuer(issuer), jwt.WithAudience(audience),
			jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(), jwt.WithIssuedAt(),
		),
	}
}

// wireClaims are the claims as written.
type wireClaims struct {
	jwt.RegisteredClaims
	SessionID string `json:"sid"`
}

// Issue signs an access token for a user's session, whole seconds from now on for the life of a token.
func (t *Tokens) Issue(userID, sessionID id.ID) (token string, expiresAt time.Time, err error) {
	now := t.clock.Now()
	issued := now.Truncate(time.Second) // what a NumericDate keeps
	expiresAt = issued.Add(t.life)
	key := t.keys.signer(now)
	j := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wireClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Subject: userID.String(), Audience: jwt.ClaimStrings{t.audience},
			ExpiresAt: jwt.NewNumericDate(expiresAt), NotBefore: jwt.NewNumericDate(issued), IssuedAt: jwt.NewNumericDate(issued),
			ID: randomText(16),
		},
		SessionID: sessionID.String(),
	})
	j.Header["typ"] = tokenType
	j.Header["kid"] = key.kid
	token, err = j.SignedString(key.private)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign access token: %w", err)
	}
	return token, expiresAt, nil
}

// Verify returns what a token says when it is one of ours and counts now. Whatever is wrong with it, the answer is the
// same Unauthenticated. It does not look at the session: Service.Authenticate does both.
func (t *Tokens) Verify(token string) (Claims, error) {
	if len(token) > maxTokenLen || strings.Trim(token, tokenAlphabet) != "" {
		return Claims{}, unauthenticated(errors.New("token too long or with foreign characters"))
	}
	sum := sha256.Sum256([]byte(token))
	if c, ok := t.remembered(sum); ok {
		return c, nil
	}
	var w wireClaims
	var used ed25519.PublicKey
	parsed, err := t.parser.ParseWithClaims(token, &w, func(token *jwt.Token) (any, error) {
		key, err := t.key(token)
		used = key
		return key, err
	})
	if err != nil {
		return Claims{}, unauthenticated(err)
	}
	if err := onlyOurs(token); err != nil {
		return Claims{}, unauthenticated(err)
	}
	c, err := t.claims(w)
	if err != nil {
		return Claims{}, unauthenticated(err)
	}
	kid, _ := parsed.Header["kid"].(string)
	t.remember(sum, seenToken{kid, used, c, w.NotBefore.UTC()})
	return c, nil
}

// remembered returns what a token says that was right before and counts now.
func (t *Tokens) remembered(sum [sha256.Size]byte) (Claims, bool) {
	t.mu.Lock()
	s, ok := t.seen[sum]
	t.mu.Unlock()
	if !ok {
		return Claims{}, false
	}
	now := t.clock.Now()
	key, ok := t.keys.verifier(s.kid, now)
	early := now.Add(Leeway)
	if !ok || !s.key.Equal(key) || !now.Before(s.claims.ExpiresAt.Add(Leeway)) || early.Before(s.notBefore) || early.Before(s.claims.IssuedAt) {
		return Claims{}, false
	}
	return s.claims, true
}

func (t *Tokens) remember(sum [sha256.Size]byte, s seenToken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.seen) >= maxSeen {
		clear(t.seen)
	}
	t.seen[sum] = s
}

// claimNames are the claims that we write, each once.
var claimNames = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid"}

// onlyOurs refuses a token whose header or claims have a member twice or one that we do not write. Go's decoder takes the
// last of two, and takes "SUB" for "sub"; other readers differ, and a token must not mean two things (RFC 8725 2.4).
func onlyOurs(token string) error {
	for i, names := range [][]string{{"alg", "typ", "kid"}, claimNames} {
		b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
		if err != nil {
			return err
		}
		found, err := members(b)
		if err != nil {
			return err
		}
		slices.Sort(found)
		if len(slices.Compact(slices.Clone(found))) != len(found) {
			return errors.New("a member twice")
		}
		for _, name := range found {
			if !slices.Contains(names, name) {
				return errors.New("a member that we do not write")
			}
		}
	}
	return nil
}

// members returns the names in a JSON object, as often as they are there.
func members(object []byte) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil { // the brace: the object has been decoded before
		return nil, err
	}
	var names []string
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		text, _ := name.(string)
		names = append(names, text)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// key checks the header and finds the key it names. Ours has three parameters and no others: that refuses crit, which
// the library passes over (RFC 7515 4.1.11), and everything by which a token brings its own key (jwk, jku, x5c, x5u).
func (t *Tokens) key(token *jwt.Token) (ed25519.PublicKey, error) {
	for name := range token.Header {
		if name != "alg" && name != "typ" && name != "kid" {
			return nil, errors.New("header parameter that we do not write")
		}
	}
	if token.Header["typ"] != tokenType {
		return nil, errors.New("not an access token")
	}
	kid, _ := token.Header["kid"].(string)
	key, ok := t.keys.verifier(kid, t.clock.Now())
	if !ok {
		return nil, errors.New("unknown or retired key")
	}
	return key, nil
}

// claims checks what the library leaves open: that all claims are there and have our shapes.
func (t *Tokens) claims(w wireClaims) (Claims, error) {
	if w.IssuedAt == nil {
		return Claims{}, errors.New("no iat")
	}
	if w.Issuer != t.issuer || len(w.Audience) != 1 || w.Audience[0] != t.audience {
		return Claims{}, errors.New("another issuer or audience")
	}
	if w.ID == "" {
		return Claims{}, errors.New("no jti")
	}
	user, err := id.Parse(w.Subject)
	if err != nil {
		return Claims{}, fmt.Errorf("sub: %w", err)
	}
	session, err := id.Parse(w.SessionID)
	if err != nil || session.Kind() != KindSession {
		return Claims{}, errors.New("sid is not a session")
	}
	return Claims{
		UserID: user, SessionID: session, TokenID: w.ID,
		IssuedAt: w.IssuedAt.UTC(), ExpiresAt: w.ExpiresAt.UTC(),
	}, nil
}
