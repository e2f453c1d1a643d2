package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// WorkingCalendar says when somebody works.
type WorkingCalendar struct{ ent.Schema }

var workingCalendar = decl.Kind{
	Code: 67, Prefix: "wcal", Sight: model.ByOwner, Owned: true, Title: "name",
	Doc: "When a user, a team or the whole firm works. Of a user counts his own, else that of his team or the closest one above it, else that of the firm, and of several for one the one made last. Without any, working time is Monday to Friday, 09:00 to 17:00, in the user's time zone, or else UTC.",
	Members: []*decl.Member{
		decl.Name("name", "What people call it.").Required(),
		decl.Ref("user", User.Type, "The user whose it is. Without user and team it is that of the firm.").Plain().Once(),
		decl.Ref("for_team", Team.Type, "The team whose it is, for those in it and below it.").Plain().Once(),
		decl.Scalar("time_zone", "TimeZone", "The IANA time zone of its hours.").Required(),
		decl.Objects("hours", "WorkingHours", "The hours of the week, several ranges a day for breaks; none means never. A write replaces the list.").MaxLen(84),
		decl.Objects("holidays", "WorkingHoliday", "Days off that come back every year. A write replaces the list.").MaxLen(366),
		decl.Objects("exceptions", "WorkingException", "Days on which something else holds: absence, or work on a day off. On each day the last one counts. A write replaces the list.").MaxLen(1000),
	},
}

// Fields returns the columns.
func (WorkingCalendar) Fields() []ent.Field { return workingCalendar.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (WorkingCalendar) Edges() []ent.Edge { return workingCalendar.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (WorkingCalendar) Indexes() []ent.Index { return workingCalendar.Indexes() }

// Annotations returns what the generator reads.
func (WorkingCalendar) Annotations() []schema.Annotation { return workingCalendar.Annotations() }
