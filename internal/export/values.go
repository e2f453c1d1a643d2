package export

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"farley/internal/model"
	"farley/internal/scalar"
)

// record is one record of an answer.
type record struct {
	raw    json.RawMessage
	values map[string]any
	refs   map[string]string // keys of outside systems
}

// decode reads the records of a page.
func decode(raw []json.RawMessage) ([]record, error) {
	out := make([]record, len(raw))
	for i, one := range raw {
		d := json.NewDecoder(bytes.NewReader(one))
		d.UseNumber()
		out[i].raw = one
		if err := d.Decode(&out[i].values); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// value returns what stands in a column: nil, string, bool or json.Number.
func (c *column) value(r record, zone *time.Location) any {
	if c.refs != "" {
		if key, ok := r.refs[c.refs]; ok {
			return key
		}
		return nil
	}
	v := walk(r.values, c.path)
	switch {
	case v == nil:
		return nil
	case c.key != "":
		return custom(v, c.key)
	case c.field.Type == model.Objects && c.index >= 0:
		list, _ := v.([]any)
		if c.index >= len(list) {
			return nil
		}
		return cell(walk(list[c.index], []string{c.part}))
	case c.field.Type == model.Objects && c.part != "":
		var parts []any
		for _, one := range listOf(v) {
			parts = append(parts, walk(one, []string{c.part}))
		}
		return cell(parts)
	case c.field.Type == model.DateTime && zone != time.UTC:
		return local(v, zone)
	}
	return cell(v)
}

func listOf(v any) []any { l, _ := v.([]any); return l }

// walk follows a path of members; through a connection it gives the values of all its records.
func walk(v any, path []string) any {
	for i, name := range path {
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = o[name]
		connection, ok := v.(map[string]any)
		if !ok {
			continue
		}
		nodes, ok := connection["nodes"].([]any)
		if !ok || len(connection) > 1 {
			continue
		}
		var all []any
		for _, node := range nodes {
			if one := walk(node, path[i+1:]); one != nil {
				all = append(all, one)
			}
		}
		return all
	}
	return v
}

// custom returns the value of a custom field.
func custom(v any, key string) any {
	for _, one := range listOf(v) {
		if o, _ := one.(map[string]any); o["key"] == key {
			return cell(o["value"])
		}
	}
	return nil
}

// separator stands between the values of a list in one cell. A list with a value that has it inside is written as JSON.
const separator = ";"

// cell makes what can stand in a cell of a value.
func cell(v any) any {
	switch v := v.(type) {
	case nil, string, bool, json.Number:
		return v
	case []any:
		parts := make([]string, 0, len(v))
		for _, one := range v {
			s, ok := one.(string)
			if n, isNumber := one.(json.Number); isNumber {
				s, ok = n.String(), true
			}
			if !ok || strings.ContainsAny(s, separator+"\n") || strings.HasPrefix(s, "[") {
				return encoded(v)
			}
			parts = append(parts, s)
		}
		if len(parts) == 0 {
			return nil
		}
		return strings.Join(parts, separator)
	}
	return encoded(v)
}

func encoded(v any) any {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil // what came out of JSON goes into it
	}
	return strings.TrimRight(b.String(), "\n")
}

// local writes an instant in a time zone.
func local(v any, zone *time.Location) any {
	s, _ := v.(string)
	at, err := time.Parse(scalar.Layout, s)
	if err != nil {
		at, err = time.Parse(time.RFC3339Nano, s)
	}
	if err != nil {
		return cell(v)
	}
	return at.In(zone).Format(time.RFC3339Nano)
}

// text writes a value of a cell.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return ""
}
