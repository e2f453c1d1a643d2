package app

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/graph"
	"farley/internal/access"
	"farley/internal/audit"
	"farley/internal/blob"
	"farley/internal/db"
	"farley/internal/export"
	"farley/internal/fault"
	"farley/internal/file"
	"farley/internal/id"
)

// keepFiles puts the files together.
func (a *App) keepFiles() {
	if a.Config.Files == nil {
		a.Config.Files = blob.None{}
	}
	a.Files = file.New(file.Config{
		Blobs: a.Config.Files, Writer: a.Write, Jobs: a.Jobs, Clock: a.Clock, Log: a.Log,
		Secret: a.Keys.Secret("file addresses"), Actor: a.Identity.Actor, Limit: a.Limits.FileBytes,
		Fetched: func(ctx context.Context, user, x id.ID) error {
			return a.Audit.Record(ctx, audit.Entry{Action: audit.Downloaded, User: user, Object: a.Set.Kind(file.Kind).Code, Record: x})
		},
		Refuse: func(ctx context.Context, tx *db.Tx, i file.Info) error {
			if i.Purpose != file.Export {
				return nil
			}
			return a.Exports.MayFetch(ctx, tx, i.ID)
		},
	})
}

// keptQueries is how many parsed queries of Farley's own are kept.
const keptQueries = 200

// writeExports puts the exports together. They read by the schema itself, as the API does, without the limits on what comes
// from outside.
func (a *App) writeExports(schema graphql.ExecutableSchema, guard *access.Guard) {
	own := executor.New(schema)
	own.SetQueryCache(lru.New[*ast.QueryDocument](keptQueries))
	own.Use(&access.Extension{Guard: guard})
	own.Use(audit.Extension{Log: a.Audit})
	own.Use(graph.Operations{DB: a.DB})
	a.Exports = export.New(export.Config{
		Writer: a.Write, Files: a.Files, Jobs: a.Jobs, Read: a.Read, Audit: a.Audit, Schema: schema.Schema(), Actor: a.Identity.Actor,
		Query: func(ctx context.Context, query string, variables map[string]any) (json.RawMessage, error) {
			return runOwn(ctx, own, query, variables)
		},
	})
	a.resolver.Exports = a.Exports
}

// runOwn runs a query of Farley's own.
func runOwn(ctx context.Context, exec *executor.Executor, query string, variables map[string]any) (json.RawMessage, error) {
	ctx = graphql.StartOperationTrace(ctx)
	oc, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		return nil, ownError(errs[0])
	}
	respond, ctx := exec.DispatchOperation(ctx, oc)
	resp := respond(ctx)
	if resp == nil {
		return nil, errors.New("app: a query of our own has no answer")
	}
	if len(resp.Errors) > 0 {
		return nil, ownError(resp.Errors[0])
	}
	return resp.Data, nil
}

// ownError finds the fault in an error of gqlgen. What is none is a variable that does not fit its type: the queries
// themselves are ours.
func ownError(err *gqlerror.Error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	if len(err.Path) == 0 || err.Path[0] != ast.PathName("variable") {
		return err
	}
	var path []any
	for _, one := range err.Path[1:] {
		switch one := one.(type) {
		case ast.PathName:
			path = append(path, string(one))
		case ast.PathIndex:
			path = append(path, int(one))
		}
	}
	var p fault.Violations
	p.Add(path, "FORMAT", "The value does not fit its type.")
	return p.Err()
}
