package auth

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"farley/internal/db"
	"farley/internal/id"
)

// How long a mailed token is good for.
const (
	ResetLife  = time.Hour
	InviteLife = 7 * 24 * time.Hour
)

const (
	passwordTokenPrefix = "pw_"
	passwordSecretLen   = 32
)

// ErrPasswordToken is returned for a mailed token that is unknown, used, void or too old.
var ErrPasswordToken = errors.New("auth: no such password token")

// NewPasswordToken makes a token with which a user can set a password once, until life is over. Only its hash is stored.
func (s *Service) NewPasswordToken(ctx context.Context, tx *db.Tx, user id.ID, life time.Duration) (token string, until time.Time, err error) {
	token = passwordTokenPrefix + randomText(passwordSecretLen)
	now := s.clock.Now()
	until = now.Add(life)
	_, err = tx.ExecContext(ctx, `INSERT INTO password_tokens (hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)`,
		passwordTokenHash(token), user, now, until)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make password token: %w", err)
	}
	return token, until, nil
}

func passwordTokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// PasswordTokenUser returns whose token it is, without spending it.
func (s *Service) PasswordTokenUser(ctx context.Context, token string) (id.ID, error) {
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return id.ID{}, fmt.Errorf("read password token: %w", err)
	}
	defer func() { _ = tx.Close() }()
	return s.passwordToken(ctx, tx, token, "")
}

// SpendPasswordToken returns whose token it is and makes all tokens of this user void.
func (s *Service) SpendPasswordToken(ctx context.Context, tx *db.Tx, token string) (id.ID, error) {
	user, err := s.passwordToken(ctx, tx, token, tx.Dialect.ForUpdate())
	if err != nil {
		return id.ID{}, err
	}
	return user, s.VoidPasswordTokensIn(ctx, tx, user)
}

func (s *Service) passwordToken(ctx context.Context, tx *db.Tx, token, lock string) (id.ID, error) {
	var user id.ID
	if !strings.HasPrefix(token, passwordTokenPrefix) {
		return user, ErrPasswordToken
	}
	var until time.Time
	err := tx.QueryRow(ctx, `SELECT user_id, expires_at FROM password_tokens WHERE hash = ?`+lock, []any{passwordTokenHash(token)}, &user, &until)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !s.clock.Now().Before(until) {
		return id.ID{}, ErrPasswordToken
	}
	if err != nil {
		return id.ID{}, fmt.Errorf("read password token: %w", err)
	}
	return user, nil
}

// VoidPasswordTokensIn makes all tokens of a user void, in the transaction that gives him another password.
func (s *Service) VoidPasswordTokensIn(ctx context.Context, tx *db.Tx, user id.ID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM password_tokens WHERE user_id = ?`, user); err != nil {
		return fmt.Errorf("void password tokens: %w", err)
	}
	return nil
}
