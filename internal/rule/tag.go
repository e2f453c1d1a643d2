package rule

import (
	"context"
	"regexp"

	"farley/internal/write"
)

var colour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// tagColour refuses colours that a browser would not understand.
func tagColour(_ context.Context, c *write.Change) error {
	if s := c.Text("colour"); s != "" && !colour.MatchString(s) {
		c.Refuse("colour", "FORMAT", "This is not a colour in the form #rrggbb.")
	}
	return nil
}
