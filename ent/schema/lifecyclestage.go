package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// LifecycleStage is a step in the life of a customer.
type LifecycleStage struct{ ent.Schema }

var lifecycleStage = decl.Kind{
	Code: 28, Prefix: "life", Sight: model.Reference, Title: "name",
	Doc: "A step in the life of a customer, from first contact to the end and back.",
	Members: []*decl.Member{
		decl.Name("name", "The name.").Required().Unique(),
		decl.Enum("phase", "LifecyclePhase", "What part of a customer's life it belongs to.",
			decl.Value{Name: "START", Doc: "Becoming a customer."},
			decl.Value{Name: "KEEP", Doc: "Being one."},
			decl.Value{Name: "WIN_BACK", Doc: "Drifting away, or gone and courted."},
			decl.Value{Name: "END", Doc: "No longer one."}).Required(),
		decl.Int("position", "Its place in the order of stages."),
		decl.LongText("description", "What it means."),
		decl.Bool("archived", "Whether accounts can no longer enter it."),
		decl.Bool("after_won", "Whether accounts enter it when a deal with them is won: the first such stage, by position, that is not archived and may follow the present one. Those in a stage of the phase KEEP stay there."),
		decl.Links("next", "LifecycleStage", "LifecycleStep", "stage", "next", "The stages that may follow; none for any."),
	},
}

// Fields returns the columns.
func (LifecycleStage) Fields() []ent.Field { return lifecycleStage.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (LifecycleStage) Edges() []ent.Edge { return lifecycleStage.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (LifecycleStage) Indexes() []ent.Index { return lifecycleStage.Indexes() }

// Annotations returns what the generator reads.
func (LifecycleStage) Annotations() []schema.Annotation { return lifecycleStage.Annotations() }
