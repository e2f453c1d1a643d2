package calendar_test

import (
	"fmt"
	"testing"
	"time"

	"farley/internal/calendar"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// minutes is time as the set of its minutes.
type minutes [120]bool

var hour0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return hour0.Add(time.Duration(n) * time.Minute) }

func drawIntervals(t *rapid.T, label string) ([]calendar.Interval, minutes) {
	var list []calendar.Interval
	var set minutes
	for i := range rapid.IntRange(0, 8).Draw(t, label) {
		start, end := rapid.IntRange(0, 119).Draw(t, fmt.Sprint(label, i)), rapid.IntRange(0, 120).Draw(t, fmt.Sprint(label, i, "end"))
		list = append(list, calendar.Interval{Start: minute(start), End: minute(end)})
		for m := start; m < end; m++ {
			set[m] = true
		}
	}
	return list, set
}

// fewest returns the fewest intervals that are a set.
func fewest(set minutes) []calendar.Interval {
	var out []calendar.Interval
	for m, in := range set {
		if in && (m == 0 || !set[m-1]) {
			out = append(out, calendar.Interval{Start: minute(m)})
		}
		if in {
			out[len(out)-1].End = minute(m + 1)
		}
	}
	return out
}

func TestIntervals_areSets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, inA := drawIntervals(t, "a")
		b, inB := drawIntervals(t, "b")
		var union, both, less minutes
		for m := range union {
			union[m], both[m], less[m] = inA[m] || inB[m], inA[m] && inB[m], inA[m] && !inB[m]
		}
		before := fmt.Sprint(a, b)
		for name, x := range map[string]struct{ got, want []calendar.Interval }{
			"union": {calendar.Union(a, b), fewest(union)}, "intersection": {calendar.Intersect(a, b), fewest(both)},
			"difference": {calendar.Subtract(a, b), fewest(less)},
		} {
			if diff := cmp.Diff(x.want, x.got); diff != "" {
				t.Fatalf("%s of %v and %v (-want +got):\n%s", name, a, b, diff)
			}
		}
		if fmt.Sprint(a, b) != before {
			t.Fatal("the arguments changed")
		}
	})
}
