package job_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"farley/internal/farleytest/testdb"
	"farley/internal/job"
)

func TestStop_waitsForHandlers(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		begun, goOn := make(chan struct{}, 1), make(chan struct{})
		n.Register("slow", job.Options{}, func(ctx context.Context, _ *job.Run) error {
			begun <- struct{}{}
			<-goOn
			return ctx.Err()
		})
		x := n.enqueue(job.Job{Kind: "slow"})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		receive(t, begun)
		cancel()
		later := n.enqueue(job.Job{Kind: "slow"}) // is not begun any more
		close(goOn)
		if err := receive(t, ended); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		n.wantState(x, job.Done)
		n.wantState(later, job.Waiting)
	})
}

func TestStop_givesBackWhatIsNotFinished(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		begun, causes, never := make(chan struct{}, 2), make(chan error, 1), make(chan struct{})
		n.Register("heeding", job.Options{MaxAttempts: 1}, func(ctx context.Context, _ *job.Run) error {
			begun <- struct{}{}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		})
		n.Register("deaf", job.Options{MaxAttempts: 1}, func(context.Context, *job.Run) error {
			begun <- struct{}{}
			<-never
			return nil
		})
		x, y := n.enqueue(job.Job{Kind: "heeding"}), n.enqueue(job.Job{Kind: "deaf"})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		receive(t, begun)
		receive(t, begun)
		cancel()
		pump(t, n, causes, time.Second) // the grace time
		n.settle(1)
		n.wantState(x, job.Waiting)
		pump(t, n, ended, time.Second) // the time to abandon
		n.settle(1)
		if i := n.get(y); i.State != job.Waiting || i.Attempts != 0 || !i.DueAt.Equal(start) {
			t.Errorf("%+v; want it waiting as before", i)
		}
		close(never)
	})
}

// pump moves the clock on until c has a value: what waits for the clock may not have begun to when the test moves it.
func pump[T any](t *testing.T, n *node, c <-chan T, step time.Duration) T {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(deadline)
	for {
		select {
		case v := <-c:
			return v
		case <-tick.C:
			n.advance(step)
		case <-end:
			t.Error("waited in vain") // not Fatal: handlers call it, too
			var none T
			return none
		}
	}
}
