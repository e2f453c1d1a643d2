// Package decl is the vocabulary of ent/schema: one Kind a file says what a record is, and from it follow the ent schema
// (columns, edges, indexes), the SDL, and the tables that policy, read engine, writes and change log work from.
package decl

import (
	"reflect"
	"strings"
	"unicode"

	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"farley/internal/id"
	"farley/internal/id/stored"
	"farley/internal/model"
)

// Kind declares one entity.
type Kind struct {
	API         string      // name in the API, when ent cannot have it: a word of Go
	Code        id.Kind     // number in ids; never changes, never reused; 16 to 2047
	Prefix      string      // of ids; never changes
	Plural      string      // root field of lists, when it is not the name with an s
	Doc         string      // description in the SDL
	Sight       model.Sight // whose records are in sight
	Parents     []string    // Ref fields through which records are in sight, for model.ByParents
	Owned       bool        // records have owner, team and partner
	Placed      bool        // records have branch and territory
	Upsert      bool        // records can be addressed by the key of an outside system
	Shareable   bool        // records can be shared
	Self        string      // see model.Kind
	PartnerSelf bool        // see model.Kind
	Link        bool        // joins two kinds; written through a Links relation, not in the API by itself
	Kept        bool        // see model.Kind
	Title       string      // field that names a record to people
	Actions     []string    // named actions beside CREATE READ UPDATE DELETE
	Once        []string    // see model.Kind
	Lasting     bool        // see model.Kind
	FromLead    bool        // see model.Kind
	Private     bool        // see model.Kind
	ByFarley    bool        // owner, team and partner are kept by Farley like everything else: records are made and changed by verbs alone
	// Participants: see model.Kind
	Participants *model.Participants
	Person       bool     // see model.Kind
	PersonIf     string   // see model.Kind
	About        []string // see model.Kind
	GoesAlong    bool     // see model.Kind
	Members      []*Member
}

// Member is a field or relation under declaration. Its methods return it, for chaining.
type Member struct {
	model.Field
	snake   string
	plain   bool // a Ref without ent edge
	indexed bool
	stays   bool // is not personal, whatever its type
	to      any  // ent type of a Ref
}

func member(name string, t model.Type, scalar, doc string) *Member {
	return &Member{snake: name, Field: model.Field{
		Name: camel(name), Const: strings.ToUpper(name), Column: name, Type: t, Scalar: scalar, Doc: doc, Write: model.Always, Filter: true,
	}}
}

// Name declares a text by which people know the record: compared folded, ordered by collation.
func Name(name, doc string) *Member {
	m := member(name, model.String, "String", doc)
	m.Fold, m.Sort, m.Order, m.Max = name+"_fold", name+"_sort", true, 200
	return m
}

// Text declares a short text: compared folded, not ordered.
func Text(name, doc string) *Member {
	m := member(name, model.String, "String", doc)
	m.Fold, m.Max = name+"_fold", 200
	return m
}

// Scalar declares a text with a format of its own, compared as it is: "EmailAddress", "PhoneNumber", "URL",
// "CountryCode", "CurrencyCode", "Locale", "TimeZone".
func Scalar(name, scalar, doc string) *Member {
	m := member(name, model.String, scalar, doc)
	m.Max = 254
	return m
}

// LongText declares a text that is neither filtered nor ordered, up to 100,000 characters.
func LongText(name, doc string) *Member {
	m := member(name, model.Text, "String", doc)
	m.Filter, m.Max = false, 100_000
	return m
}

// Int declares a whole number from 0 to 2,147,483,647.
func Int(name, doc string) *Member {
	m := member(name, model.Int, "Int", doc)
	m.Order = true
	return m
}

// Bool declares a truth value, false unless said otherwise.
func Bool(name, doc string) *Member { return member(name, model.Bool, "Boolean", doc) }

// Degrees declares an angle of at most limit degrees to either side of zero, exact to the millionth (11 cm on the ground).
func Degrees(name string, limit int, doc string) *Member {
	m := member(name, model.Degrees, "Float", doc)
	m.Max = limit
	return m
}

// DateTime declares an instant.
func DateTime(name, doc string) *Member {
	m := member(name, model.DateTime, "DateTime", doc)
	m.Order = true
	return m
}

// Date declares a calendar day.
func Date(name, doc string) *Member {
	m := member(name, model.Date, "Date", doc)
	m.Order = true
	return m
}

// Money declares an amount with its currency.
func Money(name, doc string) *Member {
	m := member(name, model.Money, "Money", doc)
	m.Order = true
	return m
}

// Value is one value of an enumeration with its description.
type Value struct{ Name, Doc string }

// Enum declares one of the values of the SDL enum typ.
func Enum(name, typ, doc string, values ...Value) *Member {
	return member(name, model.Enum, typ, doc).values(values)
}

// Choices declares any of the values of the SDL enum typ.
func Choices(name, typ, doc string, values ...Value) *Member {
	return member(name, model.Choices, typ, doc).values(values)
}

func (m *Member) values(values []Value) *Member {
	for _, v := range values {
		m.Values, m.ValueDocs = append(m.Values, v.Name), append(m.ValueDocs, v.Doc)
	}
	return m
}

// List declares a list of scalars, at most 50.
func List(name, scalar, doc string) *Member {
	m := member(name, model.List, scalar, doc)
	m.Max = 50
	return m
}

// Objects declares a list of the SDL object typ (input typInput, both by hand), at most 50. A write replaces the list.
func Objects(name, typ, doc string) *Member {
	m := member(name, model.Objects, typ, doc)
	m.Max, m.Filter = 50, false
	return m
}

// AnyID declares the id of a record of any kind.
func AnyID(name, doc string) *Member {
	m := member(name, model.ID, "ID", doc)
	m.Column = name + "_id"
	return m
}

// Ref declares a relation to one record of the ent type to.
func Ref(name string, to any, doc string) *Member {
	m := member(name, model.Ref, "", doc)
	m.Column, m.Target, m.to = name+"_id", reflect.TypeOf(to).In(0).Name(), to
	return m
}

// Plain leaves out the ent edge and so the foreign key of a Ref: for relations that Go code does not walk.
func (m *Member) Plain() *Member { m.plain = true; return m }

// Many declares the relation to the records of the kind target whose Ref field back points here.
func Many(name, target, back, doc string) *Member {
	m := member(name, model.Many, "", doc)
	m.Column, m.Target, m.Back, m.Write = "", target, back, model.Never
	return m
}

// Links declares a many-to-many relation by way of the kind link, whose fields from and to point to this and to the other
// side. Writes take the whole set of ids.
func Links(name, target, link, from, to, doc string) *Member {
	m := member(name, model.Many, "", doc)
	m.Column, m.Target, m.Through, m.Max = "", target, &model.Through{Link: link, From: from, To: to}, 100
	return m
}

// Acyclic refuses a Ref to the own kind that would lead back to the record itself.
func (m *Member) Acyclic() *Member { m.Field.Acyclic = true; return m }

// Required refuses records without a value.
func (m *Member) Required() *Member { m.Field.Required = true; return m }

// Sensitive hides the value from every role that does not name it.
func (m *Member) Sensitive() *Member { m.Field.Sensitive = true; return m }

// Impersonal has the value stay when the person's data are erased: it tells nothing of who the person was.
func (m *Member) Impersonal() *Member { m.stays = true; return m }

// Internal keeps the value out of the API.
func (m *Member) Internal() *Member {
	m.Field.Internal, m.Write, m.Filter, m.Order, m.Fold, m.Sort = true, model.Never, false, false, "", ""
	return m
}

// ReadOnly leaves the value to Farley.
func (m *Member) ReadOnly() *Member { m.Write = model.Never; return m }

// Once lets the value be set by the create only.
func (m *Member) Once() *Member { m.Write = model.OnCreate; return m }

// Unique refuses a second live record with an equal value (folded, without regard to case).
func (m *Member) Unique() *Member { m.Field.Unique, m.Key = true, m.snake+"_key"; return m }

// Default is the value of a create that gives none.
func (m *Member) Default(v string) *Member { m.Field.Default = v; return m }

// MaxLen bounds the length of a text in characters, or of a list in elements.
func (m *Member) MaxLen(n int) *Member { m.Max = n; return m }

// Sortable offers the field as an order, with the index for it.
func (m *Member) Sortable() *Member { m.Order = true; return m }

// Unordered takes the field out of orders, and spares its index.
func (m *Member) Unordered() *Member { m.Order = false; return m }

// Unfiltered takes the field out of filters.
func (m *Member) Unfiltered() *Member { m.Filter = false; return m }

// Tells weighs an equal value in the duplicate check, 1 to 100: of a Name by its words, of e-mail addresses and telephone
// numbers, in lists and objects as well, by each one, of anything else by the folded text.
func (m *Member) Tells(weight int) *Member {
	m.Duplicate = weight
	if m.Sort != "" {
		m.Match = "NAME"
	}
	return m
}

// As has the duplicate check compare the value as "NAME", "DOMAIN" or "TAX" number.
func (m *Member) As(match string) *Member { m.Match = match; return m }

// Indexed gives the compared value an index of its own.
func (m *Member) Indexed() *Member { m.indexed = true; return m }

// NotWritten leaves a Links relation to the writes of its link kind.
func (m *Member) NotWritten() *Member { m.Write = model.Never; return m }

const annotationName = "Farley"

// Annotation carries a declaration through ent's loader to the generator.
type Annotation struct {
	Kind    Kind
	Members []model.Field
}

// Name implements schema.Annotation.
func (Annotation) Name() string { return annotationName }

// base are the members that every kind has.
func base() []*Member {
	system := func(m *Member) *Member { m.System, m.Write = true, model.Never; return m }
	who := func(name, doc string) *Member {
		m := member(name, model.Ref, "", doc)
		m.Column, m.Target, m.Write, m.plain = name+"_id", "User", model.Never, true
		return m
	}
	idm := system(member("id", model.ID, "ID", "The record's id."))
	idm.Order = true
	version := system(member("version", model.Int, "Int", "Rises by one with every change; pass it as expectedVersion."))
	version.Filter = false
	return []*Member{
		idm, version,
		system(DateTime("created_at", "When the record was made.")),
		system(DateTime("updated_at", "When it was last changed.")),
		who("created_by", "Who made it."),
		who("updated_by", "Who changed it last."),
		func() *Member {
			m := DateTime("deleted_at", "When it was moved to the bin, from where it can be restored for 30 days; null while it is not there.")
			m.Write = model.Never
			return m
		}(),
	}
}

func owned(byFarley bool) []*Member {
	ref := func(name, target, doc string) *Member {
		m := member(name, model.Ref, "", doc)
		m.Column, m.Target, m.plain = name+"_id", target, true
		if byFarley {
			m.Write = model.Never
		}
		return m
	}
	return []*Member{
		ref("owner", "User", "The user who owns the record; the maker unless given."),
		ref("team", "Team", "The team that works on it; the owner's unless given."),
		ref("partner", "Account", "The partner account that owns it together with us; the maker's, when a partner makes it."),
	}
}

func placed() []*Member {
	ref := func(name, target, doc string) *Member {
		m := member(name, model.Ref, "", doc)
		m.Column, m.Target, m.plain = name+"_id", target, true
		return m
	}
	return []*Member{
		ref("branch", "Branch", "The branch that looks after it; the owner's unless given."),
		ref("territory", "Territory", "The territory it lies in; found by the rules of the territories unless given."),
	}
}

func (k Kind) all() []*Member {
	ms := base()
	if k.Owned {
		ms = append(ms, owned(k.ByFarley)...)
	}
	if k.Placed {
		ms = append(ms, placed()...)
	}
	if k.Person {
		m := DateTime("erased_at", "When the person's data were erased; null while they are there. What was erased cannot be set again.").ReadOnly()
		m.Order = false
		ms = append(ms, m)
	}
	ms = append(ms, k.Members...)
	for _, m := range ms {
		m.Field.Personal = k.personal(m)
	}
	return ms
}

// personal reports whether a value says who a person is, or was said of him: of persons everything that is text, a day or a
// place, of what is about them every text, unless a declaration says otherwise.
func (k Kind) personal(m *Member) bool {
	if m.stays || m.System || m.Field.Internal || !k.Person && len(k.About) == 0 {
		return false
	}
	switch m.Type {
	case model.String, model.Text, model.List, model.Objects:
		return true
	case model.Date, model.Degrees:
		return k.Person
	}
	return false
}

// Annotations returns what the generator reads.
func (k Kind) Annotations() []schema.Annotation {
	a := Annotation{Kind: k}
	for _, m := range k.all() {
		a.Members = append(a.Members, m.Field)
	}
	a.Kind.Members = nil
	return []schema.Annotation{a, entsql.Annotation{Charset: "utf8mb4", Collation: "utf8mb4_bin"}}
}

// Fields returns the columns.
func (k Kind) Fields() []ent.Field {
	var fs []ent.Field
	for _, m := range k.all() {
		fs = append(fs, m.columns()...)
	}
	return fs
}

// Edges returns the ent edges of the Refs.
func (k Kind) Edges() []ent.Edge {
	var es []ent.Edge
	for _, m := range k.all() {
		if m.Type != model.Ref || m.plain {
			continue
		}
		e := edge.To(m.snake, m.to).Unique().Field(m.Column).Annotations(entsql.OnDelete(entsql.NoAction))
		if m.Field.Required {
			e = e.Required()
		}
		es = append(es, e)
	}
	return es
}

// Indexes returns an index for every order, for the orders by name and by age within one owner and within one team, for the
// partners' rows, and for every relation. Rows in the bin are kept apart by the column deleted_at in front.
func (k Kind) Indexes() []ent.Index {
	var is []ent.Index
	for _, m := range k.all() {
		switch {
		case m.Order && m.snake == "id":
			is = append(is, index.Fields("deleted_at", "id"))
			if k.Owned {
				is = append(is, index.Fields("owner_id", "deleted_at", "id"), Sparse("team_id", "deleted_at", "id"), Sparse("partner_id", "deleted_at", "id"))
			}
		case m.Order && m.snake != "deleted_at":
			is = append(is, index.Fields("deleted_at", m.Ordered(), "id"))
			if k.Owned && m.Sort != "" || m.snake == "created_at" && k.Owned {
				is = append(is, index.Fields("owner_id", "deleted_at", m.Ordered(), "id"))
				if !k.ByFarley { // those are read by whom they are for, not by teams
					is = append(is, Sparse("team_id", "deleted_at", m.Ordered(), "id"))
				}
			}
		case m.Type == model.Ref && m.Write != model.Never && m.snake != "owner" && m.snake != "team" && m.snake != "partner":
			is = append(is, m.found(m.Column, "deleted_at", "id"))
		case m.Type == model.ID && m.snake != "id":
			is = append(is, index.Fields(m.Column, "deleted_at"))
		}
		if m.Field.Unique {
			is = append(is, index.Fields(m.Key).Unique())
		}
		if m.indexed {
			is = append(is, m.found(m.Compared()))
		}
	}
	return is
}

// found returns the index by which rows are found that have a value; where a row may have none, it is a sparse one.
func (m *Member) found(columns ...string) ent.Index {
	if m.Field.Required {
		return index.Fields(columns...)
	}
	return Sparse(columns...)
}

// Sparse returns an index without the rows that have NULL in its first column, on SQLite; the MySQL family has none such. So
// most rows need not be written to most indexes of relations. It answers no "IS NULL", and gives no order of all rows.
func Sparse(columns ...string) ent.Index {
	return index.Fields(columns...).Annotations(entsql.IndexWhere("`" + columns[0] + "` IS NOT NULL"))
}

func (m *Member) columns() []ent.Field {
	ascii := func(size string) map[string]string {
		return map[string]string{dialect.MySQL: "varchar(" + size + ")"}
	}
	var fs []ent.Field
	doc := m.Doc
	switch m.Type {
	case model.ID, model.Ref:
		f := field.UUID(m.Column, stored.ID{}).Comment(doc).SchemaType(map[string]string{dialect.MySQL: "binary(16)", dialect.SQLite: "blob"})
		switch {
		case m.snake == "id":
			f = f.Immutable()
		case !m.Field.Required:
			f = f.Optional()
		}
		fs = append(fs, f)
	case model.String, model.Enum, model.Date, model.Choices:
		size := "255"
		if m.Max > 255 {
			size = "2000"
		}
		f := field.String(m.Column).Comment(doc).SchemaType(ascii(size))
		if !m.Field.Required {
			f = f.Optional()
		}
		fs = append(fs, f)
	case model.Text, model.List, model.Objects:
		f := field.Text(m.Column).Comment(doc).SchemaType(map[string]string{dialect.MySQL: "longtext"})
		if !m.Field.Required {
			f = f.Optional()
		}
		fs = append(fs, f)
	case model.Int, model.Degrees:
		f := field.Int64(m.Column).Comment(doc)
		if !m.Field.Required && !m.System {
			f = f.Optional()
		}
		fs = append(fs, f)
	case model.Bool:
		fs = append(fs, field.Bool(m.Column).Comment(doc).Default(m.Field.Default == "true"))
	case model.DateTime:
		f := field.Time(m.Column).Comment(doc).SchemaType(map[string]string{dialect.MySQL: "datetime(6)"})
		if !m.Field.Required && !m.System {
			f = f.Optional()
		}
		fs = append(fs, f)
	case model.Money:
		fs = append(fs,
			field.Int64(m.Column).Comment(doc+" Minor units.").Optional(),
			field.String(m.Column+"_currency").Comment("ISO 4217 code of "+m.Column+".").Optional().SchemaType(ascii("3")),
			field.Int64(m.Column+"_reporting").Comment(m.Column+" in minor units of the reporting currency.").Optional())
	case model.Many:
	}
	if m.Fold != "" {
		fs = append(fs, field.String(m.Fold).Comment(m.snake+", folded for comparison.").Optional().SchemaType(ascii("255")))
	}
	if m.Sort != "" {
		fs = append(fs, field.Bytes(m.Sort).Comment(m.snake+" as a collation key, for orders.").Optional().
			SchemaType(map[string]string{dialect.MySQL: "varbinary(255)"}))
	}
	if m.Field.Unique {
		fs = append(fs, field.String(m.Key).Comment(m.snake+", folded; null in the bin.").Optional().Nillable().SchemaType(ascii("255")))
	}
	return fs
}

// camel turns "annual_revenue" into "annualRevenue".
func camel(snake string) string {
	var b strings.Builder
	up := false
	for _, r := range snake {
		switch {
		case r == '_':
			up = true
		case up:
			b.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
