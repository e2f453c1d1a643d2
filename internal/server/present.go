package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/stream"
)

// Presenter makes errors into what clients see. Every transport uses the same one.
type Presenter struct {
	// Refused, when set, is told of every error that carries a code of its own, with its path in the answer. It must not
	// wait.
	Refused func(ctx context.Context, f *fault.Error, path ast.Path)

	log     *slog.Logger
	catalog catalog.Catalog
}

// NewPresenter returns a presenter that logs what it hides. The translations go from English formats to Arabic ones and
// add to those of this package.
func NewPresenter(log *slog.Logger, translations map[string]string) (*Presenter, error) {
	texts, err := newCatalog(translations)
	if err != nil {
		return nil, err
	}
	return &Presenter{log: log, catalog: texts}, nil
}

// Present returns the error for the client: a message in the caller's language, the path, and extensions with a code.
// What is neither a fault.Error nor a mistake in the request becomes INTERNAL with an errorId, and the log has its
// cause under that id. Presenting an error twice changes nothing.
func (p *Presenter) Present(ctx context.Context, err error) *gqlerror.Error {
	if err == nil {
		return nil
	}
	var located *gqlerror.Error
	errors.As(err, &located)
	if isPresented(located) {
		return located
	}

	path, input := splitPath(ctx, located)
	var f *fault.Error
	switch {
	case errors.As(err, &f) && f.Code != fault.Internal:
		// said already what it is
	case errors.Is(err, db.ErrUnknownOutcome):
		f = fault.New(fault.Unavailable, "The database was lost while it was saving. What you sent may have been saved or not. With an idempotency key it is safe to send it again.")
	case db.Away(err):
		f = fault.New(fault.Unavailable, "The database does not answer. Try again.")
	case db.Retryable(err): // again and again, or it would not be here
		f = fault.New(fault.Unavailable, "Too many are writing the same records. Try again.")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		f = fault.New(fault.Unavailable, "The operation was cancelled or took too long.")
	case errors.Is(err, id.ErrInvalid):
		f = invalidInput(input, "This is not a valid id.")
	case len(input) > 0:
		f = invalidInput(input, "The value does not fit its type.")
	default:
		return p.internal(ctx, err, path)
	}
	if f.Code == fault.Unavailable {
		p.log.WarnContext(ctx, "unavailable", "requestId", stream.RequestID(ctx), "cause", db.Describe(err))
	}
	return p.published(ctx, f, path, input, located)
}

// isPresented recognises our own work by the type of the code, which nobody else uses.
func isPresented(err *gqlerror.Error) bool {
	if err == nil || err.Err != nil {
		return false
	}
	_, ok := err.Extensions["code"].(fault.Code)
	return ok
}

func invalidInput(input []any, message string) *fault.Error {
	f := fault.New(fault.BadRequest, "The input is not valid.")
	if len(input) > 0 {
		f.Violations = []fault.Violation{{Path: input, Code: "FORMAT", Message: message}}
	}
	return f
}

// splitPath separates the path in the answer from the path inside the arguments of that field, which gqlgen joins.
func splitPath(ctx context.Context, located *gqlerror.Error) (path ast.Path, input []any) {
	field := graphql.GetFieldContext(ctx)
	if located == nil {
		return graphql.GetPath(ctx), nil
	}
	if field == nil {
		return located.Path, nil
	}
	own := field.Path()
	if len(located.Path) <= len(own) {
		return located.Path, nil
	}
	for i := range own {
		if own[i] != located.Path[i] {
			return located.Path, nil
		}
	}
	return own, plainPath(located.Path[len(own):])
}

func (p *Presenter) published(ctx context.Context, f *fault.Error, path ast.Path, input []any, located *gqlerror.Error) *gqlerror.Error {
	texts := p.printer(ctx)
	out := &gqlerror.Error{Message: texts.Sprintf(f.Message, f.Args...), Path: path, Extensions: map[string]any{}}
	if located != nil {
		out.Locations = located.Locations
	}
	if len(f.Path) > 0 {
		out.Path = responsePath(f.Path)
	}
	if p.Refused != nil {
		p.Refused(ctx, f, out.Path)
	}
	maps.Copy(out.Extensions, f.Extensions)
	violations := f.Violations
	if len(violations) == 0 && len(input) > 0 {
		violations = []fault.Violation{{Path: input, Code: "FORMAT", Message: f.Message, Args: f.Args}}
	}
	if len(violations) > 0 {
		out.Extensions["violations"] = presentViolations(texts, violations)
	}
	out.Extensions["code"] = f.Code
	return out
}

// violation is how one problem of an input field is written.
type violation struct {
	Path    []any  `json:"path"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func presentViolations(texts *message.Printer, list []fault.Violation) []violation {
	out := make([]violation, 0, len(list))
	for _, v := range list {
		path := v.Path
		if path == nil {
			path = []any{}
		}
		out = append(out, violation{Path: path, Code: v.Code, Message: texts.Sprintf(v.Message, v.Args...)})
	}
	return out
}

func (p *Presenter) internal(ctx context.Context, err error, path ast.Path) *gqlerror.Error {
	errorID := rand.Text()
	attrs := []any{"errorId", errorID, "requestId", stream.RequestID(ctx), "cause", db.Describe(err)}
	var recovered *panicError
	if errors.As(err, &recovered) {
		attrs = append(attrs, "stack", string(recovered.stack))
	}
	p.log.ErrorContext(ctx, "internal error", attrs...)
	return &gqlerror.Error{
		Message:    p.printer(ctx).Sprintf("internal error"),
		Path:       path,
		Extensions: map[string]any{"code": fault.Internal, "errorId": errorID},
	}
}

// panicError is a panic on its way to the presenter.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Recover makes a panic into an error, for gqlgen's SetRecoverFunc and for transports.
func (p *Presenter) Recover(_ context.Context, value any) error {
	return &panicError{value: value, stack: debug.Stack()}
}

// Say writes a message in the language of the request, as those of errors are.
func (p *Presenter) Say(ctx context.Context, format string, args ...any) string {
	return p.printer(ctx).Sprintf(format, args...)
}

// printer is made anew for each error: it is not documented as safe for concurrent use.
func (p *Presenter) printer(ctx context.Context) *message.Printer {
	return message.NewPrinter(language.Make(stream.Locale(ctx)), message.Catalog(p.catalog))
}

func plainPath(path ast.Path) []any {
	out := make([]any, 0, len(path))
	for _, p := range path {
		switch p := p.(type) {
		case ast.PathName:
			out = append(out, string(p))
		case ast.PathIndex:
			out = append(out, int(p))
		}
	}
	return out
}

func responsePath(path []any) ast.Path {
	out := make(ast.Path, 0, len(path))
	for _, p := range path {
		switch p := p.(type) {
		case string:
			out = append(out, ast.PathName(p))
		case int:
			out = append(out, ast.PathIndex(p))
		}
	}
	return out
}
