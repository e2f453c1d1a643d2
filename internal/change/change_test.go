package change_test

import (
	"context"
	"flag"
	"testing"
	"time"

	"farley/internal/access"
	"farley/internal/broker"
	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

var commits = flag.Int("farley.commits", scaled(5000), "commits of the test with concurrent writers")

const (
	dealCode id.Kind = 100
	noteCode id.Kind = 101
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// newSet returns a model of two kinds with a secret field each.
func newSet() *model.Set {
	fields := func() []*model.Field {
		return []*model.Field{
			{Name: "name", Const: "NAME", Column: "name", Type: model.String},
			{Name: "stage", Const: "STAGE", Column: "stage", Type: model.String},
			{Name: "margin", Const: "MARGIN", Column: "margin", Type: model.Int, Sensitive: true},
			{Name: "version", Const: "VERSION", Column: "version", Type: model.Int, System: true},
		}
	}
	return model.NewSet(
		&model.Kind{Name: "Deal", Const: "DEAL", Code: dealCode, Table: "deals", Owned: true, Shareable: true, Fields: fields()},
		&model.Kind{Name: "Note", Const: "NOTE", Code: noteCode, Table: "notes", Owned: true, Fields: fields()},
	)
}

// person is a reader: sees what he owns, or everything; reads the margin or does not.
type person struct {
	user    id.ID
	all     bool
	margin  bool
	ofEpoch string
}

var _ change.Reader = person{}

func (p person) Epoch() string { return p.ofEpoch }

func (p person) Sees(_ *model.Kind, keys *access.Keys, _ time.Time) bool {
	return p.all || keys.Owner == p.user
}

func (person) Named(k *model.Kind, name string) *model.Field { return k.Field(name) }

func (person) Custom(*model.Kind) []*model.Field { return nil }

func (p person) ReadsField(_ *model.Kind, f *model.Field, _ *access.Keys, _ time.Time) bool {
	return !f.Sensitive || p.margin
}

// everybody is a reader who sees and reads everything.
var everybody = person{all: true, margin: true, ofEpoch: "e1"}

func newUser() id.ID { return id.New(1, start) }

func newDeal() id.ID { return id.New(dealCode, start) }

func ownedBy(owner id.ID) *access.Keys { return &access.Keys{Owner: owner} }

// row returns a change of a record that was and is in everybody's sight.
func row(record id.ID, version int64, op change.Op) change.Row {
	keys := &access.Keys{ID: record}
	return change.Row{
		Kind: record.Kind(), Record: record, Op: op, Version: version, At: start.Add(time.Duration(version) * time.Second),
		Fields: []change.FieldChange{{Field: "name", Old: []byte(`"a"`), New: []byte(`"b"`)}}, Before: keys, After: keys,
	}
}

func write(t testing.TB, d *testdb.DB, l *change.Log, rows ...change.Row) {
	t.Helper()
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return l.Append(ctx, tx, rows...) })
	if err != nil {
		t.Fatal(err)
	}
}

// sequence gives positions to everything.
func sequence(t testing.TB, l *change.Log) {
	t.Helper()
	for {
		n, err := l.Sequence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// background runs fn until the test ends.
func background(t testing.TB, fn func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := fn(ctx); err != context.Canceled { //nolint:errorlint // exactly this one is promised
			t.Errorf("ended with %v; want %v", err, context.Canceled)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func wantCode(t testing.TB, err error, want fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q; want %q", err, got, want)
	}
}

// scaled returns how many of something a test makes: a tenth under the race detector.
func scaled(n int) int {
	if raced {
		return n / 10
	}
	return n
}

// within returns a context that bounds waiting in tests.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// oneProcess is the broker of nodes that share this process.
func oneProcess() change.Broker {
	return broker.Hints{Broker: broker.NewLocal(), Topic: broker.Changes}
}

func newLog(d *testdb.DB, hints change.Broker) *change.Log {
	return change.NewLog(d.DB, change.Options{Clock: clock.System{}, Broker: hints})
}
