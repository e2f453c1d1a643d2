package oidc_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"farley/internal/farleytest"
	"farley/internal/oidc"
)

// checked fetches the keys of an issuer and returns what is wrong with that.
func checked(t *testing.T, p *provider, change func(*oidc.Issuer)) error {
	t.Helper()
	e := farleytest.New(t, accepting(p, change))
	reports := e.Outside.Check(t.Context())
	if len(reports) != 1 {
		t.Fatalf("%v", reports)
	}
	return reports[0].Err
}

// What an issuer answers is bounded, and leads nowhere else.
func TestFetch_refuses(t *testing.T) {
	t.Parallel()
	other := newProvider(t)
	asName := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	document := func(name string, v func(p *provider) string) func(p *provider) {
		return func(p *provider) {
			p.answer(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != name {
					return false
				}
				_, _ = w.Write([]byte(v(p)))
				return true
			})
		}
	}
	redirect := func(to func(n int) string) func(p *provider) {
		return func(p *provider) {
			n := 0
			p.answer(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/keys") {
					return false
				}
				n++
				http.Redirect(w, r, to(n), http.StatusFound)
				return true
			})
		}
	}
	const discovery = "/.well-known/openid-configuration"
	for name, c := range map[string]struct {
		prepare func(p *provider)
		want    string
	}{
		"no answer":              {func(p *provider) { p.away.Store(true) }, "answers 503"},
		"another issuer":         {document(discovery, func(*provider) string { return `{"issuer": "https://a.example", "jwks_uri": "https://a.example"}` }), "another issuer's"},
		"keys by http elsewhere": {document(discovery, func(p *provider) string { return fmt.Sprintf(`{"issuer": %q, "jwks_uri": "http://a.example"}`, p.URL) }), "not an https address"},
		"keys in a file": {document(discovery, func(p *provider) string {
			return fmt.Sprintf(`{"issuer": %q, "jwks_uri": "file:///etc/passwd"}`, p.URL)
		}), "not an https address"},
		"no JSON":                  {document("/keys", func(*provider) string { return "<html>" }), "invalid character"},
		"too much":                 {document("/keys", func(*provider) string { return `{"keys": [], "x": "` + strings.Repeat("x", 512<<10) + `"}` }), "longer than"},
		"too many keys":            {document("/keys", func(*provider) string { return `{"keys": [{}` + strings.Repeat(`,{}`, 200) + `]}` }), "more than 200 keys"},
		"no keys":                  {func(p *provider) { p.publish() }, "no key that can be used"},
		"a redirect elsewhere":     {redirect(func(int) string { return asName + "/keys" }), "another host"},
		"redirects without an end": {redirect(func(n int) string { return fmt.Sprint("/keys", n) }), "too many redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			c.prepare(p)
			if err := checked(t, p, func(*oidc.Issuer) {}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it ends with %v, want %q", err, c.want)
			}
		})
	}
	p := newProvider(t)
	p.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/keys" {
			http.Redirect(w, r, "/keys2", http.StatusFound)
			return true
		}
		if r.URL.Path == "/keys2" {
			_, _ = w.Write([]byte(`{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, {"kty": "new"}, {"kty": "RSA", "kid": "broken"}]}`))
			return true
		}
		return false
	})
	if err := checked(t, p, func(*oidc.Issuer) {}); err != nil {
		t.Errorf("a redirect on the same host, and keys that nobody knows: %v", err)
	}
}
