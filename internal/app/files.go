package app

import (
	"context"

	"farley/internal/audit"
	"farley/internal/blob"
	"farley/internal/file"
	"farley/internal/id"
)

// keepFiles puts the files together.
func (a *App) keepFiles() {
	if a.Config.Files == nil {
		a.Config.Files = blob.None{}
	}
	a.Files = file.New(file.Config{
		Blobs: a.Config.Files, Writer: a.Write, Jobs: a.Jobs, Clock: a.Clock, Log: a.Log,
		Secret: a.Keys.Secret("file addresses"), Actor: a.Identity.Actor, Limit: a.Limits.FileBytes,
		Fetched: func(ctx context.Context, user, x id.ID) error {
			return a.Audit.Record(ctx, audit.Entry{Action: audit.Downloaded, User: user, Object: a.Set.Kind(file.Kind).Code, Record: x})
		},
	})
}
