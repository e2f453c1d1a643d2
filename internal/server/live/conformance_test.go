package live_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"farley/internal/clock"
)

// TestConformance lets the reference clients of both protocols judge the transports. It needs node and the packages of
// examples/conformance (npm install there); FARLEY_REQUIRE_NODE=1 makes their absence a failure.
func TestConformance(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs("../../../examples/conformance")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{"ws.mjs", "sse.mjs"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			node := requireNode(t, folder)
			e := setup(t, func(s *settings) {
				s.socket.Clock, s.sse.Clock = clock.System{}, clock.System{}
				s.socket.InitTimeout = 500 * time.Millisecond
			})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, node, script, e.url, "rep", "subscription A { ticks }")
			command.Dir = folder
			output, err := command.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, output)
			}
			t.Logf("%s", output)
		})
	}
}

func requireNode(t *testing.T, folder string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules"))
	}
	if err == nil {
		return node
	}
	if os.Getenv("FARLEY_REQUIRE_NODE") == "1" {
		t.Fatalf("the protocols were not checked by the reference clients: %v", err)
	}
	t.Skipf("the protocols are not checked by the reference clients: %v", err)
	return ""
}
