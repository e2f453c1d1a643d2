package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// OpportunityCompetitor is somebody else who is after a deal.
type OpportunityCompetitor struct{ ent.Schema }

var opportunityCompetitor = decl.Kind{
	Code: 53, Prefix: "opcp", Sight: model.ByParents, Parents: []string{"opportunity"}, Once: []string{"opportunity", "competitor"}, Title: "id",
	About: []string{"competitor"},
	Doc:   "A competitor who is after a deal as well.",
	Members: []*decl.Member{
		decl.Ref("opportunity", Opportunity.Type, "The deal.").Required().Once(),
		decl.Ref("competitor", Account.Type, "The competitor.").Required().Once(),
		decl.LongText("strengths", "What speaks for the competitor.").MaxLen(2000),
		decl.LongText("weaknesses", "What speaks against the competitor.").MaxLen(2000),
		decl.Enum("threat", "CompetitorThreat", "How dangerous the competitor is.",
			decl.Value{Name: "LOW", Doc: "Hardly."},
			decl.Value{Name: "MEDIUM", Doc: "To be minded."},
			decl.Value{Name: "HIGH", Doc: "Very."}),
		decl.Enum("result", "CompetitorResult", "How it ended. When the deal is closed, Farley says LOST_TO of the competitor who is named then, and BEATEN of those who were PENDING when it is won; PENDING again when it is reopened.",
			decl.Value{Name: "PENDING", Doc: "It has not ended."},
			decl.Value{Name: "BEATEN", Doc: "We won."},
			decl.Value{Name: "LOST_TO", Doc: "The competitor won."},
			decl.Value{Name: "WITHDREW", Doc: "The competitor gave up."}).Required().Default("PENDING"),
	},
}

// Fields returns the columns.
func (OpportunityCompetitor) Fields() []ent.Field { return opportunityCompetitor.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (OpportunityCompetitor) Edges() []ent.Edge { return opportunityCompetitor.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (OpportunityCompetitor) Indexes() []ent.Index { return opportunityCompetitor.Indexes() }

// Annotations returns what the generator reads.
func (OpportunityCompetitor) Annotations() []schema.Annotation {
	return opportunityCompetitor.Annotations()
}
