package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"farley/internal/db"
	"farley/internal/id"
)

// Logout ends a session: its refresh token and its access tokens no longer count. One that has ended already, or that
// does not exist, is no error.
func (s *Service) Logout(ctx context.Context, sessionID id.ID) error {
	return s.Revoke(ctx, sessionID, SignedOut)
}

// LogoutUser ends all sessions of a user.
func (s *Service) LogoutUser(ctx context.Context, userID id.ID) error {
	return s.RevokeUser(ctx, userID, SignedOut)
}

// Revoke is Logout for another reason.
func (s *Service) Revoke(ctx context.Context, sessionID id.ID, why Why) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.RevokeIn(ctx, tx, sessionID, why)
	})
}

// RevokeUser is LogoutUser for another reason.
func (s *Service) RevokeUser(ctx context.Context, userID id.ID, why Why) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.RevokeUserIn(ctx, tx, userID, why) })
}

// RevokeUserIn is RevokeUser inside the caller's transaction, which deactivates the user or changes his password.
func (s *Service) RevokeUserIn(ctx context.Context, tx *db.Tx, userID id.ID, why Why) error {
	return s.revoke(ctx, tx, `user_id = ?`, why, userID)
}

// RevokeOthersIn is RevokeUserIn but for one session, which stays.
func (s *Service) RevokeOthersIn(ctx context.Context, tx *db.Tx, userID, keep id.ID, why Why) error {
	return s.revoke(ctx, tx, `user_id = ? AND id <> ?`, why, userID, keep)
}

// RevokeIn is Revoke inside the caller's transaction.
func (s *Service) RevokeIn(ctx context.Context, tx *db.Tx, sessionID id.ID, why Why) error {
	return s.revoke(ctx, tx, `id = ?`, why, sessionID)
}

// SessionUser returns whose session it is, whether it has ended or not. It returns sql.ErrNoRows when there is none.
func (s *Service) SessionUser(ctx context.Context, tx *db.Tx, sessionID id.ID) (id.ID, error) {
	var user id.ID
	err := tx.QueryRow(ctx, `SELECT user_id FROM sessions WHERE id = ?`, []any{sessionID}, &user)
	return user, err
}

// revoke ends the sessions that meet the condition and have not ended, and tells of each after the commit.
func (s *Service) revoke(ctx context.Context, tx *db.Tx, condition string, why Why, args ...any) error {
	found, err := lockSessions(ctx, tx, condition, args)
	if err != nil {
		return fmt.Errorf("revoke sessions: %w", err)
	}
	now := s.clock.Now()
	const chunk = 500 // databases bound the number of parameters
	for part := range slices.Chunk(found, chunk) {
		args := []any{now, string(why)}
		for _, f := range part {
			args = append(args, f.ID)
		}
		statement := `UPDATE sessions SET revoked_at = ?, revoked_why = ? WHERE id IN (?` + strings.Repeat(`, ?`, len(part)-1) + `)`
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("revoke sessions: %w", err)
		}
	}
	tx.OnCommit(func() {
		for _, f := range found {
			s.tellRevoked(f.ID, f.UserID)
		}
	})
	return nil
}

func lockSessions(ctx context.Context, tx *db.Tx, condition string, args []any) ([]Session, error) {
	rows, err := tx.QueryContext(ctx,
		`SELECT id, user_id FROM sessions WHERE `+condition+` AND revoked_at IS NULL`+tx.Dialect.ForUpdate(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []Session
	for rows.Next() {
		var f Session
		if err := rows.Scan(&f.ID, &f.UserID); err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, rows.Err()
}
