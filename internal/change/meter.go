package change

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"farley/internal/db"
	"farley/internal/fault"
)

// Meter is told what the log and its hub do. Its functions return at once; those that are nil are not called.
type Meter struct {
	// Batch is told of each batch of the sequencer: how many rows got their positions, and how long that took.
	Batch func(rows int, took time.Duration, err error)
	// Delivered is told of each event of a group: how many members had it, and how long after the write.
	Delivered func(members int, delay time.Duration)
	// Ended is told of each subscription that did not end by its reader's wish.
	Ended func(code fault.Code)
	// Replay is told when a subscriber begins to read the log by himself, because he resumes or fell behind.
	Replay func()
}

func (m Meter) complete() Meter {
	if m.Batch == nil {
		m.Batch = func(int, time.Duration, error) {}
	}
	if m.Delivered == nil {
		m.Delivered = func(int, time.Duration) {}
	}
	if m.Ended == nil {
		m.Ended = func(fault.Code) {}
	}
	if m.Replay == nil {
		m.Replay = func() {}
	}
	return m
}

// Stats is the state of the log at an instant.
type Stats struct {
	// Waiting is how many committed rows have no position yet, 10,000 at most, and OldestWaiting for how long the first of
	// them has waited.
	Waiting       int64
	OldestWaiting time.Duration
	// Kept is how many positions the log holds, and OldestKept the age of the first.
	Kept       int64
	OldestKept time.Duration
}

// Stats reads the state of the log. What it reads does not grow with the log.
func (l *Log) Stats(ctx context.Context) (s Stats, err error) {
	err = l.read(ctx, func(q db.Querier) error {
		last, oldest, err := l.bounds(ctx, q)
		if err != nil {
			return err
		}
		s.Kept = last - oldest
		if s.OldestKept, _, err = l.age(ctx, q, "SELECT at, 1 FROM changes WHERE position > ? ORDER BY position LIMIT 1", oldest); err != nil {
			return err
		}
		if _, s.Waiting, err = l.age(ctx, q, "SELECT NULL, COUNT(*) FROM (SELECT 1 FROM changes WHERE position IS NULL LIMIT 10000) AS w"); err != nil || s.Waiting == 0 {
			return err
		}
		s.OldestWaiting, _, err = l.age(ctx, q, "SELECT at, 1 FROM changes WHERE seq = (SELECT MIN(seq) FROM (SELECT seq FROM changes WHERE position IS NULL LIMIT 10000) AS w)")
		return err
	})
	if err != nil {
		return Stats{}, fmt.Errorf("measure the change log: %w", err)
	}
	return s, nil
}

// age reads an instant, as the time since then, and a number.
func (l *Log) age(ctx context.Context, q db.Querier, query string, args ...any) (age time.Duration, n int64, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var at *time.Time
		if err := rows.Scan(&at, &n); err != nil {
			return 0, 0, err
		}
		if at != nil {
			age = max(0, l.clock.Now().Sub(*at))
		}
	}
	return age, n, rows.Err()
}

// HubStats is the state of a hub at an instant.
type HubStats struct {
	Groups  int // of subscribers who are told the same
	Members int // of groups
	Alone   int // subscribers who read the log by themselves
}

// Stats returns the state of the hub.
func (h *Hub) Stats() HubStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := HubStats{Groups: len(h.groups), Alone: len(h.loners.list())}
	for _, g := range h.groups {
		s.Members += len(g.list())
	}
	return s
}

// span begins a span of work in the background; nil when there are no traces.
func (l *Log) span(ctx context.Context, name string) (context.Context, trace.Span) {
	if l.tracer == nil {
		return ctx, nil
	}
	return l.tracer.Start(ctx, name)
}

func endSpan(span trace.Span, err error, attributes ...attribute.KeyValue) {
	if span == nil {
		return
	}
	span.SetAttributes(attributes...)
	if err != nil {
		span.SetStatus(codes.Error, string(fault.CodeOf(err))) // the code only: causes may repeat values
	}
	span.End()
}
