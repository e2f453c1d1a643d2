package job_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/job"
)

func TestLease_staleRunCommitsNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		stale, n := newNode(t, d), newNode(t, d.Reopen(t))
		begun, goOn, outcome := make(chan int64, 1), make(chan struct{}), make(chan []error, 1)
		stale.Register("note", job.Options{}, func(ctx context.Context, run *job.Run) error {
			begun <- run.Fence
			<-goOn
			outcome <- []error{
				run.Step(ctx, 1, 2, effect(run.ID)),
				run.Progress(ctx, 2, 2),
				run.Finish(ctx, effect(run.ID)),
			}
			return errors.New("too late, too")
		})
		fences, staleIsThrough := make(chan int64, 1), make(chan struct{})
		n.Register("note", job.Options{}, func(ctx context.Context, run *job.Run) error {
			fences <- run.Fence
			<-staleIsThrough
			return effectful(ctx, run)
		})
		x := stale.enqueue(job.Job{Kind: "note"})
		stale.run()
		if got := receive(t, begun); got != 1 {
			t.Errorf("first fence is %d", got)
		}
		n.run()
		n.advance(time.Minute) // the lease has ended, by the clock of n; that of stale stands still
		if got := receive(t, fences); got != 2 {
			t.Errorf("second fence is %d", got)
		}
		close(goOn)
		for i, err := range receive(t, outcome) {
			if !errors.Is(err, job.ErrLost) {
				t.Errorf("write %d of the stale run returned %v; want ErrLost", i, err)
			}
		}
		stale.settle(1)
		n.wantState(x, job.Running)
		close(staleIsThrough)
		n.settle(1)
		n.wantState(x, job.Done)
		if diff := cmp.Diff(map[id.ID]int{x: 1}, countEffects(t, d)); diff != "" {
			t.Errorf("effects (-want +got):\n%s", diff)
		}
	})
}

func TestLease_heartbeatRenewsIt(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		begun, goOn := make(chan struct{}, 1), make(chan struct{})
		n.Register("slow", job.Options{Lease: 30 * time.Second}, func(ctx context.Context, _ *job.Run) error {
			begun <- struct{}{}
			<-goOn
			return ctx.Err()
		})
		x := n.enqueue(job.Job{Kind: "slow"})
		n.run()
		receive(t, begun)
		for i := range 6 { // twice the lease
			n.advance(10 * time.Second)
			want := start.Add(time.Duration(i+4) * 10 * time.Second)
			within, cancel := context.WithTimeout(t.Context(), deadline)
			for !n.get(x).LeaseUntil.Equal(want) {
				if within.Err() != nil {
					t.Fatalf("the lease ends at %s; want %s", n.get(x).LeaseUntil, want)
				}
			}
			cancel()
		}
		close(goOn)
		n.settle(1)
		if i := n.get(x); i.State != job.Done || i.Attempts != 1 {
			t.Errorf("%s after %d attempts; want DONE after 1", i.State, i.Attempts)
		}
	})
}

// A job that brings its process down each time must not do so for ever.
func TestLease_lostAttemptsCount(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		vanishing, n := newNode(t, d), newNode(t, d.Reopen(t))
		begun, goOn := make(chan struct{}, 1), make(chan struct{})
		vanishing.Register("deadly", job.Options{MaxAttempts: 1}, func(context.Context, *job.Run) error {
			begun <- struct{}{}
			<-goOn
			return nil
		})
		n.Register("deadly", job.Options{MaxAttempts: 1}, nothing)
		n.Register("note", job.Options{}, nothing)
		x := vanishing.enqueue(job.Job{Kind: "deadly"})
		vanishing.run()
		receive(t, begun)
		n.advance(time.Hour)
		n.run()
		n.enqueue(job.Job{Kind: "note"})
		n.settle(1)
		if i := n.get(x); i.State != job.Failed || i.LastError != "the runner that held the job vanished" {
			t.Errorf("%s with %q", i.State, i.LastError)
		}
		close(goOn)
		vanishing.settle(1)
		n.wantState(x, job.Failed) // the late success of the vanished runner does not count
	})
}

// Leases end all the time, and every job takes effect exactly once.
func TestLease_effectsHappenOnceUnderTwoRunners(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		const jobs = 40
		nodes := []*node{newNode(t, d), newNode(t, d.Reopen(t))}
		want := map[id.ID]int{}
		var stolen sync.Map // channels by job, closed when a second run has begun
		var lost atomic.Int64
		finished := make(chan id.ID, jobs*2)
		began := make(chan struct{}) // the first node has a run to lose
		var once sync.Once
		for i, n := range nodes {
			other := nodes[1-i]
			n.Register("note", job.Options{MaxAttempts: 1_000_000, Backoff: job.Backoff{First: time.Millisecond, Max: time.Millisecond}},
				func(ctx context.Context, run *job.Run) error {
					second, _ := stolen.LoadOrStore(run.ID, make(chan struct{}))
					switch {
					case run.Fence == 2:
						close(second.(chan struct{}))
					case run.Fence == 1 && n == nodes[0]:
						once.Do(func() { close(began) })
						pump(t, other, second.(chan struct{}), 2*time.Minute) // ends all leases, as the other one sees it
					}
					err := run.Finish(context.WithoutCancel(ctx), func(ctx context.Context, tx *db.Tx) error {
						other.advance(2 * time.Minute)
						return effect(run.ID)(ctx, tx)
					})
					if err == nil {
						finished <- run.ID
					}
					if errors.Is(err, job.ErrLost) {
						lost.Add(1)
					}
					return err
				})
		}
		for range jobs {
			want[nodes[0].enqueue(job.Job{Kind: "note"})] = 1
		}
		nodes[0].run()
		receive(t, began)
		nodes[1].run()
		for range jobs {
			receive(t, finished)
		}
		for _, n := range nodes {
			n.end()
		}
		if diff := cmp.Diff(want, countEffects(t, d)); diff != "" {
			t.Errorf("effects (-want +got):\n%s", diff)
		}
		s, err := nodes[0].Stats(t.Context())
		if err != nil || s.Count[job.Done] != jobs {
			t.Errorf("%v, %v; want %d done", s.Count, err, jobs)
		}
		if lost.Load() == 0 {
			t.Error("no run was stale")
		}
	})
}
