package secrecy_test

import (
	"fmt"
	"testing"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// What happens to records that were out of sight before and are so after tells nothing, deletes included.
func TestEvents_hiddenRecordsSendNothing(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		third := e.User(t, nil, e.Role(t, staff(e, "OWN")))
		from := after(t, e, w.c)
		e.Change(t, w.account, input.Object{"name": "Other"})
		e.Change(t, w.account, input.Object{"owner": third.User.String(), "parent": nil})
		e.Change(t, w.accountNote, input.Object{"title": "x"})
		e.Change(t, w.mixed, input.Object{"role": "x"})
		e.Make(t, "Note", input.Object{"contact": w.contact.String(), "body": "x"})
		e.Make(t, "Share", input.Object{"record": w.account.String(), "grantee": third.User.String()})
		remove(t, e, w.accountNote)
		remove(t, e, w.account)
		e.Admin(t).Query(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id } } }`, farleytest.Vars{"id": w.account.String()})
		w.hide(t, e)
		told(t, visibleEvents(t, e, w.c, from))
		// The stream is alive: the next change in sight is its first event.
		s := w.c.Subscribe(t, `subscription($after: Cursor) { changes(objects: [ACCOUNT, CONTACT, NOTE, ACCOUNT_CONTACT, SHARE, USER], after: $after) { op recordId } }`, farleytest.Vars{"after": from})
		e.Change(t, w.mine, input.Object{"name": "Mine still"})
		if got, want := s.Event(t).JSON(), `{"changes":{"op":"UPDATED","recordId":"`+w.mine.String()+`"}}`; got != want {
			t.Errorf("the first event is %s", got)
		}
	})
}

// visibleEvents is feed for the kinds of the book of business.
func visibleEvents(t *testing.T, e *farleytest.Env, c *farleytest.Client, from string) []string {
	t.Helper()
	e.Settle(t)
	edges := c.Query(t, `query($after: Cursor!) { changes(objects: [ACCOUNT, CONTACT, NOTE, ACCOUNT_CONTACT, SHARE], after: $after, first: 1000) { edges { node { op recordId version changedFields node { id } } } } }`,
		farleytest.Vars{"after": from}).At("changes.edges")
	return lines(edges)
}

// A record that leaves sight is told by its id alone, and nothing of it afterwards; when it comes back, what happened
// meanwhile is not told.
func TestEvents_leaveAndEnter(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		from := after(t, e, w.c)
		e.Change(t, w.mine, input.Object{"owner": w.other.User.String(), "name": "Theirs"})
		e.Change(t, w.mine, input.Object{"name": "Theirs still"})
		e.Settle(t)
		left := "LEFT " + w.mine.String() + " null null null"
		told(t, visibleEvents(t, e, w.c, from), left)
		remove(t, e, w.mine)
		e.Admin(t).Query(t, `mutation($id: ID!) { restoreAccount(id: $id) { account { id } } }`, farleytest.Vars{"id": w.mine.String()})
		told(t, visibleEvents(t, e, w.c, from), left)
		e.Change(t, w.mine, input.Object{"owner": w.c.User.String(), "source": "fair"})
		entered := fmt.Sprintf("ENTERED %s 6 [] %q", w.mine, w.mine)
		told(t, visibleEvents(t, e, w.c, from), left, entered)
		remove(t, e, w.mine)
		told(t, visibleEvents(t, e, w.c, from), left, "DELETED "+w.mine.String()+" null null null")
	})
}

// A share makes a record enter, with the fields that it opens; its end makes it leave.
func TestEvents_shares(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c, owner := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT READ SHARED"))), e.User(t, nil)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "owner": owner.User.String(), "industry": "Wood"})
		from := after(t, e, c)
		e.Change(t, x, input.Object{"industry": "Timber"})
		share := e.Make(t, "Share", input.Object{"record": x.String(), "grantee": c.User.String(), "fields": []any{"NAME", "SOURCE"}})
		e.Identity.Invalidate()
		e.Change(t, x, input.Object{"industry": "Paper"})
		e.Change(t, x, input.Object{"industry": "Ink", "name": "Elm"})
		want := []string{fmt.Sprintf("ENTERED %s 3 [] %q", x, x), fmt.Sprintf("UPDATED %s 5 %s %q", x, `["name"]`, x)}
		told(t, feed(t, e, c, from), want...)
		d := c.Query(t, `query($id: ID!) { account(id: $id) { name industry website } accounts(where: {industry: {eq: "ink"}}) { totalCount { value } } }`, farleytest.Vars{"id": x.String()})
		if got := d.JSON(); got != `{"account":{"industry":null,"name":"Elm","website":null},"accounts":{"totalCount":{"value":0}}}` {
			t.Errorf("the share opens %s", got)
		}
		remove(t, e, share)
		e.Change(t, x, input.Object{"name": "Ash"})
		told(t, feed(t, e, c, from), "LEFT "+x.String()+" null null null")
	})
}

// A share that has run out shows nothing, and nothing of what happens then is told.
func TestEvents_expiredShare(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c, owner := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT READ SHARED"))), e.User(t, nil)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "owner": owner.User.String()})
		until := e.Clock.Now().Add(minute)
		e.Make(t, "Share", input.Object{"record": x.String(), "grantee": c.User.String(), "expiresAt": until.Format("2006-01-02T15:04:05Z07:00")})
		const ask = `query($id: ID!) { node(id: $id) { id } accounts { totalCount { value } } }`
		if got := c.Query(t, ask, farleytest.Vars{"id": x.String()}).At("accounts.totalCount.value").Int(); got != 1 {
			t.Fatalf("%d accounts are in sight", got)
		}
		e.Clock.Advance(until)
		from := after(t, e, c)
		if got := c.Query(t, ask, farleytest.Vars{"id": x.String()}).JSON(); got != `{"accounts":{"totalCount":{"value":0}},"node":null}` {
			t.Errorf("the share still opens %s", got)
		}
		e.Clock.Advance(until.Add(minute))
		e.Change(t, x, input.Object{"name": "Elm"})
		told(t, feed(t, e, c, from))
	})
}

// Who did something is named only to those who see that user.
func TestEvents_hiddenActor(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin := e.Admin(t)
		sees := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT READ ALL", "USER READ ALL")))
		blind := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT READ ALL", "USER READ OWN")))
		nameless := e.User(t, nil, e.Role(t, levels(grants(e, "ACCOUNT READ ALL", "USER READ ALL"), "USER NAME NONE")))
		e.Settle(t)
		from := map[*farleytest.Client]string{sees: sees.Cursor(t), blind: blind.Cursor(t), nameless: nameless.Cursor(t)}
		admin.Query(t, `mutation { createAccount(input: {name: "Oak"}) { account { id } } }`, nil)
		e.Settle(t)
		for c, want := range map[*farleytest.Client]string{sees: `{"id":"` + admin.User.String() + `"}`, blind: "null", nameless: "null"} {
			d := c.Query(t, `query($after: Cursor!) { changes(objects: [ACCOUNT], after: $after) { edges { node { actor { id } node { ... on Account { createdBy { id } owner { id } } } } } } }`, farleytest.Vars{"after": from[c]})
			if got := d.At("changes.edges.0.node.actor").JSON(); got != want {
				t.Errorf("the actor is %s, want %s", got, want)
			}
			if got := d.At("changes.edges.0.node.node.owner").JSON(); c == blind && got != "null" {
				t.Errorf("the hidden owner is %s", got)
			}
		}
	})
}

// A relation that leads from one hidden record to another shows as empty all the time; its change is none.
func TestEvents_hiddenRelation(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		w := newHiddenWorld(t, e)
		e.Change(t, w.account, input.Object{"parent": nil})
		from := after(t, e, w.c)
		e.Change(t, w.mine, input.Object{"parent": w.account.String()})
		e.Change(t, w.person, input.Object{"referredBy": w.contact.String()})
		told(t, visibleEvents(t, e, w.c, from))
	})
}

// Subscribers who share a group by equal rights are told apart where rights depend on who they are.
func TestEvents_groupsKeepReadersApart(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := e.Role(t, levels(grants(e, "ACCOUNT READ OWN"), "ACCOUNT TAX_NUMBER READ"))
		all := e.Role(t, grants(e, "ACCOUNT READ ALL", "USER READ ALL"))
		ann, bob := e.User(t, nil, role, all), e.User(t, nil, role, all)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "taxNumber": "SA-1", "owner": ann.User.String()})
		const document = `subscription($after: Cursor) { accountChanged(after: $after) { changedFields node { taxNumber owner { id } } } }`
		a := ann.Subscribe(t, document, farleytest.Vars{"after": after(t, e, ann)})
		b := bob.Subscribe(t, document, farleytest.Vars{"after": after(t, e, bob)})
		e.Change(t, x, input.Object{"name": "Elm", "taxNumber": "SA-2"})
		node := func(tax string) string {
			return fmt.Sprintf(`"node":{"owner":{"id":%q},"taxNumber":%s}`, ann.User, tax)
		}
		if got, want := a.Event(t).JSON(), `{"accountChanged":{"changedFields":["name","taxNumber"],`+node(`"SA-2"`)+`}}`; got != want {
			t.Errorf("the owner is told %s", got)
		}
		if got, want := b.Event(t).JSON(), `{"accountChanged":{"changedFields":["name"],`+node(`null`)+`}}`; got != want {
			t.Errorf("the other is told %s", got)
		}
	})
}

// A filter on a stream leaves out what it does not let through, and does not follow hidden values.
func TestEvents_filterSeesVisibleValuesOnly(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		own := e.Role(t, levels(grants(e, "ACCOUNT READ OWN"), "ACCOUNT TAX_NUMBER READ"))
		c, other := e.User(t, nil, own, e.Role(t, grants(e, "ACCOUNT READ ALL"))), e.User(t, nil)
		make := func(name string, owner id.ID) id.ID {
			tick(e)
			return e.Make(t, "Account", input.Object{"name": name, "owner": owner.String()})
		}
		mine, theirs := make("Mine", c.User), make("Theirs", other.User)
		s := c.Subscribe(t, `subscription($after: Cursor) { accountChanged(after: $after, where: {taxNumber: {isNull: false}}) { op recordId node { taxNumber } } }`, farleytest.Vars{"after": after(t, e, c)})
		e.Change(t, theirs, input.Object{"name": "Theirs still", "taxNumber": "SA-1"})
		e.Change(t, theirs, input.Object{"taxNumber": nil})
		e.Change(t, mine, input.Object{"taxNumber": "SA-2"})
		want := fmt.Sprintf(`{"accountChanged":{"node":{"taxNumber":"SA-2"},"op":"UPDATED","recordId":%q}}`, mine)
		if got := s.Event(t).JSON(); got != want {
			t.Errorf("the first event is %s, want %s", got, want)
		}
	})
}

// explainAccess is for those who manage users.
func TestExplainAccess_isForAdministrators(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		c := e.User(t, nil, e.Role(t, grants(e, "ACCOUNT * ALL", "USER READ ALL", "USER UPDATE ALL", "ROLE READ ALL")))
		x := e.Make(t, "Account", input.Object{"name": "Oak"})
		const document = `query($u: ID!, $r: ID!) { explainAccess(user: $u, record: $r, action: READ) { allowed because { role } } }`
		vars := farleytest.Vars{"u": c.User.String(), "r": x.String()}
		c.Do(t, document, vars).Want(t, "FORBIDDEN")
		e.Anonymous().Do(t, document, vars).Want(t, "UNAUTHENTICATED")
		if !e.Admin(t).Query(t, document, vars).At("explainAccess.allowed").V.(bool) {
			t.Error("the administrator is told that it is not allowed")
		}
	})
}

// Nobody who is not signed in learns anything but how to sign in, and that in one wording.
func TestAnonymous_learnsNothing(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		x := e.Make(t, "Account", input.Object{"name": "Oak"})
		a := e.Anonymous()
		for _, document := range []string{
			`{ accounts { edges { node { id } } } }`, `{ node(id: "` + x.String() + `") { id } }`, `{ viewer { user { id } } }`, `{ changesCursor }`,
			`mutation { createAccount(input: {name: "x"}) { account { id } } }`, `mutation { logout { done } }`, `mutation { createStreamTicket { ticket } }`,
			`{ sessions { id } }`, `{ apiKeys(user: "` + x.String() + `") { id } }`, `mutation { logoutEverywhere(input: {}) { done } }`,
			`mutation { changePassword(input: {current: "x", new: "y"}) { done } }`, `mutation { endSession(input: {session: "` + x.String() + `"}) { done } }`,
		} {
			r := a.Do(t, document, nil).Want(t, "UNAUTHENTICATED")
			if r.Errors[0].Message != "Sign in first." || r.Data != nil {
				t.Errorf("%s is answered by %s", document, r.Raw)
			}
		}
		u := e.User(t, nil)
		email := e.Admin(t).Query(t, `query($id: ID!) { user(id: $id) { email } }`, farleytest.Vars{"id": u.User.String()}).At("user.email").Text()
		const login = `mutation($e: String!) { login(input: {email: $e, password: "not the password"}) { accessToken } }`
		one := a.Do(t, login, farleytest.Vars{"e": email}).Want(t, "UNAUTHENTICATED")
		same(t, "an unknown address", one, a.Do(t, login, farleytest.Vars{"e": "nobody@example.com"}))
	})
}
