package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Territory is a part of the market.
type Territory struct{ ent.Schema }

var territory = decl.Kind{
	Code: 39, Prefix: "terr", Plural: "territories", Sight: model.Reference, Title: "name",
	Doc: "A part of the market, by place or line of business. Territories form a tree; the scope TERRITORY covers the records of one's own and of those below.",
	Members: []*decl.Member{
		decl.Name("name", "The name.").Required(),
		decl.Ref("parent", Territory.Type, "The territory above it; never in a circle.").Plain().Acyclic(),
		decl.Int("priority", "Among territories of one depth whose rules fit, the one with the smallest number wins; without a number it comes last."),
		decl.Objects("rules", "TerritoryRule", "What lies in it: whatever meets one of the rules and is not given a territory by hand."),
		decl.Links("members", "User", "TerritoryMember", "territory", "user", "Who works in it."),
		decl.Many("children", "Territory", "parent", "The territories directly below it."),
	},
}

// Fields returns the columns.
func (Territory) Fields() []ent.Field { return territory.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Territory) Edges() []ent.Edge { return territory.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Territory) Indexes() []ent.Index { return territory.Indexes() }

// Annotations returns what the generator reads.
func (Territory) Annotations() []schema.Annotation { return territory.Annotations() }
