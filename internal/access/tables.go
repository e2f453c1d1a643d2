package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/model"
)

// The directives of the SDL that map its positions to the model.
const (
	dirKind     = "kind"
	dirInput    = "input"
	dirField    = "field"
	dirCan      = "can"
	dirSignedIn = "signedIn"
	dirPublic   = "public"
	dirGranted  = "granted"
	dirPlain    = "plain"
	dirOptional = "optional" // of operations
)

// use says what an input position does with a field, as the SDL enum Use.
type use string

const (
	useFree   use = "FREE"
	useFilter use = "FILTER"
	useOrder  use = "ORDER"
	useCreate use = "CREATE"
	useUpdate use = "UPDATE"
)

// tables map every position of a schema to the model field that it touches. They depend on no policy.
type tables struct {
	schema   *ast.Schema
	set      *model.Set
	outputs  map[string]*output // object, interface and union types
	inputs   map[string]*input  // input objects, and enums whose values name fields
	problems []string
}

// output is a type that selections are made on.
type output struct {
	def    *ast.Definition
	kind   *model.Kind // of an entity type
	fields map[string]*outField
	of     []*output // of an interface or union: the object types
}

// outField is one field of an output.
type outField struct {
	gate gate
	args map[string]*slot
	out  string // its type, without lists
	// granted: what is below is read with the rights of the user who signs in by the operation, which the read engine
	// asks for when it is known who that is.
	granted bool
}

// gate decides whether a field may be selected.
type gate struct {
	free     bool
	signedIn bool
	can      []grantedAction
	kind     *model.Kind
	field    *model.Field
	target   *model.Kind // of a relation
	touch    *touch      // of an object that is no record: what the field is made of
}

type grantedAction struct{ object, action string }

// input is a type of values.
type input struct {
	def    *ast.Definition
	kind   *model.Kind
	use    use
	fields map[string]*slot  // of an object
	values map[string]*touch // of an enum
}

// slot is one position of a value: an argument or a field of an input object.
type slot struct {
	touch *touch // nil: nothing by itself
	in    *input // nil: below it there is nothing to look at
}

// touch is the use of a field, or of a kind where field is nil.
type touch struct {
	kind  *model.Kind
	field *model.Field
	use   use
	other *model.Kind // whose records a filter over a to-many relation looks at, nil for none
}

// Check walks a schema and lists every position that no directive maps to the model, and every mapping that leads
// nowhere. What it lists is refused in operations. It returns nil for a schema that is in order.
func Check(schema *ast.Schema, set *model.Set) []string { return newTables(schema, set).problems }

func newTables(schema *ast.Schema, set *model.Set) *tables {
	t := &tables{schema: schema, set: set, outputs: map[string]*output{}, inputs: map[string]*input{}}
	names := make([]string, 0, len(schema.Types))
	for name := range schema.Types {
		names = append(names, name)
	}
	slices.Sort(names)

	for _, name := range names {
		t.declare(schema.Types[name])
	}
	for _, name := range names {
		if in := t.inputs[name]; in != nil {
			t.fillInput(in)
		}
	}
	for _, name := range names {
		if out := t.outputs[name]; out != nil {
			t.fillOutput(out)
		}
	}
	return t
}

func (t *tables) problem(format string, args ...any) {
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

// declare enters a type without its fields.
func (t *tables) declare(def *ast.Definition) {
	if def.BuiltIn || strings.HasPrefix(def.Name, "__") {
		return
	}
	switch def.Kind {
	case ast.Object, ast.Interface, ast.Union:
		out := &output{def: def, fields: map[string]*outField{}}
		if d := def.Directives.ForName(dirKind); d != nil {
			if out.kind = t.set.Kind(argument(d, "name")); out.kind == nil {
				t.problem("type %s: there is no kind %q", def.Name, argument(d, "name"))
			}
		}
		t.outputs[def.Name] = out
	case ast.InputObject, ast.Enum:
		d := def.Directives.ForName(dirInput)
		if d == nil {
			return
		}
		in := &input{def: def, use: use(argument(d, "use"))}
		if name := argument(d, "kind"); name != "" {
			in.kind = t.set.Kind(name)
		}
		if in.use != useFree && in.kind == nil {
			t.problem("type %s: there is no kind %q", def.Name, argument(d, "kind"))
			return
		}
		t.inputs[def.Name] = in
	}
}

func argument(d *ast.Directive, name string) string {
	a := d.Arguments.ForName(name)
	if a == nil || a.Value == nil || a.Value.Kind == ast.NullValue {
		return ""
	}
	return a.Value.Raw
}

// isRoot reports whether def is the type of queries, mutations or subscriptions.
func (t *tables) isRoot(def *ast.Definition) bool {
	return def == t.schema.Query || def == t.schema.Mutation || def == t.schema.Subscription
}

func (t *tables) fillOutput(out *output) {
	def := out.def
	abstract := def.Kind != ast.Object
	if abstract {
		for _, possible := range t.schema.GetPossibleTypes(def) {
			if o := t.outputs[possible.Name]; o != nil {
				out.of = append(out.of, o)
			}
		}
	}
	plain := def.Directives.ForName(dirPlain) != nil
	if !abstract && !plain && !t.isRoot(def) && def.Directives.ForName(dirKind) == nil {
		t.problem("type %s: neither @kind nor @plain", def.Name)
	}
	for _, f := range def.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		o := &outField{out: f.Type.Name(), args: map[string]*slot{}, granted: f.Directives.ForName(dirGranted) != nil}
		o.gate = t.gate(out, f, abstract || plain)
		for _, a := range f.Arguments {
			o.args[a.Name] = t.slot(def.Name+"."+f.Name+"("+a.Name+")", a.Type, a.Directives, nil, false)
		}
		out.fields[f.Name] = o
	}
}

// gate reads who may select a field.
func (t *tables) gate(out *output, f *ast.FieldDefinition, free bool) gate {
	g := gate{signedIn: f.Directives.ForName(dirSignedIn) != nil, free: f.Directives.ForName(dirPublic) != nil}
	for _, d := range f.Directives.ForNames(dirCan) {
		g.can = append(g.can, grantedAction{argument(d, "object"), argument(d, "action")})
	}
	if g.free || g.signedIn || len(g.can) > 0 {
		return g
	}
	if d := f.Directives.ForName(dirField); out.kind == nil && d != nil { // works on a field of records: a sum of them
		g.touch = t.fieldTouch(out.def.Name+"."+f.Name, d)
		return g
	}
	if out.kind == nil {
		g.free = free
		if !free && t.isRoot(out.def) {
			t.problem("%s.%s: neither @can nor @signedIn nor @public", out.def.Name, f.Name)
		}
		return g
	}
	if f.Name == "id" {
		g.free = true
		return g
	}
	g.kind, g.field = out.kind, out.kind.Field(f.Name)
	if d := f.Directives.ForName(dirField); d != nil { // computed from another field, and as open as that is
		if t := t.fieldTouch(out.def.Name+"."+f.Name, d); t != nil {
			g.kind, g.field = t.kind, t.field
		}
	}
	switch {
	case g.field == nil:
		t.problem("%s.%s: %s has no such field", out.def.Name, f.Name, out.kind.Name)
	case g.field.Internal:
		t.problem("%s.%s: the field is internal", out.def.Name, f.Name)
	case g.field.Type == model.Ref || g.field.Type == model.Many:
		g.target = t.set.Kind(g.field.Target)
	}
	return g
}

// fillInput maps the fields of an input object or the values of an enum.
func (t *tables) fillInput(in *input) {
	if in.def.Kind == ast.Enum {
		t.fillEnum(in)
		return
	}
	in.fields = map[string]*slot{}
	for _, f := range in.def.Fields {
		where := in.def.Name + "." + f.Name
		switch {
		case in.use == useOrder && f.Name == "field" && t.inputs[f.Type.Name()] == nil:
			t.problem("%s: the enum %s has no @input", where, f.Type.Name())
		case in.use == useOrder:
			in.fields[f.Name] = t.slot(where, f.Type, f.Directives, nil, f.Name != "field")
		case in.use == useFree || f.Directives.ForName(dirField) != nil || t.isConnective(in, f):
			in.fields[f.Name] = t.slot(where, f.Type, f.Directives, nil, in.use != useFree)
		default:
			if s := t.modelSlot(in, f, where); s != nil {
				in.fields[f.Name] = s
			}
		}
	}
}

// isConnective reports whether an input field touches no model field: it joins filters, compares with the viewer or with
// nothing, or is the id of a new record.
func (t *tables) isConnective(in *input, f *ast.FieldDefinition) bool {
	if in.use == useCreate && f.Name == "id" {
		return true // made by the client, or by us: it says nothing
	}
	if in.use != useFilter {
		return false
	}
	switch f.Name {
	case "and", "or", "not":
		return f.Type.Name() == in.def.Name
	case "me", "isNull":
		return f.Type.Name() == "Boolean" && in.kind.Field(f.Name) == nil
	}
	return false
}

// modelSlot maps the field of a FILTER, CREATE or UPDATE input to the model field of the same name.
func (t *tables) modelSlot(in *input, f *ast.FieldDefinition, where string) *slot {
	field := in.kind.Field(f.Name)
	switch {
	case field == nil:
		t.problem("%s: %s has no such field", where, in.kind.Name)
		return nil
	case field.Internal:
		t.problem("%s: the field is internal", where)
		return nil
	case in.use == useCreate && field.Write == model.Never, in.use == useUpdate && field.Write != model.Always:
		t.problem("%s: the field is not to be written", where)
		return nil
	}
	own := &touch{kind: in.kind, field: field, use: in.use}
	if field.Type == model.Many && in.use == useFilter {
		own.other = t.set.Kind(field.Target)
	}
	s := t.slot(where, f.Type, nil, own, true)
	if s != nil && s.in != nil && s.in.use == useFilter && s.in.kind != t.set.Kind(field.Target) {
		t.problem("%s: filters %s, not %s", where, s.in.kind.Name, field.Target)
		return nil
	}
	return s
}

func (t *tables) fillEnum(in *input) {
	in.values = map[string]*touch{}
	if in.kind == nil {
		return
	}
	for _, v := range in.def.EnumValues {
		field := in.kind.ByConst(v.Name)
		if field == nil || field.Internal {
			t.problem("%s.%s: %s has no such field", in.def.Name, v.Name, in.kind.Name)
			continue
		}
		in.values[v.Name] = &touch{kind: in.kind, field: field, use: in.use}
	}
}

// slot maps one position. valued: the position holds a model field's value, so an enum in it needs no mapping.
func (t *tables) slot(where string, typ *ast.Type, ds ast.DirectiveList, own *touch, valued bool) *slot {
	s := &slot{touch: own}
	mapped := valued
	if d := ds.ForName(dirField); d != nil {
		mapped = true
		s.touch = t.fieldTouch(where, d)
		if s.touch == nil {
			return nil
		}
	}
	def := t.schema.Types[typ.Name()]
	if def == nil || def.Kind == ast.Scalar {
		return s
	}
	s.in = t.inputs[def.Name]
	if s.in == nil && (def.Kind == ast.InputObject || !mapped) {
		t.problem("%s: the type %s has no @input", where, def.Name)
		return nil
	}
	return s
}

// fieldTouch reads @field(of: "Account.name", use: FILTER).
func (t *tables) fieldTouch(where string, d *ast.Directive) *touch {
	of := argument(d, "of")
	kind, name, named := strings.Cut(of, ".")
	k := t.set.Kind(kind)
	if k == nil {
		t.problem("%s: there is no kind %q", where, kind)
		return nil
	}
	tt := &touch{kind: k, use: use(argument(d, "use"))}
	if !named {
		return tt
	}
	if tt.field = k.Field(name); tt.field == nil || tt.field.Internal {
		t.problem("%s: there is no field %q", where, of)
		return nil
	}
	return tt
}

// opens reports whether a policy lets through.
func (g *gate) opens(p *Policy, signedIn bool) bool {
	if g.free {
		return true
	}
	if g.signedIn && !signedIn {
		return false
	}
	for _, c := range g.can {
		if !p.May(c.object, c.action) {
			return false
		}
	}
	if g.signedIn || len(g.can) > 0 {
		return true
	}
	if g.touch != nil {
		return g.touch.allowed(p)
	}
	if g.field == nil || !p.Field(g.kind, g.field).Shows() {
		return false
	}
	return g.target == nil || p.Readable(g.target)
}

// allowed reports whether a policy lets the use be.
func (t *touch) allowed(p *Policy) bool {
	if t == nil || t.use == useFree {
		return true
	}
	if t.field == nil {
		return p.May(t.kind.Const, t.action())
	}
	rule := p.Field(t.kind, t.field)
	switch t.use {
	case useCreate:
		return rule.Create != None
	case useUpdate:
		return rule.Write != None
	}
	return rule.Read != None && (t.other == nil || p.Readable(t.other))
}

// action is what a use does to a record.
func (t *touch) action() string {
	switch t.use {
	case useCreate:
		return Create
	case useUpdate:
		return Update
	}
	return Read
}

// entered is the use of a kind that giving a value of the input means, be it empty; nil for none.
func (in *input) entered() *touch {
	if in.use != useCreate && in.use != useUpdate || in.def.Kind == ast.Enum {
		return nil
	}
	return &touch{kind: in.kind, use: in.use}
}

// name is how messages call what is touched.
func (t *touch) name() string {
	if t.field == nil {
		return t.action() + " " + t.kind.Const
	}
	return t.kind.Name + "." + t.field.Name
}
