package auth

import (
	"context"
	"net/netip"
	"time"

	"farley/internal/id"
)

// EventKind says what happened.
type EventKind string

// What a Recorder is told of.
const (
	SignIn                 EventKind = "SIGN_IN"
	SignInRefused          EventKind = "SIGN_IN_REFUSED"
	SignOut                EventKind = "SIGN_OUT"      // by oneself, of one session or of all
	SessionEnded           EventKind = "SESSION_ENDED" // by another user
	TokenReused            EventKind = "TOKEN_REUSED"  // a spent refresh token came again; the session has been ended
	LockedOut              EventKind = "LOCKED_OUT"    // too many failures for an account or an address
	PasswordSet            EventKind = "PASSWORD_CHANGED"
	PasswordResetRequested EventKind = "PASSWORD_RESET_REQUESTED"
	PasswordReset          EventKind = "PASSWORD_RESET"
	UserInvited            EventKind = "USER_INVITED"
	APIKeyCreated          EventKind = "API_KEY_CREATED"
	APIKeyChanged          EventKind = "API_KEY_CHANGED"
	APIKeyRevoked          EventKind = "API_KEY_REVOKED"
	APIKeyRefused          EventKind = "API_KEY_REFUSED" // at most one a minute, key and node
)

// Event is one thing that happened to the access of a user. It never holds what somebody typed: no e-mail, no password,
// no token.
type Event struct {
	Kind    EventKind
	At      time.Time
	User    id.ID      // whose access it is; zero when nobody has such an account
	By      id.ID      // who did it when it was another user, zero else
	Session id.ID      // the session or key concerned, zero for all or none
	Address netip.Addr // of the client; the zero Addr when it is not known
	Reason  string     // of a refusal or an end, in words for the trail, never shown to whom it befell
}

// Recorder keeps events, for an audit trail. Record is called after the commit of what it tells, and must not block for
// long; what it cannot keep it reports itself.
type Recorder interface {
	Record(ctx context.Context, e Event)
}

// nobodyRecords is the Recorder when none is given.
type nobodyRecords struct{}

func (nobodyRecords) Record(context.Context, Event) {}

// Record tells the recorder of an event of this moment.
func (s *Service) Record(ctx context.Context, e Event) {
	if e.At.IsZero() {
		e.At = s.clock.Now()
	}
	s.recorder.Record(ctx, e)
}
