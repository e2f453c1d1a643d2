// Package db opens the database and runs transactions on it. It hides what differs between SQLite and the MySQL family:
// pools, isolation, locking reads and which errors are worth another try.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Dialect names a family of databases, in ent's words.
type Dialect string

// The dialects that Farley speaks.
const (
	SQLite Dialect = "sqlite3"
	MySQL  Dialect = "mysql"
)

// ForUpdate returns the clause that locks the rows of a SELECT. On SQLite a write transaction holds the one write lock
// from its beginning, so there is nothing to add.
func (d Dialect) ForUpdate() string {
	if d == MySQL {
		return " FOR UPDATE"
	}
	return ""
}

// ForShare returns the clause that keeps the rows of a SELECT from changing until the transaction ends, and lets others do
// the same. On SQLite there is nothing to add.
func (d Dialect) ForShare() string {
	if d == MySQL {
		return " LOCK IN SHARE MODE" // MariaDB knows no FOR SHARE
	}
	return ""
}

// Querier reads. *Tx is one.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// DB is an open database.
type DB struct {
	Dialect Dialect
	// Observe, when set, is told of every statement. Tests count with it, metrics and traces hang on it. It is set before
	// the first statement and never after.
	Observe func(ctx context.Context, statement string, took time.Duration, err error)

	reads  *sql.DB
	writes *sql.DB
}

// maxAttempts bounds the tries of one write transaction that loses against others again and again.
const maxAttempts = 12

// Open opens the database at a URL: "sqlite:///path/to/file.db" or "mysql://user:password@host:port/name" (MySQL,
// MariaDB, Galera, TiDB, Vitess). It does not migrate.
func Open(ctx context.Context, databaseURL string) (*DB, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, errors.New("db: the database URL cannot be read") // url.Error would repeat the password
	}
	var d *DB
	switch u.Scheme {
	case "sqlite":
		d, err = openSQLite(u)
	case "mysql", "mariadb":
		d, err = openMySQL(u)
	default:
		return nil, fmt.Errorf("db: the database URL begins with %q; want sqlite:// or mysql://", u.Scheme)
	}
	if err != nil {
		return nil, err
	}
	if err := d.writes.PingContext(ctx); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("db: connect: %w", err)
	}
	return d, nil
}

func openSQLite(u *url.URL) (*DB, error) {
	path := u.Path
	if path == "" {
		path = u.Opaque
	}
	if path == "" {
		return nil, errors.New("db: the SQLite URL names no file")
	}
	const common = "?_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(10000)" +
		"&_pragma=cache_size(-32000)&_pragma=temp_store(MEMORY)&_time_format=sqlite"
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath()
	writes, err := sql.Open("sqlite", dsn+common+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("db: open SQLite: %w", err)
	}
	// SQLite has one writer at a time; queueing in the pool is fair, queueing on its lock is not.
	writes.SetMaxOpenConns(1)
	reads, err := sql.Open("sqlite", dsn+common+"&_pragma=query_only(1)")
	if err != nil {
		return nil, fmt.Errorf("db: open SQLite: %w", err)
	}
	reads.SetMaxOpenConns(8)
	reads.SetMaxIdleConns(8)
	return &DB{Dialect: SQLite, reads: reads, writes: writes}, nil
}

func openMySQL(u *url.URL) (*DB, error) {
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", u.Host
	if s := u.Query().Get("socket"); s != "" {
		c.Net, c.Addr = "unix", s
	}
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.DBName = strings.TrimPrefix(u.Path, "/")
	c.ParseTime, c.InterpolateParams, c.Loc = true, true, time.UTC
	c.Collation = "utf8mb4_bin"
	c.Params = map[string]string{"time_zone": "'+00:00'", "sql_mode": "'TRADITIONAL,NO_ENGINE_SUBSTITUTION'", "innodb_lock_wait_timeout": "20"}
	if tls := u.Query().Get("tls"); tls != "" {
		c.TLSConfig = tls
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("db: open MySQL: %w", err)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(48)
	pool.SetMaxIdleConns(48)
	pool.SetConnMaxLifetime(30 * time.Minute)
	return &DB{Dialect: MySQL, reads: pool, writes: pool}, nil
}

// Close closes the pools.
func (d *DB) Close() error {
	if d.reads == d.writes {
		return d.writes.Close()
	}
	return errors.Join(d.reads.Close(), d.writes.Close())
}

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.reads.PingContext(ctx) }

// Pool returns the pool for writes, for what needs a *sql.DB (migrations). Its statements are not observed.
func (d *DB) Pool() *sql.DB { return d.writes }

// Tx is a transaction. It is not safe for concurrent use.
type Tx struct {
	Dialect Dialect
	tx      *sql.Tx
	observe func(context.Context, string, time.Duration, error)
	after   []func()
}

// OnCommit has fn run once after the transaction has been committed; never when it is rolled back or tried again.
func (t *Tx) OnCommit(fn func()) { t.after = append(t.after, fn) }

// ExecContext runs a statement.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	start := time.Now()
	res, err := t.tx.ExecContext(ctx, query, args...)
	t.note(ctx, query, start, err)
	return res, err
}

// QueryContext runs a query.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	start := time.Now()
	rows, err := t.tx.QueryContext(ctx, query, args...)
	t.note(ctx, query, start, err)
	return rows, err
}

// QueryRow runs a query of one row and scans it into dest. It returns sql.ErrNoRows when there is none.
func (t *Tx) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	rows, err := t.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

func (t *Tx) note(ctx context.Context, query string, start time.Time, err error) {
	if t.observe != nil {
		t.observe(ctx, query, time.Since(start), err)
	}
}

// Write runs fn in one transaction that writes, at READ COMMITTED (SQLite: holding the write lock from the start), and
// commits it. When the database made this transaction lose against another one (deadlock, lock time-out, certification
// failure), fn runs again in a new one, so fn must have no other effects than through its Tx. Any error from fn rolls
// back and is returned.
func (d *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	for attempt := 1; ; attempt++ {
		after, err := d.writeOnce(ctx, fn)
		if err == nil {
			for _, f := range after {
				f()
			}
			return nil
		}
		if attempt == maxAttempts || !Retryable(err) || ctx.Err() != nil {
			return err
		}
		pause := time.Duration(1<<min(attempt, 7)) * time.Millisecond
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *DB) writeOnce(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) (after []func(), err error) {
	stx, err := d.writes.BeginTx(ctx, &sql.TxOptions{Isolation: d.writeIsolation()})
	if err != nil {
		return nil, err
	}
	tx := &Tx{Dialect: d.Dialect, tx: stx, observe: d.Observe}
	defer func() {
		if p := recover(); p != nil {
			_ = stx.Rollback()
			panic(p)
		}
		if err != nil {
			_ = stx.Rollback() // the cause is more telling than a second failure
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return nil, err
	}
	if err := stx.Commit(); err != nil {
		return nil, err
	}
	return tx.after, nil
}

func (d *DB) writeIsolation() sql.IsolationLevel {
	if d.Dialect == MySQL {
		return sql.LevelReadCommitted
	}
	return sql.LevelDefault
}

// Snapshot begins a transaction that only reads and sees one state of the database. The caller ends it with Close.
func (d *DB) Snapshot(ctx context.Context) (*Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.Dialect == MySQL {
		opts.Isolation = sql.LevelRepeatableRead
	}
	stx, err := d.reads.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &Tx{Dialect: d.Dialect, tx: stx, observe: d.Observe}, nil
}

// Close ends a transaction begun by Snapshot.
func (t *Tx) Close() error {
	err := t.tx.Rollback()
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Retryable reports whether the same transaction, run again, may succeed.
func Retryable(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		switch my.Number {
		case 1213, 1205, 1020, 1047: // deadlock, lock wait, record changed since read, Galera node not ready
			return true
		}
		return false
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		code := lite.Code() & 0xff
		return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
	}
	return false
}

// Clash reports whether err says that a row with the same unique key exists.
func Clash(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return my.Number == 1062
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}
