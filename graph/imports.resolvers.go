package graph

import (
	"context"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/importer"
	"farley/internal/input"
	"farley/internal/read"
	"farley/internal/write"
)

// ImportPreview answers Query.importPreview.
func (r *queryResolver) ImportPreview(ctx context.Context, in input.Object) (*read.Result, error) {
	p, err := r.Resolver.Imports.Preview(ctx, in)
	if err != nil {
		return nil, err
	}
	columns := []any{}
	for _, c := range p.Columns {
		column := map[string]any{"name": c.Name, "samples": c.Samples}
		if s := c.Suggestion; s != nil {
			column["suggestion"] = map[string]any{
				"to": s.To, "score": s.Score, "date": orNull(s.Date), "ambiguous": s.Ambiguous, "number": orNull(s.Number), "matchBy": orNull(s.MatchBy),
			}
		}
		columns = append(columns, column)
	}
	o := p.Options
	res, err := r.Read.Project(ctx, map[string]any{
		"format": string(o.Format), "encoding": orNull(o.Encoding), "delimiter": orNull(o.Delimiter), "sheet": orNull(o.Sheet), "columns": columns,
	})
	return &res, err
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// ImportProblems answers Query.importProblems.
func (r *queryResolver) ImportProblems(ctx context.Context, x id.ID, first, after *int64) (*read.Result, error) {
	n, from := int64(20), int64(0)
	if first != nil {
		n = *first
	}
	if after != nil {
		from = *after
	}
	if n < 1 || n > 100 {
		var p fault.Violations
		p.Add([]any{"first"}, "RANGE", "The number must be from %d to %d.", 1, 100)
		return nil, p.Err()
	}
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		rows, more, err := r.Resolver.Imports.Problems(ctx, tx, x, from, int(n))
		if err != nil {
			return err
		}
		nodes := []any{}
		for _, row := range rows {
			node := map[string]any{"row": row.Row, "issues": r.issues(ctx, row.Issues)}
			if row.Cells != nil {
				node["cells"] = row.Cells
			}
			nodes = append(nodes, node)
		}
		res, err = r.Read.Project(ctx, map[string]any{"nodes": nodes, "hasMore": more})
		return err
	})
	return &res, err
}

func (r *queryResolver) issues(ctx context.Context, list []importer.Issue) []any {
	out := []any{}
	for _, i := range list {
		out = append(out, map[string]any{"path": i.PathTexts(), "column": orNull(i.Column), "code": i.Code, "message": r.Say(ctx, i.Message, i.Args...)})
	}
	return out
}

// StartImport answers Mutation.startImport.
func (r *mutationResolver) StartImport(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	return r.controlImport(ctx, write.Command{Name: "startImport", Input: in, DryRun: dryRun}, key, r.Resolver.Imports.Start)
}

// CancelImport answers Mutation.cancelImport.
func (r *mutationResolver) CancelImport(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.controlImport(ctx, write.Command{Name: "cancelImport", Input: in, ExpectedVersion: version, DryRun: dryRun}, key, r.Resolver.Imports.Cancel)
}

// ResumeImport answers Mutation.resumeImport.
func (r *mutationResolver) ResumeImport(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.controlImport(ctx, write.Command{Name: "resumeImport", Input: in, ExpectedVersion: version, DryRun: dryRun}, key, r.Resolver.Imports.Resume)
}

// UndoImport answers Mutation.undoImport.
func (r *mutationResolver) UndoImport(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.controlImport(ctx, write.Command{Name: "undoImport", Input: in, ExpectedVersion: version, DryRun: dryRun}, key, r.Resolver.Imports.Undo)
}

type importVerb func(ctx context.Context, c write.Command, key string, answer func(context.Context, *write.Tx, id.ID) error) error

func (r *mutationResolver) controlImport(ctx context.Context, c write.Command, key *string, verb importVerb) (*read.Result, error) {
	var res read.Result
	err := verb(ctx, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, x id.ID) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"import": x}, nil)
		return err
	})
	return &res, err
}
