package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"farley/internal/clock"
)

const (
	// freshFor is how long keys are used without looking whether they are still published.
	freshFor = time.Hour
	// staleFor is how long the last keys count while the issuer does not answer.
	staleFor = 24 * time.Hour
	// retryAfter is the least time between two fetches: neither tokens with invented key ids nor an issuer that is away
	// make it more.
	retryAfter = 10 * time.Second

	maxKeys    = 200
	minRSABits = 2048
	maxRSABits = 8192 // what it costs to verify grows with it
)

// keySet are the published keys of one issuer. It is safe for concurrent use.
type keySet struct {
	issuer string
	uri    string // "" asks the discovery document
	client *http.Client
	clock  clock.Clock
	log    *slog.Logger

	group singleflight.Group
	mu    sync.Mutex
	keys  map[string][]publicKey // by kid
	// fetched is when keys came last, tried when they were last asked for.
	fetched, tried time.Time
}

type publicKey struct {
	key any // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey
	alg string
}

// find returns the keys with an id that fit an algorithm. It asks the issuer when the key is not known or the keys are
// old, though not too often; while the issuer is away the last keys stay in use for a day.
func (s *keySet) find(ctx context.Context, kid, alg string) []jwt.VerificationKey {
	found, fresh, mayAsk := s.look(kid, alg)
	if mayAsk && (len(found) == 0 || !fresh) {
		if s.refresh(ctx) == nil {
			found, _, _ = s.look(kid, alg)
		}
	}
	return found
}

// look returns the keys in memory, whether they are fresh, and whether the issuer may be asked again.
func (s *keySet) look(kid, alg string) (found []jwt.VerificationKey, fresh, mayAsk bool) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	mayAsk = !now.Before(s.tried.Add(retryAfter))
	if s.fetched.IsZero() || !now.Before(s.fetched.Add(staleFor)) {
		return nil, false, mayAsk
	}
	for _, k := range s.keys[kid] {
		if k.fits(alg) {
			found = append(found, k.key)
		}
	}
	return found, now.Before(s.fetched.Add(freshFor)), mayAsk
}

// refresh fetches the keys. Callers at the same time share one fetch, which outlives the request of the first of them.
func (s *keySet) refresh(ctx context.Context) error {
	_, err, _ := s.group.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
		defer cancel()
		keys, err := s.fetch(ctx)
		now := s.clock.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tried = now
		if err != nil {
			s.log.WarnContext(ctx, "the keys of an outside issuer cannot be read", "issuer", s.issuer, "error", err)
			return nil, err
		}
		s.keys, s.fetched = keys, now
		return nil, nil
	})
	return err
}

func (s *keySet) fetch(ctx context.Context) (map[string][]publicKey, error) {
	uri := s.uri
	if uri == "" {
		var err error
		if uri, err = discover(ctx, s.client, s.issuer); err != nil {
			return nil, err
		}
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := get(ctx, s.client, uri, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%s has more than %d keys", uri, maxKeys)
	}
	keys := map[string][]publicKey{}
	for _, raw := range set.Keys {
		if kid, k, ok := readKey(raw); ok {
			keys[kid] = append(keys[kid], k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s has no key that can be used", uri)
	}
	return keys, nil
}

// readKey reads one key of a set. Keys of other kinds and for other uses are passed over (RFC 7517, section 5), and so
// are weak ones, and what is not a public key. Keys without an id are never asked for.
func readKey(raw json.RawMessage) (kid string, k publicKey, ok bool) {
	var j jose.JSONWebKey
	if j.UnmarshalJSON(raw) != nil || j.Use != "" && j.Use != "sig" || !j.IsPublic() {
		return "", k, false
	}
	switch key := j.Key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return "", k, false
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return "", k, false
	}
	alg := j.Algorithm
	if alg == "Ed25519" { // its name by RFC 9864
		alg = jwt.SigningMethodEdDSA.Alg()
	}
	return j.KeyID, publicKey{j.Key, alg}, true
}

// curveBits are the curves of the ECDSA algorithms; the library does not compare them when it verifies (RFC 7518, 3.4).
var curveBits = map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}

// fits reports whether the key is one for the algorithm: what a token says of its algorithm decides nothing alone.
func (k publicKey) fits(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		return curveBits[alg] != 0 && key.Curve.Params().BitSize == curveBits[alg]
	case ed25519.PublicKey:
		return alg == jwt.SigningMethodEdDSA.Alg()
	}
	return false
}

// count returns how many key ids are known.
func (s *keySet) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.keys)
}
