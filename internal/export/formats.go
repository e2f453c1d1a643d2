package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"farley/internal/fault"
	"farley/internal/model"
)

// sink writes records in one format. Its memory does not depend on how many there are.
type sink interface {
	write(r record) error
	// end writes what stands at the end.
	end() error
}

// newSink begins a file.
func newSink(p *plan, w io.Writer) (sink, error) {
	zone, err := p.zone()
	if err != nil {
		return nil, err
	}
	switch p.Format {
	case XLSX:
		return newSheet(p, w, zone)
	case JSONLines:
		return &lines{p: p, w: bufio.NewWriterSize(w, 64<<10)}, nil
	case VCard:
		return newCards(w), nil
	}
	return newTable(p, w, zone)
}

// table writes a CSV.
type table struct {
	p     *plan
	w     *csv.Writer
	zone  *time.Location
	cells []string
}

func newTable(p *plan, w io.Writer, zone *time.Location) (*table, error) {
	if p.ByteOrderMark {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return nil, err
		}
	}
	t := &table{p: p, w: csv.NewWriter(w), zone: zone, cells: p.names()}
	t.w.UseCRLF = true // RFC 4180
	if p.Delimiter != "" {
		t.w.Comma = rune(p.Delimiter[0])
	}
	return t, t.w.Write(t.cells)
}

func (t *table) write(r record) error {
	for i := range t.p.columns {
		t.cells[i] = t.p.guard(text(t.p.columns[i].value(r, t.zone)))
	}
	return t.w.Write(t.cells)
}

func (t *table) end() error {
	t.w.Flush()
	return t.w.Error()
}

// guard keeps spreadsheets from running a text as a formula, where that is wished.
func (p *plan) guard(s string) string {
	if p.GuardFormulas && s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// lines writes a JSON object a line, fields as in the API.
type lines struct {
	p *plan
	w *bufio.Writer
}

func (l *lines) write(r record) error {
	raw := r.raw
	if len(l.p.systems) > 0 {
		r.values[externalIDs] = r.refs
		var err error
		if raw, err = json.Marshal(r.values); err != nil {
			return err
		}
	}
	if _, err := l.w.Write(raw); err != nil {
		return err
	}
	return l.w.WriteByte('\n')
}

func (l *lines) end() error { return l.w.Flush() }

// The sheet of a workbook.
const (
	sheetName = "Sheet1"
	maxRows   = 1 << 20
	maxCell   = 32_767 // characters
)

// sheet writes a workbook. Its rows wait in a file of the operating system for temporary ones, and go out at the end.
type sheet struct {
	p     *plan
	out   io.Writer
	zone  *time.Location
	file  *excelize.File
	w     *excelize.StreamWriter
	row   int
	cells []any
}

func newSheet(p *plan, w io.Writer, zone *time.Location) (*sheet, error) {
	s := &sheet{p: p, out: w, zone: zone, file: excelize.NewFile(), row: 1, cells: make([]any, len(p.columns))}
	var err error
	if s.w, err = s.file.NewStreamWriter(sheetName); err != nil {
		return nil, err
	}
	for i, name := range p.names() {
		s.cells[i] = name
	}
	return s, s.next()
}

func (s *sheet) next() error {
	at, err := excelize.CoordinatesToCellName(1, s.row)
	if err != nil {
		return err
	}
	s.row++
	return s.w.SetRow(at, s.cells)
}

func (s *sheet) write(r record) error {
	if s.row > maxRows {
		return fault.New(fault.Limited, "A workbook has at most %d records.", maxRows-1).With("limit", "rows").With("max", maxRows-1)
	}
	for i := range s.p.columns {
		c := &s.p.columns[i]
		s.cells[i] = s.cell(c, c.value(r, s.zone))
	}
	return s.next()
}

// cell writes as numbers what a spreadsheet keeps exactly, and everything else as a text: an id of digits stays one.
func (s *sheet) cell(c *column, v any) any {
	switch v := v.(type) {
	case bool:
		return v
	case json.Number:
		return number(v)
	case string:
		if c.field != nil && c.field.Type == model.Money && c.part == "amount" {
			return number(json.Number(v))
		}
		if r := []rune(v); len(r) > maxCell {
			v = string(r[:maxCell])
		}
		return s.p.guard(v)
	}
	return nil
}

// digits are how many a spreadsheet keeps of a number.
const digits = 15

func number(n json.Number) any {
	if f, err := n.Float64(); err == nil && len(strings.TrimLeft(n.String(), "-0.")) <= digits {
		return f
	}
	return n.String()
}

func (s *sheet) end() error {
	if err := s.w.Flush(); err != nil {
		return err
	}
	if _, err := s.file.WriteTo(s.out); err != nil {
		return err
	}
	return s.file.Close()
}
