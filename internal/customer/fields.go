package customer

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/markdown"
	"farley/internal/model"
	"farley/internal/read"
)

// inverses say what each type of relationship is from its other end.
var inverses = map[string]string{
	"SUBSIDIARY": "PARENT", "SUPPLIER": "CUSTOMER", "COMPETITOR": "COMPETITOR", "PARTNER": "PARTNER", "REFERRER": "REFERRED",
	"REPORTS_TO": "SUPERIOR", "ASSISTANT": "ASSISTED", "SPOUSE": "SPOUSE", "RELATIVE": "RELATIVE", "COLLEAGUE": "COLLEAGUE",
	"GUARDIAN": "WARD", "OTHER": "OTHER",
}

// Derived returns the computed fields that follow from one field of the record, and are as open as that is. engine is asked
// when one is read.
func Derived(set *model.Set, engine func() *read.Engine) map[string]read.Computed {
	derive := func(kind, field string, fn func(text string) (any, error)) read.Computed {
		k := set.Kind(kind)
		return func(ctx context.Context, q db.Querier, a *access.Actor, _ graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
			values, err := engine().Shown(ctx, q, a, k, field, ids)
			if err != nil {
				return nil, err
			}
			out := make(map[id.ID]any, len(values))
			for x, raw := range values {
				var text string
				if err := json.Unmarshal(raw, &text); err != nil {
					return nil, fmt.Errorf("%s of %s: %w", field, x, err)
				}
				if out[x], err = fn(text); err != nil {
					return nil, err
				}
			}
			return out, nil
		}
	}
	users := set.Kind("User")
	return map[string]read.Computed{
		"Note.bodyHtml": derive("Note", "body", func(text string) (any, error) {
			return markdown.HTML(text, func(to string) bool { x, err := id.Parse(to); return err == nil && x.Kind() == users.Code })
		}),
		"Relationship.inverse": derive("Relationship", "type", func(text string) (any, error) {
			if inverse, ok := inverses[text]; ok {
				return inverse, nil
			}
			return nil, nil //nolint:nilnil // a masked value has none
		}),
	}
}
