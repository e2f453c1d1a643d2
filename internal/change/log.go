// Package change is the change log: what was written, who could see it before and after, in an order that everybody
// agrees on; and the fan-out of it to readers, each of whom is told only of what he may see.
//
// A write appends its rows in its own transaction. A sequencer gives committed rows gapless positions; on SQLite, where one
// transaction writes at a time, they have them from the start. Everything reactive reads positions: an auto-increment id
// is taken at INSERT, not at COMMIT, so readers of ids lose rows; readers of positions never do.
package change

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"farley/internal/broker"
	"farley/internal/clock"
	"farley/internal/db"
)

// Log is the change log of one database. It is safe for concurrent use.
type Log struct {
	db      *db.DB
	clock   clock.Clock
	broker  Broker
	logger  *slog.Logger
	meter   Meter
	tracer  trace.Tracer
	archive Archive
	wake    chan struct{} // this process committed rows
}

// Archive copies what is to be kept of the rows behind the position after, up to and with upTo.
type Archive func(ctx context.Context, tx *db.Tx, after, upTo int64) error

// Options configure a Log. What is not given has a default.
type Options struct {
	Clock  clock.Clock  // default: clock.System
	Broker Broker       // default: one of this process, and of this log alone
	Logger *slog.Logger // default: slog.Default
	// Archive, when set, keeps what has to outlive the log: Prune calls it in the transaction in which it deletes rows.
	Archive Archive
	Meter   Meter        // default: tells nobody
	Tracer  trace.Tracer // default: no spans
}

// NewLog returns the change log in d, whose migrations have been applied.
func NewLog(d *db.DB, o Options) *Log {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Broker == nil {
		o.Broker = broker.Hints{Broker: broker.NewLocal(), Topic: broker.Changes}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Log{db: d, clock: o.Clock, broker: o.Broker, logger: o.Logger, archive: o.Archive, meter: o.Meter.complete(), tracer: o.Tracer, wake: make(chan struct{}, 1)}
}

// MaxInsert is the most rows of one INSERT.
const MaxInsert = 500

// Append writes rows in the transaction of the write that they describe, in one call up to 500 rows, and wakes the
// sequencer once the transaction is committed. Rows of one record must come with rising versions; rows of the same
// version keep the order in which they are given.
func (l *Log) Append(ctx context.Context, tx *db.Tx, rows ...Row) error {
	if len(rows) == 0 {
		return nil
	}
	for start := 0; start < len(rows); start += MaxInsert {
		if err := insert(ctx, tx, rows[start:min(start+MaxInsert, len(rows))]); err != nil {
			return err
		}
	}
	tx.OnCommit(func() { signal(l.wake) })
	return nil
}

// written are the columns that a row is written with.
const written = "kind, record_id, op, version, actor_id, request_id, at, fields, vis, operation, session_id, address"

func insert(ctx context.Context, tx *db.Tx, rows []Row) error {
	var query strings.Builder
	args := make([]any, 0, len(rows)*13)
	one := "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	if tx.Dialect == db.SQLite {
		// Nobody else can be writing, so what is inserted is in the order in which it will be committed, and needs no sequencer
		// to say so. (OR FAIL: a failure ends the transaction, so SQLite need not be able to undo the statement alone.)
		query.WriteString("UPDATE change_counter SET position = position + " + strconv.Itoa(len(rows)) + " WHERE id = 1;\n" +
			"INSERT OR FAIL INTO changes (" + written + ", position) VALUES ")
		one = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT position - ? FROM change_counter WHERE id = 1))"
	} else {
		query.WriteString("INSERT INTO changes (" + written + ") VALUES ")
	}
	for i := range rows {
		if i > 0 {
			query.WriteString(", ")
		}
		query.WriteString(one)
		values, err := rows[i].values()
		if err != nil {
			return err
		}
		args = append(args, values...)
		if tx.Dialect == db.SQLite {
			args = append(args, len(rows)-1-i)
		}
	}
	exec := tx.ExecLater // the next ones are put together meanwhile
	if len(rows) < MaxInsert {
		exec = func(ctx context.Context, query string, args ...any) error {
			_, err := tx.ExecContext(ctx, query, args...)
			return err
		}
	}
	if err := exec(ctx, query.String(), args...); err != nil {
		return fmt.Errorf("append to the change log: %w", err)
	}
	return nil
}

// signal wakes whoever waits on c, once, however often it is called before that one looks.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
