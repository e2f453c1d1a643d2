package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/vektah/gqlparser/v2/formatter"

	"farley/graph"
	"farley/graph/generated"
	"farley/internal/access"
	"farley/internal/app"
	"farley/internal/auth"
	"farley/internal/clock"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/seed"
)

func kindName(x id.ID) string {
	if k := model.Kinds().Of(x); k != nil {
		return k.Name
	}
	return "unknown"
}

// printSchema prints the schema.
type printSchema struct {
	Role string `help:"Key of a shipped role (sales_rep): only what that role may use."`
}

// Run implements the command.
func (p *printSchema) Run() error {
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &graph.Resolver{}}).Schema()
	if p.Role != "" {
		set := model.Kinds()
		role, ok := seed.Roles(set)[p.Role]
		if !ok {
			return fmt.Errorf("there is no shipped role %q", p.Role)
		}
		schema = access.Prune(schema, set, access.Compile(set, []access.Role{role}), true)
	}
	formatter.NewFormatter(os.Stdout, formatter.WithIndent("  ")).FormatSchema(schema)
	return nil
}

// token makes the first administrator, or prints an access token.
type token struct {
	database           `embed:""`
	FirstAdministrator string `help:"E-mail address of the first administrator, in a database without users." xor:"who" required:""`
	Name               string `help:"The first administrator's name." default:"Administrator"`
	User               string `help:"E-mail address of the user to print an access token for." xor:"who" required:""`
}

// Run implements the command.
func (t *token) Run(ctx context.Context) error {
	store, err := t.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	keys, err := t.keyring()
	if err != nil {
		return err
	}
	book, err := t.book()
	if err != nil {
		return err
	}
	a, err := app.New(app.Config{DB: store, Clock: clock.System{}, Keys: keys, Money: book, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	var user id.ID
	if t.FirstAdministrator != "" {
		if user, err = t.first(ctx, a); err != nil {
			return err
		}
	} else {
		account, err := a.Identity.ByEmail(ctx, auth.NormalEmail(t.User))
		if err != nil {
			return fmt.Errorf("there is no user %s", t.User)
		}
		user = account.ID
	}
	grant, err := a.Auth.Begin(ctx, user, "command line")
	if err != nil {
		return err
	}
	say(os.Stderr, "Good until %s.\n", grant.ExpiresAt.Format(time.RFC3339))
	say(os.Stdout, "%s\n", grant.AccessToken)
	return nil
}

// first makes the first administrator.
func (t *token) first(ctx context.Context, a *app.App) (id.ID, error) {
	empty, err := seed.EmptyDatabase(ctx, a.DB)
	if err != nil {
		return id.ID{}, err
	}
	if !empty {
		return id.ID{}, errors.New("there are users already: an administrator can make more through the API")
	}
	roles, err := seed.Ensure(ctx, a.Write)
	if err != nil {
		return id.ID{}, err
	}
	return seed.Administrator(ctx, a.Write, roles, t.FirstAdministrator, t.Name)
}
