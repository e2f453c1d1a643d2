package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
)

const availability = `query($u: [ID!]!, $from: DateTime!, $to: DateTime!, $d: Duration!) { availability(users: $u, from: $from, to: $to, duration: $d) {
	freeSlots { start end } busy { user { id } start end activity { subject } } } }`

// workdays are working hours from Monday to Friday.
func workdays(start, end string) []any {
	var out []any
	for _, day := range []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"} {
		out = append(out, map[string]any{"weekday": day, "start": start, "end": end})
	}
	return out
}

func TestAvailability(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, bob := salesTeam(t, e)
		far := shipped(t, e, "service_agent", nil)
		// The firm works in UTC, Bob's team in Riyadh (three hours ahead), and he himself has an hour off at noon.
		e.Make(t, "WorkingCalendar", input.Object{"name": "Firm", "timeZone": "UTC", "hours": workdays("08:00", "16:00")})
		e.Make(t, "WorkingCalendar", input.Object{"name": "Team", "timeZone": "Asia/Riyadh", "forTeam": team.String(), "hours": workdays("08:00", "16:00"),
			"exceptions": []any{map[string]any{"first": "2026-11-24"}}})
		const calendar = `mutation($in: CreateWorkingCalendarInput!) { createWorkingCalendar(input: $in) { workingCalendar { id } } }`
		own := input.Object{"name": "Bob", "timeZone": "Asia/Riyadh", "user": bob.User.String(), "hours": append(workdays("10:00", "12:00"), workdays("13:00", "16:00")...)}
		bob.Query(t, calendar, farleytest.Vars{"in": own})
		ann.Do(t, calendar, farleytest.Vars{"in": own}).Want(t, "FORBIDDEN")
		ann.Do(t, calendar, farleytest.Vars{"in": input.Object{"name": "All", "timeZone": "UTC"}}).Want(t, "FORBIDDEN")
		r := bob.Do(t, calendar, farleytest.Vars{"in": input.Object{"name": "Bad", "timeZone": "UTC", "user": bob.User.String(),
			"hours":    []any{map[string]any{"weekday": "MONDAY", "start": "09:00", "end": "12:00"}, map[string]any{"weekday": "MONDAY", "start": "nine", "end": "12:00"}},
			"holidays": []any{map[string]any{"month": 13, "day": 1}}, "exceptions": []any{map[string]any{"first": "2026-12-02", "last": "2026-12-01"}}}}).Want(t, "INVALID")
		if diff := cmp.Diff([]string{"input.exceptions.0.last RANGE", "input.holidays.0.month RANGE", "input.hours.1.start FORMAT"}, alphabetic(r.Violations())); diff != "" {
			t.Error(diff)
		}

		// Monday the 23rd: Ann works from 05:00 to 13:00 UTC, Bob from 07:00 to 09:00 and 10:00 to 13:00.
		meeting := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Terms", "startAt": "2026-11-23T07:00:00Z", "endAt": "2026-11-23T08:30:00Z"})
		e.Make(t, "ActivityParticipant", input.Object{"activity": meeting.String(), "user": bob.User.String()})
		secret := e.Make(t, "Activity", input.Object{"kind": "MEETING", "subject": "Secret", "startAt": "2026-11-23T10:30:00Z", "endAt": "2026-11-23T12:15:00Z", "owner": far.User.String()})
		part := e.Make(t, "ActivityParticipant", input.Object{"activity": secret.String(), "user": ann.User.String()})
		newActivity(t, bob, input.Object{"kind": "MEETING", "subject": "Free", "startAt": "2026-11-23T10:00:00Z", "endAt": "2026-11-23T11:00:00Z", "showsAsFree": true})
		gone := newActivity(t, bob, input.Object{"kind": "MEETING", "subject": "Gone", "startAt": "2026-11-23T08:00:00Z", "endAt": "2026-11-23T13:00:00Z"})
		bob.Query(t, `mutation($x: ID!) { cancelActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": gone})
		vars := farleytest.Vars{"u": []id.ID{ann.User, bob.User}, "from": "2026-11-23T00:00:00Z", "to": "2026-11-25T00:00:00Z", "d": "PT45M"}
		d := far.Query(t, availability, vars).At("availability")
		var slots, busy []string
		for i := range d.At("freeSlots").Len() {
			s := d.At(fmt.Sprintf("freeSlots.%d", i))
			slots = append(slots, strings.TrimPrefix(s.At("start").Text(), "2026-11-")+" "+strings.TrimPrefix(s.At("end").Text(), "2026-11-"))
		}
		for i := range d.At("busy").Len() {
			b := d.At(fmt.Sprintf("busy.%d", i))
			who := map[string]string{ann.User.String(): "Ann", bob.User.String(): "Bob"}[b.At("user.id").Text()]
			busy = append(busy, who+" "+strings.TrimPrefix(b.At("start").Text(), "2026-11-")+" "+b.At("activity.subject").Text())
		}
		// The day after, their team does not work, but Bob does, by his own calendar: so there is no time in common.
		if diff := cmp.Diff([]string{"23T12:15:00Z 23T13:00:00Z"}, slots); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"Ann 23T07:00:00Z ", "Ann 23T10:30:00Z Secret", "Bob 23T07:00:00Z "}, alphabetic(busy)); diff != "" {
			t.Error(diff)
		}
		// Who declined has the time again.
		e.Change(t, part, input.Object{"response": "DECLINED"})
		if n := bob.Query(t, availability, vars).At("availability.freeSlots").Len(); n != 10 {
			t.Errorf("%d slots, want 10", n)
		}
		for _, bad := range []farleytest.Vars{
			{"u": []id.ID{}, "d": "PT45M", "from": vars["from"], "to": vars["to"]},
			{"u": vars["u"], "d": "45 minutes", "from": vars["from"], "to": vars["to"]},
			{"u": vars["u"], "d": "PT45M", "from": vars["from"], "to": "2027-11-25T00:00:00Z"},
			{"u": []id.ID{absentUser(e)}, "d": "PT45M", "from": vars["from"], "to": vars["to"]},
		} {
			bob.Do(t, availability, bad).Want(t, "INVALID")
		}
		shipped(t, e, "portal_customer", input.Object{"kind": "PORTAL", "contact": e.Make(t, "Contact", input.Object{"familyName": "P"}).String()}).Do(t, availability, vars).Want(t, "FORBIDDEN")
	})
}

// Giving somebody an activity warns of what he has already, as far as the one who gives it sees that, and when he does not work.
func TestActivity_clashes(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		far := shipped(t, e, "service_agent", nil)
		newActivity(t, ann, input.Object{"kind": "CALL", "subject": "Call", "startAt": "2026-11-23T16:00:00Z", "endAt": "2026-11-23T16:30:00Z", "owner": bob.User.String()})
		newActivity(t, far, input.Object{"kind": "CALL", "subject": "Mine", "startAt": "2026-11-23T09:00:00Z", "endAt": "2026-11-23T10:30:00Z"})
		const clashes = `clashes { user { id } start end absent activity { subject } }`
		told := func(d farleytest.Data) string {
			return strings.NewReplacer(bob.User.String(), "Bob", far.User.String(), "Far").Replace(d.At("clashes").JSON())
		}
		clash := func(who, start, end, activity string) string {
			return fmt.Sprintf(`{"absent":%v,"activity":%s,"end":"2026-11-23T%s:00Z","start":"2026-11-23T%s:00Z","user":{"id":%q}}`, activity == "", orNull(activity), end, start, who)
		}
		for _, c := range []struct {
			start, end string
			want       []string
		}{
			{"10:30", "11:30", nil},
			{"10:00", "12:00", []string{clash("Far", "09:00", "10:30", `{"subject":"Mine"}`)}},
			{"16:00", "18:00", []string{clash("Bob", "16:00", "16:30", "hidden"), clash("Far", "17:00", "18:00", ""), clash("Bob", "17:00", "18:00", "")}},
		} {
			in := input.Object{"kind": "MEETING", "subject": "New", "startAt": "2026-11-23T" + c.start + ":00Z", "endAt": "2026-11-23T" + c.end + ":00Z"}
			x := newActivity(t, far, in)
			d := far.Query(t, `mutation($x: ID!, $u: ID!) { createActivityParticipant(input: {activity: $x, user: $u}) { activityParticipant { activity { `+clashes+` } } } }`, farleytest.Vars{"x": x, "u": bob.User})
			want := strings.ReplaceAll("["+strings.Join(c.want, ",")+"]", "hidden", "null")
			if got := told(d.At("createActivityParticipant.activityParticipant.activity")); got != want {
				t.Errorf("from %s to %s: %s\nwant %s", c.start, c.end, got, want)
			}
			far.Query(t, `mutation($x: ID!) { cancelActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": x})
		}
		// The owner's side sees what it is, when the activity is made.
		in := input.Object{"kind": "MEETING", "subject": "Ours", "startAt": "2026-11-23T16:00:00Z", "endAt": "2026-11-23T16:30:00Z", "owner": bob.User.String()}
		d := ann.Query(t, `mutation($in: CreateActivityInput!) { createActivity(input: $in) { activity { `+clashes+` } } }`, farleytest.Vars{"in": in})
		if got, want := told(d.At("createActivity.activity")), "["+clash("Bob", "16:00", "16:30", `{"subject":"Call"}`)+"]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestMyAgenda(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Under way", "startAt": hours(-1), "endAt": hours(1)})
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Due", "dueAt": hours(2)})
		newActivity(t, ann, input.Object{"kind": "CALL", "subject": "Call", "startAt": hours(3)})
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Late", "dueAt": hours(-2)})
		newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Over", "startAt": hours(-3), "endAt": hours(0)})
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Later", "dueAt": hours(24)})
		newActivity(t, bob, input.Object{"kind": "TASK", "subject": "Bob's", "dueAt": hours(2)})
		x := newActivity(t, bob, input.Object{"kind": "MEETING", "subject": "Together", "startAt": hours(4), "endAt": hours(5)})
		part := e.Make(t, "ActivityParticipant", input.Object{"activity": x.String(), "user": ann.User.String()})
		const agenda = `query($from: DateTime!, $to: DateTime!) { myAgenda(from: $from, to: $to) { more entries { start end allDay occurrence activity { subject } } } }`
		vars := farleytest.Vars{"from": hours(0), "to": hours(24)}
		lists := func(c *farleytest.Client) []string {
			return c.Query(t, agenda, vars).At("myAgenda.entries").Texts("activity.subject")
		}
		if diff := cmp.Diff([]string{"Under way", "Due", "Call", "Together"}, lists(ann)); diff != "" {
			t.Error(diff)
		}
		e.Change(t, part, input.Object{"response": "DECLINED"})
		if diff := cmp.Diff([]string{"Under way", "Due", "Call"}, lists(ann)); diff != "" {
			t.Error(diff)
		}
		e.DB.Counter.Reset()
		lists(ann)
		if n := len(e.DB.Counter.Asked()); n > 5 {
			t.Errorf("an agenda takes %d statements: %q", n, e.DB.Counter.Asked())
		}
		ann.Do(t, agenda, farleytest.Vars{"from": hours(0), "to": hours(93 * 24)}).Want(t, "INVALID")
		blind := e.User(t, nil, e.Role(t, levelled(t, e, "ACTIVITY START_AT NONE")))
		blind.Do(t, agenda, vars).Want(t, "FORBIDDEN")

		const overdue = `query($o: [ID!]) { overdueActivities(owners: $o) { count activities { subject } } }`
		const late = `{"activities":[{"subject":"Late"}],"count":1}`
		for want, owners := range map[string][][]id.ID{late: {nil, {ann.User}, {ann.User, bob.User}}, `{"activities":[],"count":0}`: {{bob.User}}} {
			for _, o := range owners {
				vars := farleytest.Vars{}
				if o != nil {
					vars["o"] = o
				}
				if got := ann.Query(t, overdue, vars).At("overdueActivities").JSON(); got != want {
					t.Errorf("of %v: %s, want %s", o, got, want)
				}
			}
		}
		if got := shipped(t, e, "service_agent", nil).Query(t, overdue, farleytest.Vars{"o": []id.ID{ann.User}}).At("overdueActivities.count").Int(); got != 0 {
			t.Errorf("a stranger counts %d", got)
		}
	})
}

func TestTeamActivities(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		for i, status := range []string{"DONE", "DONE", "PLANNED", "CANCELLED"} {
			newActivity(t, ann, input.Object{"kind": "CALL", "subject": fmt.Sprint(i), "startAt": hours(float64(i)), "status": status, "outcome": []any{"REACHED", "NO_ANSWER", nil, nil}[i]})
		}
		newActivity(t, bob, input.Object{"kind": "MEETING", "subject": "M", "startAt": hours(1), "endAt": hours(2)})
		e.Make(t, "Activity", input.Object{"kind": "CALL", "subject": "Hidden", "startAt": hours(1)})
		const counts = `query($by: ActivityGrouping!, $from: DateTime!, $to: DateTime!, $t: ID) { teamActivities(by: $by, from: $from, to: $to, team: $t) { rows { user { id } kind outcome count open done cancelled } } }`
		ask := func(c *farleytest.Client, by string) string {
			got := c.Query(t, counts, farleytest.Vars{"by": by, "from": hours(-1), "to": hours(10)}).At("teamActivities.rows").JSON()
			return strings.NewReplacer(ann.User.String(), "Ann", bob.User.String(), "Bob").Replace(got)
		}
		row := func(user, kind, outcome string, count, open, done, cancelled int) string {
			return fmt.Sprintf(`{"cancelled":%d,"count":%d,"done":%d,"kind":%s,"open":%d,"outcome":%s,"user":%s}`, cancelled, count, done, kind, open, outcome, user)
		}
		for by, want := range map[string]string{
			"REP":     "[" + row(`{"id":"Ann"}`, "null", "null", 4, 1, 2, 1) + "," + row(`{"id":"Bob"}`, "null", "null", 1, 1, 0, 0) + "]",
			"KIND":    "[" + row("null", `"CALL"`, "null", 4, 1, 2, 1) + "," + row("null", `"MEETING"`, "null", 1, 1, 0, 0) + "]",
			"OUTCOME": "[" + row("null", "null", "null", 3, 2, 0, 1) + "," + row("null", "null", `"NO_ANSWER"`, 1, 0, 1, 0) + "," + row("null", "null", `"REACHED"`, 1, 0, 1, 0) + "]",
		} {
			if got := ask(bob, by); got != want {
				t.Errorf("by %s: %s\nwant %s", by, got, want)
			}
		}
		if got := ask(shipped(t, e, "service_agent", nil), "REP"); got != `[]` {
			t.Errorf("a stranger counts %s", got)
		}
		blind := e.User(t, nil, e.Role(t, levelled(t, e, "ACTIVITY OUTCOME NONE")))
		blind.Do(t, counts, farleytest.Vars{"by": "OUTCOME", "from": hours(-1), "to": hours(10)}).Want(t, "FORBIDDEN")
		bob.Do(t, counts, farleytest.Vars{"by": "REP", "from": hours(1), "to": hours(0)}).Want(t, "INVALID")
	})
}

// Activities are in the timelines and figures of whom they are with, and leave with his data.
func TestActivity_aroundCustomers(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		team, ann, _ := salesTeam(t, e)
		e.Change(t, ann.User, input.Object{"name": "Ann"})
		account := e.Make(t, "Account", input.Object{"name": "Elm", "team": team.String()})
		contact := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "team": team.String()})
		other := e.Make(t, "Contact", input.Object{"familyName": "Haddad", "team": team.String()})
		x := newActivity(t, ann, input.Object{"kind": "CALL", "subject": "Call Farouk", "startAt": hours(-1), "account": account.String(), "contact": contact.String(), "description": "About Farouk's house"})
		e.Make(t, "ActivityParticipant", input.Object{"activity": x.String(), "contact": other.String()})
		e.Make(t, "ActivityParticipant", input.Object{"activity": x.String(), "contact": contact.String()})
		next := newActivity(t, ann, input.Object{"kind": "TASK", "subject": "To come", "dueAt": hours(5), "account": account.String(), "contact": contact.String()})
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "After that", "dueAt": hours(6), "account": account.String()})
		e.Make(t, "Activity", input.Object{"kind": "TASK", "subject": "Hidden", "dueAt": hours(1), "account": account.String()})
		note := ann.Query(t, `mutation($x: ID!) { createNote(input: {activity: $x, title: "House", body: "Farouk sold it"}) { note { id } } }`, farleytest.Vars{"x": x}).At("createNote.note.id").ID()

		const views = `query($a: ID!, $c: ID!, $o: ID!) {
			account(id: $a) { summary { openActivities nextActivity { id } } timeline(kinds: [ACTIVITY]) { ...t } }
			contact(id: $c) { summary { openActivities } timeline(kinds: [ACTIVITY]) { ...t } } other: contact(id: $o) { timeline(kinds: [ACTIVITY]) { ...t } } }
			fragment t on TimelineConnection { edges { node { __typename at title actor { displayName } ... on ActivityEntry { activity { subject } } ... on ParticipationEntry { participation { activity { subject } } } } } }`
		got := ann.Query(t, views, farleytest.Vars{"a": account, "c": contact, "o": other}).JSON()
		entry := `{"edges":[{"node":{"__typename":"ActivityEntry","activity":{"subject":"Call Farouk"},"actor":{"displayName":"Ann"},"at":"2026-11-22T08:00:00Z","title":"Call Farouk"}}]}`
		want := fmt.Sprintf(`{"account":{"summary":{"nextActivity":{"id":%q},"openActivities":3},"timeline":%s},"contact":{"summary":{"openActivities":2},"timeline":%s},`+
			`"other":{"timeline":{"edges":[{"node":{"__typename":"ParticipationEntry","actor":null,"at":"2026-11-22T08:00:00Z","participation":{"activity":{"subject":"Call Farouk"}},"title":"Call Farouk"}}]}}}`, next, entry, entry)
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if got := shipped(t, e, "service_agent", nil).Query(t, `query($a: ID!) { account(id: $a) { summary { openActivities nextActivity { id } } timeline(kinds: [ACTIVITY]) { edges { cursor } } } }`, farleytest.Vars{"a": account}).At("account").JSON(); got != `{"summary":{"nextActivity":null,"openActivities":0},"timeline":{"edges":[]}}` {
			t.Errorf("a stranger sees %s", got)
		}

		// Erasing takes what is said of the person in activities and in notes on them.
		admin := e.Admin(t)
		admin.Query(t, `mutation($c: ID!) { erasePersonalData(input: {contact: $c, reason: REQUEST}) { contact { id } } }`, farleytest.Vars{"c": contact})
		got = admin.Query(t, `query($x: ID!, $n: ID!) { activity(id: $x) { subject description participants { nodes { contact { id } } } } note(id: $n) { title body } }`, farleytest.Vars{"x": x, "n": note}).JSON()
		if want := fmt.Sprintf(`{"activity":{"description":null,"participants":{"nodes":[{"contact":{"id":%q}}]},"subject":"Erased"},"note":{"body":"Erased","title":null}}`, other); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		ann.Do(t, createActivity, farleytest.Vars{"in": input.Object{"kind": "CALL", "subject": "Again", "contact": contact.String()}}).Want(t, "CONFLICT")
	})
}

// What was done with a lead is with what it becomes, and what was done with a merged account with the survivor.
func TestActivity_followsCustomers(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		lead := ann.Query(t, `mutation { createLead(input: {company: "Elm", familyName: "Haddad"}) { lead { id } } }`, nil).At("createLead.lead.id").ID()
		x := newActivity(t, ann, input.Object{"kind": "CALL", "subject": "Call", "lead": lead.String()})
		d := ann.Query(t, `mutation($l: ID!) { convertLead(input: {lead: $l, account: {create: {}}, contact: {create: {}}}) { account { id } contact { id } } }`, farleytest.Vars{"l": lead}).At("convertLead")
		account, contact := d.At("account.id").ID(), d.At("contact.id").ID()
		const with = `query($x: ID!) { activity(id: $x) { account { id } contact { id } lead { id } } }`
		got := ann.Query(t, with, farleytest.Vars{"x": x}).At("activity").JSON()
		if want := fmt.Sprintf(`{"account":{"id":%q},"contact":{"id":%q},"lead":{"id":%q}}`, account, contact, lead); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		admin := e.Admin(t)
		survivor := e.Make(t, "Account", input.Object{"name": "Elm and Oak", "owner": ann.User.String()})
		admin.Query(t, `mutation($s: ID!, $l: ID!) { mergeAccounts(input: {survivor: $s, losers: [$l]}) { account { id } } }`, farleytest.Vars{"s": survivor, "l": account})
		if got := ann.Query(t, with, farleytest.Vars{"x": x}).At("activity.account.id").ID(); got != survivor {
			t.Errorf("the activity is with %s", got)
		}
	})
}

func alphabetic(list []string) []string { return slices.Sorted(slices.Values(list)) }

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}
