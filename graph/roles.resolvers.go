package graph

import (
	"context"
	"slices"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/identity"
	"farley/internal/input"
	"farley/internal/read"
	"farley/internal/scalar"
	"farley/internal/write"
)

// CopyRole answers Mutation.copyRole.
func (r *mutationResolver) CopyRole(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var p fault.Violations
	role := idIn(&p, in["role"], "input", "role")
	if err := p.Err(); err != nil {
		return nil, err
	}
	name, _ := in["name"].(string)
	var res read.Result
	c := write.Command{Name: "copyRole", Input: in, DryRun: dryRun}
	err := r.Identity.CopyRole(ctx, r.Write, c, idempotencyKey(ctx, key), role, name, func(ctx context.Context, tx *write.Tx, made id.ID) error {
		shown, err := r.Read.Payload(ctx, tx, tx.Actor, "role", made)
		if err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, map[string]any{"role": shown})
		return err
	})
	return &res, err
}

// RenewAccess answers Mutation.renewAccess.
func (r *mutationResolver) RenewAccess(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	renewal, err := renewalOf(in)
	if err != nil {
		return nil, err
	}
	var res read.Result
	c := write.Command{Name: "renewAccess", Input: in, DryRun: dryRun}
	err = r.Identity.RenewAccess(ctx, r.Write, c, idempotencyKey(ctx, key), renewal, func(ctx context.Context, tx *write.Tx, _ bool) error {
		shown, err := r.Read.Payload(ctx, tx, tx.Actor, "grants", distinct(renewal.Grants)...)
		if err != nil {
			return err
		}
		tx.OnCommit(func() {
			r.Identity.Invalidate()
			r.Hub.Recheck()
		})
		res, err = r.Read.Project(ctx, map[string]any{"grants": shown})
		return err
	})
	return &res, err
}

func renewalOf(in input.Object) (identity.Renewal, error) {
	var p fault.Violations
	var out identity.Renewal
	grants, ok := in["grants"].([]any)
	if !ok {
		grants = []any{in["grants"]} // a single value is a list of one
	}
	for i, v := range grants {
		out.Grants = append(out.Grants, idIn(&p, v, "input", "grants", i))
	}
	v, given := in["validUntil"]
	if out.Ends = given; v != nil {
		s, _ := v.(string)
		t, err := scalar.ParseDateTime(s)
		if err != nil {
			p.Add([]any{"input", "validUntil"}, "FORMAT", "This is not an instant in the form 2006-01-02T15:04:05Z.")
		}
		out.Until = &t
	}
	return out, p.Err()
}

// idIn reads an id of an input.
func idIn(p *fault.Violations, v any, path ...any) (x id.ID) {
	if err := x.UnmarshalGQL(v); err != nil {
		p.Add(path, "FORMAT", "This is not an id.")
	}
	return x
}

func distinct(ids []id.ID) []id.ID {
	var out []id.ID
	for _, x := range ids {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// screens lists what the roles of the actor open in the client application, each once, in order.
func screens(a *access.Actor) []any {
	var names []string
	for _, r := range a.Policy.Roles() {
		names = append(names, r.Screens...)
	}
	slices.Sort(names)
	out := []any{}
	for _, name := range slices.Compact(names) {
		out = append(out, name)
	}
	return out
}
