package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Mention is a user who is mentioned in a note.
type Mention struct{ ent.Schema }

var mention = decl.Kind{
	Code: 45, Prefix: "mntn", Sight: model.Reference, Title: "id", Link: true,
	Doc: "One user who is mentioned in one note; kept by Farley from the note's body.",
	Members: []*decl.Member{
		decl.Ref("note", Note.Type, "The note.").Required().Once(),
		decl.Ref("user", User.Type, "The user.").Required().Once(),
	},
}

// Fields returns the columns.
func (Mention) Fields() []ent.Field { return mention.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Mention) Edges() []ent.Edge { return mention.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Mention) Indexes() []ent.Index { return mention.Indexes() }

// Annotations returns what the generator reads.
func (Mention) Annotations() []schema.Annotation { return mention.Annotations() }
