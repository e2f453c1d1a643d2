package read

import (
	"encoding/json"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/custom"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
)

// customs plans customFields and customField(key:): one column of the record, of which each row tells what its reader may
// know. A key that is unknown to him gives nothing, as one that does not exist.
func (lv *level) customs(k *model.Kind, alias string, ids *idColumn, cf graphql.CollectedField, path []any) (writer[int], error) {
	all, err := lv.r.reading(k, k.Field(model.CustomFields), alias, path)
	if err != nil {
		return nil, err
	}
	fields := lv.r.a.Policy.Custom(k)
	c := &customColumn{r: lv.r, shape: lv.r.shape(cf), alias: cf.Alias, whole: all.whole, keys: map[string]*customField{}}
	if cf.Name != model.CustomFields {
		args, err := lv.r.arguments(cf, path)
		if err != nil {
			return nil, err
		}
		key, _ := args["key"].(string)
		c.one = true
		fields = slices.DeleteFunc(fields, func(f *model.Field) bool { return f.Custom.Key != key })
	}
	states := map[access.FieldRule]*column{}
	for _, f := range fields {
		one := &customField{Field: f}
		rd, err := lv.r.reading(k, f, alias, path)
		if err != nil {
			continue // it can be written only
		}
		if !rd.whole {
			rule := lv.r.a.Policy.Field(k, f)
			if states[rule] == nil {
				states[rule] = &column{encode: raw}
				lv.add(shownState(rd), states[rule])
			}
			one.state = states[rule]
		}
		c.keys[f.Custom.Key] = one
		lv.shows(k, f, ids, rd, customShown{c, f.Custom.Key})
	}
	c.stored = &column{encode: raw}
	lv.add(access.Cond{SQL: name(alias, k.Field(model.CustomFields).Column)}, c.stored)
	lv.computed = append(lv.computed, c)
	return c, nil
}

// shownState is "2" where a field shows, "1" where it shows masked, NULL elsewhere.
func shownState(rd reading) access.Cond {
	plain, masked := rd.plain, rd.masked
	if plain.IsTrue() {
		return access.Cond{SQL: "'2'"}
	}
	return access.Cond{
		SQL:  "CASE WHEN " + orNever(plain) + " THEN '2' WHEN " + orNever(masked) + " THEN '1' END",
		Args: append(slices.Clone(plain.Args), masked.Args...),
	}
}

func orNever(c access.Cond) string {
	if c.IsTrue() {
		return "1=1"
	}
	return c.SQL
}

// customField is a field that the firm has added, as the rows of a level tell it.
type customField struct {
	*model.Field
	state *column // nil: it shows on all rows
}

// customColumn is the values of the custom fields of a level's records.
type customColumn struct {
	r      *run
	shape  *shape
	alias  string
	keys   map[string]*customField
	one    bool    // only one is asked for
	whole  bool    // an empty list is one on every row; else it may be a hidden one, and is null
	stored *column // what the records hold
	seen   map[id.ID]bool
}

// customEntry is one value as a record holds it.
type customEntry struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func (c *customColumn) entries(row int) []customEntry {
	stored := c.stored.at(row)
	if len(stored) == 0 {
		return nil
	}
	var out []customEntry
	if json.Unmarshal(stored, &out) != nil {
		return nil // it was written by us, so it can be read
	}
	return out
}

// load finds out which of the records that values lead to are in sight: one statement for each kind of them.
func (c *customColumn) load() error {
	wanted := map[*model.Kind][]id.ID{}
	for row := range c.stored.ends {
		for _, e := range c.entries(row) {
			if k, x := c.leadsTo(e); k != nil {
				wanted[k] = append(wanted[k], x)
			}
		}
	}
	c.seen = map[id.ID]bool{}
	for _, k := range c.r.Set.Kinds {
		if len(wanted[k]) == 0 || !c.r.a.Policy.Readable(k) {
			continue
		}
		ids := slices.CompactFunc(sorted(wanted[k]), func(a, b id.ID) bool { return a == b })
		found, err := c.r.filtered(k, ids, c.r.sight(k, base))
		if err != nil {
			return err
		}
		for _, x := range found {
			c.seen[x] = true
		}
	}
	return nil
}

func sorted(ids []id.ID) []id.ID {
	slices.SortFunc(ids, id.ID.Compare)
	return ids
}

func (c *customColumn) reset() { c.seen = nil }

func (c *customColumn) leadsTo(e customEntry) (*model.Kind, id.ID) {
	f := c.keys[e.Key]
	if f == nil || f.Custom.Type != custom.Reference {
		return nil, id.ID{}
	}
	var text string
	_ = json.Unmarshal(e.Value, &text) // it was written by us
	x, err := id.Parse(text)
	if err != nil {
		return nil, id.ID{}
	}
	return c.r.kind(f.Custom.Target), x
}

// told returns the value of an entry as its reader may see it, nil for none.
func (c *customColumn) told(e customEntry, row int) (value json.RawMessage, masked bool) {
	f := c.keys[e.Key]
	if f == nil {
		return nil, false
	}
	if k, x := c.leadsTo(e); f.Custom.Type == custom.Reference && (k == nil || !c.seen[x]) {
		return nil, false
	}
	if f.state == nil {
		return e.Value, false
	}
	switch string(f.state.at(row)) {
	case "2":
		return e.Value, false
	case "1":
		var text string
		if f.Custom.Type != custom.Text && f.Custom.Type != custom.URL || json.Unmarshal(e.Value, &text) != nil {
			return nil, false
		}
		value, _ = encodeMasked(nil, text) // it cannot fail for a text
		return value, true
	}
	return nil, false
}

func (c *customColumn) write(dst []byte, row int) []byte {
	var list []any
	for _, e := range c.entries(row) {
		if value, _ := c.told(e, row); value != nil {
			list = append(list, map[string]any{"key": e.Key, "value": value})
		}
	}
	var v any = list
	switch {
	case len(list) == 0 && (c.one || !c.whole):
		v = nil
	case c.one:
		v = list[0]
	case list == nil:
		v = []any{}
	}
	out, err := c.shape.append(dst, v, c.alias)
	if err != nil {
		return append(dst, "null"...) // texts always encode
	}
	return out
}

// customShown tells the witness on which rows one of the fields was told.
type customShown struct {
	c   *customColumn
	key string
}

func (s customShown) write(dst []byte, _ int) []byte { return dst }

func (s customShown) on(row int) bool {
	for _, e := range s.c.entries(row) {
		if e.Key != s.key {
			continue
		}
		value, masked := s.c.told(e, row)
		return value != nil && !masked
	}
	return false
}

// customOrdered returns the custom field by which a list is to be ordered.
func (r *run) customOrdered(k *model.Kind, given any, path []any) (*model.Field, []any, error) {
	m, _ := given.(map[string]any)
	key, _ := m["key"].(string)
	f := r.a.Policy.CustomField(k, key)
	switch {
	case f == nil:
		return nil, nil, invalid(path, "UNKNOWN", "There is no such field.")
	case !custom.Ordered(f.Custom.Type):
		return nil, nil, invalid(path, "FORMAT", "Fields of this type have no order.")
	}
	return f, path, nil
}

// customReading is comparable for custom fields: on which rows the field is compared.
func (r *run) customReading(k *model.Kind, f *model.Field, alias string, path []any) (reading, error) {
	rd, err := r.reading(k, f, alias, path)
	if err == nil && !rd.whole && r.a.Policy.Field(k, f).Read == access.None {
		err = forbidden(path)
	}
	if err == nil {
		r.compares(k, f)
	}
	return rd, err
}

// customTerm is the term of an order by a custom field.
func (r *run) customTerm(k *model.Kind, f *model.Field, alias string, desc bool, path []any) (term, error) {
	rd, err := r.customReading(k, f, alias, path)
	if err != nil {
		return term{}, err
	}
	t := term{key: keyBytes, desc: desc, nullable: true, name: directed(f.Const, desc)}
	value := "(SELECT v.sort FROM custom_values v WHERE v.field_id = ? AND v.record_id = " + name(alias, "id") + " AND v.item = 0)"
	if rd.whole || rd.plain.IsTrue() {
		t.expr, t.custom = access.Cond{SQL: value, Args: []any{f.Custom.ID}}, f
		return t, nil
	}
	t.expr = access.Cond{SQL: "CASE WHEN " + rd.plain.SQL + " THEN " + value + " END", Args: append(slices.Clone(rd.plain.Args), f.Custom.ID)}
	return t, nil
}

// customOrder reads a list of all records in the order of a custom field by the index of values: as the union of the records
// that have a value, in the order of the index, and of those that have none, by id.
type customOrder struct {
	l             *list
	field         *model.Field
	order         order // as it is read
	valued, empty access.Cond
}

// customOrder returns nil for lists that are read in another way: what a filter or a scope leaves is sorted.
func (l *list) customOrder(sight access.Cond) *customOrder {
	if len(l.order) != 2 || l.order[0].custom == nil || !l.unfiltered || !sight.IsTrue() {
		return nil
	}
	c := &customOrder{l: l, field: l.order[0].custom, order: l.readOrder()}
	if v := l.page.after; v != nil {
		c.bound(l.order, v)
	}
	if v := l.page.before; v != nil {
		c.bound(l.order.reversed(), v)
	}
	return c
}

// byIndex is the order in the columns of the index.
func byIndex(o order) order {
	return order{
		{expr: access.Cond{SQL: "v.sort"}, key: keyBytes, desc: o[0].desc},
		{expr: access.Cond{SQL: "v.record_id"}, key: keyBytes, desc: o[1].desc},
	}
}

// bound confines both parts to what comes behind a position.
func (c *customOrder) bound(o order, at []any) {
	never := access.Cond{SQL: "1=0"}
	if at[0] != nil {
		c.valued = access.And(c.valued, byIndex(o).after(at, c.l.r.Dialect))
		if !o[0].desc {
			c.empty = never
		}
		return
	}
	if o[0].desc {
		c.valued = never
	}
	c.empty = access.And(c.empty, o[1].beyond(at[1]))
}

// withValue adds FROM and WHERE of the records with a value.
func (c *customOrder) withValue(s *statement) {
	hint, join := " FORCE INDEX (custom_values_sort) ", "STRAIGHT_JOIN "
	if c.l.r.Dialect == db.SQLite {
		hint, join = " INDEXED BY custom_values_sort ", "CROSS JOIN "
	}
	s.WriteString(" FROM custom_values v" + hint + join + table(c.l.kind) + " " + base + " ON " + name(base, "id") + " = v.record_id")
	s.where(access.And(access.Cond{SQL: "v.field_id = ? AND v.sort IS NOT NULL", Args: []any{c.field.Custom.ID}}, c.l.where, c.valued))
}

func (c *customOrder) read() error {
	l, s := c.l, &statement{}
	l.r.alone = l.r.alone && !l.counted
	var parts []func()
	if !c.valued.IsFalse() {
		parts = append(parts, func() {
			s.WriteString("SELECT v.record_id AS id, v.sort AS k0, v.record_id AS k1")
			c.withValue(s)
			s.WriteString(" ORDER BY ")
			s.add(byIndex(c.order).sql())
			s.WriteString(l.limit())
		})
	}
	if !c.empty.IsFalse() {
		parts = append(parts, func() { c.withoutValue(s) })
	}
	if len(parts) == 0 {
		return nil
	}
	l.level.selects(s)
	s.WriteString(" FROM (")
	for i, part := range parts {
		if i > 0 {
			s.WriteString(" UNION ALL ")
		}
		s.WriteString("SELECT * FROM (")
		part()
		s.WriteString(") b" + string(rune('a'+i)))
	}
	s.WriteString(" ORDER BY ")
	l.keyOrder(s, "")
	s.WriteString(l.limit() + ") w ")
	l.late(s)
	s.WriteString(" ORDER BY ")
	l.keyOrder(s, "w.")
	g := l.groups[id.ID{}]
	t := s.finished(0)
	return l.level.read(&t, nil, func(int) { g.rows++ })
}

// withoutValue selects the records without a value. Where they come last they are looked for only when the others do not
// fill the page.
func (c *customOrder) withoutValue(s *statement) {
	s.WriteString("SELECT " + name(base, "id") + " AS id, NULL AS k0, " + name(base, "id") + " AS k1 FROM " + table(c.l.kind) + " " + base)
	if index, ok := c.l.r.indexes[c.l.kind.Table+"(deleted_at,id)"]; ok {
		s.WriteString(" FORCE INDEX (`" + index + "`)")
	}
	// Not as NOT EXISTS, for which MariaDB reads all values first.
	s.WriteString(" LEFT JOIN custom_values v ON v.field_id = ? AND v.record_id = " + name(base, "id") + " AND v.item = 0")
	s.args = append(s.args, c.field.Custom.ID)
	s.where(access.And(c.l.where, c.empty, access.Cond{SQL: "v.sort IS NULL"}))
	if c.order[0].desc && !c.valued.IsFalse() {
		s.WriteString(" AND (SELECT COUNT(*) FROM (SELECT 1 AS one")
		c.withValue(s)
		s.WriteString(c.l.limit() + ") filled) < ?")
		s.args = append(s.args, c.l.page.size+1)
	}
	s.WriteString(" ORDER BY " + name(base, "id") + direction(c.order[1].desc) + c.l.limit())
}
