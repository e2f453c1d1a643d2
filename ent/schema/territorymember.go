package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// TerritoryMember is a user in a territory.
type TerritoryMember struct{ ent.Schema }

var territoryMember = decl.Kind{
	Code: 40, Prefix: "tmem", Sight: model.Reference, Title: "id", Link: true,
	Doc: "One user in one territory; written through the territory's members.",
	Members: []*decl.Member{
		decl.Ref("territory", Territory.Type, "The territory.").Required().Once(),
		decl.Ref("user", User.Type, "The user.").Required().Once(),
	},
}

// Fields returns the columns.
func (TerritoryMember) Fields() []ent.Field { return territoryMember.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (TerritoryMember) Edges() []ent.Edge { return territoryMember.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (TerritoryMember) Indexes() []ent.Index { return territoryMember.Indexes() }

// Annotations returns what the generator reads.
func (TerritoryMember) Annotations() []schema.Annotation { return territoryMember.Annotations() }
