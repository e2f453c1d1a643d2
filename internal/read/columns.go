package read

import (
	"fmt"
	"time"

	"farley/internal/id"
)

// column holds one selected column of all rows, encoded as it is scanned.
type column struct {
	encode encoder
	data   []byte
	ends   []int
}

// Scan implements sql.Scanner for the next row.
func (c *column) Scan(src any) error {
	if src != nil {
		var err error
		if c.data, err = c.encode(c.data, src); err != nil {
			return err
		}
	}
	c.ends = append(c.ends, len(c.data))
	return nil
}

// keptBytes bounds the space that a column of a kept plan holds on to.
const keptBytes = 4 << 10

func (c *column) reset() {
	if cap(c.data)+8*cap(c.ends) > keptBytes {
		c.data, c.ends = nil, nil
	}
	c.data, c.ends = c.data[:0], c.ends[:0]
}

// at returns the value of a row, empty for NULL.
func (c *column) at(row int) []byte {
	from := 0
	if row > 0 {
		from = c.ends[row-1]
	}
	return c.data[from:c.ends[row]]
}

// idColumn holds a column of ids, zero for NULL.
type idColumn struct{ ids []id.ID }

// Scan implements sql.Scanner for the next row.
func (c *idColumn) Scan(src any) error {
	var x id.ID
	if err := x.Scan(src); err != nil {
		return err
	}
	c.ids = append(c.ids, x)
	return nil
}

func (c *idColumn) reset() {
	if cap(c.ids)*len(id.ID{}) > keptBytes {
		c.ids = nil
	}
	c.ids = c.ids[:0]
}

// distinct returns the ids, each once, without the zero one.
func (c *idColumn) distinct() []id.ID {
	seen := make(map[id.ID]struct{}, len(c.ids))
	out := make([]id.ID, 0, len(c.ids))
	for _, x := range c.ids {
		if _, ok := seen[x]; ok || x.IsZero() {
			continue
		}
		seen[x] = struct{}{}
		out = append(out, x)
	}
	return out
}

// keyColumn holds the values of one term of an order, from which cursors are made.
type keyColumn struct {
	kind   keyKind
	values []any
}

// Scan implements sql.Scanner for the next row.
func (c *keyColumn) Scan(src any) error {
	v, err := c.kind.value(src)
	if err != nil {
		return err
	}
	c.values = append(c.values, v)
	return nil
}

func (c *keyColumn) reset() { c.values = nil }

// keyKind is how the value of an order's term is kept in a cursor and bound in SQL. That a text is bound as text and
// bytes as bytes matters: SQLite never finds them equal, MariaDB does without its index.
type keyKind byte

const (
	keyInt keyKind = iota + 1
	keyText
	keyBytes
	keyTime
)

// value turns what a driver gives into nil, int64, string, []byte or time.Time.
func (k keyKind) value(src any) (any, error) {
	if src == nil {
		return nil, nil
	}
	switch k {
	case keyInt:
		return asInt(src)
	case keyTime:
		return asTime(src)
	case keyText:
		return string(asBytes(src)), nil
	case keyBytes:
		return append([]byte{}, asBytes(src)...), nil
	}
	return nil, fmt.Errorf("read: key of unknown kind %d", k)
}

func asBytes(src any) []byte {
	switch v := src.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	case time.Time:
		return []byte(v.Format(time.DateOnly))
	}
	return fmt.Append(nil, src)
}
