package access

import (
	"slices"
	"strings"

	"farley/internal/id"
)

// never is the condition that holds on no row.
var never = Cond{SQL: "1=0"}

// IsTrue reports whether the condition holds on every row, so that it may be left out.
func (c Cond) IsTrue() bool { return c.SQL == "" }

// IsFalse reports whether the condition holds on no row, so that a statement need not run.
func (c Cond) IsFalse() bool { return c.SQL == never.SQL }

// And returns the condition that all of cs hold; the true one for none.
func And(cs ...Cond) Cond {
	kept := make([]Cond, 0, len(cs))
	for _, c := range cs {
		if c.IsFalse() {
			return never
		}
		if !c.IsTrue() {
			kept = append(kept, c)
		}
	}
	return join(kept, " AND ")
}

// Or returns the condition that some of cs holds; the false one for none.
func Or(cs ...Cond) Cond {
	kept := make([]Cond, 0, len(cs))
	for _, c := range cs {
		if c.IsTrue() {
			return Cond{}
		}
		if !c.IsFalse() {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return never
	}
	return join(kept, " OR ")
}

// Not returns the condition that c does not hold, where c may also be NULL.
func Not(c Cond) Cond {
	switch {
	case c.IsTrue():
		return never
	case c.IsFalse():
		return Cond{}
	}
	return Cond{SQL: "((" + c.SQL + ") IS NOT TRUE)", Args: c.Args}
}

func join(cs []Cond, word string) Cond {
	switch len(cs) {
	case 0:
		return Cond{}
	case 1:
		return cs[0]
	}
	parts := make([]string, len(cs))
	var args []any
	for i, c := range cs {
		parts[i] = c.SQL
		args = append(args, c.Args...)
	}
	return Cond{SQL: "(" + strings.Join(parts, word) + ")", Args: args}
}

// oneOf is the condition that a column holds one of ids, which is not true for a NULL in it and false for no ids.
func oneOf(alias, column string, ids ...id.ID) Cond {
	ids = slices.DeleteFunc(slices.Clone(ids), id.ID.IsZero)
	name := alias + "." + quote(column)
	switch len(ids) {
	case 0:
		return never
	case 1:
		return Cond{SQL: name + " = ?", Args: []any{ids[0]}}
	}
	return Cond{SQL: name + " IN " + marks(len(ids)), Args: anys(ids)}
}

// marks returns "(?,?,?)".
func marks(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")" }

func anys(ids []id.ID) []any {
	out := make([]any, len(ids))
	for i, x := range ids {
		out[i] = x
	}
	return out
}

// quote quotes a table's or column's name in the way that all our databases read.
func quote(name string) string { return "`" + name + "`" }
