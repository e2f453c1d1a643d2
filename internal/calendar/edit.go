package calendar

import "slices"

// Includes reports whether an occurrence has this wall time.
func (s Series) Includes(l Local) bool {
	if slices.Contains(s.Exclude, l) {
		return false
	}
	return slices.Contains(s.Add, l) || s.given(l)
}

// given reports whether the start or the rule give a wall time.
func (s Series) given(l Local) bool {
	for x := range s.byRule(l) {
		return x == l
	}
	return false
}

// Without returns the series less one occurrence: "only this one". What the occurrence becomes instead is the caller's,
// under the wall time it had. It returns ErrNoOccurrence when there is none.
func (s Series) Without(l Local) (Series, error) {
	if !s.Includes(l) {
		return Series{}, ErrNoOccurrence
	}
	s.Exclude = append(slices.Clone(s.Exclude), l)
	slices.Sort(s.Exclude)
	return s, nil
}

// Split divides the series at an occurrence: "this and the following ones". The first part has the occurrences with earlier
// wall times, the second part the rest, and both together exactly those of the series; what was excluded stays so. COUNT is
// shared out, and UNTIL of the first part is just before the occurrence.
//
// It returns ErrNoOccurrence when there is no such occurrence, and ErrFirst when no occurrence is earlier.
func (s Series) Split(l Local) (before, after Series, err error) {
	if !s.Includes(l) {
		return Series{}, Series{}, ErrNoOccurrence
	}
	excluded, visible := s.excluded(), false
	earlier := 0                  // given occurrences before l
	next, more := Local(0), false // the first one that is not
	for x := range s.byRule(s.Start) {
		if x >= l {
			next, more = x, true
			break
		}
		earlier++
		visible = visible || !excluded[x]
	}
	before, after = s, s
	before.Exclude, after.Exclude = divide(s.Exclude, l)
	before.Add, after.Add = divide(s.Add, l)
	for _, x := range before.Add {
		visible = visible || !excluded[x]
	}
	if !visible {
		return Series{}, Series{}, ErrFirst
	}
	switch {
	case earlier == 0:
		before = before.onlyAdded()
	case more: // else the rule is at its end before l
		r := *s.Rule
		switch {
		case r.Count > 0:
			r.Count = earlier
		case s.AllDay:
			r.Until = Until{UntilDate, l - daySeconds}
		default:
			r.Until = Until{UntilLocal, l - 1}
		}
		before.Rule = &r
		before.Exclude = append(before.Exclude, before.strays(s, l)...)
	}
	switch {
	case !more:
		after = after.onlyAdded()
	case s.Rule != nil:
		r := *s.Rule
		if r.Count > 0 {
			r.Count -= earlier
		}
		after.Start, after.Rule = next, &r
	}
	return before, after, nil
}

// strays returns what the first part of a series would have too much: where clocks skip a time that the rule gives just before
// its end at an instant, a wall time before l may be a later instant than l and after that end.
func (s Series) strays(whole Series, l Local) []Local {
	if whole.Rule.Until.Kind != UntilUTC {
		return nil
	}
	var out []Local
	for x := range s.byRule(l - 2*maxShift) {
		if !whole.given(x) {
			out = append(out, x)
		}
	}
	return out
}

// divide returns the times before l and the rest, in order.
func divide(times []Local, l Local) (before, rest []Local) {
	sorted := slices.Clone(times)
	slices.Sort(sorted)
	i, _ := slices.BinarySearch(sorted, l)
	return sorted[:i:i], sorted[i:]
}

// onlyAdded returns a series of the additions, of which there are some, in order.
func (s Series) onlyAdded() Series {
	s.Start, s.Add, s.Rule = s.Add[0], s.Add[1:], nil
	return s
}

// Move returns the series with another start, and every occurrence, addition, exclusion and the end moved by as much on the
// wall clock: "all of them". It returns ErrRuleNeeded when the rule names what would move (its times of day, or its days
// when the date changes) or counts in months or years and the date changes; then Replace does it.
func (s Series) Move(start Local) (Series, error) {
	shift := start - s.Start
	days := Local(start.Date()-s.Start.Date()) * daySeconds
	if s.Rule != nil {
		r := *s.Rule
		if shift != days && len(r.ByHour)+len(r.ByMinute)+len(r.BySecond) > 0 {
			return Series{}, ErrRuleNeeded
		}
		if days != 0 && (r.selects() || r.Freq == Monthly || r.Freq == Yearly) {
			return Series{}, ErrRuleNeeded
		}
		switch r.Until.Kind {
		case UntilDate:
			r.Until.Time += days
		case UntilLocal:
			r.Until.Time += shift
		case UntilUTC:
			r.Until = Until{UntilLocal, LocalOf(r.Until.instant().In(s.Zone)) + shift}
		}
		s.Rule = &r
	}
	s.Start = start
	s.Exclude, s.Add = moved(s.Exclude, shift), moved(s.Add, shift)
	return s, nil
}

func moved(times []Local, by Local) []Local {
	out := slices.Clone(times)
	for i := range out {
		out[i] += by
	}
	return out
}

// Replace returns the series with another start and rule: "all of them", by a new rule. Exclusions stay where the new series
// has the occurrence too, additions stay.
func (s Series) Replace(start Local, rule *Rule) Series {
	excluded := slices.Clone(s.Exclude)
	slices.Sort(excluded)
	s.Start, s.Rule, s.Exclude = start, rule, nil
	if len(excluded) == 0 {
		return s
	}
	given := map[Local]bool{}
	for _, l := range s.Add {
		given[l] = true
	}
	for l := range s.byRule(excluded[0]) {
		if l > excluded[len(excluded)-1] {
			break
		}
		given[l] = true
	}
	for _, l := range excluded {
		if given[l] {
			s.Exclude = append(s.Exclude, l)
		}
	}
	return s
}
