package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// IncentiveParticipant is one who takes part in an incentive plan.
type IncentiveParticipant struct{ ent.Schema }

var incentiveParticipant = decl.Kind{
	Code: 71, Prefix: "ippt", Sight: model.ByParents, Parents: []string{"plan"}, Title: "id",
	Doc: "A user or a team that takes part in an incentive plan: of a team all who are in it or in one below, on the day on which it books.",
	Members: []*decl.Member{
		decl.Ref("plan", IncentivePlan.Type, "The plan.").Required().Plain().Once(),
		decl.Ref("user", User.Type, "Who takes part; either a user or a team. It takes the same reach as setting a target.").Plain().Once(),
		decl.Ref("for_team", Team.Type, "The team that takes part.").Plain().Once(),
		decl.Text("note", "Why, or as what."),
	},
}

// Fields returns the columns.
func (IncentiveParticipant) Fields() []ent.Field { return incentiveParticipant.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (IncentiveParticipant) Edges() []ent.Edge { return incentiveParticipant.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (IncentiveParticipant) Indexes() []ent.Index { return incentiveParticipant.Indexes() }

// Annotations returns what the generator reads.
func (IncentiveParticipant) Annotations() []schema.Annotation {
	return incentiveParticipant.Annotations()
}
