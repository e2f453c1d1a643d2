package rule

import (
	"context"

	"farley/internal/write"
)

// accountDerived keeps the domain beside the web site, and city and country beside the addresses.
func accountDerived(_ context.Context, c *write.Change) error {
	if c.Changes("website") {
		c.SetText("domain", write.Domain(c.Text("website")))
	}
	if c.Changes("addresses") {
		var city, country string
		if list := write.Embedded(c.Text("addresses")); len(list) > 0 {
			city, _ = list[0]["city"].(string)
			country, _ = list[0]["country"].(string)
		}
		c.SetText("city", city)
		c.SetText("country", country)
	}
	return nil
}
