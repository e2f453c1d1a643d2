package change_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/id"
)

// tail follows a log from its start and checks what the log promises.
type tail struct {
	log      *change.Log
	position int64
	versions map[id.ID]int64
}

// until reads until the log has reached a position, waiting for hints.
func (f *tail) until(ctx context.Context, hints <-chan struct{}, last int64) error {
	for f.position < last {
		rows, err := f.log.After(ctx, nil, f.position, 700)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Position != f.position+1 {
				return errors.New("gap or repeat in the log")
			}
			if f.versions[r.Record] >= r.Version {
				return errors.New("positions do not rise with versions")
			}
			f.position, f.versions[r.Record] = r.Position, r.Version
		}
		if len(rows) > 0 {
			continue
		}
		select {
		case <-hints:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// hintsOf turns the hints of a broker into a channel.
func hintsOf(t testing.TB, b change.Broker) <-chan struct{} {
	t.Helper()
	c := make(chan struct{}, 1)
	t.Cleanup(b.Subscribe(func() {
		select {
		case c <- struct{}{}:
		default:
		}
	}))
	return c
}

// writers commits n changes from ten goroutines, to records that they share, and checks versions as writes do: on the
// locked row.
func writers(ctx context.Context, d *testdb.DB, logs []*change.Log, n int) error {
	const workers, records = 10, 20
	ids := make([]id.ID, records)
	for i := range ids {
		ids[i] = newDeal()
	}
	if err := makeRecords(ctx, d, ids); err != nil {
		return err
	}
	var all errgroup.Group
	for w := range workers {
		log := logs[w%len(logs)]
		all.Go(func() error {
			for i := range n / workers {
				if err := writeOne(ctx, d, log, ids[(w*7+i)%records]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all.Wait()
}

func makeRecords(ctx context.Context, d *testdb.DB, ids []id.ID) error {
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		kind := "BLOB"
		if tx.Dialect == db.MySQL {
			kind = "BINARY(16)"
		}
		if _, err := tx.ExecContext(ctx, "CREATE TABLE things (id "+kind+" NOT NULL PRIMARY KEY, version BIGINT NOT NULL)"); err != nil {
			return err
		}
		for _, x := range ids {
			if _, err := tx.ExecContext(ctx, "INSERT INTO things (id, version) VALUES (?, 0)", x); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeOne(ctx context.Context, d *testdb.DB, l *change.Log, record id.ID) error {
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var version int64
		if err := tx.QueryRow(ctx, "SELECT version FROM things WHERE id = ?"+tx.Dialect.ForUpdate(), []any{record}, &version); err != nil {
			return err
		}
		version++
		if _, err := tx.ExecContext(ctx, "UPDATE things SET version = ? WHERE id = ?", version, record); err != nil {
			return err
		}
		return l.Append(ctx, tx, row(record, version, change.Updated))
	})
}

func TestRun_tenWritersOneOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		broker := oneProcess()
		l := newLog(d, broker)
		background(t, l.Run)
		measure(t, d, broker, []*change.Log{l})
	})
}

func TestRun_twoNodesAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		broker := oneProcess()
		logs := []*change.Log{newLog(d, broker), newLog(d.Reopen(t), broker), newLog(d.Reopen(t), broker)}
		for _, l := range logs {
			background(t, l.Run)
		}
		measure(t, d, broker, logs)
	})
}

// measure writes, tails and compares the end with what was committed.
func measure(t *testing.T, d *testdb.DB, broker change.Broker, logs []*change.Log) {
	t.Helper()
	ctx := within(t, 10*time.Minute)
	n := *commits
	follower := &tail{log: logs[0], versions: map[id.ID]int64{}}
	begin := time.Now()
	var all errgroup.Group
	all.Go(func() error { return writers(ctx, d, logs, n) })
	all.Go(func() error { return follower.until(ctx, hintsOf(t, broker), int64(n)) })
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d commits followed in %s", n, time.Since(begin).Round(time.Millisecond))

	var sum int64
	for _, v := range follower.versions {
		sum += v
	}
	if sum != int64(n) {
		t.Errorf("the tail saw versions adding up to %d; want %d", sum, n)
	}
	last, err := logs[0].Last(t.Context(), nil)
	if diff := cmp.Diff(int64(n), last); err != nil || diff != "" {
		t.Errorf("last position: %v %s", err, diff)
	}
}

func TestAppend_rolledBackIsNotHeardOf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		l := newLog(d, nil)
		boom := errors.New("no")
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if err := l.Append(ctx, tx, row(newDeal(), 1, change.Created)); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		sequence(t, l)
		if last, err := l.Last(t.Context(), nil); last != 0 || err != nil {
			t.Errorf("last position is %d, %v; want 0", last, err)
		}
	})
}

func TestAppend_manyRowsKeepWhatTheyHold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		l := newLog(d, nil)
		owner, actor := newUser(), newUser()
		record := newDeal()
		var rows, want []change.Row
		for v := range int64(1200) {
			r := row(record, v+1, change.Updated)
			r.Before, r.Actor, r.Request = nil, actor, "طلب-1"
			r.After = ownedBy(owner)
			r.At = start.Add(time.Duration(v) * 1234567 * time.Microsecond)
			if v%2 == 0 {
				r.Fields, r.Actor = nil, id.ID{}
			}
			rows = append(rows, r)
			r.Position = v + 1
			want = append(want, r)
		}
		d.Counter.Reset()
		write(t, d, l, rows...)
		if n := d.Counter.N(); n != 3 {
			t.Errorf("1,200 rows took %d statements; want 3", n)
		}
		sequence(t, l)
		found, err := l.After(t.Context(), nil, 0, 2000)
		if err != nil {
			t.Fatal(err)
		}
		var got []change.Row
		for _, r := range found {
			if len(r.Fields) == 0 {
				r.Fields = nil
			}
			got = append(got, *r)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// A writer that has inserted and not committed must not stop the sequencer, and must not be overtaken in a way that
// anybody sees.
func TestSequence_doesNotWaitForOpenTransactions(t *testing.T) {
	t.Parallel()
	d := onMariaDB(t)
	l := newLog(d, nil)
	early, late := newDeal(), newDeal()
	err := d.Write(within(t, 10*time.Second), func(ctx context.Context, tx *db.Tx) error {
		if err := l.Append(ctx, tx, row(early, 1, change.Created)); err != nil {
			return err
		}
		write(t, d, l, row(late, 1, change.Created))
		n, err := l.Sequence(ctx)
		if err == nil && n != 1 {
			t.Errorf("%d rows sequenced while one was not committed; want 1", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sequence(t, l)
	rows, err := l.After(t.Context(), nil, 0, 10)
	if err != nil || len(rows) != 2 || rows[0].Record != late || rows[1].Record != early {
		t.Errorf("rows %v, %v; want the one committed first, then the other", rows, err)
	}
}

func TestRun_goesOnAfterFailures(t *testing.T) {
	t.Parallel()
	d := onSQLite(t)
	broker, failures := oneProcess(), make(errorSignal, 1)
	l := change.NewLog(d.DB, change.Options{Broker: broker, Logger: slog.New(failures)})
	write(t, d, l, row(newDeal(), 1, change.Created))
	unplace(t, d)
	if _, err := d.Pool().ExecContext(t.Context(), "ALTER TABLE change_counter RENAME TO away"); err != nil {
		t.Fatal(err)
	}
	hints := hintsOf(t, broker)
	background(t, l.Run)
	ctx := within(t, 20*time.Second)
	receive(ctx, t, failures)
	receive(ctx, t, failures)
	if _, err := d.Pool().ExecContext(t.Context(), "ALTER TABLE away RENAME TO change_counter"); err != nil {
		t.Fatal(err)
	}
	receive(ctx, t, hints)
}

// While many write, hints are told of what was committed meanwhile together, and the last commit has one too.
func TestRun_tellsTogether(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		broker := oneProcess()
		l := newLog(d, broker)
		var hints atomic.Int64
		wake := make(chan struct{}, 1)
		t.Cleanup(broker.Subscribe(func() {
			hints.Add(1)
			select {
			case wake <- struct{}{}:
			default:
			}
		}))
		background(t, l.Run)
		const n = 50
		begin := time.Now()
		for range n {
			write(t, d, l, row(newDeal(), 1, change.Created))
		}
		for ctx := within(t, 20*time.Second); ; receive(ctx, t, wake) {
			last, err := l.Last(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if last == n {
				break
			}
		}
		if most := int64(time.Since(begin)/(10*time.Millisecond)) + 2; hints.Load() > most {
			t.Errorf("%d hints of %d commits in %s; want %d at most", hints.Load(), n, time.Since(begin), most)
		}
	})
}

// unplace takes away the positions that SQLite gives at once, as rows of a former release, and those of other databases, have
// none before they are sequenced.
func unplace(t testing.TB, d *testdb.DB) {
	t.Helper()
	for _, statement := range []string{"UPDATE changes SET position = NULL", "UPDATE change_counter SET position = 0"} {
		if _, err := d.Pool().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAppend_placesOnSQLite(t *testing.T) {
	t.Parallel()
	d := onSQLite(t)
	broker := oneProcess()
	l := change.NewLog(d.DB, change.Options{Broker: broker})
	var rows []change.Row
	for v := range 1100 { // several statements
		rows = append(rows, row(newDeal(), int64(v+1), change.Updated))
	}
	write(t, d, l, rows[:1]...)
	if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return errors.Join(l.Append(ctx, tx, rows[1:4]...), errors.New("undone"))
	}); err == nil {
		t.Fatal("want the error")
	}
	write(t, d, l, rows[1:]...)
	var got []id.ID
	for after := int64(0); ; {
		page, err := l.After(t.Context(), nil, after, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			if after++; r.Position != after {
				t.Fatalf("position %d, want %d", r.Position, after)
			}
			got = append(got, r.Record)
		}
		if len(page) == 0 {
			break
		}
	}
	var want []id.ID
	for _, r := range rows {
		want = append(want, r.Record)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want the %d that were committed, in their order and without a gap", len(got), len(want))
	}
	if n, err := l.Sequence(t.Context()); n != 0 || err != nil {
		t.Errorf("sequenced %d, %v; want nothing to be left", n, err)
	}
	hints := hintsOf(t, broker)
	background(t, l.Run)
	receive(within(t, 20*time.Second), t, hints)
}

// errorSignal is a log handler that signals errors.
type errorSignal chan struct{}

func (c errorSignal) Enabled(context.Context, slog.Level) bool { return true }
func (c errorSignal) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c errorSignal) WithGroup(string) slog.Handler            { return c }

func (c errorSignal) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return nil
}

// receive takes a value, or fails the test when none comes.
func receive[T any](ctx context.Context, t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v, ok := <-c:
		if !ok {
			t.Fatal("closed")
		}
		return v
	case <-ctx.Done():
		t.Fatal("nothing came")
	}
	return v
}

func TestPrune(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		l := newLog(d, nil)
		record := newDeal()
		var rows []change.Row
		for v := range int64(2500) {
			rows = append(rows, row(record, v+1, change.Updated))
		}
		write(t, d, l, rows...)
		sequence(t, l)
		write(t, d, l, row(newDeal(), 1, change.Created)) // old too, but nobody can have read it

		n, err := l.Prune(t.Context(), start.Add(2101*time.Second)) // version 2101 is at that instant
		if n != 2100 || err != nil {
			t.Fatalf("pruned %d, %v; want 2100", n, err)
		}
		if oldest, err := l.Oldest(t.Context(), nil); oldest != 2100 || err != nil {
			t.Errorf("oldest is %d, %v; want 2100", oldest, err)
		}
		_, err = l.After(t.Context(), nil, 2099, 10)
		wantCode(t, err, "CURSOR_EXPIRED")
		_, err = l.After(t.Context(), nil, 0, 10, noteCode)
		wantCode(t, err, "CURSOR_EXPIRED")
		found, err := l.After(t.Context(), nil, 2100, 1)
		if err != nil || len(found) != 1 || found[0].Position != 2101 {
			t.Errorf("behind the oldest position: %v, %v", found, err)
		}
		sequence(t, l)
		if last, err := l.Last(t.Context(), nil); last != 2501 || err != nil {
			t.Errorf("last is %d, %v; want 2501: the row without position stayed", last, err)
		}
	})
}

// What has to outlive the log is kept for exactly the rows that go, in the transaction in which they go.
func TestPrune_archives(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *testdb.DB) {
		var kept [][2]int64
		boom := errors.New("no")
		var fails error
		l := change.NewLog(d.DB, change.Options{Clock: clock.System{}, Archive: func(_ context.Context, _ *db.Tx, after, upTo int64) error {
			kept = append(kept, [2]int64{after, upTo})
			return fails
		}})
		record := newDeal()
		var rows []change.Row
		for v := range int64(1500) {
			rows = append(rows, row(record, v+1, change.Updated))
		}
		write(t, d, l, rows...)
		sequence(t, l)

		fails = boom
		if n, err := l.Prune(t.Context(), start.Add(1201*time.Second)); n != 0 || !errors.Is(err, boom) {
			t.Fatalf("pruned %d, %v; want nothing", n, err)
		}
		if oldest, err := l.Oldest(t.Context(), nil); oldest != 0 || err != nil {
			t.Errorf("oldest is %d, %v; want 0", oldest, err)
		}
		fails, kept = nil, nil
		if n, err := l.Prune(t.Context(), start.Add(1201*time.Second)); n != 1200 || err != nil {
			t.Fatalf("pruned %d, %v; want 1200", n, err)
		}
		if diff := cmp.Diff([][2]int64{{0, 1000}, {1000, 1200}}, kept); diff != "" {
			t.Errorf("archived (-want +got):\n%s", diff)
		}
	})
}
