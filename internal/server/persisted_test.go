package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/fault"
)

func withHash(query, hash string) string {
	body := map[string]any{"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}}}
	if query != "" {
		body["query"] = query
	}
	raw, _ := json.Marshal(body)
	return string(raw)
}

func TestPersisted(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	post := func(body string) string {
		_, got := b.do(t, http.MethodPost, "/graphql", body)
		return got
	}
	hash := hashOf("{name}")
	got := decode(t, post(withHash("", hash)))
	if len(got.Errors) != 1 || got.Errors[0].Message != "PersistedQueryNotFound" ||
		got.Errors[0].Extensions["code"] != "PERSISTED_QUERY_NOT_FOUND" {
		t.Fatalf("unknown hash: %+v", got)
	}
	if c := code(t, post(withHash("{name}", hash))); c != "" {
		t.Fatalf("document with its hash: %s", c)
	}
	if c := code(t, post(withHash("", hash))); c != "" {
		t.Errorf("known hash: %s", c)
	}
	resp, body := b.do(t, http.MethodGet, "/graphql?extensions="+url.QueryEscape(`{"persistedQuery":{"version":1,"sha256Hash":"`+hash+`"}}`), "")
	if resp.StatusCode != 200 || code(t, body) != "" {
		t.Errorf("known hash by GET: %d %s", resp.StatusCode, body)
	}
	if c := code(t, post(withHash("{self{name}}", hash))); c != "BAD_REQUEST" {
		t.Errorf("document with another hash: %q, want BAD_REQUEST", c)
	}
	invalid := "{nam}"
	post(withHash(invalid, hashOf(invalid)))
	if c := code(t, post(withHash("", hashOf(invalid)))); c != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("an invalid document is kept: %q", c)
	}
}

func TestPersisted_malformedExtension(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, nil)
	hash := hashOf("{name}")
	for _, extension := range []string{
		`1`, `{}`, `{"version":1}`, `{"version":2,"sha256Hash":"` + hash + `"}`, `{"version":1,"sha256Hash":1}`,
		`{"version":1,"sha256Hash":"abc"}`, `{"version":1,"sha256Hash":"` + strings.ToUpper(hash) + `"}`,
		`{"version":1,"sha256Hash":"` + strings.Repeat("z", 64) + `"}`,
	} {
		_, body := b.do(t, http.MethodPost, "/graphql", `{"query":"{name}","extensions":{"persistedQuery":`+extension+`}}`)
		if code(t, body) != "BAD_REQUEST" {
			t.Errorf("%s: %s, want BAD_REQUEST", extension, body)
		}
	}
}

func TestPersisted_allowList(t *testing.T) {
	t.Parallel()
	allowed := "{name}"
	b := setup(t, func(c *Config) { c.Allowed = map[string]string{hashOf(allowed): allowed} }, nil)
	other := "{self{name}}"
	cases := []struct{ body, code string }{
		{`{"query":"{name}"}`, ""},
		{withHash("", hashOf(allowed)), ""},
		{withHash(allowed, hashOf(allowed)), ""},
		{`{"query":"{self{name}}"}`, "FORBIDDEN"},
		{withHash("", hashOf(other)), "FORBIDDEN"},
		{withHash(other, hashOf(other)), "FORBIDDEN"},
		{withHash(other, hashOf(allowed)), "BAD_REQUEST"},
		{`{"query":"{name }"}`, "FORBIDDEN"},
	}
	for _, c := range cases {
		if _, body := b.do(t, http.MethodPost, "/graphql", c.body); code(t, body) != c.code {
			t.Errorf("%s: %s, want %q", c.body, body, c.code)
		}
	}
}

func TestPersisted_storeThatFails(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Persisted = brokenStore{} }, nil)
	for _, query := range []string{"", "{name}"} {
		_, body := b.do(t, http.MethodPost, "/graphql", withHash(query, hashOf("{name}")))
		if code(t, body) != "UNAVAILABLE" || strings.Contains(body, "secret") {
			t.Errorf("%q: %s, want UNAVAILABLE", query, body)
		}
	}
}

type brokenStore struct{}

func (brokenStore) Get(context.Context, string) (string, bool, error) {
	return "", false, errors.New("secret cause")
}

func (brokenStore) Put(context.Context, string, string) error { return errors.New("secret cause") }

func TestMemoryStore_isBounded(t *testing.T) {
	t.Parallel()
	s := NewMemoryStore(2)
	for i := range 3 {
		_ = s.Put(t.Context(), fmt.Sprint(i), "{name}")
	}
	_ = s.Put(t.Context(), "long", strings.Repeat("x", maxCachedDocument+1))
	var got []bool
	for _, hash := range []string{"0", "1", "2", "long"} {
		_, ok, _ := s.Get(t.Context(), hash)
		got = append(got, ok)
	}
	if diff := cmp.Diff([]bool{false, true, true, false}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadManifest(t *testing.T) {
	t.Parallel()
	good := `{"` + hashOf("{name}") + `":"{name}"}`
	got, err := ReadManifest(strings.NewReader(good))
	if diff := cmp.Diff(map[string]string{hashOf("{name}"): "{name}"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{``, `[]`, `{"a":1}`, `{"abc":"{name}"}`} {
		if _, err := ReadManifest(strings.NewReader(bad)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want INVALID", bad, err)
		}
	}
}
