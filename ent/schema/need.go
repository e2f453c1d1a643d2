package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Need is something that somebody needs.
type Need struct{ ent.Schema }

var need = decl.Kind{
	Code: 26, Prefix: "need", Sight: model.ByParents, Parents: []string{"contact"}, Self: "ref:contact", Title: "topic", About: []string{"contact"}, GoesAlong: true,
	Doc: "Something that a person needs and we might have. The customer may keep it in a portal.",
	Members: []*decl.Member{
		decl.Ref("contact", Contact.Type, "The person.").Required().Once(),
		decl.Name("topic", "What is needed.").Required(),
		decl.LongText("detail", "In more words."),
		decl.Text("product", "The product or product line that would meet it, as told."),
		decl.Enum("urgency", "NeedUrgency", "How soon.",
			decl.Value{Name: "NOW", Doc: "At once."},
			decl.Value{Name: "SOON", Doc: "Within a quarter."},
			decl.Value{Name: "LATER", Doc: "Some day."}),
		decl.Money("budget", "What there is to spend."),
		decl.Date("wanted_by", "Until when."),
		decl.Date("met_on", "When it was met; null while it is open."),
		decl.Text("source", "Where it is known from."),
	},
}

// Fields returns the columns.
func (Need) Fields() []ent.Field { return need.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Need) Edges() []ent.Edge { return need.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Need) Indexes() []ent.Index { return need.Indexes() }

// Annotations returns what the generator reads.
func (Need) Annotations() []schema.Annotation { return need.Annotations() }
