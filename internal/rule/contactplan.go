package rule

import (
	"context"

	"farley/internal/write"
)

// maxPlanDays is after how many days a plan for contacts comes round at most.
const maxPlanDays = 3660

// contactPlanFits refuses plans that come round too often or too seldom.
func contactPlanFits(_ context.Context, c *write.Change) error {
	if days, ok := c.Get("everyDays").(int64); ok && (days < 1 || days > maxPlanDays) {
		c.Refuse("everyDays", "RANGE", "The number must be from %d to %d.", 1, maxPlanDays)
	}
	return nil
}
