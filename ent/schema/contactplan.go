package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// ContactPlan says how often customers are to be dealt with.
type ContactPlan struct{ ent.Schema }

var contactPlan = decl.Kind{
	Code: 82, Prefix: "cpln", Sight: model.ByOwner, Owned: true, Title: "name",
	Doc: "How often somebody is to deal with the accounts it chooses, among those that its owner sees. A job looks once a day, at midnight UTC, and gives the owner of each account that is due a task; once until somebody has dealt with it.",
	Members: []*decl.Member{
		decl.Name("name", "What people call it.").Required(),
		decl.Int("every_days", "After how many days without dealing with it an account is due, 1 to 3,660.").Required(),
		decl.Bool("active", "Whether tasks are made by it.").Default("true"),
		decl.Ref("lifecycle", LifecycleStage.Type, "Only accounts in this stage of their life.").Plain(),
		decl.Ref("tag", Tag.Type, "Only accounts with this tag.").Plain(),
		decl.Enum("customer_type", "CustomerType", "Only accounts of this sort.", customerTypes...),
		decl.Text("industry", "Only accounts in this line of business, told in the same words."),
		decl.Text("subject", "What the tasks say; the name of the plan unless given."),
		decl.DateTime("last_run_at", "When the job last followed it; kept by Farley.").ReadOnly().Unordered(),
		decl.Int("last_count", "How many tasks it made then; kept by Farley.").ReadOnly().Unordered(),
	},
}

// Fields returns the columns.
func (ContactPlan) Fields() []ent.Field { return contactPlan.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (ContactPlan) Edges() []ent.Edge { return contactPlan.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (ContactPlan) Indexes() []ent.Index { return contactPlan.Indexes() }

// Annotations returns what the generator reads.
func (ContactPlan) Annotations() []schema.Annotation { return contactPlan.Annotations() }
