// Package tabular reads files of rows: CSV, XLSX, JSON lines and vCard. It finds out the encoding and the delimiter, reads
// one row at a time, and bounds everything: how long a row and a cell may be, how many columns there are, and what an
// archive may unpack to. It knows nothing of records.
//
// A row has a number that never changes for the same file, the first one 1, so that reading can go on where it ended.
package tabular

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Format is a form of files.
type Format string

// The formats.
const (
	CSV   Format = "CSV"        // RFC 4180, with any delimiter
	XLSX  Format = "XLSX"       // a sheet of a workbook (ECMA-376)
	JSONL Format = "JSON_LINES" // one JSON object a line
	VCard Format = "VCARD"      // RFC 6350 (4.0) and RFC 2426 (3.0)
)

// Formats lists every format.
func Formats() []Format { return []Format{CSV, XLSX, JSONL, VCard} }

// The bounds. A file that breaks one cannot be read on; a row that breaks one of a row is told and left out where the next
// row can be found.
const (
	MaxColumns = 500
	MaxRow     = 1 << 20   // bytes of a row
	MaxCell    = 100_000   // bytes of a cell
	MaxXLSX    = 100 << 20 // bytes of a workbook, which has to be in memory
	maxUnzip   = 1 << 30   // bytes that a workbook may unpack to
	maxSheet   = 32 << 20  // bytes of a sheet in memory; larger ones go through a temporary file
)

// Options say how a file is read. What is empty is found out.
type Options struct {
	Format    Format
	Encoding  string // of CSV and vCard, one of Encodings
	Delimiter string // of CSV: one character
	Sheet     string // of XLSX: its name; the first one
}

// Row is one row of data.
type Row struct {
	Number int64    // 1 for the first one
	Cells  []string // in the order of Source.Columns; what lies behind its end is empty
}

// RowError tells of a row that cannot be read. The rows after it can.
type RowError struct {
	Row     Row    // its number, and what could be read of it
	Message string // for people
}

// Error implements error.
func (e *RowError) Error() string { return fmt.Sprintf("row %d: %s", e.Row.Number, e.Message) }

// FileError tells of a file that cannot be read, or not on.
type FileError struct {
	Row     int64  // the row at which it ends; 0: it does not even begin
	Message string // for people, an English format
	Args    []any
}

// Error implements error.
func (e *FileError) Error() string {
	text := fmt.Sprintf(e.Message, e.Args...)
	if e.Row == 0 {
		return text
	}
	return fmt.Sprintf("row %d: %s", e.Row, text)
}

// Source is an open file. It is not safe for concurrent use.
type Source interface {
	// Options returns how the file is read, with everything that was found out.
	Options() Options
	// Columns are the names of the columns, without blanks around them. Of JSON lines it grows as rows are read.
	Columns() []string
	// Next returns the next row, io.EOF at the end, *RowError or *FileError. Rows without any value are left out, their
	// numbers too. The cells are valid until the next call.
	Next() (Row, error)
	// Close ends reading.
	Close() error
}

// File is what a source reads from.
type File interface {
	io.Reader
	io.Seeker
}

// headSize is how much of a file is looked at to find out what it is.
const headSize = 256 << 10

// Open opens a file. name helps to find out the format. It returns *FileError for a file that is none of the formats.
func Open(f File, name string, o Options) (Source, error) {
	head, err := peek(f)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return nil, &FileError{Message: "The file is empty."}
	}
	if o.Format == "" {
		o.Format = detect(head, name)
	}
	switch o.Format {
	case CSV:
		return openCSV(f, head, o)
	case XLSX:
		return openXLSX(f, o)
	case JSONL:
		return openJSONL(f, head, o)
	case VCard:
		return openVCard(f, head, o)
	}
	return nil, &FileError{Message: "The format of the file is not known."}
}

func peek(f File) ([]byte, error) {
	head, err := io.ReadAll(io.LimitReader(f, headSize))
	if err != nil {
		return nil, err
	}
	_, err = f.Seek(0, io.SeekStart)
	return head, err
}

func detect(head []byte, name string) Format {
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return XLSX
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(text) >= 11 && strings.EqualFold(string(text[:11]), "BEGIN:VCARD"):
		return VCard
	case bytes.HasPrefix(text, []byte("{")):
		return JSONL
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".vcf", ".vcard":
		return VCard
	case ".jsonl", ".ndjson":
		return JSONL
	}
	return CSV
}

// Skip reads on to the row after the number.
func Skip(s Source, number int64) error {
	for {
		if number <= 0 {
			return nil
		}
		row, err := s.Next()
		var bad *RowError
		switch {
		case errors.As(err, &bad):
			row = bad.Row
		case err != nil:
			return err
		}
		if row.Number >= number {
			return nil
		}
	}
}

// header cleans the names of columns: none is empty, none comes twice.
func header(cells []string) ([]string, error) {
	if len(cells) > MaxColumns {
		return nil, &FileError{Message: "The file has more than %d columns.", Args: []any{MaxColumns}}
	}
	seen := map[string]bool{}
	names := make([]string, len(cells))
	for i, cell := range cells {
		name := strings.TrimSpace(strings.TrimPrefix(cell, "\ufeff"))
		if name == "" {
			name = fmt.Sprintf("column %d", i+1)
		}
		for n, base := 2, name; seen[name]; n++ {
			name = fmt.Sprintf("%s (%d)", base, n)
		}
		seen[name] = true
		names[i] = name
	}
	return names, nil
}

func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

// lines reads lines of at most MaxRow bytes.
type lines struct {
	r *bufio.Reader
}

// next returns the next line without its end; tooLong for one that was longer, of which the beginning is returned.
func (l *lines) next() (line []byte, tooLong bool, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(part) > MaxRow {
			tooLong = true
			part = part[:0]
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(line) > 0 || tooLong):
			err = nil
		}
		return bytes.TrimRight(line, "\r\n"), tooLong, err
	}
}
