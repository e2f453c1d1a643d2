package tabular_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"farley/internal/importer/tabular"
)

// table reads everything: the columns, then the rows; rows that cannot be read are their messages.
func table(t testing.TB, content []byte, name string, o tabular.Options) ([][]string, tabular.Options) {
	t.Helper()
	s, err := tabular.Open(bytes.NewReader(content), name, o)
	if err != nil {
		return [][]string{{err.Error()}}, o
	}
	defer func() { _ = s.Close() }()
	var rows [][]string
	for {
		row, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			rows = append(rows, []string{err.Error()})
			var bad *tabular.RowError
			if errors.As(err, &bad) {
				continue
			}
			break
		}
		rows = append(rows, append([]string(nil), row.Cells...))
	}
	return append([][]string{s.Columns()}, rows...), s.Options()
}

func encoded(t testing.TB, e encoding.Encoding, s string) []byte {
	t.Helper()
	b, err := e.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpen_csv(t *testing.T) {
	t.Parallel()
	const western, arabic = "name;city\nCafé Müller;Köln\nPâtisserie;Orléans\n", "الاسم,المدينة\nشركة النور,الرياض\nمؤسسة الأمل,جدة\n"
	westernRows := [][]string{{"name", "city"}, {"Café Müller", "Köln"}, {"Pâtisserie", "Orléans"}}
	arabicRows := [][]string{{"الاسم", "المدينة"}, {"شركة النور", "الرياض"}, {"مؤسسة الأمل", "جدة"}}
	for name, c := range map[string]struct {
		content             []byte
		want                [][]string
		encoding, delimiter string
	}{
		"utf-8":             {[]byte(western), westernRows, "UTF-8", ";"},
		"mark":              {[]byte("\xef\xbb\xbf" + western), westernRows, "UTF-8", ";"},
		"utf-16le":          {encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), western), westernRows, "UTF-16LE", ";"},
		"utf-16be":          {encoded(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), western), westernRows, "UTF-16BE", ";"},
		"utf-16le unmarked": {encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), western), westernRows, "UTF-16LE", ";"},
		"windows-1252":      {encoded(t, charmap.Windows1252, western), westernRows, "windows-1252", ";"},
		"windows-1256":      {encoded(t, charmap.Windows1256, arabic), arabicRows, "windows-1256", ","},
		"quoted": {[]byte("a,b\r\n\"x\r\ny\",\"say \"\"hi\"\"\"\r\nit's 5\" wide, z \r\n\r\n,\r\n\"\",last"),
			[][]string{{"a", "b"}, {"x\r\ny", `say "hi"`}, {`it's 5" wide`, " z "}, {"", "last"}}, "UTF-8", ","},
		"tab":   {[]byte("a\tb\n1,5\t2,5\n"), [][]string{{"a", "b"}, {"1,5", "2,5"}}, "UTF-8", "\t"},
		"names": {[]byte("a,,a\n1,2,3\n"), [][]string{{"a", "column 2", "a (2)"}, {"1", "2", "3"}}, "UTF-8", ","},
		"too many cells": {[]byte("a,b\n1,2,3\n4,5\n"), [][]string{{"a", "b"}, {"row 1: The row has more cells than there are columns."}, {"4", "5"}},
			"UTF-8", ","},
		"unclosed": {[]byte("a,b\n1,\"2\n3,4\n"), [][]string{{"a", "b"}, {"row 1: A quotation mark is not closed."}}, "UTF-8", ","},
	} {
		got, o := table(t, c.content, "x.csv", tabular.Options{})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if o.Encoding != c.encoding || o.Delimiter != c.delimiter || o.Format != tabular.CSV {
			t.Errorf("%s: found out %+v, want %s and %q", name, o, c.encoding, c.delimiter)
		}
	}
}

func TestOpen_bounds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, want string }{
		"row":     {"a,b\n1,\"" + strings.Repeat("x", tabular.MaxRow) + "\"\n", "row 1: A row is longer than 1048576 bytes; perhaps a quotation mark is not closed."},
		"cell":    {"a\n" + strings.Repeat("x", tabular.MaxCell+1) + "\n", "row 1: A cell of the row is too long."},
		"columns": {strings.Repeat("a,", tabular.MaxColumns+1) + "\n", "row 1: The file has more than 500 columns."},
		"empty":   {" \n\n", "The file is empty."},
	} {
		got, _ := table(t, []byte(c.content), "x.csv", tabular.Options{})
		if last := got[len(got)-1][0]; last != c.want {
			t.Errorf("%s: %q, want %q", name, last, c.want)
		}
	}
}

func workbook(t testing.TB) []byte {
	t.Helper()
	book := excelize.NewFile()
	if _, err := book.NewSheet("Firms"); err != nil {
		t.Fatal(err)
	}
	for at, v := range map[string]any{"A1": "name", "B1": "since", "A3": "Acme", "B3": 45000.5, "A4": "النور", "B4": "2020-01-02"} {
		if err := book.SetCellValue("Firms", at, v); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := book.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpen_xlsx(t *testing.T) {
	t.Parallel()
	got, o := table(t, workbook(t), "x.bin", tabular.Options{Sheet: "Firms"})
	want := [][]string{{"name", "since"}, {"Acme", "45000.5"}, {"النور", "2020-01-02"}}
	if diff := cmp.Diff(want, got); diff != "" || o.Format != tabular.XLSX {
		t.Errorf("as %s (-want +got):\n%s", o.Format, diff)
	}
	for name, c := range map[string]struct {
		content []byte
		sheet   string
		want    string
	}{
		"absent sheet": {workbook(t), "Persons", "The workbook has no such sheet."},
		"empty sheet":  {workbook(t), "", "The sheet is empty."},
		"broken":       {workbook(t)[:500], "", "The file is not a workbook that can be read."},
	} {
		got, _ := table(t, c.content, "x.xlsx", tabular.Options{Sheet: c.sheet})
		if got[0][0] != c.want {
			t.Errorf("%s: %q, want %q", name, got[0][0], c.want)
		}
	}
}

func TestOpen_jsonl(t *testing.T) {
	t.Parallel()
	content := `{"name":"Acme","address":{"city":"Riyadh"},"emails":["a@b.example","c@d.example"],"staff":12.50,"active":true}` + "\n\nnonsense\n[1]\n" + `{"name":"Beta","note":"later"}`
	got, o := table(t, []byte(content), "x", tabular.Options{})
	want := [][]string{
		{"active", "address.city", "emails[0]", "emails[1]", "name", "staff", "note"},
		{"true", "Riyadh", "a@b.example", "c@d.example", "Acme", "12.50"},
		{"row 2: The row is not a JSON object."}, {"row 3: The row is not a JSON object."},
		{"", "", "", "", "Beta", "", "later"},
	}
	if diff := cmp.Diff(want, got); diff != "" || o.Format != tabular.JSONL {
		t.Errorf("as %s (-want +got):\n%s", o.Format, diff)
	}
}

func TestOpen_vcard(t *testing.T) {
	t.Parallel()
	content := "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Saleh;Huda;;Dr.;\r\nFN:Dr. Huda Saleh\r\nORG:Al Noor;Sales\r\nEMAIL;TYPE=WORK:huda@alnoor.example\r\n" +
		"TEL;TYPE=CELL:+966 50 111 2222\r\nADR;TYPE=WORK:;;King Fahd\r\n  Road;Riyadh;;11564;Saudi Arabia\r\nEND:VCARD\r\n" +
		"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:هدى صالح\r\nTEL;VALUE=uri:tel:+966501112223\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN\r\n"
	s, err := tabular.Open(strings.NewReader(content), "x", tabular.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]string
	for {
		row, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			got = append(got, map[string]string{"error": err.Error()})
			continue
		}
		one := map[string]string{}
		for i, c := range row.Cells {
			if c != "" {
				one[s.Columns()[i]] = c
			}
		}
		got = append(got, one)
	}
	want := []map[string]string{
		{"FN": "Dr. Huda Saleh", "N.family": "Saleh", "N.given": "Huda", "N.prefix": "Dr.", "ORG": "Al Noor", "ORG.unit": "Sales", "EMAIL[0]": "huda@alnoor.example",
			"EMAIL[0].type": "work", "TEL[0]": "+966 50 111 2222", "TEL[0].type": "cell", "ADR[0].street": "King Fahd Road", "ADR[0].city": "Riyadh",
			"ADR[0].postalCode": "11564", "ADR[0].country": "Saudi Arabia", "ADR[0].type": "work"},
		{"FN": "هدى صالح", "TEL[0]": "+966501112223"},
		{"error": "row 3: The row is not a vCard."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cards (-want +got):\n%s", diff)
	}
}

func TestSkip(t *testing.T) {
	t.Parallel()
	s, err := tabular.Open(strings.NewReader("a\n1\n\n2\n3,x\n4\n"), "", tabular.Options{Delimiter: ","})
	if err != nil {
		t.Fatal(err)
	}
	if err := tabular.Skip(s, 3); err != nil {
		t.Fatal(err)
	}
	row, err := s.Next()
	if err != nil || row.Number != 4 || row.Cells[0] != "4" {
		t.Errorf("row %+v, %v; want the fourth", row, err)
	}
}

// What a Writer writes is read as it was.
func TestWriter_roundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Blanks at the ends and line breaks of other systems are kept by CSV and JSON, not by XLSX.
		cell := rapid.StringMatching(`[A-Za-z0-9;,"'é ش]{0,8}[a-z]`)
		n := rapid.IntRange(1, 4).Draw(t, "columns")
		columns := make([]string, n)
		for i := range columns {
			columns[i] = string(rune('a' + i))
		}
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, n, n), 1, 5).Draw(t, "rows")
		o := tabular.Options{Format: rapid.SampledFrom([]tabular.Format{tabular.CSV, tabular.JSONL, tabular.XLSX}).Draw(t, "format")}
		if o.Format == tabular.CSV {
			o.Delimiter = rapid.SampledFrom([]string{",", ";", "\t", "|"}).Draw(t, "delimiter")
		}
		var b bytes.Buffer
		w, err := tabular.NewWriter(&b, o, columns)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		s, err := tabular.Open(bytes.NewReader(b.Bytes()), "", o)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range rows {
			got, err := s.Next()
			if err != nil || !cmp.Equal(got.Cells, want) {
				t.Fatalf("read %q (%v), wrote %q", got.Cells, err, want)
			}
		}
	})
}

// Whatever a file has in it, reading ends, rows are within their bounds, and their numbers rise by one.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"), "x.csv")
	f.Add([]byte("{\"a\":{\"b\":[1,null,true]}}\n"), "x.jsonl")
	f.Add([]byte("BEGIN:VCARD\nVERSION:4.0\nFN:x\nTEL;TYPE=\"a,b\":1\nEND:VCARD\n"), "x.vcf")
	f.Add([]byte("\xff\xfea\x00,\x00b\x00\n\x00"), "")
	f.Add([]byte("a\n\"\"\"\r\""), "")
	f.Add(workbook(f), "x.xlsx")
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		s, err := tabular.Open(bytes.NewReader(content), name, tabular.Options{})
		if err != nil {
			return
		}
		defer func() { _ = s.Close() }()
		for n := int64(1); ; n++ {
			row, err := s.Next()
			var bad *tabular.RowError
			if errors.As(err, &bad) {
				row = bad.Row
			} else if err != nil {
				return
			}
			if row.Number != n {
				t.Fatalf("row %d has the number %d", n, row.Number)
			}
			if err == nil && len(row.Cells) > len(s.Columns()) {
				t.Fatalf("%d cells in %d columns", len(row.Cells), len(s.Columns()))
			}
		}
	})
}
