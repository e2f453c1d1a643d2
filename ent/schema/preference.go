package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Preference is what somebody would like.
type Preference struct{ ent.Schema }

var preference = decl.Kind{
	Code: 25, Prefix: "pref", Sight: model.ByParents, Parents: []string{"contact"}, Self: "ref:contact", Once: []string{"contact", "topic", "product", "channel"}, Title: "topic", About: []string{"contact"}, GoesAlong: true,
	Doc: "What a person would like to hear of, how and how often. The customer may keep it in a portal.",
	Members: []*decl.Member{
		decl.Ref("contact", Contact.Type, "The person.").Required().Once(),
		decl.Name("topic", "What it is about.").Required(),
		decl.Text("product", "The product or product line it is about, as told."),
		decl.Enum("channel", "Channel", "How the person wants to be reached.", channels...),
		decl.Enum("frequency", "PreferenceFrequency", "How often.",
			decl.Value{Name: "NEVER", Doc: "Not at all."},
			decl.Value{Name: "DAILY", Doc: "At most once a day."},
			decl.Value{Name: "WEEKLY", Doc: "At most once a week."},
			decl.Value{Name: "MONTHLY", Doc: "At most once a month."},
			decl.Value{Name: "QUARTERLY", Doc: "At most once a quarter."},
			decl.Value{Name: "ANY", Doc: "As often as there is something."}),
		decl.Scalar("language", "Locale", "In which language."),
		decl.Text("source", "Where it is known from."),
	},
}

// Fields returns the columns.
func (Preference) Fields() []ent.Field { return preference.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Preference) Edges() []ent.Edge { return preference.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Preference) Indexes() []ent.Index { return preference.Indexes() }

// Annotations returns what the generator reads.
func (Preference) Annotations() []schema.Annotation { return preference.Annotations() }
