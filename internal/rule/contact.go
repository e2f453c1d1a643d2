package rule

import (
	"context"

	"farley/internal/write"
)

// contactDerived keeps the name to show and the primary e-mail address and number.
func contactDerived(_ context.Context, c *write.Change) error {
	if c.Get("erasedAt") != nil {
		return nil // its name is nobody's
	}
	c.SetText("primaryEmail", write.Primary(c.Text("emails"), "address"))
	c.SetText("primaryPhone", write.Primary(c.Text("phones"), "number"))
	c.SetText("displayName", write.DisplayName(c))
	return nil
}

// contactHasName refuses a person of whom nothing is known to call him by.
func contactHasName(_ context.Context, c *write.Change) error {
	if c.Text("displayName") == "" && !c.Faulty("emails") {
		c.Refuse("familyName", "REQUIRED", "Give a given, family or native name, or an e-mail address.")
	}
	return nil
}

// linkDates refuses a link that ends before it begins.
func linkDates(_ context.Context, c *write.Change) error {
	from, to := c.Text("fromDate"), c.Text("toDate")
	if from != "" && to != "" && to < from {
		c.Refuse("toDate", "RANGE", "The last day is before the first.")
	}
	return nil
}

// linkIsNew refuses a second live link that is under way between the same two. The person is held, so that two writes at
// once see each other.
func linkIsNew(ctx context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	account, contact := c.Ref("account"), c.Ref("contact")
	if _, err := c.Tx.Hold(ctx, c.KindOf("Contact"), contact); err != nil || !c.Created() {
		return err
	}
	n, err := live(ctx, c, c.Kind, []string{"account_id", "contact_id"}, []any{account, contact})
	if err != nil {
		return err
	}
	if n > 0 && c.Text("fromDate") == "" {
		c.Refuse("contact", "TAKEN", "The contact belongs to this account already.")
	}
	return nil
}

// linkPrimary keeps one primary account a person: the newly marked one.
func linkPrimary(ctx context.Context, c *write.Change) error {
	if !c.Flag("isPrimary") || !c.Changes("isPrimary") || c.InBin() {
		return nil
	}
	contact := c.Ref("contact")
	c.Then(func(ctx context.Context) error {
		ids, err := c.Tx.IDs(ctx, "SELECT id FROM account_contacts WHERE contact_id = ? AND is_primary = ? AND deleted_at IS NULL AND id <> ? ORDER BY id", contact, true, c.ID)
		if err != nil {
			return err
		}
		for _, x := range ids {
			if err := c.Tx.Set(write.AsSystem(ctx), c.Kind, x, map[string]any{"is_primary": false}); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

// noteHasOneSubject refuses a note about nothing, or about two things.
func noteHasOneSubject(_ context.Context, c *write.Change) error {
	n := 0
	for _, field := range c.Kind.Parents {
		if !c.Ref(field).IsZero() {
			n++
		}
	}
	if n != 1 {
		c.Refuse("account", "REQUIRED", "A note is about exactly one record.")
	}
	return nil
}

// noteMayComment refuses notes of those to whom the record is shared for reading only.
func noteMayComment(ctx context.Context, c *write.Change) error {
	if !c.Created() {
		return nil
	}
	for _, field := range c.Kind.Parents {
		subject := c.Ref(field)
		if subject.IsZero() {
			continue
		}
		ok, err := c.Tx.MayComment(ctx, subject)
		if err != nil {
			return err
		}
		if !ok {
			return write.ErrReadOnlyShare
		}
	}
	return nil
}
