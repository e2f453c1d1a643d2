package activity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"farley/internal/calendar"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/write"
)

const seriesKind = "Recurrence"

// The parts of a series that an edit is about.
const (
	editThis      = "THIS"
	editFollowing = "THIS_AND_FOLLOWING"
)

// Repeated is the outcome of the verbs on series.
type Repeated struct {
	Activity   id.ID `json:"activity,omitzero"` // what was changed
	Series     id.ID `json:"series"`            // the activity that comes back
	Recurrence id.ID `json:"recurrence"`
}

// Repeat has an activity come back by a rule of RFC 5545. Errors are those of Complete; Invalid for a rule that is none.
func Repeat(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Repeated) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Repeated, error) {
		r, err := open(ctx, tx, c)
		if err != nil {
			return Repeated{}, err
		}
		var p fault.Violations
		zone, _ := c.Input["timeZone"].(string)
		if zone == "" {
			zone, _ = r.Values["time_zone"].(string)
		}
		when := begins(r)
		if when.IsZero() {
			p.Add([]any{"input", "activity"}, "FORMAT", "What comes back begins, or is due.")
		}
		if r.Values["exception_of_id"] != nil {
			p.Add([]any{"input", "activity"}, "FORMAT", "One time of a series does not come back.")
		}
		rule, _ := c.Input["rule"].(string)
		first := calendar.LocalOf(when.UTC())
		if l, err := time.LoadLocation(zone); err == nil {
			first = calendar.LocalOf(when.In(l))
		}
		s, problems := calendar.ReadSeries(rule, zone, first.String(), nil)
		add(&p, problems)
		if err := p.Err(); err != nil {
			return Repeated{}, err
		}
		x, err := begin(ctx, tx, r, s)
		return Repeated{Activity: r.ID, Series: r.ID, Recurrence: x}, err
	}, answer)
}

// add tells of problems with a series, by the fields of the input.
func add(p *fault.Violations, problems []calendar.Problem) {
	for _, x := range problems {
		path := []any{"input", "rule"}
		if len(x.Path) > 0 && x.Path[0] == "timeZone" {
			path[1] = "timeZone"
		}
		p.Add(path, x.Code, x.Message, x.Args...)
	}
}

func begins(r *write.Record) time.Time {
	if at := r.At("start_at"); !at.IsZero() {
		return at
	}
	return r.At("due_at")
}

// length returns how long an activity lasts.
func length(r *write.Record) time.Duration {
	if start, end := r.At("start_at"), r.At("end_at"); !start.IsZero() && !end.IsZero() {
		return end.Sub(start)
	}
	return 0
}

// begin makes the series of an activity.
func begin(ctx context.Context, tx *write.Tx, r *write.Record, s calendar.Series) (x id.ID, err error) {
	columns := columnsOf(s)
	columns["activity_id"], columns["duration_seconds"] = r.ID, int64(length(r)/time.Second)
	err = tx.AsSystem(func() error {
		if x, err = tx.Make(ctx, tx.Kinds().Kind(seriesKind), columns); err != nil {
			return err
		}
		return tx.Set(ctx, r.Kind, r.ID, map[string]any{"recurrence_id": x, "time_zone": s.Zone.String()})
	})
	return x, err
}

// columnsOf returns what is stored of a series.
func columnsOf(s calendar.Series) map[string]any {
	columns := map[string]any{"rule": nil, "time_zone": s.Zone.String(), "first": s.Start.String(), "exclusions": nil, "last_at": nil}
	if s.Rule != nil {
		columns["rule"] = s.Rule.String()
	} else {
		columns["rule"] = "FREQ=DAILY;COUNT=1"
	}
	if len(s.Exclude) > 0 {
		b, _ := json.Marshal(s.Exclude) // texts always encode
		columns["exclusions"] = string(b)
	}
	if last, ok := s.Last(); ok {
		columns["last_at"] = last.Start.UTC()
	}
	return columns
}

// stored reads the series of a record.
func stored(r *write.Record) (calendar.Series, error) {
	text := func(column string) string { s, _ := r.Values[column].(string); return s }
	var exclude []string
	if list := text("exclusions"); list != "" {
		if err := json.Unmarshal([]byte(list), &exclude); err != nil {
			return calendar.Series{}, err
		}
	}
	s, problems := calendar.ReadSeries(text("rule"), text("time_zone"), text("first"), exclude)
	if len(problems) > 0 {
		return s, fault.New(fault.Internal, "a stored series cannot be read")
	}
	return s, nil
}

// edit is the work on one series.
type edit struct {
	tx      *write.Tx
	master  *write.Record
	series  *write.Record
	was     calendar.Series
	at      calendar.Local
	changes input.Object
	rule    *calendar.Rule // nil: as it is
	remove  bool
}

// Edit changes one time of a series, it and the following ones, or all. One time becomes an activity of its own, which keeps its
// values whatever becomes of the series; it and the following ones become a series of their own.
//
// Errors are those of Complete; NOT_FOUND, by place, for a time that the series does not have.
func Edit(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Repeated) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Repeated, error) {
		e, err := newEdit(ctx, tx, c)
		if err != nil {
			return Repeated{}, err
		}
		switch c.Input["scope"] {
		case editThis:
			return e.one(ctx)
		case editFollowing:
			return e.following(ctx)
		}
		return e.all(ctx)
	}, answer)
}

func newEdit(ctx context.Context, tx *write.Tx, c write.Command) (*edit, error) {
	r, err := changeable(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	x, _ := r.Values["recurrence_id"].(id.ID)
	if x.IsZero() {
		return nil, fault.New(fault.Conflict, "The activity happens once.").At("input", "activity")
	}
	e := &edit{tx: tx, master: r, changes: input.Object{}}
	if e.series, err = tx.Lock(ctx, tx.Kinds().Kind(seriesKind), x); err != nil {
		return nil, err
	}
	if e.was, err = stored(e.series); err != nil {
		return nil, err
	}
	var p fault.Violations
	if changes, ok := object(c.Input["changes"]); ok {
		for name, v := range changes {
			e.changes[name] = v
		}
	}
	e.remove, _ = c.Input["remove"].(bool)
	e.at = e.was.Start
	switch text, said := c.Input["occurrence"].(string); {
	case said:
		at, ok := calendar.ParseLocal(text)
		if !ok {
			p.Add([]any{"input", "occurrence"}, "FORMAT", "The time is not written as 20060102T150405.")
		} else if !e.was.Includes(at) {
			p.Add([]any{"input", "occurrence"}, "NOT_FOUND", "The series does not have this time.")
		}
		e.at = at
	case c.Input["scope"] == editThis || c.Input["scope"] == editFollowing:
		p.Add([]any{"input", "occurrence"}, "REQUIRED", "Say which time of the series.")
	}
	if text, said := c.Input["rule"].(string); said {
		rule, problems := calendar.ParseRule(text)
		add(&p, problems)
		e.rule = &rule
		if c.Input["scope"] == editThis {
			p.Add([]any{"input", "rule"}, "FORMAT", "One time of a series does not come back.")
		}
	}
	for _, name := range timeFields {
		if _, said := e.changes[name]; said && !tx.System() && !tx.Actor.WritesField(tx.Kinds(), r.Kind, r.Kind.Field(name), r.Keys, tx.Now) {
			return nil, fault.New(fault.Forbidden, "You may not write this field.").At("input", "changes", name)
		}
	}
	return e, p.Err()
}

// timeFields are the fields of an activity that follow from its series.
var timeFields = []string{"startAt", "endAt", "dueAt", "timeZone", "allDay"}

// one makes an activity of one time, or takes it away.
func (e *edit) one(ctx context.Context) (Repeated, error) {
	out := Repeated{Series: e.master.ID, Recurrence: e.series.ID}
	next, err := e.was.Without(e.at)
	if err != nil {
		return out, err
	}
	if len(next.Exclude) > calendar.MaxDates {
		return out, fault.New(fault.Limited, "A series has at most %d times that are otherwise.", calendar.MaxDates)
	}
	if err := e.keep(ctx, e.series.ID, next); err != nil || e.remove {
		return out, err
	}
	columns := e.copy(e.at)
	columns["exception_of_id"], columns["occurrence"] = e.series.ID, e.at.String()
	if out.Activity, err = e.make(ctx, columns); err != nil {
		return out, err
	}
	r, err := e.tx.Lock(ctx, e.master.Kind, out.Activity)
	if err != nil {
		return out, err
	}
	keepLength(r, e.changes)
	_, err = e.tx.Update(ctx, e.master.Kind, out.Activity, e.changes)
	return out, write.Within(err, "input", "changes")
}

// keep stores a series.
func (e *edit) keep(ctx context.Context, x id.ID, s calendar.Series) error {
	return e.tx.Set(ctx, e.series.Kind, x, columnsOf(s))
}

// copy returns the columns of an activity like the one that comes back, at a time of the series.
func (e *edit) copy(at calendar.Local) map[string]any {
	columns := map[string]any{}
	for _, f := range e.master.Kind.Fields {
		if f.System || f.Internal || f.Type == model.Many || slices.Contains(notCopied, f.Name) {
			continue
		}
		for _, column := range f.Columns() {
			columns[column] = e.master.Values[column]
		}
	}
	start := at.In(e.was.Zone).UTC()
	if !e.master.At("start_at").IsZero() {
		columns["start_at"] = start
		if l := length(e.master); l > 0 {
			columns["end_at"] = start.Add(l)
		}
	} else {
		columns["due_at"] = start
	}
	return columns
}

// notCopied are the fields in which one time of a series differs from what comes back.
var notCopied = []string{"createdBy", "updatedBy", "deletedAt", "recurrence", "exceptionOf", "occurrence", "completedAt", "completedBy", "at", "outcome", "result", "resultedIn", "durationMinutes"}

// make makes an activity, with who takes part in the one that comes back and what reminds of it.
func (e *edit) make(ctx context.Context, columns map[string]any) (x id.ID, err error) {
	err = e.tx.AsSystem(func() error {
		if x, err = e.tx.Make(ctx, e.master.Kind, columns); err != nil {
			return err
		}
		for _, part := range []struct {
			kind   string
			fields []string
		}{{"ActivityParticipant", []string{"user", "contact", "attendance"}}, {"Reminder", []string{"owner", "team", "minutesBefore", "channel"}}} {
			kind, names := part.kind, part.fields
			k := e.tx.Kinds().Kind(kind)
			ids, err := e.tx.IDs(ctx, "SELECT `id` FROM `"+k.Table+"` WHERE `activity_id` = ? AND `deleted_at` IS NULL ORDER BY `id`", e.master.ID)
			if err != nil {
				return err
			}
			for _, y := range ids {
				r, err := e.tx.Lock(ctx, k, y)
				if err != nil {
					return err
				}
				if kind == "Reminder" && r.Values["minutes_before"] == nil {
					continue // it has a time of its own, which is not one of the new activity
				}
				columns := map[string]any{"activity_id": x}
				for _, name := range names {
					column := k.Field(name).Column
					columns[column] = r.Values[column]
				}
				if kind == "ActivityParticipant" {
					columns["response"] = "NEEDS_ACTION"
				}
				if _, err := e.tx.Make(ctx, k, columns); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return x, err
}

// following divides the series: the time and those behind it become one of their own.
func (e *edit) following(ctx context.Context) (Repeated, error) {
	before, after, err := e.was.Split(e.at)
	if errors.Is(err, calendar.ErrFirst) {
		if e.remove {
			return Repeated{}, fault.New(fault.Conflict, "Nothing would be left of the series: cancel the activity.").At("input", "occurrence")
		}
		return e.all(ctx)
	}
	if err != nil {
		return Repeated{}, err
	}
	if err := e.keep(ctx, e.series.ID, before); err != nil || e.remove {
		return Repeated{Series: e.master.ID, Recurrence: e.series.ID}, err
	}
	x, err := e.make(ctx, e.copy(after.Start))
	if err != nil {
		return Repeated{}, err
	}
	r, err := e.tx.Lock(ctx, e.master.Kind, x)
	if err != nil {
		return Repeated{}, err
	}
	recurrence, err := begin(ctx, e.tx, r, after)
	if err != nil {
		return Repeated{}, err
	}
	if err := e.move(ctx, recurrence, 0, func(l calendar.Local) bool { return l >= e.at }); err != nil {
		return Repeated{}, err
	}
	next := &edit{tx: e.tx, was: after, at: e.at, changes: e.changes, rule: e.rule}
	if next.master, err = e.tx.Lock(ctx, e.master.Kind, x); err != nil {
		return Repeated{}, err
	}
	if next.series, err = e.tx.Lock(ctx, e.series.Kind, recurrence); err != nil {
		return Repeated{}, err
	}
	return next.all(ctx)
}

// all changes the activity that comes back, and its series where its time changes.
func (e *edit) all(ctx context.Context) (Repeated, error) {
	out := Repeated{Activity: e.master.ID, Series: e.master.ID, Recurrence: e.series.ID}
	if e.remove {
		return out, fault.New(fault.Conflict, "Nothing would be left of the series: cancel the activity.").At("input", "scope")
	}
	rest, times := input.Object{}, input.Object{}
	for name, v := range e.changes {
		if slices.Contains(timeFields, name) {
			times[name] = v
		} else {
			rest[name] = v
		}
	}
	if len(times) > 0 || e.rule != nil {
		if err := e.shift(ctx, times); err != nil {
			return out, err
		}
	}
	_, err := e.tx.Update(ctx, e.master.Kind, e.master.ID, rest)
	return out, write.Within(err, "input", "changes")
}

// shift moves the series: what is said of the time that was named holds for all.
func (e *edit) shift(ctx context.Context, times input.Object) error {
	var p fault.Violations
	zone := e.was.Zone
	if name, said := times["timeZone"].(string); said {
		l, err := time.LoadLocation(name)
		if err != nil || name == "" {
			p.Add([]any{"input", "changes", "timeZone"}, "FORMAT", "This is not an IANA time zone.")
			return p.Err()
		}
		zone = l
	}
	start, field := e.was.Start, "startAt"
	if e.master.At("start_at").IsZero() {
		field = "dueAt"
	}
	last := length(e.master)
	at := e.at.In(e.was.Zone)
	if text, said := times[field].(string); said {
		var err error
		if at, err = scalar.ParseDateTime(text); err != nil {
			p.Add([]any{"input", "changes", field}, "FORMAT", "This is not an instant.")
			return p.Err()
		}
		start += calendar.LocalOf(at.In(zone)) - e.at
	}
	if text, said := times["endAt"].(string); said {
		end, err := scalar.ParseDateTime(text)
		if err != nil || !end.After(at) {
			p.Add([]any{"input", "changes", "endAt"}, "RANGE", "The end is after the beginning, at most %d days.", int(longest.Hours()/24))
			return p.Err()
		}
		last = end.Sub(at)
	}
	next, err := e.was.Move(start)
	switch {
	case e.rule != nil:
		next = e.was.Replace(start, e.rule)
	case errors.Is(err, calendar.ErrRuleNeeded):
		p.Add([]any{"input", "rule"}, "REQUIRED", "The rule names what moves: give it anew.")
		return p.Err()
	case err != nil:
		return err
	}
	next.Zone = zone
	add(&p, next.Check())
	if err := p.Err(); err != nil {
		return err
	}
	columns := columnsOf(next)
	columns["duration_seconds"] = int64(last / time.Second)
	if err := e.tx.Set(ctx, e.series.Kind, e.series.ID, columns); err != nil && !unchanged(e.series, columns) {
		return err
	}
	if err := e.move(ctx, e.series.ID, start-e.was.Start, func(calendar.Local) bool { return true }); err != nil {
		return err
	}
	first := next.Start.In(zone).UTC()
	values := map[string]any{"time_zone": zone.String()}
	if field == "dueAt" {
		values["due_at"] = first
	} else {
		values["start_at"] = first
		if last > 0 {
			values["end_at"] = first.Add(last)
		}
	}
	if whole, said := times["allDay"].(bool); said {
		values["all_day"] = whole
	}
	if unchanged(e.master, values) {
		return nil
	}
	return write.Within(e.tx.Set(ctx, e.master.Kind, e.master.ID, values), "input", "changes")
}

// unchanged reports whether a record has these values already.
func unchanged(r *write.Record, values map[string]any) bool {
	for column, v := range values {
		was := r.Values[column]
		if a, ok := was.(time.Time); ok {
			if b, ok := v.(time.Time); ok && a.Equal(b) {
				continue
			}
			return false
		}
		if was != v {
			return false
		}
	}
	return true
}

// move has the activities that stand in the place of single times stand in that of times of another series, or later ones.
func (e *edit) move(ctx context.Context, to id.ID, by calendar.Local, which func(calendar.Local) bool) error {
	ids, err := e.tx.IDs(ctx, "SELECT `id` FROM `activities` WHERE `exception_of_id` = ? ORDER BY `id`", e.series.ID)
	if err != nil || by == 0 && to == e.series.ID {
		return err
	}
	for _, x := range ids {
		r, err := e.tx.Lock(ctx, e.master.Kind, x)
		if err != nil || r == nil {
			return err
		}
		text, _ := r.Values["occurrence"].(string)
		l, ok := calendar.ParseLocal(text)
		if !ok || !which(l) {
			continue
		}
		if err := e.tx.Set(ctx, e.master.Kind, x, map[string]any{"exception_of_id": to, "occurrence": (l + by).String()}); err != nil {
			return err
		}
	}
	return nil
}
