// Package scalar reads and writes the scalars of the API that Go has no type for.
package scalar

import (
	"errors"
	"io"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// Layout is how instants are written: RFC 3339 in UTC with up to six decimals.
const Layout = "2006-01-02T15:04:05.999999Z"

// ErrDateTime is returned for a text that is not an instant.
var ErrDateTime = errors.New("want an RFC 3339 instant with an offset")

// ParseDateTime reads an RFC 3339 instant with any offset into UTC, cut to microseconds. Years are 1 to 9999.
func ParseDateTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, ErrDateTime
	}
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, ErrDateTime
	}
	return t, nil
}

// MarshalDateTime writes an instant.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, `"`+t.UTC().Format(Layout)+`"`) })
}

// UnmarshalDateTime reads an instant.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, ErrDateTime
	}
	return ParseDateTime(s)
}
