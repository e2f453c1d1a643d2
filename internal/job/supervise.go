package job

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"farley/internal/db"
)

// writeTimeout bounds the transactions that keep a job's row, in real time.
const writeTimeout = 30 * time.Second

// start runs the handler, and watches over it, until it returns or is abandoned.
func (r *Runner) start(work context.Context, run *Run) {
	ctx, cancel := context.WithCancelCause(work)
	run.cancel = cancel
	r.mu.Lock()
	if r.stopped { // the end of its lease gives it to another node
		r.mu.Unlock()
		cancel(ErrStopping)
		close(run.ended)
		return
	}
	r.running[run.ID] = run
	run.k.busy++
	r.wg.Add(1)
	r.mu.Unlock()

	go func() {
		defer r.wg.Done()
		defer close(run.ended)
		defer r.Wake() // there is room
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.running[run.ID] == run {
				delete(r.running, run.ID)
			}
			run.k.busy--
		}()
		defer cancel(nil)
		r.supervise(ctx, run)
		if r.settled != nil {
			r.settled(run.ID)
		}
	}()
}

func (r *Runner) supervise(ctx context.Context, run *Run) {
	returned := make(chan error, 1)
	var timeout <-chan time.Time
	if run.k.Timeout > 0 {
		timeout = r.clock.After(run.k.Timeout)
	}
	beat := r.clock.After(run.k.Lease / 3)
	began := r.clock.Now()
	go r.call(ctx, run, returned)
	for {
		select {
		case err := <-returned:
			took := r.clock.Now().Sub(began)
			r.observe(run, r.settle(ctx, run, err), took)
			return
		case <-beat:
			beat = r.clock.After(run.k.Lease / 3)
			r.beat(ctx, run)
		case <-timeout:
			run.cancel(ErrTimeout)
		case <-r.abandoned:
			r.logger.WarnContext(ctx, "a job's handler does not stop; it is left behind", "job", run.ID.String(), "kind", run.Kind)
			r.observe(run, r.settle(ctx, run, ErrStopping), r.clock.Now().Sub(began))
			return
		}
	}
}

// call runs the handler. Whatever it does, one error or nil arrives at returned.
func (r *Runner) call(ctx context.Context, run *Run, returned chan<- error) {
	err := errGoexit
	ctx, span := r.runSpan(ctx, run)
	defer func() { endRunSpan(span, err) }()
	defer func() {
		if p := recover(); p != nil {
			r.logger.ErrorContext(ctx, "a job's handler panicked", "job", run.ID.String(), "kind", run.Kind, "stack", string(debug.Stack()))
			err = panicked{p}
		}
		returned <- err
	}()
	err = run.k.handler(ctx, run)
}

// beat renews the lease, and ends the handler's context when the job shall be cancelled or is lost.
func (r *Runner) beat(ctx context.Context, run *Run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	var until time.Time
	err := r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		// The run's own Finish may have the row locked: nobody can take the job meanwhile.
		h, err := run.lock(ctx, tx, tryLock)
		if err != nil {
			return err
		}
		if h.cancel {
			return ErrCancelled
		}
		until = r.clock.Now().Add(run.k.Lease)
		_, err = tx.ExecContext(ctx, "UPDATE jobs SET wake_at = ? WHERE id = ?", until, run.ID)
		return err
	})
	switch {
	case err == nil:
		run.leaseUntil = until
	case errors.Is(err, errBusy), run.finished.Load():
	case errors.Is(err, ErrCancelled):
		run.cancel(ErrCancelled)
	case errors.Is(err, ErrLost):
		run.cancel(ErrLost)
	default:
		r.logger.WarnContext(ctx, "renewing a job's lease failed", "job", run.ID.String(), "kind", run.Kind, "error", err)
		if !r.clock.Now().Before(run.leaseUntil) { // another node may have it by now
			run.cancel(ErrLost)
		}
	}
}

// settle records how the run ended. When that cannot be recorded, the lease will end and the job run again.
func (r *Runner) settle(ctx context.Context, run *Run, outcome error) (ended Outcome) {
	if run.finished.Load() {
		if outcome != nil {
			r.logger.WarnContext(ctx, "a job's handler failed after finishing", "job", run.ID.String(), "kind", run.Kind, "error", outcome)
		}
		return Succeeded
	}
	cause := context.Cause(ctx)
	if outcome != nil && cause != nil && !errors.Is(outcome, cause) {
		outcome = fmt.Errorf("%w (%w)", outcome, cause)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	err := r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		h, err := run.lock(ctx, tx, lock)
		if err != nil {
			return err
		}
		r.changed(tx, run.ID)
		ended, err = r.conclude(ctx, tx, run, h, outcome, cause)
		return err
	})
	switch {
	case errors.Is(err, ErrLost):
		ended = Lost
		r.logger.WarnContext(ctx, "a job was lost to another run", "job", run.ID.String(), "kind", run.Kind)
	case err != nil:
		ended = Lost
		r.logger.ErrorContext(ctx, "recording the end of a run failed", "job", run.ID.String(), "kind", run.Kind, "error", err)
	case outcome != nil:
		r.logger.WarnContext(ctx, "a job's run failed", "job", run.ID.String(), "kind", run.Kind, "attempt", run.Attempt, "error", outcome)
	}
	return ended
}

func (r *Runner) observe(run *Run, ended Outcome, took time.Duration) {
	if r.Observe != nil {
		r.Observe(run.Kind, ended, took)
	}
}

// conclude decides what becomes of the locked job.
func (r *Runner) conclude(ctx context.Context, tx *db.Tx, run *Run, h held, outcome, cause error) (Outcome, error) {
	now := r.clock.Now()
	stopping := errors.Is(cause, ErrStopping) || errors.Is(outcome, ErrStopping)
	switch {
	case outcome == nil:
		return Succeeded, h.end(ctx, tx, run.ID, Done, nil, now)
	case h.cancel:
		return WasCancelled, h.end(ctx, tx, run.ID, Cancelled, nil, now)
	case isPermanent(outcome):
		return GaveUp, h.end(ctx, tx, run.ID, Failed, outcome, now)
	case stopping: // the interrupted run does not count; it was due, so it is next
		return Interrupted, h.again(ctx, tx, run.ID, h.attempts-1, nil, h.due)
	case h.attempts >= h.maxAttempts:
		return GaveUp, h.end(ctx, tx, run.ID, Failed, outcome, now)
	}
	pause := r.settings.Jitter(run.k.Backoff.bound(h.attempts)).Truncate(time.Microsecond)
	return WillRetry, h.again(ctx, tx, run.ID, h.attempts, outcome, now.Add(pause))
}
