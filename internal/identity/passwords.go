package identity

import (
	"context"
	"errors"
	"net/netip"

	"farley/internal/access"
	"farley/internal/auth"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/write"
)

// SetPassword gives a user in sight, whom the actor manages, a password and ends the user's sessions; answer runs in the
// same transaction.
func (s *Service) SetPassword(ctx context.Context, w *write.Writer, user id.ID, password string, answer func(context.Context, *write.Tx) error) error {
	path := []any{"input", "password"}
	var p fault.Violations
	auth.CheckPassword(&p, path, password, auth.Account{}) // whose it is is for those to know who see the user
	if err := p.Err(); err != nil {
		return err
	}
	hash, err := s.auth.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		r, err := s.managed(ctx, tx, user)
		if err != nil {
			return err
		}
		var p fault.Violations
		auth.CheckPassword(&p, path, password, accountOf(r))
		if err := p.Err(); err != nil {
			return err
		}
		if err := s.newPassword(ctx, tx, accountOf(r), hash); err != nil {
			return err
		}
		by := tx.Actor.User
		tx.OnCommit(func() {
			s.auth.Record(ctx, auth.Event{Kind: auth.PasswordSet, User: user, By: other(by, user), Reason: "set"})
		})
		return answer(ctx, tx)
	})
}

// newPassword stores a hash and ends everything that hangs on the password before: sessions, tokens of outside issuers,
// mailed tokens, and failures.
func (s *Service) newPassword(ctx context.Context, tx *write.Tx, account auth.Account, hash string) error {
	columns := map[string]any{"password_hash": hash, "tokens_since": tx.Now}
	if err := tx.Set(ctx, s.set.Kind("User"), account.ID, columns); err != nil {
		return err
	}
	if err := s.auth.VoidPasswordTokensIn(ctx, tx.Tx, account.ID); err != nil {
		return err
	}
	if err := s.auth.UnlockIn(ctx, tx.Tx, account.Email); err != nil {
		return err
	}
	return s.auth.RevokeUserIn(ctx, tx.Tx, account.ID, auth.PasswordChanged)
}

// other returns who acted when it was not the user.
func other(by, user id.ID) id.ID {
	if by == user {
		return id.ID{}
	}
	return by
}

// ChangePassword gives the actor another password when the current one is right, and ends all other sessions. A wrong one
// counts as a failed sign-in from the address, and may be answered by LIMITED as that is.
func (s *Service) ChangePassword(ctx context.Context, w *write.Writer, current, password string, from netip.Addr) error {
	actor := access.From(ctx)
	account, err := s.ByID(ctx, actor.User)
	if err != nil {
		return err
	}
	var p fault.Violations
	err = s.auth.Prove(ctx, account, current, from)
	switch {
	case fault.CodeOf(err) == fault.Unauthenticated:
		p.Add([]any{"input", "current"}, "WRONG", "The password is wrong.")
	case err != nil:
		return err
	}
	auth.CheckPassword(&p, []any{"input", "new"}, password, account)
	if err := p.Err(); err != nil {
		return err
	}
	hash, err := s.auth.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		k := s.set.Kind("User")
		r, err := tx.Lock(ctx, k, actor.User)
		if err != nil {
			return err
		}
		if r == nil || r.Values["password_hash"] != account.PasswordHash {
			// Somebody gave the user another password meanwhile, perhaps to lock out who is acting here.
			return fault.New(fault.Conflict, "The record has been changed meanwhile.")
		}
		if err := tx.Set(ctx, k, actor.User, map[string]any{"password_hash": hash}); err != nil {
			return err
		}
		if err := s.auth.VoidPasswordTokensIn(ctx, tx.Tx, actor.User); err != nil {
			return err
		}
		tx.OnCommit(func() {
			s.auth.Record(ctx, auth.Event{Kind: auth.PasswordSet, User: actor.User, Session: actor.Session, Address: from, Reason: "changed"})
		})
		return s.auth.RevokeOthersIn(ctx, tx.Tx, actor.User, actor.Session, auth.PasswordChanged)
	})
}

// ResetPassword gives the user to whom a token was mailed a password, ends the user's sessions and forgets failed sign-ins.
// All that is wrong is told at once; a token that does not count is told in one wording, whatever is wrong with it.
func (s *Service) ResetPassword(ctx context.Context, w *write.Writer, token, password string, from netip.Addr) error {
	account, err := s.tokenAccount(ctx, token)
	if err != nil && !errors.Is(err, auth.ErrPasswordToken) {
		return err
	}
	var p fault.Violations
	if err != nil {
		refuseToken(&p)
	}
	auth.CheckPassword(&p, []any{"input", "password"}, password, account)
	if err := p.Err(); err != nil {
		return err
	}
	hash, err := s.auth.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return w.Do(write.AsSystem(ctx), func(ctx context.Context, tx *write.Tx) error {
		user, err := s.auth.SpendPasswordToken(ctx, tx.Tx, token)
		if errors.Is(err, auth.ErrPasswordToken) { // used meanwhile
			var p fault.Violations
			refuseToken(&p)
			return p.Err()
		}
		if err != nil {
			return err
		}
		if err := s.newPassword(ctx, tx, account, hash); err != nil {
			return err
		}
		tx.OnCommit(func() { s.auth.Record(ctx, auth.Event{Kind: auth.PasswordReset, User: user, Address: from}) })
		return nil
	})
}

func refuseToken(p *fault.Violations) {
	p.Add([]any{"input", "token"}, "NOT_FOUND", "The token is not valid, or no longer. Ask for another mail.")
}

// tokenAccount returns whose mailed token it is. The token of a user who may not sign in does not count.
func (s *Service) tokenAccount(ctx context.Context, token string) (auth.Account, error) {
	user, err := s.auth.PasswordTokenUser(ctx, token)
	if err != nil {
		return auth.Account{}, err
	}
	account, err := s.ByID(ctx, user)
	if fault.CodeOf(err) == fault.NotFound || err == nil && !mailable(account) {
		return auth.Account{}, auth.ErrPasswordToken
	}
	return account, err
}

// mailable reports whether an account has, or may get, a password by mail.
func mailable(a auth.Account) bool { return a.Active && !a.Service }
