package app_test

import (
	"fmt"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/farleytest"
	"farley/internal/input"
)

const follow = `subscription($after: Cursor) { accountChanged(after: $after) { cursor op object recordId version changedFields actor { displayName } node { id name owner { id } } } }`

// An owner change takes a record out of one reader's sight and into another's; a stranger hears nothing of it.
func TestSubscription_leftAndEntered(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		own := e.Role(t, farleytest.Everything(e, access.Own))
		ann, bob, cid := e.User(t, nil, own), e.User(t, nil, own), e.User(t, nil, own)
		record := e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		from := map[*farleytest.Client]string{}
		for _, c := range []*farleytest.Client{ann, bob, cid} {
			from[c] = after(t, e, c)
		}
		hears := func(c *farleytest.Client) *farleytest.Stream {
			return c.Subscribe(t, follow, farleytest.Vars{"after": from[c]})
		}
		a, b, stranger := hears(ann), hears(bob), hears(cid)
		e.Change(t, record, input.Object{"owner": bob.User.String()})
		e.Make(t, "Account", input.Object{"name": "Elm", "owner": cid.User.String()})

		left := a.Event(t).At("accountChanged")
		want := fmt.Sprintf(`{"actor":null,"changedFields":null,"cursor":%q,"node":null,"object":"ACCOUNT","op":"LEFT","recordId":%q,"version":null}`, left.At("cursor").Text(), record)
		if left.JSON() != want {
			t.Errorf("the old owner hears %s", left.JSON())
		}
		entered := b.Event(t).At("accountChanged")
		if entered.At("op").Text() != "ENTERED" || entered.At("node.name").Text() != "Oak" || entered.At("version").Int() != 2 {
			t.Errorf("the new owner hears %s", entered.JSON())
		}
		if first := stranger.Event(t).At("accountChanged"); first.At("node.name").Text() != "Elm" {
			t.Errorf("the stranger hears %s", first.JSON())
		}
	})
}

// after returns the client's cursor once everything written so far has its position.
func after(t *testing.T, e *farleytest.Env, c *farleytest.Client) string {
	t.Helper()
	e.Settle(t)
	return c.Cursor(t)
}

// A change of roles reaches open streams: they end with RESYNC, and the cursor of the old rights is good no more.
func TestSubscription_roleChangeResyncs(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		role := e.Role(t, farleytest.Everything(e, access.Own))
		admin, ann := e.Admin(t), e.User(t, nil, role)
		old := after(t, e, ann)
		s := ann.Subscribe(t, follow, farleytest.Vars{"after": old})
		e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		s.Event(t)

		began := time.Now()
		admin.Query(t, `mutation($id: ID!) { updateRole(id: $id, input: {permissions: [{object: ACCOUNT, action: READ, scope: ALL}, {object: USER, action: READ, scope: OWN}]}) { role { id } } }`, farleytest.Vars{"id": role.String()})
		if err := s.Refused(t); err.Extensions.Code != "RESYNC" {
			t.Errorf("the stream ends with %s", err.Extensions.Code)
		}
		t.Logf("the stream heard of the change after %v", time.Since(began))
		again := ann.Subscribe(t, follow, farleytest.Vars{"after": old})
		if err := again.Refused(t); err.Extensions.Code != "RESYNC" {
			t.Errorf("the old cursor is answered by %s", err.Extensions.Code)
		}
	})
}

// Deactivating a user ends his sockets and refuses his token.
func TestSubscription_deactivationEndsSockets(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		admin, ann := e.Admin(t), e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		s := ann.Subscribe(t, follow, farleytest.Vars{"after": after(t, e, ann)})
		e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		s.Event(t)
		admin.Query(t, `mutation($id: ID!) { updateUser(id: $id, input: {active: false}) { user { active } } }`, farleytest.Vars{"id": ann.User.String()})
		if err := s.Refused(t); err.Extensions.Code != "UNAUTHENTICATED" {
			t.Errorf("the stream ends with %s", err.Extensions.Code)
		}
		if m := s.Next(t); m.Type != "closed" || string(m.Payload) != "4401" {
			t.Errorf("the socket ends with %s %s", m.Type, m.Payload)
		}
		ann.Do(t, `{ viewer { user { id } } }`, nil).Want(t, "UNAUTHENTICATED")
	})
}

// A reader who loses his connection again and again, and resumes each time from his last cursor, sees every event once.
func TestSubscription_resumesWithoutLossOrRepeat(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		const reconnects, perStream = 100, 3
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		cursor := after(t, e, ann)
		written := make(chan struct{})
		defer func() { <-written }()
		go func() {
			defer close(written)
			for i := range reconnects * perStream {
				e.Make(t, "Account", input.Object{"name": fmt.Sprintf("Tree %03d", i), "owner": ann.User.String()})
			}
		}()
		seen := map[string]bool{}
		for range reconnects {
			s := ann.Subscribe(t, follow, farleytest.Vars{"after": cursor})
			for range perStream {
				ev := s.Event(t).At("accountChanged")
				name := ev.At("node.name").Text()
				if seen[name] {
					t.Fatalf("%s comes twice", name)
				}
				seen[name] = true
				cursor = ev.At("cursor").Text()
			}
			s.Close()
		}
		if len(seen) != reconnects*perStream {
			t.Errorf("%d events were seen", len(seen))
		}
	})
}

// The feed gives what a subscription gives, and the same cursors.
func TestChanges_feedAndStreamAgree(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		ann := e.User(t, nil, e.Role(t, farleytest.Everything(e, access.Own)))
		from := after(t, e, ann)
		x := e.Make(t, "Account", input.Object{"name": "Oak", "owner": ann.User.String()})
		e.Change(t, x, input.Object{"name": "Old Oak"})
		e.Make(t, "Account", input.Object{"name": "Not hers"})
		e.Settle(t)
		const fields = `cursor op object recordId version changedFields node { id ... on Account { name } }`
		page := ann.Query(t, `query($after: Cursor!) { changes(objects: [ACCOUNT], after: $after, first: 10) { edges { cursor node { `+fields+` } } pageInfo { hasNextPage endCursor } } }`, farleytest.Vars{"after": from}).At("changes")
		if page.At("edges").Len() != 2 || page.At("pageInfo.hasNextPage").V != false {
			t.Fatalf("the feed has %s", page.JSON())
		}
		s := ann.Subscribe(t, `subscription($after: Cursor) { changes(objects: [ACCOUNT], after: $after) { `+fields+` } }`, farleytest.Vars{"after": from})
		for i := range 2 {
			want := page.At(fmt.Sprintf("edges.%d.node", i)).JSON()
			if got := s.Event(t).At("changes").JSON(); got != want {
				t.Errorf("the stream gives %s, the feed %s", got, want)
			}
		}
		rest := ann.Query(t, `query($after: Cursor!) { changes(after: $after) { edges { cursor } } }`, farleytest.Vars{"after": page.At("pageInfo.endCursor").Text()})
		if rest.At("changes.edges").Len() != 0 {
			t.Errorf("behind the end there is %s", rest.JSON())
		}
	})
}
