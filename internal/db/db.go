// Package db opens the database and runs transactions on it. It hides what differs between SQLite and the MySQL family:
// pools, isolation, locking reads and which errors are worth another try.
package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
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

// Each runs a query and calls fn on every row, until fn returns an error.
func Each(ctx context.Context, q Querier, query string, args []any, fn func(rows *sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// DB is an open database.
type DB struct {
	Dialect Dialect
	// Observe, when set, is told of every statement. Tests count with it, metrics and traces hang on it. It is set before
	// the first statement and never after.
	Observe func(ctx context.Context, statement string, took time.Duration, err error)

	reads    *sql.DB
	writes   *sql.DB
	cluster  *cluster      // of the MySQL family
	copying  *checkpoints  // of SQLite
	patience time.Duration // how long a transaction waits for a database that is away
	lease    time.Duration // of the migration lock

	watch   atomic.Pointer[Watch]
	waiting atomic.Int64 // writers of this process that wait for their turn, on SQLite
	retried atomic.Int64
	gaveUp  atomic.Int64
}

const (
	// maxAttempts bounds the tries of one write transaction that loses against others again and again.
	maxAttempts = 12
	// defaultPatience is longer than a cluster takes to go on without a server that was killed.
	defaultPatience = 10 * time.Second
)

// Open opens the database at a URL: "sqlite:///path/to/file.db" or "mysql://user:password@host:port/name" (MySQL,
// MariaDB, Galera, TiDB, Vitess). It does not migrate.
//
// Several hosts parted by commas are the nodes of one cluster, or a primary and its replicas: every connection goes to the
// first one that answers and is ready (on Galera: part of the primary component and in step; not read-only), and is given
// up when its server says that it no longer is.
func Open(ctx context.Context, databaseURL string) (*DB, error) {
	single, hosts, err := splitHosts(databaseURL)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(single)
	if err != nil {
		return nil, errors.New("db: the database URL cannot be read") // url.Error would repeat the password
	}
	var d *DB
	switch u.Scheme {
	case "sqlite":
		d, err = openSQLite(u)
	case "mysql", "mariadb":
		d, err = openMySQL(u, hosts)
	default:
		return nil, fmt.Errorf("db: the database URL begins with %q; want sqlite:// or mysql://", u.Scheme)
	}
	if err != nil {
		return nil, err
	}
	d.patience, d.lease = defaultPatience, defaultLease
	if err := d.writes.PingContext(ctx); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("db: connect: %w", err)
	}
	return d, nil
}

// splitHosts takes the hosts out of a URL with several, which package url refuses.
func splitHosts(databaseURL string) (single string, hosts []string, err error) {
	scheme, rest, ok := strings.Cut(databaseURL, "://")
	if !ok {
		return databaseURL, nil, nil
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	start := strings.LastIndexByte(rest[:end], '@') + 1
	hosts = strings.Split(rest[start:end], ",")
	if len(hosts) > 1 && slices.Contains(hosts, "") {
		return "", nil, errors.New("db: the database URL has an empty host between its commas")
	}
	return scheme + "://" + rest[:start] + hosts[0] + rest[end:], hosts, nil
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
		"&_pragma=cache_size(-64000)&_pragma=temp_store(MEMORY)&_time_format=sqlite"
	// What is erased must not be readable in the file: deleted content is overwritten with zeros as it is deleted. (Reads
	// delete nothing.)
	const zeros = "&_pragma=secure_delete(1)"
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath()
	copying, err := newCheckpoints(dsn + common)
	if err != nil {
		return nil, fmt.Errorf("db: open SQLite: %w", err)
	}
	writes, err := openKeeping(dsn+common+zeros+"&_txlock=immediate&_pragma=wal_autocheckpoint("+strconv.Itoa(longestLog)+")", copying.wrote)
	if err != nil {
		return nil, fmt.Errorf("db: open SQLite: %w", err)
	}
	// SQLite has one writer at a time; queueing in the pool is fair, queueing on its lock is not.
	writes.SetMaxOpenConns(1)
	reads, err := openKeeping(dsn+common+"&_pragma=query_only(1)", nil)
	if err != nil {
		return nil, fmt.Errorf("db: open SQLite: %w", err)
	}
	reads.SetMaxOpenConns(8)
	reads.SetMaxIdleConns(8)
	return &DB{Dialect: SQLite, reads: reads, writes: writes, copying: copying}, nil
}

func openMySQL(u *url.URL, hosts []string) (*DB, error) {
	c := mysql.NewConfig()
	c.Net = "tcp"
	if s := u.Query().Get("socket"); s != "" {
		c.Net, hosts = "unix", []string{s}
	}
	dialer := net.Dialer{
		Timeout:         dialTime,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 3 * time.Second, Count: 3},
		Control:         control,
	}
	c.DialFunc = dialer.DialContext
	c.Logger = &mysql.NopLogger{} // what it says comes as an error too
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.DBName = strings.TrimPrefix(u.Path, "/")
	c.ParseTime, c.InterpolateParams, c.Loc = true, true, time.UTC
	c.Collation = "utf8mb4_bin"
	c.Params = map[string]string{"time_zone": "'+00:00'", "sql_mode": "'TRADITIONAL,NO_ENGINE_SUBSTITUTION'", "innodb_lock_wait_timeout": "20"}
	if tls := u.Query().Get("tls"); tls != "" {
		c.TLSConfig = tls
	}
	servers, err := newCluster(c, hosts)
	if err != nil {
		return nil, fmt.Errorf("db: open MySQL: %w", err)
	}
	pool := sql.OpenDB(servers)
	pool.SetMaxOpenConns(48)
	pool.SetMaxIdleConns(48)
	pool.SetConnMaxLifetime(30 * time.Minute)
	return &DB{Dialect: MySQL, reads: pool, writes: pool, cluster: servers}, nil
}

// Close closes the pools.
func (d *DB) Close() error {
	if d.reads == d.writes {
		return d.writes.Close()
	}
	return errors.Join(d.reads.Close(), d.writes.Close(), d.copying.close()) // once nobody commits
}

// Ping reports whether the database answers. Where there are several servers, one that does is enough.
func (d *DB) Ping(ctx context.Context) error {
	err := d.reads.PingContext(ctx)
	if err != nil && Away(err) && ctx.Err() == nil {
		err = d.reads.PingContext(ctx) // through another connection, which may lead to another server
	}
	return err
}

// Pool returns the pool for writes, for what needs a *sql.DB (migrations). Its statements are not observed.
func (d *DB) Pool() *sql.DB { return d.writes }

// Tx is a transaction. It is not safe for concurrent use.
type Tx struct {
	Dialect Dialect
	tx      *sql.Tx
	observe func(context.Context, string, time.Duration, error)
	watch   *Watch // may be nil
	after   []func()
	rows    *sql.Rows // of the last query
	lost    error     // why the database has rolled the transaction back by itself
	later   *later    // statements that run beside the caller, if there are
	late    error     // that of a statement that ran so
	waiting *atomic.Int64
	conn    *sql.Conn // the snapshot's own, where it has one
	snap    *lazily   // of a snapshot that begins with its first statement
}

// OnCommit has fn run once after the transaction has been committed; never when it is rolled back or tried again.
func (t *Tx) OnCommit(fn func()) { t.after = append(t.after, fn) }

// ExecContext runs a statement; on SQLite perhaps several with arguments, parted by ";\n", the arguments being those of the last.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.intact(); err != nil {
		return nil, err
	}
	if t.snap != nil {
		t.snap.alone, t.snap.apart = false, false // what writes is refused by the snapshot
	}
	if _, err := t.reader(); err != nil {
		return nil, err
	}
	span := statementSpan(ctx, t.Dialect, query)
	start := time.Now()
	res, err := t.tx.ExecContext(ctx, query, args...)
	t.note(ctx, Write, query, time.Since(start), err)
	endStatement(span, res, err)
	return res, err
}

// QueryContext runs a query.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.intact(); err != nil {
		return nil, err
	}
	from, err := t.reader()
	if err != nil {
		return nil, err
	}
	span := statementSpan(ctx, t.Dialect, query)
	start := time.Now()
	rows, err := from.QueryContext(ctx, query, args...)
	t.note(ctx, Read, query, time.Since(start), err)
	endStatement(span, nil, err)
	t.rows = rows
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

// intact returns the error by which the database rolled the transaction back, if it did. Whoever reads one row and closes
// the rows never sees an error that comes behind that row; statements that followed would be
// transactions of their own, each committed at once.
func (t *Tx) intact() error {
	if err := t.Settle(); err != nil {
		return err
	}
	if t.lost == nil && t.rows != nil {
		if err := t.rows.Err(); Retryable(err) {
			t.lost = err
		}
	}
	return t.lost
}

func (t *Tx) note(ctx context.Context, part Part, query string, took time.Duration, err error) {
	if Retryable(err) {
		t.lost = err
	}
	if t.observe != nil {
		t.observe(ctx, query, took, err)
	}
	if t.watch != nil {
		(*t.watch)(part, took, err)
	}
}

// Write runs fn in one transaction that writes, at READ COMMITTED (SQLite: holding the write lock from the start), and
// commits it. When the database made this transaction lose against another one (deadlock, lock time-out, certification
// failure), or the server was lost before COMMIT was sent, fn runs again in a new one, so fn must have no other effects than
// through its Tx. A database that is away is waited for, for at most ten seconds. Any error from fn rolls back and is
// returned.
//
// It returns ErrUnknownOutcome, wrapped, when the server was lost after COMMIT had been sent.
func (d *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return d.write(ctx, d.beginWrite, fn)
}

// WritePatient is Write for what follows every other transaction, so that it always waits for the next one: that one need not
// end for it.
func (d *DB) WritePatient(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return d.write(ctx, d.beginPatient, fn)
}

// WriteSynced is Write for what was refused for what this server knows: where Lags, each try begins once this server has
// applied everything that was committed before on any. Elsewhere it is Write.
func (d *DB) WriteSynced(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if !d.Lags() {
		return d.Write(ctx, fn)
	}
	return d.write(ctx, d.beginWriteSynced, fn)
}

// beginner begins a transaction; end is called after it has ended.
type beginner func(ctx context.Context) (stx *sql.Tx, end func(), err error)

// Waited reports whether other transactions of this process wait for this one: SQLite has one writer at a time, so what
// writes much ends its transaction when somebody waits. Elsewhere nobody waits for the whole of it.
func (t *Tx) Waited() bool { return t.waiting != nil && t.waiting.Load() > 0 }

func (d *DB) beginWrite(ctx context.Context) (*sql.Tx, func(), error) {
	if d.Dialect == SQLite {
		d.waiting.Add(1)
		defer d.waiting.Add(-1)
	}
	return d.beginPatient(ctx)
}

func (d *DB) beginPatient(ctx context.Context) (*sql.Tx, func(), error) {
	stx, err := d.begin(ctx, d.writes, &sql.TxOptions{Isolation: d.writeIsolation()})
	return stx, func() {}, err
}

func (d *DB) beginWriteSynced(ctx context.Context) (*sql.Tx, func(), error) {
	stx, conn, err := beginSynced(ctx, d.writes, &sql.TxOptions{Isolation: d.writeIsolation()})
	return stx, func() { _ = conn.Close() }, err
}

func (d *DB) write(ctx context.Context, begin beginner, fn func(ctx context.Context, tx *Tx) error) (err error) {
	attempts := 0
	ctx, span := writeSpan(ctx, d.Dialect)
	defer func() { endWrite(span, attempts, err) }()
	var after []func()
	err = d.again(ctx, func() (err error) {
		attempts++
		after, err = d.writeOnce(ctx, begin, fn)
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range after {
		f()
	}
	return nil
}

// again runs fn until it succeeds, as long as another try may.
func (d *DB) again(ctx context.Context, fn func() error) error {
	var lost time.Time // when the database was first away
	for attempt := 1; ; attempt++ {
		err := fn()
		pause := time.Duration(1<<min(attempt, 7)) * time.Millisecond
		switch {
		case err == nil || ctx.Err() != nil || errors.Is(err, ErrUnknownOutcome):
			return err
		case Away(err):
			if lost.IsZero() {
				lost = time.Now()
			}
			if time.Since(lost) > d.patience {
				d.gaveUp.Add(1)
				return err
			}
		case !Retryable(err):
			return err
		case attempt >= maxAttempts:
			d.gaveUp.Add(1)
			return err
		}
		d.retried.Add(1)
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

func (d *DB) writeOnce(ctx context.Context, begin beginner, fn func(ctx context.Context, tx *Tx) error) (after []func(), err error) {
	stx, end, err := begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	tx := &Tx{Dialect: d.Dialect, tx: stx, observe: d.Observe, watch: d.watch.Load(), waiting: &d.waiting}
	defer func() {
		if p := recover(); p != nil {
			_ = tx.Settle()
			_ = stx.Rollback()
			panic(p)
		}
		if err != nil {
			_ = tx.Settle()
			_ = stx.Rollback() // the cause is more telling than a second failure
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return nil, err
	}
	if err := tx.intact(); err != nil {
		return nil, err
	}
	if err := d.commit(ctx, stx); err != nil {
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
	stx, err := d.begin(ctx, d.reads, opts)
	if err != nil {
		return nil, err
	}
	return &Tx{Dialect: d.Dialect, tx: stx, observe: d.Observe, watch: d.watch.Load()}, nil
}

// lazily is how a snapshot begins.
type lazily struct {
	begin func() (*sql.Tx, error)
	pool  *sql.DB
	sole  bool // whether statements may be alone
	alone bool // the next one is
	apart bool // all are
}

// SnapshotLazily is Snapshot that begins with its first statement. With sole, who reads may say that a statement is the only
// one (Tx.Alone): then there is nothing that would have to see the same state, and it runs without a transaction, which is
// three round trips less on the MySQL family.
func (d *DB) SnapshotLazily(ctx context.Context, sole bool) *Tx {
	t := &Tx{Dialect: d.Dialect, observe: d.Observe, watch: d.watch.Load()}
	t.snap = &lazily{sole: sole, pool: d.reads, begin: func() (*sql.Tx, error) {
		begun, err := d.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		return begun.tx, nil
	}}
	return t
}

// Alone says that the next statement is the only one of the snapshot, as far as is known. It changes nothing where the
// snapshot has begun, or was not made for that.
func (t *Tx) Alone() {
	if t.snap != nil && t.snap.sole && t.tx == nil {
		t.snap.alone = true
	}
}

// Apart says that the statements of the snapshot need not see the same state, as those of which only one tells what changes from one
// moment to the next. Like Alone it changes nothing where the snapshot has begun, or was not made for that.
func (t *Tx) Apart() {
	if t.snap != nil && t.snap.sole && t.tx == nil {
		t.snap.apart = true
	}
}

// reader is what the next query runs on.
func (t *Tx) reader() (Querier, error) {
	if t.tx != nil {
		return t.tx, nil
	}
	if t.snap.alone || t.snap.apart {
		t.snap.alone = false
		return t.snap.pool, nil
	}
	var err error
	t.tx, err = t.snap.begin()
	return t.tx, err
}

// Lags reports whether a server of this database may not have applied yet what was committed on another one: a Galera
// cluster.
func (d *DB) Lags() bool { return d.cluster != nil && d.cluster.galera.Load() }

// SnapshotSynced is Snapshot for what must not be missed because it was committed on another server a moment ago: where
// Lags, it first waits until this server has applied everything that was committed before. Elsewhere it is Snapshot.
//
// The wait costs a round through the cluster. So look with Snapshot first, and here again before you say that something is
// not there.
func (d *DB) SnapshotSynced(ctx context.Context) (*Tx, error) {
	if !d.Lags() {
		return d.Snapshot(ctx)
	}
	stx, conn, err := beginSynced(ctx, d.reads, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return nil, err
	}
	return &Tx{Dialect: d.Dialect, tx: stx, observe: d.Observe, conn: conn}, nil
}

// Find runs fn in a snapshot. Where fn answers sql.ErrNoRows and Lags, it runs once more in one of SnapshotSynced, before
// it is said that what was looked for is not there.
func (d *DB) Find(ctx context.Context, fn func(tx *Tx) error) error {
	err := within(ctx, d.Snapshot, fn)
	if d.Lags() && errors.Is(err, sql.ErrNoRows) {
		return within(ctx, d.SnapshotSynced, fn)
	}
	return err
}

func within(ctx context.Context, begin func(context.Context) (*Tx, error), fn func(tx *Tx) error) error {
	tx, err := begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	return fn(tx)
}

// beginSynced begins a transaction once the server has caught up, on a connection that goes back to the pool when the
// caller closes it.
func beginSynced(ctx context.Context, pool *sql.DB, options *sql.TxOptions) (*sql.Tx, *sql.Conn, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	stx, err := waitAndBegin(ctx, conn, options)
	if err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // its session may wait for ever more
		return nil, nil, errors.Join(err, closed(conn.Close()))
	}
	return stx, conn, nil
}

func waitAndBegin(ctx context.Context, conn *sql.Conn, options *sql.TxOptions) (*sql.Tx, error) {
	if _, err := conn.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 1"); err != nil {
		return nil, err
	}
	stx, err := conn.BeginTx(ctx, options) // waits
	if err != nil {
		return nil, err
	}
	if _, err := stx.ExecContext(ctx, "SET SESSION wsrep_sync_wait = DEFAULT"); err != nil {
		return nil, errors.Join(err, stx.Rollback())
	}
	return stx, nil
}

// closed leaves out the error of closing what is closed.
func closed(err error) error {
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Close ends a transaction begun by Snapshot.
func (t *Tx) Close() error {
	if t.tx == nil {
		return nil // it has not begun
	}
	err := closed(t.tx.Rollback())
	if t.conn != nil {
		err = errors.Join(err, closed(t.conn.Close()))
	}
	return err
}

// Retryable reports whether the same transaction, run again, may succeed.
func Retryable(err error) bool {
	if err == nil {
		return false // before anything is put on the heap: it is asked after every statement
	}
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
