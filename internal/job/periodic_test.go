package job_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/job"
)

// ticking registers a kind that tells when it ran.
func ticking(n *node, ran chan time.Time) {
	n.Register("tick", job.Options{}, func(_ context.Context, run *job.Run) error {
		ran <- run.DueAt
		return nil
	})
}

func TestEvery_twoNodesRunItOnceInEachInterval(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		ran, settled := make(chan time.Time, 100), make(chan id.ID, 100)
		nodes := []*node{newNode(t, d), newNode(t, d.Reopen(t))}
		for _, n := range nodes {
			n.settled = settled
			ticking(n, ran)
			n.Every("tick", "t", time.Hour)
			n.run()
		}
		// Both have planned when they have run a job each; else a clock may move before its node begins.
		for _, n := range nodes {
			awaitPlan(n)
		}
		var got, want []time.Time
		for i := range 10 {
			for _, n := range nodes {
				n.advance(time.Hour)
			}
			got = append(got, receive(t, ran))
			receive(t, settled)
			want = append(want, start.Add(time.Duration(i+1)*time.Hour))
		}
		for _, n := range nodes {
			n.end()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("times (-want +got):\n%s", diff)
		}
		if len(ran) > 0 {
			t.Errorf("it ran %d times more", len(ran))
		}
		if all := nodes[0].list(job.Filter{}); len(all) != 1 || !all[0].DueAt.Equal(start.Add(11*time.Hour)) || all[0].State != job.Waiting {
			t.Errorf("jobs are %+v; want one that waits for its next time", all)
		}
	})
}

// awaitPlan waits until the row of a periodic job is there.
func awaitPlan(n *node) {
	n.t.Helper()
	within, cancel := context.WithTimeout(n.t.Context(), deadline)
	defer cancel()
	for len(n.list(job.Filter{})) == 0 {
		if within.Err() != nil {
			n.t.Fatal("the periodic job is not planned")
		}
	}
}

func TestEvery_runsOnceForTimesThatPassed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		ran := make(chan time.Time, 100)
		ticking(n, ran)
		keys := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
		for key, interval := range keys {
			n.Every("tick", key, interval)
		}
		n.run()
		awaitPlan(n)
		n.enqueue(job.Job{Kind: "tick"}) // all is planned when it has run
		receive(t, ran)
		n.settle(1)

		n.advance(72*time.Hour + 30*time.Minute)
		n.settle(3)
		n.end()
		if len(ran) != 3 {
			t.Errorf("%d runs; want one of each", len(ran))
		}
		next := map[string]time.Time{}
		for _, i := range n.list(job.Filter{States: []job.State{job.Waiting}}) {
			next[i.Key] = i.DueAt
		}
		want := map[string]time.Time{
			"minute": time.Date(2026, 3, 4, 12, 31, 0, 0, time.UTC),
			"hour":   time.Date(2026, 3, 4, 13, 0, 0, 0, time.UTC),
			"day":    time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC),
		}
		if diff := cmp.Diff(want, next); diff != "" {
			t.Errorf("next times (-want +got):\n%s", diff)
		}
	})
}

func TestEvery_survivesRestartsFailuresAndNewIntervals(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		run := func(interval, advance time.Duration, runs int, outcome error) job.Info {
			t.Helper()
			n := newNode(t, d)
			n.Register("tick", job.Options{MaxAttempts: 1}, func(context.Context, *job.Run) error { return outcome })
			n.Register("last", job.Options{}, nothing)
			n.Every("tick", "t", interval)
			n.advance(advance)
			n.enqueue(job.Job{Kind: "last", Key: "last"}) // runs after planning
			n.run()
			n.settle(1 + runs)
			n.end()
			all := n.list(job.Filter{Kinds: []string{"tick"}})
			if len(all) != 1 {
				t.Fatalf("%d periodic jobs; want 1", len(all))
			}
			return all[0]
		}
		want := func(i job.Info, due time.Time, lastError string) {
			t.Helper()
			if !i.DueAt.Equal(due) || i.LastError != lastError || i.State != job.Waiting || i.Attempts != 0 {
				t.Errorf("%+v; want it waiting for %s with error %q", i, due, lastError)
			}
		}
		want(run(time.Hour, 0, 0, nil), start.Add(time.Hour), "")
		want(run(time.Hour, 10*time.Minute, 0, nil), start.Add(time.Hour), "")
		want(run(time.Hour, 90*time.Minute, 1, errors.New("no")), start.Add(2*time.Hour), "INTERNAL (*errors.errorString)")
		want(run(10*time.Minute, 95*time.Minute, 0, nil), start.Add(100*time.Minute), "INTERNAL (*errors.errorString)")
		want(run(10*time.Minute, 105*time.Minute, 1, nil), start.Add(110*time.Minute), "")
	})
}

func TestEvery_cancelledStaysSoAcrossRestarts(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		first := newNode(t, d)
		ran := make(chan time.Time, 10)
		ticking(first, ran)
		first.Every("tick", "t", time.Hour)
		first.run()
		awaitPlan(first)
		first.end()
		x := first.list(job.Filter{})[0].ID
		if err := first.cancel(x); err != nil {
			t.Fatal(err)
		}

		second := newNode(t, d)
		ticking(second, ran)
		second.Every("tick", "t", time.Hour)
		second.advance(5 * time.Hour)
		second.run()
		second.enqueue(job.Job{Kind: "tick"})
		second.settle(1)
		second.wantState(x, job.Cancelled)
		if err := second.retry(x); err != nil {
			t.Fatal(err)
		}
		second.settle(1)
		if i := second.get(x); i.State != job.Waiting || !i.DueAt.Equal(start.Add(6*time.Hour)) {
			t.Errorf("%s for %s; want it waiting for its next time", i.State, i.DueAt)
		}
	})
}
