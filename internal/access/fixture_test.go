package access

import (
	"time"

	"farley/internal/id"
	"farley/internal/model"
)

var testNow = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// Codes of the kinds of the fixture.
const (
	codeUser id.Kind = iota + 1
	codeTeam
	codeAccount
	codeContact
	codeLink
	codeNote
	codeRemark
	codeSession
	codeTag
	codeTicket
	codeLoop
	codeBranch
	codeTerritory
	codeMember
)

func system(name, c, column string, typ model.Type) *model.Field {
	return &model.Field{Name: name, Const: c, Column: column, Type: typ, System: true}
}

func text(name, c string) *model.Field {
	return &model.Field{Name: name, Const: c, Column: name, Type: model.String, Scalar: "String", Write: model.Always, Filter: true, Order: true}
}

func sensitive(name, c, column string) *model.Field {
	f := text(name, c)
	f.Column, f.Sensitive = column, true
	return f
}

func date(name, c, column string) *model.Field {
	f := text(name, c)
	f.Column, f.Type = column, model.Date
	return f
}

func ref(name, c, target string) *model.Field {
	return &model.Field{Name: name, Const: c, Column: name + "_id", Type: model.Ref, Target: target, Write: model.Always, Filter: true}
}

func many(name, c, target, back string) *model.Field {
	return &model.Field{Name: name, Const: c, Type: model.Many, Target: target, Back: back, Filter: true}
}

func owned(fields ...*model.Field) []*model.Field {
	return append([]*model.Field{
		system("id", "ID", "id", model.ID), system("version", "VERSION", "version", model.Int),
		ref("owner", "OWNER", "User"), ref("team", "TEAM", "Team"), ref("partner", "PARTNER", "Account"),
	}, fields...)
}

// placed are owned fields, and those of records that have a place.
func placed(fields ...*model.Field) []*model.Field {
	return append(owned(ref("branch", "BRANCH", "Branch"), ref("territory", "TERRITORY", "Territory")), fields...)
}

// fixture has one kind for every way of being in sight.
func fixture() *model.Set {
	secret := text("secret", "SECRET")
	secret.Internal = true
	once := text("origin", "ORIGIN")
	once.Write = model.OnCreate
	kept := text("score", "SCORE")
	kept.Write = model.Never
	return model.NewSet(
		&model.Kind{Name: "User", Const: "USER", Code: codeUser, Table: "users", Sight: model.ByUser, Self: "user", Fields: []*model.Field{
			system("id", "ID", "id", model.ID), text("name", "NAME"), sensitive("birthday", "BIRTHDAY", "birthday"), secret, ref("branch", "BRANCH", "Branch"),
		}},
		&model.Kind{Name: "Branch", Const: "BRANCH", Code: codeBranch, Table: "branches", Sight: model.Reference, Fields: []*model.Field{
			system("id", "ID", "id", model.ID), text("name", "NAME"),
		}},
		&model.Kind{Name: "Territory", Const: "TERRITORY", Code: codeTerritory, Table: "territories", Sight: model.Reference, Fields: []*model.Field{
			system("id", "ID", "id", model.ID), text("name", "NAME"),
		}},
		&model.Kind{Name: "Team", Const: "TEAM", Code: codeTeam, Table: "teams", Sight: model.Reference, Fields: []*model.Field{
			system("id", "ID", "id", model.ID), text("name", "NAME"),
		}},
		&model.Kind{Name: "Tag", Const: "TAG", Code: codeTag, Table: "tags", Sight: model.Reference, Fields: []*model.Field{
			system("id", "ID", "id", model.ID), text("name", "NAME"),
		}},
		&model.Kind{
			Name: "Account", Const: "ACCOUNT", Code: codeAccount, Table: "accounts", Owned: true, Placed: true, Shareable: true,
			Self: "accounts", PartnerSelf: true, Actions: []string{"MERGE"},
			Fields: placed(text("name", "NAME"), text("phone", "PHONE"), sensitive("taxNumber", "TAX_NUMBER", "tax_number"), once, kept,
				many("contacts", "CONTACTS", "Contact", "account"), many("notes", "NOTES", "Note", "account")),
		},
		&model.Kind{
			Name: "Contact", Const: "CONTACT", Code: codeContact, Table: "contacts", Owned: true, Placed: true, Shareable: true, Self: "contact",
			Participants: &model.Participants{Kind: "Member", Record: "contact", User: "user", From: "fromDate", To: "toDate"},
			Fields:       placed(text("name", "NAME"), sensitive("birthday", "BIRTHDAY", "birthday"), ref("account", "ACCOUNT", "Account")),
		},
		&model.Kind{
			Name: "Member", Const: "MEMBER", Code: codeMember, Table: "members", Sight: model.ByParents, Parents: []string{"contact"},
			Fields: []*model.Field{
				system("id", "ID", "id", model.ID), ref("contact", "CONTACT", "Contact"), ref("user", "USER", "User"),
				date("fromDate", "FROM_DATE", "from_date"), date("toDate", "TO_DATE", "to_date"),
			},
		},
		&model.Kind{
			Name: "Link", Const: "LINK", Code: codeLink, Table: "links", Sight: model.ByParents, Parents: []string{"account", "contact"},
			Fields: []*model.Field{system("id", "ID", "id", model.ID), text("name", "NAME"), ref("account", "ACCOUNT", "Account"), ref("contact", "CONTACT", "Contact")},
		},
		&model.Kind{
			Name: "Note", Const: "NOTE", Code: codeNote, Table: "notes", Sight: model.ByParents, Owned: true, Shareable: true,
			Parents: []string{"account", "contact"},
			Fields:  owned(text("name", "NAME"), ref("account", "ACCOUNT", "Account"), ref("contact", "CONTACT", "Contact")),
		},
		&model.Kind{
			Name: "Remark", Const: "REMARK", Code: codeRemark, Table: "remarks", Sight: model.ByParents, Parents: []string{"link", "note", "tag"},
			Fields: []*model.Field{system("id", "ID", "id", model.ID), text("name", "NAME"), ref("link", "LINK", "Link"), ref("note", "NOTE", "Note"), ref("tag", "TAG", "Tag")},
		},
		&model.Kind{
			Name: "Session", Const: "SESSION", Code: codeSession, Table: "sessions", Sight: model.ByParents, Parents: []string{"user"},
			Fields: []*model.Field{system("id", "ID", "id", model.ID), text("name", "NAME"), ref("user", "USER", "User")},
		},
		&model.Kind{
			Name: "Ticket", Const: "TICKET", Code: codeTicket, Table: "tickets", Owned: true, Self: "ref:contact",
			Fields: owned(text("name", "NAME"), ref("contact", "CONTACT", "Contact")),
		},
		&model.Kind{
			Name: "Loop", Const: "LOOP", Code: codeLoop, Table: "loops", Sight: model.ByParents, Parents: []string{"loop"},
			Fields: []*model.Field{system("id", "ID", "id", model.ID), text("name", "NAME"), ref("loop", "LOOP", "Loop")},
		},
	)
}

func allow(object, action, scope string) Permission { return Permission{object, action, scope} }

func level(object, field string, l Level) FieldLevel { return FieldLevel{object, field, l} }
