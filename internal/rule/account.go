package rule

import (
	"context"

	"farley/internal/write"
)

// accountDerived keeps the domain beside the web site.
func accountDerived(_ context.Context, c *write.Change) error {
	if c.Changes("website") {
		c.SetText("domain", write.Domain(c.Text("website")))
	}
	return nil
}
