package talk

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/scalar"
	"farley/internal/write"
)

const (
	announcementKind = "Announcement"
	receiptKind      = "AnnouncementReceipt"
)

// Limits of announcements.
const (
	maxTold      = 1000
	maxAudiences = 50
	maxTitle     = 200
	maxBody      = 50_000
	// followed is how many are told at most for each reading to be an event of the announcement: each of them hears of it.
	followed = 200
)

// Announced is the outcome of Announce.
type Announced struct {
	Announcement id.ID `json:"announcement"`
	Told         int   `json:"told"`
}

// Announce tells the active users of teams, those below them included, or with roles, something. FORBIDDEN to name roles, or teams
// that are not one's own, without the scope ALL.
func (s *Service) Announce(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Announced) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Announced, error) {
		var p fault.Violations
		columns := s.announcement(tx, &p, c)
		teams, err := s.audience(ctx, tx, &p, c, "teams", "Team")
		if err != nil {
			return Announced{}, err
		}
		roles, err := s.audience(ctx, tx, &p, c, "roles", "Role")
		if err != nil {
			return Announced{}, err
		}
		if len(teams)+len(roles) == 0 && len(p) == 0 {
			p.Add([]any{"input", "teams"}, "REQUIRED", "Say who is told.")
		}
		if err := p.Err(); err != nil {
			return Announced{}, err
		}
		if err := mayTell(tx, teams, roles); err != nil {
			return Announced{}, err
		}
		users, err := s.told(ctx, tx, teams, roles)
		if err != nil {
			return Announced{}, err
		}
		if len(users) > maxTold {
			return Announced{}, fault.New(fault.Limited, "An announcement is told to at most %d users.", maxTold)
		}
		return s.announce(ctx, tx, columns, users)
	}, answer)
}

// announcement reads what is announced.
func (s *Service) announcement(tx *write.Tx, p *fault.Violations, c write.Command) map[string]any {
	columns := map[string]any{"must_read": c.Input["mustRead"] == true}
	for _, t := range []struct {
		field    string
		most     int
		required bool
	}{{"title", maxTitle, true}, {"body", maxBody, false}} {
		text, _ := c.Input[t.field].(string)
		text = strings.TrimSpace(text)
		switch {
		case text == "" && t.required:
			p.Add([]any{"input", t.field}, "REQUIRED", "The text is empty.")
		case utf8.RuneCountInString(text) > t.most:
			p.Add([]any{"input", t.field}, "TOO_LONG", "The text is longer than %d characters.", t.most)
		case text != "":
			columns[t.field] = text
		}
	}
	if v := c.Input["endsAt"]; v != nil {
		text, _ := v.(string)
		at, err := scalar.ParseDateTime(text)
		switch {
		case err != nil:
			p.Add([]any{"input", "endsAt"}, "FORMAT", "This is not an instant.")
		case !at.After(tx.Now):
			p.Add([]any{"input", "endsAt"}, "RANGE", "The end lies in the past.")
		default:
			columns["ends_at"] = at.UTC().Truncate(time.Microsecond)
		}
	}
	for field, column := range map[string]string{"teams": "teams", "roles": "roles"} {
		if list, ok := c.Input[field].([]any); ok && len(list) > 0 {
			columns[column] = string(write.Written(list))
		}
	}
	return columns
}

// audience reads teams or roles of an input, which have to be in the actor's sight.
func (s *Service) audience(ctx context.Context, tx *write.Tx, p *fault.Violations, c write.Command, field, kind string) ([]id.ID, error) {
	list, ok := c.Input[field].([]any)
	if one, single := c.Input[field].(string); single {
		list, ok = []any{one}, true
	}
	if !ok {
		return nil, nil
	}
	if len(list) > maxAudiences {
		p.Add([]any{"input", field}, "TOO_LONG", "The list is longer than %d.", maxAudiences)
		return nil, nil
	}
	k := s.Set.Kind(kind)
	asked := make([]id.ID, len(list))
	for i, v := range list {
		var x id.ID
		if err := x.UnmarshalGQL(v); err != nil || x.Kind() != k.Code {
			p.Add([]any{"input", field, i}, "FORMAT", "This is not an id of the right kind.")
			continue
		}
		asked[i] = x
	}
	known := slices.DeleteFunc(slices.Clone(asked), id.ID.IsZero)
	seen, err := tx.Visible(ctx, k, known)
	if err != nil {
		return nil, err
	}
	for i, x := range asked {
		if !x.IsZero() && !seen[x] {
			p.Add([]any{"input", field, i}, "NOT_FOUND", "There is no %s with this id.", k.Name)
		}
	}
	return known, nil
}

// mayTell refuses an audience beyond the actor's own teams to who may not tell all.
func mayTell(tx *write.Tx, teams, roles []id.ID) error {
	if tx.System() || tx.Actor.Policy.Scopes(tx.Kinds().Kind(announcementKind), access.Create)&access.All != 0 {
		return nil
	}
	if len(roles) > 0 {
		return fault.New(fault.Forbidden, "You may announce to your own teams only.").At("input", "roles")
	}
	for i, team := range teams {
		if !slices.Contains(tx.Actor.Teams, team) {
			return fault.New(fault.Forbidden, "You may announce to your own teams only.").At("input", "teams", i)
		}
	}
	return nil
}

// told finds the active users of teams, those below them included, and with roles, the actor left out.
func (s *Service) told(ctx context.Context, tx *write.Tx, teams, roles []id.ID) ([]id.ID, error) {
	var out []id.ID
	if len(teams) > 0 {
		below, err := s.below(ctx, tx, teams)
		if err != nil {
			return nil, err
		}
		out, err = tx.IDs(ctx, "SELECT `id` FROM `users` WHERE `team_id` IN ("+marks(len(below))+") AND `active` = ? AND `deleted_at` IS NULL ORDER BY `id` LIMIT ?", append(anys(below), true, maxTold+2)...)
		if err != nil {
			return nil, err
		}
	}
	if len(roles) > 0 {
		holders, err := tx.IDs(ctx, "SELECT DISTINCT u.`id` FROM `role_grants` g JOIN `users` u ON u.`id` = g.`user_id` WHERE g.`role_id` IN ("+marks(len(roles))+") AND g.`deleted_at` IS NULL AND u.`active` = ? AND u.`deleted_at` IS NULL ORDER BY u.`id` LIMIT ?",
			append(anys(roles), true, maxTold+2)...)
		if err != nil {
			return nil, err
		}
		out = append(out, holders...)
	}
	slices.SortFunc(out, id.ID.Compare)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(x id.ID) bool { return x == tx.Actor.User }), nil
}

// below returns teams with all below them.
func (s *Service) below(ctx context.Context, tx *write.Tx, teams []id.ID) ([]id.ID, error) {
	out := slices.Clone(teams)
	for level := teams; len(level) > 0; {
		next, err := tx.IDs(ctx, "SELECT `id` FROM `teams` WHERE `parent_id` IN ("+marks(len(level))+") AND `deleted_at` IS NULL", anys(level)...)
		if err != nil {
			return nil, err
		}
		level = slices.DeleteFunc(next, func(x id.ID) bool { return slices.Contains(out, x) })
		out = append(out, level...)
	}
	return out, nil
}

func (s *Service) announce(ctx context.Context, tx *write.Tx, columns map[string]any, users []id.ID) (Announced, error) {
	k := s.Set.Kind(announcementKind)
	out := Announced{Told: len(users)}
	err := tx.AsSystem(func() (err error) {
		if out.Announcement, err = tx.Make(ctx, k, columns); err != nil {
			return err
		}
		for _, user := range users {
			if _, err := tx.Make(ctx, s.Set.Kind(receiptKind), map[string]any{"announcement_id": out.Announcement, "owner_id": user}); err != nil {
				return err
			}
			if err := tell(ctx, tx, user, "ANNOUNCEMENT", out.Announcement); err != nil {
				return err
			}
		}
		return tx.Reshared(ctx, k, out.Announcement)
	})
	return out, err
}

// MarkAnnouncementRead keeps when the actor read an announcement that he is told: NOT_FOUND for others.
func (s *Service) MarkAnnouncementRead(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Announced) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Announced, error) {
		r, err := located(ctx, tx, c, s.Set.Kind(announcementKind), "announcement")
		if err != nil {
			return Announced{}, err
		}
		ids, err := tx.IDs(ctx, "SELECT `id` FROM `announcement_receipts` WHERE `announcement_id` = ? AND `owner_id` = ? AND `deleted_at` IS NULL LIMIT 1", r.ID, tx.Actor.User)
		if err != nil {
			return Announced{}, err
		}
		if len(ids) == 0 {
			return Announced{}, write.NotFound(r.Kind)
		}
		receipt, err := tx.Lock(ctx, s.Set.Kind(receiptKind), ids[0])
		if err != nil {
			return Announced{}, err
		}
		out := Announced{Announcement: r.ID}
		if !receipt.At("read_at").IsZero() {
			return out, nil
		}
		if err := tx.Set(ctx, receipt.Kind, receipt.ID, map[string]any{"read_at": tx.Now}); err != nil {
			return out, err
		}
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM `announcement_receipts` WHERE `announcement_id` = ? AND `deleted_at` IS NULL", []any{r.ID}, &out.Told); err != nil || out.Told > followed {
			return out, err
		}
		return out, tx.Set(ctx, r.Kind, r.ID, map[string]any{"last_read_at": tx.Now})
	}, answer)
}

// Withdraw takes an announcement back: its author may, and who may change all of them.
func (s *Service) Withdraw(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Announced) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Announced, error) {
		r, err := located(ctx, tx, c, s.Set.Kind(announcementKind), "announcement")
		if err != nil {
			return Announced{}, err
		}
		author, _ := r.Values["owner_id"].(id.ID)
		if author != tx.Actor.User && tx.Actor.Policy.Scopes(r.Kind, access.Update)&access.All == 0 {
			return Announced{}, fault.New(fault.Forbidden, "You may not do this to this %s.", r.Kind.Name)
		}
		return Announced{Announcement: r.ID}, tx.AsSystem(func() error { return tx.Delete(ctx, r.Kind, r.ID) })
	}, answer)
}
