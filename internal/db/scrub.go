package db

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errScrubBusy says that readers kept the write-ahead log from being emptied.
var errScrubBusy = errors.New("db: the write-ahead log is in use")

// scrubTries is how often Scrub tries to empty the log of SQLite before it leaves that to another call.
const scrubTries = 20

// Scrub takes from the files of SQLite what was deleted: deleted content is overwritten with zeros when it is deleted (see
// openSQLite), and here the write-ahead log, which has older pages, is written back and cut to nothing. Whoever reads
// meanwhile delays it; it returns an error when they do for too long. On other databases it does nothing: there the files are
// the operator's, see docs/guides/privacy.md.
func (d *DB) Scrub(ctx context.Context) error {
	if d.Dialect != SQLite {
		return nil
	}
	d.copying.mu.Lock() // what copies the log beside keeps it, too
	defer d.copying.mu.Unlock()
	for range scrubTries {
		var busy, pages, moved int
		if err := d.writes.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil && !Retryable(err) {
			return fmt.Errorf("db: empty the write-ahead log: %w", err)
		} else if err == nil && busy == 0 {
			return nil
		}
		select {
		case <-time.After(scrubPause):
		case <-ctx.Done():
			return errors.Join(errScrubBusy, ctx.Err())
		}
	}
	return errScrubBusy
}

// scrubPause is how long Scrub lets readers come to their end.
const scrubPause = 50 * time.Millisecond
