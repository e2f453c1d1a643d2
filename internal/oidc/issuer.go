package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Issuer is an outside identity provider whose access tokens are accepted, as the file of issuers has it.
type Issuer struct {
	// Issuer is the value of iss: an https address, http only on the loopback interface.
	Issuer string `json:"issuer"`
	// Audience has the values of aud that mean this server; a token needs one of them.
	Audience Texts `json:"audience"`
	// JWKSURI is where the keys are; "" asks the issuer's discovery document.
	JWKSURI string `json:"jwksUri"`
	// Algorithms are the signatures that count, by default RS256, ES256, EdDSA and PS256.
	Algorithms []string `json:"algorithms"`
	// TokenType is "at+jwt" (the default, RFC 9068) or "any", for issuers that do not mark their access tokens.
	TokenType string `json:"tokenType"`

	// SubjectClaim, EmailClaim, EmailVerifiedClaim, NameClaim and SessionClaim say where the token has who it speaks for;
	// by default sub, email, email_verified, name and sid.
	SubjectClaim       Path `json:"subjectClaim"`
	EmailClaim         Path `json:"emailClaim"`
	EmailVerifiedClaim Path `json:"emailVerifiedClaim"`
	NameClaim          Path `json:"nameClaim"`
	SessionClaim       Path `json:"sessionClaim"`
	// RequireEmailVerified (by default true) wants the token to say that the e-mail address is verified. false also takes
	// the address of a token that says nothing of it, never that of one that denies it.
	RequireEmailVerified *bool `json:"requireEmailVerified"`

	// RoleClaim is where the token has its roles or groups: a text or a list of texts.
	RoleClaim Path `json:"roleClaim"`
	// Roles maps values of RoleClaim to roles: the key of a shipped role, the id of a role, or its name.
	Roles map[string]string `json:"roles"`

	// CreateUsers makes a user for a token whose verified e-mail address nobody has.
	CreateUsers bool `json:"createUsers"`
	// UserKind is the kind of the issuer's users, by default STAFF: users of other kinds are not found by its tokens.
	UserKind string `json:"userKind"`
	// Leeway is how far the issuer's clock may differ, 5 s by default and 2 min at most.
	Leeway Duration `json:"leeway"`
	// PrivateAddresses lets keys be fetched from addresses of private networks, for an issuer inside one.
	PrivateAddresses bool `json:"privateAddresses"`
}

// Texts is a list of texts, or in JSON one text.
type Texts []string

// UnmarshalJSON reads a text or a list of texts.
func (t *Texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = Texts{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return errors.New("a text or a list of texts is wanted")
	}
	*t = many
	return nil
}

// Path leads to a claim, name by name. In JSON it is a text with dots between the names, or a list of names, for names
// that have dots in them.
type Path []string

// UnmarshalJSON reads a dotted text or a list of names.
func (p *Path) UnmarshalJSON(b []byte) error {
	var dotted string
	if json.Unmarshal(b, &dotted) == nil {
		*p = strings.Split(dotted, ".")
		return nil
	}
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return errors.New("a text with dots or a list of names is wanted")
	}
	*p = names
	return nil
}

// Duration is a time.Duration, in JSON a text such as "5s".
type Duration time.Duration

// UnmarshalJSON reads a text such as "5s".
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New(`a time such as "5s" is wanted`)
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("a time such as \"5s\" is wanted: %w", err)
	}
	*d = Duration(parsed)
	return nil
}

const (
	atJWT   = "at+jwt"
	anyType = "any"

	defaultLeeway = Duration(5 * time.Second)
	maxLeeway     = Duration(2 * time.Minute)
	maxIssuers    = 50
	maxFile       = 1 << 20
	// maxIssuerLen is what the columns take that hold the issuer.
	maxIssuerLen = 255
)

// algorithms are those that may be configured: signatures with a public key, and no others.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

var defaultAlgorithms = []string{"RS256", "ES256", "EdDSA", "PS256"}

var userKinds = []string{"STAFF", "PARTNER", "PORTAL", "SERVICE"}

// made are the kinds of users that can be made of a token alone; partners and customers need what no token says.
var made = []string{"STAFF", "SERVICE"}

// ReadFile is Read for a file.
func ReadFile(name string) ([]Issuer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("issuers: %w", err)
	}
	defer func() { _ = f.Close() }()
	return Read(f)
}

// Read reads a list of issuers: a JSON array of at most 1 MiB. Defaults are filled in. The error names all problems.
func Read(r io.Reader) ([]Issuer, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("issuers: %w", err)
	}
	if len(b) > maxFile {
		return nil, errors.New("issuers: the file is longer than 1 MiB")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var list []Issuer
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("issuers: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("issuers: there is something behind the list")
	}
	return list, Complete(list)
}

// Complete fills in the defaults of issuers and returns everything that is wrong with them.
func Complete(list []Issuer) error {
	var problems []error
	if len(list) > maxIssuers {
		problems = append(problems, fmt.Errorf("issuers: there are more than %d", maxIssuers))
	}
	seen := map[string]bool{}
	for n := range list {
		i := &list[n]
		name := i.Issuer
		if name == "" {
			name = fmt.Sprintf("number %d", n+1)
		}
		for _, err := range i.complete() {
			problems = append(problems, fmt.Errorf("issuer %s: %w", name, err))
		}
		if seen[i.Issuer] {
			problems = append(problems, fmt.Errorf("issuer %s: it is in the list twice", name))
		}
		seen[i.Issuer] = true
	}
	return errors.Join(problems...)
}

// complete fills in defaults and returns what is wrong.
func (i *Issuer) complete() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if err := goodAddress(i.Issuer); err != nil {
		add("issuer: %w", err)
	} else if len(i.Issuer) > maxIssuerLen {
		add("issuer: it is longer than %d characters", maxIssuerLen)
	} else if u, _ := url.Parse(i.Issuer); u.RawQuery != "" || u.ForceQuery {
		add("issuer: it must have no query")
	}
	if len(i.Audience) == 0 || slices.Contains(i.Audience, "") {
		add("audience: it is required")
	}
	if i.JWKSURI != "" {
		if err := goodAddress(i.JWKSURI); err != nil {
			add("jwksUri: %w", err)
		}
	}
	if i.Algorithms == nil {
		i.Algorithms = defaultAlgorithms
	}
	if len(i.Algorithms) == 0 {
		add("algorithms: the list is empty")
	}
	for _, a := range i.Algorithms {
		if !slices.Contains(algorithms, a) {
			add("algorithms: %q is not one of %s", a, strings.Join(algorithms, ", "))
		}
	}
	if i.TokenType == "" {
		i.TokenType = atJWT
	}
	if i.TokenType != atJWT && i.TokenType != anyType {
		add("tokenType: %q is neither %q nor %q", i.TokenType, atJWT, anyType)
	}
	problems = append(problems, i.completeClaims()...)
	problems = append(problems, i.completeUsers()...)
	if i.Leeway == 0 {
		i.Leeway = defaultLeeway
	}
	if i.Leeway < 0 || i.Leeway > maxLeeway {
		add("leeway: it must be from 0 to %s", time.Duration(maxLeeway))
	}
	return problems
}

func (i *Issuer) completeClaims() (problems []error) {
	for _, c := range []struct {
		name      string
		path      *Path
		otherwise string
	}{
		{"subjectClaim", &i.SubjectClaim, "sub"}, {"emailClaim", &i.EmailClaim, "email"},
		{"emailVerifiedClaim", &i.EmailVerifiedClaim, "email_verified"}, {"nameClaim", &i.NameClaim, "name"},
		{"sessionClaim", &i.SessionClaim, "sid"}, {"roleClaim", &i.RoleClaim, ""},
	} {
		if *c.path == nil && c.otherwise != "" {
			*c.path = Path{c.otherwise}
		}
		if *c.path != nil && (len(*c.path) == 0 || slices.Contains(*c.path, "")) {
			problems = append(problems, fmt.Errorf("%s: a name is empty", c.name))
		}
	}
	if i.RequireEmailVerified == nil {
		yes := true
		i.RequireEmailVerified = &yes
	}
	return problems
}

func (i *Issuer) completeUsers() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(i.Roles) > 0 && len(i.RoleClaim) == 0 {
		add("roles: they need roleClaim")
	}
	if len(i.RoleClaim) > 0 && len(i.Roles) == 0 {
		add("roleClaim: it needs roles")
	}
	for value, role := range i.Roles {
		if value == "" || strings.TrimSpace(role) == "" {
			add("roles: %q → %q: neither may be empty", value, role)
		}
	}
	if i.UserKind == "" {
		i.UserKind = "STAFF"
	}
	switch {
	case !slices.Contains(userKinds, i.UserKind):
		add("userKind: %q is not one of %s", i.UserKind, strings.Join(userKinds, ", "))
	case i.CreateUsers && !slices.Contains(made, i.UserKind):
		add("createUsers: users of the kind %s need what no token says; make them here", i.UserKind)
	}
	return problems
}

// goodAddress refuses what is no https address; http is for the loopback interface, where nobody listens in.
func goodAddress(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || strings.Contains(s, "#") {
		return errors.New("it is not an https address")
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return nil
	}
	return errors.New("it is not an https address (http is for loopback addresses only)")
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// inside reports whether the issuer is one of a private network by its configuration.
func (i *Issuer) inside() bool {
	if i.PrivateAddresses {
		return true
	}
	for _, address := range []string{i.Issuer, i.JWKSURI} {
		u, err := url.Parse(address)
		if err != nil || address == "" {
			continue
		}
		if a, err := netip.ParseAddr(u.Hostname()); isLoopback(u.Hostname()) || err == nil && !isPublic(a) {
			return true
		}
	}
	return false
}
