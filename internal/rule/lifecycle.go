package rule

import (
	"context"
	"slices"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/scalar"
	"farley/internal/write"
)

// lifecycleStep refuses archived stages, and steps that the stage left does not allow.
func lifecycleStep(ctx context.Context, c *write.Change) error {
	if !c.Changes("lifecycle") {
		return nil
	}
	to := c.Ref("lifecycle")
	if !to.IsZero() {
		archived, err := write.Remember(c.Tx, "stage archived "+to.String(), []string{"LifecycleStage"}, func() (archived bool, err error) {
			err = c.Tx.QueryRow(ctx, "SELECT `archived` FROM `lifecycle_stages` WHERE `id` = ?", []any{to}, &archived)
			return archived, err
		})
		if err != nil {
			return err
		}
		if archived {
			return fault.New(fault.Conflict, "The stage is archived: accounts cannot enter it.").At("input", "lifecycle")
		}
	}
	if c.Created() {
		return nil
	}
	from, _ := c.Old.Values["lifecycle_id"].(id.ID)
	if from.IsZero() {
		return nil
	}
	next, err := c.Tx.IDs(ctx, "SELECT s.`next_id` FROM `lifecycle_steps` s JOIN `lifecycle_stages` n ON n.`id` = s.`next_id`"+
		" WHERE s.`stage_id` = ? AND s.`deleted_at` IS NULL AND n.`deleted_at` IS NULL ORDER BY s.`id`", from)
	if err == nil && len(next) > 0 && !slices.Contains(next, to) {
		return fault.New(fault.Conflict, "This step is not allowed from the stage in which the account is.").At("input", "lifecycle")
	}
	return err
}

// lifecycleHistory ends the time in the stage that is left and begins that in the stage that is entered.
func lifecycleHistory(_ context.Context, c *write.Change) error {
	if !c.Changes("lifecycle") {
		return nil
	}
	c.Then(func(ctx context.Context) error {
		k := c.KindOf("StageHistory")
		open, err := c.Tx.IDs(ctx, "SELECT `id` FROM `stage_histories` WHERE `account_id` = ? AND `left_at` IS NULL AND `deleted_at` IS NULL ORDER BY `id`", c.ID)
		if err != nil {
			return err
		}
		for _, x := range open {
			if err := c.Tx.Set(ctx, k, x, map[string]any{"left_at": c.Tx.Now}); err != nil {
				return err
			}
		}
		to := c.Ref("lifecycle")
		if to.IsZero() {
			return nil
		}
		in := input.Object{"account": c.ID.String(), "stage": to.String(), "enteredAt": c.Tx.Now.Format(scalar.Layout)}
		if reason := write.Reason(ctx); reason != "" {
			in["reason"] = reason
		}
		return c.Tx.AsSystem(func() error {
			_, err := c.Tx.Create(ctx, k, in, "ALLOW")
			return err
		})
	})
	return nil
}
