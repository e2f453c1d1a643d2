package stream_test

import (
	"context"
	"errors"
	"testing"

	"farley/internal/stream"
)

func TestSubscription_firstFailureStays(t *testing.T) {
	t.Parallel()
	ctx, sub := stream.WithSubscription(t.Context())
	if err := sub.Err(); err != nil {
		t.Fatalf("Err before Fail = %v", err)
	}
	first := errors.New("first")
	stream.Fail(ctx, nil)
	stream.Fail(ctx, first)
	stream.Fail(ctx, errors.New("second"))
	if got := sub.Err(); got != first {
		t.Errorf("Err = %v, want %v", got, first)
	}
}

func TestSubscription_cursorIsTakenOnce(t *testing.T) {
	t.Parallel()
	ctx, sub := stream.WithSubscription(t.Context())
	stream.SetCursor(ctx, "c1")
	stream.SetCursor(ctx, "c2")
	if got := sub.TakeCursor(); got != "c2" {
		t.Errorf("TakeCursor = %q, want c2", got)
	}
	if got := sub.TakeCursor(); got != "" {
		t.Errorf("second TakeCursor = %q, want none", got)
	}
}

func TestResumeFrom(t *testing.T) {
	t.Parallel()
	ctx, _ := stream.WithResumedSubscription(t.Context(), "c7")
	if got := stream.ResumeFrom(ctx); got != "c7" {
		t.Errorf("ResumeFrom = %q, want c7", got)
	}
	ctx, _ = stream.WithSubscription(ctx)
	if got := stream.ResumeFrom(ctx); got != "" {
		t.Errorf("ResumeFrom of an inner subscription = %q, want none", got)
	}
}

func TestSubscription_absent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	stream.Fail(ctx, errors.New("lost"))
	stream.SetCursor(ctx, "c1")
	if got := stream.ResumeFrom(ctx); got != "" {
		t.Errorf("ResumeFrom = %q, want none", got)
	}
}

type source struct{}

func (source) Next(func()) (*stream.Event, bool, error) { return nil, false, nil }
func (source) Close()                                   {}

func TestOffer(t *testing.T) {
	t.Parallel()
	if stream.Offer(context.Background(), source{}) {
		t.Error("taken outside a subscription")
	}
	ctx, sub := stream.WithSubscription(t.Context())
	if stream.Offer(ctx, source{}) || sub.Source() != nil {
		t.Error("taken by a transport that does not ask")
	}
	sub.Ask()
	if !stream.Offer(ctx, source{}) || sub.Source() != (source{}) {
		t.Error("not taken by a transport that asks")
	}
}
