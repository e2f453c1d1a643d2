package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"farley/internal/app"
	"farley/internal/clock"
	"farley/internal/db"
	"farley/internal/model"
	"farley/internal/oidc"
	"farley/internal/write"
)

// outside is the flag of commands that know outside issuers.
type outside struct {
	Issuers string `type:"path" help:"JSON file with the outside OIDC issuers whose access tokens are accepted (docs/guides/single-sign-on.md)."`
}

// read returns the issuers; none without the flag.
func (o *outside) read() ([]oidc.Issuer, error) {
	if o.Issuers == "" {
		return nil, nil
	}
	return oidc.ReadFile(o.Issuers)
}

// check looks at the file, fetches the keys of all issuers, and, in a database that is up to date, looks for the roles
// that they bring.
func (o *outside) check(ctx context.Context, store *db.DB, upToDate bool, report reporter) {
	list, err := o.read()
	if err != nil {
		report("issuers", err, "")
		return
	}
	if len(list) == 0 {
		return
	}
	set := model.Kinds()
	s, err := oidc.New(oidc.Config{
		Issuers: list, Write: &write.Writer{DB: store, Set: set}, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Shipped: app.ShippedRoles(set),
	})
	if err != nil {
		report("issuers", err, "")
		return
	}
	for _, r := range s.Check(ctx) {
		report("issuer "+r.Issuer, r.Err, "%d keys", r.Keys)
	}
	if !upToDate {
		return
	}
	missing, err := s.Missing(ctx)
	report("roles of issuers", errors.Join(append(missing, err)...), "all exist")
}

// warnOfRoles logs what the issuers' tokens would bring if it existed: roles are records, and may be made later.
func warnOfRoles(ctx context.Context, a *app.App) error {
	if a.Outside == nil {
		return nil
	}
	missing, err := a.Outside.Missing(ctx)
	if err != nil {
		return fmt.Errorf("issuers: %w", err)
	}
	for _, problem := range missing {
		a.Log.WarnContext(ctx, "a role that an outside issuer brings does not exist", "error", problem)
	}
	return nil
}
