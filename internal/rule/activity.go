package rule

import (
	"context"
	"slices"
	"time"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/write"
)

// The statuses of activities that rules speak of.
const (
	activityPlanned   = "PLANNED"
	activityUnderWay  = "IN_PROGRESS"
	activityDone      = "DONE"
	activityCancelled = "CANCELLED"
)

// activitySteps are the ways of an activity from status to status. The description of the field in the API lists them too.
var activitySteps = map[string][]string{
	activityPlanned:   {activityUnderWay, activityDone, activityCancelled},
	activityUnderWay:  {activityPlanned, activityDone, activityCancelled},
	activityDone:      {activityPlanned},
	activityCancelled: {activityPlanned},
}

// Limits of activities.
const (
	maxActivity     = 62 * 24 * time.Hour // from startAt to endAt: agendas look that far back for what is under way
	maxDuration     = 100_000             // minutes
	maxParticipants = 200
)

// open reports whether an activity with a status is still to come or under way.
func open(status string) bool { return status == activityPlanned || status == activityUnderWay }

// activityStatus refuses steps that are not in the table, and keeps when and by whom an activity was done.
func activityStatus(_ context.Context, c *write.Change) error {
	if !c.Changes("status") || c.Faulty("status") {
		return nil
	}
	status := c.Text("status")
	if !c.Created() {
		was, _ := c.Old.Values["status"].(string)
		if !slices.Contains(activitySteps[was], status) {
			return fault.New(fault.Conflict, "An activity cannot go from %s to %s.", was, status).At("input", "status")
		}
	}
	if status != activityDone {
		c.Set("completedAt", nil)
		c.Set("completedBy", nil)
		return nil
	}
	c.Set("completedAt", c.Tx.Now)
	c.Set("completedBy", c.Tx.Actor.User)
	return nil
}

func instant(c *write.Change, field string) time.Time { at, _ := c.Get(field).(time.Time); return at }

// activityTimes refuses times that do not fit together or the kind of activity.
func activityTimes(_ context.Context, c *write.Change) error {
	if minutes, ok := c.Get("durationMinutes").(int64); ok && minutes > maxDuration {
		c.Refuse("durationMinutes", "RANGE", "The number must be from 0 to %d.", maxDuration)
	}
	if !c.Created() && !slices.ContainsFunc([]string{"kind", "startAt", "endAt", "dueAt", "allDay", "timeZone"}, c.Changes) {
		return nil
	}
	start, end, due := instant(c, "startAt"), instant(c, "endAt"), instant(c, "dueAt")
	switch c.Text("kind") {
	case "MEETING", "VISIT":
		if start.IsZero() {
			c.Refuse("startAt", "REQUIRED", "Such an activity begins and ends.")
		}
		if end.IsZero() {
			c.Refuse("endAt", "REQUIRED", "Such an activity begins and ends.")
		}
		if !due.IsZero() {
			c.Refuse("dueAt", "FORMAT", "Such an activity begins and ends, and is not due.")
		}
	case "TASK":
		if !start.IsZero() {
			c.Refuse("startAt", "FORMAT", "A task is due, and does not begin.")
		}
		if !end.IsZero() {
			c.Refuse("endAt", "FORMAT", "A task is due, and does not end.")
		}
	}
	switch {
	case end.IsZero():
	case start.IsZero():
		c.Refuse("startAt", "REQUIRED", "What ends has to begin.")
	case !end.After(start) || end.Sub(start) > maxActivity:
		c.Refuse("endAt", "RANGE", "The end is after the beginning, at most %d days.", int(maxActivity.Hours()/24))
	}
	if c.Flag("allDay") {
		wholeDays(c, start, end)
	}
	return nil
}

// wholeDays refuses times that are no midnights of the zone.
func wholeDays(c *write.Change, start, end time.Time) {
	zone, err := time.LoadLocation(c.Text("timeZone"))
	if c.Text("timeZone") == "" || err != nil {
		c.Refuse("timeZone", "REQUIRED", "Whole days are those of a time zone.")
		return
	}
	for _, x := range []struct {
		field string
		at    time.Time
	}{{"startAt", start}, {"endAt", end}} {
		if x.at.IsZero() {
			c.Refuse(x.field, "REQUIRED", "Whole days have a beginning and an end.")
			continue
		}
		local := x.at.In(zone)
		if midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone); !local.Equal(midnight) {
			c.Refuse(x.field, "FORMAT", "Whole days begin and end at midnight.")
		}
	}
}

// activityKeepsSeries refuses that the time of an activity that comes back changes without its series.
func activityKeepsSeries(_ context.Context, c *write.Change) error {
	if c.Created() || c.Tx.System() || c.Old.Values["recurrence_id"] == nil {
		return nil
	}
	for _, field := range []string{"startAt", "endAt", "dueAt", "timeZone", "allDay", "kind"} {
		if c.Changes(field) {
			return fault.New(fault.Conflict, "The activity comes back: change its series, or one time of it.").At("input", field)
		}
	}
	if c.Changes("status") && c.Text("status") == activityDone {
		return fault.New(fault.Conflict, "The activity comes back: change its series, or one time of it.").At("input", "status")
	}
	return nil
}

// activityAt keeps where the activity stands in time, for orders and timelines.
func activityAt(_ context.Context, c *write.Change) error {
	made := c.Tx.Now
	if !c.Created() {
		made = instant(c, "createdAt")
	}
	at, done := instant(c, "startAt"), instant(c, "completedAt")
	switch {
	case !done.IsZero() && (at.IsZero() || at.After(done)):
		at = done
	case !at.IsZero():
	case !instant(c, "dueAt").IsZero():
		at = instant(c, "dueAt")
	default:
		at = made
	}
	if !at.Equal(instant(c, "at")) {
		c.Set("at", at)
	}
	return nil
}

// activityDealt keeps when somebody last dealt with what an activity is with, once it is done. What it is with is locked before
// the activity is written, in one order, so that two activities at once do not wait for each other.
func activityDealt(ctx context.Context, c *write.Change) error {
	if c.InBin() || c.Text("status") != activityDone || len(c.Problems) > 0 {
		return nil
	}
	var subjects []id.ID
	for _, field := range c.Kind.About {
		if x := c.Ref(field); !x.IsZero() && (c.Changes("status") || c.Changes(field)) {
			subjects = append(subjects, x)
		}
	}
	if c.Changes("status") && !c.Created() {
		people, err := c.Tx.IDs(ctx, "SELECT `contact_id` FROM `activity_participants` WHERE `activity_id` = ? AND `deleted_at` IS NULL AND `contact_id` IS NOT NULL LIMIT ?", c.ID, maxParticipants)
		if err != nil {
			return err
		}
		subjects = append(subjects, people...)
	}
	slices.SortFunc(subjects, id.ID.Compare)
	for _, x := range slices.Compact(subjects) {
		if _, err := c.Tx.Lock(ctx, c.Tx.Kinds().Of(x), x); err != nil {
			return err
		}
		at := instant(c, "at")
		if at.After(c.Tx.Now) {
			at = c.Tx.Now
		}
		c.Then(func(ctx context.Context) error { return dealtWith(ctx, c.Tx, x, at) })
	}
	return nil
}

// activityMoves has what hangs on an activity follow it: the times of those who take part, reminders, the notice that it is due,
// and the word to whom somebody else has given it.
func activityMoves(jobs Jobs) write.Rule {
	return func(_ context.Context, c *write.Change) error {
		if len(c.Problems) > 0 {
			return nil
		}
		moved := c.Created() || c.Op != change.Updated || slices.ContainsFunc([]string{"startAt", "dueAt", "status", "recurrence"}, c.Changes)
		at, contact := c.Changes("at"), c.Changes("contact")
		owner := c.Ref("owner")
		assigned := c.Changes("owner") && !owner.IsZero() && owner != c.Tx.Actor.User && !c.Tx.System() && !c.InBin() && open(c.Text("status"))
		values := map[string]any{}
		for _, column := range timeColumns {
			values[column] = c.Get(c.Kind.ByConst(constOf(column)).Name)
		}
		c.Then(func(ctx context.Context) error {
			if (at || contact) && !c.Created() {
				if err := placeParticipants(ctx, c.Tx, c.ID, instant(c, "at"), c.Ref("contact")); err != nil {
					return err
				}
			}
			if moved {
				if err := dueNotice(ctx, c.Tx, jobs, c.ID, values, c.Tx.Now); err != nil {
					return err
				}
				if !c.Created() {
					if err := remindAnew(ctx, c.Tx, jobs, c.ID); err != nil {
						return err
					}
				}
			}
			if assigned {
				return Notify(ctx, c.Tx, Notice{To: owner, Kind: "ACTIVITY_ASSIGNED", Record: c.ID, At: whenOf(values)})
			}
			return nil
		})
		return nil
	}
}

// placeParticipants keeps where the activity stands in time on those who take part. It is no change of theirs.
func placeParticipants(ctx context.Context, tx *write.Tx, activity id.ID, at time.Time, contact id.ID) error {
	_, err := tx.ExecContext(ctx, "UPDATE `activity_participants` SET `at` = CASE WHEN `contact_id` = ? THEN NULL ELSE ? END WHERE `activity_id` = ?", contact, at, activity)
	return err
}

// participantIsOne refuses somebody who is neither a user nor a contact, or both.
func participantIsOne(_ context.Context, c *write.Change) error {
	if c.Ref("user").IsZero() == c.Ref("contact").IsZero() {
		c.Refuse("user", "REQUIRED", "Either a user or a contact takes part.")
	}
	return nil
}

// participantIsNew refuses that somebody takes part twice, or too many do. The activity is locked, so that two writes at once see
// each other.
func participantIsNew(ctx context.Context, c *write.Change) error {
	if c.InBin() || len(c.Problems) > 0 {
		return nil
	}
	activity := c.Ref("activity")
	r, err := c.Tx.Lock(ctx, c.KindOf("Activity"), activity)
	if err != nil || r == nil {
		return err
	}
	for _, field := range []string{"user", "contact"} {
		x := c.Ref(field)
		if x.IsZero() {
			continue
		}
		n, err := live(ctx, c, c.Kind, []string{"activity_id", field + "_id"}, []any{activity, x})
		if err != nil {
			return err
		}
		if n > 0 {
			c.Refuse(field, "TAKEN", "This participant takes part already.")
		}
	}
	n, err := live(ctx, c, c.Kind, []string{"activity_id"}, []any{activity})
	if err == nil && n >= maxParticipants {
		c.Refuse("activity", "TOO_LONG", "At most %d take part in an activity.", maxParticipants)
	}
	at, _ := r.Values["at"].(time.Time)
	if contact, _ := r.Values["contact_id"].(id.ID); at.IsZero() || !contact.IsZero() && contact == c.Ref("contact") {
		c.Set("at", nil)
	} else {
		c.Set("at", at)
	}
	return err
}

// participantAnswers keeps when somebody answered, and tells the owner of the activity of another one's answer.
func participantAnswers(ctx context.Context, c *write.Change) error {
	if !c.Changes("response") || c.Faulty("response") || c.InBin() {
		return nil
	}
	if c.Text("response") == "NEEDS_ACTION" {
		c.Set("respondedAt", nil)
		return nil
	}
	c.Set("respondedAt", c.Tx.Now)
	r, err := c.Tx.Lock(ctx, c.KindOf("Activity"), c.Ref("activity"))
	if err != nil || r == nil {
		return err
	}
	owner, _ := r.Values["owner_id"].(id.ID)
	if owner.IsZero() || owner == c.Tx.Actor.User {
		return nil
	}
	c.Then(func(ctx context.Context) error {
		return Notify(ctx, c.Tx, Notice{To: owner, Kind: "ACTIVITY_RESPONSE", Record: r.ID, At: whenOf(r.Values)})
	})
	return nil
}

// participantTouchesActivity gives the activity a change of its own when a user joins or leaves, so that he is told when he begins
// or ceases to see it.
func participantTouchesActivity(ctx context.Context, c *write.Change) error {
	k, activity := c.KindOf("Activity"), c.Ref("activity")
	if _, err := c.Tx.Lock(ctx, k, activity); err != nil {
		return err
	}
	c.Then(func(ctx context.Context) error { return c.Tx.Reshared(ctx, k, activity) })
	return nil
}
