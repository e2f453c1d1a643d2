package server

import (
	"encoding/binary"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/fault"
)

// checkMerge proves that fields with the same response name can be merged (GraphQL §5.3.2). The document must be valid
// otherwise.
//
// The usual algorithm compares fields pair by pair, which a hostile document drives to seconds. This one merges the
// selections of a group of equal names first and compares each field of the group with the first: once for the shape
// of the answer, over all fields, and once for name and arguments, over the fields that may belong to the same object.
// Groups seen before are not looked at again, and the work is bounded.
func checkMerge(doc *ast.QueryDocument, schema *ast.Schema, maxWork int) error {
	m := &merger{schema: schema, maxWork: maxWork, ids: map[*ast.Field]uint32{}}
	for _, op := range doc.Operations {
		for _, compare := range []comparison{m.shapes, m.values} {
			m.seen = map[string]bool{}
			if err := m.check([]ast.SelectionSet{op.SelectionSet}, compare); err != nil {
				return err
			}
		}
	}
	return nil
}

// comparison checks a group of fields with one response name and returns the subgroups whose selections are merged.
type comparison func(group []*ast.Field) ([][]*ast.Field, error)

type merger struct {
	schema  *ast.Schema
	maxWork int
	work    int
	ids     map[*ast.Field]uint32
	seen    map[string]bool
}

func (m *merger) check(sets []ast.SelectionSet, compare comparison) error {
	fields := collector{m: m, groups: map[string][]*ast.Field{}, spread: map[string]bool{}}
	for _, set := range sets {
		if err := fields.add(set); err != nil {
			return err
		}
	}
	for _, name := range fields.order {
		merged, err := compare(fields.groups[name])
		if err != nil {
			return err
		}
		for _, group := range merged {
			if err := m.descend(group, compare); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *merger) descend(group []*ast.Field, compare comparison) error {
	var sets []ast.SelectionSet
	key := make([]byte, 0, 4*len(group))
	for _, f := range group {
		if len(f.SelectionSet) == 0 {
			continue
		}
		sets = append(sets, f.SelectionSet)
		key = binary.BigEndian.AppendUint32(key, m.id(f))
	}
	if len(sets) == 0 || m.seen[string(key)] {
		return nil
	}
	m.seen[string(key)] = true
	return m.check(sets, compare)
}

func (m *merger) id(f *ast.Field) uint32 {
	if _, ok := m.ids[f]; !ok {
		m.ids[f] = uint32(len(m.ids))
	}
	return m.ids[f]
}

// shapes demands that all fields of a group give the same shape of answer, whatever object they belong to.
func (m *merger) shapes(group []*ast.Field) ([][]*ast.Field, error) {
	for _, f := range group[1:] {
		if !m.sameShape(group[0].Definition.Type, f.Definition.Type) {
			return nil, conflict(group[0], f, "they return different types")
		}
	}
	return [][]*ast.Field{group}, nil
}

func (m *merger) sameShape(a, b *ast.Type) bool {
	if a.NonNull != b.NonNull || (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	if a.Elem != nil {
		return m.sameShape(a.Elem, b.Elem)
	}
	if a.NamedType == b.NamedType {
		return true
	}
	x, y := m.schema.Types[a.NamedType], m.schema.Types[b.NamedType]
	return x != nil && y != nil && x.IsCompositeType() && y.IsCompositeType()
}

// values demands that the fields of a group that may belong to one object are the same field with the same arguments.
func (m *merger) values(group []*ast.Field) ([][]*ast.Field, error) {
	subgroups := byObject(group)
	for _, sub := range subgroups {
		for _, f := range sub[1:] {
			if f.Name != sub[0].Name {
				return nil, conflict(sub[0], f, "they are different fields")
			}
			if !sameArguments(sub[0].Arguments, f.Arguments) {
				return nil, conflict(sub[0], f, "they have differing arguments")
			}
		}
	}
	return subgroups, nil
}

// byObject splits fields by the object type they stand on. Fields on an interface or union may belong to any object.
func byObject(group []*ast.Field) [][]*ast.Field {
	var abstract []*ast.Field
	var order []string
	objects := map[string][]*ast.Field{}
	for _, f := range group {
		if f.ObjectDefinition == nil || f.ObjectDefinition.Kind != ast.Object {
			abstract = append(abstract, f)
			continue
		}
		name := f.ObjectDefinition.Name
		if objects[name] == nil {
			order = append(order, name)
		}
		objects[name] = append(objects[name], f)
	}
	if len(order) == 0 {
		return [][]*ast.Field{abstract}
	}
	split := make([][]*ast.Field, 0, len(order))
	for _, name := range order {
		split = append(split, append(objects[name], abstract...))
	}
	return split
}

func sameArguments(a, b ast.ArgumentList) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		y := b.ForName(x.Name)
		if y == nil || !sameLiteral(x.Value, y.Value) {
			return false
		}
	}
	return true
}

func sameLiteral(a, b *ast.Value) bool {
	if a.Kind != b.Kind || a.Raw != b.Raw || len(a.Children) != len(b.Children) {
		return false
	}
	for i, x := range a.Children {
		y := b.Children[i].Value
		if a.Kind == ast.ObjectValue {
			y = b.Children.ForName(x.Name)
		}
		if y == nil || !sameLiteral(x.Value, y) {
			return false
		}
	}
	return true
}

func conflict(a, b *ast.Field, why string) error {
	err := &gqlerror.Error{
		Message: shorten("Fields \"" + a.Alias + "\" conflict because " + why +
			". Use different aliases on the fields to fetch both if this was intentional."),
		Extensions: map[string]any{"code": fault.BadRequest},
	}
	for _, f := range []*ast.Field{a, b} {
		if f.Position != nil {
			err.Locations = append(err.Locations, gqlerror.Location{Line: f.Position.Line, Column: f.Position.Column})
		}
	}
	return err
}

// collector groups the fields of merged selections by response name, in the order of the document.
type collector struct {
	m      *merger
	order  []string
	groups map[string][]*ast.Field
	spread map[string]bool
}

func (c *collector) add(set ast.SelectionSet) error {
	for _, sel := range set {
		c.m.work++
		if exceeds(c.m.work, c.m.maxWork) {
			return limited("mergeWork", c.m.work, c.m.maxWork)
		}
		var err error
		switch sel := sel.(type) {
		case *ast.Field:
			if c.groups[sel.Alias] == nil {
				c.order = append(c.order, sel.Alias)
			}
			c.groups[sel.Alias] = append(c.groups[sel.Alias], sel)
		case *ast.InlineFragment:
			err = c.add(sel.SelectionSet)
		case *ast.FragmentSpread:
			if sel.Definition == nil || c.spread[sel.Name] {
				continue
			}
			c.spread[sel.Name] = true
			err = c.add(sel.Definition.SelectionSet)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
