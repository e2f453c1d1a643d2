package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// Branch is an outlet or office of the firm.
type Branch struct{ ent.Schema }

var branch = decl.Kind{
	Code: 38, Prefix: "bran", Plural: "branches", Sight: model.Reference, Upsert: true, Title: "name",
	Doc: "An outlet or regional office of the firm. Records and users belong to branches; the scope BRANCH covers one's own.",
	Members: []*decl.Member{
		decl.Name("name", "The name.").Required(),
		decl.Scalar("code", "String", "The firm's own number or code of it.").MaxLen(60).Unique(),
		decl.Objects("addresses", "Address", "Postal addresses, the main one first; a write replaces the list."),
		decl.Text("city", "The city of the first address; kept by Farley.").ReadOnly(),
		decl.Scalar("country", "CountryCode", "The country of the first address; kept by Farley.").ReadOnly(),
		decl.List("phones", "PhoneNumber", "Telephone numbers, E.164, the main one first."),
		decl.Scalar("time_zone", "TimeZone", "The IANA time zone of its days."),
		decl.Ref("manager", User.Type, "Who leads it.").Plain(),
		decl.Many("members", "User", "branch", "The users who work at it."),
	},
}

// Fields returns the columns.
func (Branch) Fields() []ent.Field { return branch.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (Branch) Edges() []ent.Edge { return branch.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (Branch) Indexes() []ent.Index { return branch.Indexes() }

// Annotations returns what the generator reads.
func (Branch) Annotations() []schema.Annotation { return branch.Annotations() }
