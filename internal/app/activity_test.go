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
	"farley/internal/scalar"
)

const createActivity = `mutation($in: CreateActivityInput!) { createActivity(input: $in) { activity { id } } }`

// instants are told as hours from the start of the test.
func hours(n float64) string {
	return farleytest.Start.Add(time.Duration(n * float64(time.Hour))).Format(scalar.Layout)
}

func newActivity(t *testing.T, c *farleytest.Client, in input.Object) id.ID {
	t.Helper()
	return c.Query(t, createActivity, farleytest.Vars{"in": in}).At("createActivity.activity.id").ID()
}

// Every pair of statuses, against the steps that the description of the field promises.
func TestActivity_steps(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		const update = `mutation($id: ID!, $in: UpdateActivityInput!) { updateActivity(id: $id, input: $in) { activity { status completedAt completedBy { id } } } }`
		allowed := map[string]string{"PLANNED": "IN_PROGRESS DONE CANCELLED", "IN_PROGRESS": "PLANNED DONE CANCELLED", "DONE": "PLANNED", "CANCELLED": "PLANNED"}
		for from, to := range allowed {
			for _, next := range e.Set.Kind("Activity").Field("status").Values {
				x := newActivity(t, ann, input.Object{"kind": "CALL", "subject": "Call", "status": from})
				r := ann.Do(t, update, farleytest.Vars{"id": x, "in": input.Object{"status": next}})
				if next != from && !strings.Contains(" "+to+" ", " "+next+" ") {
					r.Want(t, "CONFLICT")
					continue
				}
				d := farleytest.Data{V: r.Want(t, "").Data}.At("updateActivity.activity")
				want := fmt.Sprintf(`{"completedAt":null,"completedBy":null,"status":%q}`, next)
				if next == "DONE" {
					want = fmt.Sprintf(`{"completedAt":"2026-11-22T09:00:00Z","completedBy":{"id":%q},"status":"DONE"}`, ann.User)
				}
				if d.JSON() != want {
					t.Errorf("from %s: %s, want %s", from, d.JSON(), want)
				}
			}
		}
	})
}

func TestActivity_times(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		midnight := func(day int) string {
			return time.Date(2026, 11, day, 21, 0, 0, 0, time.UTC).Format(scalar.Layout) // in Riyadh, of the next day
		}
		for name, c := range map[string]struct {
			in   input.Object
			want string
		}{
			"a meeting without times":     {input.Object{"kind": "MEETING"}, "input.endAt REQUIRED, input.startAt REQUIRED"},
			"a visit that is due":         {input.Object{"kind": "VISIT", "startAt": hours(1), "endAt": hours(2), "dueAt": hours(3)}, "input.dueAt FORMAT"},
			"a task that begins":          {input.Object{"kind": "TASK", "startAt": hours(1), "endAt": hours(2)}, "input.endAt FORMAT, input.startAt FORMAT"},
			"an end alone":                {input.Object{"kind": "CALL", "endAt": hours(2)}, "input.startAt REQUIRED"},
			"an end at the beginning":     {input.Object{"kind": "CALL", "startAt": hours(2), "endAt": hours(2)}, "input.endAt RANGE"},
			"an end that is far away":     {input.Object{"kind": "CALL", "startAt": hours(2), "endAt": hours(2 + 62*24 + 0.1)}, "input.endAt RANGE"},
			"the longest one":             {input.Object{"kind": "CALL", "startAt": hours(2), "endAt": hours(2 + 62*24)}, ""},
			"a day without a zone":        {input.Object{"kind": "MEETING", "startAt": midnight(1), "endAt": midnight(2), "allDay": true}, "input.timeZone REQUIRED"},
			"a day":                       {input.Object{"kind": "MEETING", "startAt": midnight(1), "endAt": midnight(2), "allDay": true, "timeZone": "Asia/Riyadh"}, ""},
			"a day that begins at noon":   {input.Object{"kind": "MEETING", "startAt": hours(1), "endAt": midnight(23), "allDay": true, "timeZone": "Asia/Riyadh"}, "input.startAt FORMAT"},
			"a very long time":            {input.Object{"kind": "TASK", "durationMinutes": 100_001}, "input.durationMinutes RANGE"},
			"everything at once":          {input.Object{"kind": "TASK", "startAt": hours(1), "timeZone": "Mars/Olympus", "subject": ""}, "input.startAt FORMAT, input.subject REQUIRED, input.timeZone FORMAT"},
			"a task that is due":          {input.Object{"kind": "TASK", "dueAt": hours(1)}, ""},
			"something written down":      {input.Object{"kind": "NOTE"}, ""},
			"a call without an end":       {input.Object{"kind": "CALL", "startAt": hours(1)}, ""},
			"a day that nobody ends":      {input.Object{"kind": "CALL", "startAt": midnight(1), "allDay": true, "timeZone": "Asia/Riyadh"}, "input.endAt REQUIRED"},
			"a call that is also due":     {input.Object{"kind": "CALL", "startAt": hours(1), "dueAt": hours(2)}, ""},
			"a zone without whole days":   {input.Object{"kind": "CALL", "startAt": hours(1), "timeZone": "Asia/Riyadh"}, ""},
			"an end before the beginning": {input.Object{"kind": "MEETING", "startAt": hours(3), "endAt": hours(2)}, "input.endAt RANGE"},
		} {
			if _, said := c.in["subject"]; !said {
				c.in["subject"] = name
			}
			n := count(t, e, "SELECT COUNT(*) FROM activities")
			r := ann.Do(t, createActivity, farleytest.Vars{"in": c.in})
			if c.want == "" {
				r.Want(t, "")
				continue
			}
			r.Want(t, "INVALID")
			if got := strings.Join(alphabetic(r.Violations()), ", "); got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
			if got := count(t, e, "SELECT COUNT(*) FROM activities"); got != n {
				t.Errorf("%s: an activity came of it", name)
			}
		}
	})
}

func TestCompleteActivity(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, bob := salesTeam(t, e)
		account := e.Make(t, "Account", input.Object{"name": "Elm", "team": team.String()})
		contact := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "team": team.String()})
		other := e.Make(t, "Contact", input.Object{"familyName": "Haddad", "team": team.String()})
		x := newActivity(t, ann, input.Object{"kind": "CALL", "subject": "First call", "startAt": hours(-1), "account": account.String(), "contact": contact.String(), "timeZone": "Asia/Riyadh"})
		e.Make(t, "ActivityParticipant", input.Object{"activity": x.String(), "contact": other.String()})
		const complete = `mutation($in: CompleteActivityInput!, $v: Int, $dry: Boolean, $key: String) { completeActivity(input: $in, expectedVersion: $v, dryRun: $dry, idempotencyKey: $key) {
			activity { id status outcome result durationMinutes at completedBy { id } } followUp { kind subject owner { id } account { name } contact { familyName } timeZone followUpOf { id } } } }`
		in := input.Object{"activity": x.String(), "outcome": "REACHED", "result": "They want an offer.", "durationMinutes": 12,
			"followUp": input.Object{"kind": "TASK", "subject": "Write the offer", "dueAt": hours(24)}}

		// Nothing is kept of what is refused.
		shipped(t, e, "sales_rep", nil).Do(t, complete, farleytest.Vars{"in": in}).Want(t, "NOT_FOUND")
		ann.Do(t, complete, farleytest.Vars{"in": in, "v": 99}).Want(t, "CONFLICT")
		bad := input.Object{"activity": x.String(), "durationMinutes": 1_000_000, "followUp": input.Object{"kind": "MEETING", "subject": " "}}
		r := ann.Do(t, complete, farleytest.Vars{"in": bad}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.durationMinutes RANGE", "input.followUp.endAt REQUIRED", "input.followUp.startAt REQUIRED", "input.followUp.subject REQUIRED"}, alphabetic(r.Violations())); diff != "" {
			t.Error(diff)
		}
		reader := e.User(t, input.Object{"team": team.String()}, e.Role(t, levelled(t, e, "ACTIVITY OUTCOME READ")))
		reader.Do(t, complete, farleytest.Vars{"in": in}).Want(t, "FORBIDDEN")
		ann.Query(t, complete, farleytest.Vars{"in": in, "dry": true})
		if n := count(t, e, "SELECT COUNT(*) FROM activities WHERE status = 'PLANNED'"); n != 1 {
			t.Fatalf("%d activities are planned", n)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM accounts WHERE last_activity_at IS NOT NULL"); n != 0 {
			t.Errorf("%d accounts have been dealt with", n)
		}

		version := func() int { return count(t, e, "SELECT version FROM accounts WHERE id = ?", account) }
		before := version()
		want := fmt.Sprintf(`{"activity":{"at":"2026-11-22T08:00:00Z","completedBy":{"id":%q},"durationMinutes":12,"id":%q,"outcome":"REACHED","result":"They want an offer.","status":"DONE"},`+
			`"followUp":{"account":{"name":"Elm"},"contact":{"familyName":"Farouk"},"followUpOf":{"id":%q},"kind":"TASK","owner":{"id":%q},"subject":"Write the offer","timeZone":"Asia/Riyadh"}}`, bob.User, x, x, bob.User)
		for range 2 { // the second one is the same request again
			if got := bob.Query(t, complete, farleytest.Vars{"in": in, "key": "once"}).At("completeActivity").JSON(); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		}
		ann.Do(t, complete, farleytest.Vars{"in": in}).Want(t, "CONFLICT")
		const dealt = `query($a: ID!, $b: ID!, $c: ID!) { account(id: $a) { lastActivityAt } one: contact(id: $b) { lastActivityAt } two: contact(id: $c) { lastActivityAt } }`
		got := ann.Query(t, dealt, farleytest.Vars{"a": account, "b": contact, "c": other}).JSON()
		const at = `{"lastActivityAt":"2026-11-22T08:00:00Z"}`
		if want := `{"account":` + at + `,"one":` + at + `,"two":` + at + `}`; got != want {
			t.Errorf("dealt with: %s, want %s", got, want)
		}
		if after := version(); after != before {
			t.Errorf("the account went from version %d to %d", before, after)
		}
		if n := count(t, e, "SELECT COUNT(*) FROM activities"); n != 2 {
			t.Errorf("%d activities, want 2", n)
		}
	})
}

func TestMoveAndCancelActivity(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		x := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Terms", "startAt": hours(1), "endAt": hours(2.5)})
		const join = `mutation($x: ID!, $u: ID!) { createActivityParticipant(input: {activity: $x, user: $u}) { activityParticipant { id response } } }`
		ann.Query(t, join, farleytest.Vars{"x": x, "u": bob.User})
		ann.Do(t, join, farleytest.Vars{"x": x, "u": bob.User}).Want(t, "INVALID")
		const respond = `mutation($in: RespondToActivityInput!) { respondToActivity(input: $in) { activity { id } participant { response respondedAt } } }`
		got := bob.Query(t, respond, farleytest.Vars{"in": input.Object{"activity": x.String(), "response": "ACCEPTED"}}).At("respondToActivity.participant").JSON()
		if want := `{"respondedAt":"2026-11-22T09:00:00Z","response":"ACCEPTED"}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		ann.Do(t, respond, farleytest.Vars{"in": input.Object{"activity": x.String(), "response": "ACCEPTED"}}).Want(t, "NOT_FOUND")
		shipped(t, e, "service_agent", nil).Do(t, respond, farleytest.Vars{"in": input.Object{"activity": x.String(), "response": "ACCEPTED"}}).Want(t, "NOT_FOUND")

		const move = `mutation($in: RescheduleActivityInput!) { rescheduleActivity(input: $in) { activity { startAt endAt at participants { nodes { response } } } } }`
		ann.Do(t, move, farleytest.Vars{"in": input.Object{"activity": x.String()}}).Want(t, "INVALID")
		got = ann.Query(t, move, farleytest.Vars{"in": input.Object{"activity": x.String(), "startAt": hours(5)}}).At("rescheduleActivity.activity").JSON()
		if want := `{"at":"2026-11-22T14:00:00Z","endAt":"2026-11-22T15:30:00Z","participants":{"nodes":[{"response":"NEEDS_ACTION"}]},"startAt":"2026-11-22T14:00:00Z"}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}

		// Whole days stay whole days, also where clocks are set.
		y := newActivity(t, ann, input.Object{"kind": "VISIT", "subject": "Fair", "allDay": true, "timeZone": "Europe/Berlin", "startAt": "2026-11-30T23:00:00Z", "endAt": "2026-12-02T23:00:00Z"})
		got = ann.Query(t, move, farleytest.Vars{"in": input.Object{"activity": y.String(), "startAt": "2027-03-26T23:00:00Z"}}).At("rescheduleActivity.activity.endAt").Text()
		if got != "2027-03-28T22:00:00Z" {
			t.Errorf("the fair ends at %s", got)
		}

		const cancel = `mutation($in: CancelActivityInput!) { cancelActivity(input: $in) { activity { status result } } }`
		got = bob.Query(t, cancel, farleytest.Vars{"in": input.Object{"activity": x.String(), "reason": "Nobody comes."}}).At("cancelActivity.activity").JSON()
		if want := `{"result":"Nobody comes.","status":"CANCELLED"}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		for _, doc := range []string{cancel, move, respond} {
			in := input.Object{"activity": x.String()}
			switch doc {
			case move:
				in["startAt"] = hours(6)
			case respond:
				in["response"] = "DECLINED"
			}
			bob.Do(t, doc, farleytest.Vars{"in": in}).Want(t, "CONFLICT")
		}
	})
}

// Who takes part in an activity sees it, and is told when he begins and ceases to.
func TestActivity_participants(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		sam := shipped(t, e, "service_agent", nil)
		x := newActivity(t, ann, input.Object{"kind": "CALL", "subject": "Call"})
		const one = `query($x: ID!) { activity(id: $x) { subject } }`
		sam.Do(t, one, farleytest.Vars{"x": x}).Want(t, "NOT_FOUND")
		from := after(t, e, sam)
		hears := func(op string) {
			t.Helper()
			e.Settle(t)
			d := sam.Query(t, `query($c: Cursor!) { changes(objects: [ACTIVITY], after: $c) { edges { node { op recordId } } } }`, farleytest.Vars{"c": from}).At("changes.edges")
			if want := fmt.Sprintf(`[{"node":{"op":%q,"recordId":%q}}]`, op, x); d.JSON() != want {
				t.Errorf("told %s, want %s", d.JSON(), want)
			}
			from = after(t, e, sam)
		}
		part := ann.Query(t, `mutation($x: ID!, $u: ID!) { createActivityParticipant(input: {activity: $x, user: $u}) { activityParticipant { id } } }`, farleytest.Vars{"x": x, "u": sam.User}).At("createActivityParticipant.activityParticipant.id").ID()
		sam.Query(t, one, farleytest.Vars{"x": x})
		hears("ENTERED")
		ann.Query(t, `mutation($x: ID!) { deleteActivityParticipant(id: $x) { id } }`, farleytest.Vars{"x": part})
		sam.Do(t, one, farleytest.Vars{"x": x}).Want(t, "NOT_FOUND")
		hears("LEFT")
		for _, in := range []input.Object{{"activity": x.String()}, {"activity": x.String(), "user": sam.User.String(), "contact": e.Make(t, "Contact", input.Object{"familyName": "F", "owner": ann.User.String()}).String()}} {
			ann.Do(t, `mutation($in: CreateActivityParticipantInput!) { createActivityParticipant(input: $in) { activityParticipant { id } } }`, farleytest.Vars{"in": in}).Want(t, "INVALID")
		}
	})
}
