package export

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"farley/internal/fault"
	"farley/internal/input"
	"farley/internal/model"
)

// Format is how a file is written.
type Format string

// The formats.
const (
	CSV       Format = "CSV"
	XLSX      Format = "XLSX"
	JSONLines Format = "JSON_LINES"
	VCard     Format = "VCARD"
)

// ending is what names of files end in, and mediaType what they are.
var (
	ending    = map[Format]string{CSV: "csv", XLSX: "xlsx", JSONLines: "jsonl", VCard: "vcf"}
	mediaType = map[Format]string{
		CSV: "text/csv; charset=utf-8", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		JSONLines: "application/x-ndjson", VCard: "text/vcard; charset=utf-8",
	}
)

// Request is what is to be written, and how.
type Request struct {
	Object        string          `json:"object"` // model.Kind.Const
	Format        Format          `json:"format"`
	Fields        []string        `json:"fields,omitempty"` // nil: all that the starter may read
	Where         json.RawMessage `json:"where,omitempty"`
	OrderBy       []Term          `json:"orderBy,omitempty"`
	Delimiter     string          `json:"delimiter,omitempty"`
	TimeZone      string          `json:"timeZone,omitempty"`
	ByteOrderMark bool            `json:"byteOrderMark,omitempty"`
	GuardFormulas bool            `json:"guardFormulas,omitempty"`
	Name          string          `json:"name,omitempty"`
}

// Term is one term of an order.
type Term struct {
	Field     string `json:"field"`
	Direction string `json:"direction"`
}

const (
	maxColumns = 200
	maxTerms   = 5
	maxRequest = 64 << 10 // bytes of JSON that are kept
	maxPath    = 200      // characters of a column's name
)

// parse reads the input of startExport.
func parse(in input.Object) (Request, fault.Violations) {
	var p fault.Violations
	r := Request{Format: CSV}
	r.Object, _ = in["object"].(string)
	if f, ok := in["format"].(string); ok {
		r.Format = Format(f)
	}
	if list, ok := in["fields"].([]any); ok {
		r.Fields = []string{}
		for _, one := range list {
			name, _ := one.(string)
			r.Fields = append(r.Fields, name)
		}
	}
	if where, ok := in["where"]; ok && where != nil {
		b, err := json.Marshal(where)
		if err != nil || len(b) > maxRequest {
			p.Add([]any{"input", "where"}, "TOO_LONG", "The filter is too long.")
		}
		r.Where = b
	}
	if list, ok := in["orderBy"].([]any); ok {
		for _, one := range list {
			o, _ := one.(map[string]any)
			t := Term{Direction: "ASC"}
			t.Field, _ = o["field"].(string)
			if d, ok := o["direction"].(string); ok {
				t.Direction = d
			}
			r.OrderBy = append(r.OrderBy, t)
		}
	}
	r.Delimiter, _ = in["delimiter"].(string)
	r.TimeZone, _ = in["timeZone"].(string)
	r.ByteOrderMark, _ = in["byteOrderMark"].(bool)
	r.GuardFormulas, _ = in["guardFormulas"].(bool)
	r.Name, _ = in["name"].(string)
	return r, p
}

// check finds what is wrong with a request that can be told without rights.
func (r *Request) check(set *model.Set, p *fault.Violations) *model.Kind {
	k := set.Kind(r.Object)
	if k == nil || k.Link || k.Const != r.Object {
		p.Add([]any{"input", "object"}, "UNKNOWN", "There is no such value.")
		return nil
	}
	if ending[r.Format] == "" {
		p.Add([]any{"input", "format"}, "UNKNOWN", "There is no such value.")
	}
	if r.Format == VCard && k.Name != "Contact" {
		p.Add([]any{"input", "format"}, "UNKNOWN", "Only contacts can be written as vCards.")
	}
	if r.Format == VCard && r.Fields != nil {
		p.Add([]any{"input", "fields"}, "UNKNOWN", "A vCard has no columns.")
	}
	if r.Fields != nil && (len(r.Fields) == 0 || len(r.Fields) > maxColumns) {
		p.Add([]any{"input", "fields"}, "RANGE", "There must be 1 to %d.", maxColumns)
	}
	if len(r.OrderBy) > maxTerms {
		p.Add([]any{"input", "orderBy"}, "TOO_LONG", "There are more than %d.", maxTerms)
	}
	if r.Delimiter != "" && !strings.Contains(",;|\t", r.Delimiter) || len(r.Delimiter) > 1 {
		p.Add([]any{"input", "delimiter"}, "FORMAT", "The delimiter must be one of , ; | and tab.")
	}
	if _, err := r.zone(); err != nil {
		p.Add([]any{"input", "timeZone"}, "FORMAT", "This is not an IANA time zone.")
	}
	return k
}

// zone is the time zone in which instants are written.
func (r *Request) zone() (*time.Location, error) {
	if r.TimeZone == "" {
		return time.UTC, nil
	}
	if r.TimeZone == "Local" {
		return nil, fmt.Errorf("unknown time zone %s", r.TimeZone)
	}
	return time.LoadLocation(r.TimeZone)
}

// fileName is what the file is called.
func (r *Request) fileName(k *model.Kind, now time.Time) string {
	name := r.Name
	if name == "" {
		name = k.Plural + "-" + now.UTC().Format(time.DateOnly)
	}
	if end := "." + ending[r.Format]; !strings.HasSuffix(strings.ToLower(name), end) {
		name += end
	}
	return name
}
