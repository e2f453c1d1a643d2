package change_test

import (
	"testing"
	"time"

	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/farleytest/testdb"
)

func TestStats_measuresWhatWaitsAndWhatIsKept(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		c := clock.NewTest(start)
		l := change.NewLog(d.DB, change.Options{Clock: c})
		want := func(w change.Stats) {
			t.Helper()
			if got, err := l.Stats(t.Context()); err != nil || got != w {
				t.Errorf("measured %+v, %v; want %+v", got, err, w)
			}
		}
		want(change.Stats{})
		deal := newDeal()
		write(t, d, l, row(deal, 1, change.Created), row(deal, 2, change.Updated)) // one and two seconds after the start
		unplace(t, d)
		c.Advance(start.Add(time.Hour))
		want(change.Stats{Waiting: 2, OldestWaiting: time.Hour - time.Second})
		if _, err := l.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(change.Stats{Kept: 2, OldestKept: time.Hour - time.Second})
		if _, err := l.Prune(t.Context(), start.Add(1500*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		want(change.Stats{Kept: 1, OldestKept: time.Hour - 2*time.Second})
	})
}
