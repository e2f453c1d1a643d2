// Package write is the one way to write. Every write, whoever makes it, is a function run by Writer.Do in one
// transaction, and changes records through mutations of ent, whose hooks run in this order:
//
//	access     may the actor do this to this record, and to these of its fields? (on the locked row)
//	normalise  values take their stored form; shadow columns follow; all problems are collected
//	rules      what holds for every write of the kind (package rule)
//	change row what changed, and who could see it before and after, for the change log
//
// On top of that, crud.go has the uniform operations of the API.
package write

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"entgo.io/ent/dialect"

	"farley/ent"
	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/stream"
	"farley/internal/text"
)

// Money converts amounts into the reporting currency.
type Money interface {
	// Parse reads an exact amount into minor units of the currency. Its errors are for people.
	Parse(amount, currency string) (minor int64, err error)
	// Format writes minor units with the currency's number of decimals.
	Format(minor int64, currency string) string
	// Reporting converts minor units into minor units of the reporting currency; false when there is no rate.
	Reporting(minor int64, currency string) (int64, bool)
	// ReportingOn is Reporting at the rate of a day by UTC, and says the rate as an exact fraction.
	ReportingOn(minor int64, currency, day string) (reporting int64, rate string, ok bool)
	// SumAt converts a sum of minor units into minor units of the reporting currency at a rate; false for an unknown currency.
	SumAt(minor *big.Int, currency string, rate *big.Rat) (*big.Int, bool)
	// ReportingCurrency returns the code of the reporting currency.
	ReportingCurrency() string
}

// Rule is an invariant of a kind. It looks at the change, completes it, and refuses what must not be.
type Rule func(ctx context.Context, c *Change) error

// Rules are the rules of all kinds, by kind name. Those under "" hold for every kind, those under Defaults complete new
// records of every kind before rights are decided on them.
type Rules map[string][]Rule

// Defaults is the key of the rules that complete a new record. What they set counts as not given by the caller.
const Defaults = "defaults"

// Writer runs writes. It is safe for concurrent use.
type Writer struct {
	DB    *db.DB
	Set   *model.Set
	Log   *change.Log
	Clock clock.Clock
	Money Money
	Rules Rules
	// Forget are called for every record that is purged, in the same transaction: tables that hold no records drop there
	// what they know of it.
	Forget []func(ctx context.Context, tx *Tx, k *model.Kind, x id.ID) error
	// Move are run for every record that is merged into another one, in the same transaction: in tables that hold no records,
	// what was said of the one is said of the other from then on.
	Move []Mover
	// Merged are called, by the name of the kind, after records have been merged into one, in the same transaction: what
	// follows from records that have moved to it.
	Merged map[string]func(ctx context.Context, tx *Tx, survivor id.ID) error
	// Wipe are called for every record whose personal values are erased while the record itself stays, in the same
	// transaction: tables and files that hold no records give up what they know of it.
	Wipe []func(ctx context.Context, tx *Tx, k *model.Kind, x id.ID) error
}

// Mover lets a table that holds no records follow a merge.
type Mover struct {
	Relation string // what its rows are called in the answer of the merge: "externalRefs"
	// Move returns how many rows said something of from and say it of to now. Rows that would say the same twice are dropped
	// and count too.
	Move func(ctx context.Context, tx *Tx, k *model.Kind, from, to id.ID) (int, error)
}

// Tx is the transaction of one write. It is not safe for concurrent use.
type Tx struct {
	*db.Tx
	Actor *access.Actor
	Now   time.Time // the one instant of everything the write does

	w        *Writer
	system   bool
	locked   map[id.ID]*Record
	changes  []change.Row
	appended int  // of these, at the beginning, are written
	early    bool // see Early
	sorter   *text.Sorter
	ranOut   bool // the write ends what has run out
	newKeys  []keyRow

	queue      *queue                // rows that wait to be written, nil outside Buffered
	depth      int                   // of Alone
	effects    int                   // see Effects
	remembered map[string]remembered // see Remember
	seen       map[id.ID]bool        // see Foresee
}

type txKey struct{}

type systemKey struct{}

// AsSystem returns a context in which writes are Farley's own: no rights are asked for, all rules hold.
func AsSystem(ctx context.Context) context.Context { return context.WithValue(ctx, systemKey{}, true) }

func fromContext(ctx context.Context) *Tx {
	tx, _ := ctx.Value(txKey{}).(*Tx)
	return tx
}

// Do runs fn in one transaction: its changes, their change rows and everything else it does come into being together or
// not at all. fn runs again when the database made it lose against another transaction, so it must have no effect
// outside its Tx; see Tx.OnCommit.
//
// Where a database server may lag behind another one (Galera), what is refused for what it knows is decided again once it
// has caught up: the record, its version or the idempotency key may have been written through the other one just now.
func (w *Writer) Do(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	run := func(ctx context.Context, dtx *db.Tx) error { return w.In(ctx, dtx, fn) }
	err := w.DB.Write(ctx, run)
	if w.DB.Lags() && refused(err) {
		return w.DB.WriteSynced(ctx, run)
	}
	return err
}

// In is Do within a transaction of the caller's (a step of a job), which commits or does not.
func (w *Writer) In(ctx context.Context, dtx *db.Tx, fn func(ctx context.Context, tx *Tx) error) error {
	system, _ := ctx.Value(systemKey{}).(bool)
	tx := &Tx{
		Tx: dtx, Actor: access.From(ctx), Now: w.Clock.Now(), w: w, system: system,
		locked: map[id.ID]*Record{}, sorter: text.NewSorter(),
	}
	if err := fn(context.WithValue(ctx, txKey{}, tx), tx); err != nil {
		return err
	}
	if err := tx.flushKeys(ctx); err != nil {
		return err
	}
	return w.Log.Append(ctx, dtx, tx.changes[tx.appended:]...)
}

// ExecContext runs a statement, after the rows that wait.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := tx.flush(ctx); err != nil {
		return nil, err
	}
	tx.effects++
	return tx.Tx.ExecContext(ctx, query, args...)
}

// QueryContext runs a query, after the rows that wait.
func (tx *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := tx.flush(ctx); err != nil {
		return nil, err
	}
	return tx.Tx.QueryContext(ctx, query, args...)
}

// QueryRow reads one row, after the rows that wait.
func (tx *Tx) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	if err := tx.flush(ctx); err != nil {
		return err
	}
	return tx.Tx.QueryRow(ctx, query, args, dest...)
}

// refused reports whether a write was turned down by a rule.
func refused(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code != fault.Internal && f.Code != fault.Unavailable
}

// records is the one client of ent. It holds no transaction: mutations gather what changes, type by type, and pass through the
// hook, at whose end this package writes the row itself. That is one statement where ent has two for an update, and the same
// for one row and for many.
var records = sync.OnceValue(func() *ent.Client {
	c := ent.NewClient(ent.Driver(driver{}))
	c.Use(hook)
	return c
})

// driver keeps ent from the database.
type driver struct{}

var errDriver = errors.New("write: ent does not talk to the database")

// Exec implements dialect.Driver.
func (driver) Exec(context.Context, string, any, any) error { return errDriver }

// Query implements dialect.Driver.
func (driver) Query(context.Context, string, any, any) error { return errDriver }

// Tx implements dialect.Driver.
func (driver) Tx(context.Context) (dialect.Tx, error) { return nil, errDriver }

// Close implements dialect.Driver.
func (driver) Close() error { return nil }

// Dialect implements dialect.Driver.
func (driver) Dialect() string { return dialect.SQLite }

// request names the request for change rows.
func request(ctx context.Context) string { return stream.RequestID(ctx) }

func (tx *Tx) kind(name string) (*model.Kind, error) {
	k := tx.w.Set.Kind(name)
	if k == nil {
		return nil, fmt.Errorf("write: no kind %q", name)
	}
	return k, nil
}
