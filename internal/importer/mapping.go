// Package importer makes records of the rows of a file, and takes back what it made.
//
// A mapping says what becomes of each column. Rows are read and converted without the database; then a batch of them is
// written in one transaction, in which relations and keys are looked up together and every record passes through package
// write, with the rights of who started the import. How far it is, what it did and what it could not do are written in the
// same transaction, so that each row takes effect once, whatever is killed when.
package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"farley/internal/fault"
	"farley/internal/importer/tabular"
	"farley/internal/model"
	"farley/internal/text"
)

// Mapping says what becomes of a file. Its JSON names are those of StartImportInput.
type Mapping struct {
	Name        string   `json:"name,omitempty"` // of a step in a mapping file
	File        string   `json:"file,omitempty"` // path, in a mapping file
	Object      string   `json:"object"`
	Format      string   `json:"format,omitempty"`
	Encoding    string   `json:"encoding,omitempty"`
	Delimiter   string   `json:"delimiter,omitempty"`
	Sheet       string   `json:"sheet,omitempty"`
	Mode        string   `json:"mode,omitempty"`
	Key         *Key     `json:"key,omitempty"`
	OnDuplicate string   `json:"onDuplicate,omitempty"`
	Columns     []Column `json:"columns"`
	Skip        []Skip   `json:"skip,omitempty"`
	Trial       bool     `json:"trial,omitempty"`
}

// Key says what tells rows apart.
type Key struct {
	External *ExternalKey `json:"external,omitempty"`
	Field    string       `json:"field,omitempty"`
	Row      bool         `json:"row,omitempty"`
}

// ExternalKey is the key of an outside system.
type ExternalKey struct {
	System   string `json:"system"`
	Column   string `json:"column,omitempty"`
	Template string `json:"template,omitempty"`
}

// Column says what becomes of a column.
type Column struct {
	Column   string  `json:"column,omitempty"`
	Template string  `json:"template,omitempty"`
	Value    *string `json:"value,omitempty"`
	To       string  `json:"to"`
	Optional bool    `json:"optional,omitempty"`
	Default  string  `json:"default,omitempty"`
	Clear    bool    `json:"clear,omitempty"`
	Values   []Value `json:"values,omitempty"`
	Split    string  `json:"split,omitempty"`
	Part     string  `json:"part,omitempty"`
	Date     string  `json:"date,omitempty"`
	TimeZone string  `json:"timeZone,omitempty"`
	Number   string  `json:"number,omitempty"`
	Multiply string  `json:"multiply,omitempty"`
	Currency string  `json:"currency,omitempty"`
	Region   string  `json:"region,omitempty"`
	Match    *Match  `json:"match,omitempty"`
}

// Value is a value of the file and what it stands for.
type Value struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Match says how a related record is found.
type Match struct {
	By     string `json:"by,omitempty"`
	System string `json:"system,omitempty"`
	Make   bool   `json:"make,omitempty"`
}

// Skip says which rows are left out.
type Skip struct {
	Column string   `json:"column"`
	Values []string `json:"values,omitempty"`
	Empty  bool     `json:"empty,omitempty"`
}

// The modes and the ways with duplicates.
const (
	ModeCreate = "CREATE"
	ModeUpdate = "UPDATE"
	ModeUpsert = "UPSERT"

	DuplicateSkip   = "SKIP"
	DuplicateUpdate = "UPDATE"
	DuplicateCreate = "CREATE"
	DuplicateReject = "REJECT"
)

// rowSystem is the outside system whose keys are rows themselves.
const rowSystem = "farley-row"

// byRow finds the record that an import made of the same row of a file.
const byRow = "row"

const (
	maxColumns  = 300
	maxSkips    = 100
	maxValues   = 1000
	maxTemplate = 500
)

// ParseFile reads a mapping file, JSON or YAML: {steps: [mapping …]}, or one mapping.
func ParseFile(content []byte) ([]Mapping, error) {
	asJSON, err := yaml.YAMLToJSON(content)
	if err != nil {
		return nil, fmt.Errorf("the mapping is neither YAML nor JSON: %w", err)
	}
	var file struct {
		Steps []Mapping `json:"steps"`
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(asJSON, &whole); err != nil {
		return nil, fmt.Errorf("the mapping is not an object: %w", err)
	}
	if _, steps := whole["steps"]; !steps {
		var one Mapping
		if err := strictly(asJSON, &one); err != nil {
			return nil, err
		}
		if one.Object == "" && len(one.Columns) == 0 {
			return nil, errors.New("the mapping is empty")
		}
		return []Mapping{one}, nil
	}
	if err := strictly(asJSON, &file); err != nil {
		return nil, err
	}
	if len(file.Steps) == 0 {
		return nil, errors.New("the mapping has no steps")
	}
	return file.Steps, nil
}

func strictly(content []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(content)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("the mapping: %w", err)
	}
	return nil
}

// options are those by which the file is opened.
func (m *Mapping) options() tabular.Options {
	return tabular.Options{Format: tabular.Format(m.Format), Encoding: m.Encoding, Delimiter: m.Delimiter, Sheet: m.Sheet}
}

// plan is a mapping made ready for the columns of a file.
type plan struct {
	Mapping
	kind    *model.Kind
	targets []*target
	key     *source // of an external key
	keyed   *target // of a key that is a field
	skip    []skipping
	rows    bool
}

type skipping struct {
	column int
	values map[string]bool
	empty  bool
}

// target is one column of the mapping.
type target struct {
	Column
	at     int // in the mapping
	source source
	field  *model.Field
	index  int    // in a list; -1: none given
	member string // of an object in a list, or the key of a custom field
	values map[string]string
	zone   *time.Location
	times  *big.Rat
	match  Match
}

// source is where a text comes from.
type source struct {
	column   int // -1: none
	constant string
	parts    []part // of a template
	row      bool   // it is what tells the row apart
}

type part struct {
	text    string
	column  int // -1: the text itself
	filters []string
}

var (
	toForm    = regexp.MustCompile(`^([A-Za-z]+)(?:\[([0-9]{1,2})\])?(?:\.([A-Za-z][A-Za-z0-9_-]{0,39}))?$`)
	partForm  = regexp.MustCompile(`\{([^{}]+)\}`)
	filters   = []string{"lower", "upper", "slug", "first", "rest", "last", "leading"}
	partNames = []string{"", "FIRST", "REST", "LAST", "LEADING"}
)

// compile makes a mapping ready. columns are those of the file; nil: they are not known yet, and not asked for. Every problem
// is told with its path.
func compile(m Mapping, set *model.Set, columns []string) (*plan, error) {
	var p fault.Violations
	out := &plan{Mapping: m, kind: set.Kind(m.Object)}
	if out.kind == nil || out.kind.Link || !out.kind.Makable() {
		p.Add([]any{"input", "object"}, "UNKNOWN", "Records of this kind cannot be imported.")
		return nil, p.Err()
	}
	if out.Mode == "" {
		out.Mode = ModeUpsert
		if m.Key == nil {
			out.Mode = ModeCreate
		}
	}
	if out.OnDuplicate == "" {
		out.OnDuplicate = DuplicateReject
	}
	oneOf(&p, []any{"input", "mode"}, out.Mode, ModeCreate, ModeUpdate, ModeUpsert)
	oneOf(&p, []any{"input", "onDuplicate"}, out.OnDuplicate, DuplicateSkip, DuplicateUpdate, DuplicateCreate, DuplicateReject)
	if m.Format != "" {
		oneOf(&p, []any{"input", "format"}, m.Format, string(tabular.CSV), string(tabular.XLSX), string(tabular.JSONL), string(tabular.VCard))
	}
	if m.Encoding != "" {
		oneOf(&p, []any{"input", "encoding"}, m.Encoding, tabular.Encodings()...)
	}
	c := &compiler{plan: out, set: set, columns: columns, problems: &p}
	if len(m.Columns) == 0 {
		p.Add([]any{"input", "columns"}, "REQUIRED", "This field is required.")
	}
	if len(m.Columns) > maxColumns {
		p.Add([]any{"input", "columns"}, "TOO_LONG", "The list is longer than %d.", maxColumns)
		return nil, p.Err()
	}
	for i := range m.Columns {
		c.column(i)
	}
	c.keys()
	c.skips()
	return out, p.Err()
}

func oneOf(p *fault.Violations, path []any, v string, known ...string) {
	if !slices.Contains(known, v) {
		p.Add(path, "UNKNOWN", "There is no such value.")
	}
}

type compiler struct {
	plan     *plan
	set      *model.Set
	columns  []string
	problems *fault.Violations
}

// place returns the place of a column, -1 when the file has none; that is told unless it may be absent.
func (c *compiler) place(path []any, name string, optional bool) int {
	if c.columns == nil {
		return -1
	}
	if i := slices.Index(c.columns, name); i >= 0 {
		return i
	}
	folded := text.Fold(name)
	for i, column := range c.columns {
		if text.Fold(column) == folded {
			return i
		}
	}
	if !optional {
		c.problems.Add(path, "UNKNOWN", "The file has no column %s.", name)
	}
	return -1
}

// source makes a source; exactly one of the three is given, or none when it is the row itself.
func (c *compiler) source(path []any, column, template string, value *string, optional bool) source {
	at := func(name string) []any { return append(slices.Clone(path), name) }
	given := 0
	for _, has := range []bool{column != "", template != "", value != nil} {
		if has {
			given++
		}
	}
	s := source{column: -1}
	if given != 1 {
		c.problems.Add(at("column"), "REQUIRED", "Give exactly one of column, template and value.")
		return s
	}
	switch {
	case value != nil:
		s.constant = *value
	case column != "":
		s.column = c.place(at("column"), column, optional)
	default:
		s.parts = c.template(at("template"), template, optional)
	}
	return s
}

// row is the source of a relation to what an earlier import made of the same row.
func (c *compiler) row(path []any, m Column) source {
	if m.Column != "" || m.Template != "" || m.Value != nil {
		c.problems.Add(append(slices.Clone(path), "column"), "FORMAT", "The row itself says which record it is.")
	}
	return source{column: -1, row: true}
}

func (c *compiler) template(path []any, template string, optional bool) []part {
	if len(template) > maxTemplate {
		c.problems.Add(path, "TOO_LONG", "The text is longer than %d characters.", maxTemplate)
		return nil
	}
	var parts []part
	last := 0
	for _, at := range partForm.FindAllStringSubmatchIndex(template, -1) {
		if at[0] > last {
			parts = append(parts, part{text: template[last:at[0]], column: -1})
		}
		last = at[1]
		names := strings.Split(template[at[2]:at[3]], "|")
		one := part{column: c.place(path, strings.TrimSpace(names[0]), optional)}
		for _, f := range names[1:] {
			f = strings.TrimSpace(f)
			if !slices.Contains(filters, f) {
				c.problems.Add(path, "UNKNOWN", "There is no filter %s.", f)
			}
			one.filters = append(one.filters, f)
		}
		one.text = "\x00" // is a column
		parts = append(parts, one)
	}
	if last < len(template) {
		parts = append(parts, part{text: template[last:], column: -1})
	}
	return parts
}

func (c *compiler) column(i int) {
	m := c.plan.Columns[i]
	path := []any{"input", "columns", i}
	at := func(name string) []any { return append(slices.Clone(path), name) }
	t := &target{Column: m, at: i, index: -1}
	if m.Match != nil && m.Match.By == byRow {
		t.source = c.row(path, m)
	} else {
		t.source = c.source(path, m.Column, m.Template, m.Value, m.Optional)
	}
	parts := toForm.FindStringSubmatch(m.To)
	if parts != nil {
		t.field = c.plan.kind.Field(parts[1])
		t.member = parts[3]
		if parts[2] != "" {
			t.index, _ = strconv.Atoi(parts[2]) // two digits
		}
	}
	if !c.fits(t) {
		c.problems.Add(at("to"), "UNKNOWN", "There is no field %s to be written.", m.To)
		return
	}
	oneOf(c.problems, at("part"), m.Part, partNames...)
	oneOf(c.problems, at("number"), m.Number, "", "POINT", "COMMA")
	if m.Multiply != "" {
		times, ok := new(big.Rat).SetString(m.Multiply)
		if !ok || strings.ContainsAny(m.Multiply, "/eE") {
			c.problems.Add(at("multiply"), "FORMAT", "This is not a number.")
		}
		t.times = times
	}
	if m.TimeZone != "" {
		zone, err := time.LoadLocation(m.TimeZone)
		if err != nil || m.TimeZone == "Local" {
			c.problems.Add(at("timeZone"), "FORMAT", "This is not an IANA time zone.")
		}
		t.zone = zone
	}
	if !dateForm(m.Date) {
		c.problems.Add(at("date"), "FORMAT", "This is not a form of days.")
	}
	if len(m.Values) > maxValues {
		c.problems.Add(at("values"), "TOO_LONG", "The list is longer than %d.", maxValues)
	} else if len(m.Values) > 0 {
		t.values = make(map[string]string, len(m.Values))
		for _, v := range m.Values {
			t.values[text.Fold(v.From)] = v.To
		}
	}
	c.relation(t, at("match"))
	c.plan.targets = append(c.plan.targets, t)
}

// fits reports whether a target is a field that can be written, with place and member where its type has them.
func (c *compiler) fits(t *target) bool {
	f := t.field
	if f == nil || f.Internal || f.Write == model.Never || f.Type == model.Many && f.Through == nil {
		return false
	}
	switch f.Type {
	case model.Objects:
		if f.Scalar == "CustomFieldValue" {
			return t.member != "" && t.index < 0
		}
		members := objectMembers[f.Scalar]
		if t.member == "" {
			t.member = plainMember[f.Scalar]
		}
		return slices.Contains(members, t.member) && t.index < f.Max
	case model.List, model.Many, model.Choices:
		return t.member == "" && t.index < max(f.Max, 1)
	case model.Money:
		return t.index < 0 && slices.Contains([]string{"", "amount", "currency"}, t.member)
	}
	return t.index < 0 && t.member == ""
}

// objectMembers are the members of embedded objects that can be filled, by SDL type.
var objectMembers = map[string][]string{
	"Address":       {"kind", "street", "postalCode", "city", "region", "country", "latitude", "longitude"},
	"ContactEmail":  {"address", "kind", "primary"},
	"ContactPhone":  {"number", "kind", "primary"},
	"SocialProfile": {"network", "handle"},
	"LocalisedText": {"locale", "text"},
	"TerritoryRule": {"country", "region", "city", "industry"},
}

// plainMember is the member that a plain text means.
var plainMember = map[string]string{"ContactEmail": "address", "ContactPhone": "number"}

// relation completes how a related record is found.
func (c *compiler) relation(t *target, path []any) {
	related := t.field.Type == model.Ref || t.field.Type == model.Many
	if !related {
		if t.Match != nil {
			c.problems.Add(path, "UNKNOWN", "The field is no relation.")
		}
		return
	}
	k := c.set.Kind(t.field.Target)
	if t.Match != nil {
		t.match = *t.Match
	}
	at := func(name string) []any { return append(slices.Clone(path), name) }
	switch t.match.By {
	case "":
		t.match.By = k.Title
	case "id":
	case "external":
		if t.match.System == "" {
			c.problems.Add(at("system"), "REQUIRED", "This field is required.")
		}
	}
	if !matchable(k, t.match.By) {
		c.problems.Add(at("by"), "UNKNOWN", "Records cannot be found by this.")
		return
	}
	if t.match.Make {
		title := k.Field(k.Title)
		fillable := title != nil && title.Type == model.String && title.Write != model.Never
		for _, f := range k.Fields {
			if f.Required && f.Write != model.Never && f.Default == "" && f != title {
				fillable = false
			}
		}
		if !fillable || t.match.By != k.Title {
			c.problems.Add(at("make"), "UNKNOWN", "A record cannot be made of this alone.")
		}
	}
}

// matchable reports whether records are found by a field.
func matchable(k *model.Kind, by string) bool {
	if by == "id" || (by == "external" || by == byRow) && k.Upsert {
		return true
	}
	f := k.Field(by)
	return f != nil && !f.Internal && f.Filter && (f.Type == model.String || f.Type == model.Enum)
}

func (c *compiler) keys() {
	path := []any{"input", "key"}
	k := c.plan.Key
	if k == nil {
		if c.plan.Mode != ModeCreate {
			c.problems.Add(path, "REQUIRED", "Say what tells rows apart.")
		}
		return
	}
	given := 0
	for _, has := range []bool{k.External != nil, k.Field != "", k.Row} {
		if has {
			given++
		}
	}
	if given != 1 {
		c.problems.Add(path, "REQUIRED", "Give exactly one of external, field and row.")
		return
	}
	if k.Field == "" && !c.plan.kind.Upsert {
		c.problems.Add(path, "UNKNOWN", "Records of this kind have no keys of outside systems.")
		return
	}
	switch {
	case k.External != nil:
		if s := strings.TrimSpace(k.External.System); s == "" || len([]rune(s)) > 60 || s == rowSystem {
			c.problems.Add(append(path, "external", "system"), "FORMAT", "This is not the name of a system.")
		}
		s := c.source(append(path, "external"), k.External.Column, k.External.Template, nil, false)
		c.plan.key = &s
	case k.Row:
		c.plan.rows = true
	default:
		for _, t := range c.plan.targets {
			if t.To == k.Field && matchable(c.plan.kind, t.field.Name) {
				c.plan.keyed = t
			}
		}
		if c.plan.keyed == nil {
			c.problems.Add(append(path, "field"), "UNKNOWN", "Records cannot be found by this.")
		}
	}
}

func (c *compiler) skips() {
	if len(c.plan.Mapping.Skip) > maxSkips {
		c.problems.Add([]any{"input", "skip"}, "TOO_LONG", "The list is longer than %d.", maxSkips)
		return
	}
	for i, s := range c.plan.Mapping.Skip {
		one := skipping{column: c.place([]any{"input", "skip", i, "column"}, s.Column, false), empty: s.Empty, values: map[string]bool{}}
		if len(s.Values) > maxSkips {
			c.problems.Add([]any{"input", "skip", i, "values"}, "TOO_LONG", "The list is longer than %d.", maxSkips)
			continue
		}
		for _, v := range s.Values {
			one.values[text.Fold(v)] = true
		}
		c.plan.skip = append(c.plan.skip, one)
	}
}

// skips reports whether a row is left out.
func (p *plan) skips(cells []string) bool {
	for _, s := range p.skip {
		v := text.Fold(cell(cells, s.column))
		if s.empty && v == "" || s.values[v] {
			return true
		}
	}
	return false
}

func cell(cells []string, i int) string {
	if i < 0 || i >= len(cells) {
		return ""
	}
	return strings.TrimSpace(cells[i])
}

// read returns the text of a source, "" when there is none.
func (s *source) read(cells []string) string {
	if s.row {
		return hashOf(cells)
	}
	if s.parts == nil {
		if s.column < 0 {
			return s.constant
		}
		return cell(cells, s.column)
	}
	var b strings.Builder
	any, columns := false, false
	for _, p := range s.parts {
		if p.text != "\x00" {
			b.WriteString(p.text)
			continue
		}
		columns = true
		v := cell(cells, p.column)
		if v != "" {
			any = true
		}
		for _, f := range p.filters {
			v = filtered(v, f)
		}
		b.WriteString(v)
	}
	if columns && !any {
		return ""
	}
	return strings.TrimSpace(b.String())
}

func filtered(v, filter string) string {
	switch filter {
	case "lower":
		return strings.ToLower(v)
	case "upper":
		return strings.ToUpper(v)
	case "slug":
		return slug(v)
	}
	return wordsOf(v, strings.ToUpper(filter))
}

// slug makes a name of letters, digits and points of a text, as local parts of e-mail addresses are made.
func slug(v string) string {
	words := strings.FieldsFunc(text.Fold(v), func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && r < 0x80 })
	return strings.Join(words, ".")
}

func wordsOf(v, which string) string {
	words := strings.Fields(v)
	if len(words) == 0 {
		return ""
	}
	switch which {
	case "FIRST":
		return words[0]
	case "LAST":
		return words[len(words)-1]
	case "REST":
		return strings.Join(words[1:], " ")
	case "LEADING":
		return strings.Join(words[:len(words)-1], " ")
	}
	return v
}
