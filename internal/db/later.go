package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// maxLater is how many statements may wait behind the one that runs.
const maxLater = 8

// later are statements that run beside the one who gave them, one after the other.
type later struct {
	given chan statement
	done  chan struct{} // closed when all have run, or one has failed
	ran   []statement
	err   error
}

type statement struct {
	ctx   context.Context //nolint:containedctx // each has its own, for whoever observes it
	query string
	args  []any
	took  time.Duration
	err   error
}

// ExecLater runs a statement whose result nobody needs, while the caller goes on to prepare what comes next. Statements run
// in the order in which they are given, and before any that is given otherwise. An error comes back from the next other use
// of the transaction, or from Settle, and from every use after it until RollbackTo: nothing can be committed.
func (t *Tx) ExecLater(ctx context.Context, query string, args ...any) error {
	if t.later == nil {
		if err := t.intact(); err != nil {
			return err
		}
		t.later = &later{given: make(chan statement, maxLater), done: make(chan struct{})}
		go t.later.run(t)
	}
	t.later.given <- statement{ctx: ctx, query: query, args: args}
	return nil
}

// Busy reports whether statements of ExecLater may still be running.
func (t *Tx) Busy() bool { return t.later != nil }

func (l *later) run(t *Tx) {
	defer close(l.done)
	for s := range l.given {
		if l.err != nil {
			continue
		}
		l.err = s.run(t)
		s.args = nil
		l.ran = append(l.ran, s)
	}
}

func (s *statement) run(t *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil { // here nobody else would
			err = fmt.Errorf("db: panic in a driver: %v", p)
		}
	}()
	span := statementSpan(s.ctx, t.Dialect, s.query)
	start := time.Now()
	var res sql.Result
	res, s.err = t.tx.ExecContext(s.ctx, s.query, s.args...)
	s.took = time.Since(start)
	endStatement(span, res, s.err)
	return s.err
}

// Settle waits for what ExecLater began, and returns the first error there was.
func (t *Tx) Settle() error {
	if l := t.later; l != nil {
		t.later = nil
		close(l.given)
		<-l.done
		for _, s := range l.ran {
			t.note(s.ctx, Write, s.query, s.took, s.err)
		}
		if t.late == nil {
			t.late = l.err
		}
	}
	return t.late
}

// RollbackTo undoes what was done since a savepoint, what ExecLater began and how it failed included.
func (t *Tx) RollbackTo(ctx context.Context, savepoint string) error {
	if err := t.Settle(); !Retryable(err) {
		t.late = nil
	}
	_, err := t.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+savepoint)
	return err
}
