package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/audit"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/stream"
	"farley/internal/viewer"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

const deadline = 20 * time.Second

// bench is a log with its writer running.
type bench struct {
	*audit.Log
	db    *testdb.DB
	clock *clock.Test
	stop  func()
}

func setup(t *testing.T, d *testdb.DB) *bench {
	t.Helper()
	c := clock.NewTest(start)
	l := audit.New(d.DB, model.Kinds(), c, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx)
	}()
	b := &bench{Log: l, db: d, clock: c, stop: func() { cancel(); <-done }}
	t.Cleanup(b.stop)
	// The first entries go to the writer once that runs.
	for end := time.Now().Add(deadline); !audit.Running(l); {
		if time.Now().After(end) {
			t.Fatal("the writer does not start")
		}
	}
	return b
}

// as is the context of a request of a user.
func as(user id.ID, operation string) context.Context {
	ctx := access.With(context.Background(), &access.Actor{Viewer: viewer.Viewer{User: user}})
	return stream.WithRequestID(stream.WithOperation(ctx, operation), "r1")
}

func newUser() id.ID { return id.New(32, start) }

// forbidden notes a refusal at a path.
func (b *bench) forbidden(user id.ID, path string) {
	b.Refused(as(user, ""), fault.New(fault.Forbidden, "You may not use %s.", "Account.taxNumber"), ast.Path{ast.PathName(path)})
}

type stored struct {
	Path, Detail string
	Times        int64
}

func (b *bench) stored(t *testing.T) (out []stored) {
	t.Helper()
	tx, err := b.db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Close() }()
	rows, err := tx.QueryContext(t.Context(), "SELECT COALESCE(path, ''), COALESCE(detail, ''), times FROM audit_entries ORDER BY path, detail")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s stored
		if err := rows.Scan(&s.Path, &s.Detail, &s.Times); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// until waits until what is stored is as wanted.
func (b *bench) until(t *testing.T, what string, ok func([]stored) bool) []stored {
	t.Helper()
	for end := time.Now().Add(deadline); ; {
		got := b.stored(t)
		if ok(got) {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("%s: stored is %v", what, got)
		}
	}
}

func (b *bench) advance(d time.Duration) { b.clock.Advance(b.clock.Now().Add(d)) }

// An entry waits a quarter of a second on the clock, and no longer.
func TestLog_writesAfterAQuarterSecond(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		b.forbidden(newUser(), "a")
		if got := b.stored(t); len(got) != 0 {
			t.Errorf("before its time there is %v", got)
		}
		b.until(t, "after a quarter of a second", func(s []stored) bool {
			b.advance(250 * time.Millisecond) // the writer may only now begin to wait
			return len(s) == 1
		})
	})
}

// 500 entries are written without waiting for the clock.
func TestLog_writesAFullBatchAtOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		for range 500 {
			b.forbidden(newUser(), "a")
		}
		b.until(t, "500 refusals", func(s []stored) bool { return len(s) == 500 })
	})
}

// Whoever is refused again and again within a minute fills one row; the next minute is another.
func TestLog_countsRefusals(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		user := newUser()
		for range 10_000 {
			b.forbidden(user, "a")
		}
		b.until(t, "the first", func(s []stored) bool {
			b.advance(10 * time.Millisecond) // far from a minute, however late the writer begins to wait
			return len(s) == 1
		})
		b.forbidden(user, "a")
		b.until(t, "the count", func(s []stored) bool {
			b.advance(30 * time.Second)
			return len(s) == 1 && s[0].Times == 10_001
		})
		b.forbidden(user, "a")
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.stored(t); len(got) != 2 || got[0].Times+got[1].Times != 10_002 {
			t.Errorf("the next minute gives %v", got)
		}
	})
}

// However many different things a user asks for, a minute is 101 rows.
func TestLog_boundsDifferentRefusals(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		user := newUser()
		for i := range 5_000 {
			b.forbidden(user, fmt.Sprint("path", i))
		}
		b.forbidden(newUser(), "another user")
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := b.stored(t)
		rest := slices.IndexFunc(got, func(s stored) bool { return s.Detail == "further refusals, not told apart" })
		if len(got) != 102 || rest < 0 || got[rest].Times != 4_900 {
			t.Fatalf("%d rows, the rest is %d", len(got), rest)
		}
	})
}

// Codes other than those of refusals, and refusals of nobody, are not noted.
func TestLog_notesRefusalsOnly(t *testing.T) {
	t.Parallel()
	d := testdb.SQLite(t)
	b := setup(t, d)
	for _, code := range fault.Codes() {
		b.Refused(as(newUser(), ""), fault.New(code, "%s", "x"), ast.Path{ast.PathName(string(code))})
	}
	b.Refused(context.Background(), fault.New(fault.Forbidden, "x"), nil)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := b.stored(t)
	if len(got) != 2 || got[0].Path != "FORBIDDEN" || got[1].Path != "UNAUTHENTICATED" {
		t.Errorf("noted are %v", got)
	}
}

// A full buffer makes requests wait, and those whose time ends fail; nothing that was taken is lost.
func TestLog_aFullBufferMakesWait(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		release := make(chan struct{})
		held := make(chan struct{})
		go func() { // the writer cannot write: its table, or on SQLite the database, is locked
			_ = d.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				if d.Dialect == db.MySQL {
					if _, err := tx.ExecContext(ctx, "LOCK TABLES audit_entries WRITE, audit_records WRITE"); err != nil {
						return err
					}
					defer func() { _, _ = tx.ExecContext(context.Background(), "UNLOCK TABLES") }()
				}
				close(held)
				<-release
				return nil
			})
		}()
		<-held
		for i := range 5_000 {
			if err := audit.Add(t.Context(), b.Log, audit.Entry{Action: audit.SensitiveRead, Path: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		short, cancel := context.WithCancel(t.Context())
		waited := make(chan error, 2)
		go func() { waited <- audit.Add(short, b.Log, audit.Entry{Action: audit.SensitiveRead, Path: "late"}) }()
		select {
		case err := <-waited:
			t.Fatalf("entry 5,001 does not wait: %v", err)
		default:
		}
		cancel()
		if err := <-waited; fault.CodeOf(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
			t.Fatalf("who gives up gets %v", err)
		}
		go func() {
			waited <- audit.Add(t.Context(), b.Log, audit.Entry{Action: audit.SensitiveRead, Path: "patient"})
		}()
		close(release)
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
		b.stop()
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := b.stored(t)
		if len(got) != 5_001 || !slices.ContainsFunc(got, func(s stored) bool { return s.Path == "patient" }) {
			t.Errorf("%d entries are stored", len(got))
		}
	})
}

// After the writer has ended entries are written at once: requests that still run lose nothing.
func TestLog_writesAtOnceWithoutAWriter(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		b.forbidden(newUser(), "waiting")
		b.stop()
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := audit.Add(t.Context(), b.Log, audit.Entry{Action: audit.SensitiveRead, Path: "at once"}); err != nil {
			t.Fatal(err)
		}
		if got := b.stored(t); len(got) != 2 {
			t.Errorf("stored is %v", got)
		}
	})
}

// RecordIn is there if and only if its transaction is.
func TestRecordIn_sharesTheFate(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		for _, fate := range []error{errors.New("rolled back"), nil} {
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if err := b.RecordIn(ctx, tx, audit.Entry{Action: audit.PasswordChanged, User: newUser(), Path: "p"}); err != nil {
					return err
				}
				return fate
			})
			if !errors.Is(err, fate) {
				t.Fatal(err)
			}
			if got := b.stored(t); (len(got) == 1) != (fate == nil) {
				t.Errorf("after %v stored is %v", fate, got)
			}
		}
	})
}

// Long texts are cut, and broken ones mended, so that no client makes an entry fail.
func TestRecord_boundsTexts(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		long := string(bytes.Repeat([]byte("é"), 1000))
		err := b.Record(as(newUser(), "\xff"+long), audit.Entry{Action: audit.SensitiveRead, Path: long, Detail: long, Records: make([]id.ID, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.stored(t); len(got) != 1 || len([]rune(got[0].Path)) != 255 || len([]rune(got[0].Detail)) != 255 {
			t.Errorf("stored is %v", got)
		}
	})
}

// A process that is killed loses what its writer has not written yet, and nothing else.
func TestLog_killed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, d *testdb.DB) {
		b := setup(t, d)
		add := func(path string) {
			t.Helper()
			if err := audit.Add(t.Context(), b.Log, audit.Entry{Action: audit.SensitiveRead, Path: path}); err != nil {
				t.Fatal(err)
			}
		}
		add("a")
		b.until(t, "the first", func(s []stored) bool {
			b.advance(250 * time.Millisecond)
			return len(s) == 1
		})
		if err := b.Record(t.Context(), audit.Entry{Action: audit.SignIn, Path: "b"}); err != nil { // never waits
			t.Fatal(err)
		}
		add("c")
		b.stop() // and no Close: the clock stands, so nothing was due
		if got := b.stored(t); len(got) != 2 || got[0].Path != "a" || got[1].Path != "b" {
			t.Errorf("left is %v", got)
		}
	})
}
