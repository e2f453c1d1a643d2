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

	"farley/internal/farleytest"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/mail"
)

const inbox = `{ notifications(orderBy: [{field: ID, direction: ASC}]) { nodes { id kind text record occursAt readAt owner { id } } } }`

// toldTo returns what somebody was told so far.
func toldTo(t *testing.T, c *farleytest.Client) []string {
	t.Helper()
	var out []string
	nodes := c.Query(t, inbox, nil).At("notifications.nodes")
	for i := range nodes.Len() {
		n := nodes.At(fmt.Sprint(i))
		out = append(out, strings.TrimSpace(n.At("kind").Text()+" "+n.At("text").Text()+" "+strings.TrimPrefix(n.At("occursAt").Text(), "2026-11-")))
	}
	return out
}

// pass lets time pass, does what becomes due meanwhile, and signs people in anew.
func pass(t *testing.T, e *farleytest.Env, d time.Duration, people ...*farleytest.Client) {
	t.Helper()
	if _, err := e.Jobs.CatchUp(t.Context(), 1000, func() { advanceBy(e, d) }); err != nil {
		t.Fatal(err)
	}
	for _, c := range people {
		c.Token = e.SignIn(t, c.User).Token
	}
}

// mailsTo returns the mails that a user got.
func mailsTo(t *testing.T, e *farleytest.Env, c *farleytest.Client) []mail.Message {
	t.Helper()
	address := c.Query(t, `{ viewer { user { email } } }`, nil).At("viewer.user.email").Text()
	return slices.DeleteFunc(e.Sent.Sent(), func(m mail.Message) bool { return m.To != address })
}

func remindMe(t *testing.T, c *farleytest.Client, in input.Object) id.ID {
	t.Helper()
	return c.Query(t, `mutation($in: CreateReminderInput!) { createReminder(input: $in) { reminder { id } } }`, farleytest.Vars{"in": in}).At("createReminder.reminder.id").ID()
}

func TestReminder(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		x := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Terms", "startAt": hours(2), "endAt": hours(3)})
		m := remindMe(t, ann, input.Object{"activity": x.String(), "minutesBefore": 15})
		remindMe(t, bob, input.Object{"activity": x.String(), "remindAt": hours(0.5)})
		remindMe(t, ann, input.Object{"activity": x.String(), "minutesBefore": 60, "channel": "EMAIL"})
		if got := toldTo(t, ann); len(got) != 0 {
			t.Fatalf("too early: %q", got)
		}
		// At its time, once.
		pass(t, e, 30*time.Minute, ann, bob)
		if diff := cmp.Diff([]string{"REMINDER Reminder: Terms. 22T11:00:00Z"}, toldTo(t, bob)); diff != "" {
			t.Error(diff)
		}
		pass(t, e, 30*time.Minute, ann, bob)
		if got := mailsTo(t, e, ann); len(got) != 1 || got[0].Subject != "Reminder: Terms" || !strings.Contains(got[0].Text, "2026-11-22 11:00 UTC") {
			t.Errorf("mails: %+v", got)
		}
		// It follows the activity: the old time passes without a word.
		const move = `mutation($x: ID!, $at: DateTime!) { rescheduleActivity(input: {activity: $x, startAt: $at}) { activity { id } } }`
		ann.Query(t, move, farleytest.Vars{"x": x, "at": hours(4)})
		if got := ann.Query(t, `query($m: ID!) { reminder(id: $m) { dueAt } }`, farleytest.Vars{"m": m}).At("reminder.dueAt").Text(); got != hours(3.75) {
			t.Errorf("the reminder comes at %s", got)
		}
		pass(t, e, 2*time.Hour, ann, bob)
		if got := toldTo(t, ann); len(got) != 0 {
			t.Errorf("after the move: %q", got)
		}
		pass(t, e, 45*time.Minute, ann, bob)
		want := []string{"REMINDER Reminder: Terms. 22T13:00:00Z"}
		if diff := cmp.Diff(want, toldTo(t, ann)); diff != "" {
			t.Error(diff)
		}
		// Back and forth does not tell it again for the same time, and nothing is told of what is over.
		ann.Query(t, move, farleytest.Vars{"x": x, "at": hours(9)})
		ann.Query(t, move, farleytest.Vars{"x": x, "at": hours(4)})
		if diff := cmp.Diff(want, toldTo(t, ann)); diff != "" {
			t.Error(diff)
		}
		ann.Query(t, move, farleytest.Vars{"x": x, "at": hours(9)})
		ann.Query(t, `mutation($x: ID!) { cancelActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": x})
		pass(t, e, 24*time.Hour, ann, bob)
		if diff := cmp.Diff(want, toldTo(t, ann)); diff != "" {
			t.Error(diff)
		}
		ann.Do(t, `mutation($x: ID!) { createReminder(input: {activity: $x}) { reminder { id } } }`, farleytest.Vars{"x": x}).Want(t, "INVALID")
		ann.Do(t, `mutation($x: ID!) { createReminder(input: {activity: $x, minutesBefore: 50000}) { reminder { id } } }`, farleytest.Vars{"x": x}).Want(t, "INVALID")
	})
}

// Nobody is reminded of what he does not see any more.
func TestReminder_outOfSight(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		x := newActivity(t, ann, input.Object{"kind": "CALL", "subject": "Secret", "startAt": hours(2)})
		for _, channel := range []string{"NOTIFICATION", "EMAIL"} {
			remindMe(t, bob, input.Object{"activity": x.String(), "minutesBefore": 10, "channel": channel})
		}
		other := e.Make(t, "Team", input.Object{"name": "Other"})
		e.Change(t, x, input.Object{"team": other.String()})
		e.Change(t, bob.User, input.Object{"team": other.String()})
		e.Change(t, x, input.Object{"team": nil})
		e.Settle(t)
		pass(t, e, 2*time.Hour, ann, bob)
		if got := toldTo(t, bob); len(got) != 0 {
			t.Errorf("Bob was told %q", got)
		}
		if got := mailsTo(t, e, bob); len(got) != 0 {
			t.Errorf("Bob got %d mails", len(got))
		}
	})
}

func TestDueNotice(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		x := newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Offer", "dueAt": hours(1), "owner": bob.User.String()})
		done := newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Done", "dueAt": hours(1)})
		ann.Query(t, `mutation($x: ID!) { completeActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": done})
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Late already", "dueAt": hours(-1)})
		if diff := cmp.Diff([]string{"ACTIVITY_ASSIGNED You were given: Offer. 22T10:00:00Z"}, toldTo(t, bob)); diff != "" {
			t.Error(diff)
		}
		pass(t, e, 90*time.Minute, ann, bob) // the server was down at the moment
		want := []string{"ACTIVITY_ASSIGNED You were given: Offer. 22T10:00:00Z", "ACTIVITY_DUE Due: Offer. 22T10:00:00Z"}
		if diff := cmp.Diff(want, toldTo(t, bob)); diff != "" {
			t.Error(diff)
		}
		if got := toldTo(t, ann); len(got) != 0 {
			t.Errorf("Ann was told %q", got)
		}
		// In Arabic, for who asks so; with what he may see now.
		got := bob.Do(t, inbox, nil, "Accept-Language", "ar").Want(t, "")
		if !strings.Contains(got.Raw, "حان موعد: Offer") {
			t.Errorf("in Arabic: %s", got.Raw)
		}
		e.Change(t, x, input.Object{"owner": e.Admin(t).User.String(), "team": nil})
		want[0], want[1] = "ACTIVITY_ASSIGNED You were given an activity that you do not see any more. 22T10:00:00Z", "ACTIVITY_DUE An activity that you do not see any more is due. 22T10:00:00Z"
		if diff := cmp.Diff(want, toldTo(t, bob)); diff != "" {
			t.Error(diff)
		}
	})
}

// Notifications are their recipient's alone, whatever the roles of others say, live and when they are marked.
func TestNotification_recipientOnly(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		admin := e.Admin(t)
		const changed = `subscription($after: Cursor) { notificationChanged(after: $after) { op node { kind text } } }`
		hears := func(c *farleytest.Client) *farleytest.Stream {
			return c.Subscribe(t, changed, farleytest.Vars{"after": after(t, e, c)})
		}
		hers, his := hears(ann), hears(bob)
		from := after(t, e, admin)
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Offer", "owner": bob.User.String()})
		newActivity(t, bob, input.Object{"kind": "TASK", "subject": "Answer", "owner": ann.User.String()})
		if got, want := his.Event(t).At("notificationChanged").JSON(), `{"node":{"kind":"ACTIVITY_ASSIGNED","text":"You were given: Offer."},"op":"CREATED"}`; got != want {
			t.Errorf("Bob hears %s, want %s", got, want)
		}
		if got, want := hers.Event(t).At("notificationChanged.node.text").Text(), "You were given: Answer."; got != want {
			t.Errorf("Ann hears %q, want %q", got, want)
		}
		if got := toldTo(t, admin); len(got) != 0 {
			t.Errorf("the administrator reads %q", got)
		}
		x := bob.Query(t, inbox, nil).At("notifications.nodes.0.id").ID()
		admin.Do(t, `query($x: ID!) { notification(id: $x) { kind } }`, farleytest.Vars{"x": x}).Want(t, "NOT_FOUND")
		const mark = `mutation($in: MarkNotificationsReadInput!) { markNotificationsRead(input: $in) { marked unread } }`
		for _, c := range []*farleytest.Client{ann, admin} {
			r := c.Do(t, mark, farleytest.Vars{"in": input.Object{"notifications": []any{x.String()}}}).Want(t, "INVALID")
			if diff := cmp.Diff([]string{"input.notifications.0 NOT_FOUND"}, r.Violations()); diff != "" {
				t.Error(diff)
			}
		}
		for _, want := range []string{`{"marked":1,"unread":0}`, `{"marked":0,"unread":0}`} {
			if got := bob.Query(t, mark, farleytest.Vars{"in": input.Object{"notifications": []any{x.String()}}}).At("markNotificationsRead").JSON(); got != want {
				t.Errorf("marked %s, want %s", got, want)
			}
		}
		if got := his.Event(t).At("notificationChanged.op").Text(); got != "UPDATED" {
			t.Errorf("Bob hears %s", got)
		}
		if got, want := ann.Query(t, mark, farleytest.Vars{"in": input.Object{}}).At("markNotificationsRead").JSON(), `{"marked":1,"unread":0}`; got != want {
			t.Errorf("marked %s, want %s", got, want)
		}
		e.Settle(t)
		if n := admin.Query(t, `query($c: Cursor!) { changes(objects: [NOTIFICATION], after: $c) { edges { node { op } } } }`, farleytest.Vars{"c": from}).At("changes.edges").Len(); n != 0 {
			t.Errorf("the administrator hears of %d changes", n)
		}
	})
}

// With two nodes each reminder comes once, whichever node sends it, and also when the server was down at its time.
func TestReminder_twoNodes(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		c := farleytest.Nodes(t, d, 2)
		one, two := c.Nodes[0], c.Nodes[1]
		_, ann, _ := salesTeam(t, one)
		x := newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Offer", "dueAt": hours(1)})
		for i := range 5 {
			remindMe(t, ann, input.Object{"activity": x.String(), "minutesBefore": i})
		}
		c.Clock.Advance(farleytest.Start.Add(26 * time.Hour)) // nothing ran meanwhile
		var done sync.WaitGroup
		for _, e := range []*farleytest.Env{one, two, one, two} {
			done.Go(func() {
				if _, err := e.Jobs.CatchUp(context.Background(), 1000, func() {}); err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
		ann.Token = one.SignIn(t, ann.User).Token
		want := []string{"ACTIVITY_DUE Due: Offer. 22T10:00:00Z"}
		for range 5 {
			want = append(want, "REMINDER Reminder: Offer. 22T10:00:00Z")
		}
		if diff := cmp.Diff(want, alphabetic(toldTo(t, ann))); diff != "" {
			t.Error(diff)
		}
	})
}
