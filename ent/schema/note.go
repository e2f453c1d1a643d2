package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Note is a remark on a record.
type Note struct{ ent.Schema }

var note = decl.Kind{
	Code: 19, Prefix: "note", Sight: model.ByParents, Parents: []string{"account", "contact", "lead"}, Title: "title", About: []string{"account", "contact", "lead"},
	Doc: "A remark on an account, a contact or a lead, seen by whoever sees what it is about.",
	Members: []*decl.Member{
		decl.Ref("account", Account.Type, "The account it is about.").Once(),
		decl.Ref("contact", Contact.Type, "The contact it is about.").Once(),
		decl.Ref("lead", Lead.Type, "The lead it is about.").Once(),
		decl.Name("title", "A headline."),
		decl.LongText("body", "The text, CommonMark.").Required(),
		decl.Bool("pinned", "Whether it stands above the others."),
	},
}

// Fields returns the columns.
func (Note) Fields() []ent.Field { return note.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Note) Edges() []ent.Edge { return note.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Note) Indexes() []ent.Index { return note.Indexes() }

// Annotations returns what the generator reads.
func (Note) Annotations() []schema.Annotation { return note.Annotations() }
