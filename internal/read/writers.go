package read

import (
	"strconv"

	"farley/internal/id"
)

// writer appends the JSON of something in a given place: a row of a level, or a group of a list.
type writer[P any] interface {
	write(dst []byte, at P) []byte
}

// member is one key of an object with its value.
type member[P any] struct {
	key   []byte // `"alias":`
	value writer[P]
}

func appendObject[P any](dst []byte, members []member[P], at P) []byte {
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, m.key...)
		dst = m.value.write(dst, at)
	}
	return append(dst, '}')
}

// constant is the same everywhere: __typename, null.
type constant[P any] string

func (c constant[P]) write(dst []byte, _ P) []byte { return append(dst, c...) }

// record is an object of one record.
type record []member[int]

func (r record) write(dst []byte, row int) []byte { return appendObject(dst, r, row) }

// identity is the id of a record, which its level has read anyhow.
type identity struct{ column *idColumn }

func (i identity) write(dst []byte, row int) []byte { return appendID(dst, i.column.ids[row]) }

// stored is a value of one column; none, if it is NULL.
type stored struct {
	column *column
	none   string
}

func (s stored) write(dst []byte, row int) []byte {
	if v := s.column.at(row); len(v) > 0 {
		return append(dst, v...)
	}
	return append(dst, s.none...)
}

// eitherMasked is a text that shows on some rows and shows masked on others.
type eitherMasked struct{ plain, masked *column }

func (e eitherMasked) write(dst []byte, row int) []byte {
	if v := e.plain.at(row); len(v) > 0 {
		return append(dst, v...)
	}
	return stored{e.masked, "null"}.write(dst, row)
}

// money is an amount with its currency.
type money struct {
	minor, currency *column
	format          func(minor int64, currency string) string
	members         []member[amount]
}

type amount struct {
	text     string
	currency []byte
}

func (m money) write(dst []byte, row int) []byte {
	minor, err := strconv.ParseInt(string(m.minor.at(row)), 10, 64)
	if err != nil {
		return append(dst, "null"...) // NULL: the column is a whole number otherwise
	}
	currency := m.currency.at(row)
	return appendObject(dst, m.members, amount{m.format(minor, string(currency)), currency})
}

type amountText struct{}

func (amountText) write(dst []byte, a amount) []byte { return appendString(dst, a.text) }

type amountCurrency struct{}

func (amountCurrency) write(dst []byte, a amount) []byte { return appendString(dst, a.currency) }

// related is the record of a to-one relation.
type related struct {
	id *idColumn
	record
}

func (r related) write(dst []byte, row int) []byte {
	if r.id.ids[row].IsZero() {
		return append(dst, "null"...)
	}
	return r.record.write(dst, row)
}

// write is the connection of the row's parent.
func (l *list) write(dst []byte, row int) []byte {
	parent := l.parent.ids[row]
	g, ok := l.groups[parent]
	if !ok || parent.IsZero() {
		return append(dst, "null"...)
	}
	return appendObject(dst, l.members, g)
}

// writeRoot is the connection of a list at the root.
func (l *list) writeRoot(dst []byte) []byte { return appendObject(dst, l.members, l.groups[id.ID{}]) }

// records is a list of objects, one for each record of a page: nodes, edges.
type records struct{ each record }

func (n records) write(dst []byte, g *group) []byte {
	dst = append(dst, '[')
	for i := range g.size() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = n.each.write(dst, g.row(i))
	}
	return append(dst, ']')
}

// cursor is the cursor of a record.
type cursor struct{ l *list }

func (c cursor) write(dst []byte, row int) []byte { return c.l.appendCursor(dst, row) }

// groupObject is an object about a page.
type groupObject []member[*group]

func (o groupObject) write(dst []byte, g *group) []byte { return appendObject(dst, o, g) }

type groupFunc func(dst []byte, g *group) []byte

func (f groupFunc) write(dst []byte, g *group) []byte { return f(dst, g) }

func writeNextPage(dst []byte, g *group) []byte {
	if g.backward {
		return strconv.AppendBool(dst, g.l.page.before != nil)
	}
	return strconv.AppendBool(dst, g.more())
}

func writePreviousPage(dst []byte, g *group) []byte {
	if g.backward {
		return strconv.AppendBool(dst, g.more())
	}
	return strconv.AppendBool(dst, g.l.page.after != nil)
}

func writeStartCursor(dst []byte, g *group) []byte { return writeCursor(dst, g, 0) }

func writeEndCursor(dst []byte, g *group) []byte { return writeCursor(dst, g, g.size()-1) }

func writeCursor(dst []byte, g *group, i int) []byte {
	if g.size() == 0 {
		return append(dst, "null"...)
	}
	return g.l.appendCursor(dst, g.row(i))
}

func writeTotal(dst []byte, g *group) []byte {
	return strconv.AppendInt(dst, int64(min(g.total, maxCount)), 10)
}

func writePrecision(dst []byte, g *group) []byte {
	if g.total > maxCount {
		return append(dst, `"AT_LEAST"`...)
	}
	return append(dst, `"EXACT"`...)
}
