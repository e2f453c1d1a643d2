package graph

import (
	"context"
	"time"

	"farley/internal/audit"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/read"
)

// AuditTrail answers Query.auditTrail.
func (r *queryResolver) AuditTrail(ctx context.Context, user *id.ID, object *string, record *id.ID, action []string, from, to *time.Time, first *int64, after *string) (*read.Result, error) {
	f := audit.Filter{User: user, Object: object, Record: record, Actions: action, From: from, To: to}
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) (err error) {
		res, err = r.Trail.Page(ctx, tx, f, first, after)
		return err
	})
	return &res, err
}
