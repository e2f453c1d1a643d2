package rule

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/write"
)

// manageUsers is the action that makes an administrator of whoever may do it to all users.
const manageUsers = "MANAGE_USERS"

// userLeavesAdministrator refuses to deactivate or delete the last administrator.
func userLeavesAdministrator(ctx context.Context, c *write.Change) error {
	if c.Created() || !c.InBin() && (c.Flag("active") || !c.Changes("active")) {
		return nil
	}
	return leavesAdministrator(ctx, c)
}

// grantLeavesAdministrator refuses to end the last grant of a role that makes an administrator.
func grantLeavesAdministrator(ctx context.Context, c *write.Change) error {
	until, ends := c.Get("validUntil").(time.Time)
	ended := ends && !until.After(c.Tx.Now) && c.Changes("validUntil")
	if c.Created() || !c.InBin() && !ended {
		return nil
	}
	return leavesAdministrator(ctx, c)
}

// roleLeavesAdministrator refuses to take from a role what makes the last administrator, and to delete such a role.
func roleLeavesAdministrator(ctx context.Context, c *write.Change) error {
	if c.Created() || !c.InBin() && !c.Changes("permissions") {
		return nil
	}
	was, _ := c.Old.Values["permissions"].(string)
	if !administers(was) || !c.InBin() && administers(c.Text("permissions")) {
		return nil
	}
	return leavesAdministrator(ctx, c)
}

// administers reports whether stored permissions let their holders manage all users.
func administers(permissions string) bool {
	var ps []access.Permission
	_ = json.Unmarshal([]byte(permissions), &ps) // it was written by decode, or is empty
	return slices.ContainsFunc(ps, func(p access.Permission) bool {
		return p.Object == "USER" && p.Action == manageUsers && p.Scope == access.All.String()
	})
}

// leavesAdministrator refuses a change after which no active user may manage all users, where one could before. Such
// changes take turns, so two at once cannot each rely on what the other one ends. Farley's own writes carry out what was
// decided elsewhere, at the console or by an outside issuer.
func leavesAdministrator(ctx context.Context, c *write.Change) error {
	if c.Tx.System() {
		return nil
	}
	if err := c.Tx.HoldName(ctx, c.KindOf("User"), "administrators"); err != nil {
		return err
	}
	before, err := administrators(ctx, c, c.Tx.Dialect.ForUpdate())
	if err != nil || before == 0 {
		return err
	}
	c.Then(func(ctx context.Context) error {
		after, err := administrators(ctx, c, "")
		if err == nil && after == 0 {
			err = fault.New(fault.Conflict, "Nobody would be left who manages all users.")
		}
		return err
	})
	return nil
}

// administrators counts the active users who may manage all users. It locks the roles.
func administrators(ctx context.Context, c *write.Change, lock string) (int, error) {
	roles, err := administrating(ctx, c.Tx, lock)
	if err != nil || len(roles) == 0 {
		return 0, err
	}
	args := append([]any{true, c.Tx.Now}, roles...)
	var n int
	err = c.Tx.QueryRow(ctx, "SELECT COUNT(DISTINCT u.`id`) FROM `role_grants` g JOIN `users` u ON u.`id` = g.`user_id`"+
		" WHERE u.`active` = ? AND u.`deleted_at` IS NULL AND g.`deleted_at` IS NULL AND (g.`valid_until` IS NULL OR g.`valid_until` > ?)"+
		" AND g.`role_id` IN (?"+strings.Repeat(", ?", len(roles)-1)+")", args, &n)
	return n, err
}

// administrating returns the ids of the roles whose holders may manage all users.
func administrating(ctx context.Context, tx *write.Tx, lock string) ([]any, error) {
	rows, err := tx.QueryContext(ctx, "SELECT `id`, COALESCE(`permissions`, '') FROM `roles` WHERE `deleted_at` IS NULL ORDER BY `id`"+lock)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var ids []any
	for rows.Next() {
		var x id.ID
		var permissions string
		if err := rows.Scan(&x, &permissions); err != nil {
			return nil, err
		}
		if administers(permissions) {
			ids = append(ids, x)
		}
	}
	return ids, rows.Err()
}
