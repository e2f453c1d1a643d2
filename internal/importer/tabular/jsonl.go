package tabular

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// jsonSource reads JSON lines. Members of objects within objects are columns of their own, "address.city", and so are the
// elements of lists, "emails[0]".
type jsonSource struct {
	options Options
	lines   lines
	columns []string
	index   map[string]int
	number  int64
	cells   []string
}

func openJSONL(f File, head []byte, o Options) (Source, error) {
	s := &jsonSource{options: o, index: map[string]int{}}
	s.options.Encoding = "UTF-8"
	s.lines.r = bufio.NewReaderSize(f, 64<<10)
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		if _, err := s.lines.r.Discard(3); err != nil {
			return nil, err
		}
	}
	// The columns of the first rows are known from the start.
	first := &jsonSource{index: map[string]int{}, lines: lines{bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))))}}
	for range 100 {
		_, err := first.Next()
		var bad *RowError
		if err != nil && !errors.As(err, &bad) {
			break
		}
	}
	s.columns, s.index = first.columns, first.index
	if len(s.columns) == 0 {
		return nil, &FileError{Message: "The file has no JSON object in a line."}
	}
	return s, nil
}

// Options implements Source.
func (s *jsonSource) Options() Options { return s.options }

// Columns implements Source.
func (s *jsonSource) Columns() []string { return s.columns }

// Close implements Source.
func (s *jsonSource) Close() error { return nil }

// Next implements Source.
func (s *jsonSource) Next() (Row, error) {
	for {
		line, tooLong, err := s.lines.next()
		if err != nil {
			return Row{}, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		s.number++
		refuse := func(message string) (Row, error) {
			return Row{}, &RowError{Row: Row{Number: s.number}, Message: message}
		}
		if tooLong {
			return refuse("The row is too long.")
		}
		if !utf8.Valid(line) {
			return refuse("The row has bytes that are no text in the encoding of the file.")
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		var o map[string]any
		if err := d.Decode(&o); err != nil || o == nil {
			return refuse("The row is not a JSON object.")
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return refuse("The row is not a JSON object.")
		}
		s.cells = s.cells[:0]
		if problem := s.flatten("", o, 0); problem != "" {
			return refuse(problem)
		}
		if blank(s.cells) {
			continue
		}
		return Row{Number: s.number, Cells: slices.Clone(s.cells)}, nil
	}
}

const maxDepth = 8

// flatten fills the cells.
func (s *jsonSource) flatten(name string, v any, depth int) (problem string) {
	if depth > maxDepth {
		return "The row is nested too deeply."
	}
	switch v := v.(type) {
	case nil:
		return ""
	case map[string]any:
		names := make([]string, 0, len(v))
		for member := range v {
			names = append(names, member)
		}
		slices.Sort(names)
		for _, member := range names {
			full := member
			if name != "" {
				full = name + "." + member
			}
			if problem := s.flatten(full, v[member], depth+1); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		for i, one := range v {
			if problem := s.flatten(name+"["+strconv.Itoa(i)+"]", one, depth+1); problem != "" {
				return problem
			}
		}
		return ""
	case string:
		return s.put(name, v)
	case bool:
		return s.put(name, strconv.FormatBool(v))
	case json.Number:
		return s.put(name, v.String())
	}
	return ""
}

func (s *jsonSource) put(name, value string) (problem string) {
	if len(value) > MaxCell {
		return "A cell of the row is too long."
	}
	i, ok := s.index[name]
	if !ok {
		if len(s.columns) >= MaxColumns {
			return "The row has more members than a file may have columns."
		}
		i = len(s.columns)
		s.columns = append(s.columns, name)
		s.index[name] = i
	}
	for len(s.cells) <= i {
		s.cells = append(s.cells, "")
	}
	s.cells[i] = value
	return ""
}
