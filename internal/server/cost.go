package server

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// defaultPage is the number of rows that a connection without `first` or `last` gives.
	defaultPage = 20
	// plainList is the number of rows assumed for a list that has no page size.
	plainList = 5
)

// costOf returns what an operation costs: 1 for each field and each value in its arguments; the edges of a connection
// count once for each row of the page. Each fragment is measured once. Sums stop at the largest int.
func costOf(op *ast.OperationDefinition, variables map[string]any) int {
	c := &coster{variables: variables, fragments: map[string]int{}, values: map[string]int{}}
	return c.selection(op.SelectionSet)
}

type coster struct {
	variables map[string]any
	fragments map[string]int // cost of a fragment; 0 while it is measured
	values    map[string]int // nodes in a variable
}

func (c *coster) selection(set ast.SelectionSet) int {
	sum := 0
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if c.included(sel.Directives) {
				sum = plus(sum, c.field(sel))
			}
		case *ast.InlineFragment:
			if c.included(sel.Directives) {
				sum = plus(sum, c.selection(sel.SelectionSet))
			}
		case *ast.FragmentSpread:
			if c.included(sel.Directives) {
				sum = plus(sum, c.fragment(sel))
			}
		}
	}
	return sum
}

func (c *coster) fragment(spread *ast.FragmentSpread) int {
	if cost, ok := c.fragments[spread.Name]; ok {
		return cost
	}
	if spread.Definition == nil {
		return 0
	}
	c.fragments[spread.Name] = 0
	cost := c.selection(spread.Definition.SelectionSet)
	c.fragments[spread.Name] = cost
	return cost
}

func (c *coster) field(f *ast.Field) int {
	cost := 1
	for _, a := range f.Arguments {
		cost = plus(cost, c.literal(a.Value))
	}
	if len(f.SelectionSet) == 0 || f.Definition == nil {
		return cost
	}
	return plus(cost, c.children(f))
}

// children is the cost of what is selected in f, times the rows that f may give.
func (c *coster) children(f *ast.Field) int {
	name := f.Definition.Type.Name()
	if strings.HasPrefix(name, "__") {
		return c.selection(f.SelectionSet) // the schema is bounded, and so is the depth of introspection
	}
	if strings.HasSuffix(name, "Connection") {
		return times(c.page(f), c.selection(f.SelectionSet))
	}
	if n, ok := c.pageArgument(f); ok {
		return times(n, c.selection(f.SelectionSet))
	}
	if f.Definition.Type.Elem != nil && f.Name != "edges" && f.Name != "nodes" || f.Name == "nodes" && len(f.Arguments) > 0 {
		return times(c.plainRows(f), c.selection(f.SelectionSet))
	}
	return c.selection(f.SelectionSet)
}

func (c *coster) page(f *ast.Field) int {
	if n, ok := c.pageArgument(f); ok {
		return n
	}
	return defaultPage
}

// pageArgument reads `first` and `last`; what is not a number is left to validation.
func (c *coster) pageArgument(f *ast.Field) (int, bool) {
	rows, found := 0, false
	for _, name := range []string{"first", "last"} {
		if n, ok := c.number(f.Arguments.ForName(name)); ok {
			rows, found = max(rows, n), true
		}
	}
	return rows, found
}

// plainRows is the length of a list without pages: that of the longest list among its arguments, as in nodes(ids:).
func (c *coster) plainRows(f *ast.Field) int {
	rows := 0
	for _, a := range f.Arguments {
		switch v := c.value(a.Value).(type) {
		case []any:
			rows = max(rows, len(v))
		}
	}
	if rows == 0 {
		return plainList
	}
	return rows
}

func (c *coster) number(a *ast.Argument) (int, bool) {
	if a == nil {
		return 0, false
	}
	switch v := c.value(a.Value).(type) {
	case int64:
		return clamp(v), true
	case int:
		return clamp(int64(v)), true
	case float64:
		return clamp(int64(min(v, math.MaxInt32))), true
	case json.Number:
		return parseRows(v.String())
	case string:
		return parseRows(v)
	}
	return 0, false
}

func parseRows(s string) (int, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return clamp(n), err == nil
}

func clamp(n int64) int { return int(min(max(n, 0), math.MaxInt32)) }

func (c *coster) value(v *ast.Value) any {
	value, err := v.Value(c.variables)
	if err != nil {
		return nil
	}
	return value
}

// literal counts the values in an argument, variables included.
func (c *coster) literal(v *ast.Value) int {
	if v == nil {
		return 0
	}
	if v.Kind == ast.Variable {
		return c.variable(v.Raw)
	}
	sum := 1
	for _, child := range v.Children {
		sum = plus(sum, c.literal(child.Value))
	}
	return sum
}

func (c *coster) variable(name string) int {
	if n, ok := c.values[name]; ok {
		return n
	}
	n := countValues(c.variables[name])
	c.values[name] = n
	return n
}

func countValues(v any) int {
	sum := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			sum += countValues(item)
		}
	case map[string]any:
		for _, item := range v {
			sum += countValues(item)
		}
	}
	return sum
}

func (c *coster) included(directives ast.DirectiveList) bool {
	return !c.flag(directives.ForName("skip"), false) && c.flag(directives.ForName("include"), true)
}

// flag reads the `if` of @skip or @include.
func (c *coster) flag(d *ast.Directive, otherwise bool) bool {
	if d == nil {
		return otherwise
	}
	a := d.Arguments.ForName("if")
	if a == nil {
		return otherwise
	}
	if b, ok := c.value(a.Value).(bool); ok {
		return b
	}
	return otherwise
}

// plus and times stop at the largest int instead of overflowing.
func plus(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

func times(a, b int) int {
	if a != 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}
