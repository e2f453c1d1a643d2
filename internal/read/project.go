package read

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

// Computed answers a field that is no column, for many records in sight at once: a batch, whatever the number of records.
// The field is the selected one, with its arguments; a record without an entry gets null. A value is what Project takes,
// and lists of objects may be connections. computing.go has what it is made with. Paths of its violations begin at the
// field.
type Computed func(ctx context.Context, q db.Querier, a *access.Actor, field graphql.CollectedField, ids []id.ID) (map[id.ID]any, error)

// computed is a computed field of the records of a level.
type computed struct {
	r      *run
	ids    *idColumn
	fn     Computed
	field  graphql.CollectedField
	shape  *shape
	path   []any
	values map[id.ID][]byte
}

func (c *computed) load() error {
	ids := c.ids.distinct()
	if len(ids) == 0 {
		return nil
	}
	values, err := c.fn(c.r.ctx, c.r.q, c.r.a, c.field, ids)
	if err != nil {
		return placed(fmt.Errorf("compute %s: %w", c.field.Name, err), c.path)
	}
	c.values = make(map[id.ID][]byte, len(values))
	for x, v := range values {
		b, err := c.shape.append(nil, v, c.field.Alias)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "internal error").At(c.path...)
		}
		c.values[x] = b
	}
	return nil
}

func (c *computed) reset() { c.values = nil }

func (c *computed) write(dst []byte, row int) []byte {
	if b, ok := c.values[c.ids.ids[row]]; ok {
		return append(dst, b...)
	}
	return append(dst, "null"...)
}

// shape is a selection by which values are written that are not rows.
type shape struct {
	r     *run
	typ   string
	sel   ast.SelectionSet
	types map[string][]shapeField // by concrete type
}

type shapeField struct {
	key         []byte
	name, alias string
	shape       *shape
}

func (r *run) shape(f graphql.CollectedField) *shape {
	return &shape{r: r, typ: f.Definition.Type.Name(), sel: f.Selections, types: map[string][]shapeField{}}
}

func (s *shape) fields(typ string) []shapeField {
	if fs, ok := s.types[typ]; ok {
		return fs
	}
	var fs []shapeField
	for _, f := range s.r.collect(s.sel, typ) {
		sf := shapeField{key: appendKey(f.Alias), name: f.Name, alias: f.Alias}
		if f.Name != "__typename" {
			sf.shape = s.r.shape(f)
		}
		fs = append(fs, sf)
	}
	s.types[typ] = fs
	return fs
}

// append writes a value. path is the path of aliases that leads to it, by which a Result chooses.
func (s *shape) append(dst []byte, v any, path string) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case Result:
		return append(dst, v.of(lastAliases(path, v.depth))...), nil
	case json.RawMessage:
		return append(dst, v...), nil
	case map[string]any:
		return s.object(dst, v, path)
	case []any:
		return appendList(dst, v, func(dst []byte, x any) ([]byte, error) { return s.append(dst, x, path) })
	case []map[string]any:
		return appendList(dst, v, func(dst []byte, x map[string]any) ([]byte, error) { return s.append(dst, x, path) })
	case []string:
		return appendList(dst, v, func(dst []byte, x string) ([]byte, error) { return appendString(dst, x), nil })
	case string:
		return appendString(dst, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case time.Time:
		return appendTime(dst, v), nil
	case id.ID:
		return appendID(dst, v), nil
	}
	b, err := json.Marshal(v) // scalars of other types: enums, json.Number, floats
	return append(dst, b...), err
}

func (s *shape) object(dst []byte, m map[string]any, path string) ([]byte, error) {
	typ := s.typ
	if t, ok := m["__typename"].(string); ok {
		typ = t
	}
	if len(s.sel) == 0 { // a scalar of JSON
		b, err := json.Marshal(m)
		return append(dst, b...), err
	}
	dst = append(dst, '{')
	for i, f := range s.fields(typ) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, f.key...)
		if f.shape == nil {
			dst = appendString(dst, typ)
			continue
		}
		var err error
		if dst, err = f.shape.append(dst, m[f.name], path+"."+f.alias); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// encodeStored is the encoder for stored JSON of objects.
func (s *shape) encodeStored(dst []byte, src any) ([]byte, error) {
	stored := asBytes(src)
	if len(stored) == 0 {
		return append(dst, "[]"...), nil
	}
	d := json.NewDecoder(bytes.NewReader(stored))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return dst, fmt.Errorf("read: stored JSON: %w", err)
	}
	return s.append(dst, v, "")
}

func appendList[T any](dst []byte, items []T, each func(dst []byte, item T) ([]byte, error)) ([]byte, error) {
	dst = append(dst, '[')
	for i, x := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = each(dst, x); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// lastAliases returns the last n parts of a path of aliases.
func lastAliases(path string, n int) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] != '.' {
			continue
		}
		if n--; n == 0 {
			return path[i+1:]
		}
	}
	return path
}
