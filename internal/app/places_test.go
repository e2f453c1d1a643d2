package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// withScope is a role that does everything to accounts, contacts and notes within a scope.
func withScope(scope string) access.Role {
	var r access.Role
	for _, object := range []string{"ACCOUNT", "CONTACT", "NOTE"} {
		for _, action := range []string{access.Create, access.Read, access.Update, access.Delete} {
			r.Permissions = append(r.Permissions, access.Permission{Object: object, Action: action, Scope: scope})
		}
	}
	for _, object := range []string{"BRANCH", "TERRITORY"} {
		r.Permissions = append(r.Permissions, access.Permission{Object: object, Action: access.Read, Scope: "ALL"})
	}
	return r
}

func branch(t *testing.T, e *farleytest.Env, name string) id.ID {
	t.Helper()
	return e.Make(t, "Branch", input.Object{"name": name})
}

// territory makes a territory with one rule for each of rules.
func territory(t *testing.T, e *farleytest.Env, name string, parent id.ID, rules ...map[string]any) id.ID {
	t.Helper()
	in := input.Object{"name": name}
	if !parent.IsZero() {
		in["parent"] = parent.String()
	}
	if len(rules) > 0 {
		list := make([]any, len(rules))
		for i, r := range rules {
			list[i] = r
		}
		in["rules"] = list
	}
	return e.Make(t, "Territory", in)
}

func members(t *testing.T, e *farleytest.Env, x id.ID, users ...id.ID) {
	t.Helper()
	list := []any{}
	for _, u := range users {
		list = append(list, u.String())
	}
	e.Change(t, x, input.Object{"members": list})
}

const seen = `{ accounts(orderBy: [{field: NAME, direction: ASC}]) { nodes { name } totalCount { value } } notes(orderBy: [{field: TITLE, direction: ASC}]) { nodes { title } } }`

// sees fails the test unless a client is shown these accounts, each with its note, and no others.
func sees(t *testing.T, c *farleytest.Client, names ...string) {
	t.Helper()
	d := c.Query(t, seen, nil)
	if diff := cmp.Diff(append([]string{}, names...), d.At("accounts.nodes").Texts("name")); diff != "" {
		t.Errorf("accounts (-want +got): %s", diff)
	}
	if diff := cmp.Diff(append([]string{}, names...), d.At("notes.nodes").Texts("title")); diff != "" {
		t.Errorf("notes (-want +got): %s", diff)
	}
	if n := d.At("accounts.totalCount.value").Int(); n != len(names) {
		t.Errorf("there are said to be %d accounts, want %d", n, len(names))
	}
}

// withNote makes an account with a note of the same name.
func withNote(t *testing.T, e *farleytest.Env, name string, in input.Object) id.ID {
	t.Helper()
	in["name"] = name
	x := e.Make(t, "Account", in)
	e.Make(t, "Note", input.Object{"account": x.String(), "title": name, "body": "b"})
	return x
}

func TestBranchScope(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		north, south := branch(t, e, "North"), branch(t, e, "South")
		role := withScope("BRANCH")
		role.Permissions = append(role.Permissions, access.Permission{Object: "USER", Action: "READ", Scope: "BRANCH"})
		ann := e.User(t, input.Object{"branch": north.String(), "name": "Ann"}, e.Role(t, role))
		bob := e.User(t, input.Object{"branch": north.String(), "name": "Bob"})
		cyd := e.User(t, input.Object{"branch": south.String(), "name": "Cyd"})
		withNote(t, e, "1 mine at the other branch", input.Object{"owner": ann.User.String(), "branch": south.String()})
		his := withNote(t, e, "2 by its owner at mine", input.Object{"owner": bob.User.String()})
		hers := withNote(t, e, "3 at the other branch", input.Object{"owner": cyd.User.String()})
		withNote(t, e, "4 nowhere", input.Object{})
		sees(t, ann, "1 mine at the other branch", "2 by its owner at mine")

		const users = `{ users(orderBy: [{field: NAME, direction: ASC}]) { nodes { name } } }`
		if diff := cmp.Diff([]string{"Ann", "Bob"}, ann.Query(t, users, nil).At("users.nodes").Texts("name")); diff != "" {
			t.Errorf("users (-want +got): %s", diff)
		}
		const update = `mutation($id: ID!, $in: UpdateAccountInput!) { updateAccount(id: $id, input: $in) { account { id } } }`
		ann.Query(t, update, farleytest.Vars{"id": his, "in": input.Object{"source": "fair"}})
		ann.Do(t, update, farleytest.Vars{"id": hers, "in": input.Object{"source": "fair"}}).Want(t, "NOT_FOUND")

		const why = `query($u: ID!, $r: ID!) { explainAccess(user: $u, record: $r, action: READ) { allowed because { scope rule } } }`
		admin := e.Admin(t)
		if got, want := admin.Query(t, why, farleytest.Vars{"u": ann.User, "r": his}).At("explainAccess").JSON(), `{"allowed":true,"because":[{"rule":"GRANTED","scope":"BRANCH"}]}`; got != want {
			t.Errorf("why: %s", got)
		}
		rights := ann.Query(t, `{ viewer { permissions { object actions { action scope } } } }`, nil).At("viewer.permissions").JSON()
		if !strings.Contains(rights, `{"action":"READ","scope":["BRANCH"]}`) {
			t.Errorf("her rights are %s", rights)
		}

		// A branch in the bin opens nothing, and comes back with everything.
		bin(t, admin, "Branch", north)
		sees(t, ann, "1 mine at the other branch")
		admin.Query(t, `mutation($id: ID!) { restoreBranch(id: $id) { branch { id } } }`, farleytest.Vars{"id": north})
		sees(t, ann, "1 mine at the other branch", "2 by its owner at mine")
	})
}

func bin(t *testing.T, c *farleytest.Client, kind string, x id.ID) {
	t.Helper()
	c.Query(t, `mutation($id: ID!) { delete`+kind+`(id: $id) { id } }`, farleytest.Vars{"id": x})
}

func TestTerritoryScope(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		gulf := territory(t, e, "Gulf", id.ID{})
		saudi := territory(t, e, "Saudi Arabia", gulf)
		east := territory(t, e, "East", saudi)
		europe := territory(t, e, "Europe", id.ID{})
		role := e.Role(t, withScope("TERRITORY"))
		ann, bob := e.User(t, nil, role), e.User(t, nil, role)
		members(t, e, gulf, ann.User)
		members(t, e, east, bob.User)
		at := func(x id.ID) input.Object { return input.Object{"territory": x.String()} }
		withNote(t, e, "1 gulf", at(gulf))
		withNote(t, e, "2 east", at(east))
		withNote(t, e, "3 europe", at(europe))
		mine := withNote(t, e, "4 bob's in europe", input.Object{"territory": europe.String(), "owner": bob.User.String()})
		sees(t, ann, "1 gulf", "2 east")
		sees(t, bob, "2 east", "4 bob's in europe")

		// What lies in between in the bin opens nothing below.
		admin := e.Admin(t)
		bin(t, admin, "Territory", saudi)
		sees(t, ann, "1 gulf")
		sees(t, bob, "2 east", "4 bob's in europe")
		bin(t, admin, "Territory", east)
		sees(t, bob, "4 bob's in europe")

		// Records are made within the scope: one's own, or in one's territory.
		const create = `mutation($in: CreateAccountInput!) { createAccount(input: $in) { account { id } } }`
		other := input.Object{"name": "Elm", "owner": nil, "territory": gulf.String()}
		ann.Query(t, create, farleytest.Vars{"in": other})
		bob.Do(t, create, farleytest.Vars{"in": input.Object{"name": "Oak", "territory": europe.String()}}).Want(t, "")
		_ = mine
	})
}

// Who moves between branches, and records that do, are told by streams and by the delta feed.
func TestPlaces_decideWhatStreamsTell(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		north, south := branch(t, e, "North"), branch(t, e, "South")
		ann := e.User(t, input.Object{"branch": north.String()}, e.Role(t, withScope("BRANCH")))
		away := e.Make(t, "Account", input.Object{"name": "Elm", "branch": south.String()})
		e.Settle(t)
		stream := ann.Subscribe(t, `subscription($after: Cursor) { accountChanged(after: $after) { op recordId } }`, farleytest.Vars{"after": ann.Cursor(t)})
		event := func(want string) {
			t.Helper()
			e.Settle(t)
			if got := stream.Event(t).At("accountChanged").JSON(); got != fmt.Sprintf(`{"op":%q,"recordId":%q}`, want, away) {
				t.Errorf("she hears %s, want %s", got, want)
			}
		}
		e.Change(t, away, input.Object{"branch": north.String()})
		event("ENTERED")
		e.Change(t, away, input.Object{"industry": "food"})
		event("UPDATED")
		e.Change(t, away, input.Object{"branch": nil})
		event("LEFT")

		admin := e.Admin(t)
		cursor := ann.Cursor(t)
		admin.Query(t, `mutation($id: ID!, $b: ID!) { updateUser(id: $id, input: {branch: $b}) { user { id } } }`, farleytest.Vars{"id": ann.User, "b": south})
		if got := stream.Refused(t).Extensions.Code; got != "RESYNC" {
			t.Errorf("the stream ends with %s", got)
		}
		ann.Do(t, `query($c: Cursor!) { changes(after: $c) { edges { cursor } } }`, farleytest.Vars{"c": cursor}).Want(t, "RESYNC")
		cursor = ann.Cursor(t)
		x := territory(t, e, "Gulf", id.ID{})
		admin.Query(t, `mutation($id: ID!, $u: [ID!]) { updateTerritory(id: $id, input: {members: $u}) { territory { id } } }`, farleytest.Vars{"id": x, "u": []id.ID{ann.User}})
		ann.Do(t, `query($c: Cursor!) { changes(after: $c) { edges { cursor } } }`, farleytest.Vars{"c": cursor}).Want(t, "RESYNC")
	})
}

// Moving oneself to another branch is for those who manage users.
func TestUserStanding_branch(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := access.Role{}
		for _, object := range []string{"USER", "BRANCH"} {
			for _, action := range []string{access.Read, access.Update} {
				role.Permissions = append(role.Permissions, access.Permission{Object: object, Action: action, Scope: "ALL"})
			}
		}
		ann := e.User(t, nil, e.Role(t, role))
		north, south := branch(t, e, "North"), branch(t, e, "South")
		const move = `mutation($id: ID!, $b: ID!) { updateUser(id: $id, input: {branch: $b}) { user { id } } }`
		ann.Do(t, move, farleytest.Vars{"id": ann.User, "b": north}).Want(t, "FORBIDDEN")

		// Who manages the users of a branch moves others, and not himself, who would manage another branch then.
		manager := userManager("BRANCH")
		manager.Permissions = append(manager.Permissions, access.Permission{Object: "BRANCH", Action: "READ", Scope: "ALL"})
		bob := e.User(t, input.Object{"branch": north.String()}, e.Role(t, manager))
		cyd, dan := e.User(t, input.Object{"branch": north.String()}), e.User(t, input.Object{"branch": south.String()})
		bob = e.SignIn(t, bob.User)
		bob.Do(t, move, farleytest.Vars{"id": bob.User, "b": south}).Want(t, "FORBIDDEN")
		bob.Do(t, move, farleytest.Vars{"id": dan.User, "b": north}).Want(t, "NOT_FOUND")
		bob.Do(t, move, farleytest.Vars{"id": cyd.User, "b": south}).Want(t, "")
	})
}

func TestBranch_keepsCityAndCountry(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		d := ann.Query(t, `mutation { createBranch(input: {name: "North", addresses: [{city: "Jeddah", country: "SA"}, {city: "Dubai"}]}) { branch { id city country } } }`, nil).At("createBranch.branch")
		if d.At("city").Text() != "Jeddah" || d.At("country").Text() != "SA" {
			t.Errorf("the branch is in %s", d.JSON())
		}
		d = ann.Query(t, `mutation($id: ID!) { updateBranch(id: $id, input: {addresses: []}) { branch { city country } } }`, farleytest.Vars{"id": d.At("id").Text()}).At("updateBranch.branch")
		if got := d.JSON(); got != `{"city":null,"country":null}` {
			t.Errorf("a branch without address is in %s", got)
		}
	})
}

// A new record gets its owner's branch unless it is given one.
func TestPlacedRecords_takeTheOwnersBranch(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		north, south := branch(t, e, "North"), branch(t, e, "South")
		role := withScope("ALL")
		role.Permissions = append(role.Permissions, access.Permission{Object: "USER", Action: "READ", Scope: "ALL"})
		ann := e.User(t, input.Object{"branch": north.String()}, e.Role(t, role))
		bob := e.User(t, input.Object{"branch": south.String()})
		cyd := e.User(t, nil)
		const create = `mutation($in: CreateContactInput!) { createContact(input: $in) { contact { id branch { name } } } }`
		for _, c := range []struct {
			what string
			in   input.Object
			want any
		}{
			{"her own", input.Object{}, "North"},
			{"another's", input.Object{"owner": bob.User.String()}, "South"},
			{"of somebody without a branch", input.Object{"owner": cyd.User.String()}, nil},
			{"given", input.Object{"owner": bob.User.String(), "branch": north.String()}, "North"},
		} {
			c.in["familyName"] = "Ash"
			d := ann.Query(t, create, farleytest.Vars{"in": c.in}).At("createContact.contact")
			if got := d.At("branch.name").V; got != c.want {
				t.Errorf("%s is at %v, want %v", c.what, got, c.want)
			}
		}
		bin(t, e.Admin(t), "Branch", south)
		d := ann.Query(t, create, farleytest.Vars{"in": input.Object{"familyName": "Ash", "owner": bob.User.String()}}).At("createContact.contact")
		if d.At("branch").V != nil {
			t.Errorf("it is at a branch in the bin: %s", d.JSON())
		}
		ann.Do(t, create, farleytest.Vars{"in": input.Object{"familyName": "Ash", "branch": south.String()}}).Want(t, "INVALID")
	})
}

func address(country, region, city string) []any {
	a := map[string]any{"kind": "BILLING"}
	for name, v := range map[string]string{"country": country, "region": region, "city": city} {
		if v != "" {
			a[name] = v
		}
	}
	return []any{a}
}

// place makes or changes an account as a client and returns the name of its territory.
func place(t *testing.T, c *farleytest.Client, x *id.ID, in input.Object) string {
	t.Helper()
	if x.IsZero() {
		in["name"] = "Oak"
		d := c.Query(t, `mutation($in: CreateAccountInput!) { createAccount(input: $in) { account { id territory { name } } } }`, farleytest.Vars{"in": in}).At("createAccount.account")
		*x = d.At("id").ID()
		return d.At("territory.name").Text()
	}
	d := c.Query(t, `mutation($id: ID!, $in: UpdateAccountInput!) { updateAccount(id: $id, input: $in) { account { territory { name } } } }`, farleytest.Vars{"id": *x, "in": in})
	return d.At("updateAccount.account.territory.name").Text()
}

func TestTerritoryRules(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		type rule = map[string]any
		gulf := territory(t, e, "Gulf", id.ID{}, rule{"country": "SA"}, rule{"country": "AE"})
		saudi := territory(t, e, "Saudi Arabia", gulf, rule{"country": "SA"})
		territory(t, e, "Riyadh region", saudi, rule{"country": "SA", "region": "Riyadh"})
		e.Clock.Advance(e.Clock.Now().Add(time.Second))
		later := territory(t, e, "Later", saudi, rule{"region": "riyadh"}, rule{"region": "Makkah"})
		first := territory(t, e, "First", saudi, rule{"region": "Asir"})
		second := territory(t, e, "Second", saudi, rule{"region": "Asir"})
		e.Change(t, first, input.Object{"priority": float64(2)})
		e.Change(t, second, input.Object{"priority": float64(1)})
		territory(t, e, "Banks", id.ID{}, rule{"industry": "Banking"}, rule{"industry": "Banking", "country": "DE"})
		territory(t, e, "Cairo", id.ID{}, rule{"city": "القاهرة"}, rule{"city": "Ábu Zabal"})
		binned := territory(t, e, "Binned", second, rule{"country": "SA", "city": "Abha"})
		bin(t, e.Admin(t), "Territory", binned)
		ann := e.User(t, nil, e.Role(t, withScope("OWN")))

		for _, c := range []struct {
			what string
			in   input.Object
			want string
		}{
			{"nothing known", input.Object{}, ""},
			{"by country", input.Object{"addresses": address("AE", "", "")}, "Gulf"},
			{"the deeper of two", input.Object{"addresses": address("SA", "", "")}, "Saudi Arabia"},
			{"all parts of a rule", input.Object{"addresses": address("SA", "RIYADH ", "")}, "Riyadh region"},
			{"not some parts", input.Object{"addresses": address("", "Riyadh", "")}, "Later"},
			{"the smaller priority", input.Object{"addresses": address("SA", "asir", "Abha")}, "Second"},
			{"by industry", input.Object{"industry": "  BANKING"}, "Banks"},
			{"deeper beats industry", input.Object{"industry": "Banking", "addresses": address("SA", "", "")}, "Saudi Arabia"},
			{"folded city", input.Object{"addresses": address("EG", "", "القاهره")}, "Cairo"},
			{"accents", input.Object{"addresses": address("EG", "", "abu zabal")}, "Cairo"},
			{"the first address only", input.Object{"addresses": append(address("FR", "", ""), address("SA", "", "")...)}, ""},
			{"given", input.Object{"addresses": address("SA", "", ""), "territory": later.String()}, "Later"},
		} {
			var x id.ID
			if got := place(t, ann, &x, c.in); got != c.want {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
		}
		d := ann.Query(t, `mutation($a: [AddressInput!]) { createContact(input: {familyName: "Ash", addresses: $a}) { contact { territory { name } } } }`, farleytest.Vars{"a": address("SA", "Makkah", "")})
		if got := d.At("createContact.contact.territory.name").Text(); got != "Later" {
			t.Errorf("a contact lies in %q", got)
		}

		// What follows the rules goes on to follow them; what somebody decided stays.
		var x, y, z id.ID
		place(t, ann, &x, input.Object{"addresses": address("SA", "", "")})
		if got := place(t, ann, &x, input.Object{"addresses": address("AE", "", "")}); got != "Gulf" {
			t.Errorf("moved to the Emirates it lies in %q", got)
		}
		if got := place(t, ann, &x, input.Object{"industry": "banking", "addresses": []any{}}); got != "Banks" {
			t.Errorf("known by its industry only it lies in %q", got)
		}
		if got := place(t, ann, &x, input.Object{"industry": nil}); got != "" {
			t.Errorf("not known it lies in %q", got)
		}
		place(t, ann, &y, input.Object{"addresses": address("SA", "", ""), "territory": gulf.String()})
		if got := place(t, ann, &y, input.Object{"addresses": address("SA", "Riyadh", "")}); got != "Gulf" {
			t.Errorf("given a territory it moved to %q", got)
		}
		if got := place(t, ann, &y, input.Object{"territory": nil}); got != "" {
			t.Errorf("taken out it lies in %q", got)
		}
		if got := place(t, ann, &y, input.Object{"addresses": address("SA", "Asir", "")}); got != "" {
			t.Errorf("taken out by hand it moved to %q", got)
		}
		place(t, ann, &z, input.Object{"addresses": address("SA", "", "")})
		if got := place(t, ann, &z, input.Object{"addresses": address("AE", "", ""), "territory": saudi.String()}); got != "Saudi Arabia" {
			t.Errorf("told to stay it moved to %q", got)
		}
	})
}

// Rules without a condition and the same rule twice are refused, with everything else.
func TestTerritoryRules_badInput(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		r := ann.Do(t, `mutation { createTerritory(input: {name: "A", rules: [{city: " "}, {city: "Abha"}, {city: "ABHA"}]}) { territory { id } } }`, nil).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.rules.0.country REQUIRED", "input.rules.2 TAKEN"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		r = ann.Do(t, `mutation { createTerritory(input: {name: "A", rules: [{country: "XX"}, {}]}) { territory { id } } }`, nil).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.rules.0.country FORMAT", "input.rules.1.country REQUIRED"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
	})
}

// When the rules change, a job moves what had been placed by them, as Farley itself, and nothing else.
func TestTerritoryRules_changesMoveRecords(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		const where = `{ accounts(orderBy: [{field: NAME, direction: ASC}]) { nodes { name version updatedBy { id } territory { name } } } contacts { nodes { territory { name } } } }`
		look := func() string {
			d := admin.Query(t, where, nil)
			var out []string
			for i := range d.At("accounts.nodes").Len() {
				n := d.At(fmt.Sprintf("accounts.nodes.%d", i))
				out = append(out, n.At("name").Text()+": "+n.At("territory.name").Text())
			}
			for _, name := range d.At("contacts.nodes").Texts("territory.name") {
				out = append(out, "contact: "+name)
			}
			return strings.Join(out, ", ")
		}
		// wait has the job done by the runner, whose clock stands still unless it waits for its time.
		wait := func(want string) {
			t.Helper()
			got := ""
			for end := time.Now().Add(farleytest.Deadline); got != want; got = look() {
				if time.Now().After(end) {
					t.Fatalf("accounts are at\n%s, want\n%s", got, want)
				}
			}
			for end := time.Now().Add(farleytest.Deadline); open(t, e) > 0; {
				if time.Now().After(end) {
					t.Fatal("the job does not end")
				}
			}
			if got := look(); got != want {
				t.Errorf("in the end accounts are at\n%s, want\n%s", got, want)
			}
		}
		hand := territory(t, e, "By hand", id.ID{})
		e.Make(t, "Account", input.Object{"name": "a Riyadh", "addresses": address("SA", "Riyadh", "")})
		e.Make(t, "Account", input.Object{"name": "b by hand", "addresses": address("SA", "Riyadh", ""), "territory": hand.String()})
		e.Make(t, "Account", input.Object{"name": "c France", "addresses": address("FR", "", "")})
		e.Make(t, "Contact", input.Object{"familyName": "Ash", "addresses": address("SA", "", "")})

		create := `mutation($in: CreateTerritoryInput!) { createTerritory(input: $in) { territory { id } } }`
		saudi := admin.Query(t, create, farleytest.Vars{"in": input.Object{"name": "Saudi Arabia", "rules": []any{map[string]any{"country": "SA"}}}}).At("createTerritory.territory.id").Text()
		wait("a Riyadh: Saudi Arabia, b by hand: By hand, c France: , contact: Saudi Arabia")
		if v := admin.Query(t, where, nil).At("accounts.nodes.0"); v.At("version").Int() != 2 || v.At("updatedBy").V != nil {
			t.Errorf("moved it is %s", v.JSON())
		}
		if v := admin.Query(t, where, nil).At("accounts.nodes.1.version").Int(); v != 1 {
			t.Errorf("what was placed by hand has version %d", v)
		}
		e.Clock.Advance(e.Clock.Now().Add(time.Second))
		riyadh := admin.Query(t, create, farleytest.Vars{"in": input.Object{"name": "Riyadh", "rules": []any{map[string]any{"region": "Riyadh"}}}}).At("createTerritory.territory.id").Text()
		wait("a Riyadh: Saudi Arabia, b by hand: By hand, c France: , contact: Saudi Arabia") // as deep, and younger
		update := `mutation($id: ID!, $in: UpdateTerritoryInput!) { updateTerritory(id: $id, input: $in) { territory { id } } }`
		admin.Query(t, update, farleytest.Vars{"id": riyadh, "in": input.Object{"priority": 1}})
		wait("a Riyadh: Riyadh, b by hand: By hand, c France: , contact: Saudi Arabia")
		admin.Query(t, update, farleytest.Vars{"id": saudi, "in": input.Object{"parent": hand.String()}})
		wait("a Riyadh: Saudi Arabia, b by hand: By hand, c France: , contact: Saudi Arabia")
		// Two changes at once, of which each knows what was before it.
		admin.Query(t, `mutation($s: ID!, $r: ID!) {
			a: updateTerritory(id: $s, input: {rules: [{country: "FR"}]}) { territory { id } }
			b: updateTerritory(id: $r, input: {parent: $s}) { territory { id } }
		}`, farleytest.Vars{"s": saudi, "r": riyadh})
		wait("a Riyadh: Riyadh, b by hand: By hand, c France: Saudi Arabia, contact: ")
		admin.Query(t, `mutation($id: ID!) { deleteTerritory(id: $id) { id } }`, farleytest.Vars{"id": riyadh})
		wait("a Riyadh: , b by hand: By hand, c France: Saudi Arabia, contact: ")
		admin.Query(t, `mutation($id: ID!) { restoreTerritory(id: $id) { territory { id } } }`, farleytest.Vars{"id": riyadh})
		wait("a Riyadh: Riyadh, b by hand: By hand, c France: Saudi Arabia, contact: ")
		if n := count(t, e, "SELECT COUNT(*) FROM jobs WHERE kind = 'territory-placement' AND state = 'DONE' AND progress_done = 4 AND progress_total = 4"); n != 8 {
			t.Errorf("%d jobs have looked at all records, want 8", n)
		}
		// A change of the name moves nothing, and a dry run leaves no job.
		admin.Query(t, update, farleytest.Vars{"id": riyadh, "in": input.Object{"name": "Najd"}})
		admin.Query(t, `mutation($id: ID!) { updateTerritory(id: $id, input: {rules: []}, dryRun: true) { territory { id } } }`, farleytest.Vars{"id": riyadh})
		if n := count(t, e, "SELECT COUNT(*) FROM jobs WHERE kind = 'territory-placement'"); n != 8 {
			t.Errorf("there are %d jobs, want 8", n)
		}
	}, func(c *app.Config) { c.Jobs = true })
}

func open(t *testing.T, e *farleytest.Env) int {
	t.Helper()
	return count(t, e, "SELECT COUNT(*) FROM jobs WHERE kind = 'territory-placement' AND state IN ('WAITING', 'RUNNING')")
}

func count(t *testing.T, e *farleytest.Env, query string, args ...any) (n int) {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	if err := tx.QueryRow(t.Context(), query, args, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestShares_withABranchOrATerritory(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		north := branch(t, e, "North")
		gulf := territory(t, e, "Gulf", id.ID{})
		saudi := territory(t, e, "Saudi Arabia", gulf)
		east := territory(t, e, "East", saudi)
		role := e.Role(t, withScope("SHARED"))
		at := e.User(t, input.Object{"branch": north.String()}, role)
		above, in, below, other := e.User(t, nil, role), e.User(t, nil, role), e.User(t, nil, role), e.User(t, nil, role)
		members(t, e, gulf, above.User)
		members(t, e, saudi, in.User)
		members(t, e, east, below.User)

		seller := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		oak := withNote(t, e, "Oak", input.Object{"owner": seller.User.String()})
		elm := withNote(t, e, "Elm", input.Object{"owner": seller.User.String()})
		const share = `mutation($r: ID!, $g: ID!) { createShare(input: {record: $r, grantee: $g, level: READ}) { share { id } } }`
		first := seller.Query(t, share, farleytest.Vars{"r": oak, "g": north}).At("createShare.share.id").Text()
		seller.Query(t, share, farleytest.Vars{"r": elm, "g": saudi})
		sees(t, at, "Oak")
		sees(t, above, "Elm")
		sees(t, in, "Elm")
		sees(t, below)
		sees(t, other)
		seller.Do(t, share, farleytest.Vars{"r": oak, "g": e.Make(t, "Tag", input.Object{"name": "Green"})}).Want(t, "INVALID")

		cursor := at.Cursor(t)
		seller.Query(t, `mutation($id: ID!) { deleteShare(id: $id) { id } }`, farleytest.Vars{"id": first})
		e.Settle(t)
		sees(t, at)
		d := at.Query(t, `query($c: Cursor!) { changes(after: $c, objects: [ACCOUNT]) { edges { node { op recordId } } } }`, farleytest.Vars{"c": cursor})
		if got := d.At("changes.edges").JSON(); !strings.Contains(got, `"op":"LEFT"`) || !strings.Contains(got, oak.String()) {
			t.Errorf("unshared: %s", got)
		}
	})
}

// The schema as a role is shown it has the scopes.
func TestScopes_areInTheSchema(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	names := e.Admin(t).Query(t, `{ __type(name: "Scope") { enumValues { name } } }`, nil).At("__type.enumValues").Texts("name")
	for _, want := range []string{"BRANCH", "TERRITORY"} {
		if !slices.Contains(names, want) {
			t.Errorf("the administrator is shown the scopes %v", names)
		}
	}
}
