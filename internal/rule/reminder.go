package rule

import (
	"context"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/write"
)

// The kinds of the jobs that tell of activities in time.
const (
	ReminderJob = "activity-reminder"
	DueJob      = "activity-due"
)

// ReminderMail is the purpose of reminders by e-mail.
const ReminderMail = "activity reminder"

// maxBefore is how long before an activity a reminder comes at most, in minutes: 30 days.
const maxBefore = 43_200

// Notice is something that a user is told.
type Notice struct {
	To     id.ID
	Kind   string // of NotificationKind
	Record id.ID
	At     time.Time // when that begins or is due; zero for no time
}

// Notify tells a user something by a notification, as a consequence of the write under way.
func Notify(ctx context.Context, tx *write.Tx, n Notice) error {
	columns := map[string]any{"owner_id": n.To, "kind": n.Kind, "record_id": n.Record}
	if !n.At.IsZero() {
		columns["occurs_at"] = n.At
	}
	return tx.AsSystem(func() error {
		_, err := tx.Make(ctx, tx.Kinds().Kind("Notification"), columns)
		return err
	})
}

// timeColumns are the columns of an activity that say when it is.
var timeColumns = []string{"start_at", "due_at", "status", "deleted_at", "recurrence_id", "owner_id"}

// constOf returns the enum value of the field with a column.
func constOf(column string) string { return strings.ToUpper(strings.TrimSuffix(column, "_id")) }

// whenOf returns when an activity begins, or else is due; the zero time for neither.
func whenOf(values map[string]any) time.Time {
	if at, ok := values["start_at"].(time.Time); ok {
		return at
	}
	at, _ := values["due_at"].(time.Time)
	return at
}

// waits reports whether an activity is still to come or under way, and not in the bin.
func waits(values map[string]any) bool {
	status, _ := values["status"].(string)
	return values["deleted_at"] == nil && open(status)
}

// reminderTimes refuses a reminder without a time, and keeps when it comes.
func reminderTimes(jobs Jobs) write.Rule {
	return func(ctx context.Context, c *write.Change) error {
		minutes, before := c.Get("minutesBefore").(int64)
		if !before && c.Get("remindAt") == nil && !c.Faulty("remindAt") {
			c.Refuse("minutesBefore", "REQUIRED", "Say when the reminder comes.")
		}
		if minutes > maxBefore {
			c.Refuse("minutesBefore", "RANGE", "The number must be from 0 to %d.", maxBefore)
		}
		if len(c.Problems) > 0 {
			return nil
		}
		r, err := c.Tx.Lock(ctx, c.KindOf("Activity"), c.Ref("activity"))
		if err != nil || r == nil {
			return err
		}
		again := reminding{before: time.Duration(minutes) * time.Minute, at: instant(c, "remindAt"), fired: instant(c, "firedAt"), late: c.Changes("firedAt")}
		due, err := again.next(ctx, c.Tx, r)
		if err != nil {
			return err
		}
		if c.InBin() {
			return nil // its timer finds it there; out of the bin again, it comes at its next time
		}
		switch {
		case due.IsZero():
			c.Set("dueAt", nil)
		case !due.Equal(instant(c, "dueAt")):
			c.Set("dueAt", due)
		}
		if due.IsZero() || jobs == nil {
			return nil
		}
		c.Then(func(ctx context.Context) error { return enqueueTimer(ctx, c.Tx, jobs, ReminderJob, c.ID, due) })
		return nil
	}
}

// reminding is a reminder as far as it says when it comes.
type reminding struct {
	before time.Duration
	at     time.Time // zero: before the activity
	fired  time.Time
	late   bool // it comes now, maybe late: the times since then are not left out
}

// next returns when the reminder comes next, the zero time for never: it does not come twice for one time of its activity, nor
// once the activity has begun.
func (m reminding) next(ctx context.Context, tx *write.Tx, activity *write.Record) (time.Time, error) {
	if !waits(activity.Values) {
		return time.Time{}, nil
	}
	if !m.at.IsZero() {
		if !m.fired.IsZero() && !m.at.After(m.fired) {
			return time.Time{}, nil
		}
		return m.at, nil
	}
	after := tx.Now
	if earliest := m.fired.Add(m.before + time.Microsecond); !m.fired.IsZero() && (m.late || earliest.After(after)) {
		after = earliest
	}
	when, err := nextTime(ctx, tx, activity, after)
	if err != nil || when.IsZero() {
		return time.Time{}, err
	}
	return when.Add(-m.before), nil
}

// nextTime returns the first time of an activity that is not before an instant, the zero time for none.
func nextTime(ctx context.Context, tx *write.Tx, activity *write.Record, after time.Time) (time.Time, error) {
	if series, _ := activity.Values["recurrence_id"].(id.ID); !series.IsZero() {
		return nextOccurrence(ctx, tx, series, after)
	}
	when := whenOf(activity.Values)
	if when.Before(after) {
		return time.Time{}, nil
	}
	return when, nil
}

// enqueueTimer has a job tell of x at an instant. The key stays taken, so that nothing is told twice for one instant, and a timer
// that no longer holds finds that out when it runs.
func enqueueTimer(ctx context.Context, tx *write.Tx, jobs Jobs, kind string, x id.ID, at time.Time) error {
	_, err := jobs.Enqueue(ctx, tx.Tx, job.Job{
		Kind: kind, Key: x.String() + " " + at.UTC().Format(time.RFC3339Nano), Once: true, Payload: timer{x, at.UTC()}, DueAt: at, CreatedBy: tx.Actor.User,
	})
	return err
}

// timer is the payload of the jobs.
type timer struct {
	Record id.ID     `json:"record"`
	At     time.Time `json:"at"`
}

// remindAnew finds out again when the reminders of an activity come.
func remindAnew(ctx context.Context, tx *write.Tx, jobs Jobs, activity id.ID) error {
	r, err := tx.Lock(ctx, tx.Kinds().Kind("Activity"), activity)
	if err != nil || r == nil {
		return err
	}
	k := tx.Kinds().Kind("Reminder")
	ids, err := tx.IDs(ctx, "SELECT `id` FROM `reminders` WHERE `activity_id` = ? AND `deleted_at` IS NULL ORDER BY `id`", activity)
	if err != nil {
		return err
	}
	for _, x := range ids {
		m, err := tx.Lock(ctx, k, x)
		if err != nil || m == nil {
			return err
		}
		due, err := remindingOf(m).next(ctx, tx, r)
		if err != nil {
			return err
		}
		if due.Equal(m.At("due_at")) {
			continue
		}
		var column any
		if !due.IsZero() {
			column = due
		}
		// The rule of reminders finds the same and has a job wait for it.
		if err := tx.Set(ctx, k, x, map[string]any{"due_at": column}); err != nil {
			return err
		}
	}
	return nil
}

func remindingOf(m *write.Record) reminding {
	minutes, _ := m.Values["minutes_before"].(int64)
	return reminding{before: time.Duration(minutes) * time.Minute, at: m.At("remind_at"), fired: m.At("fired_at")}
}

// dueNotice has a job tell the owner of an activity when it is due next after an instant. Nothing is told of what was due before.
func dueNotice(ctx context.Context, tx *write.Tx, jobs Jobs, activity id.ID, values map[string]any, after time.Time) error {
	due, _ := values["due_at"].(time.Time)
	if jobs == nil || !waits(values) || due.IsZero() {
		return nil
	}
	if series, _ := values["recurrence_id"].(id.ID); !series.IsZero() {
		var err error
		if due, err = nextOccurrence(ctx, tx, series, after.Add(time.Microsecond)); err != nil {
			return err
		}
	}
	if !due.After(after) {
		return nil
	}
	return enqueueTimer(ctx, tx, jobs, DueJob, activity, due)
}

// seriesMoves has the timers of an activity follow its series.
func seriesMoves(jobs Jobs) write.Rule {
	return func(_ context.Context, c *write.Change) error {
		if c.Created() || c.InBin() || len(c.Problems) > 0 {
			return nil // the activity that begins to come back changes as well
		}
		activity := c.Ref("activity")
		c.Then(func(ctx context.Context) error {
			r, err := c.Tx.Lock(ctx, c.KindOf("Activity"), activity)
			if err != nil || r == nil {
				return err
			}
			if err := dueNotice(ctx, c.Tx, jobs, activity, r.Values, c.Tx.Now); err != nil {
				return err
			}
			return remindAnew(ctx, c.Tx, jobs, activity)
		})
		return nil
	}
}

// Mailing sends mails.
type Mailing interface {
	// Send enqueues a mail in the transaction.
	Send(ctx context.Context, tx *db.Tx, purpose string, to id.ID, data map[string]string) error
}

// RegisterReminders has the runner tell of activities in time: by notifications, and by mails where reminders want that. actor
// returns what a user may do now: nobody is reminded of what he does not see any more.
func RegisterReminders(runner *job.Runner, w *write.Writer, mails func() Mailing, actor func(ctx context.Context, user id.ID) (*access.Actor, error)) {
	t := telling{runner, w, mails, actor}
	runner.Register(DueJob, job.Options{}, t.due)
	runner.Register(ReminderJob, job.Options{}, t.remind)
}

type telling struct {
	jobs   Jobs
	writer *write.Writer
	mails  func() Mailing
	actor  func(ctx context.Context, user id.ID) (*access.Actor, error)
}

// due tells the owner of an activity that it is due.
func (t telling) due(ctx context.Context, run *job.Run) error {
	var at timer
	if err := run.Decode(&at); err != nil {
		return err
	}
	return run.Finish(ctx, func(ctx context.Context, dtx *db.Tx) error {
		return t.writer.In(write.AsSystem(ctx), dtx, func(ctx context.Context, tx *write.Tx) error {
			r, err := tx.Lock(ctx, tx.Kinds().Kind("Activity"), at.Record)
			if err != nil || r == nil || !waits(r.Values) {
				return err
			}
			due := r.At("due_at")
			series, _ := r.Values["recurrence_id"].(id.ID)
			if !series.IsZero() && !due.IsZero() {
				if due, err = nextOccurrence(ctx, tx, series, at.At); err != nil {
					return err
				}
				if err := dueNotice(ctx, tx, t.jobs, r.ID, r.Values, at.At); err != nil {
					return err
				}
			}
			if !due.Equal(at.At) {
				return nil // it was moved: there is another job for it
			}
			owner, _ := r.Values["owner_id"].(id.ID)
			if owner.IsZero() {
				return nil
			}
			return Notify(ctx, tx, Notice{To: owner, Kind: "ACTIVITY_DUE", Record: r.ID, At: at.At})
		})
	})
}

// remind sends one reminder, and has the next one of a series wait.
func (t telling) remind(ctx context.Context, run *job.Run) error {
	var at timer
	if err := run.Decode(&at); err != nil {
		return err
	}
	return run.Finish(ctx, func(ctx context.Context, dtx *db.Tx) error {
		return t.writer.In(write.AsSystem(ctx), dtx, func(ctx context.Context, tx *write.Tx) error { return t.reminded(ctx, tx, at) })
	})
}

func (t telling) reminded(ctx context.Context, tx *write.Tx, at timer) error {
	k := tx.Kinds().Kind("Reminder")
	m, err := tx.Lock(ctx, k, at.Record)
	if err != nil || m == nil || m.InBin() || !m.At("due_at").Equal(at.At) {
		return err
	}
	activity, _ := m.Values["activity_id"].(id.ID)
	r, err := tx.Lock(ctx, tx.Kinds().Kind("Activity"), activity)
	if err != nil || r == nil || !waits(r.Values) {
		return err
	}
	owner, _ := m.Values["owner_id"].(id.ID)
	sees, err := t.sees(ctx, tx, owner, r)
	if err != nil {
		return err
	}
	if sees {
		occurs := whenOf(r.Values)
		if m.At("remind_at").IsZero() {
			occurs = at.At.Add(remindingOf(m).before)
		}
		if err := t.tell(ctx, tx, m, Notice{To: owner, Kind: "REMINDER", Record: activity, At: occurs}); err != nil {
			return err
		}
	}
	// The time for which it came, not that at which it came: late ones do not swallow the next.
	return tx.Set(ctx, k, m.ID, map[string]any{"fired_at": at.At})
}

// sees reports whether a user may read a record now.
func (t telling) sees(ctx context.Context, tx *write.Tx, user id.ID, r *write.Record) (bool, error) {
	if user.IsZero() {
		return false, nil
	}
	a, err := t.actor(ctx, user)
	if fault.CodeOf(err) == fault.Unauthenticated {
		return false, nil // a user who cannot act any more is told nothing
	}
	if err != nil {
		return false, err
	}
	return a.May(tx.Kinds(), r.Kind, r.Keys, access.Read, tx.Now), nil
}

func (t telling) tell(ctx context.Context, tx *write.Tx, m *write.Record, n Notice) error {
	if channel, _ := m.Values["channel"].(string); channel == "EMAIL" {
		return t.mails().Send(ctx, tx.Tx, ReminderMail, n.To, map[string]string{"activity": n.Record.String(), "at": n.At.UTC().Format(time.RFC3339)})
	}
	return Notify(ctx, tx, n)
}
