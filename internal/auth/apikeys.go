package auth

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
)

// maxLiveKeys is how many keys of one user count at a time: one in use, and one that takes its place.
const maxLiveKeys = 2

// maxListed is how many sessions or keys of a user are listed.
const maxListed = 100

// CreateAPIKey makes a key with the User, Name, Addresses, CreatedBy and ExpiresAt of k and returns it with its secret,
// which is kept nowhere. The caller holds the lock of the user's row. It returns Conflict when the user has two live keys.
func (s *Service) CreateAPIKey(ctx context.Context, tx *db.Tx, k APIKey) (APIKey, string, error) {
	now := s.clock.Now()
	var live int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM api_keys WHERE user_id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
		[]any{k.User, now}, &live)
	if err != nil {
		return APIKey{}, "", fmt.Errorf("create API key: %w", err)
	}
	if live >= maxLiveKeys {
		return APIKey{}, "", fault.New(fault.Conflict, "The user has %d keys already. Revoke one first.", maxLiveKeys)
	}
	secret := newAPIKey()
	hash, err := hashAPIKey(secret)
	if err != nil {
		return APIKey{}, "", err
	}
	k.ID, k.CreatedAt, k.ChangedAt, k.Prefix = id.New(KindAPIKey, now), now, now, secret[:apiKeyPrefixLen]
	k.LastUsedAt, k.RevokedAt = time.Time{}, time.Time{}
	_, err = tx.ExecContext(ctx, `INSERT INTO api_keys (id, user_id, name, prefix, hash, addresses, created_at, created_by, changed_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.User, k.Name, k.Prefix, hash, networks(k.Addresses), k.CreatedAt, k.CreatedBy, k.ChangedAt, orNull(k.ExpiresAt))
	if err != nil {
		return APIKey{}, "", fmt.Errorf("create API key: %w", err)
	}
	return k, secret, nil
}

func networks(list []netip.Prefix) string {
	if list == nil {
		list = []netip.Prefix{}
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic("auth: networks: " + err.Error()) // prefixes can always be written
	}
	return string(b)
}

func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

const selectAPIKey = `SELECT id, user_id, name, prefix, addresses, created_at, created_by, changed_at, expires_at, last_used_at, revoked_at, hash FROM api_keys`

// apiKeyRow is an APIKey as the database has it.
type apiKeyRow struct {
	APIKey
	addresses                    string
	expiresAt, lastUsed, revoked sql.NullTime
	hash                         string
}

func (r *apiKeyRow) dest() []any {
	return []any{&r.ID, &r.User, &r.Name, &r.Prefix, &r.addresses, &r.CreatedAt, &r.CreatedBy, &r.ChangedAt, &r.expiresAt, &r.lastUsed, &r.revoked, &r.hash}
}

func (r *apiKeyRow) key() (APIKey, error) {
	k := r.APIKey
	k.CreatedAt, k.ChangedAt = k.CreatedAt.UTC(), k.ChangedAt.UTC()
	k.ExpiresAt, k.LastUsedAt, k.RevokedAt = r.expiresAt.Time.UTC(), r.lastUsed.Time.UTC(), r.revoked.Time.UTC() // zero when NULL
	if err := json.Unmarshal([]byte(r.addresses), &k.Addresses); err != nil {
		return APIKey{}, fmt.Errorf("networks of API key %s: %w", k.ID, err)
	}
	return k, nil
}

// LockAPIKey reads a key and locks it. It returns sql.ErrNoRows when there is none.
func (s *Service) LockAPIKey(ctx context.Context, tx *db.Tx, x id.ID) (APIKey, error) {
	var r apiKeyRow
	if err := tx.QueryRow(ctx, selectAPIKey+` WHERE id = ?`+tx.Dialect.ForUpdate(), []any{x}, r.dest()...); err != nil {
		return APIKey{}, err
	}
	return r.key()
}

// UpdateAPIKey stores the Name, Addresses and ExpiresAt of a key that the caller has locked, and ends its streams when it
// is good for something else than before.
func (s *Service) UpdateAPIKey(ctx context.Context, tx *db.Tx, old, k APIKey) (APIKey, error) {
	narrowed := networks(old.Addresses) != networks(k.Addresses) || !old.ExpiresAt.Equal(k.ExpiresAt)
	if narrowed {
		k.ChangedAt = s.clock.Now()
	}
	_, err := tx.ExecContext(ctx, `UPDATE api_keys SET name = ?, addresses = ?, expires_at = ?, changed_at = ? WHERE id = ?`,
		k.Name, networks(k.Addresses), orNull(k.ExpiresAt), k.ChangedAt, k.ID)
	if err != nil {
		return APIKey{}, fmt.Errorf("update API key: %w", err)
	}
	if narrowed {
		tx.OnCommit(func() { s.tellRevoked(k.ID, k.User) })
	}
	return k, nil
}

// RevokeAPIKey revokes a key that the caller has locked, and ends its streams. Revoking twice changes nothing.
func (s *Service) RevokeAPIKey(ctx context.Context, tx *db.Tx, k APIKey) (APIKey, error) {
	if !k.RevokedAt.IsZero() {
		return k, nil
	}
	k.RevokedAt = s.clock.Now()
	if _, err := tx.ExecContext(ctx, `UPDATE api_keys SET revoked_at = ? WHERE id = ?`, k.RevokedAt, k.ID); err != nil {
		return APIKey{}, fmt.Errorf("revoke API key: %w", err)
	}
	tx.OnCommit(func() { s.tellRevoked(k.ID, k.User) })
	return k, nil
}

// APIKeys returns the keys of a user, the youngest first, at most 100.
func (s *Service) APIKeys(ctx context.Context, tx *db.Tx, user id.ID) ([]APIKey, error) {
	rows, err := tx.QueryContext(ctx, selectAPIKey+` WHERE user_id = ? ORDER BY id DESC LIMIT ?`, user, maxListed)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []APIKey
	for rows.Next() {
		var r apiKeyRow
		if err := rows.Scan(r.dest()...); err != nil {
			return nil, fmt.Errorf("list API keys: %w", err)
		}
		k, err := r.key()
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

// FindAPIKey returns the key whose text the token is, whether it counts or not: see AdmitAPIKey. It answers
// Unauthenticated when there is none.
func (s *Service) FindAPIKey(ctx context.Context, token string) (APIKey, error) {
	hash, err := hashAPIKey(token)
	if err != nil {
		return APIKey{}, unauthenticated(err)
	}
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return APIKey{}, fmt.Errorf("read API key: %w", err)
	}
	defer func() { _ = tx.Close() }()
	var r apiKeyRow
	err = tx.QueryRow(ctx, selectAPIKey+` WHERE hash = ?`, []any{hash}, r.dest()...)
	if errors.Is(err, sql.ErrNoRows) || err == nil && subtle.ConstantTimeCompare([]byte(r.hash), []byte(hash)) != 1 {
		return APIKey{}, unauthenticated(errors.New("unknown API key"))
	}
	if err != nil {
		return APIKey{}, fmt.Errorf("read API key: %w", err)
	}
	return r.key()
}

// AdmitAPIKey answers Unauthenticated, in the words for every token that does not count, unless the key counts now and may
// be used from the address. Its use is noted.
func (s *Service) AdmitAPIKey(ctx context.Context, k APIKey, from netip.Addr) error {
	now := s.clock.Now()
	switch {
	case !k.RevokedAt.IsZero():
		return s.RefuseAPIKey(ctx, k, from, "revoked")
	case !k.LiveAt(now):
		return s.RefuseAPIKey(ctx, k, from, "expired")
	case !k.From(from):
		return s.RefuseAPIKey(ctx, k, from, "used from an address outside its networks")
	}
	s.uses.note(k.ID, now)
	return nil
}

// RefuseAPIKey answers Unauthenticated for a key that exists. The reason is recorded and logged, once a minute.
func (s *Service) RefuseAPIKey(ctx context.Context, k APIKey, from netip.Addr, reason string) error {
	if s.uses.refusedAnew(k.ID, s.clock.Now()) {
		s.log.WarnContext(ctx, "an API key was refused", "key", k.ID.String(), "reason", reason)
		s.Record(ctx, Event{Kind: APIKeyRefused, User: k.User, Session: k.ID, Address: from, Reason: reason})
	}
	return unauthenticated(errors.New("API key: " + reason))
}

// useEvery is how exact lastUsedAt is, and how often the refusals of one key are recorded.
const useEvery = time.Minute

// maxUses bounds what is kept of keys in memory.
const maxUses = 10_000

// uses remembers which keys were used since their last use was stored, so that requests store nothing. It is safe for
// concurrent use.
type uses struct {
	mu      sync.Mutex
	used    map[id.ID]time.Time
	stored  map[id.ID]time.Time
	refused map[id.ID]time.Time
}

func newUses() *uses {
	return &uses{used: map[id.ID]time.Time{}, stored: map[id.ID]time.Time{}, refused: map[id.ID]time.Time{}}
}

func (u *uses) note(k id.ID, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.used[k] = now
}

func (u *uses) refusedAnew(k id.ID, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.refused[k]; ok && now.Sub(last) < useEvery {
		return false
	}
	if len(u.refused) >= maxUses {
		clear(u.refused)
	}
	u.refused[k] = now
	return true
}

// take returns the uses that are to be stored: of each key at most once a minute, or all.
func (u *uses) take(now time.Time, all bool) map[id.ID]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	due := map[id.ID]time.Time{}
	for k, at := range u.used {
		if last, ok := u.stored[k]; all || !ok || now.Sub(last) >= useEvery {
			due[k] = at
			delete(u.used, k)
		}
	}
	if len(u.stored) >= maxUses {
		clear(u.stored)
	}
	for k := range due {
		u.stored[k] = now
	}
	return due
}

// StoreUses stores when keys were last used, of each key at most once a minute; or, when the process ends, of all. What
// cannot be stored is taken up by the next use.
func (s *Service) StoreUses(ctx context.Context, all bool) error {
	due := s.uses.take(s.clock.Now(), all)
	if len(due) == 0 {
		return nil
	}
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for k, at := range due {
			_, err := tx.ExecContext(ctx, `UPDATE api_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`, at, k, at)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store uses of API keys: %w", err)
	}
	return nil
}

// LiveAPIKeys returns those of the keys that count now, with when what they are good for last changed. Users are not
// looked at.
func (s *Service) LiveAPIKeys(ctx context.Context, keys []id.ID) (map[id.ID]time.Time, error) {
	live := map[id.ID]time.Time{}
	if len(keys) == 0 {
		return live, nil
	}
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	defer func() { _ = tx.Close() }()
	args := []any{s.clock.Now()}
	for _, k := range keys {
		args = append(args, k)
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, changed_at FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) AND id IN (?`+
		strings.Repeat(`, ?`, len(keys)-1)+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k id.ID
		var changed time.Time
		if err := rows.Scan(&k, &changed); err != nil {
			return nil, fmt.Errorf("read API keys: %w", err)
		}
		live[k] = changed.UTC()
	}
	return live, rows.Err()
}
