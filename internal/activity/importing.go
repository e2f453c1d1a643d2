package activity

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/emersion/go-ical"

	"farley/internal/access"
	"farley/internal/calendar"
	"farley/internal/fault"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/scalar"
	"farley/internal/write"
)

// Imports takes calendars in as activities.
type Imports struct {
	*Service
	Files *file.Files
}

// Limits of a calendar that is imported.
const (
	maxCalendar   = 1_000_000 // bytes
	maxComponents = 500
	maxUID        = 250
	maxShown      = 100
	maxDepth      = 20 // of components in components
)

// ImportProblem is what could not be taken from a calendar.
type ImportProblem struct {
	Component int    `json:"component"`
	UID       string `json:"uid,omitempty"`
	Code      string `json:"code"`
	Message   string `json:"message"`
}

// Imported is the outcome of Import.
type Imported struct {
	Created    int             `json:"created"`
	Updated    int             `json:"updated"`
	Unchanged  int             `json:"unchanged"`
	Replies    int             `json:"replies"`
	Activities []id.ID         `json:"activities,omitempty"`
	Problems   []ImportProblem `json:"problems,omitempty"`
}

func (o *Imported) problem(p ImportProblem) {
	if len(o.Problems) < maxShown {
		o.Problems = append(o.Problems, p)
	}
}

func (o *Imported) shows(x id.ID) {
	if len(o.Activities) < maxShown {
		o.Activities = append(o.Activities, x)
	}
}

// Import takes the events and tasks of a calendar in as activities of the actor's, each found again by its UID, and the answers to
// invitations. Invalid for what is no calendar, or too much of one; what is wrong with single components is told in the outcome.
func (s *Imports) Import(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Imported) error) error {
	text, err := s.content(ctx, w, c)
	if err != nil {
		return err
	}
	parsed, err := ParseCalendar(text)
	if err != nil {
		return err
	}
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Imported, error) {
		// Two imports at once come one after the other, so that nothing is made twice.
		if _, err := tx.Lock(ctx, s.Set.Kind("User"), tx.Actor.User); err != nil {
			return Imported{}, err
		}
		calendars, err := s.calendars(ctx, tx.Tx, []id.ID{tx.Actor.User})
		if err != nil {
			return Imported{}, err
		}
		var out Imported
		for i, item := range parsed.Items {
			if err := s.take(ctx, tx, &out, i, parsed.Method, item, calendars[tx.Actor.User].zone()); err != nil {
				return out, err
			}
		}
		return out, nil
	}, answer)
}

// content returns the calendar that an input has, or that lies in a file which the actor uploaded.
func (s *Imports) content(ctx context.Context, w *write.Writer, c write.Command) (string, error) {
	var p fault.Violations
	text, given := c.Input["text"].(string)
	named, filed := c.Input["file"]
	if filed = filed && named != nil; given == filed {
		p.Add([]any{"input", "text"}, "REQUIRED", "Give either text or file.")
		return "", p.Err()
	}
	tooLong := func(field string) error {
		p.Add([]any{"input", field}, "TOO_LONG", "A calendar has at most %d bytes.", maxCalendar)
		return p.Err()
	}
	if given {
		if len(text) > maxCalendar {
			return "", tooLong("text")
		}
		return text, nil
	}
	k := s.Set.Kind(file.Kind)
	var x id.ID
	if err := x.UnmarshalGQL(named); err != nil || x.Kind() != k.Code {
		p.Add([]any{"input", "file"}, "FORMAT", "This is not an id of the right kind.")
		return "", p.Err()
	}
	if err := w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		_, err := tx.InSight(ctx, k, x)
		return err
	}); err != nil {
		return "", err
	}
	content, info, err := s.Files.Open(ctx, x)
	if err != nil {
		return "", err
	}
	defer func() { _ = content.Close() }()
	if owner := access.From(ctx).User; info.Maker != owner {
		return "", write.NotFound(k)
	}
	b, err := io.ReadAll(io.LimitReader(content, maxCalendar+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxCalendar {
		return "", tooLong("file")
	}
	return string(b), nil
}

// Parsed is a calendar as far as it is taken in.
type Parsed struct {
	Method string // REQUEST, REPLY, CANCEL …; "" for none
	Items  []Item
}

// Item is an event or task of a calendar.
type Item struct {
	*ical.Component
	Task bool
}

// ParseCalendar reads a calendar. Invalid for what is none, for more than 500 events and tasks, and for components that lie too deep
// in others.
func ParseCalendar(text string) (Parsed, error) {
	bad := func(code, message string, args ...any) error {
		var p fault.Violations
		p.Add([]any{"input", "text"}, code, message, args...)
		return p.Err()
	}
	depth := 0
	for line := range strings.Lines(text) {
		switch name, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), ":"); name {
		case "BEGIN":
			depth++
		case "END":
			depth--
		}
		if depth > maxDepth {
			return Parsed{}, bad("FORMAT", "This is not a calendar.")
		}
	}
	text = strings.TrimPrefix(text, "\ufeff")
	c, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		return Parsed{}, bad("FORMAT", "This is not a calendar.")
	}
	var out Parsed
	if method := c.Props.Get(ical.PropMethod); method != nil {
		out.Method = strings.ToUpper(strings.TrimSpace(method.Value))
	}
	for _, child := range c.Children {
		if child.Name == ical.CompEvent || child.Name == ical.CompToDo {
			out.Items = append(out.Items, Item{child, child.Name == ical.CompToDo})
		}
	}
	if len(out.Items) > maxComponents {
		return Parsed{}, bad("TOO_LONG", "A calendar has at most %d events and tasks.", maxComponents)
	}
	return out, nil
}

// text returns a text of the component without control characters, at most so many characters long.
func (i Item) text(name string, most int, lines bool) string {
	p := i.Props.Get(name)
	if p == nil {
		return ""
	}
	text, err := p.Text()
	if err != nil {
		text = p.Value
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return r
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if r := []rune(strings.TrimSpace(text)); len(r) > most {
		return strings.TrimSpace(string(r[:most]))
	}
	return strings.TrimSpace(text)
}

func (i Item) uid() string { return i.text(ical.PropUID, maxUID+1, false) }

// number returns SEQUENCE, 0 without one.
func (i Item) number() int64 {
	p := i.Props.Get(ical.PropSequence)
	if p == nil {
		return 0
	}
	n, err := p.Int()
	if err != nil || n < 0 {
		return 0
	}
	return int64(n)
}

// at returns an instant of the component, and whether it is a whole day; false for none, or one that cannot be read.
func (i Item) at(name string, zone *time.Location) (at time.Time, day, ok bool) {
	p := i.Props.Get(name)
	if p == nil {
		return at, false, false
	}
	day = p.ValueType() == ical.ValueDate
	at, err := p.DateTime(zone)
	if err != nil || at.Year() < 1900 || at.Year() > 2188 {
		return at, day, false
	}
	return at.Truncate(time.Microsecond), day, true
}

// itemError is a problem with one component.
type itemError struct{ code, message string }

func (e itemError) Error() string { return e.message }

// record writes the component as the input of an activity.
func (i Item) record(zone *time.Location) (input.Object, error) {
	in := input.Object{"subject": i.text(ical.PropSummary, 200, false), "location": nil, "description": nil}
	if in["subject"] == "" {
		in["subject"] = "–"
	}
	if v := i.text(ical.PropLocation, 200, false); v != "" {
		in["location"] = v
	}
	if v := i.text(ical.PropDescription, 100_000, true); v != "" {
		in["description"] = v
	}
	if i.Task {
		in["kind"], in["dueAt"] = "TASK", nil
		if at, _, ok := i.at(ical.PropDue, zone); ok {
			in["dueAt"] = at.UTC().Format(scalar.Layout)
		} else if i.Props.Get(ical.PropDue) != nil {
			return nil, itemError{"FORMAT", "Its time cannot be read."}
		}
		return in, nil
	}
	start, day, ok := i.at(ical.PropDateTimeStart, zone)
	if !ok {
		if i.Props.Get(ical.PropDateTimeStart) == nil {
			return nil, itemError{"MISSING_START", "It does not say when it begins."}
		}
		return nil, itemError{"FORMAT", "Its time cannot be read."}
	}
	end, err := i.ends(start, day, zone)
	if err != nil {
		return nil, err
	}
	in["startAt"], in["endAt"], in["allDay"] = start.UTC().Format(scalar.Layout), nil, day
	in["timeZone"] = zoneOf(start, zone)
	in["showsAsFree"] = strings.EqualFold(i.text(ical.PropTransparency, 20, false), "TRANSPARENT")
	in["kind"] = "NOTE" // what has no length
	if end.After(start) {
		in["kind"], in["endAt"] = "MEETING", end.UTC().Format(scalar.Layout)
	}
	return in, nil
}

// ends returns when an event ends: DTEND, or else DURATION, or else after a day or at once.
func (i Item) ends(start time.Time, day bool, zone *time.Location) (time.Time, error) {
	end := start
	switch {
	case i.Props.Get(ical.PropDateTimeEnd) != nil:
		at, endDay, ok := i.at(ical.PropDateTimeEnd, zone)
		if !ok || endDay != day {
			return end, itemError{"FORMAT", "Its time cannot be read."}
		}
		end = at
	case i.Props.Get(ical.PropDuration) != nil:
		d, err := i.Props.Get(ical.PropDuration).Duration()
		if err != nil {
			return end, itemError{"FORMAT", "Its time cannot be read."}
		}
		end = start.Add(d)
	case day:
		end = start.AddDate(0, 0, 1)
	}
	if day && !end.After(start) {
		end = start.AddDate(0, 0, 1)
	}
	if end.Before(start) || end.Sub(start) > longest {
		return end, itemError{"RANGE", "It ends before it begins, or lasts too long."}
	}
	return end, nil
}

// zoneOf returns the name of the zone in which an instant was written.
func zoneOf(at time.Time, otherwise *time.Location) string {
	name := at.Location().String()
	if name == "Local" || name == "" {
		name = otherwise.String()
	}
	return name
}

// take takes one component in. What is wrong with it is a problem of the outcome; an error ends the import.
func (s *Imports) take(ctx context.Context, tx *write.Tx, out *Imported, n int, method string, item Item, zone *time.Location) error {
	uid := item.uid()
	var err error
	switch {
	case uid == "" || len(uid) > maxUID:
		err = itemError{"MISSING_UID", "It has no name by which it is found again."}
		uid = ""
	case method == "REPLY":
		err = s.reply(ctx, tx, out, uid, item)
	case item.Props.Get(ical.PropRecurrenceID) != nil:
		err = itemError{"RULE", "Single times of a series are not taken in."}
	default:
		err = s.keep(ctx, tx, out, method, uid, item, zone)
	}
	var problem itemError
	var refused *fault.Error
	switch {
	case errors.As(err, &problem):
		out.problem(ImportProblem{n, uid, problem.code, problem.message})
		return nil
	case errors.As(err, &refused) && (refused.Code == fault.Invalid || refused.Code == fault.Conflict) && write.Refused(err):
		message := refused.Message
		if len(refused.Violations) > 0 {
			message = refused.Violations[0].Message
		}
		out.problem(ImportProblem{n, uid, "RANGE", message})
		return nil
	}
	return err
}

// own returns the activity of Farley's that a UID names, as its own feeds and invitations write it.
func (s *Imports) own(uid string) (id.ID, bool) {
	text, ok := strings.CutSuffix(uid, uidDomain)
	if !ok {
		return id.ID{}, false
	}
	x, err := id.Parse(text)
	return x, err == nil && x.Kind() == s.Set.Kind(kindName).Code
}

// keep makes or changes the activity of a component.
func (s *Imports) keep(ctx context.Context, tx *write.Tx, out *Imported, method, uid string, item Item, zone *time.Location) error {
	if _, ok := s.own(uid); ok { // it comes from here: nobody else knows it better
		out.Unchanged++
		return nil
	}
	in, err := item.record(zone)
	if err != nil {
		return err
	}
	k := s.Set.Kind(kindName)
	ids, err := tx.IDs(ctx, "SELECT `id` FROM `activities` WHERE `calendar_uid` = ? AND `owner_id` = ? ORDER BY `deleted_at` IS NULL DESC, `id` LIMIT 1", uid, tx.Actor.User)
	if err != nil {
		return err
	}
	cancels := method == "CANCEL" || strings.EqualFold(item.text(ical.PropStatus, 20, false), cancelled)
	if len(ids) == 0 {
		if cancels {
			out.Unchanged++
			return nil
		}
		return s.make(ctx, tx, out, uid, item, in, zone)
	}
	r, err := tx.InSight(ctx, k, ids[0])
	if err != nil {
		return err
	}
	before, _ := r.Values["calendar_sequence"].(int64)
	switch {
	case r.InBin(): // thrown away here: it does not come back
		out.Unchanged++
		return nil
	case item.number() < before:
		return itemError{"STALE", "A newer version of it was imported before."}
	}
	return s.change(ctx, tx, out, r, item, in, cancels)
}

func (s *Imports) make(ctx context.Context, tx *write.Tx, out *Imported, uid string, item Item, in input.Object, zone *time.Location) error {
	k := s.Set.Kind(kindName)
	if item.done() {
		in["status"] = done
	}
	var series *calendar.Series
	if rule := item.Props.Get(ical.PropRecurrenceRule); rule != nil && !item.Task {
		s, err := item.series(rule.Value, in, zone)
		if err != nil {
			return err
		}
		series = &s
	}
	o, err := tx.Create(ctx, k, in, "ALLOW")
	if err != nil {
		return err
	}
	if err := tx.Set(ctx, k, o.ID, map[string]any{"calendar_uid": uid, "calendar_sequence": item.number()}); err != nil {
		return err
	}
	if series != nil {
		r, err := tx.Lock(ctx, k, o.ID)
		if err != nil {
			return err
		}
		if _, err := begin(ctx, tx, r, *series); err != nil {
			return err
		}
	}
	out.Created++
	out.shows(o.ID)
	return nil
}

// done reports whether a task is done.
func (i Item) done() bool {
	return i.Task && strings.EqualFold(i.text(ical.PropStatus, 20, false), "COMPLETED")
}

// series reads how an event comes back.
func (i Item) series(rule string, in input.Object, zone *time.Location) (calendar.Series, error) {
	start, _, _ := i.at(ical.PropDateTimeStart, zone)
	name, _ := in["timeZone"].(string)
	l, err := time.LoadLocation(name)
	if err != nil {
		return calendar.Series{}, itemError{"RULE", "It comes back by a rule that cannot be read."}
	}
	var exclude []string
	for _, p := range i.Props.Values(ical.PropExceptionDates) {
		for value := range strings.SplitSeq(p.Value, ",") {
			one := p
			one.Value = value
			at, err := one.DateTime(zone)
			if err != nil {
				return calendar.Series{}, itemError{"RULE", "It comes back by a rule that cannot be read."}
			}
			exclude = append(exclude, calendar.LocalOf(at.In(l)).String())
		}
	}
	s, problems := calendar.ReadSeries(rule, name, calendar.LocalOf(start.In(l)).String(), exclude)
	if len(problems) > 0 {
		return s, itemError{"RULE", "It comes back by a rule that cannot be read."}
	}
	return s, nil
}

// change brings an activity to what a component says by now.
func (s *Imports) change(ctx context.Context, tx *write.Tx, out *Imported, r *write.Record, item Item, in input.Object, cancels bool) error {
	changes := input.Object{}
	for name, v := range in {
		if r.Values["recurrence_id"] != nil && slices.Contains([]string{"startAt", "endAt", "dueAt", "timeZone", "allDay", "kind"}, name) {
			continue // a series stays as it is
		}
		f := r.Kind.Field(name)
		if !sameValue(r.Values[f.Column], v) {
			changes[name] = v
		}
	}
	status, _ := r.Values["status"].(string)
	switch {
	case cancels && (status == "PLANNED" || status == "IN_PROGRESS"):
		changes = input.Object{"status": cancelled}
	case cancels:
		changes = nil
	case item.done() && status != done:
		changes["status"] = done
	}
	before, _ := r.Values["calendar_sequence"].(int64)
	if len(changes) == 0 {
		out.Unchanged++
	} else {
		if _, err := tx.Update(ctx, r.Kind, r.ID, changes); err != nil {
			return err
		}
		out.Updated++
		out.shows(r.ID)
	}
	if item.number() == before {
		return nil
	}
	return tx.Set(ctx, r.Kind, r.ID, map[string]any{"calendar_sequence": item.number()})
}

// sameValue reports whether a stored value is what an input says.
func sameValue(stored, v any) bool {
	switch stored := stored.(type) {
	case nil:
		return v == nil || v == false
	case time.Time:
		text, _ := v.(string)
		at, err := scalar.ParseDateTime(text)
		return err == nil && at.Equal(stored)
	case bool:
		b, _ := v.(bool)
		return b == stored
	}
	return stored == v
}

// partStats are the answers of RFC 5545.
var partStats = map[string]string{"ACCEPTED": "ACCEPTED", "DECLINED": "DECLINED", "TENTATIVE": "TENTATIVE", "NEEDS-ACTION": "NEEDS_ACTION"}

// reply keeps the answer to an invitation: of the activity that the actor may change, by the address of who was invited. An answer
// to an earlier version, or older than the one that is kept, is stale (RFC 5546 §2.1.5).
func (s *Imports) reply(ctx context.Context, tx *write.Tx, out *Imported, uid string, item Item) error {
	unknown := itemError{"UNKNOWN_EVENT", "There is no such activity of yours."}
	k := s.Set.Kind(kindName)
	x, ok := s.own(uid)
	if !ok {
		return unknown
	}
	r, err := tx.InSight(ctx, k, x)
	if fault.CodeOf(err) == fault.NotFound || err == nil && (r.InBin() || !tx.May(r, access.Update)) {
		return unknown
	}
	if err != nil {
		return err
	}
	attendees := item.Props.Values(ical.PropAttendee)
	if len(attendees) != 1 {
		return itemError{"UNKNOWN_ATTENDEE", "It does not say who answers."}
	}
	response := partStats[strings.ToUpper(attendees[0].Params.Get(ical.ParamParticipationStatus))]
	address := strings.ToLower(strings.TrimSpace(attendees[0].Value))
	address, mail := strings.CutPrefix(address, "mailto:")
	participant, err := s.invited(ctx, tx, x, address)
	if err != nil {
		return err
	}
	if response == "" || !mail || participant == nil {
		return itemError{"UNKNOWN_ATTENDEE", "Nobody with this address was invited."}
	}
	sequence, _ := r.Values["calendar_sequence"].(int64)
	stamp, _, ok := item.at(ical.PropDateTimeStamp, time.UTC)
	if !ok {
		stamp = tx.Now
	}
	if item.number() < sequence || stamp.Before(participant.At("reply_stamp")) {
		return itemError{"STALE", "It answers an earlier version."}
	}
	out.Replies++
	return answered(ctx, tx, participant, response, stamp)
}

// answered keeps the answer of somebody who was invited.
func answered(ctx context.Context, tx *write.Tx, participant *write.Record, response string, stamp time.Time) error {
	columns := map[string]any{"reply_stamp": stamp.UTC()}
	if participant.Values["response"] != response {
		columns["response"] = response
	}
	return tx.Set(ctx, participant.Kind, participant.ID, columns)
}

// invited locks the participant of an activity who was invited at an address, nil for none.
func (s *Imports) invited(ctx context.Context, tx *write.Tx, activity id.ID, address string) (*write.Record, error) {
	ids, err := tx.IDs(ctx, "SELECT p.`id` FROM `activity_participants` p JOIN `contacts` c ON c.`id` = p.`contact_id` WHERE p.`activity_id` = ? AND p.`deleted_at` IS NULL AND p.`invited_at` IS NOT NULL AND LOWER(c.`primary_email`) = ? ORDER BY p.`id` LIMIT 1", activity, address)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return tx.Lock(ctx, s.Set.Kind("ActivityParticipant"), ids[0])
}
