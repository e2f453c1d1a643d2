package rule

import (
	"context"
	"time"

	"farley/internal/id"
	"farley/internal/write"
)

// relationshipEnds refuses links with no or several beginnings or ends, and from a record to itself.
func relationshipEnds(_ context.Context, c *write.Change) error {
	one := func(account, contact string) id.ID {
		a, b := c.Ref(account), c.Ref(contact)
		switch {
		case a.IsZero() == b.IsZero():
			c.Refuse(account, "REQUIRED", "A link has exactly one beginning and one end.")
		case a.IsZero():
			return b
		}
		return a
	}
	from, to := one("fromAccount", "fromContact"), one("toAccount", "toContact")
	if !from.IsZero() && from == to {
		c.Refuse("toAccount", "CYCLE", "This would link the record to itself.")
	}
	return nil
}

// notInFuture refuses instants that have not been yet.
func notInFuture(field string) write.Rule {
	return func(_ context.Context, c *write.Change) error {
		if at, ok := c.Get(field).(time.Time); ok && c.Changes(field) && at.After(c.Tx.Now) {
			c.Refuse(field, "RANGE", "The instant is in the future.")
		}
		return nil
	}
}
