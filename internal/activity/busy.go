package activity

import (
	"context"
	"database/sql"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/calendar"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
)

// Service reads activities across records. Read and Say are set before anything is read.
type Service struct {
	Set   *model.Set
	Clock clock.Clock
	Read  *read.Engine
	// Say writes a text for people in the language of the request.
	Say func(ctx context.Context, format string, args ...any) string
}

// Limits of what is asked for at once.
const (
	maxUsers   = 50
	maxPeriod  = 92 * 24 * time.Hour
	maxSlots   = 100
	maxEntries = 1000
	maxRows    = 20_000 // activities that one answer looks at
	maxSeries  = 1000
	longest    = 62 * 24 * time.Hour // of an activity; see rule.maxActivity
	quarter    = 15 * time.Minute
)

// Busy is a time at which somebody is busy.
type Busy struct {
	User       id.ID
	Activity   id.ID // zero: he does not work then
	Start, End time.Time
}

// Availability is when people have time.
type Availability struct {
	Free []calendar.Interval
	Busy []Busy
}

// Availability answers when users have time in common, from an instant up to another. Whose time is asked for has to be in the
// reader's sight; what keeps them busy need not be: which activities the reader sees is decided where they are shown.
func (s *Service) Availability(ctx context.Context, q db.Querier, users []id.ID, from, to time.Time, duration string) (Availability, error) {
	a := access.From(ctx)
	var p fault.Violations
	span(&p, from, to)
	length, ok := ParseDuration(duration)
	if !ok || length < time.Minute || length > 24*time.Hour {
		p.Add([]any{"duration"}, "RANGE", "The duration is from a minute to a day.")
	}
	users, err := s.known(ctx, q, a, &p, "users", users)
	if err != nil {
		return Availability{}, err
	}
	if err := p.Err(); err != nil {
		return Availability{}, err
	}
	busy, err := s.busy(ctx, q, users, from, to)
	if err != nil {
		return Availability{}, err
	}
	calendars, err := s.calendars(ctx, q, append(slices.Clone(users), a.User))
	if err != nil {
		return Availability{}, err
	}
	search := calendar.Search{From: from, To: to, Duration: length, Granularity: quarter, Zone: calendars[a.User].zone(), Limit: maxSlots}
	for _, u := range users {
		person := calendar.Person{Calendar: calendars[u].Calendar}
		for _, b := range busy {
			if b.User == u {
				person.Busy = append(person.Busy, calendar.Interval{Start: b.Start, End: b.End})
			}
		}
		search.People = append(search.People, person)
	}
	free, problems := search.FreeSlots()
	for _, x := range problems {
		p.Add(x.Path, x.Code, x.Message, x.Args...)
	}
	return Availability{free, busy[:min(len(busy), maxEntries)]}, p.Err()
}

// span refuses a time that is too long or ends before it begins.
func span(p *fault.Violations, from, to time.Time) {
	if to.Before(from) || to.Sub(from) > maxPeriod {
		p.Add([]any{"to"}, "RANGE", "The end is not before the beginning, and at most %d days after it.", int(maxPeriod.Hours()/24))
	}
}

// known returns the users of an argument, each once, and refuses those who are not in sight.
func (s *Service) known(ctx context.Context, q db.Querier, a *access.Actor, p *fault.Violations, argument string, users []id.ID) ([]id.ID, error) {
	if len(users) < 1 || len(users) > maxUsers {
		p.Add([]any{argument}, "RANGE", "Name 1 to %d users.", maxUsers)
		return nil, nil
	}
	k := s.Set.Kind("User")
	var asked []id.ID
	for _, x := range users {
		if x.Kind() == k.Code && !slices.Contains(asked, x) {
			asked = append(asked, x)
		}
	}
	seen, err := s.Read.Visible(ctx, q, a, k, access.Read, asked)
	if err != nil {
		return nil, err
	}
	for i, x := range users {
		if !slices.Contains(seen, x) && x != a.User {
			p.Add([]any{argument, i}, "NOT_FOUND", "There is no %s with this id.", k.Name)
		}
	}
	return asked, nil
}

// taking is the part of a statement, from FROM on, that finds the activities t which users u.who own or take part in without having
// declined, as far as they meet a condition on t: it is asked on both ways to them, so that an index of the owner's times is gone
// down for no longer than the time that is looked at.
func taking(users []id.ID, only access.Cond) (string, []any) {
	marks := "(?" + strings.Repeat(",?", len(users)-1) + ")"
	live := " AND t.`deleted_at` IS NULL AND t.`status` <> 'CANCELLED'"
	if !only.IsTrue() {
		live += " AND " + only.SQL
	}
	args := append(anys(users), only.Args...)
	args = append(append(args, anys(users)...), only.Args...)
	return " FROM (SELECT t.`id` AS of, w.`id` AS who FROM `users` w CROSS JOIN `activities` t ON t.`owner_id` = w.`id` WHERE w.`id` IN " + marks + live +
		" UNION SELECT p.`activity_id`, p.`user_id` FROM `activity_participants` p JOIN `activities` t ON t.`id` = p.`activity_id` WHERE p.`user_id` IN " + marks +
		" AND p.`deleted_at` IS NULL AND p.`response` <> 'DECLINED'" + live + ") u JOIN `activities` t ON t.`id` = u.of", args
}

func anys(ids []id.ID) []any {
	out := make([]any, len(ids))
	for i, x := range ids {
		out[i] = x
	}
	return out
}

// busy lists when users are busy between two instants, in order: single activities, and the times of series.
func (s *Service) busy(ctx context.Context, q db.Querier, users []id.ID, from, to time.Time) ([]Busy, error) {
	var out []Busy
	tail, args := taking(users, access.Cond{
		SQL:  "+t.`recurrence_id` IS NULL AND t.`shows_as_free` = ? AND t.`start_at` < ? AND t.`start_at` >= ? AND COALESCE(t.`end_at`, t.`start_at`) > ?",
		Args: []any{false, to, from.Add(-longest), from},
	})
	err := db.Each(ctx, q, "SELECT u.who, t.`id`, t.`start_at`, t.`end_at`"+tail+" ORDER BY t.`start_at` LIMIT ?", append(args, maxRows), func(rows *sql.Rows) error {
		var b Busy
		var start, end read.Instant
		err := rows.Scan(&b.User, &b.Activity, &start, &end)
		b.Start, b.End = start.Time, end.Time
		out = append(out, b)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(out) == maxRows { // who is busy later would seem free
		return nil, fault.New(fault.Limited, "There are more than %d activities in this time: ask for fewer users or a shorter time.", maxRows-1)
	}
	series, err := s.series(ctx, q, users, from, to, access.Cond{SQL: "t.`shows_as_free` = ?", Args: []any{false}})
	if err != nil {
		return nil, err
	}
	for _, x := range series {
		if x.length == 0 {
			continue
		}
		times, err := x.between(from, to)
		if err != nil {
			return nil, err
		}
		for _, at := range times {
			out = append(out, Busy{x.user, x.activity, at.Start, at.Start.Add(x.length)})
		}
	}
	slices.SortStableFunc(out, func(a, b Busy) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return a.Activity.Compare(b.Activity)
	})
	return out, nil
}

// comingBack is a series that somebody takes part in.
type comingBack struct {
	user, activity id.ID
	length         time.Duration
	allDay         bool
	calendar.Series
}

// between returns the times of the series that lie between two instants, be it in part.
func (c *comingBack) between(from, to time.Time) ([]calendar.Occurrence, error) {
	list, _, err := c.Between(from.Add(-c.length+time.Second), to, maxEntries)
	return list, err
}

// series lists the series that users take part in and that may come between two instants.
func (s *Service) series(ctx context.Context, q db.Querier, users []id.ID, from, to time.Time, more access.Cond) ([]comingBack, error) {
	only := access.And(access.Cond{SQL: "t.`recurrence_id` IS NOT NULL AND t.`at` < ?", Args: []any{to}}, more)
	if only.IsFalse() {
		return nil, nil
	}
	tail, args := taking(users, only)
	tail += " JOIN `recurrences` r ON r.`id` = t.`recurrence_id` AND r.`deleted_at` IS NULL"
	var out []comingBack
	err := db.Each(ctx, q, "SELECT u.who, t.`id`, t.`all_day`, r.`rule`, r.`time_zone`, r.`first`, r.`exclusions`, r.`duration_seconds`"+tail+
		" WHERE r.`last_at` IS NULL OR r.`last_at` >= ? ORDER BY t.`id` LIMIT ?", append(args, from.Add(-longest), maxSeries), func(rows *sql.Rows) error {
		var c comingBack
		var rule, zone, first string
		var exclusions sql.NullString
		var seconds sql.NullInt64
		if err := rows.Scan(&c.user, &c.activity, &c.allDay, &rule, &zone, &first, &exclusions, &seconds); err != nil {
			return err
		}
		var exclude []string
		if exclusions.String != "" {
			if err := json.Unmarshal([]byte(exclusions.String), &exclude); err != nil {
				return err
			}
		}
		var problems []calendar.Problem
		c.Series, problems = calendar.ReadSeries(rule, zone, first, exclude)
		if len(problems) > 0 {
			return fault.New(fault.Internal, "a stored series cannot be read")
		}
		c.length = time.Duration(seconds.Int64) * time.Second
		out = append(out, c)
		return nil
	})
	return out, err
}

// works is when somebody works.
type works struct{ *calendar.Calendar }

func (w works) zone() *time.Location {
	if w.Calendar == nil {
		return time.UTC
	}
	return w.Zone()
}

// calendars returns when users work: by the calendar that is closest to each.
func (s *Service) calendars(ctx context.Context, q db.Querier, users []id.ID) (map[id.ID]works, error) {
	teams, above := map[id.ID]id.ID{}, map[id.ID]id.ID{}
	zones := map[id.ID]string{}
	marks := "(?" + strings.Repeat(",?", len(users)-1) + ")"
	err := db.Each(ctx, q, "SELECT `id`, `team_id`, `time_zone` FROM `users` WHERE `id` IN "+marks, anys(users), func(rows *sql.Rows) error {
		var x, team id.ID
		var zone sql.NullString
		err := rows.Scan(&x, &team, &zone)
		teams[x], zones[x] = team, zone.String
		return err
	})
	if err != nil {
		return nil, err
	}
	err = db.Each(ctx, q, "SELECT `id`, `parent_id` FROM `teams` WHERE `deleted_at` IS NULL", nil, func(rows *sql.Rows) error {
		var x, parent id.ID
		err := rows.Scan(&x, &parent)
		above[x] = parent
		return err
	})
	if err != nil {
		return nil, err
	}
	// The one made last counts, so it overwrites the others.
	found := map[id.ID]*calendar.Calendar{}
	err = db.Each(ctx, q, "SELECT `user_id`, `for_team_id`, `time_zone`, `hours`, `holidays`, `exceptions` FROM `working_calendars` WHERE `deleted_at` IS NULL AND (`user_id` IS NULL OR `user_id` IN "+marks+") ORDER BY `id`",
		anys(users), func(rows *sql.Rows) error {
			var user, team id.ID
			var zone string
			var hours, holidays, exceptions sql.NullString
			if err := rows.Scan(&user, &team, &zone, &hours, &holidays, &exceptions); err != nil {
				return err
			}
			spec, _, err := calendar.ReadSpec(zone, hours.String, holidays.String, exceptions.String)
			if err != nil {
				return err
			}
			c, problems := calendar.New(spec)
			if len(problems) > 0 {
				return fault.New(fault.Internal, "a stored working calendar cannot be read")
			}
			if user.IsZero() {
				user = team // of the firm: the zero id
			}
			found[user] = c
			return nil
		})
	if err != nil {
		return nil, err
	}
	out := map[id.ID]works{}
	for _, u := range users {
		c := found[u]
		for team, n := teams[u], 0; c == nil && !team.IsZero() && n < maxLevels; team, n = above[team], n+1 {
			c = found[team]
		}
		if c == nil {
			c = found[id.ID{}]
		}
		if c == nil {
			c = calendar.Usual(zones[u])
		}
		out[u] = works{c}
	}
	return out, nil
}

// maxLevels bounds the height of the tree of teams.
const maxLevels = 50

var durations = regexp.MustCompile(`^P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?$`)

// ParseDuration reads a duration of ISO 8601 in days, hours, minutes and seconds; a day is 24 hours.
func ParseDuration(s string) (time.Duration, bool) {
	m := durations.FindStringSubmatch(s)
	if m == nil || strings.HasSuffix(s, "T") || s == "P" {
		return 0, false
	}
	var d time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if m[i+1] != "" {
			n, err := strconv.Atoi(m[i+1])
			if err != nil {
				return 0, false
			}
			d += time.Duration(n) * unit
		}
	}
	return d, true
}
