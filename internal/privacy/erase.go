package privacy

import (
	"context"
	"errors"
	"fmt"

	"farley/internal/audit"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/model"
	"farley/internal/write"
)

// EraseJob is the kind of the job that ends an erasure.
const EraseJob = "erasure"

const (
	atOnce       = 200   // records that the erasure itself erases; the rest is the job's
	historyRows  = 2_000 // change rows that one transaction looks at
	removeBudget = 500   // records that one transaction removes
)

// Count is how many records of a kind there are.
type Count struct {
	Kind  string `json:"kind"`
	Count int64  `json:"count"`
}

// Erased is the outcome of Erase.
type Erased struct {
	Record id.ID   `json:"record"`
	Counts []Count `json:"counts"`
	Job    id.ID   `json:"job"`
}

type erasure struct {
	Record id.ID `json:"record"`
}

// Erase takes what is personal from somebody's record and from everything about it. In one transaction the record itself
// loses it, with as much of the rest as a transaction may hold; a job does what is left, and is done when nothing is.
//
// INVALID for a firm's account, NOT_FOUND out of sight, FORBIDDEN without the right, CONFLICT for another version.
func (s *Service) Erase(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, Erased) error) error {
	return write.Perform(ctx, s.Writer, c, key, func(ctx context.Context, tx *write.Tx) (Erased, error) {
		k, x, err := subject(tx.Kinds(), c.Input, "input")
		if err != nil {
			return Erased{}, err
		}
		r, err := tx.InSight(ctx, k, x)
		if err != nil {
			return Erased{}, err
		}
		if !tx.May(r, eraseAction) {
			return Erased{}, fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
		}
		if err := write.ExpectVersion(r, c.ExpectedVersion); err != nil {
			return Erased{}, err
		}
		if err := notPerson(k, r.Values, "input"); err != nil {
			return Erased{}, err
		}
		out := Erased{Record: x}
		if out.Counts, err = s.counts(ctx, tx.Tx, k, x); err != nil {
			return Erased{}, err
		}
		reason, _ := c.Input["reason"].(string)
		err = s.Audit.RecordIn(ctx, tx.Tx, audit.Entry{Action: audit.Erased, Object: k.Code, Record: x, Count: total(out.Counts), Detail: "erasure of personal data: " + reason})
		if err != nil {
			return Erased{}, err
		}
		out.Job, err = s.begin(ctx, tx, k, x)
		return out, err
	}, answer)
}

func total(counts []Count) (n int64) {
	for _, c := range counts {
		n += c.Count
	}
	return n
}

// counts counts the records of a person by kind, those that links are made of left out.
func (s *Service) counts(ctx context.Context, tx *db.Tx, k *model.Kind, x id.ID) ([]Count, error) {
	people, err := s.same(ctx, tx, k, x)
	if err != nil {
		return nil, err
	}
	by := map[*model.Kind]int64{}
	for _, m := range people {
		by[m.kind]++
		for _, w := range about(s.Writer.Set, m.kind) {
			if w.kind.Person || w.kind.Sight == model.ByUser || w.kind.Link {
				continue // counted already, or no records to people
			}
			var n int64
			query, args := w.from(m.id)
			if err := tx.QueryRow(ctx, "SELECT COUNT(*)"+query, args, &n); err != nil {
				return nil, err
			}
			by[w.kind] += n
		}
	}
	var out []Count
	for _, k := range s.Writer.Set.Kinds {
		if by[k] > 0 {
			out = append(out, Count{k.Const, by[k]})
		}
	}
	return out, nil
}

// begin erases the record and what fits into the transaction, and has the job do the rest.
func (s *Service) begin(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) (id.ID, error) {
	if _, err := tx.Hold(ctx, k, x); err != nil {
		return id.ID{}, err
	}
	if _, err := tx.History(ctx, k, x, 0, historyRows); err != nil {
		return id.ID{}, err
	}
	if err := tx.Erase(ctx, k, x); err != nil {
		return id.ID{}, err
	}
	people, err := s.same(ctx, tx.Tx, k, x)
	if err != nil {
		return id.ID{}, err
	}
	left, err := s.left(ctx, tx.Tx, people, atOnce)
	if err != nil {
		return id.ID{}, err
	}
	for _, m := range left {
		if _, err := s.one(ctx, tx, m, 0); err != nil {
			return id.ID{}, err
		}
	}
	return s.Jobs.Enqueue(ctx, tx.Tx, job.Job{Kind: EraseJob, Key: x.String(), Payload: erasure{x}, CreatedBy: tx.Actor.User})
}

// left returns records of the person, most of them at most, in which something personal is left.
func (s *Service) left(ctx context.Context, tx *db.Tx, people []member, most int) ([]member, error) {
	var out []member
	look := func(k *model.Kind, from string, args []any) error {
		cond, more := pending(k)
		ids, err := queryIDs(ctx, tx, "SELECT `id`"+from+cond+" ORDER BY `id` LIMIT ?", append(append(args, more...), most-len(out))...)
		for _, x := range ids {
			out = add(out, member{k, x})
		}
		return err
	}
	for _, m := range people {
		if len(out) < most {
			if err := look(m.kind, " FROM `"+m.kind.Table+"` WHERE `id` = ?", []any{m.id}); err != nil {
				return nil, err
			}
		}
		for _, w := range about(s.Writer.Set, m.kind) {
			if len(out) >= most {
				return out, nil
			}
			from, args := w.from(m.id)
			if err := look(w.kind, from, args); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// one erases one record, its history first: from the row behind after on. It returns the row behind which to go on when that
// is too long for one transaction, or when more has to be removed than fits into one; 0 when it is done.
func (s *Service) one(ctx context.Context, tx *write.Tx, m member, after int64) (next int64, err error) {
	if next, err = tx.History(ctx, m.kind, m.id, after, historyRows); err != nil || next > 0 {
		return next, err
	}
	if !m.kind.GoesAlong {
		return 0, tx.Erase(ctx, m.kind, m.id)
	}
	_, done, err := tx.Remove(ctx, m.kind, m.id, removeBudget)
	if err == nil && !done {
		next = after + 1
	}
	return next, err
}

// finishErasure does what an erasure has left. Every transaction leaves less, and what is left shows in the records, so a run
// that ended anyhow is gone on with from where it came.
func (s *Service) finishErasure(ctx context.Context, run *job.Run) error {
	var e erasure
	if err := run.Decode(&e); err != nil {
		return err
	}
	k := s.Writer.Set.Of(e.Record)
	if k == nil {
		return job.Permanent(fmt.Errorf("privacy: %s is of no kind", e.Record))
	}
	if err := s.finish(ctx, k, e.Record, run.Progress); err != nil {
		return fmt.Errorf("erase %s: %w", e.Record, err)
	}
	return nil
}

// leftBatch is how many records are looked up at once.
const leftBatch = 100

func (s *Service) finish(ctx context.Context, k *model.Kind, x id.ID, progress func(ctx context.Context, done, total int64) error) error {
	var done int64
	for {
		people, left, err := s.look(ctx, k, x)
		if err != nil {
			return err
		}
		for _, m := range left {
			if err := s.each(ctx, m, s.one); err != nil {
				return err
			}
			done++
			if err := progress(ctx, done, 0); err != nil {
				return err
			}
		}
		if len(left) > 0 {
			continue
		}
		// The histories of those that were erased before their histories were, and of what they were called before a merge.
		for _, m := range people {
			if err := s.each(ctx, m, s.rest); err != nil {
				return err
			}
		}
		break
	}
	if s.Settle != nil {
		if err := s.Settle(ctx); err != nil {
			return err
		}
	}
	if err := s.Writer.DB.Scrub(ctx); err != nil {
		return err
	}
	return progress(ctx, done, max(done, 1))
}

func (s *Service) look(ctx context.Context, k *model.Kind, x id.ID) (people, left []member, err error) {
	tx, err := s.Writer.DB.SnapshotSynced(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = tx.Close() }()
	if people, err = s.same(ctx, tx, k, x); err == nil {
		left, err = s.left(ctx, tx, people, leftBatch)
	}
	return people, left, err
}

// each runs a step on one record in as many transactions as it takes.
func (s *Service) each(ctx context.Context, m member, step func(context.Context, *write.Tx, member, int64) (int64, error)) error {
	var next int64
	for {
		from := next // of every try of the transaction
		err := s.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
			var err error
			next, err = step(ctx, tx, m, from)
			return err
		})
		if err != nil || next == 0 {
			return err
		}
	}
}

// rest wipes what is left in the history of a record that is erased itself, and what is left beside it.
func (s *Service) rest(ctx context.Context, tx *write.Tx, m member, after int64) (int64, error) {
	next, err := tx.History(ctx, m.kind, m.id, after, historyRows)
	if err != nil || next > 0 {
		return next, err
	}
	return 0, tx.Erase(ctx, m.kind, m.id)
}

// held reports whether a record stays because others need it.
func held(err error) bool { return errors.Is(err, write.ErrHeld) }
