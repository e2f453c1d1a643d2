package db_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"farley/internal/db"
	"farley/internal/farleytest/testdb"
)

// errLost is the error of a transaction that lost against another one. Both dialects try again on it.
var errLost = &mysql.MySQLError{Number: 1213, Message: "Deadlock found"}

func TestWrite_commits(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(set(ctx, tx, 1, 10), set(ctx, tx, 2, 20))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int{counter(t, d, 1), counter(t, d, 2)}; got != [2]int{10, 20} {
			t.Errorf("counters are %v, want [10 20]", got)
		}
	})
}

func TestWrite_rollsBackOnError(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		cause := errors.New("refused")
		ran, hooks := 0, 0
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			ran++
			tx.OnCommit(func() { hooks++ })
			return errors.Join(set(ctx, tx, 1, 10), cause)
		})
		if !errors.Is(err, cause) {
			t.Errorf("Write returns %v, want the cause", err)
		}
		if got := counter(t, d, 1); got != 0 || ran != 1 || hooks != 0 {
			t.Errorf("counter %d after %d runs and %d hooks, want 0 after 1 and 0", got, ran, hooks)
		}
	})
}

func TestWrite_rollsBackOnPanic(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		hooks := 0
		func() {
			defer func() {
				if p := recover(); p != "boom" {
					t.Errorf("recovered %v, want the panic of fn", p)
				}
			}()
			_ = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				tx.OnCommit(func() { hooks++ })
				if err := set(ctx, tx, 1, 10); err != nil {
					t.Error(err)
				}
				panic("boom")
			})
		}()
		if got := counter(t, d, 1); got != 0 || hooks != 0 {
			t.Errorf("counter %d and %d hooks, want 0 and 0", got, hooks)
		}
		exec(t, d, "UPDATE counters SET n = 11 WHERE id = 1") // the lock is free again
	})
}

func TestWrite_triesAgainAndRunsHooksOnce(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		runs := 0
		var hooks []int
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			runs++
			run := runs
			tx.OnCommit(func() { hooks = append(hooks, run) })
			n, err := lock(ctx, tx, 1)
			if err != nil {
				return err
			}
			if err := set(ctx, tx, 1, n+1); err != nil {
				return err
			}
			if run < 3 {
				return errLost
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{3}, hooks); diff != "" {
			t.Errorf("hooks by run (-want +got):\n%s", diff)
		}
		if got := counter(t, d, 1); got != 1 {
			t.Errorf("counter %d, want 1: the lost runs left something", got)
		}
	})
}

func TestWrite_hooksRunInOrderAfterTheCommit(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		var seen []int
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			tx.OnCommit(func() { seen = append(seen, counter(t, d, 1)) })
			tx.OnCommit(func() { seen = append(seen, -1) })
			return set(ctx, tx, 1, 5)
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{5, -1}, seen); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWrite_givesUp(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		runs := 0
		err := d.Write(t.Context(), func(context.Context, *db.Tx) error {
			runs++
			return errLost
		})
		if !errors.Is(err, errLost) || runs != 12 {
			t.Errorf("%d runs end with %v, want 12 with the last error", runs, err)
		}
	})
}

func TestWrite_stopsWhenTheCallerHasGone(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		err := d.Write(ctx, func(context.Context, *db.Tx) error {
			runs++
			cancel()
			return errLost
		})
		if err == nil || runs != 1 {
			t.Errorf("%d runs end with %v, want 1 with an error", runs, err)
		}
	})
}

// TestWrite_deadlock has two transactions lock two rows crosswise. The database ends one of them; its second run succeeds.
// On SQLite this cannot be: a transaction that writes has the only lock from its start.
func TestWrite_deadlock(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyMariaDB(t)
	counters(t, d)

	var runs atomic.Int32
	var both sync.WaitGroup // done when each holds its first row
	both.Add(2)
	crosswise := func(first, second int) error {
		once := sync.OnceFunc(func() {
			both.Done()
			both.Wait()
		})
		return d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			runs.Add(1)
			a, err := lock(ctx, tx, first)
			if err != nil {
				return err
			}
			once()
			b, err := lock(ctx, tx, second)
			if err != nil {
				return err
			}
			if err := set(ctx, tx, first, a+1); err != nil {
				return err
			}
			return set(ctx, tx, second, b+1)
		})
	}
	var g errgroup.Group
	g.Go(func() error { return crosswise(1, 2) })
	g.Go(func() error { return crosswise(2, 1) })
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := [2]int{counter(t, d, 1), counter(t, d, 2)}; got != [2]int{2, 2} {
		t.Errorf("counters are %v, want [2 2]", got)
	}
	if got := runs.Load(); got != 3 {
		t.Errorf("%d runs, want 3: one of the two lost once", got)
	}
}

func TestWrite_losesNoUpdate(t *testing.T) {
	t.Parallel()
	const writers, increments = 8, 50
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		var g errgroup.Group
		for range writers {
			g.Go(func() error {
				for range increments {
					err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
						n, err := lock(ctx, tx, 1)
						if err != nil {
							return err
						}
						return set(ctx, tx, 1, n+1)
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := counter(t, d, 1); got != writers*increments {
			t.Errorf("counter %d, want %d", got, writers*increments)
		}
	})
}

// TestWrite_losesNoUpdateOfAnotherNode is the same with a second handle, whose writes no pool of this one can queue.
func TestWrite_losesNoUpdateOfAnotherNode(t *testing.T) {
	t.Parallel()
	eachEmpty(t, func(t *testing.T, d *testdb.DB) {
		counters(t, d)
		var g errgroup.Group
		for _, node := range []*testdb.DB{d, d.Reopen(t)} {
			g.Go(func() error {
				for range 50 {
					err := node.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
						n, err := lock(ctx, tx, 1)
						if err != nil {
							return err
						}
						return set(ctx, tx, 1, n+1)
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := counter(t, d, 1); got != 100 {
			t.Errorf("counter %d, want 100", got)
		}
	})
}

// TestWrite_isReadCommitted: a decision made after a lock was waited for is made on the present state.
func TestWrite_isReadCommitted(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyMariaDB(t)
	counters(t, d)
	other := d.Reopen(t)
	const read = "SELECT n FROM counters WHERE id = 1"
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		var before, after int
		if err := tx.QueryRow(ctx, read, nil, &before); err != nil {
			return err
		}
		exec(t, other, "UPDATE counters SET n = 9")
		if err := tx.QueryRow(ctx, read, nil, &after); err != nil {
			return err
		}
		if before != 0 || after != 9 {
			t.Errorf("read %d, then %d, want 0, then 9", before, after)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
