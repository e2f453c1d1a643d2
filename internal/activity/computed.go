package activity

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"farley/internal/access"
	"farley/internal/calendar"
	"farley/internal/db"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/read"
)

// Fields returns the computed fields of activities and notifications.
func (s *Service) Fields() map[string]read.Computed {
	return map[string]read.Computed{"Activity.clashes": s.clashes, "Activity.recentContacts": s.recentContacts, "Notification.text": s.texts}
}

// maxClashing is of how many activities clashes are asked for at once, and how many one has.
const maxClashing = 100

// planned is an activity whose clashes are looked for.
type planned struct {
	id         id.ID
	start, end time.Time
	users      []id.ID
}

// clashes answers Activity.clashes: for many activities by as many statements as for one.
func (s *Service) clashes(ctx context.Context, q db.Querier, a *access.Actor, f graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	if len(ids) > maxClashing {
		return nil, fault.New(fault.Limited, "Clashes are looked for of at most %d activities at once.", maxClashing)
	}
	list, err := s.planned(ctx, q, a, ids)
	if err != nil {
		return nil, err
	}
	out := map[id.ID]any{}
	for _, x := range ids {
		out[x] = []any{}
	}
	if len(list) == 0 {
		return out, nil
	}
	from, to := list[0].start, list[0].end
	var users []id.ID
	for _, p := range list {
		if p.start.Before(from) {
			from = p.start
		}
		if p.end.After(to) {
			to = p.end
		}
		for _, u := range p.users {
			if !slices.Contains(users, u) {
				users = append(users, u)
			}
		}
	}
	if len(users) == 0 {
		return out, nil
	}
	busy, err := s.busy(ctx, q, users, from, to)
	if err != nil {
		return nil, err
	}
	calendars, err := s.calendars(ctx, q, users)
	if err != nil {
		return nil, err
	}
	found := map[id.ID][]Busy{}
	var who, what []id.ID
	for _, p := range list {
		for _, b := range p.against(busy, calendars) {
			found[p.id] = append(found[p.id], b)
			who, what = append(who, b.User), append(what, b.Activity)
		}
	}
	shownUsers, err := s.Read.Inside(ctx, q, a, f, "user", unique(who))
	if err != nil {
		return nil, err
	}
	shown, err := s.Read.Inside(ctx, q, a, f, "activity", unique(what))
	if err != nil {
		return nil, err
	}
	for x, clashes := range found {
		rows := []any{}
		for _, b := range clashes[:min(len(clashes), maxClashing)] {
			rows = append(rows, b.Value(shownUsers[b.User], shown[b.Activity]))
		}
		out[x] = rows
	}
	return out, nil
}

// Value writes a busy time for an answer, with its user and activity as they are shown.
func (b Busy) Value(user, activity read.Result) map[string]any {
	return map[string]any{"user": user, "start": b.Start.UTC(), "end": b.End.UTC(), "activity": activity, "absent": b.Activity.IsZero()}
}

func unique(ids []id.ID) []id.ID {
	ids = slices.DeleteFunc(slices.Clone(ids), id.ID.IsZero)
	slices.SortFunc(ids, id.ID.Compare)
	return slices.Compact(ids)
}

// planned reads the open activities among ids that keep people busy, with their people, where the reader may know when they are.
func (s *Service) planned(ctx context.Context, q db.Querier, a *access.Actor, ids []id.ID) ([]planned, error) {
	cond := s.readable(a, s.Clock.Now(), "startAt", "endAt", "owner", "status", "participants")
	if cond.IsFalse() || len(ids) == 0 {
		return nil, nil
	}
	query, args := "", anys(ids)
	if !cond.IsTrue() {
		query, args = " AND "+cond.SQL, append(args, cond.Args...)
	}
	var list []planned
	err := db.Each(ctx, q, "SELECT t.`id`, t.`start_at`, t.`end_at`, t.`owner_id` FROM `activities` t WHERE t.`id` IN (?"+repeat(len(ids)-1)+") AND t.`deleted_at` IS NULL"+
		" AND t.`status` IN ('PLANNED', 'IN_PROGRESS') AND t.`start_at` IS NOT NULL AND t.`end_at` IS NOT NULL"+query+" AND t.`shows_as_free` = ? ORDER BY t.`id`", append(args, false), func(rows *sql.Rows) error {
		var p planned
		var start, end read.Instant
		var owner id.ID
		err := rows.Scan(&p.id, &start, &end, &owner)
		p.start, p.end = start.Time, end.Time
		if !owner.IsZero() {
			p.users = []id.ID{owner}
		}
		list = append(list, p)
		return err
	})
	if err != nil || len(list) == 0 {
		return list, err
	}
	return list, db.Each(ctx, q, "SELECT p.`activity_id`, p.`user_id` FROM `activity_participants` p WHERE p.`activity_id` IN (?"+repeat(len(ids)-1)+") AND p.`user_id` IS NOT NULL AND p.`deleted_at` IS NULL AND p.`response` <> 'DECLINED' ORDER BY p.`id`",
		anys(ids), func(rows *sql.Rows) error {
			var x, user id.ID
			err := rows.Scan(&x, &user)
			for i := range list {
				if list[i].id == x && !slices.Contains(list[i].users, user) {
					list[i].users = append(list[i].users, user)
				}
			}
			return err
		})
}

// against returns what keeps the people of an activity from it: what else they have at the time, and when they do not work then.
func (p *planned) against(busy []Busy, calendars map[id.ID]works) []Busy {
	var out []Busy
	for _, b := range busy {
		if b.Activity != p.id && slices.Contains(p.users, b.User) && b.Start.Before(p.end) && b.End.After(p.start) {
			out = append(out, b)
		}
	}
	whole := []calendar.Interval{{Start: p.start, End: p.end}}
	for _, u := range p.users {
		working, err := calendars[u].WorkingIntervals(p.start, p.end)
		if err != nil || len(working) > 0 && p.end.Sub(p.start) >= 24*time.Hour {
			continue // further away than calendars go, or days on some of which he works
		}
		for _, away := range calendar.Subtract(whole, working) {
			out = append(out, Busy{User: u, Start: away.Start, End: away.End})
		}
	}
	slices.SortStableFunc(out, func(a, b Busy) int { return a.Start.Compare(b.Start) })
	return out
}

// sentences are what notifications say, with the subject of the activity and without.
var sentences = map[string][2]string{
	"REMINDER":          {"Reminder: %s.", "A reminder of an activity that you do not see any more."},
	"ACTIVITY_DUE":      {"Due: %s.", "An activity that you do not see any more is due."},
	"ACTIVITY_ASSIGNED": {"You were given: %s.", "You were given an activity that you do not see any more."},
	"ACTIVITY_RESPONSE": {"Somebody answered: %s.", "Somebody answered about an activity that you do not see any more."},
	"MENTIONED":         {"You were mentioned: %s.", "You were mentioned in something that you do not see any more."},
	"CONVERSATION":      {"You were taken into the conversation: %s.", "You were taken into a conversation."},
	"ANNOUNCEMENT":      {"Announced: %s.", "Something was announced that you do not see any more."},
	"CONTACT_DUE":       {"It is time: %s.", "It is time to deal with a customer whom you do not see any more."},
}

// told are the fields that say what a record is about, by kind of record.
var told = map[string]string{kindName: "subject", "Post": "text", "Note": "body", "Conversation": "title", "Announcement": "title"}

// maxTold is how much of a text a notification repeats, in characters.
const maxTold = 120

// texts answers Notification.text.
func (s *Service) texts(ctx context.Context, q db.Querier, a *access.Actor, _ graphql.CollectedField, ids []id.ID) (map[id.ID]any, error) {
	notes := s.Set.Kind("Notification")
	kinds, err := s.Read.Shown(ctx, q, a, notes, "kind", ids)
	if err != nil {
		return nil, err
	}
	records, err := s.Read.Shown(ctx, q, a, notes, "record", ids)
	if err != nil {
		return nil, err
	}
	about := map[id.ID]id.ID{}
	all := map[string][]id.ID{}
	for x, raw := range records {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			continue
		}
		if record, err := id.Parse(text); err == nil && s.Set.Of(record) != nil {
			about[x] = record
			name := s.Set.Of(record).Name
			all[name] = append(all[name], record)
		}
	}
	subjects := map[id.ID]json.RawMessage{}
	for name, field := range told {
		if len(all[name]) == 0 {
			continue
		}
		shown, err := s.Read.Shown(ctx, q, a, s.Set.Kind(name), field, unique(all[name]))
		if err != nil {
			return nil, err
		}
		maps.Copy(subjects, shown)
	}
	out := map[id.ID]any{}
	for x, raw := range kinds {
		var kind, subject string
		if json.Unmarshal(raw, &kind) != nil {
			continue
		}
		words, ok := sentences[kind]
		if !ok {
			continue
		}
		if raw, shown := subjects[about[x]]; shown && json.Unmarshal(raw, &subject) == nil && subject != "" {
			if r := []rune(subject); len(r) > maxTold {
				subject = string(r[:maxTold]) + "…"
			}
			out[x] = s.Say(ctx, words[0], subject)
			continue
		}
		out[x] = s.Say(ctx, words[1])
	}
	return out, nil
}
