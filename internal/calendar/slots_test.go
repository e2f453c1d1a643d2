package calendar_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"farley/internal/calendar"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFreeSlots_acrossZones(t *testing.T) {
	t.Parallel()
	// In the week after clocks in the USA are set and before those in Europe are, Berlin and New York are five hours apart.
	s := calendar.Search{
		From: mustTime(t, "2026-03-11T00:00:00+01:00"), To: mustTime(t, "2026-03-12T00:00:00+01:00"),
		Duration: 45 * time.Minute, Granularity: 30 * time.Minute, Zone: mustZone(t, "Europe/Berlin"), Limit: 100,
		People: []calendar.Person{
			{Calendar: mustNew(t, office("Europe/Berlin")), Busy: []calendar.Interval{
				{Start: mustTime(t, "2026-03-11T16:40:00+01:00"), End: mustTime(t, "2026-03-11T16:50:00+01:00")},
			}},
			{Calendar: mustNew(t, office("America/New_York"))},
		},
	}
	free, problems := s.FreeTime()
	want := []calendar.Interval{
		{Start: mustTime(t, "2026-03-11T14:00:00+01:00"), End: mustTime(t, "2026-03-11T16:40:00+01:00")},
		{Start: mustTime(t, "2026-03-11T16:50:00+01:00"), End: mustTime(t, "2026-03-11T17:30:00+01:00")},
	}
	if diff := cmp.Diff(want, free); diff != "" || problems != nil {
		t.Errorf("free time: %v (-want +got):\n%s", problems, diff)
	}
	slots, problems := s.FreeSlots()
	var starts []string
	for _, x := range slots {
		if x.Duration() != s.Duration {
			t.Errorf("%v is not %v long", x, s.Duration)
		}
		starts = append(starts, x.Start.Format("15:04"))
	}
	if diff := cmp.Diff([]string{"14:00", "14:30", "15:00", "15:30"}, starts); diff != "" || problems != nil {
		t.Errorf("slots: %v (-want +got):\n%s", problems, diff)
	}
	s.Limit = 2
	if first, _ := s.FreeSlots(); !slices.EqualFunc(first, slots[:2], sameInterval) {
		t.Errorf("the first two slots: %v", first)
	}
}

func TestSearch_check(t *testing.T) {
	t.Parallel()
	now := mustTime(t, "2026-03-11T00:00:00Z")
	c := mustNew(t, office("UTC"))
	good := calendar.Search{From: now, To: now, Duration: time.Minute, Granularity: time.Minute, Zone: time.UTC, Limit: 1, People: []calendar.Person{{Calendar: c}}}
	if p := good.Check(); p != nil {
		t.Errorf("problems of a search that has none: %+v", p)
	}
	bad := calendar.Search{From: mustTime(t, "1800-01-01T00:00:00Z"), To: mustTime(t, "2300-01-01T00:00:00Z"), Granularity: 7 * time.Minute, Limit: calendar.MaxSlots + 1,
		People: append(make([]calendar.Person, calendar.MaxPeople), calendar.Person{Calendar: c, Busy: make([]calendar.Interval, calendar.MaxBusy+1)})}
	var paths []string
	slots, problems := bad.FreeSlots()
	for _, p := range problems {
		paths = append(paths, fmt.Sprint(p.Path, p.Code))
	}
	want := []string{"[from]RANGE", "[to]RANGE", "[duration]RANGE", "[granularity]RANGE", "[zone]REQUIRED", "[limit]RANGE", "[people]RANGE"}
	for i := range calendar.MaxPeople {
		want = append(want, fmt.Sprintf("[people %d calendar]REQUIRED", i))
	}
	want = append(want, fmt.Sprintf("[people %d busy]TOO_LONG", calendar.MaxPeople))
	if diff := cmp.Diff(want, paths); diff != "" || slots != nil {
		t.Errorf("(-want +got):\n%s", diff)
	}
	good.To = now.Add(calendar.MaxPeriod + 1)
	if p := good.Check(); len(p) != 1 {
		t.Errorf("too long: %+v", p)
	}
	good.To = now.Add(-1)
	if p := good.Check(); len(p) != 1 {
		t.Errorf("backwards: %+v", p)
	}
}

// Slots are those that walking from minute to minute finds.
func TestFreeSlots_agreeWithWalking(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := drawCalendar(t)
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "search zone"))
		if err != nil {
			t.Fatal(err)
		}
		const n = 2 * 1440
		s := calendar.Search{
			From: first.start, To: first.start.Add(n * time.Minute), Zone: zone, Limit: rapid.SampledFrom([]int{3, calendar.MaxSlots}).Draw(t, "limit"),
			Duration:    time.Duration(rapid.IntRange(1, 200).Draw(t, "duration")) * time.Minute,
			Granularity: time.Duration(rapid.SampledFrom([]int{5, 15, 30, 45, 60, 1440}).Draw(t, "granularity")) * time.Minute,
		}
		free := make([]bool, n)
		for i := range free {
			free[i] = true
		}
		for k := range rapid.IntRange(1, 3).Draw(t, "people") {
			person := calendar.Person{Calendar: first.c}
			spec := first.spec
			if k > 0 {
				name := rapid.SampledFrom(zones).Draw(t, "zone of another")
				spec = drawSpec(t, name, first.start)
				c, problems := calendar.New(spec)
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				person.Calendar = c
			}
			for range rapid.IntRange(0, 3).Draw(t, "busy") {
				from := rapid.IntRange(-100, n).Draw(t, "busy from")
				length := rapid.IntRange(0, 300).Draw(t, "busy for")
				person.Busy = append(person.Busy, calendar.Interval{
					Start: first.start.Add(time.Duration(from) * time.Minute), End: first.start.Add(time.Duration(from+length) * time.Minute),
				})
				for i := max(0, from); i < min(n, from+length); i++ {
					free[i] = false
				}
			}
			s.People = append(s.People, person)
			for i := range free {
				free[i] = free[i] && naive(spec, person.Calendar.Zone(), first.start.Add(time.Duration(i)*time.Minute))
			}
		}
		var want []calendar.Interval
		for i := range free {
			start := first.start.Add(time.Duration(i) * time.Minute)
			end := i + int(s.Duration.Minutes())
			local := start.In(zone)
			if (local.Hour()*60+local.Minute())%int(s.Granularity.Minutes()) != 0 || end > n || slices.Contains(free[i:end], false) {
				continue
			}
			if want = append(want, calendar.Interval{Start: start, End: start.Add(s.Duration)}); len(want) == s.Limit {
				break
			}
		}
		got, problems := s.FreeSlots()
		if len(problems) > 0 || !slices.EqualFunc(got, want, sameInterval) {
			t.Fatalf("%v\ngot  %v\nwant %v", problems, got, want)
		}
	})
}
