package graph_test

import (
	"testing"

	"farley/graph"
	"farley/graph/generated"
	"farley/internal/access"
	"farley/internal/model"
)

// Every type, field, argument, input field and enum value of the schema is mapped to what it touches: a position that the
// policy knows nothing of would be a way around it.
func TestSchema_isMappedWhole(t *testing.T) {
	t.Parallel()
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &graph.Resolver{}}).Schema()
	for _, problem := range access.Check(schema, model.Kinds()) {
		t.Error(problem)
	}
}
