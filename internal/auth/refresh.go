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
	"farley/internal/fault"
	"farley/internal/id"
)

// Grace is how long a spent refresh token still gets its successor: an answer that was lost on the way makes honest
// clients ask again.
const Grace = 10 * time.Second

const (
	refreshPrefix    = "rt_"
	refreshSecretLen = 32
)

// refusedRefresh answers every refresh token that does not count; the cause is for the log.
func refusedRefresh(cause error) error {
	return fault.Wrap(fault.Unauthenticated, cause, "The session has ended. Sign in again.")
}

var (
	errNoToken      = errors.New("unknown refresh token")
	errTokenExpired = errors.New("refresh token expired")
	errReused       = errors.New("spent refresh token used again: session revoked")
	errInactive     = errors.New("user absent or inactive: session revoked")
)

// refreshToken is the secret of a refresh token: 32 random bytes, written rt_ and base64url. The database has only its
// hash.
type refreshToken [refreshSecretLen]byte

func newRefreshToken() refreshToken {
	var t refreshToken
	randomBytes(t[:])
	return t
}

// String returns the text that the client keeps.
func (t refreshToken) String() string {
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(t[:])
}

// hash is the key of the token's row. The secret is random, so that one round of SHA-256 is enough.
func (t refreshToken) hash() string {
	sum := sha256.Sum256(t[:])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func parseRefreshToken(s string) (refreshToken, bool) {
	var t refreshToken
	text, ok := strings.CutPrefix(s, refreshPrefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(refreshSecretLen) {
		return t, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(t[:], []byte(text))
	return t, err == nil && n == refreshSecretLen
}

// Refresh spends a refresh token and returns its successor with a new access token. A token spent less than Grace ago
// gives the same successor again; one spent earlier revokes the session, since somebody has a copy of it. It answers
// Unauthenticated for every token that does not count.
func (s *Service) Refresh(ctx context.Context, token string) (Grant, error) {
	old, ok := parseRefreshToken(token)
	if !ok {
		return Grant{}, refusedRefresh(errNoToken)
	}
	if err := s.checkOwner(ctx, old); err != nil {
		return Grant{}, err
	}
	var turn rotation
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		turn, err = s.rotate(ctx, tx, old)
		return err
	})
	if err != nil {
		return Grant{}, fmt.Errorf("refresh: %w", err)
	}
	if errors.Is(turn.refused, errReused) {
		s.Record(ctx, Event{Kind: TokenReused, User: turn.session.UserID, Session: turn.session.ID})
	}
	if turn.refused != nil {
		return Grant{}, refusedRefresh(turn.refused)
	}
	return s.grant(turn.session, turn.successor, turn.expiresAt)
}

// checkOwner refuses the token of a user who is not active, and ends his session. It comes before the transaction, which
// must not wait for a second connection.
func (s *Service) checkOwner(ctx context.Context, t refreshToken) error {
	session, err := s.owner(ctx, t)
	if errors.Is(err, sql.ErrNoRows) {
		return refusedRefresh(errNoToken)
	}
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	account, err := s.users.ByID(ctx, session.UserID)
	if err != nil && !notFound(err) {
		return fmt.Errorf("refresh: find user: %w", err)
	}
	if err == nil && account.Active {
		return s.seen(ctx, account)
	}
	if err := s.Revoke(ctx, session.ID, Inactive); err != nil {
		return err
	}
	return refusedRefresh(errInactive)
}

func (s *Service) owner(ctx context.Context, t refreshToken) (session Session, err error) {
	err = s.db.Find(ctx, func(tx *db.Tx) error { // it may have been given out on another server a moment ago
		return tx.QueryRow(ctx, `SELECT s.id, s.user_id FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = ?`,
			[]any{t.hash()}, &session.ID, &session.UserID)
	})
	return session, err
}

// rotation is the outcome of presenting a refresh token: refused, or a successor.
type rotation struct {
	refused   error
	session   Session
	successor refreshToken
	expiresAt time.Time // of the successor
}

// rotate decides on the locked rows of the token and its session, so that two who present it at once get one successor.
// A refusal is no error: what it writes is to be committed.
func (s *Service) rotate(ctx context.Context, tx *db.Tx, old refreshToken) (rotation, error) {
	row, err := lockRefreshToken(ctx, tx, old)
	if errors.Is(err, sql.ErrNoRows) {
		return rotation{refused: errNoToken}, nil
	}
	if err != nil {
		return rotation{}, err
	}
	now := s.clock.Now()
	switch row.judge(now) {
	case tokenFresh:
		return s.spend(ctx, tx, row, old, now)
	case tokenRepeated:
		successor, err := unseal(row.successor, old, row.session.ID)
		return rotation{session: row.session, successor: successor, expiresAt: row.spentAt.Add(s.refreshLife)}, err
	case tokenReused:
		return rotation{refused: errReused, session: row.session}, s.RevokeIn(ctx, tx, row.session.ID, Reused)
	case tokenExpired:
		return rotation{refused: errTokenExpired}, nil
	default:
		return rotation{refused: errEnded}, nil
	}
}

// spend marks the token as spent and makes its successor.
func (s *Service) spend(ctx context.Context, tx *db.Tx, row refreshRow, old refreshToken, now time.Time) (rotation, error) {
	next := newRefreshToken()
	expiresAt := now.Add(s.refreshLife)
	sealed, err := seal(next, old, row.session.ID)
	if err != nil {
		return rotation{}, err
	}
	if err := insertRefreshToken(ctx, tx, next, row.session.ID, now, expiresAt); err != nil {
		return rotation{}, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE refresh_tokens SET spent_at = ?, successor = ? WHERE hash = ?`, now, sealed, old.hash())
	if err != nil {
		return rotation{}, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE sessions SET last_used_at = ?, expires_at = ? WHERE id = ?`, now, expiresAt, row.session.ID)
	return rotation{session: row.session, successor: next, expiresAt: expiresAt}, err
}

func insertRefreshToken(ctx context.Context, tx *db.Tx, t refreshToken, sessionID id.ID, now, expiresAt time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO refresh_tokens (hash, session_id, created_at, expires_at) VALUES (?, ?, ?, ?)`,
		t.hash(), sessionID, now, expiresAt)
	return err
}

// refreshRow is a refresh token's row with what is needed of its session.
type refreshRow struct {
	session   Session // ID, UserID, ExpiresAt, RevokedAt
	expiresAt time.Time
	spentAt   time.Time // zero while it is not spent
	successor []byte    // sealed
}

func lockRefreshToken(ctx context.Context, tx *db.Tx, t refreshToken) (refreshRow, error) {
	var (
		r                refreshRow
		spent, revokedAt sql.NullTime
	)
	err := tx.QueryRow(ctx, `SELECT s.id, s.user_id, s.expires_at, s.revoked_at, t.expires_at, t.spent_at, t.successor
		FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = ?`+tx.Dialect.ForUpdate(),
		[]any{t.hash()}, &r.session.ID, &r.session.UserID, &r.session.ExpiresAt, &revokedAt, &r.expiresAt, &spent, &r.successor)
	if err != nil {
		return refreshRow{}, err
	}
	r.session.RevokedAt, r.spentAt = revokedAt.Time.UTC(), spent.Time.UTC() // zero when NULL
	return r, nil
}

// verdict is what a refresh token is worth.
type verdict int

const (
	tokenOver     verdict = iota // its session has ended
	tokenFresh                   // never used
	tokenRepeated                // used a moment ago
	tokenReused                  // used before: stolen, or its successor is
	tokenExpired
)

func (r refreshRow) judge(now time.Time) verdict {
	switch {
	case !r.session.ActiveAt(now):
		return tokenOver
	case !r.spentAt.IsZero() && now.Sub(r.spentAt) <= Grace:
		return tokenRepeated
	case !r.spentAt.IsZero():
		return tokenReused
	case !now.Before(r.expiresAt):
		return tokenExpired
	default:
		return tokenFresh
	}
}
