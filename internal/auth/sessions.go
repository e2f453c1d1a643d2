package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

// KindSession is the kind of session ids.
const KindSession id.Kind = 2

const (
	// DefaultRefreshLife is how long a refresh token counts, and a session that is not used.
	DefaultRefreshLife = 30 * 24 * time.Hour
	// keepEnded is how long Purge leaves ended sessions in sight.
	keepEnded = 30 * 24 * time.Hour

	maxDevice = 200 // characters
)

// Why says why a session was revoked.
type Why string

// The reasons for which sessions are revoked.
const (
	SignedOut       Why = "SIGNED_OUT"       // by the user, here or everywhere
	Reused          Why = "REUSED"           // a spent refresh token came again: somebody has a copy
	Inactive        Why = "INACTIVE"         // the user was deactivated
	PasswordChanged Why = "PASSWORD_CHANGED" // or reset
	Ended           Why = "ENDED"            // by an administrator
)

// Session is one sign-in on one device, and all refresh tokens that follow from it.
type Session struct {
	ID         id.ID
	UserID     id.ID
	Device     string
	CreatedAt  time.Time
	LastUsedAt time.Time // when tokens were last issued
	ExpiresAt  time.Time // moves on with every refresh
	RevokedAt  time.Time // zero while it is not revoked
	RevokedWhy Why
}

// ActiveAt reports whether the session counts at an instant.
func (s Session) ActiveAt(now time.Time) bool { return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) }

var (
	errOtherUser = errors.New("session of another user")
	errNoSession = errors.New("no such session")
	errEnded     = errors.New("session revoked or expired")
)

// Begin starts a session for a user whose identity is proved already: by Login, an outside identity provider or the
// command line. It does not look at the user.
func (s *Service) Begin(ctx context.Context, userID id.ID, device string) (Grant, error) {
	now := s.clock.Now()
	session := Session{
		ID: id.New(KindSession, now), UserID: userID, Device: deviceName(device),
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(s.refreshLife),
	}
	first := newRefreshToken()
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx,
			`INSERT INTO sessions (id, user_id, device, created_at, last_used_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
			session.ID, session.UserID, session.Device, session.CreatedAt, session.LastUsedAt, session.ExpiresAt)
		if err != nil {
			return err
		}
		return insertRefreshToken(ctx, tx, first, session.ID, now, session.ExpiresAt)
	})
	if err != nil {
		return Grant{}, fmt.Errorf("begin session: %w", err)
	}
	return s.grant(session, first, session.ExpiresAt)
}

// grant adds a new access token to a refresh token.
func (s *Service) grant(session Session, refresh refreshToken, refreshExpiresAt time.Time) (Grant, error) {
	access, expiresAt, err := s.Tokens.Issue(session.UserID, session.ID)
	if err != nil {
		return Grant{}, err
	}
	return Grant{
		UserID: session.UserID, SessionID: session.ID, AccessToken: access, ExpiresAt: expiresAt,
		RefreshToken: refresh.String(), RefreshExpiresAt: refreshExpiresAt,
	}, nil
}

// deviceName makes a client's text fit for the column.
func deviceName(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", ""))
	if utf8.RuneCountInString(s) <= maxDevice {
		return s
	}
	return string([]rune(s)[:maxDevice])
}

// Check reads a session. It answers Unauthenticated when there is none, or when it is revoked or expired. Callers that
// ask for every request may keep the answer for some seconds.
func (s *Service) Check(ctx context.Context, sessionID id.ID) (Session, error) {
	session, err := s.session(ctx, sessionID)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, unauthenticated(errNoSession)
	}
	if err != nil {
		return Session{}, err
	}
	if !session.ActiveAt(s.clock.Now()) {
		return Session{}, unauthenticated(errEnded)
	}
	return session, nil
}

// Active reports whether a session exists and is neither revoked nor expired.
func (s *Service) Active(ctx context.Context, sessionID id.ID) (bool, error) {
	_, err := s.Check(ctx, sessionID)
	if fault.CodeOf(err) == fault.Unauthenticated {
		return false, nil
	}
	return err == nil, err
}

const selectSession = `SELECT id, user_id, device, created_at, last_used_at, expires_at, revoked_at, revoked_why FROM sessions`

func (s *Service) session(ctx context.Context, sessionID id.ID) (Session, error) {
	var r sessionRow
	err := s.db.Find(ctx, func(tx *db.Tx) error { // it may have been begun on another server a moment ago
		return tx.QueryRow(ctx, selectSession+` WHERE id = ?`, []any{sessionID}, r.dest()...)
	})
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	return r.session(), nil
}

// List returns a user's active sessions, the youngest first, at most 100.
func (s *Service) List(ctx context.Context, userID id.ID) ([]Session, error) {
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer func() { _ = tx.Close() }()
	now := s.clock.Now()
	rows, err := tx.QueryContext(ctx, selectSession+` WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ? ORDER BY id DESC LIMIT ?`,
		userID, now, maxListed)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Session
	for rows.Next() {
		var r sessionRow
		if err := rows.Scan(r.dest()...); err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		list = append(list, r.session())
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, nil
}

// sessionRow is a Session as the database has it.
type sessionRow struct {
	Session
	revokedAt  sql.NullTime
	revokedWhy sql.NullString
}

func (r *sessionRow) dest() []any {
	return []any{&r.ID, &r.UserID, &r.Device, &r.CreatedAt, &r.LastUsedAt, &r.ExpiresAt, &r.revokedAt, &r.revokedWhy}
}

func (r *sessionRow) session() Session {
	s := r.Session
	s.CreatedAt, s.LastUsedAt, s.ExpiresAt = s.CreatedAt.UTC(), s.LastUsedAt.UTC(), s.ExpiresAt.UTC()
	if r.revokedAt.Valid {
		s.RevokedAt = r.revokedAt.Time.UTC()
	}
	s.RevokedWhy = Why(r.revokedWhy.String)
	return s
}

// Purge deletes refresh tokens and mailed tokens that have expired, sessions that ended 30 days ago or earlier, and counts
// of failed sign-ins that no longer matter.
func (s *Service) Purge(ctx context.Context) error {
	now := s.clock.Now()
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM refresh_tokens WHERE expires_at <= ?`, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM password_tokens WHERE expires_at <= ?`, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sign_in_counters WHERE last_at <= ?`, now.Add(-max(s.lockout.Quiet, s.lockout.Longest))); err != nil {
			return err
		}
		// A revoked session expires too, so that this one index serves both.
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE expires_at <= ?`, now.Add(-keepEnded))
		return err
	})
	if err != nil {
		return fmt.Errorf("purge sessions: %w", err)
	}
	return nil
}
