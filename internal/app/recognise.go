package app

import (
	"context"
	"errors"

	"farley/internal/access"
	"farley/internal/audit"
	"farley/internal/auth"
	"farley/internal/fault"
	"farley/internal/identity"
	"farley/internal/stream"
	"farley/internal/viewer"
)

// recognising is the authenticator, and tells the audit trail of refusals when it is known whom they hit: the token is one
// of ours, but its session has ended or its user may not sign in any more.
type recognising struct {
	*identity.Service
	tokens *auth.Tokens
	audit  *audit.Log
}

var _ stream.Authenticator = recognising{}

// Authenticate implements stream.Authenticator.
func (r recognising) Authenticate(ctx context.Context, token string) (context.Context, stream.Session, error) {
	out, session, err := r.Service.Authenticate(ctx, token)
	var f *fault.Error
	if err == nil || !errors.As(err, &f) {
		return out, session, err
	}
	if claims, invalid := r.tokens.Verify(token); invalid == nil {
		who := &access.Actor{Viewer: viewer.Viewer{User: claims.UserID, Session: claims.SessionID}}
		r.audit.Refused(access.With(ctx, who), f, nil)
	}
	return out, session, err
}
