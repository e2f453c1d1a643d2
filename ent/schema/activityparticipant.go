package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// ActivityParticipant is somebody who takes part in an activity.
type ActivityParticipant struct{ ent.Schema }

var activityParticipant = decl.Kind{
	Code: 66, Prefix: "actp", Sight: model.ByParents, Parents: []string{"activity"}, Once: []string{"activity", "user", "contact"}, Title: "attendance",
	About: []string{"contact"}, GoesAlong: true,
	Doc: "A user or a contact who takes part in an activity. A user who does sees the activity as his own, whatever he answered.",
	Members: []*decl.Member{
		decl.Ref("activity", Activity.Type, "The activity.").Required().Once(),
		decl.Ref("user", User.Type, "The user; or else contact.").Plain().Once(),
		decl.Ref("contact", Contact.Type, "The contact; or else user.").Once(),
		decl.Enum("attendance", "ActivityAttendance", "Whether it goes without him.",
			decl.Value{Name: "REQUIRED", Doc: "He is needed."},
			decl.Value{Name: "OPTIONAL", Doc: "He may come."}).Required().Default("REQUIRED"),
		decl.Enum("response", "ParticipantResponse", "What he answered; users do by respondToActivity. DECLINED does not keep a user busy.",
			decl.Value{Name: "NEEDS_ACTION", Doc: "Nothing yet."},
			decl.Value{Name: "ACCEPTED", Doc: "He comes."},
			decl.Value{Name: "DECLINED", Doc: "He does not come."},
			decl.Value{Name: "TENTATIVE", Doc: "He may come."}).Required().Default("NEEDS_ACTION"),
		decl.DateTime("responded_at", "When he answered; kept by Farley.").ReadOnly(),
		decl.DateTime("invited_at", "When he was last invited by mail; kept by Farley.").ReadOnly().Unordered(),
		decl.DateTime("reply_stamp", "DTSTAMP of the last REPLY that counted.").Internal(),
		decl.DateTime("at", "Where the activity stands in time (Activity.at); kept by Farley. Null for the contact that it is with anyway.").ReadOnly(),
	},
}

// Fields returns the columns.
func (ActivityParticipant) Fields() []ent.Field { return activityParticipant.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (ActivityParticipant) Edges() []ent.Edge { return activityParticipant.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (ActivityParticipant) Indexes() []ent.Index {
	return append(activityParticipant.Indexes(), feeds("at", "contact_id")...)
}

// Annotations returns what the generator reads.
func (ActivityParticipant) Annotations() []schema.Annotation {
	return activityParticipant.Annotations()
}
