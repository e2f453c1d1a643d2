package calendar_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"farley/internal/calendar"

	"pgregory.net/rapid"
)

// zones have clocks that are set in both hemispheres, at midnight, by half an hour, and by a whole day.
var zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Asia/Beirut", "Africa/Cairo", "America/Sao_Paulo", "Australia/Lord_Howe",
	"Australia/Sydney", "Pacific/Apia", "Asia/Riyadh", "Asia/Kathmandu", "America/Santiago", "Africa/Casablanca", "Pacific/Chatham", "Asia/Tehran",
}

// settings returns the instants from 1995 to 2040 at which clocks of a zone are set, to the minute.
var settings = sync.OnceValue(func() map[string][]time.Time {
	out := map[string][]time.Time{}
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		offset := func(t time.Time) int { _, o := t.In(zone).Zone(); return o }
		end := time.Date(2041, 1, 1, 0, 0, 0, 0, time.UTC)
		for t := time.Date(1995, 1, 1, 0, 0, 0, 0, time.UTC); t.Before(end); t = t.Add(24 * time.Hour) {
			lo, hi := t, t.Add(24*time.Hour)
			if offset(lo) == offset(hi) {
				continue
			}
			for hi.Sub(lo) > time.Minute {
				if mid := lo.Add(hi.Sub(lo) / 2).Truncate(time.Minute); offset(mid) == offset(lo) {
					lo = mid
				} else {
					hi = mid
				}
			}
			out[name] = append(out[name], hi)
		}
	}
	return out
})

// drawInstant draws a whole minute near one at which clocks of the zone are set, if they are.
func drawInstant(t *rapid.T, zone string) time.Time {
	near := time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(-9000, 5000).Draw(t, "day"))
	if all := settings()[zone]; len(all) > 0 && rapid.IntRange(0, 9).Draw(t, "set") > 0 {
		near = rapid.SampledFrom(all).Draw(t, "setting")
	}
	return near.Add(time.Duration(rapid.IntRange(-3*1440, 3*1440).Draw(t, "minutes")) * time.Minute)
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// drawHours draws ranges that do not overlap; the last may pass midnight up to a time.
func drawHours(t *rapid.T, label string, night int) []calendar.Hours {
	points := rapid.SliceOfNDistinct(rapid.IntRange(0, 96), 0, 6, rapid.ID[int]).Draw(t, label)
	slices.Sort(points)
	var out []calendar.Hours
	for i := 0; i+1 < len(points); i += 2 {
		out = append(out, calendar.Hours{Start: clock(points[i] * 15), End: clock(points[i+1] * 15)})
	}
	if last := len(out) - 1; last >= 0 && night > 0 && rapid.Bool().Draw(t, label+" night") {
		out[last].End = clock(min(night, points[last*2]*15))
		if out[last].End == out[last].Start {
			out[last].End = "24:00"
		}
	}
	return out
}

// drawSpec draws a calendar with exceptions and holidays around an instant. Nights end at midnight or before the first hours
// of the next day.
func drawSpec(t *rapid.T, zone string, around time.Time) calendar.Spec {
	s := calendar.Spec{Zone: zone}
	for d := range s.Week {
		s.Week[d] = drawHours(t, fmt.Sprint("day ", d), 0)
	}
	for d := range s.Week {
		last, next := len(s.Week[d])-1, s.Week[(d+1)%7]
		if last < 0 || !rapid.Bool().Draw(t, fmt.Sprint("night ", d)) {
			continue
		}
		end := "05:00"
		if len(next) > 0 {
			end = min(end, next[0].Start)
		}
		if end < s.Week[d][last].Start {
			s.Week[d][last].End = end
		}
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "exceptions") {
		first := around.AddDate(0, 0, rapid.IntRange(-6, 6).Draw(t, "first"))
		e := calendar.Exception{First: first.Format(time.DateOnly), Last: first.AddDate(0, 0, rapid.IntRange(0, 5).Draw(t, "length")).Format(time.DateOnly)}
		if rapid.Bool().Draw(t, "working") {
			e.Hours = drawHours(t, fmt.Sprint("exception ", i), 300)
		}
		s.Exceptions = append(s.Exceptions, e)
	}
	for range rapid.IntRange(0, 3).Draw(t, "holidays") {
		_, month, dayOfMonth := around.AddDate(0, 0, rapid.IntRange(-6, 6).Draw(t, "holiday")).Date()
		s.Holidays = append(s.Holidays, calendar.Holiday{Month: month, Day: dayOfMonth})
	}
	if rapid.Bool().Draw(t, "leap") {
		s.Holidays = append(s.Holidays, calendar.Holiday{Month: time.February, Day: 29})
	}
	return s
}

// naive says whether an instant is working time, from the texts of the specification and one look at the clock.
func naive(s calendar.Spec, zone *time.Location, t time.Time) bool {
	local := t.In(zone)
	year, month, dayOfMonth := local.Date()
	now := local.Format("15:04")
	for _, h := range naiveHours(s, time.Date(year, month, dayOfMonth, 12, 0, 0, 0, time.UTC)) {
		if h.Start <= now && (now < h.End || h.End <= h.Start) {
			return true
		}
	}
	for _, h := range naiveHours(s, time.Date(year, month, dayOfMonth-1, 12, 0, 0, 0, time.UTC)) {
		if h.End < h.Start && now < h.End {
			return true
		}
	}
	return false
}

func naiveHours(s calendar.Spec, date time.Time) []calendar.Hours {
	text := date.Format(time.DateOnly)
	for _, e := range slices.Backward(s.Exceptions) {
		if e.First <= text && text <= e.Last {
			return e.Hours
		}
	}
	for _, h := range s.Holidays {
		if h.Month == date.Month() && h.Day == date.Day() {
			return nil
		}
	}
	return s.Week[date.Weekday()]
}

type drawn struct {
	spec  calendar.Spec
	c     *calendar.Calendar
	zone  *time.Location
	start time.Time
}

func drawCalendar(t *rapid.T) drawn {
	var d drawn
	name := rapid.SampledFrom(zones).Draw(t, "zone")
	d.start = drawInstant(t, name)
	d.spec = drawSpec(t, name, d.start)
	c, problems := calendar.New(d.spec)
	if len(problems) > 0 {
		t.Fatalf("%+v of %+v", problems, d.spec)
	}
	d.c, d.zone = c, c.Zone()
	return d
}

// Every function says what walking from minute to minute with an eye on the wall clock says.
func TestCalendar_agreesWithWalking(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawCalendar(t)
		const n = 3 * 1440
		open := make([]bool, n)
		var worked time.Duration
		for i := range open {
			now := d.start.Add(time.Duration(i) * time.Minute)
			open[i] = naive(d.spec, d.zone, now)
			if got := d.c.IsWorkingTime(now); got != open[i] {
				t.Fatalf("IsWorkingTime(%v) = %v", now.In(d.zone), got)
			}
			if i%60 == 0 {
				if got, err := d.c.WorkingTimeBetween(d.start, now); err != nil || got != worked {
					t.Fatalf("WorkingTimeBetween(%v, %v) = %v, %v, want %v", d.start.In(d.zone), now.In(d.zone), got, err, worked)
				}
			}
			if open[i] {
				worked += time.Minute
			}
			if open[i] && worked%(7*time.Minute) == 0 {
				got, err := d.c.AddWorkingTime(d.start, worked)
				if want := now.Add(time.Minute); err != nil || !got.Equal(want) {
					t.Fatalf("%v + %v = %v, %v, want %v", d.start.In(d.zone), worked, got.In(d.zone), err, want.In(d.zone))
				}
			}
		}
		var intervals []calendar.Interval
		for i, o := range open {
			now := d.start.Add(time.Duration(i) * time.Minute)
			if o && (i == 0 || !open[i-1]) {
				intervals = append(intervals, calendar.Interval{Start: now, End: now})
			}
			if o {
				intervals[len(intervals)-1].End = now.Add(time.Minute)
			}
		}
		end := d.start.Add(n * time.Minute)
		got, err := d.c.WorkingIntervals(d.start, end)
		if err != nil || !slices.EqualFunc(got, intervals, sameInterval) {
			t.Fatalf("WorkingIntervals = %v, %v, want %v", got, err, intervals)
		}
		worked = 0
		for i := n - 1; i >= 0; i-- {
			if !open[i] {
				continue
			}
			if worked += time.Minute; worked%(11*time.Minute) == 0 {
				got, err := d.c.AddWorkingTime(end, -worked)
				if want := d.start.Add(time.Duration(i) * time.Minute); err != nil || !got.Equal(want) {
					t.Fatalf("%v - %v = %v, %v, want %v", end.In(d.zone), worked, got.In(d.zone), err, want.In(d.zone))
				}
			}
		}
		for i := 0; i < n; i += 30 {
			now := d.start.Add(time.Duration(i) * time.Minute)
			if o := i + slices.Index(open[i:], true); o >= i {
				opening, err := d.c.NextOpening(now)
				if want := d.start.Add(time.Duration(o) * time.Minute); err != nil || !opening.Equal(want) {
					t.Fatalf("NextOpening(%v) = %v, %v, want %v", now.In(d.zone), opening, err, want.In(d.zone))
				}
				if c := o + slices.Index(open[o:], false); c >= o {
					closing, err := d.c.NextClosing(now)
					if want := d.start.Add(time.Duration(c) * time.Minute); err != nil || !closing.Equal(want) {
						t.Fatalf("NextClosing(%v) = %v, %v, want %v", now.In(d.zone), closing, err, want.In(d.zone))
					}
				}
			}
		}
	})
}

func sameInterval(a, b calendar.Interval) bool { return a.Start.Equal(b.Start) && a.End.Equal(b.End) }

// The functions agree with each other over long times and to the nanosecond.
func TestCalendar_functionsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawCalendar(t)
		start := d.start.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "nanoseconds")))
		between := func(a, b time.Time) time.Duration {
			got, err := d.c.WorkingTimeBetween(a, b)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		some := rapid.Int64Range(1, int64(400*time.Hour))
		x, y := time.Duration(some.Draw(t, "x")), time.Duration(some.Draw(t, "y"))
		for _, sign := range []time.Duration{1, -1} {
			first, err := d.c.AddWorkingTime(start, sign*x)
			if err != nil {
				if len(slices.Concat(d.spec.Week[:]...)) > 0 {
					t.Fatalf("%v with working hours every week", err)
				}
				continue
			}
			if got := between(start, first); got != sign*x {
				t.Fatalf("added %v, and %v passes", sign*x, got)
			}
			// The instant before has not passed all of it, so there is no earlier one.
			if got := between(start, first.Add(-sign)); got != sign*(x-1) {
				t.Fatalf("%v is not the first by which %v passes: %v pass before", first, sign*x, got)
			}
			second, err := d.c.AddWorkingTime(first, sign*y)
			at, err2 := d.c.AddWorkingTime(start, sign*(x+y))
			if (err == nil) != (err2 == nil) || err == nil && !second.Equal(at) {
				t.Fatalf("%v and then %v: %v, %v; both at once: %v, %v", sign*x, sign*y, second, err, at, err2)
			}
			more, err := d.c.AddWorkingTime(start, sign*(x+1))
			if err == nil && (more.Equal(first) || more.After(first) != (sign > 0)) {
				t.Fatalf("one more of %v is %v, not beyond %v", sign*x, more, first)
			}
		}
		a := start.Add(time.Duration(rapid.Int64Range(-int64(9000*time.Hour), int64(9000*time.Hour)).Draw(t, "a")))
		b := start.Add(time.Duration(rapid.Int64Range(-int64(9000*time.Hour), int64(9000*time.Hour)).Draw(t, "b")))
		if got, want := between(a, b), between(a, start)+between(start, b); got != want {
			t.Fatalf("from %v to %v: %v, by way of %v: %v", a, b, got, start, want)
		}
		if got := between(a, b); got+between(b, a) != 0 || a.Before(b) && got < 0 || got.Abs() > b.Sub(a).Abs() {
			t.Fatalf("from %v to %v: %v, back: %v", a, b, got, between(b, a))
		}
		intervals, err := d.c.WorkingIntervals(start, start.Add(700*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		var sum time.Duration
		for i, x := range intervals {
			sum += x.Duration()
			if x.Duration() == 0 || i > 0 && !x.Start.After(intervals[i-1].End) {
				t.Fatalf("intervals that are empty, touch or are not in order: %v", intervals)
			}
			if !d.c.IsWorkingTime(x.Start) || !d.c.IsWorkingTime(x.End.Add(-1)) || d.c.IsWorkingTime(x.End) && !x.End.Equal(start.Add(700*time.Hour)) {
				t.Fatalf("%v: bounds are not those of working time", x)
			}
		}
		if got := between(start, start.Add(700*time.Hour)); got != sum {
			t.Fatalf("intervals sum up to %v, not %v", sum, got)
		}
	})
}

// A wall time is the first instant that shows it, or as long after the gap as RFC 5545 says.
func TestLocal_in(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		near := drawInstant(t, name)
		l := calendar.LocalOf(near.In(zone)) + calendar.Local(60*rapid.IntRange(-1500, 1500).Draw(t, "off"))
		got := l.In(zone)
		var want time.Time
		walk := time.Unix(int64(l), 0).Add(-30 * time.Hour).Truncate(time.Minute)
		for before := walk; ; before, walk = walk, walk.Add(time.Minute) {
			shown := calendar.LocalOf(walk.In(zone))
			if shown == l {
				want = walk
				break
			}
			if last := calendar.LocalOf(before.In(zone)); last < l && l < shown {
				want = before.Add(time.Duration(l-last) * time.Second)
				break
			}
		}
		if !got.Equal(want) {
			t.Fatalf("%v in %s = %v, want %v", l, name, got, want.In(zone))
		}
	})
}

func TestLocal_text(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := calendar.LocalAt(calendar.DateOf(rapid.IntRange(1900, 2189).Draw(t, "year"), 1, 1), 0, 0, rapid.IntRange(0, 365*86400-1).Draw(t, "second"))
		text, err := l.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back calendar.Local
		if err := back.UnmarshalText(text); err != nil || back != l {
			t.Fatalf("%d is %s and then %d, %v", l, text, back, err)
		}
		hour, minute, sec := l.Clock()
		if calendar.LocalAt(l.Date(), hour, minute, sec) != l {
			t.Fatalf("%v is not %v %d:%d:%d", l, l.Date(), hour, minute, sec)
		}
		year, month, dayOfMonth := l.Date().Civil()
		if d, ok := calendar.ParseDate(l.Date().String()); !ok || d != l.Date() || calendar.DateOf(year, month, dayOfMonth) != d {
			t.Fatalf("%v does not come back", l.Date())
		}
		if want := time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC).Weekday(); l.Date().Weekday() != want {
			t.Fatalf("%v is a %v, not a %v", l.Date(), want, l.Date().Weekday())
		}
	})
	for _, s := range []string{"", "20260101", "20260230T000000", "20260101T250000", "18991231T235959", "21900101T000000", "20260101T000000Z", "20260101T000000.5"} {
		if l, ok := calendar.ParseLocal(s); ok {
			t.Errorf("%q is read as %v", s, l)
		}
	}
}
