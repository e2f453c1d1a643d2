package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// LifecycleStep is an allowed step between two stages.
type LifecycleStep struct{ ent.Schema }

var lifecycleStep = decl.Kind{
	Code: 29, Prefix: "lstp", Sight: model.Reference, Title: "id", Link: true,
	Doc: "One allowed step from a stage to another; written through the stage's next.",
	Members: []*decl.Member{
		decl.Ref("stage", LifecycleStage.Type, "The stage left.").Required().Once().Plain(),
		decl.Ref("next", LifecycleStage.Type, "The stage entered.").Required().Once().Plain(),
	},
}

// Fields returns the columns.
func (LifecycleStep) Fields() []ent.Field { return lifecycleStep.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (LifecycleStep) Edges() []ent.Edge { return lifecycleStep.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (LifecycleStep) Indexes() []ent.Index { return lifecycleStep.Indexes() }

// Annotations returns what the generator reads.
func (LifecycleStep) Annotations() []schema.Annotation { return lifecycleStep.Annotations() }
