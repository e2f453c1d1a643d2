package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Tagging is a tag on a record.
type Tagging struct{ ent.Schema }

var tagging = decl.Kind{
	Code: 21, Prefix: "tagg", Sight: model.Reference, Once: []string{"record", "tag"}, Title: "id", About: []string{"record"}, GoesAlong: true, Link: true,
	Doc: "One tag on one record; written through the record's tags.",
	Members: []*decl.Member{
		decl.Ref("tag", Tag.Type, "The tag.").Required().Once(),
		decl.AnyID("record", "The tagged record.").Required().Once(),
	},
}

// Fields returns the columns.
func (Tagging) Fields() []ent.Field { return tagging.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Tagging) Edges() []ent.Edge { return tagging.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Tagging) Indexes() []ent.Index { return tagging.Indexes() }

// Annotations returns what the generator reads.
func (Tagging) Annotations() []schema.Annotation { return tagging.Annotations() }
