package read

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/fault"
)

const (
	defaultPage = 20
	maxPage     = 100
)

// page is the part of a list that is asked for.
type page struct {
	size          int
	backward      bool // the last size records instead of the first
	after, before []any
}

// arguments returns the arguments of a field with variables and defaults in place; absent ones are absent.
func (r *run) arguments(f graphql.CollectedField, path []any) (map[string]any, error) {
	args := make(map[string]any, len(f.Arguments))
	for _, def := range f.Definition.Arguments {
		value := def.DefaultValue
		if given := f.Arguments.ForName(def.Name); given != nil {
			value = given.Value
			if _, set := r.oc.Variables[value.Raw]; value.Kind == 0 && !set { // a variable that was not given
				value = def.DefaultValue
			}
		}
		if value == nil {
			continue
		}
		v, err := value.Value(r.oc.Variables)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "An argument cannot be read.").At(join(path, def.Name)...)
		}
		args[def.Name] = v
	}
	return args, nil
}

// size reads first and last.
func size(args map[string]any, path []any) (page, error) {
	first, last := args["first"], args["last"]
	if first != nil && last != nil {
		return page{}, invalid(join(path, "last"), "RANGE", "Give first or last, not both.")
	}
	p, arg, value := page{size: defaultPage}, "first", first
	if last != nil {
		p.backward, arg, value = true, "last", last
	}
	if value == nil {
		return p, nil
	}
	n, ok := asWhole(value)
	if !ok || n < 1 || n > maxPage {
		return page{}, invalid(join(path, arg), "RANGE", "A page has 1 to %d records.", maxPage)
	}
	p.size = int(n)
	return p, nil
}

// asWhole reads a whole number as JSON or GraphQL gives it.
// asNumber reads a number from an input.
func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case json.Number:
		x, err := v.Float64()
		return x, err == nil
	}
	n, ok := asWhole(v)
	return float64(n), ok
}

func asWhole(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// asList reads a list; a single value stands for a list of one, as in GraphQL.
func asList(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	case []map[string]any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out
	}
	return []any{v}
}
