package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// LocationEvent is where a person's device was.
type LocationEvent struct{ ent.Schema }

var locationEvent = decl.Kind{
	Code: 31, Prefix: "loce", Sight: model.ByParents, Parents: []string{"contact"}, Self: "ref:contact", Title: "id", About: []string{"contact"}, GoesAlong: true,
	Doc: "Where a person's telephone was; only with consent, and kept no longer than the firm's retention says.",
	Members: []*decl.Member{
		decl.Ref("contact", Contact.Type, "The person.").Required().Once(),
		decl.Degrees("latitude", 90, "Degrees north.").Required().Once().Sensitive(),
		decl.Degrees("longitude", 180, "Degrees east.").Required().Once().Sensitive(),
		decl.Int("accuracy", "How far off it may be, in metres.").Once(),
		decl.DateTime("seen_at", "When it was there; never in the future.").Required().Once(),
		decl.Text("source", "What told us: the name of the application."),
	},
}

// Fields returns the columns.
func (LocationEvent) Fields() []ent.Field { return locationEvent.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (LocationEvent) Edges() []ent.Edge { return locationEvent.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (LocationEvent) Indexes() []ent.Index { return locationEvent.Indexes() }

// Annotations returns what the generator reads.
func (LocationEvent) Annotations() []schema.Annotation { return locationEvent.Annotations() }
