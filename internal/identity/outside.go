package identity

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"time"

	"farley/internal/access"
	"farley/internal/auth"
	"farley/internal/id"
	"farley/internal/stream"
)

// Outside knows whose the tokens of outside issuers are.
type Outside interface {
	// Issued reports whether a token says that it is of an issuer that is trusted. It verifies nothing.
	Issued(token string) bool
	// Authenticate verifies such a token. Its session is not one of ours: it is the same for all tokens of one sign-in.
	Authenticate(ctx context.Context, token string) (auth.Claims, error)
	// Alive reports whether the user is active and tokens issued to him at the instant still count.
	Alive(ctx context.Context, user id.ID, issuedAt time.Time) (bool, error)
}

// Accept takes the tokens of outside issuers beside our own. It is for the time before the first request.
func (s *Service) Accept(o Outside) { s.outside = o }

// outsider returns what an outside token, or the pass of an outside session, says; false for all others.
func (s *Service) outsider(ctx context.Context, token string) (auth.Claims, bool, error) {
	if s.outside == nil {
		return auth.Claims{}, false, nil
	}
	if claims, ok := s.redeemPass(token); ok {
		alive, err := s.outside.Alive(ctx, claims.UserID, claims.IssuedAt)
		if err == nil && (!alive || !s.clock.Now().Before(claims.ExpiresAt)) {
			err = errInactive
		}
		return claims, true, err
	}
	if !s.outside.Issued(token) {
		return auth.Claims{}, false, nil
	}
	claims, err := s.outside.Authenticate(ctx, token)
	return claims, true, err
}

// admit lets the user of an outside token act.
func (s *Service) admit(ctx context.Context, claims auth.Claims, err error) (context.Context, stream.Session, error) {
	if err != nil {
		return ctx, stream.Session{}, err
	}
	actor, err := s.Actor(ctx, claims.UserID)
	if err != nil {
		return ctx, stream.Session{}, err
	}
	s.used(actor.User, s.clock.Now())
	mine := *actor
	mine.Session = claims.SessionID
	return access.With(ctx, &mine), stream.Session{ExpiresAt: claims.ExpiresAt, Revoked: s.outsideRevoked(claims)}, nil
}

// outsideRevoked is revoked for a session that is not one of ours. It ends for all of its streams when the oldest token
// among them no longer counts: those who came with a younger one come again.
func (s *Service) outsideRevoked(c auth.Claims) context.Context {
	ended := s.revoked(c.SessionID, c.UserID, c.ExpiresAt, time.Time{})
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.streams[c.SessionID]; o != nil && (!o.outside || c.IssuedAt.Before(o.issuedAt)) {
		o.outside, o.issuedAt = true, c.IssuedAt
	}
	return ended
}

// active reports whether a session on which streams hang has not ended.
func (s *Service) active(ctx context.Context, session id.ID) (bool, error) {
	s.mu.Lock()
	o := s.streams[session]
	outside := o != nil && o.outside
	var user id.ID
	var issuedAt time.Time
	if outside {
		user, issuedAt = o.user, o.issuedAt
	}
	s.mu.Unlock()
	if outside {
		return s.outside.Alive(ctx, user, issuedAt)
	}
	return s.auth.Active(ctx, session)
}

// outsideToken returns from when until when the tokens of an outside session count; nulls for one of ours.
func (s *Service) outsideToken(session id.ID) (issued, expires sql.NullTime) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.streams[session]
	if o == nil || !o.outside {
		return issued, expires
	}
	return sql.NullTime{Time: o.issuedAt, Valid: true}, sql.NullTime{Time: o.until, Valid: true}
}

// pass returns a text that stands for an outside session in this process, once: a token of the issuer cannot be made
// here, and one of ours would need a session of ours.
func (s *Service) pass(claims auth.Claims) string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	text := base64.RawURLEncoding.EncodeToString(secret[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passes[text] = claims
	return text
}

func (s *Service) redeemPass(text string) (auth.Claims, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	claims, ok := s.passes[text]
	delete(s.passes, text)
	return claims, ok
}
