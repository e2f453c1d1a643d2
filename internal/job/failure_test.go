package job_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
)

func TestRetry_backsOffByTheClock(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		type attempt struct {
			N     int
			Fence int64
			After time.Duration
		}
		begun := make(chan attempt, 10)
		n.Register("mail", job.Options{MaxAttempts: 5, Backoff: job.Backoff{First: 10 * time.Second, Max: 25 * time.Second}},
			func(_ context.Context, run *job.Run) error {
				begun <- attempt{run.Attempt, run.Fence, n.clock.Now().Sub(start)}
				return fault.New(fault.Unavailable, "The server of %s does not answer.", "Zoë")
			})
		x := n.enqueue(job.Job{Kind: "mail"})
		n.run()
		got := []attempt{receive(t, begun)}
		n.settle(1)
		for _, pause := range []time.Duration{10, 20, 25, 25} {
			want := n.clock.Now().Add(pause * time.Second)
			if i := n.get(x); i.State != job.Waiting || !i.DueAt.Equal(want) {
				t.Errorf("the job is %s and due at %s; want WAITING at %s", i.State, i.DueAt, want)
			}
			n.advance(pause * time.Second)
			got = append(got, receive(t, begun))
			n.settle(1)
		}
		want := []attempt{{1, 1, 0}, {2, 2, 10 * time.Second}, {3, 3, 30 * time.Second}, {4, 4, 55 * time.Second}, {5, 5, 80 * time.Second}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		i := n.get(x)
		if i.State != job.Failed || i.LastError != "UNAVAILABLE: The server of %s does not answer." {
			t.Errorf("the job is %s with %q", i.State, i.LastError)
		}

		if err := n.retry(x); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(attempt{1, 6, 80 * time.Second}, receive(t, begun)); diff != "" {
			t.Errorf("retried by hand (-want +got):\n%s", diff)
		}
		n.settle(1)
	})
}

func TestBackoff_doublesUpToItsBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := job.Backoff{
			First: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "first")),
			Max:   time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "max")),
		}
		n := rapid.IntRange(1, 1_000_000).Draw(t, "attempts")
		got, next := b.Bound(n), b.Bound(n+1)
		if got <= 0 || next-got != min(got, int64(b.Max)-got) {
			t.Fatalf("%+v: bound %d after %d, %d after one more", b, got, n, next)
		}
	})
}

func TestFailure_kinds(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		type result struct {
			State job.State
			Error string
		}
		cases := map[string]struct {
			handler job.Handler
			want    result
		}{
			"unknown": {
				func(context.Context, *job.Run) error { return errors.New("zoe@example.org is unknown") },
				result{job.Waiting, "INTERNAL (*errors.errorString)"},
			},
			"permanent": {
				func(context.Context, *job.Run) error { return job.Permanent(fault.New(fault.NotFound, "Gone.")) },
				result{job.Failed, "NOT_FOUND: Gone."},
			},
			"panic":  {func(context.Context, *job.Run) error { panic("zoe") }, result{job.Waiting, "panic (string)"}},
			"goexit": {func(context.Context, *job.Run) error { runtime.Goexit(); return nil }, result{job.Waiting, "the handler ended its goroutine"}},
			"payload": {
				func(_ context.Context, run *job.Run) error { return run.Decode(new(int)) },
				result{job.Failed, "INTERNAL: The payload of the job cannot be read."},
			},
		}
		ids := map[string]id.ID{}
		for name, c := range cases {
			n.Register(name, job.Options{}, c.handler)
			ids[name] = n.enqueue(job.Job{Kind: name, Payload: "text"})
		}
		n.run()
		n.settle(len(cases))
		for name, c := range cases {
			i := n.get(ids[name])
			if diff := cmp.Diff(c.want, result{i.State, i.LastError}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestTimeout_endsTheRun(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		begun := make(chan struct{}, 1)
		n.Register("slow", job.Options{Timeout: 10 * time.Second, MaxAttempts: 1}, func(ctx context.Context, _ *job.Run) error {
			begun <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
		x := n.enqueue(job.Job{Kind: "slow"})
		n.run()
		receive(t, begun)
		n.advance(10 * time.Second)
		n.settle(1)
		if i := n.get(x); i.State != job.Failed || i.LastError != "the run took too long" {
			t.Errorf("the job is %s with %q", i.State, i.LastError)
		}
	})
}

func TestFinish_failureOfItsWorkIsRetriedAndErrorsAfterItAreNot(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		n := newNode(t, d)
		n.Register("note", job.Options{Backoff: job.Backoff{First: time.Second}}, func(ctx context.Context, run *job.Run) error {
			err := run.Finish(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := effect(run.ID)(ctx, tx); err != nil || run.Attempt > 1 {
					return err
				}
				return errors.New("after the effect")
			})
			if err == nil {
				err = errors.New("after the end")
			}
			return err
		})
		x := n.enqueue(job.Job{Kind: "note"})
		n.run()
		n.settle(1)
		if diff := cmp.Diff(map[id.ID]int{}, countEffects(t, d)); diff != "" {
			t.Errorf("effects of the failed run:\n%s", diff)
		}
		n.advance(time.Second)
		n.settle(1)
		n.wantState(x, job.Done)
		if diff := cmp.Diff(map[id.ID]int{x: 1}, countEffects(t, d)); diff != "" {
			t.Errorf("effects (-want +got):\n%s", diff)
		}
	})
}

func TestStep_goesOnWhereTheLastRunEnded(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		n := newNode(t, d)
		n.Register("import", job.Options{Backoff: job.Backoff{First: time.Second}}, func(ctx context.Context, run *job.Run) error {
			for done := run.Done; done < 4; done++ {
				if err := run.Step(ctx, done+1, 4, effect(run.ID)); err != nil {
					return err
				}
				if done == 1 {
					return errors.New("half way")
				}
			}
			return nil
		})
		x := n.enqueue(job.Job{Kind: "import"})
		n.run()
		n.settle(1)
		if i := n.get(x); i.ProgressDone != 2 || i.ProgressTotal != 4 {
			t.Errorf("progress %d of %d; want 2 of 4", i.ProgressDone, i.ProgressTotal)
		}
		n.advance(time.Second)
		n.settle(1)
		n.wantState(x, job.Done)
		if diff := cmp.Diff(map[id.ID]int{x: 4}, countEffects(t, d)); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestProgress_writesAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		begun := make(chan struct{}, 1)
		goOn := make(chan struct{})
		seen := make(chan int64, 10)
		n.Register("import", job.Options{}, func(ctx context.Context, run *job.Run) error {
			for done := range int64(5) {
				if err := run.Progress(ctx, done+1, 5); err != nil {
					return err
				}
				seen <- n.get(run.ID).ProgressDone
				if done == 2 {
					begun <- struct{}{}
					<-goOn
				}
			}
			return nil
		})
		n.enqueue(job.Job{Kind: "import"})
		n.run()
		receive(t, begun)
		n.advance(time.Second)
		close(goOn)
		var got []int64
		for range 5 {
			got = append(got, receive(t, seen))
		}
		if diff := cmp.Diff([]int64{1, 1, 1, 4, 5}, got); diff != "" {
			t.Errorf("stored progress (-want +got):\n%s", diff)
		}
	})
}
