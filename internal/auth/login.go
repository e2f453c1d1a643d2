package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
// too many failures for the e-mail from the address; Unavailable when too many sign-ins are waiting.
func (s *Service) Login(ctx context.Context, email, password string, from Device) (Grant, error) {
	email = NormalEmail(email)
	key := keyOf(email, from.Address)
	if wait := s.limiter.blocked(key, s.clock.Now()); wait > 0 {
		return Grant{}, limited(wait)
	}
	account, err := s.byEmail(ctx, email)
	if err != nil {
		return Grant{}, err
	}
	if err := s.prove(ctx, account, key, password); err != nil {
		return Grant{}, err
	}
	return s.Begin(ctx, account.ID, from.Name)
}

// byEmail returns the zero Account for an unknown e-mail.
func (s *Service) byEmail(ctx context.Context, email string) (Account, error) {
	if len(email) > maxEmail || !utf8.ValidString(email) || strings.ContainsRune(email, 0) {
		return Account{}, nil // nobody's, and not fit to be compared by a database
	}
	account, err := s.users.ByEmail(ctx, email)
	if notFound(err) {
		return Account{}, nil
	}
	if err != nil {
		return Account{}, fmt.Errorf("sign in: find user: %w", err)
	}
	return account, nil
}

// prove checks the password and counts the attempt. The attempt begins when it has its turn to hash, so that those who
// wait do not count as failures, and ends before the next one has its turn.
func (s *Service) prove(ctx context.Context, account Account, key limiterKey, password string) error {
	release, err := s.Passwords.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if wait := s.limiter.begin(key, s.clock.Now()); wait > 0 {
		return limited(wait)
	}
	how := undecided
	defer func() { s.limiter.end(key, s.clock.Now(), how) }()

	if err := s.compare(account, password); err != nil {
		how = failed
		return refusedLogin(err)
	}
	how = succeeded
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
