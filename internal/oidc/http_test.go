package oidc_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/oidc"
	"farley/internal/seed"
	"farley/internal/write"
)

const me = `{ viewer { user { email } roles { name } } }`

const mine = `{ viewer { roles { name } } }`

const readAccounts = `{ accounts { edges { node { name } } } }`

func TestToken_actsAsTheUserWithItsRoles(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		roles(t, e)
		ann := user(t, e, "ann@example.com")
		e.Make(t, "Account", input.Object{"name": "Oak"})
		c := e.WithToken(p.draft(e, "s1", "Ann@Example.com", "crm-reader", "offline_access").sign(t))
		if got, want := c.Query(t, me, nil).At("viewer").JSON(), `{"roles":[{"name":"Readers"}],"user":{"email":"ann@example.com"}}`; got != want {
			t.Errorf("the viewer is %s, want %s", got, want)
		}
		if got := c.Query(t, readAccounts, nil).At("accounts.edges").Texts("node.name"); !cmp.Equal(got, []string{"Oak"}) {
			t.Errorf("accounts: %v", got)
		}
		c.Do(t, `mutation { createAccount(input: {name: "Elm"}) { account { id } } }`, nil).Want(t, "FORBIDDEN")
		grants := e.Admin(t).Query(t, `query($u: ID!) { roleGrants(where: {user: {id: {eq: $u}}}) { edges { node { issuer role { name } } } } }`, farleytest.Vars{"u": ann.String()})
		if got, want := grants.At("roleGrants.edges").JSON(), fmt.Sprintf(`[{"node":{"issuer":%q,"role":{"name":"Readers"}}}]`, p.URL); got != want {
			t.Errorf("the grants are %s, want %s", got, want)
		}
		// Later without the e-mail address: the subject is who it is.
		e.WithToken(p.draft(e, "s1", "", "crm-reader").with("email", nil).sign(t)).Query(t, me, nil)
	}, accepting(p))
}

// Whatever is wrong with a token, the answer is, byte by byte, that to a bad token of ours; nothing is written.
func TestToken_refusalsAreAlike(t *testing.T) {
	t.Parallel()
	p, stranger := newProvider(t), newProvider(t)
	p.publish(
		jose.JSONWebKey{Key: &rsaKeys()[0].PublicKey, KeyID: "one", Use: "sig", Algorithm: "RS256"},
		jose.JSONWebKey{Key: &rsaKeys()[0].PublicKey, KeyID: "enc", Use: "enc"},
		jose.JSONWebKey{Key: &rsaKeys()[2].PublicKey, KeyID: "weak"},
		jose.JSONWebKey{Key: &ecKey().PublicKey, KeyID: "ec", Algorithm: "ES256"},
		jose.JSONWebKey{Key: []byte("a secret that is long enough for it"), KeyID: "oct"},
		jose.JSONWebKey{Key: &rsaKeys()[0].PublicKey}, // without an id
	)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		roles(t, e)
		user(t, e, "ann@example.com")
		user(t, e, "jose@example.com")
		user(t, e, "kim@example.com")
		gone := user(t, e, "gone@example.com")
		e.Change(t, gone, input.Object{"active": false})
		e.Make(t, "User", input.Object{"email": "bot@example.com", "name": "Bot", "kind": "SERVICE"})
		e.Identity.Invalidate()

		good := p.draft(e, "s1", "ann@example.com", "crm-reader")
		now := e.Clock.Now().Unix()
		der, err := x509.MarshalPKIXPublicKey(&rsaKeys()[0].PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		signed := strings.Split(good.sign(t), ".")
		text := func(v any) string {
			b, _ := json.Marshal(v)
			return base64.RawURLEncoding.EncodeToString(b)
		}
		jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}

		tokens := map[string]string{
			"another audience":                  good.with("aud", "billing").sign(t),
			"no audience":                       good.with("aud", nil).sign(t),
			"an empty audience":                 good.with("aud", []any{}).sign(t),
			"the audience in other case":        good.with("aud", "Farley").sign(t),
			"an unknown issuer":                 stranger.draft(e, "s1", "ann@example.com").sign(t),
			"the issuer with a slash":           good.with("iss", p.URL+"/").sign(t),
			"no issuer":                         good.with("iss", nil).sign(t),
			"a list of issuers":                 good.with("iss", []any{p.URL}).sign(t),
			"another issuer's key":              good.by(jwt.SigningMethodRS256, rsaKeys()[1]).sign(t),
			"an unknown key":                    good.head("kid", "two").sign(t),
			"no kid":                            good.head("kid", nil).sign(t),
			"a kid that is a number":            good.head("kid", 1).sign(t),
			"alg none":                          text(map[string]any{"alg": "none", "typ": "at+jwt", "kid": "one"}) + "." + signed[1] + ".",
			"alg None, with a signature":        text(map[string]any{"alg": "None", "typ": "at+jwt", "kid": "one"}) + "." + signed[1] + "." + signed[2],
			"HS256 with the public key":         good.by(jwt.SigningMethodHS256, public).sign(t),
			"HS256 with the bytes of it":        good.by(jwt.SigningMethodHS256, der).sign(t),
			"HS256 with a published key":        good.by(jwt.SigningMethodHS256, []byte("a secret that is long enough for it")).head("kid", "oct").sign(t),
			"RS512, which is not allowed":       good.by(jwt.SigningMethodRS512, rsaKeys()[0]).sign(t),
			"PS256 by a key for RS256":          good.by(jwt.SigningMethodPS256, rsaKeys()[0]).sign(t),
			"a key for encryption":              good.head("kid", "enc").sign(t),
			"a weak key":                        good.by(jwt.SigningMethodRS256, rsaKeys()[2]).head("kid", "weak").sign(t),
			"the kid of another algorithm":      good.head("kid", "ec").sign(t),
			"no type":                           good.head("typ", nil).sign(t),
			"type JWT":                          good.head("typ", "JWT").sign(t),
			"a logout token":                    good.head("typ", "logout+jwt").sign(t),
			"a type that is a list":             good.head("typ", []string{"at+jwt"}).sign(t),
			"crit":                              good.head("crit", []string{"exp"}).sign(t),
			"crit, empty":                       good.head("crit", []string{}).sign(t),
			"jku":                               good.head("jku", stranger.URL+"/keys").sign(t),
			"x5u":                               good.head("x5u", stranger.URL+"/keys").sign(t),
			"x5c":                               good.head("x5c", []string{base64.StdEncoding.EncodeToString(der)}).sign(t),
			"jwk":                               good.head("jwk", jwk).sign(t),
			"an unknown header parameter":       good.head("b64", true).sign(t),
			"expired":                           good.with("exp", now-6).sign(t),
			"no exp":                            good.with("exp", nil).sign(t),
			"an exp that is a text":             good.with("exp", "4102444800").sign(t),
			"an exp out of all bounds":          good.with("exp", -1e300).sign(t),
			"not yet good":                      good.with("nbf", now+6).sign(t),
			"from the future":                   good.with("iat", now+6).sign(t),
			"no iat":                            good.with("iat", nil).sign(t),
			"bound to a key":                    good.with("cnf", map[string]any{"jkt": "x"}).sign(t),
			"no subject":                        good.with("sub", nil).sign(t),
			"an empty subject":                  good.with("sub", "").sign(t),
			"a subject that is a number":        good.with("sub", 7).sign(t),
			"a subject too long":                good.with("sub", strings.Repeat("s", 256)).sign(t),
			"an unverified address":             good.with("email_verified", false).sign(t),
			"an address of no standing":         good.with("email_verified", nil).sign(t),
			"verified: yes":                     good.with("email_verified", "yes").sign(t),
			"verified: 1":                       good.with("email_verified", 1).sign(t),
			"no address":                        good.with("email", nil).sign(t),
			"an address that is a list":         good.with("email", []any{"ann@example.com"}).sign(t),
			"an address with a name":            good.with("email", "Ann <ann@example.com>").sign(t),
			"nobody's address":                  good.with("email", "nobody@example.com").sign(t),
			"an address that looks alike":       good.with("email", "josé@example.com").sign(t),
			"lower case makes it another's":     good.with("email", "\u212Aim@example.com").sign(t), // the Kelvin sign
			"an inactive user":                  good.with("email", "gone@example.com").sign(t),
			"a user of another kind":            good.with("email", "bot@example.com").sign(t),
			"a changed claim":                   signed[0] + "." + text(good.with("sub", "s2").claims) + "." + signed[2],
			"no signature":                      signed[0] + "." + signed[1] + ".",
			"two parts":                         signed[0] + "." + signed[1],
			"padding":                           signed[0] + "." + signed[1] + "=." + signed[2],
			"another spelling of the last bits": respelt(good.sign(t)),
			"too long":                          good.with("x", strings.Repeat("x", 16<<10)).sign(t),
		}
		want := e.WithToken("no.such.token").Do(t, mine, nil).Want(t, "UNAUTHENTICATED")
		for name, token := range tokens {
			got := e.WithToken(token).Do(t, mine, nil)
			if got.Raw != want.Raw || got.Status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", name, got.Status, got.Raw)
			}
		}
		// A header cannot carry line breaks, the payload of connection_init can.
		if _, err := e.Outside.Authenticate(t.Context(), signed[0]+"."+signed[1]+"."+signed[2][:8]+"\n"+signed[2][8:]); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("a line break within the token: %v", err)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM outside_identities") + count(t, e, "SELECT COUNT(*) FROM role_grants"); n != 0 {
			t.Errorf("refused tokens wrote %d rows", n)
		}
		e.WithToken(good.sign(t)).Query(t, mine, nil) // what all of these began with is good
	}, accepting(p))
}

// respelt sets a bit of the last character that stands for none of the signature's.
func respelt(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])|1])
}

// Every algorithm that is allowed works with its kind of key.
func TestToken_algorithms(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.publish(
		jose.JSONWebKey{Key: &rsaKeys()[0].PublicKey, KeyID: "rsa"},
		jose.JSONWebKey{Key: &ecKey().PublicKey, KeyID: "ec", Algorithm: "ES256"},
		jose.JSONWebKey{Key: edKey.Public(), KeyID: "ed", Algorithm: "EdDSA"},
	)
	e := farleytest.New(t, accepting(p))
	user(t, e, "ann@example.com")
	good := p.draft(e, "s1", "ann@example.com").head("x5t", "abc").head("typ", "application/AT+JWT")
	for kid, by := range map[string]draft{
		"rsa": good.by(jwt.SigningMethodRS256, rsaKeys()[0]), "rsa ": good.by(jwt.SigningMethodPS256, rsaKeys()[0]),
		"ec": good.by(jwt.SigningMethodES256, ecKey()), "ed": good.by(jwt.SigningMethodEdDSA, edKey),
	} {
		e.WithToken(by.head("kid", strings.TrimSpace(kid)).sign(t)).Do(t, mine, nil).Want(t, "")
	}
	e.WithToken(good.by(jwt.SigningMethodES256, ecKey()).head("kid", "rsa").sign(t)).Do(t, mine, nil).Want(t, "UNAUTHENTICATED")
}

func TestToken_typeAnyTakesUnmarkedTokens(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	e := farleytest.New(t, accepting(p, func(i *oidc.Issuer) { i.TokenType = "any" }))
	user(t, e, "ann@example.com")
	good := p.draft(e, "s1", "ann@example.com")
	for typ, code := range map[any]string{"JWT": "", nil: "", "at+jwt": "", "logout+jwt": "UNAUTHENTICATED", "dpop+jwt": "UNAUTHENTICATED", 1: "UNAUTHENTICATED"} {
		e.WithToken(good.head("typ", typ).sign(t)).Do(t, mine, nil).Want(t, code)
	}
}

// A new key is asked for when a token names it, though not more often than every ten seconds; what is withdrawn ends.
func TestKeys_rotate(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	e := farleytest.New(t, accepting(p))
	user(t, e, "ann@example.com")
	two := jose.JSONWebKey{Key: &rsaKeys()[1].PublicKey, KeyID: "two"}
	fresh := func() draft {
		return p.draft(e, "s1", "ann@example.com").with("jti", fmt.Sprint(time.Now().UnixNano()))
	}
	after := func(d time.Duration) { e.Clock.Advance(e.Clock.Now().Add(d)) }
	with := func(d draft) *farleytest.Response { return e.WithToken(d.sign(t)).Do(t, mine, nil) }
	rotated := func() draft { return fresh().by(jwt.SigningMethodRS256, rsaKeys()[1]).head("kid", "two") }

	with(fresh()).Want(t, "")
	p.publish(p.keys[0], two)
	with(rotated()).Want(t, "UNAUTHENTICATED") // it has been asked just now
	for n := range 20 {
		with(fresh().head("kid", fmt.Sprint("invented ", n))).Want(t, "UNAUTHENTICATED")
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times, want once", n)
	}
	after(10 * time.Second)
	with(rotated()).Want(t, "")
	with(fresh()).Want(t, "") // both count while both are published
	if n := p.fetches.Load(); n != 2 {
		t.Errorf("the keys were fetched %d times, want twice", n)
	}
	p.publish(two)
	after(time.Hour)
	with(fresh()).Want(t, "UNAUTHENTICATED")
	with(rotated()).Want(t, "")
}

// While the issuer is away its last keys count, for a day.
func TestKeys_staleWhileTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	e := farleytest.New(t, accepting(p))
	user(t, e, "ann@example.com")
	with := func() *farleytest.Response {
		return e.WithToken(p.draft(e, "s1", "ann@example.com").sign(t)).Do(t, mine, nil)
	}
	p.away.Store(true)
	want := e.WithToken("no.such.token").Do(t, mine, nil)
	if got := with(); got.Raw != want.Raw {
		t.Errorf("without any keys: %s", got.Raw)
	}
	p.away.Store(false)
	e.Clock.Advance(e.Clock.Now().Add(10 * time.Second))
	with().Want(t, "")
	p.away.Store(true)
	e.Clock.Advance(e.Clock.Now().Add(24*time.Hour - time.Second))
	with().Want(t, "")
	e.Clock.Advance(e.Clock.Now().Add(time.Second))
	with().Want(t, "UNAUTHENTICATED")
	p.away.Store(false)
	e.Clock.Advance(e.Clock.Now().Add(10 * time.Second))
	with().Want(t, "")
}

// The roles follow the token; what was given by hand stays; one change is one write.
func TestRoles_followTheToken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, writers := roles(t, e)
		byHand := e.Role(t, farleytest.Everything(e, access.Own))
		ann := user(t, e, "ann@example.com")
		e.Change(t, ann, input.Object{"roles": []any{byHand.String()}})
		at := func(issued time.Duration, roles ...string) *farleytest.Client {
			now := e.Clock.Now()
			return e.WithToken(p.draft(e, "s1", "ann@example.com", roles...).with("iat", now.Add(issued).Unix()).sign(t))
		}
		names := func(c *farleytest.Client) string {
			out := []string{}
			for _, n := range c.Query(t, mine, nil).At("viewer.roles").Texts("name") {
				if !strings.HasPrefix(n, "Role ") {
					out = append(out, n)
				}
			}
			return strings.Join(out, " ")
		}
		changes := func() int {
			return count(t, e, "SELECT COUNT(*) FROM changes WHERE kind = ?", int(e.Set.Kind("RoleGrant").Code))
		}
		for _, step := range []struct {
			issued time.Duration
			claim  []string
			want   string
			writes int
		}{
			{-60 * time.Second, []string{"crm-reader"}, "Readers", 1},
			{-50 * time.Second, []string{"crm-reader", "x"}, "Readers", 0},
			{-40 * time.Second, []string{"crm-reader", "crm-writer", "crm-writer"}, "Readers Writers", 1},
			{-30 * time.Second, []string{"crm-writer"}, "Writers", 1},
			{-45 * time.Second, []string{"crm-reader", "crm-writer"}, "Writers", 0}, // older than what decided
			{-20 * time.Second, nil, "", 1},
			{-10 * time.Second, []string{"Readers", "CRM-READER", "administrator", p.URL}, "", 0},
		} {
			before := changes()
			if got := names(at(step.issued, step.claim...)); got != step.want {
				t.Errorf("%v brings %q, want %q", step.claim, got, step.want)
			}
			if n := changes() - before; n != step.writes {
				t.Errorf("%v wrote %d changes of grants, want %d", step.claim, n, step.writes)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM role_grants WHERE user_id = ? AND role_id = ? AND deleted_at IS NULL AND issuer IS NULL", ann, byHand); n != 1 {
			t.Errorf("%d grants by hand are left, want 1", n)
		}

		// A role that somebody gave by hand is not given twice, and not ended; one that has run out makes way.
		e.Change(t, ann, input.Object{"roles": []any{byHand.String(), writers.String()}})
		at(-5*time.Second, "crm-writer").Query(t, mine, nil)
		at(-4*time.Second).Query(t, mine, nil)
		live := "SELECT COUNT(*) FROM role_grants WHERE user_id = ? AND role_id = ? AND deleted_at IS NULL"
		if n := count(t, e, live+" AND issuer IS NULL", ann, writers); n != 1 {
			t.Errorf("the grant by hand is there %d times", n)
		}
		admin := e.Admin(t)
		hers := admin.Query(t, `query($u: ID!, $r: ID!) { roleGrants(where: {user: {id: {eq: $u}}, role: {id: {eq: $r}}}) { edges { node { id } } } }`, farleytest.Vars{"u": ann.String(), "r": writers.String()})
		admin.Query(t, `mutation($id: ID!, $at: DateTime!) { updateRoleGrant(id: $id, input: {validUntil: $at}) { roleGrant { id } } }`,
			farleytest.Vars{"id": hers.At("roleGrants.edges.0.node.id").Text(), "at": e.Clock.Now().Add(-time.Minute).Format(time.RFC3339)})
		if got := names(at(-3*time.Second, "crm-writer")); got != "Writers" {
			t.Errorf("after the grant by hand has run out the token brings %q", got)
		}
		if n := count(t, e, live, ann, writers); n != 1 {
			t.Errorf("%d live grants of one role", n)
		}
	}, accepting(p))
}

// Eight first requests at once make one user, one link and one set of grants.
func TestCreateUsers_onceForAll(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		roles(t, e)
		var wg sync.WaitGroup
		answers := make([]string, 8)
		for n := range answers {
			token := p.draft(e, "s1", "new@example.com", "crm-reader", "crm-writer").with("jti", n).sign(t)
			wg.Go(func() { answers[n] = e.WithToken(token).Do(t, me, nil).Raw })
		}
		wg.Wait()
		for _, raw := range answers {
			if !strings.Contains(raw, `"email":"new@example.com"`) || !strings.Contains(raw, `Writers`) {
				t.Errorf("one of them is answered %s", raw)
			}
		}
		for query, want := range map[string]int{
			"SELECT COUNT(*) FROM users": 1, "SELECT COUNT(*) FROM outside_identities": 1, "SELECT COUNT(*) FROM role_grants": 2,
			"SELECT COUNT(*) FROM users WHERE name = 'Ann Oak' AND kind = 'STAFF'": 1,
		} {
			if n := count(t, e, query); n != want {
				t.Errorf("%s: %d, want %d", query, n, want)
			}
		}
	}, accepting(p, func(i *oidc.Issuer) { i.CreateUsers = true }))
}

// Eight first requests of a user that exists link him once.
func TestLink_onceForAll(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		roles(t, e)
		user(t, e, "ann@example.com")
		var wg sync.WaitGroup
		codes := make([]string, 8)
		for n := range codes {
			subject := "s1"
			if n >= 4 {
				subject = "s2" // a second subject with the same address: one of the two has the user
			}
			token := p.draft(e, subject, "ann@example.com", "crm-reader").with("jti", n).sign(t)
			wg.Go(func() { codes[n] = strings.Join(e.WithToken(token).Do(t, mine, nil).Codes(), " ") })
		}
		wg.Wait()
		first, second := strings.Join(codes[:4], ","), strings.Join(codes[4:], ",")
		const none, all = "UNAUTHENTICATED,UNAUTHENTICATED,UNAUTHENTICATED,UNAUTHENTICATED", ",,,"
		if !(first == none && second == all || first == all && second == none) {
			t.Errorf("one subject is answered %q, the other %q", first, second)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM outside_identities") + 10*count(t, e, "SELECT COUNT(*) FROM role_grants"); n != 11 {
			t.Errorf("links and grants: %d", n)
		}
	}, accepting(p))
}

func TestCreateUsers_onlyForThoseWithARole(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	e := farleytest.New(t, accepting(p, func(i *oidc.Issuer) { i.CreateUsers = true }))
	roles(t, e)
	e.WithToken(p.draft(e, "s1", "new@example.com", "offline_access").sign(t)).Do(t, me, nil).Want(t, "UNAUTHENTICATED")
	e.WithToken(p.draft(e, "s1", "new@example.com", "crm-reader").with("email_verified", false).sign(t)).Do(t, me, nil).Want(t, "UNAUTHENTICATED")
	if n := count(t, e, "SELECT COUNT(*) FROM users"); n != 0 {
		t.Errorf("%d users were made", n)
	}
	c := e.WithToken(p.draft(e, "s2", "new@example.com", "crm-reader").with("name", nil).sign(t))
	if got := c.Query(t, me, nil).At("viewer.user.email").Text(); got != "new@example.com" {
		t.Errorf("the viewer is %q", got)
	}
	// Whom somebody has put in the bin stays there, and is not made again.
	admin := e.Admin(t)
	x := admin.Query(t, `{ users(where: {email: {eq: "new@example.com"}}) { edges { node { id name } } } }`, nil).At("users.edges.0.node")
	if x.At("name").Text() != "new@example.com" {
		t.Errorf("without a name the user is called %q", x.At("name").Text())
	}
	admin.Query(t, `mutation($id: ID!) { deleteUser(id: $id) { id } }`, farleytest.Vars{"id": x.At("id").Text()})
	e.Identity.Invalidate()
	e.WithToken(p.draft(e, "s2", "new@example.com", "crm-reader").with("jti", "2").sign(t)).Do(t, me, nil).Want(t, "UNAUTHENTICATED")
}

// An issuer that says nothing of the address may be configured to be believed; one that denies it never is.
func TestEmail_unsaidMayBeBelieved(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	no := false
	e := farleytest.New(t, accepting(p, func(i *oidc.Issuer) { i.RequireEmailVerified = &no }))
	user(t, e, "ann@example.com")
	good := p.draft(e, "s1", "ann@example.com")
	e.WithToken(good.with("email_verified", false).sign(t)).Do(t, mine, nil).Want(t, "UNAUTHENTICATED")
	e.WithToken(good.with("email_verified", "false").sign(t)).Do(t, mine, nil).Want(t, "UNAUTHENTICATED")
	e.WithToken(good.with("email_verified", nil).sign(t)).Do(t, mine, nil).Want(t, "")
}

// A remembered token ends with the user, and by signing out everywhere, within seconds; a younger one counts.
func TestToken_endsWithTheUser(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := user(t, e, "ann@example.com")
		token := p.draft(e, "s1", "ann@example.com").sign(t)
		c := e.WithToken(token)
		c.Query(t, mine, nil)
		if n := count(t, e, "SELECT COUNT(*) FROM outside_identities"); n != 1 {
			t.Fatalf("%d links", n)
		}
		e.Clock.Advance(e.Clock.Now().Add(time.Minute))
		since(t, e, ann, e.Clock.Now())
		e.Clock.Advance(e.Clock.Now().Add(3 * time.Second))
		c.Do(t, mine, nil).Want(t, "UNAUTHENTICATED")
		short := e.WithToken(p.draft(e, "s1", "ann@example.com").with("exp", e.Clock.Now().Unix()+60).sign(t))
		short.Do(t, mine, nil).Want(t, "")
		e.Clock.Advance(e.Clock.Now().Add(66 * time.Second)) // and the leeway
		short.Do(t, mine, nil).Want(t, "UNAUTHENTICATED")
		younger := e.WithToken(p.draft(e, "s1", "ann@example.com").sign(t))
		younger.Do(t, mine, nil).Want(t, "")
		e.Change(t, ann, input.Object{"active": false})
		younger.Do(t, mine, nil).Want(t, "UNAUTHENTICATED")
		e.Change(t, ann, input.Object{"active": true})
		younger.Do(t, mine, nil).Want(t, "")
		e.Clock.Advance(e.Clock.Now().Add(11 * time.Minute))
		younger.Do(t, mine, nil).Want(t, "UNAUTHENTICATED")
	}, accepting(p))
}

// since sets from when on tokens of a user count, as signing out everywhere does.
func since(t *testing.T, e *farleytest.Env, user id.ID, at time.Time) {
	t.Helper()
	err := e.Write.Do(write.AsSystem(t.Context()), func(ctx context.Context, tx *write.Tx) error {
		return tx.Set(ctx, e.Set.Kind("User"), user, map[string]any{"tokens_since": at})
	})
	if err != nil {
		t.Fatal(err)
	}
}

const follow = `subscription($after: Cursor) { accountChanged(after: $after) { op node { id name } } }`

// A stream ends with its token, and with the sign-in at the issuer.
func TestStream_endsWithTheTokenAndTheUser(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		roles(t, e)
		ann := user(t, e, "ann@example.com")
		user(t, e, "bob@example.com")
		cid := user(t, e, "cid@example.com")
		open := func(jti, subject, email string) *farleytest.Stream {
			c := e.WithToken(p.draft(e, subject, email, "crm-reader").with("jti", jti).sign(t))
			c.Query(t, me, nil)
			e.Settle(t) // so that the grant's change has its place before the stream begins
			from := c.Cursor(t)
			s := c.Subscribe(t, follow, farleytest.Vars{"after": from})
			e.Make(t, "Account", input.Object{"name": "Oak"})
			for event := (farleytest.Data{}); event.At("node.name").Text() != "Oak"; {
				event = s.Event(t).At("accountChanged")
			}
			return s
		}
		ends := func(s *farleytest.Stream) {
			t.Helper()
			m := s.Next(t)
			for m.Type == "next" {
				m = s.Next(t) // other accounts, and checkpoints, because the clock moves
			}
			if m.Type != "error" || !strings.Contains(string(m.Payload), `"UNAUTHENTICATED"`) {
				t.Errorf("the stream ends with %s %s", m.Type, m.Payload)
			}
		}
		expired := open("1", "s1", "ann@example.com")
		e.Clock.Advance(e.Clock.Now().Add(601 * time.Second))
		ends(expired)

		// Signing out everywhere changes no right, so that only the watch over sessions can end the stream. It looks at all
		// sessions in turn: when the second has ended, the one that stays has been looked at.
		stays := open("2", "s2", "bob@example.com")
		for n, who := range []id.ID{ann, cid} {
			s := open(fmt.Sprint(3+n), []string{"s1", "s3"}[n], []string{"ann@example.com", "cid@example.com"}[n])
			if _, err := e.DB.Pool().ExecContext(t.Context(), "UPDATE users SET tokens_since = ? WHERE id = ?", e.Clock.Now().Add(time.Hour), who); err != nil {
				t.Fatal(err)
			}
			stop := advancing(e)
			ends(s)
			stop()
		}
		last := e.Make(t, "Account", input.Object{"name": "Last"}).String()
		for event := (farleytest.Data{}); event.At("node.id").Text() != last; {
			event = stays.Event(t).At("accountChanged") // other accounts and checkpoints come before
		}
	}, accepting(p))
}

// advancing moves the clock on, a second at a time, until stop is called: the watch sets its alarm at a moment of its own.
// It does so slowly enough for sockets, which have time-outs by the same clock.
func advancing(e *farleytest.Env) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				e.Clock.Advance(e.Clock.Now().Add(time.Second))
			}
		}
	}()
	return func() { close(done); <-stopped }
}

// A change of the roles that a token brings reaches open streams as any change of rights does.
func TestStream_hearsOfChangedRoles(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		roles(t, e)
		user(t, e, "ann@example.com")
		c := e.WithToken(p.draft(e, "s1", "ann@example.com", "crm-reader").sign(t))
		c.Query(t, mine, nil)
		e.Settle(t)
		s := c.Subscribe(t, follow, farleytest.Vars{"after": c.Cursor(t)})
		e.Make(t, "Account", input.Object{"name": "Oak"})
		s.Event(t)
		e.WithToken(p.draft(e, "s1", "ann@example.com").with("jti", "2").sign(t)).Query(t, mine, nil)
		e.Settle(t)
		// A stream that joins just while everybody is looked at is looked at a second later.
		stop := advancing(e)
		m := s.Next(t)
		for m.Type == "next" {
			m = s.Next(t) // checkpoints
		}
		stop()
		if m.Type != "error" || !strings.Contains(string(m.Payload), `"RESYNC"`) && !strings.Contains(string(m.Payload), `"FORBIDDEN"`) {
			t.Errorf("the stream ends with %s %s", m.Type, m.Payload)
		}
		c.Do(t, readAccounts, nil).Want(t, "FORBIDDEN") // the older token brings back nothing
	}, accepting(p))
}

// A stream ticket carries an outside session into a browser's EventSource.
func TestTicket_ofAnOutsideSession(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		roles(t, e)
		ann := user(t, e, "ann@example.com")
		c := e.WithToken(p.draft(e, "s1", "ann@example.com", "crm-reader").sign(t))
		open := func(ticket string) (int, string) {
			q := url.Values{"query": {`{ viewer { user { email } } }`}, "ticket": {ticket}}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"?"+q.Encode(), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", "text/event-stream")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return res.StatusCode, string(b)
		}
		issue := func() string {
			return c.Query(t, `mutation { createStreamTicket { ticket } }`, nil).At("createStreamTicket.ticket").Text()
		}
		ticket := issue()
		if status, body := open(ticket); status != http.StatusOK || !strings.Contains(body, `"email":"ann@example.com"`) {
			t.Errorf("the ticket is answered %d %s", status, body)
		}
		if status, _ := open(ticket); status != http.StatusUnauthorized {
			t.Errorf("a spent ticket is answered %d", status)
		}
		late := issue()
		since(t, e, ann, e.Clock.Now().Add(time.Second))
		if status, _ := open(late); status != http.StatusUnauthorized {
			t.Errorf("a ticket of before signing out everywhere is answered %d", status)
		}
	}, accepting(p))
}

// A shipped role may be named by its key, any role by its id.
func TestRoles_byKeyAndID(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	e := farleytest.New(t, accepting(p, func(i *oidc.Issuer) {
		i.RoleClaim = oidc.Path{"https://claims.example/roles"}
		i.Roles = map[string]string{"sales": "sales_rep", "audit": seed.RoleID(model.Kinds(), "auditor").String(), "later": "Not made yet"}
	}))
	missing, err := e.Outside.Missing(t.Context())
	if err != nil || len(missing) != 2 { // the shipped one comes by itself
		t.Errorf("before the roles are made %v are missing, %v", missing, err)
	}
	if _, err := seed.EnsureRoles(t.Context(), e.Write); err != nil {
		t.Fatal(err)
	}
	user(t, e, "ann@example.com")
	c := e.WithToken(p.draft(e, "s1", "ann@example.com").with("https://claims.example/roles", []any{"sales", "audit", "later", 7, nil}).sign(t))
	if got := strings.Join(c.Query(t, mine, nil).At("viewer.roles").Texts("name"), ", "); got != "auditor, sales rep" && got != "sales rep, auditor" {
		t.Errorf("the token brings %q", got)
	}
	if missing, err = e.Outside.Missing(t.Context()); err != nil || len(missing) != 1 || !strings.Contains(missing[0].Error(), `"Not made yet"`) {
		t.Errorf("after the roles are made %v are missing, %v", missing, err)
	}
	if reports := e.Outside.Check(t.Context()); len(reports) != 1 || reports[0].Keys != 1 || reports[0].Err != nil || reports[0].Issuer != p.URL {
		t.Errorf("check says %+v", reports)
	}
	p.away.Store(true)
	if reports := e.Outside.Check(t.Context()); reports[0].Err == nil {
		t.Errorf("while the issuer is away check says %+v", reports)
	}
}
