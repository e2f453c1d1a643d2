package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/stream"
)

const testSDL = `
type Query {
  name: String!
  find(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  accounts(first: Int, last: Int, where: AccountFilter): AccountConnection
  self: Query
}
type Mutation { rename(name: String!): String }
type Subscription { ticks: Int! }
interface Node { id: ID! }
type AccountConnection { edges: [AccountEdge!]! pageInfo: PageInfo! }
type AccountEdge { cursor: String! node: Account! }
type PageInfo { hasNextPage: Boolean! }
type Account implements Node { id: ID! name(format: Format): String! size: Int contacts(first: Int): ContactConnection tags: [Tag!]! }
type Tag { label: String }
type ContactConnection { edges: [ContactEdge!]! }
type ContactEdge { node: Contact! }
type Contact implements Node { id: ID! name: String account: Account }
input AccountFilter { name: String and: [AccountFilter!] ids: [ID!] }
enum Format { SHORT LONG }
`

// testSchema stands for generated code: run makes the answer.
type testSchema struct {
	schema *ast.Schema
	run    func(ctx context.Context) *graphql.Response
}

func (s *testSchema) Schema() *ast.Schema { return s.schema }

func (s *testSchema) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (s *testSchema) Exec(context.Context) graphql.ResponseHandler {
	return func(ctx context.Context) *graphql.Response {
		if s.run == nil {
			return &graphql.Response{Data: json.RawMessage(`{"name":"farley"}`)}
		}
		return s.run(ctx)
	}
}

func parseTestSchema() *ast.Schema { return gqlparser.MustLoadSchema(&ast.Source{Input: testSDL}) }

// tokens knows one valid token.
type tokens struct{}

type userKey struct{}

func (tokens) Authenticate(ctx context.Context, token string) (context.Context, stream.Session, error) {
	switch token {
	case "":
		return ctx, stream.Session{}, nil
	case "good":
		return context.WithValue(ctx, userKey{}, "user"), stream.Session{}, nil
	case "down":
		return nil, stream.Session{}, fault.New(fault.Unavailable, "The operation was cancelled or took too long.")
	}
	return nil, stream.Session{}, fault.New(fault.Unauthenticated, "The authorization must be a bearer token.")
}

// lines is a log that tests can read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type bundle struct {
	*Server
	log   *lines
	clock *clock.Test
}

// setup makes a server; change may alter its configuration.
func setup(t testing.TB, change func(*Config), run func(ctx context.Context) *graphql.Response) *bundle {
	t.Helper()
	b := &bundle{log: &lines{}, clock: clock.NewTest(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	c := Config{
		Schema: &testSchema{schema: parseTestSchema(), run: run}, Auth: tokens{}, Clock: b.clock,
		Log:           slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Introspection: true, Suggestions: true, Playground: true,
	}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	b.Server = s
	return b
}

// do sends a request and returns the answer.
func (b *bundle) do(t testing.TB, method, target, body string, header ...string) (*http.Response, string) {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, reader)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

// query posts a document.
func (b *bundle) query(t testing.TB, query string, header ...string) (*http.Response, string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	return b.do(t, http.MethodPost, "/graphql", string(body), header...)
}

type answer struct {
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
	Data       json.RawMessage `json:"data"`
	Extensions map[string]any  `json:"extensions"`
}

func decode(t testing.TB, body string) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
	return a
}

// code returns the code of the first error in a body, "" for none.
func code(t testing.TB, body string) string {
	t.Helper()
	a := decode(t, body)
	if len(a.Errors) == 0 {
		return ""
	}
	c, _ := a.Errors[0].Extensions["code"].(string)
	return c
}
