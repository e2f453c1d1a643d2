package oidc_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/oidc"
)

func TestRead_fillsInDefaults(t *testing.T) {
	t.Parallel()
	got, err := oidc.Read(strings.NewReader(`[
		{"issuer": "https://sso.example/realms/firm", "audience": "farley", "roleClaim": "realm_access.roles", "roles": {"crm": "sales_rep"}},
		{"issuer": "http://127.0.0.1:9000", "audience": ["a", "b"], "jwksUri": "https://keys.example/set", "algorithms": ["ES384"], "tokenType": "any",
		 "subjectClaim": "oid", "emailClaim": ["https://x.example/mail"], "requireEmailVerified": false, "createUsers": true,
		 "userKind": "SERVICE", "leeway": "30s", "privateAddresses": true}]`))
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	want := []oidc.Issuer{
		{
			Issuer: "https://sso.example/realms/firm", Audience: oidc.Texts{"farley"}, Algorithms: []string{"RS256", "ES256", "EdDSA", "PS256"},
			TokenType: "at+jwt", SubjectClaim: oidc.Path{"sub"}, EmailClaim: oidc.Path{"email"}, EmailVerifiedClaim: oidc.Path{"email_verified"},
			NameClaim: oidc.Path{"name"}, SessionClaim: oidc.Path{"sid"}, RequireEmailVerified: &yes,
			RoleClaim: oidc.Path{"realm_access", "roles"}, Roles: map[string]string{"crm": "sales_rep"}, UserKind: "STAFF", Leeway: oidc.Duration(5 * time.Second),
		},
		{
			Issuer: "http://127.0.0.1:9000", Audience: oidc.Texts{"a", "b"}, JWKSURI: "https://keys.example/set", Algorithms: []string{"ES384"},
			TokenType: "any", SubjectClaim: oidc.Path{"oid"}, EmailClaim: oidc.Path{"https://x.example/mail"}, EmailVerifiedClaim: oidc.Path{"email_verified"},
			NameClaim: oidc.Path{"name"}, SessionClaim: oidc.Path{"sid"}, RequireEmailVerified: &no, CreateUsers: true, UserKind: "SERVICE",
			Leeway: oidc.Duration(30 * time.Second), PrivateAddresses: true,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// All problems are told at once, each with the issuer and the setting.
func TestRead_refuses(t *testing.T) {
	t.Parallel()
	with := func(setting string) string {
		return `[{"issuer": "https://a.example", "audience": "x", ` + setting + `}]`
	}
	for _, c := range []struct{ file, want string }{
		{`[{}]`, "issuer number 1: issuer: it is not an https address; issuer number 1: audience: it is required"},
		{`[{"issuer": "http://a.example", "audience": ""}]`, "issuer http://a.example: issuer: it is not an https address (http is for loopback addresses only); issuer http://a.example: audience: it is required"},
		{`[{"issuer": "https://u:p@a.example", "audience": "x"}]`, "issuer https://u:p@a.example: issuer: it is not an https address"},
		{`[{"issuer": "https://a.example?x", "audience": "x"}]`, "issuer https://a.example?x: issuer: it must have no query"},
		{`[{"issuer": "https://a.example#", "audience": "x"}]`, "issuer https://a.example#: issuer: it is not an https address"},
		{`[{"issuer": "https://a.example/` + strings.Repeat("x", 240) + `", "audience": "x"}]`, "issuer https://a.example/" + strings.Repeat("x", 240) + ": issuer: it is longer than 255 characters"},
		{`[{"issuer": "https://a.example", "audience": "x"}, {"issuer": "https://a.example", "audience": "y"}]`, "issuer https://a.example: it is in the list twice"},
		{with(`"jwksUri": "http://a.example/keys"`), "issuer https://a.example: jwksUri: it is not an https address (http is for loopback addresses only)"},
		{with(`"algorithms": ["HS256", "none", "RS256"]`), `issuer https://a.example: algorithms: "HS256" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA; ` +
			`issuer https://a.example: algorithms: "none" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`},
		{with(`"algorithms": []`), "issuer https://a.example: algorithms: the list is empty"},
		{with(`"tokenType": "JWT"`), `issuer https://a.example: tokenType: "JWT" is neither "at+jwt" nor "any"`},
		{with(`"emailClaim": "a..b", "subjectClaim": []`), "issuer https://a.example: subjectClaim: a name is empty; issuer https://a.example: emailClaim: a name is empty"},
		{with(`"roles": {"x": "auditor"}`), "issuer https://a.example: roles: they need roleClaim"},
		{with(`"roleClaim": "groups"`), "issuer https://a.example: roleClaim: it needs roles"},
		{with(`"roleClaim": "groups", "roles": {"": "auditor"}`), `issuer https://a.example: roles: "" → "auditor": neither may be empty`},
		{with(`"userKind": "GUEST"`), `issuer https://a.example: userKind: "GUEST" is not one of STAFF, PARTNER, PORTAL, SERVICE`},
		{with(`"userKind": "PORTAL", "createUsers": true`), "issuer https://a.example: createUsers: users of the kind PORTAL need what no token says; make them here"},
		{with(`"leeway": "1h"`), "issuer https://a.example: leeway: it must be from 0 to 2m0s"},
		{with(`"leeway": 5`), `issuers: a time such as "5s" is wanted`},
		{with(`"audience": 7`), "issuers: a text or a list of texts is wanted"},
		{with(`"roleClaim": 7`), "issuers: a text with dots or a list of names is wanted"},
		{with(`"rolesClaim": "x"`), `issuers: json: unknown field "rolesClaim"`},
		{`{}`, "issuers: json: cannot unmarshal object into Go value of type []oidc.Issuer"},
		{`[] []`, "issuers: there is something behind the list"},
		{"[" + strings.Repeat(" ", 1<<20) + "]", "issuers: the file is longer than 1 MiB"},
		{`[` + strings.Repeat(`{"issuer": "https://a.example", "audience": "x"},`, 50) + `{"issuer": "https://b.example", "audience": "x"}]`, "issuers: there are more than 50" + strings.Repeat("; issuer https://a.example: it is in the list twice", 49)},
	} {
		_, err := oidc.Read(strings.NewReader(c.file))
		if err == nil {
			t.Errorf("%.200s is accepted", c.file)
			continue
		}
		if got := strings.ReplaceAll(err.Error(), "\n", "; "); got != c.want {
			t.Errorf("%.200s\n got %s\nwant %s", c.file, got, c.want)
		}
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "issuers.json")
	if _, err := oidc.ReadFile(name); err == nil {
		t.Error("a file that is not there is read")
	}
	if err := os.WriteFile(name, []byte(`[{"issuer": "https://a.example", "audience": "x"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := oidc.ReadFile(name); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}
