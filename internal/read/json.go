package read

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"farley/internal/id"
	"farley/internal/model"
)

// encoder appends the JSON of a value that a driver gave, which is not NULL.
type encoder func(dst []byte, src any) ([]byte, error)

// encoderOf returns the encoder for fields of a type that take one column.
func encoderOf(t model.Type) encoder {
	switch t {
	case model.ID, model.Ref:
		return encodeID
	case model.Int:
		return encodeInt
	case model.Degrees:
		return encodeDegrees
	case model.Bool:
		return encodeBool
	case model.DateTime:
		return encodeTime
	case model.Choices:
		return encodeChoices
	case model.List:
		return encodeStored
	}
	return encodeText
}

func encodeText(dst []byte, src any) ([]byte, error) {
	if s, ok := src.(string); ok {
		return appendString(dst, s), nil
	}
	return appendString(dst, asBytes(src)), nil
}

func encodeID(dst []byte, src any) ([]byte, error) {
	var x id.ID
	if err := x.Scan(src); err != nil {
		return dst, err
	}
	return appendID(dst, x), nil
}

func encodeInt(dst []byte, src any) ([]byte, error) {
	n, err := asInt(src)
	return strconv.AppendInt(dst, n, 10), err
}

// degree is how degrees are kept: in millionths.
const degree = 1_000_000

func encodeDegrees(dst []byte, src any) ([]byte, error) {
	n, err := asInt(src)
	return strconv.AppendFloat(dst, float64(n)/degree, 'f', -1, 64), err
}

func encodeBool(dst []byte, src any) ([]byte, error) {
	n, err := asInt(src)
	return strconv.AppendBool(dst, n != 0), err
}

func encodeTime(dst []byte, src any) ([]byte, error) {
	if s, ok := src.(string); ok {
		if out, ok := appendStoredTime(dst, s); ok {
			return out, nil
		}
	}
	at, err := asTime(src)
	return appendTime(dst, at), err
}

// appendStoredTime writes an instant from the text that SQLite keeps, "2026-11-28 09:00:00.123456+00:00", without a calendar; false for
// every other text.
func appendStoredTime(dst []byte, s string) ([]byte, bool) {
	const seconds, zone = len("2026-11-28 09:00:00"), "+00:00"
	whole, ok := strings.CutSuffix(s, zone)
	if !ok || len(whole) < seconds || whole[10] != ' ' {
		return dst, false
	}
	fraction := whole[seconds:]
	if fraction != "" {
		if fraction[0] != '.' {
			return dst, false
		}
		fraction = strings.TrimRight(fraction[:min(len(fraction), len(".999999"))], "0")
	}
	dst = append(dst, '"')
	dst = append(append(append(dst, whole[:10]...), 'T'), whole[11:seconds]...)
	if len(fraction) > 1 {
		dst = append(dst, fraction...)
	}
	return append(dst, 'Z', '"'), true
}

// encodeChoices turns "|A|B|" into ["A","B"].
func encodeChoices(dst []byte, src any) ([]byte, error) {
	dst = append(dst, '[')
	first := true
	for choice := range bytes.SplitSeq(asBytes(src), []byte("|")) {
		if len(choice) == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendString(dst, choice)
	}
	return append(dst, ']'), nil
}

// encodeStored takes JSON as it is stored, without the white space that a database may have put in.
func encodeStored(dst []byte, src any) ([]byte, error) {
	stored := asBytes(src)
	if len(stored) == 0 {
		return append(dst, "[]"...), nil
	}
	b := bytes.NewBuffer(dst)
	if err := json.Compact(b, stored); err != nil {
		return dst, fmt.Errorf("read: stored JSON: %w", err)
	}
	return b.Bytes(), nil
}

// raw takes the text as it is.
func raw(dst []byte, src any) ([]byte, error) { return append(dst, asBytes(src)...), nil }

const (
	mask      = "••••"
	maskedMin = 8 // characters from which the last two show
)

// encodeMasked hides a text but for the last two of at least eight characters, by which people tell records apart.
func encodeMasked(dst []byte, src any) ([]byte, error) {
	text := asBytes(src)
	if utf8.RuneCount(text) < maskedMin {
		return appendString(dst, mask), nil
	}
	cut := len(text)
	for range 2 {
		_, size := utf8.DecodeLastRune(text[:cut])
		cut -= size
	}
	return appendString(dst, mask+string(text[cut:])), nil
}

const upperHex = "0123456789ABCDEF"

// appendString quotes s as gqlgen does.
func appendString[S string | []byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '\\' && c != '"' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '\t':
			dst = append(dst, `\t`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\\', '"':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', 'u', '0', '0', upperHex[c>>4], upperHex[c&0xf])
		}
	}
	return append(append(dst, s[start:]...), '"')
}

func appendID(dst []byte, x id.ID) []byte {
	if x.IsZero() {
		return append(dst, "null"...)
	}
	return append(x.Append(append(dst, '"')), '"')
}

func appendTime(dst []byte, at time.Time) []byte {
	return append(at.UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05.999999Z"), '"')
}

func appendKey(name string) []byte { return append(appendString(nil, name), ':') }

func asInt(src any) (int64, error) {
	switch v := src.(type) {
	case int64:
		return v, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case float64:
		return int64(v), nil
	case []byte:
		if len(v) == 1 && v[0] < '0' { // BIT
			return int64(v[0]), nil
		}
		return strconv.ParseInt(string(v), 10, 64)
	case string:
		return strconv.ParseInt(v, 10, 64)
	}
	return 0, fmt.Errorf("read: %T is not a number", src)
}

// asTime reads an instant, also where the database has lost its type (SQLite does in CASE and compound queries).
func asTime(src any) (time.Time, error) {
	switch v := src.(type) {
	case time.Time:
		return v.UTC(), nil
	case []byte:
		return parseStored(string(v))
	case string:
		return parseStored(v)
	}
	return time.Time{}, fmt.Errorf("read: %T is not an instant", src)
}

func parseStored(s string) (time.Time, error) {
	s = strings.Replace(s, "T", " ", 1)
	layout := "2006-01-02 15:04:05"
	switch {
	case strings.HasSuffix(s, "Z"):
		layout += "Z"
	case len(s) > len(layout) && strings.ContainsAny(s[len(layout):], "+-"):
		layout += "-07:00"
	}
	at, err := time.Parse(layout, s)
	return at.UTC(), err
}

// buffers holds scratch space for answers under construction.
type buffers struct{ pool sync.Pool }

// build runs fn on pooled space and returns a copy of what it has written.
func (b *buffers) build(fn func(dst []byte) []byte) []byte {
	scratch, ok := b.pool.Get().(*[]byte)
	if !ok {
		scratch = new([]byte)
	}
	*scratch = fn((*scratch)[:0])
	out := bytes.Clone(*scratch)
	if cap(*scratch) <= 1<<20 { // one huge answer should not stay in memory
		b.pool.Put(scratch)
	}
	return out
}
