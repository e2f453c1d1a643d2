package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"time"

	"farley/internal/access"
	"farley/internal/auth"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

// ticketLife is how long a stream ticket is good for.
const ticketLife = 30 * time.Second

// IssueTicket returns a text that stands for the actor's session, once, until the instant. An API key gets none: what a
// ticket stands for must not outlive its key, and programs can send headers.
func (s *Service) IssueTicket(ctx context.Context, a *access.Actor) (ticket string, until time.Time, err error) {
	if a.Session.Kind() == auth.KindAPIKey {
		return "", time.Time{}, fault.New(fault.Forbidden, "An API key makes no tickets.")
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	ticket = base64.RawURLEncoding.EncodeToString(secret[:])
	now := s.clock.Now()
	until = now.Add(ticketLife)
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM stream_tickets WHERE expires_at < ?", now); err != nil {
			return err
		}
		issued, expires := s.outsideToken(a.Session)
		_, err := tx.ExecContext(ctx, "INSERT INTO stream_tickets (ticket_hash, user_id, session_id, expires_at, token_issued_at, token_expires_at) VALUES (?, ?, ?, ?, ?, ?)",
			ticketHash(ticket), a.User, a.Session, until, issued, expires)
		return err
	})
	return ticket, until, err
}

func ticketHash(ticket string) string {
	sum := sha256.Sum256([]byte(ticket))
	return hex.EncodeToString(sum[:])
}

// RedeemTicket returns an access token for a ticket, which is spent with it.
func (s *Service) RedeemTicket(ctx context.Context, ticket string) (token string, err error) {
	var user, session id.ID
	var outsideIssued, outsideExpires sql.NullTime
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var until time.Time
		err := tx.QueryRow(ctx, "SELECT user_id, session_id, expires_at, token_issued_at, token_expires_at FROM stream_tickets WHERE ticket_hash = ?"+tx.Dialect.ForUpdate(),
			[]any{ticketHash(ticket)}, &user, &session, &until, &outsideIssued, &outsideExpires)
		if err != nil || !until.After(s.clock.Now()) {
			return fault.Wrap(fault.Unauthenticated, err, "The ticket is not valid.")
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM stream_tickets WHERE ticket_hash = ?", ticketHash(ticket))
		return err
	})
	if err != nil {
		return "", err
	}
	if outsideExpires.Valid {
		return s.pass(auth.Claims{UserID: user, SessionID: session, IssuedAt: outsideIssued.Time.UTC(), ExpiresAt: outsideExpires.Time.UTC()}), nil
	}
	token, _, err = s.auth.Tokens.Issue(user, session)
	return token, err
}
