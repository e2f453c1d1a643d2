package calendar

import (
	"iter"
	"slices"
	"time"
)

// expansion is a rule with what it takes from the start of its series (RFC 5545 §3.3.10: "Information, not contained in
// the rule, necessary to determine the various recurrence instance start time and dates are derived from the Start Time").
type expansion struct {
	Rule
	start Local
	times []int64 // seconds since midnight, in order
}

func expand(r Rule, start Local) expansion {
	x := expansion{Rule: r, start: start}
	_, month, dayOfMonth := start.Date().Civil()
	switch {
	case len(r.ByDay)+len(r.ByYearDay)+len(r.ByMonthDay) > 0 || r.Freq == Daily:
	case r.Freq == Weekly || len(r.ByWeekNo) > 0:
		x.ByDay = []WeekdayNum{{Day: start.Date().Weekday()}}
	default:
		x.ByMonthDay = []int{dayOfMonth}
		if r.Freq == Yearly && len(r.ByMonth) == 0 {
			x.ByMonth = []int{int(month)}
		}
	}
	hour, minute, sec := start.Clock()
	for _, h := range or(r.ByHour, hour) {
		for _, m := range or(r.ByMinute, minute) {
			for _, s := range or(r.BySecond, sec) {
				x.times = append(x.times, int64(h)*3600+int64(m)*60+int64(s))
			}
		}
	}
	return x
}

func or(list []int, single int) []int {
	if len(list) == 0 {
		return []int{single}
	}
	return list
}

// from returns the wall times of the rule in order, up to the end of our years: all from the one of a date on, and maybe
// some before it. It knows neither COUNT nor UNTIL, nor that the start is an occurrence.
func (x expansion) from(d Date) iter.Seq[Local] {
	return func(yield func(Local) bool) {
		var days []Date
		for first := range x.periods(d) {
			days = x.days(days[:0], first)
			if len(x.BySetPos) == 0 {
				for _, d := range days {
					for _, t := range x.times {
						if l := Local(int64(d)*daySeconds + t); l >= x.start && !yield(l) {
							return
						}
					}
				}
				continue
			}
			for _, i := range x.positions(len(days) * len(x.times)) {
				l := Local(int64(days[i/len(x.times)])*daySeconds + x.times[i%len(x.times)])
				if l >= x.start && !yield(l) {
					return
				}
			}
		}
	}
}

// positions returns which of n occurrences of a period BYSETPOS selects, in order.
func (x expansion) positions(n int) []int {
	var out []int
	for _, p := range x.BySetPos {
		if p < 0 {
			p += n + 1
		}
		if 1 <= p && p <= n {
			out = append(out, p-1)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// periods returns the first days of the rule's days, weeks, months or years from the one on that contains d or the next.
func (x expansion) periods(d Date) iter.Seq[Date] {
	start, every := x.start.Date(), int64(x.Interval)
	d = max(d, start)
	year, month, _ := start.Civil()
	toYear, toMonth, _ := d.Civil()
	var passed int64 // days, weeks, months or years from the period of the start to that of d
	var nth func(k int64) Date
	switch x.Freq {
	case Weekly:
		first := start - Date(floorMod(int64(start.Weekday()-x.WeekStart), 7))
		passed = int64(d-first) / 7
		nth = func(k int64) Date { return first + Date(7*k) }
	case Monthly:
		passed = int64(toYear-year)*12 + int64(toMonth-month)
		nth = func(k int64) Date { return DateOf(year, month+time.Month(k), 1) }
	case Yearly:
		passed = int64(toYear - year)
		nth = func(k int64) Date { return DateOf(year+int(k), time.January, 1) }
	default:
		passed = int64(d - start)
		nth = func(k int64) Date { return start + Date(k) }
	}
	return func(yield func(Date) bool) {
		for k := passed / every * every; ; k += every {
			if first := nth(k); first >= endDate || !yield(first) {
				return
			}
		}
	}
}

// days appends the days of the period that begins with first on which the rule holds.
func (x expansion) days(out []Date, first Date) []Date {
	switch x.Freq {
	case Daily, Weekly:
		end := first + 1
		if x.Freq == Weekly {
			end = first + 7
		}
		for d := first; d < end; d++ {
			year, month, dayOfMonth := d.Civil()
			if len(x.ByMonth) > 0 && !slices.Contains(x.ByMonth, int(month)) {
				continue
			}
			if x.holds(civil{d, year, dayOfMonth, monthDays(year, month), DateOf(year, time.January, 1)}) {
				out = append(out, d)
			}
		}
		return out
	}
	year, month, _ := first.Civil()
	last := month
	if x.Freq == Yearly {
		last = time.December
	}
	newYear := DateOf(year, time.January, 1)
	for ; month <= last; month++ {
		length := monthDays(year, month)
		if len(x.ByMonth) > 0 && !slices.Contains(x.ByMonth, int(month)) {
			first += Date(length)
			continue
		}
		for i := range length {
			if x.holds(civil{first + Date(i), year, i + 1, length, newYear}) {
				out = append(out, first+Date(i))
			}
		}
		first += Date(length)
	}
	return out
}

// civil is a day and what is to know about it.
type civil struct {
	date       Date
	year       int
	dayOfMonth int
	monthDays  int
	newYear    Date
}

// holds reports whether the rule selects the day within its period. It leaves BYMONTH to its caller.
func (x expansion) holds(c civil) bool {
	if len(x.ByMonthDay) > 0 && !slices.Contains(x.ByMonthDay, c.dayOfMonth) && !slices.Contains(x.ByMonthDay, c.dayOfMonth-c.monthDays-1) {
		return false
	}
	if len(x.ByYearDay) > 0 {
		n := int(c.date-c.newYear) + 1
		if !slices.Contains(x.ByYearDay, n) && !slices.Contains(x.ByYearDay, n-c.yearDays()-1) {
			return false
		}
	}
	if len(x.ByWeekNo) > 0 {
		n, weeks := weekNumber(c.date, c.year, x.WeekStart)
		if !slices.Contains(x.ByWeekNo, n) && !slices.Contains(x.ByWeekNo, n-weeks-1) {
			return false
		}
	}
	return len(x.ByDay) == 0 || x.onWeekday(c)
}

func (c civil) yearDays() int { return int(DateOf(c.year+1, time.January, 1) - c.newYear) }

// onWeekday reports whether BYDAY has the day. Its numbers count in the month, in yearly rules without BYMONTH in the year.
func (x expansion) onWeekday(c civil) bool {
	weekday := c.date.Weekday()
	for _, w := range x.ByDay {
		if w.Day != weekday {
			continue
		}
		if w.N == 0 {
			return true
		}
		n, of := c.dayOfMonth, c.monthDays
		if x.Freq == Yearly && len(x.ByMonth) == 0 {
			n, of = int(c.date-c.newYear)+1, c.yearDays()
		}
		if w.N == (n-1)/7+1 || w.N == -((of-n)/7+1) {
			return true
		}
	}
	return false
}

// weekNumber returns the number of a day's week and how many weeks its year has. A week belongs to the year in which most
// of its days lie (ISO 8601, for weeks that may begin on any weekday).
func weekNumber(d Date, year int, weekStart time.Weekday) (number, weeks int) {
	// first returns the day on which week 1 begins: that of 4 January.
	first := func(year int) Date {
		fourth := DateOf(year, time.January, 4)
		return fourth - Date(floorMod(int64(fourth.Weekday()-weekStart), 7))
	}
	switch {
	case d < first(year):
		year--
	case d >= first(year+1):
		year++
	}
	begin := first(year)
	return int(d-begin)/7 + 1, int(first(year+1)-begin) / 7
}
