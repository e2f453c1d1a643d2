package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Tag is a label.
type Tag struct{ ent.Schema }

var tag = decl.Kind{
	Code: 20, Prefix: "tag", Sight: model.Reference, Title: "name",
	Doc: "A label that can be put on records of any kind.",
	Members: []*decl.Member{
		decl.Name("name", "The label.").Required().Unique().MaxLen(60),
		decl.Scalar("colour", "String", "A colour for it, as #rrggbb.").MaxLen(7),
	},
}

// Fields returns the columns.
func (Tag) Fields() []ent.Field { return tag.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Tag) Edges() []ent.Edge { return tag.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Tag) Indexes() []ent.Index { return tag.Indexes() }

// Annotations returns what the generator reads.
func (Tag) Annotations() []schema.Annotation { return tag.Annotations() }
