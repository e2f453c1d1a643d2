package app

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"farley/internal/fault"
	"farley/internal/server"
	"farley/internal/stream"
)

// spoken are the packages whose messages reach people.
var spoken = []string{
	"access", "activity", "app", "audit", "auth", "calendar", "change", "customer", "db", "export", "fault", "file", "geo", "identity", "importer", "importer/tabular", "input", "job", "lead", "mail", "merge", "money", "oidc", "opportunity", "privacy", "read", "rule", "scalar", "server", "server/live", "talk", "timeline", "transfer", "write", "../graph",
}

// silent are the files whose literals nobody is told: the translations themselves, and the names of metrics.
var silent = []string{"arabic.go", "messages.go", "metrics.go"}

// sentence is what a message looks like; nothing else in these packages is a literal of that form.
var sentence = regexp.MustCompile(`^\p{Lu}\S*( \S+)+\.$`)

// messages finds every message in the source: literals that are sentences, and the formats of faults, whatever they look
// like. It says where each stands.
func messages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range spoken {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || slices.Contains(silent, filepath.Base(file)) {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				for _, s := range literals(n) {
					found[s] = file
				}
				return true
			})
		}
	}
	return found
}

// literals returns the messages that a node is or makes.
func literals(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.BasicLit:
		if s, ok := text(n); ok && sentence.MatchString(s) {
			return []string{s}
		}
	case *ast.CallExpr:
		at := map[string]int{"New": 1, "Wrap": 2, "Refuse": 2}[name(n.Fun)]
		if at == 0 || len(n.Args) <= at {
			return nil
		}
		if name(n.Args[0]) == "Internal" {
			return nil // logged, and never shown
		}
		if of, ok := n.Fun.(*ast.SelectorExpr); ok && name(of.X) != "fault" && of.Sel.Name != "Refuse" {
			return nil
		}
		if s, ok := text(n.Args[at]); ok {
			return []string{s}
		}
	}
	return nil
}

func name(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

func text(x ast.Expr) (string, bool) {
	l, ok := x.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

var verb = regexp.MustCompile(`%[a-z]`)

// Every message in the source has an Arabic form with the same verbs, and every Arabic form has its message.
func TestArabic_isComplete(t *testing.T) {
	t.Parallel()
	presenter, err := server.NewPresenter(slog.New(slog.DiscardHandler), arabic)
	if err != nil {
		t.Fatal(err)
	}
	ctx := stream.WithLocale(context.Background(), "ar")
	found := messages(t)
	if len(found) < 100 {
		t.Fatalf("only %d messages are found", len(found))
	}
	for _, english := range slices.Sorted(maps.Keys(found)) {
		shown := presenter.Present(ctx, fault.New(fault.Invalid, english, arguments(english)...)).Message
		if !strings.ContainsFunc(shown, isArabicLetter) && english != "PersistedQueryNotFound" {
			t.Errorf("%s: %q is shown in Arabic as %q", found[english], english, shown)
		}
		if strings.Contains(shown, "%!") {
			t.Errorf("%s: %q does not fit its arguments: %q", found[english], english, shown)
		}
	}
	for _, english := range slices.Sorted(maps.Keys(arabic)) {
		if found[english] == "" {
			t.Errorf("nobody says %q", english)
		}
		if diff := cmp.Diff(verb.FindAllString(english, -1), verb.FindAllString(arabic[english], -1)); diff != "" {
			t.Errorf("%q: verbs (-English +Arabic):\n%s", english, diff)
		}
	}
}

// arguments returns values for the verbs of a format.
func arguments(format string) []any {
	var out []any
	for _, v := range verb.FindAllString(format, -1) {
		if v == "%d" {
			out = append(out, 7)
			continue
		}
		out = append(out, "x")
	}
	return out
}

func isArabicLetter(r rune) bool { return unicode.IsLetter(r) && unicode.Is(unicode.Arabic, r) }
