package calendar

import (
	"cmp"
	"slices"
	"sort"
	"time"
	_ "time/tzdata" // a machine without zones has those that are built in
	"unicode/utf8"
)

// Limits of what a calendar may consist of.
const (
	MaxHours      = 12   // ranges a day
	MaxHolidays   = 366  // holidays that come back every year
	MaxExceptions = 1000 // exceptions
	MaxName       = 200  // characters of the name of a holiday or exception
)

// Spec is a working calendar as people give and store it.
type Spec struct {
	// Zone is the IANA name of the zone whose clocks the hours are read from.
	Zone string `json:"zone"`
	// Week are the ranges of each day of the week by time.Weekday: 0 is Sunday. A day without ranges is free.
	Week [7][]Hours `json:"week"`
	// Holidays are free days that come back every year.
	Holidays []Holiday `json:"holidays,omitempty"`
	// Exceptions replace the week and the holidays on their days. Of several on one day, the last in the list counts.
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// Hours is a range of times of day, both as 15:04. End is after Start, or on the next day when it is not: 22:00 to 06:00.
// As an end, 24:00 and 00:00 are both the midnight at which the day ends.
type Hours struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// Holiday is a free day that comes back every year; one on 29 February comes in leap years.
type Holiday struct {
	Name  string     `json:"name,omitempty"`
	Month time.Month `json:"month"`
	Day   int        `json:"day"`
}

// Exception says what holds on the days from First to Last, both included, as 2006-01-02: its own hours on each of the
// days, or none.
type Exception struct {
	Name  string  `json:"name,omitempty"`
	First string  `json:"first"`
	Last  string  `json:"last"`
	Hours []Hours `json:"hours,omitempty"`
}

// Calendar is a checked working calendar. It never changes and is safe for concurrent use.
type Calendar struct {
	zone     *time.Location
	base     *week
	closed   *week // of holidays
	holidays []int // month*32 + day, in order
	periods  []period
	spills   bool // some range passes midnight
	works    bool // there is working time at all
}

// period is a run of days on which an exception holds. Periods are in order and do not overlap.
type period struct {
	first, last Date
	week        *week
}

// span is a range in nanoseconds since the midnight with which its day begins.
type span struct {
	start, end int64
}

// week is what holds on each day of the week, and sums over it.
type week struct {
	own    [7][]span // ranges that begin on the day, in order; the end may lie on the next day
	day    [7][]span // time worked between the midnights, with what comes from the day before by the same week
	before [8]int64  // nanoseconds worked from Sunday up to the day
	spills bool
}

// New checks a calendar. All problems are found at once, with paths from the Spec's own names; a calendar comes only
// without problems. One without any working time is allowed: somebody may be away for good.
func New(s Spec) (*Calendar, []Problem) {
	var p problems
	c := &Calendar{closed: newWeek([7][]span{})}
	c.zone = checkZone(&p, []any{"zone"}, s.Zone)

	var own [7][]span
	for d, hours := range s.Week {
		own[d] = checkHours(&p, []any{"week", d}, hours)
	}
	checkNights(&p, own)
	c.base = newWeek(own)

	if len(s.Holidays) > MaxHolidays {
		p.add([]any{"holidays"}, codeTooLong, "There are more than %d holidays.", MaxHolidays)
		s.Holidays = nil
	}
	for i, h := range s.Holidays {
		path := []any{"holidays", i}
		checkName(&p, at(path, "name"), h.Name)
		if h.Month < time.January || h.Month > time.December {
			p.add(at(path, "month"), codeRange, "A month is a number from 1 to 12.")
			continue
		}
		if h.Day < 1 || h.Day > monthDays(2000, h.Month) {
			p.add(at(path, "day"), codeRange, "The month does not have this day.")
			continue
		}
		c.holidays = append(c.holidays, int(h.Month)*32+h.Day)
	}
	slices.Sort(c.holidays)
	c.holidays = slices.Compact(c.holidays)

	if len(s.Exceptions) > MaxExceptions {
		p.add([]any{"exceptions"}, codeTooLong, "There are more than %d exceptions.", MaxExceptions)
		s.Exceptions = nil
	}
	for i, e := range s.Exceptions {
		c.except(&p, []any{"exceptions", i}, e)
	}
	if len(p.list) > 0 {
		return nil, p.list
	}
	c.spills, c.works = c.base.spills, c.base.total() > 0
	for _, x := range c.periods {
		c.spills = c.spills || x.week.spills
		c.works = c.works || x.week.total() > 0
	}
	return c, nil
}

// Zone returns the zone of the calendar.
func (c *Calendar) Zone() *time.Location { return c.zone }

func checkZone(p *problems, path []any, name string) *time.Location {
	if name == "" {
		p.add(path, codeRequired, "A time zone is needed.")
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		p.add(path, codeUnknown, "This is not an IANA time zone.")
		return nil
	}
	return zone
}

func checkName(p *problems, path []any, name string) {
	if utf8.RuneCountInString(name) > MaxName {
		p.add(path, codeTooLong, "The name is longer than %d characters.", MaxName)
	}
}

// checkHours returns the ranges of a day in order.
func checkHours(p *problems, path []any, hours []Hours) []span {
	if len(hours) > MaxHours {
		p.add(path, codeTooLong, "A day has more than %d ranges.", MaxHours)
		return nil
	}
	type placed struct {
		span
		place int
	}
	var list []placed
	for i, h := range hours {
		start, ok := parseTime(h.Start)
		if !ok || start == day {
			p.add(at(path, i, "start"), codeFormat, "This is not a time of day from 00:00 to 23:59.")
		}
		end, valid := parseTime(h.End)
		if !valid {
			p.add(at(path, i, "end"), codeFormat, "This is not a time of day from 00:00 to 24:00.")
		}
		if !ok || start == day || !valid {
			continue
		}
		if end == start {
			p.add(at(path, i, "end"), codeRange, "The range is empty: it ends when it begins.")
			continue
		}
		if end < start {
			end += day
		}
		list = append(list, placed{span{start, end}, i})
	}
	slices.SortStableFunc(list, func(a, b placed) int { return cmp.Compare(a.start, b.start) })
	var out []span
	for i, x := range list {
		if i > 0 && x.start < list[i-1].end {
			p.add(at(path, x.place), codeRange, "The range overlaps with another one.")
		}
		out = append(out, x.span)
	}
	return out
}

// checkNights finds ranges that pass midnight into hours of the next day.
func checkNights(p *problems, own [7][]span) {
	for d := range own {
		next := (d + 1) % 7
		if len(own[d]) == 0 || len(own[next]) == 0 {
			continue
		}
		if own[d][len(own[d])-1].end-day > own[next][0].start {
			p.add([]any{"week", d}, codeRange, "The last range passes midnight and overlaps with the first one of the next day.")
		}
	}
}

// parseTime reads 15:04 into nanoseconds since midnight, up to 24:00.
func parseTime(s string) (int64, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	for _, i := range []int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	hour, minute := int64(s[0]-'0')*10+int64(s[1]-'0'), int64(s[3]-'0')*10+int64(s[4]-'0')
	t := (hour*60 + minute) * int64(time.Minute)
	return t, minute < 60 && t <= day
}

// except puts an exception over what holds so far.
func (c *Calendar) except(p *problems, path []any, e Exception) {
	known := len(p.list)
	checkName(p, at(path, "name"), e.Name)
	first, ok := ParseDate(e.First)
	if !ok {
		p.add(at(path, "first"), codeFormat, "This is not a day in the form 2006-01-02.")
	}
	last, valid := ParseDate(e.Last)
	if !valid {
		p.add(at(path, "last"), codeFormat, "This is not a day in the form 2006-01-02.")
	}
	if ok && valid && last < first {
		p.add(at(path, "last"), codeRange, "The last day is before the first.")
	}
	spans := checkHours(p, at(path, "hours"), e.Hours)
	if len(p.list) > known {
		return
	}
	var out []period
	for _, x := range c.periods {
		if x.first < first {
			out = append(out, period{x.first, min(x.last, first-1), x.week})
		}
	}
	out = append(out, period{first, last, newWeek([7][]span{spans, spans, spans, spans, spans, spans, spans})})
	for _, x := range c.periods {
		if x.last > last {
			out = append(out, period{max(x.first, last+1), x.last, x.week})
		}
	}
	c.periods = out
}

func newWeek(own [7][]span) *week {
	w := &week{own: own}
	for d := range own {
		w.day[d] = worked(own[(d+6)%7], own[d])
		w.spills = w.spills || len(own[d]) > 0 && own[d][len(own[d])-1].end > day
	}
	w.sum()
	return w
}

func (w *week) sum() {
	for d, spans := range w.day {
		w.before[d+1] = w.before[d]
		for _, s := range spans {
			w.before[d+1] += s.end - s.start
		}
	}
}

// total returns what is worked in a week.
func (w *week) total() int64 { return w.before[7] }

// worked returns the time worked on a day: what comes over midnight from the ranges of the day before, and its own ranges
// up to midnight, joined where they meet.
func worked(yesterday, today []span) []span {
	var all, out []span
	for _, s := range yesterday {
		if s.end > day {
			all = append(all, span{0, s.end - day})
		}
	}
	for _, s := range today {
		all = append(all, span{s.start, min(s.end, day)})
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	for _, s := range all {
		if last := len(out) - 1; last >= 0 && s.start <= out[last].end {
			out[last].end = max(out[last].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// source returns the week that holds on a day, and days around it on which the same one holds, not always all of them.
func (c *Calendar) source(d Date) period {
	found := period{firstDate - 400, endDate + 400, c.base}
	i := sort.Search(len(c.periods), func(i int) bool { return c.periods[i].last >= d })
	if i < len(c.periods) {
		if c.periods[i].first <= d {
			return c.periods[i]
		}
		found.last = c.periods[i].first - 1
	}
	if i > 0 {
		found.first = c.periods[i-1].last + 1
	}
	if len(c.holidays) == 0 {
		return found
	}
	year, month, dayOfMonth := d.Civil()
	j, holiday := slices.BinarySearch(c.holidays, int(month)*32+dayOfMonth)
	if holiday {
		return period{d, d, c.closed}
	}
	yearly := func(year, key int) Date { return DateOf(year, time.Month(key/32), key%32) }
	if j < len(c.holidays) {
		found.last = min(found.last, yearly(year, c.holidays[j])-1)
	} else {
		found.last = min(found.last, yearly(year+1, c.holidays[0])-1)
	}
	if j > 0 {
		// 29 February of a common year is counted as 1 March, which may be this day.
		found.first = max(found.first, min(d, yearly(year, c.holidays[j-1])+1))
	} else {
		found.first = max(found.first, yearly(year-1, c.holidays[len(c.holidays)-1])+1)
	}
	return found
}

// run is source with nights: the day field of the week it returns is right for all of its days.
func (c *Calendar) run(d Date) period {
	found := c.source(d)
	if !c.spills {
		return found
	}
	if d > found.first {
		found.first++ // the night before the first day may be by another week
		return found
	}
	before := c.source(d - 1)
	if !found.week.spills && !before.week.spills {
		return found
	}
	w, weekday := &week{}, d.Weekday()
	w.day[weekday] = worked(before.week.own[(weekday+6)%7], found.week.own[weekday])
	w.sum()
	return period{d, d, w}
}

func monthDays(year int, month time.Month) int {
	return int(DateOf(year, month+1, 1) - DateOf(year, month, 1))
}
