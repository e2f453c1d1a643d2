package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ErrUnknownOutcome is returned, wrapped, by Write when the connection was lost while COMMIT was under way: the transaction
// may have been committed or not. It is not tried again; whoever repeats it must be able to recognise that it has happened.
var ErrUnknownOutcome = errors.New("db: the connection was lost during the commit")

// errNoServer is in the error of a connection that no server can give at the moment.
var errNoServer = errors.New("db: no server answers and is ready")

const (
	dialTime = 3 * time.Second
	// greetTime bounds connecting as a whole: a frozen server takes connections and says nothing.
	greetTime = 6 * time.Second
	// avoidTime is how long a server that was away or not ready is asked last.
	avoidTime = 5 * time.Second
	// unacknowledged is how long a server's machine may leave what was sent unconfirmed before the connection counts as lost.
	unacknowledged = 15 * time.Second
)

// Numbers of errors in which the server says that it is of no use at the moment, whatever is asked.
const (
	errShutdown    = 1053 // server shutdown in progress
	errNotPrepared = 1047 // Galera: the node is not part of the primary component
	errReadOnly    = 1290 // the server has become a replica
	errKilled      = 1927 // MariaDB: the connection was killed
	errInCommit    = 1180 // error during COMMIT
)

// cluster connects to the first server of a list that answers and is ready.
type cluster struct {
	hosts  []*host
	galera atomic.Bool // a server has said that it is a node of a Galera cluster
}

// host is one server of the list.
type host struct {
	driver.Connector
	addr string
	// generation rises when the server says that it is of no use: older connections are thrown away.
	generation atomic.Int64
	avoidUntil atomic.Int64 // nanoseconds since 1970
}

func (h *host) avoid() { h.avoidUntil.Store(time.Now().Add(avoidTime).UnixNano()) }

// newCluster returns the connector for servers at the addresses.
func newCluster(c *mysql.Config, addrs []string) (*cluster, error) {
	all := &cluster{}
	for _, addr := range addrs {
		mine := c.Clone()
		mine.Addr = addr
		connector, err := mysql.NewConnector(mine)
		if err != nil {
			return nil, err
		}
		all.hosts = append(all.hosts, &host{Connector: connector, addr: addr})
	}
	return all, nil
}

// Driver implements driver.Connector.
func (c *cluster) Driver() driver.Driver { return c.hosts[0].Driver() }

// Connect implements driver.Connector.
func (c *cluster) Connect(ctx context.Context) (driver.Conn, error) {
	var second *conn // ready, but helping another node to catch up
	var errs []error
	away := false
	for _, h := range c.inOrder() {
		opened, best, err := c.open(ctx, h)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", h.addr, err))
			away = away || unreachable(err)
			if ctx.Err() != nil {
				return nil, errors.Join(ctx.Err(), drop(second))
			}
			h.avoid()
		case best:
			return opened, drop(second)
		case second != nil:
			_ = opened.Close() // one of them is enough
		default:
			second = opened
		}
	}
	if second != nil {
		return second, nil
	}
	if away {
		errs = append([]error{errNoServer}, errs...)
	}
	return nil, errors.Join(errs...)
}

func drop(c *conn) error {
	if c != nil {
		_ = c.Close() // it was not used
	}
	return nil
}

// inOrder returns the servers as they are listed, those to be avoided last.
func (c *cluster) inOrder() []*host {
	now := time.Now().UnixNano()
	order := make([]*host, 0, len(c.hosts))
	for _, avoided := range []bool{false, true} {
		for _, h := range c.hosts {
			if (h.avoidUntil.Load() > now) == avoided {
				order = append(order, h)
			}
		}
	}
	return order
}

// open connects to a server and asks whether it is ready; best says that none is more so.
func (c *cluster) open(ctx context.Context, h *host) (opened *conn, best bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	generation := h.generation.Load()
	raw, err := h.Connector.Connect(ctx)
	if err != nil {
		return nil, false, err
	}
	full, ok := raw.(driverConn)
	if !ok {
		return nil, false, errors.Join(errors.New("db: the MySQL driver lacks methods"), raw.Close())
	}
	opened = &conn{driverConn: full, host: h, generation: generation}
	best, err = opened.ready(ctx, len(c.hosts) > 1)
	if err != nil {
		_ = opened.Close() // the cause is more telling
		return nil, false, err
	}
	if opened.galera {
		c.galera.Store(true)
	}
	return opened, best, nil
}

// driverConn is what the MySQL driver's connections can do.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// conn is a connection that its pool throws away once its server is of no use any more. As all connections of a pool, one
// goroutine at a time uses it.
type conn struct {
	driverConn
	host       *host
	generation int64
	galera     bool
	broken     bool
	isolation  sql.IsolationLevel // that the session was given, LevelDefault for none
}

var _ driverConn = (*conn)(nil)

// ready asks the server whether it can be written to: on Galera, whether the node is part of the primary component and has
// caught up, and where there are other servers, whether this one is read-only. best is false for a node that serves while
// it gives its state to another one.
func (c *conn) ready(ctx context.Context, others bool) (best bool, err error) {
	variables, err := c.pairs(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_on', 'read_only')")
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return true, nil // a database that does not know the statement, and so no Galera
	}
	if err != nil {
		return false, err
	}
	if others && on(variables["read_only"]) {
		return false, fmt.Errorf("the server is read-only: %w", &mysql.MySQLError{Number: errReadOnly})
	}
	if !on(variables["wsrep_on"]) {
		return true, nil
	}
	c.galera = true
	status, err := c.pairs(ctx, "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_local_state')")
	if err != nil {
		return false, err
	}
	const donor, synced = "2", "4"
	state := status["wsrep_local_state"]
	if !on(status["wsrep_ready"]) || state != donor && state != synced {
		return false, fmt.Errorf("the node is in state %s: %w", state, &mysql.MySQLError{Number: errNotPrepared})
	}
	return state == synced, nil
}

func on(value string) bool { return value == "ON" || value == "1" }

// pairs reads rows of two texts.
func (c *conn) pairs(ctx context.Context, query string) (found map[string]string, err error) {
	rows, err := c.driverConn.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = map[string]string{}
	row := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found[text(row[0])] = text(row[1])
	}
}

func text(v driver.Value) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case string:
		return v
	}
	return ""
}

// note draws the consequences of an error.
func (c *conn) note(err error) {
	var my *mysql.MySQLError
	if !errors.As(err, &my) {
		return
	}
	switch my.Number {
	case errNotPrepared, errShutdown, errReadOnly:
		c.broken = true
		c.host.generation.CompareAndSwap(c.generation, c.generation+1)
		c.host.avoid()
	case errKilled:
		c.broken = true
	}
}

func (c *conn) stale() bool { return c.broken || c.host.generation.Load() != c.generation }

// IsValid implements driver.Validator: the pool asks when a connection comes back to it.
func (c *conn) IsValid() bool { return !c.stale() && c.driverConn.IsValid() }

// ResetSession implements driver.SessionResetter: the pool asks before it gives a connection out again.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.stale() {
		return driver.ErrBadConn
	}
	return c.driverConn.ResetSession(ctx)
}

// Ping implements driver.Pinger. A Galera node answers a bare ping even when it serves nothing else.
func (c *conn) Ping(ctx context.Context) error {
	err := c.driverConn.Ping(ctx)
	if err == nil && c.galera {
		_, err = c.ready(ctx, false)
	}
	c.note(err)
	return err
}

// BeginTx implements driver.ConnBeginTx. The driver would set the isolation of each transaction, with a round trip; that of the
// session stays.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	level := sql.IsolationLevel(options.Isolation)
	if level == sql.LevelDefault && c.isolation != level {
		level = sql.LevelRepeatableRead // as MySQL and MariaDB begin
	}
	if level != c.isolation {
		if _, err := c.driverConn.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL "+strings.ToUpper(level.String()), nil); err != nil {
			c.note(err)
			return nil, err
		}
		c.isolation = level
	}
	options.Isolation = driver.IsolationLevel(sql.LevelDefault)
	tx, err := c.driverConn.BeginTx(ctx, options)
	c.note(err)
	if err != nil {
		return nil, err
	}
	return transaction{tx, c}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.driverConn.ExecContext(ctx, query, args)
	c.note(err)
	return res, err
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.driverConn.QueryContext(ctx, query, args)
	c.note(err)
	return rows, err
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.driverConn.PrepareContext(ctx, query)
	c.note(err)
	return stmt, err
}

// transaction knows whether its COMMIT has been sent.
type transaction struct {
	driver.Tx
	conn *conn
}

// Commit implements driver.Tx. It returns driver.ErrBadConn when COMMIT was not sent, and ErrUnknownOutcome, wrapped, when
// it was and no answer says what became of it.
func (t transaction) Commit() error {
	if !t.conn.driverConn.IsValid() {
		return driver.ErrBadConn
	}
	err := t.Tx.Commit()
	t.conn.note(err)
	if err == nil || errors.Is(err, driver.ErrBadConn) { // the driver's word for: nothing was sent
		return err
	}
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		switch my.Number {
		case errNotPrepared, errShutdown, errKilled, errInCommit: // the node was cut off in the middle
		default:
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
}

// Away reports whether err says that the database cannot be reached, or is of no use, at the moment.
func Away(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	for _, target := range []error{errNoServer, driver.ErrBadConn, mysql.ErrInvalidConn, ErrUnknownOutcome} {
		if errors.Is(err, target) {
			return true
		}
	}
	var my *mysql.MySQLError
	if !errors.As(err, &my) {
		return false
	}
	switch my.Number {
	case errNotPrepared, errShutdown, errReadOnly, errKilled, 1040, 1203: // the last two: too many connections
		return true
	}
	return false
}

// unreachable reports whether connecting failed in a way that may pass.
func unreachable(err error) bool {
	var network *net.OpError
	return Away(err) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded)
}
