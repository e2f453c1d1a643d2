package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/server"
	"farley/internal/server/live"
	"farley/internal/stream"
)

// ticking is a schema whose subscription stays open, and silent.
type ticking struct{ schema *ast.Schema }

func (s ticking) Schema() *ast.Schema { return s.schema }

func (ticking) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (ticking) Exec(ctx context.Context) graphql.ResponseHandler {
	first := true
	subscription := graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription
	return func(ctx context.Context) *graphql.Response {
		switch {
		case !subscription && first:
			first = false
			return &graphql.Response{Data: json.RawMessage(`{"__typename":"Query"}`)}
		case subscription:
			<-ctx.Done()
		}
		return nil
	}
}

type oneToken struct{}

func (oneToken) Authenticate(ctx context.Context, token string) (context.Context, stream.Session, error) {
	if token != "" && token != "good" {
		return nil, stream.Session{}, fault.New(fault.Unauthenticated, "The token is not valid.")
	}
	return ctx, stream.Session{}, nil
}

// TestTogether lets the reference clients of all three protocols judge the whole server.
func TestTogether(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "examples", "conformance")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules"))
	}
	if err != nil {
		if os.Getenv("FARLEY_REQUIRE_NODE") == "1" {
			t.Fatalf("node or its packages are missing: %v", err)
		}
		t.Skipf("SKIPPED: node or its packages are missing: %v", err)
	}

	log := slog.New(slog.DiscardHandler)
	presenter, err := server.NewPresenter(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	shared := live.Config{Auth: oneToken{}, Present: presenter.Present}
	s, err := server.New(server.Config{
		Schema: ticking{gqlparser.MustLoadSchema(&ast.Source{Input: "type Query{name:String} type Mutation{m:Int} type Subscription{ticks:Int}"})},
		Auth:   oneToken{}, Log: log, Clock: clock.System{}, Presenter: presenter, Introspection: true,
		Limits: server.Limits{Cost: -1}, // the scripts compare whole answers, without extensions.cost
		Live: []graphql.Transport{
			live.NewSocket(live.SocketConfig{Config: shared, InitTimeout: 500 * time.Millisecond}),
			live.NewSSE(live.SSEConfig{Config: shared}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(s)
	defer listener.Close()
	defer listener.CloseClientConnections()
	for _, script := range []string{"audits.mjs", "ws.mjs", "sse.mjs"} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, node, script, listener.URL+"/graphql", "good", "subscription A { ticks }")
		command.Dir = folder
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}
