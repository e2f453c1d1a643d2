package rule

import (
	"context"
	"slices"
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

// mutual are the types of relationships that are the same from both ends.
var mutual = map[string]bool{"COMPETITOR": true, "PARTNER": true, "SPOUSE": true, "RELATIVE": true, "COLLEAGUE": true}

// relationshipIsNew refuses a second live relationship of the same type, and in the same words, between the same two that is
// under way on some day of the first; of a mutual type also one that leads the other way. The two are held, so that two
// writes at once see each other.
func relationshipIsNew(ctx context.Context, c *write.Change) error {
	if c.InBin() || len(c.Problems) > 0 {
		return nil
	}
	from, to := end{"account", c.Ref("fromAccount")}, end{"account", c.Ref("toAccount")}
	if from.id.IsZero() {
		from = end{"contact", c.Ref("fromContact")}
	}
	if to.id.IsZero() {
		to = end{"contact", c.Ref("toContact")}
	}
	held := []id.ID{from.id, to.id}
	slices.SortFunc(held, id.ID.Compare)
	for _, x := range held {
		if _, err := c.Tx.Hold(ctx, c.Tx.Kinds().Of(x), x); err != nil {
			return err
		}
	}
	where, args := "(`from_"+from.of+"_id` = ? AND `to_"+to.of+"_id` = ?)", []any{from.id, to.id}
	if mutual[c.Text("type")] {
		where += " OR (`from_" + to.of + "_id` = ? AND `to_" + from.of + "_id` = ?)"
		args = append(args, to.id, from.id)
	}
	query := "SELECT `id` FROM `relationships` WHERE (" + where + ") AND `type` = ? AND `deleted_at` IS NULL AND `id` <> ? AND COALESCE(`label_fold`, '') = ?"
	args = append(args, c.Text("type"), c.ID, c.Compared("label"))
	if first := c.Text("fromDate"); first != "" {
		query, args = query+" AND (`to_date` IS NULL OR `to_date` >= ?)", append(args, first)
	}
	if last := c.Text("toDate"); last != "" {
		query, args = query+" AND (`from_date` IS NULL OR `from_date` <= ?)", append(args, last)
	}
	same, err := c.Tx.IDs(ctx, query+" LIMIT 1", args...)
	if err == nil && len(same) > 0 {
		c.Refuse("type", "TAKEN", "There is such a relationship between the two already.")
	}
	return err
}

// end is one end of a relationship: of is "account" or "contact".
type end struct {
	of string
	id id.ID
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
