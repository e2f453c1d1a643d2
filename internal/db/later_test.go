package db_test

import (
	"context"
	"errors"
	"testing"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

func TestExecLater(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		const insert = "INSERT INTO counters (id, n) VALUES (?, ?)"
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			for i := 3; i < 40; i++ { // more than may wait
				if err := tx.ExecLater(ctx, insert, i, i); err != nil {
					return err
				}
			}
			if err := tx.ExecLater(ctx, "UPDATE counters SET n = n + 1 WHERE id >= ?", 3); err != nil {
				return err
			}
			if n, err := lock(ctx, tx, 39); err != nil || n != 40 {
				t.Errorf("a query after them reads %d, %v; want 40", n, err)
			}
			return tx.ExecLater(ctx, insert, 40, 40) // COMMIT waits for it
		})
		if got := number(t, d, "SELECT COUNT(*) FROM counters"); err != nil || got != 40 {
			t.Errorf("%d rows, %v; want 40", got, err)
		}

		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if err := errors.Join(tx.ExecLater(ctx, insert, 41, 0), tx.ExecLater(ctx, insert, 1, 0), tx.ExecLater(ctx, insert, 42, 0)); err != nil {
				t.Errorf("giving them: %v", err)
			}
			if err := tx.Settle(); !db.Clash(err) {
				t.Errorf("Settle: %v, want the clash", err)
			}
			if err := set(ctx, tx, 1, 5); !db.Clash(err) {
				t.Errorf("a statement after it: %v, want the clash", err)
			}
			return nil
		})
		if got := number(t, d, "SELECT COUNT(*) FROM counters"); !db.Clash(err) || got != 40 {
			t.Errorf("%d rows, %v; want that nothing was committed, for the clash", got, err)
		}

		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, "SAVEPOINT here")
			return errors.Join(err, tx.ExecLater(ctx, insert, 43, 0), tx.ExecLater(ctx, insert, 1, 0), tx.RollbackTo(ctx, "here"), set(ctx, tx, 1, 7))
		})
		if got := number(t, d, "SELECT COUNT(*) FROM counters"); err != nil || got != 40 || counter(t, d, 1) != 7 {
			t.Errorf("%d rows, %v; want 40 and what came after the savepoint", got, err)
		}
	})
}

func TestWaited(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	counters(t, d)
	waits := func(write func(context.Context, func(context.Context, *db.Tx) error) error, want bool) {
		t.Helper()
		done := make(chan error, 1)
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			before := d.Pool().Stats().WaitCount
			go func() {
				done <- write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return set(ctx, tx, 1, 1) })
			}()
			for d.Pool().Stats().WaitCount == before { // until it waits for the connection
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
			if got := tx.Waited(); got != want {
				t.Errorf("waited for: %t, want %t", got, want)
			}
			return nil
		})
		if err := errors.Join(err, <-done); err != nil {
			t.Error(err)
		}
	}
	waits(d.Write, true)
	waits(d.WritePatient, false)
	if err := d.Write(t.Context(), func(_ context.Context, tx *db.Tx) error {
		if tx.Waited() {
			t.Error("waited for when nobody does")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
