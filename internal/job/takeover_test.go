package job_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
	"farley/internal/job"
)

// heldDatabase names, in the environment of the helper process, the database whose job it holds.
const heldDatabase = "FARLEY_JOB_HELD_DATABASE"

// heldLease is long enough for signs of life to come in time on a busy machine.
const heldLease = 1500 * time.Millisecond

func holder(d *db.DB, handler job.Handler) *job.Runner {
	r := job.New(d, clock.System{}, slog.New(slog.DiscardHandler), job.Settings{Poll: 50 * time.Millisecond})
	r.Register("held", job.Options{Lease: heldLease}, handler)
	return r
}

// TestHeld_helper is no test: it is the process that holds the job, and is killed.
func TestHeld_helper(t *testing.T) {
	t.Parallel()
	databaseURL := os.Getenv(heldDatabase)
	if databaseURL == "" {
		t.Skip("only as the helper of TestLease_holderIsKilled")
	}
	d, err := db.Open(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	r := holder(d, func(ctx context.Context, run *job.Run) error {
		fmt.Println("held by attempt", run.Attempt) //nolint:forbidigo // the parent reads it
		<-ctx.Done()
		return ctx.Err()
	})
	go func() { _ = r.Run(context.Background()) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, should that be killed
}

// A job whose holder is another process is left alone for as long as that one lives, longer than the lease; when it is
// killed, this node takes the job over, once the lease has ended.
func TestLease_holderIsKilled(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		runs := make(chan *job.Run, 10)
		r := holder(d.DB, func(_ context.Context, run *job.Run) error {
			runs <- run
			return nil
		})
		var x id.ID
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			x, err = r.Enqueue(ctx, tx, job.Job{Kind: "held"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		helper := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHeld_helper$") //nolint:gosec // ourselves
		helper.Env = append(os.Environ(), heldDatabase+"="+d.URL)
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
		defer func() { _ = helper.Wait() }() // killed
		for lines := bufio.NewScanner(out); lines.Scan() && !strings.HasPrefix(lines.Text(), "held by attempt 1"); {
			continue // what the test framework says
		}

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		first := leaseOf(t, d, x)
		for end := time.Now().Add(deadline); leaseOf(t, d, x).Sub(first) < heldLease+heldLease/2; { // signs of life
			if time.Now().After(end) {
				t.Fatal("the holder gives no sign of life")
			}
		}
		if len(runs) != 0 {
			t.Fatal("the job was taken from a living holder")
		}
		if err := helper.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		killed := time.Now()
		run := receive(t, runs)
		took := time.Since(killed)
		t.Logf("with a lease of %v the job was taken over after %v", heldLease, took)
		if run.ID != x || run.Attempt != 2 || run.Fence != 2 {
			t.Errorf("attempt %d with fence %d", run.Attempt, run.Fence)
		}
		if took < heldLease/2 {
			t.Errorf("taken over after %v: the lease had not ended", took)
		}
		cancel()
		receive(t, ended)
	})
}

// leaseOf returns when the lease of a running job ends.
func leaseOf(t *testing.T, d *testdb.DB, x id.ID) (until time.Time) {
	t.Helper()
	tx, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	if err := tx.QueryRow(t.Context(), "SELECT wake_at FROM jobs WHERE id = ?", []any{x}, &until); err != nil {
		t.Fatal(err)
	}
	return until
}
