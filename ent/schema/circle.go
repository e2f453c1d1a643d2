package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Circle is the users whom a conversation is among.
type Circle struct{ ent.Schema }

var circle = decl.Kind{
	Code: 75, Prefix: "circ", Sight: model.ByOwner, Owned: true, ByFarley: true, Private: true, Title: "id",
	Participants: &model.Participants{Kind: "CircleMember", Record: "circle", User: "user"},
	Doc:          "The users whom a conversation is among. Only they see it and what they write, whatever roles say. Its owner is who started the conversation.",
	Members: []*decl.Member{
		decl.Many("members", "CircleMember", "circle", "Who belongs to it."),
		decl.Many("conversations", "Conversation", "circle", "What they talk about."),
	},
}

// Fields returns the columns.
func (Circle) Fields() []ent.Field { return circle.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Circle) Edges() []ent.Edge { return circle.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Circle) Indexes() []ent.Index { return circle.Indexes() }

// Annotations returns what the generator reads.
func (Circle) Annotations() []schema.Annotation { return circle.Annotations() }
