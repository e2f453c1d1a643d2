package read

import (
	"crypto/sha256"
	"encoding/json"

	"farley/internal/access"
	"farley/internal/id"
)

// ListCursor seals and opens the cursors of a list that is no list of records (jobs), as those of records are: they are
// bound to the list, its filter and its reader, and do not tell what position they hold.
type ListCursor struct {
	e     *Engine
	bound []byte
}

// ListCursor returns the cursors of a list by its name, of the decoded filter, for a reader.
func (e *Engine) ListCursor(list string, a *access.Actor, where any) (ListCursor, error) {
	filter, err := json.Marshal(where)
	if err != nil {
		return ListCursor{}, err
	}
	h := sha256.New()
	for _, part := range []string{"list", list, string(filter), string(a.User[:])} {
		n := sha256.Sum256([]byte(part))
		h.Write(n[:])
	}
	return ListCursor{e, h.Sum(nil)}, nil
}

// Seal returns the cursor of the row with the id.
func (c ListCursor) Seal(x id.ID) string { return string(c.e.seal.seal(nil, c.bound, []any{x[:]})) }

// Open returns the id in a cursor. It returns Invalid for any text that Seal has not made for the same list, filter and
// reader; path leads to the argument.
func (c ListCursor) Open(cursor string, path ...any) (x id.ID, err error) {
	values, err := c.e.seal.open(cursor, c.bound)
	if err == nil && len(values) == 1 {
		if b, ok := values[0].([]byte); ok && len(b) == len(x) {
			copy(x[:], b)
			return x, nil
		}
	}
	return x, invalid(path, "FORMAT", "This is not a cursor of this list with this order and filter.")
}
