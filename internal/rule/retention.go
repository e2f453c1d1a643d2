package rule

import (
	"context"
	"encoding/json"
	"slices"

	"farley/internal/model"
	"farley/internal/write"
)

// The longest time for which a retention rule keeps something, in days.
const maxRetention = 36_500

// retentionFits refuses rules that the job could not follow: an instant that the records do not have, fields that cannot be
// emptied, and moving to the bin what is there or never goes there.
func retentionFits(_ context.Context, c *write.Change) error {
	if days, ok := c.Get("days").(int64); ok && (days < 1 || days > maxRetention) {
		c.Refuse("days", "RANGE", "The number must be from 1 to %d.", maxRetention)
	}
	k := c.KindOf(c.Text("object"))
	if k == nil {
		return nil // refused already
	}
	basis, action := c.Text("basis"), c.Text("action")
	if slices.Contains(c.Kind.Field("basis").Values, basis) && k.ByConst(basis) == nil {
		c.Refuse("basis", "FORMAT", "Records of this kind have no such instant.")
	}
	switch {
	case action == "DELETE" && (basis == "DELETED_AT" || !k.Makable()):
		c.Refuse("action", "FORMAT", "These records cannot be moved to the bin.")
	case action == "CLEAR_FIELDS":
		retentionClears(c, k)
	}
	return nil
}

func retentionClears(c *write.Change, k *model.Kind) {
	var names []string
	_ = json.Unmarshal([]byte(c.Text("fields")), &names) // it was written by decode, or is empty
	if len(names) == 0 {
		c.Refuse("fields", "REQUIRED", "Say which fields are emptied.")
		return
	}
	for i, name := range names {
		if f := k.ByConst(name); f == nil || !Clearable(f) {
			c.Problems.Add([]any{"input", "fields", i}, "UNKNOWN", "There is no such field that can be emptied.")
		}
	}
}

// Clearable reports whether a retention rule may empty a field.
func Clearable(f *model.Field) bool {
	return f.Write == model.Always && !f.Internal && !f.Required && f.Type != model.Many && f.Type != model.Bool
}
