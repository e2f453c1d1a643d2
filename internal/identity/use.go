package identity

import (
	"context"
	"time"

	"farley/internal/db"
	"farley/internal/id"
)

// useStep is how exactly it is known when a grant of a role was last used.
const useStep = time.Hour

// maxUses bounds the users who wait to be noted; who does not fit is noted another time.
const maxUses = 1000

// use is that a user acted in the step that began at an instant.
type use struct {
	user id.ID
	at   time.Time
}

// used notes, once a step, that a user acts. It does not wait.
func (s *Service) used(user id.ID, now time.Time) {
	step := now.Truncate(useStep)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.usedAt[user].Before(step) {
		return
	}
	select {
	case s.uses <- use{user, step}:
		if len(s.usedAt) > maxUses*10 {
			clear(s.usedAt)
		}
		s.usedAt[user] = step
	default: // the database is slow; the user will act again
	}
}

// KeepUse stores when users last acted in the grants of their roles, until ctx ends. It is no change of the grants: no
// version rises, and the change log does not tell.
func (s *Service) KeepUse(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-s.uses:
			if err := s.keepUse(ctx, u); err != nil {
				s.mu.Lock()
				delete(s.usedAt, u.user) // noted with the user's next act
				s.mu.Unlock()
			}
		}
	}
}

func (s *Service) keepUse(ctx context.Context, u use) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE role_grants SET last_used_at = ? WHERE user_id = ? AND deleted_at IS NULL
			AND (valid_until IS NULL OR valid_until > ?) AND (last_used_at IS NULL OR last_used_at < ?)`, u.at, u.user, u.at, u.at)
		return err
	})
}
