// Package markdown reads and writes CommonMark: which links a text has, and the text as safe HTML.
package markdown

import (
	"bytes"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Links returns the destinations of the links in a text, in order, each once. What stands in code is no link.
func Links(source string) []string {
	var out []string
	seen := map[string]bool{}
	each(goldmark.DefaultParser().Parse(text.NewReader([]byte(source))), func(l *ast.Link) {
		to := string(l.Destination)
		if !seen[to] {
			seen[to] = true
			out = append(out, to)
		}
	})
	return out
}

func each(root ast.Node, fn func(l *ast.Link)) {
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no errors
		if l, ok := n.(*ast.Link); ok && entering {
			fn(l)
		}
		return ast.WalkContinue, nil
	})
}

// HTML writes a text as HTML that can stand in a page: raw HTML, scripts and addresses that run something are left out.
// Links to destinations for which local holds lead to an anchor of that name, "#" and the destination.
func HTML(source string, local func(destination string) bool) (string, error) {
	md := goldmark.New(goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(anchors{local}, 100))))
	var out bytes.Buffer
	if err := md.Convert([]byte(source), &out); err != nil {
		return "", err
	}
	return bluemonday.UGCPolicy().Sanitize(out.String()), nil
}

// anchors turns the destinations of local links into anchors.
type anchors struct{ local func(string) bool }

// Transform implements parser.ASTTransformer.
func (a anchors) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	each(doc, func(l *ast.Link) {
		if a.local(string(l.Destination)) {
			l.Destination = append([]byte{'#'}, l.Destination...)
		}
	})
}
