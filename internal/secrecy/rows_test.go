package secrecy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// hiddenWorld is what one member of staff with OWN scopes sees, and what hides beside it.
type hiddenWorld struct {
	c                           *farleytest.Client
	manager                     *farleytest.Client // of users, who sees no record but himself
	other                       *farleytest.Client
	mine, person, note, link    id.ID // in sight
	account, contact            id.ID // the other's
	accountNote, mixed, foreign id.ID // on the hidden account; a link between mine and the hidden contact; and one between two hidden ones
	user, team, tag             id.ID
}

func newHiddenWorld(t *testing.T, e *farleytest.Env) *hiddenWorld {
	t.Helper()
	role := levels(staff(e, "OWN"), "ACCOUNT TAX_NUMBER WRITE", "CONTACT BIRTHDAY WRITE")
	for i, p := range role.Permissions {
		if p.Object == "USER" {
			role.Permissions[i].Scope = "OWN"
		}
	}
	r := e.Role(t, role)
	w := &hiddenWorld{team: e.Make(t, "Team", input.Object{"name": "North"}), tag: e.Make(t, "Tag", input.Object{"name": "Key"})}
	w.c = e.User(t, input.Object{"team": w.team.String()}, r)
	w.other = e.User(t, input.Object{"team": w.team.String()}, r)
	w.manager = e.User(t, nil, e.Role(t, grants(e, "USER READ OWN", "USER CREATE ALL", "USER UPDATE OWN", "USER MANAGE_USERS OWN", "ACCOUNT READ OWN", "CONTACT READ OWN")))
	w.user = w.other.User
	make := func(kind string, owner *farleytest.Client, in input.Object) id.ID {
		tick(e)
		if owner != nil {
			in["owner"] = owner.User.String()
		}
		return e.Make(t, kind, in)
	}
	w.mine = make("Account", w.c, input.Object{"name": "Mine"})
	w.person = make("Contact", w.c, input.Object{"familyName": "Mine"})
	w.note = make("Note", nil, input.Object{"account": w.mine.String(), "body": "Mine"})
	w.link = make("AccountContact", nil, input.Object{"account": w.mine.String(), "contact": w.person.String()})
	w.hide(t, e)
	return w
}

// hide makes what is not in sight.
func (w *hiddenWorld) hide(t *testing.T, e *farleytest.Env) {
	t.Helper()
	tick(e)
	owner := w.other.User.String()
	w.account = e.Make(t, "Account", input.Object{"name": "Secret", "owner": owner, "tags": []any{w.tag.String()}, "parent": w.mine.String()})
	w.contact = e.Make(t, "Contact", input.Object{"familyName": "Secret", "owner": owner, "birthday": "1980-01-01", "referredBy": w.person.String()})
	w.accountNote = e.Make(t, "Note", input.Object{"account": w.account.String(), "body": "Secret"})
	w.mixed = e.Make(t, "AccountContact", input.Object{"account": w.mine.String(), "contact": w.contact.String()})
	w.foreign = e.Make(t, "AccountContact", input.Object{"account": w.account.String(), "contact": w.contact.String()})
}

// everything reads all that lists can show, nested and counted, in several orders.
var everything = []string{
	`{ accounts { edges { cursor node { id name owner { id } team { id name } parent { id } tags { totalCount { value } }
		children { edges { node { id } } totalCount { value } } contacts { edges { node { id } } totalCount { value } pageInfo { hasNextPage } }
		accountContacts { edges { node { id contact { id } } } totalCount { value } } notes { totalCount { value } } } } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount { value precision } } }`,
	`{ contacts(orderBy: [{field: FAMILY_NAME, direction: DESC}]) { edges { cursor node { id displayName referredBy { id } accounts { edges { node { id } } totalCount { value } } notes { edges { node { id body } } } } } totalCount { value } } }`,
	`{ accountContacts { edges { cursor node { id account { id } contact { id } } } totalCount { value } } notes { edges { cursor node { id account { id } } } totalCount { value } } }`,
	`{ shares { edges { node { id } } totalCount { value } } users { edges { cursor node { id name reports { totalCount { value } } } } totalCount { value } } teams { edges { node { members { totalCount { value } } } } } }`,
	`{ accounts(first: 1) { edges { cursor node { id } } pageInfo { hasNextPage } } last: accounts(last: 1) { edges { cursor node { id } } pageInfo { hasPreviousPage } } }`,
	`{ accounts(where: {contacts: {some: {familyName: {eq: "Secret"}}}}) { totalCount { value } } }`,
	`{ accounts(where: {children: {none: {name: {contains: "secret"}}}}) { edges { node { id } } } }`,
	`{ accounts(where: {not: {accountContacts: {some: {contact: {birthday: {lt: "1990-01-01"}}}}}}) { edges { node { id } } } }`,
	`{ contacts(where: {accounts: {some: {notes: {some: {pinned: {eq: false}}}}}}) { totalCount { value } } }`,
	`{ accounts(where: {deletedAt: {isNull: false}}) { edges { node { id } } } }`,
	`{ teams(where: {members: {some: {me: false}}}) { totalCount { value } } }`,
	`{ viewer { user { id } roles { name } } }`,
}

// Lists, relations, counts, filters, orders and cursors are the same whether hidden records are there, change, or go.
func TestHiddenRow_changesNoList(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		ask := func() []string {
			var out []string
			for _, d := range everything {
				out = append(out, w.c.Do(t, d, nil).Want(t, "").Raw)
			}
			return out
		}
		before := ask()
		steps := map[string]func(){
			"more of them":   func() { w.hide(t, e) },
			"other values":   func() { e.Change(t, w.account, input.Object{"name": "Aaa", "parent": nil}) },
			"in the bin":     func() { remove(t, e, w.contact) },
			"no link at all": func() { remove(t, e, w.mixed) },
		}
		for _, name := range []string{"more of them", "other values", "no link at all", "in the bin"} {
			steps[name]()
			if diff := cmp.Diff(before, ask()); diff != "" {
				t.Fatalf("%s show (-before +after):\n%s", name, diff)
			}
		}
	})
}

// remove moves a record to the bin as an administrator.
func remove(t *testing.T, e *farleytest.Env, x id.ID) {
	t.Helper()
	e.Admin(t).Query(t, `mutation($id: ID!) { delete`+e.Set.Of(x).Name+`(id: $id) { id } }`, farleytest.Vars{"id": x.String()})
}

// An id of a hidden record is answered as one that does not exist, wherever it stands: byte for byte.
func TestHiddenRow_isAnsweredLikeAnAbsentOne(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		binned := e.Make(t, "Account", input.Object{"name": "Binned", "owner": w.other.User.String()})
		remove(t, e, binned)
		hidden := map[string][]id.ID{
			"Account": {w.account, binned}, "Contact": {w.contact}, "Note": {w.accountNote}, "AccountContact": {w.mixed, w.foreign}, "User": {w.user, w.c.User},
		}
		for _, c := range idChannels {
			for _, x := range hidden[c.kind] {
				by, n := w.c, absent(e, c.kind)
				if c.managers {
					by = w.manager
				}
				if x == by.User {
					continue
				}
				document := strings.NewReplacer("MINE", w.mine.String(), "PERSON", w.person.String(), "ME", by.User.String(), "NOTE", w.note.String()).Replace(c.document)
				one := by.Do(t, strings.ReplaceAll(document, "ID", x.String()), nil)
				same(t, c.name, renamed(one, x, n), by.Do(t, strings.ReplaceAll(document, "ID", n.String()), nil))
				if got := strings.Join(append(one.Codes(), one.Violations()...), " "); got != c.want {
					t.Errorf("%s is answered by %q, want %q: %s", c.name, got, c.want, one.Raw)
				}
			}
		}
	})
}

type idChannel struct {
	kind, name, document, want string
	managers                   bool // asked by the manager of users
}

var idChannels = []idChannel{
	{kind: "Account", name: "account", document: `{ account(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "Account", name: "node", document: `{ node(id: "ID") { id } }`, want: ""},
	{kind: "Account", name: "nodes", document: `{ nodes(ids: ["MINE", "ID"]) { id } }`, want: ""},
	{kind: "Account", name: "filter", document: `{ accounts(where: {id: {in: ["ID", "MINE"]}}) { edges { node { id } } totalCount { value } } }`, want: ""},
	{kind: "Account", name: "relation filter", document: `{ contacts(where: {accounts: {some: {id: {eq: "ID"}}}}) { totalCount { value } } }`, want: ""},
	{kind: "Account", name: "to-one filter", document: `{ accounts(where: {not: {parent: {id: {eq: "ID"}}}}) { totalCount { value } } }`, want: ""},
	{kind: "Account", name: "plain id filter", document: `{ shares(where: {record: {eq: "ID"}}) { totalCount { value } } }`, want: ""},
	{kind: "Account", name: "update", document: `mutation { updateAccount(id: "ID", input: {name: "x"}) { account { id } } }`, want: "NOT_FOUND"},
	{kind: "Account", name: "update of another version", document: `mutation { updateAccount(id: "ID", input: {name: "x"}, expectedVersion: 99) { account { id } } }`, want: "NOT_FOUND"},
	{kind: "Account", name: "update with bad input", document: `mutation { updateAccount(id: "ID", input: {website: "ftp://x"}) { account { id } } }`, want: "NOT_FOUND"},
	{kind: "Account", name: "delete", document: `mutation { deleteAccount(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "Account", name: "restore", document: `mutation { restoreAccount(id: "ID") { account { id } } }`, want: "NOT_FOUND"},
	{kind: "Account", name: "parent of a new account", document: `mutation { createAccount(input: {name: "x", parent: "ID"}) { account { id } } }`, want: "INVALID input.parent NOT_FOUND"},
	{kind: "Account", name: "parent of my account", document: `mutation { updateAccount(id: "MINE", input: {parent: "ID"}) { account { id } } }`, want: "INVALID input.parent NOT_FOUND"},
	{kind: "Account", name: "partner of a new account", document: `mutation { createAccount(input: {name: "x", partner: "ID"}) { account { id } } }`, want: "INVALID input.partner NOT_FOUND"},
	{kind: "Account", name: "account of a note", document: `mutation { createNote(input: {account: "ID", body: "x"}) { note { id } } }`, want: "INVALID input.account NOT_FOUND"},
	{kind: "Account", name: "account of a link", document: `mutation { createAccountContact(input: {account: "ID", contact: "PERSON"}) { accountContact { id } } }`, want: "INVALID input.account NOT_FOUND"},
	{kind: "Account", name: "record of a share", document: `mutation { createShare(input: {record: "ID", grantee: "ME"}) { share { id } } }`, want: "INVALID input.record NOT_FOUND"},
	{kind: "Account", name: "grantee of a share", document: `mutation { createShare(input: {record: "MINE", grantee: "ID"}) { share { id } } }`, want: "INVALID input.grantee NOT_FOUND"},
	{kind: "Account", name: "partner account of a user", document: `mutation { createUser(input: {email: "x@example.com", name: "x", kind: PARTNER, partnerAccount: "ID"}) { user { id } } }`, want: "INVALID input.partnerAccount NOT_FOUND", managers: true},
	{kind: "Account", name: "explainAccess", document: `{ explainAccess(user: "ME", record: "ID", action: READ) { allowed } }`, want: "FORBIDDEN explainAccess FORBIDDEN"},
	{kind: "Account", name: "a kind that it is not", document: `{ contact(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "Contact", name: "contact", document: `{ contact(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "Contact", name: "node", document: `{ node(id: "ID") { id } }`, want: ""},
	{kind: "Contact", name: "referrer", document: `mutation { createContact(input: {familyName: "x", referredBy: "ID"}) { contact { id } } }`, want: "INVALID input.referredBy NOT_FOUND"},
	{kind: "Contact", name: "contact of a note", document: `mutation { createNote(input: {contact: "ID", body: "x"}) { note { id } } }`, want: "INVALID input.contact NOT_FOUND"},
	{kind: "Contact", name: "contact of a link that is there", document: `mutation { createAccountContact(input: {account: "MINE", contact: "ID"}) { accountContact { id } } }`, want: "INVALID input.contact NOT_FOUND"},
	{kind: "Note", name: "note", document: `{ note(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "Note", name: "node", document: `{ node(id: "ID") { id } }`, want: ""},
	{kind: "Note", name: "update", document: `mutation { updateNote(id: "ID", input: {title: "x"}) { note { id } } }`, want: "NOT_FOUND"},
	{kind: "Note", name: "delete", document: `mutation { deleteNote(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "AccountContact", name: "link", document: `{ accountContact(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "AccountContact", name: "nodes", document: `{ nodes(ids: ["ID"]) { id } }`, want: ""},
	{kind: "AccountContact", name: "update", document: `mutation { updateAccountContact(id: "ID", input: {role: "x"}) { accountContact { id } } }`, want: "NOT_FOUND"},
	{kind: "AccountContact", name: "delete", document: `mutation { deleteAccountContact(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "User", name: "user", document: `{ user(id: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "User", name: "owner of a new account", document: `mutation { createAccount(input: {name: "x", owner: "ID"}) { account { id } } }`, want: "INVALID input.owner NOT_FOUND"},
	{kind: "User", name: "owner of a new account with its team", document: `mutation { createAccount(input: {name: "x", owner: "ID"}, dryRun: true) { account { id } } }`, want: "INVALID input.owner NOT_FOUND"},
	{kind: "User", name: "owner of my account", document: `mutation { updateAccount(id: "MINE", input: {owner: "ID"}) { account { id } } }`, want: "INVALID input.owner NOT_FOUND"},
	{kind: "User", name: "grantee of a share", document: `mutation { createShare(input: {record: "MINE", grantee: "ID"}) { share { id } } }`, want: "INVALID input.grantee NOT_FOUND"},
	{kind: "User", name: "manager", document: `mutation { createUser(input: {email: "x@example.com", name: "x", manager: "ID"}) { user { id } } }`, want: "INVALID input.manager NOT_FOUND", managers: true},
	{kind: "User", name: "filter", document: `{ accounts(where: {owner: {id: {eq: "ID"}}}) { totalCount { value } } }`, want: ""},
	{kind: "User", name: "sessions", document: `{ sessions(user: "ID") { id } }`, want: "NOT_FOUND"},
	{kind: "User", name: "sessions for a manager", document: `{ sessions(user: "ID") { id } }`, want: "NOT_FOUND", managers: true},
	{kind: "User", name: "logoutEverywhere", document: `mutation { logoutEverywhere(input: {user: "ID"}) { done } }`, want: "NOT_FOUND"},
	{kind: "User", name: "logoutEverywhere by a manager", document: `mutation { logoutEverywhere(input: {user: "ID"}) { done } }`, want: "NOT_FOUND", managers: true},
	{kind: "User", name: "apiKeys", document: `{ apiKeys(user: "ID") { id } }`, want: "NOT_FOUND", managers: true},
	{kind: "User", name: "createApiKey", document: `mutation { createApiKey(input: {user: "ID", name: "x"}) { secret } }`, want: "NOT_FOUND", managers: true},
	{kind: "User", name: "setPassword", document: `mutation { setPassword(input: {user: "ID", password: "a long password"}) { user { id } } }`, want: "NOT_FOUND", managers: true},
}

// The key of an outside system finds a hidden record as little as its id does; making a record with such a key has one
// fixed answer.
func TestHiddenRow_externalKeys(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		admin := e.Admin(t)
		made := admin.Query(t, `mutation($owner: ID) { upsertAccount(external: {system: "sap", id: "hidden"}, input: {name: "Hidden", owner: $owner}) { account { id } } }`, farleytest.Vars{"owner": w.other.User.String()})
		for _, document := range []string{
			`{ account(external: {system: "sap", id: "KEY"}) { id } }`,
			`mutation { updateAccount(external: {system: "sap", id: "KEY"}, input: {name: "x"}) { account { id } } }`,
			`mutation { deleteAccount(external: {system: "sap", id: "KEY"}) { id } }`,
			`mutation { restoreAccount(external: {system: "sap", id: "KEY"}) { account { id } } }`,
		} {
			one := w.c.Do(t, strings.ReplaceAll(document, "KEY", "hidden"), nil).Want(t, "NOT_FOUND")
			same(t, document, one, w.c.Do(t, strings.ReplaceAll(document, "KEY", "absent"), nil))
		}
		const upsert = `mutation($v: Int) { upsertAccount(external: {system: "sap", id: "hidden"}, input: {name: "x"}, expectedVersion: $v) { account { id } } }`
		first := w.c.Do(t, upsert, nil).Want(t, "CONFLICT")
		if first.Errors[0].Message != "This key of the outside system is taken." || first.Errors[0].Extensions.Version != 0 {
			t.Errorf("the key is refused by %s", first.Raw)
		}
		x := made.At("upsertAccount.account.id").ID()
		e.Change(t, x, input.Object{"name": "Still hidden"})
		same(t, "another version", first, w.c.Do(t, upsert, farleytest.Vars{"v": 1}))
		remove(t, e, x)
		same(t, "in the bin", first, w.c.Do(t, upsert, nil))
	})
}

// A unique value of a hidden record is refused in one fixed wording.
func TestHiddenRow_uniqueClash(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		noTags := e.User(t, nil, e.Role(t, grants(e, "TAG CREATE ALL")))
		var emails []string
		for _, document := range []string{
			`mutation { createUser(input: {email: "CLASH", name: "x"}) { user { id } } }`,
			`mutation { updateUser(id: "ME", input: {email: "CLASH"}) { user { id } } }`,
		} {
			address := e.Admin(t).Query(t, `query($id: ID!) { user(id: $id) { email } }`, farleytest.Vars{"id": w.user.String()}).At("user.email").Text()
			document = strings.NewReplacer("CLASH", strings.ToUpper(address), "ME", w.manager.User.String()).Replace(document)
			r := w.manager.Do(t, document, nil).Want(t, "INVALID")
			emails = append(emails, r.Violations()...)
			if r.Errors[0].Extensions.Violations[0].Message != "This value is taken." {
				t.Errorf("the clash is worded %s", r.Raw)
			}
		}
		if diff := cmp.Diff([]string{"input.email TAKEN", "input.email TAKEN"}, emails); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
		r := noTags.Do(t, `mutation { createTag(input: {name: "KEY"}) { tag { __typename } } }`, nil).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.name TAKEN"}, r.Violations()); diff != "" {
			t.Errorf("violations (-want +got):\n%s", diff)
		}
	})
}

// Ids that a record holds already and that are hidden cannot be guessed: giving them again is answered as giving one
// that does not exist.
func TestHiddenRow_presentValueCannotBeGuessed(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		e.Change(t, w.account, input.Object{"parent": nil})
		e.Change(t, w.mine, input.Object{"parent": w.account.String(), "partner": w.account.String()})
		for _, field := range []string{"parent", "partner"} {
			const document = `mutation($id: ID!, $in: UpdateAccountInput!) { updateAccount(id: $id, input: $in) { account { name } } }`
			ask := func(x id.ID) *farleytest.Response {
				return w.c.Do(t, document, farleytest.Vars{"id": w.mine.String(), "in": map[string]any{field: x.String()}})
			}
			n := absent(e, "Account")
			same(t, field, renamed(ask(w.account).Want(t, "INVALID"), w.account, n), ask(n))
		}
	})
}

// The duplicate check compares records in sight only.
func TestHiddenRow_isNoDuplicate(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		e.Change(t, w.account, input.Object{"taxNumber": "SA-1", "website": "https://secret.example"})
		for _, policy := range []string{"REJECT", "WARN"} {
			d := w.c.Query(t, `mutation($p: OnDuplicate) { createAccount(input: {name: "Secret", taxNumber: "SA-1", website: "secret.example"}, onDuplicate: $p, dryRun: true) { duplicates { account { id } } } }`, farleytest.Vars{"p": policy})
			if got := d.At("createAccount.duplicates").JSON(); got != "[]" {
				t.Errorf("%s: the duplicates are %s", policy, got)
			}
		}
		e.Change(t, w.mine, input.Object{"taxNumber": "SA-1"})
		r := w.c.Do(t, `mutation { createAccount(input: {name: "Secret", taxNumber: "SA-1"}, onDuplicate: REJECT) { account { id } } }`, nil).Want(t, "DUPLICATE")
		if diff := cmp.Diff([]string{w.mine.String()}, r.Errors[0].Extensions.Duplicates); diff != "" {
			t.Errorf("duplicates (-want +got):\n%s", diff)
		}
	})
}

// A record given away is gone from the payload of the very mutation that gives it.
func TestHiddenRow_givenAwayIsNotInThePayload(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, staff(e, "OWN")))
		other := e.User(t, nil)
		x := e.Make(t, "Account", input.Object{"name": "Mine", "owner": c.User.String()})
		d := c.Query(t, `mutation($id: ID!, $to: ID!) { updateAccount(id: $id, input: {owner: $to}) { account { id name } } }`, farleytest.Vars{"id": x.String(), "to": other.User.String()})
		if got := d.At("updateAccount").JSON(); got != `{"account":null}` {
			t.Errorf("the payload is %s", got)
		}
		c.Do(t, `query($id: ID!) { account(id: $id) { id } }`, farleytest.Vars{"id": x.String()}).Want(t, "NOT_FOUND")
	})
}
