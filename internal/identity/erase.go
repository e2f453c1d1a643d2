package identity

import (
	"context"
	"fmt"
	"time"

	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/scalar"
	"farley/internal/write"
)

// Wipe deactivates a user whose data are erased, which ends his sessions, and drops what is kept of him beside his record:
// password, identities of outside issuers, names of devices and keys.
func (s *Service) Wipe(ctx context.Context, tx *write.Tx, k *model.Kind, x id.ID) error {
	if k.Name != "User" {
		return nil
	}
	r, err := tx.Lock(ctx, k, x)
	if err != nil || r == nil {
		return err
	}
	if active, _ := r.Values["active"].(bool); active {
		if err := tx.Set(ctx, k, x, map[string]any{"active": false}); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		"UPDATE users SET password_hash = NULL WHERE id = ?",
		"UPDATE sessions SET device = '' WHERE user_id = ?",
		"UPDATE api_keys SET name = '', addresses = '[]', revoked_at = COALESCE(revoked_at, changed_at) WHERE user_id = ?",
		"DELETE FROM password_tokens WHERE user_id = ?",
		"DELETE FROM outside_identities WHERE user_id = ?",
		"DELETE FROM stream_tickets WHERE user_id = ?",
	} {
		if _, err := tx.ExecContext(ctx, statement, x); err != nil {
			return fmt.Errorf("wipe what is kept of a user: %w", err)
		}
	}
	tx.OnCommit(s.Invalidate)
	return nil
}

// Held tells, for an export, what is kept of a user beside his record: sessions, keys, and identities of outside issuers.
func (s *Service) Held(ctx context.Context, tx *db.Tx, k *model.Kind, x id.ID) ([]map[string]any, error) {
	if k.Name != "User" {
		return nil, nil
	}
	var out []map[string]any
	for _, q := range []struct{ what, query string }{
		{"session", "SELECT device, created_at, last_used_at FROM sessions WHERE user_id = ? ORDER BY created_at LIMIT 1000"},
		{"key", "SELECT name, created_at, changed_at FROM api_keys WHERE user_id = ? ORDER BY created_at LIMIT 1000"},
		{"outsideIdentity", "SELECT subject, linked_at, linked_at FROM outside_identities WHERE user_id = ? ORDER BY linked_at LIMIT 1000"},
	} {
		rows, err := tx.QueryContext(ctx, q.query, x)
		if err != nil {
			return nil, err
		}
		var name string
		var begun, last time.Time
		for rows.Next() {
			if err := rows.Scan(&name, &begun, &last); err != nil {
				_ = rows.Close() // the first error tells more
				return nil, err
			}
			out = append(out, map[string]any{"what": q.what, "name": name, "since": begun.UTC().Format(scalar.Layout), "lastAt": last.UTC().Format(scalar.Layout)})
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
