package seed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/model"
	"farley/internal/text"
	"farley/internal/write"
)

// born is the instant in the ids of the shipped roles.
var born = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// RoleID returns the id of the shipped role with a key. It is the same in every database.
func RoleID(set *model.Set, key string) id.ID {
	return shippedID("role "+key, set.Kind("Role").Code)
}

// Roles returns the shipped roles by key, as the policy reads them.
func Roles(set *model.Set) map[string]access.Role {
	roles := map[string]access.Role{}
	for _, d := range definitions(set) {
		roles[d.key] = access.Role{
			ID: RoleID(set, d.key).String(), Name: d.name, Permissions: d.permissions(set), Fields: d.fieldLevels(set),
		}
	}
	return roles
}

// maxRaces bounds the tries against other nodes that start at the same moment.
const maxRaces = 5

// EnsureRoles makes the shipped roles that are missing and brings those that differ up to date, and returns their ids by
// key. It is for every start; copies and roles of one's own are left alone. A shipped role whose name somebody else uses
// is told apart by an addition to its name.
func EnsureRoles(ctx context.Context, w *write.Writer) (map[string]id.ID, error) {
	roles := definitions(w.Set)
	ids := make(map[string]id.ID, len(roles))
	for _, d := range roles {
		ids[d.key] = RoleID(w.Set, d.key)
	}
	var err error
	for range maxRaces {
		err = w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
			for i := range roles {
				if err := ensureRole(ctx, tx, &roles[i]); err != nil {
					return fmt.Errorf("role %s: %w", roles[i].key, err)
				}
			}
			return nil
		})
		// Another node that starts now may have made the same roles: then the id or the name is taken.
		if code := fault.CodeOf(err); code != fault.Conflict && code != fault.Invalid {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	return ids, nil
}

func ensureRole(ctx context.Context, tx *write.Tx, d *definition) error {
	set := tx.Kinds()
	k, x := set.Kind("Role"), RoleID(set, d.key)
	old, err := tx.Lock(ctx, k, x)
	if err != nil {
		return err
	}
	name, err := freeName(ctx, tx, x, d.name)
	if err != nil {
		return err
	}
	in := input.Object{
		"name": name, "description": d.description,
		"permissions": permissionInputs(d.permissions(set)), "fieldLevels": levelInputs(d.fieldLevels(set)),
	}
	if old == nil {
		in["id"] = x.String()
		if _, err := tx.Create(ctx, k, in, "ALLOW"); err != nil {
			return err
		}
		return tx.Set(ctx, k, x, map[string]any{"system": true})
	}
	_, err = tx.Update(ctx, k, x, in)
	return err
}

// freeName returns the name, with an addition when another role has it.
func freeName(ctx context.Context, tx *write.Tx, x id.ID, name string) (string, error) {
	var other id.ID
	err := tx.QueryRow(ctx, "SELECT id FROM roles WHERE name_key = ? AND id <> ?", []any{text.Fold(name), x}, &other)
	if errors.Is(err, sql.ErrNoRows) {
		return name, nil
	}
	return name + " (shipped)", err
}

func permissionInputs(ps []access.Permission) []any {
	out := make([]any, len(ps))
	for i, p := range ps {
		out[i] = map[string]any{"object": p.Object, "action": p.Action, "scope": p.Scope}
	}
	return out
}

func levelInputs(ls []access.FieldLevel) []any {
	out := make([]any, len(ls))
	for i, l := range ls {
		out[i] = map[string]any{"object": l.Object, "field": l.Field, "level": string(l.Level)}
	}
	return out
}
