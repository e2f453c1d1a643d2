package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Pipeline is a way that deals go.
type Pipeline struct{ ent.Schema }

var pipeline = decl.Kind{
	Code: 48, Prefix: "pipe", Sight: model.Reference, Kept: true, Title: "name",
	Doc: "A way that deals go, from stage to stage. One that has deals, be they in the bin, cannot be deleted.",
	Members: []*decl.Member{
		decl.Name("name", "The name.").Required().Unique(),
		decl.LongText("description", "For which deals it is."),
		decl.Int("position", "Its place in the order of pipelines; deals that name none enter the first one that is not archived."),
		decl.Bool("archived", "Whether deals can no longer enter it."),
		decl.Many("stages", "Stage", "pipeline", "Its stages."),
		decl.Many("opportunities", "Opportunity", "pipeline", "The deals in it."),
	},
}

// Fields returns the columns.
func (Pipeline) Fields() []ent.Field { return pipeline.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Pipeline) Edges() []ent.Edge { return pipeline.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Pipeline) Indexes() []ent.Index { return pipeline.Indexes() }

// Annotations returns what the generator reads.
func (Pipeline) Annotations() []schema.Annotation { return pipeline.Annotations() }
