package tabular

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"
)

// Writer writes rows in the format in which a source had them, so that they can be corrected and read again. What comes from
// vCards is written as CSV with the columns of vCards.
type Writer interface {
	Write(cells []string) error
	// Close ends the file; what it wrote to stays open.
	Close() error
}

// NewWriter writes the names of the columns and returns a writer of rows. Text is UTF-8.
func NewWriter(w io.Writer, o Options, columns []string) (Writer, error) {
	switch o.Format {
	case XLSX:
		return newXLSXWriter(w, o, columns)
	case JSONL:
		return &jsonWriter{w: bufio.NewWriter(w), columns: columns}, nil
	}
	if o.Delimiter == "" {
		o.Delimiter = ","
	}
	c := &csvWriter{w: bufio.NewWriter(w), comma: o.Delimiter}
	if _, err := c.w.WriteString("\ufeff"); err != nil { // without it spreadsheets take UTF-8 for something else
		return nil, err
	}
	return c, c.Write(columns)
}

// Extension is what names of files in the form of a Writer end with.
func Extension(f Format) string {
	switch f {
	case XLSX:
		return ".xlsx"
	case JSONL:
		return ".jsonl"
	}
	return ".csv"
}

type csvWriter struct {
	w     *bufio.Writer
	comma string
}

func (c *csvWriter) Write(cells []string) error {
	for i, cell := range cells {
		if i > 0 {
			_, _ = c.w.WriteString(c.comma) // the error stays until Flush
		}
		if strings.Contains(cell, c.comma) || strings.ContainsAny(cell, "\"\r\n") || cell != strings.TrimSpace(cell) || cell == "" && len(cells) == 1 {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		_, _ = c.w.WriteString(cell)
	}
	_, err := c.w.WriteString("\r\n")
	return err
}

func (c *csvWriter) Close() error { return c.w.Flush() }

type jsonWriter struct {
	w       *bufio.Writer
	columns []string
}

func (j *jsonWriter) Write(cells []string) error {
	_ = j.w.WriteByte('{') // the error stays until Flush
	first := true
	for i, cell := range cells {
		if cell == "" || i >= len(j.columns) {
			continue
		}
		if !first {
			_ = j.w.WriteByte(',')
		}
		first = false
		name, err := json.Marshal(j.columns[i])
		if err != nil {
			return err
		}
		value, err := json.Marshal(cell)
		if err != nil {
			return err
		}
		_, _ = j.w.Write(append(append(name, ':'), value...))
	}
	_, err := j.w.WriteString("}\n")
	return err
}

func (j *jsonWriter) Close() error { return j.w.Flush() }

type xlsxWriter struct {
	to     io.Writer
	book   *excelize.File
	stream *excelize.StreamWriter
	row    int
}

func newXLSXWriter(w io.Writer, o Options, columns []string) (*xlsxWriter, error) {
	x := &xlsxWriter{to: w, book: excelize.NewFile()}
	sheet := "Sheet1"
	if o.Sheet != "" && o.Sheet != sheet {
		if err := x.book.SetSheetName(sheet, o.Sheet); err != nil {
			return nil, err
		}
		sheet = o.Sheet
	}
	var err error
	if x.stream, err = x.book.NewStreamWriter(sheet); err != nil {
		return nil, err
	}
	return x, x.Write(columns)
}

func (x *xlsxWriter) Write(cells []string) error {
	x.row++
	values := make([]any, len(cells))
	for i, c := range cells {
		values[i] = c
	}
	return x.stream.SetRow(fmt.Sprintf("A%d", x.row), values)
}

func (x *xlsxWriter) Close() error {
	if err := x.stream.Flush(); err != nil {
		return err
	}
	if _, err := x.book.WriteTo(x.to); err != nil {
		return err
	}
	return x.book.Close()
}
