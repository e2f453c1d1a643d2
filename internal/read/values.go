package read

import (
	"context"
	"database/sql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
)

// Values reads all stored columns of records of k as they are, whoever asks and whether in the bin or not: for hooks, which
// decide on old and new values. It must not serve a resolver. Values are nil, int64, string, id.ID or
// time.Time, and bool for Bool, by column.
func (e *Engine) Values(ctx context.Context, q db.Querier, k *model.Kind, ids []id.ID) (map[id.ID]map[string]any, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	in, err := among(access.Cond{SQL: name(base, "id")}, len(ids))
	if err != nil {
		return nil, err
	}
	var cols []storedColumn
	for _, f := range k.Fields {
		for _, c := range f.Columns() {
			cols = append(cols, storedColumn{name: c, typ: columnType(f, c)})
		}
	}
	s := &statement{}
	s.WriteString("SELECT ")
	dests := make([]any, len(cols))
	for i := range cols {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(name(base, cols[i].name))
		dests[i] = &cols[i]
	}
	s.WriteString(" FROM " + table(k) + " " + base)
	s.where(in)

	out := make(map[id.ID]map[string]any, len(ids))
	r := &run{Engine: e, ctx: ctx, q: q}
	err = r.once(s, ids, func(rows *sql.Rows) error {
		if err := rows.Scan(dests...); err != nil {
			return err
		}
		values := make(map[string]any, len(cols))
		for _, c := range cols {
			values[c.name] = c.value
		}
		if x, ok := values["id"].(id.ID); ok {
			out[x] = values
		}
		return nil
	})
	return out, err
}

// storedColumn scans a column into the Go type of its field.
type storedColumn struct {
	name  string
	typ   model.Type
	value any
}

// columnType tells the parts of money apart.
func columnType(f *model.Field, column string) model.Type {
	switch {
	case f.Type != model.Money:
		return f.Type
	case column == f.Column+"_currency":
		return model.String
	}
	return model.Int
}

// Scan implements sql.Scanner.
func (c *storedColumn) Scan(src any) (err error) {
	c.value = nil
	if src == nil {
		return nil
	}
	switch c.typ {
	case model.ID, model.Ref:
		var x id.ID
		err = x.Scan(src)
		c.value = x
	case model.Int, model.Degrees:
		c.value, err = asInt(src)
	case model.Bool:
		var n int64
		n, err = asInt(src)
		c.value = n != 0
	case model.DateTime:
		c.value, err = asTime(src)
	default:
		c.value = string(asBytes(src))
	}
	return err
}
