package app

import (
	"context"
	"log/slog"
	"time"

	"farley/internal/audit"
	"farley/internal/auth"
	"farley/internal/id"
)

// recorder writes what happens around sign-in into the audit trail.
type recorder struct {
	trail *audit.Log
	users id.Kind
	log   *slog.Logger
}

// recordTime bounds how long a caller waits for the entry.
const recordTime = 10 * time.Second

// Record implements auth.Recorder. What cannot be written is in the log of the process.
func (r recorder) Record(ctx context.Context, e auth.Event) {
	entry := audit.Entry{At: e.At, Action: audit.Action(e.Kind), User: e.User, Record: e.User, Session: e.Session, Detail: e.Reason}
	if !e.User.IsZero() {
		entry.Object = r.users
	}
	switch e.Kind {
	case auth.SignInRefused, auth.LockedOut, auth.PasswordResetRequested, auth.APIKeyRefused:
		entry.User = id.ID{} // nobody has shown to be the user
	}
	if !e.By.IsZero() {
		entry.User, entry.Session = e.By, id.ID{} // of the context: the one acted under
		if !e.Session.IsZero() {
			entry.Detail = e.Session.String()
		}
	}
	if e.Address.IsValid() {
		entry.Address = e.Address.String()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := r.trail.Record(ctx, entry); err != nil {
		r.log.ErrorContext(ctx, "an event of sign-in is missing in the audit trail", "event", string(e.Kind), "user", e.User.String(), "error", err)
	}
}
