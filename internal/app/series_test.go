package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

const (
	repeatActivity = `mutation($in: RepeatActivityInput!) { repeatActivity(input: $in) { activity { id timeZone } recurrence { id rule timeZone first durationSeconds lastAt } } }`
	editSeries     = `mutation($in: EditSeriesInput!) { editSeries(input: $in) { activity { id subject startAt endAt exceptionOf { id } occurrence } series { id } recurrence { id rule first exclusions } } }`
)

// agendaOf writes the times of an agenda one a line: when, in the series, what.
func agendaOf(t *testing.T, c *farleytest.Client, from, to string) []string {
	t.Helper()
	d := c.Query(t, `query($from: DateTime!, $to: DateTime!) { myAgenda(from: $from, to: $to) { entries { start occurrence activity { subject } } } }`, farleytest.Vars{"from": from, "to": to}).At("myAgenda.entries")
	var out []string
	for i := range d.Len() {
		n := d.At(fmt.Sprint(i))
		out = append(out, strings.TrimSpace(strings.TrimSuffix(n.At("start").Text(), ":00Z")+" "+n.At("activity.subject").Text()+" "+n.At("occurrence").Text()))
	}
	return out
}

// A series keeps its time on the clock, and its edits are those that people know.
func TestSeries(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		x := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Weekly", "startAt": "2027-03-08T08:00:00Z", "endAt": "2027-03-08T09:00:00Z", "timeZone": "Europe/Berlin"})
		e.Make(t, "ActivityParticipant", input.Object{"activity": x.String(), "user": bob.User.String()})
		for _, bad := range []input.Object{
			{"activity": x.String(), "rule": "FREQ=HOURLY"}, {"activity": x.String(), "rule": "FREQ=WEEKLY;COUNT=10;UNTIL=20270401"}, {"activity": x.String(), "rule": "FREQ=DAILY;UNTIL=20200101"},
			{"activity": newActivity(t, ann, input.Object{"kind": "CALL", "subject": "No time"}).String(), "rule": "FREQ=DAILY"},
			{"activity": newActivity(t, ann, input.Object{"kind": "TASK", "subject": "No zone", "dueAt": hours(1)}).String(), "rule": "FREQ=DAILY"},
		} {
			ann.Do(t, repeatActivity, farleytest.Vars{"in": bad}).Want(t, "INVALID")
		}
		shipped(t, e, "service_agent", nil).Do(t, repeatActivity, farleytest.Vars{"in": input.Object{"activity": x.String(), "rule": "FREQ=DAILY"}}).Want(t, "NOT_FOUND")
		d := ann.Query(t, repeatActivity, farleytest.Vars{"in": input.Object{"activity": x.String(), "rule": "RRULE:FREQ=WEEKLY;COUNT=8"}}).At("repeatActivity")
		series := d.At("recurrence.id").ID()
		if got, want := d.At("recurrence").JSON(), fmt.Sprintf(`{"durationSeconds":3600,"first":"20270308T090000","id":%q,"lastAt":"2027-04-26T07:00:00Z","rule":"FREQ=WEEKLY;COUNT=8","timeZone":"Europe/Berlin"}`, series); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		// Clocks are set on 28 March: nine o'clock stays nine o'clock.
		agenda := func(c *farleytest.Client) []string {
			return agendaOf(t, c, "2027-03-01T00:00:00Z", "2027-05-01T00:00:00Z")
		}
		want := []string{
			"2027-03-08T08:00 Weekly 20270308T090000", "2027-03-15T08:00 Weekly 20270315T090000", "2027-03-22T08:00 Weekly 20270322T090000", "2027-03-29T07:00 Weekly 20270329T090000",
			"2027-04-05T07:00 Weekly 20270405T090000", "2027-04-12T07:00 Weekly 20270412T090000", "2027-04-19T07:00 Weekly 20270419T090000", "2027-04-26T07:00 Weekly 20270426T090000",
		}
		for _, c := range []*farleytest.Client{ann, bob} {
			if diff := cmp.Diff(want, agenda(c)); diff != "" {
				t.Error(diff)
			}
		}
		busy := ann.Query(t, availability, farleytest.Vars{"u": []id.ID{bob.User}, "from": "2027-03-29T07:30:00Z", "to": "2027-04-05T08:00:00Z", "d": "PT1H"}).At("availability.busy").Texts("start")
		if diff := cmp.Diff([]string{"2027-03-29T07:00:00Z", "2027-04-05T07:00:00Z"}, busy); diff != "" {
			t.Error(diff)
		}
		// Its time does not change past the series.
		ann.Do(t, `mutation($x: ID!, $in: UpdateActivityInput!) { updateActivity(id: $x, input: $in) { activity { id } } }`, farleytest.Vars{"x": x, "in": input.Object{"startAt": "2027-03-08T07:00:00Z"}}).Want(t, "CONFLICT")
		for _, doc := range []string{`mutation($x: ID!) { completeActivity(input: {activity: $x}) { activity { id } } }`, `mutation($x: ID!) { rescheduleActivity(input: {activity: $x, startAt: "2027-03-08T07:00:00Z"}) { activity { id } } }`} {
			ann.Do(t, doc, farleytest.Vars{"x": x}).Want(t, "CONFLICT")
		}

		edit := func(in input.Object) farleytest.Data {
			t.Helper()
			in["activity"] = x.String()
			return ann.Query(t, editSeries, farleytest.Vars{"in": in}).At("editSeries")
		}
		for in, code := range map[*input.Object]string{
			{"scope": "THIS"}: "INVALID", {"scope": "THIS", "occurrence": "20270309T090000"}: "INVALID", {"scope": "THIS", "occurrence": "tomorrow"}: "INVALID",
			{"scope": "THIS", "occurrence": "20270315T090000", "rule": "FREQ=DAILY"}: "INVALID", {"scope": "ALL", "remove": true}: "CONFLICT",
			{"scope": "THIS", "occurrence": "20270315T090000", "changes": input.Object{"endAt": "2027-03-15T01:00:00Z"}}: "INVALID",
		} {
			(*in)["activity"] = x.String()
			ann.Do(t, editSeries, farleytest.Vars{"in": *in}).Want(t, code)
		}
		if diff := cmp.Diff(want, agenda(ann)); diff != "" {
			t.Fatal(diff)
		}

		// Only this one: later, and another one taken away.
		d = edit(input.Object{"scope": "THIS", "occurrence": "20270315T090000", "changes": input.Object{"startAt": "2027-03-15T10:00:00Z", "subject": "Weekly, later"}})
		one := d.At("activity.id").ID()
		if got, want := d.At("activity").JSON(), fmt.Sprintf(`{"endAt":"2027-03-15T11:00:00Z","exceptionOf":{"id":%q},"id":%q,"occurrence":"20270315T090000","startAt":"2027-03-15T10:00:00Z","subject":"Weekly, later"}`, series, one); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		edit(input.Object{"scope": "THIS", "occurrence": "20270322T090000", "remove": true})
		want[1] = "2027-03-15T10:00 Weekly, later"
		want = append(want[:2:2], want[3:]...)
		for _, c := range []*farleytest.Client{ann, bob} {
			if diff := cmp.Diff(want, agenda(c)); diff != "" {
				t.Error(diff)
			}
		}

		// This one and the following: an hour later, with another name; the first part ends before.
		d = edit(input.Object{"scope": "THIS_AND_FOLLOWING", "occurrence": "20270412T090000", "changes": input.Object{"startAt": "2027-04-12T08:00:00Z", "subject": "Weekly at ten"}})
		second := d.At("series.id").ID()
		if second == x || d.At("recurrence.rule").Text() != "FREQ=WEEKLY;COUNT=3" || d.At("recurrence.first").Text() != "20270412T100000" {
			t.Errorf("the rest is %s", d.JSON())
		}
		want = []string{
			"2027-03-08T08:00 Weekly 20270308T090000", "2027-03-15T10:00 Weekly, later", "2027-03-29T07:00 Weekly 20270329T090000", "2027-04-05T07:00 Weekly 20270405T090000",
			"2027-04-12T08:00 Weekly at ten 20270412T100000", "2027-04-19T08:00 Weekly at ten 20270419T100000", "2027-04-26T08:00 Weekly at ten 20270426T100000",
		}
		for _, c := range []*farleytest.Client{ann, bob} {
			if diff := cmp.Diff(want, agenda(c)); diff != "" {
				t.Error(diff)
			}
		}

		// All: half an hour earlier. What stands for itself stays.
		edit(input.Object{"scope": "ALL", "changes": input.Object{"startAt": "2027-03-08T07:30:00Z", "location": "Room 1"}})
		want[0], want[2], want[3] = "2027-03-08T07:30 Weekly 20270308T083000", "2027-03-29T06:30 Weekly 20270329T083000", "2027-04-05T06:30 Weekly 20270405T083000"
		if diff := cmp.Diff(want, agenda(ann)); diff != "" {
			t.Error(diff)
		}
		// By another rule, from the second time on.
		edit(input.Object{"scope": "ALL", "rule": "FREQ=DAILY;COUNT=2"})
		edit(input.Object{"scope": "THIS_AND_FOLLOWING", "occurrence": "20270309T083000", "remove": true})
		want = append([]string{want[0], want[1]}, want[4:]...)
		if diff := cmp.Diff(want, agenda(ann)); diff != "" {
			t.Error(diff)
		}
		// A cancelled series is gone from agendas.
		ann.Query(t, `mutation($x: ID!) { cancelActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": second})
		if diff := cmp.Diff(want[:2], agenda(bob)); diff != "" {
			t.Error(diff)
		}
		ann.Do(t, editSeries, farleytest.Vars{"in": input.Object{"activity": one.String(), "scope": "ALL"}}).Want(t, "CONFLICT")
	})
}

// A reminder of a series comes for each time, and for one that was moved at its own time.
func TestSeries_reminders(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		x := newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Report", "dueAt": hours(2), "timeZone": "UTC"})
		ann.Query(t, repeatActivity, farleytest.Vars{"in": input.Object{"activity": x.String(), "rule": "FREQ=DAILY;COUNT=4"}})
		remindMe(t, ann, input.Object{"activity": x.String(), "minutesBefore": 60})
		ann.Query(t, editSeries, farleytest.Vars{"in": input.Object{"activity": x.String(), "scope": "THIS", "occurrence": "20261123T110000", "changes": input.Object{"dueAt": hours(30)}}})
		pass(t, e, 2*time.Hour, ann)
		want := []string{"ACTIVITY_DUE Due: Report. 22T11:00:00Z", "REMINDER Reminder: Report. 22T11:00:00Z"}
		if diff := cmp.Diff(want, alphabetic(toldTo(t, ann))); diff != "" {
			t.Error(diff)
		}
		pass(t, e, 72*time.Hour, ann)
		for _, at := range []string{"23T15", "24T11", "25T11"} {
			want = append(want, "REMINDER Reminder: Report. "+at+":00:00Z", "ACTIVITY_DUE Due: Report. "+at+":00:00Z")
		}
		if diff := cmp.Diff(alphabetic(want), alphabetic(toldTo(t, ann))); diff != "" {
			t.Error(diff)
		}
	})
}
