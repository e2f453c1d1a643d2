package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// Notification tells a user of something.
type Notification struct{ ent.Schema }

var notification = decl.Kind{
	Code: 69, Prefix: "noti", Sight: model.ByOwner, Owned: true, ByFarley: true, Private: true, Title: "kind",
	Doc: "Something that a user is told. Its owner is its recipient, and nobody else sees it, whatever his roles say. notificationChanged tells of it live, markNotificationsRead marks it as read.",
	Members: []*decl.Member{
		decl.Enum("kind", "NotificationKind", "What it tells. More come with further areas.",
			decl.Value{Name: "REMINDER", Doc: "A reminder of an activity."},
			decl.Value{Name: "ACTIVITY_DUE", Doc: "An activity of yours is due."},
			decl.Value{Name: "ACTIVITY_ASSIGNED", Doc: "Somebody gave you an activity."},
			decl.Value{Name: "ACTIVITY_RESPONSE", Doc: "Somebody answered whether he comes to an activity of yours."},
			decl.Value{Name: "OPPORTUNITY_STALE", Doc: "A deal of yours has been in its stage for too long, should have been closed by now, or has nothing planned; once for each time that it enters a stage."},
			decl.Value{Name: "MENTIONED", Doc: "Somebody mentioned you in a post or a note."},
			decl.Value{Name: "CONVERSATION", Doc: "Somebody took you into a conversation."},
			decl.Value{Name: "ANNOUNCEMENT", Doc: "Something was announced to you."},
			decl.Value{Name: "CONTACT_DUE", Doc: "It is time to deal with a customer of yours: a task was made for it."}).Required().ReadOnly(),
		decl.AnyID("record", "The record that it is about, which may be out of your sight by now.").ReadOnly(),
		decl.DateTime("occurs_at", "When what it tells of begins or is due; null when it has no time.").ReadOnly(),
		decl.DateTime("read_at", "When it was marked as read; null before.").ReadOnly(),
	},
}

// Fields returns the columns.
func (Notification) Fields() []ent.Field { return notification.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Notification) Edges() []ent.Edge { return notification.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Notification) Indexes() []ent.Index {
	return append(notification.Indexes(), index.Fields("owner_id", "deleted_at", "read_at", "id"))
}

// Annotations returns what the generator reads.
func (Notification) Annotations() []schema.Annotation { return notification.Annotations() }
