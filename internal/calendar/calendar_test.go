package calendar_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"farley/internal/calendar"

	"github.com/google/go-cmp/cmp"
)

// hours makes ranges of starts and ends.
func hours(times ...string) []calendar.Hours {
	var out []calendar.Hours
	for i := 0; i < len(times); i += 2 {
		out = append(out, calendar.Hours{Start: times[i], End: times[i+1]})
	}
	return out
}

// every is a week of the same hours on each day.
func every(h []calendar.Hours) [7][]calendar.Hours { return [7][]calendar.Hours{h, h, h, h, h, h, h} }

// office is Monday to Friday with a lunch break.
func office(zone string) calendar.Spec {
	h := hours("09:00", "12:30", "13:30", "18:00")
	return calendar.Spec{Zone: zone, Week: [7][]calendar.Hours{nil, h, h, h, h, h, nil}}
}

func mustNew(t testing.TB, s calendar.Spec) *calendar.Calendar {
	t.Helper()
	c, problems := calendar.New(s)
	if len(problems) > 0 {
		t.Fatalf("problems of a calendar that has none: %+v", problems)
	}
	return c
}

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func mustTime(t testing.TB, s string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// 2026-01-02 is a Friday.
func TestAddWorkingTime_officeHours(t *testing.T) {
	t.Parallel()
	c := mustNew(t, office("Europe/Berlin"))
	for _, x := range []struct {
		from string
		add  time.Duration
		want string
	}{
		{"2026-01-02T17:00:00+01:00", 0, "2026-01-02T17:00:00+01:00"},
		{"2026-01-02T17:00:00+01:00", time.Hour, "2026-01-02T18:00:00+01:00"},
		{"2026-01-02T17:00:00+01:00", time.Hour + time.Second, "2026-01-05T09:00:01+01:00"},
		{"2026-01-02T11:30:00+01:00", 2 * time.Hour, "2026-01-02T14:30:00+01:00"},
		{"2026-01-03T11:30:00+01:00", 40 * time.Hour, "2026-01-09T18:00:00+01:00"},
		{"2026-01-03T11:30:00+01:00", 41 * time.Hour, "2026-01-12T10:00:00+01:00"},
		{"2026-01-05T09:00:00+01:00", -time.Hour, "2026-01-02T17:00:00+01:00"},
		{"2026-01-05T10:00:00+01:00", -time.Hour, "2026-01-05T09:00:00+01:00"},
		{"2026-01-05T09:00:00+01:00", -40 * time.Hour, "2025-12-29T09:00:00+01:00"},
		{"2026-01-05T14:00:00+01:00", -4 * time.Hour, "2026-01-05T09:00:00+01:00"},
		{"2026-01-05T08:00:00Z", time.Hour, "2026-01-05T09:00:00Z"},
		{"2026-03-27T17:30:00+01:00", time.Hour, "2026-03-30T09:30:00+02:00"},
	} {
		got, err := c.AddWorkingTime(mustTime(t, x.from), x.add)
		if err != nil || got.Format(time.RFC3339) != mustTime(t, x.want).In(got.Location()).Format(time.RFC3339) {
			t.Errorf("%s + %v = %v, %v, want %s", x.from, x.add, got, err, x.want)
		}
	}
}

// The hours of single days on which clocks are set, and how long they really are.
func TestWorkingTimeBetween_whenClocksAreSet(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name, zone, day, nextDay string
		hours                    []calendar.Hours
		want                     time.Duration
	}{
		{"a gap shortens", "America/New_York", "2026-03-08", "2026-03-09", hours("00:00", "24:00"), 23 * time.Hour},
		{"an overlap lengthens", "America/New_York", "2026-11-01", "2026-11-02", hours("00:00", "24:00"), 25 * time.Hour},
		{"a start in a gap is its end", "America/New_York", "2026-03-08", "2026-03-09", hours("02:30", "04:00"), time.Hour},
		{"an end in a gap is its end", "America/New_York", "2026-03-08", "2026-03-09", hours("01:00", "02:30"), time.Hour},
		{"a range in a gap does not come", "America/New_York", "2026-03-08", "2026-03-09", hours("02:10", "02:50"), 0},
		{"both occurrences count", "America/New_York", "2026-11-01", "2026-11-02", hours("01:15", "01:45"), time.Hour},
		{"midnight skipped in Havana", "America/Havana", "2026-03-08", "2026-03-09", hours("00:00", "02:00"), time.Hour},
		{"midnight twice in Havana", "America/Havana", "2026-11-01", "2026-11-02", hours("00:00", "01:00"), 2 * time.Hour},
		{"midnight skipped in Beirut", "Asia/Beirut", "2022-03-27", "2022-03-28", hours("00:00", "02:00"), time.Hour},
		{"back over midnight in Beirut", "Asia/Beirut", "2022-10-29", "2022-10-30", hours("22:00", "24:00"), 3 * time.Hour},
		{"midnight skipped in Cairo", "Africa/Cairo", "2024-04-26", "2024-04-27", hours("00:00", "02:00"), time.Hour},
		{"back over midnight in Cairo", "Africa/Cairo", "2024-10-31", "2024-11-01", hours("22:00", "24:00"), 3 * time.Hour},
		{"midnight skipped in São Paulo", "America/Sao_Paulo", "2018-11-04", "2018-11-05", hours("00:00", "02:00"), time.Hour},
		{"back over midnight in São Paulo", "America/Sao_Paulo", "2018-02-17", "2018-02-18", hours("22:00", "24:00"), 3 * time.Hour},
		{"half an hour less on Lord Howe", "Australia/Lord_Howe", "2025-10-05", "2025-10-06", hours("01:00", "03:00"), 90 * time.Minute},
		{"half an hour more on Lord Howe", "Australia/Lord_Howe", "2026-04-05", "2026-04-06", hours("01:00", "03:00"), 150 * time.Minute},
		{"southern spring", "Australia/Sydney", "2025-10-05", "2025-10-06", hours("00:00", "06:00"), 5 * time.Hour},
		{"southern autumn", "Australia/Sydney", "2026-04-05", "2026-04-06", hours("00:00", "06:00"), 7 * time.Hour},
		{"a day that Samoa did not have", "Pacific/Apia", "2011-12-29", "2011-12-31", hours("08:00", "16:00"), 8 * time.Hour},
		{"a day that Samoa did not have, all day", "Pacific/Apia", "2011-12-29", "2012-01-01", hours("00:00", "24:00"), 48 * time.Hour},
		{"a new offset for good", "Asia/Pyongyang", "2018-05-04", "2018-05-05", hours("23:00", "24:00"), 30 * time.Minute},
	} {
		c := mustNew(t, calendar.Spec{Zone: x.zone, Week: every(x.hours)})
		zone := c.Zone()
		from, to := midnight(t, x.day, zone), midnight(t, x.nextDay, zone)
		if got, err := c.WorkingTimeBetween(from, to); err != nil || got != x.want {
			t.Errorf("%s: %v, %v, want %v", x.name, got, err, x.want)
		}
		if got, err := c.WorkingTimeBetween(to, from); err != nil || got != -x.want {
			t.Errorf("%s backwards: %v, %v, want %v", x.name, got, err, -x.want)
		}
	}
}

// midnight is the first instant of a day, found by walking, not by what is tested.
func midnight(t testing.TB, date string, zone *time.Location) time.Time {
	t.Helper()
	noon, err := time.ParseInLocation(time.DateOnly+" 15:04", date+" 12:00", zone)
	if err != nil {
		t.Fatal(err)
	}
	first := noon.Add(-40 * time.Hour)
	for first.Format(time.DateOnly) < date {
		first = first.Add(time.Minute)
	}
	return first
}

// Night shifts are as long as the night is, and belong to the day on which they begin.
func TestWorkingTimeBetween_nights(t *testing.T) {
	t.Parallel()
	s := calendar.Spec{Zone: "Europe/London", Week: [7][]calendar.Hours{time.Saturday: hours("22:00", "06:00")}}
	zone := mustZone(t, s.Zone)
	for date, want := range map[string]time.Duration{"2026-03-28": 7 * time.Hour, "2026-10-24": 9 * time.Hour, "2026-06-06": 8 * time.Hour} {
		from := midnight(t, date, zone)
		if got, err := mustNew(t, s).WorkingTimeBetween(from, from.AddDate(0, 0, 2)); err != nil || got != want {
			t.Errorf("the night of %s: %v, %v, want %v", date, got, err, want)
		}
	}
	sunday := mustTime(t, "2026-06-07T03:00:00+01:00")
	s.Exceptions = []calendar.Exception{{First: "2026-06-07", Last: "2026-06-07"}}
	if !mustNew(t, s).IsWorkingTime(sunday) {
		t.Error("the shift of Saturday ends because Sunday is free")
	}
	s.Exceptions = []calendar.Exception{{First: "2026-06-06", Last: "2026-06-06"}}
	if mustNew(t, s).IsWorkingTime(sunday) {
		t.Error("the shift of a free Saturday goes on on Sunday")
	}
	s.Exceptions = []calendar.Exception{{First: "2026-06-07", Last: "2026-06-08", Hours: hours("05:00", "07:00")}}
	from := midnight(t, "2026-06-06", zone)
	got, err := mustNew(t, s).WorkingIntervals(from, from.AddDate(0, 0, 4))
	want := []calendar.Interval{
		{Start: mustTime(t, "2026-06-06T22:00:00+01:00"), End: mustTime(t, "2026-06-07T07:00:00+01:00")},
		{Start: mustTime(t, "2026-06-08T05:00:00+01:00"), End: mustTime(t, "2026-06-08T07:00:00+01:00")},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("a night into own hours that overlap: %v (-want +got):\n%s", err, diff)
	}
}

func TestWorkingIntervals_wallTimesThatComeTwice(t *testing.T) {
	t.Parallel()
	c := mustNew(t, calendar.Spec{Zone: "America/New_York", Week: every(hours("00:00", "01:30"))})
	got, err := c.WorkingIntervals(mustTime(t, "2026-11-01T00:00:00-04:00"), mustTime(t, "2026-11-02T00:00:00-05:00"))
	want := []calendar.Interval{
		{Start: mustTime(t, "2026-11-01T00:00:00-04:00"), End: mustTime(t, "2026-11-01T01:30:00-04:00")},
		{Start: mustTime(t, "2026-11-01T01:00:00-05:00"), End: mustTime(t, "2026-11-01T01:30:00-05:00")},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestNew_exceptionsAndHolidays(t *testing.T) {
	t.Parallel()
	s := office("Asia/Riyadh")
	s.Holidays = []calendar.Holiday{{Name: "National day", Month: time.September, Day: 23}, {Month: time.February, Day: 29}}
	s.Exceptions = []calendar.Exception{
		{Name: "Summer", First: "2026-07-01", Last: "2026-08-31", Hours: hours("07:00", "13:00")},
		{Name: "Works holiday", First: "2026-08-01", Last: "2026-08-14"},
		{Name: "Stocktaking", First: "2026-08-08", Last: "2026-08-08", Hours: hours("10:00", "11:00")},
		{Name: "Open all the same", First: "2027-09-23", Last: "2027-09-23", Hours: hours("09:00", "10:00")},
		{Name: "Before, and overruled", First: "2026-12-24", Last: "2026-12-24"},
		{Name: "Last", First: "2026-12-20", Last: "2026-12-31", Hours: hours("09:00", "11:00")},
	}
	c := mustNew(t, s)
	for date, want := range map[string]time.Duration{
		"2026-06-30": 8 * time.Hour, "2026-07-01": 6 * time.Hour, "2026-07-04": 6 * time.Hour, "2026-08-01": 0, "2026-08-07": 0,
		"2026-08-08": time.Hour, "2026-08-09": 0, "2026-08-15": 6 * time.Hour, "2026-08-31": 6 * time.Hour, "2026-09-01": 8 * time.Hour,
		"2026-09-22": 8 * time.Hour, "2026-09-23": 0, "2026-09-24": 8 * time.Hour, "2027-09-23": time.Hour, "2027-09-24": 8 * time.Hour,
		"2028-02-29": 0, "2027-03-01": 8 * time.Hour, "2028-03-01": 8 * time.Hour, "2026-12-24": 2 * time.Hour, "2027-01-01": 8 * time.Hour,
		"2026-12-19": 0, "2027-01-02": 0,
	} {
		from := midnight(t, date, c.Zone())
		if got, err := c.WorkingTimeBetween(from, from.Add(24*time.Hour)); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", date, got, err, want)
		}
	}
	from := midnight(t, "2026-01-01", c.Zone())
	// 261 weekdays, of which 44 are in summer, one is the national day and 9 are from 20 December; 62 days of summer, of which
	// 14 are the works holiday, and one of those has its own hour; 12 days from 20 December.
	want := (261-44-1-9)*8*time.Hour + (62-14)*6*time.Hour + time.Hour + 12*2*time.Hour
	if got, err := c.WorkingTimeBetween(from, midnight(t, "2027-01-01", c.Zone())); err != nil || got != want {
		t.Errorf("the year: %v, %v, want %v", got, err, want)
	}
}

func TestNew_findsAllProblems(t *testing.T) {
	t.Parallel()
	s := calendar.Spec{
		Zone: "Local",
		Week: [7][]calendar.Hours{
			0: hours("22:00", "06:00", "24:00", "25:00"),
			1: hours("05:00", "09:00", "08:00", "08:00", "9:00", "10:00", "08:30", "12:00"),
		},
		Holidays: []calendar.Holiday{{Month: 13, Day: 1}, {Month: 4, Day: 31}},
		Exceptions: []calendar.Exception{
			{First: "2026-02-30", Last: "x"},
			{First: "2026-02-03", Last: "2026-02-01", Hours: hours("00:00", "24:00", "12:00", "13:00")},
			{First: "1899-12-31", Last: "2190-01-01", Name: string(make([]byte, 201))},
		},
	}
	got, problems := calendar.New(s)
	if got != nil {
		t.Error("a calendar with problems")
	}
	type found struct {
		Path []any
		Code string
	}
	var all []found
	for _, p := range problems {
		all = append(all, found{p.Path, p.Code})
	}
	want := []found{
		{[]any{"zone"}, "UNKNOWN"},
		{[]any{"week", 0, 1, "start"}, "FORMAT"}, {[]any{"week", 0, 1, "end"}, "FORMAT"},
		{[]any{"week", 1, 1, "end"}, "RANGE"}, {[]any{"week", 1, 2, "start"}, "FORMAT"}, {[]any{"week", 1, 3}, "RANGE"},
		{[]any{"week", 0}, "RANGE"},
		{[]any{"holidays", 0, "month"}, "RANGE"}, {[]any{"holidays", 1, "day"}, "RANGE"},
		{[]any{"exceptions", 0, "first"}, "FORMAT"}, {[]any{"exceptions", 0, "last"}, "FORMAT"},
		{[]any{"exceptions", 1, "last"}, "RANGE"}, {[]any{"exceptions", 1, "hours", 1}, "RANGE"},
		{[]any{"exceptions", 2, "name"}, "TOO_LONG"}, {[]any{"exceptions", 2, "first"}, "FORMAT"}, {[]any{"exceptions", 2, "last"}, "FORMAT"},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNew_limits(t *testing.T) {
	t.Parallel()
	code := func(s calendar.Spec) string {
		_, problems := calendar.New(s)
		if len(problems) != 1 {
			return ""
		}
		return problems[0].Code
	}
	var many []calendar.Hours
	for range calendar.MaxHours + 1 {
		many = append(many, calendar.Hours{Start: "09:00", End: "10:00"})
	}
	for name, s := range map[string]calendar.Spec{
		"hours":      {Zone: "UTC", Week: [7][]calendar.Hours{many}},
		"holidays":   {Zone: "UTC", Holidays: make([]calendar.Holiday, calendar.MaxHolidays+1)},
		"exceptions": {Zone: "UTC", Exceptions: make([]calendar.Exception, calendar.MaxExceptions+1)},
	} {
		if got := code(s); got != "TOO_LONG" {
			t.Errorf("too many %s: %q", name, got)
		}
	}
	if got := code(calendar.Spec{}); got != "REQUIRED" {
		t.Errorf("no zone: %q", got)
	}
	if got := code(calendar.Spec{Zone: "Mars/Olympus"}); got != "UNKNOWN" {
		t.Errorf("no such zone: %q", got)
	}
}

// What is stored is read again as the same.
func TestSpec_json(t *testing.T) {
	t.Parallel()
	s := office("UTC")
	s.Holidays = []calendar.Holiday{{Name: "New year", Month: 1, Day: 1}}
	s.Exceptions = []calendar.Exception{{Name: "x", First: "2026-01-01", Last: "2026-01-02", Hours: hours("09:00", "10:00")}}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got calendar.Spec
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCalendar_withoutAnEnd(t *testing.T) {
	t.Parallel()
	now := mustTime(t, "2026-01-02T12:00:00Z")
	never := mustNew(t, calendar.Spec{Zone: "Europe/Berlin"})
	once := mustNew(t, calendar.Spec{Zone: "Europe/Berlin", Exceptions: []calendar.Exception{{First: "2020-01-01", Last: "2020-01-01", Hours: hours("09:00", "10:00")}}})
	always := mustNew(t, calendar.Spec{Zone: "Europe/Berlin", Week: every(hours("00:00", "24:00"))})
	old, far := mustTime(t, "1899-12-31T23:59:59Z"), mustTime(t, "2190-01-01T00:00:00Z")
	last := mustTime(t, "2189-12-31T23:00:00Z")
	for name, x := range map[string]struct{ got, want error }{
		"nothing to add to":            {second(never.AddWorkingTime(now, time.Second)), calendar.ErrNoWorkingTime},
		"nothing to take from":         {second(never.AddWorkingTime(now, -time.Second)), calendar.ErrNoWorkingTime},
		"never opens":                  {second(never.NextOpening(now)), calendar.ErrNoWorkingTime},
		"nothing added to nothing":     {second(never.AddWorkingTime(now, 0)), nil},
		"only in the past":             {second(once.AddWorkingTime(now, time.Second)), calendar.ErrHorizon},
		"in the past":                  {second(once.AddWorkingTime(now, -time.Hour)), nil},
		"more than the past":           {second(once.AddWorkingTime(now, -time.Hour-1)), calendar.ErrHorizon},
		"opens no more":                {second(once.NextOpening(now)), calendar.ErrHorizon},
		"closes no more":               {second(once.NextClosing(now)), calendar.ErrHorizon},
		"never closes":                 {second(always.NextClosing(now)), calendar.ErrHorizon},
		"to the horizon":               {second(always.AddWorkingTime(now, calendar.Horizon)), nil},
		"back to the horizon":          {second(always.AddWorkingTime(now, -calendar.Horizon)), nil},
		"past the horizon":             {second(always.AddWorkingTime(now, calendar.Horizon+1)), calendar.ErrHorizon},
		"the most negative":            {second(always.AddWorkingTime(now, -1<<63)), calendar.ErrHorizon},
		"past our years":               {second(always.AddWorkingTime(last, 61*time.Minute)), calendar.ErrHorizon},
		"too long ago":                 {second(always.AddWorkingTime(old, 1)), calendar.ErrRange},
		"too far":                      {second(always.NextOpening(far)), calendar.ErrRange},
		"between too far":              {second(always.WorkingTimeBetween(now, far)), calendar.ErrRange},
		"between too long ago":         {second(always.WorkingTimeBetween(old, now)), calendar.ErrRange},
		"between all of our years":     {second(always.WorkingTimeBetween(old.Add(time.Second), far.Add(-1))), nil},
		"intervals of too long":        {second(always.WorkingIntervals(now, now.Add(calendar.MaxPeriod+1))), calendar.ErrRange},
		"intervals of as long as goes": {second(always.WorkingIntervals(now, now.Add(calendar.MaxPeriod))), nil},
	} {
		if !errors.Is(x.got, x.want) {
			t.Errorf("%s: %v, want %v", name, x.got, x.want)
		}
	}
	if always.IsWorkingTime(old) || always.IsWorkingTime(far) || !always.IsWorkingTime(last) {
		t.Error("working time outside our years, or none inside")
	}
	all, err := always.WorkingTimeBetween(old.Add(time.Second), far.Add(-1))
	if want := far.Add(-1).Sub(old.Add(time.Second)); err != nil || all != want {
		t.Errorf("all of our years: %v, %v, want %v", all, err, want)
	}
}

func second[T any](_ T, err error) error { return err }

func TestNextOpening_NextClosing(t *testing.T) {
	t.Parallel()
	s := office("Europe/Berlin")
	s.Week[time.Friday] = hours("09:00", "24:00")
	s.Week[time.Saturday] = hours("00:00", "02:00")
	c := mustNew(t, s)
	for _, x := range []struct{ at, opening, closing string }{
		{"2026-01-05T08:59:59+01:00", "2026-01-05T09:00:00+01:00", "2026-01-05T12:30:00+01:00"},
		{"2026-01-05T09:00:00+01:00", "2026-01-05T09:00:00+01:00", "2026-01-05T12:30:00+01:00"},
		{"2026-01-05T12:29:59+01:00", "2026-01-05T12:29:59+01:00", "2026-01-05T12:30:00+01:00"},
		{"2026-01-05T12:30:00+01:00", "2026-01-05T13:30:00+01:00", "2026-01-05T18:00:00+01:00"},
		{"2026-01-09T10:00:00+01:00", "2026-01-09T10:00:00+01:00", "2026-01-10T02:00:00+01:00"},
		{"2026-01-10T02:00:00+01:00", "2026-01-12T09:00:00+01:00", "2026-01-12T12:30:00+01:00"},
	} {
		opening, err := c.NextOpening(mustTime(t, x.at))
		if err != nil || !opening.Equal(mustTime(t, x.opening)) {
			t.Errorf("opening after %s: %v, %v, want %s", x.at, opening, err, x.opening)
		}
		closing, err := c.NextClosing(mustTime(t, x.at))
		if err != nil || !closing.Equal(mustTime(t, x.closing)) {
			t.Errorf("closing after %s: %v, %v, want %s", x.at, closing, err, x.closing)
		}
	}
}
