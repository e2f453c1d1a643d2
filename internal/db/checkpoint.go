package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
)

// SQLite appends what is written to a log, and a commit that finds the log long copies it into the file, while everybody who
// wants to write waits. Here that is done beside the writers, by a connection of its own, which needs no lock of theirs.

const (
	checkpointPages = 16_000 // written to the log, after which they are copied into the file
	// longestLog is how many pages the log has when commits take part in the copying. While one transaction follows the other
	// the log never is at its end, where it begins anew.
	longestLog = 64_000
)

// checkpoints copies the write-ahead log of SQLite into the file.
type checkpoints struct {
	pool   *sql.DB
	every  atomic.Int64 // pages
	behind atomic.Int64 // pages written since it began last
	mu     sync.Mutex   // held while it works
	work   sync.WaitGroup
}

func newCheckpoints(dsn string) (*checkpoints, error) {
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	c := &checkpoints{pool: pool}
	c.every.Store(checkpointPages)
	return c, nil
}

// wrote takes notice of a commit of so many pages. It does not wait.
func (c *checkpoints) wrote(pages int) {
	if c.behind.Add(int64(pages)) < c.every.Load() || !c.mu.TryLock() {
		return
	}
	c.behind.Store(0)
	c.work.Go(func() {
		defer c.mu.Unlock()
		// What cannot be copied, because somebody reads what was before, is next time, or when the log is longest.
		_, _ = c.pool.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
	})
}

func (c *checkpoints) close() error {
	c.work.Wait()
	return c.pool.Close()
}

// countingTx tells how many pages a transaction has written once it is committed.
type countingTx struct {
	driver.Tx
	conn  sqlite.DBStatus
	wrote func(pages int)
}

// Commit implements driver.Tx.
func (t countingTx) Commit() error {
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	pages, _, err := t.conn.Status(sqlite.DBStatusCacheWrite, true)
	if err == nil {
		t.wrote(pages)
	}
	return nil //nolint:nilerr // it is committed
}
