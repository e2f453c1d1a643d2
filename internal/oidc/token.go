package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"farley/internal/fault"
)

const (
	// maxTokenLen bounds a token; those with many groups are long.
	maxTokenLen = 16 << 10
	// maxSubject is what OpenID Connect Core 1.0, section 2, allows sub.
	maxSubject = 255
	// tokenAlphabet is base64url and the dot: a token has one spelling only, and Go's decoder passes over line breaks.
	tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
)

// refused answers every token that does not count, in the words in which our own are refused; the cause is for the log.
func refused(cause string) error {
	return fault.Wrap(fault.Unauthenticated, errors.New(cause), "The access token is not valid. Sign in again.")
}

// said returns what a token says is its issuer, verifying nothing; "" when it says nothing.
func said(token string) string {
	if len(token) > maxTokenLen {
		return ""
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(b, &c) != nil {
		return ""
	}
	return c.Issuer
}

// statement is what a verified token says.
type statement struct {
	subject   string
	session   string
	email     string // "" when there is none that may be believed
	name      string
	roles     []string // values of the role claim
	issuedAt  time.Time
	expiresAt time.Time
}

// newParser returns a parser as strict as that of our own tokens. Outside tokens may lack nbf.
func newParser(i *Issuer, now func() time.Time) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods(i.Algorithms), jwt.WithStrictDecoding(), jwt.WithTimeFunc(now), jwt.WithLeeway(time.Duration(i.Leeway)),
		jwt.WithIssuer(i.Issuer), jwt.WithAudience(i.Audience...), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	)
}

// verify returns what a token of the issuer says, when it counts now.
func (i *trusted) verify(ctx context.Context, token string) (statement, error) {
	if len(token) > maxTokenLen || strings.Trim(token, tokenAlphabet) != "" {
		return statement{}, refused("token too long or with foreign characters")
	}
	claims := jwt.MapClaims{}
	_, err := i.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		kid, err := i.header(t)
		if err != nil {
			return nil, err
		}
		keys := i.keys.find(ctx, kid, t.Method.Alg())
		if len(keys) == 0 {
			return nil, errors.New("unknown key")
		}
		return jwt.VerificationKeySet{Keys: keys}, nil
	})
	if err != nil {
		return statement{}, fault.Wrap(fault.Unauthenticated, err, "The access token is not valid. Sign in again.")
	}
	return i.read(claims)
}

// header checks the header and returns the key id. Beside what it needs it may have the thumbprint of a certificate.
// Everything else is refused: crit, which the library passes over (RFC 7515, 4.1.11), and all by which a token brings its
// own key (jwk, jku, x5c, x5u).
func (i *trusted) header(t *jwt.Token) (kid string, err error) {
	for name := range t.Header {
		switch name {
		case "alg", "typ", "kid", "x5t", "x5t#S256":
		default:
			return "", errors.New("header parameter that does not belong there")
		}
	}
	typ, present := t.Header["typ"].(string)
	if _, any := t.Header["typ"]; any && !present {
		return "", errors.New("typ is not a text")
	}
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if typ != atJWT && (i.TokenType != anyType || typ != "" && typ != "jwt") {
		return "", errors.New("not an access token")
	}
	kid, _ = t.Header["kid"].(string)
	if kid == "" {
		return "", errors.New("no kid")
	}
	return kid, nil
}

// read takes from the claims what matters, and checks what the library leaves open.
func (i *trusted) read(claims jwt.MapClaims) (statement, error) {
	var s statement
	issued, err := claims.GetIssuedAt()
	if err != nil || issued == nil {
		return s, refused("no iat")
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || expires == nil {
		return s, refused("no exp")
	}
	if _, bound := claims["cnf"]; bound {
		// Whoever presents it would have to prove that he holds a key (RFC 7800); as a bearer token it does not count.
		return s, refused("the token is bound to a key")
	}
	s.issuedAt, s.expiresAt = issued.UTC(), expires.UTC()
	s.subject, _ = at(claims, i.SubjectClaim).(string)
	if s.subject == "" || len(s.subject) > maxSubject {
		return s, refused("no subject, or too long a one")
	}
	s.session, _ = at(claims, i.SessionClaim).(string)
	s.name, _ = at(claims, i.NameClaim).(string)
	s.email = i.believed(claims)
	s.roles = texts(at(claims, i.RoleClaim))
	return s, nil
}

// believed returns the e-mail address when the issuer stands by it.
func (i *trusted) believed(claims jwt.MapClaims) string {
	email, _ := at(claims, i.EmailClaim).(string)
	switch verified := at(claims, i.EmailVerifiedClaim); verified {
	case true, "true": // some issuers write all claims as texts
		return email
	case nil:
		if !*i.RequireEmailVerified {
			return email
		}
	}
	return ""
}

// at follows a path through objects; nil where it ends.
func at(claims map[string]any, path Path) any {
	if len(path) == 0 {
		return nil
	}
	var v any = claims
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// texts returns the texts of a list, or the one text; what is not a text names nothing.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
