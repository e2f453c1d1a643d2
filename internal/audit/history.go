package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
)

// Write is one write of a record, as the change log has it or, once it was pruned there, as the trail does.
type Write struct {
	ID     id.ID // of the entry in the trail, before and after it was pruned
	At     time.Time
	Action Action
	User   id.ID // zero for the system
	Fields []Value
	Kept   bool // whether the values of Fields are known
}

// Value is the change of one field, with its values as in the API's JSON.
type Value struct {
	Field string          `json:"f"`
	Old   json.RawMessage `json:"o"`
	New   json.RawMessage `json:"n"`
}

// Writes says which writes of a record are wanted: the last ones up to an instant.
type Writes struct {
	Records []id.ID  // the record and those whose history it has taken over
	Actions []Action // other than Updated
	Fields  []string // of updates: those in which at least one of these fields was changed; nil for no updates
	From    time.Time
	Until   time.Time // zero for all
	Before  bool      // Until itself is not wanted
	Last    id.ID     // of those at Until, up to this one; zero for all
	Limit   int
}

// maxBranches is how many branches one statement has: SQLite takes 500 (SQLITE_MAX_COMPOUND_SELECT).
const maxBranches = 450

// History reads the writes of several records, each list newest first, with two statements for every 450 branches: a record
// has one in the log, and one for each action in the trail. It asks nobody's rights.
func History(ctx context.Context, q db.Querier, d db.Dialect, wanted []Writes) ([][]Write, error) {
	out := make([][]Write, len(wanted))
	for _, kept := range []bool{true, false} {
		scan := prunedWrite
		if kept {
			scan = keptWrite
		}
		for part := range slices.Chunk(historyOf(d, wanted, kept), maxBranches) {
			var stmt []string
			var args []any
			for i, b := range part {
				stmt, args = append(stmt, fmt.Sprintf("SELECT * FROM (%s) b%d", b.SQL, i)), append(args, b.Args...)
			}
			rows, err := q.QueryContext(ctx, strings.Join(stmt, " UNION ALL "), args...)
			if err != nil {
				return nil, fmt.Errorf("read the history of records: %w", err)
			}
			found, err := scanAll(rows, scan)
			if err != nil {
				return nil, fmt.Errorf("read the history of records: %w", err)
			}
			for _, f := range found {
				out[f.of] = append(out[f.of], f.Write)
			}
		}
	}
	for i, list := range out {
		slices.SortFunc(list, func(a, b Write) int {
			if c := b.At.Compare(a.At); c != 0 {
				return c
			}
			return b.ID.Compare(a.ID)
		})
		out[i] = list[:min(len(list), wanted[i].Limit)]
	}
	return out, nil
}

// historyOf are the branches of the statement over one of the two tables: one for each record and, among the entries, each
// action, because reads of a record may be many times its writes.
func historyOf(d db.Dialect, wanted []Writes, kept bool) []access.Cond {
	var branches []access.Cond
	add := func(of int, w Writes, where access.Cond) {
		columns, from, at, key := "c.seq, c.at, c.op, c.actor_id, c.fields", "changes c"+indexHint(d, "changes_record"), "c.at", "c.seq"
		if !kept {
			columns, from, at, key = "e.id, e.at, e.action, e.user_id, e.fields", "audit_entries e"+indexHint(d, "audit_record_action"), "e.at", "e.id"
		}
		where = access.And(where, w.span(d, at, key, kept))
		branches = append(branches, access.Cond{
			SQL:  fmt.Sprintf("SELECT %d AS of_list, %s FROM %s WHERE %s ORDER BY %s DESC, %s DESC LIMIT ?", of, columns, from, where.SQL, at, key),
			Args: append(slices.Clone(where.Args), w.Limit),
		})
	}
	for i, w := range wanted {
		for _, x := range w.Records {
			if kept {
				if c := w.keptCond(); !c.IsFalse() {
					add(i, w, access.And(access.Cond{SQL: "c.record_id = ?", Args: []any{x}}, c))
				}
				continue
			}
			for _, action := range w.Actions {
				add(i, w, access.Cond{SQL: "e.record_id = ? AND e.action = ?", Args: []any{x, string(action)}})
			}
			if len(w.Fields) > 0 {
				add(i, w, access.And(access.Cond{SQL: "e.record_id = ? AND e.action = ?", Args: []any{x, string(Updated)}}, w.named(d)))
			}
		}
	}
	return branches
}

// keptCond is the condition on the operation and the fields of a change row. What is in a value looks like a name of a
// field only in JSON of ours; whoever reads looks again.
func (w Writes) keptCond() access.Cond {
	none := access.Cond{SQL: "1=0"}
	ops, updates := none, none
	if len(w.Actions) > 0 {
		ops = among("c.op", w.Actions)
	}
	if len(w.Fields) > 0 {
		some := make([]access.Cond, len(w.Fields))
		for i, name := range w.Fields {
			some[i] = access.Cond{SQL: "INSTR(c.fields, ?) > 0", Args: []any{`{"f":"` + name + `",`}}
		}
		updates = access.And(access.Cond{SQL: "c.op = ?", Args: []any{string(Updated)}}, access.Or(some...))
	}
	return access.Or(ops, updates)
}

// named is the condition that an entry names one of the fields.
func (w Writes) named(d db.Dialect) access.Cond {
	list := "CONCAT(',', e.fields, ',')"
	if d == db.SQLite {
		list = "',' || e.fields || ','"
	}
	some := make([]access.Cond, len(w.Fields))
	for i, name := range w.Fields {
		some[i] = access.Cond{SQL: "INSTR(" + list + ", ?) > 0", Args: []any{"," + name + ","}}
	}
	return access.Or(some...)
}

// span is the condition on the instant and the place among those of one instant.
func (w Writes) span(d db.Dialect, at, key string, kept bool) access.Cond {
	var conds []access.Cond
	if !w.From.IsZero() {
		conds = append(conds, access.Cond{SQL: at + " >= ?", Args: []any{w.From}})
	}
	seq, isWrite := seqOf(w.Last)
	switch {
	case w.Until.IsZero():
	case w.Before:
		conds = append(conds, access.Cond{SQL: at + " < ?", Args: []any{w.Until}})
	case w.Last.IsZero() || !isWrite:
		conds = append(conds, access.Cond{SQL: at + " <= ?", Args: []any{w.Until}})
	default:
		var last any = w.Last
		if kept {
			last = seq
		}
		if d == db.SQLite {
			conds = append(conds, access.Cond{SQL: "(" + at + ", " + key + ") <= (?, ?)", Args: []any{w.Until, last}})
		} else { // makes no range of an index of a row value
			conds = append(conds, access.Cond{SQL: at + " <= ? AND (" + at + " < ? OR " + key + " <= ?)", Args: []any{w.Until, w.Until, last}})
		}
	}
	return access.And(conds...)
}

func indexHint(d db.Dialect, index string) string {
	if d == db.SQLite {
		return " INDEXED BY " + index
	}
	return " FORCE INDEX (" + index + ")"
}

// foundWrite is a write with the place of its list.
type foundWrite struct {
	Write
	of int
}

func keptWrite(rows *sql.Rows) (foundWrite, error) {
	f := foundWrite{Write: Write{Kept: true}}
	var seq int64
	var fields []byte
	if err := rows.Scan(&f.of, &seq, &f.At, &f.Action, &f.User, &fields); err != nil {
		return f, err
	}
	f.At = f.At.UTC()
	f.ID = writeID(f.At, seq)
	if err := json.Unmarshal(fields, &f.Fields); err != nil {
		return f, fmt.Errorf("fields of change %d: %w", seq, err)
	}
	return f, nil
}

func prunedWrite(rows *sql.Rows) (foundWrite, error) {
	var f foundWrite
	var fields string
	if err := rows.Scan(&f.of, &f.ID, &f.At, &f.Action, &f.User, &fields); err != nil {
		return f, err
	}
	f.At = f.At.UTC()
	for name := range strings.SplitSeq(fields, ",") {
		if name != "" {
			f.Fields = append(f.Fields, Value{Field: name})
		}
	}
	return f, nil
}
