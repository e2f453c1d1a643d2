package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// AccountContact is how a person belongs to an account.
type AccountContact struct{ ent.Schema }

var accountContact = decl.Kind{
	Code: 18, Prefix: "acco", Sight: model.ByParents, Parents: []string{"account", "contact"}, Once: []string{"account", "contact", "fromDate", "toDate"}, Title: "role", About: []string{"account", "contact"},
	Doc: "How a person belongs to an account. Ended links stay, so that people keep their history when they change employer.",
	Members: []*decl.Member{
		decl.Ref("account", Account.Type, "The account.").Required().Once(),
		decl.Ref("contact", Contact.Type, "The person.").Required().Once(),
		decl.Text("role", "What the person is there: decision maker, billing, technical …"),
		decl.Bool("is_primary", "Whether this is the person's main account; at most one live link of a person is."),
		decl.Date("from_date", "First day."),
		decl.Date("to_date", "Last day."),
	},
}

// Fields returns the columns.
func (AccountContact) Fields() []ent.Field { return accountContact.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (AccountContact) Edges() []ent.Edge { return accountContact.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (AccountContact) Indexes() []ent.Index {
	return append(accountContact.Indexes(), append(feeds("created_at", "account_id", "contact_id"), feeds("to_date", "account_id", "contact_id")...)...)
}

// Annotations returns what the generator reads.
func (AccountContact) Annotations() []schema.Annotation { return accountContact.Annotations() }
