package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Announcement tells many users something.
type Announcement struct{ ent.Schema }

var announcement = decl.Kind{
	Code: 80, Prefix: "anno", Sight: model.ByOwner, Owned: true, ByFarley: true, Title: "title",
	Participants: &model.Participants{Kind: "AnnouncementReceipt", Record: "announcement", User: "owner"},
	Doc:          "Something that the users of teams or with roles are told; its owner is its author. Seen by them, by its author and by whoever may read those of others. See announce.",
	Members: []*decl.Member{
		decl.Name("title", "What it is about.").Required().ReadOnly(),
		decl.LongText("body", "What it says, CommonMark.").MaxLen(50_000).ReadOnly(),
		decl.Bool("must_read", "Whether everybody has to confirm that he has read it.").ReadOnly(),
		decl.List("teams", "ID", "The teams that are told, those below them included.").ReadOnly().Unfiltered(),
		decl.List("roles", "ID", "The roles whose holders are told.").ReadOnly().Unfiltered(),
		decl.DateTime("last_read_at", "When somebody confirmed last that he has read it; kept by Farley while at most 200 are told.").ReadOnly().Unordered(),
		decl.DateTime("ends_at", "Until when it is news: it is not unread any more then. Null for always.").ReadOnly().Unordered(),
	},
}

// Fields returns the columns.
func (Announcement) Fields() []ent.Field { return announcement.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Announcement) Edges() []ent.Edge { return announcement.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Announcement) Indexes() []ent.Index { return announcement.Indexes() }

// Annotations returns what the generator reads.
func (Announcement) Annotations() []schema.Annotation { return announcement.Annotations() }
