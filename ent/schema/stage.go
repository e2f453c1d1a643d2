package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Stage is a step of deals on their way through a pipeline.
type Stage struct{ ent.Schema }

// forecastCategories say how sure a deal is counted.
var forecastCategories = []decl.Value{
	{Name: "OMITTED", Doc: "Not counted."},
	{Name: "PIPELINE", Doc: "Under way."},
	{Name: "BEST_CASE", Doc: "Likely, if all goes well."},
	{Name: "COMMIT", Doc: "Promised."},
	{Name: "CLOSED", Doc: "Won."},
}

var stage = decl.Kind{
	Code: 49, Prefix: "stage", Sight: model.Reference, Kept: true, Title: "name",
	Doc: "A step of deals on their way through a pipeline. One that has deals, be they in the bin, cannot be deleted: removeStage moves them to another one.",
	Members: []*decl.Member{
		decl.Ref("pipeline", Pipeline.Type, "The pipeline.").Required().Once().Plain(),
		decl.Name("name", "The name.").Required(),
		decl.Int("position", "Its place in the order of the pipeline's stages. Those of the kinds WON and LOST come last.").Required(),
		decl.Enum("kind", "StageKind", "What it means for deals to be there.",
			decl.Value{Name: "OPEN", Doc: "The deal is under way."},
			decl.Value{Name: "WON", Doc: "The deal is won."},
			decl.Value{Name: "LOST", Doc: "The deal is lost."}).Required().Once().Default("OPEN"),
		decl.Int("probability", "How likely deals are won that are there, in percent, 0 to 100; 100 for WON and 0 for LOST. Deals take it when they enter.").Unordered(),
		decl.Enum("forecast_category", "ForecastCategory", "How sure deals are counted that are there; CLOSED for WON and OMITTED for LOST, PIPELINE unless given. Deals take it when they enter.", forecastCategories...),
		decl.Int("stale_after_days", "After how many days in the stage a deal is stale, 1 to 3,650; null for never.").Unordered(),
		decl.List("required_fields", "String", "What a deal must have to enter: names as in the enum OpportunityField, of fields that can be set and of the relations LINES, OPPORTUNITY_CONTACTS and COMPETITORS, which need a record then; CUSTOM_FIELDS.<key> for fields that the firm has added.").MaxLen(30),
		decl.LongText("description", "What is done there."),
		decl.Many("opportunities", "Opportunity", "stage", "The deals that are there."),
	},
}

// Fields returns the columns.
func (Stage) Fields() []ent.Field { return stage.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Stage) Edges() []ent.Edge { return stage.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Stage) Indexes() []ent.Index { return stage.Indexes() }

// Annotations returns what the generator reads.
func (Stage) Annotations() []schema.Annotation { return stage.Annotations() }
