package read

import (
	"maps"
	"slices"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

const (
	maxFilterDepth = 12
	maxFilterTerms = 200 // of one list: and, or, in
)

// where compiles a filter on the records of k under alias.
func (r *run) where(k *model.Kind, alias string, value any, path []any) (access.Cond, error) {
	return r.filter(k, alias, value, path, 0)
}

func (r *run) filter(k *model.Kind, alias string, value any, path []any, depth int) (access.Cond, error) {
	if depth > maxFilterDepth {
		return access.Cond{}, fault.New(fault.Limited, "The filter is nested too deeply.").At(path...)
	}
	m, ok := value.(map[string]any)
	if !ok {
		return access.Cond{}, required(path)
	}
	var conds []access.Cond
	for _, key := range slices.Sorted(maps.Keys(m)) { // sorted, so that equal filters are equal statements
		c, err := r.member(k, alias, key, m[key], join(path, key), depth)
		if err != nil {
			return access.Cond{}, err
		}
		conds = append(conds, c)
	}
	return access.And(conds...), nil
}

// member compiles one member of a filter.
func (r *run) member(k *model.Kind, alias, key string, value any, path []any, depth int) (access.Cond, error) {
	if value == nil {
		return access.Cond{}, required(path)
	}
	switch key {
	case "and", "or":
		cs, err := r.filters(k, alias, value, path, depth)
		if key == "and" {
			return access.And(cs...), err
		}
		return access.Or(cs...), err
	case "not":
		c, err := r.filter(k, alias, value, path, depth+1)
		return access.Not(c), err
	}
	f := k.Field(key)
	switch {
	case key == model.CustomFields && k.Customised():
		return r.customFilter(k, alias, value, path)
	case f == nil && key == "me" && k.Sight == model.ByUser:
		return r.me(alias, value), nil
	case f == nil || f.Internal || !f.Filter:
		return access.Cond{}, invalid(path, "UNKNOWN", "There is no such filter.")
	case f.Type == model.Ref:
		return r.related(k, f, alias, value, path, depth)
	case f.Type == model.Many:
		return r.someNone(k, f, alias, value, path, depth)
	}
	return r.compare(k, f, alias, value, path)
}

func (r *run) filters(k *model.Kind, alias string, value any, path []any, depth int) ([]access.Cond, error) {
	items := asList(value)
	if len(items) > maxFilterTerms {
		return nil, tooMany(path)
	}
	cs := make([]access.Cond, len(items))
	for i, item := range items {
		var err error
		if cs[i], err = r.filter(k, alias, item, join(path, i), depth+1); err != nil {
			return nil, err
		}
	}
	return cs, nil
}

// me is the condition that a user is, or is not, the viewer.
func (r *run) me(alias string, value any) access.Cond {
	c := access.Cond{SQL: "1=0"}
	if r.a.SignedIn() {
		c = access.Cond{SQL: name(alias, "id") + " = ?", Args: []any{r.a.User}}
	}
	if value == true {
		return c
	}
	return access.Not(c)
}

// binned reports whether a filter chooses by itself between live records and the bin.
func binned(where any) bool {
	m, _ := where.(map[string]any)
	if _, ok := m["deletedAt"]; ok {
		return true
	}
	return slices.ContainsFunc(asList(m["and"]), binned)
}

// onlyID returns the ids to which a filter on records confines them at its top level, ok when it does.
func (r *run) onlyID(value any) (ids []any, ok bool) {
	m, _ := value.(map[string]any)
	if m["me"] == true && r.a.SignedIn() {
		return []any{r.a.User}, true
	}
	ops, _ := m["id"].(map[string]any)
	for _, op := range []string{"eq", "in"} {
		given, has := ops[op]
		if !has {
			continue
		}
		for _, v := range asList(given) {
			text, _ := v.(string)
			x, err := id.Parse(text)
			if err != nil {
				return nil, false
			}
			ids = append(ids, x)
		}
		return ids, len(ids) > 0
	}
	return nil, false
}

func required(path []any) error {
	return invalid(path, "REQUIRED", "A filter may be left out, but not be null.")
}

func tooMany(path []any) error {
	return fault.New(fault.Limited, "A filter's list has at most %d members.", maxFilterTerms).At(path...)
}
