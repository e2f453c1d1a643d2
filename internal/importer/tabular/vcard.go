package tabular

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-vcard"
)

// vcardSource reads vCards. The columns are always the same: the properties that people use, EMAIL, TEL and ADR several times.
type vcardSource struct {
	options Options
	lines   lines
	number  int64
}

// vcardRepeats is how many addresses, numbers and the like of one card are read.
const vcardRepeats = 5

// vcardColumns are the columns, each with what a card has in it.
var vcardColumns = vcardProperties()

type vcardColumn struct {
	name  string
	value func(vcard.Card) string
}

func vcardProperties() []vcardColumn {
	name := func(part func(*vcard.Name) string) func(vcard.Card) string {
		return func(c vcard.Card) string {
			if n := c.Name(); n != nil {
				return part(n)
			}
			return ""
		}
	}
	columns := []vcardColumn{
		{"FN", func(c vcard.Card) string { return c.PreferredValue(vcard.FieldFormattedName) }},
		{"N.family", name(func(n *vcard.Name) string { return n.FamilyName })},
		{"N.given", name(func(n *vcard.Name) string { return n.GivenName })},
		{"N.additional", name(func(n *vcard.Name) string { return n.AdditionalName })},
		{"N.prefix", name(func(n *vcard.Name) string { return n.HonorificPrefix })},
	}
	for _, p := range []string{"NICKNAME", "BDAY", "GENDER", "ORG", "TITLE", "ROLE", "LANG", "TZ", "NOTE", "UID", "CATEGORIES"} {
		columns = append(columns, vcardColumn{p, func(c vcard.Card) string {
			v := c.PreferredValue(p)
			if p == "ORG" { // name, then units
				v, _, _ = strings.Cut(v, ";")
			}
			return v
		}})
	}
	columns = append(columns, vcardColumn{"ORG.unit", func(c vcard.Card) string {
		_, unit, _ := strings.Cut(c.PreferredValue("ORG"), ";")
		return unit
	}})
	for _, p := range []string{"EMAIL", "TEL", "URL", "IMPP"} {
		for i := range vcardRepeats {
			at := func(c vcard.Card) *vcard.Field {
				if fs := c[p]; i < len(fs) {
					return fs[i]
				}
				return nil
			}
			columns = append(columns,
				vcardColumn{fmt.Sprintf("%s[%d]", p, i), func(c vcard.Card) string {
					if f := at(c); f != nil {
						return strings.TrimPrefix(f.Value, "tel:")
					}
					return ""
				}},
				vcardColumn{fmt.Sprintf("%s[%d].type", p, i), func(c vcard.Card) string {
					if f := at(c); f != nil {
						return strings.ToLower(strings.Join(f.Params.Types(), " "))
					}
					return ""
				}})
		}
	}
	parts := []struct {
		name string
		of   func(*vcard.Address) string
	}{
		{"street", func(a *vcard.Address) string { return strings.TrimSpace(a.StreetAddress + " " + a.ExtendedAddress) }},
		{"city", func(a *vcard.Address) string { return a.Locality }},
		{"region", func(a *vcard.Address) string { return a.Region }},
		{"postalCode", func(a *vcard.Address) string { return a.PostalCode }},
		{"country", func(a *vcard.Address) string { return a.Country }},
		{"type", func(a *vcard.Address) string { return strings.ToLower(strings.Join(a.Params.Types(), " ")) }},
	}
	for i := range vcardRepeats {
		for _, part := range parts {
			columns = append(columns, vcardColumn{fmt.Sprintf("ADR[%d].%s", i, part.name), func(c vcard.Card) string {
				if as := c.Addresses(); i < len(as) {
					return part.of(as[i])
				}
				return ""
			}})
		}
	}
	return columns
}

func openVCard(f File, head []byte, o Options) (Source, error) {
	if o.Encoding == "" {
		o.Encoding = guess(head)
	}
	if !known(o.Encoding) {
		return nil, &FileError{Message: "The encoding is not known."}
	}
	return &vcardSource{options: o, lines: lines{bufio.NewReaderSize(decoded(f, o.Encoding), 64<<10)}}, nil
}

// Options implements Source.
func (s *vcardSource) Options() Options { return s.options }

// Columns implements Source.
func (s *vcardSource) Columns() []string {
	names := make([]string, len(vcardColumns))
	for i, c := range vcardColumns {
		names[i] = c.name
	}
	return names
}

// Close implements Source.
func (s *vcardSource) Close() error { return nil }

// Next implements Source.
func (s *vcardSource) Next() (Row, error) {
	text, tooLong, err := s.card()
	if err != nil {
		return Row{}, err
	}
	s.number++
	refuse := func(message string) (Row, error) {
		return Row{}, &RowError{Row: Row{Number: s.number}, Message: message}
	}
	if tooLong {
		return refuse("The row is too long.")
	}
	if !utf8.Valid(text) {
		return refuse("The row has bytes that are no text in the encoding of the file.")
	}
	card, err := decodeCard(text)
	if err != nil {
		return refuse("The row is not a vCard.")
	}
	row := Row{Number: s.number, Cells: make([]string, len(vcardColumns))}
	for i, c := range vcardColumns {
		row.Cells[i] = strings.TrimSpace(c.value(card))
		if len(row.Cells[i]) > MaxCell {
			return refuse("A cell of the row is too long.")
		}
	}
	return row, nil
}

func decodeCard(text []byte) (card vcard.Card, err error) {
	defer func() {
		if recover() != nil { // the library has met a card that it did not expect
			err = errors.New("tabular: the card cannot be read")
		}
	}()
	return vcard.NewDecoder(bytes.NewReader(text)).Decode()
}

// card returns the lines of the next card, from BEGIN to END; what stands between cards is left out.
func (s *vcardSource) card() (text []byte, tooLong bool, err error) {
	begun := false
	for {
		line, long, err := s.lines.next()
		if errors.Is(err, io.EOF) && begun {
			return text, tooLong, nil // without its end it is no card, which is told
		}
		if err != nil {
			return nil, false, err
		}
		mark := strings.ToUpper(string(bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))))
		if !begun && mark == "BEGIN:VCARD" {
			begun = true
			line = []byte(mark)
		}
		if !begun {
			continue
		}
		if long || len(text)+len(line) > MaxRow {
			tooLong = true
		} else {
			text = append(append(text, line...), '\r', '\n')
		}
		if mark == "END:VCARD" {
			return text, tooLong, nil
		}
	}
}
