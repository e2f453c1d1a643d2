package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// Lead is somebody who might become a customer.
type Lead struct{ ent.Schema }

// leadStatuses are where leads stand.
var leadStatuses = []decl.Value{
	{Name: "NEW", Doc: "Nobody has dealt with it."},
	{Name: "WORKING", Doc: "Somebody deals with it."},
	{Name: "QUALIFIED", Doc: "It is worth converting."},
	{Name: "DISQUALIFIED", Doc: "Nothing will come of it; statusReason says why."},
	{Name: "CONVERTED", Doc: "Account, contact or opportunity have been made of it."},
}

var lead = decl.Kind{
	Code: 22, Prefix: "lead", Sight: model.ByOwner, Owned: true, Placed: true, Upsert: true, Shareable: true, Title: "displayName",
	Person: true, About: []string{"convertedContact", "convertedAccount"},
	Actions: []string{"CONVERT_LEAD", "MERGE", "EXPORT_PERSONAL_DATA", "ERASE_PERSONAL_DATA"},
	Doc:     "A person or company that might become a customer, as told. convertLead makes account, contact and opportunity of it.",
	Members: []*decl.Member{
		decl.Name("given_name", "The given name."),
		decl.Name("family_name", "The family name."),
		decl.Name("native_name", "The full name in the person's own script."),
		decl.Name("company", "The company, as told."),
		decl.Name("display_name", "The name to show: the person's, or else the company's; kept by Farley.").ReadOnly().Tells(40),
		decl.Text("title", "The position held."),
		decl.List("emails", "EmailAddress", "E-mail addresses, the main one first.").Tells(95),
		decl.Scalar("primary_email", "EmailAddress", "The first e-mail address; kept by Farley.").ReadOnly().Indexed(),
		decl.List("phones", "PhoneNumber", "Telephone numbers, E.164, the main one first.").Tells(70),
		decl.Scalar("primary_phone", "PhoneNumber", "The first telephone number; kept by Farley.").ReadOnly().Indexed(),
		decl.Scalar("website", "URL", "The company's web site."),
		decl.Scalar("domain", "String", "The domain of the web site without www, in lower case; kept by Farley.").ReadOnly().Tells(20).As("DOMAIN"),
		decl.Objects("addresses", "Address", "Postal addresses, the main one first; a write replaces the list."),
		decl.Text("city", "The city of the first address; kept by Farley.").ReadOnly(),
		decl.Scalar("country", "CountryCode", "The country of the first address; kept by Farley.").ReadOnly(),
		decl.Text("industry", "The line of business, as told."),
		decl.Int("employees", "Number of people employed, as told."),
		decl.Money("annual_revenue", "Revenue in a year, as told."),
		decl.Text("source", "Where it came from."),
		decl.Text("campaign", "The campaign that brought it."),
		decl.Enum("rating", "LeadRating", "How promising it looks.",
			decl.Value{Name: "HOT", Doc: "Ready to buy."},
			decl.Value{Name: "WARM", Doc: "Interested."},
			decl.Value{Name: "COLD", Doc: "Not now."}),
		decl.Int("score", "How promising it is in numbers; larger is better."),
		decl.Enum("status", "LeadStatus", "Where it stands. From NEW to WORKING, QUALIFIED or DISQUALIFIED; from WORKING to NEW, QUALIFIED or DISQUALIFIED; from QUALIFIED to WORKING or DISQUALIFIED; from DISQUALIFIED to NEW or WORKING; any other step is a CONFLICT. To CONVERTED only by convertLead, and for good: a converted lead takes notes and tags only.", leadStatuses...).Required().Default("NEW"),
		decl.Text("status_reason", "Why it stands there; needed for DISQUALIFIED."),
		decl.Bool("queued", "Whether it waits in the queue of its team, which it needs then: it has no owner until somebody takes it by takeLead, or is made the owner."),
		decl.Scalar("locale", "Locale", "The language of the person."),
		decl.LongText("description", "Anything worth knowing."),
		decl.Objects("custom_fields", "CustomFieldValue", "Values of the fields that the firm has added; a write replaces the list.").MaxLen(200),
		decl.DateTime("last_activity_at", "When somebody last dealt with it; kept by Farley.").ReadOnly(),
		decl.DateTime("converted_at", "When it was converted.").ReadOnly(),
		decl.Ref("converted_by", User.Type, "Who converted it.").Plain().ReadOnly(),
		decl.Ref("converted_account", Account.Type, "The account that it became or was linked to.").Plain().ReadOnly(),
		decl.Ref("converted_contact", Contact.Type, "The contact that it became or was linked to.").Plain().ReadOnly(),
		decl.Ref("converted_opportunity", Opportunity.Type, "The deal that it became or was linked to.").Plain().ReadOnly(),
		decl.Many("consents", "Consent", "lead", "To what the person said yes and no; the newest one counts."),
		decl.Many("notes", "Note", "lead", "Notes on it."),
		decl.Many("activities", "Activity", "lead", "What was and will be done with it."),
		decl.Many("conversations", "Conversation", "lead", "What users say about it."),
		decl.Links("tags", "Tag", "Tagging", "record", "tag", "Tags on it."),
	},
}

// Fields returns the columns.
func (Lead) Fields() []ent.Field { return lead.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Lead) Edges() []ent.Edge { return lead.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Lead) Indexes() []ent.Index {
	is := append(lead.Indexes(), index.Fields("converted_account_id", "deleted_at", "id"), index.Fields("converted_contact_id", "deleted_at", "id"), index.Fields("domain", "deleted_at"), index.Fields("converted_opportunity_id", "deleted_at", "id"))
	return append(is, feeds("converted_at", "converted_account_id", "converted_contact_id", "converted_opportunity_id")...)
}

// Annotations returns what the generator reads.
func (Lead) Annotations() []schema.Annotation { return lead.Annotations() }
