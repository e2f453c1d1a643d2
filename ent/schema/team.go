package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Team is a group of users.
type Team struct{ ent.Schema }

var team = decl.Kind{
	Code: 33, Prefix: "team", Sight: model.Reference, Title: "name",
	Doc: "A group of users. Teams form a tree; whoever sees a team's records sees those of the teams below it.",
	Members: []*decl.Member{
		decl.Name("name", "The name.").Required(),
		decl.Ref("parent", Team.Type, "The team above it; never in a circle.").Plain().Acyclic(),
		decl.Ref("lead", User.Type, "Who leads it.").Plain(),
		decl.Many("members", "User", "team", "The users in it."),
		decl.Many("children", "Team", "parent", "The teams directly below it."),
	},
}

// Fields returns the columns.
func (Team) Fields() []ent.Field { return team.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Team) Edges() []ent.Edge { return team.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Team) Indexes() []ent.Index { return team.Indexes() }

// Annotations returns what the generator reads.
func (Team) Annotations() []schema.Annotation { return team.Annotations() }
