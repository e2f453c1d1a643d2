package rule

import (
	"context"

	"farley/internal/write"
)

// consentGivenNow gives a consent the instant at which it was given, when nobody says another one.
func consentGivenNow(_ context.Context, c *write.Change) error {
	if c.Created() && c.Get("givenAt") == nil && !c.Faulty("givenAt") {
		c.Set("givenAt", c.Tx.Now)
	}
	return nil
}

// preferenceIsNew refuses a second live preference of a person for the same topic, product and channel. The person is
// locked, so that two writes at once see each other.
func preferenceIsNew(ctx context.Context, c *write.Change) error {
	if c.InBin() {
		return nil
	}
	contact := c.Ref("contact")
	if _, err := c.Tx.Lock(ctx, c.KindOf("Contact"), contact); err != nil {
		return err
	}
	query, args := "SELECT `id` FROM `preferences` WHERE `contact_id` = ? AND `deleted_at` IS NULL AND `id` <> ?", []any{contact, c.ID}
	for _, name := range []string{"topic", "product", "channel"} {
		query += " AND COALESCE(`" + c.Kind.Field(name).Compared() + "`, '') = ?"
		args = append(args, c.Compared(name))
	}
	same, err := c.Tx.IDs(ctx, query+" LIMIT 1", args...)
	if err != nil {
		return err
	}
	if len(same) > 0 {
		c.Refuse("topic", "TAKEN", "There is a preference for this topic, product and channel already.")
	}
	return nil
}
