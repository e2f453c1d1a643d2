package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Reminder tells somebody of an activity in time.
type Reminder struct{ ent.Schema }

var reminder = decl.Kind{
	Code: 68, Prefix: "remi", Sight: model.ByParents, Parents: []string{"activity"}, Owned: true, Title: "channel",
	Doc: "A reminder of an activity. It reaches its owner once, at its time, while the activity is open and in the owner's sight; it follows the activity when that is moved, and of a series comes for each time.",
	Members: []*decl.Member{
		decl.Ref("activity", Activity.Type, "The activity.").Required().Once(),
		decl.Int("minutes_before", "How many minutes before startAt, or else before dueAt; at most 43,200 (30 days)."),
		decl.DateTime("remind_at", "The instant; or else minutesBefore. When both are given, this counts."),
		decl.Enum("channel", "ReminderChannel", "How it comes.",
			decl.Value{Name: "NOTIFICATION", Doc: "As a notification."},
			decl.Value{Name: "EMAIL", Doc: "As an e-mail."}).Required().Default("NOTIFICATION"),
		decl.DateTime("due_at", "When it comes next; null when it does not any more. Kept by Farley.").ReadOnly(),
		decl.DateTime("fired_at", "The time for which it came last; kept by Farley.").ReadOnly(),
	},
}

// Fields returns the columns.
func (Reminder) Fields() []ent.Field { return reminder.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Reminder) Edges() []ent.Edge { return reminder.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Reminder) Indexes() []ent.Index { return reminder.Indexes() }

// Annotations returns what the generator reads.
func (Reminder) Annotations() []schema.Annotation { return reminder.Annotations() }
