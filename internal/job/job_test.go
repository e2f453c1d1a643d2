package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
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

func nothing(context.Context, *job.Run) error { return nil }

func TestRun_inOrderOfDueTimesByTheClock(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		ran := make(chan string, 10)
		n.Register("note", job.Options{Concurrency: 1}, func(_ context.Context, run *job.Run) error {
			var name string
			if err := run.Decode(&name); err != nil {
				return err
			}
			ran <- name
			return nil
		})
		n.enqueue(job.Job{Kind: "note", Payload: "third", DueAt: start.Add(3 * time.Hour)})
		n.advance(time.Millisecond) // ids are in the order of time
		n.enqueue(job.Job{Kind: "note", Payload: "first", DueAt: start.Add(1500 * time.Millisecond)})
		n.advance(time.Millisecond)
		n.enqueue(job.Job{Kind: "note", Payload: "second", DueAt: start.Add(2 * time.Hour)})
		n.run()
		n.enqueue(job.Job{Kind: "note", Payload: "now"})
		got := []string{receive(t, ran)}
		n.settle(1)
		n.advance(1400 * time.Millisecond)
		n.enqueue(job.Job{Kind: "note", Payload: "now too"}) // what is not due yet is not run before it
		got = append(got, receive(t, ran))
		n.settle(1)
		n.advance(time.Second)
		got = append(got, receive(t, ran))
		n.settle(1)
		n.advance(24 * time.Hour)
		got = append(got, receive(t, ran), receive(t, ran))
		if diff := cmp.Diff([]string{"now", "now too", "first", "second", "third"}, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

// The runner does not wait for its next look at the table, a second later.
func TestRun_wakesAtTheDueTime(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		n.Register("note", job.Options{}, nothing)
		n.run()
		for range 20 {
			x := n.enqueue(job.Job{Kind: "note", DueAt: n.clock.Now().Add(10 * time.Millisecond)})
			y := n.enqueue(job.Job{Kind: "note"}) // when it has run, the runner has looked
			if got := receive(t, n.settled); got != y {
				t.Fatal("a job ran before it was due")
			}
			n.advance(10 * time.Millisecond)
			if got := receive(t, n.settled); got != x {
				t.Fatal("another job ran")
			}
		}
	})
}

func TestEnqueue_isPartOfTheTransaction(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		ran := make(chan id.ID, 10)
		n.Register("note", job.Options{}, func(_ context.Context, run *job.Run) error {
			ran <- run.ID
			return nil
		})
		n.run()
		refused := errors.New("refused")
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := n.Enqueue(ctx, tx, job.Job{Kind: "note"})
			return errors.Join(err, refused)
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		x := n.enqueue(job.Job{Kind: "note"})
		if got := receive(t, ran); got != x {
			t.Errorf("ran %s; want %s", got, x)
		}
		if all := n.list(job.Filter{}); len(all) != 1 {
			t.Errorf("%d jobs; want 1", len(all))
		}
	})
}

func TestEnqueue_refuses(t *testing.T) {
	t.Parallel()
	n := newNode(t, testdb.SQLite(t))
	n.Register("note", job.Options{}, nothing)
	for name, c := range map[string]struct {
		job  job.Job
		want fault.Code
	}{
		"unknown kind":     {job.Job{Kind: "other"}, fault.Internal},
		"long key":         {job.Job{Kind: "note", Key: strings.Repeat("ö", 191)}, fault.Invalid},
		"large payload":    {job.Job{Kind: "note", Payload: strings.Repeat("x", job.MaxPayload)}, fault.Invalid},
		"payload not JSON": {job.Job{Kind: "note", Payload: func() {}}, fault.Invalid},
	} {
		err := n.d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := n.Enqueue(ctx, tx, c.job)
			return err
		})
		if fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
	}
}

func TestInfo_tellsAll(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		n.Register("note", job.Options{MaxAttempts: 3}, func(ctx context.Context, run *job.Run) error {
			return run.Finish(ctx, func(context.Context, *db.Tx) error { return nil })
		})
		user := id.New(32, start)
		due := start.Add(90*time.Second + 123456789*time.Nanosecond)
		key := strings.Repeat("ö", 190)
		x := n.enqueue(job.Job{Kind: "note", Key: key, Payload: map[string]string{"to": "Zoë 😀"}, DueAt: due, CreatedBy: user})
		want := job.Info{
			ID: x, Kind: "note", Key: key, Payload: json.RawMessage(`{"to":"Zoë 😀"}`), State: job.Waiting,
			DueAt: due.Truncate(time.Microsecond), MaxAttempts: 3, CreatedAt: start, CreatedBy: user,
		}
		if diff := cmp.Diff(want, n.get(x)); diff != "" {
			t.Errorf("waiting (-want +got):\n%s", diff)
		}
		n.run()
		n.advance(2 * time.Minute)
		n.settle(1)
		want.State, want.Attempts, want.FinishedAt = job.Done, 1, start.Add(2*time.Minute)
		if diff := cmp.Diff(want, n.get(x)); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
	})
}

func TestEnqueue_keyIsHeldWhileTheJobWaitsOrRuns(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		begun, goOn := make(chan id.ID, 10), make(chan struct{})
		n.Register("note", job.Options{}, func(_ context.Context, run *job.Run) error {
			begun <- run.ID
			<-goOn
			return nil
		})
		n.Register("other", job.Options{}, nothing)
		first := n.enqueue(job.Job{Kind: "note", Key: "k", DueAt: start.Add(time.Minute)})
		if again := n.enqueue(job.Job{Kind: "note", Key: "k"}); again != first {
			t.Error("a second job with the key of one that waits")
		}
		if other := n.enqueue(job.Job{Kind: "other", Key: "k", DueAt: start.Add(time.Hour)}); other == first {
			t.Error("keys of other kinds are the same")
		}
		n.run()
		n.advance(time.Minute)
		receive(t, begun)
		if again := n.enqueue(job.Job{Kind: "note", Key: "k"}); again != first {
			t.Error("a second job with the key of one that runs")
		}
		close(goOn)
		n.settle(1)
		second := n.enqueue(job.Job{Kind: "note", Key: "k", Once: true})
		if second == first {
			t.Error("a job that is done keeps its key")
		}
		n.settle(1)
		if third := n.enqueue(job.Job{Kind: "note", Key: "k"}); third != second {
			t.Error("the key of a job that runs once is free after it is done")
		}
	})
}

func TestEnqueue_keyUnderConcurrency(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		n.Register("note", job.Options{}, nothing)
		const callers, keys = 8, 5
		var wg sync.WaitGroup
		var got [callers][keys]id.ID
		for c := range callers {
			wg.Go(func() {
				for k := range keys {
					err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
						got[c][k], err = n.Enqueue(ctx, tx, job.Job{Kind: "note", Key: string(rune('a' + k))})
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for c := range callers {
			if diff := cmp.Diff(got[0], got[c]); diff != "" {
				t.Errorf("caller %d (-first +this):\n%s", c, diff)
			}
		}
		if all := n.list(job.Filter{Limit: 100}); len(all) != keys {
			t.Errorf("%d jobs; want %d", len(all), keys)
		}
	})
}

// A job that waits, and is named again, must see what the transaction that named it wrote.
func TestEnqueue_holdsBackTheJobThatHasTheKey(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		n := newNode(t, d)
		saw := make(chan int, 10)
		n.Register("flag", job.Options{}, nothing)
		n.Register("count", job.Options{}, func(ctx context.Context, run *job.Run) error {
			return run.Finish(ctx, func(ctx context.Context, tx *db.Tx) error {
				var rows int
				err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM effects", nil, &rows)
				saw <- rows
				return err
			})
		})
		x := n.enqueue(job.Job{Kind: "count", Key: "k", DueAt: start.Add(time.Minute)})
		other := newNode(t, d)
		other.Register("count", job.Options{}, nothing)
		n.write(func(ctx context.Context, tx *db.Tx) error {
			if _, err := other.Enqueue(ctx, tx, job.Job{Kind: "count", Key: "k"}); err != nil {
				return err
			}
			if n.end == nil {
				n.run()
			}
			n.advance(time.Minute) // it is due, and the runner looks
			if d.Dialect == db.MySQL {
				n.enqueue(job.Job{Kind: "flag"})
				n.settle(1) // it has looked: it claims kinds in the order of their names
			}
			return effect(x)(ctx, tx)
		})
		n.Wake()
		if got := receive(t, saw); got != 1 {
			t.Errorf("the job saw %d rows; want 1", got)
		}
	})
}

func TestPriority_fullKindDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		goOn := make(chan struct{})
		begun := make(chan string, 100)
		n.Register("slow", job.Options{Concurrency: 2}, func(_ context.Context, run *job.Run) error {
			begun <- run.Kind
			<-goOn
			return nil
		})
		n.Register("fast", job.Options{}, nothing)
		for range 10 {
			n.enqueue(job.Job{Kind: "slow"})
		}
		n.run()
		receive(t, begun)
		receive(t, begun)
		x := n.enqueue(job.Job{Kind: "fast"})
		if got := receive(t, n.settled); got != x {
			t.Error("a slow job ended")
		}
		if got := len(n.list(job.Filter{States: []job.State{job.Running}})); got != 2 {
			t.Errorf("%d slow jobs run; want 2", got)
		}
		close(goOn)
		n.settle(10)
	})
}

func TestList_filtersAndPages(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		n.Register("a", job.Options{}, nothing)
		n.Register("b", job.Options{}, nothing)
		user := id.New(32, start)
		var ids []id.ID // newest first
		add := func(j job.Job) id.ID {
			n.advance(time.Second)
			j.DueAt = start.Add(time.Hour)
			x := n.enqueue(j)
			ids = append([]id.ID{x}, ids...)
			return x
		}
		one := add(job.Job{Kind: "a", Key: "k"})
		two := add(job.Job{Kind: "b", CreatedBy: user})
		three := add(job.Job{Kind: "a"})
		if err := n.cancel(one); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			filter job.Filter
			want   []id.ID
		}{
			"all":    {job.Filter{}, ids},
			"kinds":  {job.Filter{Kinds: []string{"a", "c"}}, []id.ID{three, one}},
			"states": {job.Filter{States: []job.State{job.Waiting, job.Failed}}, []id.ID{three, two}},
			"key":    {job.Filter{Key: "k"}, []id.ID{one}},
			"user":   {job.Filter{CreatedBy: user}, []id.ID{two}},
			"page":   {job.Filter{After: three, Limit: 1}, []id.ID{two}},
			"none":   {job.Filter{After: one}, nil},
		} {
			var got []id.ID
			for _, i := range n.list(c.filter) {
				got = append(got, i.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestStats_countsAndTellsTheOldestDue(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		n.Register("a", job.Options{}, nothing)
		want := func(w job.Stats) {
			t.Helper()
			got, err := n.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(w, got); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		}
		count := map[job.State]int64{job.Waiting: 0, job.Running: 0, job.Done: 0, job.Failed: 0, job.Cancelled: 0}
		want(job.Stats{Count: count})
		n.enqueue(job.Job{Kind: "a", DueAt: start.Add(3 * time.Minute)})
		n.enqueue(job.Job{Kind: "a", DueAt: start.Add(time.Minute)})
		if err := n.cancel(n.enqueue(job.Job{Kind: "a"})); err != nil {
			t.Fatal(err)
		}
		count[job.Waiting], count[job.Cancelled] = 2, 1
		want(job.Stats{Count: count})
		n.advance(4 * time.Minute)
		want(job.Stats{Count: count, OldestDue: 3 * time.Minute})
	})
}

func TestPurge_deletesWhatEndedLongAgo(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		n := newNode(t, d)
		n.Register("a", job.Options{}, nothing)
		ended := func() id.ID {
			x := n.enqueue(job.Job{Kind: "a"})
			if err := n.cancel(x); err != nil {
				t.Fatal(err)
			}
			return x
		}
		ended()
		ended()
		waiting := n.enqueue(job.Job{Kind: "a"})
		n.advance(time.Hour)
		late := ended()
		got, err := n.Purge(t.Context(), start.Add(time.Minute))
		if err != nil || got != 2 {
			t.Errorf("purged %d, %v; want 2", got, err)
		}
		n.wantState(waiting, job.Waiting)
		n.wantState(late, job.Cancelled)
		if all := n.list(job.Filter{}); len(all) != 2 {
			t.Errorf("%d jobs are left; want 2", len(all))
		}
	})
}
