package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/scalar"
)

const (
	startTalk = `mutation($in: StartConversationInput!) { startConversation(input: $in) { conversation { id title unread account { id } circle { members(orderBy: [{field: ID}]) { nodes { user { id } } } } } post { id number text owner { id } } } }`
	sayThis   = `mutation($c: ID!, $t: String!) { postToConversation(input: {conversation: $c, text: $t}) { post { id number } } }`
	unread    = `{ unreadConversations { count posts conversations { id unread } } }`
	markRead  = `mutation($c: ID!, $p: ID) { markConversationRead(input: {conversation: $c, post: $p}) { unread conversation { unread } } }`
	readTalk  = `query($c: ID!) { conversation(id: $c) { unread posts(orderBy: [{field: NUMBER}]) { nodes { text } } } }`
)

// talkAbout starts a conversation and returns it.
func talkAbout(t *testing.T, c *farleytest.Client, in input.Object) id.ID {
	t.Helper()
	return c.Query(t, startTalk, farleytest.Vars{"in": in}).At("startConversation.conversation.id").ID()
}

func sayIn(t *testing.T, c *farleytest.Client, conversation id.ID, text string) id.ID {
	t.Helper()
	return c.Query(t, sayThis, farleytest.Vars{"c": conversation, "t": text}).At("postToConversation.post.id").ID()
}

// Who sees a record takes part in what is said about it, and nobody else does.
func TestConversation_aboutRecord(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		firm := e.Make(t, "Account", input.Object{"name": "Partner", "kinds": []any{"PARTNER"}})
		pam := shipped(t, e, "partner", input.Object{"kind": "PARTNER", "partnerAccount": firm.String(), "name": "Pam"})
		stranger := shipped(t, e, "sales_rep", nil)
		x := e.Make(t, "Account", input.Object{"name": "Elm", "owner": ann.User.String()})
		d := ann.Query(t, startTalk, farleytest.Vars{"in": input.Object{"record": x.String(), "title": " Prices ", "text": "What do we offer?"}}).At("startConversation")
		if got := fmt.Sprint(d.At("conversation.title").Text(), d.At("conversation.unread").Int(), d.At("post.number").Int(), d.At("conversation.account.id").Text() == x.String()); got != "Prices0 1 true" {
			t.Errorf("started as %s", d.JSON())
		}
		talk := d.At("conversation.id").ID()
		sayIn(t, bob, talk, "Ten per cent")
		got := ann.Query(t, readTalk, farleytest.Vars{"c": talk}).At("conversation")
		if diff := cmp.Diff([]string{"What do we offer?", "Ten per cent"}, got.At("posts.nodes").Texts("text")); diff != "" || got.At("unread").Int() != 1 {
			t.Errorf("Ann reads %s", got.JSON())
		}
		for _, c := range []*farleytest.Client{stranger, pam} {
			c.Do(t, readTalk, farleytest.Vars{"c": talk}).Want(t, "NOT_FOUND")
			c.Do(t, sayThis, farleytest.Vars{"c": talk, "t": "Me too"}).Want(t, "NOT_FOUND")
			c.Do(t, `mutation($x: ID!) { startConversation(input: {record: $x}) { conversation { id } } }`, farleytest.Vars{"x": x}).Want(t, "NOT_FOUND")
			if n := c.Query(t, `{ posts { nodes { id } } }`, nil).At("posts.nodes").Len(); n != 0 {
				t.Errorf("somebody without the record reads %d posts", n)
			}
		}
		// Shared for reading, a partner reads and does not write; shared for comments, he does.
		e.Consents(t, x)
		share := e.Make(t, "Share", input.Object{"record": x.String(), "grantee": firm.String(), "level": "READ"})
		if n := pam.Query(t, readTalk, farleytest.Vars{"c": talk}).At("conversation.posts.nodes").Len(); n != 2 {
			t.Errorf("Pam reads %d posts", n)
		}
		pam.Do(t, sayThis, farleytest.Vars{"c": talk, "t": "Me too"}).Want(t, "FORBIDDEN")
		e.Change(t, share, input.Object{"level": "COMMENT"})
		sayIn(t, pam, talk, "Me too")
		if n := ann.Query(t, readTalk, farleytest.Vars{"c": talk}).At("conversation.unread").Int(); n != 2 {
			t.Errorf("Ann has %d unread", n)
		}
		if n := ann.Query(t, `query($x: ID!) { account(id: $x) { conversations { nodes { id } } } }`, farleytest.Vars{"x": x}).At("account.conversations.nodes").Len(); n != 1 {
			t.Errorf("the account has %d conversations", n)
		}
	})
}

// Only those who belong to a conversation among users see it: an administrator who does not sees nothing of it.
func TestConversation_amongUsers(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, bob := salesTeam(t, e)
		admin, cid, boss := e.Admin(t), shipped(t, e, "sales_rep", input.Object{"team": team.String()}), shipped(t, e, "sales_manager", input.Object{"team": team.String()})
		d := ann.Query(t, startTalk, farleytest.Vars{"in": input.Object{"users": []any{bob.User.String(), ann.User.String(), bob.User.String()}, "text": "Between us"}}).At("startConversation")
		talk, post := d.At("conversation.id").ID(), d.At("post.id").ID()
		if n := d.At("conversation.circle.members.nodes").Len(); n != 2 {
			t.Errorf("%d belong to it", n)
		}
		if diff := cmp.Diff([]string{"CONVERSATION You were taken into a conversation."}, toldTo(t, bob)); diff != "" {
			t.Error(diff)
		}
		sayIn(t, bob, talk, "Agreed")
		const everything = `{ conversations { totalCount { value } } posts { totalCount { value } } circles { totalCount { value } } circleMembers { totalCount { value } } readMarks { totalCount { value } } }`
		for name, c := range map[string]*farleytest.Client{"the administrator": admin, "a colleague": cid, "the manager": boss, "the auditor": shipped(t, e, "auditor", nil)} {
			got := c.Query(t, everything, nil)
			for _, list := range []string{"conversations", "posts", "circles", "circleMembers", "readMarks"} {
				if n := got.At(list + ".totalCount.value").Int(); n != 0 {
					t.Errorf("%s sees %d %s", name, n, list)
				}
			}
			c.Do(t, readTalk, farleytest.Vars{"c": talk}).Want(t, "NOT_FOUND")
			c.Do(t, markRead, farleytest.Vars{"c": talk}).Want(t, "NOT_FOUND")
			if name == "the auditor" { // who writes nothing
				continue
			}
			c.Do(t, `mutation($c: ID!, $u: ID!) { addToConversation(input: {conversation: $c, users: [$u]}) { conversation { id } } }`, farleytest.Vars{"c": talk, "u": c.User}).Want(t, "NOT_FOUND")
		}
		if n := bob.Query(t, everything, nil).At("readMarks.totalCount.value").Int(); n != 1 {
			t.Errorf("Bob sees %d marks", n)
		}
		// Cid joins and sees all of it; Bob leaves and sees nothing any more, and hears of nothing.
		from := after(t, e, cid)
		hears := cid.Subscribe(t, `subscription($a: Cursor) { postChanged(after: $a) { op node { text } } }`, farleytest.Vars{"a": from})
		leaving := bob.Subscribe(t, `subscription($a: Cursor) { circleChanged(after: $a) { op } }`, farleytest.Vars{"a": after(t, e, bob)})
		ann.Query(t, `mutation($c: ID!, $u: ID!) { addToConversation(input: {conversation: $c, users: [$u]}) { conversation { id } } }`, farleytest.Vars{"c": talk, "u": cid.User})
		got := cid.Query(t, readTalk, farleytest.Vars{"c": talk}).At("conversation")
		if diff := cmp.Diff([]string{"Between us", "Agreed"}, got.At("posts.nodes").Texts("text")); diff != "" || got.At("unread").Int() != 0 {
			t.Errorf("Cid reads %s", got.JSON())
		}
		bob.Query(t, `mutation($c: ID!) { leaveConversation(input: {conversation: $c}) { left } }`, farleytest.Vars{"c": talk})
		bob.Do(t, readTalk, farleytest.Vars{"c": talk}).Want(t, "NOT_FOUND")
		e.Settle(t)
		var ops []string
		for len(ops) == 0 || ops[len(ops)-1] != "LEFT" {
			ops = append(ops, leaving.Event(t).At("circleChanged.op").Text())
		}
		sayIn(t, ann, talk, "Without Bob")
		for {
			event := hears.Event(t).At("postChanged")
			if event.At("node.text").Text() == "Without Bob" {
				break
			}
		}
		if n := bob.Query(t, everything, nil).At("posts.totalCount.value").Int(); n != 0 {
			t.Errorf("Bob still sees %d posts", n)
		}
		// Who started it has no other rights than who belongs to it.
		ann.Query(t, `mutation($c: ID!) { leaveConversation(input: {conversation: $c}) { left } }`, farleytest.Vars{"c": talk})
		ann.Do(t, readTalk, farleytest.Vars{"c": talk}).Want(t, "NOT_FOUND")
		ann.Do(t, `mutation($p: ID!) { removePost(input: {post: $p}) { removed } }`, farleytest.Vars{"p": post}).Want(t, "NOT_FOUND")

		about := talkAbout(t, ann, input.Object{"record": e.Make(t, "Account", input.Object{"name": "Elm", "owner": ann.User.String()}).String()})
		ann.Do(t, `mutation($c: ID!) { leaveConversation(input: {conversation: $c}) { left } }`, farleytest.Vars{"c": about}).Want(t, "CONFLICT")
		bad := map[string]input.Object{
			"input.record REQUIRED":   {"title": "x"},
			"input.users REQUIRED":    {"users": []any{ann.User.String()}},
			"input.users.0 NOT_FOUND": {"users": []any{absentUser(e).String(), bob.User.String()}},
			"input.record FORMAT":     {"record": bob.User.String()},
			"input.text REQUIRED":     {"users": []any{bob.User.String()}, "text": "  "},
			"input.text TOO_LONG input.title TOO_LONG input.users.0 FORMAT": {"users": []any{talk.String(), bob.User.String()}, "text": strings.Repeat("x", 10_001), "title": strings.Repeat("y", 201)},
		}
		for want, in := range bad {
			if got := strings.Join(ann.Do(t, startTalk, farleytest.Vars{"in": in}).Want(t, "INVALID").Violations(), " "); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// One changes and takes away what one said, and nobody else does, whatever his roles are.
func TestPost_ownOnly(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		x := e.Make(t, "Account", input.Object{"name": "Elm", "owner": ann.User.String()})
		talk := talkAbout(t, ann, input.Object{"record": x.String()})
		post := sayIn(t, ann, talk, "First")
		const edit = `mutation($p: ID!, $t: String!, $v: Int) { editPost(input: {post: $p, text: $t}, expectedVersion: $v) { post { text editedAt version } } }`
		const remove = `mutation($p: ID!) { removePost(input: {post: $p}) { removed } }`
		for _, c := range []*farleytest.Client{bob, e.Admin(t)} {
			c.Do(t, edit, farleytest.Vars{"p": post, "t": "Forged"}).Want(t, "FORBIDDEN")
			c.Do(t, remove, farleytest.Vars{"p": post}).Want(t, "FORBIDDEN")
		}
		ann.Do(t, edit, farleytest.Vars{"p": post, "t": "Second", "v": 7}).Want(t, "CONFLICT")
		got := ann.Query(t, edit, farleytest.Vars{"p": post, "t": "Second", "v": 1}).At("editPost.post")
		if got.At("text").Text() != "Second" || got.At("editedAt").Text() == "" || got.At("version").Int() != 2 {
			t.Errorf("edited to %s", got.JSON())
		}
		ann.Query(t, remove, farleytest.Vars{"p": post})
		if n := bob.Query(t, readTalk, farleytest.Vars{"c": talk}).At("conversation.posts.nodes").Len(); n != 0 {
			t.Errorf("%d posts are left", n)
		}
		ann.Do(t, edit, farleytest.Vars{"p": post, "t": "Third"}).Want(t, "NOT_FOUND")
		// A number is given once.
		if n := ann.Query(t, sayThis, farleytest.Vars{"c": talk, "t": "Next"}).At("postToConversation.post.number").Int(); n != 2 {
			t.Errorf("the next has the number %d", n)
		}
		// A dry run keeps nothing, a key makes repeating safe.
		ann.Query(t, `mutation($c: ID!) { postToConversation(input: {conversation: $c, text: "Dry"}, dryRun: true) { post { id } } }`, farleytest.Vars{"c": talk})
		const once = `mutation($c: ID!) { postToConversation(input: {conversation: $c, text: "Once"}, idempotencyKey: "k") { post { id } } }`
		if one, other := ann.Query(t, once, farleytest.Vars{"c": talk}).JSON(), ann.Query(t, once, farleytest.Vars{"c": talk}).JSON(); one != other {
			t.Errorf("%s, then %s", one, other)
		}
		if diff := cmp.Diff([]string{"Next", "Once"}, bob.Query(t, readTalk, farleytest.Vars{"c": talk}).At("conversation.posts.nodes").Texts("text")); diff != "" {
			t.Error(diff)
		}
	})
}

// Who is mentioned and sees the conversation is told, once, and follows it from then on.
func TestPost_mentions(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		stranger := shipped(t, e, "sales_rep", nil)
		x := e.Make(t, "Account", input.Object{"name": "Elm", "owner": ann.User.String()})
		talk := talkAbout(t, ann, input.Object{"record": x.String()})
		sayIn(t, ann, talk, "Nobody in particular")
		post := sayIn(t, ann, talk, fmt.Sprintf("Ask [@Bob](%s), [@X](%s) or [me](%s)", bob.User, stranger.User, ann.User))
		want := []string{fmt.Sprintf("MENTIONED You were mentioned: Ask [@Bob](%s), [@X](%s)", bob.User, stranger.User)}
		got := toldTo(t, bob)
		if len(got) != 1 || !strings.HasPrefix(got[0], want[0]) {
			t.Errorf("Bob was told %q", got)
		}
		if got := toldTo(t, stranger); len(got) != 0 {
			t.Errorf("who does not see it was told %q", got)
		}
		if got := toldTo(t, ann); len(got) != 0 {
			t.Errorf("the author was told %q", got)
		}
		d := bob.Query(t, unread, nil).At("unreadConversations")
		if d.At("count").Int() != 1 || d.At("posts").Int() != 1 {
			t.Errorf("Bob follows with %s", d.JSON())
		}
		const edit = `mutation($p: ID!, $t: String!) { editPost(input: {post: $p, text: $t}) { post { id } } }`
		ann.Query(t, edit, farleytest.Vars{"p": post, "t": fmt.Sprintf("Do ask [@Bob](%s)", bob.User)})
		if got := toldTo(t, bob); len(got) != 1 || !strings.Contains(got[0], "Do ask") {
			t.Errorf("Bob was told %q", got)
		}
		r := ann.Do(t, sayThis, farleytest.Vars{"c": talk, "t": fmt.Sprintf("[@y](%s)", absentUser(e))}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.text NOT_FOUND"}, r.Violations()); diff != "" {
			t.Error(diff)
		}
		// Mentions in notes are told as well.
		ann.Query(t, `mutation($a: ID!, $b: String!) { createNote(input: {account: $a, body: $b}) { note { id } } }`, farleytest.Vars{"a": x, "b": fmt.Sprintf("[@Bob](%s) knows", bob.User)})
		if got := strings.Join(toldTo(t, bob), "; "); !strings.Contains(got, "knows") {
			t.Errorf("Bob was told %q", got)
		}
	})
}

// What is unread is counted for a list by as many statements as for one, follows the reader's rights, and moves live.
func TestConversation_unread(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		var talks []id.ID
		for i := range 5 {
			advanceBy(e, time.Second)
			x := e.Make(t, "Account", input.Object{"name": fmt.Sprint("Elm ", i), "owner": ann.User.String()})
			talks = append(talks, talkAbout(t, bob, input.Object{"record": x.String(), "text": "Hello"}))
			for j := range i {
				advanceBy(e, time.Second)
				sayIn(t, ann, talks[i], fmt.Sprint("Post ", j))
			}
		}
		count := func(first int) (int, []string) {
			t.Helper()
			e.DB.Counter.Reset()
			d := bob.Query(t, fmt.Sprintf(`{ conversations(first: %d, orderBy: [{field: ID}]) { nodes { unread } } }`, first), nil).At("conversations.nodes")
			var got []string
			for i := range d.Len() {
				got = append(got, fmt.Sprint(d.At(fmt.Sprint(i)+".unread").Int()))
			}
			return len(e.DB.Counter.Asked()), got
		}
		count(1)
		one, _ := count(1)
		all, got := count(5)
		if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, got); diff != "" || one != all {
			t.Errorf("%d statements for one, %d for five; %s", one, all, diff)
		}
		d := bob.Query(t, unread, nil).At("unreadConversations")
		want := []string{talks[4].String(), talks[3].String(), talks[2].String(), talks[1].String()}
		if diff := cmp.Diff(want, d.At("conversations").Texts("id")); diff != "" || d.At("count").Int() != 4 || d.At("posts").Int() != 10 {
			t.Errorf("unread: %s %s", d.JSON(), diff)
		}
		// Another device of the reader's hears how far he is.
		device := bob.Subscribe(t, `subscription($a: Cursor) { readMarkChanged(after: $a) { op node { number } } }`, farleytest.Vars{"a": after(t, e, bob)})
		posts := bob.Query(t, `query($c: ID!) { conversation(id: $c) { posts(orderBy: [{field: NUMBER}]) { nodes { id } } } }`, farleytest.Vars{"c": talks[4]}).At("conversation.posts.nodes").Texts("id")
		if n := bob.Query(t, markRead, farleytest.Vars{"c": talks[4], "p": posts[2]}).At("markConversationRead.unread").Int(); n != 2 {
			t.Errorf("%d are unread behind the third", n)
		}
		if n := device.Event(t).At("readMarkChanged.node.number").Int(); n != 3 {
			t.Errorf("the device hears %d", n)
		}
		bob.Query(t, markRead, farleytest.Vars{"c": talks[4]})
		if n := bob.Query(t, markRead, farleytest.Vars{"c": talks[4], "p": posts[0]}).At("markConversationRead.conversation.unread").Int(); n != 0 {
			t.Errorf("reading went back to %d", n)
		}
		bob.Do(t, markRead, farleytest.Vars{"c": talks[3], "p": posts[0]}).Want(t, "NOT_FOUND")
		// Out of sight it counts no more, and what was taken away neither.
		e.Change(t, bob.User, input.Object{"team": nil})
		e.Settle(t)
		if n := bob.Query(t, unread, nil).At("unreadConversations.count").Int(); n != 0 {
			t.Errorf("%d unread out of sight", n)
		}
	})
}

// Two write at once: each post has a number of its own.
func TestPost_atOnce(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		talk := talkAbout(t, ann, input.Object{"users": []any{bob.User.String()}})
		numbers := make(chan int, 20)
		for range 10 {
			for _, c := range []*farleytest.Client{ann, bob} {
				go func() {
					d := c.Do(t, sayThis, farleytest.Vars{"c": talk, "t": "x"})
					if len(d.Errors) > 0 {
						numbers <- 0
						return
					}
					numbers <- farleytest.Data{V: d.Data}.At("postToConversation.post.number").Int()
				}()
			}
		}
		var got []int
		for range 20 {
			got = append(got, <-numbers)
		}
		slices.Sort(got)
		for i, n := range got {
			if n != i+1 {
				t.Fatalf("the numbers are %v", got)
			}
		}
	})
}

// What was said about a person is erased with the person's data; a merge takes conversations along.
func TestConversation_erasedAndMerged(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		x := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "owner": ann.User.String()})
		other := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "owner": ann.User.String()})
		talk := talkAbout(t, ann, input.Object{"record": other.String(), "title": "About Farouk", "text": "He is ill"})
		post := sayIn(t, ann, talk, "Still")
		e.Admin(t).Query(t, `mutation($a: ID!, $b: ID!) { mergeContacts(input: {survivor: $a, losers: [$b]}) { contact { id } } }`, farleytest.Vars{"a": x, "b": other})
		if got := ann.Query(t, `query($x: ID!) { contact(id: $x) { conversations { nodes { id } } } }`, farleytest.Vars{"x": x}).At("contact.conversations.nodes").Texts("id"); len(got) != 1 || got[0] != talk.String() {
			t.Errorf("after the merge: %v", got)
		}
		eraser := shipped(t, e, "administrator", nil)
		eraser.Query(t, `mutation($x: ID!) { erasePersonalData(input: {contact: $x, reason: REQUEST}) { contact { id } } }`, farleytest.Vars{"x": x})
		pass(t, e, time.Hour)
		if got := e.Stored(t, post, "text"); got != "Erased" {
			t.Errorf("the post says %v", got)
		}
		if got := e.Stored(t, talk, "title"); got != nil {
			t.Errorf("the title is %v", got)
		}
	})
}

const announce = `mutation($in: AnnounceInput!) { announce(input: $in) { told announcement { id title mustRead toldCount readCount readAt } } }`

// An announcement reaches who belongs to teams or has roles; its author sees who has read it, live.
func TestAnnouncement(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, bob := salesTeam(t, e)
		boss := shipped(t, e, "sales_manager", input.Object{"team": team.String()})
		below := e.Make(t, "Team", input.Object{"name": "Below", "parent": team.String()})
		cid := shipped(t, e, "sales_rep", input.Object{"team": below.String()})
		e.Make(t, "User", input.Object{"email": "away@example.com", "name": "Away", "team": team.String(), "active": false})
		other := e.Make(t, "Team", input.Object{"name": "Other"})
		stranger := shipped(t, e, "sales_rep", input.Object{"team": other.String()})
		for c, name := range map[*farleytest.Client]string{ann: "Ann", bob: "Bob", cid: "Cid"} {
			e.Change(t, c.User, input.Object{"name": name})
		}
		e.Settle(t)
		live := bob.Subscribe(t, `subscription($a: Cursor) { announcementChanged(after: $a) { op node { title } } }`, farleytest.Vars{"a": after(t, e, bob)})
		advanceBy(e, time.Second)
		d := boss.Query(t, announce, farleytest.Vars{"in": input.Object{"title": "New strategy", "body": "We sell more", "mustRead": true, "teams": []any{team.String()}}}).At("announce")
		if got := fmt.Sprint(d.At("told").Int(), d.At("announcement.toldCount").Int(), d.At("announcement.readCount").Int(), d.At("announcement.mustRead").V); got != "3 3 0 true" {
			t.Errorf("announced: %s", d.JSON())
		}
		x := d.At("announcement.id").ID()
		if got := live.Event(t).At("announcementChanged"); got.At("node.title").Text() != "New strategy" {
			t.Errorf("Bob hears %s", got.JSON())
		}
		if diff := cmp.Diff([]string{"ANNOUNCEMENT Announced: New strategy."}, toldTo(t, cid)); diff != "" {
			t.Error(diff)
		}
		const mine = `{ unreadAnnouncements { count announcements { id title readAt readBy { readAt } } } }`
		if got := bob.Query(t, mine, nil).At("unreadAnnouncements"); got.At("count").Int() != 1 || got.At("announcements.0.readBy").V != nil {
			t.Errorf("Bob has %s", got.JSON())
		}
		const read = `mutation($x: ID!) { markAnnouncementRead(input: {announcement: $x}) { unread announcement { readAt } } }`
		advanceBy(e, time.Minute)
		author := boss.Subscribe(t, `subscription($a: Cursor) { announcementChanged(after: $a) { op node { readCount } } }`, farleytest.Vars{"a": after(t, e, boss)})
		at := e.Clock.Now().Format(scalar.Layout)
		for i := range 2 {
			if got := bob.Query(t, read, farleytest.Vars{"x": x}).At("markAnnouncementRead"); got.At("unread").Int() != 0 || got.At("announcement.readAt").Text() != at {
				t.Errorf("read: %s", got.JSON())
			}
			if i == 0 {
				if got := author.Event(t).At("announcementChanged"); got.At("node.readCount").Int() != 1 {
					t.Errorf("the author hears %s", got.JSON())
				}
			}
			advanceBy(e, time.Minute)
		}
		stranger.Do(t, read, farleytest.Vars{"x": x}).Want(t, "NOT_FOUND")
		boss.Do(t, read, farleytest.Vars{"x": x}).Want(t, "NOT_FOUND")
		const who = `query($x: ID!) { announcement(id: $x) { toldCount readCount readBy { user { name } readAt } } }`
		got := boss.Query(t, who, farleytest.Vars{"x": x}).At("announcement")
		if names := got.At("readBy").Texts("user.name"); len(names) != 3 || names[2] != "Bob" || got.At("readBy.2.readAt").Text() != at || got.At("readBy.0.readAt").V != nil {
			t.Errorf("read by %s", got.JSON())
		}
		for _, c := range []*farleytest.Client{bob, stranger} {
			r := c.Do(t, who, farleytest.Vars{"x": x})
			if c == bob && (len(r.Errors) > 0 || strings.Contains(r.Raw, "Cid")) || c == stranger && r.Codes()[0] != "NOT_FOUND" {
				t.Errorf("others read %s", r.Raw)
			}
		}
		if n := e.Admin(t).Query(t, who, farleytest.Vars{"x": x}).At("announcement.readBy").Len(); n != 3 {
			t.Errorf("who manages sees %d", n)
		}
		// One's own teams only, and roles for who may tell all.
		boss.Do(t, announce, farleytest.Vars{"in": input.Object{"title": "x", "teams": []any{other.String()}}}).Want(t, "FORBIDDEN")
		ann.Do(t, announce, farleytest.Vars{"in": input.Object{"title": "x", "teams": []any{team.String()}}}).Want(t, "FORBIDDEN")
		roles := e.Admin(t).Query(t, `query($u: ID!) { user(id: $u) { roles { nodes { id } } } }`, farleytest.Vars{"u": stranger.User}).At("user.roles.nodes").Texts("id")
		d = e.Admin(t).Query(t, announce, farleytest.Vars{"in": input.Object{"title": "For roles", "roles": []any{roles[0]}, "endsAt": e.Clock.Now().Add(time.Hour).Format(scalar.Layout)}}).At("announce")
		if d.At("told").Int() != 1 || stranger.Query(t, mine, nil).At("unreadAnnouncements.count").Int() != 1 {
			t.Errorf("told by role: %s", d.JSON())
		}
		advanceBy(e, 2*time.Hour)
		stranger.Token = e.SignIn(t, stranger.User).Token
		if n := stranger.Query(t, mine, nil).At("unreadAnnouncements.count").Int(); n != 0 {
			t.Error("what is no news any more is unread")
		}
		boss.Token, bob.Token, ann.Token = e.SignIn(t, boss.User).Token, e.SignIn(t, bob.User).Token, e.SignIn(t, ann.User).Token
		for want, in := range map[string]input.Object{
			"input.teams REQUIRED": {"title": "x"},
			"input.title REQUIRED input.endsAt RANGE input.teams.0 FORMAT": {"title": " ", "teams": []any{ann.User.String()}, "endsAt": hours(-1)},
			"input.teams.0 NOT_FOUND":                                      {"title": "x", "teams": []any{id.New(e.Set.Kind("Team").Code, farleytest.Start).String()}},
		} {
			if got := strings.Join(boss.Do(t, announce, farleytest.Vars{"in": in}).Want(t, "INVALID").Violations(), " "); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		const withdraw = `mutation($x: ID!) { withdrawAnnouncement(input: {announcement: $x}) { withdrawn } }`
		bob.Do(t, withdraw, farleytest.Vars{"x": x}).Want(t, "FORBIDDEN")
		boss.Query(t, withdraw, farleytest.Vars{"x": x})
		ann.Do(t, who, farleytest.Vars{"x": x}).Want(t, "NOT_FOUND")
		if n := ann.Query(t, mine, nil).At("unreadAnnouncements.count").Int(); n != 0 {
			t.Error("what was withdrawn is unread")
		}
	})
}
