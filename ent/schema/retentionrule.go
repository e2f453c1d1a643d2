package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// RetentionRule says how long records, or values in them, are kept.
type RetentionRule struct{ ent.Schema }

var retentionRule = decl.Kind{
	Code: 44, Prefix: "rtnr", Sight: model.Reference, Title: "title",
	Doc: "How long records, or values in them, are kept. A job follows the enabled rules once a day, at midnight UTC; retentionPreview counts what it would do.",
	Members: []*decl.Member{
		decl.Name("title", "What people call it.").Required(),
		decl.LongText("purpose", "For what the data are kept, and why no longer; at most 2,000 characters.").MaxLen(2000),
		decl.Enum("object", "RetentionObject", "The kind of records.",
			decl.Value{Name: "ACCOUNT", Doc: "Accounts. ERASE is for private persons only (customerType PERSON)."},
			decl.Value{Name: "CONTACT", Doc: "Contacts."},
			decl.Value{Name: "LEAD", Doc: "Leads."},
			decl.Value{Name: "NOTE", Doc: "Notes."},
			decl.Value{Name: "ACTIVITY", Doc: "Activities."},
			decl.Value{Name: "NOTIFICATION", Doc: "Notifications."},
			decl.Value{Name: "POST", Doc: "Posts of conversations."},
			decl.Value{Name: "ANNOUNCEMENT", Doc: "Announcements."},
			decl.Value{Name: "RELATIONSHIP", Doc: "Relationships."},
			decl.Value{Name: "PREFERENCE", Doc: "Preferences."},
			decl.Value{Name: "NEED", Doc: "Needs."},
			decl.Value{Name: "STAGE_HISTORY", Doc: "Times that accounts spent in stages."},
			decl.Value{Name: "LOCATION_EVENT", Doc: "Where telephones were."}).Required().Once(),
		decl.Enum("basis", "RetentionBasis", "From when the days are counted. Records without that instant are kept.",
			decl.Value{Name: "CREATED_AT", Doc: "From when the record was made."},
			decl.Value{Name: "UPDATED_AT", Doc: "From when it was last changed."},
			decl.Value{Name: "LAST_ACTIVITY_AT", Doc: "From when somebody last dealt with it, or else from when it was made: accounts, contacts and leads."},
			decl.Value{Name: "DELETED_AT", Doc: "From when it was moved to the bin; for ERASE and CLEAR_FIELDS only. The other bases count live records."},
			decl.Value{Name: "CONVERTED_AT", Doc: "From when it was converted: leads."},
			decl.Value{Name: "COMPLETED_AT", Doc: "From when it was done: activities."},
			decl.Value{Name: "SEEN_AT", Doc: "From when the telephone was there: location events."},
			decl.Value{Name: "LEFT_AT", Doc: "From when the account left the stage: stage histories."}).Required(),
		decl.Int("days", "How many days they are kept, 1 to 36,500.").Required(),
		decl.Enum("action", "RetentionAction", "What is done then.",
			decl.Value{Name: "ERASE", Doc: "Accounts, contacts and leads lose their personal data as by erasePersonalData; other records are removed for good with their history."},
			decl.Value{Name: "DELETE", Doc: "They are moved to the bin, and removed for good from there as all records are. Not for stage histories."},
			decl.Value{Name: "CLEAR_FIELDS", Doc: "The fields are emptied, in the history too."}).Required(),
		decl.List("fields", "String", "The fields to empty, for CLEAR_FIELDS, at most 50: as in the enum of the object's fields; fields that can be set and emptied.").Unfiltered(),
		decl.Enum("without_consent_for", "ConsentPurpose", "Only contacts of whom the newest consent for this purpose, by whatever channel, is no grant, or who gave none.", purposes...),
		decl.Enum("lead_status", "LeadStatus", "Only leads that stand there.", leadStatuses...),
		decl.Bool("except_customers", "Not accounts of the kind CUSTOMER, nor contacts that belong to one now."),
		decl.Bool("enabled", "Whether the job follows it."),
		decl.DateTime("last_run_at", "When the job last followed it; kept by Farley.").ReadOnly(),
		decl.Int("last_count", "To how many records it did something then; kept by Farley.").ReadOnly(),
	},
}

// Fields returns the columns.
func (RetentionRule) Fields() []ent.Field { return retentionRule.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (RetentionRule) Edges() []ent.Edge { return retentionRule.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (RetentionRule) Indexes() []ent.Index { return retentionRule.Indexes() }

// Annotations returns what the generator reads.
func (RetentionRule) Annotations() []schema.Annotation { return retentionRule.Annotations() }
