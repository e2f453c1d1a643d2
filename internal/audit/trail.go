package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
)

// The size of a page of the trail.
const (
	defaultPage = 20
	maxPage     = 100
)

// maxActors is how many users within a scope are each looked up by an index; more are found by going through the trail.
const maxActors = 50

// readAudit is the action on users that opens the trail.
const readAudit = "READ_AUDIT"

// Filter says which entries are wanted: those that meet everything that is given.
type Filter struct {
	User    *id.ID
	Object  *string // model.Kind.Const
	Record  *id.ID
	Actions []string // nil: all
	From    *time.Time
	To      *time.Time // exclusive
}

// Trail reads the audit trail.
type Trail struct {
	Set   *model.Set
	Clock clock.Clock
	Read  *read.Engine
}

// Page answers the current field, a connection of entries, newest first. Who may read the trail of some users only gets
// their entries. It returns fault.Invalid for a page of more than 100 and for a cursor of another list.
func (t *Trail) Page(ctx context.Context, tx *db.Tx, f Filter, first *int64, after *string) (read.Result, error) {
	size := int64(defaultPage)
	if first != nil {
		size = *first
	}
	var problems fault.Violations
	if size < 1 || size > maxPage {
		problems.Add([]any{"first"}, "RANGE", "A page has 1 to %d records.", maxPage)
	}
	a := access.From(ctx)
	bound := f.bound(a.User)
	q := query{set: t.Set, now: t.Clock.Now(), a: a, dialect: tx.Dialect, f: f, limit: int(size) + 1}
	if after != nil {
		values, err := t.Read.OpenCursor(*after, bound, "after")
		if v := violations(err); v != nil {
			problems = append(problems, v...)
		} else if err != nil {
			return read.Result{}, err
		} else if q.before, err = positionOf(values); err != nil {
			return read.Result{}, err
		}
	}
	if err := problems.Err(); err != nil {
		return read.Result{}, err
	}
	entries, err := q.run(ctx, tx)
	if err != nil {
		return read.Result{}, fmt.Errorf("read the audit trail: %w", err)
	}
	more := len(entries) > int(size)
	entries = entries[:min(len(entries), int(size))]
	return t.connection(ctx, tx, a, bound, entries, more, after != nil)
}

func violations(err error) fault.Violations {
	if f, ok := err.(*fault.Error); ok { //nolint:errorlint // made by the engine, and not wrapped
		return f.Violations
	}
	return nil
}

// bound are the words that cursors are bound to: the list, its filter and its viewer.
func (f Filter) bound(viewer id.ID) []string {
	instant := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return at.UTC().Format(time.RFC3339Nano)
	}
	record := func(x *id.ID) string {
		if x == nil {
			return ""
		}
		return x.String()
	}
	object := ""
	if f.Object != nil {
		object = *f.Object
	}
	actions := "all"
	if f.Actions != nil {
		actions = "of " + strings.Join(f.Actions, ",")
	}
	return []string{"auditTrail", viewer.String(), record(f.User), object, record(f.Record), actions, instant(f.From), instant(f.To)}
}

// position is a place in the trail.
type position struct {
	at time.Time
	id id.ID
}

func positionOf(values []any) (*position, error) {
	if len(values) == 2 {
		at, timed := values[0].(time.Time)
		b, identified := values[1].([]byte)
		if timed && identified && len(b) == len(id.ID{}) {
			return &position{at, id.ID(b)}, nil
		}
	}
	return nil, fault.New(fault.Internal, "a cursor of the trail holds something else")
}

// query is one page of the trail on its way into SQL.
type query struct {
	set     *model.Set
	now     time.Time
	a       *access.Actor
	dialect db.Dialect
	f       Filter
	before  *position
	limit   int
	actors  []id.ID     // the users whose entries are wanted; nil: not confined to few
	scope   access.Cond // else the condition on users, true for all
}

// run reads the first entries that lie behind the position: from the change log, from the table of entries, and from
// those about several records if one record is asked for. Each statement goes down indexes in the order of the trail and
// stops at the limit, so that a page costs the same at the end of the trail as at its beginning.
func (q *query) run(ctx context.Context, tx *db.Tx) ([]Entry, error) {
	if err := q.confine(ctx, tx); err != nil {
		return nil, err
	}
	var all []Entry
	for _, s := range []*source{&fromChanges, &fromEntries, &fromRecords} {
		stmt, args := q.statement(s)
		if stmt == "" {
			continue
		}
		rows, err := tx.QueryContext(ctx, stmt, args...)
		if err != nil {
			return nil, err
		}
		found, err := scanAll(rows, s.scan)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b Entry) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return b.ID.Compare(a.ID)
	})
	return all[:min(len(all), q.limit)], nil
}

// confine finds out whose entries the reader may see.
func (q *query) confine(ctx context.Context, tx *db.Tx) error {
	users := q.set.Kind("User")
	q.scope = q.a.Sight(q.set, users, "u", readAudit, q.now)
	switch {
	case q.scope.IsTrue() && q.f.User != nil:
		q.actors = []id.ID{*q.f.User}
		return nil
	case q.scope.IsTrue():
		return nil
	case q.scope.IsFalse():
		q.actors = []id.ID{}
		return nil
	}
	stmt := "SELECT u.id FROM users u WHERE " + q.scope.SQL
	args := slices.Clone(q.scope.Args)
	if q.f.User != nil {
		stmt += " AND u.id = ?"
		args = append(args, *q.f.User)
	}
	rows, err := tx.QueryContext(ctx, stmt+" LIMIT ?", append(args, maxActors+1)...)
	if err != nil {
		return err
	}
	found, err := scanAll(rows, func(rows *sql.Rows) (x id.ID, err error) {
		err = rows.Scan(&x)
		return x, err
	})
	if err == nil && len(found) <= maxActors {
		q.actors = append([]id.ID{}, found...)
	}
	return err
}

// source is a table in which the trail lies.
type source struct {
	columns, from, alias                       string
	user, kind, record, action                 string // columns that filters compare
	byTime, byUser, byKind, byRecord, byAction string // indexes
	key                                        string // decides among entries of one instant
	actions                                    []Action
	scan                                       func(*sql.Rows) (Entry, error)
}

var fromChanges = source{
	columns: changeColumns, from: "changes c", alias: "c", user: "c.actor_id", kind: "c.kind", record: "c.record_id", action: "c.op", key: "c.seq",
	byTime: "changes_at", byUser: "changes_actor", byKind: "changes_kind", byRecord: "changes_record", byAction: "changes_op",
	actions: writes, scan: changeEntry,
}

var fromEntries = source{
	columns: ownColumns, from: "audit_entries e", alias: "e", user: "e.user_id", kind: "e.kind", record: "e.record_id", action: "e.action", key: "e.id",
	byTime: "audit_at", byUser: "audit_user", byKind: "audit_kind", byRecord: "audit_record", byAction: "audit_action",
	actions: Actions(), scan: ownEntry,
}

// fromRecords is the way from a record to the entries about several.
var fromRecords = source{
	columns: ownColumns, from: "audit_records r", alias: "r", user: "e.user_id", kind: "e.kind", record: "r.record_id", action: "e.action", key: "r.entry_id",
	byRecord: "audit_records_record", actions: others, scan: ownEntry,
}

const ownColumns = "e.id, e.at, e.action, e.user_id, e.kind, e.record_id, e.record_count, e.fields, e.operation, e.path, e.request_id, e.session_id, e.address, e.detail, e.times"

// ownEntry reads one row of ownColumns.
func ownEntry(rows *sql.Rows) (Entry, error) {
	var e Entry
	var kind sql.NullInt64
	var fields string
	var operation, path, request, address, detail sql.NullString
	err := rows.Scan(&e.ID, &e.At, &e.Action, &e.User, &kind, &e.Record, &e.Count, &fields, &operation, &path, &request, &e.Session, &address,
		&detail, &e.Times)
	e.At, e.Object = e.At.UTC(), id.Kind(kind.Int64)
	e.Operation, e.Path, e.Request, e.Address, e.Detail = operation.String, path.String, request.String, address.String, detail.String
	if fields != "" {
		e.Fields = strings.Split(fields, ",")
	}
	return e, err
}

// branch is a part of a source that lies in the order of the trail in one index.
type branch struct {
	index string
	where access.Cond
}

// statement is the SELECT of one source: its branches, each in the order of its index and no longer than the page. It is
// empty when the source has nothing that is asked for.
func (q *query) statement(s *source) (string, []any) {
	if q.f.Record == nil && s == &fromRecords {
		return "", nil
	}
	branches, rest := q.branches(s)
	if len(branches) == 0 || rest.IsFalse() {
		return "", nil
	}
	var b strings.Builder
	var args []any
	for i, br := range branches {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		b.WriteString("SELECT * FROM (SELECT " + s.columns + " FROM " + s.from + q.hint(br.index))
		if s == &fromRecords {
			b.WriteString(q.join() + "audit_entries e ON e.id = r.entry_id")
		}
		where := access.And(br.where, rest)
		if !where.IsTrue() {
			b.WriteString(" WHERE " + where.SQL)
			args = append(args, where.Args...)
		}
		fmt.Fprintf(&b, " ORDER BY %s.at DESC, %s DESC LIMIT %d) b%d", s.alias, s.key, q.limit, i)
	}
	return b.String(), args
}

// branches splits what is asked for by the dimension with the fewest entries, and returns the condition that holds for
// every branch.
func (q *query) branches(s *source) (out []branch, rest access.Cond) {
	var conds []access.Cond
	actions := q.actions(s)
	if len(actions) == 0 || q.actors != nil && len(q.actors) == 0 {
		return nil, access.Cond{}
	}
	byAction := q.f.Actions != nil
	switch {
	case q.f.Record != nil:
		out = []branch{{s.byRecord, access.Cond{SQL: s.record + " = ?", Args: []any{*q.f.Record}}}}
		if q.actors != nil {
			conds = append(conds, among(s.user, q.actors))
		}
	case q.actors != nil:
		for _, x := range q.actors {
			out = append(out, branch{s.byUser, access.Cond{SQL: s.user + " = ?", Args: []any{x}}})
		}
	case q.f.Object != nil:
		out = []branch{{s.byKind, access.Cond{SQL: s.kind + " = ?", Args: []any{q.kind()}}}}
	case byAction:
		byAction = false
		for _, action := range actions {
			out = append(out, branch{s.byAction, access.Cond{SQL: s.action + " = ?", Args: []any{string(action)}}})
		}
	default:
		out = []branch{{index: s.byTime}}
	}
	if q.f.Object != nil {
		conds = append(conds, access.Cond{SQL: s.kind + " = ?", Args: []any{q.kind()}})
	}
	if byAction {
		conds = append(conds, among(s.action, actions))
	}
	if q.actors == nil && !q.scope.IsTrue() {
		conds = append(conds, access.Cond{
			SQL:  "EXISTS (SELECT 1 FROM users u WHERE u.id = " + s.user + " AND " + q.scope.SQL + ")",
			Args: q.scope.Args,
		})
		if q.f.User != nil {
			conds = append(conds, access.Cond{SQL: s.user + " = ?", Args: []any{*q.f.User}})
		}
	}
	return out, access.And(append(conds, q.span(s))...)
}

// actions are those that are asked for and that the source can have.
func (q *query) actions(s *source) []Action {
	if q.f.Actions == nil {
		return s.actions
	}
	var out []Action
	for _, action := range s.actions {
		if slices.Contains(q.f.Actions, string(action)) {
			out = append(out, action)
		}
	}
	return out
}

func (q *query) kind() int64 {
	if k := q.set.Kind(*q.f.Object); k != nil {
		return int64(k.Code)
	}
	return 0 // of no entry
}

// span is the condition on the instant: the given span of time, behind the position.
func (q *query) span(s *source) access.Cond {
	at := s.alias + ".at"
	var conds []access.Cond
	if q.f.From != nil {
		conds = append(conds, access.Cond{SQL: at + " >= ?", Args: []any{q.f.From.UTC()}})
	}
	if q.f.To != nil {
		conds = append(conds, access.Cond{SQL: at + " < ?", Args: []any{q.f.To.UTC()}})
	}
	if q.before == nil {
		return access.And(conds...)
	}
	p := q.before
	var key any = p.id
	if s == &fromChanges {
		seq, isWrite := seqOf(p.id)
		if !isWrite { // of one instant, writes come behind everything else
			return access.And(append(conds, access.Cond{SQL: at + " <= ?", Args: []any{p.at}})...)
		}
		key = seq
	}
	behind := access.Cond{SQL: "(" + at + ", " + s.key + ") < (?, ?)", Args: []any{p.at, key}}
	if q.dialect == db.MySQL { // makes no range of an index of a row value
		behind = access.Cond{SQL: at + " <= ? AND (" + at + " < ? OR " + s.key + " < ?)", Args: []any{p.at, p.at, key}}
	}
	return access.And(append(conds, behind)...)
}

// hint names the index: the optimisers do not know how short a page is.
func (q *query) hint(index string) string {
	if q.dialect == db.SQLite {
		return " INDEXED BY " + index
	}
	return " FORCE INDEX (" + index + ")"
}

// join joins in the order that is written.
func (q *query) join() string {
	if q.dialect == db.SQLite {
		return " CROSS JOIN "
	}
	return " STRAIGHT_JOIN "
}

func among[T any](column string, values []T) access.Cond {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = any(v)
		if action, ok := any(v).(Action); ok {
			args[i] = string(action)
		}
	}
	return access.Cond{SQL: column + " IN (?" + strings.Repeat(", ?", len(values)-1) + ")", Args: args}
}
