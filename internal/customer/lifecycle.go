package customer

import (
	"context"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"
)

// Moved is the outcome of MoveLifecycle.
type Moved struct {
	Account id.ID `json:"account"`
	Entry   id.ID `json:"entry,omitzero"` // the StageHistory of the stage that it is in
}

// maxReason is the longest reason, in characters.
const maxReason = 200

// MoveLifecycle brings an account into a stage of its life, with a reason for the history. It needs the right to change the
// account's lifecycle. CONFLICT for an archived stage and for a step that is not allowed; an account that is there already
// stays as it is.
func MoveLifecycle(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Moved) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Moved, error) {
		var p fault.Violations
		k := tx.Kinds().Kind("Account")
		var account id.ID
		if err := account.UnmarshalGQL(c.Input["account"]); err != nil || account.Kind() != k.Code {
			p.Add([]any{"input", "account"}, "FORMAT", "This is not an id of the right kind.")
		}
		reason, _ := c.Input["reason"].(string)
		if len([]rune(reason)) > maxReason {
			p.Add([]any{"input", "reason"}, "TOO_LONG", "The text is longer than %d characters.", maxReason)
		}
		if err := p.Err(); err != nil {
			return Moved{}, err
		}
		r, err := tx.InSight(ctx, k, account)
		if err != nil {
			return Moved{}, err
		}
		if !tx.May(r, "UPDATE") {
			return Moved{}, fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
		}
		if err := write.ExpectVersion(r, c.ExpectedVersion); err != nil {
			return Moved{}, err
		}
		if _, err := tx.Update(write.WithReason(ctx, reason), k, account, input.Object{"lifecycle": c.Input["stage"]}); err != nil {
			return Moved{}, renamed(err)
		}
		open, err := tx.IDs(ctx, "SELECT `id` FROM `stage_histories` WHERE `account_id` = ? AND `left_at` IS NULL AND `deleted_at` IS NULL ORDER BY `id` DESC LIMIT 1", account)
		if err != nil || len(open) == 0 {
			return Moved{Account: account}, err
		}
		return Moved{account, open[0]}, nil
	}, answer)
}

// renamed says of the input of the verb what an error says of the account's field.
func renamed(err error) error { return write.Renamed(err, "lifecycle", "stage") }
