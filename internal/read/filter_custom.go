package read

import (
	"maps"
	"slices"

	"farley/internal/access"
	"farley/internal/custom"
	"farley/internal/id"
	"farley/internal/model"
)

// maxCustomTerms bounds the conditions on custom fields in one place.
const maxCustomTerms = 50

// operatorsOf names the member of a condition that holds the operators of a type.
var operatorsOf = map[string]string{
	custom.Text: "text", custom.URL: "text", custom.Number: "number", custom.Money: "money", custom.Date: "date", custom.Boolean: "boolean",
	custom.Choice: "choice", custom.MultiChoice: "choice", custom.Reference: "reference",
}

// customFilter compiles conditions on the custom fields of k's records: each is a search of the table of values.
func (r *run) customFilter(k *model.Kind, alias string, value any, path []any) (access.Cond, error) {
	items := asList(value)
	if len(items) > maxCustomTerms {
		return access.Cond{}, tooMany(path)
	}
	all := access.Cond{}
	for i, item := range items {
		m, ok := item.(map[string]any)
		if !ok {
			return access.Cond{}, required(join(path, i))
		}
		c, err := r.customCondition(k, alias, m, join(path, i))
		if err != nil {
			return access.Cond{}, err
		}
		all = access.And(all, c)
	}
	return all, nil
}

// customCondition compiles one condition.
func (r *run) customCondition(k *model.Kind, alias string, m map[string]any, path []any) (access.Cond, error) {
	key, _ := m["key"].(string)
	f := r.a.Policy.CustomField(k, key)
	if f == nil {
		return access.Cond{}, invalid(join(path, "key"), "UNKNOWN", "There is no such field.")
	}
	rd, err := r.customReading(k, f, alias, join(path, "key"))
	if err != nil {
		return access.Cond{}, err
	}
	s := customSearch{r: r, field: f, reading: rd, record: name(alias, "id"), values: r.alias("v")}
	all := access.Cond{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at := join(path, name)
		if m[name] == nil {
			return access.Cond{}, required(at)
		}
		var c access.Cond
		switch name {
		case "key":
			continue
		case "isNull":
			c = flag(access.Not(s.any()), m[name])
		case operatorsOf[f.Custom.Type]:
			if c, err = s.operators(m[name], at); err != nil {
				return access.Cond{}, err
			}
		default:
			return access.Cond{}, invalid(at, "UNKNOWN", "The field is of another type.")
		}
		all = access.And(all, c)
	}
	return all, nil
}

// customSearch looks for the values of one field.
type customSearch struct {
	r       *run
	field   *model.Field
	reading reading
	record  string // the expression of the record's id
	values  string // the alias of the table
}

// column is a column of the table.
func (s customSearch) column(column string) access.Cond {
	return access.Cond{SQL: s.values + "." + column}
}

// where is the condition that the record has a value that shows and of which c holds.
func (s customSearch) where(c access.Cond) access.Cond {
	c = access.And(access.Cond{SQL: s.values + ".field_id = ?", Args: []any{s.field.Custom.ID}}, c, s.leads())
	if c.IsFalse() {
		return c
	}
	found := access.Cond{SQL: s.record + " IN (SELECT " + s.values + ".record_id FROM custom_values " + s.values + " WHERE " + c.SQL + ")", Args: c.Args}
	if s.reading.whole {
		return found
	}
	return access.And(s.reading.plain, found)
}

// leads is the condition that a REFERENCE leads to a record in sight; for other types it is true.
func (s customSearch) leads() access.Cond {
	if s.field.Custom.Type != custom.Reference {
		return access.Cond{}
	}
	target := s.r.kind(s.field.Custom.Target)
	if target == nil || !s.r.a.Policy.Readable(target) {
		return access.Cond{SQL: "1=0"}
	}
	inner := s.r.alias("f")
	return exists("EXISTS (SELECT 1 FROM "+table(target)+" "+inner+" WHERE "+name(inner, "id")+" = "+s.values+".sort", s.r.sight(target, inner))
}

// any is the condition that the record has a value.
func (s customSearch) any() access.Cond {
	if s.field.Custom.Type == custom.MultiChoice {
		return s.where(access.Cond{})
	}
	return s.where(suffix(s.column("sort"), " IS NOT NULL"))
}

// operators compiles the operators of a condition. Those that a value has to meet make one search, as long as there is one
// value: so both ends of a span confine the index.
func (s customSearch) operators(value any, path []any) (access.Cond, error) {
	ops, ok := value.(map[string]any)
	if !ok {
		return access.Cond{}, required(path)
	}
	var meets, all access.Cond
	searched := false
	for _, op := range slices.Sorted(maps.Keys(ops)) {
		at := join(path, op)
		if ops[op] == nil {
			return access.Cond{}, required(at)
		}
		positive, negative := negated[op]
		switch {
		case op == "isNull", op == "isEmpty":
			all = access.And(all, flag(access.Not(s.any()), ops[op]))
			continue
		case !negative:
			positive = op
		}
		if custom.Listed(s.field.Custom.Type) {
			c, err := s.chosen(positive, ops[op], at)
			if err != nil {
				return access.Cond{}, err
			}
			if negative {
				c = access.Not(c)
			}
			all = access.And(all, c)
			continue
		}
		c, err := s.value(positive, ops[op], at)
		switch {
		case err != nil:
			return access.Cond{}, err
		case negative:
			all = access.And(all, access.Not(s.where(c)))
		default:
			meets, searched = access.And(meets, c), true
		}
	}
	if searched {
		all = access.And(all, s.where(meets))
	}
	return all, nil
}

// negated are the operators that say the opposite of another one.
var negated = map[string]string{"ne": "eq", "notIn": "in"}

// value is the condition that the one value of a record meets an operator.
func (s customSearch) value(op string, value any, path []any) (access.Cond, error) {
	switch operatorsOf[s.field.Custom.Type] {
	case "text":
		return s.r.operator(&model.Field{Type: model.String, Fold: "fold"}, s.column("fold"), op, value, path)
	case "choice":
		return s.choice(op, value, path)
	}
	args, err := s.operands(value, path)
	if err != nil {
		return access.Cond{}, err
	}
	sign, signed := signs[op]
	switch {
	case op == "in":
		return oneOf(s.column("sort"), args), nil
	case !signed:
		return access.Cond{}, invalid(path, "UNKNOWN", "There is no such operator.")
	case len(args) != 1:
		return access.Cond{}, required(path)
	}
	return suffix(s.column("sort"), sign, args[0]), nil
}

// choice is the condition that one choice meets an operator.
func (s customSearch) choice(op string, value any, path []any) (access.Cond, error) {
	args, err := s.r.operands(&model.Field{Type: model.Enum}, value, path)
	if err != nil {
		return access.Cond{}, err
	}
	switch op {
	case "eq", "has":
		if len(args) != 1 {
			return access.Cond{}, required(path)
		}
		return oneOf(s.column("fold"), args), nil
	case "in", "hasAny":
		return oneOf(s.column("fold"), args), nil
	case "hasAll":
		all := access.Cond{}
		for _, a := range args {
			all = access.And(all, suffix(s.column("fold"), " = ?", a))
		}
		return all, nil
	}
	return access.Cond{}, invalid(path, "UNKNOWN", "There is no such operator.")
}

// chosen compiles an operator on a list of choices, of which each has a row.
func (s customSearch) chosen(op string, value any, path []any) (access.Cond, error) {
	if op != "hasAll" {
		c, err := s.choice(op, value, path)
		return s.where(c), err
	}
	args, err := s.r.operands(&model.Field{Type: model.Enum}, value, path)
	all := make([]access.Cond, len(args))
	for i, a := range args {
		all[i] = s.where(suffix(s.column("fold"), " = ?", a))
	}
	return access.And(all...), err
}

// operands turns the value of an operator into keys of the index.
func (s customSearch) operands(value any, path []any) ([]any, error) {
	items := asList(value)
	if len(items) > maxFilterTerms {
		return nil, tooMany(path)
	}
	keys := make([]any, len(items))
	for i, item := range items {
		at := path
		if _, list := value.([]any); list {
			at = join(path, i)
		}
		if item == nil {
			return nil, required(at)
		}
		key, err := s.key(item)
		if err != nil {
			return nil, invalid(at, "FORMAT", "This is not a value of the field.")
		}
		keys[i] = key
	}
	return keys, nil
}

// key returns the key of one value.
func (s customSearch) key(v any) ([]byte, error) {
	switch s.field.Custom.Type {
	case custom.Number:
		text, _ := v.(string)
		if key, ok := custom.NumberKey(text); ok {
			return key, nil
		}
	case custom.Money:
		minor, err := s.r.operand(&model.Field{Type: model.Money}, v)
		if n, ok := minor.(int64); ok && err == nil {
			return custom.MoneyKey(n), nil
		}
	case custom.Date:
		day, err := s.r.operand(&model.Field{Type: model.Date}, v)
		if text, ok := day.(string); ok && err == nil {
			return []byte(text), nil
		}
	case custom.Boolean:
		if b, ok := v.(bool); ok {
			return custom.BoolKey(b), nil
		}
	case custom.Reference:
		text, _ := v.(string)
		if x, err := id.Parse(text); err == nil {
			return x[:], nil
		}
	}
	return nil, errOperand
}
