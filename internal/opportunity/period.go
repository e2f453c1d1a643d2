package opportunity

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"farley/internal/db"
	"farley/internal/fault"
)

// Period is a span of whole days in the time zone of the firm.
type Period struct {
	From, To   string    // the first and the last day, "2026-10-01"
	Start, End time.Time // the first instant of From, and that of the day after To
	Length     string    // of PeriodLength, "" for one that is none by the calendar
}

// Zone returns the time zone of the firm: that of its working calendar, or else UTC. It runs one statement.
func Zone(ctx context.Context, q db.Querier) (*time.Location, error) {
	name := ""
	err := db.Each(ctx, q, "SELECT `time_zone` FROM `working_calendars` WHERE `deleted_at` IS NULL AND `user_id` IS NULL AND `for_team_id` IS NULL ORDER BY `id` DESC LIMIT 1", nil, func(rows *sql.Rows) error {
		return rows.Scan(&name)
	})
	if err != nil || name == "" {
		return time.UTC, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, nil //nolint:nilerr // zones that were withdrawn are as good as none
	}
	return zone, nil
}

// The years of periods.
const (
	firstYear = 1900
	lastYear  = 2999
	maxYears  = 10
)

// ReadPeriod reads a PeriodInput. Problems stand below path.
func ReadPeriod(in map[string]any, zone *time.Location, p *fault.Violations, path ...any) Period {
	at := func(more ...any) []any { return append(path[:len(path):len(path)], more...) }
	given := 0
	for _, name := range []string{"quarter", "month", "year"} {
		if in[name] != nil {
			given++
		}
	}
	if in["from"] != nil || in["to"] != nil {
		given++
	}
	if given != 1 {
		p.Add(at(), "FORMAT", "Give exactly one of quarter, month, year, or from and to.")
		return Period{}
	}
	year := func(v any, at []any) int {
		n, ok := whole(v)
		if !ok || n < firstYear || n > lastYear {
			p.Add(at, "RANGE", "The number must be from %d to %d.", firstYear, lastYear)
			return firstYear
		}
		return int(n)
	}
	number := func(v any, most int64, at []any) int {
		n, ok := whole(v)
		if !ok || n < 1 || n > most {
			p.Add(at, "RANGE", "The number must be from %d to %d.", 1, most)
			return 1
		}
		return int(n)
	}
	switch {
	case in["quarter"] != nil:
		of, _ := in["quarter"].(map[string]any)
		y, n := year(of["year"], at("quarter", "year")), number(of["number"], 4, at("quarter", "number"))
		return calendarPeriod(y, time.Month(3*n-2), 3, "QUARTER", zone)
	case in["month"] != nil:
		of, _ := in["month"].(map[string]any)
		y, n := year(of["year"], at("month", "year")), number(of["number"], 12, at("month", "number"))
		return calendarPeriod(y, time.Month(n), 1, "MONTH", zone)
	case in["year"] != nil:
		return calendarPeriod(year(in["year"], at("year")), time.January, 12, "YEAR", zone)
	}
	from, to := day(in["from"], p, at("from")), day(in["to"], p, at("to"))
	switch {
	case from.IsZero() || to.IsZero():
		return Period{}
	case to.Before(from):
		p.Add(at("to"), "RANGE", "The last day is before the first.")
	case to.After(from.AddDate(maxYears, 0, 0)):
		p.Add(at("to"), "RANGE", "The last day is more than %d years after the first.", maxYears)
	}
	return newPeriod(from, to, zone)
}

func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == float64(int64(v))
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}

func day(v any, p *fault.Violations, at []any) time.Time {
	text, _ := v.(string)
	t, err := time.Parse(time.DateOnly, text)
	switch {
	case v == nil:
		p.Add(at, "REQUIRED", "This is needed.")
	case err != nil || t.Year() < firstYear || t.Year() > lastYear:
		p.Add(at, "FORMAT", "This is not a day like 2026-11-22.")
		return time.Time{}
	}
	return t
}

func calendarPeriod(year int, month time.Month, months int, length string, zone *time.Location) Period {
	from := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	p := newPeriod(from, from.AddDate(0, months, -1), zone)
	p.Length = length
	return p
}

// newPeriod makes a period of two days, given as midnights of UTC.
func newPeriod(from, to time.Time, zone *time.Location) Period {
	p := Period{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly), Start: midnight(from, zone), End: midnight(to.AddDate(0, 0, 1), zone)}
	for _, l := range []struct {
		length string
		months int
	}{{"MONTH", 1}, {"QUARTER", 3}, {"YEAR", 12}} {
		if from.Day() == 1 && (int(from.Month())-1)%l.months == 0 && from.AddDate(0, l.months, -1).Equal(to) {
			p.Length = l.length
		}
	}
	return p
}

func midnight(day time.Time, zone *time.Location) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone).UTC()
}
