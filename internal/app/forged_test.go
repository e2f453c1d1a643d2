package app_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

var (
	presentKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	retiredKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	futureKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	strangeKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{4}, 32))
)

// knownKeys gives the application keys that the test knows, as a thief of the key file would.
func knownKeys(t *testing.T) farleytest.Option {
	t.Helper()
	key := func(k ed25519.PrivateKey, from, until time.Duration) map[string]any {
		m := map[string]any{"seed": k.Seed(), "signsFrom": farleytest.Start.Add(from)}
		if until != 0 {
			m["verifiesUntil"] = farleytest.Start.Add(until)
		}
		return m
	}
	file := mustJSON(t, map[string]any{"version": 1, "master": make([]byte, 32), "keys": []any{
		key(retiredKey, -72*time.Hour, -time.Hour), key(presentKey, -48*time.Hour, 0), key(futureKey, 24*time.Hour, 0),
	}})
	keys, err := auth.ParseKeyring(file)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *app.Config) { c.Keys = keys }
}

func kid(k ed25519.PrivateKey) string {
	x := base64.RawURLEncoding.EncodeToString(k.Public().(ed25519.PublicKey))
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// part encodes a header or claims: JSON, or what is to be taken for it.
func part(t *testing.T, v any) string {
	t.Helper()
	b, raw := v.([]byte)
	if !raw {
		b = mustJSON(t, v)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

type signer func(text []byte) []byte

func eddsa(k ed25519.PrivateKey) signer { return func(b []byte) []byte { return ed25519.Sign(k, b) } }

func hs256(secret []byte) signer {
	return func(b []byte) []byte {
		m := hmac.New(sha256.New, secret)
		m.Write(b)
		return m.Sum(nil)
	}
}

func unsigned([]byte) []byte { return nil }

func forge(t *testing.T, header, claims any, sign signer) string {
	t.Helper()
	text := part(t, header) + "." + part(t, claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(text)))
}

// forger makes tokens from one that is good.
type forger struct {
	t              *testing.T
	e              *farleytest.Env
	header, claims map[string]any
}

// with returns a map changed; nil takes the member away.
func with(m map[string]any, name string, value any) map[string]any {
	m = maps.Clone(m)
	m[name] = value
	if value == nil {
		delete(m, name)
	}
	return m
}

func (f forger) good() string { return forge(f.t, f.header, f.claims, eddsa(presentKey)) }

func (f forger) head(name string, value any) string {
	return forge(f.t, with(f.header, name, value), f.claims, eddsa(presentKey))
}

func (f forger) claim(name string, value any) string {
	return forge(f.t, f.header, with(f.claims, name, value), eddsa(presentKey))
}

// of is a good token but for whose it is.
func (f forger) of(user, session id.ID) string {
	return forge(f.t, f.header, with(with(f.claims, "sub", user.String()), "sid", session.String()), eddsa(presentKey))
}

func newForger(t *testing.T, e *farleytest.Env, c *farleytest.Client) forger {
	t.Helper()
	now := e.Clock.Now().Unix()
	return forger{t, e, map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": kid(presentKey)}, map[string]any{
		"iss": "farley", "aud": []string{"farley"}, "sub": c.User.String(), "sid": c.Grant.SessionID.String(),
		"iat": now, "nbf": now, "exp": now + 900, "jti": "1",
	}}
}

// signatures forges the header and the signature.
func (f forger) signatures() map[string]string {
	t, h, c := f.t, f.header, f.claims
	public := presentKey.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs256 := func(b []byte) []byte {
		sum := sha256.Sum256(b)
		s, err := rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	es256 := func(b []byte) []byte {
		sum := sha256.Sum256(b)
		r, s, err := ecdsa.Sign(rand.Reader, ecKey, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	jwk := func(k ed25519.PrivateKey) map[string]any {
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(k.Public().(ed25519.PublicKey))}
	}
	hs := with(h, "alg", "HS256")
	return map[string]string{
		"alg none":                   forge(t, with(h, "alg", "none"), c, unsigned),
		"alg None":                   forge(t, with(h, "alg", "None"), c, unsigned),
		"alg NONE with a signature":  forge(t, with(h, "alg", "NONE"), c, eddsa(presentKey)),
		"alg empty":                  f.head("alg", ""),
		"alg missing":                f.head("alg", nil),
		"alg in lower case":          f.head("alg", "eddsa"),
		"HS256 with PEM":             forge(t, hs, c, hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))),
		"HS256 with the raw key":     forge(t, hs, c, hs256(public)),
		"HS256 with the JWK":         forge(t, hs, c, hs256(mustJSON(t, jwk(presentKey)))),
		"RS256":                      forge(t, with(h, "alg", "RS256"), c, rs256),
		"ES256":                      forge(t, with(h, "alg", "ES256"), c, es256),
		"EdDSA by another key":       forge(t, h, c, eddsa(strangeKey)),
		"another key under its name": forge(t, with(h, "kid", kid(strangeKey)), c, eddsa(strangeKey)),
		"kid unknown":                f.head("kid", "nobody"),
		"kid missing":                f.head("kid", nil),
		"kid a path":                 f.head("kid", "../../../../dev/null"),
		"kid SQL":                    f.head("kid", "' OR '1'='1"),
		"kid a number":               f.head("kid", 1),
		"crit":                       forge(t, with(with(h, "crit", []string{"x"}), "x", 1), c, eddsa(presentKey)),
		"b64":                        f.head("b64", false),
		"jku":                        f.head("jku", "https://evil.example/jwks.json"),
		"x5u":                        f.head("x5u", "https://evil.example/chain.pem"),
		"jwk":                        forge(t, with(h, "jwk", jwk(strangeKey)), c, eddsa(strangeKey)),
		"jwk with our signature":     f.head("jwk", jwk(presentKey)),
		"x5c":                        f.head("x5c", []string{base64.StdEncoding.EncodeToString(der)}),
		"typ missing":                f.head("typ", nil),
		"typ JWT":                    f.head("typ", "JWT"),
		"typ other":                  f.head("typ", "logout+jwt"),
		"header twice":               forge(t, []byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"nobody","kid":"`+kid(presentKey)+`"}`), c, eddsa(presentKey)),
		"header in other case":       forge(t, []byte(`{"alg":"EdDSA","typ":"at+jwt","KID":"`+kid(presentKey)+`"}`), c, eddsa(presentKey)),
		"a retired key":              forge(t, with(h, "kid", kid(retiredKey)), c, eddsa(retiredKey)),
		"a key not yet valid":        forge(t, with(h, "kid", kid(futureKey)), c, eddsa(futureKey)),
	}
}

// contents forges the claims, with a good signature.
func (f forger) contents() map[string]string {
	now := f.e.Clock.Now().Unix()
	b := string(mustJSON(f.t, f.claims))
	out := map[string]string{
		"wrong iss":                f.claim("iss", "https://evil.example"),
		"wrong aud":                f.claim("aud", []string{"other"}),
		"ours among several aud":   f.claim("aud", []string{"farley", "other"}),
		"expired":                  f.claim("exp", now-60),
		"nbf in the future":        f.claim("nbf", now+60),
		"iat in the future":        f.claim("iat", now+60),
		"exp is a text":            f.claim("exp", "tomorrow"),
		"exp beyond all time":      f.claim("exp", 1e300),
		"sub of another kind":      f.claim("sub", id.New(16, farleytest.Start).String()),
		"sub is no id":             f.claim("sub", "administrator"),
		"sid of another kind":      f.claim("sid", id.New(auth.KindAPIKey, farleytest.Start).String()),
		"sid a user":               f.claim("sid", f.claims["sub"]),
		"claims twice":             forge(f.t, f.header, []byte(strings.Replace(b, `"sub":`, `"sub":"user_00000000000000000000000000","sub":`, 1)), eddsa(presentKey)),
		"claims twice by case":     forge(f.t, f.header, []byte(strings.Replace(b, `"sub":`, `"SUB":"user_00000000000000000000000000","sub":`, 1)), eddsa(presentKey)),
		"a claim that is not ours": f.claim("roles", []string{"administrator"}),
		"claims are a list":        forge(f.t, f.header, []byte(`[]`), eddsa(presentKey)),
		"claims are no JSON":       forge(f.t, f.header, []byte(`{"sub":`), eddsa(presentKey)),
	}
	for _, name := range []string{"exp", "iat", "nbf", "jti", "sub", "sid", "iss", "aud"} {
		out["no "+name] = f.claim(name, nil)
	}
	return out
}

// spellings are other writings of a good token, and texts that are none.
func (f forger) spellings(refresh, ticket string) map[string]string {
	good := f.good()
	p := strings.Split(good, ".")
	last := good[len(good)-1]
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	residue := alphabet[strings.IndexByte(alphabet, last)^1]
	flipped := byte('A')
	if p[2][10] == flipped {
		flipped = 'B'
	}
	return map[string]string{
		"truncated signature":         good[:len(good)-4],
		"no signature":                p[0] + "." + p[1] + ".",
		"flipped bit":                 p[0] + "." + p[1] + "." + p[2][:10] + string(flipped) + p[2][11:],
		"base64 with residue":         good[:len(good)-1] + string(residue),
		"base64 with padding":         good + "=",
		"base64 of the other kind":    p[0] + "." + p[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(p[2]) + "+",
		"trailing dot":                good + ".",
		"two parts":                   p[0] + "." + p[1],
		"five parts":                  p[0] + ".." + p[1] + "." + p[2] + "." + p[2],
		"white space inside":          p[0] + ". " + p[1] + "." + p[2],
		"tab inside":                  p[0] + "." + p[1] + "\t." + p[2],
		"oversized":                   f.claim("jti", strings.Repeat("x", 5000)),
		"refresh token":               refresh,
		"stream ticket":               ticket,
		"a text":                      "administrator",
		"JSON":                        `{"sub":"administrator"}`,
		"mailed token":                "pw_" + strings.Repeat("A", 43),
		"dots":                        "..",
		"signature of another token":  p[0] + "." + p[1] + "." + strings.Split(f.claim("jti", "2"), ".")[2],
		"claims of another signature": p[0] + "." + strings.Split(f.claim("jti", "2"), ".")[1] + "." + p[2],
	}
}

// stale are tokens and keys whose time is over, or whose owner's.
func (f forger) stale() map[string]string {
	t, e := f.t, f.e
	revoked, vanished, other := e.User(t, nil), e.User(t, nil), e.User(t, nil)
	inactive, deleted, gone := e.User(t, nil), e.User(t, nil), e.User(t, nil)
	e.Anonymous().Do(t, who, nil)
	other.Query(t, who, nil) // its session was checked a moment ago
	if err := e.Auth.Logout(t.Context(), revoked.Grant.SessionID); err != nil {
		t.Fatal(err)
	}
	exec(t, e, "DELETE FROM sessions WHERE id = ?", vanished.Grant.SessionID)
	e.Change(t, inactive.User, input.Object{"active": false})
	e.Admin(t).Query(t, `mutation($id: ID!) { deleteUser(id: $id) { id } }`, farleytest.Vars{"id": deleted.User.String()})
	exec(t, e, "DELETE FROM users WHERE id = ?", gone.User)
	e.Identity.Invalidate()
	user, err := id.Parse(f.claims["sub"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"session of another user": f.of(user, other.Grant.SessionID),
		"revoked session":         revoked.Token,
		"vanished session":        vanished.Token,
		"no such session":         f.of(user, id.New(auth.KindSession, farleytest.Start)),
		"inactive user":           inactive.Token,
		"deleted user":            deleted.Token,
		"vanished user":           gone.Token,
	}
}

// keys are API keys that do not count.
func (f forger) keys() map[string]string {
	t, e := f.t, f.e
	expired, bound := newProgram(t, e), newProgram(t, e)
	_, old := expired.key(t, farleytest.Vars{"e": e.Clock.Now().Add(time.Minute).Format(time.RFC3339)})
	x, revoked := expired.key(t, nil)
	expired.boss.Query(t, revokeKey, farleytest.Vars{"k": x.String()})
	_, good := bound.key(t, nil)
	_, elsewhere := bound.key(t, farleytest.Vars{"a": []string{"192.0.2.0/24"}})
	inactive, deleted := newProgram(t, e), newProgram(t, e)
	_, ofInactive := inactive.key(t, nil)
	_, ofDeleted := deleted.key(t, nil)
	e.Change(t, inactive.robot.User, input.Object{"active": false})
	e.Admin(t).Query(t, `mutation($id: ID!) { deleteUser(id: $id) { id } }`, farleytest.Vars{"id": deleted.robot.User.String()})
	e.Clock.Advance(e.Clock.Now().Add(2 * time.Minute))
	e.WithToken(good).Query(t, who, nil)
	flip := "0"
	if strings.HasSuffix(good, flip) {
		flip = "8"
	}
	other := good[:12] + strings.Repeat("0", 52)
	return map[string]string{
		"key with a wrong checksum":  good[:len(good)-1] + flip,
		"key with a wrong secret":    other + checksum(other),
		"key too short":              good[:len(good)-1],
		"key in capitals":            "fk_" + strings.ToUpper(good[3:]),
		"key's mark alone":           "fk_",
		"key revoked":                revoked,
		"key expired":                old,
		"key from a wrong address":   elsewhere,
		"key of an inactive program": ofInactive,
		"key of a deleted program":   ofDeleted,
	}
}

func checksum(body string) (check string) {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	sum := uint64(crc32.ChecksumIEEE([]byte(body))) << 3
	for shift := 30; shift >= 0; shift -= 5 {
		check += string(alphabet[sum>>shift&31])
	}
	return check
}

// overHTTP returns all of the answer but what differs between any two.
func overHTTP(t *testing.T, e *farleytest.Env, token string) string {
	t.Helper()
	res := get(t, e, token, map[string]string{"X-Request-Id": "the-same"})
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Header.Del("Date")
	var b strings.Builder
	if err := res.Header.Write(&b); err != nil {
		t.Fatal(err)
	}
	return res.Status + "\n" + b.String() + "\n" + string(body)
}

// overSocket returns everything that the server says to connection_init, its farewell included.
func overSocket(t *testing.T, e *farleytest.Env, token string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), farleytest.Deadline)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(e.URL, "http"), &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	first, err := json.Marshal(map[string]any{"type": "connection_init", "payload": map[string]any{"token": token}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(ctx, websocket.MessageText, first); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			fmt.Fprint(&said, err)
			return said.String()
		}
		said.Write(b)
		if strings.Contains(string(b), "connection_ack") {
			return said.String()
		}
	}
}

// Whatever is wrong with a token, the answer is the same to the byte, over HTTP and on a socket.
func TestTokens_forgedAndStaleAreAlike(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		me := e.User(t, nil)
		ticket := me.Query(t, `mutation { createStreamTicket { ticket } }`, nil).At("createStreamTicket.ticket").Text()
		keys := forger{t: t, e: e}.keys() // moves the clock
		f := newForger(t, e, me)
		kinds := f.signatures()
		for _, more := range []map[string]string{f.contents(), f.spellings(me.Grant.RefreshToken, ticket), f.stale(), keys} {
			for name, token := range more {
				if kinds[name] != "" {
					t.Fatalf("two are called %q", name)
				}
				kinds[name] = token
			}
		}
		if !strings.HasPrefix(overHTTP(t, e, f.good()), "200") || !strings.Contains(overSocket(t, e, f.good()), "connection_ack") {
			t.Fatal("the token that the others are made from does not count itself")
		}
		wantHTTP, wantSocket := overHTTP(t, e, "x"), overSocket(t, e, "x")
		if !strings.HasPrefix(wantHTTP, "401") || !strings.Contains(wantHTTP, `"UNAUTHENTICATED"`) || strings.Contains(wantSocket, "connection_ack") {
			t.Fatalf("a text is answered by\n%s\n%s", wantHTTP, wantSocket)
		}
		for _, name := range slices.Sorted(maps.Keys(kinds)) {
			if got := overHTTP(t, e, kinds[name]); got != wantHTTP {
				t.Errorf("%s over HTTP is answered by\n%s\nwant\n%s", name, got, wantHTTP)
			}
			if got := overSocket(t, e, kinds[name]); got != wantSocket {
				t.Errorf("%s on a socket is answered by\n%s\nwant\n%s", name, got, wantSocket)
			}
		}
		for _, token := range []string{strings.Replace(f.good(), ".", "\n.", 1), strings.Replace(f.good(), ".", ".\x00", 1)} { // a header cannot carry these
			if got := overSocket(t, e, token); got != wantSocket {
				t.Errorf("%q is answered by %s", token, got)
			}
		}
		t.Logf("%d kinds", len(kinds))
	}, knownKeys(t), func(c *app.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
}
