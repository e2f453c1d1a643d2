package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// OpportunityStep is a row of the history of a deal.
type OpportunityStep struct{ ent.Schema }

var opportunityStep = decl.Kind{
	Code: 54, Prefix: "opst", Sight: model.ByParents, Parents: []string{"opportunity"}, Title: "id",
	Doc: "A row of the history of a deal: how it stood after a change of stage, amount, probability, close date or category; kept by Farley. Who changed it is createdBy.",
	Members: []*decl.Member{
		decl.Ref("opportunity", Opportunity.Type, "The deal.").Required().ReadOnly(),
		decl.Choices("changed", "OpportunityStepChange", "What changed; all that was set, of the first row.",
			decl.Value{Name: "STAGE", Doc: "The stage."},
			decl.Value{Name: "AMOUNT", Doc: "The amount."},
			decl.Value{Name: "PROBABILITY", Doc: "The probability."},
			decl.Value{Name: "CLOSE_DATE", Doc: "The expected day of closing."},
			decl.Value{Name: "CATEGORY", Doc: "The forecast category."}).ReadOnly(),
		decl.DateTime("at", "When.").Required().ReadOnly(),
		decl.Ref("from_stage", Stage.Type, "The stage that was left; null when the stage did not change, and of the first row.").Plain().ReadOnly(),
		decl.Ref("stage", Stage.Type, "The stage in which it was then.").Plain().ReadOnly(),
		decl.Int("seconds_in_stage", "How many seconds it had been in its stage, or in the one it left, by then.").Unordered().ReadOnly(),
		decl.Money("amount", "The amount then.").Unordered().ReadOnly(),
		decl.Money("expected_revenue", "The expected revenue then.").Unordered().ReadOnly(),
		decl.Int("probability", "The probability then, in percent.").Unordered().ReadOnly(),
		decl.Date("close_date", "The expected day of closing then.").Unordered().ReadOnly(),
		decl.Enum("forecast_category", "ForecastCategory", "The forecast category then.", forecastCategories...).ReadOnly(),
	},
}

// Fields returns the columns.
func (OpportunityStep) Fields() []ent.Field { return opportunityStep.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (OpportunityStep) Edges() []ent.Edge { return opportunityStep.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (OpportunityStep) Indexes() []ent.Index {
	return append(opportunityStep.Indexes(), feeds("at", "opportunity_id")...)
}

// Annotations returns what the generator reads.
func (OpportunityStep) Annotations() []schema.Annotation { return opportunityStep.Annotations() }
