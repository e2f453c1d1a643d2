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
	// Revoked is closed when the session ends early (sign-out, deactivation); nil means that this never happens.
	Revoked <-chan struct{}
}
