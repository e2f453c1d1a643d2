package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// IncentiveEntry is a row of the ledger of incentives.
type IncentiveEntry struct{ ent.Schema }

var incentiveEntry = decl.Kind{
	Code: 73, Prefix: "ient", Plural: "incentiveEntries", Sight: model.ByOwner, Owned: true, ByFarley: true, Kept: true, Title: "id",
	Doc: "What somebody gets by an incentive plan for a deal, and what is taken back when the deal is reopened or deleted: a row of a ledger that is written by Farley, and never changed or deleted. It is seen by the user as an own record.",
	Members: []*decl.Member{
		decl.Ref("plan", IncentivePlan.Type, "The plan.").Required().Plain().ReadOnly(),
		decl.Ref("user", User.Type, "Who gets it.").Required().Plain().ReadOnly(),
		decl.Ref("opportunity", Opportunity.Type, "The deal; one with entries stays in the bin for good.").Required().Plain().ReadOnly(),
		decl.DateTime("occurred_at", "When the deal was won; of a reversal, when it was reopened or deleted.").Required().ReadOnly(),
		decl.Date("period_starts_on", "The first day of the month, quarter or year of the plan in which it was reached.").Required().Unordered().ReadOnly(),
		decl.Scalar("share", "Decimal", "Which share of the deal it is for, in percent.").Unfiltered().MaxLen(20).ReadOnly(),
		decl.Money("basis_amount", "What that share is worth, in the currency of the plan; below 0 in a reversal. Null where the amount of the deal is not known.").Unordered().ReadOnly(),
		decl.Money("amount", "What the user gets, in the currency of the plan; below 0 in a reversal.").ReadOnly(),
		decl.Objects("steps", "IncentiveStep", "How the amount comes about; in a reversal, how what is taken back had come about.").MaxLen(1000).ReadOnly(),
		decl.Ref("reversal_of", IncentiveEntry.Type, "The entry that it takes back; null when it is none.").Plain().ReadOnly(),
		decl.Int("measure", "How much of the basis it is: minor units, or millionths of deals; below 0 in a reversal.").Internal(),
		decl.Int("reached", "Where the highest step ends, in the same measure.").Internal(),
	},
}

// Fields returns the columns.
func (IncentiveEntry) Fields() []ent.Field { return incentiveEntry.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (IncentiveEntry) Edges() []ent.Edge { return incentiveEntry.Edges() }

// Indexes returns the indexes that orders and scopes need, statements, what somebody has reached, and what is taken back.
func (IncentiveEntry) Indexes() []ent.Index {
	return append(incentiveEntry.Indexes(), index.Fields("user_id", "deleted_at", "occurred_at", "id"), index.Fields("plan_id", "user_id", "period_starts_on"),
		index.Fields("opportunity_id"), index.Fields("reversal_of_id"))
}

// Annotations returns what the generator reads.
func (IncentiveEntry) Annotations() []schema.Annotation { return incentiveEntry.Annotations() }
