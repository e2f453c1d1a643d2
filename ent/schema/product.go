package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Product is something that we sell.
type Product struct{ ent.Schema }

var product = decl.Kind{
	Code: 47, Prefix: "prod", Sight: model.Reference, Upsert: true, Kept: true, Title: "name",
	Doc: "Something that we sell: a good, a service, a subscription.",
	Members: []*decl.Member{
		decl.Name("name", "What people call it.").Required(),
		decl.Scalar("sku", "String", "The number by which it is kept in stock; no two products have the same, capital letters or not.").Required().Unique().MaxLen(60),
		decl.LongText("description", "What it is."),
		decl.Ref("category", ProductCategory.Type, "Where it stands among the products.").Plain(),
		decl.Text("unit", "In what it is counted: piece, hour, month …"),
		decl.Money("list_price", "The price of one unit before any discount; lines of deals begin with it."),
		decl.Bool("active", "Whether it is sold: new lines take active products only.").Default("true"),
		decl.Many("opportunity_lines", "OpportunityLine", "product", "The lines of deals that offer it."),
	},
}

// Fields returns the columns.
func (Product) Fields() []ent.Field { return product.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Product) Edges() []ent.Edge { return product.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Product) Indexes() []ent.Index { return product.Indexes() }

// Annotations returns what the generator reads.
func (Product) Annotations() []schema.Annotation { return product.Annotations() }
