package seed_test

import (
	"context"
	"strings"
	"testing"

	"farley/internal/access"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/seed"
	"farley/internal/viewer"
)

// asRole has somebody with one shipped role act.
func asRole(ctx context.Context, set *model.Set, key string) context.Context {
	v := viewer.Viewer{User: id.New(set.Kind("User").Code, noon), Kind: viewer.Staff}
	return access.With(ctx, &access.Actor{Viewer: v, Policy: access.Compile(set, []access.Role{seed.Roles(set)[key]})})
}

func TestRoles_scopes(t *testing.T) {
	t.Parallel()
	set := model.Kinds()
	// Scopes of CREATE READ UPDATE DELETE, - for NONE.
	table := map[string]map[string]string{
		"administrator":          {"ACCOUNT": "ALL ALL ALL ALL", "ROLE": "ALL ALL ALL ALL", "ROLE_GRANT": "ALL ALL ALL ALL", "USER": "ALL ALL ALL ALL", "SHARE": "ALL ALL ALL ALL", "TAGGING": "- - - -"},
		"sales_manager":          {"ACCOUNT": "TEAM SHARED SHARED TEAM", "CONTACT": "TEAM SHARED SHARED TEAM", "ACCOUNT_CONTACT": "TEAM SHARED TEAM TEAM", "NOTE": "ALL SHARED TEAM TEAM", "TAG": "ALL ALL ALL ALL", "SHARE": "TEAM TEAM TEAM TEAM", "USER": "- ALL - -", "ROLE": "- - - -"},
		"sales_rep":              {"CUSTOM_FIELD": "- ALL - -", "ACCOUNT": "TEAM SHARED SHARED OWN", "CONTACT": "TEAM SHARED SHARED OWN", "ACCOUNT_CONTACT": "TEAM SHARED TEAM OWN", "NOTE": "ALL SHARED OWN OWN", "TAG": "- ALL - -", "SHARE": "OWN OWN OWN OWN", "USER": "- ALL - -", "TEAM": "- ALL - -", "ROLE_GRANT": "- - - -"},
		"service_manager":        {"ACCOUNT": "- ALL SHARED -", "CONTACT": "ALL ALL ALL TEAM", "ROLE": "- - - -"},
		"service_agent":          {"ACCOUNT": "- ALL - -", "CONTACT": "ALL ALL ALL -", "SHARE": "OWN OWN OWN OWN"},
		"call_centre_supervisor": {"ACCOUNT": "- ALL - -", "CONTACT": "ALL ALL ALL TEAM", "SHARE": "TEAM TEAM TEAM TEAM"},
		"customer_success":       {"ACCOUNT": "- SHARED SHARED -", "CONTACT": "TEAM SHARED SHARED -", "SHARE": "OWN OWN OWN OWN"},
		"marketing":              {"ACCOUNT": "- ALL - -", "CONTACT": "ALL ALL ALL -", "TAG": "ALL ALL ALL ALL", "SHARE": "- - - -"},
		"loyalty_manager":        {"ACCOUNT": "- ALL - -", "CONTACT": "- ALL ALL -", "TAG": "ALL ALL ALL ALL"},
		"documents_clerk":        {"ACCOUNT": "- ALL ALL -", "CONTACT": "- ALL ALL -"},
		"finance":                {"ACCOUNT": "- ALL ALL -", "CONTACT": "- ALL - -", "TAG": "- ALL - -"},
		"legal":                  {"ACCOUNT": "- ALL ALL -", "CONTACT": "- ALL ALL -", "SHARE": "- ALL - -"},
		"auditor":                {"ACCOUNT": "- ALL - -", "CONTACT": "- ALL - -", "NOTE": "- ALL - -", "USER": "- ALL - -", "ROLE": "- ALL - -", "ROLE_GRANT": "- ALL - -", "SHARE": "- ALL - -"},
		"integration":            {"ACCOUNT": "ALL ALL ALL ALL", "CONTACT": "ALL ALL ALL ALL", "TAG": "ALL ALL ALL ALL", "USER": "- ALL - -", "TEAM": "- ALL - -", "BRANCH": "ALL ALL ALL ALL", "TERRITORY": "- ALL - -", "ROLE": "- - - -", "ROLE_GRANT": "- - - -", "SHARE": "OWN ALL OWN OWN"},
		"partner":                {"CUSTOM_FIELD": "- - - -", "ACCOUNT": "- PARTNER - -", "CONTACT": "- PARTNER PARTNER -", "ACCOUNT_CONTACT": "- PARTNER - -", "NOTE": "ALL PARTNER - -", "USER": "- PARTNER - -", "TEAM": "- - - -", "TAG": "- - - -", "SHARE": "- - - -", "ROLE": "- - - -"},
		"portal_customer":        {"ACCOUNT": "- SELF - -", "CONTACT": "- SELF SELF -", "USER": "- SELF - -", "NOTE": "- - - -", "ACCOUNT_CONTACT": "- - - -", "TEAM": "- - - -", "TAG": "- - - -"},
	}
	for key, objects := range map[string]map[string]string{
		"sales_manager":   {"LEAD": "TEAM SHARED SHARED TEAM", "ACCOUNT_TEAM_MEMBER": "TEAM SHARED TEAM TEAM", "CONSENT": "TEAM SHARED TEAM -", "LIFECYCLE_STAGE": "- ALL - -", "STAGE_HISTORY": "- SHARED - -"},
		"sales_rep":       {"LEAD": "TEAM SHARED SHARED OWN", "ACCOUNT_TEAM_MEMBER": "OWN SHARED OWN OWN", "PREFERENCE": "TEAM SHARED TEAM OWN", "CONSENT": "TEAM SHARED TEAM -"},
		"service_agent":   {"LEAD": "ALL ALL - -", "CONSENT": "ALL ALL ALL -", "NEED": "ALL ALL ALL OWN"},
		"marketing":       {"LEAD": "ALL ALL ALL -", "PREFERENCE": "ALL ALL ALL ALL", "CONSENT": "ALL ALL ALL -", "ACCOUNT_TEAM_MEMBER": "- ALL - -"},
		"legal":           {"CONSENT": "ALL ALL ALL -", "LEAD": "- ALL - -", "RETENTION_RULE": "ALL ALL ALL ALL"},
		"partner":         {"LEAD": "PARTNER PARTNER PARTNER -", "CONSENT": "- - - -", "ACCOUNT_TEAM_MEMBER": "- - - -", "LIFECYCLE_STAGE": "- - - -"},
		"portal_customer": {"LEAD": "- - - -", "PREFERENCE": "SELF SELF SELF SELF", "NEED": "SELF SELF SELF SELF", "CONSENT": "SELF SELF - -", "STAGE_HISTORY": "- - - -"},
		"auditor":         {"LEAD": "- ALL - -", "CONSENT": "- ALL - -", "STAGE_HISTORY": "- ALL - -"},
	} {
		for object, want := range objects {
			table[key][object] = want
		}
	}
	roles := seed.Roles(set)
	if len(table) != len(roles) {
		t.Errorf("%d roles in the table, %d shipped", len(table), len(roles))
	}
	for key, objects := range table {
		p := access.Compile(set, []access.Role{roles[key]})
		for object, want := range objects {
			var got []string
			for _, action := range []string{access.Create, access.Read, access.Update, access.Delete} {
				got = append(got, strings.ReplaceAll(p.Scopes(set.Kind(object), action).String(), "NONE", "-"))
			}
			if s := strings.Join(got, " "); s != want {
				t.Errorf("%s on %s: %s, want %s", key, object, s, want)
			}
		}
	}
}

func TestRoles_onlyTheAdministratorManages(t *testing.T) {
	t.Parallel()
	set := model.Kinds()
	for key, r := range seed.Roles(set) {
		p := access.Compile(set, []access.Role{r})
		manages := p.May("USER", "MANAGE_USERS")
		for _, object := range []string{"USER", "TEAM", "TERRITORY", "ROLE", "ROLE_GRANT"} {
			for _, action := range []string{access.Create, access.Update, access.Delete} {
				manages = manages || p.May(object, action)
			}
		}
		if manages != (key == "administrator") {
			t.Errorf("%s manages users: %v", key, manages)
		}
		if p.May("ROLE", access.Read) != (key == "administrator" || key == "auditor") {
			t.Errorf("%s reads roles: %v", key, !(key == "administrator" || key == "auditor"))
		}
		if p.May("USER", "READ_AUDIT") != (key == "administrator" || key == "auditor") {
			t.Errorf("%s reads the audit trail: %v", key, !(key == "administrator" || key == "auditor"))
		}
	}
}

func TestRoles_whoConvertsLeads(t *testing.T) {
	t.Parallel()
	set := model.Kinds()
	want := map[string]access.Scopes{"administrator": access.All, "integration": access.All, "sales_manager": access.Team, "sales_rep": access.Team}
	for key, r := range seed.Roles(set) {
		if got := access.Compile(set, []access.Role{r}).Scopes(set.Kind("Lead"), "CONVERT_LEAD"); got != want[key] {
			t.Errorf("%s converts %s, want %s", key, got, want[key])
		}
	}
}

func TestRoles_theAuditorWritesNothing(t *testing.T) {
	t.Parallel()
	set := model.Kinds()
	for _, p := range seed.Roles(set)["auditor"].Permissions {
		if p.Action != access.Read && p.Action != "READ_AUDIT" {
			t.Errorf("the auditor may %s %s", p.Action, p.Object)
		}
	}
}

// level names what a policy does with a field on some row.
func level(r access.FieldRule) string {
	switch {
	case r.Write|r.Create != access.None:
		return "WRITE"
	case r.Read != access.None:
		return "READ"
	case r.Masked != access.None:
		return "MASKED"
	}
	return "NONE"
}

func TestRoles_fieldLevels(t *testing.T) {
	t.Parallel()
	set := model.Kinds()
	table := []struct{ role, object, field, want string }{
		{"administrator", "ACCOUNT", "TAX_NUMBER", "WRITE"},
		{"administrator", "CONTACT", "BIRTHDAY", "WRITE"},
		{"administrator", "CONTACT", "INCOME_BAND", "WRITE"},
		{"auditor", "ACCOUNT", "TAX_NUMBER", "READ"},
		{"auditor", "CONTACT", "HOUSEHOLD", "READ"},
		{"auditor", "ACCOUNT", "NAME", "READ"},
		{"integration", "ACCOUNT", "TAX_NUMBER", "READ"},
		{"integration", "ACCOUNT", "NAME", "WRITE"},
		{"sales_manager", "ACCOUNT", "TAX_NUMBER", "READ"},
		{"sales_manager", "CONTACT", "BIRTHDAY", "NONE"},
		{"sales_rep", "ACCOUNT", "TAX_NUMBER", "MASKED"},
		{"sales_rep", "ACCOUNT", "ANNUAL_REVENUE", "WRITE"},
		{"sales_rep", "CONTACT", "BIRTHDAY", "NONE"},
		{"service_agent", "ACCOUNT", "TAX_NUMBER", "NONE"},
		{"service_agent", "ACCOUNT", "ANNUAL_REVENUE", "NONE"},
		{"service_agent", "CONTACT", "PHONES", "WRITE"},
		{"service_agent", "CONTACT", "OWNER", "READ"},
		{"service_manager", "ACCOUNT", "ANNUAL_REVENUE", "NONE"},
		{"call_centre_supervisor", "ACCOUNT", "ANNUAL_REVENUE", "NONE"},
		{"customer_success", "ACCOUNT", "TAX_NUMBER", "NONE"},
		{"marketing", "CONTACT", "BIRTHDAY", "READ"},
		{"marketing", "CONTACT", "INCOME_BAND", "NONE"},
		{"marketing", "CONTACT", "OWNER", "READ"},
		{"marketing", "CONTACT", "TERRITORY", "READ"},
		{"service_agent", "CONTACT", "BRANCH", "READ"},
		{"partner", "CONTACT", "BRANCH", "NONE"},
		{"loyalty_manager", "CONTACT", "TAGS", "WRITE"},
		{"loyalty_manager", "CONTACT", "EMAILS", "READ"},
		{"loyalty_manager", "CONTACT", "BIRTHDAY", "READ"},
		{"documents_clerk", "ACCOUNT", "TAX_NUMBER", "READ"},
		{"documents_clerk", "ACCOUNT", "ADDRESSES", "WRITE"},
		{"documents_clerk", "ACCOUNT", "NAME", "READ"},
		{"finance", "ACCOUNT", "TAX_NUMBER", "WRITE"},
		{"finance", "ACCOUNT", "OWNER", "READ"},
		{"finance", "CONTACT", "BIRTHDAY", "NONE"},
		{"legal", "ACCOUNT", "TAX_NUMBER", "READ"},
		{"legal", "CONTACT", "DO_NOT_CONTACT", "WRITE"},
		{"legal", "CONTACT", "PHONES", "READ"},
		{"partner", "ACCOUNT", "PHONES", "READ"},
		{"partner", "ACCOUNT", "TAX_NUMBER", "NONE"},
		{"partner", "ACCOUNT", "ANNUAL_REVENUE", "NONE"},
		{"partner", "ACCOUNT", "DESCRIPTION", "NONE"},
		{"partner", "CONTACT", "PHONES", "WRITE"},
		{"partner", "CONTACT", "OWNER", "READ"},
		{"partner", "CONTACT", "PARTNER", "READ"},
		{"partner", "CONTACT", "BIRTHDAY", "NONE"},
		{"portal_customer", "CONTACT", "PHONES", "WRITE"},
		{"portal_customer", "CONTACT", "FAMILY_NAME", "READ"},
		{"portal_customer", "CONTACT", "BIRTHDAY", "READ"},
		{"portal_customer", "CONTACT", "DESCRIPTION", "NONE"},
		{"portal_customer", "CONTACT", "OWNER", "NONE"},
		{"portal_customer", "ACCOUNT", "NAME", "READ"},
		{"portal_customer", "ACCOUNT", "ANNUAL_REVENUE", "NONE"},
		{"portal_customer", "ACCOUNT", "CONTACTS", "NONE"},
		{"portal_customer", "USER", "TEAM", "NONE"},
		{"portal_customer", "PREFERENCE", "TOPIC", "WRITE"},
		{"portal_customer", "PREFERENCE", "SOURCE", "NONE"},
		{"portal_customer", "CONSENT", "STATUS", "WRITE"},
		{"portal_customer", "CONSENT", "GIVEN_AT", "READ"},
		{"portal_customer", "CONSENT", "EVIDENCE", "NONE"},
		{"partner", "LEAD", "COMPANY", "WRITE"},
		{"partner", "LEAD", "STATUS", "READ"},
		{"partner", "LEAD", "SCORE", "NONE"},
	}
	roles := seed.Roles(set)
	for _, c := range table {
		k := set.Kind(c.object)
		p := access.Compile(set, []access.Role{roles[c.role]})
		if got := level(p.Field(k, k.ByConst(c.field))); got != c.want {
			t.Errorf("%s on %s.%s: %s, want %s", c.role, c.object, c.field, got, c.want)
		}
	}
}

func TestRoles_nameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	set := model.Kinds()
	if err := seed.CheckDefinitions(set); err != nil {
		t.Error(err)
	}
}
