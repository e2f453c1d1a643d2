package export

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/model"
)

// Action is the named action that lets somebody write lists of a kind into files.
const Action = "EXPORT"

// maxDeep is how many relations a column may follow.
const maxDeep = 3

// related is how many related records a column names at most: a page of a nested list.
const related = 100

// column is one column of a file.
type column struct {
	name  string       // as in the first line
	path  []string     // of JSON members that lead to the value
	field *model.Field // what the value is; nil for what is none of the model
	part  string       // of a Money: amount or currency; of an object in a list: the member
	index int          // of the object in a list; -1 for all
	key   string       // of a custom field
	refs  string       // system of outside keys
}

// plan is how a request is read: a query of the API, and what of its answer stands in which column.
type plan struct {
	Request
	schema  *ast.Schema
	custom  []string // keys of custom fields that may be known
	kind    *model.Kind
	columns []column
	query   string
	vars    map[string]any
	narrow  bool     // EXPORT covers fewer records than READ
	systems []string // of outside keys that are asked for
}

// names returns the names of the columns.
func (p *plan) names() []string {
	out := make([]string, len(p.columns))
	for i, c := range p.columns {
		out[i] = c.name
	}
	return out
}

// prepare plans a request with the rights of an actor. custom are the keys of the object's custom fields that he may know.
func prepare(schema *ast.Schema, set *model.Set, a *access.Actor, r Request, custom []string) (*plan, error) {
	var problems fault.Violations
	k := r.check(set, &problems)
	if k == nil {
		return nil, problems.Err()
	}
	may := a.Policy.Scopes(k, Action)
	if may == access.None || !a.Policy.Readable(k) {
		return nil, fault.New(fault.Forbidden, "You may not export %s.", k.Plural).At("input", "object")
	}
	p := &plan{Request: r, schema: schema, custom: custom, kind: k, narrow: !may.Covers(a.Policy.Scopes(k, access.Read))}
	tree := &selection{}
	tree.leaf("id")
	switch {
	case r.Format == VCard:
		p.card(a, tree)
	case r.Fields == nil:
		p.everything(set, a, tree)
	default:
		for i, name := range r.Fields {
			p.add(set, tree, name, []any{"input", "fields", i}, &problems)
		}
	}
	if len(p.columns) > 2*maxColumns {
		problems.Add([]any{"input", "fields"}, "RANGE", "There must be 1 to %d.", maxColumns)
	}
	p.order(&problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return p, p.write(tree)
}

// order turns the order into a variable.
func (p *plan) order(problems *fault.Violations) {
	var terms []any
	for i, t := range p.OrderBy {
		f := p.kind.ByConst(t.Field)
		if f == nil || !f.Order || f.Internal {
			problems.Add([]any{"input", "orderBy", i, "field"}, "UNKNOWN", "There is no such field.")
			continue
		}
		terms = append(terms, map[string]any{"field": t.Field, "direction": t.Direction})
	}
	p.vars = map[string]any{"orderBy": nil}
	if terms != nil {
		p.vars["orderBy"] = terms
	}
}

// write writes the query.
func (p *plan) write(tree *selection) error {
	var q strings.Builder
	fmt.Fprintf(&q, "query Export($first: Int, $after: Cursor, $where: %sWhere, $orderBy: [%sOrder!]) { list: %s(first: $first, after: $after, where: $where, orderBy: $orderBy) { nodes {", p.kind.Name, p.kind.Name, p.kind.Plural)
	tree.write(&q)
	q.WriteString(" } pageInfo { hasNextPage endCursor } } }")
	p.query = q.String()
	p.vars["where"] = nil
	if p.Where != nil {
		var where any
		d := json.NewDecoder(strings.NewReader(string(p.Where)))
		d.UseNumber()
		if err := d.Decode(&where); err != nil {
			return err
		}
		p.vars["where"] = where
	}
	return nil
}

// selection is a selection under construction.
type selection struct {
	names []string
	below map[string]*selection
	many  bool
}

func (s *selection) leaf(name string) { s.child(name) }

func (s *selection) child(name string) *selection {
	if c := s.below[name]; c != nil {
		return c
	}
	if s.below == nil {
		s.below = map[string]*selection{}
	}
	c := &selection{}
	s.below[name] = c
	s.names = append(s.names, name)
	return c
}

func (s *selection) write(q *strings.Builder) {
	for _, name := range s.names {
		c := s.below[name]
		q.WriteString(" " + name)
		if len(c.names) == 0 {
			continue
		}
		if c.many {
			fmt.Fprintf(q, "(first: %d) { nodes", related)
		}
		q.WriteString(" {")
		c.write(q)
		q.WriteString(" }")
		if c.many {
			q.WriteString(" }")
		}
	}
}

// plainMember is the member of an object that stands for the whole in a cell.
var plainMember = map[string]string{"ContactEmail": "address", "ContactPhone": "number"}

// standing is how many objects of a list (addresses) have columns of their own unless columns are named.
const standing = 2

// members returns the members of an SDL object that are plain values, in order.
func members(schema *ast.Schema, name string) []string {
	d := schema.Types[name]
	if d == nil {
		return nil
	}
	var out []string
	for _, f := range d.Fields {
		if t := schema.Types[f.Type.Name()]; t != nil && t.IsLeafType() && len(f.Arguments) == 0 && !strings.HasPrefix(f.Name, "__") {
			out = append(out, f.Name)
		}
	}
	return out
}

// customFields is the field that holds the values of custom fields.
const customFields = "customFields"

// everything adds the columns that the actor may read: the fields of the kind, relations to one record as its id, and the
// custom fields. Relations to many are left out.
func (p *plan) everything(set *model.Set, a *access.Actor, tree *selection) {
	var none fault.Violations // the names are made of the model
	add := func(name string) { p.add(set, tree, name, nil, &none) }
	for _, f := range p.kind.Fields {
		switch {
		case f.Internal || f.Type == model.Many || f.Name == "deletedAt" || !f.System && !a.Policy.Field(p.kind, f).Shows():
		case f.Type == model.Ref && !a.Policy.Readable(set.Kind(f.Target)):
		case f.Type == model.Objects && f.Name == customFields:
			for _, key := range p.custom {
				add(customFields + "." + key)
			}
		case f.Type == model.Objects && p.Format != JSONLines && plainMember[f.Scalar] == "":
			for i := range standing {
				for _, member := range members(p.schema, f.Scalar) {
					add(fmt.Sprintf("%s[%d].%s", f.Name, i, member))
				}
			}
		default:
			add(f.Name)
		}
	}
}

// externalIDs begins the columns with keys of outside systems.
const externalIDs = "externalIds"

var indexed = regexp.MustCompile(`^([A-Za-z]+)\[([0-9]{1,2})\]$`)

// add adds the columns that a name stands for.
func (p *plan) add(set *model.Set, tree *selection, name string, at []any, problems *fault.Violations) {
	unknown := func() { problems.Add(at, "UNKNOWN", "There is no such field.") }
	if len(name) > maxPath {
		unknown()
		return
	}
	parts := strings.Split(name, ".")
	if parts[0] == externalIDs {
		if !p.kind.Upsert || len(parts) != 2 || parts[1] == "" {
			unknown()
			return
		}
		p.systems = append(p.systems, parts[1])
		p.columns = append(p.columns, column{name: name, refs: parts[1], index: -1})
		return
	}
	k := p.kind
	var path []string
	for i := 0; ; i++ {
		c := column{name: name, index: -1}
		part := parts[i]
		if m := indexed.FindStringSubmatch(part); m != nil {
			part = m[1]
			c.index, _ = strconv.Atoi(m[2])
		}
		c.field = k.Field(part)
		if c.field == nil || c.field.Internal || c.index >= 0 && c.field.Type != model.Objects {
			unknown()
			return
		}
		f, rest := c.field, parts[i+1:]
		path = append(path, f.Name)
		tree = tree.child(f.Name)
		c.path = path
		if f.Type != model.Ref && f.Type != model.Many {
			if !p.leaf(tree, c, rest) {
				unknown()
			}
			return
		}
		tree.many = f.Type == model.Many
		if i >= maxDeep || tree.many && i > 0 {
			unknown()
			return
		}
		if len(rest) == 0 {
			tree.leaf("id")
			c.path = append(path, "id")
			p.columns = append(p.columns, c)
			return
		}
		k = set.Kind(f.Target)
	}
}

// leaf adds the columns of a value; false for a name that there is not.
func (p *plan) leaf(tree *selection, c column, rest []string) bool {
	f := c.field
	part := ""
	if len(rest) == 1 {
		part = rest[0]
	}
	switch {
	case len(rest) > 1:
		return false
	case f.Type == model.Money:
		p.money(tree, c, part)
		return part == "" || part == "amount" || part == "currency"
	case f.Type != model.Objects:
		p.columns = append(p.columns, c)
		return part == ""
	case f.Name == customFields && c.index < 0 && part != "":
		c.key = part
		tree.leaf("key")
		tree.leaf("value")
		p.columns = append(p.columns, c)
		return len(c.path) > 1 || slices.Contains(p.custom, part)
	}
	all := members(p.schema, f.Scalar)
	if len(all) == 0 || part != "" && (c.index < 0 || !slices.Contains(all, part)) || part == "" && c.index >= 0 {
		return false
	}
	for _, member := range all {
		tree.leaf(member)
	}
	c.part = part
	if c.index < 0 {
		c.part = plainMember[f.Scalar]
	}
	p.columns = append(p.columns, c)
	return true
}

// money adds the columns of an amount: without a part two.
func (p *plan) money(tree *selection, c column, part string) {
	if part != "" {
		tree.leaf(part)
		c.part, c.path = part, append(slices.Clone(c.path), part)
		p.columns = append(p.columns, c)
		return
	}
	name := c.name
	p.money(tree, c, "amount")
	c.name = name + ".currency"
	p.money(tree, c, "currency")
}
