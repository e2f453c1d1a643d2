package db

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	"modernc.org/sqlite"
)

// Preparing a statement is a quarter of what a small request costs SQLite, so each connection keeps the statements that it
// ran last prepared. (SQLite prepares one anew by itself when the schema has changed since.)

const (
	maxKept     = 200     // statements of one connection
	maxKeptText = 1 << 20 // bytes of their texts, as a measure of what they take
)

// statementEnd parts several statements given to ExecContext together on SQLite.
const statementEnd = ";\n"

// openKeeping opens a pool of connections to SQLite that keep statements. wrote, unless nil, is told of the pages that each
// transaction has written.
func openKeeping(dsn string, wrote func(pages int)) (*sql.DB, error) {
	plain, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	d := plain.Driver()
	return sql.OpenDB(keepingConnector{d, dsn, wrote}), plain.Close()
}

type keepingConnector struct {
	driver driver.Driver
	dsn    string
	wrote  func(pages int)
}

// Connect implements driver.Connector.
func (c keepingConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	plain, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("db: the SQLite driver has changed"), conn.Close())
	}
	return &keepingConn{sqliteConn: plain, wrote: c.wrote, kept: map[string]*keptStatement{}, order: list.New()}, nil
}

// Driver implements driver.Connector.
func (c keepingConnector) Driver() driver.Driver { return c.driver }

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	sqlite.DBStatus
}

// keepingConn is a connection that keeps statements. It is used by one goroutine at a time, as database/sql demands.
type keepingConn struct {
	sqliteConn
	wrote func(pages int)
	kept  map[string]*keptStatement
	order *list.List // the last used first
	text  int        // bytes of the texts
}

// BeginTx implements driver.ConnBeginTx.
func (c *keepingConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.sqliteConn.BeginTx(ctx, opts)
	if err != nil || c.wrote == nil {
		return tx, err
	}
	return countingTx{tx, c.sqliteConn, c.wrote}, nil
}

type sqliteStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type keptStatement struct {
	sqliteStatement
	query string
	at    *list.Element
	busy  bool // its rows are still being read
	gone  bool // no longer kept
}

// prepared returns the statement of a text; nil when it is in use.
func (c *keepingConn) prepared(ctx context.Context, query string) (*keptStatement, error) {
	if s := c.kept[query]; s != nil {
		if s.busy {
			return nil, nil //nolint:nilnil // there is none to be had
		}
		c.order.MoveToFront(s.at)
		return s, nil
	}
	plain, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	st, ok := plain.(sqliteStatement)
	if !ok {
		return nil, errors.Join(errors.New("db: the SQLite driver has changed"), plain.Close())
	}
	s := &keptStatement{sqliteStatement: st, query: query}
	s.at = c.order.PushFront(s)
	c.kept[query] = s
	c.text += len(query)
	for c.order.Len() > 1 && (c.order.Len() > maxKept || c.text > maxKeptText) {
		if err := c.drop(c.order.Back()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// drop no longer keeps a statement.
func (c *keepingConn) drop(e *list.Element) error {
	s, _ := c.order.Remove(e).(*keptStatement)
	delete(c.kept, s.query)
	c.text -= len(s.query)
	if s.gone = true; s.busy {
		return nil // until its rows have been read
	}
	return s.Close()
}

// ExecContext implements driver.ExecerContext. Several statements with arguments may be parted by statementEnd; the
// arguments are those of the last.
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		return c.sqliteConn.ExecContext(ctx, query, args) // schema, pragmas, savepoints: none comes often
	}
	for {
		first, rest, more := strings.Cut(query, statementEnd)
		if !more {
			break
		}
		if _, err := c.exec(ctx, first, nil); err != nil {
			return nil, err
		}
		query = rest
	}
	return c.exec(ctx, query, args)
}

func (c *keepingConn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Statements that write are short, and wait for nobody, as the lock is had since BEGIN. So each runs to its end, without a
	// goroutine that would wait to interrupt it; the transaction ends with the context.
	return s.ExecContext(context.WithoutCancel(ctx), args)
}

// QueryContext implements driver.QueryerContext.
func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	plain, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	rows, ok := plain.(sqliteRows)
	if !ok {
		return nil, errors.Join(errors.New("db: the SQLite driver has changed"), plain.Close())
	}
	s.busy = true
	return &keptRows{sqliteRows: rows, of: s}, nil
}

// Close implements driver.Conn.
func (c *keepingConn) Close() error {
	var errs []error
	for c.order.Len() > 0 {
		errs = append(errs, c.drop(c.order.Back()))
	}
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// sqliteRows is what the driver's rows can do.
type sqliteRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

// keptRows are the rows of a kept statement, which may run again when they are closed.
type keptRows struct {
	sqliteRows
	of *keptStatement
}

// Close implements driver.Rows.
func (r *keptRows) Close() error {
	err := r.sqliteRows.Close()
	if r.of == nil {
		return err
	}
	s := r.of
	r.of, s.busy = nil, false
	if s.gone {
		err = errors.Join(err, s.Close())
	}
	return err
}
