package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/fault"
)

// present is the presenter for servers that configure none: it translates nothing.
func present(_ context.Context, err error) *gqlerror.Error {
	var known *fault.Error
	if !errors.As(err, &known) {
		return &gqlerror.Error{Message: "internal error", Extensions: map[string]any{"code": string(fault.Internal)}}
	}
	shown := &gqlerror.Error{
		Message:    fmt.Sprintf(known.Message, known.Args...),
		Extensions: map[string]any{"code": string(known.Code)},
	}
	maps.Copy(shown.Extensions, known.Extensions)
	return shown
}

// failure presents err as the end of an operation whose last delivered position is cursor.
func (c *Config) failure(ctx context.Context, err error, cursor string) gqlerror.List {
	shown := c.Present(ctx, err)
	if shown == nil {
		shown = present(ctx, err)
	}
	return withCursor(gqlerror.List{shown}, cursor)
}

// withCursor adds the position to the first error, unless there is none or the error has one. Errors may be shared
// between operations, so it changes a copy.
func withCursor(errs gqlerror.List, cursor string) gqlerror.List {
	if cursor == "" || len(errs) == 0 {
		return errs
	}
	if _, ok := errs[0].Extensions["cursor"]; ok {
		return errs
	}
	first := *errs[0]
	first.Extensions = make(map[string]any, len(errs[0].Extensions)+1)
	maps.Copy(first.Extensions, errs[0].Extensions)
	first.Extensions["cursor"] = cursor
	return append(gqlerror.List{&first}, errs[1:]...)
}

// recovered logs a panic and returns it as an error. What was thrown may hold personal data, so only run-time errors
// are logged by their text.
func (c *Config) recovered(ctx context.Context, thrown any) error {
	what := fmt.Sprintf("%T", thrown)
	if err, ok := thrown.(interface {
		error
		RuntimeError()
	}); ok {
		what = err.Error()
	}
	c.Log.ErrorContext(ctx, "panic in a live operation", "panic", what, "stack", string(debug.Stack()))
	return fault.New(fault.Internal, "internal error")
}
