package read

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/text"
)

// compare compiles the operator object of a field that holds values.
func (r *run) compare(k *model.Kind, f *model.Field, alias string, value any, path []any) (access.Cond, error) {
	col, err := r.comparable(k, f, alias, f.Compared(), path)
	if err != nil {
		return access.Cond{}, err
	}
	ops, ok := value.(map[string]any)
	if !ok {
		return access.Cond{}, required(path)
	}
	all := access.Cond{}
	for _, op := range slices.Sorted(maps.Keys(ops)) {
		if ops[op] == nil {
			return access.Cond{}, required(join(path, op))
		}
		c, err := r.operator(f, col, op, ops[op], join(path, op))
		if err != nil {
			return access.Cond{}, err
		}
		all = access.And(all, c)
	}
	return all, nil
}

func (r *run) operator(f *model.Field, col access.Cond, op string, value any, path []any) (access.Cond, error) {
	switch op {
	case "isNull":
		// Unlike its values, which few records share, nearly all may have none: + keeps SQLite from looking for them in an index.
		return flag(access.Cond{SQL: "+" + col.SQL + " IS NULL", Args: col.Args}, value), nil
	case "isEmpty":
		return flag(r.empty(f, col), value), nil
	case "ne", "notIn":
		c, err := r.operator(f, col, map[string]string{"ne": "eq", "notIn": "in"}[op], value, path)
		return access.Not(c), err
	}
	args, err := r.operands(f, value, path)
	if err != nil {
		return access.Cond{}, err
	}
	switch op {
	case "in":
		return oneOf(col, args), nil
	case "hasAny", "hasAll", "has":
		cs := make([]access.Cond, len(args))
		for i, a := range args {
			cs[i] = r.has(f, col, a)
		}
		if op == "hasAny" {
			return access.Or(cs...), nil
		}
		return access.And(cs...), nil
	}
	if len(args) != 1 {
		return access.Cond{}, required(path)
	}
	if sign, ok := signs[op]; ok {
		return suffix(col, sign, args[0]), nil
	}
	if s, ok := args[0].(string); ok && (op == "contains" || op == "startsWith" || op == "endsWith") {
		return r.match(col, op, s), nil
	}
	return access.Cond{}, invalid(path, "UNKNOWN", "There is no such operator.")
}

var signs = map[string]string{"eq": " = ?", "gt": " > ?", "gte": " >= ?", "lt": " < ?", "lte": " <= ?"}

func suffix(col access.Cond, sql string, args ...any) access.Cond {
	return access.Cond{SQL: col.SQL + sql, Args: append(append([]any{}, col.Args...), args...)}
}

// flag returns c when value is true, its opposite when it is false.
func flag(c access.Cond, value any) access.Cond {
	if value == true {
		return c
	}
	return access.Not(c)
}

func oneOf(col access.Cond, args []any) access.Cond {
	switch len(args) {
	case 0:
		return access.Cond{SQL: "1=0"}
	case 1:
		return suffix(col, " = ?", args[0])
	}
	return suffix(col, " IN ("+strings.Repeat("?,", len(args)-1)+"?)", args...)
}

// operands turns the value of an operator into what is bound.
func (r *run) operands(f *model.Field, value any, path []any) ([]any, error) {
	items := asList(value)
	if len(items) > maxFilterTerms {
		return nil, tooMany(path)
	}
	args := make([]any, len(items))
	for i, item := range items {
		at := path
		if _, list := value.([]any); list {
			at = join(path, i)
		}
		if item == nil {
			return nil, required(at)
		}
		var err error
		if args[i], err = r.operand(f, item); err != nil {
			return nil, invalid(at, "FORMAT", "This is not a value of the field.")
		}
	}
	return args, nil
}

var errOperand = errors.New("read: not a value of the field")

func (r *run) operand(f *model.Field, v any) (any, error) {
	switch f.Type {
	case model.Money:
		m, _ := v.(map[string]any)
		currency, _ := m["currency"].(string)
		var amount string
		switch a := m["amount"].(type) {
		case string:
			amount = a
		case json.Number:
			amount = a.String()
		default:
			return nil, errOperand
		}
		return r.Money.ToReporting(amount, currency)
	case model.Int:
		if n, ok := asWhole(v); ok {
			return n, nil
		}
		return nil, errOperand
	case model.Degrees:
		if x, ok := asNumber(v); ok && math.Abs(x) < 1_000 {
			return int64(math.Round(x * degree)), nil
		}
		return nil, errOperand
	case model.Bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, errOperand
	}
	s, ok := v.(string)
	if n, whole := asWhole(v); whole && f.Type == model.List {
		return n, nil
	}
	if !ok {
		return nil, errOperand
	}
	switch f.Type {
	case model.ID:
		return id.Parse(s)
	case model.DateTime:
		at, err := time.Parse(time.RFC3339Nano, s)
		return at.UTC().Truncate(time.Microsecond), err
	case model.Date:
		_, err := time.Parse(time.DateOnly, s)
		return s, err
	}
	if f.Fold != "" {
		return text.Fold(s), nil
	}
	return s, nil
}

// match compiles the operators on parts of texts. LIKE serves MariaDB, where it respects the column's collation and uses
// its index; on SQLite it would ignore the case of ASCII letters.
func (r *run) match(col access.Cond, op, s string) access.Cond {
	if s == "" {
		return suffix(col, " IS NOT NULL")
	}
	if r.Dialect == db.SQLite {
		switch op {
		case "contains":
			return access.Cond{SQL: "INSTR(" + col.SQL + ", ?) > 0", Args: suffix(col, "", s).Args}
		case "startsWith":
			return access.And(suffix(col, " >= ?", s), suffix(col, " < ?", s+string(utf8.MaxRune)))
		}
		return access.Cond{SQL: "SUBSTR(" + col.SQL + ", ?) = ?", Args: suffix(col, "", -utf8.RuneCountInString(s), s).Args}
	}
	pattern := likeEscape.Replace(s)
	if op != "startsWith" {
		pattern = "%" + pattern
	}
	if op != "endsWith" {
		pattern += "%"
	}
	return suffix(col, " LIKE ? ESCAPE '!'", pattern)
}

var likeEscape = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// has is the condition that a set or list has a member.
func (r *run) has(f *model.Field, col access.Cond, v any) access.Cond {
	if f.Type == model.Choices {
		return access.Cond{SQL: "INSTR(" + col.SQL + ", ?) > 0", Args: suffix(col, "", "|"+v.(string)+"|").Args}
	}
	if r.Dialect == db.SQLite {
		c := access.Cond{SQL: "EXISTS (SELECT 1 FROM json_each(NULLIF(" + col.SQL + ", '')) WHERE value = ?)"}
		c.Args = suffix(col, "", v).Args
		return c
	}
	member := fmt.Sprint(v)
	if s, ok := v.(string); ok {
		member = string(appendString(nil, s))
	}
	return access.Cond{SQL: "JSON_CONTAINS(" + col.SQL + ", ?)", Args: suffix(col, "", member).Args}
}

// empty is the condition that a set or list has no members, or does not show.
func (r *run) empty(f *model.Field, col access.Cond) access.Cond {
	if f.Type == model.Choices {
		return access.Cond{SQL: "COALESCE(" + col.SQL + ", '') = ''", Args: col.Args}
	}
	length := "JSON_LENGTH"
	if r.Dialect == db.SQLite {
		length = "json_array_length"
	}
	return access.Cond{SQL: "COALESCE(" + length + "(NULLIF(" + col.SQL + ", '')), 0) = 0", Args: col.Args}
}
