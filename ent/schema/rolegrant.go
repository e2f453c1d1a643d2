package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// RoleGrant is a role of a user.
type RoleGrant struct{ ent.Schema }

var roleGrant = decl.Kind{
	Code: 35, Prefix: "rgra", Sight: model.ByParents, Parents: []string{"user"}, Title: "id",
	Doc: "One role of one user, for good or until a day; seen by whoever sees the user and may read grants of such users.",
	Members: []*decl.Member{
		decl.Ref("user", User.Type, "The user.").Required().Once(),
		decl.Ref("role", Role.Type, "The role.").Required().Once(),
		decl.DateTime("valid_until", "When the grant ends; null for never."),
		decl.Scalar("issuer", "String", "The outside issuer whose tokens brought the role, and whose tokens end it; null for a role given here.").ReadOnly(),
		decl.DateTime("last_used_at", "When the user last acted while holding it, to the hour; kept by Farley.").ReadOnly(),
		decl.DateTime("reviewed_at", "When somebody last confirmed it, by renewAccess.").ReadOnly(),
		decl.Ref("reviewed_by", User.Type, "Who confirmed it.").Plain().ReadOnly(),
	},
}

// Fields returns the columns.
func (RoleGrant) Fields() []ent.Field { return roleGrant.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (RoleGrant) Edges() []ent.Edge { return roleGrant.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (RoleGrant) Indexes() []ent.Index { return roleGrant.Indexes() }

// Annotations returns what the generator reads.
func (RoleGrant) Annotations() []schema.Annotation { return roleGrant.Annotations() }
