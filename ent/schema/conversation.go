package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Conversation is what users say to each other about a record, or among themselves.
type Conversation struct{ ent.Schema }

var conversation = decl.Kind{
	Code: 77, Prefix: "conv", Sight: model.ByParents, Parents: []string{"account", "contact", "lead", "opportunity", "activity", "circle"}, Title: "title",
	About: []string{"account", "contact", "lead", "opportunity", "activity"},
	Doc:   "What users say to each other: about a record, and then whoever sees the record sees it, or in a circle of users, and then they alone do. See startConversation.",
	Members: []*decl.Member{
		decl.Ref("account", Account.Type, "The account it is about.").ReadOnly(),
		decl.Ref("contact", Contact.Type, "The contact it is about.").ReadOnly(),
		decl.Ref("lead", Lead.Type, "The lead it is about.").ReadOnly(),
		decl.Ref("opportunity", Opportunity.Type, "The opportunity it is about.").ReadOnly(),
		decl.Ref("activity", Activity.Type, "The activity it is about.").ReadOnly(),
		decl.Ref("circle", Circle.Type, "The circle of users whom it is among.").ReadOnly(),
		decl.Name("title", "What it is about, in words.").ReadOnly(),
		decl.DateTime("last_post_at", "When somebody wrote last; kept by Farley, without a version.").ReadOnly(),
		decl.Many("posts", "Post", "conversation", "What was said."),
	},
}

// Fields returns the columns.
func (Conversation) Fields() []ent.Field { return conversation.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Conversation) Edges() []ent.Edge { return conversation.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Conversation) Indexes() []ent.Index {
	return append(conversation.Indexes(), feeds("last_post_at", "account_id", "contact_id", "lead_id", "opportunity_id", "activity_id", "circle_id")...)
}

// Annotations returns what the generator reads.
func (Conversation) Annotations() []schema.Annotation { return conversation.Annotations() }
