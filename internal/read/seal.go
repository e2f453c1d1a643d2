package read

import (
	"crypto/sha256"
	"time"
)

// SealCursor returns the cursor of a position in a list that the engine does not read itself. Values are nil, int64,
// string, []byte or time.Time; bound names the list, its filter and its viewer, and only a cursor that was sealed with the
// same words opens.
func (e *Engine) SealCursor(bound []string, values ...any) string {
	return string(e.seal.seal(nil, boundTo(bound), values))
}

// OpenCursor returns the values of a cursor that SealCursor has made with the same words. For anything else it returns
// fault.Invalid at the path.
func (e *Engine) OpenCursor(cursor string, bound []string, path ...any) ([]any, error) {
	values, err := e.seal.open(cursor, boundTo(bound))
	if err != nil {
		return nil, invalid(path, "FORMAT", "This is not a cursor of this list with this order and filter.")
	}
	for i, v := range values {
		if at, ok := v.(time.Time); ok {
			values[i] = at.UTC()
		}
	}
	return values, nil
}

// boundTo hashes words so that none runs into the next.
func boundTo(words []string) []byte {
	h := sha256.New()
	for _, word := range words {
		n := sha256.Sum256([]byte(word))
		h.Write(n[:])
	}
	return h.Sum(nil)
}
