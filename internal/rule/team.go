package rule

import (
	"context"
	"time"

	"farley/internal/access"
	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/write"
)

// teamAppointed refuses that those who see an account only because they take part in the work on it decide who does, and
// until when: or they would stay for as long as they like.
func teamAppointed(ctx context.Context, c *write.Change) error {
	if c.Tx.System() {
		return nil
	}
	k := c.KindOf("Account")
	account, err := c.Tx.Lock(ctx, k, c.Ref("account"))
	if err != nil || account == nil {
		return err // that there is no such account is told elsewhere
	}
	parent := *account.Keys
	parent.Participants = nil
	keys := &access.Keys{ID: c.ID, Parents: []access.ParentKeys{{Kind: k.Name, Keys: parent}}}
	action := access.Update
	switch {
	case c.Created():
		action = access.Create
	case c.Op != change.Updated:
		action = access.Delete
	}
	if !c.Tx.Actor.May(c.Tx.Kinds(), c.Kind, keys, action, c.Tx.Now) {
		return fault.New(fault.Forbidden, "Who takes part in the work on an account does not decide who else does.")
	}
	return nil
}

// teamIsNew refuses that a user takes part in the same role twice at the same time. The account is locked, so that two
// writes at once see each other.
func teamIsNew(ctx context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	if _, err := c.Tx.Lock(ctx, c.KindOf("Account"), c.Ref("account")); err != nil {
		return err
	}
	from, to := c.Text("fromDate"), c.Text("toDate")
	if to == "" {
		to = "9999-12-31"
	}
	ids, err := c.Tx.IDs(ctx, "SELECT `id` FROM `account_team_members` WHERE `account_id` = ? AND `user_id` = ? AND `deleted_at` IS NULL AND `id` <> ?"+
		" AND COALESCE(`role_fold`, '') = ? AND COALESCE(`from_date`, '') <= ? AND COALESCE(`to_date`, '9999-12-31') >= ? LIMIT 1",
		c.Ref("account"), c.Ref("user"), c.ID, c.Compared("role"), to, from)
	if err == nil && len(ids) > 0 {
		c.Refuse("user", "TAKEN", "The user takes part in this role at this time already.")
	}
	return err
}

// teamTouchesAccount gives the account a change of its own, so that those who begin or cease to see it are told.
func teamTouchesAccount(ctx context.Context, c *write.Change) error {
	k, account := c.KindOf("Account"), c.Ref("account")
	if _, err := c.Tx.Lock(ctx, k, account); err != nil {
		return err
	}
	c.Then(func(ctx context.Context) error { return c.Tx.Reshared(ctx, k, account) })
	return nil
}

// TeamJob is the kind of the jobs that tell of an account on the day on which somebody begins or ceases to take part in it.
const TeamJob = "account-team-turn"

// turn is the payload of a TeamJob.
type turn struct {
	Member id.ID  `json:"member"`
	Day    string `json:"day"` // the first day on which it is otherwise
}

// teamTurns has jobs tell of the days to come on which the user begins and ceases to take part. Who sees the account does
// not depend on them: scopes look at the days themselves.
func teamTurns(jobs Jobs) write.Rule {
	return func(_ context.Context, c *write.Change) error {
		if jobs == nil || c.InBin() || len(c.Problems) > 0 {
			return nil
		}
		days := turningDays(c.Text("fromDate"), c.Text("toDate"))
		c.Then(func(ctx context.Context) error {
			for _, day := range days {
				if !day.After(c.Tx.Now) {
					continue
				}
				text := access.Day(day)
				_, err := jobs.Enqueue(ctx, c.Tx.Tx, job.Job{
					Kind: TeamJob, Key: c.ID.String() + " " + text, Payload: turn{c.ID, text}, DueAt: day, CreatedBy: c.Tx.Actor.User,
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		return nil
	}
}

// turningDays returns the beginnings, in UTC, of the days on which a time from one day to another begins and has ended.
func turningDays(from, to string) []time.Time {
	var out []time.Time
	if day, err := time.Parse(time.DateOnly, from); err == nil {
		out = append(out, day)
	}
	if day, err := time.Parse(time.DateOnly, to); err == nil {
		out = append(out, day.AddDate(0, 0, 1))
	}
	return out
}

// RegisterTeams has the runner do TeamJobs.
func RegisterTeams(runner *job.Runner, w *write.Writer) {
	runner.Register(TeamJob, job.Options{}, func(ctx context.Context, run *job.Run) error {
		var t turn
		if err := run.Decode(&t); err != nil {
			return err
		}
		return w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
			members, accounts := tx.Kinds().Kind("AccountTeamMember"), tx.Kinds().Kind("Account")
			m, err := tx.Lock(ctx, members, t.Member)
			if err != nil || m == nil || m.InBin() {
				return err
			}
			from, _ := m.Values["from_date"].(string)
			to, _ := m.Values["to_date"].(string)
			account, _ := m.Values["account_id"].(id.ID)
			for _, day := range turningDays(from, to) {
				if access.Day(day) == t.Day {
					return tx.Turned(ctx, accounts, account, day)
				}
			}
			return nil // the days have been changed meanwhile, and there is another job for them
		})
	})
}
