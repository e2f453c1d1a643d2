package seed

import (
	"context"
	"fmt"

	"farley/internal/id"
	"farley/internal/write"
)

// Ensure makes what every database begins with, as far as it is missing: the shipped roles, whose ids it returns by their keys,
// the stages of customers' lives, a pipeline, and how long things are kept. It is for every start.
func Ensure(ctx context.Context, w *write.Writer) (roles map[string]id.ID, err error) {
	if roles, err = EnsureRoles(ctx, w); err != nil {
		return nil, fmt.Errorf("seed: shipped roles: %w", err)
	}
	for _, ensure := range []func(context.Context, *write.Writer) error{EnsureStages, EnsurePipeline, EnsureRetention} {
		if err := ensure(ctx, w); err != nil {
			return nil, err
		}
	}
	return roles, nil
}
