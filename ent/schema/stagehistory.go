package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/index"

	"farley/internal/decl"
	"farley/internal/model"
)

// StageHistory is a time that an account spent in a stage.
type StageHistory struct{ ent.Schema }

var stageHistory = decl.Kind{
	Code: 30, Prefix: "sthi", Plural: "stageHistories", Sight: model.ByParents, Parents: []string{"account"}, Title: "id", About: []string{"account"},
	Doc: "A time that an account spent in a lifecycle stage; kept by Farley.",
	Members: []*decl.Member{
		decl.Ref("account", Account.Type, "The account.").Required().ReadOnly(),
		decl.Ref("stage", LifecycleStage.Type, "The stage.").Required().ReadOnly(),
		decl.DateTime("entered_at", "When the account entered it.").ReadOnly(),
		decl.DateTime("left_at", "When it left; null while it is there.").ReadOnly(),
		decl.Text("reason", "Why it entered.").ReadOnly(),
	},
}

// Fields returns the columns.
func (StageHistory) Fields() []ent.Field { return stageHistory.Fields() }

// Edges returns the relations that ent keeps foreign keys for.
func (StageHistory) Edges() []ent.Edge { return stageHistory.Edges() }

// Indexes returns the indexes that orders, scopes and relations need.
func (StageHistory) Indexes() []ent.Index {
	return append(append(stageHistory.Indexes(), index.Fields("account_id", "deleted_at", "id")), feeds("entered_at", "account_id")...)
}

// Annotations returns what the generator reads.
func (StageHistory) Annotations() []schema.Annotation { return stageHistory.Annotations() }
