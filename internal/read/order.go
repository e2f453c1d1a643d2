package read

import (
	"strings"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/model"
)

const maxOrderTerms = 5

// term is one term of an order.
type term struct {
	expr     access.Cond // the expression, with its arguments
	key      keyKind
	desc     bool
	nullable bool
	name     string       // field and direction, for the binding of cursors
	custom   *model.Field // of a field that the firm has added, where it shows on all rows
}

// order is the whole order of a list; the last term is the id, so no two records are alike.
type order []term

// orderBy reads the argument orderBy. NULL sorts lowest, as both databases have it.
func (r *run) orderBy(k *model.Kind, alias string, value any, path []any) (order, error) {
	items := asList(value)
	if len(items) > maxOrderTerms {
		return nil, invalid(path, "RANGE", "An order has at most %d terms.", maxOrderTerms)
	}
	var o order
	desc, seen := false, map[string]bool{}
	for i, item := range items {
		m, _ := item.(map[string]any)
		f, at, err := r.ordered(k, m, join(path, i))
		if err != nil {
			return nil, err
		}
		constant := f.Const
		desc = m["direction"] == "DESC"
		if seen[constant] {
			continue // the earlier term has decided already
		}
		seen[constant] = true
		t, err := r.term(k, f, alias, desc, at)
		if err != nil {
			return nil, err
		}
		o = append(o, t)
		if f.Column == "id" {
			return o, nil // nothing is left to decide
		}
	}
	return append(o, idTerm(alias, desc)), nil
}

// ordered returns the field that a term of an order names, and the path of its name.
func (r *run) ordered(k *model.Kind, m map[string]any, path []any) (*model.Field, []any, error) {
	if given := m["customField"]; given != nil {
		if m["field"] != nil {
			return nil, nil, invalid(join(path, "customField"), "RANGE", "Give field or customField, not both.")
		}
		return r.customOrdered(k, given, join(path, "customField", "key"))
	}
	at := join(path, "field")
	constant, _ := m["field"].(string)
	f := k.ByConst(constant)
	if f == nil || f.Internal || !f.Order && f.Column != "id" {
		return nil, nil, invalid(at, "UNKNOWN", "There is no such order.")
	}
	return f, at, nil
}

func (r *run) term(k *model.Kind, f *model.Field, alias string, desc bool, path []any) (term, error) {
	if f.Column == "id" {
		return idTerm(alias, desc), nil
	}
	if f.Custom != nil {
		return r.customTerm(k, f, alias, desc, path)
	}
	expr, err := r.comparable(k, f, alias, f.Ordered(), path)
	if err != nil {
		return term{}, err
	}
	guarded := len(expr.Args) > 0 || expr.SQL != name(alias, f.Ordered())
	return term{
		expr: expr, key: keyOf(f), desc: desc, nullable: guarded || !f.System && !f.Required, name: directed(f.Const, desc),
	}, nil
}

func idTerm(alias string, desc bool) term {
	return term{expr: access.Cond{SQL: name(alias, "id")}, key: keyBytes, desc: desc, name: directed("ID", desc)}
}

func directed(name string, desc bool) string {
	if desc {
		return name + " DESC"
	}
	return name + " ASC"
}

func keyOf(f *model.Field) keyKind {
	switch {
	case f.Sort != "" || f.Type == model.ID || f.Type == model.Ref:
		return keyBytes
	case f.Type == model.Int || f.Type == model.Degrees || f.Type == model.Bool || f.Type == model.Money:
		return keyInt
	case f.Type == model.DateTime:
		return keyTime
	}
	return keyText
}

// reversed returns the opposite order.
func (o order) reversed() order {
	back := make(order, len(o))
	for i, t := range o {
		t.desc = !t.desc
		back[i] = t
	}
	return back
}

// sql returns what stands behind ORDER BY.
func (o order) sql() access.Cond {
	var c access.Cond
	for i, t := range o {
		if i > 0 {
			c.SQL += ", "
		}
		c.SQL += t.expr.SQL + direction(t.desc)
		c.Args = append(c.Args, t.expr.Args...)
	}
	return c
}

func direction(desc bool) string {
	if desc {
		return " DESC"
	}
	return ""
}

// names identifies the order.
func (o order) names() string {
	var b strings.Builder
	for _, t := range o {
		b.WriteString(t.name + ",")
	}
	return b.String()
}

// after is the condition that a record comes behind the one with these values.
func (o order) after(values []any, d db.Dialect) access.Cond {
	if d == db.SQLite && o.plain() {
		return o.rowValue(values)
	}
	c := o.beyond(values)
	return access.And(o[0].bound(values[0]), c)
}

// parts is after as conditions of which SQLite makes a range of an index each: those without the value of the leading term apart,
// where there may be records of both.
func (o order) parts(values []any) []access.Cond {
	t, v := o[0], values[0]
	switch {
	case !t.nullable || len(t.expr.Args) > 0 || !o[1:].plain() || t.desc != o[1].desc || t.desc && v == nil:
		return []access.Cond{o.after(values, db.SQLite)}
	case v == nil:
		return []access.Cond{access.And(t.with(" IS NULL"), o[1:].beyond(values[1:])), t.with(" IS NOT NULL")}
	case t.desc:
		return []access.Cond{o.rowValue(values), t.with(" IS NULL")}
	}
	return []access.Cond{o.rowValue(values)}
}

// plain reports whether all terms have one direction and are never NULL, so that a row value can stand for them.
func (o order) plain() bool {
	for _, t := range o {
		if t.nullable || t.desc != o[0].desc {
			return false
		}
	}
	return true
}

// rowValue is the form of which SQLite makes one range of an index.
func (o order) rowValue(values []any) access.Cond {
	exprs, marks := make([]string, len(o)), make([]string, len(o))
	for i, t := range o {
		exprs[i], marks[i] = t.expr.SQL, "?"
	}
	op := " > "
	if o[0].desc {
		op = " < "
	}
	return access.Cond{SQL: "(" + strings.Join(exprs, ", ") + ")" + op + "(" + strings.Join(marks, ", ") + ")", Args: values}
}

// beyond is the same spelled out: t1 beyond v1 OR t1 = v1 AND (t2 beyond v2 OR …).
func (o order) beyond(values []any) access.Cond {
	head := o[0].beyond(values[0])
	if len(o) == 1 {
		return head
	}
	return access.Or(head, access.And(o[0].same(values[0]), o[1:].beyond(values[1:])))
}

func (t term) with(sql string, args ...any) access.Cond {
	return access.Cond{SQL: t.expr.SQL + sql, Args: append(append([]any{}, t.expr.Args...), args...)}
}

func (t term) same(v any) access.Cond {
	if v == nil {
		return t.with(" IS NULL")
	}
	return t.with(" = ?", v)
}

// beyond is the condition that the term's value comes behind v; NULL is the lowest value.
func (t term) beyond(v any) access.Cond {
	switch {
	case t.desc && v == nil:
		return access.Cond{SQL: "1=0"}
	case v == nil:
		return t.with(" IS NOT NULL")
	case !t.desc:
		return t.with(" > ?", v)
	case t.nullable:
		return access.Or(t.with(" < ?", v), t.with(" IS NULL"))
	}
	return t.with(" < ?", v)
}

// bound says again what the leading term may be, in a form of which MariaDB makes a range of an index.
func (t term) bound(v any) access.Cond {
	switch {
	case t.desc && v == nil:
		return t.with(" IS NULL")
	case v == nil:
		return access.Cond{}
	case !t.desc:
		return t.with(" >= ?", v)
	case t.nullable:
		return access.Or(t.with(" <= ?", v), t.with(" IS NULL"))
	}
	return t.with(" <= ?", v)
}

func invalid(path []any, code, message string, args ...any) error {
	var v fault.Violations
	v.Add(path, code, message, args...)
	return v.Err()
}

// join returns path with more at its end, sharing nothing with it.
func join(path []any, more ...any) []any {
	return append(path[:len(path):len(path)], more...)
}
