package graph

import (
	"context"

	"farley/internal/access"
	"farley/internal/customer"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/lead"
	"farley/internal/read"
	"farley/internal/scalar"
	"farley/internal/write"
)

// TakeLead answers Mutation.takeLead.
func (r *mutationResolver) TakeLead(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "takeLead", Input: in, ExpectedVersion: version, DryRun: dryRun}
	err := lead.Take(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o lead.Taken) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"lead": o.Lead}, nil)
		return err
	})
	return &res, err
}

// ConvertLead answers Mutation.convertLead.
func (r *mutationResolver) ConvertLead(ctx context.Context, in input.Object, onDuplicate *string, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "convertLead", Input: in, OnDuplicate: onDuplicate, ExpectedVersion: version, DryRun: dryRun}
	err := lead.Convert(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o lead.Converted) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"lead": o.Lead, "account": o.Account, "contact": o.Contact, "opportunity": o.Opportunity},
			map[string][]write.Duplicate{"Account": o.AccountDuplicates, "Contact": o.ContactDuplicates})
		return err
	})
	return &res, err
}

// MoveAccountLifecycle answers Mutation.moveAccountLifecycle.
func (r *mutationResolver) MoveAccountLifecycle(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "moveAccountLifecycle", Input: in, ExpectedVersion: version, DryRun: dryRun}
	err := customer.MoveLifecycle(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o customer.Moved) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"account": o.Account, "entry": o.Entry}, nil)
		return err
	})
	return &res, err
}

// records writes the payload of a verb: the records by the names of their fields, and likely duplicates by kind.
func (r *mutationResolver) records(ctx context.Context, tx *write.Tx, ids map[string]id.ID, found map[string][]write.Duplicate) (read.Result, error) {
	value := map[string]any{}
	var err error
	for name, x := range ids {
		if x.IsZero() {
			continue
		}
		if value[name], err = r.Read.Payload(ctx, tx, tx.Actor, name, x); err != nil {
			return read.Result{}, err
		}
	}
	for kind, ds := range found {
		k := r.Set.Kind(kind)
		if value[k.Single+"Duplicates"], err = r.duplicates(ctx, tx, k, k.Single+"Duplicates", ds); err != nil {
			return read.Result{}, err
		}
	}
	return r.Read.Project(ctx, value)
}

// MayContact answers Query.mayContact.
func (r *queryResolver) MayContact(ctx context.Context, contact id.ID, channel, purpose string) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		v, err := customer.Ask(ctx, tx, r.Write, contact, channel, purpose)
		if err != nil {
			return err
		}
		value := map[string]any{"allowed": v.Allowed, "because": string(v.Because)}
		if value["consent"], err = r.shown(ctx, tx, "consent", v.Consent); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// CallerLookup answers Query.callerLookup.
func (r *queryResolver) CallerLookup(ctx context.Context, phone string, country *string) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		var region string
		if country != nil {
			region = *country
		}
		c, err := customer.LookUp(ctx, tx, r.Write, phone, region)
		if err == nil {
			res, err = r.caller(ctx, tx, c)
		}
		return err
	})
	return &res, err
}

// caller writes who is calling, each kind of record read once.
func (r *queryResolver) caller(ctx context.Context, tx *db.Tx, c customer.Caller) (read.Result, error) {
	byKind := map[string][]id.ID{}
	for _, m := range c.Matches {
		name := r.Set.Of(m.ID).Single
		byKind[name] = append(byKind[name], m.ID)
	}
	records := map[id.ID]read.Result{}
	for name, ids := range byKind {
		found, err := r.Read.PayloadEach(ctx, tx, access.From(ctx), "matches."+name, ids...)
		if err != nil {
			return read.Result{}, err
		}
		for x, one := range found {
			records[x] = one
		}
	}
	matches := []any{}
	for _, m := range c.Matches {
		match := map[string]any{"main": m.Main, r.Set.Of(m.ID).Single: records[m.ID]}
		if !m.LastContact.IsZero() {
			match["lastContactAt"] = m.LastContact.Format(scalar.Layout)
		}
		matches = append(matches, match)
	}
	value := map[string]any{"phone": c.Number, "matches": matches}
	var err error
	if value["openLeads"], err = r.Read.Payload(ctx, tx, access.From(ctx), "openLeads", c.Leads...); err != nil {
		return read.Result{}, err
	}
	if value["notes"], err = r.Read.Payload(ctx, tx, access.From(ctx), "notes", c.Notes...); err != nil {
		return read.Result{}, err
	}
	return r.Read.Project(ctx, value)
}

// shown writes one record of a payload, null for none.
func (r *queryResolver) shown(ctx context.Context, tx *db.Tx, name string, x id.ID) (any, error) {
	if x.IsZero() {
		return nil, nil //nolint:nilnil // null is the answer
	}
	return r.Read.Payload(ctx, tx, access.From(ctx), name, x)
}
