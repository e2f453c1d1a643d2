package tabular

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// csvSource reads CSV as RFC 4180 has it: quoted cells with line breaks and doubled quotes. A quote within a cell that does not
// begin with one is a plain character.
type csvSource struct {
	options Options
	r       *bufio.Reader
	comma   rune
	columns []string
	cells   []string
	number  int64
	ended   bool
}

func openCSV(f File, head []byte, o Options) (Source, error) {
	if o.Encoding == "" {
		o.Encoding = guess(head)
	}
	if !known(o.Encoding) {
		return nil, &FileError{Message: "The encoding is not known."}
	}
	if o.Delimiter == "" {
		o.Delimiter = string(delimiter(head, o.Encoding))
	}
	comma, n := utf8.DecodeRuneInString(o.Delimiter)
	if n != len(o.Delimiter) || strings.ContainsRune("\"\r\n", comma) || comma == utf8.RuneError {
		return nil, &FileError{Message: "The delimiter is not one character."}
	}
	s := &csvSource{options: o, r: bufio.NewReaderSize(decoded(f, o.Encoding), 64<<10), comma: comma}
	if c, _, err := s.r.ReadRune(); err == nil && c != '\ufeff' {
		_ = s.r.UnreadRune() // a rune was just read
	}
	for {
		cells, err := s.record()
		if err != nil && !errors.Is(err, io.EOF) {
			var bad *RowError
			if errors.As(err, &bad) {
				return nil, &FileError{Message: "The names of the columns cannot be read."}
			}
			return nil, err
		}
		if !blank(cells) {
			s.columns, err = header(cells)
			s.number = 0
			return s, err
		}
		if err != nil {
			return nil, &FileError{Message: "The file is empty."}
		}
	}
}

// delimiter picks the character that divides the first records into the same number of cells, and into most.
func delimiter(head []byte, encoding string) rune {
	best, most := ',', 1
	for _, comma := range []rune{',', ';', '\t', '|'} {
		s := &csvSource{r: bufio.NewReader(decoded(bytes.NewReader(head), encoding)), comma: comma}
		n, same := 0, 0
		for range 20 {
			cells, err := s.record()
			if err != nil {
				break // perhaps it was cut
			}
			if blank(cells) {
				continue
			}
			switch {
			case n == 0:
				n = len(cells)
				same = 1
			case n == len(cells):
				same++
			default:
				same -= 2
			}
		}
		if n > most && same > 0 {
			best, most = comma, n
		}
	}
	return best
}

// Options implements Source.
func (s *csvSource) Options() Options { return s.options }

// Columns implements Source.
func (s *csvSource) Columns() []string { return s.columns }

// Close implements Source.
func (s *csvSource) Close() error { return nil }

// Next implements Source.
func (s *csvSource) Next() (Row, error) {
	for {
		cells, err := s.record()
		if err != nil {
			return Row{}, err
		}
		if blank(cells) {
			continue
		}
		s.number++
		row := Row{Number: s.number, Cells: cells}
		for i, c := range cells {
			switch {
			case i >= len(s.columns) && strings.TrimSpace(c) != "":
				return Row{}, &RowError{Row: row, Message: "The row has more cells than there are columns."}
			case len(c) > MaxCell:
				return Row{}, &RowError{Row: Row{Number: s.number}, Message: "A cell of the row is too long."}
			case !utf8.ValidString(c):
				row.Cells = valid(cells)
				return Row{}, &RowError{Row: row, Message: "The row has bytes that are no text in the encoding of the file."}
			}
		}
		row.Cells = cells[:min(len(cells), len(s.columns))]
		return row, nil
	}
}

func valid(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = strings.ToValidUTF8(c, "\ufffd")
	}
	return out
}

// record reads one record, io.EOF at the end.
func (s *csvSource) record() ([]string, error) {
	if s.ended {
		return nil, io.EOF
	}
	s.cells = s.cells[:0]
	var cell []byte
	size := 0
	quoted, begun := false, false // within quotes; something of the cell was read
	end := func() {
		s.cells = append(s.cells, string(cell))
		cell, begun = cell[:0], false
	}
	for {
		c, n, err := s.r.ReadRune()
		if errors.Is(err, io.EOF) {
			s.ended = true
			switch {
			case quoted:
				return nil, &FileError{Row: s.number + 1, Message: "A quotation mark is not closed."}
			case len(s.cells) == 0 && !begun && len(cell) == 0:
				return nil, io.EOF
			}
			end()
			return s.cells, nil
		}
		if err != nil {
			return nil, err
		}
		if size += n; size > MaxRow {
			return nil, &FileError{Row: s.number + 1, Message: "A row is longer than %d bytes; perhaps a quotation mark is not closed.", Args: []any{MaxRow}}
		}
		switch {
		case quoted && c == '"':
			next, _, err := s.r.ReadRune()
			if err == nil && next == '"' {
				cell = append(cell, '"')
				size++
				continue
			}
			if err == nil {
				_ = s.r.UnreadRune() // a rune was just read
			}
			quoted = false
		case quoted:
			cell = s.appendRune(cell, c, n)
		case c == '"' && !begun && len(bytes.TrimSpace(cell)) == 0:
			cell, quoted, begun = cell[:0], true, true
		case c == s.comma:
			if len(s.cells) >= MaxColumns {
				return nil, &FileError{Row: s.number + 1, Message: "The file has more than %d columns.", Args: []any{MaxColumns}}
			}
			end()
		case c == '\n':
			end()
			return s.cells, nil
		case c == '\r':
			next, _, err := s.r.ReadRune()
			if err == nil && next != '\n' {
				_ = s.r.UnreadRune() // a rune was just read
			}
			end()
			return s.cells, nil
		default:
			if c != ' ' && c != '\t' {
				begun = true
			}
			cell = s.appendRune(cell, c, n)
		}
	}
}

// appendRune keeps a byte that is no character as it is, so that it can be told.
func (s *csvSource) appendRune(cell []byte, c rune, n int) []byte {
	if c == utf8.RuneError && n == 1 {
		return append(cell, 0xff)
	}
	return utf8.AppendRune(cell, c)
}
