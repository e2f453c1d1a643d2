package access

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// plan walks an operation once. drop holds selections marked @optional which are to go whatever is in them.
func (g *Guard) plan(a *Actor, doc *ast.QueryDocument, op *ast.OperationDefinition, drop map[ast.Selection]bool) *plan {
	w := &walker{
		tables: g.tables, policy: a.Policy, signedIn: a.SignedIn(), doc: doc, drop: drop,
		fragments: map[string]*fragment{},
	}
	whole := part{}
	root := g.tables.rootOf(op.Operation)
	if root == nil {
		whole.problems = []problem{{what: string(op.Operation), violation: "FORBIDDEN", root: true}}
	} else {
		// A subscription has to keep its one root field.
		whole = w.selections(op.SelectionSet, root, op.Operation != ast.Subscription)
	}

	p := &plan{doc: doc, op: op, problems: whole.problems, dropped: whole.dropped, vars: whole.vars}
	if len(p.problems) == 0 && whole.changed {
		p.doc, p.op = w.copies(doc, op, whole.kept)
	}
	return p
}

func (t *tables) rootOf(operation ast.Operation) *output {
	def := t.schema.Query
	switch operation {
	case ast.Mutation:
		def = t.schema.Mutation
	case ast.Subscription:
		def = t.schema.Subscription
	}
	if def == nil {
		return nil
	}
	return t.outputs[def.Name]
}

// walker walks one operation for one policy.
type walker struct {
	tables    *tables
	policy    *Policy
	signedIn  bool
	doc       *ast.QueryDocument
	drop      map[ast.Selection]bool
	fragments map[string]*fragment
}

// fragment is a definition that was walked, once however often it is spread.
type fragment struct {
	part
	def *ast.FragmentDefinition // as it remains
}

// part is what a walk found in some selections, with paths that begin there.
type part struct {
	kept     ast.SelectionSet
	changed  bool // kept is not what was there
	problems []problem
	dropped  []ast.Path
	vars     []varUse
}

// take adds what was found below a step.
func (p *part) take(q *part, at ...ast.PathElement) {
	for _, x := range q.problems {
		if len(p.problems) == maxProblems {
			break
		}
		x.path = below(at, x.path)
		p.problems = append(p.problems, x)
	}
	for _, x := range q.dropped {
		if len(p.dropped) == maxDropped {
			break
		}
		p.dropped = append(p.dropped, below(at, x))
	}
	for _, x := range q.vars {
		// A fragment that is spread again brings the same variables again: the first path will do.
		if slices.ContainsFunc(p.vars, func(y varUse) bool { return y.value == x.value && y.slot == x.slot && y.optional == x.optional }) {
			continue
		}
		x.path = below(at, x.path)
		p.vars = append(p.vars, x)
	}
}

// selections walks a selection set on out.
func (w *walker) selections(set ast.SelectionSet, out *output, mayDrop bool) part {
	found := part{kept: make(ast.SelectionSet, 0, len(set))}
	for _, sel := range set {
		inner, at := w.selection(sel, out, mayDrop)
		if mayDrop && isOptional(sel) {
			if len(inner.problems) > 0 || w.drop[sel] {
				name := at
				if name == nil {
					name = ast.Path{spreadName(sel)}
				}
				found.take(&part{dropped: []ast.Path{name}})
				found.changed = true
				continue
			}
			for i := range inner.vars {
				if inner.vars[i].optional == nil {
					inner.vars[i].optional = sel
				}
			}
		}
		found.take(&inner, at...)
		found.changed = found.changed || inner.changed
		found.kept = append(found.kept, inner.kept...)
	}
	if len(found.kept) == 0 {
		found.kept = ast.SelectionSet{typename(out.def)}
	}
	return found
}

// selection walks one selection. Its kept is the selection as it remains; at is the step it adds to paths.
func (w *walker) selection(sel ast.Selection, out *output, mayDrop bool) (found part, at ast.Path) {
	switch sel := sel.(type) {
	case *ast.Field:
		return w.field(sel, out), ast.Path{ast.PathName(sel.Alias)}
	case *ast.InlineFragment:
		return w.inline(sel, out, mayDrop), nil
	case *ast.FragmentSpread:
		return w.spread(sel, mayDrop), nil
	}
	return part{}, nil
}

func (w *walker) field(f *ast.Field, out *output) part {
	found := part{kept: ast.SelectionSet{f}}
	if strings.HasPrefix(f.Name, "__") {
		return found
	}
	of := out.fields[f.Name]
	if of == nil || !w.opens(out, f.Name) {
		found.problems = []problem{{
			what: out.def.Name + "." + f.Name, violation: "FORBIDDEN", root: w.tables.isRoot(out.def),
		}}
		return found
	}

	for _, a := range f.Arguments {
		w.argument(&found, out, f, of, a)
	}
	if len(f.SelectionSet) == 0 || of.granted {
		return found
	}
	below := w.tables.outputs[of.out]
	if below == nil {
		found.problems = append(found.problems, problem{what: of.out, violation: "FORBIDDEN"})
		return found
	}
	inner := w.selections(f.SelectionSet, below, true)
	found.take(&inner)
	if inner.changed {
		c := *f
		c.SelectionSet = inner.kept
		found.kept, found.changed = ast.SelectionSet{&c}, true
	}
	return found
}

// opens reports whether the field may be selected on out; on an interface or union: on every kind that may be read.
func (w *walker) opens(out *output, name string) bool {
	if !out.fields[name].gate.opens(w.policy, w.signedIn) {
		return false
	}
	for _, o := range out.of {
		if o.kind != nil && !w.policy.Readable(o.kind) {
			continue
		}
		if f := o.fields[name]; f != nil && !f.gate.opens(w.policy, w.signedIn) {
			return false
		}
	}
	return true
}

func (w *walker) argument(found *part, out *output, f *ast.Field, of *outField, a *ast.Argument) {
	c := values{policy: w.policy}
	at := &step{up: &step{}, name: a.Name}
	s := of.args[a.Name]
	switch {
	case s == nil:
		c.refuse(at, out.def.Name+"."+f.Name+"("+a.Name+")")
	case !s.touch.allowed(w.policy):
		c.refuse(at, s.touch.name())
	default:
		c.literal(s, a.Value, at, func(s *slot, v *ast.Value, at *step) {
			found.take(&part{vars: []varUse{{value: v, slot: s, path: at.path()}}})
		})
	}
	found.take(&part{problems: c.problems})
}

func (w *walker) inline(f *ast.InlineFragment, out *output, mayDrop bool) part {
	if f.TypeCondition != "" {
		out = w.tables.outputs[f.TypeCondition]
	}
	if out == nil {
		return part{problems: []problem{{what: f.TypeCondition, violation: "FORBIDDEN"}}}
	}
	inner := w.selections(f.SelectionSet, out, mayDrop)
	if !inner.changed {
		inner.kept = ast.SelectionSet{f}
		return inner
	}
	c := *f
	c.SelectionSet = inner.kept
	inner.kept = ast.SelectionSet{&c}
	return inner
}

func (w *walker) spread(s *ast.FragmentSpread, mayDrop bool) part {
	fr := w.fragment(s.Name, mayDrop)
	found := fr.part
	found.vars = slices.Clone(found.vars) // the caller marks them
	found.kept = ast.SelectionSet{s}
	if found.changed {
		c := *s
		c.Definition = fr.def
		found.kept = ast.SelectionSet{&c}
	}
	return found
}

// fragment walks a definition when it is met first. Validation has refused cycles and unknown names; should one come
// here nevertheless, it is a problem.
func (w *walker) fragment(name string, mayDrop bool) *fragment {
	if fr := w.fragments[name]; fr != nil {
		return fr
	}
	fr := &fragment{part: part{problems: []problem{{what: "..." + name, violation: "FORBIDDEN"}}}}
	w.fragments[name] = fr
	def := w.doc.Fragments.ForName(name)
	if def == nil || w.tables.outputs[def.TypeCondition] == nil {
		return fr
	}
	found := w.selections(def.SelectionSet, w.tables.outputs[def.TypeCondition], mayDrop)
	fr.part, fr.def = found, def
	if found.changed {
		c := *def
		c.SelectionSet = found.kept
		fr.def = &c
	}
	return fr
}

// copies returns the document and the operation with what remains of them.
func (w *walker) copies(doc *ast.QueryDocument, op *ast.OperationDefinition, kept ast.SelectionSet) (*ast.QueryDocument, *ast.OperationDefinition) {
	o := *op
	o.SelectionSet = kept
	d := *doc
	d.Operations = slices.Clone(doc.Operations)
	d.Operations[slices.Index(d.Operations, op)] = &o
	d.Fragments = slices.Clone(doc.Fragments)
	for i, f := range d.Fragments {
		if fr := w.fragments[f.Name]; fr != nil && fr.changed {
			d.Fragments[i] = fr.def
		}
	}
	return &d, &o
}

func isOptional(sel ast.Selection) bool {
	switch s := sel.(type) {
	case *ast.Field:
		return s.Directives.ForName(dirOptional) != nil
	case *ast.InlineFragment:
		return s.Directives.ForName(dirOptional) != nil
	case *ast.FragmentSpread:
		return s.Directives.ForName(dirOptional) != nil
	}
	return false
}

func spreadName(sel ast.Selection) ast.PathName {
	if s, ok := sel.(*ast.FragmentSpread); ok {
		return ast.PathName("..." + s.Name)
	}
	return "..."
}

// typename is the selection that keeps a selection set from being empty.
func typename(def *ast.Definition) *ast.Field {
	return &ast.Field{
		Alias: "__typename", Name: "__typename", ObjectDefinition: def,
		Definition: &ast.FieldDefinition{Name: "__typename", Type: ast.NonNullNamedType("String", nil)},
	}
}
