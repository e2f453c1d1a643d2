package app_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/clock"
	"farley/internal/farleytest"
	"farley/internal/input"
)

const password = "correct horse battery"

const login = `mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p, device: "phone"}) { accessToken refreshToken expiresAt user { id name } } }`

// withPassword makes a user who can sign in with a password.
func withPassword(t *testing.T, e *farleytest.Env) (admin, user *farleytest.Client, email string) {
	t.Helper()
	admin = e.Admin(t)
	email = "Ann@Example.com"
	user = e.User(t, input.Object{"email": email, "name": "Ann"}, e.Role(t, farleytest.Everything(e, access.Own)))
	admin.Query(t, `mutation($id: ID!, $p: String!) { setPassword(input: {user: $id, password: $p}) { user { id } } }`, farleytest.Vars{"id": user.User.String(), "p": password})
	return admin, user, email
}

func TestLogin_givesTokensThatWork(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, user, _ := withPassword(t, e)
		d := e.Anonymous().Query(t, login, farleytest.Vars{"e": "  ANN@example.com", "p": password}).At("login")
		if d.At("user.id").ID() != user.User || d.At("user.name").Text() != "Ann" || d.At("expiresAt").Text() != "2026-11-22T09:15:00Z" {
			t.Errorf("login gives %s", d.JSON())
		}
		signedIn := e.WithToken(d.At("accessToken").Text())
		if got := signedIn.Query(t, `{ viewer { user { email } permissions { object } } }`, nil).At("viewer.user.email").Text(); got != "ann@example.com" {
			t.Errorf("the viewer is %q", got)
		}
		next := e.Anonymous().Query(t, `mutation($t: String!) { refresh(input: {refreshToken: $t}) { accessToken refreshToken user { name } } }`, farleytest.Vars{"t": d.At("refreshToken").Text()}).At("refresh")
		if next.At("user.name").Text() != "Ann" || next.At("refreshToken").Text() == d.At("refreshToken").Text() {
			t.Errorf("refresh gives %s", next.JSON())
		}
		signedIn.Query(t, `mutation { logout { done } }`, nil)
		signedIn.Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		e.Anonymous().Do(t, `mutation($t: String!) { refresh(input: {refreshToken: $t}) { accessToken } }`, farleytest.Vars{"t": next.At("refreshToken").Text()}).Want(t, "UNAUTHENTICATED")
	})
}

// An unknown user, a wrong password and an inactive user are answered alike.
func TestLogin_refusalsAreAlike(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, user, email := withPassword(t, e)
		wrong := e.Anonymous().Do(t, login, farleytest.Vars{"e": email, "p": "wrong"}).Want(t, "UNAUTHENTICATED")
		unknown := e.Anonymous().Do(t, login, farleytest.Vars{"e": "nobody@example.com", "p": password}).Want(t, "UNAUTHENTICATED")
		e.Change(t, user.User, input.Object{"active": false})
		inactive := e.Anonymous().Do(t, login, farleytest.Vars{"e": email, "p": password}).Want(t, "UNAUTHENTICATED")
		if wrong.Raw != unknown.Raw || wrong.Raw != inactive.Raw {
			t.Errorf("the answers differ:\n%s\n%s\n%s", wrong.Raw, unknown.Raw, inactive.Raw)
		}
	})
}

func TestSetPassword_rulesAndSessions(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin, user, _ := withPassword(t, e)
		user.Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED") // the new password ended the session
		const set = `mutation($id: ID!, $p: String!) { setPassword(input: {user: $id, password: $p}) { user { id } } }`
		short := admin.Do(t, set, farleytest.Vars{"id": user.User.String(), "p": "short"}).Want(t, "INVALID")
		if got := strings.Join(short.Violations(), ", "); got != "input.password RANGE" {
			t.Errorf("a short password violates %q", got)
		}
		again := e.SignIn(t, user.User)
		again.Do(t, set, farleytest.Vars{"id": user.User.String(), "p": password}).Want(t, "") // OWN includes MANAGE_USERS of oneself here
		stranger := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}}))
		stranger.Do(t, set, farleytest.Vars{"id": user.User.String(), "p": password}).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, set, farleytest.Vars{"id": user.User.String(), "p": password}).Want(t, "UNAUTHENTICATED")
	})
}

// A browser's EventSource cannot send headers: a ticket stands for the session, once, for half a minute.
func TestStreamTicket_isGoodOnce(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		from := after(t, e, ann)
		e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		e.Settle(t)
		issue := func() string {
			return ann.Query(t, `mutation { createStreamTicket { ticket expiresAt } }`, nil).At("createStreamTicket.ticket").Text()
		}
		open := func(ticket string) *http.Response {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			q := req.URL.Query()
			q.Set("query", `subscription { accountChanged { op node { name } } }`)
			q.Set("ticket", ticket)
			req.URL.RawQuery = q.Encode()
			req.Header.Set("Accept", "text/event-stream")
			req.Header.Set("Last-Event-ID", from)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = res.Body.Close() })
			return res
		}
		ticket := issue()
		res := open(ticket)
		lines := bufio.NewScanner(res.Body)
		var id, data string
		for lines.Scan() && data == "" {
			id = cmpPrefix(lines.Text(), "id: ", id)
			data = cmpPrefix(lines.Text(), "data: ", data)
		}
		if !strings.Contains(data, `{"op":"CREATED","node":{"name":"Oak"}}`) || id == "" {
			t.Errorf("the stream says id %q, data %q", id, data)
		}
		if got := open(ticket).StatusCode; got != http.StatusUnauthorized {
			t.Errorf("a spent ticket is answered by %d", got)
		}
		late := issue()
		e.Clock.Advance(e.Clock.Now().Add(31 * time.Second))
		if got := open(late).StatusCode; got != http.StatusUnauthorized {
			t.Errorf("a late ticket is answered by %d", got)
		}
	})
}

func cmpPrefix(line, prefix, otherwise string) string {
	if rest, ok := strings.CutPrefix(line, prefix); ok {
		return rest
	}
	return otherwise
}

func TestExplainAccess_saysWhy(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		ann := e.User(t, nil, e.Role(t, access.Role{Name: "Reps", Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "OWN"}},
			Fields: []access.FieldLevel{{Object: "ACCOUNT", Field: "TAX_NUMBER", Level: access.LevelMasked}}}))
		hers := e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		other := e.Make(t, "Account", input.Object{"name": "Elm"})
		const why = `query($u: ID!, $r: ID!, $a: Action!, $f: String) { explainAccess(user: $u, record: $r, action: $a, field: $f) { allowed level because { role scope share } } }`
		explain := func(record, action string, field any) string {
			return admin.Query(t, why, farleytest.Vars{"u": ann.User.String(), "r": record, "a": action, "f": field}).At("explainAccess").JSON()
		}
		// What shows disguised is not read.
		if got, want := explain(hers.String(), "READ", "taxNumber"), `{"allowed":false,"because":[{"role":"Reps","scope":"OWN","share":false}],"level":"MASKED"}`; got != want {
			t.Errorf("her own: %s", got)
		}
		if got := explain(other.String(), "READ", nil); !strings.HasPrefix(got, `{"allowed":false`) {
			t.Errorf("another's: %s", got)
		}
		if got := explain(hers.String(), "UPDATE", nil); !strings.HasPrefix(got, `{"allowed":false`) {
			t.Errorf("to change: %s", got)
		}
		ann.Do(t, why, farleytest.Vars{"u": ann.User.String(), "r": hers.String(), "a": "READ"}).Want(t, "FORBIDDEN")
		// Who manages users in a smaller scope learns nothing of users and records beyond it.
		bob := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		for _, about := range []farleytest.Vars{
			{"u": ann.User.String(), "r": bob.User.String(), "a": "READ"}, {"u": bob.User.String(), "r": hers.String(), "a": "READ"},
		} {
			bob.Do(t, why, about).Want(t, "NOT_FOUND")
		}
		bob.Do(t, why, farleytest.Vars{"u": bob.User.String(), "r": bob.User.String(), "a": "READ"}).Want(t, "")
	})
}

func TestViewer_showsRightsAsTheyAre(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	ann := e.User(t, nil, e.Role(t, access.Role{Name: "Reps", Permissions: []access.Permission{
		{Object: "ACCOUNT", Action: "READ", Scope: "TEAM"}, {Object: "ACCOUNT", Action: "UPDATE", Scope: "OWN"},
	}}))
	d := ann.Query(t, `{ viewer { user { id } roles { name } permissions { object actions { action scope } fields { field level } } } }`, nil).At("viewer")
	if got := d.At("roles").JSON(); got != `[{"name":"Reps"}]` {
		t.Errorf("roles: %s", got)
	}
	if d.At("user").V != nil {
		t.Error("the user shows to somebody who may not read users")
	}
	if got := d.At("permissions.0.actions").JSON(); got != `[{"action":"READ","scope":["TEAM"]},{"action":"UPDATE","scope":["OWN"]}]` {
		t.Errorf("actions: %s", got)
	}
	levels := map[string]string{}
	for i := range d.At("permissions.0.fields").Len() {
		f := Data(d.At("permissions.0.fields"), i)
		levels[f.At("field").Text()] = f.At("level").Text()
	}
	for field, want := range map[string]string{"NAME": "WRITE", "TAX_NUMBER": "NONE", "VERSION": "READ", "DOMAIN": "READ"} {
		if levels[field] != want {
			t.Errorf("%s: %s, want %s", field, levels[field], want)
		}
	}
}

// Data returns a member of a list.
func Data(l farleytest.Data, i int) farleytest.Data {
	return farleytest.Data{V: l.V.([]any)[i]}
}

func TestAdvanceClock_onlyInASandbox(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	e.Admin(t).Do(t, `mutation { advanceClock(to: "2027-01-01T00:00:00Z") { now } }`, nil).Want(t, "CONFLICT")

	sandbox := farleytest.New(t, func(c *app.Config) { c.Clock = clock.NewSandbox() })
	admin := sandbox.Admin(t)
	to := time.Now().Add(5 * time.Minute).UTC().Truncate(time.Second)
	got := admin.Query(t, `mutation($to: DateTime!) { advanceClock(to: $to) { now } }`, farleytest.Vars{"to": to.Format(time.RFC3339)}).At("advanceClock.now").Text()
	now, err := time.Parse(time.RFC3339, got)
	if err != nil || now.Before(to) || now.After(to.Add(time.Minute)) {
		t.Errorf("the clock shows %s", got)
	}
	admin.Do(t, `mutation { advanceClock(to: "tomorrow") { now } }`, nil).Want(t, "BAD_REQUEST")
}

func TestNodes_findAnyKindAndNothingHidden(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		hers := e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		hidden := e.Make(t, "Account", input.Object{"name": "Elm"})
		tag := e.Make(t, "Tag", input.Object{"name": "Green"})
		d := ann.Query(t, `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Account { name } ... on Tag { name } } }`,
			farleytest.Vars{"ids": []string{tag.String(), hidden.String(), hers.String()}})
		want := `[{"__typename":"Tag","id":"` + tag.String() + `","name":"Green"},null,{"__typename":"Account","id":"` + hers.String() + `","name":"Oak"}]`
		if got := d.At("nodes").JSON(); got != want {
			t.Errorf("nodes: %s", got)
		}
		if got := ann.Query(t, `query($id: ID!) { node(id: $id) { id } }`, farleytest.Vars{"id": hidden.String()}).At("node").V; got != nil {
			t.Errorf("a hidden node: %v", got)
		}
	})
}

// Introspection shows a role what it may use.
func TestIntrospection_isShapedByRole(t *testing.T) {
	t.Parallel()
	e := farleytest.New(t)
	ann := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}}))
	const fields = `{ __type(name: "Account") { fields { name } } }`
	names := ann.Query(t, fields, nil).At("__type.fields").Texts("name")
	has := func(name string) bool {
		for _, n := range names {
			if n == name {
				return true
			}
		}
		return false
	}
	if !has("name") || has("taxNumber") || has("owner") || has("contacts") {
		t.Errorf("the reader of accounts is shown %v", names)
	}
	if got := ann.Query(t, `{ __type(name: "CreateAccountInput") { name } }`, nil).At("__type").V; got != nil {
		t.Errorf("he is shown the input of a mutation that he may not do: %v", got)
	}
	names = e.Admin(t).Query(t, fields, nil).At("__type.fields").Texts("name")
	if !has("taxNumber") || !has("contacts") {
		t.Errorf("the administrator is shown %v", names)
	}
}

// Managing some users is no licence to move others.
func TestUserStanding_needsManagementOfThatUser(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		boss := e.User(t, nil, e.Role(t, access.Role{Permissions: []access.Permission{
			{Object: "USER", Action: "READ", Scope: "ALL"}, {Object: "USER", Action: "UPDATE", Scope: "ALL"}, {Object: "USER", Action: "MANAGE_USERS", Scope: "TEAM"},
		}}))
		report := e.User(t, input.Object{"manager": boss.User.String()})
		other := e.User(t, nil)
		const end = `mutation($id: ID!) { updateUser(id: $id, input: {active: false}) { user { active } } }`
		boss = e.SignIn(t, boss.User)
		boss.Do(t, end, farleytest.Vars{"id": other.User.String()}).Want(t, "FORBIDDEN")
		boss.Do(t, end, farleytest.Vars{"id": report.User.String()}).Want(t, "")
	})
}
