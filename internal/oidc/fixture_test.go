package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/oidc"
)

// keys of issuers take long to make, so that all tests share them.
var rsaKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	var keys []*rsa.PrivateKey
	for _, bits := range []int{2048, 2048, 1024} {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		keys = append(keys, k)
	}
	return keys
})

var ecKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
})

var edKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// provider is an issuer with a discovery document and keys, on the loopback interface.
type provider struct {
	*httptest.Server
	fetches atomic.Int64 // of the keys
	away    atomic.Bool

	mu   sync.Mutex
	keys []jose.JSONWebKey
	says func(w http.ResponseWriter, r *http.Request) bool // answers in the place of the provider when it returns true
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{keys: []jose.JSONWebKey{{Key: &rsaKeys()[0].PublicKey, KeyID: "one", Use: "sig", Algorithm: "RS256"}}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		keys, says := p.keys, p.says
		p.mu.Unlock()
		if says != nil && says(w, r) {
			return
		}
		if p.away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var v any
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			v = map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys"}
		case "/keys":
			p.fetches.Add(1)
			v = jose.JSONWebKeySet{Keys: keys}
		default:
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(v)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) publish(keys ...jose.JSONWebKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
}

func (p *provider) answer(says func(w http.ResponseWriter, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.says = says
}

// issuer is the configuration of the provider.
func (p *provider) issuer() oidc.Issuer {
	return oidc.Issuer{
		Issuer: p.URL, Audience: oidc.Texts{"farley"}, RoleClaim: oidc.Path{"realm_access", "roles"},
		Roles: map[string]string{"crm-reader": "Readers", "crm-writer": "Writers"},
	}
}

// draft is a token before it is signed.
type draft struct {
	method jwt.SigningMethod
	key    any
	header map[string]any
	claims map[string]any
}

// draft returns a token that is good as it is.
func (p *provider) draft(e *farleytest.Env, subject, email string, roles ...string) draft {
	now := e.Clock.Now().Unix()
	return draft{
		method: jwt.SigningMethodRS256, key: rsaKeys()[0],
		header: map[string]any{"typ": "at+jwt", "kid": "one"},
		claims: map[string]any{
			"iss": p.URL, "aud": []any{"account", "farley"}, "sub": subject, "iat": now, "exp": now + 600, "jti": "1",
			"email": email, "email_verified": true, "name": "Ann Oak", "realm_access": map[string]any{"roles": roles},
		},
	}
}

// with returns the draft with another claim; nil takes it away.
func (d draft) with(claim string, v any) draft {
	claims := map[string]any{}
	for name, v := range d.claims {
		claims[name] = v
	}
	claims[claim] = v
	if v == nil {
		delete(claims, claim)
	}
	d.claims = claims
	return d
}

// head returns the draft with another header parameter; nil takes it away.
func (d draft) head(name string, v any) draft {
	header := map[string]any{}
	for name, v := range d.header {
		header[name] = v
	}
	header[name] = v
	if v == nil {
		delete(header, name)
	}
	d.header = header
	return d
}

func (d draft) by(method jwt.SigningMethod, key any) draft {
	d.method, d.key = method, key
	return d
}

func (d draft) sign(t testing.TB) string {
	t.Helper()
	j := jwt.NewWithClaims(d.method, jwt.MapClaims(d.claims))
	for name, v := range d.header {
		j.Header[name] = v
	}
	if d.header["typ"] == nil {
		delete(j.Header, "typ")
	}
	s, err := j.SignedString(d.key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepting lets an application accept the provider's tokens.
func accepting(p *provider, change ...func(*oidc.Issuer)) farleytest.Option {
	return func(c *app.Config) {
		i := p.issuer()
		for _, f := range change {
			f(&i)
		}
		c.Issuers = append(c.Issuers, i)
	}
}

// roles makes the roles that the provider's tokens bring.
func roles(t testing.TB, e *farleytest.Env) (readers, writers id.ID) {
	t.Helper()
	readers = e.Role(t, access.Role{Name: "Readers", Permissions: []access.Permission{
		{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}, {Object: "USER", Action: "READ", Scope: "OWN"},
	}})
	writers = e.Role(t, access.Role{Name: "Writers", Permissions: []access.Permission{
		{Object: "ACCOUNT", Action: "CREATE", Scope: "ALL"}, {Object: "ACCOUNT", Action: "READ", Scope: "ALL"},
	}})
	return readers, writers
}

// user makes a user without roles who can come by the provider.
func user(t testing.TB, e *farleytest.Env, email string) id.ID {
	t.Helper()
	x := e.Make(t, "User", input.Object{"email": email, "name": "Ann"})
	e.Identity.Invalidate()
	return x
}

// count returns what a query counts.
func count(t testing.TB, e *farleytest.Env, query string, args ...any) int {
	t.Helper()
	tx, err := e.DB.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	var n int
	if err := tx.QueryRow(context.Background(), query, args, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
