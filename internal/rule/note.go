package rule

import (
	"context"
	"slices"
	"time"

	"farley/internal/id"
	"farley/internal/markdown"
	"farley/internal/write"
)

// maxMentions bounds the users whom a note mentions.
const maxMentions = 50

// noteMentions keeps the mentions of a note: the users to whose ids its body links. Who is mentioned anew has to be in the
// author's sight, and that he is not is said in the same words as that there is no such user.
func noteMentions(ctx context.Context, c *write.Change) error {
	if !c.Changes("body") || c.Faulty("body") {
		return nil
	}
	users := c.KindOf("User")
	var mentioned []id.ID
	for _, to := range markdown.Links(c.Text("body")) {
		if x, err := id.Parse(to); err == nil && x.Kind() == users.Code && !slices.Contains(mentioned, x) {
			mentioned = append(mentioned, x)
		}
	}
	if len(mentioned) > maxMentions {
		c.Refuse("body", "TOO_LONG", "A note mentions at most %d users.", maxMentions)
		return nil
	}
	before, err := c.Linked(ctx, "mentions")
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(slices.Clone(mentioned), func(x id.ID) bool { return slices.Contains(before, x) })
	seen, err := c.Tx.Visible(ctx, users, fresh)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(fresh, func(x id.ID) bool { return !seen[x] }) {
		c.Refuse("body", "NOT_FOUND", "Somebody who is mentioned is not there.")
		return nil
	}
	if err := c.Link(ctx, "mentions", mentioned); err != nil {
		return err
	}
	for _, user := range fresh {
		if user != c.Tx.Actor.User && !c.Tx.System() {
			c.Then(func(ctx context.Context) error {
				return Notify(ctx, c.Tx, Notice{To: user, Kind: "MENTIONED", Record: c.ID})
			})
		}
	}
	return nil
}

// noteIsActivity keeps when somebody last dealt with what a note is about, also when the note comes to another record.
// The subject is locked before the note is written: two notes at once would have a share of its lock each, and wait for each
// other.
func noteIsActivity(ctx context.Context, c *write.Change) error {
	for _, field := range c.Kind.Parents {
		subject := c.Ref(field)
		if subject.IsZero() || !c.Changes(field) {
			continue
		}
		if _, err := c.Tx.Lock(ctx, c.Tx.Kinds().Of(subject), subject); err != nil {
			return err
		}
		at, _ := c.Get("createdAt").(time.Time)
		if c.Created() {
			at = c.Tx.Now
		}
		c.Then(func(ctx context.Context) error { return dealtWith(ctx, c.Tx, subject, at) })
	}
	return nil
}

// dealtWith is the one rule of lastActivityAt: it moves forward with what people do with a record (notes and activities), not with what Farley or a device tells of it.
func dealtWith(ctx context.Context, tx *write.Tx, x id.ID, at time.Time) error {
	if tx.Kinds().Of(x).Field("lastActivityAt") == nil {
		return nil // an activity, which is dealing with somebody itself
	}
	return tx.MoveOn(ctx, tx.Kinds().Of(x), x, "lastActivityAt", at)
}
