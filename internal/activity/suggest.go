package activity

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"farley/internal/access"
	"farley/internal/calendar"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
)

// Assignee is somebody to whom work could be given.
type Assignee struct {
	User id.ID
	Busy time.Duration
	Open int
	Free calendar.Interval
}

// maxCandidates is among how many users one looks for somebody.
const maxCandidates = 200

// Suggest finds who of a team, or with a skill, or both, has time for a while between two instants: the least loaded first. Asked
// about are active users in the reader's sight. The number of statements does not depend on how many there are.
func (s *Service) Suggest(ctx context.Context, q db.Querier, team *id.ID, skill *string, from, to time.Time, duration string) ([]Assignee, error) {
	a := access.From(ctx)
	var p fault.Violations
	span(&p, from, to)
	length, ok := ParseDuration(duration)
	if !ok || length < time.Minute || length > 24*time.Hour {
		p.Add([]any{"duration"}, "RANGE", "The duration is from a minute to a day.")
	}
	where := map[string]any{"active": map[string]any{"eq": true}}
	if skill != nil && *skill != "" {
		where["skills"] = map[string]any{"has": *skill}
	}
	if team != nil {
		if err := s.within(ctx, q, a, &p, *team, where); err != nil {
			return nil, err
		}
	}
	if len(where) == 1 && len(p) == 0 {
		p.Add([]any{"team"}, "REQUIRED", "Name a team or a skill.")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	users, err := s.chosen(ctx, q, a, where)
	if err != nil || len(users) == 0 {
		return nil, err
	}
	return s.leastLoaded(ctx, q, users, from, to, length)
}

// within narrows a filter of users to a team and those below it. The team has to be in the reader's sight.
func (s *Service) within(ctx context.Context, q db.Querier, a *access.Actor, p *fault.Violations, team id.ID, where map[string]any) error {
	k := s.Set.Kind("Team")
	seen, err := s.Read.Visible(ctx, q, a, k, access.Read, []id.ID{team})
	if err != nil {
		return err
	}
	if team.Kind() != k.Code || len(seen) == 0 {
		p.Add([]any{"team"}, "NOT_FOUND", "There is no %s with this id.", k.Name)
		return nil
	}
	below := map[id.ID][]id.ID{}
	err = db.Each(ctx, q, "SELECT `id`, `parent_id` FROM `teams` WHERE `deleted_at` IS NULL", nil, func(rows *sql.Rows) error {
		var x, parent id.ID
		err := rows.Scan(&x, &parent)
		below[parent] = append(below[parent], x)
		return err
	})
	if err != nil {
		return err
	}
	all := []id.ID{team}
	for i := 0; i < len(all); i++ {
		for _, x := range below[all[i]] {
			if !slices.Contains(all, x) {
				all = append(all, x)
			}
		}
	}
	if len(all) > 100 {
		p.Add([]any{"team"}, "RANGE", "There are more than %d teams below this one.", 100)
		return nil
	}
	texts := make([]any, len(all))
	for i, x := range all {
		texts[i] = x.String()
	}
	where["team"] = map[string]any{"id": map[string]any{"in": texts}}
	return nil
}

// chosen lists the users that meet a filter, as far as the reader may read them and what the filter asks.
func (s *Service) chosen(ctx context.Context, q db.Querier, a *access.Actor, where map[string]any) ([]id.ID, error) {
	k := s.Set.Kind("User")
	f, err := s.Read.Filter(ctx, q, a, k, where)
	if err != nil {
		return nil, err
	}
	cond := f.Cond
	if cond.IsFalse() {
		return nil, nil
	}
	query := "SELECT " + read.Row + ".`id` FROM `users` " + read.Row + " WHERE " + cond.SQL
	var out []id.ID
	err = db.Each(ctx, q, query+" ORDER BY "+read.Row+".`id` LIMIT ?", append(slices.Clone(cond.Args), maxCandidates+1), func(rows *sql.Rows) error {
		var x id.ID
		err := rows.Scan(&x)
		out = append(out, x)
		return err
	})
	if err == nil && len(out) > maxCandidates {
		err = fault.New(fault.Limited, "There are more than %d such users: choose more narrowly.", maxCandidates)
	}
	return out, err
}

// leastLoaded lists those of users who have time, the least loaded first.
func (s *Service) leastLoaded(ctx context.Context, q db.Querier, users []id.ID, from, to time.Time, length time.Duration) ([]Assignee, error) {
	busy, err := s.busy(ctx, q, users, from, to)
	if err != nil {
		return nil, err
	}
	calendars, err := s.calendars(ctx, q, users)
	if err != nil {
		return nil, err
	}
	open, err := s.openOf(ctx, q, users, from, to)
	if err != nil {
		return nil, err
	}
	var out []Assignee
	for _, u := range users {
		var times []calendar.Interval
		for _, b := range busy {
			if b.User == u {
				times = append(times, calendar.Interval{Start: b.Start, End: b.End})
			}
		}
		search := calendar.Search{
			From: from, To: to, Duration: length, Granularity: quarter, Zone: calendars[u].zone(), Limit: 1,
			People: []calendar.Person{{Calendar: calendars[u].Calendar, Busy: times}},
		}
		free, problems := search.FreeSlots()
		if len(problems) > 0 {
			var p fault.Violations
			for _, x := range problems {
				p.Add(x.Path, x.Code, x.Message, x.Args...)
			}
			return nil, p.Err()
		}
		if len(free) == 0 {
			continue
		}
		out = append(out, Assignee{User: u, Busy: within(times, from, to), Open: open[u], Free: free[0]})
	}
	slices.SortStableFunc(out, func(a, b Assignee) int {
		if a.Busy != b.Busy {
			return int(a.Busy/time.Second) - int(b.Busy/time.Second)
		}
		return a.Open - b.Open
	})
	return out[:min(len(out), maxUsers)], nil
}

// within adds up how long times last between two instants; what overlaps counts once. The times come in order of their beginnings.
func within(times []calendar.Interval, from, to time.Time) time.Duration {
	var sum time.Duration
	until := from
	for _, t := range times {
		start, end := t.Start, t.End
		if start.Before(until) {
			start = until
		}
		if end.After(to) {
			end = to
		}
		if end.After(start) {
			sum, until = sum+end.Sub(start), end
		}
	}
	return sum
}

// openOf counts the open activities of users that are due, or begin, between two instants.
func (s *Service) openOf(ctx context.Context, q db.Querier, users []id.ID, from, to time.Time) (map[id.ID]int, error) {
	out := map[id.ID]int{}
	err := db.Each(ctx, q, "SELECT t.`owner_id`, COUNT(*) FROM `activities` t WHERE t.`owner_id` IN (?"+repeat(len(users)-1)+") AND t.`deleted_at` IS NULL AND t.`status` IN ('PLANNED', 'IN_PROGRESS')"+
		" AND (t.`start_at` >= ? AND t.`start_at` < ? OR t.`start_at` IS NULL AND t.`due_at` >= ? AND t.`due_at` < ?) GROUP BY t.`owner_id`", append(anys(users), from, to, from, to), func(rows *sql.Rows) error {
		var x id.ID
		var n int
		err := rows.Scan(&x, &n)
		out[x] = n
		return err
	})
	return out, err
}

// Value writes a suggestion for an answer, with its user as he is shown.
func (a Assignee) Value(user read.Result) map[string]any {
	return map[string]any{
		"user": user, "busyMinutes": int(a.Busy / time.Minute), "openActivities": a.Open,
		"firstFree": map[string]any{"start": a.Free.Start.UTC(), "end": a.Free.End.UTC()},
	}
}
