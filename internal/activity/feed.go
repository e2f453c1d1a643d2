package activity

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-ical"

	"farley/internal/access"
	"farley/internal/calendar"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
)

// Feeds are calendars at private addresses, /calendar/<token>.ics, which calendar programs fetch again and again. Of a token its
// hash is kept alone; one user has one.
type Feeds struct {
	*Service
	DB *db.DB
	// Actor returns what a user may do now; UNAUTHENTICATED when he is not active.
	Actor func(ctx context.Context, user id.ID) (*access.Actor, error)
}

// FeedPath is where the addresses of feeds begin.
const FeedPath = "/calendar/"

// uidDomain ends the UIDs of activities in calendars, behind their ids.
const uidDomain = "@farley"

const (
	feedExtension = ".ics"
	feedBack      = 90 * 24 * time.Hour  // how far back a feed reaches
	feedAhead     = 400 * 24 * time.Hour // and how far ahead
	feedRows      = 2000
)

// Renew makes a new address for the actor's feed, without the server's part, and ends the old one. FORBIDDEN to API keys: what
// an address opens must not outlive its key.
func (f *Feeds) Renew(ctx context.Context, byKey bool) (path string, err error) {
	if byKey {
		return "", fault.New(fault.Forbidden, "An API key makes no calendar addresses.")
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	token := base64.RawURLEncoding.EncodeToString(secret[:])
	user := access.From(ctx).User
	err = f.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := End(ctx, tx, user); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO calendar_feeds (user_id, token_hash, created_at) VALUES (?, ?, ?)", user, feedHash(token), f.Clock.Now())
		return err
	})
	return FeedPath + token + feedExtension, err
}

// End ends the feed of a user.
func End(ctx context.Context, tx *db.Tx, user id.ID) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM calendar_feeds WHERE user_id = ?", user)
	return err
}

// Revoke ends the feed of the actor.
func (f *Feeds) Revoke(ctx context.Context) error {
	return f.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return End(ctx, tx, access.From(ctx).User) })
}

func feedHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Serve answers the address of a feed. NOT_FOUND for a token that is none, or no more.
func (f *Feeds) Serve(w http.ResponseWriter, r *http.Request) error {
	token, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, FeedPath), feedExtension)
	unknown := fault.New(fault.NotFound, "There is no such calendar.")
	if !ok || r.Method == http.MethodPut {
		return unknown
	}
	ctx := r.Context()
	tx, err := f.DB.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Close() }()
	var user id.ID
	err = tx.QueryRow(ctx, "SELECT user_id FROM calendar_feeds WHERE token_hash = ?", []any{feedHash(token)}, &user)
	if errors.Is(err, sql.ErrNoRows) {
		return unknown
	}
	if err != nil {
		return err
	}
	a, err := f.Actor(ctx, user)
	if fault.CodeOf(err) == fault.Unauthenticated {
		return unknown
	}
	if err != nil {
		return err
	}
	body, err := f.write(ctx, tx, a)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Content-Disposition", `inline; filename="calendar.ics"`)
	_, _ = w.Write(body) // who is gone hears nothing
	return nil
}

// fed is an activity on its way into a feed.
type fed struct {
	id                     id.ID
	version                int64
	subject, location      string
	status, zone           string
	updated                time.Time
	start, end, due        time.Time
	allDay, free           bool
	rule, seriesZone, from string
	exclusions             string
}

// write makes the feed of a user: what he owns or takes part in, as far as he may read it now.
func (f *Feeds) write(ctx context.Context, q db.Querier, a *access.Actor) ([]byte, error) {
	now := f.Clock.Now()
	c := ical.NewCalendar()
	c.Props.SetText(ical.PropVersion, "2.0")
	c.Props.SetText(ical.PropProductID, "-//Farley//Farley CRM//EN")
	c.Props.SetText(ical.PropCalendarScale, "GREGORIAN")
	zones := map[string]bool{}
	list, err := f.activities(ctx, q, a, now)
	if err != nil {
		return nil, err
	}
	var events []*ical.Component
	for i := range list {
		event, err := list[i].event()
		if err != nil {
			return nil, err
		}
		events = append(events, event)
		if list[i].rule != "" && !list[i].allDay && !zones[list[i].seriesZone] {
			zones[list[i].seriesZone] = true
			if z := timezone(list[i].seriesZone, list[i].begins().Add(-400*24*time.Hour), now.Add(5*366*24*time.Hour)); z != nil {
				c.Children = append(c.Children, z)
			}
		}
	}
	c.Children = append(c.Children, events...)
	if len(c.Children) == 0 {
		// A calendar needs something in it (RFC 5545 §3.6): the zone that everybody knows.
		c.Children = append(c.Children, timezone("UTC", now, now))
	}
	var b bytes.Buffer
	if err := ical.NewEncoder(&b).Encode(c); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "write a calendar")
	}
	return fold(b.Bytes()), nil
}

// activities reads what stands in a feed.
func (f *Feeds) activities(ctx context.Context, q db.Querier, a *access.Actor, now time.Time) ([]fed, error) {
	cond := f.readable(a, now, "subject", "location", "status", "startAt", "endAt", "dueAt", "allDay", "timeZone", "showsAsFree")
	if cond.IsFalse() {
		return nil, nil
	}
	back, ahead := now.Add(-feedBack), now.Add(feedAhead)
	tail, args := taking([]id.ID{a.User}, access.And(access.Cond{
		SQL:  "(COALESCE(t.`end_at`, t.`start_at`, t.`due_at`) >= ? OR t.`recurrence_id` IS NOT NULL) AND COALESCE(t.`start_at`, t.`due_at`) < ?",
		Args: []any{back, ahead},
	}, cond))
	tail += " LEFT JOIN `recurrences` r ON r.`id` = t.`recurrence_id` AND r.`deleted_at` IS NULL"
	var out []fed
	err := db.Each(ctx, q, "SELECT t.`id`, t.`version`, t.`updated_at`, t.`subject`, t.`location`, t.`status`, t.`time_zone`, t.`start_at`, t.`end_at`, t.`due_at`, t.`all_day`, t.`shows_as_free`, r.`rule`, r.`time_zone`, r.`first`, r.`exclusions`"+tail+
		" WHERE COALESCE(t.`end_at`, t.`start_at`, t.`due_at`) >= ? OR r.`id` IS NOT NULL AND (r.`last_at` IS NULL OR r.`last_at` >= ?) ORDER BY COALESCE(t.`start_at`, t.`due_at`), t.`id` LIMIT ?",
		append(args, back, back, feedRows), func(rows *sql.Rows) error {
			var x fed
			var location, zone, rule, seriesZone, first, exclusions sql.NullString
			var updated, start, end, due read.Instant
			err := rows.Scan(&x.id, &x.version, &updated, &x.subject, &location, &x.status, &zone, &start, &end, &due, &x.allDay, &x.free, &rule, &seriesZone, &first, &exclusions)
			x.location, x.zone, x.rule, x.seriesZone, x.from, x.exclusions = location.String, zone.String, rule.String, seriesZone.String, first.String, exclusions.String
			x.updated, x.start, x.end, x.due = updated.Time, start.Time, end.Time, due.Time
			out = append(out, x)
			return err
		})
	return out, err
}

func (x *fed) begins() time.Time {
	if x.start.IsZero() {
		return x.due
	}
	return x.start
}

// event writes an activity as an event. What is due is one without length, which keeps nobody busy.
func (x *fed) event() (*ical.Component, error) {
	e := ical.NewComponent(ical.CompEvent)
	e.Props.SetText(ical.PropUID, strings.ToLower(x.id.String())+uidDomain)
	e.Props.SetDateTime(ical.PropDateTimeStamp, x.updated.UTC())
	e.Props.SetText(ical.PropSummary, x.subject)
	sequence := ical.NewProp(ical.PropSequence)
	sequence.Value = fmt.Sprint(x.version - 1)
	e.Props.Set(sequence)
	if x.location != "" {
		e.Props.SetText(ical.PropLocation, x.location)
	}
	if x.free || x.start.IsZero() {
		e.Props.SetText(ical.PropTransparency, "TRANSPARENT")
	}
	e.Props.SetText(ical.PropStatus, "CONFIRMED")
	zone := time.UTC
	if name := x.seriesZone; name != "" {
		l, err := time.LoadLocation(name)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "a stored series cannot be read")
		}
		zone = l
	}
	if x.allDay {
		if l, err := time.LoadLocation(x.zone); err == nil {
			zone = l
		}
	}
	set := func(name string, at time.Time) {
		if x.allDay {
			e.Props.SetDate(name, at.In(zone))
			return
		}
		e.Props.SetDateTime(name, at.In(zone))
	}
	set(ical.PropDateTimeStart, x.begins())
	if !x.end.IsZero() {
		set(ical.PropDateTimeEnd, x.end)
	}
	if x.rule == "" {
		return e, nil
	}
	return e, x.recur(e, zone)
}

// recur adds how an activity comes back.
func (x *fed) recur(e *ical.Component, zone *time.Location) error {
	var exclude []string
	if x.exclusions != "" {
		if err := json.Unmarshal([]byte(x.exclusions), &exclude); err != nil {
			return err
		}
	}
	s, problems := calendar.ReadSeries(x.rule, x.seriesZone, x.from, exclude)
	if len(problems) > 0 {
		return fault.New(fault.Internal, "a stored series cannot be read")
	}
	rule := ical.NewProp(ical.PropRecurrenceRule)
	rule.Value = s.Rule.Exported(zone, x.allDay).String()
	e.Props.Set(rule)
	for _, l := range s.Exclude {
		p := ical.NewProp(ical.PropExceptionDates)
		if x.allDay {
			p.SetDate(l.In(zone))
		} else {
			p.SetDateTime(l.In(zone))
		}
		e.Props.Add(p)
	}
	return nil
}

// timezone describes the clocks of a zone between two instants: one part for each time that they were set.
func timezone(name string, from, to time.Time) *ical.Component {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	z := ical.NewComponent(ical.CompTimezone)
	z.Props.SetText(ical.PropTimezoneID, name)
	for at := from.In(zone); ; {
		begin, end := at.ZoneBounds()
		abbreviation, offset := at.Zone()
		before := offset
		if !begin.IsZero() {
			_, before = begin.Add(-time.Second).In(zone).Zone()
		} else {
			begin = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		part := ical.NewComponent(ical.CompTimezoneStandard)
		if at.IsDST() {
			part = ical.NewComponent(ical.CompTimezoneDaylight)
		}
		start := ical.NewProp(ical.PropDateTimeStart)
		start.Value = begin.UTC().Add(time.Duration(before) * time.Second).Format("20060102T150405")
		part.Props.Set(start)
		for prop, seconds := range map[string]int{ical.PropTimezoneOffsetFrom: before, ical.PropTimezoneOffsetTo: offset} {
			p := ical.NewProp(prop)
			p.Value = offsetText(seconds)
			part.Props.Set(p)
		}
		part.Props.SetText(ical.PropTimezoneName, abbreviation)
		z.Children = append(z.Children, part)
		if end.IsZero() || end.After(to) {
			return z
		}
		at = end.In(zone)
	}
}

func offsetText(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	return fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
}

// fold breaks lines that are longer than 75 bytes, between characters (RFC 5545 §3.1).
func fold(b []byte) []byte {
	const most = 75
	var out bytes.Buffer
	for line := range bytes.SplitSeq(bytes.TrimSuffix(b, []byte("\r\n")), []byte("\r\n")) {
		for first := true; len(line) > 0; first = false {
			n := most
			if !first {
				out.WriteString("\r\n ")
				n-- // for the blank
			}
			if len(line) <= n {
				n = len(line)
			}
			for n < len(line) && !utf8.RuneStart(line[n]) {
				n--
			}
			out.Write(line[:n])
			line = line[n:]
		}
		out.WriteString("\r\n")
	}
	return out.Bytes()
}
