package rule

import (
	"context"
	"encoding/json"

	"farley/internal/change"
	"farley/internal/fault"
	"farley/internal/model"
	"farley/internal/write"
)

// maxStale is the longest time in a stage before a deal is stale, in days.
const maxStale = 3650

// What stages of the kinds WON and LOST have.
var closedStages = map[string]struct {
	probability int64
	category    string
}{stageWon: {100, "CLOSED"}, stageLost: {0, "OMITTED"}}

// stageFits completes a stage, and refuses what does not go with its kind.
func stageFits(_ context.Context, c *write.Change) error {
	if c.Op == change.Deleted {
		return nil
	}
	kind := c.Text("kind")
	probability, category := int64(0), "PIPELINE"
	closed, ends := closedStages[kind]
	if ends {
		probability, category = closed.probability, closed.category
	}
	if c.Get("probability") == nil && !c.Faulty("probability") {
		c.Set("probability", probability)
	}
	if c.Get("forecastCategory") == nil && !c.Faulty("forecastCategory") {
		c.Set("forecastCategory", category)
	}
	given, _ := c.Get("probability").(int64)
	switch {
	case ends && given != probability:
		c.Refuse("probability", "RANGE", "Stages of the kind %s have the probability %d.", kind, probability)
	case given > 100:
		c.Refuse("probability", "RANGE", "The number must be from %d to %d.", 0, 100)
	}
	if ends != (c.Text("forecastCategory") == "CLOSED") && kind != stageLost || ends && c.Text("forecastCategory") != category {
		c.Refuse("forecastCategory", "RANGE", "Stages of this kind have another category.")
	}
	if days, ok := c.Get("staleAfterDays").(int64); ok && (days < 1 || days > maxStale) {
		c.Refuse("staleAfterDays", "RANGE", "The number must be from %d to %d.", 1, maxStale)
	}
	stageDemands(c)
	return nil
}

// stageDemands refuses demands that no deal could meet.
func stageDemands(c *write.Change) {
	var names []string
	if stored := c.Text("requiredFields"); stored != "" {
		_ = json.Unmarshal([]byte(stored), &names) // it was written by decode
	}
	k := c.KindOf("Opportunity")
	for i, name := range names {
		if model.CustomKey(name) != "" {
			continue // fields come and go; one that is not there is missing
		}
		if f := k.ByConst(name); f == nil || !demandable(f) {
			c.Problems.Add([]any{"input", "requiredFields", i}, "UNKNOWN", "There is no such field that a stage could demand.")
		}
	}
}

// demandable reports whether a stage may demand a field of deals.
func demandable(f *model.Field) bool {
	switch f.Name {
	case "lines", "opportunityContacts", "competitors":
		return true
	}
	return f.Write == model.Always && !f.Internal && !f.Required && f.Type != model.Many && f.Name != model.CustomFields && f.Name != "stage" && f.Name != "closedAt"
}

// stagesInOrder keeps the stages of the kinds WON and LOST behind the open ones. The pipeline is held, so that two writes at
// once see each other.
func stagesInOrder(ctx context.Context, c *write.Change) error {
	position, ok := c.Get("position").(int64)
	if c.InBin() || !ok || c.Faulty("pipeline") || !c.Changes("position") && c.Op == change.Updated {
		return nil
	}
	pipeline := c.Ref("pipeline")
	if _, err := c.Tx.Hold(ctx, c.KindOf("Pipeline"), pipeline); err != nil {
		return err
	}
	query := "`kind` = 'OPEN' AND `position` >= ?"
	if c.Text("kind") == stageOpen {
		query = "`kind` <> 'OPEN' AND `position` <= ?"
	}
	wrong, err := c.Tx.IDs(ctx, "SELECT `id` FROM `stages` WHERE `pipeline_id` = ? AND `id` <> ? AND `deleted_at` IS NULL AND "+query+" LIMIT 1", pipeline, c.ID, position)
	if err == nil && len(wrong) > 0 {
		c.Refuse("position", "RANGE", "Stages of the kinds WON and LOST come last.")
	}
	return err
}

// unused refuses to delete what deals are in, be they in the bin or out of sight.
func unused(column, message string) write.Rule {
	return func(ctx context.Context, c *write.Change) error {
		if c.Op != change.Deleted {
			return nil
		}
		used, err := c.Tx.IDs(ctx, "SELECT `id` FROM `opportunities` WHERE `"+column+"` = ? LIMIT 1", c.ID)
		if err == nil && len(used) > 0 {
			return fault.New(fault.Conflict, message)
		}
		return err
	}
}
