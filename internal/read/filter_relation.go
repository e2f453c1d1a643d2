package read

import (
	"strconv"

	"farley/internal/access"
	"farley/internal/model"
)

// related compiles the filter of a to-one relation.
func (r *run) related(k *model.Kind, f *model.Field, alias string, value any, path []any, depth int) (access.Cond, error) {
	rd, err := r.reading(k, f, alias, path)
	if err != nil {
		return access.Cond{}, err
	}
	r.compares(k, f)
	if m, ok := value.(map[string]any); ok && len(m) == 0 {
		return access.Cond{}, nil
	}
	target, inner := r.kind(f.Target), r.alias("f")
	fk := name(alias, f.Column)
	head := "EXISTS (SELECT 1 FROM " + table(target) + " " + inner + " WHERE " + name(inner, "id") + " = " + fk
	if saysNone(value) {
		return access.Not(access.And(rd.plain, exists(head, r.sight(target, inner)))), nil
	}
	c, err := r.filter(target, inner, value, path, depth+1)
	if err != nil {
		return access.Cond{}, err
	}
	ids, ok := r.onlyID(value)
	if !ok {
		return access.And(rd.plain, exists(head, access.And(r.sight(target, inner), c))), nil
	}
	// It is said of the column itself too, so that its index serves. Of one record nothing else depends on the row: that it is in
	// sight is looked up once.
	if len(ids) == 1 {
		head = "EXISTS (SELECT 1 FROM " + table(target) + " " + inner + " WHERE 1=1"
	}
	found := exists(head, access.And(r.sight(target, inner), c))
	return access.And(rd.plain, oneOf(access.Cond{SQL: fk}, ids), found), nil
}

// saysNone recognises {id: {isNull: true}}.
func saysNone(value any) bool {
	m, _ := value.(map[string]any)
	ops, _ := m["id"].(map[string]any)
	return len(m) == 1 && len(ops) == 1 && ops["isNull"] == true
}

// someNone compiles the filter of a to-many relation. Where the relation does not show it counts as empty.
func (r *run) someNone(k *model.Kind, f *model.Field, alias string, value any, path []any, depth int) (access.Cond, error) {
	rd, err := r.reading(k, f, alias, path)
	if err != nil {
		return access.Cond{}, err
	}
	r.compares(k, f)
	m, ok := value.(map[string]any)
	if !ok {
		return access.Cond{}, required(path)
	}
	all := access.Cond{}
	for _, op := range []string{"some", "none"} {
		given, has := m[op]
		if !has {
			continue
		}
		c, err := r.some(f, alias, given, join(path, op), depth)
		if err != nil {
			return access.Cond{}, err
		}
		c = access.And(rd.plain, c)
		if op == "none" {
			c = access.Not(c)
		}
		all = access.And(all, c)
	}
	return all, nil
}

// some is the condition that a related record in sight fits.
func (r *run) some(f *model.Field, alias string, value any, path []any, depth int) (access.Cond, error) {
	target, inner := r.kind(f.Target), r.alias("f")
	c, err := r.filter(target, inner, value, path, depth+1)
	if err != nil {
		return access.Cond{}, err
	}
	head := "EXISTS (SELECT 1 FROM " + table(target) + " " + inner
	if f.Through == nil {
		head += " WHERE " + name(inner, target.Field(f.Back).Column) + " = " + name(alias, "id")
	} else {
		link, l := r.kind(f.Through.Link), r.alias("l")
		head = "EXISTS (SELECT 1 FROM " + table(link) + " " + l + " JOIN " + table(target) + " " + inner +
			" ON " + name(inner, "id") + " = " + name(l, link.Field(f.Through.To).Column) +
			" WHERE " + name(l, link.Field(f.Through.From).Column) + " = " + name(alias, "id") + " AND " + live(l).SQL
	}
	return exists(head, access.And(r.sight(target, inner), c)), nil
}

// exists closes a subquery that is open in its WHERE.
func exists(head string, c access.Cond) access.Cond {
	switch {
	case c.IsFalse():
		return c
	case c.IsTrue():
		return access.Cond{SQL: head + ")"}
	}
	return access.Cond{SQL: head + " AND " + c.SQL + ")", Args: c.Args}
}

// alias returns a name for a table that is new in this run.
func (r *run) alias(prefix string) string {
	r.aliases++
	return prefix + strconv.Itoa(r.aliases)
}
