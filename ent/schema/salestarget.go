package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// SalesTarget is what somebody is to reach.
type SalesTarget struct{ ent.Schema }

// periodLengths are the lengths of periods by the calendar.
var periodLengths = []decl.Value{
	{Name: "MONTH", Doc: "A month."},
	{Name: "QUARTER", Doc: "A quarter: from the first of January, April, July or October."},
	{Name: "YEAR", Doc: "A year: from the first of January."},
}

var salesTarget = decl.Kind{
	Code: 56, Prefix: "targ", Sight: model.ByOwner, Owned: true, Title: "measure",
	Doc: "What a user or a team is to reach in a month, quarter or year. That of a user is owned by the user, so that he sees it; it is set by who sees the user's records. Forecasts stand beside it.",
	Members: []*decl.Member{
		decl.Ref("user", User.Type, "Who is to reach it; either a user or a team.").Plain().Once(),
		decl.Ref("for_team", Team.Type, "The team that is to reach it.").Plain().Once(),
		decl.Date("starts_on", "The first day of the month, quarter or year.").Required().Once(),
		decl.Enum("length", "PeriodLength", "For how long.", periodLengths...).Required().Once(),
		decl.Enum("measure", "TargetMeasure", "What is measured; one target of each for a user or team and a period.",
			decl.Value{Name: "REVENUE", Doc: "What deals are worth that are won."},
			decl.Value{Name: "DEALS", Doc: "How many deals are won."},
			decl.Value{Name: "ACTIVITIES", Doc: "How many activities are done."}).Required().Once().Default("REVENUE"),
		decl.Money("amount", "How much, 0 or more, in any currency with a rate; for REVENUE."),
		decl.Int("count", "How many, 0 to 1,000,000; for DEALS and ACTIVITIES.").Unordered(),
	},
}

// Fields returns the columns.
func (SalesTarget) Fields() []ent.Field { return salesTarget.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (SalesTarget) Edges() []ent.Edge { return salesTarget.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (SalesTarget) Indexes() []ent.Index { return salesTarget.Indexes() }

// Annotations returns what the generator reads.
func (SalesTarget) Annotations() []schema.Annotation { return salesTarget.Annotations() }
