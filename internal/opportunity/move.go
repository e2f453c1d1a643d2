// Package opportunity has what is done with deals as a whole: bringing them from stage to stage, reopening them, removing a
// stage with deals in it; and what is asked about many of them: the board and those that are stale.
package opportunity

import (
	"context"
	"errors"
	"maps"
	"slices"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

// The statuses of deals.
const (
	open = "OPEN"
	lost = "LOST"
)

// Moved is the outcome of Move and of Reopen.
type Moved struct {
	Opportunity id.ID `json:"opportunity"`
	Step        id.ID `json:"step,omitzero"` // the row of the history
}

// Move brings an open deal into another stage, together with fields that change with it. It returns NOT_FOUND for a deal out
// of sight, FORBIDDEN without the right to change it and its stage, Invalid with everything that the stage demands and the
// deal lacks, and CONFLICT for a closed deal, the stage where it is, an archived pipeline and another version; the extensions
// currentVersion and currentStage say how it stands.
func Move(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Moved) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Moved, error) {
		return move(ctx, tx, c)
	}, answer)
}

func move(ctx context.Context, tx *write.Tx, c write.Command) (Moved, error) {
	k := tx.Kinds().Kind("Opportunity")
	var p fault.Violations
	x := reference(&p, k, c.Input["opportunity"], "input", "opportunity")
	stage := reference(&p, tx.Kinds().Kind("Stage"), c.Input["stage"], "input", "stage")
	var competitor id.ID
	if v := c.Input["competitor"]; v != nil {
		competitor = reference(&p, tx.Kinds().Kind("Account"), v, "input", "competitor")
	}
	in := input.Object(maps.Clone(object(c.Input["changes"])))
	for _, name := range []string{"stage", "reason"} {
		if _, given := in[name]; given {
			p.Add([]any{"input", "changes", name}, "FORMAT", "This stands beside the changes.")
		}
	}
	if err := p.Err(); err != nil {
		return Moved{}, err
	}
	r, err := changeable(ctx, tx, k, x, c.ExpectedVersion)
	if err != nil {
		return Moved{}, err
	}
	switch {
	case r.Values["status"] != open:
		return Moved{}, standing(tx, r, fault.New(fault.Conflict, "The deal is closed: reopen it first.").At("input", "opportunity"))
	case r.Values["stage_id"] == stage:
		return Moved{}, standing(tx, r, fault.New(fault.Conflict, "The deal is in this stage already.").At("input", "stage"))
	}
	if in == nil {
		in = input.Object{}
	}
	in["stage"] = stage.String()
	if reason, given := c.Input["reason"]; given {
		in["reason"] = reason
	}
	if !competitor.IsZero() {
		if err := rival(ctx, tx, &p, stage, competitor); err != nil {
			return Moved{}, err
		}
	}
	before := tx.Changes()
	if err := together(p, renamed(update(write.WithMove(ctx, write.Move{}), tx, k, x, in))); err != nil {
		return Moved{}, err
	}
	if !competitor.IsZero() {
		if err := tx.AsSystem(func() error { return lostTo(ctx, tx, x, competitor) }); err != nil {
			return Moved{}, err
		}
	}
	return Moved{x, stepSince(tx, before)}, nil
}

func update(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID, in input.Object) error {
	_, err := tx.Update(ctx, k, x, in)
	return err
}

// stepSince returns the row of the history that was written.
func stepSince(tx *write.Tx, before int) id.ID {
	made := tx.MadeSince(before, tx.Kinds().Kind("OpportunityStep"))
	if len(made) == 0 {
		return id.ID{}
	}
	return made[len(made)-1]
}

// changeable locks a deal that the actor may change.
func changeable(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID, expected *int64) (*write.Record, error) {
	r, err := tx.InSight(ctx, k, x)
	if err == nil && r.InBin() {
		err = write.NotFound(k)
	}
	if err != nil {
		return nil, err
	}
	if !tx.May(r, access.Update) {
		return nil, fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
	}
	if err := write.ExpectVersion(r, expected); err != nil {
		return nil, standing(tx, r, err)
	}
	return r, nil
}

// standing has a CONFLICT say how the deal stands, as far as the actor may know.
func standing(tx *write.Tx, r *write.Record, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Conflict {
		return err
	}
	f = f.With("currentVersion", r.Version())
	if stage, ok := r.Values["stage_id"].(id.ID); ok && tx.Actor.ReadsField(tx.Kinds(), r.Kind, r.Kind.Field("stage"), r.Keys, tx.Now) {
		f = f.With("currentStage", stage.String())
	}
	return f
}

// rival looks at the competitor who is said to have won.
func rival(ctx context.Context, tx *write.Tx, p *fault.Violations, stage, competitor id.ID) error {
	accounts := tx.Kinds().Kind("Account")
	seen, err := tx.Visible(ctx, accounts, []id.ID{competitor})
	if err != nil {
		return err
	}
	if !seen[competitor] {
		p.Add([]any{"input", "competitor"}, "NOT_FOUND", "There is no %s with this id.", accounts.Name)
		return nil
	}
	kind, err := kindOf(ctx, tx, stage)
	if err == nil && kind != lost {
		p.Add([]any{"input", "competitor"}, "FORMAT", "Only who loses a deal names a competitor who won it.")
	}
	return err
}

// kindOf returns the kind of a stage, "" when there is none.
func kindOf(ctx context.Context, tx *write.Tx, stage id.ID) (string, error) {
	r, err := tx.Look(ctx, tx.Kinds().Kind("Stage"), stage)
	if err != nil || r == nil || r.InBin() {
		return "", err
	}
	kind, _ := r.Values["kind"].(string)
	return kind, nil
}

// lostTo says of a competitor that he won the deal.
func lostTo(ctx context.Context, tx *write.Tx, x, competitor id.ID) error {
	k := tx.Kinds().Kind("OpportunityCompetitor")
	found, err := tx.IDs(ctx, "SELECT `id` FROM `opportunity_competitors` WHERE `opportunity_id` = ? AND `competitor_id` = ? AND `deleted_at` IS NULL", x, competitor)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err := tx.Create(ctx, k, input.Object{"opportunity": x.String(), "competitor": competitor.String(), "result": "LOST_TO"}, "ALLOW")
		return err
	}
	r, err := tx.Lock(ctx, k, found[0])
	if err != nil || r.Values["result"] == "LOST_TO" {
		return err
	}
	return tx.Set(ctx, k, found[0], map[string]any{"result": "LOST_TO"})
}

// renamed says of the input of the verb what an error says of the deal's fields: all but stage and reason stand in changes.
func renamed(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	out := *f
	out.Path, out.Violations = place(f.Path), slices.Clone(f.Violations)
	for i := range out.Violations {
		out.Violations[i].Path = place(out.Violations[i].Path)
	}
	return &out
}

func place(path []any) []any {
	if len(path) < 2 || path[0] != "input" || path[1] == "stage" || path[1] == "reason" {
		return path
	}
	return append([]any{"input", "changes"}, path[1:]...)
}

// together returns the problems of two inputs at once.
func together(p fault.Violations, err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Code == fault.Invalid {
		return append(p, f.Violations...).Err()
	}
	if err != nil {
		return err
	}
	return p.Err()
}

// reference reads the id of a record of a kind.
func reference(p *fault.Violations, k *model.Kind, v any, path ...any) (x id.ID) {
	if err := x.UnmarshalGQL(v); err != nil || x.Kind() != k.Code {
		p.Add(path, "FORMAT", "This is not an id of the right kind.")
	}
	return x
}

func object(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case input.Object:
		return v
	}
	return nil
}
