package app

import (
	"context"

	"farley/internal/activity"
	"farley/internal/audit"
	"farley/internal/change"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/privacy"
	"farley/internal/rule"
	"farley/internal/write"
)

// keepPrivacy registers what tables beside the records do when somebody's data are erased, and makes the service that
// exports, erases and keeps the rules of retention.
//
// Every table with texts is here, or is named in the test of it as one without personal data.
func (a *App) keepPrivacy() *privacy.Service {
	a.Write.Wipe = append(a.Write.Wipe,
		rule.ForgetPhones, rule.WipeCustom, write.ForgetMatches,
		a.Index.Forget,
		a.Identity.Wipe,
		func(ctx context.Context, tx *write.Tx, _ *model.Kind, x id.ID) error {
			return a.Mail.Wipe(ctx, tx.Tx, x)
		},
		wipeDoings,
	)
	return privacy.New(privacy.Config{
		Writer: a.Write, Read: a.Read, Audit: a.Audit, Jobs: a.Jobs, Log: a.Log, Settle: a.settle,
		Beside: map[string]privacy.Beside{"access": a.Identity.Held},
		Aliases: func(ctx context.Context, tx *db.Tx, x id.ID) ([]id.ID, error) {
			merged, err := write.MergedInto(ctx, tx, []id.ID{x})
			return merged[x], err
		},
	})
}

// wipeDoings takes from what a user did from where he did it, and ends the address of his calendar.
func wipeDoings(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) error {
	if k.Name != "User" {
		return nil
	}
	if err := change.WipeAddresses(ctx, tx.Tx, x); err != nil {
		return err
	}
	if err := activity.End(ctx, tx.Tx, x); err != nil {
		return err
	}
	return audit.WipeUser(ctx, tx.Tx, x)
}

// settle returns when everything that is committed is in the search index.
func (a *App) settle(ctx context.Context) error {
	for {
		n, err := a.Changes.Sequence(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return a.Index.CatchUp(ctx)
		}
	}
}
