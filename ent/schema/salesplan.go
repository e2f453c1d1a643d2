package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// SalesPlan is what is to be sold to an account, of a product or in a territory.
type SalesPlan struct{ ent.Schema }

var salesPlan = decl.Kind{
	Code: 59, Prefix: "spln", Sight: model.ByOwner, Owned: true, Title: "name", About: []string{"account"},
	Doc: "What is to be sold month by month: to one account, of one product, or in one territory. Its actions are activities; progress says what became of it.",
	Members: []*decl.Member{
		decl.Name("name", "What people call it.").Required(),
		decl.Ref("account", Account.Type, "The account that it is for, with its subsidiaries. Exactly one of account, product and territory is given.").Plain().Once(),
		decl.Ref("product", Product.Type, "The product that it is for.").Plain().Once(),
		decl.Ref("territory", Territory.Type, "The territory that it is for, with those below it.").Plain().Once(),
		decl.Enum("status", "SalesPlanStatus", "Where it stands.",
			decl.Value{Name: "DRAFT", Doc: "It is being made."},
			decl.Value{Name: "ACTIVE", Doc: "It is followed."},
			decl.Value{Name: "CLOSED", Doc: "It is over, or given up."}).Required().Default("DRAFT"),
		decl.Date("first_month", "The first day of its first month.").Required(),
		decl.Date("last_month", "The first day of its last month: at most 36 months in all.").Required(),
		decl.Scalar("currency", "CurrencyCode", "The currency of what is planned, of which there must be a rate; the reporting currency unless given."),
		decl.Objects("months", "SalesPlanMonth", "What is planned, by month; a month without an entry has nothing planned. A write replaces the list.").MaxLen(36),
		decl.LongText("description", "How it is to be reached."),
		decl.Many("actions", "Activity", "salesPlan", "What is to be done for it: who, until when, and whether it is done."),
	},
}

// Fields returns the columns.
func (SalesPlan) Fields() []ent.Field { return salesPlan.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (SalesPlan) Edges() []ent.Edge { return salesPlan.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (SalesPlan) Indexes() []ent.Index { return salesPlan.Indexes() }

// Annotations returns what the generator reads.
func (SalesPlan) Annotations() []schema.Annotation { return salesPlan.Annotations() }
