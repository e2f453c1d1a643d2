package job

import (
	"context"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Handler does the work of one run. A nil error ends the job as DONE; Permanent errors end it as FAILED; any other is
// retried until MaxAttempts. A panic is an error. When ctx ends, context.Cause tells why: ErrCancelled, ErrLost,
// ErrTimeout or ErrStopping.
type Handler func(ctx context.Context, run *Run) error

// Options say how jobs of a kind are run. Zero fields take the default.
type Options struct {
	MaxAttempts int           // runs that may begin, crashed ones included; 10
	Lease       time.Duration // how long a run is left alone without a sign of life; 1 minute, at least 10 ms
	Backoff     Backoff
	Concurrency int           // runs at the same time on one node; 4
	Timeout     time.Duration // of one run; 0: none
}

// Backoff grows by doubling; the pause before a retry is random between nothing and the present bound ("full jitter"), so
// that what failed together does not come back together.
type Backoff struct {
	First time.Duration // bound after the first run; 5 seconds
	Max   time.Duration // bound after many; 1 hour
}

func (o Options) withDefaults() Options {
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 10
	}
	if o.Lease <= 0 {
		o.Lease = time.Minute
	}
	o.Lease = max(o.Lease, 10*time.Millisecond)
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.Backoff.First <= 0 {
		o.Backoff.First = 5 * time.Second
	}
	if o.Backoff.Max <= 0 {
		o.Backoff.Max = time.Hour
	}
	return o
}

// bound returns the longest pause after so many runs.
func (b Backoff) bound(attempts int) time.Duration {
	d := min(b.First, b.Max)
	for i := 1; i < attempts && d < b.Max; i++ {
		d = min(d, b.Max-d) + d // twice as long, without overflow
	}
	return d
}

// Settings of a Runner. Zero fields take the default.
type Settings struct {
	// Poll is how often a runner looks for jobs that other nodes enqueued; 1 second.
	Poll time.Duration
	// Grace is how long handlers may go on after Run's context has ended, before theirs ends; 20 seconds.
	Grace time.Duration
	// Abandon is how much longer Run waits for handlers that do not heed the end of their context; 5 seconds.
	Abandon time.Duration
	// Jitter picks a pause between 0 and bound; uniformly at random.
	Jitter func(bound time.Duration) time.Duration
	// Tracer makes a span of each run, linked with the span that enqueued the job if that was on this node; nil: none.
	Tracer trace.Tracer
}

func (s Settings) withDefaults() Settings {
	if s.Poll <= 0 {
		s.Poll = time.Second
	}
	if s.Grace <= 0 {
		s.Grace = 20 * time.Second
	}
	if s.Abandon <= 0 {
		s.Abandon = 5 * time.Second
	}
	if s.Jitter == nil {
		s.Jitter = func(bound time.Duration) time.Duration { return rand.N(bound + 1) }
	}
	return s
}
