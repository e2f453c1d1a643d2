package db

import "time"

// SetLease changes how long the holder of the migration lock may be silent.
func (d *DB) SetLease(lease time.Duration) { d.lease = lease }

// SetPatience changes how long a transaction waits for a database that is away.
func (d *DB) SetPatience(patience time.Duration) { d.patience = patience }
