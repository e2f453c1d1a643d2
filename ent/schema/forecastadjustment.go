package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// ForecastAdjustment is what a manager expects of somebody's forecast.
type ForecastAdjustment struct{ ent.Schema }

var forecastAdjustment = decl.Kind{
	Code: 57, Prefix: "fadj", Sight: model.ByOwner, Owned: true, Title: "figure",
	Doc: "What somebody expects of a user's forecast who stands above the user, or of his own. It changes no figure: it stands beside it. Its owner is who expects it.",
	Members: []*decl.Member{
		decl.Ref("user", User.Type, "Whose forecast: one who reports to you, directly or not, or yourself. Who may make adjustments in the scope ALL may name anybody.").Required().Plain().Once(),
		decl.Date("starts_on", "The first day of the month, quarter or year.").Required().Once(),
		decl.Enum("length", "PeriodLength", "For how long.", periodLengths...).Required().Once(),
		decl.Enum("figure", "ForecastFigure", "Which figure; one adjustment of each for an owner, a user and a period.",
			decl.Value{Name: "CLOSED", Doc: "What will have been won at the end."},
			decl.Value{Name: "COMMIT", Doc: "What is promised."},
			decl.Value{Name: "BEST_CASE", Doc: "What is likely, if all goes well."},
			decl.Value{Name: "PIPELINE", Doc: "What is under way."},
			decl.Value{Name: "WEIGHTED", Doc: "What is open, each by how likely it is."}).Required().Once().Default("COMMIT"),
		decl.Bool("rolled_up", "Whether it is of the user and all below, instead of the user alone.").Once(),
		decl.Money("amount", "What is expected, 0 or more.").Required().Unordered(),
		decl.LongText("reason", "Why.").MaxLen(2000),
	},
}

// Fields returns the columns.
func (ForecastAdjustment) Fields() []ent.Field { return forecastAdjustment.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (ForecastAdjustment) Edges() []ent.Edge { return forecastAdjustment.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (ForecastAdjustment) Indexes() []ent.Index { return forecastAdjustment.Indexes() }

// Annotations returns what the generator reads.
func (ForecastAdjustment) Annotations() []schema.Annotation { return forecastAdjustment.Annotations() }
