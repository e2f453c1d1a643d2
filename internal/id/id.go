// Package id makes and reads the identifiers of records.
//
// An ID is a UUID version 8 (RFC 9562 §5.8): 48 bits of Unix milliseconds, 12 bits that name the kind of record, and
// 62 random bits. It is stored as 16 bytes and written as a prefix and 26 characters of Crockford's base32 in lower
// case: "acct_06dvw…". The time comes first, so ids sort by creation; the kind is inside, so the table of a record is
// known from its id alone; nothing else is in it.
package id

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Kind is the number of an entity kind, 1 to 4095. Kinds from 2048 on are reserved for kinds defined at run time.
type Kind uint16

// MaxKind is the largest kind that fits into an ID.
const MaxKind Kind = 1<<12 - 1

// ID identifies one record of any kind. The zero ID identifies nothing.
type ID [16]byte

// ErrInvalid is returned for a text that is not an ID.
var ErrInvalid = errors.New("not a valid id")

// encoding is Crockford's base32 in lower case: no i, l, o, u.
var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

const encodedLen = 26

// New returns an ID of the kind for the instant at.
func New(k Kind, at time.Time) ID {
	return newFrom(k, at, rand.Reader)
}

func newFrom(k Kind, at time.Time, random io.Reader) ID {
	var x ID
	if _, err := io.ReadFull(random, x[8:]); err != nil {
		panic("id: no randomness: " + err.Error()) // crypto/rand never fails on the systems we run on
	}
	binary.BigEndian.PutUint64(x[:8], uint64(at.UnixMilli())<<16|0x8000|uint64(k&MaxKind))
	x[8] = x[8]&0x3f | 0x80
	return x
}

// Kind returns the kind of record that x identifies.
func (x ID) Kind() Kind { return Kind(binary.BigEndian.Uint16(x[6:8])) & MaxKind }

// Time returns the instant in x, in UTC and whole milliseconds.
func (x ID) Time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(x[:8]) >> 16)).UTC()
}

// IsZero reports whether x identifies nothing.
func (x ID) IsZero() bool { return x == ID{} }

// Compare orders IDs by creation, then by their random part.
func (x ID) Compare(y ID) int { return strings.Compare(string(x[:]), string(y[:])) }

func (x ID) wellFormed() bool { return x[6]>>4 == 8 && x[8]>>6 == 2 }

// String returns the text form, or "" for the zero ID.
func (x ID) String() string { return string(x.Append(make([]byte, 0, 64))) }

// Append appends the text form, nothing for the zero ID.
func (x ID) Append(b []byte) []byte {
	if x.IsZero() {
		return b
	}
	prefix, ok := prefixes[x.Kind()]
	if !ok {
		prefix = "k" + strconv.Itoa(int(x.Kind()))
	}
	b = append(b, prefix...)
	b = append(b, '_')
	return encoding.AppendEncode(b, x[:])
}

// Parse reads the text form. The prefix must be that of the kind inside. It returns ErrInvalid, wrapped, for any other
// text.
func Parse(s string) (ID, error) {
	_, rest, ok := strings.Cut(s, "_")
	if !ok || len(rest) != encodedLen {
		return ID{}, fmt.Errorf("%w: want prefix_ and %d characters", ErrInvalid, encodedLen)
	}
	var x ID
	n, err := encoding.Decode(x[:], []byte(rest))
	if err != nil || n != len(x) || string(encoding.AppendEncode(make([]byte, 0, encodedLen), x[:])) != rest {
		return ID{}, fmt.Errorf("%w: not base32", ErrInvalid)
	}
	if !x.wellFormed() || string(x.Append(make([]byte, 0, 64))) != s {
		return ID{}, fmt.Errorf("%w: prefix and kind differ", ErrInvalid)
	}
	return x, nil
}

// MustParse is Parse for texts known to be right, in tests.
func MustParse(s string) ID {
	x, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return x
}

// Value stores x as 16 bytes, the zero ID as NULL.
func (x ID) Value() (driver.Value, error) {
	if x.IsZero() {
		return nil, nil
	}
	return x[:], nil
}

// Scan reads 16 bytes; NULL gives the zero ID.
func (x *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*x = ID{}
		return nil
	case []byte:
		if len(v) == len(x) {
			copy(x[:], v)
			return nil
		}
	case string:
		if len(v) == len(x) {
			copy(x[:], v)
			return nil
		}
	}
	return fmt.Errorf("%w: stored as %T", ErrInvalid, src)
}

// MarshalText writes the text form; encoding/json uses it.
func (x ID) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// UnmarshalText reads the text form; the empty text is the zero ID.
func (x *ID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*x = ID{}
		return nil
	}
	y, err := Parse(string(b))
	*x = y
	return err
}

// MarshalGQL writes the text form as a JSON string, null for the zero ID.
func (x ID) MarshalGQL(w io.Writer) {
	if x.IsZero() {
		_, _ = io.WriteString(w, "null")
		return
	}
	_, _ = io.WriteString(w, `"`+x.String()+`"`)
}

// UnmarshalGQL reads the text form.
func (x *ID) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return ErrInvalid
	}
	y, err := Parse(s)
	*x = y
	return err
}
