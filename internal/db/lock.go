package db

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// errLockLost is returned, wrapped, when another node has taken the migration lock over.
var errLockLost = errors.New("another node has taken the migration over")

const (
	// defaultLease is how long the holder of the lock may give no sign of life before another node takes over.
	defaultLease = 30 * time.Second
	releaseTime  = 5 * time.Second
)

// migrationLock is the right to migrate: a row that a node claims by comparing and setting, which holds on all nodes of a
// Galera cluster as well as on a single server (GET_LOCK holds on one server only). The row also says how far a migration
// has come.
//
// The holder moves the row's beat. Whoever waits measures by his own clock for how long it has not moved, so that the
// clocks of nodes may differ. On Galera a long DDL statement holds up all writes, the holder's beat too; so before he takes
// over, the waiting node writes to the row, which is held up as well, and then leaves the holder time to be next.
type migrationLock struct {
	db    *DB
	owner string
}

// lockState is the row.
type lockState struct {
	owner, version, checksum string
	beat                     int64
	done                     int  // statements of the migration that have been run
	begun                    bool // the next one has been begun, outside of a transaction
}

// makeLock makes the table and its row where they are not there yet.
func (d *DB) makeLock(ctx context.Context) error {
	for _, statement := range []string{
		`CREATE TABLE IF NOT EXISTS schema_lock (
			id TINYINT NOT NULL PRIMARY KEY,
			owner VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
			contender VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
			beat BIGINT NOT NULL,
			version VARCHAR(14) CHARACTER SET ascii COLLATE ascii_bin NULL,
			checksum VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
			done INT NOT NULL,
			begun TINYINT NOT NULL) ENGINE=InnoDB`,
		`INSERT IGNORE INTO schema_lock (id, beat, done, begun) VALUES (1, 0, 0, 0)`,
	} {
		err := d.again(ctx, func() error {
			_, err := d.writes.ExecContext(ctx, statement)
			return err
		})
		if err != nil {
			return fmt.Errorf("db: migrate: make the lock: %w", err)
		}
	}
	return nil
}

func newLock(d *DB) *migrationLock { return &migrationLock{db: d, owner: rand.Text()} }

// acquire waits for the lock. It reports false when there is nothing to do any more, as another node has done it.
func (l *migrationLock) acquire(ctx context.Context, all []migration) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, migrateWait, fmt.Errorf("another node has been migrating for %s", migrateWait))
	defer cancel()
	var seen lockState
	since := time.Now()
	for {
		var pending []migration
		err := l.db.again(ctx, func() (err error) {
			pending, err = l.db.pending(ctx, l.db.reads, all)
			return err
		})
		if err != nil || len(pending) == 0 {
			return false, err
		}
		now, err := l.state(ctx)
		if err != nil {
			return false, err
		}
		if now.owner != seen.owner || now.beat != seen.beat {
			seen, since = now, time.Now()
		}
		var held bool
		switch {
		case now.owner == "":
			held, err = l.change(ctx, "owner = ?, beat = beat + 1 WHERE id = 1 AND owner IS NULL AND beat = ?", l.owner, now.beat)
		case time.Since(since) > l.db.lease:
			held, err = l.takeOver(ctx, now)
			since = time.Now()
		}
		if err != nil || held {
			return held, err
		}
		select {
		case <-time.After(min(l.db.lease/10, 250*time.Millisecond)):
		case <-ctx.Done():
			return false, fmt.Errorf("db: migrate: wait for the lock: %w", context.Cause(ctx))
		}
	}
}

// takeOver takes the lock from a holder who seems to be dead.
func (l *migrationLock) takeOver(ctx context.Context, from lockState) (bool, error) {
	first, err := l.change(ctx, "contender = ? WHERE id = 1 AND owner = ? AND beat = ?", l.owner, from.owner, from.beat)
	if err != nil || !first {
		return false, err
	}
	select {
	case <-time.After(l.db.lease * 2 / 3): // twice as long as the holder takes between signs of life
	case <-ctx.Done():
		return false, fmt.Errorf("db: migrate: wait for the lock: %w", context.Cause(ctx))
	}
	return l.change(ctx, "owner = contender, contender = NULL, beat = beat + 1 WHERE id = 1 AND contender = ? AND beat = ?", l.owner, from.beat)
}

// change updates the row and reports whether it met the condition.
func (l *migrationLock) change(ctx context.Context, what string, args ...any) (changed bool, err error) {
	err = l.db.again(ctx, func() error {
		res, err := l.db.writes.ExecContext(ctx, "UPDATE schema_lock SET "+what, args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		changed = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("db: migrate: change the lock: %w", err)
	}
	return changed, nil
}

func (l *migrationLock) state(ctx context.Context) (s lockState, err error) {
	err = l.db.again(ctx, func() error {
		row := l.db.writes.QueryRowContext(ctx, "SELECT COALESCE(owner, ''), beat, COALESCE(version, ''), COALESCE(checksum, ''), done, begun FROM schema_lock WHERE id = 1")
		return row.Scan(&s.owner, &s.beat, &s.version, &s.checksum, &s.done, &s.begun)
	})
	if err != nil {
		return s, fmt.Errorf("db: migrate: read the lock: %w", err)
	}
	return s, nil
}

// keep gives signs of life until stop is called, and ends the context it returns when the lock is lost.
func (l *migrationLock) keep(ctx context.Context) (held context.Context, stop func()) {
	held, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-held.Done():
				return
			case <-time.After(l.db.lease / 3):
			}
			mine, err := l.change(held, "beat = beat + 1 WHERE id = 1 AND owner = ?", l.owner)
			if err == nil && !mine { // an error is no reason to stop: each step makes sure that the lock is still held
				cancel(errLockLost)
			}
		}
	}()
	return held, func() {
		cancel(nil)
		<-ended
	}
}

// release gives the lock back.
func (l *migrationLock) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	_, err := l.change(ctx, "owner = NULL, beat = beat + 1 WHERE id = 1 AND owner = ?", l.owner)
	return err
}

// mark says in a transaction how far the migration has come, and makes sure that the lock is held.
func (l *migrationLock) mark(ctx context.Context, tx *Tx, m migration, done int, begun bool) error {
	res, err := tx.ExecContext(ctx, "UPDATE schema_lock SET beat = beat + 1, version = ?, checksum = ?, done = ?, begun = ? WHERE id = 1 AND owner = ?",
		m.version, m.checksum, done, begun, l.owner)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errLockLost, err)
	}
	return nil
}

// apply runs a migration from the statement at which an earlier try has ended.
func (l *migrationLock) apply(ctx context.Context, m migration) error {
	statements, err := l.db.Dialect.statements(m)
	if err != nil {
		return err
	}
	was, err := l.state(ctx)
	if err != nil {
		return err
	}
	if was.version != m.version || was.checksum != m.checksum { // begun never, or with another text
		was.done, was.begun = 0, false
	}
	for i := was.done; i < len(statements); i++ {
		err := l.step(ctx, m, i, statements[i], was.begun && i == was.done)
		if err != nil {
			return fmt.Errorf("db: migration %s: statement %d of %d: %w", m.file, i+1, len(statements), err)
		}
	}
	err = l.db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if err := l.mark(ctx, tx, m, len(statements), false); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, recordMigration, m.version, m.checksum)
		return err
	})
	if err != nil {
		return fmt.Errorf("db: migration %s: record: %w", m.file, err)
	}
	return nil
}

// step runs one statement. What changes rows does so in one transaction with the mark; DDL commits by itself, so it is
// marked as begun before, and one that was begun and finds its work done has been done.
func (l *migrationLock) step(ctx context.Context, m migration, i int, statement string, begun bool) error {
	if changesRows(statement) {
		return l.db.Write(ctx, func(ctx context.Context, tx *Tx) error {
			if err := l.mark(ctx, tx, m, i+1, false); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, statement)
			return err
		})
	}
	err := l.db.Write(ctx, func(ctx context.Context, tx *Tx) error { return l.mark(ctx, tx, m, i, true) })
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		_, err = l.db.writes.ExecContext(ctx, statement)
		if err == nil || attempt == maxAttempts || !Retryable(err) || ctx.Err() != nil {
			break
		}
	}
	var my *mysql.MySQLError
	switch {
	case err == nil, begun && alreadyDone(err):
		return l.db.Write(ctx, func(ctx context.Context, tx *Tx) error { return l.mark(ctx, tx, m, i+1, false) })
	case errors.As(err, &my) && !Away(err): // it was refused: what is there next time was not made by it
		refused := l.db.Write(ctx, func(ctx context.Context, tx *Tx) error { return l.mark(ctx, tx, m, i, false) })
		return errors.Join(err, refused)
	}
	if cause := context.Cause(ctx); cause != nil {
		return errors.Join(cause, err)
	}
	return err
}

// changesRows reports whether a statement can be part of a transaction.
func changesRows(statement string) bool {
	for len(statement) > 0 { // comments first
		statement = strings.TrimSpace(statement)
		switch {
		case strings.HasPrefix(statement, "--"), strings.HasPrefix(statement, "#"):
			_, statement, _ = strings.Cut(statement, "\n")
			continue
		case strings.HasPrefix(statement, "/*"):
			_, statement, _ = strings.Cut(statement, "*/")
			continue
		}
		break
	}
	word, _, _ := strings.Cut(statement, " ")
	switch strings.ToUpper(strings.TrimSpace(word)) {
	case "INSERT", "UPDATE", "DELETE", "REPLACE":
		return true
	}
	return false
}

// alreadyDone reports whether a DDL statement was refused because what it makes is there, or what it removes is not.
func alreadyDone(err error) bool {
	var my *mysql.MySQLError
	if !errors.As(err, &my) {
		return false
	}
	switch my.Number {
	case 1050, 1060, 1061, 1068, 1359, 1826, // table, column, key, primary key, trigger, foreign key: exists
		1051, 1054, 1091, 1146, 1360: // table, column, column or key, table, trigger: is not there
		return true
	}
	return false
}
