package calendar

import "time"

// Limits of what a search for free slots may ask for.
const (
	MaxPeople = 100
	MaxSlots  = 10_000
	MaxBusy   = 10_000 // intervals a person
)

// Person is somebody whose time is asked for.
type Person struct {
	Calendar *Calendar
	Busy     []Interval // in any order, they may overlap
}

// Search says which slots are looked for.
type Search struct {
	// From and To bound the slots: none begins before From or ends after To. They are at most MaxPeriod apart.
	From, To time.Time
	// Duration is how long a slot is, as real elapsed time.
	Duration time.Duration
	// Granularity is what slots begin at: multiples of it since midnight on the clocks of Zone. Whole minutes that divide
	// a day: 15 minutes, say.
	Granularity time.Duration
	Zone        *time.Location
	// Limit is the most slots returned, the earliest ones: 1 to MaxSlots.
	Limit int
	// People are who must all have time, 1 to MaxPeople.
	People []Person
}

// Check finds everything that is wrong with the search.
func (s Search) Check() []Problem {
	var p problems
	_, ok := nanos(s.From)
	if !ok {
		p.add([]any{"from"}, codeRange, "The instant is not in the years 1900 to 2189.")
	}
	_, valid := nanos(s.To)
	if !valid {
		p.add([]any{"to"}, codeRange, "The instant is not in the years 1900 to 2189.")
	}
	if ok && valid && (s.To.Before(s.From) || s.To.Sub(s.From) > MaxPeriod) {
		p.add([]any{"to"}, codeRange, "The end is before the start or more than %d days after it.", int(MaxPeriod.Hours()/24))
	}
	if s.Duration <= 0 || s.Duration > MaxPeriod {
		p.add([]any{"duration"}, codeRange, "The duration is not positive or longer than %d days.", int(MaxPeriod.Hours()/24))
	}
	if s.Granularity < time.Minute || s.Granularity%time.Minute != 0 || time.Duration(day)%s.Granularity != 0 {
		p.add([]any{"granularity"}, codeRange, "Slots begin every so many whole minutes as divide a day.")
	}
	if s.Zone == nil {
		p.add([]any{"zone"}, codeRequired, "A time zone is needed.")
	}
	if s.Limit < 1 || s.Limit > MaxSlots {
		p.add([]any{"limit"}, codeRange, "The limit is a number from 1 to %d.", MaxSlots)
	}
	if len(s.People) < 1 || len(s.People) > MaxPeople {
		p.add([]any{"people"}, codeRange, "Slots are searched for 1 to %d people.", MaxPeople)
	}
	for i, person := range s.People {
		if person.Calendar == nil {
			p.add([]any{"people", i, "calendar"}, codeRequired, "A working calendar is needed.")
		}
		if len(person.Busy) > MaxBusy {
			p.add([]any{"people", i, "busy"}, codeTooLong, "There are more than %d busy times.", MaxBusy)
		}
	}
	return p.list
}

// FreeTime returns the time in which everybody is within working hours and nobody is busy, as the fewest intervals, in
// order.
func (s Search) FreeTime() ([]Interval, []Problem) {
	if p := s.Check(); len(p) > 0 {
		return nil, p
	}
	free := []Interval{{Start: s.From, End: s.To}}
	for _, person := range s.People {
		working, err := person.Calendar.WorkingIntervals(s.From, s.To)
		if err != nil {
			return nil, []Problem{{Path: []any{"from"}, Code: codeRange, Message: "The instant is not in the years 1900 to 2189."}}
		}
		if free = Intersect(free, Subtract(working, person.Busy)); len(free) == 0 {
			break
		}
	}
	for i := range free {
		free[i] = Interval{Start: free[i].Start.In(s.Zone), End: free[i].End.In(s.Zone)}
	}
	return free, nil
}

// FreeSlots returns the first slots, as many as the limit says, that lie whole in the free time of everybody. One begins
// at each multiple of the granularity, so slots longer than that overlap: any one of them can be taken.
func (s Search) FreeSlots() ([]Interval, []Problem) {
	free, p := s.FreeTime()
	if len(p) > 0 {
		return nil, p
	}
	var out []Interval
	for _, f := range free {
		for start := s.align(f.Start); ; start = s.align(start.Add(1)) {
			end := start.Add(s.Duration)
			if end.After(f.End) {
				break
			}
			out = append(out, Interval{Start: start, End: end})
			if len(out) == s.Limit {
				return out, nil
			}
		}
	}
	return out, nil
}

// align returns the first instant not before t at which the clocks of the zone show a multiple of the granularity. Where
// they are set in between, it begins anew with what they show then.
func (s Search) align(t time.Time) time.Time {
	n := t.UnixNano()
	for {
		x := stretchAt(s.Zone, floorDiv(n, second))
		g, offset := int64(s.Granularity), x.offset*second
		start := -floorDiv(-(n+offset), g)*g - offset
		if end := farthest(x.end); start >= end {
			n = end
			continue
		}
		return time.Unix(0, start).In(s.Zone)
	}
}
