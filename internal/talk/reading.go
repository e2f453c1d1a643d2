package talk

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/model"
	"farley/internal/read"
)

// Fields returns the computed fields of conversations and announcements.
func (s *Service) Fields() map[string]read.Computed {
	return map[string]read.Computed{
		"Conversation.unread": s.unread, "Announcement.readBy": s.readBy, "Announcement.toldCount": s.toldCount,
		"Announcement.readCount": s.readCount, "Announcement.readAt": s.readAt,
	}
}

// maxListed is how many records lists of what is unread give.
const maxListed = 100

// readable is the condition that the reader may read the rows of a kind, called alias, and fields of them.
func (s *Service) readable(a *access.Actor, k *model.Kind, alias string, fields ...string) access.Cond {
	now := s.Clock.Now()
	conds := []access.Cond{a.Sight(s.Set, k, alias, access.Read, now)}
	for _, name := range fields {
		if c, whole := a.FieldCond(s.Set, k, k.Field(name), alias, now); !whole {
			conds = append(conds, c)
		}
	}
	return access.And(conds...)
}

// fresh is the condition on posts p and the mark m of their conversation that they are unread by the reader.
func (s *Service) fresh(a *access.Actor) access.Cond {
	k := s.Set.Kind(postKind)
	conds := []access.Cond{
		{SQL: "p.`deleted_at` IS NULL AND p.`number` > COALESCE(m.`number`, 0) AND (p.`owner_id` IS NULL OR p.`owner_id` <> ?)", Args: []any{a.User}},
		a.Within(s.Set, k, "p", a.Policy.Scopes(k, access.Read), access.AnyShare, s.Clock.Now()),
	}
	for _, name := range []string{"conversation", "number", "owner"} {
		if c, whole := a.FieldCond(s.Set, k, k.Field(name), "p", s.Clock.Now()); !whole {
			conds = append(conds, c)
		}
	}
	return access.And(conds...)
}

// unread answers Conversation.unread: for many conversations by one statement.
func (s *Service) unread(ctx context.Context, q db.Querier, a *access.Actor, _ graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	out := map[id.ID]any{}
	for _, x := range ids {
		out[x] = 0
	}
	cond := s.fresh(a)
	if cond.IsFalse() || len(ids) == 0 {
		return out, nil
	}
	args := append([]any{a.User}, anys(ids)...)
	err := db.Each(ctx, q, "SELECT p.`conversation_id`, COUNT(*) FROM `posts` p LEFT JOIN `read_marks` m ON m.`conversation_id` = p.`conversation_id` AND m.`owner_id` = ? AND m.`deleted_at` IS NULL"+
		" WHERE p.`conversation_id` IN ("+marks(len(ids))+") AND "+cond.SQL+" GROUP BY p.`conversation_id`", append(args, cond.Args...), func(rows *sql.Rows) error {
		var x id.ID
		var n int
		err := rows.Scan(&x, &n)
		out[x] = n
		return err
	})
	return out, err
}

// Count returns how many posts of a conversation in sight its reader has not read.
func (s *Service) Count(ctx context.Context, q db.Querier, a *access.Actor, conversation id.ID) (int, error) {
	found, err := s.unread(ctx, q, a, graphql.CollectedField{}, []id.ID{conversation})
	if err != nil {
		return 0, err
	}
	n, _ := found[conversation].(int)
	return n, nil
}

// Unread is what a reader has not read of the conversations that he follows.
type Unread struct {
	Conversations []id.ID // the one written in last first
	Count, Posts  int
}

// Unread finds the conversations that the reader follows and in which something is unread.
func (s *Service) Unread(ctx context.Context, q db.Querier) (Unread, error) {
	a := access.From(ctx)
	k := s.Set.Kind(conversationKind)
	cond := access.And(s.fresh(a), s.readable(a, k, "c"))
	var out Unread
	if cond.IsFalse() {
		return out, nil
	}
	err := db.Each(ctx, q, "SELECT c.`id`, COUNT(*) FROM `read_marks` m JOIN `conversations` c ON c.`id` = m.`conversation_id` AND c.`deleted_at` IS NULL JOIN `posts` p ON p.`conversation_id` = c.`id`"+
		" WHERE m.`owner_id` = ? AND m.`deleted_at` IS NULL AND "+cond.SQL+" GROUP BY c.`id`, c.`last_post_at` ORDER BY c.`last_post_at` DESC, c.`id`", append([]any{a.User}, cond.Args...), func(rows *sql.Rows) error {
		var x id.ID
		var n int
		err := rows.Scan(&x, &n)
		out.Count, out.Posts = out.Count+1, out.Posts+n
		if out.Count <= maxListed {
			out.Conversations = append(out.Conversations, x)
		}
		return err
	})
	return out, err
}

// managed returns which of some announcements the reader wrote, or may change because he may change all.
func (s *Service) managed(ctx context.Context, q db.Querier, a *access.Actor, ids []id.ID) ([]id.ID, error) {
	k := s.Set.Kind(announcementKind)
	cond := access.Cond{SQL: "t.`id` IN (" + marks(len(ids)) + ") AND t.`deleted_at` IS NULL", Args: anys(ids)}
	if a.Policy.Scopes(k, access.Update)&access.All == 0 {
		cond.SQL, cond.Args = cond.SQL+" AND t.`owner_id` = ?", append(cond.Args, a.User)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if cond = access.And(cond, a.Sight(s.Set, k, "t", access.Read, s.Clock.Now())); cond.IsFalse() {
		return nil, nil
	}
	var out []id.ID
	err := db.Each(ctx, q, "SELECT t.`id` FROM `announcements` t WHERE "+cond.SQL, cond.Args, func(rows *sql.Rows) error {
		var x id.ID
		err := rows.Scan(&x)
		out = append(out, x)
		return err
	})
	return out, err
}

// maxReadings is how many readings one announcement shows, and of how many announcements they are asked for at once.
const (
	maxReadings = 1000
	maxShown    = 20
)

// readBy answers Announcement.readBy.
func (s *Service) readBy(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	if len(ids) > maxShown {
		return nil, fault.New(fault.Limited, "Who has read them is asked of at most %d announcements at once.", maxShown)
	}
	mine, err := s.managed(ctx, q, a, ids)
	if err != nil || len(mine) == 0 {
		return map[id.ID]any{}, err
	}
	type reading struct {
		announcement, user id.ID
		at                 read.Instant
	}
	var list []reading
	var users []id.ID
	err = db.Each(ctx, q, "SELECT r.`announcement_id`, r.`owner_id`, r.`read_at` FROM `announcement_receipts` r WHERE r.`announcement_id` IN ("+marks(len(mine))+
		") AND r.`deleted_at` IS NULL ORDER BY r.`read_at`, r.`id` LIMIT ?", append(anys(mine), maxShown*maxReadings), func(rows *sql.Rows) error {
		var r reading
		err := rows.Scan(&r.announcement, &r.user, &r.at)
		list, users = append(list, r), append(users, r.user)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(users, id.ID.Compare)
	shown, err := s.Read.Inside(ctx, q, a, f, "user", slices.Compact(users))
	if err != nil {
		return nil, err
	}
	rows := map[id.ID][]any{}
	for _, x := range mine {
		rows[x] = []any{}
	}
	for _, r := range list {
		if len(rows[r.announcement]) >= maxReadings {
			continue
		}
		v := map[string]any{"user": shown[r.user]}
		if !r.at.Time.IsZero() {
			v["readAt"] = r.at.Time
		}
		rows[r.announcement] = append(rows[r.announcement], v)
	}
	out := map[id.ID]any{}
	for x, list := range rows {
		out[x] = list
	}
	return out, nil
}

// toldCount answers Announcement.toldCount.
func (s *Service) toldCount(ctx context.Context, q db.Querier, a *access.Actor, _ graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	return s.receipts(ctx, q, a, ids, "COUNT(*)")
}

// readCount answers Announcement.readCount.
func (s *Service) readCount(ctx context.Context, q db.Querier, a *access.Actor, _ graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	return s.receipts(ctx, q, a, ids, "COUNT(r.`read_at`)")
}

func (s *Service) receipts(ctx context.Context, q db.Querier, a *access.Actor, ids []id.ID, what string) (map[id.ID]any, error) {
	out := map[id.ID]any{}
	mine, err := s.managed(ctx, q, a, ids)
	if err != nil || len(mine) == 0 {
		return out, err
	}
	for _, x := range mine {
		out[x] = 0
	}
	err = db.Each(ctx, q, "SELECT r.`announcement_id`, "+what+" FROM `announcement_receipts` r WHERE r.`announcement_id` IN ("+marks(len(mine))+") AND r.`deleted_at` IS NULL GROUP BY r.`announcement_id`",
		anys(mine), func(rows *sql.Rows) error {
			var x id.ID
			var n int
			err := rows.Scan(&x, &n)
			out[x] = n
			return err
		})
	return out, err
}

// readAt answers Announcement.readAt.
func (s *Service) readAt(ctx context.Context, q db.Querier, a *access.Actor, _ graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	out := map[id.ID]any{}
	if len(ids) == 0 {
		return out, nil
	}
	err := db.Each(ctx, q, "SELECT r.`announcement_id`, r.`read_at` FROM `announcement_receipts` r WHERE r.`owner_id` = ? AND r.`announcement_id` IN ("+marks(len(ids))+") AND r.`deleted_at` IS NULL AND r.`read_at` IS NOT NULL",
		append([]any{a.User}, anys(ids)...), func(rows *sql.Rows) error {
			var x id.ID
			var at read.Instant
			err := rows.Scan(&x, &at)
			out[x] = at.Time
			return err
		})
	return out, err
}

// unreadCond finds the receipts r of announcements t that a user has not read and that are news still.
const unreadCond = " FROM `announcement_receipts` r JOIN `announcements` t ON t.`id` = r.`announcement_id` AND t.`deleted_at` IS NULL" +
	" WHERE r.`owner_id` = ? AND r.`deleted_at` IS NULL AND r.`read_at` IS NULL AND (t.`ends_at` IS NULL OR t.`ends_at` > ?)"

// UnreadAnnouncements lists the announcements that the reader is told, has not read and that are news still, those first that
// must be read; and counts them.
func (s *Service) UnreadAnnouncements(ctx context.Context, q db.Querier) (ids []id.ID, n int, err error) {
	a := access.From(ctx)
	cond := s.readable(a, s.Set.Kind(announcementKind), "t")
	if cond.IsFalse() {
		return nil, 0, nil
	}
	query, args := unreadCond, []any{a.User, s.Clock.Now()}
	if !cond.IsTrue() {
		query, args = query+" AND "+cond.SQL, append(args, cond.Args...)
	}
	err = db.Each(ctx, q, "SELECT t.`id`"+query+" ORDER BY t.`must_read` DESC, t.`id` DESC", args, func(rows *sql.Rows) error {
		var x id.ID
		err := rows.Scan(&x)
		if n++; n <= maxListed {
			ids = append(ids, x)
		}
		return err
	})
	return ids, n, err
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

func anys(ids []id.ID) []any {
	out := make([]any, len(ids))
	for i, x := range ids {
		out[i] = x
	}
	return out
}
