package access

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/model"
)

// Prune returns a copy of a schema with only what a policy may use: for introspection and for reference. Fields,
// arguments, input fields and enum values that it may not use are gone, and with them what can no longer be called,
// filled in or reached. No type of the copy is empty, and the directives that map the schema to the model are not in it.
func Prune(schema *ast.Schema, set *model.Set, policy *Policy, signedIn bool) *ast.Schema {
	pr := &pruner{
		w:     &walker{tables: newTables(schema, set), policy: policy, signedIn: signedIn},
		types: map[string]*ast.Definition{},
	}
	for name, def := range schema.Types {
		if c := pr.copy(def); c != nil {
			pr.types[name] = c
		}
	}
	for pr.settle() {
	}
	pr.keepQuery(schema)
	return pr.schema(schema)
}

type pruner struct {
	w     *walker
	types map[string]*ast.Definition // what is left
}

// copy returns a type without what the policy may not use, nil when that is the whole type.
func (pr *pruner) copy(def *ast.Definition) *ast.Definition {
	if def.BuiltIn || strings.HasPrefix(def.Name, "__") || isMapping(def.Name) {
		return pr.builtIn(def)
	}
	c := *def
	c.Directives = unmapped(def.Directives)
	out, in := pr.w.tables.outputs[def.Name], pr.w.tables.inputs[def.Name]
	switch {
	case out != nil:
		pr.output(&c, out)
	case in != nil && in.def.Kind == ast.Enum:
		c.EnumValues = pr.enumValues(in)
	case in != nil:
		if t := in.entered(); t != nil && !t.allowed(pr.w.policy) {
			return nil
		}
		if c.Fields = pr.inputFields(in); c.Fields == nil {
			return nil
		}
	case def.Kind == ast.InputObject:
		return nil
	}
	return &c
}

// builtIn keeps what GraphQL itself defines, and drops the enum of our mapping directives.
func (pr *pruner) builtIn(def *ast.Definition) *ast.Definition {
	if isMapping(def.Name) {
		return nil
	}
	return def
}

// isMapping reports whether a type serves the mapping directives only.
func isMapping(name string) bool { return name == "Use" }

func (pr *pruner) output(c *ast.Definition, out *output) {
	c.Fields = nil
	for _, f := range out.def.Fields {
		if strings.HasPrefix(f.Name, "__") {
			c.Fields = append(c.Fields, f)
			continue
		}
		if !pr.w.opens(out, f.Name) {
			continue
		}
		if f := pr.field(f, out.fields[f.Name]); f != nil {
			c.Fields = append(c.Fields, f)
		}
	}
	c.Types = slices.DeleteFunc(slices.Clone(c.Types), pr.unreadable)
	if pr.unreadable(c.Name) {
		c.Interfaces = nil // a mutation may still answer with one's id
	}
}

// unreadable reports whether a type is that of a kind of which no record may be read.
func (pr *pruner) unreadable(name string) bool {
	out := pr.w.tables.outputs[name]
	return out != nil && out.kind != nil && !pr.w.policy.Readable(out.kind)
}

// field returns a field with the arguments that may be given, nil when one is missing that must be.
func (pr *pruner) field(f *ast.FieldDefinition, of *outField) *ast.FieldDefinition {
	c := *f
	c.Directives = unmapped(f.Directives)
	c.Arguments = nil
	for _, a := range f.Arguments {
		s := of.args[a.Name]
		if s == nil || !s.touch.allowed(pr.w.policy) {
			if required(a.Type, a.DefaultValue) {
				return nil
			}
			continue
		}
		ac := *a
		ac.Directives = unmapped(a.Directives)
		ac.DefaultValue = pr.defaultValue(s, a.DefaultValue)
		c.Arguments = append(c.Arguments, &ac)
	}
	return &c
}

// inputFields returns the fields that may be filled in, nil when one is missing that must be.
func (pr *pruner) inputFields(in *input) ast.FieldList {
	var fields ast.FieldList
	for _, f := range in.def.Fields {
		s := in.fields[f.Name]
		if s == nil || !s.touch.allowed(pr.w.policy) {
			if required(f.Type, f.DefaultValue) {
				return nil
			}
			continue
		}
		c := *f
		c.Directives = unmapped(f.Directives)
		c.DefaultValue = pr.defaultValue(s, f.DefaultValue)
		fields = append(fields, &c)
	}
	return fields
}

func (pr *pruner) enumValues(in *input) ast.EnumValueList {
	if in.kind == nil {
		return in.def.EnumValues
	}
	var values ast.EnumValueList
	for _, v := range in.def.EnumValues {
		if t := in.values[v.Name]; t != nil && t.allowed(pr.w.policy) {
			values = append(values, v)
		}
	}
	return values
}

// defaultValue drops a default that names what the policy may not use.
func (pr *pruner) defaultValue(s *slot, v *ast.Value) *ast.Value {
	if v == nil {
		return nil
	}
	c := values{policy: pr.w.policy}
	c.literal(s, v, &step{}, func(*slot, *ast.Value, *step) {})
	if len(c.problems) > 0 {
		return nil
	}
	return v
}

func required(typ *ast.Type, byDefault *ast.Value) bool { return typ.NonNull && byDefault == nil }

func unmapped(ds ast.DirectiveList) ast.DirectiveList {
	return slices.DeleteFunc(slices.Clone(ds), func(d *ast.Directive) bool { return slices.Contains(mapping, d.Name) })
}

// mapping are the directives that map the schema to the model.
var mapping = []string{dirKind, dirInput, dirField, dirCan, dirSignedIn, dirPublic, dirPlain}

// settle removes what refers to types that are gone and types that became empty. It reports whether something changed.
func (pr *pruner) settle() bool {
	changed := false
	for name, def := range pr.types {
		if def.BuiltIn || strings.HasPrefix(name, "__") || def.Kind == ast.Scalar {
			continue
		}
		n := len(def.Fields) + len(def.Types) + len(def.Interfaces)
		whole := pr.settleType(def)
		if !whole || pr.empty(def) {
			delete(pr.types, name)
			changed = true
			continue
		}
		changed = changed || n != len(def.Fields)+len(def.Types)+len(def.Interfaces)
	}
	return changed
}

// settleType reports false when an input lost a field that is required.
func (pr *pruner) settleType(def *ast.Definition) bool {
	whole := true
	def.Types = slices.DeleteFunc(def.Types, pr.gone)
	def.Fields = slices.DeleteFunc(slices.Clone(def.Fields), func(f *ast.FieldDefinition) bool {
		if strings.HasPrefix(f.Name, "__") {
			return false
		}
		if pr.gone(f.Type.Name()) {
			whole = whole && (def.Kind != ast.InputObject || !required(f.Type, f.DefaultValue))
			return true
		}
		return !pr.settleArguments(f)
	})
	def.Interfaces = slices.DeleteFunc(slices.Clone(def.Interfaces), func(name string) bool {
		return pr.gone(name) || !implements(def, pr.types[name])
	})
	return whole
}

// settleArguments reports false when an argument is gone that is required.
func (pr *pruner) settleArguments(f *ast.FieldDefinition) bool {
	whole := true
	f.Arguments = slices.DeleteFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool {
		gone := pr.gone(a.Type.Name())
		whole = whole && !(gone && required(a.Type, a.DefaultValue))
		return gone
	})
	return whole
}

func (pr *pruner) gone(name string) bool { return pr.types[name] == nil }

func (pr *pruner) empty(def *ast.Definition) bool {
	switch def.Kind {
	case ast.Union:
		return len(def.Types) == 0
	case ast.Enum:
		return len(def.EnumValues) == 0
	case ast.Interface:
		if !pr.implemented(def.Name) {
			return true
		}
	}
	return !slices.ContainsFunc(def.Fields, func(f *ast.FieldDefinition) bool { return !strings.HasPrefix(f.Name, "__") })
}

func (pr *pruner) implemented(name string) bool {
	for _, def := range pr.types {
		if def.Kind == ast.Object && slices.Contains(def.Interfaces, name) {
			return true
		}
	}
	return false
}

// implements reports whether an object still has all fields and arguments of an interface.
func implements(def, of *ast.Definition) bool {
	for _, f := range of.Fields {
		own := def.Fields.ForName(f.Name)
		if own == nil {
			return false
		}
		for _, a := range f.Arguments {
			if own.Arguments.ForName(a.Name) == nil {
				return false
			}
		}
	}
	return true
}

// keepQuery leaves a field in the type of queries, which a schema cannot be without.
func (pr *pruner) keepQuery(schema *ast.Schema) {
	if schema.Query == nil || pr.types[schema.Query.Name] != nil {
		return
	}
	c := *schema.Query
	c.Directives = nil
	c.Fields = slices.DeleteFunc(slices.Clone(c.Fields), func(f *ast.FieldDefinition) bool { return !strings.HasPrefix(f.Name, "__") })
	c.Fields = append(c.Fields, &ast.FieldDefinition{
		Name: "nothing", Description: "No query is open to you. It is always null.", Type: ast.NamedType("Boolean", nil),
	})
	pr.types[c.Name] = &c
}

// schema assembles what is left and can be reached.
func (pr *pruner) schema(old *ast.Schema) *ast.Schema {
	s := &ast.Schema{
		Description: old.Description, Comment: old.Comment, SchemaDirectives: old.SchemaDirectives,
		Types: map[string]*ast.Definition{}, Directives: map[string]*ast.DirectiveDefinition{},
		PossibleTypes: map[string][]*ast.Definition{}, Implements: map[string][]*ast.Definition{},
	}
	reach := &reachable{from: pr.types, types: s.Types}
	root := func(def *ast.Definition) *ast.Definition {
		if def == nil || pr.types[def.Name] == nil {
			return nil
		}
		reach.visit(def.Name)
		return pr.types[def.Name]
	}
	s.Query, s.Mutation, s.Subscription = root(old.Query), root(old.Mutation), root(old.Subscription)
	for name, d := range old.Directives {
		if slices.Contains(mapping, name) {
			continue
		}
		s.Directives[name] = d
		for _, a := range d.Arguments {
			reach.visit(a.Type.Name())
		}
	}
	for name, def := range pr.types {
		if def.BuiltIn || strings.HasPrefix(name, "__") {
			s.Types[name] = def
		}
	}
	pr.relate(s)
	return s
}

// relate fills in which objects are which interfaces and unions, in the order of their names.
func (pr *pruner) relate(s *ast.Schema) {
	names := make([]string, 0, len(s.Types))
	for name := range s.Types {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		def := s.Types[name]
		switch def.Kind {
		case ast.Union:
			for _, member := range def.Types {
				s.AddPossibleType(name, s.Types[member])
				s.AddImplements(member, def)
			}
		case ast.Object:
			s.AddPossibleType(name, def)
			for _, i := range def.Interfaces {
				s.AddPossibleType(i, def)
				s.AddImplements(name, s.Types[i])
			}
		case ast.Interface:
			for _, i := range def.Interfaces {
				s.AddPossibleType(i, def)
				s.AddImplements(name, s.Types[i])
			}
		}
	}
}

// reachable collects types with everything that they lead to.
type reachable struct {
	from, types map[string]*ast.Definition
}

func (r *reachable) visit(name string) {
	def := r.from[name]
	if def == nil || r.types[name] != nil {
		return
	}
	r.types[name] = def
	for _, f := range def.Fields {
		r.visit(f.Type.Name())
		for _, a := range f.Arguments {
			r.visit(a.Type.Name())
		}
	}
	for _, member := range def.Types {
		r.visit(member)
	}
	for _, i := range def.Interfaces {
		r.visit(i)
	}
	if def.Kind != ast.Interface {
		return
	}
	for other, o := range r.from {
		if slices.Contains(o.Interfaces, name) {
			r.visit(other)
		}
	}
}
