package audit_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/access"
	"farley/internal/audit"
	"farley/internal/clock"
	"farley/internal/farleytest/testdb"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/viewer"
)

// BenchmarkOperation is what the trail costs a request: an operation that reads nothing sensitive, and a refusal that is
// repeated.
func BenchmarkOperation(b *testing.B) {
	l := audit.New(testdb.SQLite(b).DB, model.Kinds(), clock.System{}, slog.New(slog.DiscardHandler))
	ctx := access.With(context.Background(), &access.Actor{Viewer: viewer.Viewer{User: id.New(32, start)}})
	ctx = graphql.WithOperationContext(ctx, &graphql.OperationContext{
		Operation: &ast.OperationDefinition{Operation: ast.Query, Name: "Accounts"},
	})
	answer := &graphql.Response{}
	b.Run("nothing sensitive", func(b *testing.B) {
		x := audit.Extension{Log: l}
		b.ReportAllocs()
		for b.Loop() {
			x.InterceptOperation(ctx, func(context.Context) graphql.ResponseHandler {
				return func(context.Context) *graphql.Response { return answer }
			})(ctx)
		}
	})
	b.Run("refused", func(b *testing.B) {
		f := fault.New(fault.Forbidden, "You may not use %s.", "Account.taxNumber")
		path := ast.Path{ast.PathName("accounts"), ast.PathName("edges"), ast.PathName("node"), ast.PathName("taxNumber")}
		b.ReportAllocs()
		for b.Loop() {
			l.Refused(ctx, f, path)
		}
	})
}
