package importer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/importer/tabular"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/text"
	"farley/internal/write"
)

// Preview is what a file seems to be.
type Preview struct {
	Options tabular.Options
	Columns []PreviewColumn
}

// PreviewColumn is a column with samples, and what it seems to be meant for.
type PreviewColumn struct {
	Name       string
	Samples    []string
	Suggestion *Suggestion
}

// Suggestion is a field that a column seems to be meant for.
type Suggestion struct {
	To        string
	Score     int
	Date      string
	Ambiguous bool
	Number    string
	MatchBy   string
}

const (
	sampleRows = 200
	maxSamples = 5
	maxSample  = 100 // characters
	leastScore = 70
)

// Preview looks at a file that the actor may read, and suggests a mapping to fields that he may write.
func (s *Service) Preview(ctx context.Context, in input.Object) (*Preview, error) {
	m, x, err := mapping(in)
	if err != nil {
		return nil, err
	}
	k := s.Writer.Set.Kind(m.Object)
	if k == nil || k.Link || !k.Makable() {
		var p fault.Violations
		p.Add([]any{"input", "object"}, "UNKNOWN", "Records of this kind cannot be imported.")
		return nil, p.Err()
	}
	source, err := s.open(ctx, m, x)
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.close() }()
	var rows [][]string
	for len(rows) < sampleRows {
		row, err := source.Next()
		var bad *tabular.RowError
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			break // what could be read is shown
		}
		rows = append(rows, slices.Clone(row.Cells))
	}
	return suggest(k, s.Writer.Set, source.Options(), source.Columns(), rows, func(f *model.Field) bool {
		levels := access.From(ctx).Policy.Field(k, f)
		return levels.Create != access.None || levels.Write != access.None
	}), nil
}

// PreviewOf is Preview of rows that were read, for whoever may write all fields.
func PreviewOf(k *model.Kind, set *model.Set, o tabular.Options, columns []string, rows [][]string) *Preview {
	return suggest(k, set, o, columns, rows, func(*model.Field) bool { return true })
}

func suggest(k *model.Kind, set *model.Set, o tabular.Options, columns []string, rows [][]string, may func(*model.Field) bool) *Preview {
	p := &Preview{Options: o}
	places := possible(k, may)
	type choice struct {
		column, place, score int
	}
	var choices []choice
	values := make([][]string, len(columns))
	for i, name := range columns {
		values[i] = distinct(rows, i)
		for j, pl := range places {
			if score := pl.score(name, values[i]); score >= leastScore {
				choices = append(choices, choice{i, j, score})
			}
		}
	}
	// The surest first; each column and each place once.
	slices.SortStableFunc(choices, func(a, b choice) int { return b.score - a.score })
	chosen, taken := map[int]choice{}, map[string]bool{}
	for _, c := range choices {
		if _, done := chosen[c.column]; done || taken[places[c.place].to] {
			continue
		}
		chosen[c.column] = c
		taken[places[c.place].to] = true
	}
	for i, name := range columns {
		column := PreviewColumn{Name: name, Samples: []string{}}
		for _, v := range values[i][:min(len(values[i]), maxSamples)] {
			if r := []rune(v); len(r) > maxSample {
				v = string(r[:maxSample])
			}
			column.Samples = append(column.Samples, v)
		}
		if c, ok := chosen[i]; ok {
			column.Suggestion = places[c.place].suggestion(set, c.score, values[i], o.Format == tabular.XLSX)
		}
		p.Columns = append(p.Columns, column)
	}
	return p
}

// distinct returns the values of a column, each once.
func distinct(rows [][]string, i int) []string {
	var out []string
	seen := map[string]bool{}
	for _, r := range rows {
		if v := cell(r, i); v != "" && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// place is somewhere that a column can go to.
type place struct {
	to     string
	field  *model.Field
	member string
	scalar string
	names  []string // folded
}

// possible returns the places of a kind that a column can go to.
func possible(k *model.Kind, may func(*model.Field) bool) []place {
	var out []place
	for _, f := range k.Fields {
		if f.Internal || f.Name == "id" || f.Write == model.Never || f.Type == model.Many && f.Through == nil || f.Type == model.ID || !may(f) {
			continue
		}
		names := []string{spoken(f.Name)}
		names = append(names, synonyms[k.Name+"."+f.Name]...)
		names = append(names, synonyms[f.Name]...)
		if f.Type != model.Objects {
			out = append(out, place{to: f.Name, field: f, scalar: f.Scalar, names: folded(names)})
			continue
		}
		for _, member := range objectMembers[f.Scalar] {
			if member == "kind" || member == "primary" {
				continue
			}
			pl := place{field: f, member: member, names: folded(append([]string{spoken(member)}, synonyms["."+member]...))}
			switch {
			case member == plainMember[f.Scalar]:
				pl.to = f.Name
				pl.names = folded(append(names, synonyms["."+member]...))
				pl.scalar = map[string]string{"address": "EmailAddress", "number": "PhoneNumber"}[member]
			case f.Scalar == "Address":
				pl.to = f.Name + "[0]." + member
				if member == "country" {
					pl.scalar = "CountryCode"
				}
			default:
				pl.to = f.Name + "[0]." + member
			}
			out = append(out, pl)
		}
	}
	return out
}

func folded(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, words(n))
	}
	return out
}

// spoken turns "annualRevenue" into "annual revenue".
func spoken(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// words brings the name of a column or field into the form in which they are compared.
func words(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		if unicode.IsUpper(r) && lower {
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			b.WriteRune(r)
		} else {
			b.WriteByte(' ')
		}
	}
	return text.Fold(b.String())
}

// score says how sure it is that a column is meant, 0 to 100: by its name, then by its values.
func (pl *place) score(name string, values []string) int {
	name = words(name)
	best := 0
	for i, n := range pl.names {
		score := alike(name, n)
		if i > 0 && score == 100 {
			score = 98 // another word for it
		}
		best = max(best, score)
	}
	fits, known := pl.fits(values)
	switch {
	case known && !fits:
		return best / 2
	case known && best < leastScore && (pl.scalar == "EmailAddress" || pl.scalar == "PhoneNumber" && strings.ContainsAny(name, "0123456789") || pl.scalar == "URL"):
		return leastScore + 2
	}
	return best
}

// fits reports whether values have the form that the place wants; known is false where any would do, or there are none.
func (pl *place) fits(values []string) (fits, known bool) {
	if len(values) == 0 {
		return false, false
	}
	good := 0
	check := func(ok func(v string) bool) {
		for _, v := range values {
			if ok(v) {
				good++
			}
		}
	}
	switch {
	case pl.scalar == "EmailAddress":
		check(func(v string) bool { return strings.Contains(v, "@") })
	case pl.scalar == "PhoneNumber":
		check(func(v string) bool { return strings.IndexFunc(v, unicode.IsDigit) >= 0 && !strings.Contains(v, "@") })
	case pl.scalar == "URL":
		check(func(v string) bool {
			s, problem := write.Format("URL", v)
			return problem == "" && strings.Contains(strings.TrimPrefix(s, "https://"), ".")
		})
	case pl.field.Type == model.Int || pl.field.Type == model.Money || pl.field.Type == model.Degrees:
		check(func(v string) bool { return strings.IndexFunc(v, unicode.IsDigit) >= 0 })
	case pl.field.Type == model.Date || pl.field.Type == model.DateTime:
		form, _ := dateOf(values, true)
		return form != "", true
	default:
		return false, false
	}
	return good*10 >= len(values)*8, true
}

// alike compares two folded names: 100 when they are the same, else by the letters in which they differ.
func alike(a, b string) int {
	if a == b {
		return 100
	}
	plain := func(s string) string { return strings.ReplaceAll(s, " ", "") }
	x, y := []rune(plain(a)), []rune(plain(b))
	if string(x) == string(y) {
		return 99
	}
	longest := max(len(x), len(y))
	if longest < 4 {
		return 0
	}
	return 100 - 100*distance(x, y)/longest
}

// distance is how many letters have to be changed, added or removed (Levenshtein).
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		left := row[0]
		row[0] = i + 1
		for j := range b {
			cost := left
			if a[i] != b[j] {
				cost++
			}
			left = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (pl *place) suggestion(set *model.Set, score int, values []string, excel bool) *Suggestion {
	s := &Suggestion{To: pl.to, Score: score}
	switch pl.field.Type {
	case model.Date, model.DateTime:
		s.Date, s.Ambiguous = dateOf(values, excel)
	case model.Int, model.Money:
		s.Number = numbersOf(values)
	case model.Ref, model.Many:
		k := set.Kind(pl.field.Target)
		s.MatchBy = k.Title
		for _, f := range k.Fields {
			if f.Unique && f.Filter && f.Scalar == "EmailAddress" && strings.Contains(strings.Join(values, " "), "@") {
				s.MatchBy = f.Name
			}
		}
		if len(values) > 0 {
			if _, ok := asID(k, values[0]); ok {
				s.MatchBy = "id"
			}
		}
	}
	return s
}

// dateOf finds the form in which all values can be read as days, "" for none. ambiguous says that month and day could change
// places.
func dateOf(values []string, excel bool) (form string, ambiguous bool) {
	all := func(form string) bool {
		for _, v := range values {
			if _, ok := parseDay(digits.Replace(v), form, nil, false); !ok {
				return false
			}
		}
		return len(values) > 0
	}
	us, dmy := all("US"), all("DMY")
	switch {
	case all("ISO"):
		return "ISO", false
	case us && dmy:
		return "DMY", true
	case us:
		return "US", false
	case dmy:
		return "DMY", false
	case excel && all("EXCEL"):
		return "EXCEL", false
	}
	return "", false
}

// numbersOf finds out how numbers are written, "" where it makes no difference.
func numbersOf(values []string) string {
	point, comma := &target{}, &target{Column: Column{Number: "COMMA"}}
	points, commas, differ := 0, 0, false
	for _, v := range values {
		if m := currencyForm.FindStringSubmatch(v); m != nil {
			v = m[2]
		}
		a, ok := point.decimal(v)
		b, also := comma.decimal(v)
		if ok {
			points++
		}
		if also {
			commas++
		}
		differ = differ || ok != also || ok && a.Cmp(b) != 0
	}
	switch {
	case !differ:
		return ""
	case commas > points:
		return "COMMA"
	}
	return "POINT"
}

// synonyms are what people call fields, in English and Arabic: of a field of one kind, of a field of any, of a member.
var synonyms = map[string][]string{
	"Account.name":     {"account", "account name", "company", "company name", "firm", "organisation", "organization", "customer", "client", "اسم الشركة", "الشركة", "العميل", "اسم العميل", "الحساب", "المؤسسة", "الاسم"},
	"User.name":        {"user", "employee", "full name", "sales agent", "sales rep", "agent", "الاسم", "الموظف", "المستخدم"},
	"name":             {"title", "الاسم"},
	"legalName":        {"registered name", "الاسم القانوني"},
	"kinds":            {"kind", "account type", "type", "النوع"},
	"industry":         {"sector", "branch of trade", "line of business", "القطاع", "الصناعة", "النشاط"},
	"website":          {"web", "url", "homepage", "web site", "site", "الموقع", "الموقع الإلكتروني"},
	"phones":           {"phone", "telephone", "tel", "mobile", "cell", "phone number", "الهاتف", "رقم الهاتف", "الجوال", "الموبايل"},
	"emails":           {"email", "e mail", "mail", "email address", "البريد", "البريد الإلكتروني", "الايميل"},
	"email":            {"e mail", "mail", "email address", "البريد", "البريد الإلكتروني"},
	"annualRevenue":    {"revenue", "turnover", "sales", "الإيرادات", "الايراد السنوي"},
	"employees":        {"headcount", "staff", "number of employees", "size", "عدد الموظفين", "الموظفون"},
	"taxNumber":        {"vat", "vat number", "tax id", "tin", "الرقم الضريبي"},
	"parent":           {"subsidiary of", "parent company", "parent account", "holding", "الشركة الأم"},
	"owner":            {"account owner", "sales agent", "sales rep", "responsible", "المالك", "المسؤول"},
	"manager":          {"boss", "reports to", "supervisor", "المدير"},
	"team":             {"sales team", "الفريق"},
	"branch":           {"regional office", "office", "region", "الفرع"},
	"source":           {"lead source", "origin", "المصدر"},
	"description":      {"notes", "note", "comment", "comments", "remarks", "ملاحظات", "الوصف"},
	"tags":             {"tag", "labels", "label", "وسوم"},
	"givenName":        {"first name", "forename", "n given", "الاسم الأول"},
	"middleName":       {"second name", "n additional", "الاسم الأوسط"},
	"familyName":       {"last name", "surname", "n family", "اسم العائلة", "اللقب"},
	"nativeName":       {"arabic name", "fn", "الاسم بالعربية", "الاسم الكامل"},
	"salutation":       {"prefix", "n prefix", "اللقب المهني"},
	"title":            {"job title", "position", "role", "المنصب", "الوظيفة", "المسمى الوظيفي"},
	"department":       {"org unit", "القسم", "الإدارة"},
	"company":          {"company name", "firm", "org", "organisation", "organization", "الشركة"},
	"birthday":         {"date of birth", "birth date", "dob", "bday", "تاريخ الميلاد"},
	"customerSince":    {"since", "customer from", "عميل منذ"},
	"locale":           {"language", "lang", "اللغة"},
	"timeZone":         {"tz", "المنطقة الزمنية"},
	"currency":         {"العملة"},
	"preferredChannel": {"contact by", "preferred contact method"},
	"doNotContact":     {"opt out", "no marketing", "عدم التواصل"},
	".street":          {"address", "street address", "address line 1", "adr 0 street", "الشارع", "العنوان"},
	".postalCode":      {"zip", "zip code", "postcode", "post code", "adr 0 postal code", "الرمز البريدي"},
	".city":            {"town", "adr 0 city", "المدينة"},
	".region":          {"state", "province", "county", "adr 0 region", "المنطقة", "المحافظة"},
	".country":         {"office location", "country code", "adr 0 country", "الدولة", "البلد"},
	".latitude":        {"lat"},
	".longitude":       {"lon", "lng", "long"},
	".address":         {"email 0"},
	".number":          {"tel 0"},
	".handle":          {"linkedin", "twitter"},
}

// Mapping returns the mapping that a preview suggests. Rows are their own keys, where records of the kind may have keys.
func (p *Preview) Mapping(k *model.Kind) Mapping {
	m := Mapping{Object: k.Const, Format: string(p.Options.Format), Encoding: p.Options.Encoding, Delimiter: p.Options.Delimiter, Sheet: p.Options.Sheet, OnDuplicate: DuplicateReject}
	if k.Upsert {
		m.Mode, m.Key = ModeUpsert, &Key{Row: true}
	}
	for _, c := range p.Columns {
		if c.Suggestion == nil {
			continue
		}
		one := Column{Column: c.Name, To: c.Suggestion.To, Date: c.Suggestion.Date, Number: c.Suggestion.Number}
		if c.Suggestion.MatchBy != "" {
			one.Match = &Match{By: c.Suggestion.MatchBy}
		}
		m.Columns = append(m.Columns, one)
	}
	return m
}
