// Package lead has what is done to leads as a whole: taking one from the queue of its team, and making customers of one.
package lead

import (
	"context"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

// convertLead is the named action on leads.
const convertLead = "CONVERT_LEAD"

// Taken is the outcome of Take.
type Taken struct {
	Lead id.ID `json:"lead"`
}

// Take makes the actor the owner of a lead that waits in a queue, whoever of its team he is: to see it is enough. NOT_FOUND
// for a lead out of sight, CONFLICT when it does not wait any more.
func Take(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Taken) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Taken, error) {
		r, err := inSight(ctx, tx, c)
		if err != nil {
			return Taken{}, err
		}
		if waits, _ := r.Values["queued"].(bool); !waits {
			return Taken{}, fault.New(fault.Conflict, "The lead waits in no queue: somebody has taken it.").At("input", "lead")
		}
		return Taken{r.ID}, tx.Set(ctx, r.Kind, r.ID, map[string]any{"owner_id": tx.Actor.User, "queued": false})
	}, answer)
}

// inSight locks the lead that an input names.
func inSight(ctx context.Context, tx *write.Tx, c write.Command) (*write.Record, error) {
	k := tx.Kinds().Kind("Lead")
	var p fault.Violations
	x := reference(&p, k, c.Input["lead"], "input", "lead")
	if err := p.Err(); err != nil {
		return nil, err
	}
	r, err := tx.InSight(ctx, k, x)
	if err == nil && r.InBin() {
		err = write.NotFound(k)
	}
	if err != nil {
		return nil, err
	}
	return r, write.ExpectVersion(r, c.ExpectedVersion)
}

// reference reads the id of a record of a kind.
func reference(p *fault.Violations, k *model.Kind, v any, path ...any) (x id.ID) {
	if err := x.UnmarshalGQL(v); err != nil {
		p.Add(path, "FORMAT", "This is not an id.")
		return x
	}
	if x.Kind() != k.Code {
		p.Add(path, "FORMAT", "This is not an id of the right kind.")
	}
	return x
}

// target is what becomes of one side of a lead: a new record, one that exists, or nothing.
type target struct {
	kind   *model.Kind
	name   string       // of the field in the input
	create input.Object // nil for none
	link   id.ID        // zero for none
}

func (t *target) wanted() bool { return t.create != nil || !t.link.IsZero() }

// readTarget reads one side of the input of convertLead.
func readTarget(p *fault.Violations, k *model.Kind, in input.Object) target {
	t := target{kind: k, name: k.Single}
	v, ok := in[t.name].(map[string]any)
	if !ok {
		if o, is := in[t.name].(input.Object); is {
			v, ok = o, true
		}
	}
	if !ok {
		return t
	}
	create, creates := v["create"].(map[string]any)
	link, links := v["link"]
	links = links && link != nil
	switch {
	case creates == links:
		p.Add([]any{"input", t.name}, "REQUIRED", "Give either create or link.")
	case creates:
		t.create = create
	default:
		t.link = reference(p, k, link, "input", t.name, "link")
	}
	return t
}

// may refuses what the actor may not do to a record in his sight.
func may(tx *write.Tx, r *write.Record, action string) error {
	if tx.May(r, action) {
		return nil
	}
	return fault.New(fault.Forbidden, "You may not do this to this %s.", r.Kind.Name)
}

// creatable reports whether the actor may give a field of a new record.
func creatable(tx *write.Tx, k *model.Kind, f *model.Field) bool {
	return tx.System() || tx.Actor.Policy.Field(k, f).Create != access.None
}
