package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Share is a record opened to somebody who would not see it otherwise.
type Share struct{ ent.Schema }

var share = decl.Kind{
	Code: 36, Prefix: "shar", Sight: model.ByOwner, Owned: true, Once: []string{"record", "grantee", "level", "fields", "expiresAt"}, Title: "id", About: []string{"record"}, GoesAlong: true,
	Doc: "A record opened to a user, a team, a branch, a territory or a partner account that would not see it otherwise. Deleting it takes effect at once.",
	Members: []*decl.Member{
		decl.AnyID("record", "The shared record: an account, a contact, a lead or an activity.").Required().Once(),
		decl.AnyID("grantee", "With whom: a user, a team, a branch (all who work at it), a territory (its members, and those of the territories above it) or a partner account.").Required().Once(),
		decl.Enum("level", "ShareLevel", "What it allows.",
			decl.Value{Name: "READ", Doc: "Read."},
			decl.Value{Name: "COMMENT", Doc: "Read, and add notes."},
			decl.Value{Name: "EDIT", Doc: "Read, add notes and change, as far as the grantee's roles allow it."}).Required().Default("READ"),
		decl.Choices("fields", "String", "The fields it opens; null for all that the grantee's roles show.").MaxLen(200).Unfiltered(),
		decl.DateTime("expires_at", "When it ends; null for never."),
		decl.Text("reason", "Why it was shared."),
	},
}

// Fields returns the columns.
func (Share) Fields() []ent.Field { return share.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Share) Edges() []ent.Edge { return share.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Share) Indexes() []ent.Index { return share.Indexes() }

// Annotations returns what the generator reads.
func (Share) Annotations() []schema.Annotation { return share.Annotations() }
