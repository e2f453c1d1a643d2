package opportunity

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
)

// Stale is a deal that has been left alone for too long.
type Stale struct {
	ID      id.ID
	Reasons []string // of the enum StaleReason
	Cursor  string
}

const (
	defaultPage = 20
	maxPage     = 100
)

// idleDays is how long a deal may be in its stage without anything planned for it.
const idleDays = 7

// StaleOpportunities reads a page of the open deals in sight that have been in their stage for longer than it allows, whose
// closing day is past, or for which nothing is planned, the oldest first; after is a cursor, or nil. What the actor may not read
// of a deal or of activities makes it stale to others only. It runs two statements. It returns Invalid for arguments.
func StaleOpportunities(ctx context.Context, q db.Querier, e *read.Engine, a *access.Actor, where map[string]any, first *int64, after *string) (page []Stale, more bool, err error) {
	size := int64(defaultPage)
	if first != nil {
		if size = *first; size < 1 || size > maxPage {
			var p fault.Violations
			p.Add([]any{"first"}, "RANGE", "A page has 1 to %d records.", maxPage)
			return nil, false, p.Err()
		}
	}
	of, err := json.Marshal(where)
	if err != nil {
		return nil, false, err
	}
	bound := []string{"stale", string(of), a.User.String()}
	filter, err := e.Filter(ctx, q, a, e.Set.Kind("Opportunity"), filterOf(where))
	if err != nil {
		return nil, false, err
	}
	status, err := filter.Value("status", "")
	if err != nil || filter.IsFalse() {
		return nil, false, err
	}
	cond := access.And(filter.Cond, access.Cond{SQL: status.SQL + " = ?", Args: append(append([]any{}, status.Args...), open)})
	if after != nil {
		keys, err := e.OpenCursor(*after, bound, "after")
		if err != nil {
			return nil, false, err
		}
		cond = access.And(cond, access.Cond{SQL: read.Row + ".`id` > ?", Args: keys})
	}
	now := e.Clock.Now()
	late, err := pastDay(filter, now)
	if err != nil {
		return nil, false, err
	}
	long, err := tooLong(ctx, q, filter, now)
	if err != nil {
		return nil, false, err
	}
	settled, err := settled(filter, now)
	if err != nil {
		return nil, false, err
	}
	planned, err := planned(ctx, q, e, a, now)
	if err != nil {
		return nil, false, err
	}
	flag := func(c access.Cond, as string) string { return "CASE WHEN " + c.SQL + " THEN 1 ELSE 0 END AS " + as }
	query := "SELECT s.id, s.is_long, s.is_late, s.is_idle FROM (SELECT d.id, d.is_long, d.is_late, CASE WHEN d.is_settled = 1 AND NOT (" + planned.SQL + ") THEN 1 ELSE 0 END AS is_idle FROM (SELECT " + read.Row + ".`id` AS id, " +
		flag(long, "is_long") + ", " + flag(late, "is_late") + ", " + flag(settled, "is_settled") + " FROM `opportunities` " + read.Row + " WHERE " + cond.SQL + ") d) s WHERE s.is_long = 1 OR s.is_late = 1 OR s.is_idle = 1 ORDER BY s.id LIMIT ?"
	var args []any
	for _, c := range []access.Cond{planned, long, late, settled, cond} {
		args = append(args, c.Args...)
	}
	var ids []id.ID
	err = db.Each(ctx, q, query, append(args, size+1), func(rows *sql.Rows) error {
		var x id.ID
		var long, late, idle bool
		if err := rows.Scan(&x, &long, &late, &idle); err != nil {
			return err
		}
		if int64(len(page)) == size {
			more = true
			return nil
		}
		s := Stale{ID: x, Cursor: e.SealCursor(bound, x[:])}
		if long {
			s.Reasons = append(s.Reasons, "STAGE")
		}
		if late {
			s.Reasons = append(s.Reasons, "CLOSE_DATE")
		}
		if idle {
			s.Reasons = append(s.Reasons, "NEXT_ACTIVITY")
		}
		page, ids = append(page, s), append(ids, x)
		return nil
	})
	filter.Told(ids)
	return page, more, err
}

// never holds on no row.
var never = access.Cond{SQL: "1=0"}

// shown is a value as far as it shows; false where it never does.
func shown(f *read.Filter, field string) (access.Cond, bool, error) {
	v, err := f.Value(field, "")
	if fault.CodeOf(err) == fault.Forbidden {
		return never, false, nil
	}
	return v, err == nil, err
}

// pastDay is the condition that the expected day of closing has passed.
func pastDay(f *read.Filter, now time.Time) (access.Cond, error) {
	day, ok, err := shown(f, "closeDate")
	if !ok {
		return never, err
	}
	return access.Cond{SQL: day.SQL + " < ?", Args: append(append([]any{}, day.Args...), access.Day(now))}, nil
}

// tooLong is the condition that a deal has been in its stage for longer than the stage allows. The stages are few, and a time
// is reckoned here so that both databases do it alike.
func tooLong(ctx context.Context, q db.Querier, f *read.Filter, now time.Time) (access.Cond, error) {
	stage, ok, err := shown(f, "stage")
	if !ok {
		return never, err
	}
	since, ok, err := shown(f, "stageEnteredAt")
	if !ok {
		return never, err
	}
	out := never
	err = db.Each(ctx, q, "SELECT `id`, `stale_after_days` FROM `stages` WHERE `stale_after_days` IS NOT NULL AND `kind` = 'OPEN' AND `deleted_at` IS NULL ORDER BY `id`", nil, func(rows *sql.Rows) error {
		var x id.ID
		var days int
		if err := rows.Scan(&x, &days); err != nil {
			return err
		}
		out.SQL += " OR (" + stage.SQL + " = ? AND " + since.SQL + " < ?)"
		out.Args = append(append(append(append(out.Args[:len(out.Args):len(out.Args)], stage.Args...), x), since.Args...), now.AddDate(0, 0, -days))
		return nil
	})
	out.SQL = "(" + out.SQL + ")"
	return out, err
}

// settled is the condition that a deal has been in its stage for so long that something should be planned for it.
func settled(f *read.Filter, now time.Time) (access.Cond, error) {
	since, ok, err := shown(f, "stageEnteredAt")
	if !ok {
		return never, err
	}
	return access.Cond{SQL: since.SQL + " < ?", Args: append(append([]any{}, since.Args...), now.AddDate(0, 0, -idleDays))}, nil
}

// planned is the condition that an activity in sight is planned for the deal d: under way, still to come, or without a time. Who
// sees no activities is told of none that is missing.
func planned(ctx context.Context, q db.Querier, e *read.Engine, a *access.Actor, now time.Time) (access.Cond, error) {
	f, err := e.Filter(ctx, q, a, e.Set.Kind("Activity"), nil)
	if fault.CodeOf(err) == fault.Forbidden || err == nil && f.IsFalse() {
		return access.Cond{SQL: "1=1"}, nil
	}
	if err != nil {
		return access.Cond{}, err
	}
	var v [4]access.Cond
	for i, field := range []string{"opportunity", "status", "startAt", "dueAt"} {
		c, ok, err := shown(f, field)
		if err != nil {
			return access.Cond{}, err
		}
		if !ok {
			return access.Cond{SQL: "1=1"}, nil
		}
		v[i] = c
	}
	of, status, start, due := v[0], v[1], v[2], v[3]
	coming := access.Or(compare(is(start, " >= ?", now)), compare(is(due, " >= ?", now)), compare(is(start, " IS NULL"), is(due, " IS NULL")))
	where := access.And(compare(is(of, " = d.id")), access.Or(compare(is(status, " = 'IN_PROGRESS'")), access.And(compare(is(status, " = 'PLANNED'")), coming)), f.Cond)
	return access.Cond{SQL: "EXISTS (SELECT 1 FROM `activities` " + read.Row + " WHERE " + where.SQL + ")", Args: where.Args}, nil
}

// StaleDeal is a deal whose owner is to be told that it is stale.
type StaleDeal struct {
	ID, Owner id.ID
	Since     time.Time // when it entered its stage
}

// StaleToTell reads stale deals with owners who have not been told of them since they entered their stages: at most so many, in two
// statements.
func StaleToTell(ctx context.Context, q db.Querier, now time.Time, most int) ([]StaleDeal, error) {
	long, args := "1=0", []any{}
	err := db.Each(ctx, q, "SELECT `id`, `stale_after_days` FROM `stages` WHERE `stale_after_days` IS NOT NULL AND `kind` = 'OPEN' AND `deleted_at` IS NULL ORDER BY `id`", nil, func(rows *sql.Rows) error {
		var x id.ID
		var days int
		err := rows.Scan(&x, &days)
		long += " OR o.`stage_id` = ? AND o.`stage_entered_at` < ?"
		args = append(args, x, now.AddDate(0, 0, -days))
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []StaleDeal
	query := "SELECT o.`id`, o.`owner_id`, o.`stage_entered_at` FROM `opportunities` o JOIN `users` u ON u.`id` = o.`owner_id` AND u.`active` = ? AND u.`deleted_at` IS NULL" +
		" WHERE o.`status` = 'OPEN' AND o.`deleted_at` IS NULL AND (o.`close_date` < ? OR " + long + " OR o.`stage_entered_at` < ? AND NOT EXISTS (SELECT 1 FROM `activities` a WHERE a.`opportunity_id` = o.`id` AND a.`deleted_at` IS NULL" +
		" AND (a.`status` = 'IN_PROGRESS' OR a.`status` = 'PLANNED' AND (a.`start_at` >= ? OR a.`due_at` >= ? OR a.`start_at` IS NULL AND a.`due_at` IS NULL))))" +
		" AND NOT EXISTS (SELECT 1 FROM stale_notices n WHERE n.opportunity_id = o.`id` AND n.stage_entered_at = o.`stage_entered_at`) ORDER BY o.`id` LIMIT ?"
	args = append(append([]any{true, access.Day(now)}, args...), now.AddDate(0, 0, -idleDays), now, now, most)
	err = db.Each(ctx, q, query, args, func(rows *sql.Rows) error {
		var d StaleDeal
		var since read.Instant
		err := rows.Scan(&d.ID, &d.Owner, &since)
		d.Since = since.Time
		out = append(out, d)
		return err
	})
	return out, err
}
