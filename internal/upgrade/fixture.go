// Package upgrade proves that this binary takes over the data of released ones: the fixtures in testdata are databases
// that earlier releases filled, with the answers that they gave. docs/operations/upgrade.md says how the next one is made.
package upgrade

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Fixture is a database as an earlier release left it, and what that release answered.
type Fixture struct {
	// Migration is the version of the newest one that had been applied.
	Migration string
	// RecordedAt is when: tokens and keys that lasted then are good at this instant.
	RecordedAt time.Time
	// Keys is the key file.
	Keys json.RawMessage
	// Sessions are signed in, by name of the demo user, but "signed out" and "spent", whose refresh token was used.
	Sessions map[string]Session
	// Reads are queries with the answers that they had.
	Reads []Exchange
	// Repeats are mutations with idempotency keys; sent again they have the same answer and change nothing.
	Repeats []Exchange

	Tables []Table `json:"-"`
}

// Session is a pair of tokens.
type Session struct{ Access, Refresh string }

// Exchange is a request and its answer.
type Exchange struct {
	As       string
	Document string
	Key      string          `json:",omitempty"` // Idempotency-Key
	Data     json.RawMessage `json:",omitempty"`
	// Digest stands for Data where a fixture would become too large.
	Digest string `json:",omitempty"`
}

// Digest returns the hash of an answer, whose objects may have their members in any order.
func Digest(data json.RawMessage) (string, error) {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return "", err
	}
	sorted, err := json.Marshal(v)
	sum := sha256.Sum256(sorted)
	return hex.EncodeToString(sum[:]), err
}

// Table holds the rows of a table, in values that every database has.
type Table struct {
	Name    string
	Columns []string
	Rows    [][]Value `json:"-"`
}

// Value is a value of a row: nil, bool, int64, float64, string, []byte or time.Time.
type Value struct{ V any }

// MarshalJSON writes bytes as {"b": base64} and times as {"t": RFC 3339}; the others are themselves.
func (v Value) MarshalJSON() ([]byte, error) {
	switch x := v.V.(type) {
	case []byte:
		return json.Marshal(map[string]string{"b": base64.StdEncoding.EncodeToString(x)})
	case time.Time:
		return json.Marshal(map[string]string{"t": x.UTC().Format(time.RFC3339Nano)})
	case nil, bool, int64, float64, string:
		return json.Marshal(x)
	}
	return nil, fmt.Errorf("a value of type %T", v.V)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Value) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var x struct{ B, T *string }
		if err := json.Unmarshal(b, &x); err != nil {
			return err
		}
		var err error
		switch {
		case x.B != nil:
			v.V, err = base64.StdEncoding.DecodeString(*x.B)
		case x.T != nil:
			v.V, err = time.Parse(time.RFC3339Nano, *x.T)
		default:
			err = errors.New("a value is neither bytes nor a time")
		}
		return err
	}
	var n json.Number
	if len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9') && json.Unmarshal(b, &n) == nil {
		if i, err := n.Int64(); err == nil {
			v.V = i
			return nil
		}
	}
	return json.Unmarshal(b, &v.V)
}

// line is a line of the file: first the fixture without its tables, then tables, each before its rows.
type line struct {
	Fixture *Fixture `json:",omitempty"`
	Table   *Table   `json:",omitempty"`
	Row     []Value  `json:",omitempty"`
}

// Write writes the fixture as JSON lines.
func (f *Fixture) Write(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(line{Fixture: f}); err != nil {
		return err
	}
	for i := range f.Tables {
		if err := out.Encode(line{Table: &f.Tables[i]}); err != nil {
			return err
		}
		for _, row := range f.Tables[i].Rows {
			if err := out.Encode(line{Row: row}); err != nil {
				return fmt.Errorf("table %s: %w", f.Tables[i].Name, err)
			}
		}
	}
	return nil
}

// Read reads what Write writes.
func Read(r io.Reader) (*Fixture, error) {
	in := json.NewDecoder(bufio.NewReader(r))
	var f *Fixture
	for {
		var l line
		err := in.Decode(&l)
		switch {
		case errors.Is(err, io.EOF) && f != nil:
			return f, nil
		case err != nil:
			return nil, fmt.Errorf("read a fixture: %w", err)
		case l.Fixture != nil:
			f = l.Fixture
		case f == nil:
			return nil, errors.New("read a fixture: it does not begin with itself")
		case l.Table != nil:
			f.Tables = append(f.Tables, *l.Table)
		case len(f.Tables) == 0:
			return nil, errors.New("read a fixture: a row before its table")
		default:
			t := &f.Tables[len(f.Tables)-1]
			t.Rows = append(t.Rows, l.Row)
		}
	}
}
