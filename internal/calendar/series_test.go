package calendar_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"farley/internal/calendar"

	"github.com/google/go-cmp/cmp"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"
)

func mustLocal(t testing.TB, s string) calendar.Local {
	t.Helper()
	l, ok := calendar.ParseLocal(s)
	if !ok {
		t.Fatalf("%q is no wall time", s)
	}
	return l
}

func series(t testing.TB, zone, start, rule string) calendar.Series {
	t.Helper()
	s := calendar.Series{Start: mustLocal(t, start), Zone: mustZone(t, zone), Rule: mustRule(t, rule)}
	if problems := s.Check(); len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	return s
}

// all returns the occurrences of a series over all of our years, up to a limit.
func all(t interface{ Fatal(...any) }, s calendar.Series, limit int) []calendar.Occurrence {
	list, _, err := s.Between(time.Date(1900, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2189, 12, 30, 0, 0, 0, 0, time.UTC), limit)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func locals(list []calendar.Occurrence) []calendar.Local {
	var out []calendar.Local
	for _, o := range list {
		out = append(out, o.Local)
	}
	return out
}

// The examples of RFC 5545 §3.8.5.3, each with the first dates that it names.
func TestBetween_examplesOfRFC5545(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ start, rule, dates string }{
		{"19970902", "FREQ=DAILY;COUNT=10", "0902 0903 0904 0905 0906 0907 0908 0909 0910 0911"},
		{"19970902", "FREQ=DAILY;INTERVAL=10;COUNT=5", "0902 0912 0922 1002 1012"},
		{"19970902", "FREQ=WEEKLY;COUNT=10", "0902 0909 0916 0923 0930 1007 1014 1021 1028 1104"},
		{"19970902", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", "0902 0916 0930 1014 1028 1111 1125 1209 1223 0106"},
		{"19970902", "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "0902 0904 0909 0911 0916 0918 0923 0925 0930 1002"},
		{"19970901", "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
			"0901 0903 0905 0915 0917 0919 0929 1001 1003 1013 1015 1017 1027 1029 1031 1110 1112 1114 1124 1126 1128 1208 1210 1212 1222"},
		{"19970902", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "0902 0904 0916 0918 0930 1002 1014 1016"},
		{"19970905", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "0905 1003 1107 1205 0102 0206 0306 0403 0501 0605"},
		{"19970905", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "0905 1003 1107 1205"},
		{"19970907", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "0907 0928 1102 1130 0104 0125 0301 0329 0503 0531"},
		{"19970922", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "0922 1020 1117 1222 0119 0216"},
		{"19970928", "FREQ=MONTHLY;BYMONTHDAY=-3", "0928 1029 1128 1229 0129 0226"},
		{"19970902", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", "0902 0915 1002 1015 1102 1115 1202 1215 0102 0115"},
		{"19970930", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "0930 1001 1031 1101 1130 1201 1231 0101 0131 0201"},
		{"19970910", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15", "0910 0911 0912 0913 0914 0915 0310 0311 0312 0313"},
		{"19970902", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU", "0902 0909 0916 0923 0930 1104 1111 1118 1125 0106"},
		{"19970610", "FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "0610 0710 0610 0710 0610 0710 0610 0710 0610 0710"},
		{"19970310", "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3", "0310 0110 0210 0310 0110 0210 0310 0110 0210 0310"},
		{"19970101", "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "0101 0410 0719 0101 0409 0718 0101 0410 0719 0101"},
		{"19970519", "FREQ=YEARLY;BYDAY=20MO", "0519 0518 0517"},
		{"19970512", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "0512 0511 0517"},
		{"19970313", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "0313 0320 0327 0305 0312 0319 0326 0304 0311 0318 0325"},
		{"19970605", "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8", "0605 0612 0619 0626 0703 0710 0717 0724 0731 0807 0814 0821 0828 0604"},
		{"19980213", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "0213 0313 1113 0813 1013"},
		{"19970913", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "0913 1011 1108 1213 0110 0207 0307 0411 0509 0613"},
		{"19961105", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "1105 1107 1102"},
		{"19970904", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "0904 1007 1106"},
		{"19970929", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "0929 1030 1127 1230 0129 0226 0330"},
		{"19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "0805 0810 0819 0824"},
		{"19970805", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "0805 0817 0819 0831"},
		{"20070115", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "0115 0130 0215 0315 0330"},
	} {
		s := series(t, "America/New_York", x.start+"T090000", x.rule)
		want := strings.Fields(x.dates)
		limit := len(want)
		if strings.Contains(x.rule, "COUNT") || strings.Contains(x.rule, "UNTIL") {
			limit++
		}
		var got []string
		for _, o := range all(t, s, limit) {
			got = append(got, o.Start.Format("0102"))
			if clock := o.Start.Format("15:04:05"); clock != "09:00:00" {
				t.Errorf("%s %s: at %s", x.start, x.rule, clock)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", x.start, x.rule, diff)
		}
	}
	days := all(t, series(t, "America/New_York", "19980101T090000", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA"), 200)
	if last := days[len(days)-1].Start.Format(time.DateOnly); len(days) != 93 || last != "2000-01-31" {
		t.Errorf("every day in January: %d, the last on %s", len(days), last)
	}
	times := all(t, series(t, "America/New_York", "19970902T090000", "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40"), 26)
	if got := times[23].Local.String() + " " + times[24].Local.String(); got != "19970902T164000 19970903T090000" {
		t.Errorf("every 20 minutes: %s", got)
	}
}

func drawNumbers(t *rapid.T, name string, most int, signed bool) string {
	least := 1
	if signed {
		least = -most
	}
	var out []string
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(least, most).Filter(func(n int) bool { return n != 0 }), 1, 4, rapid.ID[int]).Draw(t, name) {
		out = append(out, fmt.Sprint(n))
	}
	return ";" + name + "=" + strings.Join(out, ",")
}

// drawRule draws the text of a rule without an end. A plain one has only what other implementations agree on.
func drawRule(t *rapid.T, plain bool) string {
	freq := rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}).Draw(t, "freq")
	maybe := func(name string) bool { return rapid.IntRange(0, 2).Draw(t, name) == 0 }
	text := fmt.Sprintf("FREQ=%s;INTERVAL=%d;WKST=%s", freq, rapid.IntRange(1, 4).Draw(t, "interval"), rapid.SampledFrom([]string{"MO", "SU", "WE"}).Draw(t, "wkst"))
	by := false
	if maybe("months") {
		text, by = text+drawNumbers(t, "BYMONTH", 12, false), true
	}
	week := freq == "YEARLY" && maybe("weeks")
	if week {
		most := 53
		if plain {
			most = 51 // the last weeks are disputed
		}
		text, by = text+drawNumbers(t, "BYWEEKNO", most, !plain), true
	}
	if freq == "YEARLY" && maybe("year days") {
		text, by = text+drawNumbers(t, "BYYEARDAY", 366, true), true
	}
	if freq != "WEEKLY" && maybe("month days") {
		text, by = text+drawNumbers(t, "BYMONTHDAY", 31, true), true
	}
	if week && plain || maybe("days") {
		numbered := !week && (freq == "MONTHLY" || freq == "YEARLY") && rapid.Bool().Draw(t, "numbered")
		var days []string
		for _, d := range rapid.SliceOfN(rapid.SampledFrom([]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}), 1, 4).Draw(t, "day") {
			if numbered && (plain || rapid.Bool().Draw(t, "this one")) {
				most := 5
				if freq == "YEARLY" && !strings.Contains(text, "BYMONTH=") {
					most = 53
				}
				d = fmt.Sprint(rapid.IntRange(-most, most).Filter(func(n int) bool { return n != 0 }).Draw(t, "nth")) + d
			}
			days = append(days, d)
		}
		text, by = text+";BYDAY="+strings.Join(days, ","), true
	}
	if maybe("hours") {
		text, by = text+drawNumbers(t, "BYHOUR", 23, false), true
	}
	if maybe("times") {
		text, by = text+drawNumbers(t, "BYMINUTE", 59, false), true
	}
	if by && (freq != "WEEKLY" || !plain) && maybe("positions") {
		text += drawNumbers(t, "BYSETPOS", 5, true)
	}
	return text
}

// Where other implementations are known to be right, they say the same.
func TestBetween_agreesWithAnother(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := drawRule(t, true)
		start := drawInstant(t, "UTC").Truncate(time.Hour)
		r, problems := calendar.ParseRule(text)
		if len(problems) > 0 {
			t.Fatalf("%s: %+v", text, problems)
		}
		option, err := rrule.StrToROption(text)
		if err != nil {
			t.Fatal(err)
		}
		// It looks for rules that never come until the year 9999. The calendar repeats every 400 years, so begin near it.
		const later = 19 * 400
		option.Dtstart = start.AddDate(later, 0, 0)
		other, err := rrule.NewRRule(*option)
		if err != nil {
			t.Fatal(err)
		}
		const n = 40
		end := start.AddDate(40, 0, 0)
		var want []calendar.Local
		next := other.Iterator()
		for o, ok := next(); ok && o.Before(end.AddDate(later, 0, 0)) && len(want) < n; o, ok = next() {
			want = append(want, calendar.LocalOf(o.AddDate(-later, 0, 0)))
		}
		s := calendar.Series{Start: calendar.LocalOf(start), Zone: time.UTC, Rule: &r}
		if len(want) == 0 || want[0] != s.Start {
			want = slices.Insert(want, 0, s.Start) // the start always counts here
		}
		if len(want) > n {
			want = want[:n]
		}
		got, _, err := s.Between(start, end, n)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, locals(got)); diff != "" {
			t.Fatalf("%v %s (-want +got):\n%s", start, text, diff)
		}
		counted := r
		counted.Count = rapid.IntRange(1, len(want)).Draw(t, "count")
		s.Rule = &counted
		got, more, err := s.Between(start, end, calendar.MaxOccurrences)
		if diff := cmp.Diff(want[:counted.Count], locals(got)); diff != "" || more || err != nil {
			t.Fatalf("%v %s: %v, %v (-want +got):\n%s", start, counted, more, err, diff)
		}
	})
}

// Week numbers are those of ISO 8601 when weeks begin on Monday.
func TestBetween_weekNumbers(t *testing.T) {
	t.Parallel()
	for number := 1; number <= 53; number++ {
		for _, sign := range []int{1, -1} {
			s := series(t, "UTC", "20000101T120000", fmt.Sprintf("FREQ=YEARLY;BYWEEKNO=%d;BYDAY=MO,TU,WE,TH,FR,SA,SU", sign*number))
			from := time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)
			var want, got []string
			for d := from; d.Year() < 2060; d = d.AddDate(0, 0, 1) {
				year, week := d.ISOWeek()
				if sign < 0 {
					_, weeks := time.Date(year, 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
					week = weeks + 1 - week
				}
				if week == number {
					want = append(want, d.Format(time.DateOnly))
				}
			}
			list, _, err := s.Between(from, time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC), calendar.MaxOccurrences)
			for _, o := range list {
				got = append(got, o.Start.Format(time.DateOnly))
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Fatalf("week %d: %v (-want +got):\n%s", sign*number, err, diff)
			}
		}
	}
}

// What comes back at 09:00 comes back at 09:00, whatever is done to the clocks, once on every day that it should.
func TestBetween_nineStaysNine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		near := drawInstant(t, name).In(zone)
		year, month, dayOfMonth := near.Date()
		start := calendar.DateOf(year, month, dayOfMonth)
		freq, step := "DAILY", 1
		if rapid.Bool().Draw(t, "weekly") {
			freq, step = "WEEKLY", 7
		}
		interval := rapid.IntRange(1, 3).Draw(t, "interval")
		r, problems := calendar.ParseRule(fmt.Sprintf("FREQ=%s;INTERVAL=%d;COUNT=200", freq, interval))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		s := calendar.Series{Start: calendar.LocalAt(start, 9, 0, 0), Zone: zone, Rule: &r}
		var want []string
		for i := range 200 {
			if d := (start + calendar.Date(i*step*interval)).String(); name != "Pacific/Apia" || d != "2011-12-30" {
				want = append(want, d+" 09:00:00")
			} else if step*interval > 1 {
				want = append(want, "2011-12-31 09:00:00") // 24 hours after the last one that there was
			}
		}
		var got []string
		for _, o := range all(t, s, 300) {
			got = append(got, o.Start.Format(time.DateOnly+" 15:04:05"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
		}
	})
}

func TestBetween_whereClocksAreSet(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name, zone, start, rule string
		allDay                  bool
		want                    []string
	}{
		{"skipped: as long after the gap", "America/New_York", "20260307T023000", "FREQ=DAILY;COUNT=3", false, []string{"2026-03-07T02:30:00-05:00", "2026-03-08T03:30:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"twice: the first", "America/New_York", "20261031T013000", "FREQ=DAILY;COUNT=3", false, []string{"2026-10-31T01:30:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		{"by half an hour", "Australia/Lord_Howe", "20251004T021500", "FREQ=DAILY;COUNT=3", false, []string{"2025-10-04T02:15:00+10:30", "2025-10-05T02:45:00+11:00", "2025-10-06T02:15:00+11:00"}},
		{"one instant is one occurrence", "America/New_York", "20260308T023000", "FREQ=DAILY;BYHOUR=2,3;COUNT=4", false, []string{"2026-03-08T03:30:00-04:00", "2026-03-09T02:30:00-04:00", "2026-03-09T03:30:00-04:00"}},
		{"in order of instants", "America/New_York", "20260308T023000", "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30;COUNT=3", false, []string{"2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"}},
		{"a day without midnight", "America/Havana", "20260307T000000", "FREQ=DAILY;COUNT=3", true, []string{"2026-03-07T00:00:00-05:00", "2026-03-08T01:00:00-04:00", "2026-03-09T00:00:00-04:00"}},
		{"a day with two midnights", "America/Havana", "20261031T000000", "FREQ=DAILY;COUNT=3", true, []string{"2026-10-31T00:00:00-04:00", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"}},
		{"a day that was not", "Pacific/Apia", "20111229T000000", "FREQ=DAILY;COUNT=4", true, []string{"2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"}},
		{"until an instant", "America/New_York", "20260307T090000", "FREQ=DAILY;UNTIL=20260308T130000Z", false, []string{"2026-03-07T09:00:00-05:00", "2026-03-08T09:00:00-04:00"}},
		{"until just before it", "America/New_York", "20260307T090000", "FREQ=DAILY;UNTIL=20260308T125959Z", false, []string{"2026-03-07T09:00:00-05:00"}},
		{"until a day", "America/New_York", "20260307T230000", "FREQ=DAILY;UNTIL=20260308", false, []string{"2026-03-07T23:00:00-05:00", "2026-03-08T23:00:00-04:00"}},
		{"until an instant that a skipped time is past, and a later one is not", "America/New_York", "20260307T024500", "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=15,45;UNTIL=20260308T073000Z", false,
			[]string{"2026-03-07T02:45:00-05:00", "2026-03-07T03:15:00-05:00", "2026-03-07T03:45:00-05:00", "2026-03-08T03:15:00-04:00"}},
	} {
		s := series(t, x.zone, x.start, x.rule)
		s.AllDay = x.allDay
		var got []string
		list := all(t, s, 10)
		for _, o := range list {
			got = append(got, o.Start.Format(time.RFC3339))
		}
		if diff := cmp.Diff(x.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", x.name, diff)
		}
		if last, ok := s.Last(); !ok || last != list[len(list)-1] {
			t.Errorf("%s: the last is %v, want %v", x.name, last, list[len(list)-1])
		}
	}
}

func TestSeries_exclusionsAndAdditions(t *testing.T) {
	t.Parallel()
	s := series(t, "Europe/Berlin", "20260105T090000", "FREQ=WEEKLY;COUNT=4")
	s.Exclude = []calendar.Local{mustLocal(t, "20260112T090000"), mustLocal(t, "20260113T090000"), mustLocal(t, "20260120T140000")}
	s.Add = []calendar.Local{mustLocal(t, "20260203T110000"), mustLocal(t, "20260120T140000"), mustLocal(t, "20260104T100000"), mustLocal(t, "20260119T090000")}
	var got []string
	for _, l := range locals(all(t, s, 100)) {
		got = append(got, l.String())
		if !s.Includes(l) {
			t.Errorf("%v is not included", l)
		}
	}
	if diff := cmp.Diff([]string{"20260104T100000", "20260105T090000", "20260119T090000", "20260126T090000", "20260203T110000"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, l := range s.Exclude {
		if s.Includes(l) {
			t.Errorf("%v is included", l)
		}
	}
	if last, ok := s.Last(); !ok || last.Local.String() != "20260203T110000" {
		t.Errorf("the last: %v, %v", last, ok)
	}
	if next, ok := s.Next(mustTime(t, "2026-01-05T08:00:01Z")); !ok || next.Local.String() != "20260119T090000" {
		t.Errorf("the next: %v, %v", next, ok)
	}
	if next, ok := s.Next(mustTime(t, "2026-02-03T10:00:01Z")); ok {
		t.Errorf("after the last: %v", next)
	}
	s.Exclude = append(s.Exclude, locals(all(t, s, 100))...)
	if last, ok := s.Last(); ok {
		t.Errorf("nothing is left, and the last is %v", last)
	}
	open := series(t, "Europe/Berlin", "20260105T090000", "FREQ=WEEKLY")
	if last, ok := open.Last(); ok {
		t.Errorf("without an end, the last is %v", last)
	}
	if next, ok := series(t, "Europe/Berlin", "20260105T090000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30").Next(mustTime(t, "2026-01-06T00:00:00Z")); ok {
		t.Errorf("30 February is %v", next)
	}
	for _, limit := range []int{0, -1, calendar.MaxOccurrences + 1} {
		if _, _, err := open.Between(mustTime(t, "2026-01-05T00:00:00Z"), mustTime(t, "2026-01-06T00:00:00Z"), limit); !errors.Is(err, calendar.ErrRange) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	if _, _, err := open.Between(mustTime(t, "1800-01-05T00:00:00Z"), mustTime(t, "2026-01-06T00:00:00Z"), 1); !errors.Is(err, calendar.ErrRange) {
		t.Errorf("too early: %v", err)
	}
}

func TestSeries_check(t *testing.T) {
	t.Parallel()
	bad := calendar.Series{
		Start: mustLocal(t, "20260105T090000"), AllDay: true, Rule: mustRule(t, "FREQ=DAILY;BYHOUR=9"),
		Exclude: make([]calendar.Local, calendar.MaxDates+1), Add: []calendar.Local{mustLocal(t, "20260105T000000"), -1 << 40},
	}
	got := func(s calendar.Series) string {
		var out []string
		for _, p := range s.Check() {
			out = append(out, fmt.Sprint(p.Path, p.Code))
		}
		return strings.Join(out, " ")
	}
	if got, want := got(bad), "[zone]REQUIRED [start]RANGE [exclude]TOO_LONG [add 1]RANGE [rule]RANGE"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, until := range []string{"20260104", "20260105T085959", "20260105T075959Z"} {
		s := calendar.Series{Start: mustLocal(t, "20260105T090000"), Zone: mustZone(t, "Europe/Berlin"), Rule: mustRule(t, "FREQ=DAILY;UNTIL="+until)}
		if got := got(s); got != "[rule]RANGE" {
			t.Errorf("until %s: %s", until, got)
		}
	}
	for _, until := range []string{"20260105", "20260105T090000", "20260105T080000Z"} {
		if s := series(t, "Europe/Berlin", "20260105T090000", "FREQ=DAILY;UNTIL="+until); len(all(t, s, 2)) != 1 {
			t.Errorf("until %s is not once", until)
		}
	}
}
