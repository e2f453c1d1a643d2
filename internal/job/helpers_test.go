package job_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// deadline of anything a test waits for.
const deadline = 30 * time.Second

// node is a runner with a clock of its own.
type node struct {
	*job.Runner
	t       *testing.T
	d       *db.DB
	clock   *clock.Test
	settled chan id.ID
	end     func() // stops Run and waits for it
}

// newNode returns a node on the database of d whose pauses before retries are the longest possible.
func newNode(t *testing.T, d *testdb.DB) *node {
	t.Helper()
	c := clock.NewTest(start)
	n := &node{t: t, d: d.DB, clock: c, settled: make(chan id.ID, 10_000)}
	n.Runner = job.New(d.DB, c, slog.New(slog.DiscardHandler), job.Settings{
		Jitter: func(bound time.Duration) time.Duration { return bound },
	})
	n.OnSettled(func(x id.ID) { n.settled <- x })
	return n
}

// run starts the runner. The test's end stops it.
func (n *node) run() {
	n.t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	cause := errors.New("the test ends")
	stopped := false
	n.end = func() {
		if stopped {
			return
		}
		stopped = true
		cancel(cause)
		if err := receive(n.t, ended); !errors.Is(err, cause) {
			n.t.Errorf("Run returned %v; want the cause of its context's end", err)
		}
	}
	n.t.Cleanup(n.end)
}

// advance moves the node's clock.
func (n *node) advance(d time.Duration) { n.clock.Advance(n.clock.Now().Add(d)) }

// settle waits for the end of n runs.
func (n *node) settle(runs int) {
	n.t.Helper()
	for range runs {
		receive(n.t, n.settled)
	}
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(deadline):
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}

func (n *node) enqueue(j job.Job) id.ID {
	n.t.Helper()
	var x id.ID
	n.write(func(ctx context.Context, tx *db.Tx) (err error) {
		x, err = n.Enqueue(ctx, tx, j)
		return err
	})
	return x
}

func (n *node) write(fn func(ctx context.Context, tx *db.Tx) error) {
	n.t.Helper()
	if err := n.d.Write(n.t.Context(), fn); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) cancel(x id.ID) error {
	return n.d.Write(n.t.Context(), func(ctx context.Context, tx *db.Tx) error { return n.Cancel(ctx, tx, x) })
}

func (n *node) retry(x id.ID) error {
	return n.d.Write(n.t.Context(), func(ctx context.Context, tx *db.Tx) error { return n.Retry(ctx, tx, x) })
}

func (n *node) get(x id.ID) job.Info {
	n.t.Helper()
	tx, err := n.d.Snapshot(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	i, err := n.Get(n.t.Context(), tx, x)
	if err != nil {
		n.t.Fatal(err)
	}
	return i
}

func (n *node) list(f job.Filter) []job.Info {
	n.t.Helper()
	tx, err := n.d.Snapshot(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	all, err := n.List(n.t.Context(), tx, f)
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

func (n *node) wantState(x id.ID, want job.State) {
	n.t.Helper()
	if got := n.get(x).State; got != want {
		n.t.Errorf("the job is %s; want %s", got, want)
	}
}

func wantCode(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Errorf("error %v has code %s; want %s", err, got, want)
	}
}

// effects makes the table into which handlers write what they did.
func effects(t *testing.T, d *testdb.DB) {
	t.Helper()
	columns := "(job BLOB NOT NULL)"
	if d.Dialect == db.MySQL {
		columns = "(job BINARY(16) NOT NULL)"
	}
	if _, err := d.Pool().ExecContext(t.Context(), "CREATE TABLE effects "+columns); err != nil {
		t.Fatal(err)
	}
}

func effect(x id.ID) func(ctx context.Context, tx *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO effects (job) VALUES (?)", x)
		return err
	}
}

// countEffects returns how often each job took effect.
func countEffects(t *testing.T, d *testdb.DB) map[id.ID]int {
	t.Helper()
	rows, err := d.Pool().QueryContext(t.Context(), "SELECT job, COUNT(*) FROM effects GROUP BY job")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	count := map[id.ID]int{}
	for rows.Next() {
		var x id.ID
		var n int
		if err := rows.Scan(&x, &n); err != nil {
			t.Fatal(err)
		}
		count[x] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return count
}
