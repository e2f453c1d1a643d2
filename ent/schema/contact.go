package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// Contact is a person.
type Contact struct{ ent.Schema }

// channels are the ways to reach a person.
var channels = []decl.Value{
	{Name: "EMAIL", Doc: "By e-mail."},
	{Name: "PHONE", Doc: "By telephone."},
	{Name: "SMS", Doc: "By text message."},
	{Name: "CHAT", Doc: "By a chat service."},
	{Name: "POST", Doc: "By letter."},
	{Name: "FAX", Doc: "By fax."},
}

var contact = decl.Kind{
	Code: 17, Prefix: "cont", Sight: model.ByOwner, Owned: true, Placed: true, Upsert: true, Shareable: true, Self: "contact", FromLead: true, Title: "displayName",
	Person: true, Actions: []string{"MERGE", "EXPORT_PERSONAL_DATA", "ERASE_PERSONAL_DATA"},
	Doc: "A person whom we know, linked to any number of accounts.",
	Members: []*decl.Member{
		decl.Name("given_name", "The given name."),
		decl.Text("middle_name", "Middle names."),
		decl.Name("family_name", "The family name."),
		decl.Name("native_name", "The full name in the person's own script.").Tells(50),
		decl.Name("display_name", "The name to show: given and family name, or else the native one; kept by Farley.").ReadOnly().Tells(50),
		decl.Text("salutation", "How to address the person."),
		decl.Text("title", "The position held."),
		decl.Text("department", "The department."),
		decl.Objects("emails", "ContactEmail", "E-mail addresses; exactly one is primary.").Tells(95),
		decl.Scalar("primary_email", "EmailAddress", "The primary e-mail address; kept by Farley.").ReadOnly().Indexed(),
		decl.Objects("phones", "ContactPhone", "Telephone numbers; at most one is primary.").Tells(70),
		decl.Scalar("primary_phone", "PhoneNumber", "The primary telephone number; kept by Farley.").ReadOnly().Indexed(),
		decl.Objects("addresses", "Address", "Postal addresses, the main one first; a write replaces the list."),
		decl.Objects("social_profiles", "SocialProfile", "Profiles in social networks."),
		decl.Date("birthday", "The day of birth.").Sensitive(),
		decl.Scalar("locale", "Locale", "The language of letters and documents."),
		decl.Scalar("time_zone", "TimeZone", "The IANA time zone of the person."),
		decl.Enum("preferred_channel", "Channel", "How the person wants to be reached.", channels...),
		decl.Bool("do_not_contact", "The person does not want to be contacted for marketing at all."),
		decl.Text("gender", "Gender, as told.").Sensitive(),
		decl.Text("education", "Education.").Sensitive(),
		decl.Text("occupation", "Occupation.").Sensitive(),
		decl.Text("income_band", "Band of income.").Sensitive(),
		decl.Text("household", "Household.").Sensitive(),
		decl.Text("source", "Where the contact came from."),
		decl.LongText("description", "Anything worth knowing."),
		decl.Objects("custom_fields", "CustomFieldValue", "Values of the fields that the firm has added; a write replaces the list.").MaxLen(200),
		decl.Degrees("latitude", 90, "Degrees north of the first address that says it; kept by Farley.").ReadOnly(),
		decl.Degrees("longitude", 180, "Degrees east of the first address that says it; kept by Farley.").ReadOnly(),
		decl.DateTime("last_activity_at", "When somebody last dealt with the person; kept by Farley.").ReadOnly(),
		decl.Ref("referred_by", Contact.Type, "Who brought the person to us.").Plain(),
		decl.Links("accounts", "Account", "AccountContact", "contact", "account", "The accounts the person belongs to.").NotWritten(),
		decl.Many("account_contacts", "AccountContact", "contact", "How the person belongs to accounts, with role and dates."),
		decl.Links("opportunities", "Opportunity", "OpportunityContact", "contact", "opportunity", "The deals in which the person has a part.").NotWritten(),
		decl.Many("opportunity_contacts", "OpportunityContact", "contact", "What part the person has in deals."),
		decl.Many("preferences", "Preference", "contact", "What the person would like."),
		decl.Many("needs", "Need", "contact", "What the person needs."),
		decl.Many("consents", "Consent", "contact", "To what the person said yes and no; the newest one counts."),
		decl.Many("location_events", "LocationEvent", "contact", "Where the person's telephone was."),
		decl.Many("leads", "Lead", "convertedContact", "The leads that became the person or were linked."),
		decl.Many("relationships_from", "Relationship", "fromContact", "What the person is to others."),
		decl.Many("relationships_to", "Relationship", "toContact", "What others are to the person."),
		decl.Many("notes", "Note", "contact", "Notes on the person."),
		decl.Many("activities", "Activity", "contact", "What was and will be done with the person."),
		decl.Many("conversations", "Conversation", "contact", "What users say about it."),
		decl.Many("participations", "ActivityParticipant", "contact", "In which activities the person takes part beside those."),
		decl.Links("tags", "Tag", "Tagging", "record", "tag", "Tags on the person."),
	},
}

// Fields returns the columns.
func (Contact) Fields() []ent.Field { return contact.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Contact) Edges() []ent.Edge { return contact.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Contact) Indexes() []ent.Index {
	return append(contact.Indexes(), index.Fields("deleted_at", "latitude", "longitude", "id"))
}

// Annotations returns what the generator reads.
func (Contact) Annotations() []schema.Annotation { return contact.Annotations() }
