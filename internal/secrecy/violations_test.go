package secrecy_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/input"
)

// badInput is an input with everything wrong at once, and what is said of it.
type badInput struct {
	name, document string
	vars           farleytest.Vars
	want           []string
}

func badInputs() []badInput {
	return []badInput{
		{
			name: "account", document: `mutation($long: String!, $absent: ID!, $firm: ID!) { createAccount(input: {
				name: $long, legalName: $long, website: "ftp://x.example", phones: ["12"], emails: ["a@example.com", "nobody"], customerSince: "2026-02-30", employees: -1,
				annualRevenue: {amount: "1.005", currency: "USD"}, currency: "XQX", locale: "not a tag!", timeZone: "Mars/Base", source: "a\u0001b",
				addresses: [{country: "XX", latitude: 91, longitude: 0}, {latitude: 3}, {street: $long, city: $long}],
				owner: "acct_0", parent: $firm, tags: [$absent, "x"], kinds: [CUSTOMER]
			}) { account { id } } }`,
			want: []string{
				"input.name TOO_LONG", "input.legalName TOO_LONG", "input.website FORMAT", "input.phones.0 FORMAT", "input.emails.1 FORMAT", "input.customerSince FORMAT",
				"input.employees RANGE", "input.annualRevenue.amount FORMAT", "input.currency FORMAT", "input.locale FORMAT", "input.timeZone FORMAT", "input.source FORMAT",
				"input.addresses.0.country FORMAT", "input.addresses.0.latitude RANGE", "input.addresses.1.latitude REQUIRED", "input.addresses.2.street TOO_LONG",
				"input.addresses.2.city TOO_LONG", "input.owner FORMAT", "input.parent NOT_FOUND", "input.tags.0 NOT_FOUND", "input.tags.1 FORMAT",
			},
		},
		{
			name: "account without a name", document: `mutation { createAccount(input: {name: "  "}) { account { id } } }`, want: []string{"input.name REQUIRED"},
		},
		{
			name: "account that takes its name away", document: `mutation { updateAccount(id: "ACCOUNT", input: {name: null, website: "x y"}) { account { id } } }`,
			want: []string{"input.name REQUIRED", "input.website FORMAT"},
		},
		{
			name: "currency", document: `mutation { createAccount(input: {name: "x", annualRevenue: {amount: "1", currency: "USD1"}}) { account { id } } }`,
			want: []string{"input.annualRevenue.currency FORMAT"},
		},
		{
			name: "circle of two", document: `mutation { updateAccount(id: "ACCOUNT", input: {parent: "CHILD"}) { account { id } } }`, want: []string{"input.parent CYCLE"},
		},
		{
			name: "circle of one", document: `mutation { updateAccount(id: "ACCOUNT", input: {parent: "ACCOUNT"}) { account { id } } }`, want: []string{"input.parent CYCLE"},
		},
		{
			name: "id of another kind", document: `mutation { createAccount(input: {id: "CONTACT", name: "x", owner: "ACCOUNT", parent: "CONTACT"}) { account { id } } }`,
			want: []string{"input.id FORMAT", "input.owner FORMAT", "input.parent FORMAT"},
		},
		{
			name: "contact", document: `mutation($long: String!) { createContact(input: {
				emails: [{address: "a@example.com", primary: true}, {address: "b@example.com", primary: true}, {address: "b@"}],
				phones: [{number: "+966112003000", primary: true}, {number: "+966112003001", primary: true}, {number: "x"}],
				socialProfiles: [{network: "", handle: $long}], birthday: "yesterday", title: $long
			}) { contact { id } } }`,
			want: []string{
				"input.emails.2.address FORMAT", "input.emails.1.primary TAKEN", "input.phones.2.number FORMAT", "input.phones.1.primary TAKEN",
				"input.socialProfiles.0.network REQUIRED", "input.socialProfiles.0.handle TOO_LONG", "input.birthday FORMAT", "input.title TOO_LONG",
			},
		},
		{
			name: "contact without any name", document: `mutation { createContact(input: {title: "x"}) { contact { id } } }`, want: []string{"input.familyName REQUIRED"},
		},
		{
			name: "user", document: `mutation($absent: ID!, $role: ID!) { createUser(input: {email: "nobody", name: " ", kind: PARTNER, locale: "?", timeZone: "Local", manager: $absent, roles: [$role]}) { user { id } } }`,
			want: []string{
				"input.email FORMAT", "input.name REQUIRED", "input.locale FORMAT", "input.timeZone FORMAT", "input.manager FORMAT", "input.partnerAccount REQUIRED", "input.roles.0 NOT_FOUND",
			},
		},
		{
			name: "manager of himself", document: `mutation { updateUser(id: "USER", input: {manager: "USER", email: "x@example.com"}) { user { id } } }`, want: []string{"input.manager CYCLE"},
		},
		{
			name: "manager in a circle", document: `mutation { updateUser(id: "BOSS", input: {manager: "USER"}) { user { id } } }`, want: []string{"input.manager CYCLE"},
		},
		{
			name: "portal user", document: `mutation { createUser(input: {email: "x@example.com", name: "x", kind: PORTAL}) { user { id } } }`, want: []string{"input.contact REQUIRED"},
		},
		{
			name: "role", document: `mutation($long: String!) { createRole(input: {name: $long, fieldLevels: [
				{object: ACCOUNT, field: "SHOE_SIZE", level: READ}, {object: USER, field: "PASSWORD_HASH", level: READ}, {object: ACCOUNT, field: "NAME", level: READ}
			]}) { role { id } } }`,
			want: []string{"input.name TOO_LONG", "input.fieldLevels.0.field UNKNOWN", "input.fieldLevels.1.field UNKNOWN"},
		},
		{
			name: "share", document: `mutation { createShare(input: {record: "ACCOUNT", grantee: "CONTACT", fields: ["SHOE_SIZE", "NAME"], expiresAt: "2027-01-01T00:00:00Z"}) { share { id } } }`,
			want: []string{"input.grantee FORMAT", "input.fields.0 UNKNOWN"},
		},
		{
			name: "share of what cannot be shared", document: `mutation { createShare(input: {record: "USER", grantee: "USER"}) { share { id } } }`, want: []string{"input.record FORMAT"},
		},
		{
			name: "note about two records", document: `mutation { createNote(input: {account: "ACCOUNT", contact: "CONTACT", body: "x"}) { note { id } } }`, want: []string{"input.account REQUIRED"},
		},
		{
			name: "note", document: `mutation($long: String!) { createNote(input: {title: $long, body: " ", account: "ACCOUNT"}) { note { id } } }`, want: []string{"input.title TOO_LONG", "input.body REQUIRED"},
		},
		{
			name: "link", document: `mutation { createAccountContact(input: {account: "ACCOUNT", contact: "CONTACT", fromDate: "2026-02-01", toDate: "2026-01-01"}) { accountContact { id } } }`,
			want: []string{"input.toDate RANGE"},
		},
		{
			name: "tag", document: `mutation { createTag(input: {name: "KEY", colour: "red"}) { tag { id } } }`, want: []string{"input.colour FORMAT"},
		},
		{
			name: "tag that is taken", document: `mutation { createTag(input: {name: "KEY"}) { tag { id } } }`, want: []string{"input.name TAKEN"},
		},
		{
			name: "password", document: `mutation { setPassword(input: {user: "USER", password: "short"}) { user { id } } }`, want: []string{"input.password RANGE"},
		},
		{
			name: "external key", document: `mutation($long: String!) { upsertAccount(external: {system: $long, id: ""}, input: {name: "x"}) { account { id } } }`,
			want: []string{"external.system TOO_LONG", "external.id REQUIRED"},
		},
		{
			name: "neither id nor key", document: `mutation { updateAccount(input: {name: "x"}) { account { id } } }`, want: []string{"id REQUIRED"},
		},
		{
			name: "page", document: `{ accounts(first: 0) { edges { node { id } } } }`, want: []string{"accounts.first RANGE"},
		},
		{
			name: "cursor", document: `{ accounts(after: "x") { edges { node { id } } } }`, want: []string{"accounts.after FORMAT"},
		},
		{
			name: "filter value", document: `{ contacts(where: {and: [{birthday: {lt: "soon"}}]}) { edges { node { id } } } }`, want: []string{"contacts.where.and.0.birthday.lt FORMAT"},
		},
		{
			name: "filter of null", document: `query($n: String) { accounts(where: {name: {eq: $n}}) { edges { node { id } } } }`, vars: farleytest.Vars{"n": nil}, want: []string{"accounts.where.name.eq REQUIRED"},
		},
		{
			name: "change cursor", document: `{ changes(after: "x") { edges { cursor } } }`, want: []string{"after FORMAT"},
		},
		{
			name: "page of changes", document: `query($c: Cursor!) { changes(after: $c, first: 1001) { edges { cursor } } }`, want: []string{"first RANGE"},
		},
	}
}

// Everything that is wrong with an input is told at once, at the places where it stands; nothing is written; and all of it
// is said in Arabic to those who ask for that.
func TestViolations(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		account := e.Make(t, "Account", input.Object{"name": "Oak"})
		child := e.Make(t, "Account", input.Object{"name": "Elm", "parent": account.String()})
		contact := e.Make(t, "Contact", input.Object{"familyName": "Ash"})
		boss := e.Make(t, "User", input.Object{"email": "boss@example.com", "name": "Boss"})
		user := e.Make(t, "User", input.Object{"email": "user@example.com", "name": "User", "manager": boss.String()})
		e.Make(t, "Tag", input.Object{"name": "Key"})
		from := after(t, e, admin)
		long := strings.Repeat("ä", 1000)
		for _, b := range badInputs() {
			document := strings.NewReplacer(`"ACCOUNT"`, `"`+account.String()+`"`, `"CHILD"`, `"`+child.String()+`"`, `"CONTACT"`, `"`+contact.String()+`"`, `"USER"`, `"`+user.String()+`"`, `"BOSS"`, `"`+boss.String()+`"`).Replace(b.document)
			vars := farleytest.Vars{}
			for name, v := range b.vars {
				vars[name] = v
			}
			for name, v := range map[string]any{"long": long, "absent": absent(e, "Tag").String(), "firm": absent(e, "Account").String(), "role": absent(e, "Role").String(), "c": from} {
				if strings.Contains(document, "$"+name+":") {
					vars[name] = v
				}
			}
			r := admin.Do(t, document, vars)
			r.Want(t, "INVALID")
			if diff := cmp.Diff(sortedCopy(b.want), sortedCopy(r.Violations())); diff != "" {
				t.Errorf("%s (-want +got):\n%s\n%s", b.name, diff, r.Raw)
			}
			arabic := admin.Do(t, document, vars, "Accept-Language", "ar").Want(t, "INVALID")
			for _, message := range messages(arabic) {
				if !isArabic(message) {
					t.Errorf("%s says in Arabic: %s", b.name, message)
				}
			}
		}
		told(t, feed(t, e, admin, from))
	})
}

// messages lists all that an answer says to people.
func messages(r *farleytest.Response) []string {
	var out []string
	for _, err := range r.Errors {
		out = append(out, err.Message)
		for _, v := range err.Extensions.Violations {
			out = append(out, v.Message)
		}
	}
	return out
}

func isArabic(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) && unicode.Is(unicode.Arabic, r) })
}

func sortedCopy(s []string) []string { return slices.Sorted(slices.Values(s)) }
