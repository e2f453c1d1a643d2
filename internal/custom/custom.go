// Package custom says how the values of custom fields stand in the table custom_values, by which filters and orders find
// them: as bytes whose order is that of the values, on every database.
package custom

import (
	"crypto/sha256"
	"encoding/binary"
	"regexp"
	"strings"
)

// The types of custom fields.
const (
	Text        = "TEXT"
	Number      = "NUMBER"
	Boolean     = "BOOLEAN"
	Date        = "DATE"
	Choice      = "CHOICE"
	MultiChoice = "MULTI_CHOICE"
	Money       = "MONEY"
	Reference   = "REFERENCE"
	URL         = "URL"
)

// The digits of a NUMBER before and behind the point.
const (
	whole    = 20
	fraction = 10
)

var decimal = regexp.MustCompile(`^(-?)([0-9]{1,20})(?:\.([0-9]{1,10}))?$`)

// NumberKey returns the key of a decimal number; false when it is none. Equal numbers have equal keys, however they are
// written: a digit for the sign, then all digits, for negative numbers the complement of each.
func NumberKey(s string) ([]byte, bool) {
	parts := decimal.FindStringSubmatch(s)
	if parts == nil {
		return nil, false
	}
	digits := strings.Repeat("0", whole-len(parts[2])) + parts[2] + parts[3] + strings.Repeat("0", fraction-len(parts[3]))
	if parts[1] == "" || strings.Trim(digits, "0") == "" {
		return []byte("1" + digits), true
	}
	key := []byte("0" + digits)
	for i := 1; i < len(key); i++ {
		key[i] = '0' + '9' - key[i]
	}
	return key, true
}

// MoneyKey returns the key of an amount in minor units of the reporting currency.
func MoneyKey(minor int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(minor)^1<<63)
}

// BoolKey returns the key of a truth value.
func BoolKey(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

// Ordered reports whether lists can be ordered by the values of a type.
func Ordered(kind string) bool { return kind != MultiChoice && kind != Reference }

// Listed reports whether a value of the type is a list, of which each member has a row of its own.
func Listed(kind string) bool { return kind == MultiChoice }

// Exact returns a short stand-in for a value, by which equal ones are found however long they are.
func Exact(value []byte) []byte {
	sum := sha256.Sum256(value)
	return sum[:16]
}
