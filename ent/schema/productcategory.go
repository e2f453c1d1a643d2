package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// ProductCategory is a place in the tree of products.
type ProductCategory struct{ ent.Schema }

var productCategory = decl.Kind{
	Code: 46, Prefix: "pcat", Plural: "productCategories", Sight: model.Reference, Upsert: true, Kept: true, Title: "name",
	Doc: "A place in the tree of products.",
	Members: []*decl.Member{
		decl.Name("name", "The name.").Required(),
		decl.LongText("description", "What belongs there."),
		decl.Ref("parent", ProductCategory.Type, "The category above it; never in a circle.").Plain().Acyclic(),
		decl.Many("children", "ProductCategory", "parent", "The categories directly below it."),
		decl.Many("products", "Product", "category", "The products directly in it."),
	},
}

// Fields returns the columns.
func (ProductCategory) Fields() []ent.Field { return productCategory.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (ProductCategory) Edges() []ent.Edge { return productCategory.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (ProductCategory) Indexes() []ent.Index { return productCategory.Indexes() }

// Annotations returns what the generator reads.
func (ProductCategory) Annotations() []schema.Annotation { return productCategory.Annotations() }
