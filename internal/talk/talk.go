// Package talk has what users say to each other: conversations about records and among users, how far they are read, and what is
// announced to many.
package talk

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"farley/internal/access"
	"farley/internal/clock"
	"farley/internal/fault"
	"farley/internal/id"
	"farley/internal/markdown"
	"farley/internal/model"
	"farley/internal/read"
	"farley/internal/write"
)

// Service keeps conversations and announcements. Read is set before anything is read.
type Service struct {
	Set   *model.Set
	Clock clock.Clock
	Read  *read.Engine
	// Actor returns what a user may do now; UNAUTHENTICATED when he is not active.
	Actor func(ctx context.Context, user id.ID) (*access.Actor, error)
}

// Limits of conversations.
const (
	maxPost     = 10_000
	maxMentions = 50
	maxUsers    = 50
)

// The kinds of records.
const (
	conversationKind = "Conversation"
	circleKind       = "Circle"
	memberKind       = "CircleMember"
	postKind         = "Post"
	markKind         = "ReadMark"
)

// Started is the outcome of Start.
type Started struct {
	Conversation id.ID `json:"conversation"`
	Post         id.ID `json:"post,omitzero"`
}

// Start begins a conversation about a record in the actor's sight, or among users. NOT_FOUND for a record out of sight, FORBIDDEN
// where it is shared for reading only; Invalid for users out of sight and for what is too long.
func (s *Service) Start(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Started) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Started, error) {
		var p fault.Violations
		record, about := c.Input["record"]
		named, among := c.Input["users"]
		about, among = about && record != nil, among && named != nil
		if about == among {
			p.Add([]any{"input", "record"}, "REQUIRED", "A conversation is either about a record or among users.")
			return Started{}, p.Err()
		}
		title, _ := c.Input["title"].(string)
		text, said := c.Input["text"].(string)
		text = checkText(&p, text, said)
		if utf8.RuneCountInString(title) > 200 {
			p.Add([]any{"input", "title"}, "TOO_LONG", "The text is longer than %d characters.", 200)
		}
		columns := map[string]any{}
		if title = strings.TrimSpace(title); title != "" {
			columns["title"] = title
		}
		var members []id.ID
		var err error
		if about {
			err = s.subject(ctx, tx, &p, record, columns)
		} else {
			members, err = s.users(ctx, tx, &p, named)
		}
		if err == nil {
			err = p.Err()
		}
		if err != nil {
			return Started{}, err
		}
		return s.start(ctx, tx, columns, members, text)
	}, answer)
}

func (s *Service) start(ctx context.Context, tx *write.Tx, columns map[string]any, members []id.ID, text string) (out Started, err error) {
	err = tx.AsSystem(func() error {
		if members != nil {
			circle, err := s.gather(ctx, tx, members)
			if err != nil {
				return err
			}
			columns["circle_id"] = circle
		}
		out.Conversation, err = tx.Make(ctx, s.Set.Kind(conversationKind), columns)
		return err
	})
	if err != nil {
		return out, err
	}
	conversation, err := tx.InSight(ctx, s.Set.Kind(conversationKind), out.Conversation)
	if err != nil {
		return out, err
	}
	for _, user := range members {
		if err := s.follow(ctx, tx, conversation.ID, user, 0); err != nil {
			return out, err
		}
		if err := tell(ctx, tx, user, "CONVERSATION", conversation.ID); err != nil {
			return out, err
		}
	}
	if text == "" {
		return out, nil
	}
	out.Post, err = s.say(ctx, tx, conversation, text)
	return out, err
}

// subject finds the record that a conversation is to be about.
func (s *Service) subject(ctx context.Context, tx *write.Tx, p *fault.Violations, named any, columns map[string]any) error {
	var x id.ID
	field := (*model.Field)(nil)
	if err := x.UnmarshalGQL(named); err == nil {
		field = subjectField(s.Set, s.Set.Of(x))
	}
	if field == nil {
		p.Add([]any{"input", "record"}, "FORMAT", "This is not an id of the right kind.")
		return nil
	}
	r, err := tx.InSight(ctx, s.Set.Of(x), x)
	if err == nil && r.InBin() {
		err = write.NotFound(r.Kind)
	}
	if err != nil {
		return err
	}
	columns[field.Column] = x
	return mayComment(ctx, tx, x)
}

func mayComment(ctx context.Context, tx *write.Tx, x id.ID) error {
	ok, err := tx.MayComment(ctx, x)
	if err == nil && !ok {
		err = write.ErrReadOnlyShare
	}
	return err
}

// subjectField returns the field of a conversation that leads to a record of the kind, nil when none does.
func subjectField(set *model.Set, k *model.Kind) *model.Field {
	conversation := set.Kind(conversationKind)
	for _, name := range conversation.Parents {
		if f := conversation.Field(name); k != nil && f.Target == k.Name && k.Name != circleKind {
			return f
		}
	}
	return nil
}

// users reads the users of an input: other ones than the actor, in his sight and active, each once. Those who are not are told in
// the same words as those who are not there.
func (s *Service) users(ctx context.Context, tx *write.Tx, p *fault.Violations, named any) ([]id.ID, error) {
	list, ok := named.([]any)
	if !ok {
		list = []any{named}
	}
	if len(list) < 1 || len(list) > maxUsers {
		p.Add([]any{"input", "users"}, "RANGE", "Name 1 to %d users.", maxUsers)
		return nil, nil
	}
	k := s.Set.Kind("User")
	asked := make([]id.ID, len(list))
	for i, v := range list {
		var x id.ID
		if err := x.UnmarshalGQL(v); err != nil || x.Kind() != k.Code {
			p.Add([]any{"input", "users", i}, "FORMAT", "This is not an id of the right kind.")
			continue
		}
		asked[i] = x
	}
	seen, err := tx.Visible(ctx, k, slices.DeleteFunc(slices.Clone(asked), id.ID.IsZero))
	if err != nil {
		return nil, err
	}
	var out []id.ID
	for i, x := range asked {
		switch {
		case x.IsZero():
		case !seen[x]:
			p.Add([]any{"input", "users", i}, "NOT_FOUND", "There is no %s with this id.", k.Name)
		case x != tx.Actor.User && !slices.Contains(out, x):
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		p.Add([]any{"input", "users"}, "REQUIRED", "A conversation needs somebody beside you.")
	}
	return out, nil
}

// gather makes the circle of the actor and others. Nobody owns it: who belongs to it sees it, and nobody else.
func (s *Service) gather(ctx context.Context, tx *write.Tx, others []id.ID) (id.ID, error) {
	k := s.Set.Kind(circleKind)
	circle, err := tx.Make(ctx, k, nil)
	if err != nil {
		return circle, err
	}
	if err := tx.Set(ctx, k, circle, map[string]any{"owner_id": nil, "team_id": nil, "partner_id": nil}); err != nil {
		return circle, err
	}
	return circle, s.join(ctx, tx, circle, append([]id.ID{tx.Actor.User}, others...))
}

// join makes users members of a circle, and tells them that they see it.
func (s *Service) join(ctx context.Context, tx *write.Tx, circle id.ID, users []id.ID) error {
	for _, user := range users {
		if _, err := tx.Make(ctx, s.Set.Kind(memberKind), map[string]any{"circle_id": circle, "user_id": user}); err != nil {
			return err
		}
	}
	return tx.Reshared(ctx, s.Set.Kind(circleKind), circle)
}

// tell tells a user something by a notification.
func tell(ctx context.Context, tx *write.Tx, user id.ID, kind string, record id.ID) error {
	return tx.AsSystem(func() error {
		_, err := tx.Make(ctx, tx.Kinds().Kind("Notification"), map[string]any{"owner_id": user, "kind": kind, "record_id": record})
		return err
	})
}

// checkText returns a text without space around it, and refuses one that is empty, too long, or mentions too many.
func checkText(p *fault.Violations, text string, needed bool) string {
	text = strings.TrimSpace(text)
	switch {
	case text == "" && needed:
		p.Add([]any{"input", "text"}, "REQUIRED", "The text is empty.")
	case utf8.RuneCountInString(text) > maxPost:
		p.Add([]any{"input", "text"}, "TOO_LONG", "The text is longer than %d characters.", maxPost)
	}
	return text
}

// mentioned lists the users to whom a text links, each once.
func mentioned(set *model.Set, text string) []id.ID {
	var out []id.ID
	for _, to := range markdown.Links(text) {
		if x, err := id.Parse(to); err == nil && x.Kind() == set.Kind("User").Code && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// mention tells the users whom a text mentions, those whom it mentioned before left out, as far as they see the conversation;
// they follow it from then on. Somebody out of the author's sight is refused in the words for somebody who is not there.
func (s *Service) mention(ctx context.Context, tx *write.Tx, conversation *write.Record, post id.ID, number int64, text, before string) error {
	fresh := mentioned(s.Set, text)
	var p fault.Violations
	if len(fresh) > maxMentions {
		p.Add([]any{"input", "text"}, "TOO_LONG", "A post mentions at most %d users.", maxMentions)
		return p.Err()
	}
	known := mentioned(s.Set, before)
	fresh = slices.DeleteFunc(fresh, func(x id.ID) bool { return slices.Contains(known, x) })
	seen, err := tx.Visible(ctx, s.Set.Kind("User"), fresh)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(fresh, func(x id.ID) bool { return !seen[x] }) {
		p.Add([]any{"input", "text"}, "NOT_FOUND", "Somebody who is mentioned is not there.")
		return p.Err()
	}
	for _, user := range fresh {
		if user == tx.Actor.User {
			continue
		}
		a, err := s.Actor(ctx, user)
		if fault.CodeOf(err) == fault.Unauthenticated {
			continue
		}
		if err != nil {
			return err
		}
		if !a.May(s.Set, conversation.Kind, conversation.Keys, access.Read, tx.Now) {
			continue
		}
		if err := s.follow(ctx, tx, conversation.ID, user, number-1); err != nil {
			return err
		}
		if err := tell(ctx, tx, user, "MENTIONED", post); err != nil {
			return err
		}
	}
	return nil
}

// mark returns the mark of a user in a conversation, nil when he does not follow it. The conversation is locked.
func (s *Service) mark(ctx context.Context, tx *write.Tx, conversation, user id.ID) (*write.Record, error) {
	ids, err := tx.IDs(ctx, "SELECT `id` FROM `read_marks` WHERE `conversation_id` = ? AND `owner_id` = ? AND `deleted_at` IS NULL ORDER BY `id` LIMIT 1", conversation, user)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return tx.Lock(ctx, s.Set.Kind(markKind), ids[0])
}

// follow has a user follow a conversation, with what he has read so far when he does not follow it already.
func (s *Service) follow(ctx context.Context, tx *write.Tx, conversation, user id.ID, number int64) error {
	m, err := s.mark(ctx, tx, conversation, user)
	if err != nil || m != nil {
		return err
	}
	return tx.AsSystem(func() error {
		_, err := tx.Make(ctx, s.Set.Kind(markKind), map[string]any{"conversation_id": conversation, "owner_id": user, "number": number})
		return err
	})
}

// reach keeps that a user has read a conversation up to a number.
func (s *Service) reach(ctx context.Context, tx *write.Tx, conversation, user id.ID, number int64) error {
	m, err := s.mark(ctx, tx, conversation, user)
	if err != nil {
		return err
	}
	if m == nil {
		return s.follow(ctx, tx, conversation, user, number)
	}
	if was, _ := m.Values["number"].(int64); was >= number {
		return nil
	}
	return tx.Set(ctx, m.Kind, m.ID, map[string]any{"number": number})
}

// say adds a post to a conversation that is in the actor's sight and locked.
func (s *Service) say(ctx context.Context, tx *write.Tx, conversation *write.Record, text string) (id.ID, error) {
	var number int64
	if err := tx.QueryRow(ctx, "SELECT COALESCE(MAX(`number`), 0) + 1 FROM `posts` WHERE `conversation_id` = ?", []any{conversation.ID}, &number); err != nil {
		return id.ID{}, err
	}
	var x id.ID
	err := tx.AsSystem(func() (err error) {
		x, err = tx.Make(ctx, s.Set.Kind(postKind), map[string]any{"conversation_id": conversation.ID, "number": number, "text": text})
		return err
	})
	if err != nil {
		return x, err
	}
	if err := tx.MoveOn(ctx, conversation.Kind, conversation.ID, "lastPostAt", tx.Now); err != nil {
		return x, err
	}
	if err := s.reach(ctx, tx, conversation.ID, tx.Actor.User, number); err != nil {
		return x, err
	}
	return x, s.mention(ctx, tx, conversation, x, number, text, "")
}

// located locks the record of a kind that an input names, in the actor's sight and not in the bin.
func located(ctx context.Context, tx *write.Tx, c write.Command, k *model.Kind, field string) (*write.Record, error) {
	var x id.ID
	if err := x.UnmarshalGQL(c.Input[field]); err != nil || x.Kind() != k.Code {
		var p fault.Violations
		p.Add([]any{"input", field}, "FORMAT", "This is not an id of the right kind.")
		return nil, p.Err()
	}
	r, err := tx.InSight(ctx, k, x)
	if err == nil && r.InBin() {
		err = write.NotFound(k)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Posted is the outcome of Post, Edit and Remove.
type Posted struct {
	Post id.ID `json:"post"`
}

// Post says something in a conversation. NOT_FOUND out of sight, FORBIDDEN where the record is shared for reading only.
func (s *Service) Post(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Posted) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Posted, error) {
		r, err := located(ctx, tx, c, s.Set.Kind(conversationKind), "conversation")
		if err != nil {
			return Posted{}, err
		}
		if err := s.mayPost(ctx, tx, r); err != nil {
			return Posted{}, err
		}
		var p fault.Violations
		text, _ := c.Input["text"].(string)
		text = checkText(&p, text, true)
		if err := p.Err(); err != nil {
			return Posted{}, err
		}
		x, err := s.say(ctx, tx, r, text)
		return Posted{x}, err
	}, answer)
}

func (s *Service) mayPost(ctx context.Context, tx *write.Tx, conversation *write.Record) error {
	for _, name := range conversation.Kind.Parents {
		f := conversation.Kind.Field(name)
		if x, _ := conversation.Values[f.Column].(id.ID); !x.IsZero() && f.Target != circleKind {
			return mayComment(ctx, tx, x)
		}
	}
	return nil
}

// own locks the post that an input names, which the actor wrote and whose version he has seen: FORBIDDEN for those of others.
func (s *Service) own(ctx context.Context, tx *write.Tx, c write.Command) (*write.Record, error) {
	r, err := located(ctx, tx, c, s.Set.Kind(postKind), "post")
	if err != nil {
		return nil, err
	}
	if author, _ := r.Values["owner_id"].(id.ID); author != tx.Actor.User {
		return nil, fault.New(fault.Forbidden, "You may not do this to this %s.", r.Kind.Name)
	}
	return r, write.ExpectVersion(r, c.ExpectedVersion)
}

// Edit changes a post of the actor's.
func (s *Service) Edit(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Posted) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Posted, error) {
		r, err := s.own(ctx, tx, c)
		if err != nil {
			return Posted{}, err
		}
		var p fault.Violations
		text, _ := c.Input["text"].(string)
		text = checkText(&p, text, true)
		if err := p.Err(); err != nil {
			return Posted{}, err
		}
		before, _ := r.Values["text"].(string)
		if text == before {
			return Posted{r.ID}, nil
		}
		in, _ := r.Values["conversation_id"].(id.ID)
		conversation, err := tx.InSight(ctx, s.Set.Kind(conversationKind), in)
		if err != nil {
			return Posted{}, err
		}
		if err := tx.Set(ctx, r.Kind, r.ID, map[string]any{"text": text, "edited_at": tx.Now}); err != nil {
			return Posted{}, err
		}
		number, _ := r.Values["number"].(int64)
		return Posted{r.ID}, s.mention(ctx, tx, conversation, r.ID, number, text, before)
	}, answer)
}

// Remove takes a post of the actor's away.
func (s *Service) Remove(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Posted) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Posted, error) {
		r, err := s.own(ctx, tx, c)
		if err != nil {
			return Posted{}, err
		}
		return Posted{r.ID}, tx.AsSystem(func() error { return tx.Delete(ctx, r.Kind, r.ID) })
	}, answer)
}

// Joined is the outcome of Add, Leave and MarkRead.
type Joined struct {
	Conversation id.ID `json:"conversation"`
	Number       int64 `json:"number,omitempty"`
}

// among locks the conversation of an input and returns its circle: CONFLICT for one about a record.
func (s *Service) among(ctx context.Context, tx *write.Tx, c write.Command) (r *write.Record, circle id.ID, err error) {
	r, err = located(ctx, tx, c, s.Set.Kind(conversationKind), "conversation")
	if err != nil {
		return nil, circle, err
	}
	circle, _ = r.Values["circle_id"].(id.ID)
	if circle.IsZero() {
		return nil, circle, fault.New(fault.Conflict, "The conversation is about a record: who sees that takes part.").At("input", "conversation")
	}
	_, err = tx.Lock(ctx, s.Set.Kind(circleKind), circle)
	return r, circle, err
}

// Add takes users into a conversation among users.
func (s *Service) Add(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Joined) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Joined, error) {
		r, circle, err := s.among(ctx, tx, c)
		if err != nil {
			return Joined{}, err
		}
		out := Joined{Conversation: r.ID}
		var p fault.Violations
		users, err := s.users(ctx, tx, &p, c.Input["users"])
		if err == nil {
			err = p.Err()
		}
		if err != nil {
			return out, err
		}
		members, err := tx.IDs(ctx, "SELECT `user_id` FROM `circle_members` WHERE `circle_id` = ? AND `deleted_at` IS NULL", circle)
		if err != nil {
			return out, err
		}
		users = slices.DeleteFunc(users, func(x id.ID) bool { return slices.Contains(members, x) })
		if len(users)+len(members) > maxUsers+1 {
			p.Add([]any{"input", "users"}, "TOO_LONG", "At most %d belong to a conversation.", maxUsers+1)
			return out, p.Err()
		}
		if len(users) == 0 {
			return out, nil
		}
		if err := tx.AsSystem(func() error { return s.join(ctx, tx, circle, users) }); err != nil {
			return out, err
		}
		last, err := s.last(ctx, tx, r.ID)
		if err != nil {
			return out, err
		}
		for _, user := range users {
			if err := s.follow(ctx, tx, r.ID, user, last); err != nil {
				return out, err
			}
			if err := tell(ctx, tx, user, "CONVERSATION", r.ID); err != nil {
				return out, err
			}
		}
		return out, nil
	}, answer)
}

// Leave ends that the actor belongs to a conversation among users.
func (s *Service) Leave(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Joined) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Joined, error) {
		r, circle, err := s.among(ctx, tx, c)
		if err != nil {
			return Joined{}, err
		}
		members, err := tx.IDs(ctx, "SELECT `id` FROM `circle_members` WHERE `circle_id` = ? AND `user_id` = ? AND `deleted_at` IS NULL", circle, tx.Actor.User)
		if err != nil {
			return Joined{}, err
		}
		marks, err := tx.IDs(ctx, "SELECT m.`id` FROM `read_marks` m JOIN `conversations` c ON c.`id` = m.`conversation_id` WHERE c.`circle_id` = ? AND m.`owner_id` = ? AND m.`deleted_at` IS NULL ORDER BY m.`id`", circle, tx.Actor.User)
		if err != nil {
			return Joined{}, err
		}
		return Joined{Conversation: r.ID}, tx.AsSystem(func() error {
			for _, x := range append(marks, members...) {
				if _, err := tx.Bin(ctx, s.Set.Of(x), x); err != nil {
					return err
				}
			}
			return tx.Reshared(ctx, s.Set.Kind(circleKind), circle)
		})
	}, answer)
}

func (s *Service) last(ctx context.Context, tx *write.Tx, conversation id.ID) (n int64, err error) {
	err = tx.QueryRow(ctx, "SELECT COALESCE(MAX(`number`), 0) FROM `posts` WHERE `conversation_id` = ? AND `deleted_at` IS NULL", []any{conversation}, &n)
	return n, err
}

// MarkRead keeps how far the actor has read a conversation, who follows it from then on.
func (s *Service) MarkRead(ctx context.Context, w *write.Writer, c write.Command, key string, answer func(context.Context, *write.Tx, Joined) error) error {
	return write.Perform(ctx, w, c, key, func(ctx context.Context, tx *write.Tx) (Joined, error) {
		r, err := located(ctx, tx, c, s.Set.Kind(conversationKind), "conversation")
		if err != nil {
			return Joined{}, err
		}
		out := Joined{Conversation: r.ID}
		if v := c.Input["post"]; v != nil {
			post, err := located(ctx, tx, c, s.Set.Kind(postKind), "post")
			if err != nil {
				return out, err
			}
			if in, _ := post.Values["conversation_id"].(id.ID); in != r.ID {
				return out, write.NotFound(post.Kind)
			}
			out.Number, _ = post.Values["number"].(int64)
		} else if out.Number, err = s.last(ctx, tx, r.ID); err != nil {
			return out, err
		}
		return out, s.reach(ctx, tx, r.ID, tx.Actor.User, out.Number)
	}, answer)
}
