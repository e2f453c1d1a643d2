package calendar

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// weekdayNames are the names of the days of the week, from Sunday.
var weekdayNames = [7]string{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}

// ReadSpec reads a working calendar as records keep it: the name of its zone, and three JSON lists of objects, "" for none, of the
// hours of the week {weekday, start, end}, of holidays {name, month, day} and of exceptions {name, first, last, hours}, where
// hours are texts as "09:00-12:30". places says of each range of the week at which place of the list of hours it stands.
func ReadSpec(zone, hours, holidays, exceptions string) (s Spec, places [7][]int, err error) {
	s.Zone = zone
	var week []struct{ Weekday, Start, End string }
	if err := readList(hours, &week); err != nil {
		return s, places, err
	}
	for i, h := range week {
		if day := slices.Index(weekdayNames[:], h.Weekday); day >= 0 {
			s.Week[day] = append(s.Week[day], Hours{h.Start, h.End})
			places[day] = append(places[day], i)
		}
	}
	if err := readList(holidays, &s.Holidays); err != nil {
		return s, places, err
	}
	var days []struct {
		Name, First, Last string
		Hours             []string
	}
	if err := readList(exceptions, &days); err != nil {
		return s, places, err
	}
	for _, d := range days {
		e := Exception{Name: d.Name, First: d.First, Last: d.Last}
		if e.Last == "" {
			e.Last = e.First
		}
		for _, h := range d.Hours {
			start, end, _ := strings.Cut(h, "-")
			e.Hours = append(e.Hours, Hours{strings.TrimSpace(start), strings.TrimSpace(end)})
		}
		s.Exceptions = append(s.Exceptions, e)
	}
	return s, places, nil
}

func readList(stored string, into any) error {
	if stored == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(stored), into); err != nil {
		return fmt.Errorf("read a working calendar: %w", err)
	}
	return nil
}

// ReadSeries reads a series as records keep it: the rule, the name of the zone, the first time and the times that are left out, as
// 20060102T150405.
func ReadSeries(rule, zone, first string, exclude []string) (Series, []Problem) {
	var p problems
	var s Series
	if s.Zone = checkZone(&p, []any{"timeZone"}, zone); s.Zone == nil {
		s.Zone = time.UTC
	}
	r, found := ParseRule(rule)
	for _, x := range found {
		p.list = append(p.list, Problem{append([]any{"rule"}, x.Path...), x.Code, x.Message, x.Args})
	}
	s.Rule = &r
	var ok bool
	if s.Start, ok = ParseLocal(first); !ok {
		p.add([]any{"first"}, codeFormat, "The time is not written as 20060102T150405.")
	}
	for i, text := range exclude {
		l, ok := ParseLocal(text)
		if !ok {
			p.add([]any{"exclusions", i}, codeFormat, "The time is not written as 20060102T150405.")
			continue
		}
		s.Exclude = append(s.Exclude, l)
	}
	if len(p.list) > 0 {
		return Series{}, p.list
	}
	for _, x := range s.Check() {
		path := x.Path
		if len(path) > 0 && path[0] == "start" {
			path = append([]any{"first"}, path[1:]...)
		}
		p.list = append(p.list, Problem{path, x.Code, x.Message, x.Args})
	}
	return s, p.list
}

// Usual is the calendar of whom none is known for: Monday to Friday, 09:00 to 17:00 in a zone, or else in UTC.
func Usual(zone string) *Calendar {
	s := Spec{Zone: zone}
	for day := time.Monday; day <= time.Friday; day++ {
		s.Week[day] = []Hours{{"09:00", "17:00"}}
	}
	c, problems := New(s)
	if len(problems) > 0 {
		s.Zone = "UTC"
		c, _ = New(s) // it is good: only the zone was not
	}
	return c
}
