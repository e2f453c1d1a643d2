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
	columns, values := []string{"contact_id"}, []any{contact}
	for _, name := range []string{"topic", "product", "channel"} {
		f := c.Kind.Field(name)
		columns = append(columns, f.Compared())
		values = append(values, c.Compared(name))
	}
	n, err := live(ctx, c, c.Kind, columns, values)
	if err != nil {
		return err
	}
	if n > 0 {
		c.Refuse("topic", "TAKEN", "There is a preference for this topic, product and channel already.")
	}
	return nil
}
