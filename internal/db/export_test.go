package db

import "time"

// SetLease changes how long the holder of the migration lock may be silent.
func (d *DB) SetLease(lease time.Duration) { d.lease = lease }

// SetPatience changes how long a transaction waits for a database that is away.
func (d *DB) SetPatience(patience time.Duration) { d.patience = patience }

// SetCheckpoint changes after how many pages the log of SQLite is copied into the file.
func (d *DB) SetCheckpoint(pages int) { d.copying.every.Store(int64(pages)) }

// Copied waits until what the log had is in the file.
func (d *DB) Copied() { d.copying.work.Wait() }
