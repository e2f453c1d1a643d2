package server

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestConformance runs the audits of the npm package graphql-http (GraphQL over HTTP). It needs node, and `npm ci` or
// `npm install` in examples/conformance; without them it is skipped, or fails where FARLEY_REQUIRE_NODE is 1.
func TestConformance(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "examples", "conformance")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules", "graphql-http"))
	}
	if err != nil {
		if os.Getenv("FARLEY_REQUIRE_NODE") == "1" {
			t.Fatalf("node or graphql-http is missing: %v", err)
		}
		t.Skipf("SKIPPED: node or graphql-http is missing: %v", err)
	}

	server := httptest.NewServer(setup(t, nil, nil)) // listens on 127.0.0.1
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, node, "audits.mjs", server.URL+"/graphql")
	command.Dir = folder
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "61 of 61 audits passed") {
		t.Errorf("%v\n%s", err, out)
	}
}
