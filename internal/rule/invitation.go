package rule

import (
	"context"
	"fmt"
	"slices"

	"farley/internal/change"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/write"
)

// InvitationJob is the kind of the jobs that tell those who were invited by mail of a change.
const InvitationJob = "activity-invitations"

// told is the payload of the jobs.
type told struct {
	Activity    id.ID  `json:"activity"`
	Participant id.ID  `json:"participant,omitzero"`
	Method      string `json:"method"`
	Sequence    int64  `json:"sequence"`
}

func enqueueTold(ctx context.Context, tx *write.Tx, jobs Jobs, t told) error {
	_, err := jobs.Enqueue(ctx, tx.Tx, job.Job{
		Kind: InvitationJob, Key: fmt.Sprint(t.Activity, " ", t.Participant, " ", t.Sequence), Once: true, Payload: t, DueAt: tx.Now, CreatedBy: tx.Actor.User,
	})
	return err
}

// invitationMoves has those who were invited to an activity hear that it is otherwise, or does not take place: with each change
// that they see, the number of its version in calendars rises (RFC 5545 §3.8.7.4), and after another time they answer anew.
func invitationMoves(jobs Jobs) write.Rule {
	return func(ctx context.Context, c *write.Change) error {
		if c.Created() || len(c.Problems) > 0 || jobs == nil {
			return nil
		}
		timed := slices.ContainsFunc([]string{"startAt", "endAt", "timeZone", "allDay"}, c.Changes)
		was, _ := c.Old.Values["status"].(string)
		wasOff := was == activityCancelled || c.Old.InBin()
		off := c.Text("status") == activityCancelled || c.InBin()
		shown := timed || slices.ContainsFunc([]string{"subject", "location"}, c.Changes)
		if off && wasOff || !off && !wasOff && !shown {
			return nil
		}
		parts, err := c.Tx.IDs(ctx, "SELECT `id` FROM `activity_participants` WHERE `activity_id` = ? AND `deleted_at` IS NULL AND `invited_at` IS NOT NULL AND `contact_id` IS NOT NULL ORDER BY `id`", c.ID)
		if err != nil || len(parts) == 0 {
			return err
		}
		sequence, _ := c.Old.Values["calendar_sequence"].(int64)
		sequence++
		c.Set("calendarSequence", sequence)
		method := "REQUEST"
		if off {
			method = "CANCEL"
		}
		c.Then(func(ctx context.Context) error {
			k := c.KindOf("ActivityParticipant")
			for _, x := range parts {
				if r, err := c.Tx.Lock(ctx, k, x); err != nil || !timed || off || r == nil || r.Values["response"] == "NEEDS_ACTION" {
					if err != nil {
						return err
					}
					continue
				}
				if err := c.Tx.Set(ctx, k, x, map[string]any{"response": "NEEDS_ACTION"}); err != nil {
					return err
				}
			}
			return enqueueTold(ctx, c.Tx, jobs, told{Activity: c.ID, Method: method, Sequence: sequence})
		})
		return nil
	}
}

// invitationEnds has somebody who was invited hear that he does not take part any more.
func invitationEnds(jobs Jobs) write.Rule {
	return func(ctx context.Context, c *write.Change) error {
		if c.Op != change.Deleted || c.Created() || len(c.Problems) > 0 || jobs == nil || c.Old.Values["invited_at"] == nil || c.Ref("contact").IsZero() {
			return nil
		}
		k, activity := c.KindOf("Activity"), c.Ref("activity")
		r, err := c.Tx.Lock(ctx, k, activity)
		if err != nil || r == nil || r.InBin() {
			return err
		}
		sequence, _ := r.Values["calendar_sequence"].(int64)
		sequence++
		c.Then(func(ctx context.Context) error {
			if err := c.Tx.Set(ctx, k, activity, map[string]any{"calendar_sequence": sequence}); err != nil {
				return err
			}
			return enqueueTold(ctx, c.Tx, jobs, told{Activity: activity, Participant: c.ID, Method: "CANCEL", Sequence: sequence})
		})
		return nil
	}
}
