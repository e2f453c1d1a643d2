package write

import (
	"context"
	"encoding/json"
	"math"
	"strings"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/scalar"
)

// decoded are the columns and links that an input object sets. A nil value empties its column.
type decoded struct {
	id      id.ID
	columns []columnValue
	links   map[*model.Field][]id.ID
	// problems are those of single fields, none of which is set. They are told together with what the rules find.
	problems fault.Violations
}

type columnValue struct {
	field  *model.Field
	column string
	value  any
}

// decoder turns input objects into columns, collecting everything that is wrong.
type decoder struct {
	kind     *model.Kind
	money    Money
	problems fault.Violations
	out      decoded
}

// decode reads the input of a create or update, and drops ids of records that the actor cannot see: what follows is the
// same whether they exist or not.
func (tx *Tx) decode(ctx context.Context, k *model.Kind, in input.Object, create bool) (*decoded, error) {
	d, problems := decode(k, tx.w.Money, in)
	d.problems = problems
	kept := d.columns[:0]
	for _, v := range d.columns {
		if v.value == nil && v.field.Required && !create { // a new record takes the default, or lacks it
			d.problems.Add([]any{"input", v.field.Name}, "REQUIRED", "This field is required.")
			continue
		}
		problem, err := tx.related(ctx, &v)
		if err != nil {
			return nil, err
		}
		if problem.Code != "" {
			d.problems = append(d.problems, problem)
			continue
		}
		kept = append(kept, v)
	}
	d.columns = kept
	return d, nil
}

// related returns what is wrong with the id of another record; its code is "" when nothing is. It asks as well when the
// record holds that id already, which the actor may not know. The id of a merged
// record becomes that of its survivor.
func (tx *Tx) related(ctx context.Context, v *columnValue) (fault.Violation, error) {
	x := idOf(v.value)
	if tx.system || x.IsZero() || v.field.Type != model.Ref && v.field.Type != model.ID {
		return fault.Violation{}, nil
	}
	path := []any{"input", v.field.Name}
	k := tx.w.Set.Of(x)
	if k == nil || v.field.Target != "" && k.Name != v.field.Target {
		return fault.Violation{Path: path, Code: "FORMAT", Message: "This is not an id of the right kind."}, nil
	}
	if x == tx.Actor.User {
		return fault.Violation{}, nil
	}
	seen, err := tx.relatable(ctx, k, x)
	if err != nil || seen {
		return fault.Violation{}, err
	}
	if k.Mergeable() {
		to, err := Redirect(ctx, tx, x)
		if err != nil {
			return fault.Violation{}, err
		}
		if !to.IsZero() {
			if seen, err = tx.relatable(ctx, k, to); err != nil || seen {
				v.value = to
				return fault.Violation{}, err
			}
		}
	}
	return fault.Violation{Path: path, Code: "NOT_FOUND", Message: "There is no %s with this id.", Args: []any{k.Name}}, nil
}

// relatable reports whether the actor sees a record, which stays as it is until the transaction ends where it might be
// merged into another one: what comes to lead to it goes along then.
func (tx *Tx) relatable(ctx context.Context, k *model.Kind, x id.ID) (bool, error) {
	if seen, known := tx.seen[x]; known {
		return seen, nil
	}
	seen, err := tx.visible(ctx, k, []id.ID{x}, tx.holds(k))
	return seen[x], err
}

// holds returns what keeps records of a kind from being merged away until the transaction ends.
func (tx *Tx) holds(k *model.Kind) string {
	if k.Mergeable() {
		return tx.Dialect.ForShare()
	}
	return ""
}

// decode reads an input object, collecting everything that is wrong with its values.
func decode(k *model.Kind, money Money, in input.Object) (*decoded, fault.Violations) {
	d := &decoder{kind: k, money: money, out: decoded{links: map[*model.Field][]id.ID{}}}
	for _, f := range k.Fields {
		v, ok := in[f.Name]
		if !ok || f.Internal {
			continue
		}
		path := []any{"input", f.Name}
		if f.Name == "id" {
			d.ownID(path, v)
			continue
		}
		d.field(path, f, v)
	}
	return &d.out, d.problems
}

// ownID takes an id made by the client.
func (d *decoder) ownID(path []any, v any) {
	if v == nil {
		return
	}
	x, ok := d.id(path, v)
	if !ok {
		return
	}
	if x.Kind() != d.kind.Code {
		d.problems.Add(path, "FORMAT", "This is not an id of the right kind.")
		return
	}
	d.out.id = x
}

func (d *decoder) set(f *model.Field, column string, v any) {
	d.out.columns = append(d.out.columns, columnValue{f, column, v})
}

func (d *decoder) field(path []any, f *model.Field, v any) {
	if f.Type == model.Many {
		d.linked(path, f, v)
		return
	}
	if v == nil && f.Type == model.Bool {
		v = f.Default == "true" // a truth value is never empty
	}
	if v == nil {
		for _, column := range f.Columns() {
			d.set(f, column, nil)
		}
		return
	}
	switch f.Type {
	case model.Money:
		d.amount(path, f, v)
		return
	case model.List, model.Choices, model.Objects:
		if s, ok := d.list(path, f, v); ok {
			d.set(f, f.Column, s)
		}
		return
	}
	if value, ok := d.single(path, f, v); ok {
		d.set(f, f.Column, value)
	}
}

func (d *decoder) id(path []any, v any) (id.ID, bool) {
	switch v := v.(type) {
	case id.ID:
		return v, true
	case string:
		if x, err := id.Parse(v); err == nil {
			return x, true
		}
	}
	d.problems.Add(path, "FORMAT", "This is not an id.")
	return id.ID{}, false
}

func (d *decoder) single(path []any, f *model.Field, v any) (any, bool) {
	switch f.Type {
	case model.ID, model.Ref:
		return d.id(path, v)
	case model.Int:
		if n, ok := whole(v); ok {
			return n, true
		}
		d.problems.Add(path, "FORMAT", "This is not a whole number.")
		return nil, false
	case model.Degrees:
		if x, err := number(v); err == nil && math.Abs(x) < 1_000 {
			return int64(math.Round(x * degree)), true
		}
		d.problems.Add(path, "FORMAT", "This is not a number of degrees.")
		return nil, false
	case model.Bool:
		if b, ok := v.(bool); ok {
			return b, true
		}
		d.problems.Add(path, "FORMAT", "This is not true or false.")
		return nil, false
	case model.DateTime:
		s, _ := v.(string)
		t, err := scalar.ParseDateTime(s)
		if err != nil {
			d.problems.Add(path, "FORMAT", "This is not an instant in the form 2006-01-02T15:04:05Z.")
			return nil, false
		}
		return t, true
	}
	s, ok := v.(string)
	if !ok {
		d.problems.Add(path, "FORMAT", "This is not a text.")
		return nil, false
	}
	return s, true
}

func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}

func (d *decoder) amount(path []any, f *model.Field, v any) {
	o, _ := v.(map[string]any)
	amount, _ := o["amount"].(string)
	code, _ := o["currency"].(string)
	currency, problem := Format("CurrencyCode", code)
	if currency == "" {
		if problem == "" {
			problem = "This is not an ISO 4217 currency code."
		}
		d.problems.Add(append(path, "currency"), "FORMAT", problem)
		return
	}
	minor, err := d.money.Parse(amount, currency)
	if err != nil {
		d.problems.Add(append(path, "amount"), "FORMAT", "This is not an amount of this currency.")
		return
	}
	d.set(f, f.Column, minor)
	d.set(f, f.Column+"_currency", currency)
}

// list reads a list of scalars, enum values or embedded objects into its stored form. A single value is a list of one,
// as GraphQL has it.
func (d *decoder) list(path []any, f *model.Field, v any) (string, bool) {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	if f.Max > 0 && len(items) > f.Max {
		d.problems.Add(path, "TOO_LONG", "The list is longer than %d.", f.Max)
		return "", false
	}
	before := len(d.problems)
	if f.Type == model.Objects {
		return d.objects(path, f, items), len(d.problems) == before
	}
	var texts []string
	for i, item := range items {
		s, ok := item.(string)
		s, problem := Format(f.Scalar, s)
		switch {
		case !ok || problem != "" || s == "" || strings.ContainsAny(s, "|") && f.Type == model.Choices:
			if problem == "" {
				problem = "This is not a text."
			}
			d.problems.Add(append(path, i), "FORMAT", problem)
		case len(s) > 2000 || f.Type == model.Choices && len(s) > 60:
			d.problems.Add(append(path, i), "TOO_LONG", "The text is longer than %d characters.", 2000)
		default:
			texts = append(texts, s)
		}
	}
	if len(d.problems) > before {
		return "", false
	}
	if f.Type == model.Choices {
		return joinChoices(texts), true
	}
	if texts == nil {
		texts = []string{}
	}
	return string(mustJSON(texts)), true
}

func (d *decoder) objects(path []any, f *model.Field, items []any) string {
	clean := objectForms[f.Scalar]
	out := make([]map[string]any, 0, len(items))
	for i, item := range items {
		o, ok := item.(map[string]any)
		if !ok || clean == nil {
			d.problems.Add(append(path, i), "FORMAT", "This is not an object.")
			continue
		}
		at := &objectAt{path: append(append([]any(nil), path...), i), in: o, out: map[string]any{}, problems: &d.problems}
		clean(at)
		out = append(out, at.out)
	}
	if choose := objectSets[f.Scalar]; choose != nil {
		choose(path, out, &d.problems)
	}
	return string(mustJSON(out))
}

// linked reads the ids of a many-to-many relation.
func (d *decoder) linked(path []any, f *model.Field, v any) {
	if v == nil {
		d.out.links[f] = []id.ID{}
		return
	}
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	if len(items) > f.Max {
		d.problems.Add(path, "TOO_LONG", "The list is longer than %d.", f.Max)
		return
	}
	ids, seen := []id.ID{}, map[id.ID]bool{}
	for i, item := range items {
		x, ok := d.id(append(path, i), item)
		if ok && !seen[x] {
			ids, seen[x] = append(ids, x), true
		}
	}
	d.out.links[f] = ids
}
