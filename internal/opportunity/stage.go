package opportunity

import (
	"context"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/write"
)

// maxMoved is how many deals the removal of a stage moves at most: they are one transaction.
const maxMoved = 5000

// Removed is the outcome of RemoveStage.
type Removed struct {
	Stage id.ID `json:"stage"`
	Moved int   `json:"moved"`
}

// RemoveStage moves the deals of a stage to another one of the same pipeline and kind, and the stage to the bin. What the
// replacement demands is not asked for: nobody moved the deals on purpose. It returns NOT_FOUND and FORBIDDEN for the stage,
// Invalid for a replacement that is missing or cannot stand in, and LIMITED for too many deals.
func RemoveStage(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Removed) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Removed, error) {
		k, deals := tx.Kinds().Kind("Stage"), tx.Kinds().Kind("Opportunity")
		var p fault.Violations
		x := reference(&p, k, c.Input["stage"], "input", "stage")
		var to id.ID
		if v := c.Input["replacement"]; v != nil {
			to = reference(&p, k, v, "input", "replacement")
		}
		if err := p.Err(); err != nil {
			return Removed{}, err
		}
		r, err := tx.InSight(ctx, k, x)
		if err == nil && r.InBin() {
			err = write.NotFound(k)
		}
		if err != nil {
			return Removed{}, err
		}
		if !tx.May(r, access.Delete) {
			return Removed{}, fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
		}
		if err := write.ExpectVersion(r, c.ExpectedVersion); err != nil {
			return Removed{}, err
		}
		there, err := tx.IDs(ctx, "SELECT `id` FROM `opportunities` WHERE `stage_id` = ? ORDER BY `id` LIMIT ?", x, maxMoved+1)
		if err != nil {
			return Removed{}, err
		}
		if err := standsIn(ctx, tx, r, to, len(there)); err != nil {
			return Removed{}, err
		}
		if len(there) > maxMoved {
			return Removed{}, fault.New(fault.Limited, "The stage has more than %d deals. Move some of them first.", maxMoved)
		}
		if err := tx.LockAll(ctx, deals, there); err != nil {
			return Removed{}, err
		}
		moving := write.WithMove(ctx, write.Move{Free: true})
		for _, deal := range there {
			if err := tx.Set(moving, deals, deal, map[string]any{"stage_id": to}); err != nil {
				return Removed{}, err
			}
		}
		return Removed{x, len(there)}, tx.Delete(ctx, k, x)
	}, answer)
}

// standsIn refuses a replacement that cannot stand in for a stage with so many deals.
func standsIn(ctx context.Context, tx *write.Tx, stage *write.Record, to id.ID, deals int) error {
	var p fault.Violations
	at := []any{"input", "replacement"}
	if to.IsZero() {
		if deals > 0 {
			p.Add(at, "REQUIRED", "The stage has deals: name another one for them.")
		}
		return p.Err()
	}
	r, err := tx.Lock(ctx, stage.Kind, to)
	switch {
	case err != nil:
		return err
	case r == nil || r.InBin() || !tx.May(r, access.Read):
		p.Add(at, "NOT_FOUND", "There is no %s with this id.", stage.Kind.Name)
	case to == stage.ID || r.Values["pipeline_id"] != stage.Values["pipeline_id"] || r.Values["kind"] != stage.Values["kind"]:
		p.Add(at, "FORMAT", "Name another stage of the same pipeline and kind.")
	}
	return p.Err()
}
