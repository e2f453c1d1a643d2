package graph

import (
	"context"
	"time"

	"farley/internal/access"
	"farley/internal/activity"
	"farley/internal/auth"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/read"
	"farley/internal/write"
)

// CompleteActivity answers Mutation.completeActivity.
func (r *mutationResolver) CompleteActivity(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "completeActivity", Input: in, ExpectedVersion: version, DryRun: dryRun}
	err := activity.Complete(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o activity.Completed) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"activity": o.Activity, "followUp": o.FollowUp}, nil)
		return err
	})
	return &res, err
}

// CancelActivity answers Mutation.cancelActivity.
func (r *mutationResolver) CancelActivity(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	c := write.Command{Name: "cancelActivity", Input: in, ExpectedVersion: version, DryRun: dryRun}
	var res read.Result
	return &res, activity.Cancel(ctx, r.Write, c, idempotencyKey(ctx, key), r.changedActivity(&res))
}

// RescheduleActivity answers Mutation.rescheduleActivity.
func (r *mutationResolver) RescheduleActivity(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	c := write.Command{Name: "rescheduleActivity", Input: in, ExpectedVersion: version, DryRun: dryRun}
	var res read.Result
	return &res, activity.Reschedule(ctx, r.Write, c, idempotencyKey(ctx, key), r.changedActivity(&res))
}

// RespondToActivity answers Mutation.respondToActivity.
func (r *mutationResolver) RespondToActivity(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	c := write.Command{Name: "respondToActivity", Input: in, DryRun: dryRun}
	var res read.Result
	return &res, activity.Respond(ctx, r.Write, c, idempotencyKey(ctx, key), r.changedActivity(&res))
}

// changedActivity writes the payload of a verb on one activity.
func (r *mutationResolver) changedActivity(res *read.Result) func(context.Context, *write.Tx, activity.Changed) error {
	return func(ctx context.Context, tx *write.Tx, o activity.Changed) (err error) {
		*res, err = r.records(ctx, tx, map[string]id.ID{"activity": o.Activity, "participant": o.Participant}, nil)
		return err
	}
}

// MarkNotificationsRead answers Mutation.markNotificationsRead.
func (r *mutationResolver) MarkNotificationsRead(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "markNotificationsRead", Input: in, DryRun: dryRun}
	err := activity.MarkRead(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, _ *write.Tx, o activity.Read) (err error) {
		res, err = r.Read.Project(ctx, map[string]any{"marked": o.Marked, "unread": o.Unread})
		return err
	})
	return &res, err
}

// Availability answers Query.availability.
func (r *queryResolver) Availability(ctx context.Context, users []id.ID, from, to time.Time, duration string) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		v, err := r.Agendas.Availability(ctx, tx, users, from, to, duration)
		if err == nil {
			res, err = r.available(ctx, tx, v)
		}
		return err
	})
	return &res, err
}

// available writes when people have time; what is out of sight shows as busy only.
func (r *queryResolver) available(ctx context.Context, tx *db.Tx, v activity.Availability) (read.Result, error) {
	var users, activities []id.ID
	for _, b := range v.Busy {
		users, activities = append(users, b.User), append(activities, b.Activity)
	}
	shownUsers, err := r.Read.PayloadEach(ctx, tx, access.From(ctx), "busy.user", users...)
	if err != nil {
		return read.Result{}, err
	}
	shown, err := r.Read.PayloadEach(ctx, tx, access.From(ctx), "busy.activity", activities...)
	if err != nil {
		return read.Result{}, err
	}
	busy, free := []any{}, []any{}
	for _, b := range v.Busy {
		busy = append(busy, b.Value(shownUsers[b.User], shown[b.Activity]))
	}
	for _, f := range v.Free {
		free = append(free, map[string]any{"start": f.Start.UTC(), "end": f.End.UTC()})
	}
	return r.Read.Project(ctx, map[string]any{"freeSlots": free, "busy": busy})
}

// MyAgenda answers Query.myAgenda.
func (r *queryResolver) MyAgenda(ctx context.Context, from, to time.Time) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		entries, more, err := r.Agendas.Agenda(ctx, tx, from, to)
		if err != nil {
			return err
		}
		var ids []id.ID
		for _, e := range entries {
			ids = append(ids, e.Activity)
		}
		shown, err := r.Read.PayloadEach(ctx, tx, access.From(ctx), "entries.activity", ids...)
		if err != nil {
			return err
		}
		rows := []any{}
		for _, e := range entries {
			rows = append(rows, e.Value(shown[e.Activity]))
		}
		res, err = r.Read.Project(ctx, map[string]any{"entries": rows, "more": more})
		return err
	})
	return &res, err
}

// OverdueActivities answers Query.overdueActivities.
func (r *queryResolver) OverdueActivities(ctx context.Context, owners []id.ID) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		ids, n, err := r.Agendas.Overdue(ctx, tx, owners)
		if err != nil {
			return err
		}
		value := map[string]any{"count": n}
		if value["activities"], err = r.Read.Payload(ctx, tx, access.From(ctx), "activities", ids...); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// TeamActivities answers Query.teamActivities.
func (r *queryResolver) TeamActivities(ctx context.Context, by string, from, to time.Time, team *id.ID) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		counts, err := r.Agendas.Counts(ctx, tx, by, from, to, team)
		if err != nil {
			return err
		}
		var owners []id.ID
		for _, c := range counts {
			owners = append(owners, c.Owner)
		}
		shown, err := r.Read.PayloadEach(ctx, tx, access.From(ctx), "rows.user", owners...)
		if err != nil {
			return err
		}
		rows := []any{}
		for _, c := range counts {
			rows = append(rows, c.Value(by, shown[c.Owner]))
		}
		res, err = r.Read.Project(ctx, map[string]any{"rows": rows})
		return err
	})
	return &res, err
}

// RepeatActivity answers Mutation.repeatActivity.
func (r *mutationResolver) RepeatActivity(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	c := write.Command{Name: "repeatActivity", Input: in, ExpectedVersion: version, DryRun: dryRun}
	var res read.Result
	return &res, activity.Repeat(ctx, r.Write, c, idempotencyKey(ctx, key), r.repeated(&res))
}

// EditSeries answers Mutation.editSeries.
func (r *mutationResolver) EditSeries(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	c := write.Command{Name: "editSeries", Input: in, ExpectedVersion: version, DryRun: dryRun}
	var res read.Result
	return &res, activity.Edit(ctx, r.Write, c, idempotencyKey(ctx, key), r.repeated(&res))
}

// repeated writes the payload of a verb on a series.
func (r *mutationResolver) repeated(res *read.Result) func(context.Context, *write.Tx, activity.Repeated) error {
	return func(ctx context.Context, tx *write.Tx, o activity.Repeated) (err error) {
		*res, err = r.records(ctx, tx, map[string]id.ID{"activity": o.Activity, "series": o.Series, "recurrence": o.Recurrence}, nil)
		return err
	}
}

// RenewCalendarFeed answers Mutation.renewCalendarFeed.
func (r *mutationResolver) RenewCalendarFeed(ctx context.Context) (*read.Result, error) {
	path, err := r.Feeds.Renew(ctx, access.From(ctx).Session.Kind() == auth.KindAPIKey)
	if err != nil {
		return nil, err
	}
	res, err := r.Read.Project(ctx, map[string]any{"url": r.PublicURL() + path})
	return &res, err
}

// RevokeCalendarFeed answers Mutation.revokeCalendarFeed.
func (r *mutationResolver) RevokeCalendarFeed(ctx context.Context) (*read.Result, error) {
	if err := r.Feeds.Revoke(ctx); err != nil {
		return nil, err
	}
	res, err := r.Read.Project(ctx, map[string]any{"revoked": true})
	return &res, err
}

// NeglectedCustomers answers Query.neglectedCustomers.
func (r *queryResolver) NeglectedCustomers(ctx context.Context, days int64) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		list, n, err := r.Agendas.Neglected(ctx, tx, days)
		if err != nil {
			return err
		}
		var ids []id.ID
		for _, x := range list {
			ids = append(ids, x.Account)
		}
		shown, err := r.Read.PayloadEach(ctx, tx, access.From(ctx), "customers.account", ids...)
		if err != nil {
			return err
		}
		rows := []any{}
		for _, x := range list {
			rows = append(rows, map[string]any{"account": shown[x.Account], "since": x.Since.UTC()})
		}
		res, err = r.Read.Project(ctx, map[string]any{"customers": rows, "count": n})
		return err
	})
	return &res, err
}

// SuggestAssignee answers Query.suggestAssignee.
func (r *queryResolver) SuggestAssignee(ctx context.Context, team *id.ID, skill *string, from, to time.Time, duration string) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		list, err := r.Agendas.Suggest(ctx, tx, team, skill, from, to, duration)
		if err != nil {
			return err
		}
		var ids []id.ID
		for _, x := range list {
			ids = append(ids, x.User)
		}
		shown, err := r.Read.PayloadEach(ctx, tx, access.From(ctx), "assignees.user", ids...)
		if err != nil {
			return err
		}
		rows := []any{}
		for _, x := range list {
			rows = append(rows, x.Value(shown[x.User]))
		}
		res, err = r.Read.Project(ctx, map[string]any{"assignees": rows})
		return err
	})
	return &res, err
}

// InviteToActivity answers Mutation.inviteToActivity.
func (r *mutationResolver) InviteToActivity(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "inviteToActivity", Input: in, DryRun: dryRun}
	err := r.Invitations.Invite(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o activity.Invited) (err error) {
		value := map[string]any{"invited": o.Invited}
		if value["activity"], err = r.Read.Payload(ctx, tx, tx.Actor, "activity", o.Activity); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// ImportCalendar answers Mutation.importCalendar.
func (r *mutationResolver) ImportCalendar(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "importCalendar", Input: in, DryRun: dryRun}
	err := r.Calendars.Import(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o activity.Imported) (err error) {
		problems := []any{}
		for _, p := range o.Problems {
			v := map[string]any{"component": p.Component, "code": p.Code, "message": r.Say(ctx, p.Message)}
			if p.UID != "" {
				v["uid"] = p.UID
			}
			problems = append(problems, v)
		}
		value := map[string]any{"created": o.Created, "updated": o.Updated, "unchanged": o.Unchanged, "replies": o.Replies, "problems": problems}
		if value["activities"], err = r.Read.Payload(ctx, tx, tx.Actor, "activities", o.Activities...); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}
