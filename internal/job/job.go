// Package job runs durable background work and timers: rows with a due time in table jobs, claimed by lease, retried with
// back-off, idempotent by key. They survive kill -9 and run on any node that registered their kind.
//
// A job runs at least once. Its effect on the database happens exactly once if the handler commits it with Run.Finish
// (or, in parts, with Run.Step): the transaction checks that the run still holds the job, and ends it.
//
//	runner := job.New(d, clock, logger, job.Settings{})
//	runner.Register("reminder", job.Options{}, remind)
//	go runner.Run(ctx)
//	d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
//		…
//		_, err := runner.Enqueue(ctx, tx, job.Job{Kind: "reminder", Key: task.String(), DueAt: at})
//		return err
//	})
//
// Nodes judge due times and leases by their own clocks; one that is wrong by more than a lease costs a second run, never a
// second effect.
package job

import (
	"encoding/json"
	"errors"
	"time"

	"farley/internal/id"
)

// Kind is the kind of job ids.
const Kind id.Kind = 3

// State is where a job is in its life.
type State string

// The states of a job.
const (
	Waiting   State = "WAITING"   // for its due time, the first or that of a retry
	Running   State = "RUNNING"   // held by a runner, until the end of its lease
	Done      State = "DONE"      // ended well
	Failed    State = "FAILED"    // out of attempts, or failed for good
	Cancelled State = "CANCELLED" // on request
)

// States lists every state.
func States() []State { return []State{Waiting, Running, Done, Failed, Cancelled} }

// Ended reports whether nothing further happens to a job in the state unless it is retried.
func (s State) Ended() bool { return s == Done || s == Failed || s == Cancelled }

var (
	// ErrLost is returned, wrapped, to a run that no longer holds its job. Nothing of the transaction is committed.
	ErrLost = errors.New("the job is no longer held by this run")
	// ErrCancelled is returned, wrapped, to a run whose job shall be cancelled, and is the cause of its context's end.
	ErrCancelled = errors.New("the job is cancelled")
	// ErrStopping is the cause of the end of a handler's context when the runner stops.
	ErrStopping = errors.New("the runner stops")
	// ErrTimeout is the cause of the end of a handler's context when the run took longer than Options.Timeout.
	ErrTimeout = errors.New("the run took too long")
)

// Job describes work to be done.
type Job struct {
	// Kind is a registered kind.
	Kind string
	// Key, at most 190 characters, makes the job unique in its kind while it waits or runs. Empty: not unique.
	//
	// A job that waits runs after the transaction that named it again was committed. One that runs already may have read
	// what was there before: work that must see its cause needs a key that says more (a version), or none.
	Key string
	// Once leaves the key taken after the job has ended, in whatever state, until it is purged.
	Once bool
	// Payload is kept as JSON, at most MaxPayload bytes. It should name records by id rather than copy them.
	Payload any
	// DueAt is when the job may start. Zero: at once.
	DueAt time.Time
	// CreatedBy is the user who caused it. Zero: Farley itself.
	CreatedBy id.ID
}

// MaxPayload limits the JSON of a payload, in bytes.
const MaxPayload = 1 << 20

// Info is a job as it is.
type Info struct {
	ID              id.ID
	Kind            string
	Key             string        // empty: none
	Interval        time.Duration // of a periodic job, else 0
	Payload         json.RawMessage
	State           State
	DueAt           time.Time // when it may start, or was due when it started
	Attempts        int       // runs begun since it was enqueued, retried by hand, or (periodic) since it last ended
	MaxAttempts     int
	LeaseUntil      time.Time // while it runs
	CancelRequested bool      // it runs, and will be cancelled
	LastError       string    // of the last run that failed; short, without personal data
	ProgressDone    int64
	ProgressTotal   int64 // 0 while not known
	CreatedAt       time.Time
	CreatedBy       id.ID
	FinishedAt      time.Time // of a periodic job: when it last ended
}
