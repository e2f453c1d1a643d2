package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest/testdb"
)

// farley check tells of everything that is wrong with the issuers, and asks them for their keys.
func TestOutside_check(t *testing.T) {
	t.Parallel()
	var issuer *httptest.Server
	issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_, _ = w.Write([]byte(`{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer.URL, "jwks_uri": issuer.URL + "/keys"})
	}))
	defer issuer.Close()
	good := fmt.Sprintf(`[{"issuer": %q, "audience": "crm", "roleClaim": "groups", "roles": {"a": "auditor", "b": "Nobody's"}}]`, issuer.URL)

	store := testdb.SQLite(t)
	said := func(file string, upToDate bool) []string {
		o := outside{}
		if file != "" {
			o.Issuers = filepath.Join(t.TempDir(), "issuers.json")
			if err := os.WriteFile(o.Issuers, []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var lines []string
		o.check(t.Context(), store.DB, upToDate, func(what string, err error, fine string, args ...any) {
			if err != nil {
				fine, args = "✗ %v", []any{err}
			}
			lines = append(lines, strings.ReplaceAll(what+": "+fmt.Sprintf(fine, args...), issuer.URL, "URL"))
		})
		return lines
	}
	for _, c := range []struct {
		file     string
		upToDate bool
		want     []string
	}{
		{"", true, nil},
		{`[{"issuer": "https://a.example"}]`, true, []string{"issuers: ✗ issuer https://a.example: audience: it is required"}},
		{good, true, []string{"issuer URL: 1 keys", `roles of issuers: ✗ issuer URL: roles: there is no role "Nobody's", which "b" stands for`}},
		{good, false, []string{"issuer URL: 1 keys"}},
	} {
		if diff := cmp.Diff(c.want, said(c.file, c.upToDate)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.file, diff)
		}
	}
}
