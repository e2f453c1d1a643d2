package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/stream"
)

const (
	asJSON     = "application/json; charset=utf-8"
	asResponse = "application/graphql-response+json; charset=utf-8"
)

func TestPost(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name        string
		body        string
		header      []string
		status      int
		contentType string
		code        string
	}{
		{"query", `{"query":"{name}"}`, nil, 200, asJSON, ""},
		{"response type", `{"query":"{name}"}`, []string{"Accept", typeResponse}, 200, asResponse, ""},
		{"prefers the newer type", `{"query":"{name}"}`, []string{"Accept", typeJSON + ", " + typeResponse}, 200, asResponse, ""},
		{"weights decide", `{"query":"{name}"}`, []string{"Accept", typeResponse + ";q=0.1, " + typeJSON}, 200, asJSON, ""},
		{"weight of zero", `{"query":"{name}"}`, []string{"Accept", typeJSON + ";q=0"}, 406, asJSON, "BAD_REQUEST"},
		{"application wildcard", `{"query":"{name}"}`, []string{"Accept", "application/*"}, 200, asJSON, ""},
		{"no type fits", `{"query":"{name}"}`, []string{"Accept", "text/html"}, 406, asJSON, "BAD_REQUEST"},
		{"no charset fits", `{"query":"{name}"}`, []string{"Accept", typeJSON + "; charset=latin1"}, 406, asJSON, "BAD_REQUEST"},
		{"form", `query={name}`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, asJSON, "BAD_REQUEST"},
		{"text", `{"query":"{name}"}`, []string{"Content-Type", "text/plain"}, 415, asJSON, "BAD_REQUEST"},
		{"multipart without preflight", `x`, []string{"Content-Type", "multipart/form-data; boundary=x"}, 400, asJSON, "BAD_REQUEST"},
		{"no content type", `{"query":"{name}"}`, []string{"Content-Type", ""}, 415, asJSON, "BAD_REQUEST"},
		{"other charset", `{"query":"{name}"}`, []string{"Content-Type", "application/json; charset=utf-16"}, 415, asJSON, "BAD_REQUEST"},
		{"compressed body", `{"query":"{name}"}`, []string{"Content-Encoding", "gzip"}, 415, asJSON, "BAD_REQUEST"},
		{"no body", ``, nil, 400, asJSON, "BAD_REQUEST"},
		{"not JSON", `{"query":`, nil, 400, asJSON, "BAD_REQUEST"},
		{"two objects", `{"query":"{name}"}{}`, nil, 400, asJSON, "BAD_REQUEST"},
		{"batch", `[{"query":"{name}"}]`, nil, 400, asJSON, "BAD_REQUEST"},
		{"no query", `{}`, nil, 400, asJSON, "BAD_REQUEST"},
		{"query of another type", `{"query":1}`, nil, 400, asJSON, "BAD_REQUEST"},
		{"variables of another type", `{"query":"{name}","variables":[]}`, nil, 400, asJSON, "BAD_REQUEST"},
		{"syntax error", `{"query":"{"}`, nil, 200, asJSON, "BAD_REQUEST"},
		{"syntax error, newer type", `{"query":"{"}`, []string{"Accept", typeResponse}, 400, asResponse, "BAD_REQUEST"},
		{"unknown field", `{"query":"{nam}"}`, nil, 200, asJSON, "BAD_REQUEST"},
		{"unknown field, newer type", `{"query":"{nam}"}`, []string{"Accept", typeResponse}, 400, asResponse, "BAD_REQUEST"},
		{"several operations", `{"query":"query A{name} query B{name}"}`, nil, 200, asJSON, "BAD_REQUEST"},
		{"named operation", `{"query":"query A{name} query B{name}","operationName":"B"}`, nil, 200, asJSON, ""},
		{"unknown operation", `{"query":"query A{name}","operationName":"C"}`, nil, 200, asJSON, "BAD_REQUEST"},
		{"subscription", `{"query":"subscription{ticks}"}`, []string{"Accept", typeResponse}, 400, asResponse, "BAD_REQUEST"},
		{"valid token", `{"query":"{name}"}`, []string{"Authorization", "bearer good"}, 200, asJSON, ""},
		{"invalid token", `{"query":"{name}"}`, []string{"Authorization", "Bearer bad"}, 401, asJSON, "UNAUTHENTICATED"},
		{"other scheme", `{"query":"{name}"}`, []string{"Authorization", "Basic good"}, 401, asJSON, "UNAUTHENTICATED"},
		{"tokens cannot be checked", `{"query":"{name}"}`, []string{"Authorization", "Bearer down"}, 503, asJSON, "UNAVAILABLE"},
		{"idempotency key too long", `{"query":"{name}"}`, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, asJSON, "BAD_REQUEST"},
	}
	b := setup(t, nil, nil)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			resp, body := b.do(t, http.MethodPost, "/graphql", c.body, c.header...)
			if resp.StatusCode != c.status {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, c.status, body)
			}
			if got := resp.Header.Get("Content-Type"); got != c.contentType {
				t.Errorf("content type %q, want %q", got, c.contentType)
			}
			if got := code(t, body); got != c.code {
				t.Errorf("code %q, want %q: %s", got, c.code, body)
			}
			if c.code != "" && strings.Contains(body, `"data"`) {
				t.Errorf("a refused request has data: %s", body)
			}
		})
	}
}

func TestPost_writesDataAndCost(t *testing.T) {
	t.Parallel()
	_, body := setup(t, nil, nil).query(t, "{name}")
	want := `{"data":{"name":"farley"},"extensions":{"cost":{"requested":1,"limit":50000}}}`
	if body != want {
		t.Errorf("body %s, want %s", body, want)
	}
}

func TestPost_bodyTooLong(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	resp, body := b.do(t, http.MethodPost, "/graphql", `{"query":"{name}","x":"`+strings.Repeat("x", 10<<20)+`"}`)
	if resp.StatusCode != http.StatusRequestEntityTooLarge || code(t, body) != "LIMITED" {
		t.Errorf("answer %d %s, want 413 LIMITED", resp.StatusCode, body)
	}
}

func TestPost_doesNotEchoTheBody(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	for _, body := range []string{`{"query": secret-in-body`, `"secret-in-body"`, `{"query":{"secret-in-body":1}}`} {
		_, got := b.do(t, http.MethodPost, "/graphql", body)
		if strings.Contains(got, "secret") || strings.Contains(got, "json:") || strings.Contains(got, "offset") {
			t.Errorf("%s: the answer echoes: %s", body, got)
		}
	}
}

func TestPost_contextOfRequest(t *testing.T) {
	t.Parallel()
	var user, key, locale, requestID any
	b := setup(t, nil, func(ctx context.Context) *graphql.Response {
		user, key = ctx.Value(userKey{}), stream.IdempotencyKey(ctx)
		locale, requestID = stream.Locale(ctx), stream.RequestID(ctx)
		return &graphql.Response{Data: []byte(`{}`)}
	})
	resp, _ := b.query(t, "{name}", "Authorization", "Bearer good", "Idempotency-Key", "k1", "Accept-Language", "ar", "X-Request-Id", "req-1")
	if user != "user" || key != "k1" || locale != "ar" || requestID != "req-1" {
		t.Errorf("context has %v %v %v %v, want user k1 ar req-1", user, key, locale, requestID)
	}
	if got := resp.Header.Get("X-Request-Id"); got != "req-1" {
		t.Errorf("X-Request-Id %q, want req-1", got)
	}
}

func TestRequestID_replacesWhatIsNotAWord(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	for _, bad := range []string{"a b", "\"quoted\"", strings.Repeat("x", 65), "é"} {
		resp, _ := b.query(t, "{name}", "X-Request-Id", bad)
		if got := resp.Header.Get("X-Request-Id"); got == bad || len(got) != 26 {
			t.Errorf("X-Request-Id %q for %q, want a new one", got, bad)
		}
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		query  string
		status int
		code   string
	}{
		{"query", "query=" + url.QueryEscape("{name}"), 200, ""},
		{"variables", "query=" + url.QueryEscape("query($i:ID!){find(id:$i){id}}") + "&variables=" + url.QueryEscape(`{"i":"x"}`), 200, ""},
		{"null variables", "query={name}&variables=null", 200, ""},
		{"mutation", "query=" + url.QueryEscape(`mutation{rename(name:"x")}`), 405, "BAD_REQUEST"},
		{"no query", "", 400, "BAD_REQUEST"},
		{"variables not an object", "query={name}&variables=[1]", 400, "BAD_REQUEST"},
		{"variables not JSON", "query={name}&variables={", 400, "BAD_REQUEST"},
		{"extensions not an object", "query={name}&extensions=1", 400, "BAD_REQUEST"},
		{"bad escape", "query=%zz", 400, "BAD_REQUEST"},
	}
	ran := false
	b := setup(t, nil, func(ctx context.Context) *graphql.Response {
		if graphql.GetOperationContext(ctx).Operation.Operation == "mutation" {
			ran = true
		}
		return &graphql.Response{Data: []byte(`{}`)}
	})
	for _, c := range cases {
		resp, body := b.do(t, http.MethodGet, "/graphql?"+c.query, "")
		if resp.StatusCode != c.status || code(t, body) != c.code {
			t.Errorf("%s: answer %d %s, want %d %q", c.name, resp.StatusCode, body, c.status, c.code)
		}
		if c.status == 405 && resp.Header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow %q, want POST", c.name, resp.Header.Get("Allow"))
		}
	}
	if ran {
		t.Error("a GET ran a mutation")
	}
}

func TestOtherMethods(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead} {
		resp, _ := b.do(t, method, "/graphql", "")
		if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, POST, OPTIONS" {
			t.Errorf("%s: %d Allow %q, want 405 GET, POST, OPTIONS", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.AllowedOrigins = []string{"https://app.example"} }, nil)
	cases := []struct {
		origin string
		status int
		cors   string
	}{
		{"https://app.example", 200, "https://app.example"},
		{"http://example.com", 200, ""}, // httptest's own host
		{"https://evil.example", 403, ""},
		{"null", 403, ""},
		{"", 200, ""},
	}
	for _, c := range cases {
		resp, body := b.query(t, "{name}", "Origin", c.origin)
		if resp.StatusCode != c.status {
			t.Errorf("%q: status %d, want %d: %s", c.origin, resp.StatusCode, c.status, body)
		}
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != c.cors {
			t.Errorf("%q: Access-Control-Allow-Origin %q, want %q", c.origin, got, c.cors)
		}
		if got := resp.Header.Get("Access-Control-Allow-Credentials"); got != "" {
			t.Errorf("%q: credentials %q, want none", c.origin, got)
		}
	}

	resp, _ := b.do(t, http.MethodOptions, "/graphql", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
	if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Access-Control-Allow-Methods") != "GET, POST" {
		t.Errorf("preflight: %d %v", resp.StatusCode, resp.Header)
	}
	resp, _ = b.do(t, http.MethodOptions, "/graphql", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("preflight of a stranger: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	for _, path := range []string{"/", "/graphql?query={name}", "/healthz", "/nothing"} {
		resp, _ := b.do(t, http.MethodGet, path, "")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, func(context.Context) *graphql.Response {
		return &graphql.Response{Data: []byte(`{"name":"` + strings.Repeat("x", 5_000) + `"}`)}
	})
	cases := map[string]string{"gzip": "gzip", "br, gzip;q=0.5": "gzip", "gzip;q=0": "", "br": "", "": ""}
	for accept, want := range cases {
		resp, body := b.query(t, "{name}", "Accept-Encoding", accept)
		if got := resp.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: Content-Encoding %q, want %q", accept, got, want)
		}
		if want == "gzip" && len(body) > 500 {
			t.Errorf("%q: %d bytes, not compressed", accept, len(body))
		}
	}
}
