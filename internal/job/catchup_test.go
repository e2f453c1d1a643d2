package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
)

// journal is what handlers did, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// What becomes due runs one after the other by due time, whatever the kind, and what jobs make runs too; a periodic job
// that missed a year runs once.
func TestCatchUp_runsWhatBecomesDueInOrder(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		for _, running := range []bool{false, true} {
			n := newNode(t, d)
			var did journal
			kind := func(name string) string { return fmt.Sprintf("%s.%t", name, running) }
			note := func(_ context.Context, run *job.Run) error {
				did.add("%s %s", run.Kind, run.DueAt.Sub(start))
				return nil
			}
			n.Register(kind("a"), job.Options{}, note)
			n.Register(kind("b"), job.Options{}, func(ctx context.Context, run *job.Run) error {
				_ = note(ctx, run)
				return n.d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					_, err := n.Enqueue(ctx, tx, job.Job{Kind: kind("a"), DueAt: run.DueAt.Add(30 * time.Minute)})
					return err
				})
			})
			n.Register(kind("tick"), job.Options{}, note)
			n.Every(kind("tick"), "hourly", time.Hour)
			if running {
				n.run()
			}
			n.enqueue(job.Job{Kind: kind("a"), DueAt: start.Add(3 * time.Hour)})
			n.enqueue(job.Job{Kind: kind("b"), DueAt: start.Add(2 * time.Hour)})
			n.enqueue(job.Job{Kind: kind("a"), DueAt: start.AddDate(2, 0, 0)})

			ran, err := n.CatchUp(t.Context(), 100, func() { n.clock.Advance(start.AddDate(1, 0, 0)) })
			if err != nil || ran != 4 {
				t.Fatalf("%d runs, %v", ran, err)
			}
			want := []string{kind("tick") + " 1h0m0s", kind("b") + " 2h0m0s", kind("a") + " 2h30m0s", kind("a") + " 3h0m0s"}
			if diff := cmp.Diff(want, did.all()); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
			if running {
				n.end()
			}
		}
	})
}

func TestCatchUp_isBounded(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		n.Register("step", job.Options{}, func(context.Context, *job.Run) error { return nil })
		for i := range 5 {
			n.enqueue(job.Job{Kind: "step", DueAt: start.Add(time.Duration(i+1) * time.Minute)})
		}
		to := start.Add(time.Hour)
		ran, err := n.CatchUp(t.Context(), 3, func() { n.clock.Advance(to) })
		wantCode(t, err, fault.Limited)
		again, err2 := n.CatchUp(t.Context(), 3, func() { n.clock.Advance(to) })
		if ran != 3 || again != 2 || err2 != nil {
			t.Errorf("%d runs, then %d and %v; want 3, then 2", ran, again, err2)
		}
		// Exactly as many as allowed is not too many.
		n.enqueue(job.Job{Kind: "step"})
		if ran, err := n.CatchUp(t.Context(), 1, func() {}); ran != 1 || err != nil {
			t.Errorf("%d runs, %v", ran, err)
		}
	})
}

// A job that runs when the clock is to move is waited for: its lease shall not end behind its back.
func TestCatchUp_waitsForWhatRuns(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		begun, finish := make(chan struct{}), make(chan struct{})
		var fences journal
		n.Register("long", job.Options{Lease: time.Minute}, func(_ context.Context, run *job.Run) error {
			fences.add("%d", run.Fence)
			close(begun)
			<-finish
			return nil
		})
		x := n.enqueue(job.Job{Kind: "long"})
		n.run()
		receive(t, begun)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		moved := false
		_, err := n.CatchUp(ctx, 10, func() { moved = true })
		wantCode(t, err, fault.Limited)
		if moved {
			t.Error("the clock moved under a running job")
		}
		done := make(chan error, 1)
		go func() {
			_, err := n.CatchUp(context.WithoutCancel(t.Context()), 10, func() { n.clock.Advance(start.Add(time.Hour)) })
			done <- err
		}()
		close(finish)
		if err := receive(t, done); err != nil {
			t.Fatal(err)
		}
		n.wantState(x, job.Done)
		if diff := cmp.Diff([]string{"1"}, fences.all()); diff != "" {
			t.Errorf("runs by fence (-want +got):\n%s", diff)
		}
	})
}

// Every end of a run is observed with its outcome, and every change of a job is told.
func TestObserveAndChanged(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		var seen, changed journal
		n.Observe = func(kind string, outcome job.Outcome, took time.Duration) { seen.add("%s %s %s", kind, outcome, took) }
		n.Changed = func(x id.ID) { changed.add("%s", x) }
		n.Register("good", job.Options{}, func(context.Context, *job.Run) error {
			n.advance(3 * time.Second)
			return nil
		})
		n.Register("finished", job.Options{}, func(ctx context.Context, run *job.Run) error {
			return run.Finish(ctx, func(context.Context, *db.Tx) error { return nil })
		})
		n.Register("bad", job.Options{MaxAttempts: 2, Backoff: job.Backoff{First: time.Second, Max: time.Second}}, func(context.Context, *job.Run) error { return errors.New("no") })
		n.Register("progress", job.Options{}, func(ctx context.Context, run *job.Run) error { return run.Progress(ctx, 1, 1) })

		count := func(x id.ID) (times int) {
			for _, line := range changed.all() {
				if line == x.String() {
					times++
				}
			}
			return times
		}
		for _, c := range []struct {
			kind    string
			advance time.Duration
			want    []string
			changes int
		}{
			{"good", 0, []string{"good succeeded 3s"}, 3},
			{"finished", 0, []string{"finished succeeded 0s"}, 3},
			{"progress", 0, []string{"progress succeeded 0s"}, 4},
			{"bad", 2 * time.Second, []string{"bad retry 0s", "bad failed 0s"}, 5},
		} {
			before := len(seen.all())
			x := n.enqueue(job.Job{Kind: c.kind})
			for range 2 {
				if _, err := n.CatchUp(t.Context(), 10, func() { n.advance(c.advance) }); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, seen.all()[before:]); diff != "" {
				t.Errorf("%s: observed (-want +got):\n%s", c.kind, diff)
			}
			if got := count(x); got != c.changes {
				t.Errorf("%s: %d changes told, want %d", c.kind, got, c.changes)
			}
		}
		x := n.enqueue(job.Job{Kind: "good", DueAt: n.clock.Now().Add(time.Hour)})
		n.write(func(ctx context.Context, tx *db.Tx) error {
			return n.Reschedule(ctx, tx, x, n.clock.Now().Add(2*time.Hour))
		})
		if err := n.cancel(x); err != nil {
			t.Fatal(err)
		}
		if err := n.retry(x); err != nil {
			t.Fatal(err)
		}
		if got := count(x); got != 4 {
			t.Errorf("making, rescheduling, cancelling and retrying tell %d changes", got)
		}
		rolledBack := errors.New("rolled back")
		err := n.d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(n.Cancel(ctx, tx, x), rolledBack)
		})
		if got := count(x); !errors.Is(err, rolledBack) || got != 4 {
			t.Errorf("%v; %d changes told", err, got)
		}
	})
}
