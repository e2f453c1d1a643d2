package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/mail"
)

const invite = `mutation($x: ID!) { inviteToActivity(input: {activity: $x}) { invited activity { id } } }`

var answerLink = regexp.MustCompile(`https://crm\.example\.com(/invitation/[A-Za-z0-9_-]+)`)

// properties returns what the one event of a calendar says.
func properties(t *testing.T, text string, names ...string) string {
	t.Helper()
	c, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if len(c.Events()) != 1 {
		t.Fatalf("%d events in\n%s", len(c.Events()), text)
	}
	out := []string{c.Props.Get("METHOD").Value}
	for _, name := range names {
		p := c.Events()[0].Props.Get(name)
		if p == nil {
			out = append(out, "-")
			continue
		}
		out = append(out, p.Value)
	}
	return strings.Join(out, " ")
}

// page asks for a page as a browser does.
func page(t *testing.T, e *farleytest.Env, method, path, response string) (int, string, http.Header) {
	t.Helper()
	var body io.Reader
	if response != "" {
		body = strings.NewReader(url.Values{"response": {response}}.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, e.Host+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// Contacts are invited by mail, answer at a link or by their calendar program, and hear of changes: UID stays, SEQUENCE rises.
func TestInvitation(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		e.Change(t, ann.User, input.Object{"name": `Ann "the" Rep`})
		x := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Terms <b>now</b>", "startAt": hours(24), "endAt": hours(25), "location": "Room 1"})
		contact := func(name string, more input.Object) id.ID {
			t.Helper()
			in := input.Object{"familyName": name, "owner": ann.User.String(), "emails": []any{map[string]any{"address": strings.ToLower(name) + "@customer.example", "kind": "WORK", "primary": true}}}
			for k, v := range more {
				in[k] = v
			}
			return e.Make(t, "Contact", in)
		}
		parts := map[string]id.ID{}
		for name, c := range map[string]id.ID{
			"Farouk": contact("Farouk", nil), "Said": contact("Said", input.Object{"doNotContact": true}), "Nomail": contact("Nomail", input.Object{"emails": nil}),
		} {
			parts[name] = e.Make(t, "ActivityParticipant", input.Object{"activity": x.String(), "contact": c.String()})
		}
		if n := ann.Query(t, invite, farleytest.Vars{"x": x}).At("inviteToActivity.invited").Int(); n != 1 {
			t.Errorf("%d were invited", n)
		}
		sent := 0
		next := func() mail.Message {
			t.Helper()
			pass(t, e, time.Second, ann)
			all := e.Sent.Sent()
			if len(all) != sent+1 || all[sent].To != "farouk@customer.example" {
				t.Fatalf("%d mails instead of %d: %+v", len(all), sent+1, all)
			}
			sent++
			return all[sent-1]
		}
		uid := strings.ToLower(x.String()) + "@farley"
		m := next()
		if got := properties(t, m.Calendar, "UID", "SEQUENCE", "DTSTART", "DTEND", "ATTENDEE", "STATUS"); got != "REQUEST "+uid+" 0 20261123T090000Z 20261123T100000Z mailto:farouk@customer.example CONFIRMED" || m.CalendarMethod != "REQUEST" || m.Subject != "Invitation: Terms <b>now</b>" {
			t.Errorf("the first mail: %s %+v", got, m)
		}
		link := answerLink.FindStringSubmatch(m.Text)
		if link == nil {
			t.Fatalf("no link in %s", m.Text)
		}
		answer := func() string {
			t.Helper()
			return ann.Query(t, `query($p: ID!) { activityParticipant(id: $p) { response } }`, farleytest.Vars{"p": parts["Farouk"]}).At("activityParticipant.response").Text()
		}
		// Looking changes nothing, and shows nothing that was not in the mail; posting answers.
		status, body, header := page(t, e, http.MethodGet, link[1], "")
		if status != http.StatusOK || !strings.Contains(body, "Terms &lt;b&gt;now") || strings.Contains(body, "<script") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("the page: %d %s %v", status, body, header)
		}
		if got := answer(); got != "NEEDS_ACTION" {
			t.Errorf("after looking: %s", got)
		}
		if status, body, _ := page(t, e, http.MethodPost, link[1], "ACCEPTED"); status != http.StatusOK || !strings.Contains(body, "accepted") || answer() != "ACCEPTED" {
			t.Errorf("after answering: %d %s, %s", status, body, answer())
		}
		if got := strings.Join(toldTo(t, ann), " "); !strings.Contains(got, "ACTIVITY_RESPONSE") {
			t.Errorf("Ann was told %q", got)
		}
		for _, bad := range []string{"NONSENSE", "NEEDS_ACTION", strings.Repeat("x", 5000)} {
			page(t, e, http.MethodPost, link[1], bad)
		}
		forged := link[1][:len(link[1])-2] + "xx"
		for _, path := range []string{forged, "/invitation/", "/invitation/" + parts["Said"].String()} {
			if status, body, _ := page(t, e, http.MethodPost, path, "DECLINED"); status != http.StatusNotFound || strings.Contains(body, "Terms") {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		if got := answer(); got != "ACCEPTED" {
			t.Errorf("after nonsense: %s", got)
		}
		if status, _, _ := page(t, e, http.MethodDelete, link[1], ""); status != http.StatusMethodNotAllowed {
			t.Errorf("DELETE: %d", status)
		}
		// By the calendar program: the answer to the present version counts, the later one of two; others do not.
		reply := func(c *farleytest.Client, who, part string, sequence int, stamp string) farleytest.Data {
			t.Helper()
			text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:" + stamp + "\r\nSEQUENCE:" + fmt.Sprint(sequence) +
				"\r\nORGANIZER:mailto:ann@example.com\r\nATTENDEE;PARTSTAT=" + part + ":mailto:" + who + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
			return c.Query(t, importICS, farleytest.Vars{"in": input.Object{"text": text}}).At("importCalendar")
		}
		if got := reply(ann, "Farouk@Customer.example", "TENTATIVE", 0, "20261122T120000Z"); got.At("replies").Int() != 1 || answer() != "TENTATIVE" {
			t.Errorf("reply: %s, %s", got.JSON(), answer())
		}
		for want, got := range map[string]farleytest.Data{
			"STALE":            reply(ann, "farouk@customer.example", "DECLINED", 0, "20261122T110000Z"),
			"UNKNOWN_ATTENDEE": reply(ann, "mallory@customer.example", "DECLINED", 0, "20261122T130000Z"),
			"UNKNOWN_EVENT":    reply(shipped(t, e, "sales_rep", nil), "farouk@customer.example", "DECLINED", 0, "20261122T130000Z"),
		} {
			if got.At("problems.0.code").Text() != want || got.At("replies").Int() != 0 {
				t.Errorf("%s: %s", want, got.JSON())
			}
		}
		if got := answer(); got != "TENTATIVE" {
			t.Errorf("after what does not count: %s", got)
		}
		// Moved, it asks anew with a higher number; an answer to the earlier version is stale.
		ann.Query(t, `mutation($x: ID!, $at: DateTime!) { rescheduleActivity(input: {activity: $x, startAt: $at}) { activity { id } } }`, farleytest.Vars{"x": x, "at": hours(26)})
		m = next()
		if got := properties(t, m.Calendar, "UID", "SEQUENCE", "DTSTART"); got != "REQUEST "+uid+" 1 20261123T110000Z" || answer() != "NEEDS_ACTION" {
			t.Errorf("the second mail: %s; %s", got, answer())
		}
		if got := reply(ann, "farouk@customer.example", "ACCEPTED", 0, "20261122T140000Z"); got.At("problems.0.code").Text() != "STALE" {
			t.Errorf("an answer to the first version: %s", got.JSON())
		}
		ann.Query(t, `mutation($x: ID!) { updateActivity(id: $x, input: {description: "Nobody is told"}) { activity { id } } }`, farleytest.Vars{"x": x})
		ann.Query(t, `mutation($x: ID!) { cancelActivity(input: {activity: $x, reason: "secret"}) { activity { id } } }`, farleytest.Vars{"x": x})
		m = next()
		if got := properties(t, m.Calendar, "UID", "SEQUENCE", "STATUS"); got != "CANCEL "+uid+" 2 CANCELLED" || m.Subject != "Cancelled: Terms <b>now</b>" || strings.Contains(m.Text+m.Calendar, "secret") || answerLink.MatchString(m.Text) {
			t.Errorf("the last mail: %s %+v", got, m)
		}
		if status, body, _ := page(t, e, http.MethodPost, link[1], "ACCEPTED"); status != http.StatusNotFound || strings.Contains(body, "Terms") {
			t.Errorf("answering what is cancelled: %d", status)
		}
		ann.Do(t, invite, farleytest.Vars{"x": x}).Want(t, "CONFLICT")
		// Who does not take part any more hears so, and others do not.
		y := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Next", "startAt": hours(48), "endAt": hours(49)})
		part := e.Make(t, "ActivityParticipant", input.Object{"activity": y.String(), "contact": e.Stored(t, parts["Farouk"], "contact").(id.ID).String()})
		ann.Query(t, invite, farleytest.Vars{"x": y})
		m = next()
		link = answerLink.FindStringSubmatch(m.Text)
		ann.Query(t, `mutation($p: ID!) { deleteActivityParticipant(id: $p) { id } }`, farleytest.Vars{"p": part})
		if got := properties(t, next().Calendar, "SEQUENCE"); got != "CANCEL 1" {
			t.Errorf("who was taken out hears %s", got)
		}
		if status, _, _ := page(t, e, http.MethodGet, link[1], ""); status != http.StatusNotFound {
			t.Errorf("the link of who was taken out: %d", status)
		}
		bob.Do(t, invite, farleytest.Vars{"x": newActivity(t, ann, input.Object{"kind": "TASK", "subject": "T", "dueAt": hours(5)})}).Want(t, "INVALID")
	})
}

// A link ends with the activity.
func TestInvitation_expires(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, _ := salesTeam(t, e)
		x := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Terms", "startAt": hours(1), "endAt": hours(2)})
		c := e.Make(t, "Contact", input.Object{"familyName": "Farouk", "owner": ann.User.String(), "emails": []any{map[string]any{"address": "f@customer.example", "kind": "WORK", "primary": true}}})
		e.Make(t, "ActivityParticipant", input.Object{"activity": x.String(), "contact": c.String()})
		ann.Query(t, invite, farleytest.Vars{"x": x})
		pass(t, e, time.Second, ann)
		link := answerLink.FindStringSubmatch(e.Sent.Sent()[0].Text)
		if status, _, _ := page(t, e, http.MethodGet, link[1], ""); status != http.StatusOK {
			t.Errorf("before: %d", status)
		}
		advanceBy(e, 2*time.Hour)
		if status, _, _ := page(t, e, http.MethodGet, link[1], ""); status != http.StatusNotFound {
			t.Errorf("afterwards: %d", status)
		}
	})
}

const importICS = `mutation($in: ImportCalendarInput!) { importCalendar(input: $in) { created updated unchanged replies activities { id subject kind startAt endAt dueAt allDay timeZone location description status showsAsFree recurrence { rule } } problems { component uid code } } }`

func ics(components ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n" + strings.Join(components, "") + "END:VCALENDAR\r\n"
}

func vevent(lines ...string) string {
	return "BEGIN:VEVENT\r\nDTSTAMP:20261101T000000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
}

// A calendar comes in once, however often it is imported, and what is newer in it is taken.
func TestImportCalendar(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		text := ics(
			vevent("UID:one@x", "SUMMARY:Lunch\\, with Ann", "DTSTART;TZID=Europe/Berlin:20261201T120000", "DTEND;TZID=Europe/Berlin:20261201T130000", "LOCATION:Berlin", "DESCRIPTION:Line\\nanother", "SEQUENCE:2"),
			vevent("UID:two@x", "SUMMARY:Fair", "DTSTART;VALUE=DATE:20261205", "DTEND;VALUE=DATE:20261207", "TRANSP:TRANSPARENT"),
			vevent("UID:three@x", "SUMMARY:Weekly", "DTSTART;TZID=Europe/Berlin:20261207T090000", "DURATION:PT30M", "RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE;TZID=Europe/Berlin:20261214T090000"),
			"BEGIN:VTODO\r\nDTSTAMP:20261101T000000Z\r\nUID:four@x\r\nSUMMARY:Offer\r\nDUE:20261203T100000Z\r\nEND:VTODO\r\n",
			vevent("SUMMARY:Nameless", "DTSTART:20261201T120000Z"),
			vevent("UID:six@x", "SUMMARY:Timeless"),
			vevent("UID:seven@x", "SUMMARY:Backwards", "DTSTART:20261201T120000Z", "DTEND:20261201T110000Z"),
			vevent("UID:eight@x", "SUMMARY:Odd zone", "DTSTART;TZID=Nowhere/City:20261201T120000"),
			vevent("UID:three@x", "SUMMARY:Moved time", "RECURRENCE-ID:20261221T080000Z", "DTSTART:20261221T100000Z"),
		)
		got := ann.Query(t, importICS, farleytest.Vars{"in": input.Object{"text": text}}).At("importCalendar")
		var list []string
		for i := range got.At("activities").Len() {
			a := got.At(fmt.Sprint("activities.", i))
			list = append(list, fmt.Sprint(a.At("kind").Text(), " ", a.At("subject").Text(), " ", a.At("startAt").Text(), a.At("dueAt").Text(), " ", a.At("endAt").Text(), " ", a.At("timeZone").Text(), " ", a.At("allDay").V, a.At("showsAsFree").V, " ", a.At("location").Text(), a.At("recurrence.rule").Text()))
		}
		want := []string{
			"MEETING Lunch, with Ann 2026-12-01T11:00:00Z 2026-12-01T12:00:00Z Europe/Berlin false false Berlin",
			"MEETING Fair 2026-12-05T00:00:00Z 2026-12-07T00:00:00Z UTC true true ",
			"MEETING Weekly 2026-12-07T08:00:00Z 2026-12-07T08:30:00Z Europe/Berlin false false FREQ=WEEKLY;COUNT=5",
			"TASK Offer 2026-12-03T10:00:00Z   false false ",
		}
		if diff := cmp.Diff(want, list); diff != "" || got.At("created").Int() != 4 {
			t.Errorf("imported: %s\n%s", diff, got.JSON())
		}
		var problems []string
		for i := range got.At("problems").Len() {
			p := got.At(fmt.Sprint("problems.", i))
			problems = append(problems, fmt.Sprint(p.At("component").Int(), " ", p.At("uid").Text(), " ", p.At("code").Text()))
		}
		if diff := cmp.Diff([]string{"4  MISSING_UID", "5 six@x MISSING_START", "6 seven@x RANGE", "7 eight@x FORMAT", "8 three@x RULE"}, problems); diff != "" {
			t.Error(diff)
		}
		again := ann.Query(t, importICS, farleytest.Vars{"in": input.Object{"text": text}}).At("importCalendar")
		if fmt.Sprint(again.At("created").Int(), again.At("updated").Int(), again.At("unchanged").Int()) != "0 0 4" {
			t.Errorf("again: %s", again.JSON())
		}
		one := func(lines ...string) string {
			return ics(vevent(append([]string{"UID:one@x", "DTSTART;TZID=Europe/Berlin:20261201T120000", "DTEND;TZID=Europe/Berlin:20261201T130000"}, lines...)...))
		}
		newer := ann.Query(t, importICS, farleytest.Vars{"in": input.Object{"text": one("SUMMARY:Dinner", "SEQUENCE:3")}}).At("importCalendar")
		if newer.At("updated").Int() != 1 || newer.At("activities.0.subject").Text() != "Dinner" || newer.At("activities.0.location").V != nil {
			t.Errorf("newer: %s", newer.JSON())
		}
		older := ann.Query(t, importICS, farleytest.Vars{"in": input.Object{"text": one("SUMMARY:Breakfast", "SEQUENCE:1")}}).At("importCalendar")
		if older.At("problems.0.code").Text() != "STALE" {
			t.Errorf("older: %s", older.JSON())
		}
		off := ann.Query(t, importICS, farleytest.Vars{"in": input.Object{"text": one("SUMMARY:Dinner", "SEQUENCE:4", "STATUS:CANCELLED")}}).At("importCalendar")
		if off.At("activities.0.status").Text() != "CANCELLED" {
			t.Errorf("cancelled: %s", off.JSON())
		}
		// Another one's calendar is his own.
		if n := bob.Query(t, importICS, farleytest.Vars{"in": input.Object{"text": text}}).At("importCalendar.created").Int(); n != 4 {
			t.Errorf("Bob got %d", n)
		}
		// From a file, a dry run keeps nothing; what comes from here is known.
		own := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Own", "startAt": hours(1), "endAt": hours(2)})
		file := putRows(t, e, ann.User, "calendar.ics", ics(vevent("UID:file@x", "SUMMARY:From a file", "DTSTART:20261201T120000Z"), vevent("UID:"+strings.ToLower(own.String())+"@farley", "SUMMARY:Forged", "DTSTART:20261201T120000Z")))
		got = ann.Query(t, importICS, farleytest.Vars{"in": input.Object{"file": file}}).At("importCalendar")
		if fmt.Sprint(got.At("created").Int(), got.At("unchanged").Int()) != "1 1" {
			t.Errorf("from a file: %s", got.JSON())
		}
		bob.Do(t, importICS, farleytest.Vars{"in": input.Object{"file": file}}).Want(t, "NOT_FOUND")
		many := make([]string, 501)
		for i := range many {
			many[i] = vevent(fmt.Sprint("UID:many", i), "DTSTART:20261201T120000Z")
		}
		for want, in := range map[string]input.Object{
			"input.text REQUIRED": {}, "input.text FORMAT": {"text": "hello"}, "input.text TOO_LONG": {"text": ics(many...)},
			"input.file FORMAT": {"file": own.String()},
		} {
			if got := strings.Join(ann.Do(t, importICS, farleytest.Vars{"in": in}).Want(t, "INVALID").Violations(), " "); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}
