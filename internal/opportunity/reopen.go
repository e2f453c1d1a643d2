package opportunity

import (
	"context"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/write"
)

// Reopen takes a closed deal up again, in a stage of the kind OPEN. It returns NOT_FOUND and FORBIDDEN as Move does, and
// CONFLICT for a deal that is open and for another version.
func Reopen(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Moved) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Moved, error) {
		k := tx.Kinds().Kind("Opportunity")
		var p fault.Violations
		x := reference(&p, k, c.Input["opportunity"], "input", "opportunity")
		var stage id.ID
		if v := c.Input["stage"]; v != nil {
			stage = reference(&p, tx.Kinds().Kind("Stage"), v, "input", "stage")
		}
		if err := p.Err(); err != nil {
			return Moved{}, err
		}
		r, err := changeable(ctx, tx, k, x, c.ExpectedVersion)
		if err != nil {
			return Moved{}, err
		}
		if r.Values["status"] == open {
			return Moved{}, standing(tx, r, fault.New(fault.Conflict, "The deal is open.").At("input", "opportunity"))
		}
		if stage.IsZero() {
			if stage, err = before(ctx, tx, r); err != nil {
				return Moved{}, err
			}
		}
		kind, err := kindOf(ctx, tx, stage)
		switch {
		case err != nil:
			return Moved{}, err
		case stage.IsZero():
			p.Add([]any{"input", "stage"}, "REQUIRED", "There is no stage that the deal could enter.")
		case kind == "":
			p.Add([]any{"input", "stage"}, "NOT_FOUND", "There is no %s with this id.", "Stage")
		case kind != open:
			p.Add([]any{"input", "stage"}, "FORMAT", "A deal is reopened in a stage of the kind OPEN.")
		}
		if err := p.Err(); err != nil {
			return Moved{}, err
		}
		in := input.Object{"stage": stage.String()}
		if day, given := c.Input["closeDate"]; given {
			in["closeDate"] = day
		}
		rows := tx.Changes()
		if err := update(write.WithMove(ctx, write.Move{Reopens: true, Free: true}), tx, k, x, in); err != nil {
			return Moved{}, err
		}
		return Moved{x, stepSince(tx, rows)}, nil
	}, answer)
}

// before returns the stage that a closed deal was in before it was closed, or else the first one of its pipeline; the zero id
// when there is none.
func before(ctx context.Context, tx *write.Tx, r *write.Record) (id.ID, error) {
	left, err := tx.IDs(ctx, "SELECT h.`from_stage_id` FROM `opportunity_steps` h JOIN `stages` s ON s.`id` = h.`from_stage_id` AND s.`kind` = 'OPEN' AND s.`deleted_at` IS NULL AND s.`pipeline_id` = ?"+
		" WHERE h.`opportunity_id` = ? AND h.`deleted_at` IS NULL ORDER BY h.`at` DESC, h.`id` DESC LIMIT 1", r.Values["pipeline_id"], r.ID)
	if err != nil {
		return id.ID{}, err
	}
	if len(left) > 0 {
		return left[0], nil
	}
	first, err := tx.IDs(ctx, "SELECT `id` FROM `stages` WHERE `pipeline_id` = ? AND `kind` = 'OPEN' AND `deleted_at` IS NULL ORDER BY `position`, `id` LIMIT 1", r.Values["pipeline_id"])
	if err != nil || len(first) == 0 {
		return id.ID{}, err
	}
	return first[0], nil
}
