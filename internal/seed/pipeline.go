package seed

import (
	"context"
	"fmt"

	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/write"
)

// pipelineStages are the stages of the shipped pipeline, in their order. The keys never change: ids follow from them.
var pipelineStages = []struct {
	key, name, kind, category, description string
	probability, stale                     int64
	demands                                []any
}{
	{"qualification", "Qualification", "OPEN", "PIPELINE", "Is there a need, a budget and somebody who decides?", 10, 14, nil},
	{"analysis", "Needs analysis", "OPEN", "PIPELINE", "What is needed, by when, and what is it worth?", 25, 21, nil},
	{"proposal", "Proposal", "OPEN", "BEST_CASE", "They have our offer.", 50, 21, []any{"AMOUNT", "CLOSE_DATE"}},
	{"negotiation", "Negotiation", "OPEN", "COMMIT", "They want it; terms are open.", 75, 14, []any{"AMOUNT", "CLOSE_DATE", "NEXT_STEP"}},
	{"won", "Won", "WON", "CLOSED", "They have said yes.", 100, 0, []any{"AMOUNT"}},
	{"lost", "Lost", "LOST", "OMITTED", "They have said no, or nothing any more.", 0, 0, nil},
}

// PipelineID returns the id of the shipped pipeline. It is the same in every database.
func PipelineID(set *model.Set) id.ID { return shippedID("pipeline sales", set.Kind("Pipeline").Code) }

// PipelineStageID returns the id of a stage of the shipped pipeline.
func PipelineStageID(set *model.Set, key string) id.ID {
	return shippedID("pipeline sales "+key, set.Kind("Stage").Code)
}

// EnsurePipeline makes the shipped pipeline where there is none at all, not even in the bin. It is for every start; what a firm
// makes of it is left alone.
func EnsurePipeline(ctx context.Context, w *write.Writer) error {
	err := w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM pipelines", nil, &n); err != nil || n > 0 {
			return err
		}
		in := input.Object{"id": PipelineID(w.Set).String(), "name": "Sales", "position": int64(10), "description": "The way of a deal from first interest to yes or no."}
		if _, err := tx.Create(ctx, w.Set.Kind("Pipeline"), in, "ALLOW"); err != nil {
			return err
		}
		for i, s := range pipelineStages {
			in := input.Object{
				"id": PipelineStageID(w.Set, s.key).String(), "pipeline": PipelineID(w.Set).String(), "name": s.name, "kind": s.kind, "position": int64(10 * (i + 1)),
				"probability": s.probability, "forecastCategory": s.category, "description": s.description,
			}
			if s.stale > 0 {
				in["staleAfterDays"] = s.stale
			}
			if s.demands != nil {
				in["requiredFields"] = s.demands
			}
			if _, err := tx.Create(ctx, w.Set.Kind("Stage"), in, "ALLOW"); err != nil {
				return err
			}
		}
		return nil
	})
	// Another node that starts now may have made the same pipeline: then an id or a name is taken, and it is there.
	if code := fault.CodeOf(err); code == fault.Conflict || code == fault.Invalid {
		return nil
	}
	if err != nil {
		return fmt.Errorf("seed: pipeline: %w", err)
	}
	return nil
}
