package calendar

import (
	"fmt"
	"time"
)

// Years in which instants and dates are accepted: nanoseconds between any two of them fit into a time.Duration, and the
// rules of all zones are known or foreseen.
const (
	minYear = 1900
	maxYear = 2189
)

var (
	firstDate = DateOf(minYear, time.January, 1)
	endDate   = DateOf(maxYear+1, time.January, 1)
)

// nanos returns an instant in nanoseconds since 1970, false when it is outside the accepted years.
func nanos(t time.Time) (int64, bool) {
	s := t.Unix()
	if s < int64(firstDate)*daySeconds || s >= int64(endDate)*daySeconds {
		return 0, false
	}
	return t.UnixNano(), true
}

// A stretch is a period in which the clocks of a zone run on without being set: wall clock = instant + offset.
type stretch struct {
	start, end int64 // instants in seconds since 1970, start included, end not
	offset     int64 // seconds east of UTC
}

// Instants before and after all of ours, for stretches that have no bound.
const (
	longAgo   = int64(-1) << 40
	farFuture = int64(1) << 40
)

// stretchAt returns a stretch that contains an instant, in seconds since 1970. It is not always the longest: neighbours
// may have the same offset. time.Time.ZoneBounds ends the year after 365 days for zones that are extended by a rule, so
// that on the last day of a leap year its end is not after the instant; no clock is set between there and the new year.
func stretchAt(zone *time.Location, instant int64) stretch {
	t := time.Unix(instant, 0).In(zone)
	_, offset := t.Zone()
	start, end := t.ZoneBounds()
	s := stretch{start: longAgo, end: farFuture, offset: int64(offset)}
	if !start.IsZero() {
		s.start = min(start.Unix(), instant)
	}
	if !end.IsZero() {
		s.end = end.Unix()
	}
	if s.end <= instant {
		s.end = (floorDiv(instant, daySeconds) + 1) * daySeconds
	}
	return s
}

// maxShift is more than any clock was ever set by, and more than any offset from UTC: Samoa and Tokelau skipped a whole
// day in 2011, which was 24 hours. In seconds.
const maxShift = 26 * 60 * 60

// Local is what a clock on the wall and a calendar beside it show, in no particular zone: seconds since 1970-01-01 00:00
// on that clock.
type Local int64

// LocalAt returns the wall time of a date and a time of day.
func LocalAt(d Date, hour, minute, sec int) Local {
	return Local(int64(d)*daySeconds + int64(hour)*3600 + int64(minute)*60 + int64(sec))
}

// LocalOf returns what the clocks of t's zone show at t, in whole seconds.
func LocalOf(t time.Time) Local {
	_, offset := t.Zone()
	return Local(t.Unix() + int64(offset))
}

const localFormat = "20060102T150405"

// ParseLocal reads the form of RFC 5545 §3.3.5 without a zone, 20060102T150405, in the years 1900 to 2189.
func ParseLocal(s string) (Local, bool) {
	t, err := time.Parse(localFormat, s)
	if err != nil || len(s) != len(localFormat) || t.Year() < minYear || t.Year() > maxYear {
		return 0, false
	}
	return Local(t.Unix()), true
}

// Date returns the day that the calendar beside the clock shows.
func (l Local) Date() Date { return Date(floorDiv(int64(l), daySeconds)) }

// Clock returns the time of day.
func (l Local) Clock() (hour, minute, sec int) {
	s := int(floorMod(int64(l), daySeconds))
	return s / 3600, s / 60 % 60, s % 60
}

// String returns the wall time as 20060102T150405.
func (l Local) String() string { return time.Unix(int64(l), 0).UTC().Format(localFormat) }

// MarshalText returns the wall time as 20060102T150405.
func (l Local) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (l *Local) UnmarshalText(text []byte) error {
	read, ok := ParseLocal(string(text))
	if !ok {
		return fmt.Errorf("%q is not a wall time like 20060102T150405", text)
	}
	*l = read
	return nil
}

// In returns the instant of a wall time in a zone as RFC 5545 §3.3.5 says: the first one when clocks show the time twice,
// and when they skip it, the instant that the offset before the gap gives, which is as long after the gap begins as the
// time is after the last one shown. So 02:30 is 03:30 where 02:00 to 03:00 is skipped, and a midnight that is skipped is
// the first instant of its day.
func (l Local) In(zone *time.Location) time.Time {
	s := stretchAt(zone, int64(l)-maxShift)
	for {
		instant := int64(l) - s.offset
		if instant < s.end {
			return time.Unix(instant, 0).In(zone)
		}
		next := stretchAt(zone, s.end)
		if int64(l)-next.offset < next.start {
			return time.Unix(instant, 0).In(zone) // between the two: skipped
		}
		s = next
	}
}
