package app

import (
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/graph"
	"farley/graph/generated"
	"farley/internal/access"
	"farley/internal/model"
)

// shaped is the schema that shows to everybody, under introspection, only what he may use. Validation sees all of it: the
// schema is public, the values are not.
type shaped struct {
	graphql.ExecutableSchema
	resolver *graph.Resolver
	set      *model.Set
	views    *lru.Cache[string, graphql.ExecutableSchema]
}

// maxViews bounds the shapes kept; there is one for each set of rights in use.
const maxViews = 64

func newShaped(r *graph.Resolver, set *model.Set) *shaped {
	views, err := lru.New[string, graphql.ExecutableSchema](maxViews)
	if err != nil {
		panic("app: " + err.Error()) // the size is positive
	}
	return &shaped{ExecutableSchema: generated.NewExecutableSchema(generated.Config{Resolvers: r}), resolver: r, set: set, views: views}
}

// Exec implements graphql.ExecutableSchema.
func (s *shaped) Exec(ctx context.Context) graphql.ResponseHandler {
	if introspects(graphql.GetOperationContext(ctx).Operation.SelectionSet) {
		return s.view(access.From(ctx)).Exec(ctx)
	}
	return s.resolver.Direct(ctx, s.ExecutableSchema.Exec)
}

func (s *shaped) view(a *access.Actor) graphql.ExecutableSchema {
	key := a.Policy.Fingerprint() + strconv.FormatBool(a.SignedIn())
	if view, ok := s.views.Get(key); ok {
		return view
	}
	pruned := access.Prune(s.Schema(), s.set, a.Policy, a.SignedIn())
	view := generated.NewExecutableSchema(generated.Config{Schema: pruned, Resolvers: s.resolver})
	s.views.Add(key, view)
	return view
}

func introspects(set ast.SelectionSet) bool {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Name == "__schema" || sel.Name == "__type" {
				return true
			}
		case *ast.InlineFragment:
			if introspects(sel.SelectionSet) {
				return true
			}
		case *ast.FragmentSpread:
			if introspects(sel.Definition.SelectionSet) {
				return true
			}
		}
	}
	return false
}
