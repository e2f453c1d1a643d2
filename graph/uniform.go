package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/read"
	"farley/internal/stream"
	"farley/internal/write"
)

// one answers x(id, external).
func (r *queryResolver) one(ctx context.Context, kind string, x *id.ID, external input.Object) (*read.Result, error) {
	k := r.Set.Kind(kind)
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		target, err := lookUp(ctx, tx, k, x, external)
		if err != nil {
			return err
		}
		res, err = r.Read.One(ctx, tx, access.From(ctx), k, target)
		return err
	})
	return &res, err
}

// lookUp returns the id of the record that is asked for. Whether it is one that does not exist, or not of the kind, is
// left to those who read it: then it is told in the same words as that a record is out of sight.
func lookUp(ctx context.Context, tx *db.Tx, k *model.Kind, x *id.ID, external input.Object) (id.ID, error) {
	if (x == nil) == (external == nil) {
		var p fault.Violations
		p.Add([]any{"id"}, "REQUIRED", "Give either id or external.")
		return id.ID{}, p.Err()
	}
	if x != nil {
		return *x, nil
	}
	system, key, err := write.ParseExternal(external)
	if err != nil {
		return id.ID{}, err
	}
	return write.External(ctx, tx, k, system, key)
}

// list answers xs(…).
func (r *queryResolver) list(ctx context.Context, kind string) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) (err error) {
		res, err = r.Read.List(ctx, tx, access.From(ctx), r.Set.Kind(kind))
		return err
	})
	return &res, err
}

// crud answers the uniform mutations.
func (r *mutationResolver) crud(ctx context.Context, req write.Request) (*read.Result, error) {
	k := r.Set.Kind(req.Kind)
	var res read.Result
	err := r.Write.Run(ctx, req, idempotencyKey(ctx, req.Key), func(ctx context.Context, tx *write.Tx, o write.Outcome) (err error) {
		if res, err = r.payload(ctx, tx, k, req.Verb, o); err != nil {
			return err
		}
		if r.Identity.Concerns(k.Code) {
			tx.OnCommit(func() {
				r.Identity.Invalidate()
				r.Hub.Recheck()
			})
		}
		return nil
	})
	return &res, err
}

// payload writes what was selected of a mutation's payload, read in the transaction of the write.
func (r *mutationResolver) payload(ctx context.Context, tx *write.Tx, k *model.Kind, verb write.Verb, o write.Outcome) (read.Result, error) {
	if verb == write.Delete {
		return r.Read.Project(ctx, map[string]any{"id": o.ID, "version": o.Version})
	}
	value := map[string]any{"created": o.Created}
	record, err := r.Read.Payload(ctx, tx, tx.Actor, k.Single, o.ID)
	if err != nil {
		return read.Result{}, err
	}
	value[k.Single] = record
	if verb == write.Create || verb == write.Upsert {
		if value["duplicates"], err = r.duplicates(ctx, tx, k, "duplicates", o.Duplicates); err != nil {
			return read.Result{}, err
		}
	}
	return r.Read.Project(ctx, value)
}

// duplicates writes likely duplicates, as far as they, and what they have in common, are in the actor's sight now: the
// outcome may be that of a request long ago. field is that of the payload.
func (r *mutationResolver) duplicates(ctx context.Context, tx *write.Tx, k *model.Kind, field string, ds []write.Duplicate) (any, error) {
	if len(ds) == 0 {
		return []any{}, nil
	}
	ids := make([]id.ID, len(ds))
	for i, d := range ds {
		ids[i] = d.ID
	}
	seen, err := tx.Shown(ctx, k, ids)
	if err != nil {
		return nil, err
	}
	records, err := r.Read.PayloadEach(ctx, tx, tx.Actor, field+"."+k.Single, ids...)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, d := range ds {
		keys := seen[d.ID]
		if keys == nil {
			continue
		}
		reasons := []any{}
		for _, name := range d.Fields {
			if f := k.ByConst(name); f != nil && tx.Actor.ReadsField(r.Set, k, f, keys, tx.Now) {
				reasons = append(reasons, name)
			}
		}
		if len(reasons) < len(d.Fields) {
			continue // its score tells of what is hidden now
		}
		out = append(out, map[string]any{"score": d.Score, "reason": reasons, k.Single: records[d.ID]})
	}
	return out, nil
}

// idempotencyKey returns the key of a mutation: the argument, or the request's header joined with the response name, so
// that several mutations of one request have keys of their own.
func idempotencyKey(ctx context.Context, argument *string) string {
	if argument != nil {
		return *argument
	}
	if key := stream.IdempotencyKey(ctx); key != "" {
		return key + "/" + graphql.GetFieldContext(ctx).Field.Alias
	}
	return ""
}
