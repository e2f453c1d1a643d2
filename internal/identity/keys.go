package identity

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/auth"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/scalar"
	"farley/internal/stream"
	"farley/internal/viewer"
	"farley/internal/write"
)

const (
	maxKeyName   = 100 // characters
	maxAddresses = 50
	maxKeys      = 10_000 // kept in memory
)

// rememberedKey is a key that was looked up a short while ago.
type rememberedKey struct {
	key   auth.APIKey
	until time.Time
}

// authenticateKey is Authenticate for the text of an API key. The key is looked up at most every two seconds; whether it
// may be used from where it comes is looked at every time.
func (s *Service) authenticateKey(ctx context.Context, token string) (context.Context, stream.Session, error) {
	key, err := s.key(ctx, token)
	if err != nil {
		return ctx, stream.Session{}, err
	}
	from := stream.Address(ctx)
	actor, err := s.Actor(ctx, key.User)
	switch {
	case fault.CodeOf(err) == fault.Unauthenticated:
		return ctx, stream.Session{}, s.auth.RefuseAPIKey(ctx, key, from, "the user is gone or inactive")
	case err != nil:
		return ctx, stream.Session{}, err
	case actor.Kind != viewer.Service:
		return ctx, stream.Session{}, s.auth.RefuseAPIKey(ctx, key, from, "the user is no program")
	}
	if err := s.auth.AdmitAPIKey(ctx, key, from); err != nil {
		return ctx, stream.Session{}, err
	}
	s.used(actor.User, s.clock.Now())
	mine := *actor
	mine.Session = key.ID
	return access.With(ctx, &mine), stream.Session{ExpiresAt: key.ExpiresAt, Revoked: s.revoked(key.ID, key.User, key.ExpiresAt, key.ChangedAt)}, nil
}

func (s *Service) key(ctx context.Context, token string) (auth.APIKey, error) {
	hash := sha256.Sum256([]byte(token))
	now := s.clock.Now()
	s.mu.Lock()
	r, ok := s.keys[hash]
	ended := s.ended
	s.mu.Unlock()
	if ok && now.Before(r.until) {
		return r.key, nil
	}
	key, err := s.auth.FindAPIKey(ctx, token)
	if err != nil {
		return key, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != ended {
		return key, nil // perhaps this one, after it was looked up: not to be remembered as alive
	}
	if len(s.keys) >= maxKeys {
		clear(s.keys)
	}
	s.keys[hash] = rememberedKey{key, now.Add(checkEvery)}
	return key, nil
}

// watchKeys ends the streams of keys that no longer count, or not for what they did, or whose users no longer act.
func (s *Service) watchKeys(ctx context.Context, keys []id.ID) {
	for part := range slices.Chunk(keys, 500) { // databases bound the number of parameters
		live, err := s.auth.LiveAPIKeys(ctx, part)
		if err != nil {
			continue // the next look is in two seconds
		}
		for _, k := range part {
			s.mu.Lock()
			o := s.streams[k]
			s.mu.Unlock()
			if o == nil {
				continue
			}
			changed, ok := live[k]
			actor, err := s.Actor(ctx, o.user)
			if !ok || !changed.Equal(o.changed) || fault.CodeOf(err) == fault.Unauthenticated || err == nil && actor.Kind != viewer.Service {
				s.Revoked(k)
			}
		}
	}
}

// CreateKey makes a key for a program that the actor manages; answer runs in the same transaction and gets the secret,
// which is kept nowhere.
func (s *Service) CreateKey(ctx context.Context, w *write.Writer, user id.ID, in input.Object, answer func(context.Context, *write.Tx, auth.APIKey, string) error) error {
	key := auth.APIKey{User: user}
	if err := s.keyFields(&key, in, true); err != nil {
		return err
	}
	return w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		r, err := s.managed(ctx, tx, user)
		if err != nil {
			return err
		}
		if !accountOf(r).Service {
			return fault.New(fault.Conflict, "Only a user of kind SERVICE has keys.")
		}
		key.CreatedBy = tx.Actor.User
		made, secret, err := s.auth.CreateAPIKey(ctx, tx.Tx, key)
		if err != nil {
			return err
		}
		s.recordKey(ctx, tx, auth.APIKeyCreated, made)
		return answer(ctx, tx, made, secret)
	})
}

// UpdateKey changes a key of a user whom the actor manages; answer runs in the same transaction.
func (s *Service) UpdateKey(ctx context.Context, w *write.Writer, key id.ID, in input.Object, answer func(context.Context, *write.Tx, auth.APIKey) error) error {
	var checked auth.APIKey
	if err := s.keyFields(&checked, in, false); err != nil {
		return err
	}
	return w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		old, err := s.managedKey(ctx, tx, key)
		if err != nil {
			return err
		}
		if !old.RevokedAt.IsZero() {
			return fault.New(fault.Conflict, "The key has been revoked.")
		}
		changed := old
		if err := s.keyFields(&changed, in, false); err != nil {
			return err
		}
		if changed, err = s.auth.UpdateAPIKey(ctx, tx.Tx, old, changed); err != nil {
			return err
		}
		s.recordKey(ctx, tx, auth.APIKeyChanged, changed)
		return answer(ctx, tx, changed)
	})
}

// RevokeKey revokes a key of a user whom the actor manages; answer runs in the same transaction. Revoking twice is no
// error.
func (s *Service) RevokeKey(ctx context.Context, w *write.Writer, key id.ID, answer func(context.Context, *write.Tx, auth.APIKey) error) error {
	return w.Do(ctx, func(ctx context.Context, tx *write.Tx) error {
		old, err := s.managedKey(ctx, tx, key)
		if err != nil {
			return err
		}
		revoked, err := s.auth.RevokeAPIKey(ctx, tx.Tx, old)
		if err != nil {
			return err
		}
		if old.RevokedAt.IsZero() {
			s.recordKey(ctx, tx, auth.APIKeyRevoked, revoked)
		}
		return answer(ctx, tx, revoked)
	})
}

func (s *Service) recordKey(ctx context.Context, tx *write.Tx, kind auth.EventKind, k auth.APIKey) {
	e := auth.Event{Kind: kind, User: k.User, By: other(tx.Actor.User, k.User), Session: k.ID}
	tx.OnCommit(func() { s.auth.Record(ctx, e) })
}

// managedKey locks a key and its user. One of a user out of sight, or not managed, is as absent as one that is not there.
func (s *Service) managedKey(ctx context.Context, tx *write.Tx, x id.ID) (auth.APIKey, error) {
	missing := fault.New(fault.NotFound, "There is no such key.")
	if x.Kind() != auth.KindAPIKey {
		return auth.APIKey{}, missing
	}
	key, err := s.auth.LockAPIKey(ctx, tx.Tx, x)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.APIKey{}, missing
	}
	if err != nil {
		return auth.APIKey{}, err
	}
	_, err = s.managed(ctx, tx, key.User)
	if code := fault.CodeOf(err); code == fault.NotFound || code == fault.Forbidden {
		return auth.APIKey{}, missing
	}
	return key, err
}

// keyFields reads what the input says of a key, and all that is wrong with it. What the input leaves out stays, unless the
// key is new.
func (s *Service) keyFields(k *auth.APIKey, in input.Object, isNew bool) error {
	var p fault.Violations
	if v, ok := in["name"]; ok || isNew {
		name, _ := v.(string)
		k.Name = keyName(&p, name)
	}
	if v, ok := in["expiresAt"]; ok {
		k.ExpiresAt = s.keyEnd(&p, v)
	}
	if v, ok := in["addresses"]; ok {
		k.Addresses = keyAddresses(&p, v)
	}
	return p.Err()
}

func keyName(p *fault.Violations, name string) string {
	path := []any{"input", "name"}
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		p.Add(path, "REQUIRED", "This field is required.")
	case utf8.RuneCountInString(name) > maxKeyName:
		p.Add(path, "TOO_LONG", "The text is longer than %d characters.", maxKeyName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		p.Add(path, "FORMAT", "The text has characters that are not allowed.")
	}
	return name
}

func (s *Service) keyEnd(p *fault.Violations, v any) time.Time {
	if v == nil {
		return time.Time{}
	}
	path := []any{"input", "expiresAt"}
	at, err := scalar.UnmarshalDateTime(v)
	switch {
	case err != nil:
		p.Add(path, "FORMAT", "This is not an instant in the form 2006-01-02T15:04:05Z.")
	case !at.After(s.clock.Now()):
		p.Add(path, "RANGE", "This instant has passed.")
	}
	return at
}

func keyAddresses(p *fault.Violations, v any) []netip.Prefix {
	given, _ := v.([]any)
	if one, ok := v.(string); ok { // a single value stands for a list of one
		given = []any{one}
	}
	if len(given) > maxAddresses {
		p.Add([]any{"input", "addresses"}, "TOO_LONG", "The list is longer than %d.", maxAddresses)
		return nil
	}
	out := []netip.Prefix{}
	for i, v := range given {
		text, _ := v.(string)
		network, err := auth.ParseNetwork(text)
		if err != nil {
			p.Add([]any{"input", "addresses", i}, "FORMAT", "This is not a network in CIDR form or an address.")
			continue
		}
		if !slices.Contains(out, network) {
			out = append(out, network)
		}
	}
	return out
}
