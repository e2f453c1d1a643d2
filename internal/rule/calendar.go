package rule

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"farley/internal/access"
	"farley/internal/calendar"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/write"
)

// calendarFits refuses a working calendar that cannot be computed with.
func calendarFits(_ context.Context, c *write.Change) error {
	if !c.Ref("user").IsZero() && !c.Ref("forTeam").IsZero() {
		c.Refuse("forTeam", "FORMAT", "A calendar is that of a user, of a team or of the firm.")
	}
	for _, field := range []string{"timeZone", "hours", "holidays", "exceptions"} {
		if c.Faulty(field) {
			return nil
		}
	}
	spec, places, err := calendar.ReadSpec(c.Text("timeZone"), c.Text("hours"), c.Text("holidays"), c.Text("exceptions"))
	if err != nil {
		return err
	}
	_, problems := calendar.New(spec)
	for _, p := range problems {
		if c.Text("timeZone") == "" && p.Path[0] == "zone" {
			continue // it is required, which is told anyway
		}
		c.Problems.Add(append([]any{"input"}, placed(p.Path, places)...), p.Code, p.Message, p.Args...)
	}
	return nil
}

// placed turns the path of a problem of a calendar into that of the input.
func placed(path []any, places [7][]int) []any {
	switch path[0] {
	case "zone":
		return []any{"timeZone"}
	case "week":
		day, _ := path[1].(int)
		if len(path) > 2 {
			if i, ok := path[2].(int); ok && i < len(places[day]) {
				return append([]any{"hours", places[day][i]}, path[3:]...)
			}
		}
		return []any{"hours"}
	case "exceptions":
		if len(path) > 3 {
			return path[:4] // hours are texts: what is inside has no path
		}
	}
	return slices.Clone(path)
}

// calendarWhose refuses that somebody says when others work who may not: for oneself everybody may who may make calendars at all,
// for users and teams in his reach who may in the scope TEAM, for all and the firm who may in the scope ALL.
func calendarWhose(_ context.Context, c *write.Change) error {
	if !c.Created() || c.Tx.System() {
		return nil
	}
	a, scopes := c.Tx.Actor, c.Tx.Actor.Policy.Scopes(c.Kind, access.Create)
	user, team := c.Ref("user"), c.Ref("forTeam")
	leads := scopes&(access.Team|access.Shared) != 0
	switch {
	case scopes&access.All != 0, !user.IsZero() && user == a.User:
	case leads && !user.IsZero() && slices.Contains(a.Reports, user):
	case leads && !team.IsZero() && slices.Contains(a.Teams, team):
	default:
		return fault.New(fault.Forbidden, "You may not say when others work.")
	}
	return nil
}

// nextOccurrence returns the first time of a series that is not before an instant, the zero time for none.
func nextOccurrence(ctx context.Context, tx *write.Tx, series id.ID, after time.Time) (time.Time, error) {
	r, err := tx.Lock(ctx, tx.Kinds().Kind("Recurrence"), series)
	if err != nil || r == nil || r.InBin() {
		return time.Time{}, err
	}
	text := func(column string) string { s, _ := r.Values[column].(string); return s }
	var exclude []string
	if stored := text("exclusions"); stored != "" {
		if err := json.Unmarshal([]byte(stored), &exclude); err != nil {
			return time.Time{}, err
		}
	}
	s, problems := calendar.ReadSeries(text("rule"), text("time_zone"), text("first"), exclude)
	if len(problems) > 0 {
		return time.Time{}, fault.New(fault.Internal, "a stored series cannot be read")
	}
	next, _ := s.Next(after)
	return next.Start.UTC(), nil
}
