package calendar

import (
	"iter"
	"slices"
	"time"
)

// Limits of series.
const (
	MaxDates       = 1000   // exclusions, and additions
	MaxOccurrences = 10_000 // in one answer
)

// Series is something that happens again and again by the clocks of a zone.
type Series struct {
	// Start is the first occurrence by the rule, whether or not the rule selects it, and counts as one for COUNT.
	Start Local
	Zone  *time.Location
	// AllDay says that occurrences are whole days: all wall times are midnights.
	AllDay bool
	// Rule says when it happens again; without one there are the start and the additions.
	Rule *Rule
	// Exclude are occurrences that do not take place, or have values of their own elsewhere (EXDATE). COUNT counts them.
	Exclude []Local
	// Add are further occurrences (RDATE). COUNT does not count them.
	Add []Local
}

// Occurrence is one time at which a series happens.
type Occurrence struct {
	// Local is the wall time by the rule, which identifies the occurrence (RECURRENCE-ID).
	Local Local
	// Start is when that is, in the zone of the series.
	Start time.Time
}

// Check finds everything that is wrong with the series.
func (s Series) Check() []Problem {
	var p problems
	if s.Zone == nil {
		p.add([]any{"zone"}, codeRequired, "A time zone is needed.")
	}
	s.checkLocal(&p, []any{"start"}, s.Start)
	for _, list := range []struct {
		name  string
		times []Local
	}{{"exclude", s.Exclude}, {"add", s.Add}} {
		if len(list.times) > MaxDates {
			p.add([]any{list.name}, codeTooLong, "There are more than %d dates.", MaxDates)
			continue
		}
		for i, l := range list.times {
			s.checkLocal(&p, []any{list.name, i}, l)
		}
	}
	if s.Rule == nil {
		return p.list
	}
	if s.AllDay && len(s.Rule.ByHour)+len(s.Rule.ByMinute)+len(s.Rule.BySecond) > 0 {
		p.add([]any{"rule"}, codeRange, "The rule has times of day, but the series is one of whole days.")
	}
	if s.Zone != nil && s.ended(s.Start) {
		p.add([]any{"rule"}, codeRange, "The rule ends before the series starts.")
	}
	return p.list
}

func (s Series) checkLocal(p *problems, path []any, l Local) {
	if d := l.Date(); d < firstDate || d >= endDate {
		p.add(path, codeRange, "The time is not in the years 1900 to 2189.")
		return
	}
	if s.AllDay && floorMod(int64(l), daySeconds) != 0 {
		p.add(path, codeRange, "A series of whole days has no times of day.")
	}
}

// ended reports whether a wall time is past UNTIL.
func (s Series) ended(l Local) bool {
	u := s.Rule.Until
	switch {
	case u.Kind == UntilDate || u.Kind == UntilLocal && s.AllDay:
		return l.Date() > u.Time.Date()
	case u.Kind == UntilLocal:
		return l > u.Time
	case u.Kind == UntilUTC && l > u.Time+maxShift:
		return true
	case u.Kind == UntilUTC && l > u.Time-maxShift:
		return l.In(s.Zone).After(u.instant())
	}
	return false
}

// byRule returns the occurrences from a wall time on that the start and the rule give, in order of wall time, with those
// that are excluded.
func (s Series) byRule(from Local) iter.Seq[Local] {
	return func(yield func(Local) bool) {
		if s.Start >= from && !yield(s.Start) || s.Rule == nil {
			return
		}
		first, counted := from.Date(), 1
		if s.Rule.Count > 0 {
			first = s.Start.Date()
		}
		for l := range expand(*s.Rule, s.Start).from(first) {
			if l == s.Start {
				continue
			}
			if counted++; s.Rule.Count > 0 && counted > s.Rule.Count {
				return
			}
			if s.ended(l) {
				if s.Rule.Until.Kind != UntilUTC || l > s.Rule.Until.Time+maxShift {
					return
				}
				continue // a later wall time may be an earlier instant, where this one is skipped
			}
			if l >= from && !yield(l) {
				return
			}
		}
	}
}

// Between returns the occurrences that start from one instant up to another, in order, at most limit of them, and whether
// there are more. Of several at one instant, which happens where clocks skip the time of one of them, the one with the
// earliest wall time stays. It returns ErrRange for instants before the year 1900 or after 2189 and for limits that are
// not 1 to MaxOccurrences.
func (s Series) Between(from, to time.Time, limit int) (list []Occurrence, more bool, err error) {
	if _, ok := nanos(from); !ok || limit < 1 || limit > MaxOccurrences {
		return nil, false, ErrRange
	}
	if _, ok := nanos(to); !ok {
		return nil, false, ErrRange
	}
	excluded := s.excluded()
	found := map[int64]int{} // by instant
	var enough Local         // wall time from which on all are later than the limit
	take := func(l Local) {
		t := l.In(s.Zone)
		if excluded[l] || t.Before(from) || !t.Before(to) {
			return
		}
		if i, ok := found[t.Unix()]; ok {
			list[i].Local = min(list[i].Local, l)
			return
		}
		found[t.Unix()] = len(list)
		list = append(list, Occurrence{Local: l, Start: t})
	}
	earliest, latest := LocalOf(from.In(s.Zone))-maxShift, LocalOf(to.In(s.Zone))+maxShift
	taken := 0
	for l := range s.byRule(earliest) {
		if l > latest || taken > limit && l > enough {
			break
		}
		take(l)
		if taken <= limit && len(list) > limit {
			enough = l + maxShift
		}
		taken = len(list)
	}
	for _, l := range s.Add {
		take(l)
	}
	slices.SortFunc(list, func(a, b Occurrence) int { return a.Start.Compare(b.Start) })
	if len(list) > limit {
		return list[:limit:limit], true, nil
	}
	return list, false, nil
}

// Next returns the first occurrence that starts at t or later, false when there is none.
func (s Series) Next(t time.Time) (Occurrence, bool) {
	list, _, err := s.Between(t, lastInstant(), 1)
	if err != nil || len(list) == 0 {
		return Occurrence{}, false
	}
	return list[0], true
}

func lastInstant() time.Time { return time.Unix(int64(endDate)*daySeconds-1, 0).UTC() }

// Last returns the last occurrence, false when the series has no end or no occurrence is left of it.
func (s Series) Last() (Occurrence, bool) {
	if s.Rule != nil && s.Rule.Count == 0 && s.Rule.Until.Kind == NoUntil {
		return Occurrence{}, false
	}
	excluded := s.excluded()
	var candidates []Local
	for _, l := range s.Add {
		if !excluded[l] {
			candidates = append(candidates, l)
		}
	}
	latest, found := s.Start, false
	for l := range s.byRule(s.Start) {
		if !excluded[l] {
			latest, found = l, true
		}
	}
	if found {
		for l := range s.byRule(latest - maxShift) {
			if !excluded[l] {
				candidates = append(candidates, l)
			}
		}
	}
	slices.Sort(candidates)
	var last Occurrence
	for i, l := range candidates {
		if t := l.In(s.Zone); i == 0 || t.After(last.Start) {
			last = Occurrence{Local: l, Start: t}
		}
	}
	return last, len(candidates) > 0
}

func (s Series) excluded() map[Local]bool {
	excluded := make(map[Local]bool, len(s.Exclude))
	for _, l := range s.Exclude {
		excluded[l] = true
	}
	return excluded
}
