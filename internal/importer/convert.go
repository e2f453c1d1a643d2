package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/importer/tabular"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/text"
	"farley/internal/write"
)

// converted is a row on its way to a record.
type converted struct {
	number   int64
	cells    []string
	in       input.Object
	refs     []reference
	custom   []customValue
	key      string // what tells it apart, "" when it has none
	skipped  bool
	problems fault.Violations
	tells    write.Candidate // what tells of the record
}

// reference is a related record that has still to be found.
type reference struct {
	target *target
	index  int // in a list
	text   string
}

// customValue is a value of a custom field, whose type is known to the database only.
type customValue struct {
	target *target
	text   string
}

// convert makes an input of a row, without the database. excel says that plain numbers in the place of days are serial numbers.
func (p *plan) convert(row tabular.Row, excel bool) *converted {
	c := &converted{number: row.Number, cells: row.Cells, in: input.Object{}}
	if p.skips(row.Cells) {
		c.skipped = true
		return c
	}
	r := &rowConverter{plan: p, out: c, excel: excel, lists: map[*model.Field]map[int]any{}}
	for _, t := range p.targets {
		r.target(t)
	}
	r.finish()
	switch {
	case p.key != nil:
		c.key = p.key.read(row.Cells)
		if c.key == "" {
			c.problems.Add([]any{"input", "external"}, "REQUIRED", "The row has no key.")
		} else if len([]rune(c.key)) > maxKey {
			c.problems.Add([]any{"input", "external"}, "TOO_LONG", "The text is longer than %d characters.", maxKey)
		}
	case p.rows:
		c.key = hashOf(row.Cells)
	case p.keyed != nil:
		c.key, _ = c.in[p.keyed.field.Name].(string)
		if c.key == "" {
			c.problems.Add([]any{"input", p.keyed.field.Name}, "REQUIRED", "The row has no key.")
		}
	}
	if p.OnDuplicate != DuplicateCreate && len(c.problems) == 0 {
		c.tells = write.CandidateOf(p.kind, id.ID{}, c.in)
	}
	return c
}

// maxKey is the longest key of an outside system.
const maxKey = 190

// hashOf tells rows apart: the same cells give the same hash, blanks around them and empty ones at the end aside.
func hashOf(cells []string) string {
	h := sha256.New()
	last := len(cells)
	for last > 0 && strings.TrimSpace(cells[last-1]) == "" {
		last--
	}
	for _, c := range cells[:last] {
		c = strings.TrimSpace(c)
		_, _ = h.Write([]byte(strconv.Itoa(len(c)) + ":" + c)) // hashes take everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

type rowConverter struct {
	plan  *plan
	out   *converted
	excel bool
	lists map[*model.Field]map[int]any // of fields filled element by element
}

func (r *rowConverter) refuse(t *target, code, message string, args ...any) {
	path := []any{"input", t.field.Name}
	if t.index >= 0 {
		path = append(path, t.index)
	}
	if t.member != "" {
		path = append(path, t.member)
	}
	r.out.problems.Add(path, code, message, args...)
}

// target fills one target.
func (r *rowConverter) target(t *target) {
	v := t.source.read(r.out.cells)
	v = wordsOf(v, t.Part)
	if t.values != nil {
		if to, ok := t.values[text.Fold(v)]; ok {
			v = to
		}
	}
	if v == "" {
		v = t.Default
	}
	if v == "" {
		if t.Clear {
			r.clear(t)
		}
		return
	}
	r.fill(t, v)
}

// clear empties what an empty cell shall empty.
func (r *rowConverter) clear(t *target) {
	switch t.field.Type {
	case model.Objects, model.List:
		if t.index < 0 && r.lists[t.field] == nil {
			r.lists[t.field] = map[int]any{}
		}
	case model.Many, model.Choices:
		r.out.in[t.field.Name] = []any{}
	default:
		if t.member == "" {
			r.out.in[t.field.Name] = nil
		}
	}
}

func (r *rowConverter) fill(t *target, v string) {
	f := t.field
	switch f.Type {
	case model.Ref:
		r.out.refs = append(r.out.refs, reference{t, 0, v})
	case model.Many:
		for i, one := range t.pieces(v) {
			r.out.refs = append(r.out.refs, reference{t, i, one})
		}
	case model.Objects:
		if f.Scalar == "CustomFieldValue" {
			r.out.custom = append(r.out.custom, customValue{t, v})
			return
		}
		r.object(t, v)
	case model.List:
		r.list(t, v)
	case model.Choices:
		var list []any
		if before, ok := r.out.in[f.Name].([]any); ok {
			list = before
		}
		for _, one := range t.pieces(v) {
			if value, ok := choose(f.Values, one); ok {
				list = append(list, value)
			} else {
				r.refuse(t, "UNKNOWN", "There is no such value.")
			}
		}
		r.out.in[f.Name] = list
	case model.Money:
		r.money(t, v)
	default:
		if value, ok := r.single(t, f.Type, f.Scalar, f.Values, v); ok {
			r.out.in[f.Name] = value
		}
	}
}

// pieces divides a cell into the values of a list.
func (t *target) pieces(v string) []string {
	var parts []string
	switch {
	case t.index >= 0:
		parts = []string{v}
	case t.Split != "":
		parts = strings.Split(v, t.Split)
	default:
		parts = strings.FieldsFunc(v, func(c rune) bool { return c == ';' || c == ',' || c == '،' || c == '؛' || c == '\n' })
	}
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// at returns the places of a list that a target fills.
func (r *rowConverter) at(t *target) (list map[int]any, next int) {
	list = r.lists[t.field]
	if list == nil {
		list = map[int]any{}
		r.lists[t.field] = list
	}
	if t.index >= 0 {
		return list, t.index
	}
	return list, len(list)
}

func (r *rowConverter) list(t *target, v string) {
	list, next := r.at(t)
	for _, one := range t.pieces(v) {
		value, ok := r.single(t, model.String, t.field.Scalar, nil, one)
		if ok {
			list[next] = value
			next++
		}
	}
}

// object fills a member of an object in a list. Without a place a whole cell is of the first one; values for the member that
// a plain text means are objects of their own.
func (r *rowConverter) object(t *target, v string) {
	plain := t.member == plainMember[t.field.Scalar]
	values := []string{v}
	if plain && t.index < 0 {
		values = t.pieces(v)
	}
	list, next := r.at(t)
	if !plain && t.index < 0 {
		next = 0
	}
	for _, one := range values {
		value, ok := r.member(t, one)
		if !ok {
			continue
		}
		o, _ := list[next].(map[string]any)
		if o == nil {
			o = map[string]any{}
			list[next] = o
		}
		o[t.member] = value
		next++
	}
}

func (r *rowConverter) member(t *target, v string) (any, bool) {
	switch t.field.Scalar + "." + t.member {
	case "Address.country", "TerritoryRule.country":
		return r.single(t, model.String, "CountryCode", nil, v)
	case "Address.latitude", "Address.longitude":
		return r.single(t, model.Degrees, "", nil, v)
	case "Address.kind":
		return r.single(t, model.Enum, "", []string{"BILLING", "SHIPPING", "SITE", "HOME"}, v)
	case "ContactEmail.kind", "ContactPhone.kind":
		return r.single(t, model.Enum, "", []string{"WORK", "HOME", "MOBILE", "OTHER"}, v)
	case "ContactEmail.primary", "ContactPhone.primary":
		return r.single(t, model.Bool, "", nil, v)
	case "ContactEmail.address":
		return r.single(t, model.String, "EmailAddress", nil, v)
	case "ContactPhone.number":
		return r.single(t, model.String, "PhoneNumber", nil, v)
	}
	return v, true
}

// finish turns the places of lists into lists without gaps.
func (r *rowConverter) finish() {
	for f, list := range r.lists {
		places := make([]int, 0, len(list))
		for i := range list {
			places = append(places, i)
		}
		slices.Sort(places)
		out := make([]any, 0, len(places))
		for _, i := range places {
			o, isObject := list[i].(map[string]any)
			if need := plainMember[f.Scalar]; isObject && need != "" && o[need] == nil {
				continue // a kind of nothing
			}
			out = append(out, list[i])
		}
		if len(out) > 0 || len(list) == 0 {
			r.out.in[f.Name] = out
		}
	}
	for _, f := range r.plan.kind.Fields {
		if f.Type != model.Money {
			continue
		}
		if o, ok := r.out.in[f.Name].(map[string]any); ok && o["amount"] == nil {
			delete(r.out.in, f.Name) // a currency of nothing
		}
	}
}

func (r *rowConverter) money(t *target, v string) {
	o, _ := r.out.in[t.field.Name].(map[string]any)
	if o == nil {
		o = map[string]any{}
	}
	if t.member == "currency" {
		o["currency"] = strings.ToUpper(v)
		r.out.in[t.field.Name] = o
		return
	}
	code := ""
	// An amount may have its currency beside it: "USD 12.50", "12,50 €".
	if m := currencyForm.FindStringSubmatch(v); m != nil && (m[1] != "" || m[3] != "") {
		code, v = m[1]+m[3], m[2]
		if known, ok := currencySigns[code]; ok {
			code = known
		}
	}
	n, ok := t.decimal(v)
	if !ok {
		r.refuse(t, "FORMAT", "This is not a number.")
		return
	}
	o["amount"] = exact(n)
	if code == "" {
		code = t.Currency
	}
	if code != "" && (o["currency"] == nil || code != t.Currency) {
		o["currency"] = strings.ToUpper(code)
	}
	r.out.in[t.field.Name] = o
}

var (
	currencyForm  = regexp.MustCompile(`^\s*([A-Za-z]{3}|[$€£¥₹])?\s*([-+(]?[0-9][0-9.,'  ٬٫]*\)?)\s*([A-Za-z]{3}|[$€£¥₹]|ر\.س|د\.إ)?\s*$`)
	currencySigns = map[string]string{"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "ر.س": "SAR", "د.إ": "AED"}
	numberForm    = regexp.MustCompile(`^[-+]?[0-9]+(\.[0-9]+)?$`)
)

// decimal reads a number as it is written in the file.
func (t *target) decimal(v string) (*big.Rat, bool) {
	v = digits.Replace(strings.TrimSpace(v))
	negative := strings.HasPrefix(v, "(") && strings.HasSuffix(v, ")") // as accountants write it
	if negative {
		v = v[1 : len(v)-1]
	}
	percent := strings.HasSuffix(v, "%")
	v = strings.TrimSpace(strings.TrimSuffix(v, "%"))
	group, point := ",", "."
	if t.Number == "COMMA" {
		group, point = ".", ","
	}
	whole, part, has := strings.Cut(v, point)
	if strings.Contains(part, group) {
		return nil, false
	}
	for _, g := range []string{group, "'", " ", "\u00a0", "\u202f", "٬"} {
		if !grouped(whole, g) {
			return nil, false
		}
		whole = strings.ReplaceAll(whole, g, "")
	}
	v = whole
	if has {
		v += "." + part
	}
	if !numberForm.MatchString(v) || len(v) > 40 {
		return nil, false
	}
	n, ok := new(big.Rat).SetString(strings.TrimPrefix(v, "+"))
	if !ok {
		return nil, false
	}
	if negative {
		n.Neg(n)
	}
	if percent {
		n.Quo(n, big.NewRat(100, 1))
	}
	if t.times != nil {
		n.Mul(n, t.times)
	}
	return n, true
}

// digits turns the digits of Arabic and Persian into plain ones, and their decimal point.
var digits = strings.NewReplacer("٠", "0", "١", "1", "٢", "2", "٣", "3", "٤", "4", "٥", "5", "٦", "6", "٧", "7", "٨", "8", "٩", "9",
	"۰", "0", "۱", "1", "۲", "2", "۳", "3", "۴", "4", "۵", "5", "۶", "6", "۷", "7", "۸", "8", "۹", "9", "٫", ".")

// grouped reports whether what stands between the groups of a number stands where it may: before three digits, or two, as in
// India, but for the last.
func grouped(whole, group string) bool {
	parts := strings.Split(whole, group)
	if len(parts) == 1 {
		return true
	}
	for i, p := range parts {
		switch {
		case i == 0 && p == "", i == len(parts)-1 && len(p) != 3, i > 0 && len(p) != 3 && len(p) != 2:
			return false
		}
	}
	return true
}

// exact writes a finite decimal.
func exact(n *big.Rat) string {
	s := n.FloatString(12)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

var truths = map[string]bool{
	"true": true, "yes": true, "y": true, "1": true, "x": true, "on": true, "wahr": true, "ja": true, "oui": true, "نعم": true, "صحيح": true,
	"false": false, "no": false, "n": false, "0": false, "-": false, "off": false, "falsch": false, "nein": false, "non": false, "لا": false, "خطا": false,
}

// single converts one value.
func (r *rowConverter) single(t *target, typ model.Type, scalarName string, values []string, v string) (any, bool) {
	switch typ {
	case model.Int:
		n, ok := t.decimal(v)
		if !ok || !n.IsInt() || !n.Num().IsInt64() {
			r.refuse(t, "FORMAT", "This is not a whole number.")
			return nil, false
		}
		return n.Num().Int64(), true
	case model.Degrees:
		n, ok := t.decimal(v)
		if !ok {
			r.refuse(t, "FORMAT", "This is not a number.")
			return nil, false
		}
		x, _ := n.Float64()
		return x, true
	case model.Bool:
		b, ok := truths[text.Fold(v)]
		if !ok {
			r.refuse(t, "FORMAT", "This is not true or false.")
		}
		return b, ok
	case model.Enum:
		value, ok := choose(values, v)
		if !ok {
			r.refuse(t, "UNKNOWN", "There is no such value.")
		}
		return value, ok
	case model.Date:
		return r.day(t, v, false)
	case model.DateTime:
		return r.day(t, v, true)
	case model.ID:
		return v, true
	}
	return r.scalar(t, scalarName, v)
}

func (r *rowConverter) day(t *target, v string, instant bool) (any, bool) {
	at, ok := parseDay(digits.Replace(v), t.Date, t.zone, r.excel)
	if !ok {
		if instant {
			r.refuse(t, "FORMAT", "This is not an instant in the form that the mapping says.")
		} else {
			r.refuse(t, "FORMAT", "This is not a day in the form that the mapping says.")
		}
		return nil, false
	}
	if instant {
		return at.UTC().Format(scalar.Layout), true
	}
	return at.Format(time.DateOnly), true
}

// scalar brings texts with a format of their own into it.
func (r *rowConverter) scalar(t *target, name, v string) (any, bool) {
	var problem string
	switch name {
	case "CountryCode":
		if code, ok := countries()[text.Fold(v)]; ok {
			return code, true
		}
		v, problem = write.Format(name, v)
	case "PhoneNumber":
		if v = digits.Replace(v); t.Region != "" { // else package write does it, with the same words
			v, problem = write.FormatPhone(v, t.Region)
		}
	case "String", "":
	default:
		v, problem = write.Format(name, v)
	}
	if problem != "" {
		r.refuse(t, "FORMAT", problem)
		return nil, false
	}
	return v, true
}

// choose finds a value of an enumeration, however it is written.
func choose(values []string, v string) (string, bool) {
	folded := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return r
	}, text.Fold(v))
	for _, value := range values {
		if strings.ToLower(value) == folded {
			return value, true
		}
	}
	return "", false
}

// countries returns the codes of countries by their folded names in English and Arabic (CLDR), and those that people use.
var countries = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	english, arabic := display.Regions(language.English), display.Regions(language.Arabic)
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string(a) + string(b)
			r, err := language.ParseRegion(code)
			if err != nil || !r.IsCountry() || r.String() != code {
				continue
			}
			for _, name := range []string{english.Name(r), arabic.Name(r), code, r.ISO3()} {
				if name != "" {
					out[text.Fold(name)] = code
				}
			}
		}
	}
	for name, code := range map[string]string{
		"USA": "US", "U.S.A.": "US", "U.S.": "US", "United States of America": "US", "UK": "GB", "Great Britain": "GB", "England": "GB", "UAE": "AE", "KSA": "SA",
		"Korea": "KR", "Republic of Korea": "KR", "Russia": "RU", "Czech Republic": "CZ", "Holland": "NL", "The Netherlands": "NL", "Ivory Coast": "CI", "Viet Nam": "VN",
		"السعودية": "SA", "الامارات": "AE", "امريكا": "US", "بريطانيا": "GB",
	} {
		out[text.Fold(name)] = code
	}
	return out
})

var isoForms = []string{time.DateOnly, "2006-1-2", "2006/01/02", "20060102"}

// times are the forms of the time of day behind a day.
var times = []string{"", " 15:04:05", " 15:04", "T15:04:05", "T15:04", "T15:04:05Z07:00", " 3:04:05 PM", " 3:04 PM"}

// named are the forms of days by the name of a form.
var named = map[string][]string{
	"ISO": isoForms, "US": {"1/2/2006", "1-2-2006", "1/2/06"}, "DMY": {"2/1/2006", "2-1-2006", "2.1.2006", "2/1/06"},
}

var customForm = strings.NewReplacer("yyyy", "2006", "yy", "06", "MMM", "Jan", "MM", "01", "M", "1", "dd", "02", "d", "2", "HH", "15", "mm", "04", "ss", "05")

// dateForm reports whether a form of days can be used.
func dateForm(form string) bool {
	if form == "" || form == "EXCEL" || named[form] != nil {
		return true
	}
	return len(form) <= 40 && strings.Contains(form, "y") && strings.Contains(form, "M") && strings.Contains(form, "d")
}

// parseDay reads a day or an instant.
func parseDay(v, form string, zone *time.Location, excel bool) (time.Time, bool) {
	if zone == nil {
		zone = time.UTC
	}
	if form == "EXCEL" || excel {
		if at, ok := serial(v, zone); ok || form == "EXCEL" {
			return at, ok
		}
	}
	if form == "" {
		form = "ISO"
	}
	forms := named[form]
	if forms == nil {
		forms = []string{customForm.Replace(form)}
	}
	if form == "ISO" {
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return at, true
		}
	}
	for _, f := range forms {
		for _, clock := range times {
			if at, err := time.ParseInLocation(f+clock, v, zone); err == nil {
				return at, at.Year() >= 1
			}
		}
	}
	return time.Time{}, false
}

// serial reads a serial number of a spreadsheet: days since the last but one of 1899, so that the leap day of 1900, which
// spreadsheets believe in, counts.
func serial(v string, zone *time.Location) (time.Time, bool) {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n < 1 || n > 2_958_465 { // the last day of the year 9999
		return time.Time{}, false
	}
	days := int(n)
	seconds := int((n-float64(days))*86400 + 0.5)
	return time.Date(1899, 12, 30+days, 0, 0, seconds, 0, zone), true
}

// customValueOf converts a value of a custom field by its type.
func (c *converted) customValueOf(t *target, kind, v string) (any, bool) {
	r := &rowConverter{out: c}
	switch kind {
	case "NUMBER":
		n, ok := t.decimal(v)
		if !ok {
			r.refuse(t, "FORMAT", "This is not a number.")
			return nil, false
		}
		return exact(n), true
	case "BOOLEAN":
		return r.single(t, model.Bool, "", nil, v)
	case "DATE":
		return r.single(t, model.Date, "", nil, v)
	case "MULTI_CHOICE":
		list := []any{}
		for _, one := range t.pieces(v) {
			list = append(list, one)
		}
		return list, true
	}
	return v, true
}

// asID reads the id of a record of a kind.
func asID(k *model.Kind, v string) (id.ID, bool) {
	x, err := id.Parse(v)
	return x, err == nil && x.Kind() == k.Code
}
