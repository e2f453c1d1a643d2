package stream

import (
	"context"
	"time"
)

// Authenticator finds out who sends a request or opens a connection.
//
// Authenticate returns the context that carries who acts, and how long that holds. The empty token is an anonymous
// caller: it gives a context without a viewer and no error. Any other token that is not valid gives a fault.Error with
// code UNAUTHENTICATED.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (context.Context, Session, error)
}

// Session says how long an authentication holds.
type Session struct {
	// ExpiresAt is the end of the token's life; the zero time means that it has none.
	ExpiresAt time.Time
	// Revoked ends when the session ends early (sign-out, deactivation); nil means that this never happens. It is a context
	// because one can hang a call on its end: thousands of sockets wait for theirs, without a goroutine each.
	Revoked context.Context //nolint:containedctx // it is a signal, not a scope
}

// Done returns a channel that is closed when the session ends early, nil when that never happens.
func (s Session) Done() <-chan struct{} {
	if s.Revoked == nil {
		return nil
	}
	return s.Revoked.Done()
}

// IsRevoked reports whether the session has ended early.
func (s Session) IsRevoked() bool { return s.Revoked != nil && s.Revoked.Err() != nil }

// OnRevoked has f called, in a goroutine of its own, when the session ends early, at once if it has. After stop it is not called
// any more, unless it has been.
func (s Session) OnRevoked(f func()) (stop func() bool) {
	if s.Revoked == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(s.Revoked, f)
}
