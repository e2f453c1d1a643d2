package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// IncentivePlan says what people get for what they sell.
type IncentivePlan struct{ ent.Schema }

var incentivePlan = decl.Kind{
	Code: 60, Prefix: "ipln", Sight: model.ByOwner, Owned: true, Kept: true, Shareable: true, Title: "name",
	Doc: "What people get for the deals they win: by tiers over what each of them has reached in a month, quarter or year. What was booked by it stays as it was booked, whatever changes in it later.",
	Members: []*decl.Member{
		decl.Name("name", "What people call it.").Required(),
		decl.LongText("description", "What it is for."),
		decl.Bool("active", "Whether it books anything.").Default("true"),
		decl.Enum("trigger", "IncentiveTrigger", "When it books; given once.",
			decl.Value{Name: "WON", Doc: "When a deal is won, by the day on which it was closed."}).Required().Once().Default("WON"),
		decl.Enum("basis", "IncentiveBasis", "What is reached, and so what the tiers begin at; given once.",
			decl.Value{Name: "REVENUE", Doc: "What the deals won are worth, in the currency of the plan."},
			decl.Value{Name: "DEALS", Doc: "How many deals are won; a share of a deal is that part of one."}).Required().Once().Default("REVENUE"),
		decl.Enum("length", "PeriodLength", "Over which time it is reached: the calendar's, in the time zone of the firm; given once.", periodLengths...).Required().Once().Default("QUARTER"),
		decl.Date("starts_on", "The first day on which deals count that are won.").Required(),
		decl.Date("ends_on", "The last day; null for no end.").Unordered(),
		decl.Scalar("currency", "CurrencyCode", "The currency of its tiers and of what it books: the reporting currency of when it was made. Deals are converted at the rate of the day on which they were closed. Kept by Farley.").ReadOnly(),
		decl.Objects("tiers", "IncentiveTier", "What is paid, by what is reached; the first one begins at 0. A write replaces the list.").MaxLen(20),
		decl.Bool("everybody", "Whether everybody takes part; else who is named by participants. Only who may make plans in the scope ALL may say so."),
		decl.Ref("pipeline", Pipeline.Type, "Only deals of this pipeline.").Plain(),
		decl.Ref("product", Product.Type, "Only what is sold of this product: deals count with the lines that are of it.").Plain(),
		decl.Many("participants", "IncentiveParticipant", "plan", "Who takes part."),
	},
}

// Fields returns the columns.
func (IncentivePlan) Fields() []ent.Field { return incentivePlan.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (IncentivePlan) Edges() []ent.Edge { return incentivePlan.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (IncentivePlan) Indexes() []ent.Index { return incentivePlan.Indexes() }

// Annotations returns what the generator reads.
func (IncentivePlan) Annotations() []schema.Annotation { return incentivePlan.Annotations() }
