package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// User is somebody who may sign in.
type User struct{ ent.Schema }

var user = decl.Kind{
	Code: 32, Prefix: "user", Sight: model.ByUser, Upsert: true, Self: "user", Kept: true, Title: "name", About: []string{"contact"}, PersonIf: "kind=PORTAL", Actions: []string{"MANAGE_USERS", "READ_AUDIT", "MANAGE_JOBS"},
	Doc: "Somebody who may sign in: a member of staff, a partner's, a customer in a portal, or a program.",
	Members: []*decl.Member{
		decl.Scalar("email", "EmailAddress", "The address to sign in with.").Required().Unique(),
		decl.Name("name", "The name.").Required(),
		decl.Enum("kind", "UserKind", "What sort of user it is.",
			decl.Value{Name: "STAFF", Doc: "Works for the firm."},
			decl.Value{Name: "PARTNER", Doc: "Works for a partner account."},
			decl.Value{Name: "PORTAL", Doc: "A customer in a portal."},
			decl.Value{Name: "SERVICE", Doc: "A program."}).Required().Default("STAFF"),
		decl.Bool("active", "Whether the user may sign in; ending it ends all sessions.").Default("true"),
		decl.Scalar("locale", "Locale", "The language of messages."),
		decl.Scalar("time_zone", "TimeZone", "The IANA time zone of the user's days."),
		decl.List("skills", "String", "What the user is good at: languages, products, sorts of work. suggestAssignee looks for them."),
		decl.Ref("manager", User.Type, "Whom the user reports to; never in a circle.").Plain().Acyclic(),
		decl.Ref("team", Team.Type, "The team the user belongs to.").Plain(),
		decl.Ref("partner_account", Account.Type, "The partner's account, for PARTNER.").Plain(),
		decl.Ref("contact", Contact.Type, "The customer's contact, for PORTAL.").Plain(),
		decl.Ref("branch", Branch.Type, "The branch the user works at.").Plain(),
		decl.DateTime("last_seen_at", "When the user last signed in; kept by Farley.").ReadOnly(),
		decl.Scalar("password_hash", "String", "The argon2id hash of the password.").Internal(),
		decl.DateTime("tokens_since", "Outside tokens issued earlier no longer count.").Internal(),
		decl.Many("reports", "User", "manager", "Who reports to the user directly."),
		decl.Links("roles", "Role", "RoleGrant", "user", "role", "The user's roles."),
		decl.Links("territories", "Territory", "TerritoryMember", "user", "territory", "The territories the user works in.").NotWritten(),
	},
}

// Fields returns the columns.
func (User) Fields() []ent.Field { return user.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (User) Edges() []ent.Edge { return user.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (User) Indexes() []ent.Index { return user.Indexes() }

// Annotations returns what the generator reads.
func (User) Annotations() []schema.Annotation { return user.Annotations() }
