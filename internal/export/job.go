package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"farley/internal/access"
	"farley/internal/audit"
	"farley/internal/fault"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/write"
)

// The states of an export.
const (
	waiting   = "WAITING"
	running   = "RUNNING"
	done      = "DONE"
	failed    = "FAILED"
	cancelled = "CANCELLED"
	expired   = "EXPIRED"
)

// The kinds of the jobs.
const (
	jobKind = "export"
	tending = "exports.tend" // ends exports whose job has gone, and those whose file's time is over
)

// lease is how long an export waits for a run that was killed.
const lease = 15 * time.Second

// TendEvery is how often exports are looked after.
const TendEvery = 15 * time.Minute

// progressEvery is how often the record tells how far an export is.
const progressEvery = time.Second

func (s *Service) register() {
	s.Jobs.Register(jobKind, job.Options{MaxAttempts: 5, Concurrency: 2, Lease: lease}, s.run)
	s.Jobs.Register(tending, job.Options{Concurrency: 1}, s.tend)
	s.Jobs.Every(tending, "tend", TendEvery)
}

// errEnded says that an export has ended otherwise, or is written by another run.
var errEnded = errors.New("export: it has ended, or another run writes it")

// attempt is one run at an export. A run that follows a crash begins anew; what the former one put into the store belongs
// to no record.
type attempt struct {
	*Service
	run   *job.Run
	x     id.ID
	user  id.ID
	r     Request
	total int64     // 0 while not known
	told  time.Time // when the record was told last
}

// run writes one export.
func (s *Service) run(ctx context.Context, run *job.Run) error {
	a := &attempt{Service: s, run: run, user: run.CreatedBy}
	if err := run.Decode(&a.x); err != nil {
		return err
	}
	err := a.begin(ctx)
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	content, written, err := a.written(ctx)
	if err == nil {
		if err = a.finish(ctx, content, written); err == nil {
			return nil
		}
		s.Files.Discard(ctx, content)
	}
	return a.fail(ctx, err)
}

// written is write, after the record has been told how many records there are.
func (a *attempt) written(ctx context.Context) (file.Content, int64, error) {
	total, err := a.count(ctx, a.user, a.r)
	if err == nil && total > 0 {
		a.total = total
		err = a.do(ctx, func(ctx context.Context, tx *write.Tx, r *write.Record) error {
			if err := a.mine(r); err != nil || r.Values["total"] == total {
				return err
			}
			return tx.Set(ctx, a.kind, a.x, map[string]any{"total": total})
		})
	}
	if err != nil {
		return file.Content{}, 0, err
	}
	return a.write(ctx)
}

// begin takes the export for this run.
func (a *attempt) begin(ctx context.Context) error {
	return a.do(ctx, func(ctx context.Context, tx *write.Tx, r *write.Record) error {
		if status := r.Values["status"]; status != waiting && status != running {
			return errEnded
		}
		text, _ := r.Values["request"].(string)
		if err := json.Unmarshal([]byte(text), &a.r); err != nil {
			return job.Permanent(err)
		}
		columns := map[string]any{"status": running, "attempt": a.run.Fence, "done": int64(0)}
		if r.Values["started_at"] == nil {
			columns["started_at"] = tx.Now
		}
		return tx.Set(ctx, a.kind, a.x, columns)
	})
}

// do runs fn on the locked record, as Farley for the starter. An export that is not there any more has ended.
func (a *attempt) do(ctx context.Context, fn func(ctx context.Context, tx *write.Tx, r *write.Record) error) error {
	ctx = access.With(ctx, starter(a.user))
	return a.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		r, err := tx.Lock(ctx, a.kind, a.x)
		if err != nil {
			return err
		}
		if r == nil || r.InBin() {
			return errEnded
		}
		return fn(ctx, tx, r)
	})
}

// starter is an actor who may do nothing, in whose name Farley writes.
func starter(user id.ID) *access.Actor {
	a := *access.From(context.Background())
	a.User = user
	return &a
}

// mine refuses to go on when the export has ended, or another run has taken it.
func (a *attempt) mine(r *write.Record) error {
	if r.Values["status"] != running || r.Values["attempt"] != a.run.Fence {
		return errEnded
	}
	return nil
}

// write writes the file into the store.
func (a *attempt) write(ctx context.Context) (file.Content, int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, in := io.Pipe()
	var written int64
	var broken error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			if v := recover(); v != nil {
				broken = fmt.Errorf("panic: %v", v)
			}
			_ = in.CloseWithError(broken) // nil: the file is whole
		}()
		written, broken = a.Stream(ctx, a.user, a.r, in, a.progress)
	}()
	content, err := a.Files.Save(ctx, out, 0)
	if err != nil {
		cancel(err)
		_ = out.CloseWithError(err)
	}
	<-ended
	if broken != nil {
		err = broken // of which err is the consequence, unless the store failed first
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
	}
	if err != nil {
		a.Files.Discard(ctx, content)
		return file.Content{}, written, err
	}
	return content, written, nil
}

// progress tells the record, at most once a second, how far it is, and ends a run that is not wanted any more.
func (a *attempt) progress(ctx context.Context, written int64) error {
	now := a.Writer.Clock.Now()
	if !a.told.IsZero() && now.Before(a.told.Add(progressEvery)) {
		return nil
	}
	a.told = now
	err := a.do(ctx, func(ctx context.Context, tx *write.Tx, r *write.Record) error {
		if err := a.mine(r); err != nil {
			return err
		}
		if r.Values["done"] == written {
			return nil
		}
		return tx.Set(ctx, a.kind, a.x, map[string]any{"done": written})
	})
	if err != nil {
		return err
	}
	return a.run.Progress(ctx, written, 0)
}

// finish makes the file READY and the export DONE, at once.
func (a *attempt) finish(ctx context.Context, c file.Content, written int64) error {
	return a.do(ctx, func(ctx context.Context, tx *write.Tx, r *write.Record) error {
		if err := a.mine(r); err != nil {
			return err
		}
		x, _ := r.Values["file_id"].(id.ID)
		expires := tx.Now.Add(Keep)
		if err := a.Files.Fill(ctx, tx, x, mediaType[a.r.Format], c, expires); err != nil {
			return err
		}
		if err := a.tell(ctx, tx, written); err != nil {
			return err
		}
		return tx.Set(ctx, a.kind, a.x, map[string]any{"status": done, "done": written, "total": written, "finished_at": tx.Now, "expires_at": expires})
	})
}

// tell has the audit trail say what was taken.
func (a *attempt) tell(ctx context.Context, tx *write.Tx, written int64) error {
	e := a.exported(a.r, a.user, a.x, written)
	e.Action = audit.Exported
	return a.Audit.RecordIn(ctx, tx.Tx, e)
}

// fail decides what becomes of a run that failed: what another one would mend is tried again, the rest ends the export.
func (a *attempt) fail(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(err, errEnded):
		return nil
	case errors.Is(err, job.ErrCancelled) || errors.Is(cause, job.ErrCancelled):
		return errors.Join(err, a.end(ctx, cancelled, ""))
	case cause != nil || errors.Is(err, job.ErrLost):
		return err
	}
	switch fault.CodeOf(err) {
	case fault.Forbidden, fault.Unauthenticated, fault.Invalid, fault.NotFound, fault.Limited, fault.BadRequest:
		return errors.Join(job.Permanent(err), a.end(ctx, failed, problem(err)))
	}
	if a.run.Attempt >= a.run.MaxAttempts {
		return errors.Join(err, a.end(ctx, failed, "It could not be written."))
	}
	return err
}

// problem says why an export failed, in the words of a refusal, which name kinds, fields and limits and nobody's data.
func problem(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return "It could not be written."
	}
	return fmt.Sprintf(f.Message, f.Args...)
}

// endTime bounds how long the end of a run that was cancelled may take to be written.
const endTime = 10 * time.Second

// end ends the export without a file.
func (a *attempt) end(ctx context.Context, status, why string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	err := a.do(ctx, func(ctx context.Context, tx *write.Tx, r *write.Record) error {
		if err := a.mine(r); err != nil {
			return err
		}
		return a.close(ctx, tx, r, status, why)
	})
	if errors.Is(err, errEnded) {
		return nil
	}
	return err
}

// close ends an export and takes its file away.
func (s *Service) close(ctx context.Context, tx *write.Tx, r *write.Record, status, why string) error {
	if x, ok := r.Values["file_id"].(id.ID); ok {
		if err := s.Files.Drop(ctx, tx, x); err != nil {
			return err
		}
	}
	columns := map[string]any{"status": status}
	if why != "" {
		columns["problem"] = why
	}
	if r.Values["finished_at"] == nil {
		columns["finished_at"] = tx.Now
	}
	return tx.Set(ctx, s.kind, r.ID, columns)
}

// Cancel stops an export. NOT_FOUND for one out of sight, FORBIDDEN for who neither started it nor may change it, CONFLICT
// for one that has ended otherwise.
func (s *Service) Cancel(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, Started) error) error {
	var x id.ID
	if err := x.UnmarshalGQL(c.Input["export"]); err != nil || x.Kind() != s.kind.Code {
		var p fault.Violations
		p.Add([]any{"input", "export"}, "FORMAT", "This is not an id of the right kind.")
		return p.Err()
	}
	return write.Perform(ctx, s.Writer, c, key, func(ctx context.Context, tx *write.Tx) (Started, error) {
		r, err := tx.InSight(ctx, s.kind, x)
		if err == nil && r.InBin() {
			err = write.NotFound(s.kind)
		}
		if err != nil {
			return Started{}, err
		}
		if r.Values["created_by_id"] != tx.Actor.User && !tx.May(r, access.Update) {
			return Started{}, fault.New(fault.Forbidden, "You may not do this to this %s.", s.kind.Name)
		}
		switch r.Values["status"] {
		case cancelled:
			return Started{x}, nil
		case waiting, running:
		default:
			return Started{}, fault.New(fault.Conflict, "The export has ended.")
		}
		return Started{x}, s.stop(ctx, tx, r, cancelled, "")
	}, answer)
}

// stop ends an export that has not ended, and its job.
func (s *Service) stop(ctx context.Context, tx *write.Tx, r *write.Record, status, why string) error {
	if err := s.close(ctx, tx, r, status, why); err != nil {
		return err
	}
	work, _ := r.Values["job_id"].(id.ID)
	if work.IsZero() {
		return nil
	}
	err := s.Jobs.Cancel(ctx, tx.Tx, work)
	if code := fault.CodeOf(err); code == fault.Conflict || code == fault.NotFound {
		return nil // it has ended by itself
	}
	return err
}

// tend ends exports whose job has gone without saying so, and says of those whose file's time is over that they are.
func (s *Service) tend(ctx context.Context, run *job.Run) error {
	var n int64
	each := func(query, status, why string, args ...any) error {
		for {
			found, err := s.ids(ctx, query, args...)
			if err != nil {
				return err
			}
			for _, x := range found {
				err := s.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
					r, err := tx.Lock(ctx, s.kind, x)
					if err != nil || r == nil || r.InBin() || r.Values["status"] != done && status == expired || status == failed && r.Values["status"] != waiting && r.Values["status"] != running {
						return err
					}
					return s.close(ctx, tx, r, status, why)
				})
				if err != nil {
					return err
				}
				n++
			}
			if len(found) < batch {
				return run.Progress(ctx, n, 0)
			}
		}
	}
	err := each("SELECT `id` FROM `exports` WHERE `deleted_at` IS NULL AND `expires_at` <= ? AND `status` = 'DONE' ORDER BY `expires_at`, `id` LIMIT ?", expired, "", s.Writer.Clock.Now(), batch)
	if err != nil {
		return err
	}
	err = each("SELECT e.`id` FROM `exports` e LEFT JOIN `jobs` j ON j.`id` = e.`job_id` WHERE e.`deleted_at` IS NULL AND e.`status` IN ('WAITING', 'RUNNING')"+
		" AND (j.`id` IS NULL OR j.`state` NOT IN ('WAITING', 'RUNNING')) AND e.`created_at` < ? ORDER BY e.`id` LIMIT ?", failed, "It could not be written.", s.Writer.Clock.Now().Add(-TendEvery), batch)
	if err != nil {
		return err
	}
	return run.Progress(ctx, n, n)
}

// batch is how many are looked up at once.
const batch = 100

func (s *Service) ids(ctx context.Context, query string, args ...any) ([]id.ID, error) {
	tx, err := s.Writer.DB.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []id.ID
	for rows.Next() {
		var x id.ID
		if err := rows.Scan(&x); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, rows.Err()
}
