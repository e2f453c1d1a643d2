package tabular

import (
	"errors"
	"io"

	"github.com/xuri/excelize/v2"
)

// xlsxSource reads a sheet of a workbook. Cells are as they are stored: days and instants are serial numbers.
type xlsxSource struct {
	options Options
	book    *excelize.File
	rows    *excelize.Rows
	columns []string
	number  int64
}

func openXLSX(f File, o Options) (_ Source, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if size > MaxXLSX {
		return nil, &FileError{Message: "The workbook is larger than %d bytes. Save the sheet as CSV.", Args: []any{MaxXLSX}}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	broken := &FileError{Message: "The file is not a workbook that can be read."}
	defer func() {
		if recover() != nil { // the library has met a workbook that it did not expect
			err = broken
		}
	}()
	book, err := excelize.OpenReader(f, excelize.Options{RawCellValue: true, UnzipSizeLimit: maxUnzip, UnzipXMLSizeLimit: maxSheet})
	if err != nil {
		return nil, broken
	}
	s := &xlsxSource{options: o, book: book}
	if s.options.Sheet == "" {
		if list := book.GetSheetList(); len(list) > 0 {
			s.options.Sheet = list[0]
		}
	}
	if s.rows, err = book.Rows(s.options.Sheet); err != nil {
		_ = book.Close()
		return nil, &FileError{Message: "The workbook has no such sheet."}
	}
	for {
		cells, err := s.read()
		if errors.Is(err, io.EOF) {
			err = &FileError{Message: "The sheet is empty."}
		}
		if err != nil {
			_ = s.Close()
			return nil, err
		}
		if !blank(cells) {
			s.columns, err = header(cells)
			return s, err
		}
	}
}

// read returns the cells of the next row of the sheet.
func (s *xlsxSource) read() (cells []string, err error) {
	defer func() {
		if recover() != nil { // the library has met a workbook that it did not expect
			cells, err = nil, &FileError{Row: s.number + 1, Message: "The sheet cannot be read on."}
		}
	}()
	if !s.rows.Next() {
		if err := s.rows.Error(); err != nil {
			return nil, &FileError{Row: s.number + 1, Message: "The sheet cannot be read on."}
		}
		return nil, io.EOF
	}
	if cells, err = s.rows.Columns(); err != nil {
		return nil, &FileError{Row: s.number + 1, Message: "The sheet cannot be read on."}
	}
	return cells, nil
}

// Options implements Source.
func (s *xlsxSource) Options() Options { return s.options }

// Columns implements Source.
func (s *xlsxSource) Columns() []string { return s.columns }

// Next implements Source.
func (s *xlsxSource) Next() (Row, error) {
	for {
		cells, err := s.read()
		if err != nil {
			return Row{}, err
		}
		if blank(cells) {
			continue
		}
		s.number++
		row := Row{Number: s.number, Cells: cells}
		size := 0
		for _, c := range cells {
			size += len(c)
			if len(c) > MaxCell || size > MaxRow {
				return Row{}, &RowError{Row: Row{Number: s.number}, Message: "A cell of the row is too long."}
			}
		}
		if len(cells) > len(s.columns) && !blank(cells[len(s.columns):]) {
			return Row{}, &RowError{Row: row, Message: "The row has more cells than there are columns."}
		}
		row.Cells = cells[:min(len(cells), len(s.columns))]
		return row, nil
	}
}

// Close implements Source.
func (s *xlsxSource) Close() error { return errors.Join(s.rows.Close(), s.book.Close()) }
