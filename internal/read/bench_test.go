package read_test

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"

	"farley/internal/farleytest/testdb"
)

// BenchmarkList is a page of 20 accounts with their owners and 5 people each, without parsing and HTTP.
func BenchmarkList(b *testing.B) {
	for _, kind := range []string{"sqlite", "mariadb"} {
		b.Run(kind, func(b *testing.B) {
			var e *env
			if kind == "sqlite" {
				e = newEnv(b, testdb.EmptySQLite(b))
			} else {
				e = newEnv(b, testdb.EmptyMariaDB(b))
			}
			e.world(b, 200)
			admin := e.admin()
			query := `{ accounts(orderBy: {field: NAME}) { edges { cursor node { id name employees createdAt revenue { amount currency } owner { id name }
				people(first: 5) { edges { node { id name rank } } pageInfo { hasNextPage } } } } pageInfo { hasNextPage endCursor } } }`
			doc := gqlparser.MustLoadQuery(e.schema, query)
			tx, err := e.Snapshot(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer tx.Close()
			b.ReportAllocs()
			for b.Loop() {
				oc := &graphql.OperationContext{RawQuery: query, Doc: doc, Operation: doc.Operations[0], Variables: map[string]any{}}
				ctx := graphql.WithOperationContext(b.Context(), oc)
				f := graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{"Query"})[0]
				var out strings.Builder
				if err := e.resolve(graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: f}), tx, admin, f, &out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
