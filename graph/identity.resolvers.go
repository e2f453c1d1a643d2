package graph

import (
	"context"
	"slices"
	"strings"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
	"farley/internal/write"
)

// Viewer answers Query.viewer.
func (r *queryResolver) Viewer(ctx context.Context) (*read.Result, error) {
	a := access.From(ctx)
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		value := map[string]any{"permissions": r.permissions(a)}
		if a.Policy.Readable(r.Set.Kind("User")) {
			user, err := r.Read.Payload(ctx, tx, a, "user", a.User)
			if err != nil {
				return err
			}
			value["user"] = user
		}
		roles := []any{}
		for _, role := range a.Policy.Roles() {
			roles = append(roles, map[string]any{"id": role.ID, "name": role.Name})
		}
		value["roles"], value["screens"] = roles, screens(a)
		var err error
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// permissions lists what the policy allows, kind by kind.
func (r *Resolver) permissions(a *access.Actor) []any {
	out := []any{}
	for _, k := range r.Set.Kinds {
		if k.Link {
			continue
		}
		actions := []any{}
		for _, action := range append([]string{access.Create, access.Read, access.Update, access.Delete}, k.Actions...) {
			if scopes := a.Policy.Scopes(k, action); scopes != access.None {
				actions = append(actions, map[string]any{"action": action, "scope": scopeNames(scopes)})
			}
		}
		if len(actions) == 0 {
			continue
		}
		out = append(out, map[string]any{"object": k.Const, "actions": actions, "fields": fieldLevels(a, k)})
	}
	return out
}

func scopeNames(s access.Scopes) []any {
	var out []any
	for name := range strings.SplitSeq(s.String(), "|") {
		out = append(out, name)
	}
	return out
}

func fieldLevels(a *access.Actor, k *model.Kind) []any {
	out := []any{}
	for _, f := range k.Fields {
		if f.Internal {
			continue
		}
		out = append(out, map[string]any{"field": f.Const, "level": string(level(a.Policy.Field(k, f)))})
	}
	for _, f := range a.Policy.Custom(k) {
		out = append(out, map[string]any{"field": f.Const, "level": string(level(a.Policy.Field(k, f)))})
	}
	return out
}

func level(rule access.FieldRule) access.Level {
	switch {
	case rule.Write|rule.Create != access.None:
		return access.LevelWrite
	case rule.Read != access.None:
		return access.LevelRead
	case rule.Masked != access.None:
		return access.LevelMasked
	}
	return access.LevelNone
}

// ExplainAccess answers Query.explainAccess.
func (r *queryResolver) ExplainAccess(ctx context.Context, user, record id.ID, action string, field *string) (*read.Result, error) {
	k := r.Set.Of(record)
	if k == nil {
		return nil, fault.New(fault.NotFound, "There is no such record.")
	}
	var f *model.Field
	if field != nil {
		if f = r.field(access.From(ctx), k, *field); f == nil || f.Internal {
			var p fault.Violations
			p.Add([]any{"field"}, "UNKNOWN", "There is no such field.")
			return nil, p.Err()
		}
	}
	if err := r.bothInSight(ctx, user, k, record); err != nil {
		return nil, err
	}
	actor, err := r.Identity.Actor(ctx, user)
	if err != nil {
		return nil, write.NotFound(r.Set.Kind("User"))
	}
	keys, err := r.Write.Keys(ctx, k, record)
	if err != nil {
		return nil, err
	}
	e := actor.Explain(r.Set, k, keys, action, f, r.Clock.Now())
	value := map[string]any{"allowed": e.Allowed, "because": reasons(e.Because)}
	if e.Level != "" {
		value["level"] = string(e.Level)
	}
	res, err := r.Read.Project(ctx, value)
	return &res, err
}

// field returns a field by its name, a custom one only to who knows it: as a field of his own, or as one that he may define.
func (r *queryResolver) field(a *access.Actor, k *model.Kind, name string) *model.Field {
	f := k.Field(name)
	if f == nil {
		f = a.Policy.Catalogue().Field(k, model.CustomKey(name))
	}
	if f == nil || f.Custom == nil || a.Policy.Knows(k, f) || a.Policy.May("CUSTOM_FIELD", access.Update) {
		return f
	}
	return nil
}

// bothInSight refuses questions about a user or a record that the asker may not see himself.
func (r *queryResolver) bothInSight(ctx context.Context, user id.ID, k *model.Kind, record id.ID) error {
	a, users := access.From(ctx), r.Set.Kind("User")
	return r.reading(ctx, func(tx *db.Tx) error {
		found, err := r.Read.Visible(ctx, tx, a, users, access.Read, []id.ID{user})
		if err == nil && len(found) == 0 {
			err = write.NotFound(users)
		}
		if err != nil {
			return err
		}
		found, err = r.Read.Visible(ctx, tx, a, k, access.Read, []id.ID{record})
		if err == nil && len(found) == 0 {
			err = write.NotFound(k)
		}
		return err
	})
}

func reasons(rs []access.Reason) []any {
	out := []any{}
	for _, x := range rs {
		reason := map[string]any{"share": x.Share, "rule": string(x.Rule)}
		if x.Role != "" {
			reason["role"] = x.Role
		}
		if names := strings.Split(x.Scope, "|"); x.Scope != "" && !slices.Contains(names, "") {
			reason["scope"] = names[len(names)-1]
		}
		out = append(out, reason)
	}
	return out
}
