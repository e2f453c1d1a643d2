package rule

import (
	"context"
	"encoding/json"
	"math"

	"farley/internal/write"
)

// placeDerived keeps beside the addresses what lists are filtered by: the first one's city and country, where the kind has
// them, and the coordinates of the first one that says them.
func placeDerived(_ context.Context, c *write.Change) error {
	if c.Kind.Field("addresses") == nil || !c.Changes("addresses") {
		return nil
	}
	list := write.Embedded(c.Text("addresses"))
	if c.Kind.Field("city") != nil {
		var city, country string
		if len(list) > 0 {
			city, _ = list[0]["city"].(string)
			country, _ = list[0]["country"].(string)
		}
		c.SetText("city", city)
		c.SetText("country", country)
	}
	if c.Kind.Field("latitude") == nil {
		return nil
	}
	c.Set("latitude", nil)
	c.Set("longitude", nil)
	for _, address := range list {
		north, ok := millionths(address["latitude"])
		if !ok {
			continue
		}
		if east, ok := millionths(address["longitude"]); ok {
			c.Set("latitude", north)
			c.Set("longitude", east)
			return nil
		}
	}
	return nil
}

// millionths reads degrees out of decoded JSON in the form in which columns keep them.
func millionths(v any) (int64, bool) {
	switch v := v.(type) {
	case float64:
		return int64(math.Round(v * 1_000_000)), true
	case json.Number:
		x, err := v.Float64()
		return int64(math.Round(x * 1_000_000)), err == nil
	}
	return 0, false
}
