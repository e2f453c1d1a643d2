package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Note is a remark on a record.
type Note struct{ ent.Schema }

var note = decl.Kind{
	Code: 19, Prefix: "note", Sight: model.ByParents, Parents: []string{"account", "contact", "lead", "opportunity", "activity"}, Title: "title", About: []string{"account", "contact", "lead", "opportunity", "activity"},
	Doc: "A remark on an account, a contact, a lead, an opportunity or an activity, seen by whoever sees what it is about.",
	Members: []*decl.Member{
		decl.Ref("account", Account.Type, "The account it is about.").Once(),
		decl.Ref("contact", Contact.Type, "The contact it is about.").Once(),
		decl.Ref("lead", Lead.Type, "The lead it is about.").Once(),
		decl.Ref("opportunity", Opportunity.Type, "The opportunity it is about.").Once(),
		decl.Ref("activity", Activity.Type, "The activity it is about.").Once(),
		decl.Name("title", "A headline."),
		decl.LongText("body", "The text, CommonMark. A link to a user's id, [@Ann](user_…), mentions that user, whom you have to see; at most 50 users.").Required(),
		decl.Bool("pinned", "Whether it stands above the others."),
		decl.Links("mentions", "User", "Mention", "note", "user", "The users whom the body mentions; who is mentioned sees no more for that.").NotWritten(),
	},
}

// Fields returns the columns.
func (Note) Fields() []ent.Field { return note.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Note) Edges() []ent.Edge { return note.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Note) Indexes() []ent.Index {
	return append(note.Indexes(), feeds("created_at", "account_id", "contact_id", "lead_id", "opportunity_id")...)
}

// Annotations returns what the generator reads.
func (Note) Annotations() []schema.Annotation { return note.Annotations() }
