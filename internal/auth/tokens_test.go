package auth

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/id"
)

const wantRefused = "The access token is not valid. Sign in again."

// tokenBench makes tokens of any kind for one Tokens.
type tokenBench struct {
	clock   *clock.Test
	keys    *Keyring
	tokens  *Tokens
	user    id.ID
	session id.ID
}

func newTokenBench() *tokenBench {
	c := clock.NewTest(noon.Add(123456 * time.Microsecond))
	keys := NewKeyring(c.Now())
	return &tokenBench{
		clock: c, keys: keys, tokens: NewTokens(keys, c, "https://crm.example", "farley", 0),
		user: id.New(7, noon), session: id.New(KindSession, noon),
	}
}

func (b *tokenBench) header() map[string]any {
	return map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": b.keys.signer(b.clock.Now()).kid}
}

func (b *tokenBench) claims() map[string]any {
	now := b.clock.Now().Unix()
	return map[string]any{
		"iss": "https://crm.example", "aud": []string{"farley"}, "sub": b.user.String(), "sid": b.session.String(),
		"iat": now, "nbf": now, "exp": now + 900, "jti": "1",
	}
}

func (b *tokenBench) sign(header, claims any) string {
	return forge(header, claims, func(text string) []byte {
		return ed25519.Sign(b.keys.signer(b.clock.Now()).private, []byte(text))
	})
}

func forge(header, claims any, sign func(text string) []byte) string {
	part := func(v any) string {
		data, ok := v.([]byte)
		if !ok {
			var err error
			if data, err = json.Marshal(v); err != nil {
				panic(err)
			}
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	text := part(header) + "." + part(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

// with returns the map changed; nil takes a member away.
func with(m map[string]any, key string, value any) map[string]any {
	if value == nil {
		delete(m, key)
		return m
	}
	m[key] = value
	return m
}

func TestIssue_saysWhoUntilWhen(t *testing.T) {
	t.Parallel()
	b := newTokenBench()
	token, expiresAt, err := b.tokens.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.tokens.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if got.TokenID == "" {
		t.Error("no jti")
	}
	got.TokenID = ""
	want := Claims{UserID: b.user, SessionID: b.session, IssuedAt: noon, ExpiresAt: noon.Add(15 * time.Minute)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !expiresAt.Equal(want.ExpiresAt) {
		t.Errorf("expires at %s, want %s", expiresAt, want.ExpiresAt)
	}

	var header map[string]any
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &header); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.header(), header); d != "" {
		t.Errorf("header: %s", d)
	}
	again, _, err := b.tokens.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	if again == token {
		t.Error("two tokens have one jti")
	}
}

func TestVerify_acceptsWhatTheForgersStartFrom(t *testing.T) {
	t.Parallel()
	b := newTokenBench()
	if _, err := b.tokens.Verify(b.sign(b.header(), b.claims())); err != nil {
		t.Fatal(err)
	}
}

func TestVerify_refusesForgedAndStaleTokensAlike(t *testing.T) {
	t.Parallel()
	b := newTokenBench()
	now := b.clock.Now().Unix()
	good := b.sign(b.header(), b.claims())
	parts := strings.Split(good, ".")
	key := b.keys.signer(b.clock.Now())
	strange := signingKeyFrom(make([]byte, ed25519.SeedSize), noon, time.Time{})
	none := func(string) []byte { return nil }
	hs256 := func(secret []byte) func(string) []byte {
		return func(text string) []byte {
			m := hmac.New(sha256.New, secret)
			m.Write([]byte(text))
			return m.Sum(nil)
		}
	}
	withStrange := func(text string) []byte { return ed25519.Sign(strange.private, []byte(text)) }
	signedHeader := func(key string, value any) string { return b.sign(with(b.header(), key, value), b.claims()) }
	signedClaims := func(key string, value any) string { return b.sign(b.header(), with(b.claims(), key, value)) }
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(strange.public())}
	flip := func(s string, i int) string {
		c := byte('A')
		if s[i] == c {
			c = 'B'
		}
		return s[:i] + string(c) + s[i+1:]
	}

	for name, token := range map[string]string{
		"empty":                   "",
		"no token":                "Bearer",
		"two parts":               parts[0] + "." + parts[1],
		"four parts":              good + ".x",
		"empty parts":             "..",
		"no signature":            parts[0] + "." + parts[1] + ".",
		"truncated":               good[:len(good)-2],
		"signature altered":       flip(good, len(parts[0])+len(parts[1])+10),
		"claims altered":          parts[0] + "." + flip(parts[1], 20) + "." + parts[2],
		"signature of another":    parts[0] + "." + parts[1] + "." + strings.Split(signedClaims("jti", "2"), ".")[2],
		"padded":                  good + "=",
		"line break":              good + "\n",
		"space before":            " " + good,
		"signature with residue":  good[:len(good)-1] + string(residue(good[len(good)-1])),
		"huge":                    signedClaims("jti", strings.Repeat("x", maxTokenLen)),
		"claims are no object":    b.sign(b.header(), []byte(`"x"`)),
		"claims are null":         b.sign(b.header(), []byte(`null`)),
		"header is null":          b.sign([]byte(`null`), b.claims()),
		"refresh token":           newRefreshToken().String(),
		"alg none":                forge(with(b.header(), "alg", "none"), b.claims(), none),
		"alg None":                forge(with(b.header(), "alg", "None"), b.claims(), none),
		"alg none signed":         signedHeader("alg", "none"),
		"no alg":                  signedHeader("alg", nil),
		"alg is no text":          signedHeader("alg", 1),
		"alg in lower case":       signedHeader("alg", "eddsa"),
		"HS256 with public key":   forge(with(b.header(), "alg", "HS256"), b.claims(), hs256(key.public())),
		"HS256 with kid":          forge(with(b.header(), "alg", "HS256"), b.claims(), hs256([]byte(key.kid))),
		"RS256":                   signedHeader("alg", "RS256"),
		"no kid":                  signedHeader("kid", nil),
		"kid is no text":          signedHeader("kid", []string{key.kid}),
		"unknown kid":             signedHeader("kid", "nobody"),
		"kid of a path":           signedHeader("kid", "../../dev/null"),
		"other key, our kid":      forge(b.header(), b.claims(), withStrange),
		"other key, its kid":      forge(with(b.header(), "kid", strange.kid), b.claims(), withStrange),
		"jwk of its own":          forge(with(b.header(), "jwk", jwk), b.claims(), withStrange),
		"jwk, our signature":      signedHeader("jwk", jwk),
		"jku":                     signedHeader("jku", "https://evil.example/jwks.json"),
		"x5u":                     signedHeader("x5u", "https://evil.example/x.pem"),
		"x5c":                     signedHeader("x5c", []string{"MIIB"}),
		"crit":                    signedHeader("crit", []string{"exp"}),
		"crit empty":              signedHeader("crit", []string{}),
		"b64":                     signedHeader("b64", false),
		"zip":                     signedHeader("zip", "DEF"),
		"no typ":                  signedHeader("typ", nil),
		"typ JWT":                 signedHeader("typ", "JWT"),
		"typ in capitals":         signedHeader("typ", "AT+JWT"),
		"typ of an id token":      signedHeader("typ", "id+jwt"),
		"no iss":                  signedClaims("iss", nil),
		"other iss":               signedClaims("iss", "https://evil.example"),
		"iss with slash":          signedClaims("iss", "https://crm.example/"),
		"no aud":                  signedClaims("aud", nil),
		"other aud":               signedClaims("aud", "other"),
		"empty aud":               signedClaims("aud", []string{}),
		"two aud":                 signedClaims("aud", []string{"farley", "other"}),
		"no exp":                  signedClaims("exp", nil),
		"exp zero":                signedClaims("exp", 0),
		"exp is text":             signedClaims("exp", "tomorrow"),
		"expired":                 signedClaims("exp", now-5),
		"no nbf":                  signedClaims("nbf", nil),
		"not yet":                 signedClaims("nbf", now+7),
		"no iat":                  signedClaims("iat", nil),
		"issued in the future":    signedClaims("iat", now+7),
		"no sub":                  signedClaims("sub", nil),
		"sub is no id":            signedClaims("sub", "admin"),
		"sub is a number":         signedClaims("sub", 1),
		"no sid":                  signedClaims("sid", nil),
		"sid is no id":            signedClaims("sid", "1"),
		"sid is another kind's":   signedClaims("sid", b.user.String()),
		"no jti":                  signedClaims("jti", nil),
		"signed with the secret":  forge(with(b.header(), "alg", "HS256"), b.claims(), hs256(b.keys.Secret("cursor"))),
		"claims in one more part": parts[0] + "." + parts[1] + "." + parts[1] + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := b.tokens.Verify(token)
			wantSameRefusal(t, err)
			if d := cmp.Diff(Claims{}, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// residue returns another character that decodes to the same bytes: the last one of 64 bytes in base64 has four bits
// over.
func residue(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)|1]
}

func wantSameRefusal(t *testing.T, err error) {
	t.Helper()
	refusal, ok := err.(*fault.Error)
	if !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	if refusal.Code != fault.Unauthenticated || refusal.Message != wantRefused || refusal.Args != nil || refusal.Extensions != nil {
		t.Errorf("got %v %q %v %v", refusal.Code, refusal.Message, refusal.Args, refusal.Extensions)
	}
}

func TestVerify_followsTheClockWithLittleLeeway(t *testing.T) {
	t.Parallel()
	b := newTokenBench()
	token, expiresAt, err := b.tokens.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(expiresAt.Add(Leeway - time.Microsecond))
	if _, err := b.tokens.Verify(token); err != nil {
		t.Errorf("inside the leeway: %v", err)
	}
	b.clock.Advance(expiresAt.Add(Leeway))
	_, err = b.tokens.Verify(token)
	wantSameRefusal(t, err)
}

func TestVerify_toleratesAnotherNodesClock(t *testing.T) {
	t.Parallel()
	b := newTokenBench()
	ahead := NewTokens(b.keys, clock.NewTest(noon.Add(4*time.Second)), "https://crm.example", "farley", 0)
	token, _, err := ahead.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.tokens.Verify(token); err != nil {
		t.Error(err)
	}
}

func TestVerify_acceptsARetiredKeyUntilItsTokensAreOver(t *testing.T) {
	t.Parallel()
	b := newTokenBench()
	long := NewTokens(b.keys, b.clock, "https://crm.example", "farley", 24*time.Hour) // longer than Rotate is told
	token, _, err := long.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.keys.Rotate(b.clock.Now(), 0, DefaultTokenLife); err != nil {
		t.Fatal(err)
	}
	end := b.clock.Now().Add(DefaultTokenLife + verifyMargin)
	b.clock.Advance(end.Add(-time.Microsecond))
	if _, err := b.tokens.Verify(token); err != nil {
		t.Errorf("while the key verifies: %v", err)
	}
	b.clock.Advance(end)
	_, err = b.tokens.Verify(token)
	wantSameRefusal(t, err)

	fresh, _, err := b.tokens.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.tokens.Verify(fresh); err != nil {
		t.Errorf("the new key: %v", err)
	}
}

// What was right before is looked at quickly, and still ends when it ends.
func TestVerify_remembersOnlyWhatStays(t *testing.T) {
	t.Parallel()
	b := newTokenBench()
	token, expires, err := b.tokens.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	first, err := b.tokens.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.tokens.Verify(token); err != nil || again != first || len(b.tokens.seen) != 1 {
		t.Errorf("the second time it says %+v, %v; %d are known", again, err, len(b.tokens.seen))
	}
	b.clock.Advance(expires.Add(Leeway - time.Microsecond))
	if _, err := b.tokens.Verify(token); err != nil {
		t.Errorf("just before it ends: %v", err)
	}
	b.clock.Advance(expires.Add(Leeway))
	_, err = b.tokens.Verify(token)
	wantSameRefusal(t, err)

	// Another key by the name of the one that signed it does not make it right.
	fresh, _, err := b.tokens.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.tokens.Verify(fresh); err != nil {
		t.Fatal(err)
	}
	impostor := newTokenBench()
	impostor.tokens.seen = b.tokens.seen
	for sum, s := range impostor.tokens.seen {
		s.kid = impostor.keys.signer(noon).kid
		impostor.tokens.seen[sum] = s
	}
	impostor.clock.Advance(b.clock.Now())
	_, err = impostor.tokens.Verify(fresh)
	wantSameRefusal(t, err)
}

func TestVerify_refusesAnyChangedCharacter(t *testing.T) {
	t.Parallel()
	b := newTokenBench()
	token, _, err := b.tokens.Issue(b.user, b.session)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		at := rapid.IntRange(0, len(token)-1).Draw(r, "at")
		to := rapid.Byte().Filter(func(c byte) bool { return c != token[at] }).Draw(r, "to")
		if _, err := b.tokens.Verify(token[:at] + string([]byte{to}) + token[at+1:]); fault.CodeOf(err) != fault.Unauthenticated {
			r.Fatalf("byte %d as %q: %v", at, to, err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	b := newTokenBench()
	genuine := b.sign(b.header(), b.claims())
	f.Add(genuine)
	f.Add("..")
	f.Add(forge(with(b.header(), "crit", []string{"x"}), b.claims(), func(string) []byte { return nil }))
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := b.tokens.Verify(token); token != genuine && fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("got %v", err)
		}
	})
}
