package graph

import (
	"context"

	"farley/internal/db"
	"farley/internal/export"
	"farley/internal/file"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/read"
	"farley/internal/scalar"
	"farley/internal/write"
)

// FileDownload answers Query.fileDownload.
func (r *queryResolver) FileDownload(ctx context.Context, x id.ID) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		a, err := r.Resolver.Files.AddressToFetch(ctx, tx, x)
		if err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, map[string]any{"url": r.PublicURL() + a.Path, "expiresAt": a.Expires.Format(scalar.Layout)})
		return err
	})
	return &res, err
}

// UploadFile answers Mutation.uploadFile.
func (r *mutationResolver) UploadFile(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "uploadFile", Input: in, DryRun: dryRun}
	err := r.Files.UploadNow(ctx, c, idempotencyKey(ctx, key), r.file(&res))
	return &res, err
}

// CreateUpload answers Mutation.createUpload.
func (r *mutationResolver) CreateUpload(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "createUpload", Input: in, DryRun: dryRun}
	err := r.Files.Begin(ctx, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o file.Uploaded) error {
		record, err := r.Read.Payload(ctx, tx, tx.Actor, "file", o.File)
		if err != nil {
			return err
		}
		value := map[string]any{"file": record}
		a, waits, err := r.Files.AddressToPut(ctx, tx, o.File)
		if err != nil {
			return err
		}
		if waits && (dryRun == nil || !*dryRun) {
			value["url"], value["expiresAt"] = r.PublicURL()+a.Path, a.Expires.Format(scalar.Layout)
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// CompleteUpload answers Mutation.completeUpload.
func (r *mutationResolver) CompleteUpload(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "completeUpload", Input: in, DryRun: dryRun}
	err := r.Files.Complete(ctx, c, idempotencyKey(ctx, key), r.file(&res))
	return &res, err
}

// file answers with the file of an upload.
func (r *mutationResolver) file(res *read.Result) func(context.Context, *write.Tx, file.Uploaded) error {
	return func(ctx context.Context, tx *write.Tx, o file.Uploaded) (err error) {
		*res, err = r.records(ctx, tx, map[string]id.ID{"file": o.File}, nil)
		return err
	}
}

// DeleteFile answers Mutation.deleteFile.
func (r *mutationResolver) DeleteFile(ctx context.Context, x id.ID, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Delete, Kind: file.Kind, ID: &x, ExpectedVersion: version, DryRun: dryRun, Key: key})
}

// RestoreFile answers Mutation.restoreFile.
func (r *mutationResolver) RestoreFile(ctx context.Context, x id.ID, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	return r.crud(ctx, write.Request{Verb: write.Restore, Kind: file.Kind, ID: &x, ExpectedVersion: version, DryRun: dryRun, Key: key})
}

// StartExport answers Mutation.startExport.
func (r *mutationResolver) StartExport(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "startExport", Input: in, DryRun: dryRun}
	err := r.Exports.Start(ctx, c, idempotencyKey(ctx, key), r.export(&res))
	return &res, err
}

// CancelExport answers Mutation.cancelExport.
func (r *mutationResolver) CancelExport(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "cancelExport", Input: in, DryRun: dryRun}
	err := r.Exports.Cancel(ctx, c, idempotencyKey(ctx, key), r.export(&res))
	return &res, err
}

// export answers with an export.
func (r *mutationResolver) export(res *read.Result) func(context.Context, *write.Tx, export.Started) error {
	return func(ctx context.Context, tx *write.Tx, o export.Started) (err error) {
		*res, err = r.records(ctx, tx, map[string]id.ID{"export": o.Export}, nil)
		return err
	}
}
