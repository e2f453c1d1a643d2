package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// CircleMember is a user who belongs to a circle.
type CircleMember struct{ ent.Schema }

var circleMember = decl.Kind{
	Code: 76, Prefix: "cmem", Sight: model.ByParents, Parents: []string{"circle"}, Once: []string{"circle", "user"}, Title: "id",
	Doc: "A user who belongs to a circle, and so sees its conversations from their beginning.",
	Members: []*decl.Member{
		decl.Ref("circle", Circle.Type, "The circle.").Required().ReadOnly(),
		decl.Ref("user", User.Type, "The user.").Plain().ReadOnly(),
	},
}

// Fields returns the columns.
func (CircleMember) Fields() []ent.Field { return circleMember.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (CircleMember) Edges() []ent.Edge { return circleMember.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (CircleMember) Indexes() []ent.Index {
	return append(circleMember.Indexes(), index.Fields("circle_id", "deleted_at", "id"), index.Fields("user_id", "deleted_at", "id"))
}

// Annotations returns what the generator reads.
func (CircleMember) Annotations() []schema.Annotation { return circleMember.Annotations() }
