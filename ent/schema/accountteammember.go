package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"

	"farley/internal/decl"
	"farley/internal/model"
)

// AccountTeamMember is a user who works on an account.
type AccountTeamMember struct{ ent.Schema }

var accountTeamMember = decl.Kind{
	Code: 24, Prefix: "atmb", Sight: model.ByParents, Parents: []string{"account"}, Once: []string{"account", "user", "fromDate", "toDate"}, Title: "role",
	Doc: "A user who takes part in the work on an account: the account and what hangs on it is in sight of the user's scope OWN.",
	Members: []*decl.Member{
		decl.Ref("account", Account.Type, "The account.").Required().Once(),
		decl.Ref("user", User.Type, "The user.").Required().Once(),
		decl.Text("role", "What the user does there: success manager, technician …"),
		decl.Date("from_date", "First day."),
		decl.Date("to_date", "Last day; from the day after, the user no longer takes part."),
	},
}

// Fields returns the columns.
func (AccountTeamMember) Fields() []ent.Field { return accountTeamMember.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (AccountTeamMember) Edges() []ent.Edge { return accountTeamMember.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (AccountTeamMember) Indexes() []ent.Index {
	return append(accountTeamMember.Indexes(), append(feeds("created_at", "account_id"), feeds("to_date", "account_id")...)...)
}

// Annotations returns what the generator reads.
func (AccountTeamMember) Annotations() []schema.Annotation { return accountTeamMember.Annotations() }
