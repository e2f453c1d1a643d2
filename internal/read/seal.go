package read

import (
	"crypto/sha256"

	"farley/internal/access"
	"farley/internal/fault"
)

// SealCursor returns the cursor of a place in a list of another engine: values are nil, int64, string, []byte or time.Time.
// The cursor is good for the viewer and for the same bound parts, which name the list and what it was asked for.
func (e *Engine) SealCursor(a *access.Actor, values []any, bound ...string) string {
	return string(e.seal.seal(nil, boundTo(a, bound), values))
}

// OpenCursor returns the values of a cursor that SealCursor made, and Invalid for any other.
func (e *Engine) OpenCursor(a *access.Actor, cursor string, bound ...string) ([]any, error) {
	values, err := e.seal.open(cursor, boundTo(a, bound))
	if err != nil {
		var v fault.Violations
		v.Add([]any{"after"}, "FORMAT", "This is not a cursor of this list with this order and filter.")
		return nil, v.Err()
	}
	return values, nil
}

func boundTo(a *access.Actor, parts []string) []byte {
	h := sha256.New()
	for _, part := range append([]string{string(a.User[:])}, parts...) {
		n := sha256.Sum256([]byte(part))
		h.Write(n[:])
	}
	return h.Sum(nil)
}
