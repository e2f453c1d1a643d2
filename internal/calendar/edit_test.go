package calendar_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"farley/internal/calendar"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawSeries draws a series with an end, exclusions and additions, in which something happens.
func drawSeries(t *rapid.T) (calendar.Series, []calendar.Local) {
	name := rapid.SampledFrom(zones).Draw(t, "zone")
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	text := drawRule(t, false)
	r, problems := calendar.ParseRule(text)
	if len(problems) > 0 {
		t.Fatalf("%s: %+v", text, problems)
	}
	start := drawInstant(t, name).Truncate(time.Minute)
	s := calendar.Series{Start: calendar.LocalOf(start.In(zone)), Zone: zone, Rule: &r}
	list := all(t, s, 30)
	end := rapid.SampledFrom(list).Draw(t, "end")
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		r.Count = rapid.IntRange(1, 30).Draw(t, "count")
	case 1:
		r.Until = calendar.Until{Kind: calendar.UntilDate, Time: calendar.LocalAt(end.Local.Date(), 0, 0, 0)}
	case 2:
		r.Until = calendar.Until{Kind: calendar.UntilLocal, Time: end.Local}
	case 3:
		r.Until = calendar.Until{Kind: calendar.UntilUTC, Time: calendar.LocalOf(end.Start.UTC())}
	}
	if len(s.Check()) > 0 { // the earliest instant is not that of the start
		r.Until = calendar.Until{}
		r.Count = 7
	}
	for range rapid.IntRange(0, 3).Draw(t, "exclusions") {
		s.Exclude = append(s.Exclude, rapid.SampledFrom(list).Draw(t, "exclude").Local)
	}
	for range rapid.IntRange(0, 3).Draw(t, "additions") {
		s.Add = append(s.Add, rapid.SampledFrom(list).Draw(t, "add").Local+calendar.Local(rapid.IntRange(-3, 30).Draw(t, "off")*3600))
	}
	return s, includes(t, s)
}

// includes returns the wall times of all occurrences, with those that share an instant.
func includes(t *rapid.T, s calendar.Series) []calendar.Local {
	if problems := s.Check(); len(problems) > 0 {
		t.Fatalf("%+v: %+v", s, problems)
	}
	bare := s
	bare.Add, bare.Exclude, bare.Zone = nil, nil, time.UTC
	if s.Rule != nil && s.Rule.Until.Kind == calendar.UntilUTC { // as it counts by the zone
		bare.Zone = s.Zone
	}
	var out []calendar.Local
	for _, l := range append(locals(all(t, bare, calendar.MaxOccurrences)), s.Add...) {
		if s.Includes(l) {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestSplit_losesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, list := drawSeries(t)
		if len(list) == 0 {
			return
		}
		saved := fmt.Sprintf("%+v %v", s, s.Rule)
		i := rapid.IntRange(0, len(list)-1).Draw(t, "at")
		before, after, err := s.Split(list[i])
		if i == 0 {
			if !errors.Is(err, calendar.ErrFirst) {
				t.Fatalf("split at the first: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(list[:i], includes(t, before)); diff != "" {
			t.Fatalf("%s at %v: before %+v %v (-want +got):\n%s", saved, list[i], before, before.Rule, diff)
		}
		if diff := cmp.Diff(list[i:], includes(t, after)); diff != "" {
			t.Fatalf("%s at %v: after %+v %v (-want +got):\n%s", saved, list[i], after, after.Rule, diff)
		}
		if fmt.Sprintf("%+v %v", s, s.Rule) != saved {
			t.Fatal("the series itself changed")
		}
		if s.Rule.Count > 0 && before.Rule != nil && after.Rule != nil && before.Rule.Count+after.Rule.Count != s.Rule.Count {
			t.Fatalf("%d and %d are not %d", before.Rule.Count, after.Rule.Count, s.Rule.Count)
		}
	})
}

func TestWithout_takesOneAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, list := drawSeries(t)
		if len(list) == 0 {
			return
		}
		i := rapid.IntRange(0, len(list)-1).Draw(t, "at")
		less, err := s.Without(list[i])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slices.Delete(slices.Clone(list), i, i+1), includes(t, less), cmp.Comparer(func(a, b []calendar.Local) bool { return slices.Equal(a, b) })); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if _, err := less.Without(list[i]); !errors.Is(err, calendar.ErrNoOccurrence) {
			t.Fatalf("taken away twice: %v", err)
		}
		if _, _, err := less.Split(list[i]); !errors.Is(err, calendar.ErrNoOccurrence) {
			t.Fatalf("split where nothing is: %v", err)
		}
	})
}

func TestMove_movesAllByAsMuch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, list := drawSeries(t)
		if s.Rule.Until.Kind == calendar.UntilUTC {
			s.Rule.Until = calendar.Until{Kind: calendar.UntilLocal, Time: s.Rule.Until.Time + 26*3600}
			list = includes(t, s)
		}
		shift := calendar.Local(rapid.IntRange(-4000, 4000).Draw(t, "minutes") * 60)
		if rapid.Bool().Draw(t, "days") {
			shift = shift / 86400 * 86400
		}
		moved, err := s.Move(s.Start + shift)
		if err != nil {
			if !errors.Is(err, calendar.ErrRuleNeeded) {
				t.Fatal(err)
			}
			return
		}
		for i := range list {
			list[i] += shift
		}
		if diff := cmp.Diff(list, includes(t, moved)); diff != "" {
			t.Fatalf("%v %v by %v: %v (-want +got):\n%s", s, s.Rule, shift, moved.Rule, diff)
		}
	})
}

func TestMove(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		rule, start, want string
		err               error
	}{
		{"FREQ=WEEKLY;UNTIL=20260202T080000Z", "20260106T100000", "FREQ=WEEKLY;UNTIL=20260203T100000", nil},
		{"FREQ=WEEKLY;UNTIL=20260202", "20260106T100000", "FREQ=WEEKLY;UNTIL=20260203", nil},
		{"FREQ=WEEKLY;BYDAY=MO", "20260105T100000", "FREQ=WEEKLY;BYDAY=MO", nil},
		{"FREQ=WEEKLY;BYDAY=MO", "20260106T090000", "", calendar.ErrRuleNeeded},
		{"FREQ=MONTHLY", "20260105T100000", "FREQ=MONTHLY", nil},
		{"FREQ=MONTHLY", "20260106T090000", "", calendar.ErrRuleNeeded},
		{"FREQ=DAILY;BYHOUR=9", "20260105T100000", "", calendar.ErrRuleNeeded},
		{"FREQ=DAILY;BYHOUR=9", "20260106T090000", "FREQ=DAILY;BYHOUR=9", nil},
	} {
		s := series(t, "Europe/Berlin", "20260105T090000", x.rule)
		got, err := s.Move(mustLocal(t, x.start))
		if !errors.Is(err, x.err) || err == nil && got.Rule.String() != x.want {
			t.Errorf("%s to %s: %v, %v, want %s, %v", x.rule, x.start, got.Rule, err, x.want, x.err)
		}
	}
	single := calendar.Series{Start: mustLocal(t, "20260105T090000"), Zone: time.UTC}
	if got, err := single.Move(mustLocal(t, "20270105T090000")); err != nil || got.Start.String() != "20270105T090000" || got.Rule != nil {
		t.Errorf("a single one: %v, %v", got, err)
	}
}

func TestReplace_keepsExclusionsThatStillMatter(t *testing.T) {
	t.Parallel()
	s := series(t, "Europe/Berlin", "20260105T090000", "FREQ=DAILY")
	s.Add = []calendar.Local{mustLocal(t, "20260110T150000")}
	s.Exclude = []calendar.Local{mustLocal(t, "20260112T090000"), mustLocal(t, "20260110T150000"), mustLocal(t, "20260107T090000")}
	got := s.Replace(mustLocal(t, "20260112T090000"), mustRule(t, "FREQ=WEEKLY"))
	if diff := cmp.Diff([]calendar.Local{mustLocal(t, "20260110T150000"), mustLocal(t, "20260112T090000")}, got.Exclude); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s.Add, got.Add); diff != "" || got.Start.String() != "20260112T090000" || got.Rule.String() != "FREQ=WEEKLY" {
		t.Errorf("%v %v (-want +got):\n%s", got, got.Rule, diff)
	}
	if none := s.Replace(s.Start, nil); none.Rule != nil || len(none.Exclude) != 1 {
		t.Errorf("without a rule: %+v", none)
	}
}
