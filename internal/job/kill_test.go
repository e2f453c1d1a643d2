package job_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/job"
)

// killedDatabase names, in the environment of the helper process, the database whose jobs it runs.
const killedDatabase = "FARLEY_JOB_KILLED_DATABASE"

// shortLease is what the kill test waits for after each kill.
const shortLease = 60 * time.Millisecond

// worker returns a runner by the machine's clock whose handler tells say what it is about.
func worker(d *db.DB, say func(what string)) *job.Runner {
	r := job.New(d, clock.System{}, slog.New(slog.DiscardHandler), job.Settings{Poll: 20 * time.Millisecond})
	r.Register("effect", job.Options{MaxAttempts: 1000, Lease: shortLease, Concurrency: 3}, func(ctx context.Context, run *job.Run) error {
		say("begun")
		err := run.Finish(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := effect(run.ID)(ctx, tx); err != nil {
				return err
			}
			say("inserted")
			return nil
		})
		say("finished")
		return err
	})
	return r
}

// TestKilled_helper is no test: it is the process that TestKill starts, and kills.
func TestKilled_helper(t *testing.T) {
	databaseURL := os.Getenv(killedDatabase)
	if databaseURL == "" {
		t.Skip("only as the helper of TestKill")
	}
	d, err := db.Open(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	r := worker(d, func(what string) {
		fmt.Println("job " + what) //nolint:forbidigo // the parent reads it
	})
	go func() { _ = r.Run(context.Background()) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, should that be killed
}

// Whatever moment a worker is killed at, each job takes effect exactly once.
func TestKill_effectsHappenOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		effects(t, d)
		finished := make(chan id.ID, 10_000)
		r := worker(d.DB, func(string) {})
		r.OnSettled(func(x id.ID) { finished <- x })
		want := map[id.ID]int{}
		const kills, jobs = 20, 15
		for range kills {
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				for range jobs {
					x, err := r.Enqueue(ctx, tx, job.Job{Kind: "effect"})
					if err != nil {
						return err
					}
					want[x] = 1
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			runAndKill(t, d.URL, 1+rand.N(2*jobs))
		}
		before := countEffects(t, d)
		if len(before) == 0 || len(before) == len(want) {
			t.Errorf("the killed workers did %d of %d jobs; want some to be left", len(before), len(want))
		}

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		for done := false; !done; {
			receive(t, finished)
			s, err := r.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done = s.Count[job.Done] == int64(len(want))
		}
		cancel()
		receive(t, ended)
		if diff := cmp.Diff(want, countEffects(t, d)); diff != "" {
			t.Errorf("effects (-want +got):\n%s", diff)
		}
	})
}

// runAndKill has a helper process run jobs until it has said n things, and kills it.
func runAndKill(t *testing.T, databaseURL string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	helper := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilled_helper$") //nolint:gosec // ourselves
	helper.Env = append(os.Environ(), killedDatabase+"="+databaseURL)
	if _, err := helper.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	said := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "job ") {
			continue // of the test framework
		}
		if said++; said == n {
			if err := helper.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = helper.Wait() // killed
	if said < n {
		t.Fatalf("the helper said %d things; want %d", said, n)
	}
}
