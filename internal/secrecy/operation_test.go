package secrecy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"farley/internal/id"
	"farley/internal/model"
)

// operation is a random read of a list, which can be written as a document and worked out in memory.
type operation struct {
	kind  *model.Kind
	list  list
	where *condition
	order []orderTerm
}

// list is what is selected of a connection.
type list struct {
	first    int
	node     *selection
	counted  bool
	cursors  bool // of edges: not worked out, but compared
	backward bool
}

// selection is what is selected of a record.
type selection struct {
	fields []*model.Field         // values
	refs   map[string]*selection  // to-one relations
	lists  map[string]*nestedList // to-many relations
}

type nestedList struct {
	list
	where *condition
}

type orderTerm struct {
	field *model.Field
	desc  bool
}

// condition is a filter: a combination, a comparison, or a condition on related records.
type condition struct {
	of     string // and or not, a comparison's operator, "to" (one), some, none
	inner  []*condition
	field  *model.Field
	value  any
	target *model.Kind
}

// author writes random operations that a reader's roles allow.
type author struct {
	r   *reader
	rnd *rand.Rand
}

// plain are the fields that are selected and compared; what follows from other fields is not among them, nor what the
// writes of others move.
var plainFields = map[string][]string{
	"Account":        {"name", "taxNumber", "industry", "employees", "annualRevenue", "customerSince", "customerType"},
	"Contact":        {"displayName", "birthday", "gender", "title", "doNotContact"},
	"AccountContact": {"role", "fromDate"},
	"Note":           {"title", "body", "pinned"},
	"Tag":            {"name"},
	"User":           {"name", "email", "active"},
	"Team":           {"name"},
	"Share":          {"level", "reason", "record", "grantee"},
}

func (a *author) chance(n int) bool { return a.rnd.IntN(n) == 0 }

// fields lists those of a kind's plain fields that the reader may name.
func (a *author) fields(k *model.Kind) []*model.Field {
	var out []*model.Field
	for _, name := range plainFields[k.Name] {
		if f := k.Field(name); a.r.usable(k, f) {
			out = append(out, f)
		}
	}
	return out
}

// relations lists the relations that the reader may name and that lead to kinds with plain fields.
func (a *author) relations(k *model.Kind, typ model.Type) []*model.Field {
	var out []*model.Field
	for _, f := range k.Fields {
		if f.Type == typ && plainFields[f.Target] != nil && f.Name != "updatedBy" && a.r.usable(k, f) {
			out = append(out, f)
		}
	}
	return out
}

func pick[T any](a *author, of []T) T { return of[a.rnd.IntN(len(of))] }

// operation writes a random one; ok is false when the reader may read nothing.
func (a *author) operation() (op operation, ok bool) {
	var kinds []*model.Kind
	for _, k := range a.r.w.set.Kinds {
		if plainFields[k.Name] != nil && a.r.readable(k) {
			kinds = append(kinds, k)
		}
	}
	if kinds == nil {
		return op, false
	}
	op.kind = pick(a, kinds)
	op.list = a.list(op.kind, 3)
	if !a.chance(3) {
		op.where = a.condition(op.kind, 3)
	}
	for _, f := range a.fields(op.kind) {
		if f.Order && a.chance(4) {
			op.order = append(op.order, orderTerm{f, a.chance(2)})
		}
	}
	return op, true
}

func (a *author) list(k *model.Kind, depth int) list {
	return list{first: 1 + a.rnd.IntN(8), node: a.selection(k, depth), counted: a.chance(2), cursors: a.chance(3), backward: a.chance(5)}
}

func (a *author) selection(k *model.Kind, depth int) *selection {
	s := &selection{refs: map[string]*selection{}, lists: map[string]*nestedList{}}
	for _, f := range a.fields(k) {
		if a.chance(2) {
			s.fields = append(s.fields, f)
		}
	}
	if depth == 0 {
		return s
	}
	for _, f := range a.relations(k, model.Ref) {
		if a.chance(3) {
			s.refs[f.Name] = a.selection(a.r.w.set.Kind(f.Target), depth-1)
		}
	}
	for _, f := range a.relations(k, model.Many) {
		if a.chance(4) {
			target := a.r.w.set.Kind(f.Target)
			n := &nestedList{list: a.list(target, depth-1)}
			if a.chance(3) {
				n.where = a.condition(target, 1)
			}
			s.lists[f.Name] = n
		}
	}
	return s
}

func (a *author) condition(k *model.Kind, depth int) *condition {
	if depth > 0 && a.chance(2) {
		switch of := pick(a, []string{"and", "or", "not", "relation", "relation"}); of {
		case "and", "or":
			return &condition{of: of, inner: []*condition{a.condition(k, depth-1), a.condition(k, depth-1)}}
		case "not":
			return &condition{of: of, inner: []*condition{a.condition(k, depth-1)}}
		default:
			if c := a.relation(k, depth-1); c != nil {
				return c
			}
		}
	}
	var fields []*model.Field
	for _, f := range a.fields(k) {
		if f.Filter {
			fields = append(fields, f)
		}
	}
	if fields == nil || a.chance(6) {
		known := a.r.w.byKind[k]
		c := &condition{of: "in", field: k.Field("id"), value: []any{id.New(k.Code, a.r.w.now).String()}}
		for range 3 {
			if len(known) > 0 {
				c.value = append(c.value.([]any), pick(a, known).id.String())
			}
		}
		return c
	}
	return a.comparison(pick(a, fields))
}

func (a *author) relation(k *model.Kind, depth int) *condition {
	relations := append(a.relations(k, model.Ref), a.relations(k, model.Many)...)
	relations = slices.DeleteFunc(relations, func(f *model.Field) bool { return !f.Filter })
	if len(relations) == 0 {
		return nil
	}
	f := pick(a, relations)
	target := a.r.w.set.Kind(f.Target)
	c := &condition{of: "to", field: f, target: target, inner: []*condition{a.condition(target, depth)}}
	if f.Type == model.Many {
		c.of = pick(a, []string{"some", "none"})
		if a.chance(4) {
			c.inner[0] = &condition{of: "and"}
		}
		return c
	}
	if a.chance(4) {
		c.inner[0] = &condition{of: "isNull", field: target.Field("id"), value: true}
	}
	return c
}

func (a *author) comparison(f *model.Field) *condition {
	c := &condition{field: f, of: pick(a, []string{"eq", "ne", "isNull"})}
	if c.of == "isNull" {
		c.value = a.chance(2)
		return c
	}
	switch f.Type {
	case model.Bool:
		c.value = a.chance(2)
	case model.Int:
		c.of, c.value = pick(a, []string{"eq", "ne", "gt", "gte", "lt", "lte"}), a.rnd.IntN(5)
	case model.Money:
		c.of = pick(a, []string{"eq", "ne", "gt", "gte", "lt", "lte"})
		c.value = map[string]any{"amount": fmt.Sprintf("%d.00", a.rnd.IntN(5)), "currency": "USD"}
	case model.Date:
		c.of, c.value = pick(a, []string{"eq", "ne", "gt", "lte"}), fmt.Sprintf("20%02d-01-01", a.rnd.IntN(5))
	case model.Enum:
		c.value = pick(a, f.Values)
	case model.ID:
		c.value = pick(a, a.r.w.byKind[a.r.w.set.Kind("Account")]).id.String()
	default:
		c.of, c.value = pick(a, []string{"eq", "ne", "contains", "startsWith"}), pick(a, words)
		if f.Name == "taxNumber" {
			c.value = "tax " + c.value.(string)
		}
		if c.of == "contains" || c.of == "startsWith" {
			c.value = c.value.(string)[:2]
		}
	}
	return c
}

// document writes the operation as a query of the root field "it".
func (op operation) document(after string) string {
	var b strings.Builder
	b.WriteString("{ it: " + op.kind.Plural + "(" + op.list.size())
	if after != "" {
		word := "after"
		if op.list.backward {
			word = "before"
		}
		fmt.Fprintf(&b, ", %s: %q", word, after)
	}
	if op.where != nil {
		b.WriteString(", where: " + op.where.document())
	}
	if op.order != nil {
		b.WriteString(", orderBy: [")
		for _, o := range op.order {
			fmt.Fprintf(&b, "{field: %s, direction: %s} ", o.field.Const, direction(o.desc))
		}
		b.WriteString("]")
	}
	op.list.document(&b)
	b.WriteString("}")
	return b.String()
}

func direction(desc bool) string {
	if desc {
		return "DESC"
	}
	return "ASC"
}

func (l list) size() string {
	if l.backward {
		return fmt.Sprintf("last: %d", l.first)
	}
	return fmt.Sprintf("first: %d", l.first)
}

// document closes the arguments and writes the selection.
func (l list) document(b *strings.Builder) {
	b.WriteString(") { edges { ")
	if l.cursors {
		b.WriteString("cursor ")
	}
	b.WriteString("node { ")
	l.node.document(b)
	b.WriteString("} } pageInfo { hasNextPage hasPreviousPage ")
	if l.cursors {
		b.WriteString("startCursor endCursor ")
	}
	b.WriteString("} ")
	if l.counted {
		b.WriteString("totalCount { value } ")
	}
	b.WriteString("} ")
}

func (s *selection) document(b *strings.Builder) {
	b.WriteString("id ")
	for _, f := range s.fields {
		b.WriteString(f.Name + " ")
		if f.Type == model.Money {
			b.WriteString("{ amount currency } ")
		}
	}
	for _, name := range sortedKeys(s.refs) {
		b.WriteString(name + " { ")
		s.refs[name].document(b)
		b.WriteString("} ")
	}
	for _, name := range sortedKeys(s.lists) {
		n := s.lists[name]
		b.WriteString(name + "(" + n.size())
		if n.where != nil {
			b.WriteString(", where: " + n.where.document())
		}
		n.list.document(b)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *condition) document() string {
	inner := make([]string, len(c.inner))
	for i, x := range c.inner {
		inner[i] = x.document()
	}
	switch c.of {
	case "and", "or":
		return "{" + c.of + ": [" + strings.Join(inner, ", ") + "]}"
	case "not":
		return "{not: " + inner[0] + "}"
	case "to":
		return "{" + c.field.Name + ": " + inner[0] + "}"
	case "some", "none":
		return "{" + c.field.Name + ": {" + c.of + ": " + inner[0] + "}}"
	}
	return "{" + c.field.Name + ": {" + c.of + ": " + literal(c.field, c.value) + "}}"
}

func literal(f *model.Field, v any) string {
	switch v := v.(type) {
	case map[string]any:
		return fmt.Sprintf("{amount: %q, currency: %q}", v["amount"], v["currency"])
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = literal(f, x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		if f.Type != model.Enum {
			return fmt.Sprintf("%q", v)
		}
	}
	return fmt.Sprint(v)
}

// ---- worked out in memory

// value is what a comparison and an order see of a field: nil where it is empty or does not show.
func (r *reader) value(x *record, f *model.Field) any {
	if !r.shows(x, f) {
		return nil
	}
	column := f.Column
	if f.Type == model.Money {
		column += "_reporting"
	}
	v := x.values[column]
	if u, ok := v.(id.ID); ok {
		return u.String()
	}
	return v
}

// holds works out a condition on a visible record.
func (r *reader) holds(c *condition, x *record) bool {
	switch c.of {
	case "and":
		return !slices.ContainsFunc(c.inner, func(y *condition) bool { return !r.holds(y, x) })
	case "or":
		return slices.ContainsFunc(c.inner, func(y *condition) bool { return r.holds(y, x) })
	case "not":
		return !r.holds(c.inner[0], x)
	case "to":
		related := r.related(x, c.field)
		if only := c.inner[0]; only.of == "isNull" && only.field.Name == "id" {
			return len(related) == 0
		}
		return len(related) == 1 && r.holds(c.inner[0], related[0])
	case "some", "none":
		some := slices.ContainsFunc(r.related(x, c.field), func(y *record) bool { return r.holds(c.inner[0], y) })
		return some == (c.of == "some")
	}
	return compares(r.value(x, c.field), c.of, c.value)
}

func compares(v any, operator string, with any) bool {
	switch operator {
	case "isNull":
		return (v == nil) == with.(bool)
	case "ne":
		return !compares(v, "eq", with)
	case "in":
		return slices.ContainsFunc(with.([]any), func(w any) bool { return compares(v, "eq", w) })
	}
	if v == nil {
		return false
	}
	switch operator {
	case "contains":
		return strings.Contains(v.(string), with.(string))
	case "startsWith":
		return strings.HasPrefix(v.(string), with.(string))
	}
	if m, ok := with.(map[string]any); ok {
		with = int(m["amount"].(string)[0]-'0') * 100
	}
	n := compare(v, with)
	switch operator {
	case "eq":
		return n == 0
	case "gt":
		return n > 0
	case "gte":
		return n >= 0
	case "lt":
		return n < 0
	}
	return n <= 0
}

// compare orders values; nil is the lowest.
func compare(a, b any) int {
	if a == nil || b == nil {
		return cmp.Compare(rank(a), rank(b))
	}
	switch a := a.(type) {
	case int64:
		switch b := b.(type) {
		case int:
			return cmp.Compare(a, int64(b))
		default:
			return cmp.Compare(a, b.(int64))
		}
	case bool:
		return cmp.Compare(rank(a), rank(b))
	}
	return strings.Compare(a.(string), b.(string))
}

func rank(v any) int {
	switch v {
	case nil:
		return 0
	case false:
		return 1
	}
	return 2
}

// all lists what the operation has on all its pages, in order.
func (op operation) all(r *reader) []*record {
	var out []*record
	for _, x := range r.w.byKind[op.kind] {
		if r.visible(x) && (op.where == nil || r.holds(op.where, x)) {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(x, y *record) int {
		desc := false
		for _, o := range op.order {
			desc = o.desc
			if n := compare(r.value(x, o.field), r.value(y, o.field)); n != 0 {
				return signed(n, o.desc)
			}
		}
		return signed(x.id.Compare(y.id), desc)
	})
	return out
}

func signed(n int, desc bool) int {
	if desc {
		return -n
	}
	return n
}

// page writes the page of a list that begins (or, backwards, ends) at skip, as the answer has it but for cursors.
func (r *reader) page(l list, all []*record, skip int) map[string]any {
	from, to := min(skip, len(all)), min(skip+l.first, len(all))
	if l.backward {
		from, to = max(0, len(all)-skip-l.first), max(0, len(all)-skip)
	}
	edges := []any{}
	for _, x := range all[from:to] {
		edges = append(edges, map[string]any{"node": r.object(l.node, x)})
	}
	out := map[string]any{"edges": edges, "pageInfo": map[string]any{"hasNextPage": to < len(all), "hasPreviousPage": from > 0}}
	if l.counted {
		out["totalCount"] = map[string]any{"value": len(all)}
	}
	return out
}

// object writes a record.
func (r *reader) object(s *selection, x *record) map[string]any {
	out := map[string]any{"id": x.id.String()}
	for _, f := range s.fields {
		v := r.value(x, f)
		if m, ok := v.(int64); ok && f.Type == model.Money {
			v = map[string]any{"amount": fmt.Sprintf("%d.%02d", m/100, m%100), "currency": x.text(f.Column + "_currency")}
		}
		out[f.Name] = v
	}
	for name, inner := range s.refs {
		out[name] = nil
		if to := r.related(x, x.kind.Field(name)); len(to) == 1 {
			out[name] = r.object(inner, to[0])
		}
	}
	for name, inner := range s.lists {
		f := x.kind.Field(name)
		if out[name] = nil; !r.shows(x, f) {
			continue
		}
		related := r.related(x, f)
		if inner.where != nil {
			related = slices.DeleteFunc(related, func(y *record) bool { return !r.holds(inner.where, y) })
		}
		out[name] = r.page(inner.list, related, 0)
	}
	return out
}

// canonical writes an answer in one form: keys sorted, cursors left out.
func canonical(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		return err.Error()
	}
	b, _ = json.MarshalIndent(withoutCursors(out), "", " ") // it came out of JSON
	return string(bytes.TrimSpace(b))
}

func withoutCursors(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range []string{"cursor", "startCursor", "endCursor"} {
			delete(v, key)
		}
		for _, inner := range v {
			withoutCursors(inner)
		}
	case []any:
		for _, inner := range v {
			withoutCursors(inner)
		}
	}
	return v
}
