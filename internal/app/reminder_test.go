package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/app"
	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

// withJobs has the application run durable jobs.
func withJobs(c *app.Config) { c.Jobs = true }

const inbox = `{ notifications(orderBy: [{field: ID, direction: ASC}]) { nodes { id kind text record occursAt readAt owner { id } } } }`

// told waits until no timer is due any more, and returns what somebody was told.
func toldTo(t *testing.T, e *farleytest.Env, c *farleytest.Client) []string {
	t.Helper()
	quiet(t, e)
	var out []string
	nodes := c.Query(t, inbox, nil).At("notifications.nodes")
	for i := range nodes.Len() {
		n := nodes.At(fmt.Sprint(i))
		out = append(out, strings.TrimSpace(n.At("kind").Text()+" "+n.At("text").Text()+" "+strings.TrimPrefix(n.At("occursAt").Text(), "2026-11-")))
	}
	return out
}

// quiet returns when no job on activities is due or runs.
func quiet(t *testing.T, e *farleytest.Env) {
	t.Helper()
	for range 3000 {
		if count(t, e, "SELECT COUNT(*) FROM jobs WHERE kind IN ('activity-due', 'activity-reminder', 'mail') AND (state = 'RUNNING' OR state = 'WAITING' AND due_at <= ?)", e.Clock.Now()) == 0 {
			return
		}
		e.Jobs.Wake()
		select {
		case <-t.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("there are timers left that do not run")
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
		if got := toldTo(t, e, ann); len(got) != 0 {
			t.Fatalf("too early: %q", got)
		}
		// At its time, once.
		advanceBy(e, 30*time.Minute)
		if diff := cmp.Diff([]string{"REMINDER Reminder: Terms 22T11:00:00Z"}, toldTo(t, e, bob)); diff != "" {
			t.Error(diff)
		}
		advanceBy(e, 30*time.Minute)
		quiet(t, e)
		if got := e.Sent.To(ann); len(got) != 1 || got[0].Subject != "Reminder: Terms" || !strings.Contains(got[0].Text, "2026-11-22 11:00 UTC") {
			t.Errorf("mails: %+v", got)
		}
		// It follows the activity: the old time passes without a word.
		const move = `mutation($x: ID!, $at: DateTime!) { rescheduleActivity(input: {activity: $x, startAt: $at}) { activity { id } } }`
		ann.Query(t, move, farleytest.Vars{"x": x, "at": hours(4)})
		if got := ann.Query(t, `query($m: ID!) { reminder(id: $m) { dueAt } }`, farleytest.Vars{"m": m}).At("reminder.dueAt").Text(); got != hours(3.75) {
			t.Errorf("the reminder comes at %s", got)
		}
		advanceBy(e, 2*time.Hour)
		if got := toldTo(t, e, ann); len(got) != 0 {
			t.Errorf("after the move: %q", got)
		}
		advanceBy(e, 45*time.Minute)
		want := []string{"REMINDER Reminder: Terms 22T13:00:00Z"}
		if diff := cmp.Diff(want, toldTo(t, e, ann)); diff != "" {
			t.Error(diff)
		}
		// Back and forth does not tell it again for the same time, and nothing is told of what is over.
		ann.Query(t, move, farleytest.Vars{"x": x, "at": hours(9)})
		ann.Query(t, move, farleytest.Vars{"x": x, "at": hours(4)})
		if diff := cmp.Diff(want, toldTo(t, e, ann)); diff != "" {
			t.Error(diff)
		}
		ann.Query(t, move, farleytest.Vars{"x": x, "at": hours(9)})
		ann.Query(t, `mutation($x: ID!) { cancelActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": x})
		advanceBy(e, 24*time.Hour)
		if diff := cmp.Diff(want, toldTo(t, e, ann)); diff != "" {
			t.Error(diff)
		}
		ann.Do(t, `mutation($x: ID!) { createReminder(input: {activity: $x}) { reminder { id } } }`, farleytest.Vars{"x": x}).Want(t, "INVALID")
		ann.Do(t, `mutation($x: ID!) { createReminder(input: {activity: $x, minutesBefore: 50000}) { reminder { id } } }`, farleytest.Vars{"x": x}).Want(t, "INVALID")
	}, withJobs)
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
		advanceBy(e, 2*time.Hour)
		if got := toldTo(t, e, bob); len(got) != 0 {
			t.Errorf("Bob was told %q", got)
		}
		if got := e.Sent.To(bob); len(got) != 0 {
			t.Errorf("Bob got %d mails", len(got))
		}
	}, withJobs)
}

func TestDueNotice(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		x := newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Offer", "dueAt": hours(1), "owner": bob.User.String()})
		done := newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Done", "dueAt": hours(1)})
		ann.Query(t, `mutation($x: ID!) { completeActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": done})
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Late already", "dueAt": hours(-1)})
		if diff := cmp.Diff([]string{"ACTIVITY_ASSIGNED You were given: Offer 22T10:00:00Z"}, toldTo(t, e, bob)); diff != "" {
			t.Error(diff)
		}
		advanceBy(e, 90*time.Minute) // the server was down at the moment
		want := []string{"ACTIVITY_ASSIGNED You were given: Offer 22T10:00:00Z", "ACTIVITY_DUE Due: Offer 22T10:00:00Z"}
		if diff := cmp.Diff(want, toldTo(t, e, bob)); diff != "" {
			t.Error(diff)
		}
		if got := toldTo(t, e, ann); len(got) != 0 {
			t.Errorf("Ann was told %q", got)
		}
		// In Arabic, for who asks so; with what he may see now.
		got := bob.Do(t, inbox, nil, "Accept-Language", "ar").Want(t, "")
		if !strings.Contains(got.Raw, "حان موعد: Offer") {
			t.Errorf("in Arabic: %s", got.Raw)
		}
		e.Change(t, x, input.Object{"owner": ann.User.String(), "team": nil})
		want[0], want[1] = "ACTIVITY_ASSIGNED You were given an activity that you do not see any more. 22T10:00:00Z", "ACTIVITY_DUE An activity that you do not see any more is due. 22T10:00:00Z"
		if diff := cmp.Diff(want, toldTo(t, e, bob)); diff != "" {
			t.Error(diff)
		}
	}, withJobs)
}

// Notifications are their recipient's alone, whatever the roles of others say, live and when they are marked.
func TestNotification_recipientOnly(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		admin := e.Admin(t)
		const changed = `subscription { notificationChanged { op node { kind text } } }`
		hers, his, all := ann.Subscribe(t, changed, nil), bob.Subscribe(t, changed, nil), admin.Subscribe(t, changed, nil)
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Offer", "owner": bob.User.String()})
		newActivity(t, bob, input.Object{"kind": "TASK", "subject": "Answer", "owner": ann.User.String()})
		if got, want := his.Next(t).At("notificationChanged").JSON(), `{"node":{"kind":"ACTIVITY_ASSIGNED","text":"You were given: Offer"},"op":"CREATED"}`; got != want {
			t.Errorf("Bob hears %s, want %s", got, want)
		}
		if got, want := hers.Next(t).At("notificationChanged.node.text").Text(), "You were given: Answer"; got != want {
			t.Errorf("Ann hears %q, want %q", got, want)
		}
		if got := toldTo(t, e, admin); len(got) != 0 {
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
		if got := his.Next(t).At("notificationChanged.op").Text(); got != "UPDATED" {
			t.Errorf("Bob hears %s", got)
		}
		if got, want := ann.Query(t, mark, farleytest.Vars{"in": input.Object{}}).At("markNotificationsRead").JSON(), `{"marked":1,"unread":0}`; got != want {
			t.Errorf("marked %s, want %s", got, want)
		}
		all.Quiet(t)
	})
}
