package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// Opportunity is a deal that might be made.
type Opportunity struct{ ent.Schema }

var opportunity = decl.Kind{
	Code: 50, Prefix: "oppo", Plural: "opportunities", Sight: model.ByOwner, Owned: true, Placed: true, Upsert: true, Shareable: true, FromLead: true, Title: "name",
	About: []string{"account"}, Actions: []string{"MERGE"},
	Doc: "A deal that might be made with an account. It goes from stage to stage by moveOpportunity; a closed one changes only after reopenOpportunity, but for owner, team, partner, branch, territory, notes and tags. A new one lies in the territory of its account unless one is given.",
	Members: []*decl.Member{
		decl.Name("name", "What people call it.").Required(),
		decl.Ref("account", Account.Type, "With whom.").Required().Plain(),
		decl.Ref("pipeline", Pipeline.Type, "The pipeline in which it is: that of its stage. A new deal enters the first one unless it names one, or a stage.").Once().Plain(),
		decl.Ref("stage", Stage.Type, "The stage in which it is. A new deal enters the first one unless it names another; later moveOpportunity changes it, and what repeats an outside system: upsertOpportunity and imports, by the same rules. updateOpportunity cannot.").Plain(),
		decl.Enum("status", "OpportunityStatus", "Where it stands: the kind of its stage; kept by Farley.",
			decl.Value{Name: "OPEN", Doc: "Under way."},
			decl.Value{Name: "WON", Doc: "Won."},
			decl.Value{Name: "LOST", Doc: "Lost."}).Required().Default("OPEN").ReadOnly(),
		decl.Money("amount", "What it is worth, 0 or more: the sum of its lines while there are any, or as entered."),
		decl.Money("expected_revenue", "Amount × probability, rounded half away from zero at the minor unit; kept by Farley.").ReadOnly(),
		decl.Int("probability", "How likely it is won, in percent, 0 to 100; that of the stage when it enters one, and when it is emptied."),
		decl.Enum("forecast_category", "ForecastCategory", "How sure it is counted; that of the stage when it enters one, and when it is emptied.", forecastCategories...),
		decl.Date("close_date", "The day on which it is expected to be closed."),
		decl.Enum("type", "OpportunityType", "What sort of business it is.",
			decl.Value{Name: "NEW", Doc: "With a new customer, or something new."},
			decl.Value{Name: "RENEWAL", Doc: "The same again."},
			decl.Value{Name: "UPSELL", Doc: "More of the same, or better."},
			decl.Value{Name: "CROSS_SELL", Doc: "Something else, to a customer."}),
		decl.Text("source", "Where it came from.").Impersonal(),
		decl.Text("campaign", "The campaign that brought it.").Impersonal(),
		decl.Text("next_step", "What is to be done next."),
		decl.Text("reason", "Why it was won or lost; given when it is moved there, needed for LOST. Null while it is open."),
		decl.LongText("description", "Anything worth knowing."),
		decl.DateTime("opened_at", "When it was begun: the instant at which it was made unless another, not in the future, is given then, or it is closed at an earlier one. Its history begins here.").Once().Unordered(),
		decl.DateTime("stage_entered_at", "When it entered the stage; kept by Farley.").ReadOnly(),
		decl.DateTime("closed_at", "When it was won or lost; null while it is open. It is the instant of the move unless another, not in the future, is given with it."),
		decl.Money("closed_amount", "Of a closed deal the amount in reporting currency, at the rate of when it was closed: later rates do not change it. Null while it is open, and when there was no rate.").Unordered().ReadOnly(),
		decl.Scalar("closing_rate", "String", "Of a closed deal with an amount: the rate at which it was converted.").Internal(),
		decl.Objects("custom_fields", "CustomFieldValue", "Values of the fields that the firm has added; a write replaces the list.").MaxLen(200),
		decl.DateTime("last_activity_at", "When somebody last dealt with it; kept by Farley.").ReadOnly(),
		decl.Many("lines", "OpportunityLine", "opportunity", "What is offered."),
		decl.Links("contacts", "Contact", "OpportunityContact", "opportunity", "contact", "The people who have a part in it.").NotWritten(),
		decl.Many("opportunity_contacts", "OpportunityContact", "opportunity", "What part people have in it."),
		decl.Many("competitors", "OpportunityCompetitor", "opportunity", "Who else is after it."),
		decl.Many("splits", "OpportunitySplit", "opportunity", "For whom it counts by incentive plans, beside the owner."),
		decl.Many("steps", "OpportunityStep", "opportunity", "Its history: one row for every change of stage, amount, probability, close date or category."),
		decl.Many("leads", "Lead", "convertedOpportunity", "The leads that became it or were linked to it."),
		decl.Many("activities", "Activity", "opportunity", "What was and will be done for it."),
		decl.Many("conversations", "Conversation", "opportunity", "What users say about it."),
		decl.Many("notes", "Note", "opportunity", "Notes on it."),
		decl.Links("tags", "Tag", "Tagging", "record", "tag", "Tags on it."),
	},
}

// Fields returns the columns.
func (Opportunity) Fields() []ent.Field { return opportunity.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Opportunity) Edges() []ent.Edge { return opportunity.Edges() }

// Indexes returns the indexes that orders, scopes, relations, timelines, boards and forecasts need.
func (Opportunity) Indexes() []ent.Index {
	is := append(opportunity.Indexes(), index.Fields("status", "deleted_at", "close_date", "id"), index.Fields("status", "deleted_at", "closed_at", "id"))
	return append(is, append(feeds("created_at", "account_id"), feeds("closed_at", "account_id")...)...)
}

// Annotations returns what the generator reads.
func (Opportunity) Annotations() []schema.Annotation { return opportunity.Annotations() }
