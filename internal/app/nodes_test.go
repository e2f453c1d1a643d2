package app_test

import (
	"context"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/broker"
	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/input"
)

// eachCluster runs fn with two nodes on MariaDB, and on one SQLite file.
func eachCluster(t *testing.T, fn func(t *testing.T, c *farleytest.Cluster, a, b *farleytest.Env)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		c := farleytest.Nodes(t, d, 2)
		fn(t, c, c.Nodes[0], c.Nodes[1])
	})
}

// took logs how long what needed. There is no bound to assert: the clock stands still, so that no node looks by itself, and
// what arrives at all has come through the broker.
func took(t *testing.T, began time.Time, what string) {
	t.Helper()
	t.Logf("%s reached the other node after %v", what, time.Since(began))
}

// onOther returns a stream of the user on the node, after its first event, that of a write on another node.
func onOther(t *testing.T, writes, reads *farleytest.Env, user *farleytest.Client) *farleytest.Stream {
	t.Helper()
	s := user.On(reads).Subscribe(t, follow, farleytest.Vars{"after": after(t, writes, user.On(reads))})
	began := time.Now()
	writes.Make(t, "Account", input.Object{"name": "Oak", "owner": user.User.String()})
	if got := s.Event(t).At("accountChanged.node.name").Text(); got != "Oak" {
		t.Fatalf("the first event is about %q", got)
	}
	took(t, began, "a write")
	return s
}

func TestNodes_changeOfRoleReachesTheOtherOne(t *testing.T) {
	t.Parallel()
	eachCluster(t, func(t *testing.T, _ *farleytest.Cluster, a, b *farleytest.Env) {
		role := a.Role(t, farleytest.Everything(a, access.Own))
		admin, ann := a.Admin(t), a.User(t, nil, role)
		hidden := a.Make(t, "Account", input.Object{"name": "Elm"})
		s := onOther(t, a, b, ann)
		const read = `query($id: ID!) { account(id: $id) { name } }`
		ann.On(b).Do(t, read, farleytest.Vars{"id": hidden.String()}).Want(t, "NOT_FOUND")

		began := time.Now()
		admin.Query(t, `mutation($id: ID!) { updateRole(id: $id, input: {permissions: [{object: ACCOUNT, action: READ, scope: ALL}]}) { role { id } } }`, farleytest.Vars{"id": role.String()})
		if err := s.Refused(t); err.Extensions.Code != "RESYNC" {
			t.Errorf("the stream ends with %s", err.Extensions.Code)
		}
		took(t, began, "a change of a role")
		if got := ann.On(b).Query(t, read, farleytest.Vars{"id": hidden.String()}).At("account.name").Text(); got != "Elm" {
			t.Errorf("after: %q", got)
		}
	})
}

func TestNodes_deactivationAndLogoutReachTheOtherOne(t *testing.T) {
	t.Parallel()
	eachCluster(t, func(t *testing.T, _ *farleytest.Cluster, a, b *farleytest.Env) {
		own := a.Role(t, farleytest.Everything(a, access.Own))
		admin, ann, bob := a.Admin(t), a.User(t, nil, own), a.User(t, nil, own)
		for _, c := range []struct {
			what string
			user *farleytest.Client
			end  func()
		}{
			{"a deactivation", ann, func() {
				admin.Query(t, `mutation($id: ID!) { updateUser(id: $id, input: {active: false}) { user { active } } }`, farleytest.Vars{"id": ann.User.String()})
			}},
			{"a logout", bob, func() { bob.Query(t, `mutation { logout { done } }`, nil) }},
		} {
			s := onOther(t, a, b, c.user)
			c.user.On(b).Query(t, `{ viewer { user { id } } }`, nil) // the node has found the session alive, and believes it
			began := time.Now()
			c.end()
			if err := s.Refused(t); err.Extensions.Code != "UNAUTHENTICATED" {
				t.Errorf("%s: the stream ends with %s", c.what, err.Extensions.Code)
			}
			if m := s.Next(t); m.Type != "closed" || string(m.Payload) != "4401" {
				t.Errorf("%s: the socket ends with %s %s", c.what, m.Type, m.Payload)
			}
			took(t, began, c.what)
			c.user.On(b).Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
		}
	})
}

// What one node gave out holds on the other: tokens, cursors of lists and of the log, refresh tokens.
func TestNodes_shareTokensAndCursors(t *testing.T) {
	t.Parallel()
	eachCluster(t, func(t *testing.T, _ *farleytest.Cluster, a, b *farleytest.Env) {
		ann := a.User(t, nil, a.Role(t, farleytest.Everything(a, access.Own)))
		from := after(t, a, ann)
		for _, name := range []string{"Ash", "Elm", "Oak"} {
			a.Make(t, "Account", input.Object{"name": name, "owner": ann.User.String()})
		}
		a.Settle(t)
		const list = `query($after: Cursor) { accounts(first: 2, after: $after, orderBy: [{field: NAME}]) { nodes { name } pageInfo { endCursor } } }`
		cursor := ann.Query(t, list, nil).At("accounts.pageInfo.endCursor").Text()
		if got := ann.On(b).Query(t, list, farleytest.Vars{"after": cursor}).At("accounts").At("nodes.0.name").Text(); got != "Oak" {
			t.Errorf("the next page begins with %q", got)
		}
		const feed = `query($after: Cursor!) { changes(objects: [ACCOUNT], after: $after, first: 1) { edges { cursor node { op } } } }`
		first := ann.Query(t, feed, farleytest.Vars{"after": from}).At("changes.edges.0.cursor").Text()
		again := ann.On(b).Query(t, feed, farleytest.Vars{"after": from}).At("changes.edges.0.cursor").Text()
		if next := ann.On(b).Query(t, feed, farleytest.Vars{"after": first}); next.At("changes.edges").Len() != 1 || again == "" {
			t.Errorf("the other node goes on with %s", next.JSON())
		}
		refreshed := b.Anonymous().Query(t, `mutation($t: String!) { refresh(input: {refreshToken: $t}) { accessToken } }`, farleytest.Vars{"t": ann.Grant.RefreshToken})
		a.WithToken(refreshed.At("refresh.accessToken").Text()).Query(t, `{ viewer { user { id } } }`, nil)
	})
}

// A grant of a role that ends gives nothing from then on, on both nodes.
func TestNodes_grantEndsOnBoth(t *testing.T) {
	t.Parallel()
	eachCluster(t, func(t *testing.T, c *farleytest.Cluster, a, b *farleytest.Env) {
		all := a.Role(t, access.Role{Permissions: []access.Permission{{Object: "ACCOUNT", Action: "READ", Scope: "ALL"}}})
		ann := a.User(t, nil)
		x := a.Make(t, "Account", input.Object{"name": "Oak"})
		a.Admin(t).Query(t, `mutation($u: ID!, $r: ID!, $t: DateTime!) { createRoleGrant(input: {user: $u, role: $r, validUntil: $t}) { roleGrant { id } } }`,
			farleytest.Vars{"u": ann.User.String(), "r": all.String(), "t": farleytest.Start.Add(time.Minute).Format(time.RFC3339)})
		a.Settle(t)
		const read = `query($id: ID!) { account(id: $id) { name } }`
		for _, e := range []*farleytest.Env{a, b} {
			eventually(t, func() bool {
				return ann.On(e).Do(t, read, farleytest.Vars{"id": x.String()}).Data["account"] != nil
			})
		}
		c.Clock.Advance(farleytest.Start.Add(time.Minute))
		for _, e := range []*farleytest.Env{a, b} {
			ann.On(e).Do(t, read, farleytest.Vars{"id": x.String()}).Want(t, "FORBIDDEN")
		}
	})
}

// Without the broker nodes find out by themselves, one poll interval later.
func TestNodes_lostBrokerCostsThePollInterval(t *testing.T) {
	t.Parallel()
	eachCluster(t, func(t *testing.T, c *farleytest.Cluster, a, b *farleytest.Env) {
		ann := a.User(t, nil, a.Role(t, farleytest.Everything(a, access.Own)))
		s := onOther(t, a, b, ann)
		c.LoseBroker()

		began := c.Clock.Now()
		a.Make(t, "Account", input.Object{"name": "Elm", "owner": ann.User.String()})
		event := make(chan string, 1)
		go func() { event <- s.Event(t).At("accountChanged.node.name").Text() }()
		heard := ""
		eventually(t, func() bool {
			select {
			case heard = <-event:
				return true
			case <-time.After(20 * time.Millisecond): // a node that was about to wait does so now
				c.Clock.Advance(c.Clock.Now().Add(250 * time.Millisecond))
				return false
			}
		})
		t.Logf("the write was heard of after %v of the clock", c.Clock.Now().Sub(began))
		if heard != "Elm" {
			t.Errorf("heard of %q", heard)
		}

		bob := a.User(t, nil, a.Role(t, farleytest.Everything(a, access.Own)))
		bob.On(b).Query(t, `{ viewer { user { id } } }`, nil)
		bob.Query(t, `mutation { logout { done } }`, nil)
		bob.On(b).Query(t, `{ viewer { user { id } } }`, nil) // b has not heard of it, and believes in the session
		c.Clock.Advance(c.Clock.Now().Add(2 * time.Second))
		bob.On(b).Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
	})
}

// A node that hears that messages about sessions may have been lost looks for itself at once.
func TestNodes_lostMessagesAreMadeUpFor(t *testing.T) {
	t.Parallel()
	eachCluster(t, func(t *testing.T, c *farleytest.Cluster, a, b *farleytest.Env) {
		ann := a.User(t, nil, a.Role(t, farleytest.Everything(a, access.Own)))
		s := onOther(t, a, b, ann)
		c.LoseBroker()
		if err := a.Auth.Logout(context.Background(), ann.Grant.SessionID); err != nil {
			t.Fatal(err)
		}
		b.Broker.Publish(broker.Sessions, nil) // as on a reconnection
		if err := s.Refused(t); err.Extensions.Code != "UNAUTHENTICATED" {
			t.Errorf("the stream ends with %s", err.Extensions.Code)
		}
	})
}
