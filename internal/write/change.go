package write

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"entgo.io/ent"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/id/stored"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/stream"
)

// Change is a write of one record on its way through the hooks.
type Change struct {
	Tx   *Tx
	Kind *model.Kind
	ID   id.ID
	Op   change.Op
	Old  *Record // nil on create

	// Problems collects everything that is wrong with the input; rules add to it by Refuse.
	Problems fault.Violations

	m     ent.Mutation
	now   map[string]any        // what the mutation sets, by column; nil empties it
	given map[*model.Field]bool // what the caller sets, before anything is completed
	links []change.FieldChange

	decoded bool // made of an input object, so the ids in it have been looked at
	after   []func(ctx context.Context) error
}

// begin makes a Change of an ent mutation, locking the record.
func begin(ctx context.Context, tx *Tx, m ent.Mutation) (*Change, error) {
	k, err := tx.kind(m.Type())
	if err != nil {
		return nil, err
	}
	c := &Change{Tx: tx, Kind: k, m: m, now: map[string]any{}, given: map[*model.Field]bool{}}
	for _, column := range m.Fields() {
		v, _ := m.Field(column)
		c.now[column] = unstored(v)
	}
	for _, column := range m.ClearedFields() {
		c.now[column] = nil
	}
	x, _ := m.(interface{ ID() (stored.ID, bool) }).ID()
	c.ID = id.ID(x)
	switch {
	case m.Op().Is(ent.OpCreate):
		c.Op = change.Created
		if c.ID.IsZero() {
			c.ID = id.New(k.Code, tx.Now)
			c.set("id", c.ID)
		}
	case m.Op().Is(ent.OpUpdateOne):
		c.Op = change.Updated
		if c.Old, err = tx.Lock(ctx, k, c.ID); err != nil {
			return nil, err
		}
		if c.Old == nil {
			return nil, NotFound(k)
		}
	default:
		return nil, fmt.Errorf("write: %s of %s would pass by the rules; write records one by one", m.Op(), k.Name)
	}
	extra, _ := ctx.Value(extraKey{}).(*extra)
	if extra != nil && extra.of != m {
		extra = nil
	}
	for _, f := range k.Fields {
		if f.Column != "" && f.Name != "id" && c.touched(f) && !(extra != nil && c.Created() && !extra.given[f]) {
			c.given[f] = true
		}
	}
	if f := k.Field("deletedAt"); c.given[f] {
		delete(c.given, f)
		c.Op = change.Restored
		if c.now[f.Column] != nil {
			c.Op = change.Deleted
		}
	}
	if extra != nil {
		c.links, c.Problems, c.decoded = extra.links, extra.problems, true
		for f, named := range extra.given {
			if named {
				c.given[f] = true
			}
		}
	}
	return c, nil
}

// extra is what the uniform operations add to a change beside columns.
type extra struct {
	of    ent.Mutation
	links []change.FieldChange
	// given are the fields that the input names. The mutation has ent's default values as well, and has not those that
	// stay as they are: whether a value stays must not be learned by who may not write it.
	given map[*model.Field]bool
	// problems are those of the input, whose fields are not in the mutation.
	problems fault.Violations
}

type extraKey struct{}

func (c *Change) touched(f *model.Field) bool {
	for _, column := range f.Columns() {
		if _, ok := c.now[column]; ok {
			return true
		}
	}
	return false
}

// Created reports whether the change makes the record.
func (c *Change) Created() bool { return c.Old == nil }

// Get returns the value that a field has after the change, by its API name: nil, id.ID, string, int64, bool or
// time.Time; of Money the minor units.
func (c *Change) Get(field string) any {
	f := c.Kind.Field(field)
	if f == nil || f.Column == "" {
		return nil
	}
	return c.column(f.Column)
}

func (c *Change) column(column string) any {
	if v, ok := c.now[column]; ok || c.Old == nil {
		return v
	}
	return c.Old.Values[column]
}

func unstored(v any) any {
	switch v := v.(type) {
	case stored.ID:
		if id.ID(v).IsZero() {
			return nil
		}
		return id.ID(v)
	case *string:
		if v == nil {
			return nil
		}
		return *v
	}
	return v
}

// Text is Get for texts, "" for null.
func (c *Change) Text(field string) string { s, _ := c.Get(field).(string); return s }

// Ref is Get for relations, the zero ID for null.
func (c *Change) Ref(field string) id.ID { return idOf(c.Get(field)) }

// Flag is Get for truth values.
func (c *Change) Flag(field string) bool { b, _ := c.Get(field).(bool); return b }

// Changes reports whether the change gives the field another value (on create: any value).
func (c *Change) Changes(field string) bool {
	f := c.Kind.Field(field)
	for _, column := range f.Columns() {
		var old any
		if c.Old != nil {
			old = c.Old.Values[column]
		}
		if !equal(old, c.column(column)) {
			return true
		}
	}
	return false
}

func equal(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}

// Set gives a field its value, by its API name; nil empties it. Rules use it to complete a record.
func (c *Change) Set(field string, v any) { c.set(c.Kind.Field(field).Column, v) }

// set gives a column its value. The generated mutation refuses only what is a mistake in Go code.
func (c *Change) set(column string, v any) {
	var err error
	switch v := v.(type) {
	case nil:
		c.clear(column)
		return
	case id.ID:
		if v.IsZero() {
			c.clear(column)
			return
		}
		if column == "id" {
			c.m.(interface{ SetID(stored.ID) }).SetID(stored.ID(v))
			return
		}
		err = c.m.SetField(column, stored.ID(v))
	default:
		err = c.m.SetField(column, v)
	}
	if err != nil {
		panic(fmt.Sprintf("write: %s.%s: %v", c.Kind.Name, column, err))
	}
	c.now[column] = unstored(v)
}

func (c *Change) clear(column string) {
	// A mutation keeps a value that was set before it was cleared, so that has to go first.
	if err := c.m.ResetField(column); err != nil {
		panic(fmt.Sprintf("write: %s.%s: %v", c.Kind.Name, column, err))
	}
	delete(c.now, column)
	if c.Old == nil || c.Old.Values[column] == nil && !c.shadow(column) {
		return
	}
	c.now[column] = nil
	if err := c.m.ClearField(column); err != nil {
		panic(fmt.Sprintf("write: %s.%s: %v", c.Kind.Name, column, err))
	}
}

// shadow reports whether the column is kept beside a field and so not part of what was read.
func (c *Change) shadow(column string) bool {
	return strings.HasSuffix(column, "_fold") || strings.HasSuffix(column, "_sort") || strings.HasSuffix(column, "_key")
}

// Faulty reports whether a problem of the field, or inside it, is known already.
func (c *Change) Faulty(field string) bool {
	return slices.ContainsFunc(c.Problems, func(v fault.Violation) bool { return len(v.Path) > 1 && v.Path[1] == field })
}

// Refuse records a problem of a field, by its API name. Of one field the first problem is told: what is found in a value
// that was dropped is not.
func (c *Change) Refuse(field, code, message string, args ...any) {
	if c.Faulty(field) {
		return
	}
	c.Problems.Add([]any{"input", field}, code, message, args...)
}

// Then has fn run in the same transaction after the record has been written.
func (c *Change) Then(fn func(ctx context.Context) error) { c.after = append(c.after, fn) }

// values returns all columns as they are after the change.
func (c *Change) values() map[string]any {
	values := make(map[string]any, 2*len(c.now))
	for _, f := range c.Kind.Fields {
		for _, column := range f.Columns() {
			if v := c.column(column); v != nil {
				values[column] = v
			}
		}
	}
	values["id"] = c.ID
	return values
}

// diff returns the fields that differ from the old record, with their values as in the API.
func (c *Change) diff() []change.FieldChange {
	var out []change.FieldChange
	for _, f := range c.Kind.Fields {
		if f.Type == model.Many || f.System || f.Internal || f.Name == "createdBy" || f.Name == "updatedBy" || !c.Changes(f.Name) {
			continue
		}
		before := func(string) any { return nil }
		if c.Old != nil {
			before = func(column string) any { return c.Old.Values[column] }
		}
		if f.Name == model.CustomFields {
			out = append(out, customDiff(before(f.Column), c.column(f.Column))...)
			continue
		}
		out = append(out, change.FieldChange{Field: f.Name, Old: c.Tx.json(f, before), New: c.Tx.json(f, c.column)})
	}
	return append(out, c.links...)
}

// json writes a field's value as the API does.
func (tx *Tx) json(f *model.Field, column func(string) any) json.RawMessage {
	return tx.w.JSON(f, column)
}

// JSON writes a field's stored value, taken from its columns, as the API does.
func (w *Writer) JSON(f *model.Field, column func(string) any) json.RawMessage {
	v := column(f.Column)
	if v == nil {
		return json.RawMessage("null")
	}
	switch f.Type {
	case model.List, model.Objects:
		return json.RawMessage(v.(string))
	case model.Choices:
		return mustJSON(choices(v.(string)))
	case model.Degrees:
		return mustJSON(float64(v.(int64)) / degree)
	case model.Money:
		currency, _ := column(f.Column + "_currency").(string)
		return mustJSON(map[string]string{"amount": w.Money.Format(v.(int64), currency), "currency": currency})
	}
	switch v := v.(type) {
	case time.Time:
		return mustJSON(v.UTC().Format(scalar.Layout))
	case id.ID:
		return mustJSON(v.String())
	}
	return mustJSON(v)
}

func mustJSON(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("write: " + err.Error()) // strings, numbers and lists of them always encode
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// choices reads "|A|B|".
func choices(s string) []string {
	out := []string{}
	for part := range strings.SplitSeq(s, "|") {
		if part != "" {
			out = append(out, part)
		}
	}
	return out
}

// finish appends the change row.
func (c *Change) finish(ctx context.Context, fields []change.FieldChange) error {
	values := c.values()
	var before *access.Keys
	var shares []access.ShareKey
	var participants []access.ParticipantKey
	if c.Old != nil {
		before = c.Old.Keys
		shares, participants = before.Shares, before.Participants
	}
	after, err := c.Tx.keys(ctx, c.Kind, c.ID, values, false)
	if err != nil {
		return err
	}
	after.Shares, after.Participants = shares, participants
	version, _ := values["version"].(int64)
	c.Tx.append(ctx, change.Row{
		Kind: c.Kind.Code, Record: c.ID, Op: c.Op, Version: version, Fields: fields, Before: before, After: after,
	})
	c.Tx.locked[c.ID] = &Record{Kind: c.Kind, ID: c.ID, Values: values, Keys: after}
	return nil
}

// append adds a change row to those that the transaction ends with.
func (tx *Tx) append(ctx context.Context, r change.Row) {
	r.Actor, r.Request, r.At = tx.Actor.User, request(ctx), tx.Now
	r.Operation, r.Session = stream.Operation(ctx), tx.Actor.Session
	if at := stream.Address(ctx); at.IsValid() {
		r.Address = at.String()
	}
	tx.changes = append(tx.changes, r)
	tx.forget(r.Kind)
	delete(tx.seen, r.Record)
}
