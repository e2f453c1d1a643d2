package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// CompetitorProfile is what is known of a competitor.
type CompetitorProfile struct{ ent.Schema }

var competitorProfile = decl.Kind{
	Code: 58, Prefix: "cprf", Sight: model.ByParents, Parents: []string{"account"}, Title: "id",
	About: []string{"account"},
	Doc:   "What is known of a competitor on a day, and where from. winRates by COMPETITOR says how often deals are won against it.",
	Members: []*decl.Member{
		decl.Ref("account", Account.Type, "The competitor: an account with the kind COMPETITOR.").Required().Once(),
		decl.Date("as_of", "The day as of which it is known; not in the future.").Required(),
		decl.Text("source", "Where it is known from.").Required(),
		decl.LongText("products", "What it sells."),
		decl.LongText("prices", "What it asks for it."),
		decl.LongText("campaigns", "How it advertises."),
		decl.LongText("strengths", "What speaks for it."),
		decl.LongText("weaknesses", "What speaks against it."),
		decl.LongText("battle_card", "What to say and to ask when it is after the same deal."),
	},
}

// Fields returns the columns.
func (CompetitorProfile) Fields() []ent.Field { return competitorProfile.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (CompetitorProfile) Edges() []ent.Edge { return competitorProfile.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (CompetitorProfile) Indexes() []ent.Index { return competitorProfile.Indexes() }

// Annotations returns what the generator reads.
func (CompetitorProfile) Annotations() []schema.Annotation { return competitorProfile.Annotations() }
