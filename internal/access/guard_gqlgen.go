package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/fault"
)

// Extension puts a Guard before every operation of a gqlgen server.
type Extension struct {
	Guard *Guard
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = (*Extension)(nil)

// statOptional is where the paths of dropped selections wait for the response, under Stats.
const statOptional = "farley.optional"

// ExtensionName names the extension to gqlgen.
func (*Extension) ExtensionName() string { return "Access" }

// Validate finds nothing wrong.
func (*Extension) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses the operation or drops what it may drop. The error wraps the *fault.Error of Decide.
func (e *Extension) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	v, err := e.Guard.Decide(From(ctx), oc.Doc, oc.Operation, oc.Variables)
	if err != nil {
		return refused(err)
	}
	oc.Doc, oc.Operation = v.Doc, v.Operation
	if len(v.Dropped) > 0 {
		oc.Stats.SetExtension(statOptional, v.Dropped)
	}
	return nil
}

// Dropped returns the response paths of the selections that were dropped from the operation, for extensions.optional.
func Dropped(oc *graphql.OperationContext) []ast.Path {
	paths, _ := oc.Stats.GetExtension(statOptional).([]ast.Path)
	return paths
}

// refused shows a fault as gqlgen wants it. A presenter may build it anew from the fault inside.
func refused(err error) *gqlerror.Error {
	out := &gqlerror.Error{Err: err, Message: err.Error()}
	var f *fault.Error
	if !errors.As(err, &f) {
		return out
	}
	out.Message = fmt.Sprintf(f.Message, f.Args...)
	out.Extensions = map[string]any{"code": string(f.Code)}
	for _, x := range f.Path {
		switch x := x.(type) {
		case string:
			out.Path = append(out.Path, ast.PathName(x))
		case int:
			out.Path = append(out.Path, ast.PathIndex(x))
		}
	}
	var violations []map[string]any
	for _, v := range f.Violations {
		violations = append(violations, map[string]any{
			"path": v.Path, "code": v.Code, "message": fmt.Sprintf(v.Message, v.Args...),
		})
	}
	if violations != nil {
		out.Extensions["violations"] = violations
	}
	return out
}
