package server

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"

	"farley/internal/fault"
)

// maxName bounds a name in a document, in bytes: searching suggestions for a long one is slow.
const maxName = 255

// checkTokens counts the tokens of a document before it is parsed, so that a refusal can name the limit.
func checkTokens(query string, max int) error {
	lex := lexer.New(&ast.Source{Input: query})
	for n := 1; ; n++ {
		token, err := lex.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return nil //nolint:nilerr // the parser reports what is wrong, with its place
		}
		if exceeds(n, max) {
			return limited("tokens", n, max)
		}
		if token.Kind == lexer.Name && len(token.Value) > maxName {
			return limited("nameLength", len(token.Value), maxName)
		}
	}
}

// caps measures a parsed document that is not validated yet: fragments may be missing or form cycles. Each measure
// takes time linear in the document, except for the names of a selection, which also visits the fragments it spreads.
type caps struct {
	limits    Limits
	fragments map[string]*ast.FragmentDefinition
	depths    map[string]int // of fragments; 0 while one is being measured, which cuts cycles
	aliases   int
}

// checkDocument refuses a document whose shape exceeds the limits.
func checkDocument(doc *ast.QueryDocument, limits Limits) error {
	if exceeds(len(doc.Fragments), limits.Fragments) {
		return limited("fragments", len(doc.Fragments), limits.Fragments)
	}
	c := &caps{limits: limits, fragments: map[string]*ast.FragmentDefinition{}, depths: map[string]int{}}
	for _, f := range doc.Fragments {
		c.fragments[f.Name] = f
	}
	for _, f := range doc.Fragments {
		if err := c.checkSelection(f.SelectionSet, f.Directives); err != nil {
			return err
		}
	}
	for _, op := range doc.Operations {
		if err := c.checkOperation(op); err != nil {
			return err
		}
	}
	return nil
}

func (c *caps) checkOperation(op *ast.OperationDefinition) error {
	for _, v := range op.VariableDefinitions {
		if err := c.checkDirectives(v.Directives); err != nil {
			return err
		}
		if err := c.checkLiteral(v.DefaultValue, 1); err != nil {
			return err
		}
	}
	if err := c.checkSelection(op.SelectionSet, op.Directives); err != nil {
		return err
	}
	if d := c.depth(op.SelectionSet); exceeds(d, c.limits.Depth) {
		return limited("depth", d, c.limits.Depth)
	}
	names := names{caps: c, counts: map[string]int{}, spread: map[string]bool{}}
	names.add(op.SelectionSet)
	if exceeds(names.total, c.limits.RootFields) {
		return limited("rootFields", names.total, c.limits.RootFields)
	}
	return nil
}

// checkSelection checks one selection and all that are written inside it.
func (c *caps) checkSelection(set ast.SelectionSet, directives ast.DirectiveList) error {
	if err := c.checkDirectives(directives); err != nil {
		return err
	}
	names := names{caps: c, counts: map[string]int{}, spread: map[string]bool{}}
	names.add(set)
	if exceeds(names.most, c.limits.EqualNames) {
		return limited("equalNames", names.most, c.limits.EqualNames)
	}
	return c.checkInside(set)
}

func (c *caps) checkInside(set ast.SelectionSet) error {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if err := c.checkField(sel); err != nil {
				return err
			}
		case *ast.InlineFragment: // part of the selection around it, whose names are counted there
			if err := c.checkDirectives(sel.Directives); err != nil {
				return err
			}
			if err := c.checkInside(sel.SelectionSet); err != nil {
				return err
			}
		case *ast.FragmentSpread:
			if err := c.checkDirectives(sel.Directives); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *caps) checkField(f *ast.Field) error {
	if f.Alias != f.Name {
		c.aliases++
	}
	if exceeds(c.aliases, c.limits.Aliases) {
		return limited("aliases", c.aliases, c.limits.Aliases)
	}
	for _, a := range f.Arguments {
		if err := c.checkLiteral(a.Value, 1); err != nil {
			return err
		}
	}
	return c.checkSelection(f.SelectionSet, f.Directives)
}

func (c *caps) checkDirectives(list ast.DirectiveList) error {
	if exceeds(len(list), c.limits.Directives) {
		return limited("directives", len(list), c.limits.Directives)
	}
	for _, d := range list {
		if d.Name == "defer" {
			return fault.New(fault.BadRequest, "The directive @defer is not supported.")
		}
		for _, a := range d.Arguments {
			if err := c.checkLiteral(a.Value, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *caps) checkLiteral(v *ast.Value, depth int) error {
	if v == nil {
		return nil
	}
	if err := checkContainer(len(v.Children), depth, c.limits); err != nil {
		return err
	}
	for _, child := range v.Children {
		if err := c.checkLiteral(child.Value, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// depth returns how deep fields nest in a selection.
func (c *caps) depth(set ast.SelectionSet) int {
	deepest := 0
	for _, sel := range set {
		d := 0
		switch sel := sel.(type) {
		case *ast.Field:
			d = 1 + c.depth(sel.SelectionSet)
		case *ast.InlineFragment:
			d = c.depth(sel.SelectionSet)
		case *ast.FragmentSpread:
			d = c.fragmentDepth(sel.Name)
		}
		deepest = max(deepest, d)
	}
	return deepest
}

func (c *caps) fragmentDepth(name string) int {
	if d, ok := c.depths[name]; ok {
		return d
	}
	f := c.fragments[name]
	if f == nil {
		return 0
	}
	c.depths[name] = 0
	d := c.depth(f.SelectionSet)
	c.depths[name] = d
	return d
}

// names counts the response names of one selection, through inline and named fragments.
type names struct {
	*caps
	counts map[string]int
	spread map[string]bool
	most   int // fields with one name
	total  int
}

func (n *names) add(set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			n.total++
			n.counts[sel.Alias]++
			n.most = max(n.most, n.counts[sel.Alias])
		case *ast.InlineFragment:
			n.add(sel.SelectionSet)
		case *ast.FragmentSpread:
			f := n.fragments[sel.Name]
			if f == nil || n.spread[sel.Name] {
				continue
			}
			n.spread[sel.Name] = true
			n.add(f.SelectionSet)
		}
	}
}

// checkVariables refuses variables whose values exceed the limits on lists and nesting.
func checkVariables(variables map[string]any, limits Limits) error {
	if exceeds(len(variables), limits.ListLength) {
		return limited("listLength", len(variables), limits.ListLength)
	}
	for _, v := range variables {
		if err := checkValue(v, 1, limits); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(v any, depth int, limits Limits) error {
	switch v := v.(type) {
	case []any:
		if err := checkContainer(len(v), depth, limits); err != nil {
			return err
		}
		for _, item := range v {
			if err := checkValue(item, depth+1, limits); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := checkContainer(len(v), depth, limits); err != nil {
			return err
		}
		for _, item := range v {
			if err := checkValue(item, depth+1, limits); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkContainer(length, depth int, limits Limits) error {
	if exceeds(length, limits.ListLength) {
		return limited("listLength", length, limits.ListLength)
	}
	if exceeds(depth, limits.InputDepth) {
		return limited("inputDepth", depth, limits.InputDepth)
	}
	return nil
}
