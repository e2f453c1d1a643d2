package graph

import (
	"bytes"
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"farley/internal/id"
	"farley/internal/read"
)

// asked is what a uniform field of Query asks for.
type asked struct {
	kind string
	list bool
}

// Direct executes an operation. A query for one record by its id, or for one list, is answered without gqlgen's machinery for
// fields, which has nothing to resolve where the engine of reading writes finished JSON; everything else goes to execute.
func (r *Resolver) Direct(ctx context.Context, execute func(context.Context) graphql.ResponseHandler) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	if oc.Operation.Operation != ast.Query || len(oc.Operation.SelectionSet) != 1 {
		return execute(ctx)
	}
	f, ok := oc.Operation.SelectionSet[0].(*ast.Field)
	if !ok || len(f.Directives) > 0 {
		return execute(ctx)
	}
	what, ok := uniform[f.Name]
	if !ok {
		return execute(ctx)
	}
	var x id.ID
	if !what.list {
		if x, ok = idOf(f, oc.Variables); !ok {
			return execute(ctx)
		}
	}
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		return &graphql.Response{Data: r.direct(ctx, f, what, x)}
	}
}

// idOf returns the id that is the only argument of a field; false when it is not one.
func idOf(f *ast.Field, variables map[string]any) (id.ID, bool) {
	if len(f.Arguments) != 1 || f.Arguments[0].Name != "id" {
		return id.ID{}, false
	}
	value, err := f.Arguments[0].Value.Value(variables)
	text, ok := value.(string)
	if err != nil || !ok {
		return id.ID{}, false
	}
	x, err := id.Parse(text)
	return x, err == nil
}

// direct answers a uniform field as gqlgen would.
func (r *Resolver) direct(ctx context.Context, f *ast.Field, what asked, x id.ID) []byte {
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{
		Object: "Query", Field: graphql.CollectedField{Field: f, Selections: f.SelectionSet}, IsMethod: true, IsResolver: true,
	})
	var res *read.Result
	var err error
	q := queryResolver{r}
	if what.list {
		res, err = q.list(ctx, what.kind)
	} else {
		res, err = q.one(ctx, what.kind, &x, nil)
	}
	var out bytes.Buffer
	switch {
	case err == nil:
		out.Grow(len(f.Alias) + len(res.JSON()) + len(`{"":}`))
		out.WriteString(`{"` + f.Alias + `":`) // a name is plain
		err = res.MarshalGQLContext(ctx, &out)
		out.WriteByte('}')
	case f.Definition.Type.NonNull:
		out.WriteString("null")
	default:
		out.WriteString(`{"` + f.Alias + `":null}`)
	}
	if err != nil {
		graphql.AddError(ctx, err)
	}
	return out.Bytes()
}
