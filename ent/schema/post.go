package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// Post is what a user says in a conversation.
type Post struct{ ent.Schema }

var post = decl.Kind{
	Code: 78, Prefix: "post", Sight: model.ByParents, Parents: []string{"conversation"}, Owned: true, ByFarley: true, Title: "number", About: []string{"conversation"},
	Doc: "What a user says in a conversation; its owner is its author. See postToConversation.",
	Members: []*decl.Member{
		decl.Ref("conversation", Conversation.Type, "The conversation.").Required().ReadOnly(),
		decl.Int("number", "Its place in the conversation, from 1 on.").Required().ReadOnly(),
		decl.LongText("text", "What is said, CommonMark. A link to a user's id, [@Ann](user_…), mentions that user.").MaxLen(10_000).Required().ReadOnly(),
		decl.DateTime("edited_at", "When its author changed it last; null when he did not.").ReadOnly().Unordered(),
	},
}

// Fields returns the columns.
func (Post) Fields() []ent.Field { return post.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Post) Edges() []ent.Edge { return post.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Post) Indexes() []ent.Index {
	return append(post.Indexes(), index.Fields("conversation_id", "deleted_at", "number"))
}

// Annotations returns what the generator reads.
func (Post) Annotations() []schema.Annotation { return post.Annotations() }
