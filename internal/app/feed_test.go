package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest"
	"farley/internal/input"
)

// readCalendar gets the calendar at an address that the API has told.
func readCalendar(t *testing.T, e *farleytest.Env, url string) (int, string) {
	t.Helper()
	path, ok := strings.CutPrefix(url, "https://crm.example.com")
	if !ok {
		t.Fatalf("the address is %s", url)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.Host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if kind := res.Header.Get("Content-Type"); res.StatusCode == http.StatusOK && kind != "text/calendar; charset=utf-8" {
		t.Errorf("the calendar is %s", kind)
	}
	return res.StatusCode, string(b)
}

// A calendar program reads what the library that programs use reads: each event, each time of a series at its time on the clock.
func TestCalendarFeed(t *testing.T) {
	t.Parallel()
	farleytest.Each(t, func(t *testing.T, e *farleytest.Env) {
		_, ann, bob := salesTeam(t, e)
		renew := func(c *farleytest.Client) string {
			return c.Query(t, `mutation { renewCalendarFeed { url } }`, nil).At("renewCalendarFeed.url").Text()
		}
		url := renew(ann)
		if status, body := readCalendar(t, e, url); status != http.StatusOK || !strings.HasPrefix(body, "BEGIN:VCALENDAR\r\n") {
			t.Fatalf("an empty calendar: %d %s", status, body)
		}
		subject := "Besprechung; mit allen, die \"dabei\" sind: " + strings.Repeat("العقد ", 20)
		newActivity(t, ann, input.Object{"kind": "MEETING", "subject": subject, "startAt": hours(1), "endAt": hours(2), "location": "Room 1, 2nd floor"})
		newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Due", "dueAt": hours(3)})
		newActivity(t, ann, input.Object{"kind": "VISIT", "subject": "Fair", "allDay": true, "timeZone": "Europe/Berlin", "startAt": "2026-11-30T23:00:00Z", "endAt": "2026-12-02T23:00:00Z"})
		newActivity(t, bob, input.Object{"kind": "TASK", "subject": "Bob's", "dueAt": hours(3)})
		gone := newActivity(t, ann, input.Object{"kind": "TASK", "subject": "Cancelled", "dueAt": hours(3)})
		ann.Query(t, `mutation($x: ID!) { cancelActivity(input: {activity: $x}) { activity { id } } }`, farleytest.Vars{"x": gone})
		x := newActivity(t, ann, input.Object{"kind": "MEETING", "subject": "Weekly", "startAt": "2027-03-08T08:00:00Z", "endAt": "2027-03-08T09:00:00Z", "timeZone": "Europe/Berlin"})
		ann.Query(t, repeatActivity, farleytest.Vars{"in": input.Object{"activity": x.String(), "rule": "FREQ=WEEKLY;UNTIL=20270405T090000"}})
		ann.Query(t, editSeries, farleytest.Vars{"in": input.Object{"activity": x.String(), "scope": "THIS", "occurrence": "20270315T090000", "remove": true}})

		_, body := readCalendar(t, e, url)
		for line := range strings.SplitSeq(body, "\r\n") {
			if len(line) > 75 {
				t.Errorf("a line has %d bytes: %s", len(line), line)
			}
		}
		c, err := ical.NewDecoder(strings.NewReader(body)).Decode()
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, event := range c.Events() {
			summary, err := event.Props.Text(ical.PropSummary)
			if err != nil {
				t.Fatal(err)
			}
			start, err := event.DateTimeStart(time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			end, err := event.DateTimeEnd(time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			const form = "0102T1504"
			told = append(told, summary+" "+start.UTC().Format(form)+"-"+end.UTC().Format(form))
			set, err := event.RecurrenceSet(time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			if set != nil {
				for _, at := range set.All() {
					told = append(told, summary+" at "+at.UTC().Format(form))
				}
			}
		}
		want := []string{
			strings.TrimSpace(subject) + " 1122T1000-1122T1100", "Due 1122T1200-1122T1200", "Fair 1201T0000-1203T0000", "Weekly 0308T0800-0308T0900",
			"Weekly at 0308T0800", "Weekly at 0322T0800", "Weekly at 0329T0700", "Weekly at 0405T0700",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%s\n%s", diff, body)
		}
		for _, line := range []string{
			"DTSTART;VALUE=DATE:20261201", "DTSTART;TZID=Europe/Berlin:20270308T090000", "BEGIN:VTIMEZONE", "EXDATE;TZID=Europe/Berlin:20270315T090000", "RRULE:FREQ=WEEKLY;UNTIL=20270405T070000Z",
			"TZOFFSETFROM:+0100", "BEGIN:DAYLIGHT", "LOCATION:Room 1\\, 2nd floor", "TRANSP:TRANSPARENT",
		} {
			if !strings.Contains(body, line+"\r\n") {
				t.Errorf("the calendar lacks %q:\n%s", line, body)
			}
		}

		// By the rights of now, and of nobody who is gone; an old address leads nowhere, and neither does one of another form.
		e.Change(t, x, input.Object{"owner": bob.User.String()})
		if _, body := readCalendar(t, e, url); strings.Contains(body, "SUMMARY:Weekly") {
			t.Error("the calendar has what is Bob's now")
		}
		next := renew(ann)
		for _, bad := range []string{url, strings.TrimSuffix(next, ".ics"), next + "x", "https://crm.example.com/calendar/.ics"} {
			if status, _ := readCalendar(t, e, bad); status != http.StatusNotFound {
				t.Errorf("%s answers %d", bad, status)
			}
		}
		if n := count(t, e, "SELECT COUNT(*) FROM calendar_feeds"); n != 1 {
			t.Errorf("%d addresses are kept", n)
		}
		theirs := renew(bob)
		bob.Query(t, `mutation { revokeCalendarFeed { revoked } }`, nil)
		e.Change(t, ann.User, input.Object{"active": false})
		for _, ended := range []string{next, theirs} {
			if status, _ := readCalendar(t, e, ended); status != http.StatusNotFound {
				t.Errorf("after the end the address answers %d", status)
			}
		}
	})
}
