package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// AnnouncementReceipt is a user who is told by an announcement.
type AnnouncementReceipt struct{ ent.Schema }

var announcementReceipt = decl.Kind{
	Code: 81, Prefix: "arec", Sight: model.ByParents, Parents: []string{"announcement"}, Owned: true, ByFarley: true, Private: true, Once: []string{"announcement", "owner"}, Title: "id",
	Doc: "An announcement that you are told, and when you read it. Its owner is who is told, and nobody else sees it; the author of the announcement reads Announcement.readBy.",
	Members: []*decl.Member{
		decl.Ref("announcement", Announcement.Type, "The announcement.").Required().ReadOnly(),
		decl.DateTime("read_at", "When it was read; null before.").ReadOnly().Unordered(),
	},
}

// Fields returns the columns.
func (AnnouncementReceipt) Fields() []ent.Field { return announcementReceipt.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (AnnouncementReceipt) Edges() []ent.Edge { return announcementReceipt.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (AnnouncementReceipt) Indexes() []ent.Index {
	return append(announcementReceipt.Indexes(), index.Fields("announcement_id", "deleted_at", "read_at", "id"), index.Fields("owner_id", "deleted_at", "read_at", "id"))
}

// Annotations returns what the generator reads.
func (AnnouncementReceipt) Annotations() []schema.Annotation {
	return announcementReceipt.Annotations()
}
