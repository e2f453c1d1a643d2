package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"farley/internal/auth"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/text"
	"farley/internal/viewer"
	"farley/internal/write"
)

// manageUsers is the action that looking after other people's access takes.
const manageUsers = "MANAGE_USERS"

// ByEmail implements auth.Users.
func (s *Service) ByEmail(ctx context.Context, email string) (auth.Account, error) {
	return s.account(ctx, "email_key = ?", text.Fold(email))
}

// ByID implements auth.Users.
func (s *Service) ByID(ctx context.Context, user id.ID) (auth.Account, error) {
	return s.account(ctx, "id = ?", user)
}

func (s *Service) account(ctx context.Context, condition string, arg any) (auth.Account, error) {
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return auth.Account{}, err
	}
	defer func() { _ = tx.Close() }()
	return accountIn(ctx, tx, condition, arg)
}

func accountIn(ctx context.Context, tx *db.Tx, condition string, arg any) (auth.Account, error) {
	var a auth.Account
	var kind string
	var hash, locale sql.NullString
	var seen sql.NullTime
	err := tx.QueryRow(ctx, "SELECT id, email, name, kind, locale, password_hash, active, last_seen_at FROM users WHERE deleted_at IS NULL AND "+condition,
		[]any{arg}, &a.ID, &a.Email, &a.Name, &kind, &locale, &hash, &a.Active, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.New(fault.NotFound, "There is no %s with this id.", "User")
	}
	a.Service = viewer.Kind(kind) == viewer.Service
	a.Locale, a.PasswordHash, a.SeenAt = locale.String, hash.String, seen.Time.UTC() // zero when NULL
	return a, err
}

// accountOf is what the password rules need of a locked record.
func accountOf(r *write.Record) auth.Account {
	email, _ := r.Values["email"].(string)
	name, _ := r.Values["name"].(string)
	kind, _ := r.Values["kind"].(string)
	active, _ := r.Values["active"].(bool)
	return auth.Account{ID: r.ID, Email: email, Name: name, Service: viewer.Kind(kind) == viewer.Service, Active: active}
}

// Seen stores when a user was last here. It is no change of the record: nobody is told of it.
func (s *Service) Seen(ctx context.Context, user id.ID, at time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE users SET last_seen_at = ? WHERE id = ? AND (last_seen_at IS NULL OR last_seen_at < ?)", at, user, at)
		return err
	})
}

// managed locks a user in sight whose access the actor may look after: NOT_FOUND and FORBIDDEN else.
func (s *Service) managed(ctx context.Context, tx *write.Tx, user id.ID) (*write.Record, error) {
	k := s.set.Kind("User")
	if user.Kind() != k.Code {
		return nil, write.NotFound(k)
	}
	r, err := tx.InSight(ctx, k, user)
	if err != nil {
		return nil, err
	}
	if !tx.May(r, manageUsers) {
		return nil, fault.New(fault.Forbidden, "You may not do this to this %s.", k.Name)
	}
	return r, nil
}
