package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// Recurrence says when an activity comes back.
type Recurrence struct{ ent.Schema }

var recurrence = decl.Kind{
	Code: 70, Prefix: "recu", Sight: model.ByParents, Parents: []string{"activity"}, Title: "rule",
	Doc: "When an activity comes back, by a rule of RFC 5545 on the clocks of a time zone: what comes back at 09:00 comes back at 09:00. Made and changed by repeatActivity and editSeries.",
	Members: []*decl.Member{
		decl.Ref("activity", Activity.Type, "The activity that comes back.").Required().ReadOnly(),
		decl.Scalar("rule", "String", "The rule (RRULE) without \"RRULE:\", in its canonical form: \"FREQ=WEEKLY;BYDAY=MO\".").Required().MaxLen(500).ReadOnly(),
		decl.Scalar("time_zone", "TimeZone", "The IANA time zone of its clocks.").Required().ReadOnly(),
		decl.Scalar("first", "String", "The first time, on the clocks of the zone: \"20261123T090000\".").Required().MaxLen(20).ReadOnly(),
		decl.Int("duration_seconds", "How long each time lasts, in seconds; 0 for what is due.").ReadOnly(),
		decl.List("exclusions", "String", "Times that do not take place, or are activities of their own (EXDATE), on the clocks of the zone; at most 1,000.").MaxLen(1000).Unfiltered().ReadOnly(),
		decl.DateTime("last_at", "When the last time begins; null for a series without end.").ReadOnly(),
		decl.Many("exceptions", "Activity", "exceptionOf", "The activities that stand in the place of single times."),
	},
}

// Fields returns the columns.
func (Recurrence) Fields() []ent.Field { return recurrence.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Recurrence) Edges() []ent.Edge { return recurrence.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Recurrence) Indexes() []ent.Index {
	return append(recurrence.Indexes(), index.Fields("activity_id", "deleted_at", "last_at", "id"))
}

// Annotations returns what the generator reads.
func (Recurrence) Annotations() []schema.Annotation { return recurrence.Annotations() }
