package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// roleEditor may read and change roles, and nothing else.
func roleEditor() access.Role {
	var r access.Role
	for _, action := range []string{access.Create, access.Read, access.Update, access.Delete} {
		r.Permissions = append(r.Permissions, access.Permission{Object: "ROLE", Action: action, Scope: "ALL"})
	}
	return r
}

func TestRole_rowsAreChecked(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, roleEditor()))
		const create = `mutation($in: CreateRoleInput!) { createRole(input: $in) { role { id } } }`
		row := func(object, action, scope string) any {
			return map[string]any{"object": object, "action": action, "scope": scope}
		}
		level := func(object, field string) any {
			return map[string]any{"object": object, "field": field, "level": "READ"}
		}
		r := ann.Do(t, create, farleytest.Vars{"in": input.Object{
			"name": "Odd",
			"permissions": []any{
				row("ACCOUNT", "READ", "BRANCH"), row("ACCOUNT", "READ", "TERRITORY"), row("NOTE", "READ", "BRANCH"), row("TAG", "READ", "TERRITORY"),
				row("ACCOUNT", "MANAGE_USERS", "ALL"), row("SHARE", "READ", "BRANCH"), row("USER", "READ", "BRANCH"), row("USER", "READ", "TERRITORY"),
				row("ACCOUNT", "READ", "BRANCH"), row("ACCOUNT_CONTACT", "UPDATE", "TERRITORY"),
			},
			"fieldLevels": []any{level("ACCOUNT", "NAME"), level("ACCOUNT", "COLOUR"), level("ACCOUNT", "NAME")},
			"screens":     []any{"pipeline.board", "Pipeline", "a b", strings.Repeat("x", 101), "0-reports_x", "pipeline.board"},
		}}).Want(t, "INVALID")
		want := []string{
			"input.fieldLevels.1.field UNKNOWN", "input.fieldLevels.2 TAKEN",
			"input.permissions.4.action UNKNOWN", "input.permissions.5.scope FORMAT", "input.permissions.7.scope FORMAT", "input.permissions.8 TAKEN",
			"input.screens.1 FORMAT", "input.screens.2 FORMAT", "input.screens.3 FORMAT", "input.screens.5 TAKEN",
		}
		got := r.Violations()
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM roles WHERE name = 'Odd'"); n != 0 {
			t.Errorf("%d roles were made", n)
		}
	})
}

func TestCopyRole(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		shipped := e.Role(t, access.Role{
			Name: "Reps", Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "TERRITORY"}},
			Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: access.LevelMasked}}, Screens: []string{"pipeline.board"},
		})
		e.Change(t, shipped, input.Object{"description": "Sell."})
		asShipped(t, e, shipped)
		ann := e.User(t, nil, e.Role(t, roleEditor()))
		const copyRole = `mutation($r: ID!, $n: String!) { copyRole(input: {role: $r, name: $n}) { role { id name system description screens permissions { object action scope } fieldLevels { object field level } } } }`
		d := ann.Query(t, copyRole, farleytest.Vars{"r": shipped, "n": "Our reps"}).At("copyRole.role")
		x := d.At("id").ID()
		want := `{"description":"Sell.","fieldLevels":[{"field":"TAX_NUMBER","level":"MASKED","object":"ACCOUNT"}],"id":"` + x.String() + `","name":"Our reps",` +
			`"permissions":[{"action":"READ","object":"ACCOUNT","scope":"TERRITORY"}],"screens":["pipeline.board"],"system":false}`
		if got := d.JSON(); got != want || x == shipped {
			t.Errorf("the copy is %s\nwant %s", got, want)
		}
		const rename = `mutation($r: ID!) { updateRole(id: $r, input: {screens: []}) { role { id } } }`
		ann.Do(t, rename, farleytest.Vars{"r": shipped}).Want(t, "CONFLICT")
		ann.Do(t, rename, farleytest.Vars{"r": x}).Want(t, "")
		for _, c := range []struct{ role, name, code, violations string }{
			{shipped.String(), "OUR REPS", "INVALID", "input.name TAKEN"},
			{shipped.String(), " ", "INVALID", "input.name REQUIRED"},
			{id.New(e.Set.Kind("Role").Code, farleytest.Start).String(), "Other", "NOT_FOUND", ""},
			{ann.User.String(), "Other", "NOT_FOUND", ""},
			{"nonsense", "Other", "INVALID", "input.role FORMAT"},
		} {
			r := ann.Do(t, copyRole, farleytest.Vars{"r": c.role, "n": c.name}).Want(t, c.code)
			if got := strings.Join(r.Violations(), ", "); got != c.violations {
				t.Errorf("%s as %q violates %q, want %q", c.role, c.name, got, c.violations)
			}
		}

		// Who may not read what a role allows cannot learn it by a copy; who may not make roles makes none.
		half := roleEditor()
		half.Fields = []access.FieldLevel{{Object: "ROLE", Field: "PERMISSIONS", Level: access.LevelNone}}
		const only = `mutation($r: ID!, $n: String!) { copyRole(input: {role: $r, name: $n}) { role { id } } }`
		e.User(t, nil, e.Role(t, half)).Do(t, only, farleytest.Vars{"r": shipped, "n": "Half"}).Want(t, "FORBIDDEN")
		reader := access.Role{Permissions: []access.Permission{{Object: "ROLE", Action: "READ", Scope: "ALL"}}}
		e.User(t, nil, e.Role(t, reader)).Do(t, only, farleytest.Vars{"r": shipped, "n": "None"}).Want(t, "FORBIDDEN")
		maker := access.Role{Permissions: []access.Permission{{Object: "ROLE", Action: "CREATE", Scope: "ALL"}}}
		e.User(t, nil, e.Role(t, maker)).Do(t, `mutation($r: ID!, $n: String!) { copyRole(input: {role: $r, name: $n}) { __typename } }`, farleytest.Vars{"r": shipped, "n": "None"}).Want(t, "NOT_FOUND")
		if n := count(t, e, "SELECT COUNT(*) FROM roles WHERE name IN ('Half', 'None', 'Other')"); n != 0 {
			t.Errorf("%d roles were made", n)
		}
	})
}

// asShipped marks a role as one that came with Farley.
func asShipped(t *testing.T, e *farleytest.Env, role id.ID) {
	t.Helper()
	execute(t, e, "UPDATE roles SET `system` = ? WHERE id = ?", true, role)
}

func TestViewer_screensOfAllRoles(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	with := func(screens ...string) id.ID { return e.Role(t, access.Role{Screens: screens}) }
	ann := e.User(t, nil, with("reports.sales", "pipeline.board"), with(), with("a", "reports.sales"))
	if got := ann.Query(t, `{ viewer { screens } }`, nil).At("viewer.screens").JSON(); got != `["a","pipeline.board","reports.sales"]` {
		t.Errorf("her screens are %s", got)
	}
	if got := e.User(t, nil).Query(t, `{ viewer { screens } }`, nil).At("viewer.screens").JSON(); got != `[]` {
		t.Errorf("nobody's screens are %s", got)
	}
}

// userManager may do everything about users within a scope.
func userManager(scope string) access.Role {
	r := access.Role{Permissions: []access.Permission{{Object: "ROLE", Action: "READ", Scope: "ALL"}, {Object: "ROLE", Action: "UPDATE", Scope: "ALL"}, {Object: "ROLE", Action: "DELETE", Scope: "ALL"}}}
	for _, object := range []string{"USER", "ROLE_GRANT"} {
		for _, action := range []string{access.Create, access.Read, access.Update, access.Delete} {
			r.Permissions = append(r.Permissions, access.Permission{Object: object, Action: action, Scope: scope})
		}
	}
	r.Permissions = append(r.Permissions, access.Permission{Object: "USER", Action: "MANAGE_USERS", Scope: scope})
	return r
}

func grantOf(t *testing.T, e *farleytest.Env, user, role id.ID) (x id.ID) {
	t.Helper()
	tx, err := e.DB.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	if err := tx.QueryRow(t.Context(), "SELECT id FROM role_grants WHERE user_id = ? AND role_id = ? AND deleted_at IS NULL", []any{user, role}, &x); err != nil {
		t.Fatal(err)
	}
	return x
}

// Whatever would leave nobody who manages all users is refused.
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	const (
		deactivate = `mutation($u: ID!) { updateUser(id: $u, input: {active: false}) { user { id } } }`
		remove     = `mutation($u: ID!) { deleteUser(id: $u) { id } }`
		strip      = `mutation($u: ID!) { updateUser(id: $u, input: {roles: []}) { user { id } } }`
		end        = `mutation($g: ID!, $t: DateTime!) { updateRoleGrant(id: $g, input: {validUntil: $t}) { roleGrant { id } } }`
		revoke     = `mutation($g: ID!) { deleteRoleGrant(id: $g) { id } }`
		weaken     = `mutation($r: ID!) { updateRole(id: $r, input: {permissions: [{object: USER, action: MANAGE_USERS, scope: BRANCH}]}) { role { id } } }`
		drop       = `mutation($r: ID!) { deleteRole(id: $r) { id } }`
		rename     = `mutation($r: ID!) { updateRole(id: $r, input: {name: "Chiefs"}) { role { id } } }`
	)
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := e.Role(t, userManager("ALL"))
		ann, bob := e.User(t, nil, role), e.User(t, nil, role)
		vars := farleytest.Vars{"u": ann.User, "g": grantOf(t, e, ann.User, role), "r": role, "t": "2026-11-22T08:00:00Z"}
		for name, c := range map[string][2]string{"weaken": {weaken, "CONFLICT"}, "drop": {drop, "CONFLICT"}, "rename": {rename, ""}} {
			t.Run(name, func(t *testing.T) { ann.Do(t, c[0], vars).Want(t, c[1]) }) // whoever holds it
		}
		// Who holds it for a time that is over, or is inactive, or in the bin, does not count.
		old := e.User(t, nil, role)
		ann.Query(t, end, farleytest.Vars{"g": grantOf(t, e, old.User, role), "t": vars["t"]})
		ann.Query(t, deactivate, farleytest.Vars{"u": e.User(t, nil, role).User})
		ann.Query(t, remove, farleytest.Vars{"u": e.User(t, nil, role).User})
		ann.Query(t, revoke, farleytest.Vars{"g": grantOf(t, e, bob.User, role)})
		before := count(t, e, "SELECT COUNT(*) FROM changes")
		for name, document := range map[string]string{"deactivate": deactivate, "remove": remove, "strip": strip, "end": end, "revoke": revoke} {
			r := ann.Do(t, document, vars)
			if got := strings.Join(r.Codes(), " "); got != "CONFLICT" {
				t.Errorf("%s: %q, want CONFLICT: %s", name, got, r.Raw)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != before {
			t.Errorf("%d changes were told", n-before)
		}
		ann.Query(t, `mutation($u: ID!, $r: ID!) { createRoleGrant(input: {user: $u, role: $r}) { roleGrant { id } } }`, farleytest.Vars{"u": bob.User, "r": role})
		bob = e.SignIn(t, bob.User)
		bob.Do(t, deactivate, vars).Want(t, "")
		bob.Do(t, deactivate, farleytest.Vars{"u": bob.User}).Want(t, "CONFLICT")
	})
}

// Two administrators who end each other at once: one stays.
func TestLastAdministrator_twoAtOnce(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		for round := range 5 {
			execute(t, e, "UPDATE users SET active = ?", false)
			role := e.Role(t, userManager("ALL"))
			both := []*farleytest.Client{e.User(t, nil, role), e.User(t, nil, role)}
			codes := make([]string, 2)
			var ready, done sync.WaitGroup
			ready.Add(1)
			for i, c := range both {
				done.Go(func() {
					ready.Wait()
					r := c.Do(t, `mutation($u: ID!) { updateUser(id: $u, input: {active: false}) { user { id } } }`, farleytest.Vars{"u": c.User})
					codes[i] = strings.Join(r.Codes(), " ")
				})
			}
			ready.Done()
			done.Wait()
			slices.Sort(codes)
			if diff := cmp.Diff([]string{"", "CONFLICT"}, codes); diff != "" {
				t.Fatalf("round %d: %s", round, diff)
			}
			if n := count(t, e, "SELECT COUNT(*) FROM users WHERE active = ?", true); n != 1 {
				t.Fatalf("round %d: %d administrators are left", round, n)
			}
		}
	})
}

func execute(t *testing.T, e *farleytest.Env, query string, args ...any) {
	t.Helper()
	if err := e.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	e.Identity.Invalidate()
}

// Who manages the users of a branch sees and gives grants there only, and gives no right that he has not.
func TestRoleGrants_withinAScope(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		north, south := branch(t, e, "North"), branch(t, e, "South")
		at := func(x id.ID) input.Object { return input.Object{"branch": x.String()} }
		manager := userManager("BRANCH")
		manager.Permissions = append(manager.Permissions, access.Permission{Object: "ACCOUNT", Action: "READ", Scope: "BRANCH"})
		small := e.Role(t, access.Role{Name: "Small", Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}}})
		big := e.Role(t, access.Role{Name: "Big", Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}})
		secret := e.Role(t, access.Role{
			Name: "Secret", Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}},
			Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: access.LevelMasked}},
		})
		ann := e.User(t, at(north), e.Role(t, manager))
		bob, cyd := e.User(t, at(north), big), e.User(t, at(south), big)
		const list = `{ roleGrants(orderBy: [{field: CREATED_AT, direction: ASC}]) { nodes { user { id } } totalCount { value } } users { nodes { id } } }`
		d := ann.Query(t, list, nil)
		if n, users := d.At("roleGrants.totalCount.value").Int(), d.At("roleGrants.nodes").Texts("user.id"); n != 2 || slices.Contains(users, cyd.User.String()) || !slices.Contains(users, bob.User.String()) {
			t.Errorf("she sees the grants %v of %v", n, users)
		}
		const give = `mutation($u: ID!, $r: ID!) { createRoleGrant(input: {user: $u, role: $r}) { roleGrant { id } } }`
		g := ann.Query(t, give, farleytest.Vars{"u": bob.User, "r": small}).At("createRoleGrant.roleGrant.id").Text()
		ann.Do(t, give, farleytest.Vars{"u": cyd.User, "r": small}).Want(t, "INVALID") // out of sight
		none := e.User(t, at(north))
		ann = e.SignIn(t, ann.User)
		ann.Do(t, give, farleytest.Vars{"u": none.User, "r": big}).Want(t, "FORBIDDEN")
		ann.Do(t, give, farleytest.Vars{"u": none.User, "r": secret}).Want(t, "FORBIDDEN")
		const longer = `mutation($g: ID!, $t: DateTime) { updateRoleGrant(id: $g, input: {validUntil: $t}) { roleGrant { id } } }`
		ann.Do(t, longer, farleytest.Vars{"g": g, "t": "2027-01-01T00:00:00Z"}).Want(t, "")
		ann.Do(t, longer, farleytest.Vars{"g": grantOf(t, e, bob.User, big), "t": "2027-01-01T00:00:00Z"}).Want(t, "FORBIDDEN")
		ann.Do(t, longer, farleytest.Vars{"g": grantOf(t, e, cyd.User, big), "t": "2027-01-01T00:00:00Z"}).Want(t, "NOT_FOUND")
		if n := count(t, e, "SELECT COUNT(*) FROM role_grants WHERE user_id = ?", none.User); n != 0 {
			t.Errorf("he was given %d roles", n)
		}
		// A role in parts: two of hers that allow more only together.
		if n := len(ann.Do(t, `mutation($g: ID!) { deleteRoleGrant(id: $g) { id } }`, farleytest.Vars{"g": grantOf(t, e, bob.User, big)}).Errors); n != 0 {
			t.Error("she may not take a role away")
		}
	})
}

const renew = `mutation($g: [ID!]!) { renewAccess(input: {grants: $g}) { grants { id validUntil reviewedAt reviewedBy { id } version } } }`

const renewUntil = `mutation($g: [ID!]!, $t: DateTime) { renewAccess(input: {grants: $g, validUntil: $t}) { grants { id validUntil } } }`

func TestRenewAccess(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role, chief := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}}}), e.Role(t, userManager("ALL"))
		ann, bob := e.User(t, nil, chief), e.User(t, nil, role)
		admin := e.Admin(t)
		mine, his := grantOf(t, e, ann.User, chief), grantOf(t, e, bob.User, role)
		const until = `mutation($g: ID!) { updateRoleGrant(id: $g, input: {validUntil: "2026-11-22T10:00:00Z"}) { roleGrant { id } } }`
		admin.Query(t, until, farleytest.Vars{"g": his})

		d := ann.Query(t, renew, farleytest.Vars{"g": []id.ID{his, his}}).At("renewAccess.grants")
		want := fmt.Sprintf(`[{"id":%q,"reviewedAt":"2026-11-22T09:00:00Z","reviewedBy":{"id":%q},"validUntil":"2026-11-22T10:00:00Z","version":3}]`, his, ann.User)
		if got := d.JSON(); got != want {
			t.Errorf("confirmed: %s\nwant %s", got, want)
		}
		moved := func(to any, want string) {
			t.Helper()
			d := ann.Query(t, renewUntil, farleytest.Vars{"g": []id.ID{his}, "t": to}).At("renewAccess.grants.0.validUntil")
			if got := d.JSON(); got != want {
				t.Errorf("renewed until %v: %s, want %s", to, got, want)
			}
		}
		moved("2027-03-01T00:00:00Z", `"2027-03-01T00:00:00Z"`)
		moved(nil, `null`)

		e.Settle(t)
		before := count(t, e, "SELECT COUNT(*) FROM changes")
		many := []id.ID{}
		for range 101 {
			many = append(many, his)
		}
		absent := id.New(e.Set.Kind("RoleGrant").Code, farleytest.Start)
		for _, c := range []struct {
			what, code string
			grants     []id.ID
			until      any
			violations string
		}{
			{"her own", "FORBIDDEN", []id.ID{his, mine}, nil, "input.grants.1 FORBIDDEN"},
			{"all at once", "FORBIDDEN", []id.ID{absent, mine, bob.User}, "2026-11-22T09:00:00Z", "input.validUntil RANGE, input.grants.0 NOT_FOUND, input.grants.1 FORBIDDEN, input.grants.2 NOT_FOUND"},
			{"the past", "INVALID", []id.ID{his}, "2026-11-22T08:00:00Z", "input.validUntil RANGE"},
			{"none", "INVALID", []id.ID{}, nil, "input.grants REQUIRED"},
			{"too many", "INVALID", many, nil, "input.grants TOO_LONG"},
		} {
			r := ann.Do(t, renewUntil, farleytest.Vars{"g": c.grants, "t": c.until}).Want(t, c.code)
			if got := strings.Join(r.Violations(), ", "); got != c.violations {
				t.Errorf("%s: %q, want %q", c.what, got, c.violations)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != before {
			t.Errorf("refusals are told %d times", n-before)
		}
		admin.Query(t, `mutation($g: ID!) { deleteRoleGrant(id: $g) { id } }`, farleytest.Vars{"g": his})
		ann.Do(t, renew, farleytest.Vars{"g": []id.ID{his}}).Want(t, "INVALID")
		bob.Do(t, `mutation($g: [ID!]!) { renewAccess(input: {grants: $g}) { __typename } }`, farleytest.Vars{"g": []id.ID{mine}}).Want(t, "FORBIDDEN")
	})
}

// A renewed grant opens again what had been closed with it, and a manager of some users renews theirs only.
func TestRenewAccess_withinAScope(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		north, south := branch(t, e, "North"), branch(t, e, "South")
		small := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}}})
		big := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}})
		manager := userManager("BRANCH")
		manager.Permissions = append(manager.Permissions, access.Permission{Object: "ACCOUNT", Action: "READ", Scope: "OWN"})
		for i := range manager.Permissions { // she reads all grants, and manages those of her branch
			if p := &manager.Permissions[i]; p.Action == "READ" && p.Object != "ACCOUNT" {
				p.Scope = "ALL"
			}
		}
		ann := e.User(t, input.Object{"branch": north.String()}, e.Role(t, manager))
		bob := e.User(t, input.Object{"branch": north.String()}, small, big)
		cyd := e.User(t, input.Object{"branch": south.String()}, small)
		g := grantOf(t, e, bob.User, small)
		e.Change(t, g, input.Object{"validUntil": "2026-11-22T08:00:00Z"})
		e.Change(t, grantOf(t, e, bob.User, big), input.Object{"validUntil": "2026-11-22T08:00:00Z"})
		e.Identity.Invalidate()
		bob.Do(t, `{ accounts { nodes { id } } }`, nil).Want(t, "FORBIDDEN")
		ann.Query(t, renewUntil, farleytest.Vars{"g": []id.ID{g}, "t": "2027-01-01T00:00:00Z"})
		bob.Do(t, `{ accounts { nodes { id } } }`, nil).Want(t, "")

		r := ann.Do(t, renew, farleytest.Vars{"g": []id.ID{grantOf(t, e, cyd.User, small), grantOf(t, e, bob.User, big)}}).Want(t, "FORBIDDEN")
		if diff := cmp.Diff([]string{"input.grants.0 FORBIDDEN", "input.grants.1 FORBIDDEN"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
	})
}

// The list of grants is the review: who has what, since when and from whom, last used, until when, and confirmed when.
func TestRoleGrants_areTheReview(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		chief := e.Admin(t)
		role := e.Role(t, access.Role{Name: "Reps"})
		var grants []id.ID
		for i := range 4 {
			u := e.User(t, input.Object{"name": string(rune('A' + i))}, role)
			grants = append(grants, grantOf(t, e, u.User, role))
		}
		execute(t, e, "UPDATE role_grants SET last_used_at = ?, valid_until = ? WHERE id = ?", farleytest.Start.Add(-100*24*time.Hour), farleytest.Start.Add(20*24*time.Hour), grants[0])
		execute(t, e, "UPDATE role_grants SET last_used_at = ?, valid_until = ? WHERE id = ?", farleytest.Start.Add(-time.Hour), farleytest.Start.Add(60*24*time.Hour), grants[1])
		chief.Query(t, renew, farleytest.Vars{"g": grants[:1]})
		const list = `query($w: RoleGrantWhere!, $o: [RoleGrantOrder!]) { roleGrants(where: {and: [{role: {name: {eq: "Reps"}}}, $w]}, orderBy: $o) {
			nodes { user { name } role { name } createdAt createdBy { id } lastUsedAt validUntil reviewedAt reviewedBy { id } } } }`
		for _, c := range []struct {
			what  string
			where map[string]any
			order string
			want  string
		}{
			{"unused for 90 days", map[string]any{"lastUsedAt": map[string]any{"lt": "2026-08-24T09:00:00Z"}}, "LAST_USED_AT", "A"},
			{"or never used", map[string]any{"or": []any{map[string]any{"lastUsedAt": map[string]any{"lt": "2026-08-24T09:00:00Z"}}, map[string]any{"lastUsedAt": map[string]any{"isNull": true}}}}, "ID", "A C D"},
			{"never reviewed", map[string]any{"reviewedAt": map[string]any{"isNull": true}}, "ID", "B C D"},
			{"ending within a month", map[string]any{"validUntil": map[string]any{"lt": "2026-12-22T09:00:00Z"}}, "VALID_UNTIL", "A"},
			{"of one user", map[string]any{"user": map[string]any{"name": map[string]any{"eq": "B"}}}, "REVIEWED_AT", "B"},
		} {
			d := chief.Query(t, list, farleytest.Vars{"w": c.where, "o": []any{map[string]any{"field": c.order, "direction": "ASC"}}})
			names := d.At("roleGrants.nodes").Texts("user.name")
			slices.Sort(names) // ids of one instant are in no order
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("%s: %s, want %s", c.what, got, c.want)
			}
		}
	})
}

// When somebody acts, the grants know within moments, to the hour, without a change of the records.
func TestRoleGrants_knowWhenTheyWereLastUsed(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role, other := e.Role(t, access.Role{}), e.Role(t, access.Role{})
		ann, bob, cyd := e.User(t, nil, role, other), e.User(t, nil, role), e.User(t, nil, role)
		e.Change(t, grantOf(t, e, ann.User, other), input.Object{"validUntil": "2026-11-22T08:00:00Z"})
		admin := e.Admin(t)
		e.Settle(t)
		changes := count(t, e, "SELECT COUNT(*) FROM changes")
		acts := func(user id.ID, at time.Time) {
			t.Helper()
			c := e.SignIn(t, user)
			c.Query(t, `{ viewer { screens } }`, nil)
			for end := time.Now().Add(farleytest.Deadline); count(t, e, "SELECT COUNT(*) FROM role_grants WHERE user_id = ? AND role_id = ? AND last_used_at = ?", user, role, at) == 0; {
				if time.Now().After(end) {
					t.Fatalf("the grant is not known to be used at %s", at)
				}
			}
		}
		acts(ann.User, farleytest.Start)
		e.Clock.Advance(farleytest.Start.Add(90 * time.Minute))
		acts(ann.User, farleytest.Start.Add(time.Hour))
		// Asking about bob, or being out of date, is no use.
		e.SignIn(t, admin.User).Query(t, `query($u: ID!) { explainAccess(user: $u, record: $u, action: READ) { allowed } }`, farleytest.Vars{"u": bob.User})
		acts(cyd.User, farleytest.Start.Add(time.Hour)) // what came before has been stored as well
		if n := count(t, e, "SELECT COUNT(*) FROM role_grants WHERE user_id = ? AND last_used_at IS NOT NULL", bob.User); n != 0 {
			t.Error("bob's grant counts as used")
		}
		if n := count(t, e, "SELECT COUNT(*) FROM role_grants WHERE role_id = ? AND last_used_at IS NOT NULL", other); n != 0 {
			t.Error("a grant that is over counts as used")
		}
		if n := count(t, e, "SELECT COUNT(*) FROM changes"); n != changes {
			t.Errorf("the log has %d changes of it", n-changes)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM role_grants WHERE user_id = ? AND role_id = ? AND version = 1", ann.User, role); n != 1 {
			t.Error("the version has moved")
		}
	})
}

// The verbs on roles and grants can be tried without a trace, and repeated without doing anything twice.
func TestRoles_dryRunAndRepeat(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin, rep := e.Admin(t), e.User(t, nil)
		role := e.Role(t, access.Role{Permissions: []access.Permission{{Object: "TAG", Action: "READ", Scope: "ALL"}}})
		grant := e.Make(t, "RoleGrant", input.Object{"user": rep.User.String(), "role": role.String()})
		const document = `mutation($r: ID!, $g: [ID!]!, $n: String!, $dry: Boolean, $k: String, $l: String) {
			copyRole(input: {role: $r, name: $n}, dryRun: $dry, idempotencyKey: $k) { role { id name } }
			renewAccess(input: {grants: $g}, dryRun: $dry, idempotencyKey: $l) { grants { version reviewedAt } } }`
		vars := func(name string, dry bool) farleytest.Vars {
			v := farleytest.Vars{"r": role, "g": []id.ID{grant}, "n": name, "dry": dry}
			if !dry {
				v["k"], v["l"] = "copy-1", "renew-1"
			}
			return v
		}
		state := func() string {
			return admin.Query(t, `query($g: ID!) { roles(where: {name: {startsWith: "Copy"}}) { nodes { name } } roleGrant(id: $g) { version reviewedAt } }`, farleytest.Vars{"g": grant}).JSON()
		}
		before := state()
		if got := admin.Query(t, document, vars("Copy", true)).At("renewAccess.grants").JSON(); !strings.Contains(got, `"version":2`) {
			t.Errorf("tried, the grants are %s", got)
		}
		if got := state(); got != before {
			t.Errorf("a try leaves %s, was %s", got, before)
		}
		first := admin.Query(t, document, vars("Copy", false)).JSON()
		if again := admin.Query(t, document, vars("Copy", false)).JSON(); again != first {
			t.Errorf("repeated, the answer is %s, was %s", again, first)
		}
		if got, want := state(), `{"roleGrant":{"reviewedAt":"2026-11-22T09:00:00Z","version":2},"roles":{"nodes":[{"name":"Copy"}]}}`; got != want {
			t.Errorf("done once is %s, want %s", got, want)
		}
		admin.Do(t, document, vars("Copy of another name", false)).Want(t, "IDEMPOTENCY_MISMATCH")
	})
}
