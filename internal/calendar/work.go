package calendar

import (
	"iter"
	"time"
)

// Horizon is how far from its argument AddWorkingTime, NextOpening and NextClosing look: 50 years.
const Horizon = 50 * 366 * 24 * time.Hour

// MaxPeriod is the longest period for which single intervals or slots are listed: a year and a bit.
const MaxPeriod = 400 * 24 * time.Hour

// A chunk is a period in which no clock is set and one week holds, on the wall clock in nanoseconds since 1970.
type chunk struct {
	week       *week
	start, end int64
	offset     int64 // wall clock less offset is the instant
}

// forward returns the chunks from one instant to another, both in nanoseconds since 1970.
func (c *Calendar) forward(from, to int64) iter.Seq[chunk] {
	return func(yield func(chunk) bool) {
		for from < to {
			s := stretchAt(c.zone, floorDiv(from, second))
			offset, end := s.offset*second, min(to, farthest(s.end))
			for from < end {
				x := c.run(Date(floorDiv(from+offset, day)))
				stop := min(end, (int64(x.last)+1)*day-offset)
				if !yield(chunk{x.week, from + offset, stop + offset, offset}) {
					return
				}
				from = stop
			}
		}
	}
}

// backward is forward with the last chunk first.
func (c *Calendar) backward(from, to int64) iter.Seq[chunk] {
	return func(yield func(chunk) bool) {
		for from < to {
			s := stretchAt(c.zone, floorDiv(to-1, second))
			offset, start := s.offset*second, max(from, farthest(s.start))
			for start < to {
				x := c.run(Date(floorDiv(to-1+offset, day)))
				stop := max(start, int64(x.first)*day-offset)
				if !yield(chunk{x.week, stop + offset, to + offset, offset}) {
					return
				}
				to = stop
			}
		}
	}
}

// farthest returns seconds as nanoseconds, as far as they go.
func farthest(seconds int64) int64 {
	const most = int64(1) << 33 // some 270 years, which is more than ours and fits
	return max(-most, min(most, seconds)) * second
}

// upTo returns what the week has worked up to a wall time, counted from a Sunday long ago or to come, which cancels out in
// differences.
func (w *week) upTo(wall int64) int64 {
	days := floorDiv(wall, day)
	weeks, weekday := floorDiv(days+int64(time.Thursday), 7), floorMod(days+int64(time.Thursday), 7)
	sum, clock := weeks*w.total()+w.before[weekday], wall-days*day
	for _, s := range w.day[weekday] {
		if clock <= s.start {
			break
		}
		sum += min(clock, s.end) - s.start
	}
	return sum
}

// first returns the first wall time by which the week has worked a sum as of upTo. The week works.
func (w *week) first(sum int64) int64 {
	weeks := floorDiv(sum-1, w.total())
	rest := sum - weeks*w.total() // 1 to total
	weekday := 6
	for w.before[weekday] >= rest {
		weekday--
	}
	rest -= w.before[weekday]
	wall := (weeks*7 + int64(weekday) - int64(time.Thursday)) * day
	for _, s := range w.day[weekday] {
		if length := s.end - s.start; rest > length {
			rest -= length
			continue
		}
		return wall + s.start + rest
	}
	panic("calendar: the sums of a week do not agree with its days")
}

// last returns the last wall time up to which the week has worked no more than a sum as of upTo. The week works.
func (w *week) last(sum int64) int64 {
	weeks := floorDiv(sum, w.total())
	rest := sum - weeks*w.total() // 0 to total-1
	weekday := 6
	for w.before[weekday] > rest {
		weekday--
	}
	rest -= w.before[weekday]
	wall := (weeks*7 + int64(weekday) - int64(time.Thursday)) * day
	for _, s := range w.day[weekday] {
		if length := s.end - s.start; rest >= length {
			rest -= length
			continue
		}
		return wall + s.start + rest
	}
	panic("calendar: the sums of a week do not agree with its days")
}

// IsWorkingTime reports whether the wall clock of the calendar's zone is within working hours at t: from the start of a
// range up to, but not including, its end. It is false before the year 1900 and after 2189.
func (c *Calendar) IsWorkingTime(t time.Time) bool {
	n, ok := nanos(t)
	if !ok {
		return false
	}
	wall := n + stretchAt(c.zone, floorDiv(n, second)).offset*second
	d := Date(floorDiv(wall, day))
	clock := wall - int64(d)*day
	for _, s := range c.run(d).week.day[d.Weekday()] {
		if s.start <= clock && clock < s.end {
			return true
		}
	}
	return false
}

// WorkingTimeBetween returns the working time that passes from a to b, as real elapsed time; it is negative when b is
// before a. It returns ErrRange for instants before the year 1900 or after 2189.
func (c *Calendar) WorkingTimeBetween(a, b time.Time) (time.Duration, error) {
	from, ok := nanos(a)
	to, valid := nanos(b)
	if !ok || !valid {
		return 0, ErrRange
	}
	sign := int64(1)
	if to < from {
		from, to, sign = to, from, -1
	}
	var sum int64
	for x := range c.forward(from, to) {
		sum += x.week.upTo(x.end) - x.week.upTo(x.start)
	}
	return time.Duration(sign * sum), nil
}

// AddWorkingTime returns the first instant not before t by which d of working time has passed since t: an hour added at
// 17:00 ends at 18:00 when that is when work ends, not the next morning. A negative d goes back: the result is the last
// instant not after t from which as much working time passes until t. Zero is t itself; NextOpening moves into working
// hours. The result is in the zone of t.
//
// It returns ErrNoWorkingTime when the calendar has none at all, ErrHorizon when the result would be further away than
// Horizon, and ErrRange for instants before the year 1900 or after 2189.
func (c *Calendar) AddWorkingTime(t time.Time, d time.Duration) (time.Time, error) {
	n, ok := nanos(t)
	if !ok {
		return time.Time{}, ErrRange
	}
	if d == 0 {
		return t, nil
	}
	if !c.works {
		return time.Time{}, ErrNoWorkingTime
	}
	if d > Horizon || d < -Horizon {
		return time.Time{}, ErrHorizon
	}
	rest := int64(d)
	if d > 0 {
		for x := range c.forward(n, c.latest(n)) {
			before := x.week.upTo(x.start)
			if passes := x.week.upTo(x.end) - before; passes < rest {
				rest -= passes
				continue
			}
			return instant(x.week.first(before+rest)-x.offset, t), nil
		}
		return time.Time{}, ErrHorizon
	}
	rest = -rest
	for x := range c.backward(max(n-int64(Horizon), int64(firstDate)*day), n) {
		after := x.week.upTo(x.end)
		if passes := after - x.week.upTo(x.start); passes < rest {
			rest -= passes
			continue
		}
		return instant(x.week.last(after-rest)-x.offset, t), nil
	}
	return time.Time{}, ErrHorizon
}

// latest returns the instant up to which is looked from n.
func (c *Calendar) latest(n int64) int64 { return min(n+int64(Horizon), int64(endDate)*day) }

func instant(n int64, like time.Time) time.Time { return time.Unix(0, n).In(like.Location()) }

// NextOpening returns the first instant not before t that is working time: t itself during working hours. Errors are
// those of AddWorkingTime.
func (c *Calendar) NextOpening(t time.Time) (time.Time, error) {
	n, ok := nanos(t)
	if !ok {
		return time.Time{}, ErrRange
	}
	if !c.works {
		return time.Time{}, ErrNoWorkingTime
	}
	for x := range c.forward(n, c.latest(n)) {
		if x.week.total() == 0 {
			continue
		}
		if wall := x.week.last(x.week.upTo(x.start)); wall < x.end {
			return instant(wall-x.offset, t), nil
		}
	}
	return time.Time{}, ErrHorizon
}

// NextClosing returns the first instant after t at which working hours end: those in which t is, or the next ones. Errors
// are those of AddWorkingTime; a calendar that never closes gives ErrHorizon.
func (c *Calendar) NextClosing(t time.Time) (time.Time, error) {
	opening, err := c.NextOpening(t)
	if err != nil {
		return time.Time{}, err
	}
	n, ok := nanos(opening)
	if !ok {
		return time.Time{}, ErrHorizon
	}
	for x := range c.forward(n, c.latest(n)) {
		if end := x.closing(); end < x.end {
			return instant(end-x.offset, t), nil
		}
	}
	return time.Time{}, ErrHorizon
}

// closing returns the first wall time in the chunk that is not working time, its end when there is none.
func (x chunk) closing() int64 {
	if x.week.total() == 7*day {
		return x.end
	}
	for wall := x.start; wall < x.end; {
		days := floorDiv(wall, day)
		clock := wall - days*day
		open := false
		for _, s := range x.week.day[Date(days).Weekday()] {
			if s.start <= clock && clock < s.end {
				wall, open = days*day+s.end, true
				break
			}
		}
		if !open {
			return wall
		}
	}
	return x.end
}

// WorkingIntervals returns the working time from one instant up to another as the fewest intervals, in order and in the
// calendar's zone. It returns ErrRange for periods longer than MaxPeriod and for instants before the year 1900 or after
// 2189; an end before the start is an empty period.
func (c *Calendar) WorkingIntervals(from, to time.Time) ([]Interval, error) {
	a, ok := nanos(from)
	b, valid := nanos(to)
	if !ok || !valid || to.Sub(from) > MaxPeriod {
		return nil, ErrRange
	}
	var out []Interval
	for x := range c.forward(a, b) {
		for d := floorDiv(x.start, day); d*day < x.end; d++ {
			for _, s := range x.week.day[Date(d).Weekday()] {
				start, end := max(x.start, d*day+s.start), min(x.end, d*day+s.end)
				if start < end {
					out = join(out, Interval{Start: c.show(start - x.offset), End: c.show(end - x.offset)})
				}
			}
		}
	}
	return out, nil
}

func (c *Calendar) show(n int64) time.Time { return time.Unix(0, n).In(c.zone) }
