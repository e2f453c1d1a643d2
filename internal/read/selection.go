package read

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/model"
)

// collect returns the selected fields of an object of type typ, merged, in the order in which they appear first.
func (r *run) collect(sel ast.SelectionSet, typ string) []graphql.CollectedField {
	return graphql.CollectFields(r.oc, sel, r.satisfies(typ))
}

// satisfies lists a type and its interfaces.
func (e *Engine) satisfies(typ string) []string {
	out := []string{typ}
	if e.Schema == nil {
		return append(out, "Node")
	}
	for _, i := range e.Schema.Implements[typ] {
		out = append(out, i.Name)
	}
	return out
}

// record plans an object of a record of k under alias; ids is the column of its id.
func (lv *level) record(k *model.Kind, alias string, ids *idColumn, sel ast.SelectionSet, path []any) (record, error) {
	fields := lv.r.collect(sel, k.Name)
	out := make(record, 0, len(fields))
	for _, f := range fields {
		w, err := lv.field(k, alias, ids, f, join(path, f.Alias))
		if err != nil {
			return nil, err
		}
		out = append(out, member[int]{appendKey(f.Alias), w})
	}
	return out, nil
}

// field plans one selected field of a record.
func (lv *level) field(k *model.Kind, alias string, ids *idColumn, f graphql.CollectedField, path []any) (writer[int], error) {
	if f.Name == "__typename" {
		return constant[int](`"` + k.Name + `"`), nil
	}
	if k.Customised() && (f.Name == model.CustomFields || f.Name == "customField") {
		return lv.customs(k, alias, ids, f, path)
	}
	mf := k.Field(f.Name)
	compute, computes := lv.r.Computed[k.Name+"."+f.Name]
	if mf == nil && !computes {
		return nil, fault.New(fault.Internal, "no column and no computation for %s.%s", k.Name, f.Name).At(path...)
	}
	rd := reading{whole: true}
	if mf != nil {
		var err error
		if rd, err = lv.r.reading(k, mf, alias, path); err != nil {
			return nil, err
		}
	}
	if computes {
		c := &computed{r: lv.r, ids: lv.guarded(ids, alias, rd), fn: compute, field: f, shape: lv.r.shape(f), path: path}
		lv.computed = append(lv.computed, c)
		if mf != nil {
			lv.shows(k, mf, ids, rd, c)
		}
		return c, nil
	}
	w, err := lv.stored(k, mf, alias, ids, rd, f, path)
	if err == nil {
		lv.shows(k, mf, ids, rd, w)
	}
	return w, err
}

// stored plans a field of the model.
func (lv *level) stored(k *model.Kind, mf *model.Field, alias string, ids *idColumn, rd reading, f graphql.CollectedField, path []any) (writer[int], error) {
	switch mf.Type {
	case model.Ref:
		return lv.ref(k, mf, alias, rd, f, path)
	case model.Many:
		return lv.many(k, mf, lv.guarded(ids, alias, rd), f, path)
	}
	if mf.Type == model.ID && mf.Column == "id" && rd.whole {
		return identity{ids}, nil
	}
	return lv.value(mf, alias, rd, f), nil
}

// guarded is the column of ids, NULL where a field does not show.
func (lv *level) guarded(ids *idColumn, alias string, rd reading) *idColumn {
	if rd.whole {
		return ids
	}
	return lv.ids(rd.guard(name(alias, "id")))
}

// value plans a field that the record itself holds.
func (lv *level) value(f *model.Field, alias string, rd reading, cf graphql.CollectedField) writer[int] {
	text := f.Type == model.String || f.Type == model.Text
	col := name(alias, f.Column)
	none := "null"
	if rd.whole && (f.Type == model.List || f.Type == model.Objects || f.Type == model.Choices) {
		none = "[]"
	}
	switch f.Type {
	case model.Money:
		return lv.money(rd, col, name(alias, f.Column+"_currency"), cf)
	case model.Objects:
		shape := lv.r.shape(cf)
		fresh := &column{encode: shape.encodeStored}
		lv.add(rd.guard(col), fresh)
		return stored{fresh, none}
	}
	plain := func() *column {
		return lv.column(rd.guard(lv.r.untyped(f, col)), encodingName(f.Type), encoderOf(f.Type))
	}
	if !text || rd.whole || rd.masked.IsFalse() {
		return stored{plain(), none}
	}
	masked := lv.column(caseWhen(rd.masked, col), "masked", encodeMasked)
	if rd.plain.IsFalse() {
		return stored{masked, "null"}
	}
	return eitherMasked{plain(), masked}
}

// untyped is a column as its text: an instant that SQLite keeps as text would be parsed by the driver, to be written again as a
// text that differs in a letter or two. The plus takes nothing but the declared type away.
func (r *run) untyped(f *model.Field, col string) string {
	if f.Type == model.DateTime && r.Dialect == db.SQLite {
		return "+" + col
	}
	return col
}

func encodingName(t model.Type) string {
	switch t {
	case model.String, model.Text, model.Enum, model.Date:
		return "text"
	}
	return string(rune('a' + int(t)))
}

func (lv *level) money(rd reading, minor, currency string, f graphql.CollectedField) writer[int] {
	m := money{
		minor:    lv.column(rd.guard(minor), "raw", raw),
		currency: lv.column(rd.guard(currency), "raw", raw),
		format:   lv.r.Money.Format,
	}
	typ := f.Definition.Type.Name()
	for _, sub := range lv.r.collect(f.Selections, typ) {
		var w writer[amount] = constant[amount](`"` + typ + `"`)
		switch sub.Name {
		case "amount":
			w = amountText{}
		case "currency":
			w = amountCurrency{}
		}
		m.members = append(m.members, member[amount]{appendKey(sub.Alias), w})
	}
	return m
}

// ref plans a to-one relation.
func (lv *level) ref(k *model.Kind, f *model.Field, alias string, rd reading, cf graphql.CollectedField, path []any) (writer[int], error) {
	j := lv.join(k, f, alias, rd)
	rec, err := lv.record(lv.r.kind(f.Target), j.alias, j.id, cf.Selections, path)
	return related{j.id, rec}, err
}

// many plans a to-many relation of the records whose ids are in parent.
func (lv *level) many(k *model.Kind, f *model.Field, parent *idColumn, cf graphql.CollectedField, path []any) (writer[int], error) {
	l := &list{r: lv.r, kind: lv.r.kind(f.Target), field: f, parent: parent}
	if err := l.prepare(cf, path, k.Name+"."+f.Name); err != nil {
		return nil, err
	}
	if err := l.connection(cf, path); err != nil {
		return nil, err
	}
	lv.lists = append(lv.lists, l)
	return l, nil
}

// root plans a list at the root.
func (r *run) root(k *model.Kind, cf graphql.CollectedField, path []any) (*list, error) {
	if !r.a.Policy.Readable(k) {
		return nil, forbidden(path)
	}
	l := &list{r: r, kind: k}
	if err := l.prepare(cf, path, k.Plural); err != nil {
		return nil, err
	}
	return l, l.connection(cf, path)
}

// connection plans what is selected of a connection.
func (l *list) connection(cf graphql.CollectedField, path []any) error {
	typ := cf.Definition.Type.Name()
	for _, f := range l.r.collect(cf.Selections, typ) {
		w, err := l.part(f, typ, join(path, f.Alias))
		if err != nil {
			return err
		}
		l.members = append(l.members, member[*group]{appendKey(f.Alias), w})
	}
	return nil
}

func (l *list) part(f graphql.CollectedField, typ string, path []any) (writer[*group], error) {
	switch f.Name {
	case "nodes":
		rec, err := l.node(f, path)
		return records{rec}, err
	case "edges":
		rec, err := l.edge(f, path)
		return records{rec}, err
	case "pageInfo":
		return l.pageInfo(f), nil
	case "totalCount":
		l.counted = true
		return l.total(f), nil
	case "__typename":
		return constant[*group](`"` + typ + `"`), nil
	}
	return nil, fault.New(fault.Internal, "no part %s of a connection", f.Name).At(path...)
}

// want makes the list read its records.
func (l *list) want() *level {
	if l.level == nil {
		l.level = l.r.level(l.kind)
	}
	return l.level
}

func (l *list) node(f graphql.CollectedField, path []any) (record, error) {
	lv := l.want()
	return lv.record(l.kind, base, lv.id, f.Selections, path)
}

func (l *list) edge(f graphql.CollectedField, path []any) (record, error) {
	l.want()
	typ := f.Definition.Type.Name()
	var out record
	for _, sub := range l.r.collect(f.Selections, typ) {
		var w writer[int] = constant[int](`"` + typ + `"`)
		switch sub.Name {
		case "cursor":
			l.wantKeys()
			w = cursor{l}
		case "node":
			rec, err := l.node(sub, join(path, sub.Alias))
			if err != nil {
				return nil, err
			}
			w = rec
		}
		out = append(out, member[int]{appendKey(sub.Alias), w})
	}
	return out, nil
}

func (l *list) pageInfo(f graphql.CollectedField) writer[*group] {
	typ := f.Definition.Type.Name()
	var out groupObject
	for _, sub := range l.r.collect(f.Selections, typ) {
		var w writer[*group] = constant[*group](`"` + typ + `"`)
		if sub.Name != "__typename" {
			l.want()
		}
		switch sub.Name {
		case "hasNextPage":
			w = groupFunc(writeNextPage)
		case "hasPreviousPage":
			w = groupFunc(writePreviousPage)
		case "startCursor":
			l.wantKeys()
			w = groupFunc(writeStartCursor)
		case "endCursor":
			l.wantKeys()
			w = groupFunc(writeEndCursor)
		}
		out = append(out, member[*group]{appendKey(sub.Alias), w})
	}
	return out
}

func (l *list) total(f graphql.CollectedField) writer[*group] {
	typ := f.Definition.Type.Name()
	var out groupObject
	for _, sub := range l.r.collect(f.Selections, typ) {
		var w writer[*group] = constant[*group](`"` + typ + `"`)
		switch sub.Name {
		case "value":
			w = groupFunc(writeTotal)
		case "precision":
			w = groupFunc(writePrecision)
		}
		out = append(out, member[*group]{appendKey(sub.Alias), w})
	}
	return out
}

// records plans records of k that are known by their ids, for a selection.
func (r *run) records(k *model.Kind, sel ast.SelectionSet, path []any) (*level, record, error) {
	if !r.a.Policy.Readable(k) {
		return nil, nil, forbidden(path)
	}
	lv := r.level(k)
	rec, err := lv.record(k, base, lv.id, sel, path)
	return lv, rec, err
}

// inSight is the condition on the level's records: those in the bin too, if asked for.
func (lv *level) inSight(bin bool) access.Cond {
	if bin {
		return lv.r.a.Sight(lv.r.Set, lv.kind, base, access.Read, lv.r.now)
	}
	return lv.r.sight(lv.kind, base)
}
