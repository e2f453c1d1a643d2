package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Relationship is a typed link between two accounts or contacts.
type Relationship struct{ ent.Schema }

var relationship = decl.Kind{
	Code: 23, Prefix: "reln", Sight: model.ByParents, Parents: []string{"fromAccount", "fromContact", "toAccount", "toContact"}, Once: []string{"fromAccount", "fromContact", "toAccount", "toContact", "type", "label", "fromDate", "toDate"}, Title: "type",
	About: []string{"fromAccount", "fromContact", "toAccount", "toContact"},
	Doc:   "A typed, directed link between two accounts or contacts, seen by whoever sees both ends: \"from\" is the type of \"to\".",
	Members: []*decl.Member{
		decl.Ref("from_account", Account.Type, "The account it begins at; or else fromContact.").Once(),
		decl.Ref("from_contact", Contact.Type, "The contact it begins at; or else fromAccount.").Once(),
		decl.Ref("to_account", Account.Type, "The account it leads to; or else toContact.").Plain().Once(),
		decl.Ref("to_contact", Contact.Type, "The contact it leads to; or else toAccount.").Plain().Once(),
		decl.Enum("type", "RelationshipType", "What from is to to.",
			decl.Value{Name: "SUBSIDIARY", Doc: "A firm below the other."},
			decl.Value{Name: "SUPPLIER", Doc: "Supplies the other."},
			decl.Value{Name: "COMPETITOR", Doc: "Competes with the other."},
			decl.Value{Name: "PARTNER", Doc: "Works with the other."},
			decl.Value{Name: "REFERRER", Doc: "Referred the other to us."},
			decl.Value{Name: "REPORTS_TO", Doc: "Reports to the other."},
			decl.Value{Name: "ASSISTANT", Doc: "Is the other's assistant."},
			decl.Value{Name: "SPOUSE", Doc: "Is married to the other."},
			decl.Value{Name: "RELATIVE", Doc: "Is related to the other."},
			decl.Value{Name: "COLLEAGUE", Doc: "Works with the other person."},
			decl.Value{Name: "GUARDIAN", Doc: "Answers for the other in law."},
			decl.Value{Name: "OTHER", Doc: "Anything else; label says what."}).Required(),
		decl.Text("label", "What it is in words."),
		decl.Date("from_date", "First day."),
		decl.Date("to_date", "Last day."),
		decl.LongText("remarks", "Anything worth knowing."),
	},
}

// Fields returns the columns.
func (Relationship) Fields() []ent.Field { return relationship.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Relationship) Edges() []ent.Edge { return relationship.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Relationship) Indexes() []ent.Index {
	return append(relationship.Indexes(), feeds("created_at", "from_account_id", "from_contact_id", "to_account_id", "to_contact_id")...)
}

// Annotations returns what the generator reads.
func (Relationship) Annotations() []schema.Annotation { return relationship.Annotations() }
