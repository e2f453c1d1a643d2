// Package model describes the kinds of records as data: what the generator read from ent/schema, and what policy, read
// engine, writes and change log work from. Nothing here knows a kind by name, so kinds defined at run time can join.
package model

import (
	"cmp"
	"slices"
	"strings"

	"farley/internal/id"
)

// Type says how the value of a field is kept and compared.
type Type int

// The types of fields, with their storage.
const (
	ID       Type = iota + 1 // 16 bytes; any record's id when Field.Target is empty
	String                   // text
	Text                     // long text, not filtered or ordered
	Int                      // 64-bit integer, 32 bits in the API
	Bool                     // 0 or 1
	Degrees                  // degrees as a Float in the API, kept as whole millionths
	DateTime                 // instant in UTC, microseconds
	Date                     // "2006-01-02" as text
	Money                    // minor units in Column, currency code and minor units of the reporting currency in the columns after it
	Enum                     // one of Values, as text
	Choices                  // any of Values, as "|A|B|", in the order of Values, "" when empty
	List                     // list of Scalar, as a JSON array
	Objects                  // list of the SDL object Scalar, as a JSON array of objects with the SDL's field names
	Ref                      // to-one relation: Column holds the id of a Target
	Many                     // to-many relation: no column here
)

// Writable says when a caller may set a field.
type Writable int

// When a field may be set.
const (
	Never    Writable = iota // kept by Farley
	OnCreate                 // once
	Always
)

// Field is one member of a kind: a stored value or a relation. Levels of permission are given per Field.
type Field struct {
	Name      string // in the API: "annualRevenue"
	Const     string // in enums: "ANNUAL_REVENUE"
	Column    string // "annual_revenue", for Ref "owner_id"; empty for Many
	Type      Type
	Scalar    string // SDL type of the value (of one element of a List or Objects): "String", "EmailAddress", "AccountSize", "Address"
	Doc       string
	System    bool // id, version, createdAt, updatedAt: readable by whoever may read the record, never null
	Required  bool // must be given (or defaulted) and is never empty
	Sensitive bool // NONE unless a role says otherwise
	Internal  bool // not in the API at all: password hashes, shadow columns
	Personal  bool // erased with the person's data
	Write     Writable
	Filter    bool
	Order     bool
	Unique    bool   // among live records; KeyColumn holds the folded value while the record is not in the bin
	Fold      string // column with the folded text (internal/text.Fold) that filters compare, "" when the plain one is compared
	Sort      string // column with the collation key that orders use, "" when the plain one orders
	Key       string // unique column of a Unique field
	Max       int    // longest text in characters, most elements of a list, or largest number; 0 = the type's own limit
	Values    []string
	ValueDocs []string
	Default   string   // of an Enum or text when a create does not give one
	Duplicate int      // weight (0..100) of an equal value in the duplicate check, 0 = not compared
	Match     string   // how the duplicate check compares: "NAME", "DOMAIN", "TAX"; "" by what the Scalar is
	Acyclic   bool     // a Ref to the own kind that must never lead back to the record
	Target    string   // kind of a Ref or Many
	Back      string   // Many without Through: the Ref field of Target that points here
	Through   *Through // Many by way of a link kind
	Custom    *Custom  // of a field that the firm has added, nil for those of the model
}

// Through is a many-to-many relation by way of records of a link kind.
type Through struct {
	Link string // kind of the link: "AccountContact"
	From string // its Ref (or ID) field to this side: "account"
	To   string // its Ref field to the other side: "contact"
}

// Columns returns the stored columns of the plain value, none for Many.
func (f *Field) Columns() []string {
	switch f.Type {
	case Many:
		return nil
	case Money:
		return []string{f.Column, f.Column + "_currency", f.Column + "_reporting"}
	}
	return []string{f.Column}
}

// Compared returns the column that filters compare.
func (f *Field) Compared() string {
	switch {
	case f.Type == Money:
		return f.Column + "_reporting"
	case f.Fold != "":
		return f.Fold
	}
	return f.Column
}

// Ordered returns the column that orders use.
func (f *Field) Ordered() string {
	switch {
	case f.Type == Money:
		return f.Column + "_reporting"
	case f.Sort != "":
		return f.Sort
	}
	return f.Column
}

// Participants says who takes part in the records of a kind beside their owners: the users of live records of a link kind.
// The scopes of persons cover what somebody takes part in as they cover what he owns.
type Participants struct {
	Kind   string // of the links: "AccountTeamMember"
	Record string // its Ref field to the record: "account"
	User   string // its Ref field to the user: "user"
	From   string // its Date field with the first day, both days included; "" when there is none
	To     string // its Date field with the last day
}

// Sight says what decides whether a scope covers a record.
type Sight int

// The ways in which records are in sight.
const (
	ByOwner   Sight = iota // its own owner, team, partner and shares
	ByParents              // its parents: every one that is set must be in sight; its owner narrows further where it has one
	Reference              // any scope but NONE covers all records (tags, teams, roles)
	ByUser                 // users: OWN is oneself, TEAM the reporting tree, PARTNER the users of my partner account
)

// Kind is one entity.
type Kind struct {
	Name        string // "Account"
	Ent         string // name of the ent type, when it is another one
	Const       string // "ACCOUNT"
	Single      string // root field of one: "account"
	Plural      string // root field of many: "accounts"
	Code        id.Kind
	Prefix      string
	Table       string
	Doc         string
	Sight       Sight
	Parents     []string // Ref fields, for ByParents
	Owned       bool     // has owner_id, team_id, partner_id
	Placed      bool     // has branch_id, territory_id
	Upsert      bool     // has external references
	Shareable   bool     // may be the record of a Share
	Self        string   // what SELF covers: "contact" (the viewer's contact), "accounts" (its accounts), "user" (the viewer), "ref:<Ref field>" (what that leads to is one of these), "" nothing
	PartnerSelf bool     // the viewer's partner account is itself a record of this kind
	Link        bool     // joins two kinds; not in the API by itself
	Kept        bool     // records stay in the bin for good: what others say about the past names them
	Title       string   // field that names a record to people
	Actions     []string // named actions beside CREATE READ UPDATE DELETE
	// Once are fields in which no two live records say the same: a merge makes one record of those that would.
	Once []string
	// Private records are seen by their owners alone: whatever scope a role grants on them is OWN.
	Private bool
	// Lasting records are moved to the bin, and taken out of it, by Farley alone.
	Lasting bool
	// FromLead: leads are converted into records of the kind.
	FromLead bool
	// Person: records are people, whose data can be exported and erased.
	Person bool
	// PersonIf, "field=VALUE", confines Person and About to the records with that value of an enum; "" for all.
	PersonIf string
	// About are the Ref and ID fields that lead to the people whom the records are about, or to records about people: what is
	// personal in them is exported and erased with the person's data.
	About []string
	// GoesAlong: records about a person are removed for good when the person's data are erased; others stay without what is
	// personal in them.
	GoesAlong bool
	// Participants says who takes part in the records, nil when nobody does; for Owned kinds.
	Participants *Participants
	Fields       []*Field
	fields       map[string]*Field
	consts       map[string]*Field
}

// EntName returns the name of the ent type.
func (k *Kind) EntName() string { return cmp.Or(k.Ent, k.Name) }

// Field returns a field by its API name, nil when there is none.
func (k *Kind) Field(name string) *Field { return k.fields[name] }

// ByConst returns a field by its enum value, nil when there is none.
func (k *Kind) ByConst(c string) *Field { return k.consts[c] }

// Mergeable reports whether records of the kind can be merged.
func (k *Kind) Mergeable() bool { return slices.Contains(k.Actions, "MERGE") }

// Makable reports whether callers make records of the kind; the others are kept by Farley alone.
func (k *Kind) Makable() bool {
	return slices.ContainsFunc(k.Fields, func(f *Field) bool { return !f.Internal && f.Write != Never })
}

// The words that stand where something personal was that cannot be empty.
const (
	ErasedPerson = "Erased person" // a person's name
	ErasedText   = "Erased"        // a text that is required
)

// AboutIf returns the column and the value to which PersonIf confines people and what is about them, "" when it does not.
func (k *Kind) AboutIf() (column, value string) {
	name, value, ok := strings.Cut(k.PersonIf, "=")
	if !ok {
		return "", ""
	}
	return k.Field(name).Column, value
}

// Set is a set of kinds.
type Set struct {
	Kinds  []*Kind
	byName map[string]*Kind
	byCode map[id.Kind]*Kind
}

// NewSet returns a set over kinds, which must not change afterwards.
func NewSet(kinds ...*Kind) *Set {
	s := &Set{Kinds: slices.Clone(kinds), byName: map[string]*Kind{}, byCode: map[id.Kind]*Kind{}}
	for _, k := range kinds {
		s.byName[k.Name], s.byName[k.Const], s.byCode[k.Code] = k, k, k
		s.byName[k.EntName()] = k
		k.fields, k.consts = map[string]*Field{}, map[string]*Field{}
		for _, f := range k.Fields {
			k.fields[f.Name], k.consts[f.Const] = f, f
		}
	}
	return s
}

// Kind returns a kind by its name ("Account") or enum value ("ACCOUNT"), nil when there is none.
func (s *Set) Kind(name string) *Kind { return s.byName[name] }

// Coded returns the kind with this number in ids, nil when there is none.
func (s *Set) Coded(code id.Kind) *Kind { return s.byCode[code] }

// Of returns the kind of the record that x identifies, nil when it is not an entity.
func (s *Set) Of(x id.ID) *Kind { return s.byCode[x.Kind()] }
