package activity

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
)

// Limits of what is told of contacts with customers.
const (
	maxNeglect    = 3660 // days
	maxNeglected  = 100
	maxNear       = 10
	maxNearDays   = 90
	maxNearLooked = 2000 // activities around those that are asked about
)

// Neglected is a customer with whom nobody has dealt since an instant.
type Neglected struct {
	Account id.ID
	Since   time.Time
}

// Neglected lists the customers in the reader's sight with whom nobody has dealt for days, the longest neglected first, and counts
// them. FORBIDDEN to whom it is hidden when somebody last dealt with them.
func (s *Service) Neglected(ctx context.Context, q db.Querier, days int64) ([]Neglected, int, error) {
	a := access.From(ctx)
	var p fault.Violations
	if days < 1 || days > maxNeglect {
		p.Add([]any{"days"}, "RANGE", "The number must be from %d to %d.", 1, maxNeglect)
		return nil, 0, p.Err()
	}
	k := s.Set.Kind("Account")
	f, err := s.Read.Filter(ctx, q, a, k, map[string]any{"kinds": map[string]any{"has": "CUSTOMER"}})
	if err != nil {
		return nil, 0, err
	}
	cut := s.Clock.Now().Add(-time.Duration(days) * 24 * time.Hour)
	cond := access.And(f.Cond, untouched(read.Row, cut, false))
	for _, name := range []string{"lastActivityAt", "createdAt"} {
		if c, whole := a.FieldCond(s.Set, k, k.Field(name), read.Row, s.Clock.Now()); !whole {
			cond = access.And(cond, c)
		}
	}
	if cond.IsFalse() {
		return nil, 0, fault.New(fault.Forbidden, "You may not read when somebody dealt with customers.")
	}
	const since = "COALESCE(" + read.Row + ".`last_activity_at`, " + read.Row + ".`created_at`)"
	var out []Neglected
	err = db.Each(ctx, q, "SELECT "+read.Row+".`id`, "+since+" FROM `accounts` "+read.Row+" WHERE "+cond.SQL+" ORDER BY "+since+", "+read.Row+".`id` LIMIT ?", append(slices.Clone(cond.Args), maxNeglected), func(rows *sql.Rows) error {
		var n Neglected
		var at read.Instant
		err := rows.Scan(&n.Account, &at)
		n.Since = at.Time
		out = append(out, n)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	var n int
	err = db.Each(ctx, q, "SELECT COUNT(*) FROM `accounts` "+read.Row+" WHERE "+cond.SQL, cond.Args, func(rows *sql.Rows) error { return rows.Scan(&n) })
	return out, n, err
}

// untouched is the condition that nobody has dealt with an account since an instant, or with also at it.
func untouched(alias string, cut time.Time, also bool) access.Cond {
	op := " < ?"
	if also {
		op = " <= ?"
	}
	return access.Cond{
		SQL:  "(" + alias + ".`last_activity_at`" + op + " OR " + alias + ".`last_activity_at` IS NULL AND " + alias + ".`created_at`" + op + ")",
		Args: []any{cut, cut},
	}
}

// touch is an activity with what it is with.
type touch struct {
	id, owner id.ID
	at        time.Time
	done      bool
	subjects  [3]id.ID // account, contact, lead
}

// subjectColumns are those of what an activity is with, as far as colleagues may have dealt with the same.
var subjectColumns = [3]string{"account_id", "contact_id", "lead_id"}

const touchColumns = "t.`id`, t.`owner_id`, t.`at`, t.`status`, t.`account_id`, t.`contact_id`, t.`lead_id`"

func touches(ctx context.Context, q db.Querier, query string, args []any) ([]touch, error) {
	var out []touch
	err := db.Each(ctx, q, query, args, func(rows *sql.Rows) error {
		var t touch
		var at read.Instant
		var status string
		err := rows.Scan(&t.id, &t.owner, &at, &status, &t.subjects[0], &t.subjects[1], &t.subjects[2])
		t.at, t.done = at.Time, status == done
		out = append(out, t)
		return err
	})
	return out, err
}

// recentContacts answers Activity.recentContacts: for many activities by as many statements as for one.
func (s *Service) recentContacts(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	arguments, err := s.Read.Arguments(ctx, f)
	if err != nil {
		return nil, err
	}
	days := int64(7)
	if v, ok := arguments["days"].(int64); ok {
		days = v
	}
	if days < 1 || days > maxNearDays {
		var p fault.Violations
		p.Add([]any{"days"}, "RANGE", "The number must be from %d to %d.", 1, maxNearDays)
		return nil, p.Err()
	}
	if len(ids) > maxClashing {
		return nil, fault.New(fault.Limited, "Contacts of colleagues are looked for of at most %d activities at once.", maxClashing)
	}
	out := map[id.ID]any{}
	for _, x := range ids {
		out[x] = []any{}
	}
	cond := s.readable(a, s.Clock.Now(), "at", "owner", "status", "account", "contact", "lead")
	if cond.IsFalse() || len(ids) == 0 {
		return out, nil
	}
	more := ""
	if !cond.IsTrue() {
		more = " AND " + cond.SQL
	}
	asked, err := touches(ctx, q, "SELECT "+touchColumns+" FROM `activities` t WHERE t.`id` IN (?"+repeat(len(ids)-1)+") AND t.`deleted_at` IS NULL AND t.`status` IN ('PLANNED', 'IN_PROGRESS') AND t.`at` IS NOT NULL"+more,
		append(anys(ids), cond.Args...))
	if err != nil {
		return nil, err
	}
	reach := time.Duration(days) * 24 * time.Hour
	around, err := s.around(ctx, q, asked, reach, more, cond.Args)
	if err != nil {
		return nil, err
	}
	return out, s.near(ctx, q, a, f, asked, around, reach, out)
}

// around reads the activities that are with the same customers as others, at about the same time.
func (s *Service) around(ctx context.Context, q db.Querier, asked []touch, reach time.Duration, more string, more2 []any) ([]touch, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	from, to := asked[0].at, asked[0].at
	for _, t := range asked {
		if t.at.Before(from) {
			from = t.at
		}
		if t.at.After(to) {
			to = t.at
		}
	}
	query, args := "", []any{}
	for i, column := range subjectColumns {
		var with []id.ID
		for _, t := range asked {
			with = append(with, t.subjects[i])
		}
		if with = unique(with); len(with) == 0 {
			continue
		}
		if query != "" {
			query += " UNION "
		}
		query += "SELECT " + touchColumns + " FROM `activities` t WHERE t.`" + column + "` IN (?" + repeat(len(with)-1) + ") AND t.`deleted_at` IS NULL AND t.`at` >= ? AND t.`at` <= ? AND t.`status` <> 'CANCELLED' AND t.`owner_id` IS NOT NULL" + more
		args = append(append(append(args, anys(with)...), from.Add(-reach), to.Add(reach)), more2...)
	}
	if query == "" {
		return nil, nil
	}
	return touches(ctx, q, query+" LIMIT ?", append(args, maxNearLooked))
}

// near writes for each activity which of those around it are a colleague's with the same customer, the nearest first.
func (s *Service) near(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, asked, around []touch, reach time.Duration, out map[id.ID]any) error {
	found := map[id.ID][]touch{}
	var users, activities []id.ID
	for _, t := range asked {
		var list []touch
		for _, o := range around {
			if o.owner != t.owner && o.id != t.id && t.at.Sub(o.at).Abs() <= reach && t.same(&o) {
				list = append(list, o)
			}
		}
		slices.SortStableFunc(list, func(x, y touch) int {
			if d := t.at.Sub(x.at).Abs() - t.at.Sub(y.at).Abs(); d != 0 {
				return int(d / max(d.Abs(), 1))
			}
			return x.id.Compare(y.id)
		})
		list = list[:min(len(list), maxNear)]
		for _, o := range list {
			users, activities = append(users, o.owner), append(activities, o.id)
		}
		found[t.id] = list
	}
	shownUsers, err := s.Read.Inside(ctx, q, a, f, "user", unique(users))
	if err != nil {
		return err
	}
	shown, err := s.Read.Inside(ctx, q, a, f, "activity", unique(activities))
	if err != nil {
		return err
	}
	for x, list := range found {
		rows := []any{}
		for _, o := range list {
			rows = append(rows, map[string]any{"user": shownUsers[o.owner], "at": o.at.UTC(), "done": o.done, "activity": shown[o.id]})
		}
		out[x] = rows
	}
	return nil
}

// same reports whether two activities are with the same customer.
func (t *touch) same(o *touch) bool {
	for i, x := range t.subjects {
		if !x.IsZero() && x == o.subjects[i] {
			return true
		}
	}
	return false
}
