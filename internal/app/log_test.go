package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/input"
	"farley/internal/telemetry"
)

// lines is a log in memory.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer

	flush func() // of the log
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.flush()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// logging starts an application with a log in memory, from the lowest level on.
func logging(t *testing.T, d *testdb.DB, options ...farleytest.Option) (*farleytest.Env, *lines) {
	t.Helper()
	out := &lines{}
	log, flush, err := telemetry.NewLog(out, "debug", telemetry.JSON)
	if err != nil {
		t.Fatal(err)
	}
	out.flush = flush
	return farleytest.On(t, d, append([]farleytest.Option{func(c *app.Config) { c.Log = log }}, options...)...), out
}

// secret is planted wherever a client can put something.
const secret = "xyzzy"

// The log names operations, codes and ids, and nothing of what clients send or records hold.
func TestLog_keepsSecrets(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		e, out := logging(t, d)
		admin, user, _ := withPassword(t, e)
		ann := e.User(t, input.Object{"name": secret + " Ann"}, e.Role(t, farleytest.Everything(e, access.Own)))
		e.Make(t, "Account", input.Object{"name": secret + " Ltd", "owner": ann.User.String()})

		const create = `mutation($in: CreateAccountInput!, $k: String) { createAccount(input: $in, idempotencyKey: $k) { account { id name } duplicates { account { name } } } }`
		documents := []struct {
			document string
			vars     farleytest.Vars
		}{
			{create, farleytest.Vars{"in": map[string]any{"name": secret, "emails": []string{secret + "@example.com"}, "taxNumber": secret}, "k": secret}},
			{create, farleytest.Vars{"in": map[string]any{"name": secret, "emails": []string{secret}, "phones": []string{secret}, "website": secret}}},
			{create, farleytest.Vars{"in": secret}},
			{create, farleytest.Vars{"in": map[string]any{secret: secret}}},
			{create, farleytest.Vars{"in": map[string]any{"name": strings.Repeat(secret, 100_000)}}},
			{`query($` + secret + `: String) { accounts(where: {name: {startsWith: $` + secret + `}}) { nodes { ` + secret + `: name } } }`, farleytest.Vars{secret: secret}},
			{`{ accounts(where: {name: {eq: "` + secret + `"}}) { nodes { name } totalCount { value } } }`, nil},
			{`{ accounts(after: "` + secret + `") { nodes { name } } }`, nil},
			{`{ account(id: "` + secret + `") { name } }`, nil},
			{`{ account(external: {system: "` + secret + `", id: "` + secret + `"}) { name } }`, nil},
			{`{ ` + secret + ` }`, nil},
			{`{ accounts(first: "` + secret, nil},
			{`mutation { login(input: {email: "` + secret + `@example.com", password: "` + secret + `", device: "` + secret + `"}) { accessToken } }`, nil},
			{`mutation { login(input: {email: "Ann@Example.com", password: "` + secret + `"}) { accessToken } }`, nil},
			{`mutation { refresh(input: {refreshToken: "rt_` + secret + `"}) { accessToken } }`, nil},
			{`query($a: Cursor!) { changes(after: $a) { edges { cursor } } }`, farleytest.Vars{"a": secret}},
		}
		for _, c := range []*farleytest.Client{ann, admin, e.Anonymous(), e.WithToken(secret), e.WithToken(ann.Token + secret)} {
			for _, d := range documents {
				c.Do(t, d.document, d.vars, "Idempotency-Key", secret, "Accept-Language", secret, "Cookie", secret+"="+secret, "User-Agent", secret, "Referer", "https://"+secret+".example", "X-Forwarded-For", secret)
			}
		}
		admin.Query(t, `mutation($id: ID!, $p: String!) { setPassword(input: {user: $id, password: $p}) { user { id } } }`, farleytest.Vars{"id": user.User.String(), "p": secret + secret + secret})
		storm(t, e)
		stream := ann.Subscribe(t, `subscription($s: String!) { accountChanged(where: {name: {startsWith: $s}}) { node { name } } }`, farleytest.Vars{"s": secret})
		stream.Close()
		e.WithToken(ann.Token).Subscribe(t, `subscription { `+secret+` }`, nil).Refused(t)
		if err := e.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}

		log := out.String()
		if strings.Count(log, "\n") < len(documents)*5 {
			t.Fatalf("the log has %d lines only", strings.Count(log, "\n"))
		}
		for line := range strings.Lines(log) {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
			for _, planted := range []string{secret, ann.Token, ann.Grant.RefreshToken, password, "Ann@Example.com", "ann@example.com"} {
				if strings.Contains(strings.ToLower(line), strings.ToLower(planted)) {
					t.Errorf("the log tells a secret: %s", line)
				}
			}
		}
	})
}

// storm sends what no client of ours would.
func storm(t *testing.T, e *farleytest.Env) {
	t.Helper()
	send := func(method, address, kind, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		req.Header.Set("X-Request-Id", secret+" "+secret)
		req.Header.Set("Origin", "https://"+secret+".example")
		req.Header.Set("Authorization", secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	query := url.Values{"query": {"{ " + secret + " }"}, "variables": {secret}, "ticket": {secret}, "access_token": {secret}}.Encode()
	send(http.MethodGet, e.URL+"?"+query, "", "")
	send(http.MethodGet, e.Host+"/"+secret+"?"+query, "", "")
	send(http.MethodPost, e.URL, "application/json", `{"query": "`+secret)
	send(http.MethodPost, e.URL, "application/json", `{"query": 5, "variables": "`+secret+`"}`)
	send(http.MethodPost, e.URL, "application/json", `{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "`+secret+`"}}}`)
	send(http.MethodPost, e.URL, secret+"/"+secret, secret)
	send(http.MethodPost, e.URL, "text/event-stream", secret)
	send(strings.ToUpper(secret), e.URL, "application/json", secret)
}

// An operation that takes long is named, with its viewer and cost.
func TestLog_slowOperations(t *testing.T) {
	t.Parallel()
	e, out := logging(t, testdb.SQLite(t), func(c *app.Config) { c.Slow = time.Nanosecond })
	ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
	ann.Query(t, `query Named($s: String) { accounts(first: 3, where: {name: {startsWith: $s}}) { nodes { name } } }`, farleytest.Vars{"s": secret})
	var slow struct {
		Level, Msg, Operation, Viewer, Kind string
		Cost, Took                          int
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, `"slow operation"`) {
			if err := json.Unmarshal([]byte(line), &slow); err != nil {
				t.Fatal(err)
			}
		}
	}
	if slow.Level != "WARN" || slow.Operation != "Named" || slow.Viewer != ann.User.String() || slow.Cost < 3 || slow.Took < 1 || slow.Kind != "query" {
		t.Errorf("the log tells %+v:\n%s", slow, out)
	}

	quick, out := logging(t, testdb.SQLite(t), func(c *app.Config) { c.Slow = time.Hour })
	quick.Admin(t).Query(t, `{ viewer { user { id } } }`, nil)
	if strings.Contains(out.String(), "slow") {
		t.Errorf("the log tells of a quick operation: %s", out)
	}
}
