package rule

import (
	"context"

	"farley/internal/write"
)

// firstAddress keeps city and country beside the addresses.
func firstAddress(_ context.Context, c *write.Change) error {
	if !c.Changes("addresses") {
		return nil
	}
	var city, country string
	if list := write.Embedded(c.Text("addresses")); len(list) > 0 {
		city, _ = list[0]["city"].(string)
		country, _ = list[0]["country"].(string)
	}
	c.SetText("city", city)
	c.SetText("country", country)
	return nil
}
