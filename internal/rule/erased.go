package rule

import (
	"context"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/write"
)

// erasedStays refuses that what was erased of a person is set again, by whomever, and that something new is said of a person
// whose data are erased. The person is held, so that an erasure under way and what is written meanwhile see each other.
func erasedStays(ctx context.Context, c *write.Change) error {
	if c.Kind.Person && !c.Created() && c.Old.Values["erased_at"] != nil {
		for _, f := range c.Kind.Fields {
			if f.Personal && c.Changes(f.Name) {
				return errErased("input", f.Name)
			}
		}
	}
	if c.InBin() {
		return nil
	}
	for _, name := range c.Kind.About {
		x := c.Ref(name)
		if x.IsZero() || c.Faulty(name) || !c.Created() && c.Op != change.Restored && !c.Changes(name) {
			continue
		}
		erased, err := isErased(ctx, c.Tx, x)
		if err != nil {
			return err
		}
		if erased {
			return errErased("input", name)
		}
	}
	return nil
}

func errErased(path ...any) error {
	return fault.New(fault.Conflict, "The person's data have been erased.").At(path...)
}

// isErased reports whether x is a person whose data are erased, and holds a person.
func isErased(ctx context.Context, tx *write.Tx, x id.ID) (bool, error) {
	k := tx.Kinds().Of(x)
	if k == nil || !k.Person {
		return false, nil
	}
	if person, err := isPerson(ctx, tx, k, x); err != nil || !person {
		return false, err
	}
	r, err := tx.Hold(ctx, k, x)
	return err == nil && r != nil && r.Values["erased_at"] != nil, err
}

// isPerson reports whether a record of a kind of persons is one: an account may be a firm, which nothing has to be held for.
func isPerson(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) (bool, error) {
	column, value := k.AboutIf()
	if column == "" {
		return true, nil
	}
	found, err := tx.IDs(ctx, "SELECT `id` FROM `"+k.Table+"` WHERE `id` = ? AND `"+column+"` = ?", x, value)
	return len(found) > 0, err
}
