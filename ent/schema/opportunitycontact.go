package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// OpportunityContact is the part of a person in a deal.
type OpportunityContact struct{ ent.Schema }

var opportunityContact = decl.Kind{
	Code: 52, Prefix: "opco", Sight: model.ByParents, Parents: []string{"opportunity", "contact"}, Once: []string{"opportunity", "contact"}, Title: "role",
	About: []string{"contact"},
	Doc:   "The part that a person has in a deal.",
	Members: []*decl.Member{
		decl.Ref("opportunity", Opportunity.Type, "The deal.").Required().Once(),
		decl.Ref("contact", Contact.Type, "The person.").Required().Once(),
		decl.Enum("role", "OpportunityRole", "The part.",
			decl.Value{Name: "DECISION_MAKER", Doc: "Decides."},
			decl.Value{Name: "ECONOMIC_BUYER", Doc: "Holds the purse."},
			decl.Value{Name: "INFLUENCER", Doc: "Is listened to."},
			decl.Value{Name: "CHAMPION", Doc: "Wants us to win."},
			decl.Value{Name: "EVALUATOR", Doc: "Looks at what we offer."},
			decl.Value{Name: "USER", Doc: "Will work with it."},
			decl.Value{Name: "OPPONENT", Doc: "Wants us to lose."},
			decl.Value{Name: "OTHER", Doc: "Anything else."}),
		decl.Text("remarks", "Anything worth knowing."),
	},
}

// Fields returns the columns.
func (OpportunityContact) Fields() []ent.Field { return opportunityContact.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (OpportunityContact) Edges() []ent.Edge { return opportunityContact.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (OpportunityContact) Indexes() []ent.Index { return opportunityContact.Indexes() }

// Annotations returns what the generator reads.
func (OpportunityContact) Annotations() []schema.Annotation { return opportunityContact.Annotations() }
