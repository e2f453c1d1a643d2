package rule

import (
	"context"
	"slices"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/write"
)

// grantees are the kinds of those with whom records are shared.
var grantees = []string{"User", "Team", "Branch", "Territory", "Account"}

// shareSubject refuses sharing what cannot be shared, with those with whom it cannot be shared, and more than the sharer
// may do: who may change a record may share it.
func shareSubject(ctx context.Context, c *write.Change) error {
	if !c.Created() {
		return nil
	}
	record := c.Tx.Kinds().Of(c.Ref("record"))
	if record == nil || !record.Shareable {
		c.Refuse("record", "FORMAT", "Records of this kind cannot be shared.")
		return nil
	}
	switch grantee := c.Tx.Kinds().Of(c.Ref("grantee")); {
	case grantee == nil, !slices.Contains(grantees, grantee.Name):
		c.Refuse("grantee", "FORMAT", "Share with a user, a team, a branch, a territory or a partner account.")
		return nil
	}
	if c.Tx.System() {
		return nil
	}
	r, err := c.Tx.InSight(ctx, record, c.Ref("record"))
	if err != nil {
		return err
	}
	if !c.Tx.May(r, access.Update) {
		return fault.New(fault.Forbidden, "You may share only what you may change.")
	}
	return nil
}

// shareFields refuses fields that the record does not have, and fields that the sharer may not read: a share never opens
// more than its maker sees.
func shareFields(ctx context.Context, c *write.Change) error {
	k := c.Tx.Kinds().Of(c.Ref("record"))
	if k == nil || !c.Changes("fields") {
		return nil
	}
	stored := c.Text("fields")
	for i, name := range access.ShareFields(&stored) {
		f := k.ByConst(name)
		if f == nil || f.Internal {
			c.Problems.Add([]any{"input", "fields", i}, "UNKNOWN", "There is no such field.")
			continue
		}
		if c.Tx.System() {
			continue
		}
		r, err := c.Tx.InSight(ctx, k, c.Ref("record"))
		if err != nil {
			return err
		}
		if !c.Tx.Actor.ReadsField(c.Tx.Kinds(), k, f, r.Keys, c.Tx.Now) {
			c.Problems.Add([]any{"input", "fields", i}, "FORBIDDEN", "You may not read this field.")
		}
	}
	return nil
}

// shareTouchesRecord gives the shared record a change of its own, so that those who begin or cease to see it are told.
func shareTouchesRecord(ctx context.Context, c *write.Change) error {
	record := c.Ref("record")
	k := c.Tx.Kinds().Of(record)
	if k == nil {
		return nil
	}
	if _, err := c.Tx.Lock(ctx, k, record); err != nil {
		return err
	}
	c.Then(func(ctx context.Context) error { return c.Tx.Reshared(ctx, k, record) })
	return nil
}
