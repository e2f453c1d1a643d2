package job_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
)

func TestCancel_waiting(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		ran := make(chan id.ID, 10)
		n.Register("note", job.Options{}, func(_ context.Context, run *job.Run) error {
			ran <- run.ID
			return nil
		})
		x := n.enqueue(job.Job{Kind: "note", Key: "k", DueAt: start.Add(time.Minute)})
		for range 2 { // a second time does nothing
			if err := n.cancel(x); err != nil {
				t.Fatal(err)
			}
		}
		y := n.enqueue(job.Job{Kind: "note", Key: "k", DueAt: start.Add(time.Hour)})
		n.run()
		n.advance(2 * time.Hour)
		if got := receive(t, ran); got != y {
			t.Error("the cancelled job ran")
		}
		n.settle(1)
		n.wantState(x, job.Cancelled)
		wantCode(t, n.cancel(y), fault.Conflict)
		wantCode(t, n.cancel(id.New(job.Kind, start)), fault.NotFound)
	})
}

// cancellable registers a kind whose handler waits for its context's end, then tries to take effect all the same.
func cancellable(n *node) (begun chan id.ID, causes, finished chan error) {
	begun, causes, finished = make(chan id.ID, 1), make(chan error, 1), make(chan error, 1)
	n.Register("slow", job.Options{Lease: 30 * time.Second}, func(ctx context.Context, run *job.Run) error {
		begun <- run.ID
		<-ctx.Done()
		causes <- context.Cause(ctx)
		finished <- run.Finish(context.WithoutCancel(ctx), effect(run.ID))
		return ctx.Err()
	})
	return begun, causes, finished
}

func TestCancel_runningHere(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		n := newNode(t, d)
		begun, causes, finished := cancellable(n)
		x := n.enqueue(job.Job{Kind: "slow"})
		n.run()
		receive(t, begun)
		if err := n.cancel(x); err != nil {
			t.Fatal(err)
		}
		if err := receive(t, causes); !errors.Is(err, job.ErrCancelled) {
			t.Errorf("the context ended by %v", err)
		}
		if err := receive(t, finished); !errors.Is(err, job.ErrCancelled) {
			t.Errorf("Finish returned %v", err)
		}
		n.settle(1)
		n.wantState(x, job.Cancelled)
		if diff := cmp.Diff(map[id.ID]int{}, countEffects(t, d)); diff != "" {
			t.Errorf("effects:\n%s", diff)
		}
	})
}

func TestCancel_runningOnAnotherNode(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		n, other := newNode(t, d), newNode(t, d.Reopen(t))
		begun, causes, _ := cancellable(n)
		x := n.enqueue(job.Job{Kind: "slow"})
		n.run()
		receive(t, begun)
		if err := other.cancel(x); err != nil {
			t.Fatal(err)
		}
		if i := n.get(x); i.State != job.Running || !i.CancelRequested || !i.LeaseUntil.Equal(start.Add(30*time.Second)) {
			t.Errorf("%+v; want it running, with a request to cancel", i)
		}
		n.advance(10 * time.Second) // the heartbeat
		if err := receive(t, causes); !errors.Is(err, job.ErrCancelled) {
			t.Errorf("the context ended by %v", err)
		}
		n.settle(1)
		n.wantState(x, job.Cancelled)
	})
}

// A job whose runner vanished is not run again when it shall be cancelled.
func TestCancel_runnerVanished(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		vanishing, n := newNode(t, d), newNode(t, d.Reopen(t))
		begun, _, _ := cancellable(vanishing)
		n.Register("slow", job.Options{}, func(context.Context, *job.Run) error {
			t.Error("it ran")
			return nil
		})
		n.Register("note", job.Options{}, effectful)
		x := vanishing.enqueue(job.Job{Kind: "slow"})
		vanishing.run()
		receive(t, begun)
		if err := n.cancel(x); err != nil {
			t.Fatal(err)
		}
		n.advance(time.Minute) // its own clock only
		y := n.enqueue(job.Job{Kind: "note"})
		n.run()
		n.settle(1)
		n.wantState(x, job.Cancelled)
		if diff := cmp.Diff(map[id.ID]int{y: 1}, countEffects(t, d)); diff != "" {
			t.Errorf("effects (-want +got):\n%s", diff)
		}
		vanishing.advance(10 * time.Second) // the heartbeat finds it lost
		vanishing.settle(1)
	})
}

func effectful(ctx context.Context, run *job.Run) error { return run.Finish(ctx, effect(run.ID)) }

func TestRetry_refuses(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		n.Register("note", job.Options{}, nothing)
		n.Register("held", job.Options{}, nothing)
		cancelled := n.enqueue(job.Job{Kind: "held", Key: "k", DueAt: start.Add(time.Hour)})
		if err := n.cancel(cancelled); err != nil {
			t.Fatal(err)
		}
		n.enqueue(job.Job{Kind: "held", Key: "k", DueAt: start.Add(time.Hour)})
		wantCode(t, n.retry(cancelled), fault.Conflict)
		n.wantState(cancelled, job.Cancelled)
		wantCode(t, n.retry(id.New(job.Kind, start)), fault.NotFound)
		done := n.enqueue(job.Job{Kind: "note"})
		n.run()
		n.settle(1)
		wantCode(t, n.retry(done), fault.Conflict)
	})
}

func TestReschedule_movesTheDueTime(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		ran := make(chan time.Time, 1)
		n.Register("remind", job.Options{}, func(context.Context, *job.Run) error {
			ran <- n.clock.Now()
			return nil
		})
		x := n.enqueue(job.Job{Kind: "remind", Key: "task", DueAt: start.Add(time.Hour)})
		n.run()
		reschedule := func(due time.Time) error {
			return d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				found, err := n.Find(ctx, tx, "remind", "task")
				if fault.CodeOf(err) == fault.NotFound {
					found.ID = x
				} else if err != nil {
					return err
				}
				return n.Reschedule(ctx, tx, found.ID, due)
			})
		}
		if err := reschedule(start.Add(3 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		n.advance(2 * time.Hour)
		n.wantState(x, job.Waiting)
		n.advance(time.Hour)
		if got := receive(t, ran); !got.Equal(start.Add(3 * time.Hour)) {
			t.Errorf("ran at %s", got)
		}
		n.settle(1)
		wantCode(t, reschedule(start.Add(4*time.Hour)), fault.Conflict)
	})
}
