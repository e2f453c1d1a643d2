package write

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
)

// ErrCareful is returned, wrapped, by Buffered when something went wrong after rows had been written, so that it is not known
// of which record. Nothing of the transaction may be committed then; the work is done again, record by record, each in
// Tx.Alone.
var ErrCareful = errors.New("write: do it again record by record")

const (
	maxQueued = 250    // rows that wait at most
	minQueued = 50     // rows that do not wait for more while the database has nothing to do
	maxParams = 20_000 // values of one statement
)

// queue holds rows that will be written together.
type queue struct {
	segments []segment // in the order in which they are written
	rows     int
	side     []*sideRows
}

// segment is rows of one kind.
type segment struct {
	kind *model.Kind
	rows []queued
}

type queued struct {
	change *Change
	fields []change.FieldChange
	system bool
	ctx    context.Context //nolint:containedctx // what follows from the record is done in the context in which it was made
}

// sideRows are rows of a table that holds no records.
type sideRows struct {
	table   string
	columns []string
	values  []any
}

// Buffered runs fn, in which new records are written together: each passes through all hooks when it is made, and its row is
// written with those of others, before anything is read through tx, and at the end of fn. So whatever looks, rules included,
// sees everything that was made before.
//
// An error of a record that was refused before anything was written for it concerns that record alone, and fn may go on. An
// error that comes later is ErrCareful.
func (tx *Tx) Buffered(ctx context.Context, fn func(ctx context.Context) error) error {
	if tx.queue != nil {
		return fn(ctx)
	}
	tx.queue = &queue{}
	defer func() { tx.queue = nil }()
	err := fn(ctx)
	if err == nil {
		err = tx.flush(ctx)
	}
	if late := tx.Settle(); late != nil {
		return careful(late) // whatever fn made of it
	}
	return err
}

// Effects counts what the transaction has written and queued so far. When it is the same before and after a write that
// failed, the failed one has left nothing behind.
func (tx *Tx) Effects() int { return tx.effects }

// add queues a prepared create.
func (tx *Tx) enqueue(ctx context.Context, c *Change, fields []change.FieldChange) error {
	q := tx.queue
	if q.rows >= maxQueued || q.rows >= minQueued && !tx.Busy() {
		if err := tx.flush(ctx); err != nil {
			return err
		}
	}
	at := -1
	for i := len(q.segments) - 1; i >= 0; i-- {
		if q.segments[i].kind == c.Kind {
			at = i
			break
		}
		if refersTo(c.Kind, q.segments[i].kind) {
			break // what it may lead to is written first
		}
	}
	if at < 0 {
		q.segments = append(q.segments, segment{kind: c.Kind})
		at = len(q.segments) - 1
	}
	q.segments[at].rows = append(q.segments[at].rows, queued{c, fields, tx.system, ctx})
	q.rows++
	tx.effects++
	return nil
}

// refersTo reports whether records of a kind may lead to records of another one.
func refersTo(k, other *model.Kind) bool {
	for _, f := range k.Fields {
		if f.Type == model.Ref && f.Target == other.Name || f.Type == model.ID && f.Name != "id" {
			return true
		}
	}
	return false
}

// flush writes what is queued, change rows and consequences included.
func (tx *Tx) flush(ctx context.Context) error {
	for tx.queue != nil && (tx.queue.rows > 0 || len(tx.queue.side) > 0) {
		segments := tx.queue.segments
		tx.queue.segments, tx.queue.rows = nil, 0
		for _, s := range segments {
			if err := tx.insert(ctx, s); err != nil {
				return err
			}
		}
		for _, s := range segments {
			for _, r := range s.rows {
				if err := r.change.finish(ctx, r.fields); err != nil {
					return careful(err)
				}
			}
		}
		if err := tx.appendEarly(ctx); err != nil {
			return careful(err)
		}
		for _, s := range segments {
			for _, r := range s.rows {
				if err := r.follow(tx); err != nil {
					return careful(err)
				}
			}
		}
		side := tx.queue.side
		tx.queue.side = nil
		for _, s := range side {
			if err := tx.insertSide(ctx, s); err != nil {
				return careful(err)
			}
		}
	}
	return nil
}

// Early has the change rows of records that are written together be written as soon as they are many, not at the end, on
// SQLite, where the database runs beside the caller. The caller neither merges nor erases then, which mends change rows.
func (tx *Tx) Early() { tx.early = tx.Dialect == db.SQLite }

// appendEarly writes the change rows that there are, but for less than an INSERT of them.
func (tx *Tx) appendEarly(ctx context.Context) error {
	if !tx.early {
		return nil
	}
	for len(tx.changes)-tx.appended >= change.MaxInsert {
		if err := tx.w.Log.Append(ctx, tx.Tx, tx.changes[tx.appended:tx.appended+change.MaxInsert]...); err != nil {
			return err
		}
		tx.appended += change.MaxInsert
	}
	return nil
}

// follow does what follows from a record that has been written, with the rights with which it was made.
func (r queued) follow(tx *Tx) error {
	was := tx.system
	tx.system = r.system
	defer func() { tx.system = was }()
	for _, fn := range r.change.after {
		if err := fn(r.ctx); err != nil {
			return err
		}
	}
	return nil
}

// careful marks an error whose record is not known, unless it ends the transaction anyway.
func careful(err error) error {
	if db.Retryable(err) || errors.Is(err, ErrCareful) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCareful, err)
}

// insert writes the rows of a segment. The columns are those that any of them fills.
func (tx *Tx) insert(ctx context.Context, s segment) error {
	var columns []string
	for _, f := range s.kind.Fields {
		for _, column := range storedColumns(f) {
			for _, r := range s.rows {
				if _, ok := r.change.stored(column); ok {
					columns = append(columns, column)
					break
				}
			}
		}
	}
	per := max(1, min(maxQueued, maxParams/len(columns)))
	for start := 0; start < len(s.rows); start += per {
		part := s.rows[start:min(start+per, len(s.rows))]
		args := make([]any, 0, len(part)*len(columns))
		for _, r := range part {
			for _, column := range columns {
				v, _ := r.change.stored(column)
				args = append(args, v)
			}
		}
		if err := tx.ExecLater(ctx, tx.insertMany(s.kind.Table, columns, len(part)), args...); err != nil {
			return careful(err)
		}
	}
	return nil
}

// storedColumns are all columns that a field fills, those beside the value included.
func storedColumns(f *model.Field) []string {
	columns := f.Columns()
	for _, beside := range []string{f.Fold, f.Sort, f.Key} {
		if beside != "" {
			columns = append(columns, beside)
		}
	}
	return columns
}

// stored returns what a new record's row has in a column; false for NULL.
func (c *Change) stored(column string) (any, bool) {
	if column == "id" {
		return c.ID, true
	}
	v := c.now[column]
	return v, v != nil
}

// insertMany is insertInto for rows whose failure ends the transaction: SQLite need not be able to undo the statement alone,
// which it would do by copying every page that it touches.
func (tx *Tx) insertMany(table string, columns []string, rows int) string {
	query := insertInto(table, columns, rows)
	if tx.Dialect == db.SQLite {
		query = "INSERT OR FAIL" + strings.TrimPrefix(query, "INSERT")
	}
	return query
}

func insertInto(table string, columns []string, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO `" + table + "` (`" + strings.Join(columns, "`, `") + "`) VALUES ")
	one := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(one)
	}
	return b.String()
}

// Insert adds a row to a table that holds no records; within Buffered with others, after the records that wait.
func (tx *Tx) Insert(ctx context.Context, table string, columns []string, values ...any) error {
	tx.effects++
	if tx.queue == nil {
		_, err := tx.Tx.ExecContext(ctx, insertInto(table, columns, 1), values...)
		return err
	}
	for _, s := range tx.queue.side {
		if s.table == table && len(s.columns) == len(columns) {
			s.values = append(s.values, values...)
			return nil
		}
	}
	tx.queue.side = append(tx.queue.side, &sideRows{table, columns, values})
	return nil
}

func (tx *Tx) insertSide(ctx context.Context, s *sideRows) error {
	per := max(1, min(2*maxQueued, maxParams/len(s.columns))) * len(s.columns)
	for start := 0; start < len(s.values); start += per {
		part := s.values[start:min(start+per, len(s.values))]
		if err := tx.ExecLater(ctx, tx.insertMany(s.table, s.columns, len(part)/len(s.columns)), part...); err != nil {
			return err
		}
	}
	return nil
}

// Alone runs fn so that an error of it undoes what it wrote, and nothing else of the transaction. An error by which the
// database gave up the whole transaction is returned as it is, and ends it.
func (tx *Tx) Alone(ctx context.Context, fn func(ctx context.Context) error) error {
	if err := tx.flushKeys(ctx); err != nil { // or what undoes fn would undo the keys of others
		return err
	}
	tx.depth++
	defer func() { tx.depth-- }()
	name := "alone" + strconv.Itoa(tx.depth)
	if _, err := tx.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	changes, appended, effects := len(tx.changes), tx.appended, tx.effects
	err := fn(ctx)
	if err == nil {
		err = tx.flush(ctx)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, "RELEASE SAVEPOINT "+name)
		return err
	}
	if db.Retryable(err) {
		return err
	}
	if back := tx.RollbackTo(ctx, name); back != nil {
		return errors.Join(back, err)
	}
	if _, back := tx.Tx.ExecContext(ctx, "RELEASE SAVEPOINT "+name); back != nil {
		return errors.Join(back, err)
	}
	clear(tx.changes[changes:])
	tx.changes, tx.appended, tx.effects = tx.changes[:changes], appended, effects
	tx.newKeys = nil
	tx.locked, tx.remembered, tx.seen = map[id.ID]*Record{}, nil, nil
	return err
}

// remembered is what Remember keeps.
type remembered struct {
	kinds []id.Kind
	value any
}

// Remember returns what load returns, or returned before in this transaction: what is read of records of some kinds is read
// once, until one of them is written.
func Remember[T any](tx *Tx, key string, kinds []string, load func() (T, error)) (T, error) {
	if r, ok := tx.remembered[key]; ok {
		if v, ok := r.value.(T); ok {
			return v, nil
		}
	}
	v, err := load()
	if err != nil {
		return v, err
	}
	r := remembered{value: v}
	for _, name := range kinds {
		if k := tx.w.Set.Kind(name); k != nil {
			r.kinds = append(r.kinds, k.Code)
		}
	}
	if tx.remembered == nil {
		tx.remembered = map[string]remembered{}
	}
	tx.remembered[key] = r
	return v, nil
}

// forget drops what was remembered of a kind.
func (tx *Tx) forget(k id.Kind) {
	for key, r := range tx.remembered {
		for _, of := range r.kinds {
			if of == k {
				delete(tx.remembered, key)
				break
			}
		}
	}
}

// Foresee looks up at once which of the records the actor may read, so that naming them in inputs needs no look of its own
// until one of them is written.
func (tx *Tx) Foresee(ctx context.Context, k *model.Kind, ids []id.ID) error {
	if tx.system || len(ids) == 0 {
		return nil
	}
	if tx.seen == nil {
		tx.seen = map[id.ID]bool{}
	}
	var unknown []id.ID
	for _, x := range ids {
		if _, known := tx.seen[x]; !known && x.Kind() == k.Code {
			tx.seen[x] = false
			unknown = append(unknown, x)
		}
	}
	for start := 0; start < len(unknown); start += maxForeseen {
		seen, err := tx.visible(ctx, k, unknown[start:min(start+maxForeseen, len(unknown))], tx.holds(k))
		if err != nil {
			return err
		}
		for x := range seen {
			tx.seen[x] = true
		}
	}
	return nil
}

// Knows has the actor name a record in inputs though he may not see it any more: he made or linked it in this transaction.
func (tx *Tx) Knows(x id.ID) {
	if tx.seen == nil {
		tx.seen = map[id.ID]bool{}
	}
	tx.seen[x] = true
}

const maxForeseen = 500

// LockAll is Lock of many records of a kind, in a few statements. Those that are not there are left out.
func (tx *Tx) LockAll(ctx context.Context, k *model.Kind, ids []id.ID) error {
	var wanted []id.ID
	asked := map[id.ID]bool{}
	for _, x := range ids {
		if tx.locked[x] == nil && !asked[x] && x.Kind() == k.Code {
			wanted = append(wanted, x)
			asked[x] = true
		}
	}
	for start := 0; start < len(wanted); start += maxForeseen {
		if err := tx.lockPart(ctx, k, sorted(wanted[start:min(start+maxForeseen, len(wanted))])); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) lockPart(ctx context.Context, k *model.Kind, ids []id.ID) error {
	rows, err := tx.rows(ctx, k, "`id` IN "+placeholders(len(ids))+" ORDER BY `id`"+tx.Dialect.ForUpdate(), anys(ids)...)
	if err != nil {
		return err
	}
	keys, err := tx.keysMany(ctx, k, rows)
	if err != nil {
		return err
	}
	for _, values := range rows {
		x := idOf(values["id"])
		tx.locked[x] = &Record{Kind: k, ID: x, Values: values, Keys: keys[x]}
	}
	return nil
}

// Refused reports whether an error says that a record was turned down, with a code that is told; others end the work.
func Refused(err error) bool { return refused(err) && fault.CodeOf(err) != fault.Limited }
