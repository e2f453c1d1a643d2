package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// ErrNewer is returned, wrapped, when the database has migrations that this binary does not know.
var ErrNewer = errors.New("the database is newer than this program")

// ErrChanged is returned, wrapped, when the text of an applied migration is no longer the one that was applied.
var ErrChanged = errors.New("an applied migration has been changed")

// migrateWait is how long a node waits for another one that is migrating.
const migrateWait = 10 * time.Minute

// Migrate applies the pending migrations of this binary in order. Of several nodes that start at once one applies and the
// others wait for it.
//
// On SQLite all of them are one transaction. On the MySQL family DDL commits implicitly, so each file is recorded after its
// last statement, and one that fails half way keeps the statements before; the next try of the same file goes on from there.
// The lock is a row, so that it holds on all nodes of a Galera cluster, and a node that dies while it migrates is followed
// by another one half a minute later.
//
// It returns ErrNewer or ErrChanged, wrapped, without touching the database when its history is not that of this binary.
func (d *DB) Migrate(ctx context.Context) error { return d.MigrateFrom(ctx, Migrations()) }

// MigrateFrom is Migrate for the migrations in fsys, which has the folders sqlite and mysql.
func (d *DB) MigrateFrom(ctx context.Context, fsys fs.FS) error {
	all, err := d.Dialect.migrations(fsys)
	if err != nil {
		return err
	}
	// The common start of a node finds nothing to do and should not queue for the lock.
	pending, err := d.pending(ctx, d.reads, all)
	if err != nil || len(pending) == 0 {
		return err
	}
	if d.Dialect == MySQL {
		return d.migrateMySQL(ctx, all)
	}
	ctx, cancel := context.WithTimeout(ctx, migrateWait)
	defer cancel()
	return d.migrateSQLite(ctx, all)
}

// Pending returns the file names of the migrations of this binary that the database lacks, in the order in which Migrate
// would apply them. It changes nothing. It returns ErrNewer or ErrChanged, wrapped, as Migrate does.
func (d *DB) Pending(ctx context.Context) ([]string, error) { return d.PendingFrom(ctx, Migrations()) }

// PendingFrom is Pending for the migrations in fsys, which has the folders sqlite and mysql.
func (d *DB) PendingFrom(ctx context.Context, fsys fs.FS) ([]string, error) {
	all, err := d.Dialect.migrations(fsys)
	if err != nil {
		return nil, err
	}
	pending, err := d.pending(ctx, d.reads, all)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, m := range pending {
		files = append(files, m.file)
	}
	return files, nil
}

// pending compares the migrations with those recorded in the database.
func (d *DB) pending(ctx context.Context, q Querier, all []migration) ([]migration, error) {
	applied, err := d.applied(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("db: read schema_migrations: %w", err)
	}
	var pending []migration
	for _, m := range all {
		checksum, ok := applied[m.version]
		delete(applied, m.version)
		switch {
		case !ok:
			pending = append(pending, m)
		case checksum != m.checksum:
			return nil, fmt.Errorf("db: migration %s: %w", m.file, ErrChanged)
		}
	}
	newest := ""
	for version := range applied {
		newest = max(newest, version)
	}
	if newest != "" {
		return nil, fmt.Errorf("db: migration %s: %w", newest, ErrNewer)
	}
	return pending, nil
}

// applied returns the checksums of the recorded migrations by version; none when there is no record yet.
func (d *DB) applied(ctx context.Context, q Querier) (map[string]string, error) {
	exists := "SELECT name, type FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
	if d.Dialect == MySQL {
		exists = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'schema_migrations'"
	}
	tables, err := pairs(ctx, q, exists)
	if err != nil || len(tables) == 0 {
		return nil, err
	}
	return pairs(ctx, q, "SELECT version, checksum FROM schema_migrations")
}

// pairs reads rows of two texts.
func pairs(ctx context.Context, q Querier, query string) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, err
		}
		found[key] = value
	}
	return found, rows.Err()
}

func (d *DB) migrateSQLite(ctx context.Context, all []migration) error {
	conn, err := d.writes.Conn(ctx)
	if err != nil {
		return fmt.Errorf("db: migrate: %w", err)
	}
	defer func() { _ = conn.Close() }()

	// Rebuilding a table drops the old one, which with foreign keys on deletes or refuses rows that refer to it. They can
	// only be switched outside of a transaction; inside, before the commit, all references are checked.
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = 0"); err != nil {
		return fmt.Errorf("db: migrate: %w", err)
	}
	defer func() {
		if _, on := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA foreign_keys = 1"); on != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // the pool must not use it again
		}
	}()

	tx, err := beginImmediate(ctx, conn)
	if err != nil {
		return fmt.Errorf("db: migrate: wait for the lock: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := d.apply(ctx, tx, all); err != nil {
		return err
	}
	if err := checkReferences(ctx, tx); err != nil {
		return err
	}
	if err := assume(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("db: migrate: %w", err)
	}
	return nil
}

// beginImmediate begins a transaction that holds SQLite's write lock, waiting for another process that migrates for longer
// than the usual busy time-out.
func beginImmediate(ctx context.Context, conn *sql.Conn) (*sql.Tx, error) {
	for {
		tx, err := conn.BeginTx(ctx, nil)
		if err == nil || !Retryable(err) || ctx.Err() != nil {
			return tx, err
		}
	}
}

func checkReferences(ctx context.Context, q Querier) error {
	rows, err := q.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return fmt.Errorf("db: migrate: check references: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return rows.Err()
	}
	var table, parent string
	var row, key sql.NullInt64
	if err := rows.Scan(&table, &row, &parent, &key); err != nil {
		return fmt.Errorf("db: migrate: check references: %w", err)
	}
	return fmt.Errorf("db: migrate: row %d of %s refers to a row of %s that is not there", row.Int64, table, parent)
}

func (d *DB) migrateMySQL(ctx context.Context, all []migration) error {
	if err := d.makeLock(ctx); err != nil {
		return err
	}
	lock := newLock(d)
	held, err := lock.acquire(ctx, all)
	if err != nil || !held {
		return err
	}
	ctx, stop := lock.keep(ctx)
	for try := 1; ; try++ {
		err = d.again(ctx, func() error { return d.applyLocked(ctx, lock, all) })
		if try == maxAttempts || !errors.Is(err, ErrUnknownOutcome) {
			break
		} // what was committed is marked with it, so that it is safe to go on
	}
	stop()
	return errors.Join(err, lock.release(ctx))
}

// applyLocked runs what is pending now that the lock is held.
func (d *DB) applyLocked(ctx context.Context, lock *migrationLock, all []migration) error {
	pending, err := d.pending(ctx, d.reads, all)
	if err != nil {
		return err
	}
	if _, err := d.writes.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
		version VARCHAR(14) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
		checksum VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
		applied_at datetime(6) NOT NULL) ENGINE=InnoDB`); err != nil {
		return fmt.Errorf("db: migrate: %w", err)
	}
	for _, m := range pending {
		if err := lock.apply(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

const recordMigration = "INSERT INTO schema_migrations (version, checksum, applied_at) VALUES (?, ?, CURRENT_TIMESTAMP)"

// apply runs what is pending on SQLite, in the transaction that holds the lock.
func (d *DB) apply(ctx context.Context, s *sql.Tx, all []migration) error {
	pending, err := d.pending(ctx, s, all)
	if err != nil {
		return err
	}
	const create = `CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, applied_at datetime NOT NULL)`
	if _, err := s.ExecContext(ctx, create); err != nil {
		return fmt.Errorf("db: migrate: %w", err)
	}
	for _, m := range pending {
		if err := d.applyOne(ctx, s, m); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) applyOne(ctx context.Context, s *sql.Tx, m migration) error {
	statements, err := d.Dialect.statements(m)
	if err != nil {
		return err
	}
	for i, statement := range statements {
		if _, err := s.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("db: migration %s: statement %d of %d: %w", m.file, i+1, len(statements), err)
		}
	}
	if _, err := s.ExecContext(ctx, recordMigration, m.version, m.checksum); err != nil {
		return fmt.Errorf("db: migration %s: record: %w", m.file, err)
	}
	return nil
}
