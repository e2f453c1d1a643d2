package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"farley/internal/fault"
	"farley/internal/id"
)

// maxEmail is the longest address that can be delivered to (RFC 5321), in bytes.
const maxEmail = 320

// refusedLogin answers an unknown e-mail, a wrong password and an inactive user alike; the cause is for the log.
func refusedLogin(cause error) error {
	return fault.Wrap(fault.Unauthenticated, cause, "The e-mail or the password is wrong.")
}

// Login begins a session for the user with the e-mail and password. It answers Unauthenticated, and does the same work,
// for an unknown e-mail, a wrong password and an inactive user; Limited, with the extension retryAfter in seconds, after
// too many failures for the e-mail or from the address (see Lockout); Unavailable when too many sign-ins are waiting.
func (s *Service) Login(ctx context.Context, email, password string, from Device) (Grant, error) {
	email = comparableEmail(email)
	of := s.signInCounters(email, from.Address)
	if err := s.refuseBlocked(ctx, of); err != nil {
		return Grant{}, err
	}
	account, err := s.byEmail(ctx, email)
	if err != nil {
		return Grant{}, err
	}
	if err := s.prove(ctx, account, email, of, password, from.Address); err != nil {
		return Grant{}, err
	}
	if err := s.seen(ctx, account); err != nil {
		return Grant{}, err
	}
	grant, err := s.Begin(ctx, account.ID, from.Name)
	if err != nil {
		return Grant{}, err
	}
	s.Record(ctx, Event{Kind: SignIn, User: account.ID, Session: grant.SessionID, Address: from.Address})
	return grant, nil
}

// Prove reports whether the password is the account's: nil, or as Login does. A wrong one counts as a failed sign-in.
func (s *Service) Prove(ctx context.Context, account Account, password string, address netip.Addr) error {
	of := s.signInCounters(account.Email, address)
	if err := s.refuseBlocked(ctx, of); err != nil {
		return err
	}
	return s.prove(ctx, account, account.Email, of, password, address)
}

func (s *Service) refuseBlocked(ctx context.Context, of []counted) error {
	wait, err := s.blocked(ctx, of, s.clock.Now())
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if wait > 0 {
		return limited(wait)
	}
	return nil
}

// Find returns the account with an e-mail as somebody typed it, the zero Account when there is none.
func (s *Service) Find(ctx context.Context, email string) (Account, error) {
	return s.byEmail(ctx, comparableEmail(email))
}

// comparableEmail is the normal form of an e-mail, and "" for what is nobody's and not fit to be compared by a database.
func comparableEmail(email string) string {
	if len(email) > maxEmail || !utf8.ValidString(email) || strings.ContainsRune(email, 0) {
		return ""
	}
	return NormalEmail(email)
}

// byEmail returns the zero Account for an unknown e-mail.
func (s *Service) byEmail(ctx context.Context, email string) (Account, error) {
	account, err := s.users.ByEmail(ctx, email)
	if notFound(err) {
		return Account{}, nil
	}
	if err != nil {
		return Account{}, fmt.Errorf("sign in: find user: %w", err)
	}
	return account, nil
}

// prove checks the password and counts the attempt. It is counted when it has its turn to hash, so that those who wait do
// not count as failures, and its end is known before the next one has its turn.
func (s *Service) prove(ctx context.Context, account Account, email string, of []counted, password string, address netip.Addr) error {
	release, err := s.Passwords.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	charged, wait, err := s.charge(ctx, of)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if wait > 0 {
		return limited(wait)
	}
	if err := s.compare(account, password); err != nil {
		s.Record(ctx, Event{Kind: SignInRefused, User: account.ID, Address: address, Reason: err.Error()})
		if charged.locked {
			s.Record(ctx, Event{Kind: LockedOut, User: account.ID, Address: address})
		}
		return refusedLogin(err)
	}
	if err := s.succeeded(context.WithoutCancel(ctx), charged, email); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if s.rehash == nil || !s.Passwords.NeedsRehash(account.PasswordHash) {
		return nil
	}
	if err := s.rehash(ctx, account.ID, account.PasswordHash, s.Passwords.hash(password)); err != nil {
		return fmt.Errorf("sign in: store new hash: %w", err)
	}
	return nil
}

// compare does one hash of work in every case.
func (s *Service) compare(account Account, password string) error {
	if account.PasswordHash == "" {
		s.Passwords.burn(password)
		return errors.New("unknown user, or one without a password")
	}
	ok, err := s.Passwords.verify(account.PasswordHash, password)
	switch {
	case err != nil:
		return err
	case !ok:
		return errors.New("wrong password")
	case !account.Active:
		return errors.New("inactive user")
	case account.ID == id.ID{}:
		return errors.New("user without an id")
	}
	return nil
}

// seenEvery is how exact a user's lastSeenAt is.
const seenEvery = time.Hour

// seen notes that the user was here, unless that was noted a short while ago.
func (s *Service) seen(ctx context.Context, account Account) error {
	now := s.clock.Now()
	if s.noteSeen == nil || now.Sub(account.SeenAt) < seenEvery {
		return nil
	}
	if err := s.noteSeen(ctx, account.ID, now); err != nil {
		return fmt.Errorf("note when the user was seen: %w", err)
	}
	return nil
}
