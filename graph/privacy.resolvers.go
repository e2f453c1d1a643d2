package graph

import (
	"context"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/job"
	"farley/internal/privacy"
	"farley/internal/read"
	"farley/internal/write"
)

// ExportPersonalData answers Query.exportPersonalData.
func (r *queryResolver) ExportPersonalData(ctx context.Context, contact, lead, account *id.ID, after *string) (*read.Result, error) {
	in := input.Object{}
	for name, x := range map[string]*id.ID{"contact": contact, "lead": lead, "account": account} {
		if x != nil {
			in[name] = x.String()
		}
	}
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		out, err := r.Privacy.Export(ctx, tx, in, after)
		if err != nil {
			return err
		}
		value := map[string]any{"format": privacy.Format, "madeAt": out.MadeAt, "document": out.Document, "complete": out.Next == ""}
		if out.Next != "" {
			value["next"] = out.Next
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// RetentionPreview answers Query.retentionPreview.
func (r *queryResolver) RetentionPreview(ctx context.Context, x id.ID) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		p, err := r.Privacy.Preview(ctx, tx, x)
		if err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, map[string]any{"count": p.Count, "before": p.Before})
		return err
	})
	return &res, err
}

// ErasePersonalData answers Mutation.erasePersonalData.
func (r *mutationResolver) ErasePersonalData(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "erasePersonalData", Input: in, ExpectedVersion: version, DryRun: dryRun}
	err := r.Privacy.Erase(ctx, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o privacy.Erased) (err error) {
		res, err = r.erased(ctx, tx, o, dryRun != nil && *dryRun)
		return err
	})
	return &res, err
}

// erased writes the payload of an erasure.
func (r *mutationResolver) erased(ctx context.Context, tx *write.Tx, o privacy.Erased, dry bool) (read.Result, error) {
	k := r.Set.Of(o.Record)
	record, err := r.Read.Payload(ctx, tx, tx.Actor, k.Single, o.Record)
	if err != nil {
		return read.Result{}, err
	}
	counts := []any{}
	for _, c := range o.Counts {
		counts = append(counts, map[string]any{"object": c.Kind, "count": c.Count})
	}
	value := map[string]any{k.Single: record, "records": counts}
	if dry {
		return r.Read.Project(ctx, value)
	}
	found, err := r.Jobs.List(ctx, tx.Tx, job.Filter{ID: o.Job, Seen: r.jobsInSight(access.From(ctx)), Limit: 1})
	if err != nil {
		return read.Result{}, err
	}
	if len(found) > 0 {
		maker, err := r.Read.PayloadEach(ctx, tx, tx.Actor, "job.createdBy", found[0].CreatedBy)
		if err != nil {
			return read.Result{}, err
		}
		value["job"] = jobValue(found[0], maker[found[0].CreatedBy])
	}
	return r.Read.Project(ctx, value)
}
