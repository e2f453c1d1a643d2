package server

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/stream"
)

func presenter(t *testing.T) (*Presenter, *lines) {
	t.Helper()
	log := &lines{}
	p, err := NewPresenter(slog.New(slog.NewJSONHandler(log, nil)), map[string]string{"Hello, %s.": "مرحبا %s."})
	if err != nil {
		t.Fatal(err)
	}
	return p, log
}

func TestPresent(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		err  error
		want string
	}{
		{"fault", fault.New(fault.NotFound, "No %s here.", "account"), `{"message":"No account here.","extensions":{"code":"NOT_FOUND"}}`},
		{"cause is hidden", fault.Wrap(fault.Conflict, errors.New("secret"), "Too late."), `{"message":"Too late.","extensions":{"code":"CONFLICT"}}`},
		{"wrapped fault", fmt.Errorf("secret: %w", fault.New(fault.Forbidden, "Not you.")), `{"message":"Not you.","extensions":{"code":"FORBIDDEN"}}`},
		{"extensions and path", fault.New(fault.Conflict, "Too late.").With("currentVersion", 4).At("accounts", 0, "name"),
			`{"message":"Too late.","path":["accounts",0,"name"],"extensions":{"code":"CONFLICT","currentVersion":4}}`},
		{"an extension cannot replace the code", fault.New(fault.Conflict, "Too late.").With("code", "X"),
			`{"message":"Too late.","extensions":{"code":"CONFLICT"}}`},
		{"violations", violated(),
			`{"message":"The input is not valid.","extensions":{"code":"INVALID","violations":[` +
				`{"path":["input","emails",0],"code":"FORMAT","message":"Hello, you."},{"path":[],"code":"REQUIRED","message":"This is not a valid id."}]}}`},
		{"gqlgen's wrapping keeps path and place", &gqlerror.Error{Err: fault.New(fault.NotFound, "Gone."), Message: "secret",
			Path: ast.Path{ast.PathName("a")}, Locations: []gqlerror.Location{{Line: 1, Column: 2}}},
			`{"message":"Gone.","path":["a"],"locations":[{"line":1,"column":2}],"extensions":{"code":"NOT_FOUND"}}`},
		{"deadline", fmt.Errorf("secret: %w", context.DeadlineExceeded),
			`{"message":"The operation was cancelled or took too long.","extensions":{"code":"UNAVAILABLE"}}`},
		{"cancelled inside an internal fault", fault.Wrap(fault.Internal, context.Canceled, "secret"),
			`{"message":"The operation was cancelled or took too long.","extensions":{"code":"UNAVAILABLE"}}`},
		{"the database is away", fmt.Errorf("secret: %w", driver.ErrBadConn),
			`{"message":"The database does not answer. Try again.","extensions":{"code":"UNAVAILABLE"}}`},
		{"the database was lost during the commit", fmt.Errorf("%w: secret: %w", db.ErrUnknownOutcome, driver.ErrBadConn),
			`{"message":"The database was lost while it was saving. What you sent may have been saved or not. With an idempotency key it is safe to send it again.","extensions":{"code":"UNAVAILABLE"}}`},
		{"a write lost against others again and again", fmt.Errorf("secret: %w", &mysql.MySQLError{Number: 1213, Message: "secret"}),
			`{"message":"Too many are writing the same records. Try again.","extensions":{"code":"UNAVAILABLE"}}`},
		{"id", fmt.Errorf("%w: secret", id.ErrInvalid), `{"message":"The input is not valid.","extensions":{"code":"BAD_REQUEST"}}`},
	}
	for _, c := range cases {
		p, _ := presenter(t)
		got, err := json.Marshal(p.Present(t.Context(), c.err))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func violated() error {
	var v fault.Violations
	v.Add([]any{"input", "emails", 0}, "FORMAT", "Hello, %s.", "you")
	v.Add(nil, "REQUIRED", "This is not a valid id.")
	return v.Err()
}

func TestPresent_internal(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"plain":    errors.New("SELECT secret FROM x"),
		"fault":    fault.Wrap(fault.Internal, errors.New("SELECT secret FROM x"), "load secret"),
		"gqlerror": gqlerror.Errorf("SELECT secret FROM x"),
		"with a code": &gqlerror.Error{Message: "SELECT secret FROM x", Extensions: map[string]any{
			"code": "NOT_FOUND", "sql": "secret"}},
	} {
		p, log := presenter(t)
		got := p.Present(stream.WithRequestID(t.Context(), "r1"), err)
		errorID, _ := got.Extensions["errorId"].(string)
		want := &gqlerror.Error{Message: "internal error", Extensions: map[string]any{"code": fault.Internal, "errorId": errorID}}
		if got.Message != want.Message || cmp.Diff(want.Extensions, got.Extensions) != "" || got.Err != nil {
			t.Errorf("%s: %+v", name, got)
		}
		line := log.String()
		if len(errorID) != 26 || !strings.Contains(line, errorID) || !strings.Contains(line, "SELECT secret") || !strings.Contains(line, `"requestId":"r1"`) {
			t.Errorf("%s: log %s", name, line)
		}
	}
}

func TestPresent_twiceChangesNothing(t *testing.T) {
	t.Parallel()
	p, log := presenter(t)
	for _, err := range []error{errors.New("x"), fault.New(fault.Conflict, "Too late."), violated()} {
		once := p.Present(t.Context(), err)
		logged := log.String()
		if twice := p.Present(t.Context(), once); twice != once || log.String() != logged {
			t.Errorf("%v: presented anew: %+v", err, twice)
		}
	}
}

func TestPresent_argumentsOfAField(t *testing.T) {
	t.Parallel()
	p, _ := presenter(t)
	ctx := graphql.WithFieldContext(t.Context(), &graphql.FieldContext{
		Field: graphql.CollectedField{Field: &ast.Field{Alias: "account"}},
	})
	inner := graphql.WithPathContext(graphql.WithPathContext(ctx, graphql.NewPathWithField("input")), graphql.NewPathWithField("owner"))
	cases := []struct {
		err  error
		want string
	}{
		{id.ErrInvalid, `{"message":"The input is not valid.","path":["account"],"extensions":{"code":"BAD_REQUEST","violations":[` +
			`{"path":["input","owner"],"code":"FORMAT","message":"This is not a valid id."}]}}`},
		{errors.New("strconv: secret"), `{"message":"The input is not valid.","path":["account"],"extensions":{"code":"BAD_REQUEST","violations":[` +
			`{"path":["input","owner"],"code":"FORMAT","message":"The value does not fit its type."}]}}`},
		{fault.New(fault.Invalid, "Hello, %s.", "you"), `{"message":"Hello, you.","path":["account"],"extensions":{"code":"INVALID","violations":[` +
			`{"path":["input","owner"],"code":"FORMAT","message":"Hello, you."}]}}`},
	}
	for _, c := range cases {
		got, err := json.Marshal(p.Present(ctx, graphql.ErrorOnPath(inner, c.err)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Error(diff)
		}
	}

	own := p.Present(ctx, graphql.ErrorOnPath(ctx, errors.New("of the resolver")))
	if own.Extensions["code"] != fault.Internal {
		t.Errorf("an error of the resolver itself: %+v, want INTERNAL", own)
	}
}

func TestPresent_inArabic(t *testing.T) {
	t.Parallel()
	p, _ := presenter(t)
	ctx := stream.WithLocale(t.Context(), "ar-EG")
	got := p.Present(ctx, fault.New(fault.NotFound, "Hello, %s.", "you"))
	if got.Message != "مرحبا you." || got.Extensions["code"] != fault.NotFound {
		t.Errorf("%+v", got)
	}
	if got := p.Present(ctx, errors.New("x")).Message; got != "خطأ داخلي" {
		t.Errorf("internal: %q", got)
	}
	if got := p.Present(ctx, fault.New(fault.NotFound, "Unknown to the catalogue: %d", 5)).Message; !strings.HasPrefix(got, "Unknown to the catalogue:") {
		t.Errorf("without translation: %q", got)
	}
}
