package calendar_test

import (
	"testing"
	"time"

	"farley/internal/calendar"
)

// busyOffice is an office with holidays, a summer and a winter break for 20 years, which is more than most have.
func busyOffice(b *testing.B, zone string) *calendar.Calendar {
	s := office(zone)
	for month := time.January; month <= time.December; month++ {
		s.Holidays = append(s.Holidays, calendar.Holiday{Month: month, Day: 11})
	}
	for year := 2015; year < 2035; year++ {
		s.Exceptions = append(s.Exceptions,
			calendar.Exception{First: calendar.DateOf(year, 7, 1).String(), Last: calendar.DateOf(year, 8, 15).String(), Hours: hours("08:00", "14:00")},
			calendar.Exception{First: calendar.DateOf(year, 12, 24).String(), Last: calendar.DateOf(year+1, 1, 1).String()})
	}
	return mustNew(b, s)
}

func BenchmarkAddWorkingTime_10000Hours(b *testing.B) {
	c, start := busyOffice(b, "Europe/Berlin"), mustTime(b, "2026-01-02T10:00:00+01:00")
	for b.Loop() {
		if _, err := c.AddWorkingTime(start, 10_000*time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAddWorkingTime_4Hours(b *testing.B) {
	c, start := busyOffice(b, "Europe/Berlin"), mustTime(b, "2026-01-02T10:00:00+01:00")
	for b.Loop() {
		if _, err := c.AddWorkingTime(start, 4*time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWorkingTimeBetween_5Years(b *testing.B) {
	c, start := busyOffice(b, "Europe/Berlin"), mustTime(b, "2026-01-02T10:00:00+01:00")
	for b.Loop() {
		if _, err := c.WorkingTimeBetween(start, start.AddDate(5, 0, 0)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNextClosing_never(b *testing.B) {
	s := calendar.Spec{Zone: "Europe/Berlin", Week: every(hours("00:00", "24:00"))}
	c, start := mustNew(b, s), mustTime(b, "2026-01-02T10:00:00+01:00")
	for b.Loop() {
		if _, err := c.NextClosing(start); err == nil {
			b.Fatal("it closes")
		}
	}
}

// 20 people in four zones over four weeks, each with three meetings a working day.
func BenchmarkFreeSlots_20People4Weeks(b *testing.B) {
	start := mustTime(b, "2026-03-16T00:00:00Z")
	s := calendar.Search{From: start, To: start.AddDate(0, 0, 28), Duration: 45 * time.Minute, Granularity: 15 * time.Minute, Zone: mustZone(b, "Europe/Berlin"), Limit: calendar.MaxSlots}
	for i := range 20 {
		p := calendar.Person{Calendar: busyOffice(b, []string{"Europe/Berlin", "Europe/London", "Africa/Cairo", "Asia/Riyadh"}[i%4])}
		for d := range 28 {
			for k := range 3 {
				at := start.AddDate(0, 0, d).Add(time.Duration(8+3*k)*time.Hour + time.Duration(i%3)*15*time.Minute)
				p.Busy = append(p.Busy, calendar.Interval{Start: at, End: at.Add(30 * time.Minute)})
			}
		}
		s.People = append(s.People, p)
	}
	for b.Loop() {
		if slots, problems := s.FreeSlots(); len(problems) > 0 || len(slots) == 0 {
			b.Fatal(problems, len(slots))
		}
	}
}

func BenchmarkBetween_aWeekTenYearsOn(b *testing.B) {
	for name, text := range map[string]string{"open": "FREQ=WEEKLY;BYDAY=MO,WE,FR", "counted": "FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=9000"} {
		b.Run(name, func(b *testing.B) {
			s := series(b, "Europe/Berlin", "20160104T090000", text)
			from := mustTime(b, "2026-03-23T00:00:00Z")
			for b.Loop() {
				if list, _, err := s.Between(from, from.AddDate(0, 0, 7), 100); err != nil || len(list) != 3 {
					b.Fatal(err, list)
				}
			}
		})
	}
}

// The longest way to nothing: a rule that never comes.
func BenchmarkNext_never(b *testing.B) {
	s := series(b, "Europe/Berlin", "20160104T090000", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")
	from := mustTime(b, "2026-03-23T00:00:00Z")
	for b.Loop() {
		if o, ok := s.Next(from); ok {
			b.Fatal(o)
		}
	}
}
