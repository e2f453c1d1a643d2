package audit

import (
	"context"
	"database/sql"
	"strings"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
)

// connection writes a page as the SDL has it.
func (t *Trail) connection(ctx context.Context, tx *db.Tx, a *access.Actor, bound []string, entries []Entry, more, later bool) (read.Result, error) {
	names, err := t.names(ctx, tx, a, entries)
	if err != nil {
		return read.Result{}, err
	}
	records, err := recordsOf(ctx, tx, entries)
	if err != nil {
		return read.Result{}, err
	}
	edges := []any{}
	var cursors []string
	for i := range entries {
		e := &entries[i]
		cursor := t.Read.SealCursor(bound, e.At, e.ID[:])
		cursors = append(cursors, cursor)
		edges = append(edges, map[string]any{"cursor": cursor, "node": t.node(a, e, names, records[e.ID])})
	}
	info := map[string]any{"hasNextPage": more, "hasPreviousPage": later}
	if len(cursors) > 0 {
		info["startCursor"], info["endCursor"] = cursors[0], cursors[len(cursors)-1]
	}
	return t.Read.Project(ctx, map[string]any{"edges": edges, "pageInfo": info})
}

// node is an entry as the SDL has it.
func (t *Trail) node(a *access.Actor, e *Entry, names map[id.ID]string, records []id.ID) map[string]any {
	v := map[string]any{
		"id": e.ID, "at": e.At, "action": string(e.Action), "recordCount": e.Count, "count": e.Times,
		"record": e.Record, "session": e.Session, "fields": t.fields(a, e),
	}
	for name, s := range map[string]string{"operation": e.Operation, "path": e.Path, "requestId": e.Request, "address": e.Address, "detail": e.Detail} {
		if s != "" {
			v[name] = s
		}
	}
	if !e.User.IsZero() {
		user := map[string]any{"id": e.User}
		if name, ok := names[e.User]; ok {
			user["displayName"] = name
		}
		v["user"] = user
	}
	if k := t.Set.Coded(e.Object); k != nil && !k.Link {
		v["object"] = k.Const
	}
	ids := []any{}
	for _, x := range records {
		ids = append(ids, x)
	}
	if len(ids) == 0 && !e.Record.IsZero() {
		ids = append(ids, e.Record)
	}
	v["records"] = ids
	return v
}

// fields names the fields of an entry, but for custom ones that are unknown to the reader.
func (t *Trail) fields(a *access.Actor, e *Entry) []string {
	out := []string{}
	k := t.Set.Coded(e.Object)
	for _, name := range e.Fields {
		if model.CustomKey(name) == "" || k != nil && a.Policy.Named(k, name) != nil {
			out = append(out, name)
		}
	}
	return out
}

// names returns the names of those who acted, as far as the reader may read them.
func (t *Trail) names(ctx context.Context, tx *db.Tx, a *access.Actor, entries []Entry) (map[id.ID]string, error) {
	users := t.Set.Kind("User")
	now := t.Clock.Now()
	shows, whole := a.FieldCond(t.Set, users, users.Field("name"), "u", now)
	if !whole && shows.IsFalse() {
		return nil, nil
	}
	var args []any
	seen := map[id.ID]bool{}
	for i := range entries {
		if x := entries[i].User; !x.IsZero() && !seen[x] {
			seen[x] = true
			args = append(args, x)
		}
	}
	sight := access.And(a.Sight(t.Set, users, "u", access.Read, now), shows)
	if len(args) == 0 || sight.IsFalse() {
		return nil, nil
	}
	where := access.And(access.Cond{SQL: "u.id IN (?" + strings.Repeat(", ?", len(args)-1) + ")", Args: args}, sight)
	rows, err := tx.QueryContext(ctx, "SELECT u.id, u.name FROM users u WHERE "+where.SQL, where.Args...)
	if err != nil {
		return nil, err
	}
	return scanMap(rows, func(rows *sql.Rows) (x id.ID, name string, err error) {
		err = rows.Scan(&x, &name)
		return x, name, err
	})
}

// recordsOf returns the records of the entries that are about several.
func recordsOf(ctx context.Context, tx *db.Tx, entries []Entry) (map[id.ID][]id.ID, error) {
	var args []any
	for i := range entries {
		if entries[i].Count > 1 {
			args = append(args, entries[i].ID)
		}
	}
	if len(args) == 0 {
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT entry_id, record_id FROM audit_records WHERE entry_id IN (?"+strings.Repeat(", ?", len(args)-1)+
		") ORDER BY entry_id, record_id", args...)
	if err != nil {
		return nil, err
	}
	out := map[id.ID][]id.ID{}
	type pair struct{ entry, record id.ID }
	pairs, err := scanAll(rows, func(rows *sql.Rows) (p pair, err error) {
		err = rows.Scan(&p.entry, &p.record)
		return p, err
	})
	for _, p := range pairs {
		out[p.entry] = append(out[p.entry], p.record)
	}
	return out, err
}

func scanMap[K comparable, V any](rows *sql.Rows, scan func(*sql.Rows) (K, V, error)) (map[K]V, error) {
	defer func() { _ = rows.Close() }()
	out := map[K]V{}
	for rows.Next() {
		k, v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out[k] = v
	}
	return out, rows.Err()
}
