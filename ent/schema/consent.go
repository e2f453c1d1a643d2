package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Consent is a yes or no of a person to being addressed.
type Consent struct{ ent.Schema }

// purposes are what consents are given for.
var purposes = []decl.Value{
	{Name: "MARKETING", Doc: "Offers and news."},
	{Name: "SERVICE", Doc: "What the business with the person needs."},
	{Name: "SHARING", Doc: "Giving data to partners."},
	{Name: "PROFILING", Doc: "Drawing conclusions from behaviour."},
	{Name: "RESEARCH", Doc: "Surveys."},
}

var consent = decl.Kind{
	Code: 27, Prefix: "csnt", Sight: model.ByParents, Parents: []string{"contact", "lead"}, Self: "ref:contact", Title: "purpose", Lasting: true, About: []string{"contact", "lead"},
	Doc: "A person's yes or no to being addressed by a channel for a purpose. It is never changed and stays: the newest one counts, and of two of one instant the withdrawal.",
	Members: []*decl.Member{
		decl.Ref("contact", Contact.Type, "The person; or else lead.").Once(),
		decl.Enum("channel", "ConsentChannel", "By what.",
			decl.Value{Name: "EMAIL", Doc: "By e-mail."},
			decl.Value{Name: "SMS", Doc: "By text message."},
			decl.Value{Name: "PHONE", Doc: "By telephone."},
			decl.Value{Name: "FAX", Doc: "By fax."},
			decl.Value{Name: "CHAT", Doc: "By a chat service."},
			decl.Value{Name: "SOCIAL", Doc: "In social networks."},
			decl.Value{Name: "POST", Doc: "By letter."},
			decl.Value{Name: "PUSH", Doc: "By notices on a device."},
			decl.Value{Name: "LOCATION", Doc: "By where the person's device is."}).Required().Once(),
		decl.Enum("purpose", "ConsentPurpose", "For what.", purposes...).Required().Once(),
		decl.Enum("status", "ConsentStatus", "The answer.",
			decl.Value{Name: "GRANTED", Doc: "Yes."},
			decl.Value{Name: "WITHDRAWN", Doc: "No, or no longer."}).Required().Once(),
		decl.DateTime("given_at", "When it was given; now unless given; never in the future.").Once(),
		decl.Text("source", "How it reached us: form, call, letter …").Once(),
		decl.LongText("evidence", "What proves it.").Once(),
		decl.Text("remarks", "Anything worth knowing; the one thing that can be changed."),
		decl.Ref("lead", Lead.Type, "The lead; or else contact. The consents of a lead move to the contact that it becomes.").Once(),
	},
}

// Fields returns the columns.
func (Consent) Fields() []ent.Field { return consent.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Consent) Edges() []ent.Edge { return consent.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Consent) Indexes() []ent.Index {
	return append(consent.Indexes(), feeds("given_at", "contact_id")...)
}

// Annotations returns what the generator reads.
func (Consent) Annotations() []schema.Annotation { return consent.Annotations() }
