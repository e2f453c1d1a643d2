package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// ReadMark is how far a user has read a conversation.
type ReadMark struct{ ent.Schema }

var readMark = decl.Kind{
	Code: 79, Prefix: "rmrk", Sight: model.ByParents, Parents: []string{"conversation"}, Owned: true, ByFarley: true, Private: true, Title: "id",
	Doc: "How far you have read a conversation that you follow: one you belong to, wrote in, were mentioned in or marked as read. Its owner is the reader, and nobody else sees it.",
	Members: []*decl.Member{
		decl.Ref("conversation", Conversation.Type, "The conversation.").Required().ReadOnly(),
		decl.Int("number", "The number of the last post that you have read; 0 for none.").Required().ReadOnly().Unordered(),
	},
}

// Fields returns the columns.
func (ReadMark) Fields() []ent.Field { return readMark.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (ReadMark) Edges() []ent.Edge { return readMark.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (ReadMark) Indexes() []ent.Index {
	return append(readMark.Indexes(), index.Fields("conversation_id", "deleted_at", "owner_id"))
}

// Annotations returns what the generator reads.
func (ReadMark) Annotations() []schema.Annotation { return readMark.Annotations() }
