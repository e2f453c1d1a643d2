package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// OpportunitySplit is the part that somebody has in a deal.
type OpportunitySplit struct{ ent.Schema }

var opportunitySplit = decl.Kind{
	Code: 72, Prefix: "ospl", Sight: model.ByParents, Parents: []string{"opportunity"}, Once: []string{"opportunity", "user"}, Title: "id",
	Doc: "Which share of a deal counts for a user by incentive plans, when it is won. What is given to nobody is the owner's. The splits of a closed deal change only after reopenOpportunity.",
	Members: []*decl.Member{
		decl.Ref("opportunity", Opportunity.Type, "The deal.").Required().Plain().Once(),
		decl.Ref("user", User.Type, "Whose share; one split for a user and a deal.").Required().Plain().Once(),
		decl.Scalar("share", "Decimal", "The share in percent: more than 0, with at most 4 decimals; the shares of a deal are 100 together at most.").Required().Unfiltered().MaxLen(20),
	},
}

// Fields returns the columns.
func (OpportunitySplit) Fields() []ent.Field { return opportunitySplit.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (OpportunitySplit) Edges() []ent.Edge { return opportunitySplit.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (OpportunitySplit) Indexes() []ent.Index { return opportunitySplit.Indexes() }

// Annotations returns what the generator reads.
func (OpportunitySplit) Annotations() []schema.Annotation { return opportunitySplit.Annotations() }
