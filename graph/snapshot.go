package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/db"
)

// Operations is the gqlgen extension that gives the reads of one query one snapshot of the database, and names in
// extensions.optional what was left out of it.
type Operations struct{ DB *db.DB }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
} = Operations{}

// ExtensionName names the extension to gqlgen.
func (Operations) ExtensionName() string { return "Operations" }

// Validate finds nothing wrong.
func (Operations) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation implements graphql.OperationInterceptor.
func (o Operations) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	if oc.Operation.Operation == ast.Subscription {
		return next(ctx)
	}
	set := oc.Operation.SelectionSet
	s := &snapshot{db: o.DB, sole: len(set) == 1}
	if s.sole {
		_, s.sole = set[0].(*ast.Field)
	}
	ctx = context.WithValue(ctx, snapshotKey{}, s)
	respond := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		defer s.close()
		r := respond(ctx)
		if r == nil {
			return nil
		}
		if dropped := access.Dropped(oc); len(dropped) > 0 {
			if r.Extensions == nil {
				r.Extensions = map[string]any{}
			}
			r.Extensions["optional"] = dropped
		}
		return r
	}
}

type snapshotKey struct{}

// snapshot is begun by the first read. Root fields run at once, and a transaction does one thing at a time.
type snapshot struct {
	db   *db.DB
	sole bool // whether there is one root field
	mu   sync.Mutex
	tx   *db.Tx
}

func (s *snapshot) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx != nil {
		_ = s.tx.Close() // nothing was written
		s.tx = nil
	}
}

// reading runs fn in the snapshot of the operation, or in one of its own outside of one.
func (r *Resolver) reading(ctx context.Context, fn func(tx *db.Tx) error) error {
	s, ok := ctx.Value(snapshotKey{}).(*snapshot)
	if !ok {
		s = &snapshot{db: r.DB}
		defer s.close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx == nil {
		s.tx = r.DB.SnapshotLazily(ctx, s.sole)
	}
	return fn(s.tx)
}
