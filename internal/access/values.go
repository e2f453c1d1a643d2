package access

import (
	"reflect"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// values checks the values of inputs. What it finds has paths that begin at the value.
type values struct {
	policy   *Policy
	problems []problem
}

// step is one step of a path, made on the stack: most walks find nothing and need no path.
type step struct {
	up    *step
	name  string
	index int // of a list, when name is ""
}

func (s *step) path() ast.Path {
	var p ast.Path
	for ; s.up != nil; s = s.up {
		if s.name == "" {
			p = append(p, ast.PathIndex(s.index))
			continue
		}
		p = append(p, ast.PathName(s.name))
	}
	slices.Reverse(p)
	return p
}

func (c *values) refuse(at *step, what string) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, problem{path: at.path(), what: what, violation: "FORBIDDEN"})
	}
}

// walk checks a coerced value of a variable.
func (c *values) walk(s *slot, v any, at *step) {
	if s.in == nil || v == nil {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		c.enter(s.in, at)
		for name, x := range v {
			next := step{up: at, name: name}
			if sub := c.key(s.in, name, &next); sub != nil {
				c.walk(sub, x, &next)
			}
		}
	case []any:
		for i, x := range v {
			next := step{up: at, index: i}
			c.walk(s, x, &next)
		}
	case string:
		c.enum(s.in, v, at)
	default:
		c.walkOther(s, v, at)
	}
}

// walkOther checks lists that coercion left in a type of their own; anything else is not of the declared type.
func (c *values) walkOther(s *slot, v any, at *step) {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice:
		for i := range r.Len() {
			c.walk(s, r.Index(i).Interface(), &step{up: at, index: i})
		}
	case reflect.String:
		c.enum(s.in, r.String(), at)
	default:
		c.refuse(at, "a value of that type")
	}
}

// literal checks a value in the document and hands the variables in it to found.
func (c *values) literal(s *slot, v *ast.Value, at *step, found func(*slot, *ast.Value, *step)) {
	if s.in == nil {
		return
	}
	switch v.Kind {
	case ast.Variable:
		found(s, v, at)
	case ast.ListValue:
		for i, x := range v.Children {
			c.literal(s, x.Value, &step{up: at, index: i}, found)
		}
	case ast.EnumValue, ast.StringValue, ast.BlockValue:
		c.enum(s.in, v.Raw, at)
	case ast.ObjectValue:
		c.enter(s.in, at)
		for _, x := range v.Children {
			next := step{up: at, name: x.Name}
			if sub := c.key(s.in, x.Name, &next); sub != nil {
				c.literal(sub, x.Value, &next, found)
			}
		}
	case ast.NullValue:
	default:
		c.refuse(at, "a value of that type")
	}
}

// enter checks what giving a value of the type means by itself.
func (c *values) enter(in *input, at *step) {
	if t := in.entered(); t != nil && !t.allowed(c.policy) {
		c.refuse(at, t.name())
	}
}

// key checks one field of an input object and returns how to go on below it, nil when that is pointless.
func (c *values) key(in *input, name string, at *step) *slot {
	s := in.fields[name]
	if s == nil {
		c.refuse(at, in.def.Name+"."+name)
		return nil
	}
	if !s.touch.allowed(c.policy) {
		c.refuse(at, s.touch.name())
		return nil
	}
	return s
}

// enum checks a value that may name a field.
func (c *values) enum(in *input, value string, at *step) {
	if in.kind == nil || in.def.Kind != ast.Enum {
		return
	}
	t := in.values[value]
	if t == nil {
		c.refuse(at, in.def.Name+"."+value)
		return
	}
	if !t.allowed(c.policy) {
		c.refuse(at, t.name())
	}
}

// prefixed returns problems with their paths put below a path.
func prefixed(path ast.Path, problems []problem) []problem {
	out := make([]problem, len(problems))
	for i, p := range problems {
		p.path = below(path, p.path)
		out[i] = p
	}
	return out
}

// below joins two paths into a new one.
func below(path, rest ast.Path) ast.Path { return append(path[:len(path):len(path)], rest...) }
