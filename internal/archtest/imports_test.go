package archtest_test

import (
	"slices"
	"strings"
	"testing"
)

// layerOf names the layer of a folder; the longest prefix counts. Folders of internal that are not here are areas.
var layerOf = map[string]string{
	"internal/blob": "leaf", "internal/broker": "leaf", "internal/calendar": "leaf", "internal/clock": "leaf", "internal/custom": "leaf", "internal/db": "leaf", "internal/fault": "leaf", "internal/id": "leaf", "internal/incentive": "leaf", "internal/input": "leaf", "internal/markdown": "leaf",
	"internal/money": "leaf", "internal/scalar": "leaf", "internal/stream": "leaf", "internal/telemetry": "leaf", "internal/text": "leaf",
	"internal/id/stored": "model", "internal/model": "model", "internal/viewer": "model",
	"internal/access": "policy", "internal/decl": "vocabulary",
	"ent": "ent", "ent/schema": "schema",
	"internal/audit": "audit", "internal/auth": "auth", "internal/change": "change", "internal/job": "job", "internal/read": "read",
	"internal/write": "write", "internal/file": "file", "internal/server": "server",
	"graph": "graph", "internal/app": "app", "cmd": "cmd",
	"internal/gen": "generator", "internal/farleytest/testdb": "test database",
	"internal/farleytest": "harness", "internal/suite": "harness", "internal/archtest": "harness",
	"internal/durability": "harness", "internal/galera": "harness", "internal/secrecy": "harness", "internal/upgrade": "harness",
	"examples": "example", "bench": "bench",
}

// mayImport says which layers a layer may import beside itself. What is not here is forbidden.
var mayImport = map[string][]string{
	"leaf":       {},
	"model":      {"leaf"},
	"policy":     {"leaf", "model"},
	"vocabulary": {"leaf", "model"},
	"schema":     {"leaf", "model", "vocabulary"},
	"ent":        {"leaf", "model", "schema"},
	"auth":       {"leaf"},
	"job":        {"leaf"},
	"change":     {"leaf", "model", "policy"},
	"read":       {"leaf", "model", "policy"},
	"audit":      {"leaf", "model", "policy", "read"},
	"write":      {"leaf", "model", "policy", "ent", "change"},
	"file":       {"leaf", "model", "policy", "job", "write"},
	"server":     {"leaf"},
	"area":       {"leaf", "model", "policy", "ent", "auth", "change", "job", "read", "audit", "write", "file"},
	"graph":      {"leaf", "model", "policy", "ent", "auth", "change", "job", "read", "audit", "write", "file", "area"},
	"app":        {"leaf", "model", "policy", "ent", "auth", "change", "job", "read", "audit", "write", "file", "area", "graph", "server"},
	"cmd":        {"leaf", "model", "policy", "ent", "auth", "change", "job", "read", "audit", "write", "file", "area", "graph", "server", "app"},
	"bench":      {"leaf", "model", "policy", "ent", "auth", "change", "job", "read", "audit", "write", "file", "area", "graph", "server", "app", "harness", "test database"},
	"harness":    {"leaf", "model", "policy", "ent", "auth", "change", "job", "read", "audit", "write", "file", "area", "graph", "server", "app", "test database"},
	"generator":  {"leaf", "model", "vocabulary", "schema", "ent"},
	"example":    {},

	"test database": {"leaf"},
}

// alone are layers whose packages do not import each other, though they share the layer.
var alone = []string{"leaf", "area", "example"}

func layer(folder string) string {
	for prefix := folder; ; prefix = prefix[:strings.LastIndexByte(prefix, '/')] {
		if name, ok := layerOf[prefix]; ok {
			return name
		}
		if !strings.Contains(prefix, "/") {
			break
		}
	}
	if strings.HasPrefix(folder, "internal/") {
		return "area"
	}
	return ""
}

// unit returns the folder that counts as one with everything below it.
func unit(folder string) string {
	parts := strings.SplitN(folder, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func allowed(from, to string) bool {
	source, target := layer(from), layer(to)
	if source == target {
		return unit(from) == unit(to) || !slices.Contains(alone, source)
	}
	return slices.Contains(mayImport[source], target)
}

// Imports point one way: cmd → app → graph → areas → write → ent → policy → model → leaf packages.
func TestImports_pointOneWay(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t, ".") {
		if layer(f.dir) == "" {
			t.Errorf("%s is in no layer: add its folder to layerOf", f.path)
		}
		if f.test {
			continue // tests use the harness, which knows everything
		}
		for _, target := range f.imports() {
			if !allowed(f.dir, target) {
				t.Errorf("%s (%s) must not import %s (%s)", f.path, layer(f.dir), target, layer(target))
			}
		}
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"internal/fault", "internal/clock", false},
		{"internal/read", "internal/access", true},
		{"internal/access", "internal/read", false},
		{"internal/read", "internal/change", false},
		{"internal/billing", "internal/write", true},
		{"internal/billing", "internal/sales", false},
		{"internal/billing", "internal/billing/tax", true},
		{"internal/billing", "graph", false},
		{"internal/server", "graph", false},
		{"internal/app", "graph/generated", true},
		{"ent/schema", "internal/access", false},
		{"ent/account", "ent/predicate", true},
		{"graph/generated", "internal/read", true},
		{"internal/write", "internal/farleytest", false},
		{"examples/go", "internal/id", false},
	} {
		if got := allowed(c.from, c.to); got != c.want {
			t.Errorf("%s imports %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
