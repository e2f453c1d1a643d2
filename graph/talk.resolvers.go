package graph

import (
	"context"

	"farley/internal/access"
	"farley/internal/db"
	"farley/internal/id"
	"farley/internal/input"
	"farley/internal/read"
	"farley/internal/talk"
	"farley/internal/write"
)

// StartConversation answers Mutation.startConversation.
func (r *mutationResolver) StartConversation(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "startConversation", Input: in, DryRun: dryRun}
	err := r.Talk.Start(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o talk.Started) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"conversation": o.Conversation, "post": o.Post}, nil)
		return err
	})
	return &res, err
}

// PostToConversation answers Mutation.postToConversation.
func (r *mutationResolver) PostToConversation(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "postToConversation", Input: in, DryRun: dryRun}
	return &res, r.Talk.Post(ctx, r.Write, c, idempotencyKey(ctx, key), r.posted(&res))
}

// EditPost answers Mutation.editPost.
func (r *mutationResolver) EditPost(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "editPost", Input: in, ExpectedVersion: version, DryRun: dryRun}
	return &res, r.Talk.Edit(ctx, r.Write, c, idempotencyKey(ctx, key), r.posted(&res))
}

// posted writes the payload of a verb on one post.
func (r *mutationResolver) posted(res *read.Result) func(context.Context, *write.Tx, talk.Posted) error {
	return func(ctx context.Context, tx *write.Tx, o talk.Posted) (err error) {
		*res, err = r.records(ctx, tx, map[string]id.ID{"post": o.Post}, nil)
		return err
	}
}

// RemovePost answers Mutation.removePost.
func (r *mutationResolver) RemovePost(ctx context.Context, in input.Object, version *int64, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "removePost", Input: in, ExpectedVersion: version, DryRun: dryRun}
	err := r.Talk.Remove(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, _ *write.Tx, _ talk.Posted) (err error) {
		res, err = r.Read.Project(ctx, map[string]any{"removed": true})
		return err
	})
	return &res, err
}

// AddToConversation answers Mutation.addToConversation.
func (r *mutationResolver) AddToConversation(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "addToConversation", Input: in, DryRun: dryRun}
	err := r.Talk.Add(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o talk.Joined) (err error) {
		res, err = r.records(ctx, tx, map[string]id.ID{"conversation": o.Conversation}, nil)
		return err
	})
	return &res, err
}

// LeaveConversation answers Mutation.leaveConversation.
func (r *mutationResolver) LeaveConversation(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "leaveConversation", Input: in, DryRun: dryRun}
	err := r.Talk.Leave(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, _ *write.Tx, _ talk.Joined) (err error) {
		res, err = r.Read.Project(ctx, map[string]any{"left": true})
		return err
	})
	return &res, err
}

// MarkConversationRead answers Mutation.markConversationRead.
func (r *mutationResolver) MarkConversationRead(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "markConversationRead", Input: in, DryRun: dryRun}
	err := r.Talk.MarkRead(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o talk.Joined) error {
		n, err := r.Talk.Count(ctx, tx, tx.Actor, o.Conversation)
		if err != nil {
			return err
		}
		value := map[string]any{"unread": n}
		if value["conversation"], err = r.Read.Payload(ctx, tx, tx.Actor, "conversation", o.Conversation); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// UnreadConversations answers Query.unreadConversations.
func (r *queryResolver) UnreadConversations(ctx context.Context) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		u, err := r.Talk.Unread(ctx, tx)
		if err != nil {
			return err
		}
		value := map[string]any{"count": u.Count, "posts": u.Posts}
		if value["conversations"], err = r.Read.Payload(ctx, tx, access.From(ctx), "conversations", u.Conversations...); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// Announce answers Mutation.announce.
func (r *mutationResolver) Announce(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "announce", Input: in, DryRun: dryRun}
	err := r.Talk.Announce(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o talk.Announced) (err error) {
		value := map[string]any{"told": o.Told}
		if value["announcement"], err = r.Read.Payload(ctx, tx, tx.Actor, "announcement", o.Announcement); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// MarkAnnouncementRead answers Mutation.markAnnouncementRead.
func (r *mutationResolver) MarkAnnouncementRead(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "markAnnouncementRead", Input: in, DryRun: dryRun}
	err := r.Talk.MarkAnnouncementRead(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, tx *write.Tx, o talk.Announced) error {
		_, n, err := r.Talk.UnreadAnnouncements(ctx, tx)
		if err != nil {
			return err
		}
		value := map[string]any{"unread": n}
		if value["announcement"], err = r.Read.Payload(ctx, tx, tx.Actor, "announcement", o.Announcement); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}

// WithdrawAnnouncement answers Mutation.withdrawAnnouncement.
func (r *mutationResolver) WithdrawAnnouncement(ctx context.Context, in input.Object, dryRun *bool, key *string) (*read.Result, error) {
	var res read.Result
	c := write.Command{Name: "withdrawAnnouncement", Input: in, DryRun: dryRun}
	err := r.Talk.Withdraw(ctx, r.Write, c, idempotencyKey(ctx, key), func(ctx context.Context, _ *write.Tx, _ talk.Announced) (err error) {
		res, err = r.Read.Project(ctx, map[string]any{"withdrawn": true})
		return err
	})
	return &res, err
}

// UnreadAnnouncements answers Query.unreadAnnouncements.
func (r *queryResolver) UnreadAnnouncements(ctx context.Context) (*read.Result, error) {
	var res read.Result
	err := r.reading(ctx, func(tx *db.Tx) error {
		ids, n, err := r.Talk.UnreadAnnouncements(ctx, tx)
		if err != nil {
			return err
		}
		value := map[string]any{"count": n}
		if value["announcements"], err = r.Read.Payload(ctx, tx, access.From(ctx), "announcements", ids...); err != nil {
			return err
		}
		res, err = r.Read.Project(ctx, value)
		return err
	})
	return &res, err
}
