package archtest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readsTheClock are the files outside cmd and tests that may call time.Now, and why. Everything else takes a clock.Clock.
var readsTheClock = map[string]string{
	"internal/clock/clock.go":        "is the clock",
	"internal/db/cluster.go":         "how long a server that was away is left alone",
	"internal/db/db.go":              "measures statements, and how long the database is away",
	"internal/db/later.go":           "measures statements",
	"internal/db/lock.go":            "how long the holder of the migration lock has been silent",
	"internal/db/watch.go":           "measures transactions",
	"internal/server/engine.go":      "measures operations",
	"internal/server/files.go":       "deadlines of a connection, which the kernel keeps",
	"internal/server/middleware.go":  "measures requests",
	"internal/server/multipart.go":   "deadline of a connection, which the kernel keeps",
	"internal/server/post.go":        "deadline of a connection, which the kernel keeps",
	"internal/server/respond.go":     "deadline of a connection, which the kernel keeps",
	"internal/server/live/wire.go":   "deadline of a connection, which the kernel keeps",
	"internal/server/live/writer.go": "deadlines of a connection, which the kernel keeps",
}

func TestTimeNow(t *testing.T) {
	t.Parallel()
	called := map[string]bool{}
	for _, f := range sources(t, ".") {
		if f.test || slices.Contains([]string{"cmd", "harness", "test database", "generator", "example", "bench"}, layer(f.dir)) {
			continue
		}
		if !f.uses("time", "Now") {
			continue
		}
		called[f.path] = true
		if _, excepted := readsTheClock[f.path]; !excepted {
			t.Errorf("%s calls time.Now: take a clock.Clock", f.path)
		}
	}
	for name := range readsTheClock {
		if !called[name] {
			t.Errorf("%s does not call time.Now any more: take it off the list", name)
		}
	}
}

// Without the hooks that the one constructor attaches, a write would pass the rights, the rules and the change log by.
func TestEntNewClient(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t, ".") {
		if layer(f.dir) == "ent" {
			continue
		}
		if f.dir != "internal/write" && f.uses("farley/ent", "NewClient") {
			t.Errorf("%s makes an ent client: only internal/write may", f.path)
		}
		if f.uses("farley/ent", "Open") {
			t.Errorf("%s opens a database by ent: use internal/db", f.path)
		}
		if slices.Contains(f.imports(), "ent/enttest") {
			t.Errorf("%s uses enttest: use internal/farleytest", f.path)
		}
	}
}

const marker = "DO NOT EDIT"

// Nothing written by hand hides among what is generated, and nothing generated passes for written by hand.
func TestGenerated_saysSo(t *testing.T) {
	t.Parallel()
	files := []string{"schema/ent.graphql", "graph/crud.resolvers.go", "internal/model/kinds.go", "internal/id/prefixes.go"}
	for _, folder := range []string{"ent", "graph/generated", "graph/model"} {
		for _, f := range sources(t, folder) {
			if layer(f.dir) != "schema" {
				files = append(files, f.path)
			}
		}
	}
	if len(files) < 50 {
		t.Fatalf("%d generated files: the test looks in the wrong place", len(files))
	}
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
			continue
		}
		if first, _, _ := strings.Cut(string(content), "\n"); !strings.Contains(first, marker) {
			t.Errorf("%s does not begin with a header that says %s", name, marker)
		}
	}
	for _, f := range sources(t, "ent/schema") {
		if len(f.ast.Comments) > 0 && strings.Contains(f.ast.Comments[0].Text(), marker) {
			t.Errorf("%s is in the folder for what is written by hand", f.path)
		}
	}
}
