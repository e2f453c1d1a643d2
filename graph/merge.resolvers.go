package graph

import (
	"context"
	"slices"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/merge"
	"farley/internal/read"
	"farley/internal/text/match"
	"farley/internal/transfer"
	"farley/internal/write"
)

// MergeAccounts answers Mutation.mergeAccounts.
func (r *mutationResolver) MergeAccounts(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.merge(ctx, "Account", write.Command{Name: "mergeAccounts", Input: in, ExpectedVersion: version, DryRun: dryRun}, key)
}

// MergeContacts answers Mutation.mergeContacts.
func (r *mutationResolver) MergeContacts(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.merge(ctx, "Contact", write.Command{Name: "mergeContacts", Input: in, ExpectedVersion: version, DryRun: dryRun}, key)
}

// MergeLeads answers Mutation.mergeLeads.
func (r *mutationResolver) MergeLeads(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.merge(ctx, "Lead", write.Command{Name: "mergeLeads", Input: in, ExpectedVersion: version, DryRun: dryRun}, key)
}

func (r *mutationResolver) merge(ctx context.Context, kind string, c write.Command, key *string) (*read.Result, error) {
	var res read.Result
	k := r.Set.Kind(kind)
	err := merge.Merge(ctx, r.Write, k, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o merge.Merged) (err error) {
		value := map[string]any{"moved": relations(o.Moved)}
		if value[k.Single], err = r.Read.Payload(ctx, tx, tx.Actor, k.Single, o.Survivor); err == nil {
			res, err = r.Read.Project(ctx, value)
		}
		return err
	})
	return &res, err
}

// relations writes what followed.
func relations(moved []write.Moved) []any {
	out := []any{}
	for _, m := range moved {
		out = append(out, map[string]any{"relation": m.Relation, "count": m.Count})
	}
	return out
}

// MarkNotDuplicate answers Mutation.markNotDuplicate.
func (r *mutationResolver) MarkNotDuplicate(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	return r.mark(ctx, write.Command{Name: "markNotDuplicate", Input: in, DryRun: dryRun}, key)
}

// UnmarkNotDuplicate answers Mutation.unmarkNotDuplicate.
func (r *mutationResolver) UnmarkNotDuplicate(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	return r.mark(ctx, write.Command{Name: merge.Unmark, Input: in, DryRun: dryRun}, key)
}

func (r *mutationResolver) mark(ctx context.Context, c write.Command, key *string) (*read.Result, error) {
	var res read.Result
	err := merge.Mark(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o merge.Decided) error {
		records, err := r.Read.Payload(ctx, tx, tx.Actor, "records", o.A, o.B)
		if err == nil {
			res, err = r.Read.Project(ctx, map[string]any{"records": records})
		}
		return err
	})
	return &res, err
}

// Transfer answers Mutation.transfer.
func (r *mutationResolver) Transfer(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "transfer", Input: in, DryRun: dryRun}
	err := transfer.Transfer(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o transfer.Transferred) error {
		records, err := r.Read.Payload(ctx, tx, tx.Actor, "records", o.Records...)
		if err == nil {
			res, err = r.Read.Project(ctx, map[string]any{"records": records, "moved": relations(o.Relations)})
		}
		return err
	})
	return &res, err
}

// duplicateReasons are the names of sorts of evidence.
var duplicateReasons = map[match.Sort]string{
	match.OfText: "OTHER", match.OfEmail: "EMAIL", match.OfPhone: "PHONE", match.OfDomain: "DOMAIN", match.OfTax: "TAX_NUMBER", match.OfName: "NAME",
}

// Duplicates answers Query.duplicates.
func (r *queryResolver) Duplicates(ctx context.Context, object string, first *int64, after *string, minScore *int64) (*read.Result, error) {
	q := merge.Query{Kind: r.Set.Kind(object), First: merge.DefaultPage, MinScore: match.Least}
	if !access.From(ctx).Policy.Readable(q.Kind) {
		return nil, fault.New(fault.Forbidden, "You may not read such records.")
	}
	if first != nil {
		q.First = int(*first)
	}
	if after != nil {
		q.After = *after
	}
	if minScore != nil {
		q.MinScore = int(*minScore)
	}
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		hits, more, err := merge.Find(ctx, tx, r.Write, r.Read, q)
		if err == nil {
			res, err = r.pairs(ctx, tx, hits, more, q.After != "")
		}
		return err
	})
	return &res, err
}

// pairs writes a page of pairs.
func (r *queryResolver) pairs(ctx context.Context, tx *db.Tx, hits []merge.Hit, more, before bool) (read.Result, error) {
	groups := make([][]id.ID, len(hits))
	for i, h := range hits {
		groups[i] = []id.ID{h.A, h.B}
	}
	records, err := r.Read.PayloadGroups(ctx, tx, access.From(ctx), "edges.node.records", groups)
	if err != nil {
		return read.Result{}, err
	}
	edges := []any{}
	for i, h := range hits {
		names := []any{}
		for _, s := range h.Sorts {
			names = append(names, duplicateReasons[s])
		}
		edges = append(edges, map[string]any{"cursor": h.Cursor, "node": map[string]any{"score": h.Score, "reason": names, "records": records[i]}})
	}
	info := map[string]any{"hasNextPage": more, "hasPreviousPage": before}
	if n := len(hits); n > 0 {
		info["startCursor"], info["endCursor"] = hits[0].Cursor, hits[n-1].Cursor
	}
	return r.Read.Project(ctx, map[string]any{"edges": edges, "pageInfo": info})
}

// Merges answers Query.merges.
func (r *queryResolver) Merges(ctx context.Context, record id.ID) ([]*read.Result, error) {
	return r.entries(ctx, record, merge.Merges, func(e merge.Entry, by, _ any) map[string]any {
		return map[string]any{"loser": e.Loser.String(), "survivor": e.Survivor.String(), "by": by, "at": e.At}
	})
}

// NotDuplicates answers Query.notDuplicates.
func (r *queryResolver) NotDuplicates(ctx context.Context, record id.ID) ([]*read.Result, error) {
	return r.entries(ctx, record, r.decisions, func(e merge.Entry, by, other any) map[string]any {
		return map[string]any{"record": other, "by": by, "at": e.At}
	})
}

// decisions finds the decisions about a record whose other record is in sight.
func (r *queryResolver) decisions(ctx context.Context, tx *db.Tx, w *write.Writer, record id.ID) ([]merge.Entry, error) {
	all, err := merge.NotDuplicates(ctx, tx, w, record)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	ids := make([]id.ID, len(all))
	for i, e := range all {
		ids[i] = e.Survivor
	}
	seen, err := r.Read.Visible(ctx, tx, access.From(ctx), r.Set.Of(record), access.Read, ids)
	return slices.DeleteFunc(all, func(e merge.Entry) bool { return !slices.Contains(seen, e.Survivor) }), err
}

// entries writes what was done to a record.
func (r *queryResolver) entries(ctx context.Context, record id.ID, find func(context.Context, *db.Tx, *write.Writer, id.ID) ([]merge.Entry, error),
	write func(e merge.Entry, by, other any) map[string]any,
) ([]*read.Result, error) {
	out := []*read.Result{}
	err := r.reading(ctx, func(tx *db.Tx) error {
		found, err := find(ctx, tx, r.Write, record)
		if err != nil {
			return err
		}
		var users, others []id.ID
		for _, e := range found {
			users, others = append(users, e.By), append(others, e.Survivor)
		}
		a := access.From(ctx)
		by, err := r.Read.PayloadEach(ctx, tx, a, "by", users...)
		if err != nil {
			return err
		}
		records, err := r.Read.PayloadEach(ctx, tx, a, "record", others...)
		if err != nil {
			return err
		}
		for _, e := range found {
			res, err := r.Read.Project(ctx, write(e, orNothing(by, e.By), orNothing(records, e.Survivor)))
			if err != nil {
				return err
			}
			out = append(out, &res)
		}
		return nil
	})
	return out, err
}

func orNothing(found map[id.ID]read.Result, x id.ID) any {
	if res, ok := found[x]; ok {
		return res
	}
	return nil
}
