package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// CustomField is a field that a firm adds to a kind of record.
type CustomField struct{ ent.Schema }

var customField = decl.Kind{
	Code: 37, Prefix: "cfld", Sight: model.Reference, Title: "label", Kept: true,
	Doc: "A field that a firm adds to a kind of record. Its values are in the records' customFields. A definition whose values you may not know at all is out of your sight, unless you may change definitions.",
	Members: []*decl.Member{
		decl.Enum("object", "CustomisedObject", "The kind of record it belongs to.",
			decl.Value{Name: "ACCOUNT", Doc: "Accounts."},
			decl.Value{Name: "CONTACT", Doc: "Contacts."},
			decl.Value{Name: "LEAD", Doc: "Leads."},
			decl.Value{Name: "OPPORTUNITY", Doc: "Opportunities."},
			decl.Value{Name: "ACTIVITY", Doc: "Activities."}).Required().Once(),
		decl.Text("key", "Its name in customFields: a letter, then letters, digits, _ and -. A key is given once: that of a field in the bin is not free, as records may hold its values.").Required().Once().MaxLen(40),
		decl.Name("label", "Its name for people.").Required(),
		decl.Enum("type", "CustomFieldType", "What its values are.",
			decl.Value{Name: "TEXT", Doc: "A text of at most 2,000 characters."},
			decl.Value{Name: "NUMBER", Doc: "An exact decimal number as a string, with at most 20 digits before the point and 10 behind it: \"12.50\"."},
			decl.Value{Name: "BOOLEAN", Doc: "True or false."},
			decl.Value{Name: "DATE", Doc: "A day: \"2026-11-22\"."},
			decl.Value{Name: "CHOICE", Doc: "One of its choices, ordered by name."},
			decl.Value{Name: "MULTI_CHOICE", Doc: "A list of some of its choices. Not for orders."},
			decl.Value{Name: "MONEY", Doc: "An amount with its currency: { amount: \"12.50\", currency: \"SAR\" }. Compared and ordered in the reporting currency."},
			decl.Value{Name: "REFERENCE", Doc: "The id of a record of the kind target, which has to be in your sight; where it is not, the value does not show. Not for orders."},
			decl.Value{Name: "URL", Doc: "An http or https address."}).Required().Once(),
		decl.Objects("labels", "LocalisedText", "Its names in other languages."),
		decl.Enum("target", "ReferenceTarget", "The kind of record that a REFERENCE leads to; other types do not use it.",
			decl.Value{Name: "ACCOUNT", Doc: "Accounts."},
			decl.Value{Name: "CONTACT", Doc: "Contacts."},
			decl.Value{Name: "LEAD", Doc: "Leads."},
			decl.Value{Name: "USER", Doc: "Users."}).Once(),
		decl.List("choices", "String", "What can be chosen, in this order, for CHOICE and MULTI_CHOICE; each at most 200 characters. What is taken away stays where it was chosen, and cannot be chosen anew.").MaxLen(200),
		decl.Bool("is_required", "Whether every new record needs a value, as far as its maker may give one. Records without one stay good; a value that is there can be changed, and not be taken away."),
		decl.Bool("is_unique", "Whether no two live records have the same value; not for MULTI_CHOICE and BOOLEAN. Refused while there are such records."),
		decl.Text("default_value", "The value of a new record that gives none, as JSON: \"\\\"gold\\\"\", \"true\". It has to fit the type. Unique fields do not use it."),
		decl.Int("position", "Its place in the order of fields."),
		decl.Bool("sensitive", "Whether its values are for those roles only that name it: the level of a sensitive field without a row is NONE."),
		decl.Bool("archived", "Whether it takes no new values; those there are stay."),
	},
}

// Fields returns the columns.
func (CustomField) Fields() []ent.Field { return customField.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (CustomField) Edges() []ent.Edge { return customField.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (CustomField) Indexes() []ent.Index { return customField.Indexes() }

// Annotations returns what the generator reads.
func (CustomField) Annotations() []schema.Annotation { return customField.Annotations() }
