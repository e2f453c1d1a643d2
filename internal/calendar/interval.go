package calendar

import (
	"slices"
	"time"
)

// Interval is the time from Start up to, but not including, End. It is empty when End is not after Start.
type Interval struct {
	Start, End time.Time
}

// Duration returns the time that passes in the interval, 0 when it is empty.
func (i Interval) Duration() time.Duration {
	return max(0, i.End.Sub(i.Start))
}

// Union returns the time in any interval of any list as the fewest intervals, in order. Intervals that touch become one,
// empty ones vanish.
func Union(lists ...[]Interval) []Interval {
	var all []Interval
	for _, list := range lists {
		for _, i := range list {
			if i.Start.Before(i.End) {
				all = append(all, i)
			}
		}
	}
	slices.SortFunc(all, func(a, b Interval) int { return a.Start.Compare(b.Start) })
	var out []Interval
	for _, i := range all {
		out = join(out, i)
	}
	return out
}

// join appends an interval that does not begin before the last one, as part of it when they meet.
func join(list []Interval, i Interval) []Interval {
	if last := len(list) - 1; last >= 0 && !i.Start.After(list[last].End) {
		if i.End.After(list[last].End) {
			list[last].End = i.End
		}
		return list
	}
	return append(list, i)
}

// Intersect returns the time that is in both lists as the fewest intervals, in order.
func Intersect(a, b []Interval) []Interval {
	a, b = Union(a), Union(b)
	var out []Interval
	for len(a) > 0 && len(b) > 0 {
		start, end := a[0].Start, a[0].End
		if b[0].Start.After(start) {
			start = b[0].Start
		}
		if b[0].End.Before(end) {
			end = b[0].End
		}
		if start.Before(end) {
			out = append(out, Interval{Start: start, End: end})
		}
		if a[0].End.Before(b[0].End) {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// Subtract returns the time in a that is not in b as the fewest intervals, in order.
func Subtract(a, b []Interval) []Interval {
	a, b = Union(a), Union(b)
	var out []Interval
	for _, i := range a {
		for len(b) > 0 && !b[0].End.After(i.Start) {
			b = b[1:]
		}
		for k := 0; k < len(b) && b[k].Start.Before(i.End); k++ {
			if b[k].Start.After(i.Start) {
				out = append(out, Interval{Start: i.Start, End: b[k].Start})
			}
			i.Start = b[k].End
		}
		if i.Start.Before(i.End) {
			out = append(out, i)
		}
	}
	return out
}
