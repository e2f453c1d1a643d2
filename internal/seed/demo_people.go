package seed

import (
	"farley/internal/id"
	"farley/internal/input"
)

type demoTeam struct{ key, name, parent, lead string }

// demoTeams are the firm's teams, those above first. A lead is a key of demoUsers.
var demoTeams = []demoTeam{
	{"root", "Cedar & Palm Trading", "", "administrator"},
	{"riyadh", "Riyadh", "root", "sales_manager"},
	{"dubai", "Dubai", "root", "dubai_manager"},
	{"london", "London", "root", "london_manager"},
}

// demoUser is a user of the firm. The key of a role's own user is that of the role.
type demoUser struct{ key, name, role, team, manager, kind, email, locale, zone string }

// demoUsers are the firm's users, managers before those who report to them.
var demoUsers = []demoUser{
	{key: "administrator", name: "Huda Al-Otaibi", team: "root", locale: "ar", zone: riyadh},
	{key: "finance", name: "راشد العامري", team: "root", manager: "administrator", locale: "ar", zone: riyadh},
	{key: "auditor", name: "Graham Ellis", team: "root", manager: "administrator", locale: "en", zone: london},
	{key: "sales_manager", name: "فيصل الحربي", team: "riyadh", manager: "administrator", locale: "ar", zone: riyadh},
	{key: "sales_rep", name: "نورة القحطاني", team: "riyadh", manager: "sales_manager", locale: "ar", zone: riyadh},
	{key: "abdullah", name: "Abdullah Al-Shehri", role: "sales_rep", team: "riyadh", manager: "sales_manager", email: "abdullah.alshehri", locale: "ar", zone: riyadh},
	{key: regionalManager, name: "سلمان الدوسري", role: regionalManager, team: "root", manager: "administrator", email: "regional.manager", locale: "ar", zone: riyadh},
	{key: "documents_clerk", name: "Yusuf Karim", team: "riyadh", manager: "sales_manager", locale: "ar", zone: riyadh},
	{key: "dubai_manager", name: "طارق المزروعي", role: "sales_manager", team: "dubai", manager: "administrator", email: "tariq.almazrouei", locale: "ar", zone: dubai},
	{key: "reem", name: "Reem Nasser", role: "sales_rep", team: "dubai", manager: "dubai_manager", email: "reem.nasser", locale: "ar", zone: dubai},
	{key: "daniel", name: "Daniel Fernandes", role: "sales_rep", team: "dubai", manager: "dubai_manager", email: "daniel.fernandes", locale: "en", zone: dubai},
	{key: "service_manager", name: "Omar Haddad", team: "dubai", manager: "dubai_manager", locale: "en", zone: dubai},
	{key: "service_agent", name: "ليلى منصور", team: "dubai", manager: "service_manager", locale: "ar", zone: dubai},
	{key: "call_centre_supervisor", name: "Khalid Al-Suwaidi", team: "dubai", manager: "service_manager", locale: "ar", zone: dubai},
	{key: "loyalty_manager", name: "Mariam Al-Falasi", team: "dubai", manager: "dubai_manager", locale: "ar", zone: dubai},
	{key: "london_manager", name: "James Okafor", role: "sales_manager", team: "london", manager: "administrator", email: "james.okafor", locale: "en", zone: london},
	{key: "olivia", name: "Olivia Bennett", role: "sales_rep", team: "london", manager: "london_manager", email: "olivia.bennett", locale: "en", zone: london},
	{key: "thomas", name: "Thomas Adeyemi", role: "sales_rep", team: "london", manager: "london_manager", email: "thomas.adeyemi", locale: "en", zone: london},
	{key: "customer_success", name: "Emma Whitfield", team: "london", manager: "london_manager", locale: "en", zone: london},
	{key: "marketing", name: "Sophie Carter", team: "london", manager: "london_manager", locale: "en", zone: london},
	{key: "legal", name: "Charlotte Hughes", team: "london", manager: "london_manager", locale: "en", zone: london},
	{key: "integration", name: "Bookkeeping connector", kind: "SERVICE"},
	{key: "partner", name: "حسن بركات", kind: "PARTNER", locale: "ar", zone: dubai},
	{key: "dina", name: "Dina Barakat", role: "partner", kind: "PARTNER", email: "dina.barakat", locale: "en", zone: dubai},
	{key: "portal_customer", name: portalName, kind: "PORTAL", locale: "en", zone: dubai},
}

// sellers own the accounts, in the order in which they are given them.
var sellers = []string{
	"sales_manager", "sales_rep", "abdullah", "dubai_manager", "reem", "daniel", "london_manager", "olivia", "thomas", "customer_success",
}

// user returns the input that makes a user.
func (f *firm) user(u *demoUser) input.Object {
	role, email := u.role, u.email+"@demo.example"
	if role == "" {
		role, email = u.key, DemoEmail(u.key)
	}
	held := f.roles[role]
	if role == regionalManager {
		held = f.regional
	}
	in := input.Object{
		"id": f.users[u.key].String(), "email": email, "name": u.name, "kind": "STAFF", "roles": []any{held.String()},
	}
	if u.kind != "" {
		in["kind"] = u.kind
	}
	for field, x := range map[string]id.ID{"team": f.teams[u.team], "manager": f.users[u.manager], "branch": f.branchOf(u.key)} {
		if !x.IsZero() {
			in[field] = x.String()
		}
	}
	if u.zone != "" {
		in["locale"], in["timeZone"] = u.locale, u.zone
	}
	switch u.kind {
	case "PARTNER":
		in["partnerAccount"] = f.partner.String()
	case "PORTAL":
		in["contact"] = f.portal.String()
	}
	return in
}

// teamOf returns the team of a user.
func (f *firm) teamOf(user string) id.ID {
	for _, u := range demoUsers {
		if u.key == user {
			return f.teams[u.team]
		}
	}
	return id.ID{}
}
