package activity

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
)

// Entry is one time of an activity.
type Entry struct {
	Activity   id.ID
	Start, End time.Time
	AllDay     bool
	Occurrence string // "" for what happens once
}

// Agenda lists what the reader has to do between two instants, as far as he may read it, in order, and whether there is more.
func (s *Service) Agenda(ctx context.Context, q db.Querier, from, to time.Time) ([]Entry, bool, error) {
	a, now := access.From(ctx), s.Clock.Now()
	var p fault.Violations
	span(&p, from, to)
	if err := p.Err(); err != nil {
		return nil, false, err
	}
	cond := s.readable(a, now, "startAt", "endAt", "dueAt", "allDay", "status", "showsAsFree")
	if cond.IsFalse() {
		return nil, false, fault.New(fault.Forbidden, "You may not read when activities are.")
	}
	me := []id.ID{a.User}
	tail, args := taking(me, access.And(access.Cond{
		SQL: "+t.`recurrence_id` IS NULL AND (t.`start_at` < ? AND t.`start_at` >= ? AND (t.`end_at` > ? OR t.`start_at` >= ?)" +
			" OR t.`start_at` IS NULL AND t.`due_at` >= ? AND t.`due_at` < ?)",
		Args: []any{to, from.Add(-longest), from, from, from, to},
	}, cond))
	var out []Entry
	err := db.Each(ctx, q, "SELECT t.`id`, t.`start_at`, t.`end_at`, t.`due_at`, t.`all_day`"+tail+
		" ORDER BY COALESCE(t.`start_at`, t.`due_at`), t.`id` LIMIT ?", append(args, maxEntries+1), func(rows *sql.Rows) error {
		var e Entry
		var start, end, due read.Instant
		if err := rows.Scan(&e.Activity, &start, &end, &due, &e.AllDay); err != nil {
			return err
		}
		e.Start, e.End = start.Time, end.Time
		if e.Start.IsZero() {
			e.Start = due.Time
		}
		if e.End.IsZero() {
			e.End = e.Start
		}
		out = append(out, e)
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	series, err := s.series(ctx, q, me, from, to, cond)
	if err != nil {
		return nil, false, err
	}
	for _, x := range series {
		times, err := x.between(from, to)
		if err != nil {
			return nil, false, err
		}
		for _, at := range times {
			out = append(out, Entry{x.activity, at.Start.UTC(), at.Start.Add(x.length).UTC(), x.allDay, at.Local.String()})
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return a.Activity.Compare(b.Activity)
	})
	more := len(out) > maxEntries
	return out[:min(len(out), maxEntries)], more, nil
}

// readable is the condition that the reader may read the activity t and fields of it.
func (s *Service) readable(a *access.Actor, now time.Time, fields ...string) access.Cond {
	k := s.Set.Kind(kindName)
	conds := []access.Cond{a.Sight(s.Set, k, "t", access.Read, now)}
	for _, name := range fields {
		if c, whole := a.FieldCond(s.Set, k, k.Field(name), "t", now); !whole {
			conds = append(conds, c)
		}
	}
	return access.And(conds...)
}

// maxOverdue is how many late activities are listed.
const maxOverdue = 100

// late is the instant by which an activity should have been over.
const late = "COALESCE(t.`due_at`, t.`end_at`, t.`start_at`)"

// Overdue lists the open activities of owners whose time is over, the latest first, and counts them. Nil owners are the reader.
func (s *Service) Overdue(ctx context.Context, q db.Querier, owners []id.ID) ([]id.ID, int, error) {
	a, now := access.From(ctx), s.Clock.Now()
	if owners == nil {
		owners = []id.ID{a.User}
	}
	var p fault.Violations
	owners, err := s.known(ctx, q, a, &p, "owners", owners)
	if err != nil {
		return nil, 0, err
	}
	if err := p.Err(); err != nil {
		return nil, 0, err
	}
	cond := access.And(
		access.Cond{SQL: "t.`owner_id` IN (?" + repeat(len(owners)-1) + ") AND t.`deleted_at` IS NULL AND t.`status` IN ('PLANNED', 'IN_PROGRESS') AND +t.`recurrence_id` IS NULL AND " + late + " < ?", Args: append(anys(owners), now)},
		s.readable(a, now, "owner", "status", "startAt", "endAt", "dueAt"))
	if cond.IsFalse() {
		return nil, 0, fault.New(fault.Forbidden, "You may not read when activities are.")
	}
	var ids []id.ID
	err = db.Each(ctx, q, "SELECT t.`id` FROM `activities` t WHERE "+cond.SQL+" ORDER BY "+late+", t.`id` LIMIT ?", append(slices.Clone(cond.Args), maxOverdue), func(rows *sql.Rows) error {
		var x id.ID
		err := rows.Scan(&x)
		ids = append(ids, x)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	var n int
	err = db.Each(ctx, q, "SELECT COUNT(*) FROM `activities` t WHERE "+cond.SQL, cond.Args, func(rows *sql.Rows) error { return rows.Scan(&n) })
	return ids, n, err
}

func repeat(n int) string {
	out := ""
	for range n {
		out += ",?"
	}
	return out
}

// Count is how many activities there are of one sort.
type Count struct {
	Owner                        id.ID
	Word                         string // the kind or the outcome; "" for none
	All, Open, Done, Unperformed int
}

// groupings are the fields by which activities are counted.
var groupings = map[string]string{"REP": "owner", "KIND": "kind", "OUTCOME": "outcome"}

// maxCounts is how many rows Counts gives.
const maxCounts = 100

// Counts counts the activities that stand between two instants and that the reader may read with what they are counted by.
func (s *Service) Counts(ctx context.Context, q db.Querier, by string, from, to time.Time, team *id.ID) ([]Count, error) {
	a, now := access.From(ctx), s.Clock.Now()
	k := s.Set.Kind(kindName)
	if to.Before(from) {
		var p fault.Violations
		p.Add([]any{"to"}, "RANGE", "The end is not before the beginning, and at most %d days after it.", maxReport)
		return nil, p.Err()
	}
	if to.Sub(from) > maxReport*24*time.Hour {
		var p fault.Violations
		p.Add([]any{"to"}, "RANGE", "The end is not before the beginning, and at most %d days after it.", maxReport)
		return nil, p.Err()
	}
	field := k.Field(groupings[by])
	fields := []string{field.Name, "status", "at"}
	where := access.Cond{SQL: "t.`deleted_at` IS NULL AND t.`at` >= ? AND t.`at` < ?", Args: []any{from, to}}
	if team != nil {
		where.SQL, where.Args = where.SQL+" AND t.`team_id` = ?", append(where.Args, *team)
		fields = append(fields, "team")
	}
	cond := access.And(where, s.readable(a, now, fields...))
	if cond.IsFalse() {
		return nil, fault.New(fault.Forbidden, "You may not read such records.")
	}
	column := "t.`" + field.Column + "`"
	sum := func(statuses string) string {
		return "SUM(CASE WHEN t.`status` IN (" + statuses + ") THEN 1 ELSE 0 END)"
	}
	var out []Count
	err := db.Each(ctx, q, "SELECT "+column+", COUNT(*), "+sum("'PLANNED', 'IN_PROGRESS'")+", "+sum("'DONE'")+", "+sum("'CANCELLED'")+
		" FROM `activities` t WHERE "+cond.SQL+" GROUP BY "+column+" ORDER BY COUNT(*) DESC, "+column+" LIMIT ?", append(cond.Args, maxCounts), func(rows *sql.Rows) error {
		var c Count
		var word sql.NullString
		var into any = &word
		if by == "REP" {
			into = &c.Owner
		}
		err := rows.Scan(into, &c.All, &c.Open, &c.Done, &c.Unperformed)
		c.Word = word.String
		out = append(out, c)
		return err
	})
	return out, err
}

// maxReport is the longest time over which activities are counted, in days.
const maxReport = 3660

// Value writes an entry for an answer, with its activity as it is shown.
func (e Entry) Value(activity read.Result) map[string]any {
	v := map[string]any{"start": e.Start.UTC(), "end": e.End.UTC(), "allDay": e.AllDay, "activity": activity}
	if e.Occurrence != "" {
		v["occurrence"] = e.Occurrence
	}
	return v
}

// Value writes a count for an answer, with the owner as he is shown.
func (c Count) Value(by string, owner read.Result) map[string]any {
	v := map[string]any{"count": c.All, "open": c.Open, "done": c.Done, "cancelled": c.Unperformed}
	switch {
	case by == "REP":
		v["user"] = owner
	case c.Word != "":
		v[groupings[by]] = c.Word
	}
	return v
}
