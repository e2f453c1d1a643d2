package db

import (
	"context"
	"database/sql"
	"time"
)

// Part is a part of a transaction.
type Part string

// The parts of a transaction. Begin includes the wait for a connection, and on SQLite that for the one write lock. Read ends
// when the first row can be read.
const (
	Begin  Part = "begin"
	Read   Part = "read"
	Write  Part = "write"
	Commit Part = "commit"
)

// Watch is told how long a part of a transaction took. It returns at once.
type Watch func(part Part, took time.Duration, err error)

// SetWatch has watch told of all transactions that begin from now on.
func (d *DB) SetWatch(watch Watch) { d.watch.Store(&watch) }

// Stats counts what has happened since the database was opened.
type Stats struct {
	// Pools has the state of the pools: "read" and "write", or "all" when they are one.
	Pools map[string]sql.DBStats
	// Retried is how often a write transaction lost against another one and was tried again; GaveUp how often it was not.
	Retried, GaveUp int64
}

// Stats returns the present counts.
func (d *DB) Stats() Stats {
	s := Stats{Retried: d.retried.Load(), GaveUp: d.gaveUp.Load()}
	if d.reads == d.writes {
		s.Pools = map[string]sql.DBStats{"all": d.writes.Stats()}
	} else {
		s.Pools = map[string]sql.DBStats{"read": d.reads.Stats(), "write": d.writes.Stats()}
	}
	return s
}

func (d *DB) begin(ctx context.Context, pool *sql.DB, opts *sql.TxOptions) (*sql.Tx, error) {
	span := statementSpan(ctx, d.Dialect, "BEGIN")
	start := time.Now()
	tx, err := pool.BeginTx(ctx, opts)
	d.watched(Begin, start, err)
	endStatement(span, nil, err)
	return tx, err
}

func (d *DB) commit(ctx context.Context, tx *sql.Tx) error {
	span := statementSpan(ctx, d.Dialect, "COMMIT")
	start := time.Now()
	err := tx.Commit()
	d.watched(Commit, start, err)
	endStatement(span, nil, err)
	return err
}

func (d *DB) watched(part Part, start time.Time, err error) {
	if watch := d.watch.Load(); watch != nil {
		(*watch)(part, time.Since(start), err)
	}
}
