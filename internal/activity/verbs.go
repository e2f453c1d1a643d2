// Package activity has what is done with activities as a whole (completing, cancelling, moving and answering them, series), and
// what is read of them across records: agendas, who is busy when, and how many there are.
package activity

import (
	"context"
	"errors"
	"slices"
	"time"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/write"
)

const (
	kindName  = "Activity"
	cancelled = "CANCELLED"
	done      = "DONE"
)

// Completed is the outcome of Complete.
type Completed struct {
	Activity id.ID `json:"activity"`
	FollowUp id.ID `json:"followUp,omitzero"`
}

// Complete ends an activity as done, with what came of it, and makes the one that follows when the input has one.
//
// NOT_FOUND for what is out of sight, FORBIDDEN without the right to change it or to make what follows, CONFLICT for one that is
// done or cancelled and for a series; Invalid as updates and creates give it, of both at once.
func Complete(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Completed) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Completed, error) {
		r, err := open(ctx, tx, c)
		if err != nil {
			return Completed{}, err
		}
		out := Completed{Activity: r.ID}
		// What follows is filled from the activity as it was, and made before it is over.
		var failed error
		if next, ok := object(c.Input["followUp"]); ok {
			out.FollowUp, failed = follow(ctx, tx, r, next)
		}
		in := given(c.Input, "outcome", "result", "durationMinutes", "resultedIn")
		in["status"] = done
		_, err = tx.Update(ctx, r.Kind, r.ID, in)
		return out, both(err, failed)
	}, answer)
}

// both returns one error of two: the problems of two inputs come together, and anything else before them.
func both(a, b error) error {
	var x, y *fault.Error
	switch {
	case a == nil:
		return b
	case b == nil, !errors.As(a, &x) || x.Code != fault.Invalid:
		return a
	case !errors.As(b, &y) || y.Code != fault.Invalid:
		return b
	}
	out := *x
	out.Violations = append(slices.Clone(x.Violations), y.Violations...)
	return &out
}

// follow makes the activity that follows another one.
func follow(ctx context.Context, tx *write.Tx, r *write.Record, next map[string]any) (id.ID, error) {
	in := input.Object{}
	for name, v := range next {
		in[name] = v
	}
	for _, name := range []string{"account", "contact", "lead", "opportunity", "timeZone"} {
		f := r.Kind.Field(name)
		if _, said := in[name]; said || !creatable(tx, r.Kind, f) {
			continue
		}
		v, err := tx.Shows(r, name)
		if err != nil {
			return id.ID{}, err
		}
		if v, err = known(ctx, tx, f, v); err != nil {
			return id.ID{}, err
		}
		if v != nil {
			in[name] = v
		}
	}
	if f := r.Kind.Field("followUpOf"); creatable(tx, r.Kind, f) {
		if _, said := in[f.Name]; !said {
			in[f.Name] = r.ID.String()
		}
	}
	o, err := tx.Create(ctx, r.Kind, in, "ALLOW")
	return o.ID, write.Within(err, "input", "followUp")
}

// creatable reports whether the actor may give a field of a new record.
func creatable(tx *write.Tx, k *model.Kind, f *model.Field) bool {
	return tx.System() || tx.Actor.Policy.Field(k, f).Create != access.None
}

// known returns the value of a field when the actor could give it himself, nil for a relation to a record out of sight.
func known(ctx context.Context, tx *write.Tx, f *model.Field, v any) (any, error) {
	text, _ := v.(string)
	if f.Type != model.Ref || text == "" {
		return v, nil
	}
	x, err := id.Parse(text)
	if err != nil {
		return nil, err
	}
	seen, err := tx.Visible(ctx, tx.Kinds().Kind(f.Target), []id.ID{x})
	if err != nil || !seen[x] {
		return nil, err
	}
	return text, nil
}

// Changed is the outcome of the verbs that change one activity.
type Changed struct {
	Activity id.ID `json:"activity"`
	// Participant is the part that the actor takes, for Respond.
	Participant id.ID `json:"participant,omitzero"`
}

// Cancel says that an activity does not take place. Errors are those of Complete.
func Cancel(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Changed) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Changed, error) {
		r, err := changeable(ctx, tx, c)
		if err != nil {
			return Changed{}, err
		}
		in := input.Object{"status": cancelled}
		if reason, said := c.Input["reason"]; said {
			in["result"] = reason
		}
		_, err = tx.Update(ctx, r.Kind, r.ID, in)
		return Changed{Activity: r.ID}, write.Renamed(err, "result", "reason")
	}, answer)
}

// Reschedule moves an activity in time, and asks the users who take part anew. Errors are those of Complete.
func Reschedule(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Changed) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Changed, error) {
		r, err := open(ctx, tx, c)
		if err != nil {
			return Changed{}, err
		}
		in := given(c.Input, "startAt", "endAt", "dueAt", "timeZone")
		if len(in) == 0 {
			var p fault.Violations
			p.Add([]any{"input", "startAt"}, "REQUIRED", "Say when it is now.")
			return Changed{}, p.Err()
		}
		keepLength(r, in)
		if _, err := tx.Update(ctx, r.Kind, r.ID, in); err != nil {
			return Changed{}, err
		}
		return Changed{Activity: r.ID}, askAnew(ctx, tx, r.ID)
	}, answer)
}

// keepLength adds the end of an activity whose beginning moves.
func keepLength(r *write.Record, in input.Object) {
	text, ok := in["startAt"].(string)
	start, err := scalar.ParseDateTime(text)
	if _, ends := in["endAt"]; ends || !ok || err != nil || r.At("start_at").IsZero() || r.At("end_at").IsZero() {
		return
	}
	end := start.Add(r.At("end_at").Sub(r.At("start_at")))
	name, _ := r.Values["time_zone"].(string)
	if said, ok := in["timeZone"].(string); ok {
		name = said
	}
	if whole, _ := r.Values["all_day"].(bool); whole {
		if zone, err := time.LoadLocation(name); err == nil { // days, which need not have 24 hours
			const day = 24 * time.Hour
			days := int((r.At("end_at").Sub(r.At("start_at")) + day/2) / day)
			end = start.In(zone).AddDate(0, 0, days)
		}
	}
	in["endAt"] = end.UTC().Format(scalar.Layout)
}

// askAnew has the users who take part answer again, but for the one who moves it.
func askAnew(ctx context.Context, tx *write.Tx, activity id.ID) error {
	ids, err := tx.IDs(ctx, "SELECT `id` FROM `activity_participants` WHERE `activity_id` = ? AND `user_id` IS NOT NULL AND `user_id` <> ? AND `deleted_at` IS NULL AND `response` <> 'NEEDS_ACTION' ORDER BY `id`",
		activity, tx.Actor.User)
	if err != nil {
		return err
	}
	for _, x := range ids {
		if err := tx.Set(ctx, tx.Kinds().Kind("ActivityParticipant"), x, map[string]any{"response": "NEEDS_ACTION"}); err != nil {
			return err
		}
	}
	return nil
}

// Respond keeps whether the actor comes to an activity in which he takes part: NOT_FOUND when he does not, CONFLICT when it is
// over.
func Respond(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Changed) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Changed, error) {
		r, err := inSight(ctx, tx, c)
		if err != nil {
			return Changed{}, err
		}
		if err := stillOpen(r); err != nil {
			return Changed{}, err
		}
		k := tx.Kinds().Kind("ActivityParticipant")
		ids, err := tx.IDs(ctx, "SELECT `id` FROM `activity_participants` WHERE `activity_id` = ? AND `user_id` = ? AND `deleted_at` IS NULL LIMIT 1", r.ID, tx.Actor.User)
		if err != nil {
			return Changed{}, err
		}
		if len(ids) == 0 {
			return Changed{}, write.NotFound(k)
		}
		p, err := tx.Lock(ctx, k, ids[0])
		if err != nil {
			return Changed{}, err
		}
		out := Changed{r.ID, p.ID}
		if p.Values["response"] == c.Input["response"] {
			return out, nil
		}
		return out, tx.Set(ctx, k, p.ID, map[string]any{"response": c.Input["response"]})
	}, answer)
}

// inSight locks the activity that an input names.
func inSight(ctx context.Context, tx *write.Tx, c write.Command) (*write.Record, error) {
	k := tx.Kinds().Kind(kindName)
	var p fault.Violations
	var x id.ID
	if err := x.UnmarshalGQL(c.Input["activity"]); err != nil || x.Kind() != k.Code {
		p.Add([]any{"input", "activity"}, "FORMAT", "This is not an id of the right kind.")
		return nil, p.Err()
	}
	r, err := tx.InSight(ctx, k, x)
	if err == nil && r.InBin() {
		err = write.NotFound(k)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// changeable locks an activity that the actor may change, of the version that he has seen, and that is not over.
func changeable(ctx context.Context, tx *write.Tx, c write.Command) (*write.Record, error) {
	r, err := inSight(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	if !tx.May(r, access.Update) {
		return nil, fault.New(fault.Forbidden, "You may not do this to this %s.", r.Kind.Name)
	}
	if err := write.ExpectVersion(r, c.ExpectedVersion); err != nil {
		return nil, err
	}
	return r, stillOpen(r)
}

// open is changeable for activities that happen once.
func open(ctx context.Context, tx *write.Tx, c write.Command) (*write.Record, error) {
	r, err := changeable(ctx, tx, c)
	if err == nil && r.Values["recurrence_id"] != nil {
		err = fault.New(fault.Conflict, "The activity comes back: change its series, or one time of it.").At("input", "activity")
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func stillOpen(r *write.Record) error {
	switch r.Values["status"] {
	case done:
		return fault.New(fault.Conflict, "The activity is done already.").At("input", "activity").With("currentVersion", r.Version())
	case cancelled:
		return fault.New(fault.Conflict, "The activity is cancelled.").At("input", "activity").With("currentVersion", r.Version())
	}
	return nil
}

// given returns the fields of an input that are there, under the names that they have in a record.
func given(in input.Object, names ...string) input.Object {
	out := input.Object{}
	for _, name := range names {
		if v, said := in[name]; said {
			out[name] = v
		}
	}
	return out
}

func object(v any) (map[string]any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return v, true
	case input.Object:
		return v, true
	}
	return nil, false
}

// Read is the outcome of MarkRead.
type Read struct {
	Marked int `json:"marked"`
	Unread int `json:"unread"`
}

// Limits of MarkRead.
const (
	maxNamed  = 100
	maxMarked = 1000
)

// MarkRead marks notifications of the actor as read: those that the input names, or all. NOT_FOUND, by place, for those that are
// not his.
func MarkRead(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Read) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Read, error) {
		ids, err := unread(ctx, tx, c)
		if err != nil {
			return Read{}, err
		}
		for _, x := range ids {
			if err := tx.Set(ctx, tx.Kinds().Kind("Notification"), x, map[string]any{"read_at": tx.Now}); err != nil {
				return Read{}, err
			}
		}
		out := Read{Marked: len(ids)}
		return out, tx.QueryRow(ctx, "SELECT COUNT(*) FROM `notifications` WHERE `owner_id` = ? AND `deleted_at` IS NULL AND `read_at` IS NULL", []any{tx.Actor.User}, &out.Unread)
	}, answer)
}

// unread lists the notifications to mark.
func unread(ctx context.Context, tx *write.Tx, c write.Command) ([]id.ID, error) {
	named, ok := c.Input["notifications"].([]any)
	if s, one := c.Input["notifications"].(string); one {
		named, ok = []any{s}, true
	}
	if !ok {
		return tx.IDs(ctx, "SELECT `id` FROM `notifications` WHERE `owner_id` = ? AND `deleted_at` IS NULL AND `read_at` IS NULL ORDER BY `id` DESC LIMIT ?", tx.Actor.User, maxMarked)
	}
	var p fault.Violations
	if len(named) > maxNamed {
		p.Add([]any{"input", "notifications"}, "TOO_LONG", "The list is longer than %d.", maxNamed)
		return nil, p.Err()
	}
	k := tx.Kinds().Kind("Notification")
	var ids []id.ID
	for i, v := range named {
		var x id.ID
		if err := x.UnmarshalGQL(v); err != nil || x.Kind() != k.Code {
			p.Add([]any{"input", "notifications", i}, "FORMAT", "This is not an id of the right kind.")
			continue
		}
		r, err := tx.InSight(ctx, k, x)
		switch {
		case fault.CodeOf(err) == fault.NotFound || err == nil && r.InBin():
			p.Add([]any{"input", "notifications", i}, "NOT_FOUND", "There is no %s with this id.", k.Name)
		case err != nil:
			return nil, err
		case r.At("read_at").IsZero() && !slices.Contains(ids, x):
			ids = append(ids, x)
		}
	}
	return ids, p.Err()
}
