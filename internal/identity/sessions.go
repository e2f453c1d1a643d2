package identity

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"

	"farley/internal/access"
	"farley/internal/auth"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/write"
)

// SignOut ends the session by which the actor came.
func (s *Service) SignOut(ctx context.Context, from netip.Addr) error {
	a := access.From(ctx)
	if a.Session.Kind() == auth.KindAPIKey {
		return fault.New(fault.Forbidden, "An API key does not sign out. Have it revoked.")
	}
	if err := s.auth.Logout(ctx, a.Session); err != nil {
		return err
	}
	s.auth.Record(ctx, auth.Event{Kind: auth.SignOut, User: a.User, Session: a.Session, Address: from})
	return nil
}

// EndSession ends a session of the actor, or of a user in sight whom the actor manages. Any other is NOT_FOUND.
func (s *Service) EndSession(ctx context.Context, w *write.Writer, session id.ID) error {
	return w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		user, err := s.auth.SessionUser(ctx, tx.Tx, session)
		if err == nil && user != tx.Actor.User {
			_, err = s.managed(ctx, tx, user)
		}
		if code := fault.CodeOf(err); errors.Is(err, sql.ErrNoRows) || code == fault.NotFound || code == fault.Forbidden {
			return fault.New(fault.NotFound, "There is no such session.")
		}
		if err != nil {
			return err
		}
		e := auth.Event{Kind: auth.SignOut, User: user, Session: session}
		why := auth.SignedOut
		if e.By = other(tx.Actor.User, user); !e.By.IsZero() {
			e.Kind, why = auth.SessionEnded, auth.Ended
		}
		tx.OnCommit(func() { s.auth.Record(ctx, e) })
		return s.auth.RevokeIn(ctx, tx.Tx, session, why)
	})
}

// LogoutEverywhere ends all sessions of the actor, or of a user in sight whom the actor manages, and has tokens of outside
// issuers that were issued until now no longer count. Keys stay.
func (s *Service) LogoutEverywhere(ctx context.Context, w *write.Writer, user id.ID) error {
	return w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		e := auth.Event{Kind: auth.SignOut, User: user, Reason: "everywhere"}
		why := auth.SignedOut
		if e.By = other(tx.Actor.User, user); !e.By.IsZero() {
			if _, err := s.managed(ctx, tx, user); err != nil {
				return err
			}
			e.Kind, why = auth.SessionEnded, auth.Ended
		}
		if err := tx.Set(ctx, s.set.Kind("User"), user, map[string]any{"tokens_since": tx.Now}); err != nil {
			return err
		}
		tx.OnCommit(func() {
			s.revokeAll(user)
			s.auth.Record(ctx, e)
		})
		return s.auth.RevokeUserIn(ctx, tx.Tx, user, why)
	})
}
