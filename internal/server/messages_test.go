package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMessages_haveArabic finds every message that package fault and this package give to clients and looks it up.
func TestMessages_haveArabic(t *testing.T) {
	t.Parallel()
	known := arabic()
	found := 0
	for _, dir := range []string{".", "../fault"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, message := range messagesIn(t, file) {
				found++
				if known[message] == "" {
					t.Errorf("%s: no Arabic for %q", file, message)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("%d messages found, the search is broken", found)
	}
}

// messagesIn returns the texts that look like messages: the format of fault.New and fault.Wrap, of Sprintf, and of the
// field Message.
func messagesIn(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var messages []string
	add := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, _ := strconv.Unquote(lit.Value)
			messages = append(messages, text)
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch called(n) {
			case "fault.New", "invalidInput":
				add(n.Args[1])
			case "fault.Wrap":
				if code, ok := n.Args[0].(*ast.SelectorExpr); !ok || code.Sel.Name != "Internal" { // never shown
					add(n.Args[2])
				}
			case "p.printer(ctx).Sprintf":
				add(n.Args[0])
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Message" {
				add(n.Value)
			}
		}
		return true
	})
	return slices.DeleteFunc(messages, func(m string) bool { return strings.HasPrefix(m, "Fields \"") })
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		switch x := f.X.(type) {
		case *ast.Ident:
			return x.Name + "." + f.Sel.Name
		case *ast.CallExpr:
			return called(x) + "(ctx)." + f.Sel.Name
		}
	}
	return ""
}

func TestMessages_keepTheirVerbs(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%[a-z]`)
	for english, translated := range arabic() {
		if !slices.Equal(verbs.FindAllString(english, -1), verbs.FindAllString(translated, -1)) {
			t.Errorf("%q and %q have different verbs", english, translated)
		}
	}
}
