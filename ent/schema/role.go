package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Role is a set of rights.
type Role struct{ ent.Schema }

var role = decl.Kind{
	Code: 34, Prefix: "role", Sight: model.Reference, Title: "name",
	Doc: "A set of rights that users can be given.",
	Members: []*decl.Member{
		decl.Name("name", "The name.").Required().Unique(),
		decl.LongText("description", "What it is for."),
		decl.Bool("system", "Whether it came with Farley; such a role can be copied, not changed.").ReadOnly(),
		decl.Objects("permissions", "RolePermission", "What it allows: action on object within a scope.").MaxLen(1000),
		decl.Objects("field_levels", "RoleFieldLevel", "Levels of single fields; see FieldLevel for fields without a row.").MaxLen(2000),
		decl.List("screens", "String", "Names of the screens and reports of the client application that it opens: \"pipeline.board\".").MaxLen(500).Unfiltered(),
	},
}

// Fields returns the columns.
func (Role) Fields() []ent.Field { return role.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Role) Edges() []ent.Edge { return role.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Role) Indexes() []ent.Index { return role.Indexes() }

// Annotations returns what the generator reads.
func (Role) Annotations() []schema.Annotation { return role.Annotations() }
