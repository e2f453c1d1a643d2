package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// Activity is something that people do with customers, or will.
type Activity struct{ ent.Schema }

var activity = decl.Kind{
	Code: 65, Prefix: "actv", Plural: "activities", Sight: model.ByOwner, Owned: true, Upsert: true, Shareable: true, Title: "subject",
	About:        []string{"account", "contact", "lead", "opportunity"},
	Participants: &model.Participants{Kind: "ActivityParticipant", Record: "activity", User: "user"},
	Doc:          "A call, meeting, task, visit or message: planned, under way or done. Users who take part in it see it as they see their own ones.",
	Members: []*decl.Member{
		decl.Enum("kind", "ActivityKind", "What sort of activity it is.",
			decl.Value{Name: "CALL", Doc: "A telephone call."},
			decl.Value{Name: "MEETING", Doc: "A meeting, from startAt to endAt."},
			decl.Value{Name: "TASK", Doc: "Something to be done by dueAt."},
			decl.Value{Name: "VISIT", Doc: "A visit, from startAt to endAt."},
			decl.Value{Name: "EMAIL", Doc: "An e-mail."},
			decl.Value{Name: "SMS", Doc: "A text message."},
			decl.Value{Name: "FAX", Doc: "A fax."},
			decl.Value{Name: "LETTER", Doc: "A letter."},
			decl.Value{Name: "CHAT", Doc: "A conversation in a chat service."},
			decl.Value{Name: "NOTE", Doc: "Something that was written down."}).Required(),
		decl.Name("subject", "What it is about.").Required(),
		decl.LongText("description", "What is to be known about it."),
		decl.Enum("direction", "ActivityDirection", "Who turned to whom.",
			decl.Value{Name: "INBOUND", Doc: "They turned to us."},
			decl.Value{Name: "OUTBOUND", Doc: "We turned to them."}),
		decl.Enum("status", "ActivityStatus", "Where it stands. From PLANNED to IN_PROGRESS, DONE or CANCELLED; from IN_PROGRESS to PLANNED, DONE or CANCELLED; from DONE to PLANNED; from CANCELLED to PLANNED; any other step is a CONFLICT.",
			decl.Value{Name: "PLANNED", Doc: "It is to come."},
			decl.Value{Name: "IN_PROGRESS", Doc: "Somebody is at it."},
			decl.Value{Name: "DONE", Doc: "It was done."},
			decl.Value{Name: "CANCELLED", Doc: "It does not take place."}).Required().Default("PLANNED"),
		decl.Enum("priority", "ActivityPriority", "How urgent it is.",
			decl.Value{Name: "LOW", Doc: "It can wait."},
			decl.Value{Name: "NORMAL", Doc: "As it comes."},
			decl.Value{Name: "HIGH", Doc: "Before others."},
			decl.Value{Name: "URGENT", Doc: "At once."}).Required().Default("NORMAL"),
		decl.DateTime("start_at", "When it begins; needed for MEETING and VISIT, not for TASK. Of a series, the first time."),
		decl.DateTime("end_at", "When it ends, after startAt and at most 62 days later; needed for MEETING and VISIT, not for TASK."),
		decl.DateTime("due_at", "By when it has to be done; not for MEETING and VISIT."),
		decl.Scalar("time_zone", "TimeZone", "The IANA time zone in which it was planned; needed for allDay, and for a series.").Impersonal(),
		decl.Bool("all_day", "Whether it takes whole days: startAt and endAt are midnights of timeZone, endAt that behind the last day."),
		decl.Bool("shows_as_free", "Whether who takes part in it counts as free meanwhile."),
		decl.Text("location", "Where it takes place."),
		decl.Enum("outcome", "ActivityOutcome", "What came of it.",
			decl.Value{Name: "REACHED", Doc: "We spoke with whom we wanted."},
			decl.Value{Name: "NO_ANSWER", Doc: "Nobody answered."},
			decl.Value{Name: "LEFT_MESSAGE", Doc: "A message was left."},
			decl.Value{Name: "NO_SHOW", Doc: "They did not come."},
			decl.Value{Name: "INTERESTED", Doc: "They are interested."},
			decl.Value{Name: "NOT_INTERESTED", Doc: "They are not interested."},
			decl.Value{Name: "AGREED", Doc: "Something was agreed."},
			decl.Value{Name: "POSTPONED", Doc: "It was put off."},
			decl.Value{Name: "COMPLETED", Doc: "What was to be done is done."},
			decl.Value{Name: "OTHER", Doc: "Anything else; result says what."}),
		decl.LongText("result", "What came of it, in words; of a cancelled one, why."),
		decl.Int("duration_minutes", "How long it took, in minutes."),
		decl.DateTime("completed_at", "When it was done; kept by Farley.").ReadOnly(),
		decl.Ref("completed_by", User.Type, "Who said that it was done; kept by Farley.").Plain().ReadOnly(),
		decl.DateTime("at", "Where it stands in time: when it began, or was done without a beginning; before that, when it begins or is due; else when it was made. Kept by Farley.").ReadOnly(),
		decl.Ref("account", Account.Type, "The account that it is with."),
		decl.Ref("contact", Contact.Type, "The person that it is with; others take part (participants)."),
		decl.Ref("lead", Lead.Type, "The lead that it is with."),
		decl.Ref("opportunity", Opportunity.Type, "The deal that it is for."),
		decl.Ref("follow_up_of", Activity.Type, "The activity that it follows.").Plain().Acyclic(),
		decl.AnyID("resulted_in", "The record that came of it: an order, an invoice, a complaint …"),
		decl.Ref("recurrence", Recurrence.Type, "The series, of which it is what comes back; null when it happens once. See repeatActivity.").Plain().ReadOnly(),
		decl.Ref("exception_of", Recurrence.Type, "The series of which it is one time that is otherwise than the others.").Plain().ReadOnly().Indexed(),
		decl.Scalar("occurrence", "String", "The time of the series in whose place it stands, on the clocks of the series' zone: \"20261123T090000\".").MaxLen(20).ReadOnly(),
		decl.Ref("contact_plan", ContactPlan.Type, "The plan by which it was made.").Plain().ReadOnly(),
		decl.Ref("sales_plan", SalesPlan.Type, "The sales plan of which it is an action.").Plain(),
		decl.Scalar("calendar_uid", "String", "By what calendar programs know it (UID of RFC 5545), when it was imported from one; kept by Farley.").MaxLen(250).ReadOnly(),
		decl.Int("calendar_sequence", "How often its invitation was changed (SEQUENCE of RFC 5545); kept by Farley.").ReadOnly().Unordered(),
		decl.Objects("custom_fields", "CustomFieldValue", "Values of the fields that the firm has added; a write replaces the list.").MaxLen(200),
		decl.Many("participants", "ActivityParticipant", "activity", "Who takes part in it beside owner and contact."),
		decl.Many("reminders", "Reminder", "activity", "Your reminders of it."),
		decl.Many("follow_ups", "Activity", "followUpOf", "The activities that follow it."),
		decl.Many("notes", "Note", "activity", "Notes on it."),
		decl.Many("conversations", "Conversation", "activity", "What users say about it."),
		decl.Links("tags", "Tag", "Tagging", "record", "tag", "Tags on it."),
	},
}

// Fields returns the columns.
func (Activity) Fields() []ent.Field { return activity.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Activity) Edges() []ent.Edge { return activity.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Activity) Indexes() []ent.Index { return activityIndexes() }

// Annotations returns what the generator reads.
func (Activity) Annotations() []schema.Annotation { return activity.Annotations() }

// activityIndexes has, beside the indexes of every kind, those of timelines, agendas and due notices.
func activityIndexes() []ent.Index {
	is := append(activity.Indexes(), feeds("at", "account_id", "contact_id", "lead_id", "opportunity_id")...)
	return append(is, index.Fields("owner_id", "deleted_at", "start_at", "id"), index.Fields("owner_id", "deleted_at", "due_at", "id"),
		decl.Sparse("team_id", "deleted_at", "start_at", "id"), decl.Sparse("team_id", "deleted_at", "due_at", "id"),
		index.Fields("recurrence_id", "deleted_at", "id"), index.Fields("follow_up_of_id", "deleted_at", "at", "id"),
		index.Fields("calendar_uid", "owner_id"), index.Fields("contact_plan_id", "account_id", "created_at"))
}
