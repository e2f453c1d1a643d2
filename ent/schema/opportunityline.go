package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// OpportunityLine is a line of a deal.
type OpportunityLine struct{ ent.Schema }

var opportunityLine = decl.Kind{
	Code: 51, Prefix: "opln", Sight: model.ByParents, Parents: []string{"opportunity"}, Upsert: true, Title: "name",
	Doc: "A line of a deal: what is offered, how much of it and for what. The amount of the deal is the sum of its lines, which are of one currency.",
	Members: []*decl.Member{
		decl.Ref("opportunity", Opportunity.Type, "The deal.").Required().Once(),
		decl.Ref("product", Product.Type, "The product; none for what is not in the catalogue.").Plain(),
		decl.Name("name", "What is offered; the name of the product unless given."),
		decl.Scalar("quantity", "Decimal", "How much, in the unit of the product: more than 0, at most 1,000,000,000, with at most 6 decimals.").Unfiltered().MaxLen(20).Default("1"),
		decl.Money("unit_price", "The price of one unit, 0 or more; the list price of the product unless given.").Unordered(),
		decl.Scalar("discount", "Decimal", "The discount in percent of the price, 0 to 100, with at most 6 decimals; none unless given.").Unfiltered().MaxLen(20),
		decl.Money("total", "Quantity × unit price less discount, rounded half away from zero at the minor unit; kept by Farley.").Unordered().ReadOnly(),
		decl.Int("position", "Its place among the lines."),
	},
}

// Fields returns the columns.
func (OpportunityLine) Fields() []ent.Field { return opportunityLine.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (OpportunityLine) Edges() []ent.Edge { return opportunityLine.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (OpportunityLine) Indexes() []ent.Index { return opportunityLine.Indexes() }

// Annotations returns what the generator reads.
func (OpportunityLine) Annotations() []schema.Annotation { return opportunityLine.Annotations() }
