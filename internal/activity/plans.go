package activity

import (
	"context"
	"fmt"
	"time"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/job"
	"farley/internal/read"
	"farley/internal/write"
)

// PlansJob is the kind of the periodic job that follows the plans for contacts.
const PlansJob = "contact-plans"

const (
	plansEvery = 24 * time.Hour
	plansBatch = 50 // tasks that one transaction makes
	planDue    = 24 * time.Hour
)

// Plans give people tasks for the customers with whom they have to deal again.
type Plans struct {
	*Service
	Writer *write.Writer
	// Actor returns what a user may do now; UNAUTHENTICATED when he is not active.
	Actor func(ctx context.Context, user id.ID) (*access.Actor, error)
}

// Register has the runner follow the plans once a day, at midnight UTC.
func (p *Plans) Register(runner *job.Runner) {
	runner.Register(PlansJob, job.Options{Concurrency: 1}, p.follow)
	runner.Every(PlansJob, "daily", plansEvery)
}

// follow gives out the tasks of all active plans. What is done is in the tasks, so that a run which ended anyhow goes on with the
// next; and each batch locks its plan, so that two nodes do not give one task twice.
func (p *Plans) follow(ctx context.Context, run *job.Run) error {
	var plans []id.ID
	err := p.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) (err error) {
		plans, err = tx.IDs(ctx, "SELECT `id` FROM `contact_plans` WHERE `active` = ? AND `deleted_at` IS NULL ORDER BY `id`", true)
		return err
	})
	if err != nil {
		return err
	}
	var done int64
	for _, x := range plans {
		var made int64
		for more := true; more; {
			var n int
			err := p.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) (err error) {
				n, err = p.batch(ctx, tx, x)
				return err
			})
			if err != nil {
				return fmt.Errorf("plan %s: %w", x, err)
			}
			made, done, more = made+int64(n), done+int64(n), n == plansBatch
			if err := run.Progress(ctx, done, 0); err != nil {
				return err
			}
		}
		err := p.Writer.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
			return tx.Set(ctx, p.Set.Kind("ContactPlan"), x, map[string]any{"last_run_at": tx.Now, "last_count": made})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// batch gives out some tasks of a plan, and returns how many.
func (p *Plans) batch(ctx context.Context, tx *write.Tx, x id.ID) (int, error) {
	plan, err := tx.Lock(ctx, p.Set.Kind("ContactPlan"), x)
	if err != nil || plan == nil || plan.InBin() {
		return 0, err
	}
	owner, _ := plan.Values["owner_id"].(id.ID)
	if owner.IsZero() {
		return 0, nil
	}
	a, err := p.Actor(ctx, owner)
	if fault.CodeOf(err) == fault.Unauthenticated {
		return 0, nil // a plan of somebody who is gone rests until another one has it
	}
	if err != nil {
		return 0, err
	}
	cond, err := p.due(ctx, tx, plan, a)
	if err != nil || cond.IsFalse() {
		return 0, err
	}
	accounts, err := tx.IDs(ctx, "SELECT "+read.Row+".`id` FROM `accounts` "+read.Row+" WHERE "+cond.SQL+" ORDER BY "+read.Row+".`id` LIMIT ?", append(cond.Args, plansBatch)...)
	if err != nil {
		return 0, err
	}
	for _, account := range accounts {
		if err := p.give(ctx, tx, plan, account); err != nil {
			return 0, err
		}
	}
	return len(accounts), nil
}

// due is the condition that an account is due by a plan, in the sight of the plan's owner, and that its owner was not told since
// somebody dealt with it. It is false when the plan's owner may not read what it chooses by.
func (p *Plans) due(ctx context.Context, tx *write.Tx, plan *write.Record, a *access.Actor) (access.Cond, error) {
	where := map[string]any{}
	equal := func(v any) map[string]any { return map[string]any{"eq": v} }
	if stage, _ := plan.Values["lifecycle_id"].(id.ID); !stage.IsZero() {
		where["lifecycle"] = map[string]any{"id": equal(stage.String())}
	}
	if tag, _ := plan.Values["tag_id"].(id.ID); !tag.IsZero() {
		where["tags"] = map[string]any{"some": map[string]any{"id": equal(tag.String())}}
	}
	for field, column := range map[string]string{"customerType": "customer_type", "industry": "industry"} {
		if v, _ := plan.Values[column].(string); v != "" {
			where[field] = equal(v)
		}
	}
	f, err := p.Read.Filter(ctx, tx.Tx, a, p.Set.Kind("Account"), where)
	if fault.CodeOf(err) == fault.Forbidden {
		return access.Or(), nil
	}
	if err != nil {
		return access.Cond{}, err
	}
	days, _ := plan.Values["every_days"].(int64)
	const since = "COALESCE(" + read.Row + ".`last_activity_at`, " + read.Row + ".`created_at`)"
	return access.And(f.Cond, untouched(read.Row, tx.Now.Add(-time.Duration(days)*24*time.Hour), true), access.Cond{
		SQL: "EXISTS (SELECT 1 FROM `users` u WHERE u.`id` = " + read.Row + ".`owner_id` AND u.`active` = ? AND u.`deleted_at` IS NULL)" +
			" AND NOT EXISTS (SELECT 1 FROM `activities` made WHERE made.`contact_plan_id` = ? AND made.`account_id` = " + read.Row + ".`id` AND made.`created_at` > " + since + ")",
		Args: []any{true, plan.ID},
	}), nil
}

// give makes the task for one account, and tells its owner.
func (p *Plans) give(ctx context.Context, tx *write.Tx, plan *write.Record, account id.ID) error {
	r, err := tx.Lock(ctx, p.Set.Kind("Account"), account)
	if err != nil || r == nil {
		return err
	}
	subject, _ := plan.Values["subject"].(string)
	if subject == "" {
		subject, _ = plan.Values["name"].(string)
	}
	owner, _ := r.Values["owner_id"].(id.ID)
	task, err := tx.Make(ctx, p.Set.Kind(kindName), map[string]any{
		"kind": "TASK", "subject": subject, "due_at": tx.Now.Add(planDue), "account_id": account, "owner_id": owner, "contact_plan_id": plan.ID,
	})
	if err != nil {
		return err
	}
	_, err = tx.Make(ctx, p.Set.Kind("Notification"), map[string]any{"owner_id": owner, "kind": "CONTACT_DUE", "record_id": task, "occurs_at": tx.Now.Add(planDue)})
	return err
}
